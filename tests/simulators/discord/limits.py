"""Rate limits: fixed windows per route and resource, told in Discord's own headers.

A window opens with its first call and lets ``calls`` through until ``seconds`` have passed.
"""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``calls`` in a window of ``seconds``."""

    calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Limits:
    """Every limit of the platform. ``send`` and ``edit`` count per channel, ``interaction`` per
    interaction token (follow-ups and edits together), ``overall`` everything outside interactions,
    ``other`` per route and resource."""

    send: Rate = Rate(5, 5.0)
    edit: Rate = Rate(5, 5.0)
    interaction: Rate = Rate(5, 5.0)
    overall: Rate = Rate(50, 1.0)
    other: Rate = Rate(50, 1.0)


@dataclass(slots=True)
class Bucket:
    """One window. ``name`` is the same for all channels, as ``X-RateLimit-Bucket`` is."""

    name: str
    rate: Rate
    opened: float = -math.inf
    used: int = 0

    def take(self, now: float) -> float:
        """Count a call; the seconds to wait where it is one too many (and not counted), else 0."""
        if now >= self.opened + self.rate.seconds:
            self.opened, self.used = now, 0
        if self.used >= self.rate.calls:
            return self.reset_after(now)
        self.used += 1
        return 0.0

    def reset_after(self, now: float) -> float:
        """Seconds until the window closes, rounded up to a millisecond."""
        return math.ceil(max(0.0, self.opened + self.rate.seconds - now) * 1000) / 1000

    def headers(self, now: float) -> dict[str, str]:
        reset_after = self.reset_after(now)
        return {
            "X-RateLimit-Limit": str(self.rate.calls),
            "X-RateLimit-Remaining": str(self.rate.calls - self.used),
            "X-RateLimit-Reset": f"{time.time() + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(self.name.encode()).hexdigest()[:32],
        }


@dataclass(slots=True)
class Buckets:
    """All windows of the platform, opened as calls come."""

    limits: Limits
    overall: Bucket = field(init=False)
    _open: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.overall = Bucket("overall", self.limits.overall)

    def find(self, method: str, route: str, resource: str) -> Bucket:
        """The bucket of a route (its template) for one channel, guild or interaction token."""
        name, rate = self._kind(method, route)
        return self._open.setdefault((name, resource), Bucket(name, rate))

    def _kind(self, method: str, route: str) -> tuple[str, Rate]:
        if route.startswith("/webhooks/") and method in ("POST", "PATCH"):
            return "interaction", self.limits.interaction
        if method == "POST" and route == "/channels/{channel_id}/messages":
            return "send", self.limits.send
        if method == "PATCH" and route == "/channels/{channel_id}/messages/{message_id}":
            return "edit", self.limits.edit
        return f"{method} {route}", self.limits.other
