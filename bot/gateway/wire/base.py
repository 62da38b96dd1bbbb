"""What every wire format looks like: four pure functions, as a module of its own.

``decode`` is stateless: it reads one server-sent event's JSON, or one whole reply, and says what it
means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from bot.events import ReplyEvent
from bot.gateway.models import Model

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
