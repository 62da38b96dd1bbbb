"""Markdown into pages that a platform takes: grown as text arrives, cut by offset, never changed
once closed.

A page is cut at a paragraph, line, sentence or word, in that order, and never inside a joined
emoji. An open code fence is closed at the end of a page and opened again, with its mark and info
string, on the next. No text is dropped but the white space at a cut, which the gap between two
messages replaces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

# Longer marks and indents than anybody writes count as prose, so that reopening a fence always
# fits
# a page.
_FENCE = re.compile(r"^([ \t>]{0,16})(`{3,12}(?!`)|~{3,12}(?!~))([^\n]*)$")
_BREAKS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"[.!?…。！？][\"'”’)]*\s+"),
    re.compile(r"\s+"),
)
_INFO_LIMIT = (
    40  # characters of an info string that are repeated: some models put whole sentences there
)


@dataclass(frozen=True, slots=True)
class _Fence:
    """An open code fence: what stands before its mark, the mark, and its info string."""

    indent: str
    mark: str
    info: str

    @property
    def opening(self) -> str:
        return f"{self.indent}{self.mark}{self.info[:_INFO_LIMIT]}\n"

    @property
    def closing(self) -> str:
        return f"\n{self.indent}{self.mark}"

    def is_closed_by(self, line: str) -> bool:
        match = _FENCE.match(line)
        return (
            match is not None
            and match[2][0] == self.mark[0]
            and len(match[2]) >= len(self.mark)
            and not match[3].strip()
        )


class Pages:
    """``feed`` text, read ``closed`` (final pages) and ``open`` (the page still growing, fit to be
    shown).

    ``limit`` is the longest page in units of ``measure``, at least 100.
    """

    __slots__ = ("_limit", "_measure", "_text", "closed")

    def __init__(self, limit: int, measure: Callable[[str], int] = len) -> None:
        if limit < 100:
            raise ValueError(f"a page of {limit} is too small to cut text for; use at least 100")
        self._limit = limit
        self._measure = measure
        self._text = ""
        self.closed: list[str] = []

    @property
    def open(self) -> str:
        """The growing page with its fence closed; "" where there is nothing to show yet."""
        fence = _open_fence(self._text)
        text = self._text.rstrip()
        return text + fence.closing if fence is not None and text else text

    @property
    def all(self) -> list[str]:
        """Every page as it stands now."""
        return [*self.closed, self.open] if self.open else list(self.closed)

    def feed(self, text: str) -> None:
        if not self._text:
            text = text.lstrip("\n")
        # In pieces, so that measuring a page never looks at more than two pages of text.
        for start in range(0, len(text), self._limit):
            self._text += text[start : start + self._limit]
            while self._is_too_long(self._text):
                self._cut()

    def end(self, footer: str = "") -> None:
        """Write ``footer`` under everything, outside of any code."""
        if not footer:
            return
        fence = _open_fence(self._text)
        if fence is not None:
            self._text = self._text.rstrip("\n") + fence.closing
        gap = "\n\n" if self._text.strip() else ""
        self.feed(gap + footer)

    def _is_too_long(self, text: str) -> bool:
        fence = _open_fence(text)
        return self._measure(text.rstrip() + (fence.closing if fence else "")) > self._limit

    def _cut(self) -> None:
        """Close the page at the best place and start the next one with what is left."""
        most = self._most_that_fits()
        first = self._text.find("\n") + 1 if _FENCE.match(self._text.partition("\n")[0]) else 0
        at = _best_cut(self._text, most, first)
        head, rest = self._text[:at], self._text[at:]
        fence = _open_fence(head)
        if fence is None:
            self.closed.append(head.rstrip())
            # Blank lines go with the cut; the indentation of the next line belongs to its list.
            self._text = rest.lstrip("\n") if head.endswith("\n") else rest.lstrip(" ")
            return
        self.closed.append(head.rstrip() + fence.closing)
        rest = rest.removeprefix("\n")
        line, _, after = rest.partition("\n")
        # What follows may be the closing fence itself: then there is nothing to open again.
        self._text = after.lstrip("\n") if fence.is_closed_by(line) else fence.opening + rest

    def _most_that_fits(self) -> int:
        low, high = 1, len(self._text)
        while low < high:
            middle = (low + high + 1) // 2
            if self._is_too_long(self._text[:middle]):
                high = middle - 1
            else:
                low = middle
        return low


def _open_fence(text: str) -> _Fence | None:
    """The fence that is still open at the end of the text."""
    if "```" not in text and "~~~" not in text:
        return None
    fence: _Fence | None = None
    for line in text.split("\n"):
        if fence is not None:
            if fence.is_closed_by(line):
                fence = None
        elif (match := _FENCE.match(line)) is not None and not (
            match[2][0] == "`" and "`" in match[3]
        ):
            fence = _Fence(match[1], match[2], match[3].strip())
    return fence


def _best_cut(text: str, most: int, first: int) -> int:
    """The offset to cut at: after a break in the last half of what fits, else as far as it goes.

    Never before ``first`` (a reopened fence's own line), so every page makes progress.
    """
    floor = max(first, most // 2)
    for pattern in _BREAKS:
        cut = 0
        for match in pattern.finditer(text, floor, most):
            cut = match.end()
        if cut > first:
            return cut
    return _whole_character(text, most, first)


def _whole_character(text: str, at: int, first: int) -> int:
    """Step back from the middle of a joined emoji or an accented letter, unless that leads
    nowhere."""
    cut = at
    while cut > first + 1 and cut < len(text) and _joins(text[cut - 1], text[cut]):
        cut -= 1
    return cut if cut > first + 1 else max(at, first + 1)


def _joins(before: str, after: str) -> bool:
    return (
        before == "\u200d"
        or after in "\u200d\ufe0f\u20e3"
        or unicodedata.combining(after) != 0
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # skin tones
        or ("\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff")
    )
