"""Where one reply appears: an entry of a room's transcript."""

from __future__ import annotations

from adapters.web.room import Room, Shown
from bot.interfaces import Capabilities
from bot.types import Page


class WebSurface:
    """``bot.interfaces.Surface``. Takes note and returns: nothing it does can fail or wait."""

    capabilities = Capabilities(page_limit=30_000, pace=0.06)

    def __init__(self, room: Room, reply: Shown) -> None:
        self._room = room
        self._reply = reply

    @property
    def ref(self) -> str:
        return self._reply.id if self._reply.pages else ""

    @property
    def posted(self) -> int:
        return len(self._reply.pages)

    async def show(self, page: Page) -> None:
        self._room.show(self._reply, page)
