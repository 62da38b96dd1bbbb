"""Server-sent events, by the examples of the WHATWG standard and however the bytes are cut."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Interrupted
from bot.gateway.sse import ServerSentEvent, SSEDecoder


def decode(stream: bytes, cuts: list[int] | None = None) -> list[ServerSentEvent]:
    decoder = SSEDecoder()
    edges = [0, *sorted(cuts or []), len(stream)]
    return [
        event
        for start, end in itertools.pairwise(edges)
        for event in decoder.feed(stream[start:end])
    ]


STANDARD = (
    b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
)


def test_the_example_of_the_standard() -> None:
    assert decode(STANDARD) == [
        ServerSentEvent("first event", id="1"),
        ServerSentEvent("second event"),
        ServerSentEvent(" third event"),
    ]


def test_two_data_lines_are_joined_and_an_empty_one_counts() -> None:
    assert decode(b"data\n\ndata\ndata\n\ndata:") == [ServerSentEvent(""), ServerSentEvent("\n")]


def test_comments_and_blank_lines_make_no_events() -> None:
    assert decode(b"id: 7\n\n: PING\n\n\n\n: PING\n\n") == []


def test_an_event_that_is_not_ended_is_dropped() -> None:
    assert decode(b"data: whole\n\ndata: half\n") == [ServerSentEvent("whole")]


def test_the_event_name_is_read_and_forgotten() -> None:
    assert decode(b"event: ping\ndata: 1\n\ndata: 2\n\n") == [
        ServerSentEvent("1", "ping"),
        ServerSentEvent("2"),
    ]


def test_a_byte_order_mark_is_skipped_only_at_the_start() -> None:
    assert decode(b"\xef\xbb\xbfdata: \xef\xbb\xbfx\n\n") == [ServerSentEvent("\ufeffx")]


lines = st.lists(
    st.one_of(
        st.just(""),
        st.text(alphabet="abc: é😀", max_size=12).map(lambda text: f"data: {text}"),
        st.sampled_from([": PING", "event: x", "id: 3", "retry: 5", "unknown: y", "data"]),
    ),
    max_size=20,
)


@given(lines, st.sampled_from(["\n", "\r\n", "\r"]), st.data())
def test_how_the_bytes_were_cut_does_not_matter(
    content: list[str], end: str, data: st.DataObject
) -> None:
    stream = "".join(line + end for line in content).encode()
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10))

    whole = decode(stream)

    assert decode(stream, cuts) == whole
    assert decode(stream, list(range(len(stream)))) == whole


@given(st.binary(max_size=400), st.data())
def test_bytes_whatever_never_crash_it(stream: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10))

    assert decode(stream, cuts) == decode(stream)


def test_a_long_line_in_tiny_pieces_is_read_in_linear_time() -> None:
    body = json.dumps("x" * 2_000_000).encode()
    stream = b"data: " + body + b"\n\n"
    decoder = SSEDecoder()

    events = [
        event for at in range(0, len(stream), 64) for event in decoder.feed(stream[at : at + 64])
    ]

    assert [len(event.data) for event in events] == [len(body)]


@given(lines, st.integers(1, 300), st.integers(1, 40))
def test_the_limit_is_reached_at_the_same_place_however_the_bytes_were_cut(
    content: list[str], limit: int, size: int
) -> None:
    stream = "".join(line + "\n" for line in content).encode()

    def came(chunks: list[bytes]) -> list[ServerSentEvent | type[Interrupted]]:
        decoder = SSEDecoder(limit)
        events: list[ServerSentEvent | type[Interrupted]] = []
        try:
            for chunk in chunks:
                events.extend(decoder.feed(chunk))
        except Interrupted:
            events.append(Interrupted)
        return events

    assert came([stream[at : at + size] for at in range(0, len(stream), size)]) == came([stream])


def test_an_event_in_two_pieces_counts_once() -> None:
    stream = b"data: " + b"x" * 600 + b"\n\n"
    decoder = SSEDecoder(limit=1000)

    events = [*decoder.feed(stream[:500]), *decoder.feed(stream[500:])]

    assert [len(event.data) for event in events] == [600]


def test_an_event_without_end_is_stopped_at_the_limit() -> None:
    decoder = SSEDecoder(limit=1000)

    with pytest.raises(Interrupted):
        list(decoder.feed((b"data: " + b"x" * 50 + b"\n") * 100))
