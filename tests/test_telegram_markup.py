"""Markdown on Telegram: the text people see, and where it is formatted."""

from __future__ import annotations

import re
import time
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.telegram.entities import Entity, utf16_length
from adapters.telegram.markup import RULE, render, visible_length
from adapters.telegram.outbound import formatted
from adapters.telegram.surface import capabilities, overall
from bot.pages import Pages
from bot.types import Channel

STYLES = ("bold", "italic", "strikethrough", "spoiler")

# Pieces that models write, whole and half, and everything that people can type.
PIECES = st.sampled_from(
    [
        *("**", "*", "_", "__", "~~", "||", "`", "``", "```", "```py\n", "~~~\n", "\n", "\n\n"),
        *("# ", "## ", "> ", ">> ", "- ", "  - ", "1. ", "2) ", "- [ ] ", "- [x] ", "---\n", "\\"),
        *(
            "| a | b |\n",
            "|---|---|\n",
            "| c | d | e |\n",
            "|",
            "[",
            "](",
            ")",
            "![",
            "<",
            ">",
            "&",
        ),
        *("[sea](https://a.example/x_y)", "<https://b.example>", "https://c.example/a_b_c"),
        *(
            "word",
            "word ",
            " two words ",
            "é",
            "日本",
            "🌊",
            "👩‍🚀",
            "\u200b",
            "\t",
            "    ",
            "1998. ",
        ),
    ]
)
MARKDOWN = st.lists(PIECES, max_size=40).map("".join)
ANYTHING = st.one_of(MARKDOWN, st.text(max_size=200), st.builds(str.__add__, MARKDOWN, st.text()))


def covered(text: str, entity: Entity) -> str:
    units = text.encode("utf-16-le")
    return units[2 * entity.offset : 2 * entity.end].decode("utf-16-le")


def seen(markdown: str) -> tuple[str, list[tuple[str, str]]]:
    """The visible text and (kind, covered text) of each entity."""
    text, entities = render(markdown)
    return text, [(entity.type, covered(text, entity)) for entity in entities]


# --- what each kind of Markdown becomes ---


@pytest.mark.parametrize(
    ("markdown", "kind"),
    [
        ("**high** water", "bold"),
        ("__high__ water", "bold"),
        ("*high* water", "italic"),
        ("_high_ water", "italic"),
        ("~~high~~ water", "strikethrough"),
        ("||high|| water", "spoiler"),
        ("`high` water", "code"),
    ],
)
def test_a_style_is_an_entity_over_its_words(markdown: str, kind: str) -> None:
    assert seen(markdown) == ("high water", [(kind, "high")])


def test_styles_nest() -> None:
    text, entities = seen("**bold *and ~~all~~* of it**")

    assert text == "bold and all of it"
    assert entities == [
        ("bold", "bold and all of it"),
        ("italic", "and all"),
        ("strikethrough", "all"),
    ]


def test_a_style_makes_room_for_code_in_it() -> None:
    text, entities = seen("**use `x` now**")

    assert text == "use x now"
    assert entities == [("bold", "use"), ("code", "x"), ("bold", "now")]


def test_a_heading_is_bold() -> None:
    assert seen("## The **tide**\nrises") == ("The tide\nrises", [("bold", "The tide")])


def test_a_code_block_keeps_its_lines_its_indentation_and_its_language() -> None:
    text, entities = render("See:\n\n```python\n    x = 1\n\ny = **2**\n```\n\nDone.")

    assert text == "See:\n\n    x = 1\n\ny = **2**\n\nDone."
    assert entities == [Entity("pre", 6, 20, language="python")]


def test_a_page_that_begins_inside_code_keeps_the_first_indentation() -> None:
    text, entities = render("```py\n    return x\n```")

    assert text == "    return x"
    assert entities == [Entity("pre", 0, 12, language="py")]


def test_a_link_to_the_web_is_a_link_and_any_other_stays_as_it_was_written() -> None:
    text, entities = render("[sea](https://sea.example) [file](docs/a.md) [x](javascript:alert)")

    assert text == "sea [file](docs/a.md) [x](javascript:alert)"
    assert entities == [Entity("text_link", 0, 3, url="https://sea.example")]


def test_a_link_that_telegram_would_refuse_stays_as_it_was_written() -> None:
    assert seen("[app](http://localhost:3000)") == ("[app](http://localhost:3000)", [])


def test_a_mail_address_is_written_out_for_telegram_to_find() -> None:
    assert seen("[write us](mailto:a@b.example)") == ("write us (a@b.example)", [])


def test_addresses_are_left_alone() -> None:
    markdown = "https://a.example/wiki/A_(b)_c_d_e and <https://b.example/x_y_z>."

    assert seen(markdown) == (
        "https://a.example/wiki/A_(b)_c_d_e and https://b.example/x_y_z.",
        [],
    )


