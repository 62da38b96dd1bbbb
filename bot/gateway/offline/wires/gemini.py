"""Gemini's own wire: each event is a whole reply object with some more of the answer in it.

Model and action stand in the path; the server puts both into the body (``model``, ``stream``), as
the real gateway does. Thoughts come as parts marked ``thought``, if they are asked for; picture
models answer with ``inlineData``. As Google's own server did, it wants user and model to take
turns, and the user to have the last word.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable
from typing import Any

from bot.gateway.offline.answers import (
    Answer,
    Call,
    Linked,
    Picture,
    Piece,
    Question,
    Thought,
    Usage,
    Words,
    joined,
)
from bot.gateway.offline.errors import Json, Trouble, invalid, refused_by_vendor
from bot.gateway.offline.models import CHAT_MODELS, IMAGE_MODELS, bare
from bot.gateway.offline.orders import Order, data_uri, inputs_of, picture_size
from bot.gateway.offline.wires.base import Event, Telling, limit_of

_REASONS = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "tool_calls": "STOP",
}
_URL_SAFE = str.maketrans("-_", "+/")
_CAPITAL = re.compile(r"_([a-z])")
_STATUSES = {400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}


class Gemini(Telling):
    keys = ("?key", "x-goog-api-key", "authorization")
    offers = CHAT_MODELS + IMAGE_MODELS

    def __init__(self, question: Question, usage: Usage | None) -> None:
        super().__init__(question, usage)
        self._id = secrets.token_urlsafe(16)

    @staticmethod
    def read(body: Json) -> Question:
        body = _camel(body)
        contents = body.get("contents")
        if not isinstance(contents, list) or not contents:
            raise invalid("contents is required")
        _check_turns(contents)
        messages: list[Json] = [
            {"role": _role(one), "content": _parts(one["parts"])} for one in contents
        ]
        wishes = _object(body.get("generationConfig"))
        modalities = [str(one).upper() for one in wishes.get("responseModalities") or []]
        order = None
        if bare(body["model"]) in IMAGE_MODELS or "IMAGE" in modalities:
            order = _order(body["model"], messages[-1]["content"], wishes)
        if system := _object(body.get("systemInstruction")).get("parts"):
            messages.insert(0, {"role": "system", "content": _parts(system)})
        return Question(
            body["model"],
            messages,
            limit_of(wishes.get("maxOutputTokens")),
            stream=bool(body.get("stream")),
            thoughts=bool(_object(wishes.get("thinkingConfig")).get("includeThoughts")),
            order=order,
            captioned=not modalities or "TEXT" in modalities,
        )

    def add(self, piece: Piece) -> Iterable[Event]:
        yield Event(self._reply([_shown(piece)]) | self._running())

    def finish(self, reason: str | None) -> Iterable[Event]:
        if reason is not None:
            yield Event(self._reply([], reason) | self._counted())

    def fail(self, trouble: Trouble) -> Iterable[Event]:
        status = _STATUSES.get(trouble.status, "UNAVAILABLE")
        error = {"code": trouble.status, "message": trouble.message, "status": status}
        yield Event({"error": error})

    def block(self, reason: str) -> Json:
        """What comes instead of an answer where the prompt itself is refused."""
        feedback = {"blockReason": reason, "safetyRatings": []}
        return {"promptFeedback": feedback, "modelVersion": self.model} | self._running()

    def whole(self, answer: Answer) -> Json:
        return (
            self._reply(list(map(_shown, joined(answer.pieces))), answer.finish) | self._counted()
        )

    def _reply(self, parts: list[Json], reason: str | None = None) -> Json:
        candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
        if reason is not None:
            candidate["finishReason"] = _REASONS.get(reason, reason)
        return {"candidates": [candidate], "modelVersion": self.model, "responseId": self._id}

    def _running(self) -> Json:
        """Counts in the middle of an answer, which the last event's counts replace."""
        if self.usage is None:
            return {}
        asked = self.usage.asked
        return {"usageMetadata": {"promptTokenCount": asked, "totalTokenCount": asked}}

    def _counted(self) -> Json:
        if self.usage is None:
            return {}
        counts = {
            "promptTokenCount": self.usage.asked,
            "candidatesTokenCount": self.usage.said - self.usage.thought,
            "totalTokenCount": self.usage.total,
        }
        if self.usage.thought:
            counts["thoughtsTokenCount"] = self.usage.thought
        return {"usageMetadata": counts}


def _shown(piece: Piece) -> Json:
    match piece:
        case Words(text):
            return {"text": text}
        case Thought(text):
            return {"text": text, "thought": True}
        case Picture(encoded, media_type):
            return {"inlineData": {"mimeType": media_type, "data": encoded}}
        case Call(name, arguments):
            return {"functionCall": {"name": name, "args": json.loads(arguments or "{}")}}
        case Linked(url, media_type):
            return {"fileData": {"mimeType": media_type, "fileUri": url}}


def _check_turns(contents: list[Any]) -> None:
    before = ""
    for one in contents:
        parts = one.get("parts") if isinstance(one, dict) else None
        if not isinstance(parts, list) or not parts:
            raise refused_by_vendor("contents.parts must not be empty.")
        if _role(one) not in ("user", "assistant"):
            raise refused_by_vendor("Please use a valid role: user, model.")
        if _role(one) == before:
            raise refused_by_vendor("Please ensure that turns alternate between user and model.")
        before = _role(one)
    if before != "user":
        raise refused_by_vendor("Please ensure that the conversation ends with a user turn.")


def _role(content: Json) -> str:
    role = content.get("role") or "user"
    return "assistant" if role == "model" else str(role)


def _parts(parts: list[Any]) -> list[Json]:
    return [part for part in map(_part, parts) if part is not None]


def _part(part: object) -> Json | None:
    """A part in the form of chat completions; None for kinds that the demo models leave unread."""
    match part:
        case {"text": str(text)}:
            return {"type": "text", "text": text}
        case {"inlineData": {"mimeType": media_type, "data": str(data)}}:
            plain = data.translate(_URL_SAFE)  # Google takes both alphabets of base64
            return {"type": "image_url", "image_url": {"url": data_uri(media_type, plain)}}
        case {"fileData": {"fileUri": url}}:
            return {"type": "image_url", "image_url": {"url": url}}
        case dict():
            return None
    raise refused_by_vendor("each of parts must be an object")


def _order(model: str, parts: list[Json], wishes: Json) -> Order:
    """The picture that the last turn asks for."""
    prompt = "\n".join(part["text"] for part in parts if part["type"] == "text")
    links = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    ratio = _object(wishes.get("imageConfig")).get("aspectRatio")
    size = picture_size({"aspect_ratio": ratio}, model)
    return Order(model, prompt, size, inputs=tuple(inputs_of(links)), encoded=True)


def _camel(value: Any) -> Any:
    """The value with all field names in one spelling: Google takes ``inline_data`` as well, and its
    own client sends some that way."""
    match value:
        case dict():
            return {_CAPITAL.sub(_upper, name): _camel(one) for name, one in value.items()}
        case list():
            return [_camel(one) for one in value]
    return value


def _upper(found: re.Match[str]) -> str:
    return found[1].upper()


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}
