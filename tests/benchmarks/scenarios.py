"""The scenarios of streaming, each on a stage of its own: what is asked where, and what it should
come to.

Unless a scenario says otherwise the model takes 0.3 s to its first token and says 150 to 200 tokens
at 50 a second, and every call of a platform takes 0.1 s until it shows.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from bot.renderer import MOST_PAGES
from tests.benchmarks import bare, figures, last_edit
from tests.benchmarks.answers import Plan
from tests.benchmarks.figures import Goals
from tests.benchmarks.load import Load, full_messages, play
from tests.benchmarks.model import model
from tests.benchmarks.places import Group, Mention, Place, Private, Slash
from tests.benchmarks.probe import probing
from tests.benchmarks.stage import Meter, Stage, stage
from tests.benchmarks.table import Row

Kind = type[Place]

LATENCY = 0.1  # seconds
ALONE_EVERY = 0.4  # seconds between two questions where each is alone in its channel
UNLIMITED = 100_000  # calls a second

_NAMES = {
    Slash: "Discord, slash command",
    Mention: "Discord, mention",
    Private: "Telegram, private chat",
    Group: "Telegram, group",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """How a scenario is played. Nobody begins before everyone who is to play beside it is ready:
    that is the ``curtain``."""

    quick: bool
    curtain: asyncio.Barrier


def _plans(count: int, seed: int) -> list[Plan]:
    """Ordinary answers, each of its own length."""
    dice = random.Random(seed)  # noqa: S311
    return [Plan(seed + number, dice.randint(150, 200)) for number in range(count)]


@asynccontextmanager
async def _opened(
    setting: Setting, kind: Kind, count: int, people: int = 1, *, freely: bool = False
) -> AsyncIterator[tuple[Stage, Meter, list[Place]]]:
    """A stage with so many places and a bot that is warm: it has answered a short question in a
    place of each kind."""
    async with stage() as here:
        if freely:
            here.telegram.limits.overall = UNLIMITED
        places = [kind(here, f"place-{number}", people) for number in range(count)]
        kinds: tuple[Kind, ...] = (Slash, Mention, Private)
        warm = [one(here, f"warm-{number}", 1) for number, one in enumerate(kinds)]
        async with here.open(LATENCY) as meter:
            await play(here, meter, Load([Plan(number, 5) for number in range(3)], warm))
            await setting.curtain.wait()
            yield here, meter, places


async def alone(setting: Setting) -> list[Row]:
    """Single replies, each in a channel of its own, a few seconds long and a little apart."""
    plans = _plans(6 if setting.quick else 12, 100)
    async with model() as server:
        await server.prepare(plans)
        least = await bare.cost(server.url, plans, ALONE_EVERY)
    kinds: tuple[Kind, ...] = (Slash, Mention, Private)
    return [row for kind in kinds for row in await _alone(kind, setting, plans, least)]


async def _alone(kind: Kind, setting: Setting, plans: Sequence[Plan], least: float) -> list[Row]:
    """``least`` are the CPU seconds that reading the answers takes anybody."""
    name = f"one reply · {_NAMES[kind]}"
    async with _opened(setting, kind, len(plans) + 4) as (here, meter, places):
        short = Load([Plan(10 + at, 8) for at in range(4)], places[-4:], apart=0.8)
        lonely = await play(here, meter, short)
        outcome = await play(here, meter, Load(plans, places, apart=ALONE_EVERY))
    asked = [answer.to_request or math.inf for answer in lonely.answers]
    share = 150 / outcome.tokens
    cost, least = outcome.cpu * share * 1000, least * share * 1000
    return [
        Row("message → request leaves, quite alone, max", max(asked) * 1000, "ms", 10.0, 0, name),
        *figures.rows(name, outcome, Goals(first=0.25)),
        Row("CPU per 150-token reply", cost, "ms", min(20.0, 3 * least), least, name),
    ]


async def long(kind: Kind, setting: Setting) -> list[Row]:
    """One long answer that comes fast."""
    plan = Plan(300, 400 if setting.quick else 1500, rate=100.0)
    name = f"{plan.tokens:,} tokens at 100/s · {_NAMES[kind]}"
    async with _opened(setting, kind, 1) as (here, meter, places):
        outcome = await play(here, meter, Load([plan], places))
    return figures.rows(name, outcome, Goals())


async def code(kind: Kind, setting: Setting) -> list[Row]:
    """One long block of code."""
    plan = Plan(400, 200 if setting.quick else 600, "code", rate=100.0)
    name = f"{plan.tokens} lines of code at 100/s · {_NAMES[kind]}"
    async with _opened(setting, kind, 1) as (here, meter, places):
        outcome = await play(here, meter, Load([plan], places))
    fewest = min(len(full_messages(outcome.answers[0].asked)) + 1, MOST_PAGES)
    return [*figures.rows(name, outcome, Goals()), *figures.code(name, outcome, fewest)]


async def crowd(kind: Kind, setting: Setting) -> list[Row]:
    """Six people ask in one place at once; the answers come one after the other."""
    people = 3 if setting.quick else 6
    name = f"{people} people at once in one place · {_NAMES[kind]}"
    async with _opened(setting, kind, 1, people) as (here, meter, places):
        outcome = await play(here, meter, Load(_plans(people, 500), places))
    return figures.rows(name, outcome, Goals())


async def many(kind: Kind, setting: Setting, *, freely: bool = False) -> list[Row]:
    """A question in each of 200 places at once. ``freely`` lifts Telegram's 30 calls a second for
    the whole bot, of which the other limits say nothing."""
    count = 40 if setting.quick else 200
    name = f"{count} places at once · {_NAMES[kind]}"
    name += ", no limit for the whole bot" if freely else ""
    async with (
        _opened(setting, kind, count, freely=freely) as (here, meter, places),
        probing(meter.page) as waits,
    ):
        outcome = await play(here, meter, Load(_plans(count, 1000), places, patience=40.0))
    first = None if kind is Mention else 1.2
    final = 0.15 if kind is Mention else 0.3
    per_answer = (outcome.peak - outcome.idle) / count * 1024
    return [
        *figures.rows(name, outcome, Goals(request=0.3, first=first, final=final)),
        Row("longest wait for a sign of life", waits[0] * 1000, "ms", 50.0, 0, name),
        Row(f"memory after {count} replies", outcome.after, "MB", 120.0, 0, name),
        Row("memory per running answer", per_answer, "KB", 60.0, 0, name),
    ]


async def faults(setting: Setting) -> list[Row]:
    """The last edit of a reply meets a fault."""
    async with stage() as here:
        return await last_edit.measure(here, setting.curtain)


Scenario = Callable[[Setting], Awaitable[list[Row]]]

SCENARIOS: dict[str, tuple[Scenario, ...]] = {
    "alone": (alone,),
    "long": tuple(partial(long, kind) for kind in (Slash, Mention, Private)),
    "code": tuple(partial(code, kind) for kind in (Slash, Mention, Private)),
    "crowd": tuple(partial(crowd, kind) for kind in (Slash, Mention, Group)),
    "faults": (faults,),
    "many": (
        *(partial(many, kind) for kind in (Slash, Mention, Private)),
        partial(many, Private, freely=True),
    ),
}
"""Name on the command line → what is played for it."""

BESIDE = ("long", "code", "crowd", "faults")
"""These use so little of the machine that they are played at the same time, each with a bot and
platforms of its own."""


async def measure(names: Sequence[str], quick: bool) -> list[Row]:
    """The rows of these scenarios, in their order."""
    beside = [(name, one) for name in names if name in BESIDE for one in SCENARIOS[name]]
    found: dict[str, list[Row]] = {name: [] for name in names}
    setting = Setting(quick, asyncio.Barrier(len(beside) or 1))
    async with asyncio.TaskGroup() as tasks:
        played = [(name, tasks.create_task(_play(one, setting))) for name, one in beside]
    for name, task in played:
        found[name] += task.result()
    for name in names:
        if name not in BESIDE:
            for one in SCENARIOS[name]:
                found[name] += await one(Setting(quick, asyncio.Barrier(1)))
    return [row for rows in found.values() for row in rows]


async def _play(scenario: Scenario, setting: Setting) -> list[Row]:
    return await scenario(setting)
