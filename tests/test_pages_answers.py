"""Pages of whole answers, word for word, against an independent Markdown parser."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.pages import Pages

PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])

Word = tuple[str, tuple[object, ...]]
"""A word and what it is: code of which language, quoted how deep, heading, cell, styles."""


def words(markdown: str) -> list[Word]:
    found: list[Word] = []
    outer: Counter[str] = Counter()
    for token in PARSER.parse(markdown):
        if token.type in ("fence", "code_block"):
            context = "code", token.info.strip(), outer["blockquote"]
            found += [(word, context) for word in token.content.split()]
        elif token.type == "inline":
            block = outer["blockquote"], outer["heading"], outer["th"] + outer["td"]
            found += [(word, ("text", *block, *styles)) for word, styles in _styled(token)]
        else:
            outer[token.type.rpartition("_")[0]] += token.nesting
    return found


def _styled(inline: Token) -> Iterator[tuple[str, tuple[str, ...]]]:
    styles: list[str] = []
    for token in inline.children or []:
        match token.nesting:
            case 1:
                styles.append(f"{token.type}{token.attrs.get('href', '')}")
            case -1:
                styles.pop()
            case _ if token.type in ("text", "code_inline"):
                inner = (*styles, token.type)
                yield from ((word, inner) for word in token.content.split())


def words_of_all(pages: list[str]) -> list[Word]:
    """The words of all pages but the headers of tables that are repeated."""
    found: list[Word] = []
    seen: set[Word] = set()
    for page in pages:
        is_head = True
        for word in words(page):
            is_cell = word[1][0] == "text" and bool(word[1][3])
            is_head = is_head and is_cell and word in seen
            if not is_head:
                found.append(word)
        seen.update(found)
    return found


def code_lines(markdown: str) -> list[str]:
    """The lines of code with their indentation."""
    blocks = [token for token in PARSER.parse(markdown) if token.type in ("fence", "code_block")]
    lines = [line.rstrip() for block in blocks for line in block.content.split("\n")]
    return [line for line in lines if line]


class Writer:
    """Writes an answer in which every word is another one, by the choices of ``random``."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers = count(1)

    def pick(self, *choices: str) -> str:
        return self._random.choice(choices)

    def number(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def word(self) -> str:
        number, letters = next(self._numbers), ""
        while number:
            number, digit = divmod(number, 26)
            letters += chr(97 + digit)
        return "w" + letters

    def phrase(self, most: int) -> str:
        return " ".join(self.styled() for _ in range(self.number(1, most)))

    def styled(self) -> str:
        word, other = self.word(), self.word()
        match self.number(0, 14):
            case 0:
                return f"**{word} {other}**"
            case 1:
                return f"*{word}* {other}"
            case 2:
                return f"`{word} {other}`"
            case 3:
                return f"[{word} {other}](https://{self.word()}.example/a_(b)_c)"
            case 4:
                return f"~~{word} {other}~~"
            case 5:
                return f"**{word} *{other}* {self.word()}**"
            case 6:
                return f"{word}{self.pick('.', ',', '?', ':')} {other}"
        return word

    def blocks(self, depth: int = 0, most: int = 6) -> list[str]:
        lines: list[str] = []
        for _ in range(self.number(1, most)):
            block = self.block(depth)
            may_follow_at_once = block[0][:2] in ("``", "~~", "##", "- ", "1.")
            if lines and not (may_follow_at_once and self.number(0, 1)):
                lines.append("")
            lines += block
        return lines

    def block(self, depth: int) -> list[str]:
        match self.number(0, 10):
            case 0 | 1:
                return self.code()
            case 2:
                return self.table()
            case 3:
                return self.heading()
            case 4 if depth < 2:
                lines = self.quote(depth)
                # It goes on with the quote though it has no mark.
                return [*lines, self.phrase(9)] if lines[-1].startswith("> w") else lines
            case 5 | 6 if depth < 2:
                return self.items(depth)
            case 7 if depth == 0:
                return [*self.heading(), "", *("    " + self.phrase(1) for _ in range(5))]
        return [self.phrase(20) for _ in range(self.number(1, 3))]

    def heading(self) -> list[str]:
        return ["#" * self.number(1, 4) + " " + self.phrase(4)]

    def code(self) -> list[str]:
        mark = self.pick("```", "````", "~~~")
        lines = [
            " " * self.number(0, 6) + " ".join(self.word() for _ in range(self.number(1, 5)))
            for _ in range(self.number(1, 14))
        ]
        if len(lines) > 3:
            lines.insert(2, "")
        return [mark + self.pick("", "python", "c++"), *lines, mark]

    def table(self) -> list[str]:
        columns = self.number(1, 3)
        header, *rows = (
            "| " + " | ".join(self.phrase(1) for _ in range(columns)) + " |"
            for _ in range(self.number(2, 12))
        )
        return [header, "|" + "---|" * columns, *rows]

    def quote(self, depth: int) -> list[str]:
        return ["> " + line if line else ">" for line in self.blocks(depth + 1, 2)]

    def items(self, depth: int) -> list[str]:
        mark = self.pick("-", "*", "1.", "1." if depth else "10.")
        first = int(mark[:-1]) if mark[-1] == "." else 0
        indent = " " * self.number(0, 1)
        lines: list[str] = []
        for number in range(self.number(1, 6)):
            own = indent + (f"{first + number}. " if first else mark + " ")
            content = self.code() if self.number(0, 9) == 0 else [self.phrase(12)]
            if depth < 2 and self.number(0, 2) == 0:
                content += self.inner_block(depth + 1)
            margin = " " * (len(own) + (self.number(0, 2) if content[0][0].isalpha() else 0))
            lines += [own + content[0], *(margin + line if line else "" for line in content[1:])]
        return lines

    def inner_block(self, depth: int) -> list[str]:
        match self.number(0, 5):
            case 0:
                return self.code()
            case 1 | 2:
                return self.items(depth)
            case 3:
                return ["", *self.table()]
            case 4:
                return ["", *self.quote(depth)]
        return ["", *self.block(2)]


answers = st.randoms(use_true_random=False).map(lambda random: "\n".join(Writer(random).blocks()))


@pytest.mark.parametrize("limit", [300, 700])
@given(text=answers, size=st.integers(1, 400))
@settings(max_examples=200, deadline=None)
def test_every_word_appears_once_in_order_as_what_it_was(limit: int, text: str, size: int) -> None:
    pages = Pages(limit)
    frozen: list[str] = []
    for start in range(0, len(text), size):
        pages.feed(text[start : start + size])
        assert pages.closed[: len(frozen)] == frozen
        assert len(pages.open) <= limit
        frozen = list(pages.closed)
    pages.end()

    assert pages.closed[: len(frozen)] == frozen
    assert all(len(page) <= limit for page in pages.all)
    assert words_of_all(pages.all) == words(text)
    assert [line for page in pages.all for line in code_lines(page)] == code_lines(text)


@given(text=answers)
@settings(max_examples=40, deadline=None)
def test_every_growing_page_closes_what_it_opens(text: str) -> None:
    pages = Pages(100_000)
    for start in range(0, len(text), 59):
        pages.feed(text[start : start + 59])
        shown = words(pages.open)
        # All words but the last few, of which the latest may be half there, are what they will be.
        assert shown[:-8] == words(text)[: len(shown[:-8])]
