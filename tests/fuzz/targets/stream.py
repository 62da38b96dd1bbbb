"""What reads a stream: the same comes out however it was cut, and no more is held than promised."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Sequence

from bot.errors import GatewayError, Interrupted
from bot.events import Finish, Media, Progress, ReplyEvent, TextDelta, ThinkingDelta
from bot.gateway.sift import Sift
from bot.gateway.sse import ServerSentEvent, SSEDecoder
from tests.fuzz.draws import Draws, pieces, spelled

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
GIF = "R0lGODdhAQABAIAAAAAAAAAAACwAAAAAAQABAAAIBAABBAQAOw=="

# Surrogates from \udc80 on are bytes that are no UTF-8.
SSE_WORDS = [
    *("data: ", "data:", "data", "event: ", "id: ", "id", "retry: 1", ": PING", "\r\n", "\n\n"),
    *("\ufeff", "é", "😀", "\udcff", "\udc80", "\udcf0\udc9f", '{"a": 1}', "[DONE]", "\u2028"),
    *("\0", "\x85", "x" * 30),
]
SIFT_WORDS = [
    *("<think>", "</think>", "<thi", "nk>", "</", "![", "![a cat](data:image/png;base64,", "]("),
    *("data:image/", "png;base64,", ";base64,", PNG, PNG[:40], PNG[40:], GIF, "\n", "\r\n"),
    *("\ud83c", "\udf0a", "\ud800", "é", "🌊", " " * 100, "A" * 300, "x" * 99, "\u200b", "data:"),
]


_NO_LIMIT = 2**20  # it is none for inputs as small as these


def held(thing: object) -> int:
    """How many characters an object keeps, in itself and in its lists."""
    if isinstance(thing, str):
        return len(thing)
    inner = [] if isinstance(thing, type) else gc.get_referents(thing)
    return sum(held(part) for part in inner if isinstance(part, str | list))


def check_sse(data: bytes) -> None:
    draws = Draws(data)
    limit = draws.pick([_NO_LIMIT, 150, 600])
    sizes = draws.take(draws.below(8))
    stream = spelled(draws.rest(), SSE_WORDS).encode("utf-8", "surrogateescape")
    whole, stray = _decoded([stream], limit)
    if limit == _NO_LIMIT:
        assert whole == list(_by_the_standard(stream))
    for cut in (sizes, b"\1"):
        assert _decoded(pieces(stream, cut), limit) == (whole, stray), "it matters how it is cut"


def _decoded(
    chunks: Iterable[bytes], limit: int
) -> tuple[list[ServerSentEvent | type[Interrupted]], str]:
    """What the decoder says, and what it has left over unless it gave up."""
    decoder = SSEDecoder(limit)
    said: list[ServerSentEvent | type[Interrupted]] = []
    for chunk in chunks:
        try:
            said += decoder.feed(chunk)
        except Interrupted:
            return [*said, Interrupted], ""
        if len(chunk) > 1:  # looking is slow
            # Data, and a name and an id of at most one line each.
            assert held(decoder) - len(decoder.stray) <= 3 * limit
    return said, decoder.stray


def _by_the_standard(stream: bytes) -> Iterator[ServerSentEvent]:
    """WHATWG HTML, 9.2.6, word for word and with the whole stream at hand."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    *lines, _ = re.split("\r\n|\r|\n", text)
    data, kind, last = "", "", ""
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield ServerSentEvent(data.removesuffix("\n"), kind or "message", last)
            data = kind = ""
        elif field == "data":
            data += value + "\n"
        elif field == "event":
            kind = value
        elif field == "id" and "\0" not in value:
            last = value


def check_sift(data: bytes) -> None:
    draws = Draws(data)
    limit = draws.pick([2**20, 400, 3000])
    others = draws.flag()
    sizes = draws.take(draws.below(8))
    text = spelled(draws.rest(), SIFT_WORDS)
    whole = _sifted([text], limit, others=False)
    for cut in (sizes, b"\1"):
        assert _sifted(pieces(text, cut), limit, others=others) == whole, "it matters how it is cut"
    _is_all_there(text, whole)


def _sifted(chunks: Iterable[str], limit: int, *, others: bool) -> list[object]:
    """What comes out, neighbours of one kind joined; ``others`` puts other events in between."""
    sieve = Sift(limit)
    came: list[object] = []
    try:
        for chunk in chunks:
            for event in sieve.feed(TextDelta(chunk)):
                _add(came, event)
            if len(chunk) > 1:  # looking is slow
                assert held(sieve) <= limit + 1000
            if others:
                assert list(sieve.feed(Progress())) == [Progress()]
        for event in sieve.feed(Finish()):
            _add(came, event)
    except GatewayError as error:
        came.append(type(error))
        assert not [event for event in sieve.end() if not isinstance(event, TextDelta)]
    else:
        assert not list(sieve.end()), "nothing is left after the end"
    return came


def _add(came: list[object], event: ReplyEvent) -> None:
    last = came[-1] if came else None
    if isinstance(event, TextDelta | ThinkingDelta):
        assert event.text
        event.text.encode()  # no half of a surrogate pair
        if type(last) is type(event):
            came[-1] = type(event)(last.text + event.text)
            return
    came.append(event)


def _is_all_there(text: str, came: Sequence[object]) -> None:
    """The text can be put together again from what came, and from nothing less."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    thought = any(isinstance(event, ThinkingDelta) for event in came)
    source = "" if thought else _NO_THOUGHT
    for event in came:
        match event:
            case TextDelta(words):
                source += re.escape(words)
            case ThinkingDelta(words):
                source += rf"\s*<think>{re.escape(words)}(?:</think>[\r\n]*)?"
            case Media():
                source += _PICTURE
            case type():
                source += ".*"
    assert re.fullmatch(source, text, re.DOTALL), source


_NO_THOUGHT = r"(?:\s*<think>(?:</think>[\r\n]*)?)?"
_PICTURE = r"!\[[^\]\n]*\]\(data:image/[^),]*;base64,[\w+/=\s-]*\)"
