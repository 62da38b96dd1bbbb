"""What the offline gateway puts on the wire, takes from it and notes of it.

Shapes as in the gateway's own documents and in OpenAI's chat completion and image formats.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import secrets
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
REQUEST_ID = "X-Oneapi-Request-Id"
DONE = "[DONE]"
STREAM_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}
_LONGER_SIDE = 1024  # pixels, where a ratio is given
_LARGEST_SIDE = 1536  # where a size is
_SECRET_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "mj-api-secret", "cookie")


class Rejected(Exception):
    """The gateway will not do this: becomes an error answer.

    Failures in front of the models (key, route, model name) have the type ``new_api_error`` and no
    ``param``, as the real gateway's have.
    """

    def __init__(
        self, status: int, message: str, code: str = "", *, kind: str = "new_api_error"
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.kind = kind

    def body(self, request_id: str) -> Json:
        return error_body(self.message, self.code, kind=self.kind, request_id=request_id)


def invalid(message: str) -> Rejected:
    # The real gateway answers 500 to an ordinary mistake in a request that it has routed.
    return Rejected(500, message, "invalid_request", kind="invalid_request_error")


def error_body(
    message: str, code: str | int | None = "", *, kind: str = "new_api_error", request_id: str = ""
) -> Json:
    """An error as the OpenAI-style routes give it, with the request id behind the message."""
    suffix = f" (request id: {request_id})" if request_id else ""
    error: Json = {"message": message + suffix, "type": kind, "code": code}
    if kind != "new_api_error":
        error["param"] = ""
    return {"error": error}


def new_request_id() -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime()) + secrets.token_hex(8)


def sse(payload: Json | str, *, end: str = "\n") -> bytes:
    """One server-sent event: a JSON object, or text as it is."""
    text = payload if isinstance(payload, str) else dumps(payload)
    return f"data: {text}{end}{end}".encode(errors="replace")


def dumps(payload: Json) -> str:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer of a chat model, of which every chunk carries the id, the time and the model."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def chunk(self, delta: Json, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return self._object("chat.completion.chunk", [choice])

    def usage_chunk(self, usage: Json) -> Json:
        return self._object("chat.completion.chunk", []) | {"usage": usage}

    def whole(self, text: str, finish: str, usage: Json) -> Json:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return self._object("chat.completion", [choice]) | {"usage": usage}

    def _object(self, kind: str, choices: list[Json]) -> Json:
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return head | {"choices": choices}


def tokens(text: str) -> list[str]:
    """The text in pieces about as long as a model's tokens."""
    return re.findall(r"\s?\S{1,6}|\s+", text)


def words(text: str) -> list[str]:
    """The text in words, each with the space before it."""
    return re.findall(r"\s*\S+|\s+$", text)


def usage(messages: Sequence[Mapping[str, Any]], reply_tokens: int) -> Json:
    """Token counts: an estimate for the prompt (four bytes of UTF-8 a token, 258 a picture)."""
    asked = 3
    for message in messages:
        asked += 4 + sum(_part_tokens(part) for part in parts_of(message))
    return {
        "prompt_tokens": asked,
        "completion_tokens": reply_tokens,
        "total_tokens": asked + reply_tokens,
    }


def parts_of(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The parts of a message's content, be it a string or a list."""
    content = message.get("content")
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    elif isinstance(content, list):
        yield from (part for part in content if isinstance(part, dict))


def _part_tokens(part: Mapping[str, Any]) -> int:
    text = part.get("text")
    return math.ceil(len(text.encode(errors="replace")) / 4) if isinstance(text, str) else 258


def picture_size(body: Json, default_ratio: str) -> tuple[int, int]:
    """Width and height in pixels from ``size`` or ``aspect_ratio``. Raises Rejected."""
    size, ratio = body.get("size"), body.get("aspect_ratio")
    if ratio is None and size not in (None, "", "auto"):
        match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", str(size))
        longer = (
            _LARGEST_SIDE if match is None else min(_LARGEST_SIDE, max(map(int, match.groups())))
        )
    else:
        match = re.fullmatch(r"(\d{1,2}):(\d{1,2})", str(ratio or default_ratio))
        longer = _LONGER_SIDE
    across, down = map(int, match.groups()) if match else (0, 0)
    if not (across and down and max(across, down) <= 8 * min(across, down)):
        raise invalid(f"cannot draw size {str(size)[:20]!r} or aspect_ratio {str(ratio)[:20]!r}")
    scale = longer / max(across, down)
    return round(across * scale), round(down * scale)


def inputs_of(given: Any) -> list[bytes]:
    """The pictures to build on: none, one data URI or a list of them."""
    links = given if isinstance(given, list) else [given] if given else []
    pictures = [decoded(link) for link in links]
    if None in pictures:
        raise invalid("image must be a data URI: the offline demo fetches nothing")
    return [picture for picture in pictures if picture is not None]


def decoded(link: object) -> bytes | None:
    """The bytes in a picture's data URI; None for anything else."""
    head, _, data = link.partition(",") if isinstance(link, str) else ("", "", "")
    if not re.fullmatch(r"data:image/[\w.+-]+;base64", head):
        return None
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as it came. Header names are in lower case; keys read ``Bearer [redacted]``.

    ``body`` is the JSON value, or None where there was none. ``time`` is the event loop's,
    in seconds.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    size: int
    time: float


class RequestLog(deque[ReceivedRequest]):
    """The latest requests, oldest first: at most ``count`` of them and about ``room`` bytes."""

    def __init__(self, count: int = 256, room: int = 32 * 2**20) -> None:
        super().__init__(maxlen=count)
        self._room = room

    def add(self, request: ReceivedRequest) -> None:
        self.append(request)
        while len(self) > 1 and sum(kept.size for kept in self) > self._room:
            self.popleft()


def redacted(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with lower-case names and without secrets; the scheme of a key stays."""
    shown: dict[str, str] = {}
    for name, value in headers.items():
        low = name.lower()
        if low in _SECRET_HEADERS:
            scheme = re.match(r"(?:bearer|basic)\s", value, re.IGNORECASE)
            value = f"{scheme[0] if scheme else ''}[redacted]"
        shown[low] = value
    return shown
