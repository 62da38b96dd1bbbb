"""What is no text is taken out of the text, however it was cut."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import BadPicture, GatewayError, Interrupted
from bot.events import Finish, Media, ReplyEvent, TextDelta, ThinkingDelta, UsageReport
from bot.gateway.sift import Sift
from bot.types import Attachment, Image, Usage
from tests.test_wire_all import GIF, PNG, replay, reply_events

CAT = Image(base64.b64decode(PNG), "image/png", "picture.png")
DOT = Image(base64.b64decode(GIF), "image/gif", "picture.gif")
LINK = f"![image](data:image/png;base64,{PNG})"


def sifted(*pieces: str, finish: bool = True, limit: int = 2**20) -> list[ReplyEvent]:
    """The events that come of these pieces of text."""
    sift = Sift(limit)
    given: list[ReplyEvent] = [TextDelta(piece) for piece in pieces]
    if finish:
        given.append(Finish())
    return [event for one in given for event in sift.feed(one)] + list(sift.end())


def parts(events: Sequence[ReplyEvent]) -> tuple[str, str, list[Attachment]]:
    """(text, thinking, pictures)."""
    return (
        "".join(event.text for event in events if isinstance(event, TextDelta)),
        "".join(event.text for event in events if isinstance(event, ThinkingDelta)),
        [event.part for event in events if isinstance(event, Media)],
    )


@pytest.mark.parametrize(
    ("said", "text", "thinking"),
    [
        ("<think>hm</think>\n\nFour.", "Four.", "hm"),
        ("<think>hm</think>Four.", "Four.", "hm"),
        ("\n  <think>hm</think>\r\n\r\n    code", "    code", "hm"),
        ("<think></think>Four.", "Four.", ""),
        ("<think>a < b </thin </think>Four.", "Four.", "a < b </thin "),
        ("<think>it never ends </thi", "", "it never ends </thi"),
        ("<think>", "", ""),
        ("<thinking>no</thinking>", "<thinking>no</thinking>", ""),
        ("<thin air", "<thin air", ""),
        ("<thi", "<thi", ""),
        ("  \n", "  \n", ""),
        ("Well, <think>no</think>", "Well, <think>no</think>", ""),
        ("<think>a</think><think>b</think>", "<think>b</think>", "a"),
        (" " * 300 + "<think>no</think>", " " * 300 + "<think>no</think>", ""),
        (f"<think>{LINK}</think>x", "x", LINK),
    ],
)
def test_thinking_is_taken_out_at_the_very_beginning_only(
    said: str, text: str, thinking: str
) -> None:
    for pieces in ([said], list(said)):
        assert parts(sifted(*pieces)) == (text, thinking, [])


@pytest.mark.parametrize(
    ("said", "text", "pictures"),
    [
        (f"Here: {LINK} Like it?", "Here:  Like it?", [CAT]),
        (LINK, "", [CAT]),
        (f"{LINK}{LINK}", "", [CAT, CAT]),
        (f"!{LINK}!", "!!", [CAT]),
        (f"![{LINK}", "", [CAT]),
        (f"![]({LINK})", "![]()", [CAT]),
        (f"![](data:image/gif;base64,{GIF})", "", [DOT]),
        (f"![x](data:image/png;name=a;base64,{PNG[:20]}\n{PNG[20:]}\n)", "", [CAT]),
        (f"![x](data:image/png;base64,{PNG.replace('/', '_').rstrip('=')})", "", [CAT]),
        (f"![x](data:image/jpeg;base64,{PNG})", "", [CAT]),
    ],
)
def test_pictures_are_taken_out_and_the_text_around_them_stays(
    said: str, text: str, pictures: list[Image]
) -> None:
    for pieces in ([said], list(said)):
        assert parts(sifted(*pieces)) == (text, "", pictures)


@pytest.mark.parametrize(
    "said",
    [
        "Hello!",
        "Really?! [1] ![",
        "![alt](https://example.com/a.png)",
        "a[0] = !b[1]; ![0](x)",
        "![alt",
        "![alt]",
        "![alt](",
        "![alt](data:image/",
        "![alt](data:image/png;base64,",
        "![alt](data:image/png;base64,iVBO",
        "![alt](data:image/png;base64,...)",
        "![alt](data:image/png;base64,iVBORw0KGgo…) is how it looks.",
        "![alt](data:image/png;base64,bm8gcGljdHVyZQ==) is no picture",
        "![alt](data:image/svg+xml;utf8,<svg/>)",
        "![alt](data:image/png) and more, see ;base64,",
        "![alt](data:text/plain;base64,AAAA)",
        "![two\nlines](data:image/png;base64,AAAA)",
        f"[image](data:image/png;base64,{PNG})",
        "![" + "x" * 400 + f"](data:image/png;base64,{PNG})",
        "![![![![",
    ],
)
def test_all_other_text_stays_as_it_is(said: str) -> None:
    for pieces in ([said], list(said)):
        assert parts(sifted(*pieces)) == (said, "", [])
        assert parts(sifted(*pieces, finish=False)) == (said, "", [])


def test_ordinary_text_is_passed_on_at_once_and_as_it_is() -> None:
    sift = Sift()

    for text in ("Hel", "lo, ", "a < b", " [1] ", "? ", "x](y)"):
        event = TextDelta(text)
        (out,) = sift.feed(event)
        assert out == event


@pytest.mark.parametrize(
    ("said", "now"),
    [
        ("Hello!", "Hello"),
        ("Hello! ", "Hello! "),
        ("See ![alt", "See "),
        ("See ![alt] ", "See ![alt] "),
        ("See ![alt](h", "See ![alt](h"),
        ("See ![alt](da", "See "),
        ("See ![a\n", "See ![a\n"),
    ],
)
def test_only_what_may_begin_a_picture_is_held_back(said: str, now: str) -> None:
    sift = Sift()

    assert parts(list(sift.feed(TextDelta(said))))[0] == now


def test_other_events_pass_at_once_and_the_end_gives_back_what_is_held() -> None:
    sift = Sift()
    usage, end = UsageReport(Usage(1, 2)), Finish()

    assert list(sift.feed(TextDelta("Hello!"))) == [TextDelta("Hello")]
    assert list(sift.feed(usage)) == [usage]
    assert list(sift.feed(end)) == [TextDelta("!"), end]
    assert list(sift.end()) == []


def test_a_broken_picture_is_an_error_where_it_is_too_long_to_read() -> None:
    long = "![x](data:image/png;base64," + "A" * 3000

    with pytest.raises(BadPicture):
        sifted(long + ")")
    with pytest.raises(BadPicture):
        sifted(long + "…")
    for finish in (True, False):
        with pytest.raises(Interrupted):
            sifted("Here: ", long, finish=finish)


def test_what_follows_a_broken_picture_is_read_all_the_same() -> None:
    sift = Sift()

    with pytest.raises(BadPicture):
        list(sift.feed(TextDelta("![x](data:image/png;base64," + "A" * 3000 + ")")))
    assert parts(list(sift.feed(TextDelta("more"))))[0] == "more"


def test_a_picture_beyond_the_limit_is_stopped_while_it_comes() -> None:
    with pytest.raises(BadPicture, match="more than 5000"):
        sifted("![x](data:image/png;base64,", *["A" * 100] * 51, finish=False, limit=5000)


def test_a_large_picture_in_tiny_pieces_is_read_in_linear_time() -> None:
    data = CAT.data + bytes(3_000_000)
    said = f"Here: ![x](data:image/png;base64,{base64.b64encode(data).decode()})"
    begun = time.process_time()

    events = sifted(*(said[at : at + 64] for at in range(0, len(said), 64)), limit=2**25)

    assert parts(events) == ("Here: ", "", [Image(data, "image/png", "picture.png")])
    assert time.process_time() - begun < 3


def test_beginnings_that_come_to_nothing_are_read_in_linear_time() -> None:
    said = "![" * 100_000
    begun = time.process_time()

    assert parts(sifted(*(said[at : at + 7] for at in range(0, len(said), 7))))[0] == said
    assert time.process_time() - begun < 3


def test_a_stream_of_a_picture_model_becomes_thinking_text_and_pictures() -> None:
    sift = Sift()
    events = reply_events(replay("chat_completions_picture.sse"))

    text, thinking, pictures = parts([out for event in events for out in sift.feed(event)])

    assert (text, thinking) == ("Here it is!\n\nLike it?", "A dot.")
    assert pictures == [CAT, DOT]


FRAGMENTS = (
    *("<think>", "</think>", "</thi", "<", " ", "\n", "!", "![", "]", "](", ")", ",", "x", "AAAA"),
    *("(data:image/png;base64,", "![x](data:image/", PNG, GIF, LINK, "A" * 2100),
)
said_by_models = st.tuples(
    st.sampled_from(["", "", "\n<think>", "<think>hm</think>", "![x](data:image/png;base64,"]),
    st.lists(st.sampled_from(FRAGMENTS), max_size=10).map("".join),
).map("".join)


def heard(*pieces: str) -> tuple[str, str, list[Attachment], type[GatewayError] | None]:
    came: list[ReplyEvent] = []
    failed: type[GatewayError] | None = None
    sift = Sift(limit=4000)
    try:
        for piece in pieces:
            for event in sift.feed(TextDelta(piece)):
                came.append(event)
        for event in sift.end():
            came.append(event)
    except GatewayError as error:
        failed = type(error)
    return (*parts(came), failed)


@settings(deadline=None)  # thousands of single letters on a busy machine
@given(said_by_models, st.data())
def test_how_the_text_was_cut_does_not_matter(said: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=12)))
    pieces = [said[a:b] for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True)]

    whole = heard(said)

    assert heard(*pieces) == whole
    assert heard(*said) == whole


@given(st.text(alphabet="<think>/![](data:image/png;base64,)AB \n", max_size=200), st.data())
def test_letters_whatever_are_cut_alike_and_none_is_lost(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))

    assert heard(text[:cut], text[cut:]) == heard(*text) == heard(text)
    if not text.lstrip().startswith("<think>"):
        assert heard(text)[0] == text


def test_half_a_character_right_after_a_picture_that_never_ends_is_not_lost() -> None:
    opening = "![a cat](data:image/png;base64,"

    assert parts(sifted(opening + "\ud800")) == (opening + "\ufffd", "", [])


def test_surrogate_pairs_are_made_whole_and_lone_ones_harmless() -> None:
    sift = Sift()
    cut = ["Hi \ud83d", "\ude00 and \udc00 and \ud83d", "!", " \ud83d"]

    events = [event for piece in cut for event in sift.feed(TextDelta(piece))]
    events += sift.end()

    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert text == "Hi 😀 and \ufffd and \ufffd! \ufffd"
