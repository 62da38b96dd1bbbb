"""Pages: each one fits, a closed one never changes, and every word comes once and in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from markdown_it import MarkdownIt

from adapters.discord.markup import length
from adapters.telegram.entities import utf16_length
from adapters.telegram.markup import visible_length
from bot.pages import Pages
from tests.fuzz.draws import Draws, pieces, spelled

MEASURES: Sequence[Callable[[str], int]] = (len, utf16_length, length, visible_length)
FAMILY = "👨\u200d👩\u200d👧\u200d👦"

WORDS = [
    *(
        "```",
        "```python\n",
        "~~~",
        "````",
        "```\n",
        "\n```\n",
        "\n\n",
        "\n",
        "> ",
        "- ",
        "    ",
        "\t",
    ),
    *("word ", "a sentence. ", "| a | b |\n", "|---|---|\n", "[sea](https://a.example/b)", "**"),
    *("#### ", "![", "](", "@here", "||", "`", "<", "1. ", "longword" * 8, "line of words\n" * 4),
    *(
        "x" * 90,
        "é",
        "e\u0301",
        "🌊",
        FAMILY,
        "\u200b",
        "日本",
        "🇩🇪",
        "\u00a0",
        "\u2028",
        "\r\n",
        "\r",
    ),
    *("\x0b", "…", "word " * 30, " " * 50, "`" * 30, "~" * 90, "```" + "info " * 30),
]
PROSE = ["word", "high", "water,", "**bold**", "it is.", "日本", "🌊", "longish-word", "a", "b"]
CODE = ["x = 1", "    return", "def f():", "", "# **no** heading", "`tick`", "- [x] y", "> z", "~~"]


def check(data: bytes) -> None:
    draws = Draws(data)
    limit = 100 + draws.pick([0, 1, 20, 100, 1900])
    measure = draws.pick(MEASURES)
    footer = draws.pick(["", "", "⚠️ The answer broke off.", "word " * 30])
    well_formed = draws.flag()
    sizes = draws.take(draws.below(8))
    if well_formed:
        _stays_what_it_is(draws, limit, sizes)
        return
    text = spelled(draws.rest(), WORDS)
    cut = Pages(limit, measure)
    _fed(cut, pieces(text, sizes), limit, measure)
    closed = list(cut.closed)
    cut.end(footer)
    assert cut.closed[: len(closed)] == closed, "a closed page has changed"
    assert all(measure(page) <= limit for page in cut.all), "the end does not fit"
    _says(cut.all, text + footer)


def _fed(
    cut: Pages, chunks: Iterable[str], limit: int, measure: Callable[[str], int] = len
) -> None:
    closed: list[str] = []
    for chunk in chunks:
        cut.feed(chunk)
        assert cut.closed[: len(closed)] == closed, "a closed page has changed"
        assert cut.all == [*cut.closed, *([cut.open] if cut.open else [])]
        for page in cut.all[len(closed) :]:
            assert measure(page) <= limit, f"a page of {measure(page)} where {limit} are allowed"
        assert all(page.strip() for page in cut.all), "a page of nothing"
        closed = list(cut.closed)


# A page may begin with the line of the fence, or with the head of the table, that goes on in it.
_AGAIN = re.compile(r"[ \t>]*(?:`{3,}|~{3,})[^\n]*(?:\n|$)|[^\n]*\|[^\n]*\n[ \t>|:-]+(?:\n|$)")
_SILENT = re.compile(r"[\s`~>]+")


def _says(shown: Sequence[str], text: str) -> None:
    """The pages say what the text says, but for what they begin with once more."""
    wanted = _SILENT.sub("", text)
    reached = {0}  # places in the text that the pages so far may have led to
    for number, page in enumerate(shown):
        ways = {_SILENT.sub("", page)}
        if number and (again := _AGAIN.match(page)) is not None:
            ways.add(_SILENT.sub("", page[again.end() :]))
        reached = {at + len(way) for at in reached for way in ways if wanted.startswith(way, at)}
    assert len(wanted) in reached, "words were lost, doubled or moved"


def _stays_what_it_is(draws: Draws, limit: int, sizes: bytes) -> None:
    """An answer as it should be: what was code is code on every page, and what was prose is not."""
    blocks: list[str] = []
    while not draws.is_over:
        if draws.flag():
            mark = draws.pick(["```", "````", "~~~"])
            lines = [draws.pick(CODE) for _ in range(draws.below(40))]
            blocks.append("\n".join([mark + draws.pick(["", "python", "c++"]), *lines, mark]))
        else:
            blocks.append(" ".join(draws.pick(PROSE) for _ in range(1 + draws.below(60))))
    text = "\n\n".join(blocks)
    cut = Pages(limit)
    _fed(cut, pieces(text, sizes), limit)
    cut.end()
    prose, code = _words(text)
    seen = [_words(page) for page in cut.all]
    assert "".join(words for words, _ in seen) == prose, "prose has become something else"
    assert "".join(words for _, words in seen) == code, "code has become something else"


def _words(markdown: str) -> tuple[str, str]:
    """The letters of the prose and the letters of the code, by an independent parser."""
    prose = code = ""
    for token in MarkdownIt().parse(markdown):
        if token.type in ("fence", "code_block"):
            code += "".join(token.content.split())
        elif token.type == "inline":
            prose += "".join(token.content.split())
    return prose, code
