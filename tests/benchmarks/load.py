"""People ask, the bot answers, and figures come of it: one load, played and measured."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.renderer import MOST_PAGES
from tests.benchmarks.answers import Plan, words
from tests.benchmarks.limit import Ahead, Limit, Limits, Shared, best
from tests.benchmarks.measures import (
    View,
    all_text,
    differences,
    first_text,
    staleness,
    views,
)
from tests.benchmarks.model import Told
from tests.benchmarks.places import Message, Place
from tests.benchmarks.stage import Meter, Stage

LOOK = 0.05  # seconds between two looks at what is there
SETTLE = 0.4  # seconds after the last answer, for calls that nobody expects
_FENCE = re.compile(r"[ \t]*```\w*")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question on its way."""

    place: Place
    name: str
    plan: Plan
    at: float


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer as the model gave it and as people saw it. ``arrivals`` are when each of its words
    left the model; ``told`` is None for a question that never reached it."""

    asked: Asked
    messages: Sequence[Message]
    told: Told | None
    arrivals: Sequence[float]
    seen: Sequence[View]

    @property
    def to_request(self) -> float | None:
        return None if self.told is None else self.told.asked - self.asked.at

    @property
    def first(self) -> float | None:
        shown = first_text(self.seen)
        return None if shown is None else shown - self.arrivals[0]

    @property
    def final(self) -> float | None:
        """Seconds from the model's end until all of it was on the screen; None if it never was."""
        shown = all_text(self.seen, len(self.arrivals)) if self.arrivals else None
        return None if shown is None else shown - self.arrivals[-1]

    @property
    def behind(self) -> list[float]:
        return staleness(self.arrivals, self.seen) if self.arrivals else []

    @property
    def wrong(self) -> tuple[int, int]:
        """Characters that are missing and that are too many, at the end."""
        wanted, found = self.asked.plan.text, self._visible()
        if self.asked.place.fences_are_text and self.asked.plan.kind == "prose":
            return differences(wanted, found)
        if self.asked.plan.kind == "code":
            wanted, found = (_without_fences(text) for text in (wanted, found))
            return differences(wanted, found)
        return differences(" ".join(words(wanted)), " ".join(words(found)))

    @property
    def bare_lines(self) -> int:
        """Lines of the answer's code that stand outside of any code block."""
        wanted = set(self.asked.plan.text.split("\n"))
        outside = Counter[str]()
        for message in self.messages:
            outside.update(message.text.split("\n"))
            outside.subtract(message.code)
        return sum(outside[line] > 0 for line in wanted if line.strip() and "```" not in line)

    def _visible(self) -> str:
        """All messages joined; a file holds the whole answer."""
        file = next((message.file for message in self.messages if message.file), "")
        return file or "\n".join(message.text for message in self.messages)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a load gave. ``cpu`` is in seconds of the bot's process, memory in megabytes."""

    answers: Sequence[Answered]
    limit: Limit
    calls: int
    refused: int
    cpu: float
    idle: float
    peak: float
    after: float

    @property
    def tokens(self) -> int:
        return sum(answer.asked.plan.tokens for answer in self.answers)


