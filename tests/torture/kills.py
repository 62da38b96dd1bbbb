"""The program is killed again and again under load, at any moment of its life, while both platforms
and the gateway misbehave; then all is given time to end, and every request is judged."""

from __future__ import annotations

import asyncio
import math
import random
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import programs
from tests.simulators.discord import DiscordSimulator
from tests.simulators.telegram import TelegramSimulator
from tests.torture import kept
from tests.torture.oracle import Oracle, question
from tests.torture.places import Place, some_of_each
from tests.torture.trouble import LONGEST, Trouble
from tests.torture.verdict import Asked, Night, Verdict, judge

QUIET = 180.0  # seconds that everything may take to end
DATABASE = "torture.db"
POPULAR = 0.4  # of all questions are asked in three places
_EARLY = 0.3  # of all kills come before the program has done anything, or while it recovers


@dataclass(slots=True)
class Report:
    """What the play came to. ``lost`` are turns that were written down and are no more."""

    kills: int = 0
    early: int = 0
    faults: int = 0
    answers_asked: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    lost: list[str] = field(default_factory=list)
    unsound: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def broken(self) -> list[str]:
        return [*self.verdict.broken, *self.lost, *self.unsound, *self.tracebacks]

    @property
    def requests(self) -> int:
        return sum(self.verdict.outcomes.values()) + len(self.verdict.broken)

    def lines(self) -> list[str]:
        """The figures, for people."""
        outcomes = ", ".join(
            f"{number} {name}" for name, number in sorted(self.verdict.outcomes.items())
        )
        return [
            f"{self.kills} kills ({self.early} of them in the first second of a start), "
            f"{self.faults} faults, {self.requests} requests in {self.seconds:.0f} s",
            f"outcomes: {outcomes}",
            f"the model was asked {self.answers_asked} times",
            f"in the documented window: {self.verdict.windows}",
            f"without exactly one outcome: {len(self.verdict.broken)}; lost turns: "
            f"{len(self.lost)}; faults of the database: {len(self.unsound)}; "
            f"tracebacks: {len(self.tracebacks)}",
        ]


@dataclass(slots=True)
class Stage:
    discord: DiscordSimulator
    telegram: TelegramSimulator
    gateway: Oracle
    folder: Path
    places: list[Place]
    dice: random.Random
    asked: list[Asked] = field(default_factory=list)
    deaths: list[tuple[float, float]] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    @property
    def settings(self) -> dict[str, str]:
        return {
            "DISCORD_TOKEN": self.discord.token,
            "DISCORD_API_URL": self.discord.api_url,
            "TELEGRAM_TOKEN": self.telegram.token,
            "TELEGRAM_API_URL": self.telegram.api_url,
            "GATEWAY_API_KEY": "sk-torture",
            "GATEWAY_BASE_URL": self.gateway.url,
            "GATEWAY_WIRE": "chat_completions",
            "STORAGE_URL": f"sqlite:///{self.database}",
        }

    async def ask_on(self, every: float) -> None:
        """Ask in one place after the other, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self.dice.expovariate(1 / every))
            number, somewhere = len(self.asked), self.places
            if self.dice.random() < POPULAR:  # where there is a line before the bot
                somewhere = self.places[:3]
            place = self.dice.choice(somewhere)
            words = 300 if self.dice.random() < 0.1 else self.dice.randint(3, 60)
            rate = 150.0 if words == 300 else self.dice.choice((20.0, 60.0, 200.0))
            at = loop.time()
            source = await place.ask(question(number, words, rate))
            self.asked.append(Asked(number, place, source, at, words))

    def night(self) -> Night:
        cuts = [
            call.time
            for call in self.telegram.calls
            if call.method.startswith("send") and call.status == 0
        ]
        return Night(self.asked, kept.turns(self.database), self.deaths, cuts)


@asynccontextmanager
async def stage(seed: int, each: int) -> AsyncIterator[Stage]:
    """Both platforms with so many places of each kind, and the model."""
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordSimulator(identify_every=0.0))
        telegram = await stack.enter_async_context(TelegramSimulator())
        gateway = await stack.enter_async_context(Oracle())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        places = list(some_of_each(discord, telegram, each))
        yield Stage(discord, telegram, gateway, folder, places, random.Random(seed))  # noqa: S311


async def play(kills: int, seed: int, *, each: int = 8, every: float = 0.25) -> Report:
    """Kill so many times; ``each`` places of four kinds, where somebody asks ``every`` so many
    seconds."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    report = Report()
    async with stage(seed, each) as town:
        town.deaths.append((begun, math.inf))
        trouble = Trouble(town.discord, town.telegram, town.gateway, town.dice)
        beside = [
            asyncio.create_task(town.ask_on(every)),
            asyncio.create_task(trouble.make()),
        ]
        seen: set[str] = set()
        try:
            for _ in range(kills):
                await _live_and_die(town, report)
                if ended := [task for task in beside if task.done()]:
                    ended[0].result()  # nobody asks any more: then this proves nothing
                seen |= {turn.id for turn in kept.turns(town.database)}
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        town.telegram.heal()
        town.gateway.heal()
        await _last_life(town, report)
        now = {turn.id for turn in kept.turns(town.database)}
        report.lost = [f"turn {one} was written down and is gone" for one in seen - now]
        report.verdict = judge(town.night())
        report.faults = trouble.made
        report.answers_asked = town.gateway.asked.total()
        report.unsound += await _checked(town)
    report.seconds = loop.time() - begun
    return report


