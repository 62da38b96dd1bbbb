"""The wire of ``POST /v1/chat/completions``, streamed.

Source: the gateway's own page for this route; streaming oddities (usage chunk without choices,
empty roles, reasoning under two names) as seen in OpenAI-compatible gateways.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from bot.events import Ending, Finish, TextDelta, ThinkingDelta, UsageReport
from bot.gateway.faults import raise_for_body
from bot.gateway.models import Model
from bot.gateway.wire.base import Json, WireEvent
from bot.types import Image, Message, Prompt, Text, Usage

_ENDINGS = {"length": Ending.LENGTH, "content_filter": Ending.FILTERED}


def path(model: Model) -> str:
    return "/v1/chat/completions"


def headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}


def encode(prompt: Prompt, model: Model) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    if prompt.system:
        messages.append({"role": "system", "content": prompt.system})
    messages += [
        {"role": message.role.value, "content": _content(message)} for message in prompt.messages
    ]
    return {
        "model": prompt.model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def decode(body: Json) -> Iterator[WireEvent]:
    raise_for_body(body)
    for choice in _dicts(body.get("choices"))[:1]:
        # A server that does not stream sends the same under "message".
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            thinking = delta.get("reasoning_content") or delta.get("reasoning")
            if isinstance(thinking, str) and thinking:
                yield ThinkingDelta(thinking)
            for said in (delta.get("content"), delta.get("refusal")):
                if isinstance(said, str) and said:
                    yield TextDelta(said)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            yield Finish(_ENDINGS.get(reason, Ending.COMPLETE))
    usage = body.get("usage")
    if isinstance(usage, dict):
        yield UsageReport(
            Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))
        )


def _content(message: Message) -> str | list[dict[str, Any]]:
    pictures = [part for part in message.parts if isinstance(part, Image)]
    if not pictures:
        return message.text
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": part.text} for part in message.parts if isinstance(part, Text)
    ]
    return parts + [
        {"type": "image_url", "image_url": {"url": data_uri(picture)}} for picture in pictures
    ]


def data_uri(picture: Image) -> str:
    return f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}"


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _count(value: object) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
