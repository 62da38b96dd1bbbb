"""The wire of ``POST /v1/responses``, streamed: OpenAI's newer one.

Source: the gateway's own page and the vendor's description of the event stream. The stream says
everything twice, in pieces and then whole; only the pieces count. A server that does not stream
sends the whole alone, and it bears no event's ``type``: that is how the two are told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.errors import GatewayError, Interrupted
from bot.events import Ending, Finish, Progress, TextDelta, ThinkingDelta, UsageReport
from bot.gateway.faults import raise_for_body
from bot.gateway.models import Model
from bot.gateway.pictures import dicts, in_field
from bot.gateway.wire.base import (
    Json,
    WireEvent,
    count,
    data_uri,
    headers,
    limit,
    shown,
    temperature,
)
from bot.gateway.wire.history import Said, alternating
from bot.types import Prompt, Text, Usage

__all__ = ["decode", "encode", "headers", "path"]

_DELTAS: dict[str, type[TextDelta] | type[ThinkingDelta]] = {
    "response.output_text.delta": TextDelta,
    "response.refusal.delta": TextDelta,
    "response.reasoning_summary_text.delta": ThinkingDelta,
    "response.reasoning_text.delta": ThinkingDelta,
}
_DRAWING = frozenset(
    f"response.image_generation_call.{step}"
    for step in ("in_progress", "generating", "partial_image")
)
_INCOMPLETE = {"max_output_tokens": Ending.LENGTH, "content_filter": Ending.FILTERED}


def path(model: Model) -> str:
    return "/v1/responses"


def encode(prompt: Prompt, model: Model) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": prompt.model,
        "input": [
            {"role": role.value, "content": _content(said)}
            for role, said in alternating(prompt.messages)
        ],
        "stream": True,
        # Each request carries its history, so nothing needs to be kept elsewhere.
        "store": False,
    }
    if prompt.system:
        body["instructions"] = prompt.system
    if longest := limit(prompt, model):
        body["max_output_tokens"] = longest
    return body | temperature(prompt, model)


def decode(body: Json) -> Iterator[WireEvent]:
    if not isinstance(body, dict):
        return
    raise_for_body(body)
    kind = body.get("type")
    if not isinstance(kind, str):
        yield from _whole(body)
    elif (delta := _DELTAS.get(kind)) is not None:
        words = body.get("delta")
        if words and isinstance(words, str):
            yield delta(words)
    elif kind == "response.reasoning_summary_part.added":
        if body.get("summary_index"):  # the parts are paragraphs
            yield ThinkingDelta("\n\n")
    elif kind == "response.output_item.done":
        yield from _drawn(body.get("item"))
    elif kind in ("response.completed", "response.incomplete", "response.failed"):
        yield from _end(body.get("response"), kind.removeprefix("response."))
    elif kind in _DRAWING:
        yield Progress()
    elif kind in ("error", "response.error"):
        raise_for_body({"error": body})


def _whole(body: Json) -> Iterator[WireEvent]:
    """A reply that was not streamed."""
    for item in dicts(body.get("output")):
        if summary := "\n\n".join(_texts(item.get("summary"))):
            yield ThinkingDelta(summary)
        if text := "".join(_texts(item.get("content"))):
            yield ThinkingDelta(text) if item.get("type") == "reasoning" else TextDelta(text)
        yield from _drawn(item)
    if "output" in body or body.get("object") == "response":
        status = body.get("status")
        yield from _end(body, status if isinstance(status, str) else "completed")


def _texts(parts: object) -> Iterator[str]:
    for part in dicts(parts):
        text = part.get("text") or part.get("refusal")
        if isinstance(text, str):
            yield text


def _drawn(item: object) -> Iterator[WireEvent]:
    if not isinstance(item, dict) or item.get("type") != "image_generation_call":
        return
    if found := in_field(item.get("result")):
        yield shown(found)


def _end(response: object, status: str) -> Iterator[WireEvent]:
    """Usage and how it ended; nothing where it has not ended yet."""
    response = response if isinstance(response, dict) else {}
    usage = response.get("usage")
    if isinstance(usage, dict):
        yield UsageReport(
            Usage(count(usage.get("input_tokens")), count(usage.get("output_tokens")))
        )
    if status == "completed":
        yield Finish()
    elif status == "incomplete":
        yield Finish(_why_incomplete(response.get("incomplete_details")))
    elif status == "failed":
        raise_for_body(response)
        raise GatewayError(detail="the response failed and does not say why")
    elif status == "cancelled":
        raise Interrupted(detail="the response was cancelled")


def _why_incomplete(details: object) -> Ending:
    reason = details.get("reason") if isinstance(details, dict) else None
    ending = _INCOMPLETE.get(reason) if isinstance(reason, str) else None
    if ending is None:
        raise Interrupted(detail=f"incomplete, reason {reason!r}")
    return ending


def _content(said: list[Said]) -> str | list[dict[str, Any]]:
    match said:
        case [Text(text)]:
            return text
    return [
        {"type": "input_text", "text": part.text}
        if isinstance(part, Text)
        else {"type": "input_image", "image_url": data_uri(part), "detail": "auto"}
        for part in said
    ]
