"""The connection to Discord: discord.py's, with raw events and a life after every failure.

discord.py keeps the WebSockets, the shards and what it knows of servers, channels and roles.
Messages, their changes and interactions are handed on as Discord sent them, in order. An event that
cannot be read is skipped; only a READY without its session's name and address is still the end of a
connection.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket

from adapters.discord.messages import THREADS, Scene
from adapters.discord.permissions import Overwrite, permissions
from bot.errors import AdapterError

log = logging.getLogger("switchboard.discord")

Json = dict[str, Any]

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds between two connections
_STABLE = 60.0  # seconds after which a connection counts as one that worked

_EVENTS = ("MESSAGE_CREATE", "MESSAGE_UPDATE", "INTERACTION_CREATE")  # what we read ourselves
_SERVER_EVENTS = (  # what changes our picture of servers: their channels, threads and roles
    *("GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"),
    *("GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE", "GUILD_ROLE_DELETE"),
    *("CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE"),
    *("THREAD_CREATE", "THREAD_UPDATE", "THREAD_DELETE", "THREAD_LIST_SYNC"),
)
_BAD_TOKEN = 4004
_OUR_FAULT = (4010, 4012, 4013)  # close codes that trying again does not change
NOT_LET_IN = (
    "Discord does not accept the bot's token. Copy it again from the application's page "
    "(discord.com/developers, Bot, Reset Token) into DISCORD_TOKEN."
)


class Connection(discord.AutoShardedClient):
    """``on_event(name, payload, connection)`` gets every message, change of one, and interaction.

    ``on_login(application_id)`` is awaited before the connection opens. Without ``message_content``
    that privileged intent is not asked for, even where it is granted.
    """

    def __init__(
        self,
        on_event: Callable[[str, Json, Connection], None],
        on_login: Callable[[int], Awaitable[None]],
        *,
        message_content: bool = True,
    ) -> None:
        self._asked = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
        # Nothing is remembered that nobody asks for: an idle bot is a small one.
        super().__init__(
            intents=self._asked,
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            guild_ready_timeout=0.5,  # nothing waits for all servers to be there
        )
        self._on_event = on_event
        self._on_login = on_login
        self._message_content = message_content
        self._launched: set[int] = set()
        # discord.py makes objects of every event, also of those that nobody here looks at, and one
        # that it cannot read costs the connection with its session, for ever where Discord sends
        # the same again. So it reads only what we need of it, and must not fail at that.
        readers = self._connection.parsers
        kept = {name: readers[name] for name in (*_SERVER_EVENTS, "RESUMED")}
        kept["READY"] = partial(self._read_ready, readers["READY"])
        kept |= {name: partial(self._pass_on, name) for name in _EVENTS}
        self._connection.parsers = {name: _forgiving(name)(read) for name, read in kept.items()}

    @property
    def is_alive(self) -> bool:
        """Whether events come through on every shard."""
        shards = self.shards.values()
        return self.is_ready() and bool(shards) and not any(map(_is_down, shards))

    async def setup_hook(self) -> None:
        """Between login and connection: what is granted is known and IDENTIFY not sent yet."""
        application = self.application
        if application is None:
            raise ConnectionError("Discord did not say which application this is")
        flags = application.flags
        granted = flags.gateway_message_content or flags.gateway_message_content_limited
        # This very object is what discord.py sends with IDENTIFY.
        self._asked.message_content = granted and self._message_content
        if not self._asked.message_content:
            log.info("without the message content intent, only what speaks to the bot is readable")
        await self._on_login(application.id)

    async def launch_shards(self) -> None:
        # The default is discord.com's address; sessions that are begun afresh later go to it, too.
        DiscordWebSocket.DEFAULT_GATEWAY, self.shard_count = await self._gateway()
        await super().launch_shards()

    async def _gateway(self) -> tuple[yarl.URL, int]:
        """Where to connect and with how many shards; Discord's double may lack /gateway/bot."""
        for path in ("/gateway/bot", "/gateway"):
            try:
                answer = await self.http.request(discord.http.Route("GET", path))
            except discord.NotFound:
                continue
            if isinstance(answer, dict) and answer.get("url"):
                return yarl.URL(answer["url"]), int(answer.get("shards") or 1)
        raise ConnectionError(
            f"{discord.http.Route.BASE} names no address at /gateway/bot or /gateway; "
            "check DISCORD_API_URL"
        )

    async def launch_shard(
        self, gateway: yarl.URL, shard_id: int, *, initial: bool = False
    ) -> None:
        # discord.py would try here for ever, each time one call deeper in the stack.
        if shard_id in self._launched:
            raise ConnectionError(f"{gateway.host} does not take the connection")
        self._launched.add(shard_id)
        await super().launch_shard(gateway, shard_id, initial=initial)

    def _pass_on(self, name: str, payload: Json) -> None:
        self._on_event(name, payload, self)

    def _read_ready(self, read: Callable[[Json], None], ready: Json) -> None:
        # Discord need not send ``shard``, but discord.py must have it.
        if not ready.get("shard"):
            ready["shard"] = [self._shard_of(ready.get("session_id")), self.shard_count or 1]
        read(ready)

    def _shard_of(self, session_id: str | None) -> int:
        for number, shard in self.shards.items():
            if shard._parent.ws.session_id == session_id:
                return number
        return 0

    async def on_ready(self) -> None:
        log.info("logged in as %s", self.user)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        log.exception("%s failed", event_method)

    def knows(self, message: Json) -> bool:
        """Whether we know what kind of channel the message stands in; True where that is nothing
        that could be learnt."""
        guild = self.get_guild(int(message.get("guild_id") or 0))
        return guild is None or self._place(guild, message) is not None

    def learn(self, channel: Json) -> None:
        """Take up a channel or thread, as Discord tells of it when it is asked."""
        is_thread = channel.get("type") in THREADS
        self._connection.parsers["THREAD_CREATE" if is_thread else "CHANNEL_CREATE"](channel)

    def scene(self, message: Json) -> Scene:
        """What we know about where the message was written."""
        bot_id = str(self.user.id) if self.user else ""
        guild = self.get_guild(int(message.get("guild_id") or 0))
        if guild is None:
            return Scene(bot_id)
        channel = self._place(guild, message)
        thread = channel if isinstance(channel, discord.Thread) else None
        # A thread has the id of the message that it was opened from.
        branch = guild.get_thread(int(message["id"]))
        role = guild.self_role if message.get("mention_roles") else None
        return Scene(
            bot_id,
            bot_role=str(role.id) if role else "",
            parent=str(thread.parent_id) if thread else "",
            ours=thread is not None and str(thread.owner_id) == bot_id,
            branch=str(branch.id) if branch and str(branch.owner_id) == bot_id else "",
            permissions=partial(_permissions, guild, channel, message),
            name_of=partial(_name_of, guild),
        )

    def _place(
        self, guild: discord.Guild, message: Json
    ) -> discord.abc.GuildChannel | discord.Thread | None:
        return guild.get_channel_or_thread(int(message["channel_id"]))


