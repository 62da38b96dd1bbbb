"""As much Markdown as it takes to cut a text into pages and to show it half-written (pure).

``follow`` reads line after line and says what each one is, by CommonMark's rules for quotes,
lists, code, headings and tables. ``spans`` finds the links, code and emphasis of a paragraph,
``completed`` finishes the half-written. All of them take time linear in their text. Not known: HTML
blocks, link definitions.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum, auto

Containers = tuple[int, ...]
"""What a line stands in, outermost first: QUOTE, or the columns by which an item's text stands
in."""

QUOTE = 0
# Deeper nesting and longer marks than anybody writes are text, so that repeating them always fits.
_DEEPEST = 8
_QUOTE_MARK = re.compile(r" {0,3}>[ \t]?")
_ITEM = re.compile(r"( {0,3}(?:[-+*]|(\d{1,9})[.)]))(?:([ \t]+)(?=\S)|[ \t]*$)")
_FENCE = re.compile(r"( {0,3})(`{3,20}(?!`)|~{3,20}(?!~))(.*)$")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t]|$)")
_RULE = re.compile(r" {0,3}([-_*])(?:[ \t]*\1){2,}[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(?:-+|=+)[ \t]*$")
_DELIMITER = re.compile(r"\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*$")
_PIPE = re.compile(r"(?<!\\)\|")


class Kind(Enum):
    BLANK = auto()  # also the bare mark of a quote or an item
    TEXT = auto()  # of a paragraph
    HEADING = auto()
    RULE = auto()  # also the line under a heading's text
    DELIMITER = auto()  # the row under a table's header, which itself is TEXT
    ROW = auto()  # of a table
    OPENING = auto()  # of a fence
    CODE = auto()
    CLOSING = auto()
    INDENTED = auto()  # code without a fence


@dataclass(frozen=True, slots=True)
class Fence:
    """An open code fence: the columns before its mark, the mark, and the language it names."""

    indent: int
    mark: str
    info: str

    def is_closed_by(self, line: str) -> bool:
        match = _FENCE.match(line)
        return match is not None and match[2].startswith(self.mark) and not match[3].strip()


@dataclass(frozen=True, slots=True)
class Line:
    """One line and what is open after it.

    ``inside`` is what it stands in, the first ``kept`` of it opened by lines above. Its own words
    begin at ``body``. ``begins`` says that it goes on with no paragraph. ``table`` is the header
    and the delimiter row of the table that is open.
    """

    text: str = ""
    kind: Kind = Kind.BLANK
    kept: int = 0
    inside: Containers = ()
    body: int = 0
    fence: Fence | None = None
    table: tuple[str, str] | None = None
    begins: bool = True

    @property
    def says(self) -> str:
        return self.text[self.body :].strip()

    @property
    def is_like_a_header(self) -> bool:
        """Whether the line under it may make it a table's header."""
        return (
            self.kind is Kind.TEXT and self.begins and re.match(r"\|(?!\|)", self.says) is not None
        )

    def rest(self, text: str) -> Line:
        """What a line is that goes on with this one, which was cut in two."""
        same = self.kind in (Kind.TEXT, Kind.ROW, Kind.INDENTED)
        kind = self.kind if same else Kind.CODE if self.fence else Kind.TEXT
        kept = len(self.inside)
        return Line(text, kind, kept, self.inside, 0, self.fence, self.table, begins=False)


def follow(above: Line, text: str) -> Line:
    """The line after ``above``."""
    kept, at = matched(above.inside, text)
    is_whole = kept == len(above.inside)
    if above.fence is not None and is_whole:
        if above.fence.is_closed_by(text[at:]):
            return Line(text, Kind.CLOSING, kept, above.inside, at)
        return Line(text, Kind.CODE, kept, above.inside, at, above.fence)
    inside = above.inside[:kept]
    goes_on = above.kind is Kind.TEXT
    while len(inside) < _DEEPEST:
        may_not_interrupt = goes_on and is_whole and len(inside) == kept
        if (found := _opened(text, at, may_not_interrupt)) is None:
            break
        inside, at = (*inside, found[0]), found[1]
    body = len(text) - len(text[at:].lstrip())
    if body == len(text):
        return Line(text, Kind.BLANK, kept, inside, body)
    goes_on = goes_on and len(inside) == kept
    kind = _kind(text[at:], goes_on)
    if kind is Kind.OPENING and (match := _FENCE.match(text[at:])):
        fence = Fence(len(match[1]), match[2], match[3].strip())
        return Line(text, kind, kept, inside, body, fence)
    if kind in (Kind.TEXT, Kind.RULE) and is_whole and len(inside) == kept:
        if goes_on and _is_delimiter(above.says, text[body:]):
            table = above.says, text[body:].strip()
            return Line(text, Kind.DELIMITER, kept, inside, body, None, table)
        if above.table is not None and kind is Kind.TEXT:
            return Line(text, Kind.ROW, kept, inside, body, None, above.table)
    if kind is Kind.TEXT and goes_on:  # even without the marks of what the paragraph stands in
        return Line(text, kind, len(above.inside), above.inside, body, begins=False)
    return Line(text, kind, kept, inside, body)


