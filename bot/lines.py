"""Who is answered when: one line per channel, first come, first served, and so many answers at once
in the whole bot.

Only the head of a line competes with other channels, and they are served in the order in which they
came: a channel where many ask takes no more of the bot than one where few do.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress

from bot.config import LimitSettings
from bot.errors import Busy, SurfaceError
from bot.interfaces import Surface
from bot.policy import check_load
from bot.renderer import LONGEST_PENALTY
from bot.scheduler import Scheduler
from bot.types import Page, User

log = logging.getLogger("switchboard.lines")

TOLD_AFTER = 0.8  # seconds that somebody waits before they are told
LOOK_AGAIN = 1.0  # seconds until the next try, where something more urgent wanted the platform


class Lines:
    """Every line that somebody stands in."""

    def __init__(self, scheduler: Scheduler, limits: LimitSettings) -> None:
        self._scheduler = scheduler
        self._limits = limits
        self._lines: dict[str, deque[asyncio.Event]] = {}
        self._people: Counter[str] = Counter()
        self._free = asyncio.Semaphore(limits.answers)

    def is_crowded(self, key: str) -> bool:
        """Whether somebody waits in the line."""
        return len(self._lines.get(key, ())) > 1

    @asynccontextmanager
    async def place(
        self, key: str, user: User, surface: Surface, told: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """Wait for the head of the line and for the bot to have a hand free. Whoever waits is told
        so, and ``told`` is awaited then. Raises Refused where too many do."""
        person = f"{key.partition(':')[0]}:{user.id}"
        check_load(
            self._limits,
            channel=len(self._lines.get(key, ())) - 1,
            user=self._people[person],
            everyone=self._people.total(),
        )
        line = self._lines.setdefault(key, deque())
        place = asyncio.Event()
        line.append(place)
        line[0].set()
        self._people[person] += 1
        try:
            if not place.is_set():
                async with self._telling(surface, lambda: _behind(line.index(place)), told):
                    await place.wait()
            is_busy = self._free.locked()
            async with AsyncExitStack() as hand:
                async with self._telling(surface, lambda: BUSY, told) if is_busy else nullcontext():
                    await self._free.acquire()
                    hand.callback(self._free.release)
                yield
        finally:
            self._people[person] -= 1
            self._people += Counter()  # lets go of those at nought
            line.remove(place)
            if line:
                line[0].set()
            elif self._lines.get(key) is line:
                del self._lines[key]

    @asynccontextmanager
    async def _telling(
        self, surface: Surface, notice: Callable[[], str], told: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """Say that an answer waits, if that takes a while."""
        done = asyncio.Event()
        telling = asyncio.create_task(self._tell(done, surface, notice, told))
        try:
            yield
        finally:
            # A notice on its way arrives before the answer begins, or it would come after it.
            done.set()
            await asyncio.gather(telling, return_exceptions=True)

    async def _tell(
        self,
        done: asyncio.Event,
        surface: Surface,
        notice: Callable[[], str],
        told: Callable[[], Awaitable[None]],
    ) -> None:
        pause = TOLD_AFTER
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await done.wait()
                    return
            limits = surface.capabilities.limits(send=True)
            if self._scheduler.spare(limits):
                break
            pause = LOOK_AGAIN
        try:
            await surface.show(Page(0, notice()))
        except SurfaceError as error:
            log.info("could not say that an answer waits: %s", error)
            if isinstance(error, Busy) and error.retry_after <= LONGEST_PENALTY:
                self._scheduler.hold(limits, error.retry_after)
        else:
            await told()


BUSY = "⏳ *Many are asking at the moment; your answer comes next …*"


def _behind(ahead: int) -> str:
    before = "one answer" if ahead == 1 else f"{ahead} answers"
    return f"⏳ *Waiting for {before} in this channel …*"
