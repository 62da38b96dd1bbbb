"""Markdown as Telegram shows it: plain text and the entities that format it (pure).

There is no parse mode, so nothing needs escaping and nothing can fail to parse: what is not
Markdown, raw HTML included, is shown as it was written. Half-written Markdown (an open ``**``, half
a table) is text until it is complete. No letter of the source is dropped but what is markup itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from markdown_it.token import Token

from adapters.telegram.dialect import NESTING, Parser
from adapters.telegram.entities import (
    MOST_ENTITIES,
    Entity,
    fitted,
    most_important,
    utf16_length,
)
from bot import thoughts

RULE = "─" * 10
_ENTITY_SHARE = 41  # units: a little more than a hundredth of a message
_COLUMN = 30  # cells that are wider stand out of their column instead of widening it for every row

_STYLES = {"strong": "bold", "em": "italic", "s": "strikethrough", "spoiler": "spoiler"}
_MAIL = "mailto:"
_MARKED = ("list_item_open", "blockquote_open")  # these begin with a mark of ours
_PARSER = Parser()


def render(markdown: str) -> tuple[str, list[Entity]]:
    """The visible text without white space around it, and at most 100 well-nested entities."""
    text, entities = _rendered(markdown)
    return text, most_important(entities)


def visible_length(markdown: str) -> int:
    """How much of a message's 4096 the text takes: the visible text in UTF-16 units, and more than
    there is where its entities are more than a message can have."""
    text, entities = _rendered(markdown)
    length = utf16_length(text)
    if len(entities) <= MOST_ENTITIES:
        return length
    return max(length, len(entities) * _ENTITY_SHARE)


@lru_cache(maxsize=32)
def _rendered(markdown: str) -> tuple[str, tuple[Entity, ...]]:
    """The visible text and all its entities. A page is measured before it is shown, so the newest
    few are kept. What has nothing visible (an empty code block) is shown as it was written."""
    source = _without_half_characters(markdown)
    tokens = _PARSER.parse(source)
    if any(token.level >= NESTING - 1 for token in tokens):
        return source.strip(), ()  # the parser drops what is nested deeper
    page = _Page()
    for token in tokens:
        page.add(token)
    text, entities = fitted("".join(page.text), page.entities)
    return text or source.strip(), tuple(entities)


@dataclass(slots=True)
class _List:
    """An open list; ``first`` is the first number as it was written, "" for bullets."""

    first: str = ""
    count: int = 0

    def marker(self, item: Token) -> str:
        """Numbers as they were written ("1998." is no 3rd item), counted where all are the same."""
        self.count += 1
        if not item.info:
            checked = item.meta.get("checked")
            return "• " if checked is None else "☑ " if checked else "☐ "
        number = item.info
        if self.count == 1:
            self.first = number
        elif number == self.first:
            number = str(int(number) + self.count - 1)
        return f"{number}{item.markup} "


class _Page:
    """Takes the parser's tokens one by one; grows ``text`` and ``entities`` (in characters)."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.entities: list[Entity] = []
        self._length = 0
        self._open: list[tuple[str, int, str]] = []
        self._lists: list[_List] = []
        self._indents: list[str] = []
        self._rows: list[list[str]] | None = None
        self._line_begins = True
        self._block_begins = True  # right after a list marker, or at the very start
        self._last_line = 0

    def add(self, token: Token) -> None:
        match token.type:
            case "paragraph_open":
                self._start_block(token)
            case "heading_open":
                self._start_block(token)
                self._begin("bold")
            case "heading_close":
                self._end()
            case "inline" if self._rows is not None:
                self._rows[-1].append(_plain(token.children or []))
            case "inline":
                self._inline(token.children or [])
            case "fence" | "code_block" if token.content.strip():
                self._start_block(token)
                self._code_block(token.content.rstrip(), _language(token.info))
            case "hr":
                self._start_block(token)
                self._write(RULE)
            case "table_open" | "tr_open" | "table_close":
                self._table(token)
            case _:
                self._container(token)

    def _container(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self._lists.append(_List())
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                self._start_block(token)
                marker = self._lists[-1].marker(token)
                self._write(marker)
                self._indents.append(" " * len(marker))
                self._block_begins = True
            case "blockquote_open" if self._indents or self._is_open("blockquote"):
                # Telegram's quotes do not nest, and stand at the start of a line.
                self._start_block(token)
                self._write("> ")
                self._indents.append("> ")
                self._block_begins = True
            case "blockquote_open":
                self._begin("blockquote")
            case "blockquote_close" if not self._indents:
                self._end()
                self._fold_thoughts()
            case "list_item_close" | "blockquote_close":
                self._indents.pop()
                self._block_begins = False

    def _inline(self, tokens: Iterable[Token]) -> None:
        for token in tokens:
            name, _, edge = token.type.rpartition("_")
            match token.type:
                case "text":
                    self._write(token.content)
                case "softbreak" | "hardbreak":
                    self._new_line()
                case "code_inline":
                    self._begin("code")
                    self._write(token.content)
                    self._end()
                case "link_open" | "link_close" if token.markup == "autolink":
                    pass  # Telegram finds the address by itself
                case "link_open":
                    self._begin("text_link", str(token.attrGet("href")))
                case "link_close":
                    self._end()
                case "image":
                    self._image(token)
                case _ if name in _STYLES and edge == "open":
                    self._begin(_STYLES[name])
                case _ if name in _STYLES:
                    self._end()

    def _image(self, token: Token) -> None:
        address = str(token.attrGet("src"))
        self._begin("text_link", address)
        if token.content.strip():
            self._inline(token.children or [])
        else:
            self._write(address)
        self._end()

    def _table(self, token: Token) -> None:
        match token.type:
            case "table_open":
                self._start_block(token)
                self._rows = []
            case "tr_open" if self._rows is not None:
                self._rows.append([])
            case "table_close" if self._rows is not None:
                self._code_block(_aligned(self._rows))
                self._rows = None

    def _code_block(self, code: str, language: str = "") -> None:
        """Code stands on lines of its own, without the indentation of a list around it."""
        if not self._line_begins:
            self._new_line()
        start = self._length
        self._put(code)
        self.entities.append(Entity("pre", start, len(code), language=language))
        self._line_begins = self._block_begins = False

    def _start_block(self, token: Token) -> None:
        """Leave the gap that the source has before this block: a line's end or a blank line."""
        first, last = token.map or (self._last_line, self._last_line)
        if not self._block_begins:
            self._put("\n" if first <= self._last_line else "\n\n")
            self._line_begins = True
        self._block_begins = False
        # The map of a list item spans all that is in it, and may end in blank lines.
        self._last_line = first + 1 if token.type in _MARKED else last

    def _new_line(self) -> None:
        self._put("\n")
        self._line_begins = True

    def _write(self, text: str) -> None:
        if self._line_begins and text:
            self._put("".join(self._indents))
            self._line_begins = False
        self._put(text)

    def _put(self, text: str) -> None:
        self.text.append(text)
        self._length += len(text)

    def _begin(self, kind: str, url: str = "") -> None:
        self._open.append((kind, self._length, url))

    def _end(self) -> None:
        kind, start, url = self._open.pop()
        if url.startswith(_MAIL):
            # Telegram takes no such link, but finds an address that can be seen.
            address = url.removeprefix(_MAIL)
            if self.text[-1:] != [address]:
                self._write(f" ({address})")
        elif kind == "text_link" and not url:
            pass  # a link to nowhere is its words
        elif not self._is_open(kind) and not (kind == "code" and self._is_open("text_link")):
            self.entities.append(Entity(kind, start, self._length - start, url))

    def _fold_thoughts(self) -> None:
        """A quote of what a model said to itself opens when somebody taps it."""
        quote = self.entities[-1]
        said = "".join(self.text)[quote.offset :].lstrip()
        if quote.type == "blockquote" and said.startswith(thoughts.MARK):
            self.entities[-1] = replace(quote, type="expandable_blockquote")

    def _is_open(self, kind: str) -> bool:
        return any(opened == kind for opened, _, _ in self._open)


def _plain(tokens: Iterable[Token]) -> str:
    """What a table cell says. Nothing in a code block can be a link: addresses are written out."""
    parts: list[str] = []
    addresses: list[str] = []
    for token in tokens:
        match token.type:
            case "link_open":
                addresses.append("" if token.markup == "autolink" else str(token.attrGet("href")))
            case "link_close":
                address = addresses.pop().removeprefix(_MAIL)
                if address and address not in parts[-1:]:
                    parts.append(f" ({address})")
            case "image":
                parts.append(" ".join(filter(None, (token.content, f"({token.attrGet('src')})"))))
            case "softbreak" | "hardbreak":
                parts.append(" ")
            case _:
                parts.append(token.content)
    return "".join(parts)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """The table's cells in columns of one width, under each other in a monospaced font."""
    columns = max(len(row) for row in rows)
    widths = [
        min(_COLUMN, max(_width(row[column]) for row in rows if column < len(row)))
        for column in range(columns)
    ]
    lines = [
        " | ".join(
            cell + " " * max(0, width - _width(cell))
            for cell, width in zip(row, widths, strict=False)
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-|-".join("-" * width for width in widths), *lines[1:]])


def _width(text: str) -> int:
    """Columns in a monospaced font: Chinese and most emoji take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _language(info: str) -> str:
    match = re.match(r"\s*([\w+#.-]{1,30})", info)
    return match[1].lower() if match else ""


def _without_half_characters(text: str) -> str:
    """Lone surrogates cannot be sent; a pair that was cut in two is one character again."""
    if text.isascii() or not re.search("[\ud800-\udfff]", text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
