"""How much one answer may be, so that a gateway that never ends cannot fill the memory (pure).

The limits are far beyond what any model says or draws: 128,000 tokens are half a million
characters.
"""

from __future__ import annotations

from bot.errors import Interrupted
from bot.events import Media, ReplyEvent, TextDelta, ThinkingDelta

TEXT_LIMIT = 2**24  # characters, thinking included
MEDIA_LIMIT = 128 * 2**20  # bytes of all pictures together


class Allowance:
    """``take`` every event of one answer. Raises Interrupted once there were too many."""

    __slots__ = ("_media", "_text")

    def __init__(self, text: int = TEXT_LIMIT, media: int = MEDIA_LIMIT) -> None:
        self._text = text
        self._media = media

    def take(self, event: ReplyEvent) -> None:
        if isinstance(event, TextDelta | ThinkingDelta):
            self._text -= len(event.text)
        elif isinstance(event, Media):
            self._media -= len(event.part.data)
        if self._text < 0 or self._media < 0:
            raise Interrupted(detail="an answer that is larger than any should be")