@dataclass(frozen=True, slots=True)
class Load:
    """``plans`` are asked one after the other, ``apart`` seconds between them, each in its place;
    ``latency`` is the platform's, in seconds, and ``patience`` ends the wait for the last text."""

    plans: Sequence[Plan]
    places: Sequence[Place]
    apart: float = 0.0
    latency: float = 0.1
    patience: float = 30.0

    async def ask(self) -> list[Asked]:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        asked = []
        for number, plan in enumerate(self.plans):
            await asyncio.sleep(max(0.0, begun + number * self.apart - loop.time()))
            place = self.places[number % len(self.places)]
            at = loop.time()
            asked.append(Asked(place, await place.ask(number, plan.question), plan, at))
            await asyncio.sleep(0)  # the platform passes it on before the next one asks
        return asked

    async def wait(self, asked: Sequence[Asked], watch: Callable[[], None]) -> None:
        """Until every last word is there, or the time is up."""
        loop = asyncio.get_running_loop()
        longest = max(plan.pieces()[-1][0] for plan in self.plans)
        until = loop.time() + longest * self._in_one_line() + self.patience
        left = list(asked)
        while left and loop.time() < until:
            await asyncio.sleep(LOOK)
            watch()
            left = [one for one in left if not is_complete(one)]
        await asyncio.sleep(SETTLE)

    def _in_one_line(self) -> int:
        return -(-len(self.plans) // len(self.places))


def is_complete(asked: Asked) -> bool:
    last = asked.plan.last_word
    return any(
        last in message.text or last in message.file
        for message in reversed(asked.place.messages(asked.name))
    )


async def play(stage: Stage, meter: Meter, load: Load) -> Outcome:
    """Ask everything, wait for all of it, and measure."""
    await stage.model.prepare(load.plans)
    calls, cpu, idle = _calls(stage), meter.cpu(), meter.memory()
    peak = idle

    def watch() -> None:
        nonlocal peak
        peak = max(peak, meter.memory())

    asked = await load.ask()
    await load.wait(asked, watch)
    used, after = meter.cpu() - cpu, meter.memory()
    made = _calls(stage)
    told = await stage.model.told()
    answers = [_answered(one, told.get(one.plan.question)) for one in asked]
    if not any(answer.arrivals for answer in answers):
        raise RuntimeError("no question reached the model; the bot said:\n" + _end(meter.lines))
    return Outcome(
        answers=answers,
        limit=await asyncio.to_thread(_limit, answers, load.latency),
        calls=made[0] - calls[0],
        refused=made[1] - calls[1],
        cpu=used,
        idle=idle,
        peak=max(peak, after),
        after=after,
    )


def _end(lines: Sequence[str]) -> str:
    return "\n".join(lines[-30:])


def _answered(asked: Asked, told: Told | None) -> Answered:
    messages = asked.place.messages(asked.name)
    if told is None:
        return Answered(asked, messages, None, [], [])
    arrivals = []
    spoken: list[str] = []
    for time, (_, token) in zip(told.tokens, asked.plan.pieces(), strict=False):
        found = words(token)
        spoken += found
        arrivals += [time] * len(found)
    versions = [
        (time, number, shown)
        for number, message in enumerate(messages)
        for time, shown in message.versions
    ]
    seen = views(spoken, versions)
    for message in messages:
        if message.file and words(message.file) == spoken:
            seen.append((message.versions[-1][0], len(spoken)))
    return Answered(asked, messages, told, arrivals, seen)


def _limit(answers: Sequence[Answered], latency: float) -> Limit:
    heard = [answer for answer in answers if answer.arrivals]
    replies = [_ahead(answer) for answer in heard]

    def fresh() -> list[Limits]:
        shared = Shared()
        return [answer.asked.place.limits(shared) for answer in heard]

    return best(replies, fresh, latency)


def _ahead(answer: Answered) -> Ahead:
    full = full_messages(answer.asked)
    if len(full) < MOST_PAGES:
        return Ahead(answer.arrivals, full)
    return Ahead(answer.arrivals, full[: MOST_PAGES - 1], goes_on=True)


def full_messages(asked: Asked) -> list[int]:
    """The words on each message but the last, where every message is as full as it can be."""
    room = asked.place.page
    if asked.plan.kind == "code" and asked.place.fences_are_text:
        room -= len("```python\n" + "\n```")
    pages, used, held = [], 0, 0
    for _, token in asked.plan.pieces():
        if used + len(token.rstrip()) > room:
            pages.append(held)
            used = held = 0
        used += len(token)
        held += len(words(token))
    return pages


def _calls(stage: Stage) -> tuple[int, int]:
    """Sends and edits so far on both platforms, and how many calls of any kind got a 429."""
    made = refused = 0
    for _, method, path, status in stage.discord.calls:
        refused += status == 429
        made += method in ("POST", "PATCH") and (
            path.startswith("/webhooks/") or re.search(r"/messages(/|$)", path) is not None
        )
    for call in stage.telegram.calls:
        refused += call.status == 429
        made += call.method.startswith(("send", "edit")) and call.method != "sendChatAction"
    return made, refused


def _without_fences(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not _FENCE.fullmatch(line))
