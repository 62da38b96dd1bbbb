"""The wire of ``POST /v1/chat/completions``, streamed.

Source: the gateway's own page for this route; streaming oddities (usage chunk without choices,
empty roles, reasoning under two names, pictures beside the text, endings of other vendors) as seen
in OpenAI-compatible gateways.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.errors import Interrupted
from bot.events import Ending, Finish, TextDelta, ThinkingDelta, UsageReport
from bot.gateway.faults import raise_for_body
from bot.gateway.models import Model
from bot.gateway.pictures import dicts, in_url
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

_ENDINGS = {
    "length": Ending.LENGTH,
    "max_tokens": Ending.LENGTH,
    "model_length": Ending.LENGTH,
    "model_context_window_exceeded": Ending.LENGTH,
    "content_filter": Ending.FILTERED,
    "content_filtered": Ending.FILTERED,
    "refusal": Ending.FILTERED,
    "sensitive": Ending.FILTERED,
    "safety": Ending.FILTERED,
    "recitation": Ending.FILTERED,
    "blocklist": Ending.FILTERED,
    "prohibited_content": Ending.FILTERED,
    "spii": Ending.FILTERED,
}

# The words of DeepSeek, Zhipu, OpenRouter and vLLM for an answer that they could not bring to its
# end.
_BROKEN_OFF = frozenset(
    ["error", "network_error", "insufficient_system_resource", "abort", "aborted"]
)


def path(model: Model) -> str:
    return "/v1/chat/completions"


def encode(prompt: Prompt, model: Model) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    if prompt.system:
        messages.append({"role": "system", "content": prompt.system})
    messages += [
        {"role": role.value, "content": _content(said)}
        for role, said in alternating(prompt.messages)
    ]
    body: dict[str, Any] = {
        "model": prompt.model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if longest := limit(prompt, model):
        # The first is the only one that OpenAI's reasoning models take, and they are those that
        # refuse a temperature; the second is the only one that everybody else's servers know.
        body["max_tokens" if model.temperature else "max_completion_tokens"] = longest
    return body | temperature(prompt, model)


def decode(body: Json) -> Iterator[WireEvent]:
    if not isinstance(body, dict):
        return
    raise_for_body(body)
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    reason = None
    if isinstance(choice, dict):
        # A server that does not stream sends the same under "message".
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            thinking = delta.get("reasoning_content") or delta.get("reasoning")
            if thinking and isinstance(thinking, str):
                yield ThinkingDelta(thinking)
            content = delta.get("content")
            if content:
                if isinstance(content, str):
                    yield TextDelta(content)
                else:
                    yield from _parts(content)
            refusal = delta.get("refusal")
            if refusal and isinstance(refusal, str):
                yield TextDelta(refusal)
            if "images" in delta:
                yield from _parts(delta["images"])
        reason = choice.get("finish_reason")
    elif body.get("type") == "error" or body.get("object") == "error":
        raise_for_body({"error": body})
    usage = body.get("usage")
    if isinstance(usage, dict):
        yield UsageReport(
            Usage(count(usage.get("prompt_tokens")), count(usage.get("completion_tokens")))
        )
    if reason and isinstance(reason, str):
        yield _finish(reason)


def _finish(reason: str) -> Finish:
    """Words that nobody knows count as a good end: new ones are mostly of that kind."""
    if reason.lower() in _BROKEN_OFF:
        raise Interrupted(detail=f"finish reason {reason!r}")
    return Finish(_ENDINGS.get(reason.lower(), Ending.COMPLETE))


def _parts(content: object) -> Iterator[WireEvent]:
    """Content that came in parts: text, thinking and pictures."""
    for part in dicts(content):
        text, thinking = part.get("text"), part.get("thinking")
        if text and isinstance(text, str):
            yield TextDelta(text)
        for thought in [part] if isinstance(thinking, str) else dicts(thinking):
            words = thought.get("thinking") or thought.get("text")
            if words and isinstance(words, str):
                yield ThinkingDelta(words)
        if found := in_url(part.get("image_url")):
            yield shown(found)


def _content(said: list[Said]) -> str | list[dict[str, Any]]:
    texts = [part.text for part in said if isinstance(part, Text)]
    if len(texts) == len(said):
        return "\n\n".join(texts)  # the form that every server takes
    return [
        {"type": "text", "text": part.text}
        if isinstance(part, Text)
        else {"type": "image_url", "image_url": {"url": data_uri(part)}}
        for part in said
    ]
