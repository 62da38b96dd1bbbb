"""Pages, checked against an independent Markdown parser."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.pages import Pages


def pages_of(text: str, limit: int = 120, pieces: int = 1) -> list[str]:
    pages = Pages(limit)
    size = max(1, -(-len(text) // pieces))
    for start in range(0, len(text), size):
        pages.feed(text[start : start + size])
    return pages.all


def words_of(markdown: str) -> tuple[list[str], list[str]]:
    """The words of the prose and the words of the code, by markdown-it."""
    prose: list[str] = []
    code: list[str] = []
    for token in MarkdownIt().parse(markdown):
        if token.type in ("fence", "code_block"):
            code += token.content.split()
        elif token.type == "inline":
            prose += token.content.split()
    return prose, code


prose_block = st.lists(
    st.from_regex(r"[a-z]{1,12}[.,]?", fullmatch=True), min_size=1, max_size=60
).map(" ".join)
code_block = st.tuples(
    st.sampled_from(["```", "````", "~~~"]),
    st.sampled_from(["", "python", "c++"]),
    st.lists(st.from_regex(r" {0,8}[a-z=()]{1,30}", fullmatch=True), max_size=12),
).map(lambda parts: "\n".join([parts[0] + parts[1], *parts[2], parts[0]]))
answers = st.lists(st.one_of(prose_block, code_block), min_size=1, max_size=8).map("\n\n".join)


@given(answers, st.integers(1, 40))
@settings(max_examples=300, deadline=None)
def test_every_page_fits_and_code_stays_code_and_prose_stays_prose(text: str, pieces: int) -> None:
    pages = pages_of(text, pieces=pieces)

    prose, code = words_of(text)
    shown = [words_of(page) for page in pages]
    assert all(len(page) <= 120 for page in pages)
    assert [word for page, _ in shown for word in page] == prose
    assert [word for _, page in shown for word in page] == code


@given(st.text(max_size=600), st.integers(1, 20))
@settings(max_examples=300, deadline=None)
def test_any_text_whatever_makes_pages_that_fit_and_lose_nothing(text: str, pieces: int) -> None:
    pages = pages_of(text, limit=100, pieces=pieces)

    assert all(len(page) <= 100 for page in pages)
    if "```" not in text and "~~~" not in text:
        assert "".join("".join(pages).split()) == "".join(text.split())


@given(answers, st.integers(2, 200))
@settings(max_examples=100, deadline=None)
def test_a_closed_page_never_changes(text: str, pieces: int) -> None:
    pages = Pages(120)
    seen: list[str] = []
    size = max(1, len(text) // pieces)
    for start in range(0, len(text), size):
        pages.feed(text[start : start + size])
        assert pages.closed[: len(seen)] == seen
        seen = list(pages.closed)


def test_a_short_text_is_one_page_as_it_is() -> None:
    assert pages_of("Hello *there*.") == ["Hello *there*."]


def test_pages_are_cut_between_paragraphs_first() -> None:
    first, second = "a" * 70, "b" * 70

    assert pages_of(f"{first}\n\n{second}") == [first, second]


def test_then_between_sentences_and_then_between_words() -> None:
    sentence = "This is the first sentence of them all and it is rather long indeed. "

    assert pages_of(sentence * 2) == [sentence.strip(), sentence.strip()]
    assert all(not page.endswith("wor") for page in pages_of("word " * 100))


def test_an_open_fence_is_closed_and_opened_again_with_its_language() -> None:
    code = "\n".join(f"line_{number} = {number}" for number in range(20))

    pages = pages_of(f"```python\n{code}\n```")

    assert len(pages) > 1
    assert all(page.startswith("```python\n") and page.endswith("\n```") for page in pages)
    assert (
        "\n".join(page.removeprefix("```python\n").removesuffix("\n```") for page in pages) == code
    )


def test_a_growing_page_is_shown_with_its_fence_closed() -> None:
    pages = Pages(2000)
    pages.feed("```python\nprint(1)")

    assert pages.open == "```python\nprint(1)\n```"


def test_a_fence_is_closed_only_by_the_same_mark() -> None:
    text = "````\n```\nstill code\n````"

    assert pages_of(text) == [text]


def test_a_joined_emoji_is_not_torn() -> None:
    family = "👨\u200d👩\u200d👧\u200d👦"

    pages = pages_of(family * 40, limit=100)

    assert "".join(pages) == family * 40
    assert all(len(page) % len(family) == 0 for page in pages)


def test_a_sentence_as_info_string_is_not_repeated_whole() -> None:
    text = "```" + "long info " * 30 + "\n" + "x = 1\n" * 60 + "```"

    pages = pages_of(text, limit=400)

    assert all(len(page) <= 400 for page in pages)


def test_a_million_characters_without_a_break_make_progress_in_linear_time() -> None:
    pages = Pages(2000)
    pages.feed("x" * 1_000_000)

    assert sum(len(page) for page in pages.all) == 1_000_000


def test_the_indentation_of_a_list_survives_a_cut() -> None:
    text = "\n".join(["- one"] + ["    - nested item number " + str(n) for n in range(20)])

    for page in pages_of(text)[1:]:
        assert re.match(r"    - nested", page)


def test_a_page_too_small_to_cut_for_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 100"):
        Pages(50)
