"""Who may call a platform now: one queue before all the limits that replies share.

Finals go first, then first frames, then edits; among equals, whoever was served longest ago. One
timer serves everybody who waits, so no two wake up for the same free call.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Sequence

from bot.pacing import Budget, Pacer, Rank, Wish


class Scheduler:
    """Built once for the whole bot; times are the running loop's."""

    def __init__(self) -> None:
        self._pacer = Pacer()
        self._waiting: dict[Wish, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._is_due = False

    async def admit(self, wish: Wish) -> None:
        """Return once the call may go out; it is counted then."""
        loop = asyncio.get_running_loop()
        wished = self._waiting[wish] = loop.create_future()
        self._serve_soon()
        try:
            await wished
        finally:
            self._waiting.pop(wish, None)

    def promote(self, wish: Wish) -> None:
        """What waits has become the end of a reply."""
        if wish.rank is not Rank.FINAL:
            wish.rank = Rank.FINAL
            if wish in self._waiting:
                self._serve_soon()

    def spare(self, budgets: Sequence[Budget]) -> bool:
        """Whether there is plenty of room for a call that nobody would miss; counts it if so."""
        wish = Wish(budgets, Rank.SIGN)
        served, _ = self._pacer.serve([wish], asyncio.get_running_loop().time())
        return bool(served)

    def spacing(self, budgets: Iterable[Budget], rank: Rank, span: float = 0.0) -> float:
        """See ``Pacer.spacing``."""
        return self._pacer.spacing(budgets, asyncio.get_running_loop().time(), rank, span)

    def hold(self, budgets: Iterable[Budget], seconds: float) -> None:
        """The platform said to wait: nothing that shares the narrowest budget goes out for so
        long."""
        self._pacer.hold(budgets, asyncio.get_running_loop().time() + seconds)

    def _serve_soon(self) -> None:
        """Once for everybody who has come by then."""
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        self._is_due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        loop = asyncio.get_running_loop()
        served, again = self._pacer.serve(self._waiting, loop.time())
        for wish in served:
            wished = self._waiting.pop(wish)
            if not wished.done():
                wished.set_result(None)
        if self._waiting and again < math.inf:
            self._timer = loop.call_at(again, self._serve)
