"""The wire of ``POST /v1/images/generations``: one JSON reply with links or base64.

Source: the gateway's own page for nano-banana (``aspect_ratio`` at top level, ``image`` as one data
URI or several, no ``n`` or ``size``) and OpenAI's fields for the models that take those. What a
reply means is decided by its content and never by its status, because a success may still be
waiting and a failure may come behind status 200.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from bot.errors import BadPicture, GatewayDown, GatewayError
from bot.events import Finish, Progress
from bot.gateway.faults import raise_for_body
from bot.gateway.models import Model
from bot.gateway.pictures import SUCCEEDED, found_in
from bot.gateway.wire.base import Job, Json, WireEvent, data_uri, headers, shown
from bot.types import ImagePrompt

__all__ = ["decode", "encode", "headers", "path", "pictures_or_job"]

JOBS = "/v1/images/jobs/"

_FAILED = frozenset(  # what a job says of itself, in small letters; any unknown word means "wait"
    [
        "failure",
        "failed",
        "fail",
        "error",
        "cancelled",
        "canceled",
        "cancel",
        "expired",
        "timeout",
        "not_found",
        "rejected",
    ]
)
_NOT_MADE = "The gateway could not make this picture."
_LONGEST_WAIT = 3600.0  # seconds; an estimate beyond that is none


def path(model: Model) -> str:
    return "/v1/images/generations"


def encode(prompt: ImagePrompt, model: Model) -> dict[str, Any]:
    body: dict[str, Any] = {"model": prompt.model, "prompt": prompt.text}
    if prompt.aspect_ratio:
        size = dict(model.sizes).get(prompt.aspect_ratio)
        body |= {"size": size} if size else {"aspect_ratio": prompt.aspect_ratio}
    if prompt.count > 1 and model.takes_count:
        body["n"] = prompt.count
    inputs = [data_uri(image) for image in prompt.images]
    if inputs:
        body["image"] = inputs[0] if len(inputs) == 1 else inputs
    return body


def decode(body: Json) -> Iterator[WireEvent]:
    # Other models on this route answer with jobs of their own kinds. Only the one of the multimodal
    # route is known: it says where to ask again, or how it is executed.
    known = isinstance(body, dict) and bool(body.get("poll_url") or body.get("execution"))
    yield from pictures_or_job(body, known=known)


def pictures_or_job(body: Json, *, known: bool) -> Iterator[WireEvent]:
    """The pictures of a reply and a Finish, else the Job that will make them.

    ``known`` says that a job of this kind can be asked after. Raises GatewayError where the reply
    says that it failed, BadPicture where it holds neither pictures nor such a job.
    """
    if not isinstance(body, dict):
        raise BadPicture("The gateway sent no picture.", detail="JSON, but no object")
    try:
        pictures = [shown(found) for found in found_in(body)]
    except BadPicture:
        _raise_for_failure(body)  # what the gateway says is wrong goes before what we see is wrong
        raise
    if pictures:
        yield from pictures
        yield Finish()
    else:
        _raise_for_failure(body)
        yield from _job(body, known)


def _raise_for_failure(body: Mapping[str, Any]) -> None:
    task = _task(body)
    state = _state(task)
    try:
        raise_for_body(body)
    except GatewayDown as error:
        if state not in _FAILED:
            raise
        # A job that has failed stays failed: to ask again would be of no use.
        raise GatewayError(_NOT_MADE, detail=str(error)) from error
    if state in _FAILED:
        raise GatewayError(_NOT_MADE, detail=f"the job is {state}: {_why(task)}")


def _job(body: Mapping[str, Any], known: bool) -> Iterator[WireEvent]:
    task = _task(body)
    state = _state(task)
    name, poll_url = _name(task) or _name(body), _address(_text(body.get("poll_url")))
    if state not in SUCCEEDED and (name or poll_url):
        if known:
            if (fraction := _fraction(body.get("progress"))) is not None:
                yield Progress(fraction)
            where = JOBS + quote(name, safe="", errors="replace") if name else ""
            yield Job(where, poll_url, _seconds(body.get("estimated_time")))
            return
        if state is not None:
            raise BadPicture(
                "This model draws in a way that is not supported yet. Choose another one.",
                detail=f"a job of unknown kind, status {state!r}, keys {sorted(body)[:9]}",
            )
    if _text(body.get("code")).lower() not in ("", "0", "200", "success"):
        raise_for_body({"error": body})
    raise BadPicture(
        "The gateway sent no picture.", detail=f"no picture among keys {sorted(body)[:9]}"
    )


def _task(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What says how the job is: the reply itself, or the task in it."""
    inner = body.get("data")
    return inner if isinstance(inner, dict) and "status" in inner else body


def _state(task: Mapping[str, Any]) -> str | None:
    status = task.get("status")
    return status.lower() if isinstance(status, str) else None


def _name(task: Mapping[str, Any]) -> str:
    return _text(task.get("id")) or _text(task.get("task_id"))


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _address(text: str) -> str:
    """The address, "" where it is none that can be taken apart."""
    try:
        urlsplit(text)
    except ValueError:
        return ""
    return text


def _why(task: Mapping[str, Any]) -> str:
    return next(
        (text[:300] for key in ("fail_reason", "message") if (text := _text(task.get(key)))), "-"
    )


def _seconds(value: object) -> float:
    good = isinstance(value, int | float) and 0 <= value <= _LONGEST_WAIT
    return float(value) if good else 0.0  # type: ignore[arg-type]


def _fraction(value: object) -> float | None:
    """Progress as it comes, 30 or "30%" or 0.3, from 0 to 1; None where it does not come."""
    percent = isinstance(value, int | str)
    if isinstance(value, str):
        try:
            value = float(value.strip().removesuffix("%"))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    return min(max(value, 0), 100) / 100 if percent or value > 1 else max(value, 0.0)
