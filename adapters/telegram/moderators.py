"""Who administers which group, as far as we know."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from telegram.error import TelegramError

from adapters.telegram.api import Api
from adapters.telegram.failures import reason
from bot.types import Channel, User

log = logging.getLogger("switchboard.telegram")

LIFE = 300.0  # seconds for which the answer of Telegram is believed


@dataclass(frozen=True, slots=True)
class _Known:
    ids: frozenset[str]
    until: float


class Moderators:
    """Asks Telegram once in five minutes per group, and only where somebody speaks to the bot."""

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def include(self, channel: Channel, user: User, patience: float = 0.0) -> bool:
        """Whether the user moderates the channel. What is not known yet is asked for, so many
        seconds are waited for the answer, and without one it counts as no."""
        if not channel.server:
            return True
        if self._fresh(channel) is None:
            asking = self._asking.get(channel.id)
            if asking is None:
                ask = self._ask(channel.id)
                asking = self._asking[channel.id] = asyncio.get_running_loop().create_task(ask)
            if patience:
                await asyncio.wait([asking], timeout=patience)
        known = self._fresh(channel)
        return known is not None and user.id in known.ids

    def _fresh(self, channel: Channel) -> _Known | None:
        known = self._known.get(channel.id)
        return known if known is not None and self._clock() < known.until else None

    async def close(self) -> None:
        asking = [*self._asking.values()]
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _ask(self, chat: str) -> None:
        try:
            members = await self._api.get_chat_administrators(int(chat))
        except TelegramError as error:
            log.debug("no list of moderators: %s", reason(error, self._api.token))
        else:
            ids = frozenset(str(member.user.id) for member in members)
            self._known[chat] = _Known(ids, self._clock() + LIFE)
        finally:
            del self._asking[chat]
