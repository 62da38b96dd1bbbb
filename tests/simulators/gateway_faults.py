"""Every way in which the gateway is known to misbehave, as values for ``FaultyGateway.inject``.

An ``Answer`` stands in for the whole answer, ``Reset`` and ``Slow`` concern the connection,
``Stream`` says how a chat answer is shaped on any wire, ``Script`` what it says, ``Pictures`` what
a picture request gives, ``Job`` how a picture job goes.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from PIL import Image

from bot.gateway.offline.answers import Call, Linked, Picture, Thought
from bot.gateway.offline.errors import Json, Trouble, error_body

REQUEST_ID = "{request id}"  # replaced by the request's own id when an Answer is sent
Pause = float | asyncio.Event  # seconds to wait, or an event to wait for
Step = str | Thought | Picture | Linked | Call | Pause


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
    ERROR = "error"  # an error as the wire has it; on chat completions, usage and [DONE] follow
    FAILED = "failed"  # on Responses ``response.failed`` instead of ``error``; elsewhere as ERROR
    ALIAS = "response.error"  # on Responses the other name of ``error``; elsewhere as ERROR
    TAIL = "tail"  # an error as bare JSON, without "data:", and the end: no event for a parser


@dataclass(frozen=True, slots=True)
class Stream:
    """The shape of an answer; as it stands, the happy path.

    What is not there is left out on each wire in its own way: ``role`` is the opening (role chunk,
    ``message_start``, ``response.created``; nothing on Gemini), ``finish`` the reason (with it goes
    Anthropic's ``message_delta`` and Responses' last event), ``done`` the end mark (``[DONE]``,
    ``message_stop``, Responses' last event; Gemini has none). ``finish`` is "stop", "length",
    "content_filter" or "tool_calls", which every wire has words for, or else one of its own.

    ``thinking_field`` "think" puts the thoughts into the text, between ``<think>`` and
    ``</think>``; the others are names that chat completions have for them. ``usage`` "last" puts
    the counts on the last chunk of text of chat completions, and is "own" on the other wires.
    ``blocked`` gives no answer but this reason: on Gemini as ``promptFeedback``, elsewhere as the
    finish reason.

    ``break_after`` counts the script's chunks: 0 breaks before the first one, after the headers and
    the opening. ``trouble`` is what an error says then. ``lull`` is how many seconds lie between
    the last event and the break, so that the reader has read it.

    ``segment`` is None for one write per event, 0 for the whole stream in a single write, N for
    writes of N bytes. ``padding`` adds that many characters to the first chunk, in a field that
    nobody knows. ``pings`` puts a comment before each event, and keeps them coming every ``lull``
    seconds in a silence. ``array`` sends a JSON array, in pieces, instead of events.

    A whole answer heeds ``finish``, ``usage``, ``thinking``, ``thinking_field`` and ``blocked``.
    """

    role: bool = True
    thinking: tuple[str, ...] = ()
    thinking_field: Literal["reasoning_content", "reasoning", "think"] = "reasoning_content"
    finish: str | None = "stop"
    usage: Literal["own", "last", "none"] = "own"
    done: bool = True
    break_after: int | None = None
    breaks: Break = Break.RESET
    trouble: Trouble = field(default_factory=Trouble)
    lull: float = 0.02
    pings: bool = False
    eol: Literal["\n", "\r\n", "\r"] = "\n"
    blank_lines: int = 0
    segment: int | None = None
    padding: int = 0
    blocked: str = ""
    array: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """What the model says, step by step, with pauses between. A text is one chunk; ``Thought``,
    ``Picture`` and ``Linked`` (see ``inline`` and ``linked``) and ``Call``, a tool call whose
    arguments come in fragments, are told in the wire's own way."""

    steps: tuple[Step, ...]

    @property
    def text(self) -> str:
        return "".join(step for step in self.steps if isinstance(step, str))


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
    """What a picture route gives, or a job: ``count`` times ``file`` as links or as base64.

    ``link`` is an address to give out instead of one of our own. ``count`` 0 gives an empty list.
    """

    file: PictureFile = GOOD_FILE
    form: Literal["url", "b64_json"] = "url"
    count: int = 1
    link: str = ""


def inline(file: bytes = PNG, media_type: str = "image/png") -> Picture:
    """A picture in a chat answer: ``inlineData`` on Gemini, an ``image_generation_call`` on
    Responses, Markdown with a data URI on the others."""
    return Picture.of(file, media_type)


def inline_link(url: str) -> Picture:
    """An address where the base64 should be (Gemini with ``image_response_format``)."""
    return Picture(url, "image/png")


def linked(url: str) -> Linked:
    """A picture's address in a chat answer: ``fileData`` on Gemini, elsewhere in Markdown."""
    return Linked(url, "image/png")


def data_uri(file: bytes = PNG, media_type: str = "image/png", *, cut: int = 0) -> list[str]:
    """A data URI in Markdown, in chunks of ``cut`` characters (0: one), for any wire's text."""
    text = f"![image](data:{media_type};base64,{base64.b64encode(file).decode()})"
    size = cut or len(text)
    return [text[start : start + size] for start in range(0, len(text), size)]


class End(StrEnum):
    """What becomes of a job."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    VANISHED = "vanished"  # nobody knows its id any more: 404
    NEVER = "never"  # its last state goes on


@dataclass(frozen=True, slots=True)
class State:
    """What one look at a job shows. ``progress`` None leaves it out."""

    status: str = "processing"
    progress: float | str | None = None


_JOB_ERROR = {
    "message": "upstream closed",
    "type": "api_error",
    "code": "generation_failed",
    "details": {},
}


@dataclass(frozen=True, slots=True)
class Job:
    """How a picture job goes on ``/images/generate``.

    The reply to the submit (with status ``accepted``) shows the first of the ``states``, each poll
    the next one; then comes the ``end``. Without states the reply to the submit is the end.
    ``word`` is another name for the status at the end. ``poll_url`` "" is our own address, None
    leaves it out; ``{id}`` in it stands for the job's id. ``estimated_time`` is in seconds.
    """

    states: tuple[State, ...] = (State("pending", 0), State("processing", 40))
    end: End = End.SUCCEEDED
    word: str = ""
    accepted: int = 202
    pictures: Pictures = field(default_factory=Pictures)
    error: Json = field(default_factory=lambda: dict(_JOB_ERROR))
    poll_url: str | None = ""
    estimated_time: float | None = 0.0


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

# What may become of a job

GOOD_JOB = Job()
PENDING_BEHIND_200 = Job(accepted=200)
DONE_AT_ONCE = Job((), accepted=200)
DONE_BUT_PENDING = Job(word="pending")  # as in the gateway's own example: look at the data
OTHER_WORDS = Job(
    (State("in_queue"), State("GENERATING", "30%"), State("busy", 0.5)), word="SUCCESS"
)
BACKWARDS = Job((State("pending", 0), State(progress=60), State(progress=20), State(progress=80)))
NO_POLL_URL = Job(poll_url=None, estimated_time=None)
RELATIVE_POLL_URL = Job(poll_url="/v1/images/jobs/{id}")
FAILED_JOB = Job(end=End.FAILED)
REJECTED_JOB = Job(
    (State("pending"),),
    end=End.FAILED,
    error=_JOB_ERROR | {"code": "content_policy_violation", "type": "invalid_request_error"},
)
FAILED_AT_ONCE = Job((), end=End.FAILED, accepted=200)
VANISHING_JOB = Job(end=End.VANISHED)
ENDLESS_JOB = Job(end=End.NEVER)
EMPTY_JOB = Job(pictures=Pictures(count=0))  # succeeded, but there is no picture


def foreign_poll_url(url: str) -> Job:
    """A job that wants to be asked about at another server, such as ``PrivateServer().url``."""
    return Job(poll_url=url + "/v1/images/jobs/{id}")


JOBS = {name: value for name, value in globals().items() if isinstance(value, Job)}
"""Every Job above by its name."""
