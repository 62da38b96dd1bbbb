"""Telegram as Switchboard sees it: requests by long polling, answers as messages with entities."""

from __future__ import annotations

from collections.abc import Sequence

from telegram.error import TelegramError

from adapters.telegram.api import Api, open_api
from adapters.telegram.failures import at_login
from adapters.telegram.inbound import INLINE
from adapters.telegram.inline import InlineSurface
from adapters.telegram.session import Session
from adapters.telegram.surface import Shared, TelegramSurface, overall
from bot.commands import COMMANDS, Command
from bot.config import TelegramSettings
from bot.interfaces import Handler, Surface
from bot.types import Turn

_BUTTON = 12  # digits at least of what Telegram calls a pressed button
CHECKING = 8.0  # seconds that somebody who waits for the answer is kept waiting


class Telegram:
    """The adapter (``bot.interfaces.Adapter``). Nothing is opened before it is used."""

    def __init__(self, settings: TelegramSettings, commands: Sequence[Command] = COMMANDS) -> None:
        self._settings = settings
        self._commands = commands
        self._shared = Shared(overall(settings.calls_per_second), settings.drafts)
        self._api: Api | None = None
        self._session: Session | None = None

    @property
    def ready(self) -> bool:
        """See ``bot.interfaces.Adapter``."""
        return self._session is not None and self._session.is_heard

    async def serve(self, handler: Handler) -> None:
        """Pass requests on until cancelled. Trouble with the network is waited out for ever."""
        api = self._connection()
        session = self._session = Session(api, handler, self._commands, self._shared)
        try:
            await session.run()
        finally:
            # What is being answered ends first: its last words need the connection.
            await session.close()
            self._session = None
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

    def reopen(self, turn: Turn) -> Surface:
        """See ``bot.interfaces.Adapter``. It works for as long as ``serve`` runs."""
        channel, source = turn.request.channel, turn.request.source
        if channel.id.startswith(INLINE):
            message, question = source.removeprefix(INLINE), turn.request.text
            is_shown = bool(turn.surface)
            return InlineSurface(
                self._connection(), message, question, self._shared, is_shown=is_shown
            )
        # What was typed has its message's number as source, and when it was edited; a button or an
        # album has another one.
        number = source.partition(":")[0]
        typed = channel.server and number.isdigit() and len(number) < _BUTTON
        reply_to = int(number) if typed else None
        return TelegramSurface(
            self._connection(), channel, self._shared, reply_to=reply_to, ref=turn.surface
        )

    def _connection(self) -> Api:
        if self._api is None:
            self._api = open_api(self._settings)
        return self._api
