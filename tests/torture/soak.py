"""Hours of ordinary use: does anything grow, and is anything left behind?

Twice: an hour on a clock that jumps, for the core alone between fakes, where every task and every
object is seen; and minutes of the whole program, whose memory and open files are watched from
outside.
"""

from __future__ import annotations

import asyncio
import gc
import random
import statistics
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, replace

import psutil

from bot.commands import COMMANDS
from bot.config import LimitSettings
from bot.events import TextDelta
from bot.gateway.models import Models
from bot.switchboard import Switchboard
from bot.types import Channel, Turn, User
from tests import clock, programs
from tests.fakes import FakeGateway, FakeStore, FakeSurface, Step, request, says
from tests.torture.kills import Stage, end_well, stage, up

GROWTH = 0.05  # of memory after the warm-up
SLACK = 0.1  # megabytes that Python itself may keep
WARM = 0.3  # of the time
LOOK = 2.0  # seconds between two looks at the program


@dataclass(frozen=True, slots=True)
class Report:
    """``before`` and ``after`` are memory after the warm-up and in the end, in megabytes."""

    name: str
    answers: int
    before: float
    after: float
    left: Sequence[str]

    @property
    def growth(self) -> float:
        return self.after / self.before - 1

    @property
    def broken(self) -> list[str]:
        has_grown = self.after - self.before > max(GROWTH * self.before, SLACK)
        grown = [f"{self.name}: memory grew by {self.growth:.1%}"] if has_grown else []
        return [*grown, *self.left]

    def lines(self) -> list[str]:
        return [
            f"{self.name}: {self.answers} answers, memory {self.before:.2f} MB after the warm-up, "
            f"{self.after:.2f} MB in the end ({self.growth:+.1%}); left behind: {len(self.left)}"
        ]


class _ForgetfulStore(FakeStore):
    """Keeps no turn that has ended: a dictionary that grows would hide what else does."""

    async def finish(self, turn: Turn) -> None:
        await super().finish(turn)
        if turn.due is None:
            del self.turns[turn.request.channel.key, turn.request.source]


def virtual_hour(seconds: float = 3600.0, every: float = 1.0, seed: int = 1) -> Report:
    """The core between fakes, on a clock that jumps."""
    return clock.run(_virtual(seconds, every, random.Random(seed)))  # noqa: S311


async def _virtual(seconds: float, every: float, dice: random.Random) -> Report:
    loop = asyncio.get_running_loop()
    steps: list[Step] = says(*["word "] * 30, every=0.05)
    gateway = FakeGateway(lambda _: steps if dice.random() < 0.9 else [TextDelta("half "), 1.0])
    switchboard = Switchboard(
        _ForgetfulStore(), gateway, Models("gpt-5-mini", "nano-banana"), COMMANDS, LimitSettings()
    )
    answers: set[asyncio.Task[object]] = set()
    alone = len(asyncio.all_tasks())
    before, asked = 0.0, 0
    tracemalloc.start()
    try:
        while loop.time() < seconds:
            await asyncio.sleep(dice.expovariate(1 / every))
            number = dice.randrange(40)
            where = Channel("test", "harbour", f"channel-{number}")
            # Whose latest answer it was is known of so many; all of them come in the warm-up.
            who = User(f"{number}-{dice.randrange(2)}", "somebody")
            question = replace(request("hi", source=str(asked), user=who), channel=where)
            task = asyncio.ensure_future(switchboard.handle(question, FakeSurface()))
            answers.add(task)
            task.add_done_callback(answers.discard)
            asked += 1
            gateway.prompts.clear()
            if not before and loop.time() > WARM * seconds:
                before = await _traced(answers)
        after = await _traced(answers)
    finally:
        tracemalloc.stop()
    left = [f"task {task!r}" for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    left = left if len(asyncio.all_tasks()) > alone else []
    left += [f"{gateway.open} streams are open"] if gateway.open else []
    return Report(f"{seconds / 3600:.1f} h of the core", asked, before, after, left)


async def _traced(answers: set[asyncio.Task[object]]) -> float:
    """Megabytes in use while nothing goes on."""
    while answers:
        await asyncio.wait(answers)
    gc.collect()
    return tracemalloc.get_traced_memory()[0] / 2**20


async def real(minutes: float, seed: int = 1) -> Report:
    """The whole program between both platforms."""
    async with stage(seed, each=8) as town:
        async with programs.running("run", folder=town.folder, settings=town.settings) as bot:
            await up(town, bot)
            process = psutil.Process(bot.pid)
            memory, files = await _watched(town, process, minutes * 60)
            await end_well(town)
            await asyncio.sleep(LOOK)
            open_now = process.num_fds()
            await bot.stop()
        warm = memory[int(len(memory) * WARM) :]
        tenth = max(1, len(warm) // 5)
        # Connections that are kept warm come and go; what leaks, leaks without end.
        most = max(files[: len(files) // 2])
        left = [f"{open_now} open files, at most {most} before"] if open_now > most + 2 else []
        return Report(
            f"{minutes:g} min of the program",
            len(town.asked),
            statistics.median(warm[:tenth]),
            statistics.median(warm[-tenth:]),
            left,
        )


async def _watched(
    town: Stage, process: psutil.Process, seconds: float
) -> tuple[list[float], list[int]]:
    """Memory in megabytes and open files, again and again, while people ask."""
    loop = asyncio.get_running_loop()
    memory, files = list[float](), list[int]()
    asking = asyncio.create_task(town.ask_on(0.25))
    until = loop.time() + seconds
    try:
        while loop.time() < until and not asking.done():
            await asyncio.sleep(LOOK)
            memory.append(process.memory_info().rss / 2**20)
            files.append(process.num_fds())
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    return memory, files
