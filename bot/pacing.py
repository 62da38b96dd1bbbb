"""When the next call to a platform may go out, and whose: pure arithmetic on a given clock.

A ``Budget`` is a limit that several replies share (a channel's edits, a chat's messages). A
``Pacer`` keeps count for all of them; it never waits itself, it says who may go and when to ask
again. ``bot.scheduler`` does the waiting.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum


class Rank(IntEnum):
    """How urgent a call is; the smallest goes first."""

    FINAL = 0  # the end of a reply
    FIRST = 1  # the first that people see of a reply, and a page that is full
    EDIT = 2  # one more look at what is growing
    LEISURE = 3  # the same while others wait to write in the same place
    SIGN = 4  # what nobody would miss, such as a sign of typing


class Shape(Enum):
    """How a platform counts: ``calls`` in a window of ``seconds`` that the first of them opens; in
    any ``seconds``; or from a bucket of so many that takes ``seconds`` to fill."""

    WINDOW = "window"
    SLIDING = "sliding"
    BUCKET = "bucket"


@dataclass(frozen=True, slots=True)
class Budget:
    """A number of calls in a time, shared by everyone with the same ``key``.

    ``for_finals`` are kept for the ends of replies, which wait for nobody then, and where others
    wait, ``for_others`` for their beginnings.
    """

    key: str
    calls: int
    seconds: float
    shape: Shape = Shape.SLIDING
    for_finals: int = 1
    for_others: int = 1

    def kept(self, rank: Rank) -> int:
        """How many calls a call of this rank leaves for more urgent ones."""
        most = self.calls - 1
        match rank:
            case Rank.FINAL | Rank.FIRST:
                return 0
            case Rank.EDIT:
                return min(max(self.for_finals, self.calls // 8), most)
            case Rank.LEISURE:
                return min(max(self.for_finals, self.calls // 8) + self.for_others, most)
        return max(self.calls * 3 // 4, min(self.for_finals, most))


@dataclass(eq=False, slots=True)
class Wish:
    """A call that waits to go out. ``served`` is when its reply was last served: of two equally
    urgent ones, the one that has waited longer goes first."""

    budgets: Sequence[Budget]
    rank: Rank
    served: float = -math.inf


class Pacer:
    """Counts the calls of every budget."""

    __slots__ = ("_counts", "_held", "_sweep_at")

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._held: dict[str, float] = {}
        self._sweep_at = _SWEEP

    def serve(self, wishes: Iterable[Wish], now: float) -> tuple[list[Wish], float]:
        """The wishes that come true at ``now``, the most urgent first, and when to ask again.

        Their calls are counted. Whoever needs what a more urgent one waits for waits, too.
        """
        served: list[Wish] = []
        used_up: set[str] = set()
        again = math.inf
        for wish in sorted(wishes, key=_urgency):
            if any(budget.key in used_up for budget in wish.budgets):
                continue
            late, budget = self._latest(wish, now)
            if budget is None or late <= now:
                self.spend(wish.budgets, now)
                served.append(wish)
            else:
                used_up.add(budget.key)
                again = min(again, late)
        return served, again

    def spend(self, budgets: Iterable[Budget], now: float) -> None:
        """Count one call at ``now``."""
        for budget in budgets:
            self._count(budget).take(now)
        if len(self._counts) + len(self._held) > self._sweep_at:
            self._sweep(now)

    def spacing(
        self, budgets: Iterable[Budget], now: float, rank: Rank, span: float = 0.0
    ) -> float:
        """Seconds between calls of this rank that use up evenly what the budgets have for the next
        ``span`` seconds, or, without one, until they have new calls."""
        return max(
            (self._count(one).spacing(now, one.kept(rank), span) for one in budgets), default=0.0
        )

    def hold(self, budgets: Iterable[Budget], until: float) -> None:
        """The platform said to wait: nothing that shares the first, narrowest budget goes out
        before ``until``."""
        budget = next(iter(budgets), None)
        if budget is not None:
            self._held[budget.key] = max(until, self._held.get(budget.key, until))

    def _latest(self, wish: Wish, now: float) -> tuple[float, Budget | None]:
        """When the last of its budgets has room for the wish, and which that is."""
        late, which = now, None
        for budget in wish.budgets:
            at = max(
                self._count(budget).free_at(now, budget.kept(wish.rank)),
                self._held.get(budget.key, now),
            )
            if at > late:
                late, which = at, budget
        return late, which

    def _count(self, budget: Budget) -> _Count:
        count = self._counts.get(budget.key)
        if count is None:
            count = self._counts[budget.key] = _COUNTS[budget.shape](budget)
        return count

    def _sweep(self, now: float) -> None:
        """Let go of budgets that are full again: most are an interaction's and never come back."""
        self._counts = {key: one for key, one in self._counts.items() if not one.is_fresh(now)}
        self._held = {key: until for key, until in self._held.items() if until > now}
        self._sweep_at = max(_SWEEP, 2 * (len(self._counts) + len(self._held)))


