"""A question in, an answer out, whatever wire they travel on: the one place that composes answers.

Every wire reads its requests into a ``Question``, whose messages have the form of chat completions
(the real gateway translates between its wires in the same way), and dresses the ``Answer``.
"""

from __future__ import annotations

import asyncio
import base64
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.gateway.offline import replies
from bot.gateway.offline.errors import Json
from bot.gateway.offline.models import SLOW_TALKER, THINKER, bare
from bot.gateway.offline.orders import Order, described

_PICTURE_TOKENS = 258  # of one that is shown to a model
_DRAWN_TOKENS = 1290  # of one that it draws
_CAPTION = "Here it is, drawn offline by Switchboard's demo model."


@dataclass(frozen=True, slots=True)
class Words:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of what the model thinks before it answers."""

    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in the middle of an answer. ``encoded`` is its base64."""

    encoded: str
    media_type: str

    @classmethod
    def of(cls, data: bytes, media_type: str = "image/jpeg") -> Picture:
        return cls(base64.b64encode(data).decode(), media_type)


@dataclass(frozen=True, slots=True)
class Linked:
    """A picture in the middle of an answer, as an address."""

    url: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that the model wants called; ``arguments`` is JSON. No demo model ever does."""

    name: str
    arguments: str
    id: str = ""


Piece = Words | Thought | Picture | Linked | Call


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts. ``said`` includes ``thought``."""

    asked: int
    said: int
    thought: int = 0

    @property
    def total(self) -> int:
        return self.asked + self.said


@dataclass(frozen=True, slots=True)
class Question:
    """What a chat request asks, whatever its wire. ``limit`` is in tokens, None for no limit;
    ``thoughts`` says whether the asker wants to read those of a model that thinks; ``order`` is
    for pictures instead of words, ``captioned`` with words around them."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    limit: int | None = None
    stream: bool = False
    thoughts: bool = True
    order: Order | None = None
    captioned: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """The pieces in their order; ``finish`` is "stop" or "length", None to leave it out."""

    pieces: tuple[Piece, ...]
    finish: str | None
    usage: Usage


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces with neighbouring texts of one kind as one."""
    runs: list[list[Piece]] = []
    for piece in pieces:
        textual = isinstance(piece, Words | Thought)
        if runs and textual and type(runs[-1][0]) is type(piece):
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return [run[0] if len(run) == 1 else _join(run) for run in runs]


def _join(run: list[Piece]) -> Piece:
    text = "".join(piece.text for piece in run if isinstance(piece, Words | Thought))
    return Words(text) if isinstance(run[0], Words) else Thought(text)


async def answer_to(question: Question) -> Answer:
    """The answer of the demo models. Raises Rejected where a picture cannot be drawn."""
    asked = prompt_tokens(question.messages)
    if question.order is not None:
        pictures = await asyncio.to_thread(question.order.draw)
        caption = tokens(_CAPTION) if question.captioned else []
        pieces: list[Piece] = [*map(Words, caption), *map(Picture.of, pictures)]
        spent = len(caption) + _DRAWN_TOKENS * len(pictures)
        return Answer(tuple(pieces), "stop", Usage(asked, spent))
    last: Json = dict(
        next((one for one in reversed(question.messages) if one["role"] == "user"), {})
    )
    urls = [part.get("image_url") for part in parts_of(last)]
    links = [url.get("url") if isinstance(url, dict) else url for url in urls if url]
    seen = await asyncio.to_thread(described, links) if links else []
    model = bare(question.model)
    text = replies.compose(question.messages, seen)
    said = (words if model == SLOW_TALKER else tokens)(text)
    thought = tokens(replies.think(question.messages, seen)) if model == THINKER else []
    return _cut(question, asked, thought, said)


def _cut(question: Question, asked: int, thought: list[str], said: list[str]) -> Answer:
    """The answer as far as the limit lets it go; what is thought counts, told or not."""
    limit = question.limit if question.limit and question.limit > 0 else len(thought) + len(said)
    finish = "stop" if limit >= len(thought) + len(said) else "length"
    thought = thought[:limit]
    said = said[: limit - len(thought)]
    told = [Thought(text) for text in thought] if question.thoughts else []
    usage = Usage(asked, len(thought) + len(said), len(thought))
    return Answer((*told, *map(Words, said)), finish, usage)


def tokens(text: str) -> list[str]:
    """The text in pieces about as long as a model's tokens."""
    return re.findall(r"\s?\S{1,6}|\s+", text)


def words(text: str) -> list[str]:
    """The text in words, each with the space before it."""
    return re.findall(r"\s*\S+|\s+$", text)


def prompt_tokens(messages: Sequence[Mapping[str, Any]]) -> int:
    """An estimate: four bytes of UTF-8 a token, 258 a picture."""
    asked = 3
    for message in messages:
        asked += 4 + sum(_part_tokens(part) for part in parts_of(message))
    return asked


def parts_of(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The parts of a message's content, be it a string or a list."""
    content = message.get("content")
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    elif isinstance(content, list):
        yield from (part for part in content if isinstance(part, dict))


def _part_tokens(part: Mapping[str, Any]) -> int:
    text = part.get("text")
    if not isinstance(text, str):
        return _PICTURE_TOKENS
    return math.ceil(len(text.encode(errors="replace")) / 4)
