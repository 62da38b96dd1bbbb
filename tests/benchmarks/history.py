"""What it costs to recall a channel's memory and make a prompt of it, in a channel with a hundred
turns and in one with a million: a turn is a question and its answer, so that is two million
messages.

Both are SQLite files of their own, and what is newest in them is the same, so that all that differs
is how much lies behind it. They are measured in turn, one call each, in one run.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time

from bot.interfaces import Store
from bot.prompt import HISTORY, compose
from bot.summaries import Memory, Summaries
from bot.types import Channel, Prompt, Request, Status, Turn, User
from storage import open_store, rows
from storage.rows import Value
from tests.benchmarks.measures import percentile
from tests.benchmarks.table import Row
from tests.fakes import FakeGateway

FEW, MANY, MANY_QUICK = HISTORY, 1_000_000, 100_000
ROUNDS = 2_500  # so many that a busy machine disturbs both alike
CONTEXT = 128_000
FACTOR = 1.3  # p95 with many turns to p95 with few

_CHANNEL = Channel("discord", "harbour", "general")
_PEOPLE = [User(f"{number}", f"Member {number}") for number in range(20)]
_INSERT = """
insert into turns (
    id, channel, platform, server, channel_id, thread, source, user_id, user_name, command, request,
    model, status, surface, started, due, seq, reply, finished
) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ANSWER = "An answer of some length says a little more than this. " * 10


async def measure(quick: bool) -> list[Row]:
    """The rows of this benchmark: milliseconds."""
    many = MANY_QUICK if quick else MANY
    with tempfile.TemporaryDirectory() as folder:
        urls = [f"sqlite:///{folder}/{count}.db" for count in (FEW, many)]
        for url, count in zip(urls, (FEW, many), strict=True):
            await _fill(url, count)
        async with open_store(urls[0]) as small, open_store(urls[1]) as large:
            few, lots = await _times([small, large])
    scenario = f"a channel's memory into a prompt · {FEW} turns beside {many:,}"
    p95, limit = (percentile(times, 0.95) * 1000 for times in (lots, few))
    middle, least = (percentile(times, 0.5) * 1000 for times in (lots, few))
    return [
        Row(f"{many:,} turns, p95", p95, "ms", FACTOR * limit, limit, scenario),
        Row(f"{many:,} turns, median", middle, "ms", None, least, scenario),
    ]


async def _fill(url: str, count: int) -> None:
    """A channel with so many turns and a summary of all but the newest."""
    async with open_store(url):
        pass
    await asyncio.to_thread(_insert, url.removeprefix("sqlite:///"), count)
    async with open_store(url) as store:
        newest = await store.history(_CHANNEL, HISTORY)
        assert await store.sum_up(newest[: HISTORY // 2], "They spoke of many things. " * 20)


def _insert(path: str, count: int) -> None:
    plain = sqlite3.connect(path, isolation_level=None)
    try:
        plain.execute("pragma synchronous = off")
        plain.execute("begin")
        plain.executemany(_INSERT, (_row(number, count) for number in range(count)))
        plain.execute("commit")
        plain.execute("pragma wal_checkpoint(truncate)")
    finally:
        plain.close()


def _row(number: int, count: int) -> tuple[Value, ...]:
    reply = _ANSWER if number >= count - HISTORY else "Yes."
    return (*rows.begun(_turn(number, count)), number + 1, reply, 1e9 + number)


def _turn(number: int, count: int) -> Turn:
    """Counted from the newest, so that it reads the same however many there are."""
    age = count - number
    words = f"What do you make of this, {age} questions before the last? " * (1 + age % 4)
    request = Request(_CHANNEL, _PEOPLE[age % len(_PEOPLE)], f"{number}", text=words)
    return Turn(f"{number:012}", request, status=Status.DONE, started=1e9 + number)


async def _times(stores: list[Store]) -> list[list[float]]:
    """The seconds that each call took, by store."""
    asked = Request(_CHANNEL, _PEOPLE[0], "now", text="And what now?")

    def prompts(memory: Memory) -> list[Prompt]:
        context = CONTEXT - memory.size
        return [memory.heads(compose("gpt-5", context, memory.turns, asked, asked.text))]

    memories = [Summaries(store, FakeGateway(lambda _: ())) for store in stores]
    times: list[list[float]] = [[] for _ in stores]
    told = set()
    for number in range(ROUNDS):
        for place in range(len(stores)) if number % 2 else reversed(range(len(stores))):
            begun = time.perf_counter()
            [prompt] = await memories[place].recall(asked, prompts)
            times[place].append(time.perf_counter() - begun)
            told.add(prompt)
    assert len(told) == 1, "the same is recalled from both"
    return times
