"""Discord as a platform: what it takes to serve it, to check it and to find a reply again."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.discord.connection import NOT_LET_IN, Connection, set_up_library, stay_connected
from adapters.discord.desk import Desk, message_of
from adapters.discord.rest import Rejected, Rest, Strange, api_base
from adapters.discord.surface import DiscordSurface
from bot.commands import COMMANDS, Command
from bot.config import DiscordSettings
from bot.errors import AdapterError, Busy, Unreachable
from bot.interfaces import Handler, Surface
from bot.types import Turn


class Discord:
    """The ``bot.interfaces.Adapter`` for Discord. Nothing is opened before ``serve``."""

    def __init__(self, settings: DiscordSettings, commands: Sequence[Command] = COMMANDS) -> None:
        self._base = api_base(settings.api_url)
        self._token = settings.token.get_secret_value().strip() if settings.token else ""
        self._commands = commands
        self._rest = Rest(self._base, self._token)
        self._connection: Connection | None = None

    @property
    def ready(self) -> bool:
        """See ``bot.interfaces.Adapter``."""
        return self._connection is not None and self._connection.is_alive

    async def serve(self, handler: Handler) -> None:
        """See ``bot.interfaces.Adapter``. Answers under way are cancelled together with it."""
        self._need_token()
        set_up_library(self._base)
        async with self._rest:
            desk = Desk(self._rest, handler, self._commands)

            def connect(content: bool) -> Connection:
                self._connection = Connection(desk.take, desk.register, message_content=content)
                return self._connection

            try:
                await stay_connected(connect, self._token)
            finally:
                self._connection = None
                await desk.close()

    async def check(self) -> str:
        """See ``bot.interfaces.Adapter``."""
        self._need_token()
        async with Rest(self._base, self._token) as rest:
            try:
                me = await rest.call("GET", "/users/@me")
            except Busy as error:
                wait = f"Discord asks to wait {error.retry_after:.0f} seconds."
                raise Unreachable(wait, detail=str(error)) from error
            except (Rejected, Strange) as error:
                raise self._not_discord(error.status) from error
            except Unreachable as error:
                nobody = f"Nobody answers at {self._base}; check DISCORD_API_URL and the network."
                raise Unreachable(nobody, detail=str(error)) from error
        match me:
            case {"id": str(id_), "username": str(name)}:
                return f"{name} ({id_})"
        raise self._not_discord(200)

    def _not_discord(self, status: int) -> AdapterError | Unreachable:
        """What an answer with this status, that is not what was asked for, means."""
        if status == 401:
            return AdapterError(NOT_LET_IN)
        if status >= 500:
            return Unreachable(
                f"{self._base} has trouble of its own (status {status}); try again later, and "
                "check DISCORD_API_URL if it stays so."
            )
        return AdapterError(
            f"{self._base} does not answer as Discord does (status {status}); "
            "check DISCORD_API_URL."
        )

    def reopen(self, turn: Turn) -> Surface:
        """See ``bot.interfaces.Adapter``."""
        channel, source = turn.request.channel, turn.request.source
        place, _, messages = turn.surface.partition("/")
        place = place or channel.thread or channel.id
        known = [message for message in messages.split(",") if message]
        # The source of an interaction is no message, and a thread's starter stands elsewhere; then
        # Discord says so, and the reply stands alone.
        return DiscordSurface(
            self._rest,
            place,
            source,
            reply_to=message_of(source),
            messages=known,
            resumed=True,
        )

    def _need_token(self) -> None:
        if not self._token:
            raise AdapterError("There is no token for Discord. Put the bot's into DISCORD_TOKEN.")
