"""Every way in which the gateway is known to misbehave, as values for ``FaultyGateway.inject``.

An ``Answer`` stands in for the whole answer, ``Reset`` and ``Slow`` concern the connection,
``Stream`` says how the events of a chat answer are shaped, ``Pictures`` what a picture request
gives.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from PIL import Image

from bot.gateway.offline.wire import error_body

REQUEST_ID = "{request id}"  # replaced by the request's own id when an Answer is sent
Pause = float | asyncio.Event  # seconds to wait, or an event to wait for


def _body(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """This instead of the real answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def error(
        cls, status: int, message: str, code: str | int | None = "", kind: str = "new_api_error"
    ) -> Answer:
        """An error of shape E-O, with the request id behind the message."""
        return cls(status, _body(error_body(message, code, kind=kind, request_id=REQUEST_ID)))

    @classmethod
    def json(cls, status: int, value: Any) -> Answer:
        return cls(status, _body(value))


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset before the first byte."""


@dataclass(frozen=True, slots=True)
class Slow:
    """The answer begins after a while, headers included."""

    until: Pause


class Break(StrEnum):
    """What happens in the middle of a stream."""

    RESET = "reset"  # TCP reset
    CLOSE = "close"  # the connection is closed inside the body
    END = "end"  # the body ends properly, but nothing says that the answer is complete
    SILENCE = "silence"  # nothing more comes, the connection stays
    ERROR = "error"  # an error object, then usage and [DONE] all the same


@dataclass(frozen=True, slots=True)
class Stream:
    """The shape of a streamed answer; as it stands, the happy path.

    ``break_after`` counts chunks of text: 0 breaks before the first one, after the headers and the
    role chunk. ``lull`` is how many seconds lie between the last event and the break, so that the
    reader has read it. ``segment`` is None for one write per event, 0 for the whole stream in a
    single write, N for writes of N bytes. ``padding`` adds that many characters to the first chunk
    of text, in a field that nobody knows. ``pings`` puts a comment before each event, and
    keeps them coming every ``lull`` seconds in a silence.
    """

    role: bool = True
    thinking: tuple[str, ...] = ()
    thinking_field: Literal["reasoning_content", "reasoning"] = "reasoning_content"
    finish: str | None = "stop"
    usage: Literal["own", "last", "none"] = "own"
    done: bool = True
    break_after: int | None = None
    breaks: Break = Break.RESET
    lull: float = 0.02
    pings: bool = False
    eol: Literal["\n", "\r\n", "\r"] = "\n"
    blank_lines: int = 0
    segment: int | None = None
    padding: int = 0


@dataclass(frozen=True, slots=True)
class PictureFile:
    """What is behind a picture's link. ``location`` redirects; ``endless`` never stops sending;
    ``declared`` is a Content-Length that the body does not live up to; ``delay`` is in seconds."""

    body: bytes = b""
    status: int = 200
    content_type: str = "image/png"
    location: str = ""
    endless: bool = False
    declared: int | None = None
    delay: float = 0.0


def png(width: int = 64, height: int = 48, colour: str = "#d8432f") -> bytes:
    """A plain PNG picture."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()


PNG = png()
_PAGE = b"<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>"
GOOD_FILE = PictureFile(PNG)


@dataclass(frozen=True, slots=True)
class Pictures:
    """The answer to a picture request: ``count`` times ``file`` as links or as base64.

    ``link`` is an address to give out instead of one of our own. ``count`` 0 gives an empty list.
    """

    file: PictureFile = GOOD_FILE
    form: Literal["url", "b64_json"] = "url"
    count: int = 1
    link: str = ""


def rate_limited(**headers: str) -> Answer:
    """429 with headers: ``rate_limited(retry_after="2")`` or ``retry_after_ms="250"``."""
    found = Answer.error(429, "Too many requests", "rate_limit_exceeded", "rate_limit_error")
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return Answer(found.status, found.body, headers=named)


# Errors with the status they deserve