def matched(inside: Containers, text: str) -> tuple[int, int]:
    """How many of the containers the line stays in, and the offset where their marks end."""
    at = 0
    for count, width in enumerate(inside):
        if width == QUOTE:
            mark = _QUOTE_MARK.match(text, at)
            if mark is None:
                return count, at
            at = mark.end()
            continue
        column, end = 0, at
        while column < width and end < len(text) and text[end] in " \t":
            column += 4 - column % 4 if text[end] == "\t" else 1
            end += 1
        if column < width and end < len(text):
            return count, at
        at = end
    return len(inside), at


def _opened(text: str, at: int, may_not_interrupt: bool) -> tuple[int, int] | None:
    """The quote or item that begins here, and where its content begins."""
    if quote := _QUOTE_MARK.match(text, at):
        return QUOTE, quote.end()
    item = _ITEM.match(text, at)
    if item is None or _RULE.match(text, at):
        return None
    if may_not_interrupt and (item[3] is None or item[2] not in (None, "1")):
        return None  # "1998. A year." at the start of a line is text
    mark = len(item[1])
    if item[3] is None:
        return mark + 1, len(text)
    width = mark + len(item[3].expandtabs(4))
    if width - mark > 4:  # an item that begins with indented code
        return mark + 1, at + mark + 1
    return width, item.end()


def _kind(body: str, goes_on: bool) -> Kind:
    margin = body[: len(body) - len(body.lstrip())]
    if len(margin.expandtabs(4)) >= 4:
        return Kind.TEXT if goes_on else Kind.INDENTED
    fence = _FENCE.match(body)
    if fence is not None and not (fence[2][0] == "`" and "`" in fence[3]):
        return Kind.OPENING
    if _HEADING.match(body):
        return Kind.HEADING
    return Kind.RULE if _RULE.match(body) or (goes_on and _UNDERLINE.match(body)) else Kind.TEXT


def _is_delimiter(header: str, row: str) -> bool:
    return "|" in header and bool(_DELIMITER.match(row)) and cells(header) == cells(row)


def cells(row: str) -> int:
    """How many cells a row of a table has."""
    row = row.strip()
    edges = row.startswith("|") + (row.endswith("|") and not row.endswith("\\|") and len(row) > 1)
    return len(_PIPE.findall(row)) + 1 - edges


# --- inside of a paragraph ---

_TOKEN = re.compile(
    r"\\[!-/:-@\[-`{-~]"  # escaped
    r"|`+|!?\[|\]|\*+|_+|~~|\|\|"
    r"|<[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*+>"
    r"|https?://[^\s<>()\[\]`*|]++"  # the underscores of a bare address are no emphasis
)
# Titles are bounded: looking for their end from every bracket would take quadratic time.
_DESTINATION = re.compile(
    r"\([ \t]*+(?:<[^<>\n]*+>|[^\s()<]*+(?:\([^\s()]*+\)[^\s()]*+)*+)"
    r"(?:[ \t]++(?:\"[^\"\n]{0,500}+\"|'[^'\n]{0,500}+'))?[ \t]*+\)"
)
_HALF_DESTINATION = re.compile(
    r"\([^\s()]*+(?:\([^\s()]*+\)?[^\s()]*+)?(?:[ \t]+[\"'][^\n]{0,500}+)?\Z"
)
# What ends a half-written text and may be the beginning of anything. Escaped, it is text.
_TAIL = re.compile(r"(?:\s|(?<!\\)(?:!?\[|[*_~`|]|\\))+\Z")
_TAIL_LENGTH = 40


@dataclass(slots=True)
class _Mark:
    """Markup that is waiting for its other end."""

    sign: str
    at: int
    size: int


