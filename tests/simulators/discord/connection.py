"""The WebSocket: HELLO, IDENTIFY or RESUME, heartbeats, events in order, and the close codes.

A session outlives its connections: it keeps every event, so RESUME replays what was missed. Source:
Discord's documentation, events/gateway.
"""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.simulators.discord import message_payloads, payloads
from tests.simulators.discord.entities import Channel, Guild, Interaction, Json, Message, Role
from tests.simulators.discord.world import World

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE_STATE, RESUME = 0, 1, 2, 3, 4, 6
RECONNECT, REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 7, 8, 9, 10, 11

GUILDS, GUILD_MEMBERS, GUILD_PRESENCES = 1 << 0, 1 << 1, 1 << 8
GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT = 1 << 9, 1 << 12, 1 << 15
KNOWN_INTENTS = (1 << 26) - 1

SENDS, SENDS_WINDOW, FRAME_LIMIT = 120, 60.0, 4096
SESSIONS_A_DAY = 1000
# discord.py misreads an acknowledgement that comes within microseconds as being far behind.
ACK_DELAY = 0.02


class Refused(Exception):
    """The connection must be closed with a code that says why."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(slots=True, eq=False)
class Session:
    """One shard's stream of events. ``greeting`` is the number of the last event of its start."""

    id: str
    intents: int
    shard: tuple[int, int]
    events: list[str] = field(default_factory=list)
    greeting: int = 0
    connection: Connection | None = None

    def covers(self, guild: Guild | None) -> bool:
        """Whether the guild (None: private channels) is told on this shard."""
        number, of = self.shard
        return number == ((int(guild.id) >> 22) % of if guild else 0)

    def dispatch(self, event: str, told: Json) -> None:
        """Number an event, keep it, and send it where somebody is connected."""
        sequence = len(self.events) + 1
        frame = {"op": DISPATCH, "t": event, "s": sequence, "d": told}
        self.events.append(json.dumps(frame))
        if self.connection is not None:
            self.connection.outgoing.put_nowait((sequence, self.events[-1]))


@dataclass(slots=True, eq=False)
class Connection:
    """One socket. Frames go out through a queue, in order; ``sent`` is the last event's number."""

    socket: web.WebSocketResponse
    outgoing: asyncio.Queue[tuple[int, str]] = field(default_factory=asyncio.Queue)
    session: Session | None = None
    sent: int = 0
    received: deque[float] = field(default_factory=deque)

    def send(self, op: int, told: Any = None) -> None:
        self.outgoing.put_nowait((0, json.dumps({"op": op, "d": told, "s": None, "t": None})))

    def count(self, now: float) -> None:
        """Raises Refused where more came than a client may send."""
        self.received.append(now)
        while self.received[0] <= now - SENDS_WINDOW:
            self.received.popleft()
        if len(self.received) > SENDS:
            raise Refused(4008, "Rate limited.")


