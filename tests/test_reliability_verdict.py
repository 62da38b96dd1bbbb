"""The judge of the torture: it must see what is broken, or its silence proves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.torture.kept import Kept
from tests.torture.oracle import answer
from tests.torture.places import Place, Shown
from tests.torture.verdict import Asked, Night, judge

TURN = Kept("f" * 32, "telegram:5:", "1", "done", answer(7, 4), "12", None, 4)
WHOLE = Shown("12", answer(7, 4), {"retry": "f" * 32}, "1", 10.0)
HALF = replace(WHOLE, text="q7k0 q7k1\n\n⚠️ This was interrupted.")
FAILED = replace(TURN, status="failed", reply=None)


class Screen(Place):
    """What somebody saw."""

    def __init__(self, platform: str, *shown: Shown) -> None:
        self.platform = platform
        self.key = f"{platform}:5:"
        self._shown = list(shown)

    async def ask(self, text: str) -> str:
        raise NotImplementedError

    def shown(self) -> list[Shown]:
        return self._shown


def night(
    turn: Kept | None, *shown: Shown, platform: str = "telegram", died: float = 99.0
) -> Night:
    asked = Asked(7, Screen(platform, *shown), "1", 9.0, 4)
    kept = [] if turn is None else [replace(turn, channel=f"{platform}:5:")]
    return Night([asked], kept, [(died, died + 1)], [])


@pytest.mark.parametrize(
    ("outcome", "turn", "shown"),
    [
        ("answered", TURN, [WHOLE]),
        ("marked", FAILED, [HALF]),
        ("told", FAILED, [replace(WHOLE, text="⚠️ I was away.")]),
    ],
)
def test_an_honest_outcome_is_recognised(outcome: str, turn: Kept, shown: list[Shown]) -> None:
    verdict = judge(night(turn, *shown))

    assert verdict.broken == []
    assert verdict.outcomes == {outcome: 1}


@pytest.mark.parametrize(
    ("fault", "turn", "shown"),
    [
        ("never written down", None, []),
        ("still due", replace(TURN, due=1.0), [WHOLE]),
        ("no outcome", FAILED, []),
        ("no outcome", FAILED, [replace(HALF, text="q7k0 q7k1")]),
        ("is there twice", TURN, [WHOLE, replace(WHOLE, id="13")]),
        ("is there twice", TURN, [replace(WHOLE, text="q7k0 q7k2 q7k3")]),
        ("Stop button", TURN, [replace(WHOLE, turns={"stop": "f" * 32})]),
        ("stands for ever", TURN, [WHOLE, replace(WHOLE, id="13", text="", thinking=True)]),
        ("waits on the screen", TURN, [WHOLE, replace(WHOLE, id="13", text="⏳ Waiting")]),
        ("two outcomes", TURN, [WHOLE, replace(WHOLE, id="13", text="⚠️ It failed.")]),
        ("two notices", FAILED, [HALF, replace(WHOLE, id="13", text="⚠️ It failed.")]),
        ("is remembered as", replace(TURN, reply="q7k0"), [WHOLE]),
        ("not counted", replace(TURN, reply_tokens=0), [WHOLE]),
        ("failed and is remembered", replace(TURN, status="failed"), [HALF]),
    ],
)
def test_a_broken_promise_is_seen(fault: str, turn: Kept | None, shown: list[Shown]) -> None:
    verdict = judge(night(turn, *shown))

    assert fault in "\n".join(verdict.broken)
    assert verdict.windows == 0


def test_an_answer_twice_is_excused_on_telegram_at_a_death_and_nowhere_else() -> None:
    unknown = replace(WHOLE, id="11")

    assert judge(night(TURN, unknown, WHOLE, died=10.2)).windows == 1
    assert judge(night(TURN, unknown, WHOLE, died=20.0)).broken
    assert judge(night(TURN, unknown, WHOLE, platform="discord", died=10.2)).broken


def test_a_question_that_nobody_heard_is_excused_on_discord_at_a_death_and_nowhere_else() -> None:
    assert judge(night(None, platform="discord", died=9.5)).outcomes == {"unheard": 1}
    assert judge(night(None, platform="discord", died=20.0)).broken
    assert judge(night(None, platform="telegram", died=9.5)).broken
