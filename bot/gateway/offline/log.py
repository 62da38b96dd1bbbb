"""What the offline gateway notes of the requests that reach it: everything but the keys."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_SECRET_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "mj-api-secret", "cookie")
_GEMINI_MODEL = re.compile(r"/v1beta/models/(.+):\w+")


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as it came. Header names are in lower case; keys read ``Bearer [redacted]``.

    ``body`` is the JSON value, or None where there was none. ``time`` is the event loop's,
    in seconds.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    size: int
    time: float
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The model asked for, be it named in the body or in the path; "" where there is none."""
        in_path = _GEMINI_MODEL.fullmatch(self.path)
        if in_path:
            return in_path[1]
        named = self.body.get("model") if isinstance(self.body, dict) else None
        return named if isinstance(named, str) else ""


class RequestLog(deque[ReceivedRequest]):
    """The latest requests, oldest first: at most ``count`` of them and about ``room`` bytes."""

    def __init__(self, count: int = 256, room: int = 32 * 2**20) -> None:
        super().__init__(maxlen=count)
        self._room = room

    def add(self, request: ReceivedRequest) -> None:
        self.append(request)
        while len(self) > 1 and sum(kept.size for kept in self) > self._room:
            self.popleft()


def redacted(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with lower-case names and without secrets; the scheme of a key stays."""
    shown: dict[str, str] = {}
    for name, value in headers.items():
        low = name.lower()
        if low in _SECRET_HEADERS:
            scheme = re.match(r"(?:bearer|basic)\s", value, re.IGNORECASE)
            value = f"{scheme[0] if scheme else ''}[redacted]"
        shown[low] = value
    return shown