def test_a_picture_is_a_link_to_it() -> None:
    text, entities = render("![a pier](https://a.example/p.png)")

    assert text == "a pier"
    assert entities == [Entity("text_link", 0, 6, url="https://a.example/p.png")]


def test_lists_have_bullets_numbers_and_indentation() -> None:
    text, _ = render("- a\n- b\n  1. c\n     more\n  2. d\n\n     apart\n\n1998. e\n2005. f")

    assert text == ("• a\n• b\n  1. c\n     more\n  2. d\n\n     apart\n\n1998. e\n2005. f")


def test_a_list_of_ones_is_counted() -> None:
    assert render("1. a\n1. b\n1. c")[0] == "1. a\n2. b\n3. c"


def test_tasks_have_boxes() -> None:
    assert render("- [ ] ask\n- [x] answer")[0] == "☐ ask\n☑ answer"


def test_a_quotation_is_one_entity_over_all_its_lines() -> None:
    text, entities = seen("> high\n>\n> **water**\n\nsaid Bob")

    assert text == "high\n\nwater\n\nsaid Bob"
    assert entities == [("blockquote", "high\n\nwater"), ("bold", "water")]


def test_a_quotation_in_a_quotation_shows_its_mark() -> None:
    assert seen("> a\n> > b") == ("a\n> b", [("blockquote", "a\n> b")])


def test_a_table_is_aligned_in_monospace() -> None:
    text, entities = seen("| Port | Tide |\n|:--|--:|\n| 東京 | **low** |\n| Rye | high | late |")

    assert text == "\n".join(
        ["Port | Tide", "-----|------------", "東京 | low", "Rye  | high | late"]
    )
    assert [kind for kind, _ in entities] == ["pre"]


def test_a_table_cell_keeps_the_address_of_its_link() -> None:
    text, _ = render("| a |\n|---|\n| [sea](https://sea.example) |")

    assert "sea (https://sea.example)" in text


def test_a_rule_is_a_line() -> None:
    assert render("a\n\n---\n\nb")[0] == f"a\n\n{RULE}\n\nb"


def test_html_and_special_characters_are_shown_as_they_were_written() -> None:
    markdown = "<b>5 < 6</b> && a > b &lt; vector<std::string> # no heading, a_b_c 2*3"

    assert seen(markdown) == (markdown, [])


def test_bars_in_code_and_logic_are_no_spoiler() -> None:
    assert seen("if a || b and c || d") == ("if a || b and c || d", [])
    assert seen("`a||b||c`") == ("a||b||c", [("code", "a||b||c")])


def test_definitions_of_links_do_not_vanish() -> None:
    assert render("see [1]\n\n[1]: https://a.example")[0] == "see [1]\n\n[1]: https://a.example"


@pytest.mark.parametrize(
    "half",
    ["a **bold", "a ~~gone", "a ||secret", "a `code", "a [link](https://", "| a | b |\n|--"],
)
def test_half_written_markdown_is_text(half: str) -> None:
    assert seen(half) == (half, [])


def test_an_open_fence_is_code_already() -> None:
    assert seen("So:\n```py\nx =") == ("So:\nx =", [("pre", "x =")])


def test_offsets_count_an_emoji_as_two() -> None:
    text, entities = render("🌊🌊 **high🌊** water")

    assert text == "🌊🌊 high🌊 water"
    assert entities == [Entity("bold", 5, 6)]


def test_half_an_emoji_is_repaired_or_replaced() -> None:
    assert render("\ud83c\udf0a and \ud83c")[0] == "🌊 and \ufffd"


def test_of_too_many_entities_code_and_links_are_kept() -> None:
    _, entities = render(" ".join(["**b**"] * 90 + ["`c`"] * 40 + ["[l](https://a.example)"] * 20))

    kinds = Counter(entity.type for entity in entities)
    assert kinds == {"code": 40, "text_link": 20, "bold": 40}
    assert entities == sorted(entities, key=lambda entity: entity.offset)


def test_a_text_of_more_entities_than_a_message_has_measures_more_than_a_message() -> None:
    assert visible_length("**b** " * 100) == 199
    assert visible_length("**b** " * 101) > 4096
    assert visible_length("**b** " * 5000) > visible_length("**b** " * 4000)


def test_pages_are_cut_before_their_entities_run_out() -> None:
    private = capabilities(Channel("telegram", "", "7"), overall(30))
    pages = Pages(private.page_limit, private.measure)
    for number in range(300):
        pages.feed(f"**b{number}** `c` [l](https://a.example/{number})\n")
    pages.end()

    sent = [len(formatted(page)[1] or []) for page in pages.all]
    assert sum(sent) == 900
    assert all(80 < entities <= 100 for entities in sent[:-1])


