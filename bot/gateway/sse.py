"""Server-sent events: bytes to events, however the bytes were cut (pure).

Written from the WHATWG HTML standard, section 9.2.6 "Interpreting an event stream". Lines end in
LF, CRLF or CR; a comment or an empty event makes nothing; an event that is not ended by a blank
line is dropped. Work is linear in the input: no byte is scanned or copied more than a constant
number of times.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from bot.errors import Interrupted


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    data: str
    event: str = "message"
    id: str = ""


STRAY = 64 * 2**10  # characters that are kept of JSON outside any event
_LINE = 64  # what a line of an event counts beside its text: even an empty one takes room


class SSEDecoder:
    """``for event in decoder.feed(chunk)``. Raises Interrupted once one event exceeds ``limit``
    characters: its data so far and the line that is read, however the bytes were cut."""

    __slots__ = (
        "_after_cr",
        "_data",
        "_event",
        "_id",
        "_limit",
        "_line",
        "_line_size",
        "_size",
        "_start",
        "_stray",
        "_text",
    )

    def __init__(self, limit: int = 96 * 2**20) -> None:
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._limit = limit
        self._line: list[str] = []  # the pieces of the line that has not ended yet
        self._line_size = 0  # its characters
        self._size = 0  # what the data lines that are collected count
        self._after_cr = False  # a LF right after a CR that ended a line belongs to it
        self._start = True
        self._data: list[str] = []
        self._event = ""
        self._id = ""
        self._stray = ""

    @property
    def stray(self) -> str:
        """The last line that began like JSON instead of a field, "" where there was none; at most
        ``STRAY`` characters. Some gateways put an error at the end of a stream without framing
        it."""
        unended = self._line and self._line[0][0] in "{["
        return "".join(self._line)[:STRAY] if unended else self._stray

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        text = self._text.decode(chunk)
        if self._start and text:
            self._start = False
            text = text.removeprefix("\ufeff")
        if self._after_cr and text:
            self._after_cr = False
            text = text.removeprefix("\n")
        if "\r" in text:
            self._after_cr = text.endswith("\r")
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        *ended, rest = text.split("\n")
        for piece in ended:
            if self._line:
                self._line.append(piece)
                piece = "".join(self._line)
                self._line.clear()
                self._line_size = 0
            if piece:
                self._field(piece)
            elif (event := self._dispatch()) is not None:
                yield event
        if rest:
            self._line.append(rest)
            self._line_size += len(rest)
            self._check(self._line_size)

    def _check(self, line_size: int) -> None:
        """Whether a line of this size may be held beside the data."""
        if self._size + line_size > self._limit:
            raise Interrupted(detail=f"an event of more than {self._limit} characters")

    def _field(self, line: str) -> None:
        self._check(len(line))
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
            self._size += len(line) + _LINE
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif line[0] in "{[":
            self._stray = line[:STRAY]

    def _dispatch(self) -> ServerSentEvent | None:
        data, self._data = self._data, []
        event, self._event = self._event, ""
        self._size = 0
        if not data:
            return None
        return ServerSentEvent("\n".join(data), event or "message", self._id)
