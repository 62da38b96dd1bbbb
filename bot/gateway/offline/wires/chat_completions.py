"""Chat completions, OpenAI's first wire: unnamed events, ``[DONE]`` at the end.

Thoughts come as ``reasoning_content``, as from DeepSeek's models; pictures as Markdown with a data
URI, as the real gateway passes on those of Gemini's picture models.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

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
)
from bot.gateway.offline.errors import Json, Trouble, error_body, invalid
from bot.gateway.offline.orders import data_uri
from bot.gateway.offline.wires.base import Event, Telling, fragments, limit_of, markdown

DONE = "[DONE]"


class ChatCompletions(Telling):
    ends_after_failure = True  # the real gateway adds both, whatever happened upstream

    def __init__(self, question: Question, usage: Usage | None) -> None:
        super().__init__(question, usage)
        self.thought_field = "reasoning_content"
        self._id = f"chatcmpl-{secrets.token_hex(12)}"
        self._created = int(time.time())
        self._calls = 0

    @staticmethod
    def read(body: Json) -> Question:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise invalid("field messages is required")
        if not all(isinstance(one, dict) and isinstance(one.get("role"), str) for one in messages):
            raise invalid("each of messages must be an object with a role")
        thinking = body.get("thinking")
        off = isinstance(thinking, dict) and thinking.get("type") == "disabled"
        return Question(
            body["model"],
            messages,
            limit_of(body.get("max_completion_tokens"), body.get("max_tokens")),
            stream=bool(body.get("stream")),
            thoughts=not off and body.get("reasoning_effort") != "none",
        )

    def start(self) -> Iterable[Event]:
        yield self._chunk({"role": "assistant", "content": ""})

    def add(self, piece: Piece) -> Iterable[Event]:
        if isinstance(piece, Call):
            index, self._calls = self._calls, self._calls + 1
            yield self._chunk({"tool_calls": [{"index": index, **_called(piece, "")}]})
            for fragment in fragments(piece.arguments):
                call = {"index": index, "function": {"arguments": fragment}}
                yield self._chunk({"tool_calls": [call]})
            return
        field = self.thought_field if isinstance(piece, Thought) else "content"
        yield self._chunk({field: _text(piece)})

    def finish(self, reason: str | None) -> Iterable[Event]:
        if reason is not None:
            yield self._chunk({}, reason)

    def counts(self) -> Iterable[Event]:
        if self.usage is not None:
            yield Event(self._object("chat.completion.chunk", []) | {"usage": counted(self.usage)})

    def done(self) -> Iterable[Event]:
        yield Event(DONE)

    def fail(self, trouble: Trouble) -> Iterable[Event]:
        yield Event(error_body(trouble.message, trouble.code, kind=trouble.kind))

    def whole(self, answer: Answer) -> Json:
        thoughts = [piece for piece in answer.pieces if isinstance(piece, Thought)]
        calls = [piece for piece in answer.pieces if isinstance(piece, Call)]
        told = [piece for piece in answer.pieces if not isinstance(piece, Thought | Call)]
        message: Json = {"role": "assistant", "content": "".join(map(_text, told))}
        if thoughts:
            message[self.thought_field] = "".join(map(_text, thoughts))
        if calls:
            message["tool_calls"] = [_called(call, call.arguments) for call in calls]
        choice = {"index": 0, "message": message, "finish_reason": answer.finish}
        found = self._object("chat.completion", [choice])
        return found if self.usage is None else found | {"usage": counted(self.usage)}

    def _chunk(self, delta: Json, finish: str | None = None) -> Event:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return Event(self._object("chat.completion.chunk", [choice]))

    def _object(self, kind: str, choices: list[Json]) -> Json:
        head = {"id": self._id, "object": kind, "created": self._created, "model": self.model}
        return head | {"choices": choices}


def _called(call: Call, arguments: str) -> Json:
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.id, "type": "function", "function": function}


def _text(piece: Words | Thought | Picture | Linked) -> str:
    match piece:
        case Words(text) | Thought(text):
            return text
        case Linked(url):
            return markdown(url)
        case Picture(encoded, media_type):
            return markdown(data_uri(media_type, encoded))


def counted(usage: Usage) -> Json:
    counts: Json = {
        "prompt_tokens": usage.asked,
        "completion_tokens": usage.said,
        "total_tokens": usage.total,
    }
    if usage.thought:
        counts["completion_tokens_details"] = {"reasoning_tokens": usage.thought}
    return counts
