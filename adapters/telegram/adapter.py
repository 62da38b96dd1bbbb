"""Telegram as Switchboard sees it: requests by long polling, answers as messages with entities."""

from __future__ import annotations

from collections.abc import Sequence

from telegram.error import TelegramError

from adapters.telegram.api import Api, open_api
from adapters.telegram.failures import at_login
from adapters.telegram.session import Session
from adapters.telegram.surface import TelegramSurface
from bot.commands import COMMANDS, Command
from bot.config import TelegramSettings
from bot.interfaces import Handler
from bot.types import Channel

CHECKING = 8.0  # seconds that somebody who waits for the answer is kept waiting


class Telegram:
    """The adapter (``bot.interfaces.Adapter``). Nothing is opened before it is used."""

    def __init__(self, settings: TelegramSettings, commands: Sequence[Command] = COMMANDS) -> None:
        self._settings = settings
        self._commands = commands
        self._api: Api | None = None

    async def serve(self, handler: Handler) -> None:
        """Pass requests on until cancelled. Trouble with the network is waited out for ever."""
        api = self._connection()
        session = Session(api, handler, self._commands)
        try:
            await session.run()
        finally:
            # What is being answered ends first: its last words need the connection.
            await session.close()
            self._api = None
            await api.disconnect()

    async def check(self) -> str:
        """Who the token makes us: "@name". Raises AdapterError or Unreachable."""
        api = open_api(self._settings)
        try:
            return (await api.get_me(connect_timeout=CHECKING, read_timeout=CHECKING)).name
        except TelegramError as error:
            raise at_login(error, api.address, api.token) from None
        finally:
            await api.disconnect()

    def reopen(self, channel: Channel, ref: str) -> TelegramSurface:
        """The surface of an earlier reply. It works for as long as ``serve`` runs."""
        return TelegramSurface(self._connection(), channel, ref=ref)

    def _connection(self) -> Api:
        if self._api is None:
            self._api = open_api(self._settings)
        return self._api
