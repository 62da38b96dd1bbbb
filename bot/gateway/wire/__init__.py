"""The wire formats. To add one: write a module of the shape in ``base``, put it in the table
below."""

from typing import Any

from bot.gateway.wire import anthropic, chat_completions, gemini, images, multimodal, responses
from bot.gateway.wire.base import WireFormat

WIRE_FORMATS: dict[str, WireFormat[Any]] = {
    "chat_completions": chat_completions,
    "responses": responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "images": images,
    "multimodal": multimodal,
}
