"""The fault matrix, the gateway's rows: what a person sees, what history holds, what is charged."""

from __future__ import annotations

import math
import socket
from dataclasses import dataclass

import pytest

from tests.simulators.gateway_faults import Answer, Break, Reset, Slow, Stream
from tests.torture.house import Outcome, all_at_once, house, outcome
from tests.torture.oracle import answer, question, spoken

WORDS = 12
HTML = b"<!doctype html><title>Portal</title>"
NOISE = Answer(200, b"\xff\x00 nobody knows", "text/event-stream")


@dataclass(frozen=True, slots=True)
class Cell:
    """``seen`` is what is on the screen under the words of the answer; ``words`` how many of them
    there are; ``asked`` how often the gateway got the question. ``times`` None: it lasts."""

    fault: Answer | Reset | Slow | Stream | None
    times: int | None = 1
    words: int = WORDS
    seen: str = ""
    asked: int = 1
    status: str = "done"


CELLS = {
    "refused": Cell(None, None, 0, "cannot be reached", 0, "failed"),
    "reset before, once": Cell(Reset(), 1, asked=1),
    "reset before, always": Cell(Reset(), None, 0, "cannot be reached", 0, "failed"),
    "reset after half an answer": Cell(
        Stream(break_after=2, breaks=Break.RESET), 1, 2, "broke off", 1, "failed"
    ),
    "slow": Cell(Slow(0.4)),
    "silent before": Cell(Slow(math.inf), None, 0, "went silent for too long", 0, "failed"),
    "silent after half an answer": Cell(
        Stream(break_after=2, breaks=Break.SILENCE), 1, 2, "went silent for too long", 1, "failed"
    ),
    "429, once": Cell(Answer.error(429, "slow down")),
    "429, always": Cell(Answer.error(429, "slow down"), None, 0, "too many requests", 0, "failed"),
    "5xx, once": Cell(Answer.error(503, "overloaded")),
    "5xx, always": Cell(Answer.error(503, "overloaded"), None, 0, "cannot be reached", 0, "failed"),
    "garbage": Cell(
        Answer(200, b"\xff\x00 nobody knows", "text/event-stream"),
        None,
        0,
        "broke off",
        0,
        "failed",
    ),
    "a web page": Cell(Answer(200, HTML, "text/html"), None, 0, "no model gateway", 0, "failed"),
    "half an answer without an end": Cell(
        Stream(break_after=2, breaks=Break.END), 1, 2, "broke off", 1, "failed"
    ),
    "an error after half an answer": Cell(
        Stream(break_after=2, breaks=Break.ERROR), 1, 2, "⚠️", 1, "failed"
    ),
}


async def play(cell: Cell) -> Outcome:
    base_url = _nobody_there() if cell.fault is None else ""
    async with house(base_url=base_url) as place:
        if cell.fault is not None:
            place.gateway.inject(cell.fault, path="/v1/chat/completions", times=cell.times)
        source = await place.ask(question(1, WORDS, 20))
        await place.ended(source)
        return outcome(place, source)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return all_at_once(CELLS, play)


@pytest.mark.parametrize("name", CELLS)
def test_the_gateway(name: str, outcomes: dict[str, Outcome]) -> None:
    cell, came = CELLS[name], outcomes[name]

    [text], [buttons], turn = came.texts, came.buttons, came.turn
    assert spoken(text) == [(1, number) for number in range(cell.words)]
    assert cell.seen in text
    assert ("⚠️" in text) is (cell.status == "failed")
    assert "Retry" in buttons
    assert "Stop" not in buttons
    assert turn is not None
    assert turn.status == cell.status
    assert turn.reply == (answer(1, WORDS) if cell.status == "done" else None)
    assert (turn.reply_tokens > 0) is (cell.status == "done")
    assert came.asked == cell.asked


async def test_what_failed_is_no_part_of_the_next_question() -> None:
    async with house() as place:
        place.gateway.inject(Stream(break_after=2), path="/v1/chat/completions", times=1)
        await place.ended(await place.ask(question(1, WORDS, 20)))
        await place.ended(await place.ask(question(2, WORDS, 20)))

        bodies = [one.body for one in place.gateway.received("/v1/chat/completions")]
        assert "q1k0" not in str(bodies[-1])
        assert "question 1" not in str(bodies[-1])


def _nobody_there() -> str:
    """An address of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