def _is_down(shard: discord.ShardInfo) -> bool:
    return shard.is_closed()


@contextmanager
def _forgiving(name: str) -> Iterator[None]:
    """An event of this name that cannot be read is a line in the log and nothing else."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 — anything, where a payload is not as described
        log.warning("Discord sent a %s that cannot be read: %r", name, error)


def _permissions(
    guild: discord.Guild,
    channel: discord.abc.GuildChannel | discord.Thread | None,
    message: Json,
) -> int:
    """The author's permissions, as far as the server and the channel are known."""
    author = message["author"]["id"]
    if guild.owner_id == int(author):
        return discord.Permissions.all().value
    ids = [str(guild.id), *((message.get("member") or {}).get("roles") or ())]
    found = {id_: guild.get_role(int(id_)) for id_ in ids}
    roles = {id_: role.permissions.value for id_, role in found.items() if role is not None}
    # A thread has the permissions of the channel it hangs on, if that one is known.
    place = channel.parent if isinstance(channel, discord.Thread) else channel
    overwrites = [
        Overwrite(str(whom.id), *(bits.value for bits in overwrite.pair()))
        for whom, overwrite in (place.overwrites.items() if place else ())
    ]
    return permissions(author, str(guild.id), roles, overwrites)


def _name_of(guild: discord.Guild, id_: str) -> str | None:
    found = guild.get_channel_or_thread(int(id_)) or guild.get_role(int(id_))
    return found.name if found else None