class _Inline:
    """The inline markup of a paragraph to which more may come.

    ``spans`` are its links, code and emphasis, ``marks`` the signs that wait for their other end,
    ``link`` a link of which the address is missing: its bracket, and where its words end.
    """

    def __init__(self, text: str) -> None:
        self.spans: list[tuple[int, int]] = []
        self.marks: list[_Mark] = []
        self.link: tuple[_Mark, int] | None = None
        self._text = text
        self._brackets: list[_Mark] = []
        self._waiting = dict.fromkeys("*_~|", 0)
        self._ticks: dict[int, list[int]] = {}
        for run in re.finditer("`+", text):
            self._ticks.setdefault(len(run[0]), []).append(run.start())
        at = 0
        while token := _TOKEN.search(text, at):
            at = self._take(token[0], token.start(), token.end())
        if self._brackets and self.link is None and "\n" not in text[self._brackets[-1].at :]:
            self.link = self._brackets[-1], len(text)

    @property
    def half(self) -> int:
        """Where half-written markup begins that is probably meant as such; the end for nowhere."""
        marks = [*self.marks, self.link[0]] if self.link else self.marks
        return min((mark.at for mark in marks if self._is_likely(mark)), default=len(self._text))

    def completed(self) -> str:
        """The text with its half-written markup finished; of a half-written link, the words."""
        text = self._text
        found = [mark for mark in self.marks if self._is_likely(mark)]
        if self.link is not None and self._is_likely(self.link[0]):
            bracket, end = self.link
            found = [mark for mark in found if mark.at < end]
            text = text[: bracket.at] + text[bracket.at + bracket.size : end]
        text = text.rstrip()
        return text + "".join(mark.sign * mark.size for mark in reversed(found))

    def _is_likely(self, mark: _Mark) -> bool:
        """Whether a sign is markup rather than a sum (2*3), an index (a[1) or an ornament."""
        single = mark.size == 1 and mark.sign != "`"
        return mark.size <= 3 and not (single and mark.at and self._text[mark.at - 1].isalnum())

    def _take(self, token: str, start: int, end: int) -> int:
        """Where to look on."""
        match token[0]:
            case "`":
                return self._code(start, end - start)
            case "[" | "!":
                self._brackets.append(_Mark("[", start, end - start))
            case "]" if self._brackets:
                return self._link(self._brackets.pop(), start)
            case "<" | "h":
                self.spans.append((start, end))
            case "*" | "_" | "~" | "|":
                self._emphasis(token[0], start, end)
        return end

    def _code(self, start: int, size: int) -> int:
        starts = self._ticks.get(size, [])
        following = bisect_right(starts, start)
        if following < len(starts):
            end = starts[following] + size
            self.spans.append((start, end))
            return end
        self.marks.append(_Mark("`", start, size))
        return len(self._text)

    def _link(self, bracket: _Mark, end: int) -> int:
        if destination := _DESTINATION.match(self._text, end + 1):
            while self.marks and self.marks[-1].at > bracket.at:
                self._drop()
            self.spans.append((bracket.at, destination.end()))
            return destination.end()
        if end + 1 == len(self._text) or _HALF_DESTINATION.match(self._text, end + 1):
            self.link = bracket, end
            return len(self._text)
        return end + 1

    def _emphasis(self, sign: str, start: int, end: int) -> None:
        before = self._text[start - 1] if start else " "
        after = self._text[end] if end < len(self._text) else " "
        opens = not after.isspace() and (not _is_sign(after) or not _is_word(before))
        closes = not before.isspace() and (not _is_sign(before) or not _is_word(after))
        if sign == "_":
            opens, closes = opens and not _is_word(before), closes and not _is_word(after)
        size = end - start
        while closes and size and self._waiting[sign]:
            while self.marks[-1].sign != sign:
                self._drop()
            opening = self.marks[-1]
            used = min(size, opening.size)
            opening.size -= used
            size -= used
            self.spans.append((opening.at + opening.size, end - size))
            if not opening.size:
                self._drop()
        if opens and size:
            self.marks.append(_Mark(sign, end - size, size))
            self._waiting[sign] += 1

    def _drop(self) -> None:
        self._waiting[self.marks.pop().sign] -= 1


def _is_word(char: str) -> bool:
    return not char.isspace() and not _is_sign(char)


def _is_sign(char: str) -> bool:
    return unicodedata.category(char)[0] in "PS"


def spans(paragraph: str, *, growing: bool) -> list[tuple[int, int]]:
    """Where the paragraph should not be cut: its links, code and emphasis, merged and in order.

    With ``growing``, what is half-written reaches to the end.
    """
    inline = _Inline(paragraph)
    half = [(inline.half, len(paragraph))] if growing else []
    found: list[tuple[int, int]] = []
    for start, end in sorted(inline.spans + half):
        if found and start < found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def completed(paragraph: str) -> str:
    """A half-written paragraph as it will most likely look, without what is too short to tell."""
    tail = paragraph[-_TAIL_LENGTH:]
    if match := _TAIL.search(tail):
        paragraph = paragraph[: len(paragraph) - len(tail) + match.start()]
    return _Inline(paragraph).completed()
