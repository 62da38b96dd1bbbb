"""Markdown on Telegram and Discord: what the platforms take, and nothing lost on the way."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations

from markdown_it import MarkdownIt

from adapters.discord.markup import length, to_discord
from adapters.telegram.entities import MOST_ENTITIES as MOST
from adapters.telegram.entities import Entity, utf16_length
from adapters.telegram.markup import render, visible_length
from tests.fuzz.draws import spelled

WORDS = [
    *(
        "**",
        "__",
        "~~",
        "||",
        "``",
        "```",
        "```py\n",
        "~~~\n",
        "\n\n",
        "\n",
        "## ",
        "> ",
        ">> ",
        "- ",
    ),
    *(
        "  - ",
        "1. ",
        "2) ",
        "- [ ] ",
        "- [x] ",
        "---\n",
        "| a | b |\n",
        "|---|---|\n",
        "| c | d | e |\n",
    ),
    *("](", "![", "[sea](https://a.example/x_y)", "![pier](https://a.example/p.png)", "@everyone"),
    *("<https://b.example>", "https://c.example/a_b_c", "[m](mailto:a@b.example)", "@here", "<@1>"),
    *(
        "<@&2>",
        "<@!3>",
        "#### ",
        "word ",
        " two words ",
        "é",
        "日本",
        "🌊",
        "👩\u200d🚀",
        "\u200b",
        "\t",
    ),
    *(
        "    ",
        "1998. ",
        "\ud83c",
        "\udf0a",
        "\0",
        "\u00a0",
        "\r\n",
        "|:-:|",
        "[![a](b)](c)",
        "&lt;",
    ),
    *("**b** " * 60, "`c` " * 60, "> " * 50, "- " * 50, "|" * 50, "tg://user?id=1", "\\", "\x85"),
    *("<@", "http://[::1]/", "(mailto:", "#" * 6, "\u2028", "\x1f", "\u3000"),
]


def check_telegram(data: bytes) -> None:
    markdown = spelled(data, WORDS)
    text, entities = render(markdown)
    units = text.encode("utf-16-le")
    assert utf16_length(text) == len(units) // 2
    room = visible_length(markdown)
    assert room == utf16_length(text) or (room > utf16_length(text) and len(entities) == MOST)
    assert text == text.rstrip()
    assert text == text.lstrip() or entities[0].type == "pre"
    assert len(entities) <= MOST
    assert entities == sorted(entities, key=lambda entity: (entity.offset, -entity.length))
    for entity in entities:
        assert 0 <= entity.offset < entity.end <= len(units) // 2
        inside = units[2 * entity.offset : 2 * entity.end].decode("utf-16-le")  # no half character
        assert inside.strip()
        assert entity.type == "pre" or inside == inside.strip()
        assert (entity.type == "text_link") == bool(entity.url), "a link to nowhere"
    for one, other in combinations(entities, 2):
        _agree(one, other)
    _has_every_letter(markdown, text, entities)


def _agree(one: Entity, other: Entity) -> None:
    """``one`` comes first. Two entities stand apart, or the second in the first."""
    if one.end <= other.offset:
        return
    assert other.end <= one.end, "two entities overlap"
    assert one.type not in ("code", "pre"), "nothing is formatted inside code"
    assert other.type not in ("code", "pre") or one.type == "blockquote", "no style around code"
    assert other.type != "blockquote", "quotes do not nest"
    assert one.type != other.type


_LANGUAGE = re.compile(r"(?:`{3,}|~{3,})[^\n]*")
_BOX = re.compile(r"\[[xX]\]")


def _has_every_letter(markdown: str, text: str, entities: list[Entity]) -> None:
    """No letter is dropped but of languages, of links' addresses and titles, and of check boxes."""
    seen = text + "".join(entity.url for entity in entities)
    hidden = "".join([*_LANGUAGE.findall(markdown), *_BOX.findall(markdown), _addresses(markdown)])
    missing = _letters(markdown) - _letters(seen) - _letters(hidden)
    assert not missing, f"lost: {missing}"


def _addresses(markdown: str) -> str:
    return "".join(re.findall(r"\]\([^\n]*", markdown))


def _letters(text: str) -> Counter[str]:
    return Counter(char for char in text if char.isalpha())


# Discord knows neither code by indentation nor link definitions.
_PARSER = MarkdownIt("commonmark").disable(["code", "reference", "html_block", "html_inline"])
_PINGS = re.compile(r"<@[!&]?\d+>|@(?:everyone|here)\b")


def check_discord(data: bytes) -> None:
    markdown = spelled(data, WORDS)
    shown = to_discord(markdown)
    assert length(markdown) == len(shown)
    assert not _PINGS.search(_outside_code(shown)), "a mention would light up"
    if "-|" not in markdown and "|-" not in markdown:  # a list has no place for one of the heads
        hidden = _addresses(markdown) + "".join(_BOX.findall(markdown))
        missing = _letters(markdown) - _letters(shown) - _letters(hidden)
        assert not missing, f"lost: {missing}"
    block = f"```\n{markdown.replace('`', '').replace('~', '')}\n```"
    assert to_discord(block) == block, "code stays as it is"


def _outside_code(markdown: str) -> str:
    """What is no code, by an independent parser. On Discord a blank line ends no span of code."""
    joined = re.sub(r"\n\s*\n", "\n", markdown)
    tokens = [token for block in _PARSER.parse(joined) for token in block.children or ()]
    return "".join(
        "\n" if token.type.endswith("break") else token.content
        for token in tokens
        if token.type != "code_inline"
    )
