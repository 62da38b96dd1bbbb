"""What a failed answer of the gateway means: status and body to one of our errors (pure).

The gateway words the same trouble in many shapes and sometimes behind a success status; shapes and
codes follow its documents and the open-source gateway that it resembles. Raw texts go to the log
only.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from bot.errors import (
    BadKey,
    BadRequest,
    Filtered,
    GatewayDown,
    GatewayError,
    Misrouted,
    NoCredit,
    NoSuchModel,
    NotAllowed,
    RateLimited,
)

_BY_CODE: tuple[tuple[type[GatewayError], frozenset[str]], ...] = (
    (
        NoCredit,
        frozenset(
            [
                "insufficient_user_quota",
                "pre_consume_token_quota_failed",
                "insufficient_funds",
                "insufficient_quota",
                "billing_error",
                "quota_not_enough",
            ]
        ),
    ),
    (NoSuchModel, frozenset(["model_not_found"])),
    (
        Filtered,
        frozenset(
            [
                "sensitive_words_detected",
                "prompt_blocked",
                "content_filter",
                "content_policy_violation",
            ]
        ),
    ),
    (BadKey, frozenset(["unauthorized", "invalid_api_key", "authentication_error"])),
    (NotAllowed, frozenset(["access_denied", "permission_error"])),
    (
        BadRequest,
        frozenset(
            [
                "invalid_request",
                "bad_request_body",
                "convert_request_failed",
                "context_length_exceeded",
                "model_price_error",
                "read_request_body_failed",
                "invalid_request_error",
                "invalid_prompt",
            ]
        ),
    ),
    (
        RateLimited,
        frozenset(["rate_limit_error", "rate_limit_exceeded", "token_concurrency_limit_reached"]),
    ),
)

_BY_STATUS: dict[int, type[GatewayError]] = {
    401: BadKey,
    402: NoCredit,
    403: NotAllowed,
    404: Misrouted,
    405: Misrouted,
    410: Misrouted,
    408: GatewayDown,
    409: GatewayDown,
    429: RateLimited,
    501: Misrouted,
}

_MODEL_HINT = re.compile(
    r"\bmodel\b.{0,99}\b(not found|(does )?not exist|unknown|not supported)", re.I
)
_ROUTE_HINT = re.compile(
    r"(invalid|unknown|unrecognized|unexpected) (request )?(url|endpoint|route|path)"
    r"|no such (endpoint|route)",
    re.I,
)
_KEY_HINT = re.compile(r"api.?key|unauthenticated|unauthori[sz]ed|invalid token", re.I)


def failure(status: int, body: str, headers: Mapping[str, str]) -> GatewayError:
    """The error for an answer with this status. Headers are matched without regard to case."""
    lowered = {name.lower(): value for name, value in headers.items()}
    code, text = _read(body)
    kind = _kind(status, code, text)
    if "text/html" in lowered.get("content-type", "") and kind is not GatewayDown:
        kind = Misrouted
    return kind(
        detail=f"status {status}, code {code or '-'}: {text[:300]}",
        status=status,
        request_id=lowered.get("x-oneapi-request-id", lowered.get("x-request-id", "")),
        retry_after=_wait(lowered),
    )


def raise_for_body(body: Mapping[str, Any]) -> None:
    """Raise the error that a JSON object carries, whatever status came with it. Silent on good
    ones."""
    if not body.get("error") and body.get("success") is not False:
        return
    code, text = _words(body)
    status = int(code) if code.isdecimal() and len(code) == 3 else 0
    kind = _kind(status, code, text)
    raise kind(detail=f"error in the answer, code {code or '-'}: {text[:300]}")


def _kind(status: int, code: str, text: str) -> type[GatewayError]:
    if _ROUTE_HINT.search(text):
        return Misrouted
    for kind, codes in _BY_CODE:
        # "invalid_request_error" is the type of nearly everything, so a telling status goes
        # first.
        if code in codes and not (kind is BadRequest and status in _BY_STATUS):
            return kind
    if status == 404 and _MODEL_HINT.search(text):
        return NoSuchModel
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 400 <= status < 500:
        return BadKey if _KEY_HINT.search(text) else BadRequest
    return GatewayDown


def _read(body: str) -> tuple[str, str]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return "", " ".join(body.split())
    if isinstance(parsed, list) and parsed:
        parsed = parsed[0]
    return _words(parsed) if isinstance(parsed, dict) else ("", str(parsed))


def _words(body: Mapping[str, Any]) -> tuple[str, str]:
    """(machine code, human text) from any of the gateway's error shapes."""
    error = body.get("error")
    inner: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    code = inner.get("code") or inner.get("type") or body.get("code") or ""
    text = (
        inner.get("message")
        or (error if isinstance(error, str) else "")
        or body.get("message")
        or body.get("description")
        or body.get("detail")
        or ""
    )
    return str(code).lower(), str(text)


def _wait(headers: Mapping[str, str]) -> float | None:
    """The server's own wait in seconds, at most 120."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            wait = float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
        if not math.isnan(wait):  # it is a float to Python, and no timer would ever end
            return min(max(wait, 0.0), 120.0)
    return None
