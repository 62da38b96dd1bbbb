"""Responses, OpenAI's newer wire: named and numbered events around items, which have parts.

Thoughts come as the summary of a ``reasoning`` item, if one is asked for; pictures as the result of
an ``image_generation_call``.
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
    joined,
)
from bot.gateway.offline.errors import Json, Trouble, invalid
from bot.gateway.offline.wires.base import Event, Telling, fragments, limit_of, markdown

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class Responses(Telling):
    def __init__(self, question: Question, usage: Usage | None) -> None:
        super().__init__(question, usage)
        self._id = _new_id("resp")
        self._created = int(time.time())
        self._sequence = 0
        self._items: list[Json] = []  # the finished ones
        self._open: type[Words | Thought] | None = None  # what kind of item is being told
        self._said: list[str] = []  # its text so far
        self._item_id = ""
        self._reason: str | None = None

    @staticmethod
    def read(body: Json) -> Question:
        given = body.get("input")
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        if not isinstance(items, list) or not items:
            raise invalid("input is required")
        if not all(isinstance(one, dict) for one in items):
            raise invalid("each of input must be an object")
        messages = [_message(one) for one in items if isinstance(one.get("role"), str)]
        if isinstance(body.get("instructions"), str):
            messages.insert(0, {"role": "system", "content": body["instructions"]})
        reasoning = body.get("reasoning")
        return Question(
            body["model"],
            messages,
            limit_of(body.get("max_output_tokens")),
            stream=bool(body.get("stream")),
            thoughts=isinstance(reasoning, dict) and bool(reasoning.get("summary")),
        )

    def start(self) -> Iterable[Event]:
        for name in ("response.created", "response.in_progress"):
            yield self._event(name, response=self._response("in_progress"))

    def add(self, piece: Piece) -> Iterable[Event]:
        piece = _told(piece)
        if isinstance(piece, Picture | Call):
            yield from self._close()
            yield from self._drawn(piece) if isinstance(piece, Picture) else self._called(piece)
            return
        if self._open is not type(piece):
            yield from self._close()
            yield from self._begin(piece)
        self._said.append(piece.text)
        yield self._event(_names(piece)[1] + ".delta", **self._place(piece), delta=piece.text)

    def finish(self, reason: str | None) -> Iterable[Event]:
        self._reason = reason
        return self._close()

    def done(self) -> Iterable[Event]:
        if self._reason is None:  # on this wire the reason is the mark
            return
        status = self._status()
        yield self._event(f"response.{status}", response=self._response(status))

    def fail(self, trouble: Trouble) -> Iterable[Event]:
        yield self._event("error", code=trouble.code, message=trouble.message, param=None)

    def give_up(self, trouble: Trouble) -> Iterable[Event]:
        """The other way to fail: the response itself ends as failed."""
        failed = self._response("failed")
        failed["error"] = {"code": trouble.code, "message": trouble.message}
        yield self._event("response.failed", response=failed)

    def whole(self, answer: Answer) -> Json:
        parts = joined(list(map(_told, answer.pieces)))
        self._items = [_item(_told(part), _new_id("item"), "completed") for part in parts]
        self._reason = answer.finish
        return self._response(self._status())

    def _status(self) -> str:
        return "completed" if self._reason in ("stop", "tool_calls", None) else "incomplete"

    # Items

    def _begin(self, piece: Words | Thought) -> Iterable[Event]:
        self._open, self._said = type(piece), []
        self._item_id = _new_id("msg" if isinstance(piece, Words) else "rs")
        yield self._added(_item(piece, self._item_id, "in_progress", empty=True))
        part = _part(type(piece)(""))
        yield self._event(_names(piece)[0] + ".added", **self._place(piece), part=part)

    def _close(self) -> Iterable[Event]:
        kind, self._open = self._open, None
        if kind is None:
            return
        piece = kind("".join(self._said))
        place = self._place(piece)
        part_name, text_name = _names(piece)
        yield self._event(text_name + ".done", **place, text=piece.text)
        yield self._event(part_name + ".done", **place, part=_part(piece))
        yield self._finished(_item(piece, self._item_id, "completed"))

    def _drawn(self, picture: Picture) -> Iterable[Event]:
        place: Json = {"item_id": _new_id("ig"), "output_index": len(self._items)}
        yield self._added(_item(picture, place["item_id"], "in_progress", empty=True))
        for stage in ("in_progress", "generating", "completed"):
            yield self._event(f"response.image_generation_call.{stage}", **place)
        yield self._finished(_item(picture, place["item_id"], "completed"))

    def _called(self, call: Call) -> Iterable[Event]:
        place: Json = {"item_id": _new_id("fc"), "output_index": len(self._items)}
        yield self._added(_item(call, place["item_id"], "in_progress", empty=True))
        name = "response.function_call_arguments"
        for fragment in fragments(call.arguments):
            yield self._event(f"{name}.delta", **place, delta=fragment)
        yield self._event(f"{name}.done", **place, name=call.name, arguments=call.arguments)
        yield self._finished(_item(call, place["item_id"], "completed"))

    def _added(self, item: Json) -> Event:
        return self._event("response.output_item.added", output_index=len(self._items), item=item)

    def _finished(self, item: Json) -> Event:
        self._items.append(item)
        return self._event(
            "response.output_item.done", output_index=len(self._items) - 1, item=item
        )

    # Shapes

    def _place(self, piece: Piece) -> Json:
        index = "content_index" if isinstance(piece, Words) else "summary_index"
        place: Json = {"item_id": self._item_id, "output_index": len(self._items), index: 0}
        return place

    def _event(self, kind: str, **fields: object) -> Event:
        event = Event({"type": kind, "sequence_number": self._sequence, **fields}, kind)
        self._sequence += 1
        return event

    def _response(self, status: str) -> Json:
        why = {"reason": _INCOMPLETE.get(self._reason or "", self._reason)}
        response: Json = {
            "id": self._id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": why if status == "incomplete" else None,
            "model": self.model,
            "output": list(self._items),
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
        if self.usage is not None and status in ("completed", "incomplete"):
            response["usage"] = _counted(self.usage)
        return response


def _message(item: Json) -> Json:
    """An input item in the form of chat completions."""
    content = item.get("content")
    if not isinstance(content, list):
        return {"role": item["role"], "content": content}
    parts: list[Json] = []
    for part in content:
        if not isinstance(part, dict):
            continue
        if isinstance(part.get("text"), str):
            parts.append({"type": "text", "text": part["text"]})
        elif part.get("type") == "input_image":
            parts.append({"type": "image_url", "image_url": {"url": part.get("image_url")}})
    return {"role": item["role"], "content": parts}


def _names(piece: Piece) -> tuple[str, str]:
    """What the events of a part and of its text are called."""
    if isinstance(piece, Words):
        return "response.content_part", "response.output_text"
    return "response.reasoning_summary_part", "response.reasoning_summary_text"


def _part(piece: Words | Thought) -> Json:
    if isinstance(piece, Words):
        return {"type": "output_text", "text": piece.text, "annotations": []}
    return {"type": "summary_text", "text": piece.text}


def _told(piece: Piece) -> Words | Thought | Picture | Call:
    """The piece as this wire can tell it, which has no links to pictures."""
    return Words(markdown(piece.url)) if isinstance(piece, Linked) else piece


def _item(
    piece: Words | Thought | Picture | Call, item_id: str, status: str, *, empty: bool = False
) -> Json:
    head: Json = {"id": item_id, "status": status}
    match piece:
        case Picture(encoded):
            return head | {"type": "image_generation_call", "result": None if empty else encoded}
        case Call(name, arguments, call_id):
            called = {"call_id": call_id, "name": name, "arguments": "" if empty else arguments}
            return head | {"type": "function_call", **called}
        case Thought():
            return head | {"type": "reasoning", "summary": [] if empty else [_part(piece)]}
        case Words():
            content = [] if empty else [_part(piece)]
            return head | {"type": "message", "role": "assistant", "content": content}


def _counted(usage: Usage) -> Json:
    return {
        "input_tokens": usage.asked,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": usage.said,
        "output_tokens_details": {"reasoning_tokens": usage.thought},
        "total_tokens": usage.total,
    }


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(12)}"
