"""Messages, Anthropic's wire: named events around blocks; token counts before and after.

Thoughts come as signed ``thinking`` blocks, if thinking is switched on. It is strict where the
vendor is, or was: ``max_tokens`` is needed, the user begins, the two take turns, no text is empty.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable
from typing import Any

from bot.gateway.offline.answers import (
    Answer,
    Call,
    Linked,
    Picture,
    Piece,
    Question,
    Thought,
    Usage,
    Words,
    joined,
)
from bot.gateway.offline.errors import (
    Json,
    Rejected,
    Trouble,
    invalid,
    refused_by_vendor,
    signed,
)
from bot.gateway.offline.orders import data_uri
from bot.gateway.offline.wires.base import Event, Telling, fragments, limit_of, markdown

_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "tool_calls": "tool_use",
}
_PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_LEAST_BUDGET = 1024


class Messages(Telling):
    keys = ("x-api-key", "authorization")

    def __init__(self, question: Question, usage: Usage | None) -> None:
        super().__init__(question, usage)
        self._id = f"msg_{secrets.token_hex(12)}"
        self._index = -1  # of the latest block
        self._open: type[Words | Thought | Call] | None = None

    @staticmethod
    def refusal(error: Rejected, request_id: str) -> tuple[int, Json]:
        # What the gateway itself refuses keeps the gateway's type, even in Anthropic's shape.
        kind = "new_api_error" if error.code == "invalid_request" else error.kind
        return error.status, _error(signed(error.message, request_id), kind)

    @staticmethod
    def read(body: Json) -> Question:
        given = body.get("messages")
        if not isinstance(given, list) or not given:
            raise invalid("field messages is required")
        limit = limit_of(body.get("max_tokens"))
        if limit is None:
            raise refused_by_vendor("max_tokens: Field required, at least 1")
        _check_turns(given)
        messages = [
            {"role": one["role"], "content": _parts(_blocks(one.get("content")))} for one in given
        ]
        if system := _blocks(body.get("system") or []):
            messages.insert(0, {"role": "system", "content": _parts(system)})
        return Question(
            body["model"],
            messages,
            limit,
            stream=bool(body.get("stream")),
            thoughts=_thinking(body.get("thinking"), limit),
        )

    def start(self) -> Iterable[Event]:
        message = self._message([], None)
        if self.usage is not None:
            message["usage"] = {"input_tokens": self.usage.asked, "output_tokens": 1}
        yield _event("message_start", message=message)

    def add(self, piece: Piece) -> Iterable[Event]:
        piece = _told(piece)
        if isinstance(piece, Call):
            yield from self._close()
            yield from self._begin(piece)
            for fragment in fragments(piece.arguments):
                yield self._delta({"type": "input_json_delta", "partial_json": fragment})
            return
        if self._open is not type(piece):
            yield from self._close()
            yield from self._begin(piece)
        thought = isinstance(piece, Thought)
        kind, field = ("thinking_delta", "thinking") if thought else ("text_delta", "text")
        yield self._delta({"type": kind, field: piece.text})

    def finish(self, reason: str | None) -> Iterable[Event]:
        yield from self._close()
        if reason is None:
            return
        delta = {"stop_reason": _REASONS.get(reason, reason), "stop_sequence": None}
        counts = {} if self.usage is None else {"usage": {"output_tokens": self.usage.said}}
        yield _event("message_delta", delta=delta, **counts)

    def done(self) -> Iterable[Event]:
        yield _event("message_stop")

    def fail(self, trouble: Trouble) -> Iterable[Event]:
        yield Event(_error(trouble.message, trouble.kind), "error")

    def whole(self, answer: Answer) -> Json:
        blocks = [_block(_told(part)) for part in joined(list(map(_told, answer.pieces)))]
        message = self._message(blocks, answer.finish)
        if self.usage is not None:
            message["usage"] = {
                "input_tokens": self.usage.asked,
                "output_tokens": self.usage.said,
            }
        return message

    def _begin(self, piece: Words | Thought | Call) -> Iterable[Event]:
        self._index += 1
        self._open = type(piece)
        block = _block(piece) | _EMPTY[type(piece)]
        yield _event("content_block_start", index=self._index, content_block=block)
        if self._index == 0:
            yield _event("ping")

    def _close(self) -> Iterable[Event]:
        kind, self._open = self._open, None
        if kind is None:
            return
        if kind is Thought:
            yield self._delta({"type": "signature_delta", "signature": _SIGNATURE})
        yield _event("content_block_stop", index=self._index)

    def _delta(self, delta: Json) -> Event:
        return _event("content_block_delta", index=self._index, delta=delta)

    def _message(self, content: list[Json], reason: str | None) -> Json:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": None if reason is None else _REASONS.get(reason, reason),
            "stop_sequence": None,
        }


_EMPTY: dict[type, Json] = {  # how a block begins that then grows
    Words: {"text": ""},
    Thought: {"thinking": "", "signature": ""},
    Call: {"input": {}},
}
_SIGNATURE = base64.b64encode(b"thought by the offline demo model").decode()


def _event(kind: str, **fields: object) -> Event:
    return Event({"type": kind, **fields}, kind)


def _error(message: str, kind: str) -> Json:
    return {"type": "error", "error": {"type": kind, "message": message}}


def _told(piece: Piece) -> Words | Thought | Call:
    """The piece as this wire can tell it, which knows no pictures from a model."""
    match piece:
        case Picture(encoded, media_type):
            return Words(markdown(data_uri(media_type, encoded)))
        case Linked(url):
            return Words(markdown(url))
        case other:
            return other


def _block(piece: Words | Thought | Call) -> Json:
    if isinstance(piece, Words):
        return {"type": "text", "text": piece.text}
    if isinstance(piece, Call):
        given = json.loads(piece.arguments or "{}")
        return {"type": "tool_use", "id": piece.id, "name": piece.name, "input": given}
    return {"type": "thinking", "thinking": piece.text, "signature": _SIGNATURE}


def _check_turns(messages: list[Any]) -> None:
    before = "assistant"
    for number, one in enumerate(messages):
        role = one.get("role") if isinstance(one, dict) else None
        if role not in ("user", "assistant"):
            raise refused_by_vendor(f"messages.{number}.role: Input should be user or assistant")
        if number == 0 and role != "user":
            raise refused_by_vendor('messages: first message must use the "user" role')
        if role == before:
            raise refused_by_vendor(f'messages: roles must alternate, "{role}" came twice')
        if not _blocks(one.get("content")):
            raise refused_by_vendor(f"messages.{number}: content must not be empty")
        before = role


def _blocks(content: object) -> list[Json]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(blocks, list) or not all(isinstance(block, dict) for block in blocks):
        raise refused_by_vendor("content: Input should be a text or a list of blocks")
    return blocks


def _parts(blocks: list[Json]) -> list[Json]:
    return [part for part in map(_part, blocks) if part is not None]


def _part(block: Json) -> Json | None:
    """A block in the form of chat completions; None for kinds that the demo models leave unread."""
    match block.get("type"), block.get("source"):
        case "text", _:
            if not isinstance(block.get("text"), str) or not block["text"]:
                raise refused_by_vendor("messages: text content blocks must be non-empty")
            return {"type": "text", "text": block["text"]}
        case "image", {"type": "base64", "media_type": media_type, "data": data}:
            if media_type not in _PICTURES:
                raise refused_by_vendor(f"image.source.media_type: not one of {_PICTURES}")
            return {"type": "image_url", "image_url": {"url": data_uri(media_type, data)}}
        case "image", {"type": "url", "url": url}:
            return {"type": "image_url", "image_url": {"url": url}}
        case "image", _:
            raise refused_by_vendor("image.source: Field required")
    return None


def _thinking(wish: object, limit: int) -> bool:
    if not isinstance(wish, dict) or wish.get("type") not in ("enabled", "adaptive"):
        return False
    budget = wish.get("budget_tokens")
    if wish["type"] == "enabled" and not (
        isinstance(budget, int) and _LEAST_BUDGET <= budget < limit
    ):
        raise refused_by_vendor(
            f"thinking.budget_tokens: at least {_LEAST_BUDGET} and less than max_tokens"
        )
    return True
