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

    __slots__ = ("_calls", "_held")

    def __init__(self) -> None:
        self._calls: dict[str, deque[float]] = {}
        self._held: dict[str, float] = {}

    def delay(self, budgets: Iterable[Budget], now: float, *, final: bool = False) -> float:
        """Seconds from ``now`` until a call that spends all ``budgets`` may go out; 0 for at
        once."""
        return max((self._free_at(budget, now, final) - now for budget in budgets), default=0.0)

    def spend(self, budgets: Iterable[Budget], now: float) -> None:
        """Count one call at ``now``."""
        for budget in budgets:
            self._calls.setdefault(budget.key, deque()).append(now)

    def hold(self, budgets: Iterable[Budget], until: float) -> None:
        """The platform said to wait: nothing that shares the first, narrowest budget goes out
        before ``until``."""
        budget = next(iter(budgets), None)
        if budget is not None:
            self._held[budget.key] = max(until, self._held.get(budget.key, until))

    def _free_at(self, budget: Budget, now: float, final: bool) -> float:
        calls = self._calls.get(budget.key)
        held = self._held.get(budget.key, now)
        if held <= now:
            self._held.pop(budget.key, None)
        if calls is None:
            return max(now, held)
        while calls and calls[0] <= now - budget.seconds:
            calls.popleft()
        if not calls:
            del self._calls[budget.key]
            return max(now, held)
        room = budget.calls if final or budget.calls == 1 else budget.calls - 1
        if len(calls) < room:
            return max(now, held)
        return max(calls[len(calls) - room] + budget.seconds, held)
