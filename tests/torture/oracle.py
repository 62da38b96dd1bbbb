"""A model whose every word says which question it answers and where in the answer it stands.

``q17k0 q17k1 … q17k9`` is the whole answer to question 17 of ten words, so any piece of it that is
on a screen can be told from any other, and what is missing or there twice shows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Self

from aiohttp import web

from bot.gateway.offline.answers import Question
from bot.gateway.offline.wires.base import Telling
from tests.simulators.gateway import FaultyGateway
from tests.simulators.gateway_answers import answered
from tests.simulators.gateway_faults import Script, Step, Stream

_ASKED = re.compile(r"question (\d+): (\d+) words, ([\d.]+) a second")
_SPOKEN = re.compile(r"q(\d+)k(\d+)\b")


def question(number: int, words: int, rate: float) -> str:
    """How people ask for an answer of so many words, so many of them a second."""
    return f"question {number}: {words} words, {rate:g} a second"


def answer(number: int, words: int) -> str:
    return " ".join(_word(number, place) for place in range(words))


def spoken(text: str) -> list[tuple[int, int]]:
    """The words of answers in a text: the question's number and the word's place."""
    return [(int(number), int(place)) for number, place in _SPOKEN.findall(text)]


class Oracle(FaultyGateway):
    """``asked`` counts how often each question came, by its number."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[int] = Counter()

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self

    async def reply(
        self, request: web.Request, wire: type[Telling], question: Question
    ) -> web.StreamResponse:
        found = _ASKED.search(str(question.messages[-1]["content"]))
        if found is None:
            return await super().reply(request, wire, question)
        number, words, rate = int(found[1]), int(found[2]), float(found[3])
        self.asked[number] += 1
        shape = self._take(request, Stream)
        return await answered(
            request,
            wire,
            question,
            Script(_steps(number, words, rate)),
            shape if isinstance(shape, Stream) else Stream(),
            self._cut,
        )


def _steps(number: int, words: int, rate: float) -> tuple[Step, ...]:
    """Words in handfuls, since nobody reads them one by one."""
    handful = max(1, round(rate / 20))
    said: list[Step] = []
    for first in range(0, words, handful):
        some = range(first, min(first + handful, words))
        said += [handful / rate, _spaced(number, some)]
    return tuple(said)


def _spaced(number: int, places: Sequence[int]) -> str:
    return "".join(f"{' ' if place else ''}{_word(number, place)}" for place in places)


def _word(number: int, place: int) -> str:
    return f"q{number}k{place}"
