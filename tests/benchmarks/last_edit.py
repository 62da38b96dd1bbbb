"""The last edit of a reply meets a fault, on every kind of place: is the text exact, and there
once?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.benchmarks.answers import Plan
from tests.benchmarks.figures import exactness
from tests.benchmarks.load import Load, Outcome, play
from tests.benchmarks.places import Mention, Place, Private, Slash
from tests.benchmarks.stage import Meter, Stage
from tests.benchmarks.table import Row

FAULTS = ("429", "500", "reset", "reset after", "deleted")
KINDS: tuple[type[Place], ...] = (Slash, Mention, Private)
PAUSE = 2.6  # seconds before the last words, in which everything before them is shown
_PATIENCE = 12.0


async def measure(stage: Stage, curtain: asyncio.Barrier) -> list[Row]:
    """Platforms are asked one after the other for each fault, as some faults are not for one place
    only; the platforms beside each other."""
    places = {kind: [kind(stage, fault, 1) for fault in FAULTS] for kind in KINDS}
    outcomes: dict[tuple[str, str], Outcome] = {}
    async with stage.open() as meter:
        await curtain.wait()

        async def suffer(kind: type[Place]) -> None:
            for at, (fault, place) in enumerate(zip(FAULTS, places[kind], strict=True)):
                plan = Plan(900 + 10 * at + KINDS.index(kind), 25, pause=PAUSE)
                outcomes[kind.__name__, fault] = await _one(stage, meter, place, plan, fault)

        await asyncio.gather(*map(suffer, KINDS))
    return [row for fault in FAULTS for row in _rows(fault, outcomes)]


async def _one(stage: Stage, meter: Meter, place: Place, plan: Plan, fault: str) -> Outcome:
    """Ask, wait until all but the last words is there, and let the next edit fail."""

    async def interfere() -> None:
        before_last = plan.pieces()[-4][0]
        await asyncio.sleep(before_last + PAUSE - 0.4)
        if fault == "deleted":
            place.delete(place.newest())
        else:
            place.break_next_edit(fault)

    load = Load([plan], [place], latency=0.0, patience=_PATIENCE)
    outcome, _ = await asyncio.gather(play(stage, meter, load), interfere())
    return outcome


def _rows(fault: str, outcomes: dict[tuple[str, str], Outcome]) -> Sequence[Row]:
    mine = [outcomes[kind.__name__, fault] for kind in KINDS]
    answers = [answer for outcome in mine for answer in outcome.answers]
    inexact, *_ = exactness(answers)
    copies = sum(len(answer.messages) != 1 for answer in answers)
    scenario = "last edit of a reply meets a fault · Discord (both ways) and Telegram"
    finals = [answer.final for answer in answers]
    slowest = max(float("inf") if final is None else final for final in finals)
    return [
        Row(f"{fault}: replies that are not exact", inexact.value, "", 0, 0, scenario),
        Row(f"{fault}: replies not there exactly once", copies, "", 0, 0, scenario),
        Row(f"{fault}: final", slowest * 1000, "ms", None, 0, scenario),
    ]
