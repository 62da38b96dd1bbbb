"""The parameters of one call, however they came: query, form, multipart or JSON.

Telegram treats every value as text and reads nested ones as JSON; values of a JSON body become such
texts here. Faults are reported the way the Bot API does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.simulators.telegram.errors import bad_request
from tests.simulators.telegram.world import Json


@dataclass(frozen=True, slots=True)
class Upload:
    """A file inside a multipart body."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Parameters:
    values: Mapping[str, str]
    files: Mapping[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        return self.values.get(name, "")

    def required(self, name: str) -> str:
        if not self.text(name):
            raise bad_request(f'parameter "{name}" is required')
        return self.text(name)

    def integer(self, name: str, default: int = 0) -> int:
        """Like Telegram, 0 for what is no number."""
        text = self.text(name).strip()
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            return 0

    def between(self, name: str, default: int, low: int, high: int) -> int:
        """An integer, forced into the range without complaint."""
        return min(max(self.integer(name, default), low), high)

    def flag(self, name: str) -> bool:
        return self.text(name).strip().lower() in ("true", "yes", "1")

    def json(self, name: str, what: str) -> Json:
        """A nested value, None where it is missing. ``what`` is its name in the complaint."""
        text = self.text(name)
        if not text:
            return None
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise bad_request(f"can't parse {what} JSON object") from None

    def lenient_json(self, name: str) -> Json:
        """A nested value of the sort that Telegram ignores when it is no JSON."""
        try:
            return json.loads(self.text(name) or "null")
        except json.JSONDecodeError:
            return None
