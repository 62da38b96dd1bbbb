"""Faults on order: which of the coming REST calls go wrong, and how."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(slots=True)
class Fault:
    """``path`` is a pattern for a whole path, ``times`` is how often; see DiscordSimulator.fail."""

    method: str
    path: str
    status: int
    retry_after: float
    code: int
    reset: bool
    reset_after: bool
    delay: float
    times: int

    def fits(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method == method and bool(re.fullmatch(self.path, path))


class Faults:
    """The faults still to come, oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that this call meets, counted; None for none."""
        for fault in self._faults:
            if fault.fits(method, path):
                fault.times -= 1
                return fault
        return None
