"""A thousand requests in about a second, in two hundred places at once: does every one end well,
and is the loop ever held up?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.answers import Plan
from tests.benchmarks.load import Asked, Load, is_complete
from tests.benchmarks.places import Mention, Place, Private, Slash
from tests.benchmarks.probe import probing
from tests.benchmarks.stage import Stage, stage

REQUESTS, PLACES = 1_000, 200
TOKENS, RATE = 20, 40.0
PATIENCE = 150.0  # seconds; the platforms' limits alone take most of a minute for so many


@dataclass(frozen=True, slots=True)
class Report:
    """Times in seconds, memory in megabytes."""

    asked: int
    asking: float
    answered: int
    seconds: float
    longest_wait: float
    idle: float
    peak: float
    unanswered: Sequence[str]

    @property
    def broken(self) -> Sequence[str]:
        return self.unanswered

    def lines(self) -> list[str]:
        return [
            f"{self.asked} requests in {self.asking:.1f} s to {PLACES} places: {self.answered} "
            f"answered in full within {self.seconds:.0f} s",
            f"longest wait for a sign of life: {self.longest_wait * 1000:.0f} ms; memory "
            f"{self.idle:.0f} MB idle, {self.peak:.0f} MB at most",
        ]


async def play() -> Report:
    loop = asyncio.get_running_loop()
    async with stage() as here:
        plans = [Plan(number, TOKENS, rate=RATE) for number in range(REQUESTS)]
        places = _places(here)
        load = Load(plans, places, apart=1 / REQUESTS, patience=PATIENCE)
        async with here.open() as meter, probing(meter.page) as waits:
            await here.model.prepare(plans)
            idle = peak = meter.memory()

            def watch() -> None:
                nonlocal peak
                peak = max(peak, meter.memory())

            begun = loop.time()
            asked = await load.ask()
            asking = loop.time() - begun
            await load.wait(asked, watch)
            seconds = loop.time() - begun
        unanswered = [
            f"{one.plan.question} in {one.place.__class__.__name__} was not answered"
            for one in asked
            if not (is_complete(one) or _is_beside(one))
        ]
        answered = len(asked) - len(unanswered)
        return Report(len(asked), asking, answered, seconds, waits[0], idle, peak, unanswered)


def _is_beside(asked: Asked) -> bool:
    """Whether an interaction that Discord had given up was answered in its channel all the same."""
    place = asked.place
    return isinstance(place, Slash) and any(
        asked.plan.last_word in seen.content for seen in place.stage.discord.messages(place.channel)
    )


def _places(here: Stage) -> list[Place]:
    kinds: Sequence[type[Place]] = (Slash, Mention, Private)
    return [kinds[number % 3](here, f"place-{number}", 1) for number in range(PLACES)]
