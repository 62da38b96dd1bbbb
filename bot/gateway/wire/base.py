"""What every wire format looks like: four pure functions, as a module of its own.

``decode`` is stateless: it reads one server-sent event's JSON, or one whole reply, and says what it
means.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from bot.events import Media, ReplyEvent
from bot.gateway.models import Model
from bot.gateway.pictures import media_type, picture
from bot.types import Image, Prompt

P = TypeVar("P", contravariant=True)
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PictureLink:
    """A picture that must still be fetched. The client does so at once, since such links expire."""

    url: str


@dataclass(frozen=True, slots=True)
class Job:
    """A picture in the making: the client asks again, at ``poll_url`` where that is of the
    gateway's own origin, else at ``path``, first after ``wait`` seconds (0: not said).
    """

    path: str
    poll_url: str = ""
    wait: float = 0.0


WireEvent = ReplyEvent | PictureLink | Job


class WireFormat(Protocol[P]):
    """A module with these four functions is a wire format."""

    def path(self, model: Model) -> str:
        """Where to POST, from the gateway's root: "/v1/chat/completions"."""

    def headers(self, key: str) -> dict[str, str]:
        """How this route wants the key, {} where there is none."""

    def encode(self, prompt: P, model: Model) -> dict[str, Any]:
        """The JSON body."""

    def decode(self, body: Json) -> Iterator[WireEvent]:
        """What one JSON object of the reply means. Unknown fields are nothing, never an error.

        Raises a GatewayError where the object is an error.
        """


# What several wires have in common

THOUGHTS = 8_000  # tokens that a model which thinks may spend on that beside its answer


def headers(key: str) -> dict[str, str]:
    """The usual way for the key to travel."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def shown(found: bytes | str) -> Media | PictureLink:
    """A picture that the extractor found, as an event. Raises BadPicture where it is none."""
    return PictureLink(found) if isinstance(found, str) else Media(picture(found))


def encoded(image: Image) -> tuple[str, str]:
    """(media type, base64) of a picture; the type is that of its bytes, since vendors check it."""
    return media_type(image.data) or image.media_type, base64.b64encode(image.data).decode()


def data_uri(image: Image) -> str:
    kind, data = encoded(image)
    return f"data:{kind};base64,{data}"


def limit(prompt: Prompt, model: Model) -> int:
    """The most tokens of an answer as the vendors count them, with the model's thoughts; 0 where it
    is left to the model."""
    return prompt.longest + THOUGHTS * model.thinks if prompt.longest else 0


def temperature(prompt: Prompt, model: Model, most: float = 2.0) -> dict[str, float]:
    """The field of this name, on a scale that goes up to ``most``; {} where it is left to the
    model, or where that refuses one."""
    if prompt.temperature is None or not model.temperature:
        return {}
    return {"temperature": min(prompt.temperature, most)}


def count(value: object) -> int:
    """A number of tokens, 0 where it is none that can be true."""
    return value if type(value) is int and 0 < value < 2**31 else 0
