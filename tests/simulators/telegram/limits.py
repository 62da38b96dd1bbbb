"""Flood limits, read strictly: what a chat, a group and the whole bot may send and edit.

Telegram publishes only "about one message a second per chat, 20 a minute per group, 30 a second
overall". Here sends and edits share one budget, an excess is answered with 429, and the chat then
stays closed for the whole ``retry_after``, as it does on the real servers.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

_ROUNDING = 1e-6


@dataclass(slots=True)
class Limits:
    """``per_second`` calls a second per chat after a burst of ``burst``; ``per_group`` calls in any
    ``group_seconds``; ``overall`` calls in any second. Every number may be changed at any time."""

    per_second: float = 1.0
    burst: int = 3
    per_group: int = 20
    group_seconds: float = 60.0
    overall: int = 30
    enabled: bool = True
    _spent: dict[int, tuple[float, float]] = field(default_factory=dict, repr=False)
    _group_calls: defaultdict[int, deque[float]] = field(
        default_factory=lambda: defaultdict(deque), repr=False
    )
    _all_calls: deque[float] = field(default_factory=deque, repr=False)
    _closed_until: dict[int, float] = field(default_factory=dict, repr=False)

    def off(self) -> None:
        """No limits, and no penalty that still runs."""
        self.enabled = False
        self._closed_until.clear()

    def on(self) -> None:
        self.enabled = True

    def admit(self, chat: int, now: float, *, group: bool) -> int:
        """Count one send or edit. Returns 0, or for how many whole seconds the chat is closed."""
        if not self.enabled:
            return 0
        wait = self._closed_until.get(chat, now) - now
        if wait <= _ROUNDING:
            wait = self._shortage(chat, now, group)
            if wait <= 0:
                self._count(chat, now, group)
                return 0
            self._closed_until[chat] = now + _whole(wait)
        return _whole(wait)

    def _shortage(self, chat: int, now: float, group: bool) -> float:
        """Seconds until the budgets would allow the call."""
        wait = (1 - self._tokens(chat, now) - _ROUNDING) / self.per_second
        if group:
            wait = max(
                wait, _until_room(self._group_calls[chat], self.per_group, self.group_seconds, now)
            )
        return max(wait, _until_room(self._all_calls, self.overall, 1.0, now))

    def _tokens(self, chat: int, now: float) -> float:
        left, since = self._spent.get(chat, (float(self.burst), now))
        return min(float(self.burst), left + (now - since) * self.per_second)

    def _count(self, chat: int, now: float, group: bool) -> None:
        self._spent[chat] = (self._tokens(chat, now) - 1, now)
        self._all_calls.append(now)
        if group:
            self._group_calls[chat].append(now)


def _until_room(calls: deque[float], most: int, seconds: float, now: float) -> float:
    while calls and calls[0] <= now - seconds + _ROUNDING:
        calls.popleft()
    return calls[-most] + seconds - now if len(calls) >= most else 0.0


def _whole(seconds: float) -> int:
    return max(1, math.ceil(seconds - _ROUNDING))
