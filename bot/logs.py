"""Logging: for people (console) or for machines (json), without any secret in it."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

# Libraries that log the addresses they call, some with a token inside, or every little thing.
_QUIET = (
    "httpx",
    "httpcore",
    "telegram",
    "discord",
    "aiohttp.access",
    "asyncio",
    "aiosqlite",
    "markdown_it",
)


def set_up(format: str, level: str, secrets: Sequence[str]) -> None:  # noqa: A002 — the setting's own name
    """Send all logs to standard error; every text in ``secrets`` is replaced by stars."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter((_JsonFormatter if format == "json" else _ConsoleFormatter)(secrets))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(
            max(logging.WARNING, logging.getLevelNamesMapping()[level])
        )


# Of what others sent and libraries quote: orders to the reader's terminal, and ends of lines.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class _Formatter(logging.Formatter):
    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__()
        # The longest first, so that a secret inside another one does not leave half of it.
        self._secrets = sorted(secrets, key=len, reverse=True)

    def masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "********")
        return text

    def trouble(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class _ConsoleFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        line = f"{time} {record.levelname:<7} {record.name}: {record.getMessage()}"
        text = self.masked("\n".join(part for part in (line, self.trouble(record)) if part))
        text = _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)
        # Only an entry of ours begins at the left: nothing that is quoted can pose as one.
        return text.replace("\n", "\n    ")


class _JsonFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.masked(record.getMessage()),
        }
        if trouble := self.trouble(record):
            entry["exception"] = self.masked(trouble)
        return json.dumps(entry, ensure_ascii=False)