def test_a_text_that_was_just_measured_is_not_parsed_again() -> None:
    text = "Some **bold** text, measured before it is shown."
    visible_length(text)

    assert render(text)[1][0] is render(text)[1][0]


@pytest.mark.parametrize("hollow", ["```\n```", "```py", "#", ">", "`" * 30])
def test_markup_around_nothing_is_shown_as_it_was_written(hollow: str) -> None:
    assert render(hollow) == (hollow, [])


def test_nesting_without_end_loses_no_text() -> None:
    assert "deep" in render("> " * 300 + "deep")[0]
    assert "deep" in render("- " * 300 + "deep")[0]


# --- what is true of every text ---


@given(ANYTHING)
def test_any_text_gives_entities_that_telegram_takes(markdown: str) -> None:
    text, entities = render(markdown)
    units = text.encode("utf-16-le")

    assert len(entities) <= 100
    if len(entities) < 100:
        assert visible_length(markdown) == utf16_length(text) == len(units) // 2
    for entity in entities:
        assert 0 <= entity.offset < entity.end <= len(units) // 2
        inside = units[2 * entity.offset : 2 * entity.end].decode("utf-16-le")  # no half character
        assert entity.type == "pre" or inside == inside.strip()
        assert inside.strip()


@given(ANYTHING)
def test_entities_are_in_order_and_well_nested(markdown: str) -> None:
    _, entities = render(markdown)

    assert entities == sorted(entities, key=lambda entity: (entity.offset, -entity.length))
    for one, other in combinations(entities, 2):
        apart = one.end <= other.offset
        inside = other.end <= one.end
        assert apart or inside, (one, other)
        assert apart or one.type not in ("code", "pre"), "nothing is formatted inside code"
        if not apart and other.type in ("code", "pre"):
            assert one.type == "blockquote", "no style surrounds code"


@given(ANYTHING)
def test_telegram_finds_nothing_to_trim(markdown: str) -> None:
    text, entities = render(markdown)

    assert text == text.rstrip()
    assert text == text.lstrip() or entities[0] == Entity(
        "pre", 0, entities[0].length, language=entities[0].language
    )


@given(st.lists(st.from_regex(r"[a-z]+( [a-z]+){0,9}[.?!]", fullmatch=True), min_size=1))
def test_plain_prose_is_unchanged(sentences: list[str]) -> None:
    for gap in (" ", "\n", "\n\n"):
        assert render(gap.join(sentences)) == (gap.join(sentences), [])


@given(st.text("abc *_~`|>#-+.:()[]!\\<&\n\t", max_size=120))
def test_no_letter_is_lost_but_the_language_of_code(markdown: str) -> None:
    text, entities = render(markdown)
    languages = "".join(re.findall(r"(?:`{3,}|~{3,})([^\n]*)", markdown))

    missing = letters(markdown) - letters(text) - letters(languages)
    assert not missing, (markdown, text, entities)


@given(MARKDOWN, st.data())
def test_every_beginning_of_a_text_renders(markdown: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(markdown)))
    text, _ = render(markdown[:cut])

    assert bool(text) or not letters(markdown[:cut]) or "```" in markdown or "~~~" in markdown


def letters(text: str) -> Counter[str]:
    return Counter(char for char in text if char.isalpha())


@pytest.mark.parametrize(
    "hostile",
    ["[" * 4000, "*a_ " * 1000, "||a " * 1000, "`a``b```c" * 400, "[a](" * 1000, "~~a" * 1300],
)
def test_hostile_text_takes_no_more_than_an_instant(hostile: str) -> None:
    assert _seconds(hostile) < 1.0


def test_eleven_kilobytes_take_a_few_milliseconds() -> None:
    line = "Some **bold** text with `code`, a [link](https://a.example) and so on.\n\n"

    # The best of several, each of another text: one may be interrupted, or remembered.
    assert min(_seconds(line * lines) for lines in range(155, 160)) < 0.1  # measured: 0.01


def _seconds(markdown: str) -> float:
    begun = time.process_time()
    render(markdown)
    return time.process_time() - begun


def test_a_model_s_thoughts_are_a_quote_to_open() -> None:
    text, entities = render(
        "> 💭 *Thought for 4 s*\n> The fox is red.\n\nIt stands out.\n\n> a quote"
    )

    assert text == "💭 Thought for 4 s\nThe fox is red.\n\nIt stands out.\n\na quote"
    assert [(entity.type, entity.offset) for entity in entities] == [
        ("expandable_blockquote", 0),
        ("italic", 3),
        ("blockquote", 52),
    ]


def test_a_link_to_nowhere_is_its_words() -> None:
    assert render("[words]() and more") == ("words and more", [])
