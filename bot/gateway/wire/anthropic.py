"""The wire of ``POST /v1/messages``, streamed: Anthropic's own.

Source: the vendor's description of the route and its event stream, and the gateway's notes on what
it changes. Only a ``stop_reason`` says that an answer is over; an answer whose stream ends without
one was cut off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.events import Ending, Finish, TextDelta, ThinkingDelta, UsageReport
from bot.gateway.faults import raise_for_body
from bot.gateway.models import Model
from bot.gateway.pictures import dicts
from bot.gateway.wire.base import Json, WireEvent, count, encoded, limit, temperature
from bot.gateway.wire.history import Said, alternating
from bot.types import Prompt, Text, Usage

# Tokens; the route wants a limit for every answer. More than a chat likes to read, and no more than
# each of the vendor's present models can write.
MAX_TOKENS = 8192

_ENDINGS = {
    "max_tokens": Ending.LENGTH,
    "model_context_window_exceeded": Ending.LENGTH,
    "refusal": Ending.FILTERED,
}
_DELTAS: dict[str, tuple[str, type[TextDelta] | type[ThinkingDelta]]] = {
    "text_delta": ("text", TextDelta),
    "thinking_delta": ("thinking", ThinkingDelta),
    # as whole blocks
    "text": ("text", TextDelta),
    "thinking": ("thinking", ThinkingDelta),
}


def path(model: Model) -> str:
    return "/v1/messages"


def headers(key: str) -> dict[str, str]:
    """The vendor's own header, and Bearer for servers that copy the route and know no other (vLLM).
    Where both are understood, the first wins or they are the same."""
    version = {"anthropic-version": "2023-06-01"}
    return version | {"x-api-key": key, "Authorization": f"Bearer {key}"} if key else version


def encode(prompt: Prompt, model: Model) -> dict[str, Any]:
    longest = limit(prompt, model) or MAX_TOKENS
    body: dict[str, Any] = {
        "model": prompt.model,
        "max_tokens": max(1, min(longest, model.context // 4)) if model.context else longest,
        "messages": [
            {"role": role.value, "content": [_block(part) for part in said]}
            for role, said in alternating(prompt.messages)
        ],
        "stream": True,
    }
    if prompt.system:
        body["system"] = prompt.system
    return body | temperature(prompt, model, most=1.0)


def decode(body: Json) -> Iterator[WireEvent]:
    if not isinstance(body, dict):
        return
    raise_for_body(body)
    kind = body.get("type")
    if kind == "content_block_delta":
        yield from _said(body.get("delta"))
    elif kind == "content_block_start":
        yield from _said(body.get("content_block"))
    elif kind == "message_delta":
        yield from _usage(body.get("usage"))
        delta = body.get("delta")
        if isinstance(delta, dict):
            yield from _ending(delta.get("stop_reason"))
    elif kind == "message_start":
        yield from _message(body.get("message"))
    elif kind == "message":  # a server that does not stream sends this and nothing else
        yield from _message(body)
    elif kind == "error":
        raise_for_body({"error": body})


def _said(block: object) -> Iterator[WireEvent]:
    """The words in a block, or in a piece of one."""
    if isinstance(block, dict) and isinstance(kind := block.get("type"), str):
        field, event = _DELTAS.get(kind, ("", TextDelta))
        words = block.get(field)
        if words and isinstance(words, str):
            yield event(words)


def _message(message: object) -> Iterator[WireEvent]:
    if isinstance(message, dict):
        for block in dicts(message.get("content")):
            yield from _said(block)
        yield from _usage(message.get("usage"))
        yield from _ending(message.get("stop_reason"))


def _usage(usage: object) -> Iterator[WireEvent]:
    """What was read from a cache, or put there, is part of the prompt too. The prompt is reported
    at the start and the reply at the end, each as a total."""
    if isinstance(usage, dict):
        fields = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        asked = sum(count(usage.get(field)) for field in fields)
        yield UsageReport(Usage(asked, count(usage.get("output_tokens"))))


def _ending(reason: object) -> Iterator[WireEvent]:
    if reason and isinstance(reason, str):
        yield Finish(_ENDINGS.get(reason, Ending.COMPLETE))


def _block(part: Said) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    kind, data = encoded(part)
    return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}}
