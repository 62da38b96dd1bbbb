"""From what a model said and what people saw to the figures of a scenario (pure).

Times are in seconds on one clock. A *view* is (time, words): from then on so many words of the
answer, from its beginning, were on the screen.
"""

from __future__ import annotations

import difflib
from bisect import bisect_right
from collections.abc import Sequence

STEP = 0.005  # seconds between two looks at the screen
FIRST_TEXT = 3  # words that make a first text

View = tuple[float, int]


def views(
    answer: Sequence[str], versions: Sequence[tuple[float, int, Sequence[str]]]
) -> list[View]:
    """How much of the answer stood on the screen after each version (time, message, words).

    Messages are read in the order of their numbers; only an unbroken beginning of the answer
    counts.
    """
    screen: dict[int, Sequence[str]] = {}
    seen: list[View] = []
    for time, message, words in sorted(versions, key=lambda version: version[0]):
        screen[message] = words
        shown = 0
        for number in sorted(screen):
            part = screen[number]
            fits = _in_common(answer, shown, part)
            shown += fits
            if fits < len(part):
                break
        seen.append((time, shown))
    return seen


def _in_common(answer: Sequence[str], start: int, part: Sequence[str]) -> int:
    if answer[start : start + len(part)] == list(part):
        return len(part)
    count = 0
    while count < len(part) and start + count < len(answer):
        if part[count] != answer[start + count]:
            break
        count += 1
    return count


def first_text(seen: Sequence[View]) -> float | None:
    """When the first few words stood on the screen."""
    return next((time for time, shown in seen if shown >= FIRST_TEXT), None)


def all_text(seen: Sequence[View], count: int) -> float | None:
    """When the whole answer stood on the screen for the first time."""
    return next((time for time, shown in seen if shown >= count), None)


def staleness(arrivals: Sequence[float], seen: Sequence[View]) -> list[float]:
    """How long the screen had been behind, at each of many moments while the model was speaking.

    ``arrivals`` are when each word came. At a moment the screen is behind since the first word came
    that it does not show; it is 0 behind while it shows all that came.
    """
    times = [time for time, _ in seen]
    begin, end = arrivals[0], arrivals[-1]
    behind = []
    for number in range(int((end - begin) / STEP)):
        now = begin + (number + 0.5) * STEP
        view = bisect_right(times, now)
        shown = seen[view - 1][1] if view else 0
        missing = arrivals[shown] if shown < len(arrivals) else now
        behind.append(max(0.0, now - missing))
    return behind


def differences(expected: str, visible: str) -> tuple[int, int]:
    """How many characters of the text are missing on the screen, and how many are too many; white
    space, which a cut between two messages replaces, does not count."""
    wanted, found = expected.split(), visible.split()
    if "".join(wanted) == "".join(found):
        return 0, 0
    lost = extra = 0
    matcher = difflib.SequenceMatcher(None, wanted, found, autojunk=False)
    for kind, start, end, from_, to in matcher.get_opcodes():
        if kind != "equal":
            lost += sum(map(len, wanted[start:end]))
            extra += sum(map(len, found[from_:to]))
    return lost, extra


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