BAD_KEY = Answer.error(401, "Invalid token")
NO_CREDIT = Answer.json(
    402,
    {
        "error": {
            "message": "The account balance is too low",
            "type": "billing_error",
            "code": "insufficient_funds",
            "details": {"balance": "0.00"},
        }
    },
)
NO_QUOTA = Answer.error(403, "User quota is not enough", "insufficient_user_quota")
NOT_ALLOWED = Answer.error(403, "This token has no access to model gpt-5", "access_denied")
RATE_LIMITED = rate_limited()
RATE_LIMITED_EMPTY = Answer(429, content_type="text/plain")  # as the in-memory limiter answers
INVALID_REQUEST = Answer.error(
    500, "field messages is required", "invalid_request", "invalid_request_error"
)
BLOCKED_WORDS = Answer.error(500, "sensitive words detected", "sensitive_words_detected")
CONTENT_POLICY = Answer.error(
    400, "Your request was rejected", "content_policy_violation", "invalid_request_error"
)
TOO_LONG = Answer.error(
    400, "maximum context length is 8192", "context_length_exceeded", "invalid_request_error"
)
TOO_LARGE = Answer.error(413, "request body is too large", "read_request_body_failed")
SERVER_ERROR = Answer.error(500, "upstream failed", "do_request_failed")
SERVER_ERROR_PLAIN = Answer(500, b"Internal Server Error", "text/plain")
BAD_GATEWAY = Answer(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html")
GATEWAY_TIMEOUT = Answer(504, b"<html><body>504 Gateway Time-out</body></html>", "text/html")
NO_SUCH_MODEL = Answer.error(503, "No available channel for model x", "model_not_found")
OVERLOADED = Answer.error(503, "system cpu overloaded", "system_cpu_overloaded")
OTHER_LANGUAGE = Answer.error(401, "无效的令牌", None)

# Errors and other surprises behind status 200

ERROR_BEHIND_200 = Answer.error(200, "upstream closed", "bad_response_body", "upstream_error")
NO_QUOTA_BEHIND_200 = Answer.error(200, "User quota is not enough", "insufficient_user_quota")
HTML_BEHIND_200 = Answer(200, _PAGE, "text/html; charset=utf-8")
EMPTY_BEHIND_200 = Answer(200)
EMPTY_STREAM_BEHIND_200 = Answer(200, content_type="text/event-stream")
JOB_BEHIND_200 = Answer.json(200, {"id": "job-1", "status": "pending", "progress": 0})
NO_DATA_BEHIND_200 = Answer.json(200, {"created": 1})

# The other shapes of error bodies

SHAPE_C = Answer.json(
    529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
)
SHAPE_T = Answer.json(400, {"code": "task_not_exist", "message": "no such task", "data": None})
SHAPE_M = Answer.json(400, {"description": "quota_not_enough", "type": "upstream_error", "code": 4})
SHAPE_S = Answer.json(401, {"success": False, "message": "not logged in"})
SHAPE_G = Answer.json(
    429,
    [{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "quota", "details": []}}],
)
SHAPE_TEXT = Answer.json(400, {"error": "just a sentence"})

ANSWERS = {name: value for name, value in globals().items() if isinstance(value, Answer)}
"""Every Answer above by its name, for tests that go through all of them."""

# What may be behind a picture's link

DEAD_LINK = PictureFile(status=404, content_type="text/plain")
EXPIRED_LINK = PictureFile(b'{"error":"expired"}', 410, "application/json")
FORBIDDEN_LINK = PictureFile(status=403, content_type="text/plain")
WRONG_TYPE = PictureFile(PNG, content_type="text/plain")  # a good picture all the same
HTML_PAGE = PictureFile(_PAGE, content_type="text/html")
HTML_AS_PICTURE = PictureFile(_PAGE)  # labelled image/png
EMPTY_FILE = PictureFile()
TRUNCATED = PictureFile(PNG[: len(PNG) // 2])
BROKEN_OFF = PictureFile(PNG[: len(PNG) // 2], declared=len(PNG))  # closed inside the body
ENDLESS = PictureFile(PNG, endless=True)
OVERSIZED = PictureFile(PNG, endless=True, declared=2**34)


def redirect_to(url: str, status: int = 302) -> PictureFile:
    return PictureFile(status=status, location=url, content_type="text/plain")


FILES = {name: value for name, value in globals().items() if isinstance(value, PictureFile)}
"""Every PictureFile above by its name."""
