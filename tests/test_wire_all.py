"""What holds for every wire: streams decode alike however they are cut, and nothing crashes them.

``tests/streams`` holds streams that were written from the vendors' own descriptions of them.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import GatewayError
from bot.events import ReplyEvent, TextDelta, ThinkingDelta
from bot.gateway.models import Model, ModelKind
from bot.gateway.sse import STRAY, SSEDecoder
from bot.gateway.wire import anthropic, chat_completions, gemini, images, multimodal, responses
from bot.gateway.wire.base import Job, PictureLink, WireEvent

STREAMS = Path(__file__).parent / "streams"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
GIF = "R0lGODdhAQABAIAAAAAAAAAAACwAAAAAAQABAAAIBAABBAQAOw=="

CHAT_WIRES = (chat_completions, responses, anthropic, gemini)
WIRES = (*CHAT_WIRES, images, multimodal)


def wire_of(file: Path) -> ModuleType:
    return next(wire for wire in WIRES if file.name.startswith(wire.__name__.rpartition(".")[2]))


def bodies(stream: bytes, cuts: Sequence[int] = ()) -> Iterator[Any]:
    """The JSON of a stream's events, when it is read in pieces that end at ``cuts``."""
    decoder = SSEDecoder()
    edges = [0, *sorted(cuts), len(stream)]
    for start, end in itertools.pairwise(edges):
        for event in decoder.feed(stream[start:end]):
            if event.data != "[DONE]":
                yield json.loads(event.data)


def replay(name: str) -> list[WireEvent]:
    """The events of a stream in ``tests/streams``."""
    file = STREAMS / name
    return [e for body in bodies(file.read_bytes()) for e in wire_of(file).decode(body)]


def replay_until_error(name: str) -> tuple[list[WireEvent], GatewayError]:
    file = STREAMS / name
    came: list[WireEvent] = []
    with pytest.raises(GatewayError) as caught:
        for body in bodies(file.read_bytes()):
            for event in wire_of(file).decode(body):
                came.append(event)
    return came, caught.value


def text_of(events: Sequence[WireEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def thinking_of(events: Sequence[WireEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, ThinkingDelta))


def reply_events(events: Sequence[WireEvent]) -> list[ReplyEvent]:
    return [e for e in events if not isinstance(e, PictureLink | Job)]


def _heard(wire: ModuleType, stream: bytes, cuts: Sequence[int] = ()) -> list[object]:
    """Everything a stream says, an error by its kind."""
    said: list[object] = []
    try:
        for body in bodies(stream, cuts):
            said += wire.decode(body)
    except GatewayError as error:
        said.append(type(error))
    return said


FILES = sorted(STREAMS.glob("*.sse"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
@given(data=st.data())
def test_where_a_stream_is_cut_does_not_matter(file: Path, data: st.DataObject) -> None:
    stream = file.read_bytes()
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=20))

    assert _heard(wire_of(file), stream, cuts) == _heard(wire_of(file), stream)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_stream_in_single_bytes_is_the_same_stream(file: Path) -> None:
    stream = file.read_bytes()

    assert _heard(wire_of(file), stream, range(len(stream))) == _heard(wire_of(file), stream)


EXAMPLES: list[Any] = [body for file in FILES for body in bodies(file.read_bytes())]
EXAMPLES += [
    {"choices": [{"message": {"content": [{"text": "x"}], "images": [{"image_url": {}}]}}]},
    {"object": "response", "status": "completed", "output": [{"type": "message", "content": []}]},
    {"type": "message", "content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn"},
    {"id": "j", "status": "pending", "poll_url": "/x", "estimated_time": 3, "progress": "30%"},
    {"data": [{"b64_json": PNG, "url": "https://x/y.png"}], "error": None, "code": "success"},
    {"code": "success", "data": {"status": "SUCCESS", "data": {"images": [{"url": "https://x"}]}}},
    {"candidates": [{"finishReason": "NO_IMAGE"}], "promptFeedback": {"blockReason": "OTHER"}},
]
NAMES = [*sorted({name for body in EXAMPLES for name in body}), "", "x"]

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.just(10**400)
    | st.text(max_size=12)
    | st.sampled_from(["error", "message", "data:image/png;base64,", "http://x", "failed", PNG]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)


def _places(value: object) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) inside a JSON value."""
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield value, key
        yield from _places(value[key])  # type: ignore[index]


@st.composite
def spoilt(draw: st.DrawFn) -> object:
    """A body as it should be, but for one place where something else stands."""
    body = copy.deepcopy(draw(st.sampled_from(EXAMPLES)))
    container, key = draw(st.sampled_from(list(_places(body))))
    container[key] = draw(anything)
    return body


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.__name__.rpartition(".")[2])
@given(body=anything | spoilt())
def test_any_json_whatever_is_read_or_becomes_one_of_our_errors(
    wire: ModuleType, body: object
) -> None:
    with suppress(GatewayError):
        for event in wire.decode(body):
            assert event is not None


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.__name__.rpartition(".")[2])
def test_the_key_goes_into_headers_and_never_into_the_address(wire: ModuleType) -> None:
    assert "sk-1" not in wire.path(Model("m"))
    assert "sk-1" not in wire.path(Model("m", ModelKind.IMAGE))
    assert wire.headers("sk-1")["Authorization"] == "Bearer sk-1"
    assert not any("Bearer" in value for value in wire.headers("").values())


# What comes outside any event

TAIL = (STREAMS / "anthropic_tail.sse").read_bytes()


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n", b"\n\n: PING\n\ndata: [DONE]\n\n"])
@given(data=st.data())
def test_json_that_nobody_framed_is_kept_however_it_is_cut(end: bytes, data: st.DataObject) -> None:
    stream = TAIL + end
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=9)))
    decoder = SSEDecoder()

    for start, stop in itertools.pairwise([0, *cuts, len(stream)]):
        list(decoder.feed(stream[start:stop]))

    assert json.loads(decoder.stray)["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize("file", [f for f in FILES if "tail" not in f.stem], ids=lambda f: f.stem)
def test_a_stream_as_it_should_be_leaves_nothing_outside(file: Path) -> None:
    decoder = SSEDecoder()
    list(decoder.feed(file.read_bytes()))

    assert decoder.stray == ""


def test_an_event_that_is_not_ended_is_not_outside_any() -> None:
    decoder = SSEDecoder()
    list(decoder.feed(b'data: {"a": 1}\ndata: {"b'))

    assert decoder.stray == ""


def test_what_is_kept_of_json_outside_is_bounded() -> None:
    for end in (b"", b"\n"):
        decoder = SSEDecoder()
        list(decoder.feed(b'{"' + b"x" * 1_000_000 + end))

        assert len(decoder.stray) == STRAY
