"""The front of the simulated Discord: a server on 127.0.0.1, people who act, and what they see.

    async with DiscordSimulator() as discord:
        guild = discord.add_guild("Harbour")
        channel = discord.add_channel(guild, "general")
        alice = discord.add_user("Alice")
        ...                              # start a bot on discord.api_url with discord.token
        await discord.ready()
        await discord.say(channel, alice, "hello", mention=True)
        await discord.wait_for(channel, lambda seen: seen.author == "bot")

Ids are snowflake strings, times are the loop's own (``loop.time()``), sizes are in bytes. What a
person's client would not let them do (an unknown command, a missing button) raises AssertionError.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.simulators.discord.channels import Channels
from tests.simulators.discord.connection import Connections
from tests.simulators.discord.entities import Interaction, Json, Seen, Upload
from tests.simulators.discord.faults import Fault, Faults
from tests.simulators.discord.interactions import Interactions
from tests.simulators.discord.limits import Limits
from tests.simulators.discord.people import People
from tests.simulators.discord.rest import Exchange, Rest
from tests.simulators.discord.world import World


class DiscordSimulator:
    """``message_content``: whether the application was granted that privileged intent.

    ``answer_within`` and ``token_lifetime`` are an interaction's 3 seconds and 15 minutes,
    ``identify_every`` the seconds between two IDENTIFYs (sooner ones get an invalid session),
    ``heartbeat_every`` what HELLO asks for, ``limits`` the rate limits.
    """

    def __init__(
        self,
        *,
        message_content: bool = True,
        answer_within: float = 3.0,
        token_lifetime: float = 900.0,
        identify_every: float = 5.0,
        heartbeat_every: float = 41.25,
        limits: Limits | None = None,
    ) -> None:
        self._world = World(
            message_content=message_content,
            answer_within=answer_within,
            token_lifetime=token_lifetime,
        )
        self._connections = Connections(
            self._world, identify_every=identify_every, heartbeat_every=heartbeat_every
        )
        self._faults = Faults()
        self._rest = Rest(self._world, self._connections, limits or Limits(), self._faults)
        self._people = People(self._world)
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        application = web.Application(middlewares=[self._rest.middleware], client_max_size=2**26)
        for routes in (self._rest, Channels(self._world), Interactions(self._world)):
            routes.add_routes(application.router)
        application.router.add_get("/gateway", self._connections.serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._world.address = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._connections.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # --- where a bot connects ---------------------------------------------------------------------

    @property
    def api_url(self) -> str:
        """For ``discord.http.Route.BASE``."""
        return f"http://{self._world.address}/api/v10"

    @property
    def gateway_url(self) -> str:
        """Where the WebSocket is, as ``GET {api_url}/gateway/bot`` tells. When discord.py starts
        a session afresh after its first, it goes to ``DiscordWebSocket.DEFAULT_GATEWAY``."""
        return self._world.gateway_url

    @property
    def cdn_url(self) -> str:
        """For ``discord.asset.Asset.BASE``."""
        return self._world.cdn_url

    @property
    def token(self) -> str:
        """The only token accepted."""
        return self._world.token

    @property
    def application_id(self) -> str:
        return self._world.application_id

    @property
    def bot_id(self) -> str:
        return self._world.bot.id

    async def ready(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109 (reads well in tests)
        """Until a bot has identified and was sent READY and every GUILD_CREATE."""
        if not await self._world.until(self._connections.is_greeted, timeout):
            raise AssertionError(f"No bot came online within {timeout} s.\n{self._dump_calls()}")

    @property
    def commands(self) -> list[Json]:
        """The global commands as registered (raw JSON)."""
        return list(self._world.commands)

    # --- the place and its people -----------------------------------------------------------------

    def add_guild(self, name: str, *, bot: bool = True) -> str:
        """``bot``: whether the bot is a member there."""
        return self._world.add_guild(name, bot=bot).id

    def add_channel(self, guild: str, name: str) -> str:
        return self._world.add_channel(guild, name).id

    def add_forum(self, guild: str, name: str) -> str:
        return self._world.add_forum(guild, name).id

    def add_thread(self, channel: str, name: str, *, by: str | None = None) -> str:
        """``by`` is who has opened it (the bot's id for the bot), the server's owner for nobody."""
        owner = self._world.people[by] if by else None
        return self._world.add_thread(channel, name, owner).id

    def archive(self, thread: str) -> None:
        """Until somebody writes there; a bot that connects meanwhile is told nothing of it."""
        self._world.archive(thread)

    def threads(self, channel: str) -> list[tuple[str, str]]:
        """(id, name) of every thread of a channel or forum, oldest first."""
        parent = self._world.channels[channel]
        places = self._world.channels.values()
        return [(each.id, each.name) for each in places if each.parent is parent]

    def add_user(
        self, name: str, *, moderator: bool = False, bot: bool = False, locale: str = "en-US"
    ) -> str:
        """A member of every guild, now and later. ``bot``: somebody else's."""
        return self._world.add_user(name, moderator=moderator, bot=bot, locale=locale).id

    def install(self, user: str) -> None:
        """The person installs the application for themselves, to use it everywhere."""
        self._world.people[user].installed = True

    def add_group(self, *users: str) -> str:
        """A private chat of people, without the bot."""
        return self._world.add_group(users).id

    def add_dm(self, user: str) -> str:
        """The private channel of the user and the bot; the same one every time."""
        return self._world.dm_with(user).id

    def add_role(self, guild: str, name: str, *, permissions: int = 0) -> str:
        return self._world.add_role(guild, name, permissions).id

    def deny(self, channel: str, *permissions: str) -> None:
        """Take exactly these from the bot there: "VIEW_CHANNEL", "SEND_MESSAGES" …"""
        self._world.deny(channel, permissions)

    def delete_channel(self, channel: str) -> None:
        self._world.delete_channel(channel)

    # --- people act -------------------------------------------------------------------------------

    async def say(
        self,
        channel: str,
        user: str,
        content: str,
        *,
        mention: bool = False,
        reply_to: str | None = None,
        attachments: Sequence[Upload] = (),
    ) -> str:
        """Write a message; its id. ``mention`` puts a mention of the bot in front."""
        return self._people.say(channel, user, content, mention, reply_to, attachments).id

    async def post(
        self, forum: str, user: str, title: str, content: str, *, mention: bool = False
    ) -> str:
        """Post in a forum; the id of the thread that it is, and of its first message."""
        return self._people.post(forum, user, title, content, mention).id

    async def edit(self, channel: str, message_id: str, content: str) -> None:
        """A person changes what they wrote."""
        self._world.revise_text(self._world.message(channel, message_id), content)

    def delete(self, channel: str, message_id: str) -> None:
        """Delete any message, the bot's too."""
        self._world.remove(self._world.message(channel, message_id))

    async def redeliver(self, message_id: str) -> None:
        """The same MESSAGE_CREATE once more."""
        self._world.announce(self._world.any_message(message_id))

    async def use(self, channel: str, user: str, command: str, **options: Any) -> Interaction:
        """Use a slash command ("group name" for a subcommand). Files are (name, bytes), users ids.

        Returns once it is dispatched; ``await interaction.answered()`` waits for the callback.
        """
        return self._people.use(channel, user, command, options)

    async def choose(self, channel: str, user: str, message_id: str, name: str) -> Interaction:
        """Use a command in the menu of a message."""
        return self._people.choose(channel, user, message_id, name)

    async def press(
        self, channel: str, user: str, message_id: str, custom_id: str, *values: str
    ) -> Interaction:
        """Press a button, or choose ``values`` in a select menu."""
        return self._people.press(channel, user, message_id, custom_id, values)

    async def complete(self, channel: str, user: str, command: str, **options: Any) -> list[Json]:
        """Type a command as far as its last option; the choices offered ({"name", "value"})."""
        interaction = self._people.complete(channel, user, command, options)
        if not await interaction.answered():
            raise AssertionError(f"Loading options failed: no choices for {command} {options}.")
        return list(interaction.choices)

    async def submit(
        self, interaction: Interaction, *, by: str | None = None, **values: str
    ) -> Interaction:
        """Fill in the modal that answered an interaction, by the custom ids of its text inputs.
        ``by`` somebody who was never shown it is what no client but a forged one does."""
        return self._people.submit(interaction, values, by)

    # --- what people see --------------------------------------------------------------------------

    def messages(self, channel: str, *, deleted: bool = False) -> list[Seen]:
        """Everything in the channel, oldest first; deleted messages only where asked for."""
        return self._world.seen(channel, deleted=deleted)

    async def wait_for(
        self,
        channel: str,
        fits: Callable[[Seen], bool],
        timeout: float = 5.0,  # noqa: ASYNC109 (as above)
    ) -> Seen:
        """The first message that fits, now or as soon as it does, in a thread to come, too."""
        found: list[Seen] = []

        def look() -> bool:
            present = self.messages(channel) if channel in self._world.channels else []
            found[:] = [seen for seen in present if fits(seen)][:1]
            return bool(found)

        if await self._world.until(look, timeout):
            return found[0]
        assert channel in self._world.channels, f"There is no channel {channel} yet."
        dump = "\n".join(map(str, self.messages(channel, deleted=True))) or "(nothing)"
        raise AssertionError(f"Nothing fitting within {timeout} s in channel {channel}:\n{dump}")

    async def wait_until(
        self,
        holds: Callable[[], bool],
        timeout: float = 5.0,  # noqa: ASYNC109 (as above)
    ) -> None:
        """Until a condition on this object holds; it is checked whenever anything happens here."""
        if not await self._world.until(holds, timeout):
            raise AssertionError(
                f"It did not become true within {timeout} s.\n{self._dump_calls()}"
            )

    @property
    def typing(self) -> list[tuple[float, str]]:
        """Every time the bot showed that it is typing: (time, channel)."""
        return list(self._world.typing)

    @property
    def interactions(self) -> list[Interaction]:
        """Every interaction so far, oldest first."""
        return list(self._world.interactions.values())

    # --- the platform misbehaves ------------------------------------------------------------------

    def fail(
        self,
        method: str,
        path: str,
        *,
        status: int = 0,
        retry_after: float = 1.0,
        code: int = 0,
        reset: bool = False,
        reset_after: bool = False,
        delay: float = 0.0,
        times: int = 1,
    ) -> None:
        """Let the next ``times`` calls fail whose method and path fit; ``path`` is a pattern for
        the whole path without /api/v10.

        ``status`` 429 comes with ``retry_after``, any other with ``code`` in its JSON, and nothing
        is done. ``reset`` breaks the connection before acting, ``reset_after`` after it. ``delay``
        lets so many seconds pass before acting.
        """
        fault = Fault(method, path, status, retry_after, code, reset, reset_after, delay, times)
        self._faults.add(fault)

    async def drop_connections(self, code: int = 4000) -> None:
        """Close every WebSocket; sessions can be resumed, what happens meanwhile is replayed."""
        await self._connections.drop(code)

    async def ask_to_reconnect(self) -> None:
        """Opcode 7 to every bot."""
        self._connections.ask_to_reconnect()

    def forget_to_tell(self, event: str) -> None:
        """From now on no bot hears of this kind of event."""
        self._connections.untold.add(event)

    async def invalidate_sessions(self) -> None:
        """Opcode 9 (not resumable) to every bot, and forget the sessions."""
        self._connections.invalidate()

    def lose_files(self) -> None:
        """From now on no file is there."""
        self._rest.has_files = False

    def expire(self, interaction: Interaction) -> None:
        """End an interaction's 15 minutes now."""
        interaction.expired = True

    # --- what was asked of it ---------------------------------------------------------------------

    @property
    def calls(self) -> list[tuple[float, str, str, int]]:
        """Every finished REST call: (arrival, method, path without /api/v10, status or 0)."""
        return [(call.time, call.method, call.path, call.status) for call in self._rest.exchanges]

    @property
    def exchanges(self) -> list[Exchange]:
        """Every finished REST call with what was sent and answered (parsed JSON)."""
        return list(self._rest.exchanges)

    @property
    def downloads(self) -> int:
        """How many files were asked for."""
        return self._rest.downloads

    @property
    def sessions(self) -> int:
        """How many sessions were started with IDENTIFY; a resumed one is not a new one."""
        return self._connections.started

    def _dump_calls(self) -> str:
        lines = [
            f"{when:.3f} {method} {path} {status}" for when, method, path, status in self.calls
        ]
        return "REST calls so far:\n" + ("\n".join(lines[-30:]) or "(none)")
