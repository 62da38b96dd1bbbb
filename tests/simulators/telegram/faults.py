"""Misbehaviour ordered by a test: which of the next calls go wrong, and how."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(slots=True)
class Fault:
    """One order. ``times`` counts down to 0; None never ends. See ``TelegramSimulator.fail``."""

    method: str
    status: int = 0
    retry_after: int = 0
    description: str = ""
    delay: float = 0
    reset: bool = False
    reset_after: bool = False
    times: int | None = 1

    def __post_init__(self) -> None:
        if self.retry_after and not self.status:
            self.status = 429
        if self.status == 429 and not self.retry_after:
            self.retry_after = 1


class Faults:
    """The orders, oldest first; each call takes at most one."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def take(self, method: str) -> Fault | None:
        """The fault that this call must suffer."""
        for fault in self._faults:
            if fault.times == 0 or not re.fullmatch(fault.method, method, re.IGNORECASE):
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None