class _Window:
    """See ``Shape.WINDOW``. Discord tells when it closes; counted from a call's departure it does
    so a little early, which the budget's ``seconds`` must make up for."""

    __slots__ = ("_calls", "_closes", "_seconds", "_used")

    def __init__(self, budget: Budget) -> None:
        self._calls, self._seconds = budget.calls, budget.seconds
        self._closes, self._used = -math.inf, 0

    def free_at(self, now: float, kept: int) -> float:
        return self._closes if not self.is_fresh(now) and self._used + kept >= self._calls else now

    def take(self, now: float) -> None:
        if self.is_fresh(now):
            self._closes, self._used = now + self._seconds, 0
        self._used += 1

    def spacing(self, now: float, kept: int, span: float) -> float:
        room = self._calls - kept
        closes = now + self._seconds if self.is_fresh(now) else self._closes
        left = room if self.is_fresh(now) else max(0, room - self._used)
        if span > closes - now:
            left += room
        return (span or closes - now) / (left + 1)

    def is_fresh(self, now: float) -> bool:
        return now >= self._closes


class _Sliding:
    """See ``Shape.SLIDING``."""

    __slots__ = ("_calls", "_seconds", "_times")

    def __init__(self, budget: Budget) -> None:
        self._calls, self._seconds = budget.calls, budget.seconds
        self._times: deque[float] = deque(maxlen=budget.calls)

    def free_at(self, now: float, kept: int) -> float:
        room = self._calls - kept
        return max(now, self._times[-room] + self._seconds) if len(self._times) >= room else now

    def take(self, now: float) -> None:
        self._times.append(now)

    def spacing(self, now: float, kept: int, span: float) -> float:
        used = sum(1 for time in self._times if time > now - self._seconds)
        return (span or self._seconds) / max(1, self._calls - kept - used + 1)

    def is_fresh(self, now: float) -> bool:
        return not self._times or self._times[-1] + self._seconds <= now


class _Bucket:
    """See ``Shape.BUCKET``."""

    __slots__ = ("_calls", "_full_at", "_pause")

    def __init__(self, budget: Budget) -> None:
        self._calls, self._pause = budget.calls, budget.seconds / budget.calls
        self._full_at = -math.inf

    def free_at(self, now: float, kept: int) -> float:
        return max(now, self._full_at - (self._calls - kept - 1) * self._pause)

    def take(self, now: float) -> None:
        self._full_at = max(self._full_at, now) + self._pause

    def spacing(self, now: float, kept: int, span: float) -> float:
        span = span or self._pause * self._calls
        filled = self._calls - max(0.0, self._full_at - now) / self._pause
        return span / max(1.0, filled - kept + span / self._pause + 1)

    def is_fresh(self, now: float) -> bool:
        return now >= self._full_at


_Count = _Window | _Sliding | _Bucket
_COUNTS: dict[Shape, type[_Count]] = {
    Shape.WINDOW: _Window,
    Shape.SLIDING: _Sliding,
    Shape.BUCKET: _Bucket,
}
_SWEEP = 512  # budgets that are kept before those in no use are looked for


def _urgency(wish: Wish) -> tuple[Rank, float]:
    return wish.rank, wish.served
