"""The wire of ``POST /v1beta/models/{model}:streamGenerateContent`` and ``:generateContent``.

Source: the gateway's own pages and the vendor's description of ``GenerateContentResponse``. Chat is
streamed, each event a whole response whose parts are increments; pictures come in one response. A
server that answers a stream with a JSON array means each of its elements as one event.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from bot.errors import BadPicture, Filtered, Interrupted
from bot.events import Ending, Finish, TextDelta, ThinkingDelta, UsageReport
from bot.gateway.faults import raise_for_body
from bot.gateway.models import Model, ModelKind
from bot.gateway.pictures import in_part
from bot.gateway.wire.base import Json, WireEvent, count, encoded, limit, shown, temperature
from bot.gateway.wire.history import Said, alternating
from bot.types import ImagePrompt, Prompt, Role, Text, Usage

_ENDINGS = {
    "STOP": Ending.COMPLETE,
    "MAX_TOKENS": Ending.LENGTH,
    "SAFETY": Ending.FILTERED,
    "RECITATION": Ending.FILTERED,
    "BLOCKLIST": Ending.FILTERED,
    "PROHIBITED_CONTENT": Ending.FILTERED,
    "SPII": Ending.FILTERED,
    "IMAGE_SAFETY": Ending.FILTERED,
    "IMAGE_PROHIBITED_CONTENT": Ending.FILTERED,
    "IMAGE_RECITATION": Ending.FILTERED,
}
_NO_PICTURE = ("NO_IMAGE", "IMAGE_OTHER")


def path(model: Model) -> str:
    method = (
        "generateContent"
        if model.kind is ModelKind.IMAGE
        else "streamGenerateContent?alt=sse"  # without it the vendor sends an array
    )
    return f"/v1beta/models/{quote(model.name, safe='')}:{method}"


def headers(key: str) -> dict[str, str]:
    """Both that the gateway's pages name; the key in the address, their third way, ends in logs."""
    return {"Authorization": f"Bearer {key}", "x-goog-api-key": key} if key else {}


def encode(prompt: Prompt | ImagePrompt, model: Model) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if model.kind is ModelKind.IMAGE:
        settings["responseModalities"] = ["TEXT", "IMAGE"]
    if isinstance(prompt, ImagePrompt):
        asked: list[Said] = [Text(prompt.text), *prompt.images]
        body: dict[str, Any] = {"contents": [_turn(Role.USER, asked)]}
        if prompt.aspect_ratio:
            settings["imageConfig"] = {"aspectRatio": prompt.aspect_ratio}
    else:
        body = {"contents": [_turn(role, said) for role, said in alternating(prompt.messages)]}
        if prompt.system:
            body["systemInstruction"] = {"parts": [{"text": prompt.system}]}
        if longest := limit(prompt, model):
            settings["maxOutputTokens"] = longest
        settings |= temperature(prompt, model)
    return body | {"generationConfig": settings} if settings else body


def decode(body: Json) -> Iterator[WireEvent]:
    if not isinstance(body, dict):
        return
    raise_for_body(body)
    candidates = body.get("candidates")
    candidate = candidates[0] if isinstance(candidates, list) and candidates else None
    reason = drawn = None
    if isinstance(candidate, dict):
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if not isinstance(part, dict):
                continue
            text = part.get("text")
            if text and isinstance(text, str):
                yield ThinkingDelta(text) if part.get("thought") else TextDelta(text)
            elif found := in_part(part):
                drawn = shown(found)
                yield drawn
        reason = candidate.get("finishReason")
    usage = body.get("usageMetadata")
    if isinstance(usage, dict):
        # Thoughts are paid for as a part of the reply, and are counted beside it.
        said = count(usage.get("candidatesTokenCount")) + count(usage.get("thoughtsTokenCount"))
        yield UsageReport(Usage(count(usage.get("promptTokenCount")), said))
    if reason and isinstance(reason, str):
        yield from _end(reason, has_picture=drawn is not None)
    elif "promptFeedback" in body:
        _raise_for_block(body["promptFeedback"])


def _end(reason: str, *, has_picture: bool) -> Iterator[WireEvent]:
    if reason == "FINISH_REASON_UNSPECIFIED":
        return
    ending = _ENDINGS.get(reason)
    if reason.startswith("IMAGE_") and ending is Ending.FILTERED and not has_picture:
        raise Filtered(detail=f"finish reason {reason}")
    if reason in _NO_PICTURE and not has_picture:
        raise BadPicture("The model drew no picture.", detail=f"finish reason {reason}")
    if ending is None and reason not in _NO_PICTURE:
        raise Interrupted(detail=f"finish reason {reason[:100]!r}")
    yield Finish(ending or Ending.COMPLETE)


def _raise_for_block(feedback: object) -> None:
    """Raise Filtered where the prompt itself was refused."""
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    if reason and isinstance(reason, str) and reason != "BLOCK_REASON_UNSPECIFIED":
        raise Filtered(detail=f"the prompt was blocked: {reason[:100]}")


def _turn(role: Role, said: list[Said]) -> dict[str, Any]:
    name = "model" if role is Role.ASSISTANT else "user"
    return {"role": name, "parts": [_part(part) for part in said]}


def _part(part: Said) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"text": part.text}
    kind, data = encoded(part)
    return {"inlineData": {"mimeType": kind, "data": data}}