def set_up_library(base: str) -> None:
    """discord.py keeps these for the whole process; it has no other way to say them.

    ``base`` is where the API is: the class attribute is the only place to give it another address.
    """
    discord.http.Route.BASE = base
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody asked for voice
    for name in ("discord.shard", "discord.gateway", "discord.client"):
        logging.getLogger(name).addFilter(_without_traceback)  # the same one is added only once


def _without_traceback(record: logging.LogRecord) -> bool:
    """Lost connections are everyday news: one line each."""
    if record.exc_info and record.exc_info[1] is not None:
        record.msg = f"{record.getMessage()} ({record.exc_info[1]!r})"
        record.args = record.exc_info = None
    return True


async def stay_connected(connect: Callable[[bool], Connection], token: str) -> None:
    """Connect, and connect anew for ever; ``connect`` is told whether to ask for message content.

    Raises AdapterError where trying again is useless. discord.py reconnects by itself once it has
    been connected; what ends it is a failed login or first connection, and some close codes.
    """
    wait, message_content = FIRST_WAIT, True
    while True:
        begun = time.monotonic()
        try:
            await _live(connect(message_content), token)
            reason = "the connection was closed"
        except discord.LoginFailure as error:
            raise AdapterError(NOT_LET_IN) from error
        except discord.PrivilegedIntentsRequired:
            reason = "the message content intent was withdrawn"
            message_content = False
        except discord.ConnectionClosed as error:
            if error.code == _BAD_TOKEN:
                raise AdapterError(NOT_LET_IN) from error
            if error.code in _OUR_FAULT:
                raise AdapterError(
                    f"Discord refuses the connection (close code {error.code}). "
                    "A newer version of the bot may be needed."
                ) from error
            reason = f"the connection was closed with code {error.code}"
        except Exception as error:  # noqa: BLE001 — discord.py dies of anything, AttributeError too
            reason = _reason(error)
        if time.monotonic() - begun > _STABLE:
            wait = FIRST_WAIT
        pause = wait * random.uniform(1.0, 1.25)  # noqa: S311 — so that bots do not come all at once
        log.warning("not connected: %s; trying again in %.1f s", reason, pause)
        await asyncio.sleep(pause)
        wait = min(2 * wait, LONGEST_WAIT)


def _reason(error: Exception) -> str:
    """Why there is no connection, without the words of whoever answered."""
    base = discord.http.Route.BASE
    match error:
        case discord.HTTPException() if error.status >= 500 or error.status == 429:
            return f"{base} answered {error.status}"
        case discord.HTTPException():
            return f"{base} answered {error.status}; check DISCORD_API_URL"
        case aiohttp.ClientConnectionError():
            return f"nobody answers at {base}; check DISCORD_API_URL and the network"
        case ConnectionError():
            return str(error)
        case LookupError() | TypeError() | ValueError():
            return f"{base} does not answer as Discord does ({error!r}); check DISCORD_API_URL"
    return f"{type(error).__name__}: {error}"


async def _live(connection: Connection, token: str) -> None:
    """One connection's whole life."""
    async with connection:
        # In a task of its own: discord.py swallows a cancellation that comes while it reconnects.
        living = asyncio.create_task(connection.start(token))
        try:
            await asyncio.wait([living])
        finally:
            living.cancel()
            await connection.close()
            await asyncio.gather(living, return_exceptions=True)
    living.result()
