"""What the offline gateway answers where it will not do as asked, in each shape that its real
counterpart has for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


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


Refusal = Callable[[Rejected, str], tuple[int, Json]]
"""Turns an error and the request's id into a status and a body."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong in the middle of an answer; ``status`` is what it would have had before."""

    message: str = "upstream closed"
    code: str = "bad_response"
    kind: str = "upstream_error"
    status: int = 503


def invalid(message: str) -> Rejected:
    # The real gateway answers 500 to an ordinary mistake in a request that it has routed.
    return Rejected(500, message, "invalid_request", kind="invalid_request_error")


def refused_by_vendor(message: str, status: int = 400) -> Rejected:
    """What the real gateway lets through, and the vendor behind it then refuses."""
    return Rejected(status, message, "invalid_request_error", kind="invalid_request_error")


def error_body(
    message: str, code: str | int | None = "", *, kind: str = "new_api_error", request_id: str = ""
) -> Json:
    """An error as the OpenAI-style routes give it, with the request id behind the message."""
    error: Json = {"message": signed(message, request_id), "type": kind, "code": code}
    if kind != "new_api_error":
        error["param"] = ""
    return {"error": error}


def signed(message: str, request_id: str) -> str:
    return f"{message} (request id: {request_id})" if request_id else message


def openai_refusal(error: Rejected, request_id: str) -> tuple[int, Json]:
    body = error_body(error.message, error.code, kind=error.kind, request_id=request_id)
    return error.status, body


def older_refusal(error: Rejected, request_id: str) -> tuple[int, Json]:
    """As the older generation has it: another 400, a code for every error, and details."""
    status = error.status if error.status < 500 else 400
    code = "unauthorized" if status == 401 else error.code or "bad_request"
    fault = {
        "message": signed(error.message, request_id),
        "type": "invalid_request_error",
        "code": code,
        "details": {},
    }
    return status, {"error": fault}
