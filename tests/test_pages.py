"""Pages: where they are cut, what is made anew on the next one, and how a growing one looks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.gateway.offline.essay import ESSAY
from bot.pages import Pages

WORDS = "all of these words are one line of the text"


def pages_of(text: str, limit: int = 120, *, pieces: int = 1, height: int = 0) -> list[str]:
    pages = Pages(limit, height=height)
    size = max(1, -(-len(text) // pieces))
    for start in range(0, len(text), size):
        pages.feed(text[start : start + size])
    pages.end()
    return pages.all


def growing(text: str) -> str:
    pages = Pages(2000)
    pages.feed(text)
    return pages.open


# --- where a page is cut ---


def test_a_short_text_is_one_page_as_it_is() -> None:
    assert pages_of("Hello *there*.") == ["Hello *there*."]


def test_pages_are_cut_between_paragraphs_first() -> None:
    first, second = "a" * 70, "b" * 70

    assert pages_of(f"{first}\n\n{second}") == [first, second]


def test_then_between_the_items_of_a_list() -> None:
    items = [f"- {WORDS}\n  {WORDS}" for _ in range(3)]

    assert pages_of("\n".join(items), 210) == ["\n".join(items[:2]), items[2]]


def test_then_between_sentences_and_then_between_words() -> None:
    sentence = "This is the first sentence of them all and it is rather long indeed. "

    assert pages_of(sentence * 2) == [sentence.strip(), sentence.strip()]
    assert all(page.endswith("word") for page in pages_of("word " * 100))


def test_a_language_without_spaces_is_cut_between_its_sentences() -> None:
    sentence = "水位在夜里上升了许多。" * 3

    assert all(page.endswith("。") for page in pages_of(sentence * 10))


def test_a_joined_emoji_is_not_torn() -> None:
    family = "👨\u200d👩\u200d👧\u200d👦"

    pages = pages_of(family * 40, limit=100)

    assert "".join(pages) == family * 40
    assert all(len(page) % len(family) == 0 for page in pages)


@pytest.mark.parametrize(
    "joined",
    [
        "[the long name of a link](https://a.example/b_c)",
        "**very bold words with `code` in them**",
        "`some code with spaces in it`",
        "_words of which each could\nstand at the end_",
    ],
)
def test_links_code_and_emphasis_are_not_cut(joined: str) -> None:
    for before in range(5, 25):
        text = f"{'word ' * before}{joined} {'more ' * 20}"
        assert any(joined in page for page in pages_of(text)), before


def test_a_link_that_is_still_being_written_is_not_cut() -> None:
    link = "[the sea](https://a.example/" + "x" * 40 + ")"
    text = "word " * 16 + link

    assert pages_of(text, pieces=len(text))[1] == link


def test_a_link_longer_than_a_page_is_cut_all_the_same() -> None:
    pages = pages_of("[a](" + "x" * 300 + ")")

    assert "".join(pages) == "[a](" + "x" * 300 + ")"


@pytest.mark.parametrize("title", ["## The title", "**The title**", "**The title:**"])
def test_a_heading_does_not_stay_behind_alone(title: str) -> None:
    pages = pages_of(f"{WORDS}. {WORDS}.\n\n{title}\n\n{WORDS}")

    assert pages[1].startswith(title)


def test_a_paragraph_does_not_become_a_heading_by_being_cut() -> None:
    for length in range(60, 100):
        pages = pages_of(f"{'x' * length} no # heading, - no item, 1. nor this. " * 3)
        assert not any(page.startswith(("# ", "- ", "1. ")) for page in pages)


def test_a_page_has_no_more_lines_than_clients_show() -> None:
    code = "```\n" + "x\n" * 100 + "```"

    assert all(page.count("\n") < 30 for page in pages_of(code, 2000, height=24))
    assert len(pages_of("\n".join(["line"] * 28), 2000, height=24)) == 1


def test_a_page_too_small_to_cut_for_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 100"):
        Pages(50)


# --- what is made anew ---


def test_an_open_fence_is_closed_and_opened_again_with_its_language() -> None:
    code = "\n".join(f"line_{number} = {number}" for number in range(20))

    pages = pages_of(f"```python\n{code}\n```")

    assert len(pages) > 1
    assert all(page.startswith("```python\n") and page.endswith("\n```") for page in pages)
    assert (
        "\n".join(page.removeprefix("```python\n").removesuffix("\n```") for page in pages) == code
    )


def test_a_fence_is_closed_only_by_the_same_mark() -> None:
    text = "````\n```\nstill code\n````"

    assert pages_of(text) == [text]


def test_a_page_is_no_empty_code_block() -> None:
    for length in range(90, 130):
        pages = pages_of(f"```py\n{'x' * length}\n```\n\nThe end.", pieces=length)
        assert not any("```py\n```" in page or page == "```" for page in pages)


def test_the_end_of_a_code_block_never_begins_a_page() -> None:
    for length in range(90, 130):
        pages = pages_of(f"```\n{'x' * length}\n``````\n\nThe end.")
        assert not any(page.startswith("``````") for page in pages)


def test_code_in_a_quote_keeps_what_looks_like_a_mark() -> None:
    pages = pages_of("> ```\n> " + "a > " * 60 + "\n> ```")

    assert "".join(pages).replace("> ```", "").count(">") - len(pages) == 60


def test_indented_code_goes_on_as_code() -> None:
    assert all(page.startswith("    w") for page in pages_of("    " + "word " * 60))


def test_a_sentence_as_info_string_is_not_repeated_whole() -> None:
    text = "```" + "long info " * 30 + "\n" + "x = 1\n" * 60 + "```"

    pages = pages_of(text, limit=400)

    assert all(len(page) <= 400 for page in pages)
    assert "".join(pages).count("info") < 60


def test_a_fence_in_a_list_goes_on_without_the_margin() -> None:
    code = "".join(f"  line_{number} =\n      {number}\n" for number in range(9))

    pages = pages_of(f"- item\n\n  ```py\n{code}  ```\n- next")

    assert all(page.startswith("```py\nline") and "\n    " in page for page in pages[1:])
    assert pages[-1].endswith("```\n- next")


def test_a_fence_that_only_the_end_of_its_item_ends_is_ended() -> None:
    code = "  x = 1\n" * 20

    pages = pages_of(f"- item\n\n  ```\n{code}\nThe end.")

    assert pages[-1].endswith("x = 1\n\n```\nThe end.")


def test_a_table_is_cut_between_rows_and_repeats_its_header() -> None:
    rows = [f"| {number} | {'x' * 20} |" for number in range(12)]

    pages = pages_of("\n".join(["| n | x |", "|--:|---|", *rows]))

    assert all(page.startswith("| n | x |\n|--:|---|\n| ") for page in pages)
    assert [line for page in pages for line in page.split("\n")[2:]] == rows


def test_a_header_of_more_than_half_a_page_is_not_repeated() -> None:
    row = f"| {'x' * 30} |"

    pages = pages_of("\n".join([f"| {'h' * 60} |", "|---|", *[row] * 9]))

    assert "".join(pages).count("h") == 60
    assert "".join(pages).count(row) == 9


def test_no_page_is_only_a_repeated_header() -> None:
    for length in range(20, 60):
        row = f"| {'x' * length} |"
        pages = pages_of(f"| h |\n|---|\n{row}\n{row}\n\nThe end.", limit=100, pieces=length)
        assert all("x" in page or "The end" in page for page in pages)


def test_a_quote_goes_on_as_a_quote() -> None:
    pages = pages_of("> " + "quoted words " * 20 + "\nwithout a mark\n\nSaid Bob.")

    assert all(page.startswith("> quoted") for page in pages)
    assert pages[-1].endswith("\n> without a mark\n\nSaid Bob.")


def test_a_page_begins_with_no_blank_line_of_a_quote() -> None:
    for length in range(105, 119):
        assert pages_of(f"> {'x' * length}\n>\n> {WORDS}")[-1] == f"> {WORDS}"


def test_an_item_after_deeper_ones_that_begin_a_page_is_no_part_of_them() -> None:
    deep = "\n".join(f"         - {'x' * 20}" for _ in range(5))

    pages = pages_of(f" * one\n     1. two\n{deep}\n     2. three\n * four")

    assert pages[1].startswith("- x")
    assert pages[1].endswith("\n2. three\n* four")


def test_what_goes_on_inside_a_list_item_is_no_code() -> None:
    text = "\n".join(["- one"] + ["    - nested item number " + str(n) for n in range(20)])

    for page in pages_of(text)[1:]:
        assert all(line.startswith("- nested") for line in page.split("\n"))


def test_a_numbered_item_after_the_rest_of_one_is_still_an_item() -> None:
    pages = pages_of("1." + " word" * 40 + "\n2. next")

    assert pages[-1].endswith("word\n\n2. next")


# --- growing ---


@pytest.mark.parametrize(
    ("half", "shown"),
    [
        ("some **bo", "some **bo**"),
        ("some **bold *and it", "some **bold *and it***"),
        ("some **bold*", "some **bold**"),
        ("some `co", "some `co`"),
        ("a ~~gone", "a ~~gone~~"),
        ("a ||secret", "a ||secret||"),
        ("see [the sea](htt", "see the sea"),
        ("see [the sea", "see the sea"),
        ("see ![the s", "see the s"),
        ("> quoted **bo", "> quoted **bo**"),
        ("- item _it", "- item _it_"),
        ("## Head **x", "## Head **x**"),
        ("text\n\n#", "text"),
        ("text\n\n-", "text"),
        ("text\n- [", "text"),
        ("text\n1.", "text"),
        ("text\n``", "text"),
        ("text\n```py", "text"),
        ("text\n```py\n", "text"),
        ("```py\nx = 1", "```py\nx = 1\n```"),
        ("```py\nx = 1\n``", "```py\nx = 1\n```"),
        ("text\n\n| a | b", "text"),
        ("text\n\n| a | b |\n", "text\n\n| a | b |\n|---|---|"),
        ("text\n\n| a | b |\n|--", "text\n\n| a | b |\n|---|---|"),
        ("| a |\n|---|\n| **b", "| a |\n|---|\n| **b**"),
    ],
)
def test_half_written_markup_is_shown_as_what_it_will_become(half: str, shown: str) -> None:
    assert growing(half) == shown


@pytest.mark.parametrize(
    "text", ["2*3*4 = 24", "a_b_c", "f(a[1", "5 < 6", "say \\*", "x | y", "42"]
)
def test_what_is_no_markup_is_left_alone(text: str) -> None:
    assert growing(text) == text


@pytest.mark.parametrize("text", ["a **bold", "[text](htt", "| a | b |", "a\n\n-", "a *"])
def test_a_text_that_has_ended_is_shown_as_it_was_written(text: str) -> None:
    assert pages_of(text) == [text]


def test_the_tail_of_a_finished_paragraph_is_not_completed() -> None:
    assert growing("a lone *star\n\nand more") == "a lone *star\n\nand more"


def test_every_beginning_of_an_answer_shows_all_of_its_words_but_the_last_few() -> None:
    pages = Pages(20_000)
    for at, char in enumerate(ESSAY):
        pages.feed(char)
        written = sum(map(str.isalpha, ESSAY[: at + 1]))
        assert written - sum(map(str.isalpha, pages.open)) <= 60, ESSAY[at - 60 : at + 1]


# --- the end ---


def test_a_footer_stands_outside_of_any_code() -> None:
    pages = Pages(2000)
    pages.feed("- item\n  ```py\n  x = 1")
    pages.end("⚠️ It broke off.")

    assert pages.open == "- item\n  ```py\n  x = 1\n  ```\n\n⚠️ It broke off."


@pytest.mark.parametrize("text", ["text", "text\n", "text\n\n"])
def test_a_footer_has_a_blank_line_above_it(text: str) -> None:
    pages = Pages(2000)
    pages.feed(text)
    pages.end("The end.")

    assert pages.open == "text\n\nThe end."


# --- what is true of every text, and what it costs ---

PIECES = st.sampled_from(
    [
        *("**", "*", "_", "~~", "||", "`", "``", "```", "```py\n", "~~~\n", "\n", "\n", "\n\n"),
        *("# ", "> ", ">> ", "- ", "  - ", "1. ", "2) ", "- [ ] ", "---\n", "===\n", "\\", "\t"),
        *("| a | b |\n", "|---|---|\n", "|", "[", "](", ")", "![", "<", "&", "    ", "1998. "),
        *("[sea](https://a.example/x_y)", "https://c.example/a_b_c", "x" * 30, "word ", "日本"),
        *("👩\u200d🚀", "\r\n", "\x0b", "\u200b", "é", "two words "),
    ]
)
ANYTHING = st.one_of(st.lists(PIECES, max_size=120).map("".join), st.text(max_size=600))


@given(ANYTHING, st.integers(1, 60))
@settings(max_examples=300, deadline=None)
def test_any_text_makes_pages_that_fit_and_never_change(text: str, size: int) -> None:
    pages = Pages(100)
    frozen: list[str] = []
    for start in range(0, len(text), size):
        pages.feed(text[start : start + size])
        assert pages.closed[: len(frozen)] == frozen
        assert len(pages.open) <= 100
        frozen = list(pages.closed)
    pages.end()

    assert pages.closed[: len(frozen)] == frozen
    assert all(0 < len(page) <= 100 for page in pages.all)


@given(ANYTHING, st.integers(1, 20))
@settings(max_examples=300, deadline=None)
def test_every_character_appears_in_order(text: str, pieces: int) -> None:
    shown = iter("".join(pages_of(text, limit=100, pieces=pieces)))

    # Of a quote without words only the marks can go, and of a fence the mark at its end.
    assert all(char in shown for char in text if not char.isspace() and char not in ">`~")


@pytest.mark.parametrize(
    "unit",
    [
        *("x", "word ", "```\n~~~\n", "```\n", "> ", "> > > a\n", "[", "*", "|a|b|\n", "- ", "\n"),
        *("`", "[a](", "~~a ", "\\", "字", "| a |\n|---|\n", '[](a "', "<a:", "#", "  - x\n"),
    ],
)
def test_every_text_is_measured_a_few_times_and_in_small_pieces(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    seen: list[int] = []

    def measure(page: str) -> int:
        seen.append(len(page))
        return len(page)

    pages = Pages(1000, measure)
    pages.feed(text)
    pages.end()

    assert sum(map(len, pages.all)) >= len(text) / 2 or not text.strip()
    assert max(seen, default=0) < 2200
    assert sum(seen) < 8 * len(text)


@pytest.mark.parametrize("begun", ["", "```\nx\n```", "- ", "> ", "#", "    ", "| a |\n|---|\n"])
def test_white_space_without_end_comes_to_an_end(begun: str) -> None:
    assert len(pages_of(f"{begun}{' ' * 10_000}")) <= 1
    assert pages_of(f"{begun}{' ' * 10_000}the end")[-1].endswith("the end")


def test_a_growing_text_is_measured_once_for_each_look_at_it() -> None:
    calls = 0

    def measure(page: str) -> int:
        nonlocal calls
        calls += 1
        return len(page)

    pages = Pages(1000, measure)
    for start in range(0, len(ESSAY), 10):
        pages.feed(ESSAY[start : start + 10])
        assert pages.all == pages.all

    assert calls <= len(ESSAY) / 10 + 6 * len(pages.all)


def test_a_page_of_which_little_can_be_seen_is_cut_all_the_same() -> None:
    pages = Pages(1000, lambda page: page.count("!"))
    pages.feed("word " * 2000 + "!")

    assert all(len(page) <= 2300 for page in pages.all)


def test_no_page_is_too_long_only_because_of_where_it_ends() -> None:
    def measure(page: str) -> int:
        return len(page) + 60 * page.endswith("end.")

    pages = Pages(100, measure)
    pages.feed("These are the words up to the end. " * 50)
    pages.end()

    assert all(measure(page) <= 100 for page in pages.all)


def test_a_measure_that_does_not_grow_with_the_text_is_never_exceeded() -> None:
    def measure(page: str) -> int:
        return 90 if page.count("*") % 4 == 0 else 90 + len(page)

    pages = Pages(100, measure)
    pages.feed("**some bold words** and others. " * 50)
    pages.end()

    assert all(measure(page) <= 100 for page in pages.all)


@pytest.mark.parametrize("pieces", [1, 7])
def test_white_space_without_end_before_the_first_word_makes_no_page_too_long(pieces: int) -> None:
    pages = Pages(2000)
    for _ in range(pieces):
        pages.feed("\n" + " " * 3000)
        assert pages.all == []
    pages.feed("x")

    assert [page.strip() for page in pages.all] == ["x"]
    assert len(pages.all[0]) <= 65
