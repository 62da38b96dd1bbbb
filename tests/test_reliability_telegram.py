"""The fault matrix, Telegram's rows: what a person sees, what history holds, what is charged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.torture.house import Outcome, all_at_once, house, outcome
from tests.torture.oracle import answer, question, spoken

AT_ONCE, SLOWLY = 2000.0, 12.0  # words a second
FEW, MANY = 3, 14  # words: few go out as one message that is final, many as one that grows
NOT_SHOWN = "The answer could not be shown"


@dataclass(frozen=True, slots=True)
class Cell:
    """``method`` goes wrong so often; ``copies`` are how many messages have the whole answer,
    ``notice`` is whether there is one, ``pieces`` how many messages hold a part of it."""

    method: str
    fault: Mapping[str, Any]
    times: int = 1
    words: int = FEW
    copies: int = 1
    pieces: int = 0
    notice: bool = False


SEND, EDIT, POLL = "sendMessage", "editMessageText", "getUpdates"
CELLS = {
    "send: 429": Cell(SEND, {"retry_after": 1}),
    "send: 5xx": Cell(SEND, {"status": 500}, times=2),
    "send: a web page with 502": Cell(SEND, {"status": 502}, times=2),
    "send: slow": Cell(SEND, {"delay": 0.8}),
    "send: reset before": Cell(SEND, {"reset": True}, copies=0, notice=True),
    "send: reset after": Cell(SEND, {"reset_after": True}, notice=True),
    "first frame: reset before": Cell(SEND, {"reset": True}, words=MANY),
    "first frame: reset after": Cell(SEND, {"reset_after": True}, words=MANY, pieces=1),
    "edit: 429": Cell(EDIT, {"retry_after": 1}, words=MANY),
    "edit: 5xx": Cell(EDIT, {"status": 500}, times=2, words=MANY),
    "edit: reset before": Cell(EDIT, {"reset": True}, times=2, words=MANY),
    "edit: reset after": Cell(EDIT, {"reset_after": True}, times=2, words=MANY),
    "edit: slow": Cell(EDIT, {"delay": 0.5}, times=2, words=MANY),
    "polling: 409": Cell(POLL, {"status": 409}, times=2),
    "polling: 429": Cell(POLL, {"retry_after": 1}),
    "polling: 5xx": Cell(POLL, {"status": 502}, times=2),
    "polling: reset before": Cell(POLL, {"reset": True}, times=2),
    "polling: reset after": Cell(POLL, {"reset_after": True}, times=2),
}


async def play(cell: Cell) -> Outcome:
    async with house() as place:
        place.telegram.fail(cell.method, times=cell.times, **cell.fault)
        rate = AT_ONCE if cell.words == FEW else SLOWLY
        source = await place.ask(question(1, cell.words, rate))
        await place.ended(source)
        return outcome(place, source)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return all_at_once(CELLS, play)


@pytest.mark.parametrize("name", CELLS)
def test_telegram(name: str, outcomes: dict[str, Outcome]) -> None:
    cell, came = CELLS[name], outcomes[name]

    whole = [(1, number) for number in range(cell.words)]
    assert sum(spoken(text) == whole for text in came.texts) == cell.copies, came
    assert sum(0 < len(spoken(text)) < cell.words for text in came.texts) == cell.pieces, came
    assert any(NOT_SHOWN in text for text in came.texts) is cell.notice
    assert came.turn is not None
    assert came.turn.reply == (None if cell.notice else answer(1, cell.words))
    assert came.turn.reply_tokens > 0
    assert came.asked == 1


async def test_the_same_update_twice_and_after_a_gap_in_their_numbers_is_answered_once() -> None:
    async with house() as place:
        source = await place.ask(question(1, 5, AT_ONCE))
        await place.ended(source)
        place.telegram.redeliver(int(source))
        place.telegram._updates._next_id -= 500_000_000  # as after a quiet week
        again = await place.ask(question(2, 5, AT_ONCE))
        await place.ended(again)
        await asyncio.sleep(0)

        assert place.gateway.asked == {1: 1, 2: 1}
        assert [len(spoken(seen.text)) for seen in place.replies()] == [5, 5]