class Connections:
    """Every session and every socket, and what of the world they are told."""

    def __init__(self, world: World, *, identify_every: float, heartbeat_every: float) -> None:
        self.started = 0
        self.untold: set[str] = set()  # events that are lost on the way
        self._world = world
        self._identify_every = identify_every
        self._heartbeat_every = heartbeat_every
        self._identified = -math.inf
        self._sessions: dict[str, Session] = {}
        self._open: set[Connection] = set()
        world.emit = self._emit

    def limits(self) -> Json:
        """``session_start_limit`` of ``GET /gateway/bot``."""
        return {
            "total": SESSIONS_A_DAY,
            "remaining": SESSIONS_A_DAY - self.started,
            "reset_after": 24 * 3600 * 1000,
            "max_concurrency": 1,
        }

    def is_greeted(self) -> bool:
        """Whether a bot is connected and was sent everything a start consists of."""
        return any(
            session.connection is not None and session.connection.sent >= session.greeting
            for session in self._sessions.values()
        )

    # --- one socket -------------------------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=1.0)
        await socket.prepare(request)
        connection = Connection(socket)
        self._open.add(connection)
        writer = asyncio.create_task(self._write(connection))
        try:
            if request.query.get("v") != "10" or request.query.get("encoding") != "json":
                raise Refused(4012, "Invalid API version.")
            connection.send(HELLO, {"heartbeat_interval": int(self._heartbeat_every * 1000)})
            await self._read(connection)
        except Refused as refused:
            await _close(connection, refused.code, refused.reason)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            self._open.discard(connection)
            self._part(connection)
        return socket

    async def _write(self, connection: Connection) -> None:
        while True:
            sequence, frame = await connection.outgoing.get()
            try:
                await connection.socket.send_str(frame)
            except ConnectionError:
                # The socket is closing; the session keeps the event for RESUME.
                return
            connection.sent = max(connection.sent, sequence)
            self._world.changed()

    async def _read(self, connection: Connection) -> None:
        while True:
            try:
                frame = await connection.socket.receive(timeout=self._heartbeat_every * 1.5)
            except TimeoutError:
                raise Refused(4009, "Session timed out.") from None
            if frame.type is not WSMsgType.TEXT:
                return
            connection.count(self._world.now())
            self._obey(connection, _decode(frame.data))

    def _obey(self, connection: Connection, frame: Json) -> None:
        op, told = frame.get("op"), frame.get("d")
        if op == HEARTBEAT:
            asyncio.get_running_loop().call_later(ACK_DELAY, connection.send, HEARTBEAT_ACK)
        elif op == IDENTIFY and isinstance(told, dict):
            self._identify(connection, told)
        elif op == RESUME and isinstance(told, dict):
            self._resume(connection, told)
        elif op not in (PRESENCE, VOICE_STATE, REQUEST_MEMBERS):
            raise Refused(4001, "Unknown opcode.")
        elif connection.session is None:
            raise Refused(4003, "Not authenticated.")
        elif op == REQUEST_MEMBERS and isinstance(told, dict):
            self._tell_members(connection.session, told)

    def _part(self, connection: Connection) -> None:
        """A client that closes with 1000 or 1001 ends its session; any other end can be resumed."""
        session = connection.session
        if session is None or session.connection is not connection:
            return
        session.connection = None
        if connection.socket.close_code in (1000, 1001):
            self._sessions.pop(session.id, None)

    # --- sessions ---------------------------------------------------------------------------------

    def _identify(self, connection: Connection, told: Json) -> None:
        if connection.session is not None:
            raise Refused(4005, "Already authenticated.")
        if told.get("token") != self._world.token:
            raise Refused(4004, "Authentication failed.")
        shard = tuple(told.get("shard") or (0, 1))
        if len(shard) != 2 or not 0 <= shard[0] < shard[1]:
            raise Refused(4010, "Invalid shard.")
        intents = told.get("intents")
        if not isinstance(intents, int) or intents & ~KNOWN_INTENTS:
            raise Refused(4013, "Invalid intent(s).")
        granted = MESSAGE_CONTENT if self._world.message_content else 0
        if intents & (GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT) & ~granted:
            raise Refused(4014, "Disallowed intent(s).")
        now = self._world.now()
        if now < self._identified + self._identify_every:
            connection.send(INVALID_SESSION, False)
            return
        self._identified = now
        self.started += 1
        session = Session(secrets.token_hex(16), intents, shard, connection=connection)
        self._sessions[session.id] = connection.session = session
        self._greet(session)

    def _greet(self, session: Session) -> None:
        world = self._world
        guilds = [
            guild for guild in world.guilds.values() if guild.has_bot and session.covers(guild)
        ]
        ready = {
            "v": 10,
            "user": payloads.current_user(world),
            "guilds": [{"id": guild.id, "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": world.gateway_url,
            "session_type": "normal",
            "private_channels": [],
            "presences": [],
            "relationships": [],
            "shard": list(session.shard),
            "application": {
                "id": world.application_id,
                "flags": payloads.application_flags(world),
            },
            "_trace": [],
        }
        session.dispatch("READY", ready)
        if session.intents & GUILDS:
            for guild in guilds:
                session.dispatch("GUILD_CREATE", payloads.guild_create(guild, world))
        session.greeting = len(session.events)

    def _resume(self, connection: Connection, told: Json) -> None:
        if connection.session is not None:
            raise Refused(4005, "Already authenticated.")
        if told.get("token") != self._world.token:
            raise Refused(4004, "Authentication failed.")
        session = self._sessions.get(str(told.get("session_id")))
        if session is None:
            connection.send(INVALID_SESSION, False)
            return
        sequence = told.get("seq")
        if not isinstance(sequence, int) or not 0 <= sequence <= len(session.events):
            raise Refused(4007, "Invalid seq.")
        session.connection, connection.session = connection, session
        connection.sent = sequence
        for number, event in enumerate(session.events[sequence:], sequence + 1):
            connection.outgoing.put_nowait((number, event))
        session.dispatch("RESUMED", {"_trace": []})

    def _tell_members(self, session: Session, told: Json) -> None:
        guild = self._world.guilds.get(str(told.get("guild_id")))
        if guild is None:
            return
        asked = told.get("user_ids") or []
        asked = [str(each) for each in (asked if isinstance(asked, list) else [asked])]
        query = str(told.get("query", "")).lower()
        found = [
            person
            for person in self._world.people.values()
            if (person.id in asked if asked else person.name.lower().startswith(query))
        ]
        chunk = {
            "guild_id": guild.id,
            "members": [payloads.member(person, guild) for person in found],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [id_ for id_ in asked if id_ not in self._world.people],
            "nonce": told.get("nonce"),
        }
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)

    # --- what goes wrong --------------------------------------------------------------------------

    async def drop(self, code: int) -> None:
        """Close every socket; a code of 4000 leaves the sessions resumable."""
        for connection in list(self._open):
            await _close(connection, code)

    def ask_to_reconnect(self) -> None:
        for connection in self._open:
            connection.send(RECONNECT)

    def invalidate(self) -> None:
        self._sessions.clear()
        for connection in self._open:
            connection.send(INVALID_SESSION, False)

    async def close(self) -> None:
        self._world.emit = lambda event, subject: None
        await self.drop(1001)

    # --- events -----------------------------------------------------------------------------------

    def _emit(self, event: str, subject: object) -> None:
        """Tell every session of a change, as far as shard, intents and the bot's rights go."""
        if event in self.untold:
            return
        for session in list(self._sessions.values()):
            told = self._tell(session, event, subject)
            if told is not None:
                session.dispatch(event, told)

    def _tell(self, session: Session, event: str, subject: object) -> Json | None:
        world = self._world
        match subject:
            case Message():
                return self._tell_message(session, event, subject)
            case Interaction() if session.covers(subject.channel.guild):
                return message_payloads.interaction(subject, world)
            case Guild() if _tells(session, subject):
                return payloads.guild_create(subject, world)
            case Channel() if event == "THREAD_LIST_SYNC" and _tells(session, subject.guild):
                return self._tell_threads(subject)
            case Channel() if _tells(session, subject.guild):
                new = {"newly_created": True} if event == "THREAD_CREATE" else {}
                return payloads.channel(subject, world) | new
            case (Guild() as guild, Role() as role) if _tells(session, guild):
                told = payloads.role(role, guild.roles.index(role))
                return {"guild_id": guild.id, "role": told}
        return None

    def _tell_threads(self, parent: Channel) -> Json:
        inside = [each for each in self._world.channels.values() if each.parent is parent]
        return {
            "guild_id": parent.guild.id if parent.guild else None,
            "channel_ids": [parent.id],
            "threads": [payloads.channel(each, self._world) for each in payloads.threads(inside)],
            "members": [],
        }

    def _tell_message(self, session: Session, event: str, message: Message) -> Json | None:
        guild = message.channel.guild
        needed = GUILD_MESSAGES if guild else DIRECT_MESSAGES
        if not session.covers(guild) or not session.intents & needed:
            return None
        if not message.channel.allows("VIEW_CHANNEL"):
            return None
        if event == "MESSAGE_DELETE":
            told: Json = {"id": message.id, "channel_id": message.channel.id}
        else:
            reveal = bool(session.intents & MESSAGE_CONTENT)
            told = message_payloads.message(message, self._world, reveal=reveal)
            if event == "MESSAGE_CREATE":
                told.pop("thread", None)  # there was none when it was written
                if message.nonce is not None:
                    told["nonce"] = message.nonce
        if guild is None:
            return told | {"channel_type": 1}
        told["guild_id"] = guild.id
        if event != "MESSAGE_DELETE" and message.interaction is None:
            told["member"] = payloads.member(message.author, guild, with_user=False)
        return told


def _tells(session: Session, guild: Guild | None) -> bool:
    """Whether changes of the guild are told there."""
    is_member = guild is None or guild.has_bot
    return is_member and session.covers(guild) and bool(session.intents & GUILDS)


async def _close(connection: Connection, code: int, reason: str = "") -> None:
    """Close from this side; the session stays, without a connection."""
    if connection.session is not None:
        connection.session.connection = None
    await connection.socket.close(code=code, message=reason.encode())


def _decode(text: str) -> Json:
    if len(text.encode()) > FRAME_LIMIT:
        raise Refused(4002, "Error while decoding payload.")
    try:
        frame = json.loads(text)
    except json.JSONDecodeError:
        raise Refused(4002, "Error while decoding payload.") from None
    if not isinstance(frame, dict):
        raise Refused(4002, "Error while decoding payload.")
    return frame
