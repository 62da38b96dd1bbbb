"""When the next call to a platform may go out: pure arithmetic on a given clock.

A ``Budget`` is a limit that several replies share (a channel's edits, a chat's messages). A
``Pacer`` keeps count for all of them; it never waits itself, it says how long to wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """At most ``calls`` in any ``seconds``, shared by everyone with the same ``key``."""

    key: str
    calls: int
    seconds: float


class Pacer:
    """Counts calls per budget in a sliding window. One call of each window is kept for finals."""

    __slots__ = ("_calls", "_held", "_sweep_at")

    def __init__(self) -> None:
        self._calls: dict[str, tuple[float, deque[float]]] = {}  # by key: seconds, times
        self._held: dict[str, float] = {}
        self._sweep_at = _SWEEP

    def delay(self, budgets: Iterable[Budget], now: float, *, final: bool = False) -> float:
        """Seconds from ``now`` until a call that spends all ``budgets`` may go out; 0 for at
        once."""
        return max((self._free_at(budget, now, final) - now for budget in budgets), default=0.0)

    def spend(self, budgets: Iterable[Budget], now: float) -> None:
        """Count one call at ``now``."""
        for budget in budgets:
            self._calls.setdefault(budget.key, (budget.seconds, deque()))[1].append(now)
        if len(self._calls) + len(self._held) > self._sweep_at:
            self._sweep(now)

    def hold(self, budgets: Iterable[Budget], until: float) -> None:
        """The platform said to wait: nothing that shares the first, narrowest budget goes out
        before ``until``."""
        budget = next(iter(budgets), None)
        if budget is not None:
            self._held[budget.key] = max(until, self._held.get(budget.key, until))

    def _free_at(self, budget: Budget, now: float, final: bool) -> float:
        earliest = max(now, self._held.get(budget.key, now))
        _, calls = self._calls.get(budget.key, _NONE)
        while calls and calls[0] <= now - budget.seconds:
            calls.popleft()
        room = budget.calls if final or budget.calls == 1 else budget.calls - 1
        if len(calls) < room:
            return earliest
        return max(calls[len(calls) - room] + budget.seconds, earliest)

    def _sweep(self, now: float) -> None:
        """Let go of budgets that are full again: most are an interaction's and never come back."""
        self._calls = {
            key: (seconds, calls)
            for key, (seconds, calls) in self._calls.items()
            if calls and calls[-1] > now - seconds
        }
        self._held = {key: until for key, until in self._held.items() if until > now}
        self._sweep_at = max(_SWEEP, 2 * (len(self._calls) + len(self._held)))


_SWEEP = 512  # budgets that are kept before those in no use are looked for
_NONE: tuple[float, deque[float]] = (0.0, deque())
