"""The open page: lines of Markdown as they stand on it, and the best place to cut it (pure).

A ``Sheet`` goes on where the page before was cut. It makes anew what it begins inside of, knows how
good it is to part any two of its lines, and shows what is half-written as what it will become.
Offsets are those of its text.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from bot.markdown import QUOTE, Kind, Line, cells, completed, matched, spans

_INFO_LIMIT = 40  # repeated of a fence's info: some models write whole sentences there
_FAR = 64  # characters to step back to where no emoji is torn

_NEVER, _LINE, _ROW, _GAP = range(4)  # how good a place between two lines is
_APART = (Kind.OPENING, Kind.CLOSING, Kind.HEADING, Kind.RULE)
_MARKUP = (Kind.TEXT, Kind.HEADING, Kind.ROW)  # lines with inline markup in them
_BREAKS = (
    re.compile(r"[.!?…][\"'”’)\]*_]*\s+|[。！？][”’」』）]*\s*"),  # sentences
    re.compile(r"\s+|(?<=[\u3041-\u9fff\uac00-\ud7af])"),  # words; Chinese has no spaces
)
_ORDERED = re.compile(r"[ >]*\d{1,9}[.)][ \t]")
_TITLE = re.compile(r"\*\*[^*]+\*\*:?$")  # a line that models write instead of a heading
# What the rest of a line must not look like: it would be a block of its own.
_BLOCK = re.compile(r"#{1,6}\s|>|[-+*](?:\s|$)|\d{1,9}[.)](?:\s|$)|`{3}|~{3}|\||[-_*=]{2,}\s*$")
# A line that has only begun and may become a heading, item, rule, fence, check box or table.
_BARE = re.compile(r"(?:#{1,6}|[-+*_=]+|\d{1,9}[.)]|`{1,2}|~{1,2}|\[[ xX]?\]?|[|:-][\s|:-]*)$")

_Spans = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Row:
    """A line on the page, after ``lead`` characters that are not the line's own.

    ``depth`` counts the containers from before the page that it still stands in; ``margin`` is the
    indentation that it dropped beyond theirs.
    """

    start: int
    text: str
    lead: int
    line: Line
    depth: int
    margin: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def body(self) -> int:
        """Where its own words begin on the page."""
        return self.start + max(len(self.text) - len(self.line.text) + self.line.body, self.lead)


class Sheet:
    """``add`` lines that go on after the line ``above``, which stands on the page before.

    What is repeated at its beginning takes at most ``head_limit`` characters.
    """

    def __init__(self, above: Line, head_limit: int) -> None:
        self.rows: list[Row] = []
        self._above = above
        self._head_limit = head_limit
        self._unfinished = 0  # rows at the end
        self._text: str | None = ""

    @property
    def finished(self) -> list[Row]:
        return self.rows[: len(self.rows) - self._unfinished]

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = "\n".join(row.text for row in self.rows)
        return self._text

    @property
    def length(self) -> int:
        return self.rows[-1].end if self.rows else 0

    def page(self, at: int) -> str:
        """The page if it is cut at the offset."""
        if not self.rows:
            return ""
        row = self.rows[self.row_at(at)]
        closing = ""
        if row.line.fence is not None:
            margin = "".join(" " * width or "> " for width in row.line.inside[row.depth :])
            closing = f"\n{self._quotes(row.depth)}{margin}{row.line.fence.mark}"
        return self.text[:at].rstrip() + closing

    def row_at(self, at: int) -> int:
        """The index of the row that ends, or is cut, at the offset."""
        return max(bisect_left(self.rows, at, key=lambda row: row.start) - 1, 0)

    # --- laying out ---

    def add(self, line: Line, *, unfinished: bool = False) -> None:
        if self.rows or not self._is_nothing(line):
            self.rows.append(self._row(line))
            self._unfinished, self._text = int(unfinished), None
        elif not unfinished:
            self._above = line

    def drop_unfinished(self) -> None:
        if self._unfinished:
            self.rows.pop()
            self._unfinished, self._text = 0, None

    def _is_nothing(self, line: Line) -> bool:
        """Whether a page does not begin with the line: white space, or the end of a code block."""
        if line.kind is Kind.BLANK:
            text = line.text.replace(">", "") if QUOTE in self._above.inside else line.text
            return not text.strip()
        return line.kind is Kind.CLOSING or not line.says

    def _row(self, line: Line) -> Row:
        before = self.rows[-1] if self.rows else None
        under = self._above.inside
        depth = min(before.depth if before else len(under), line.kept)
        # The rest of a line that was cut in two has no marks of its own: its body is at 0.
        own = line.text[min(matched(under[:depth], line.text)[1], line.body) :]
        spaces = len(own) - len(own.lstrip())
        lead = self._quotes(depth)
        if before is None:
            # Platforms trim the first line: the lines beside it must not look deeper than it.
            margin = line.fence.indent if line.fence and line.kind is Kind.CODE else spaces
            if line.kind is Kind.INDENTED:
                margin, lead = 0, lead + "    " * (line.body == 0)
            lead = self._head(line, lead) + lead
        else:
            lead = self._between(before, line, depth) + lead
            margin = before.margin if depth == before.depth else spaces
            if line.says and line.kind is not Kind.CODE:
                margin = min(margin, spaces)
        start = before.end + 1 if before else 0
        return Row(start, lead + own[min(margin, spaces) :], len(lead), line, depth, margin)

    def _quotes(self, depth: int) -> str:
        return "> " * self._above.inside[:depth].count(QUOTE)

    def _head(self, line: Line, quotes: str) -> str:
        """The lines that make anew what a page begins inside of."""
        if line.kind is Kind.CODE and line.fence is not None:
            head = f"{quotes}{line.fence.mark}{line.fence.info[:_INFO_LIMIT]}\n"
            return head if len(head) <= self._head_limit else f"{quotes}{line.fence.mark}\n"
        if line.kind is Kind.ROW and line.table is not None:
            head = "".join(f"{quotes}{row}\n" for row in line.table)
            return head if len(head) <= self._head_limit else ""
        return ""

    def _between(self, before: Row, line: Line, depth: int) -> str:
        """The line that must end what only the end of an item, not made anew here, would end."""
        left = self._above.inside[depth : before.depth]
        above = before.line
        if not left or QUOTE in left or len(above.inside) > before.depth:
            return ""
        if above.fence is not None:
            return f"{self._quotes(depth)}{above.fence.mark}\n"
        is_unclear = above.table or (above.kind is Kind.TEXT and _ORDERED.match(line.text))
        return f"{self._quotes(depth)}\n" if is_unclear and line.says else ""

    # --- the best place ---

    @property
    def least(self) -> int:
        """The offset after the first character that counts: every page makes progress."""
        for row in self.rows:
            is_short = len(row.line.says) <= _INFO_LIMIT
            if row.line.says and not (row.line.kind is Kind.OPENING and is_short):
                return row.body + 1
        return self.rows[0].body + 1

    def best_break(self, least: int, most: int) -> int:
        """The best offset up to ``most`` to cut at: in the second half of what fits, if there is
        any place, else as far as it goes. Never before ``least``."""
        while most < self.length and self.text[most].isspace():
            most += 1  # white space at a cut goes
        joined = self._joined(most)
        half = max(least, most // 2)
        if not self.text[half:most].strip():
            return most  # somewhere in white space without end
        for floor, gently in ((half, True), (least, True), (half, False), (least, False)):
            at = self._outer(floor, most, joined, gently)
            if at := at or self._inner(floor, most, joined, gently):
                return at
        return self._whole(least, most)

    def _outer(self, floor: int, most: int, joined: _Spans, gently: bool) -> int:
        """The best place between two lines, 0 for none."""
        found = [0, 0, 0, 0]
        first = bisect_left(self.rows, floor, key=lambda row: row.start)
        for index in range(max(first, 1), len(self.rows)):
            start = self.rows[index].start
            if start > most:
                break
            rank = self._rank(index, gently)
            if rank != _LINE or not (gently and _is_inside(joined, start)):
                found[rank] = start
        return found[_GAP] or found[_ROW] or found[_LINE]

    def _rank(self, index: int, gently: bool) -> int:
        """How good it is to part this row from the one above."""
        above, line = self.rows[index - 1].line, self.rows[index].line
        if above.kind in (Kind.OPENING, Kind.DELIMITER) or line.kind is Kind.DELIMITER:
            return _NEVER
        if above.kind is Kind.TEXT and line.kind is Kind.RULE:
            return _NEVER  # perhaps a heading with a line under it
        spoken = index - 1
        while spoken and not self.rows[spoken].line.says:
            spoken -= 1
        if gently and _leads_on(self.rows[spoken].line):
            return _NEVER
        if line.kind in (Kind.CODE, Kind.CLOSING):
            return _ROW
        if not line.says or not above.says or line.kind in _APART or above.kind in _APART:
            return _GAP
        opens = len(line.inside) > line.kept or QUOTE in line.inside
        return _ROW if opens or line.kind in (Kind.ROW, Kind.INDENTED) else _LINE

    def _inner(self, floor: int, most: int, joined: _Spans, gently: bool) -> int:
        """The last place between two sentences, else words, 0 for none."""
        for closed in (joined,) if gently else (joined, []):
            for pattern in _BREAKS:
                ends = [match.end() for match in pattern.finditer(self.text, floor, most)]
                for at in reversed(ends):
                    if not _is_inside(closed, at) and self._may_cut(at, gently):
                        return at
        return 0

    def _may_cut(self, at: int, gently: bool) -> bool:
        """Whether a line may be cut in two at the offset."""
        row = self.rows[self.row_at(at)]
        if not (row.body < at < row.end) or row.line.kind in (Kind.OPENING, Kind.DELIMITER):
            return False
        if gently and (row.line.kind is not Kind.TEXT or row.line.is_like_a_header):
            return False
        return row.line.kind is Kind.CODE or _BLOCK.match(self.text, at, row.end) is None

    def _whole(self, least: int, most: int) -> int:
        """Step back from the middle of a joined emoji, an accented letter or a run of marks, unless
        that leads nowhere."""
        text = self.text
        for at in range(most, max(least, most - _FAR), -1):
            if not _joins(text[at - 1], text[at : at + 1]) and not _BLOCK.match(text, at):
                return at
        return most

    def _joined(self, most: int) -> _Spans:
        """Where links, code and emphasis stand up to the offset, in order."""
        found: _Spans = []
        index = 0
        while index < len(self.rows) and self.rows[index].start <= most:
            below = index + 1
            while below < len(self.rows) and not self.rows[below].line.begins:
                below += 1
            if self.rows[index].line.kind in _MARKUP:
                start = self.rows[index].body
                paragraph = self.text[start : self.rows[below - 1].end]
                inside = spans(paragraph, growing=below == len(self.rows))
                found += [(start + first, start + last) for first, last in inside]
            index = below
        return found

    # --- half-written ---

    def growing(self) -> str:
        """The page without what is too short to tell, and with what is half-written finished."""
        last = len(self.rows) - 1
        while last >= 0 and self._is_early(last):
            last -= 1
        if last < 0:
            return ""
        row, below = self.rows[last], self.rows[last + 1 :]
        text = self.page(row.end)
        if row.line.kind not in _MARKUP or len(below) > (row.line.kind is Kind.TEXT):
            return text  # nothing that is to come belongs to it
        if row.line.is_like_a_header and below[0].line.text.lstrip("> ")[:1] in ("", *"|:-"):
            margin = re.sub("[^>]", " ", self.text[row.start : row.body])
            return f"{text}\n{margin}|{'---|' * cells(row.line.says)}"
        while last and not self.rows[last].line.begins:
            last -= 1
        start = self.rows[last].body
        if row.line.kind is Kind.ROW:
            start = max(start, text.rfind("|", start, row.end - 1) + 1)
        return (text[:start] + completed(text[start:])).rstrip()

    def _is_early(self, index: int) -> bool:
        """Whether a row is only white space or markup as yet."""
        line = self.rows[index].line
        if not line.says or line.kind is Kind.OPENING:
            return True
        if index < len(self.rows) - self._unfinished or line.kind is Kind.CLOSING:
            return False
        if line.fence is not None:
            return line.fence.mark.startswith(line.says)
        return line.is_like_a_header or _BARE.match(line.says) is not None


def _leads_on(line: Line) -> bool:
    """Whether a line must not stay behind alone: a heading, or what may be a table's header."""
    is_title = line.kind is Kind.TEXT and line.begins and _TITLE.match(line.says) is not None
    return line.kind is Kind.HEADING or is_title or line.is_like_a_header


def _is_inside(joined: _Spans, at: int) -> bool:
    index = bisect_right(joined, at - 1, key=lambda span: span[0]) - 1
    return index >= 0 and at < joined[index][1]


def _joins(before: str, after: str) -> bool:
    """Whether two characters belong together."""
    return bool(after) and (
        before == "\u200d"
        or after in "\u200d\ufe0f\u20e3"
        or unicodedata.combining(after) != 0
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # skin tones
        or ("\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff")
        or ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")
        or (before == after and before in "`~*_")
        or (before == "\\" and not after.isalnum() and not after.isspace())
    )
