"""Takes out of an answer's text what is none: thinking and pictures, however they were cut (pure).

Stands behind any wire. ``<think>…</think>`` at the very beginning becomes ThinkingDelta, and
``![alt](data:image/png;base64,…)`` anywhere after it becomes Media. All other text passes as it is,
at once but for a last few characters that may begin one of the two.

A construct that turns out to be no picture (not base64, no known kind, never closed) is given back
as text where it is short, since somebody may be explaining how such links look; nobody wants to
read a long one, so that is an error. Work is linear in the input, memory is bounded by ``limit``.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from enum import Enum, auto

from bot.errors import BadPicture, Interrupted
from bot.events import Finish, Media, ReplyEvent, TextDelta, ThinkingDelta
from bot.gateway.pictures import from_base64, picture

_BEGIN, _END = "<think>", "</think>"
_LEAD = 256  # characters of white space that may stand before <think>
_ALT = 300  # characters of a picture's alternative text
_HEAD = 100  # characters of "(data:image/…;base64"
_READABLE = 2_000  # characters of a broken picture that are given back as text
_SURROGATE = re.compile("[\ud800-\udfff]")
_BASE64 = re.compile(r"[\w+/=\s-]*", re.ASCII)


class _Place(Enum):
    BEGINNING = auto()  # nothing but white space so far
    THINKING = auto()
    GAP = auto()  # the line breaks after </think>
    ANSWER = auto()
    PICTURE = auto()  # inside the base64


class Sift:
    """``for event in sift.feed(event)`` for every event of one answer, ``sift.end()`` after the
    last.

    ``limit`` bounds the base64 of one picture, in characters. Both raise GatewayErrors: BadPicture
    for a picture that is broken or too large, Interrupted where the answer ends inside one.
    """

    __slots__ = ("_held", "_high", "_limit", "_pieces", "_place", "_size")

    def __init__(self, limit: int = 32 * 2**20) -> None:
        self._limit = limit
        self._place = _Place.BEGINNING
        self._held = ""  # may begin something; a few hundred characters at most
        self._high = ""  # the first half of a surrogate pair
        self._pieces: list[str] = []  # of the picture: its opening, then base64
        self._size = 0

    def feed(self, event: ReplyEvent) -> Iterator[ReplyEvent]:
        if not isinstance(event, TextDelta):
            if isinstance(event, Finish):
                yield from self.end()
            yield event
            return
        text = event.text if event.text.isascii() and not self._high else self._joined(event.text)
        if self._place is _Place.ANSWER and not self._held and "!" not in text:
            if text:
                yield event if text == event.text else TextDelta(text)
            return
        if self._held:
            text, self._held = self._held + text, ""
        while text:
            text = yield from self._read(text)

    def end(self) -> Iterator[ReplyEvent]:
        """Give back what is held. Called for a Finish by ``feed``, and where none comes by the
        caller."""
        held, self._held = self._held + ("\ufffd" if self._high else ""), ""
        self._high = ""
        place, self._place = self._place, _Place.ANSWER
        if place is _Place.PICTURE:
            held = "".join(self._pieces) + held
            self._pieces.clear()
            if len(held) > _READABLE:
                raise Interrupted(detail=f"the answer ended after {len(held)} characters of base64")
        if held:
            yield ThinkingDelta(held) if place is _Place.THINKING else TextDelta(held)

    def _joined(self, text: str) -> str:
        """The text with surrogate pairs as characters, however they were cut: half a pair cannot be
        stored or sent on."""
        text, self._high = self._high + text, ""
        if _SURROGATE.search(text) is None:
            return text
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._high = text[:-1], text[-1]
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _read(self, text: str) -> Generator[ReplyEvent, None, str]:
        """Read as far as the place goes on; what is left belongs to the next one."""
        match self._place:
            case _Place.BEGINNING:
                return self._beginning(text)
            case _Place.THINKING:
                return (yield from self._thinking(text))
            case _Place.GAP:
                text = text.lstrip("\r\n")
                if text:
                    self._place = _Place.ANSWER
                return text
            case _Place.ANSWER:
                return (yield from self._answer(text))
            case _Place.PICTURE:
                return (yield from self._picture(text))

    def _beginning(self, text: str) -> str:
        said = text.lstrip()
        if len(text) - len(said) <= _LEAD and _BEGIN.startswith(said[: len(_BEGIN)]):
            if len(said) < len(_BEGIN):
                self._held = text
                return ""
            self._place = _Place.THINKING
            return said[len(_BEGIN) :]
        self._place = _Place.ANSWER
        return text

    def _thinking(self, text: str) -> Generator[ReplyEvent, None, str]:
        thought, end, rest = text.partition(_END)
        if end:
            self._place = _Place.GAP
        else:
            cut = len(text) - _overlap(text, _END)
            thought, self._held = text[:cut], text[cut:]
        if thought:
            yield ThinkingDelta(thought)
        return rest

    def _answer(self, text: str) -> Generator[ReplyEvent, None, str]:
        at = text.find("![")
        while at >= 0:
            length = _opening(text, at)
            if length is None:
                break  # more is needed to tell
            if length:
                if at:
                    yield TextDelta(text[:at])
                self._place = _Place.PICTURE
                self._pieces, self._size = [text[at : at + length]], 0
                return text[at + length :]
            at = text.find("![", at + 2)
        if at < 0:
            at = len(text) - text.endswith("!")
        self._held = text[at:]
        if at:
            yield TextDelta(text[:at])
        return ""

    def _picture(self, text: str) -> Generator[ReplyEvent, None, str]:
        match = _BASE64.match(text)
        end = match.end() if match else 0
        self._pieces.append(text[:end])
        self._size += end
        if self._size > self._limit:
            self._pieces.clear()
            raise BadPicture(
                "The gateway sent a picture that is too large to post.",
                detail=f"more than {self._limit} characters of base64 in the text",
            )
        if end == len(text):
            return ""
        opening, *pieces = self._pieces
        self._pieces, self._place = [], _Place.ANSWER
        base64 = "".join(pieces)
        try:
            if text[end] != ")":
                raise BadPicture(detail=f"{text[end]!r} inside the base64 of a picture")
            found = picture(from_base64(base64))
        except BadPicture:
            if len(base64) > _READABLE:
                raise
            yield TextDelta(opening + base64)
            return text[end:]
        yield Media(found)
        return text[end + 1 :]


def _opening(text: str, at: int) -> int | None:
    """The length of ``![alt](data:image/…;base64,`` at this place: 0 where it is something else,
    None where the text ends before that is clear."""
    end = text.find("]", at + 2, at + 2 + _ALT)
    if end < 0 or "\n" in text[at:end]:
        undecided = end < 0 and len(text) < at + 2 + _ALT and "\n" not in text[at:]
        return None if undecided else 0
    head = text[end + 1 : end + 1 + _HEAD]
    wanted = "(data:image/"
    if not head.startswith(wanted):
        return None if wanted.startswith(head) else 0
    kind, comma, _ = head.partition(",")
    if any(mark in kind for mark in ") \n"):
        return 0
    if not comma:
        return None if len(head) < _HEAD else 0
    return end + 1 + len(kind) + 1 - at if kind.endswith(";base64") else 0


def _overlap(text: str, mark: str) -> int:
    """How many characters at the end of the text may begin the mark."""
    longest = min(len(mark) - 1, len(text))
    return next((n for n in range(longest, 0, -1) if mark.startswith(text[-n:])), 0)
