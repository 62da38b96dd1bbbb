"""A model's Markdown as Discord is given it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.markup import RULE, length, to_discord

INERT = "\u200b"


@pytest.mark.parametrize(
    "text",
    [
        "plain words",
        "# One\n## Two\n### Three",
        "**bold** *italic* ~~gone~~ ||secret|| `code`",
        "- a\n  - b\n1. c\n> quoted",
        "[words](https://example.com) <https://example.com>",
        "a | b, and an e-mail to me@example.com",
        "```py\n# heading\n| a | b |\n|---|---|\n#### x\n@everyone <@1> ![a](b)\n```",
        "half a fence\n```\n#### still code @here",
        "`#### ![a](b) @everyone`",
        "``two ` ticks @here``",
        "####no heading",
        "> > quoted twice",
        "a + b\n--\n2 >> 1",
    ],
)
def test_what_discord_knows_stays_as_it_is(text: str) -> None:
    assert to_discord(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("#### Four", "**Four**"),
        ("###### Six ##", "**Six**"),
        ("#### A **bold** word", "**A bold word**"),
        ("#### `#### code`\ntext", "**`#### code`**\ntext"),
    ],
)
def test_deep_headings_are_bold(text: str, shown: str) -> None:
    assert to_discord(text) == shown


@pytest.mark.parametrize("rule", ["---", "***", "_ _ _", "  -----"])
def test_a_rule_is_a_line(rule: str) -> None:
    assert to_discord(f"a\n\n{rule}\n\nb") == f"a\n\n{RULE}\n\nb"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+ a\n  + b", "- a\n  - b"),
        ("- [ ] ask\n* [x] answer", "- ☐ ask\n* ☑ answer"),
        (">>> said\nall the rest", "> said\nall the rest"),
        (">> said", "> said"),
    ],
)
def test_lists_and_quotes_are_written_as_discord_reads_them(text: str, shown: str) -> None:
    assert to_discord(text) == shown


def test_code_has_the_only_mark_that_discord_knows() -> None:
    assert to_discord("~~~py\n#### x\n~~~") == "```py\n#### x\n```"
    assert to_discord("  ~~~~\n  ~~~\n  ~~~~") == "  ```\n  ~~~\n  ```"


def test_a_fence_inside_of_code_does_not_end_it() -> None:
    shown = to_discord("````md\n```py\nx\n```\n````\nend")

    assert shown.count("```") == 2
    assert shown.replace(INERT, "") == "```md\n```py\nx\n```\n```\nend"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[https://a.b/c](https://a.b/c/)", "https://a.b/c/"),
        ("[https://a.b](https://c.d)", "https://a.b (https://c.d)"),
        ("`[https://a.b](https://a.b)`", "`[https://a.b](https://a.b)`"),
    ],
)
def test_a_link_that_discord_would_refuse_shows_its_address(text: str, shown: str) -> None:
    assert to_discord(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![A cat](https://x/c.png)", "[A cat](https://x/c.png)"),
        ("![](https://x/c.png)", "[picture](https://x/c.png)"),
        ('![A](https://x/c.png "t")', '[A](https://x/c.png "t")'),
        ("[![CI](https://x/ci.svg)](https://x)", "[CI](https://x)"),
        ("wow![1]", "wow![1]"),
    ],
)
def test_pictures_are_links(text: str, shown: str) -> None:
    assert to_discord(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hi @everyone!", f"Hi @{INERT}everyone!"),
        ("@here", f"@{INERT}here"),
        ("<@1> <@!2> <@&3>", f"<@{INERT}1> <@{INERT}!2> <@{INERT}&3>"),
        ("`@here` @here", f"`@here` @{INERT}here"),
        ("a ` b @here", f"a ` b @{INERT}here"),
        (r"\`@here\`", rf"\`@{INERT}here\`"),
        ("@hereby", "@hereby"),
    ],
)
def test_mentions_look_the_same_and_ping_nobody(text: str, shown: str) -> None:
    assert to_discord(text) == shown


def test_a_table_is_aligned_in_a_code_block() -> None:
    table = (
        "Prices:\n\n| Name | Price |\n|:-----|------:|\n| **Tea** | 3.50 |\n| `Cake` | 12 |\n\nEnd"
    )
    assert to_discord(table) == (
        "Prices:\n\n```\nName  Price\n────  ─────\nTea    3.50\nCake     12\n```\n\nEnd"
    )


def test_wide_letters_take_two_columns() -> None:
    lines = to_discord("| 猫 | b |\n|---|---|\n| 🐈 | c |\n| x | d |").splitlines()
    assert lines[1:-1] == ["猫  b", "──  ─", "🐈  c", "x   d"]


def test_a_table_too_wide_for_a_phone_is_a_list() -> None:
    table = (
        "| Model | Maker | Strength |\n|---|---|---|\n"
        "| GPT | OpenAI | knows very nearly everything there is |\n| Claude | | `code` @here |"
    )
    assert to_discord(table) == (
        "- **GPT** · Maker: OpenAI · Strength: knows very nearly everything there is\n"
        f"- **Claude** · Strength: `code` @{INERT}here"
    )


def test_links_in_a_table_stay_links() -> None:
    table = "| a | b |\n|---|---|\n| x | [y](https://z) |"
    assert to_discord(table) == "- **x** · b: [y](https://z)"


def test_no_cell_of_a_table_is_lost() -> None:
    shown = to_discord("| a | b |\n|---|---|\n| 1 | 2 | 3 |\n| 4 |\n| x\\|y | z |")
    assert "1    2 | 3" in shown
    assert "4" in shown
    assert "x|y  z" in shown


def test_half_a_table_waits_for_its_rule() -> None:
    assert to_discord("| a | b |") == "| a | b |"
    assert to_discord("| a | b |\n|--") == "| a | b |\n|--"
    assert to_discord("| a | b |\n|--|--|").startswith("```\na  b\n")


def test_the_length_is_that_of_what_is_sent() -> None:
    assert length("@here") == len("@here") + 1
    assert length("😀") == 1


@given(st.text(alphabet="ab`*_|-#!@[]()\n ~>\\:", max_size=200))
def test_any_text_comes_out_and_code_blocks_stay(text: str) -> None:
    to_discord(text)
    block = f"```\n{text.replace('`', '')}\n```"
    assert to_discord(block) == block


@pytest.mark.parametrize(
    "text",
    [
        "`" + " ``" * 20_000,
        "|" * 50_000 + "\n" + "|-" * 50_000 + "\n" + "|\n" * 20_000,
        "[![" * 40_000,
        "\n".join("`" * count for count in range(1, 400)),
        "####" + " " * 100_000 + "x",
        "a|b\n" * 50_000,
        "~~~\n" * 30_000 + "|",
        "<@" * 50_000,
        "[https://a" * 10_000,
        "\n" * 100_000 + "|",
        "+" + " " * 100_000 + "-" * 100_000,
        "- " * 50_000 + "x",
    ],
)
def test_the_worst_text_takes_linear_time(text: str) -> None:
    begun = time.process_time()
    to_discord(text)
    assert time.process_time() - begun < 1.0


def test_a_model_s_thoughts_are_small_print() -> None:
    markdown = "> 💭 *Thought for 4 s*\n> The fox is @everyone.\n\nIt stands out.\n\n> a quote"

    assert to_discord(markdown) == (
        "-# 💭 *Thought for 4 s*\n-# The fox is @\u200beveryone.\n\nIt stands out.\n\n> a quote"
    )


@pytest.mark.parametrize(
    "text", ["_@here_", "> ```py\n@here", "## `\n@here` `", "@everyone_", "~~~\n> ~~~\n~~~\n@here"]
)
def test_no_mention_lights_up_where_only_we_see_code_or_a_word(text: str) -> None:
    assert "@here" not in to_discord(text)
    assert "@everyone" not in to_discord(text)