async def _live_and_die(town: Stage, report: Report) -> None:
    """One life: begun on what the one before has left, ended at any moment."""
    loop = asyncio.get_running_loop()
    is_early = town.dice.random() < _EARLY
    async with programs.running("run", folder=town.folder, settings=town.settings) as bot:
        if is_early:
            await asyncio.sleep(town.dice.uniform(0.05, 1.2))
        else:
            await up(town, bot)
            await asyncio.sleep(town.dice.uniform(0.0, 3.0))
        died = loop.time()
        await bot.stop(signal.SIGKILL)
    report.kills += 1
    report.early += is_early
    report.tracebacks += [line for line in bot.lines if "Traceback" in line]
    # Nobody is there to hear until the next life is up, which closes the interval.
    if town.deaths and town.deaths[-1][1] == math.inf:
        town.deaths[-1] = (town.deaths[-1][0], died)
    town.deaths.append((died, math.inf))


async def up(town: Stage, bot: programs.Running) -> None:
    """Until the bot is heard on both platforms."""
    await bot.wait_for("logged in as switchboard")
    await bot.wait_for(f"logged in as @{town.telegram.bot_username}")
    if town.deaths and town.deaths[-1][1] == math.inf:
        now = asyncio.get_running_loop().time()
        town.deaths[-1] = (town.deaths[-1][0], now)


async def _last_life(town: Stage, report: Report) -> None:
    """No more trouble, and all the time that it needs."""
    async with programs.running("run", folder=town.folder, settings=town.settings) as bot:
        await up(town, bot)
        await end_well(town)
        if await bot.stop() != 0:
            report.unsound.append("the program did not stop cleanly")
    report.tracebacks += [line for line in bot.lines if "Traceback" in line]


async def end_well(town: Stage) -> None:
    """Until nothing is due any more, or the patience is at its end."""
    loop = asyncio.get_running_loop()
    until = loop.time() + QUIET
    calm = 0
    while calm < 4 and loop.time() < until:
        await asyncio.sleep(0.5)
        busy = any(turn.due is not None for turn in kept.turns(town.database))
        calm = 0 if busy else calm + 1
    await asyncio.sleep(2 * LONGEST)


async def _checked(town: Stage) -> list[str]:
    """What ``switchboard check`` finds."""
    outcome = await programs.run("check", folder=town.folder, settings=town.settings)
    return [] if outcome.status == 0 else [outcome.output + outcome.errors]
