"""The kept corpus: a few small inputs for each target that together lead everywhere it goes, and
those of bugs that were fixed, whose names begin with ``FIXED``."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.findings import ROOT, Target, finding, shrunk

CORPUS = Path(__file__).parent / "corpus"
LARGEST = 4 * 2**10  # bytes of one file
MOST = 40  # files that are chosen for one target
FIXED = "fixed-"

_OURS = tuple(f"{ROOT / name}/" for name in ("bot", "adapters", "storage"))

Step = tuple[str, int, int]  # from line to line in a file of ours
Steps = set[tuple[Step, int]]  # with how often, to the next power of two


def kept(name: str) -> list[Path]:
    """The files of a target, by name."""
    return sorted((CORPUS / name).glob("*"))


def keep(name: str, target: Target, inputs: Iterable[bytes]) -> int:
    """Make the best of these inputs the target's corpus, beside those of bugs that were fixed; how
    many there are."""
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in kept(name):
        if not file.name.startswith(FIXED):
            file.unlink()
    chosen = chosen_from(target, inputs)
    for data in chosen:
        (folder / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)
    return len(chosen)


def chosen_from(target: Target, inputs: Iterable[bytes]) -> list[bytes]:
    """At most ``MOST`` inputs that keep the promise, those first that add most to the others, and
    none larger than that needs."""
    ways = {
        data: steps(target, data)
        for data in sorted(set(inputs), key=lambda data: (len(data), data))
    }
    chosen: list[bytes] = []
    while ways and len(chosen) < MOST:
        best = max(ways, key=lambda data: len(ways[data]))
        gained = ways.pop(best)
        if not gained:
            break
        small = shrunk(best, partial(_leads_as_far, target, gained))
        if len(small) <= LARGEST:
            chosen.append(small)
            for way in ways.values():
                way -= gained
    return chosen


def _leads_as_far(target: Target, gained: Steps, data: bytes) -> bool:
    return steps(target, data) >= gained


def steps(target: Target, data: bytes) -> Steps:
    """Which lines of ours follow on which when the target runs; none where it breaks a promise."""
    seen: Counter[Step] = Counter()

    def entered(frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:
        file = frame.f_code.co_filename
        if not file.startswith(_OURS):
            return None
        last = frame.f_lineno

        def went(frame: FrameType, event: str, _: Any) -> Callable[..., Any]:
            nonlocal last
            if event == "line":
                seen[file, last, frame.f_lineno] += 1
                last = frame.f_lineno
            return went

        return went

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        broken = finding(target, data)
    finally:
        sys.settrace(before)
    if broken is not None:
        return set()
    return {(step, count.bit_length()) for step, count in seen.items()}
