"""Markdown into pages that a platform takes: grown as text arrives, never changed once closed.

A page is cut at a paragraph, a row (of a list, quote, table or code), a line, a sentence or a word,
in that order, and never inside a joined emoji, nor inside a link, inline code or emphasis while
there is another place. No heading stays behind alone. What a page stands in is made anew on the
next: a fence is closed and opened again, a table's header and a quote's mark are repeated. What
goes on inside a list item drops the item's margin, which would make it code. Nothing else is added,
and no text is dropped but the white space at a cut, which the gap between two messages replaces.

Feeding only takes note; reading does the work for all that came since. Every line is followed once
(the unfinished one anew each time), and a page is measured a few times, however long the text is.
"""

from __future__ import annotations

from collections.abc import Callable

from bot.markdown import Line, follow
from bot.sheet import Sheet

_WINDOW = 2  # a page has at most so many times ``limit`` characters, however few can be seen
_MARGIN_LIMIT = 64  # columns that the first line may be indented; some models begin with more
_MARGIN = 1.125  # what is looked at of a long text: a little more than a page
_STEEPEST = 32.0  # units that a character measures at most (a table's cells can be padded)
_TALL = 1.25  # a page that is taller by no more than this is left in one
_TRIES = 6  # measurements to find out how much fits


class Pages:
    """``feed`` text, read ``closed`` (final pages) and ``open`` (the page still growing, fit to be
    shown).

    ``limit`` is the longest page in units of ``measure``, at least 100; ``measure`` may be slow and
    need not grow with the text. ``height`` is how many lines a page has where clients fold taller
    ones, 0 for any; a page that is taller by a quarter is left in one.
    """

    def __init__(self, limit: int, measure: Callable[[str], int] = len, *, height: int = 0) -> None:
        if limit < 100:
            raise ValueError(f"a page of {limit} is too small to cut text for; use at least 100")
        self._limit = limit
        self._measure = measure
        self._height = height
        self._margin: str | None = ""  # what the first line begins with; None once that is known
        self._unread: list[str] = []
        self._is_stale = self._has_ended = False
        self._source = ""
        self._at = 0  # where the unfinished line begins in the source
        self._last = Line()  # the last finished line
        self._broken: Line | None = None  # what the unfinished line is the rest of
        self._sheet = Sheet(Line(), limit // 2)
        self._ratio = 1.0  # what a character measures, by the last page
        self._closed: list[str] = []
        self._open = ""

    @property
    def closed(self) -> list[str]:
        """The pages that will not change any more."""
        self._settle()
        return self._closed

    @property
    def open(self) -> str:
        """The growing page; "" where there is nothing to show yet.

        Until ``end``, half-written markup is shown as what it will most likely become.
        """
        self._settle()
        return self._open

    @property
    def all(self) -> list[str]:
        """Every page as it stands now."""
        self._settle()
        return [*self._closed, self._open] if self._open else list(self._closed)

    def feed(self, text: str) -> None:
        """Take note of more text."""
        if self._margin is not None:
            text = self._margin + text
            margin = text[: len(text) - len(text.lstrip())]
            self._margin = margin.rpartition("\n")[2][:_MARGIN_LIMIT]
            if len(margin) == len(text):
                return
            text, self._margin = self._margin + text[len(margin) :], None
        if text:
            self._unread.append(text)
            self._is_stale = True

    def end(self, footer: str = "") -> None:
        """No more text comes: show it exactly as written, with ``footer`` under everything, outside
        of any code."""
        if footer:
            self._settle()
            last = self._next(self._source[self._at :])
            gap = "\n" * bool(last.text)
            if last.fence is not None:
                margin = "".join(" " * width or "> " for width in last.inside)
                gap += f"{margin}{last.fence.mark}\n\n"
            elif last.says or self._last.says:
                gap += "\n"
            self.feed(gap + footer)
        self._is_stale = self._has_ended = True

    # --- reading ---

    def _settle(self) -> None:
        """Bring the pages up to date with all that was fed."""
        if not self._is_stale:
            return
        self._is_stale = False
        self._source = self._source[self._at :] + "".join(self._unread)
        self._at = 0
        self._unread.clear()
        most = _WINDOW * self._limit
        wanted = self._likely_length()
        while True:
            is_more = self._fill(wanted)
            sheet = self._sheet
            as_written = is_more or self._has_ended
            shown = sheet.page(sheet.length) if as_written else sheet.growing()
            size = self._measure(shown) if shown else 0
            is_full = is_more and wanted >= most
            if size > self._limit or self._is_too_tall(shown) or (is_full and sheet.rows):
                self._cut(self._place(size))
                wanted = self._likely_length()
            elif is_full:  # a page does not begin with white space, however much there is
                self._broken = self._next(self._source[self._at : self._at + most])
                self._at += most
            elif is_more:
                wanted = min(wanted * 3 // 2, most)
            else:
                self._open = shown
                return

    def _likely_length(self) -> int:
        return min(int(self._limit * _MARGIN / self._ratio) + 16, _WINDOW * self._limit)

    def _is_too_tall(self, page: str) -> bool:
        return bool(self._height) and page.count("\n") + 1 > self._height * _TALL

    def _fill(self, wanted: int) -> bool:
        """Let the open page grow to ``wanted`` characters. Whether there are more."""
        sheet, source = self._sheet, self._source
        sheet.drop_unfinished()
        while sheet.length < wanted:
            end = source.find("\n", self._at, self._at + wanted)
            if end < 0:
                break
            self._last = self._next(source[self._at : end])
            self._at, self._broken = end + 1, None
            sheet.add(self._last)
        room = max(wanted - sheet.length, 0)
        half = source[self._at : self._at + room].partition("\n")[0]
        is_more = self._at + len(half) < len(source)
        if half or not is_more:
            sheet.add(self._next(half), unfinished=True)
        return is_more

    def _next(self, text: str) -> Line:
        return follow(self._last, text) if self._broken is None else self._broken.rest(text)

    # --- cutting ---

    def _cut(self, at: int) -> None:
        """Close the page at the offset and start the next one with what is left."""
        sheet = self._sheet
        if page := sheet.page(at):
            self._closed.append(page)
        index = sheet.row_at(at)
        row = sheet.rows[index]
        below = [row.line for row in sheet.finished[index + 1 :]]
        rest = row.text[at - row.start :].lstrip(" \t")
        if index == len(sheet.finished):
            self._at += len(row.line.text) - len(rest)
            self._broken = row.line
        elif rest:
            below.insert(0, row.line.rest(rest))
        self._sheet = Sheet(row.line, self._limit // 2)
        for line in below:
            self._sheet.add(line)

    def _place(self, size: int) -> int:
        """Where to cut a page of this measure: the best place that truly fits."""
        sheet = self._sheet
        least = sheet.least
        most = max(self._most_that_fits(size), least)
        for tries in range(32):
            at = sheet.best_break(least, most)
            page = sheet.page(at)
            size = self._measure(page)
            if size <= self._limit or at <= least:
                break
            most = max(least, at - 1 if tries < 2 else at // 2)
        self._ratio = min(max(size / max(len(page), 1), 1 / _WINDOW), _STEEPEST)
        return at

    def _most_that_fits(self, size: int) -> int:
        """About the greatest offset at which the page fits: estimated, then measured."""
        sheet, limit = self._sheet, self._limit
        high = sheet.length
        if self._height and len(sheet.rows) > self._height and self._is_too_tall(sheet.text):
            high = sheet.rows[self._height].start
            size = self._measure(sheet.page(high))
        if size <= limit:
            return high
        low = low_size = 0
        for tries in range(2 * _TRIES):
            step = (high - low) * (limit - low_size) // max(size - low_size, 1)
            step = step if tries < _TRIES else (high - low) // 2
            guess = min(max(low + step, low + 1), high - 1)
            guess_size = self._measure(sheet.page(guess))
            if guess_size > limit:
                high, size = guess, guess_size
            else:
                low, low_size = guess, guess_size
            is_near = high - low < 8 or low_size > limit - limit // 32
            if low and (is_near or tries >= _TRIES):
                break
        return low
