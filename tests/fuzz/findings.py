"""Broken promises that a fuzzer came upon: told apart, and each shown by its smallest input.

Two failures are the same finding where the same kind of error comes from the same line of ours.
"""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

Target = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """``where`` is the line of ours that the error came from, ``why`` the error in one line."""

    where: str
    why: str

    @property
    def name(self) -> str:
        return hashlib.sha256(self.where.encode()).hexdigest()[:12]


def finding(target: Target, data: bytes) -> Finding | None:
    """What the target says of an input, None where all is well."""
    try:
        target(data)
    except Exception as error:  # noqa: BLE001 — whatever it is, it is what is looked for
        return _finding(error)
    return None


def _finding(error: Exception) -> Finding:
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame
        for frame in frames
        if Path(frame.filename).is_relative_to(ROOT) and "site-packages" not in frame.filename
    ]
    place = f"{Path(own[-1].filename).relative_to(ROOT)}:{own[-1].lineno}"
    kind, words = type(error).__name__, " ".join(str(error).split())
    return Finding(f"{kind} {place}", f"{kind}: {words[:300]}" if words else kind)


def note(target: Target, data: bytes, folder: Path) -> None:
    """Try an input, and keep it where it is the smallest yet that breaks its promise."""
    found = finding(target, data)
    if found is not None:
        file = folder / found.name
        if not file.exists() or len(data) < file.stat().st_size:
            file.write_bytes(data)


def shrunk(data: bytes, is_good: Callable[[bytes], bool], seconds: float = 5.0) -> bytes:
    """The input with all taken out of it that it can do without and stay good."""
    until = time.monotonic() + seconds
    size = len(data)
    while size:
        at = 0
        while at < len(data) and time.monotonic() < until:
            shorter = data[:at] + data[at + size :]
            if is_good(shorter):
                data = shorter
            else:
                at += size
        size = min(size, len(data)) // 2
    return data


def smallest(target: Target, data: bytes) -> bytes:
    """The smallest input found from this one that breaks its promise in the same place."""
    broken = finding(target, data)

    def is_as_bad(shorter: bytes) -> bool:
        found = finding(target, shorter)
        return found is not None and broken is not None and found.where == broken.where

    return shrunk(data, is_as_bad)
