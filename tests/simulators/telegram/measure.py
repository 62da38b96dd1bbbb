"""How Telegram measures text (UTF-16 units) and what it takes for a link."""

from __future__ import annotations

import re

_HOST = re.compile(r"[^\s.:]+(?:\.[^\s.:]+)+(?::\d+)?")


def units(text: str) -> int:
    """The length in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def piece(text: str, start: int, end: int | None = None) -> str:
    """The text between two UTF-16 offsets; half of a character that is cut through is lost."""
    raw = text.encode("utf-16-le")
    return raw[2 * start : None if end is None else 2 * end].decode("utf-16-le", "ignore")


def is_link(url: str) -> bool:
    """Whether Telegram takes the address: a known scheme or none, and a host with a dot in it."""
    scheme, found, rest = url.strip().partition("://")
    if not found:
        scheme, rest = "https", url.strip()
    if scheme.lower() in ("tg", "ton", "tonsite"):
        return bool(rest)
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return scheme.lower() in ("http", "https") and _HOST.fullmatch(host) is not None
