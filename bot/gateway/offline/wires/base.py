"""What every wire of the offline gateway looks like: it reads questions and dresses answers.

To add one: a module with a ``Telling`` in this folder, and its line in the table ``WIRES``.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from bot.gateway.offline.answers import Answer, Piece, Question, Usage
from bot.gateway.offline.errors import Json, Rejected, Trouble, openai_refusal
from bot.gateway.offline.models import CHAT_MODELS


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event: a JSON object, or text as it is. Most wires give it no name."""

    data: Json | str
    name: str = ""


def sse(event: Event, *, end: str = "\n") -> bytes:
    """The event as it is sent."""
    text = event.data if isinstance(event.data, str) else dumps(event.data)
    name = f"event: {event.name}{end}" if event.name else ""
    return f"{name}data: {text}{end}{end}".encode(errors="replace")


def dumps(payload: Json) -> str:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


class Telling(ABC):
    """One answer on its way over one wire.

    A stream calls ``start``, ``add`` for each piece, ``finish``, ``counts`` and ``done``, and sends
    what each gives. ``fail`` is for a failure in its middle. ``whole`` is the answer in one piece.
    ``usage`` None leaves out every count.
    """

    keys: ClassVar[tuple[str, ...]] = ("authorization",)
    """Where the key is looked for, the first of them that is there: header names, or ``?key``."""
    offers: ClassVar[tuple[str, ...]] = CHAT_MODELS
    ends_after_failure: ClassVar[bool] = False
    """Whether ``counts`` and ``done`` come even after a failure."""

    def __init__(self, question: Question, usage: Usage | None) -> None:
        self.model = question.model
        self.usage = usage

    @staticmethod
    def refusal(error: Rejected, request_id: str) -> tuple[int, Json]:
        """How a request is refused that has found its model: status and body."""
        return openai_refusal(error, request_id)

    @staticmethod
    @abstractmethod
    def read(body: Json) -> Question:
        """The question in a JSON body. Raises Rejected."""

    def start(self) -> Iterable[Event]:
        """What comes before the first piece."""
        return ()

    @abstractmethod
    def add(self, piece: Piece) -> Iterable[Event]:
        """One more piece."""

    @abstractmethod
    def finish(self, reason: str | None) -> Iterable[Event]:
        """That all pieces were there. ``reason`` is "stop", "length", "content_filter" or one of
        the wire's own words; None leaves it out."""

    def counts(self) -> Iterable[Event]:
        """Token counts, where they have an event of their own."""
        return ()

    def done(self) -> Iterable[Event]:
        """The mark that nothing more will come, where the wire has one."""
        return ()

    @abstractmethod
    def fail(self, trouble: Trouble) -> Iterable[Event]:
        """An error in the middle of the answer."""

    @abstractmethod
    def whole(self, answer: Answer) -> Json:
        """The answer without streaming."""


def limit_of(*values: object) -> int | None:
    """The first of the values that is a length."""
    return next((value for value in values if type(value) is int and value > 0), None)


def fragments(text: str, size: int = 8) -> list[str]:
    """The text as a wire streams what is no prose, such as the arguments of a call."""
    return [text[start : start + size] for start in range(0, len(text), size)]


def markdown(picture: str) -> str:
    """A picture as a wire tells it that has only words: its address or data URI in Markdown."""
    return f"![image]({picture})"
