"""The nouns of the simulated Discord: people, places, messages, interactions, and what is seen.

Ids are snowflake strings, times the loop's own (``loop.time()``).
"""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulators.discord.world import World

Json = dict[str, Any]
Upload = tuple[str, bytes]
"""A file as (name, bytes)."""

EPHEMERAL, LOADING, COMPONENTS_V2 = 1 << 6, 1 << 7, 1 << 15
TEXT_CHANNEL, DM_CHANNEL, GROUP_CHANNEL, THREAD_CHANNEL, FORUM_CHANNEL = 0, 1, 3, 11, 15
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5

PERMISSIONS = {
    "KICK_MEMBERS": 1 << 1,
    "BAN_MEMBERS": 1 << 2,
    "MANAGE_GUILD": 1 << 5,
    "ADD_REACTIONS": 1 << 6,
    "VIEW_CHANNEL": 1 << 10,
    "SEND_MESSAGES": 1 << 11,
    "MANAGE_MESSAGES": 1 << 13,
    "EMBED_LINKS": 1 << 14,
    "ATTACH_FILES": 1 << 15,
    "READ_MESSAGE_HISTORY": 1 << 16,
    "USE_APPLICATION_COMMANDS": 1 << 31,
    "MANAGE_THREADS": 1 << 34,
    "CREATE_PUBLIC_THREADS": 1 << 35,
    "SEND_MESSAGES_IN_THREADS": 1 << 38,
    "MODERATE_MEMBERS": 1 << 40,
}
_EVERYONE = (
    *("VIEW_CHANNEL", "SEND_MESSAGES", "SEND_MESSAGES_IN_THREADS", "EMBED_LINKS", "ATTACH_FILES"),
    *("READ_MESSAGE_HISTORY", "ADD_REACTIONS", "USE_APPLICATION_COMMANDS", "CREATE_PUBLIC_THREADS"),
)
EVERYONE = sum(PERMISSIONS[name] for name in _EVERYONE)
MODERATOR = sum(PERMISSIONS.values())


@dataclass(slots=True)
class Person:
    """``installed``: the bot's application, for themselves, to use it anywhere."""

    id: str
    name: str
    moderator: bool = False
    bot: bool = False
    locale: str = "en-US"
    installed: bool = False


@dataclass(slots=True)
class Role:
    id: str
    name: str
    permissions: int


@dataclass(slots=True)
class Guild:
    """``roles`` begin with @everyone, whose id is the guild's, and the moderators' role.
    ``has_bot``: the bot is a member."""

    id: str
    name: str
    roles: list[Role]
    owner: Person
    has_bot: bool = True

    @property
    def moderators(self) -> Role:
        return self.roles[1]


@dataclass(slots=True, eq=False)
class Channel:
    """A text channel, a forum, a thread (with ``parent`` and ``owner``), the private channel of the
    bot and a person (``recipient``), or a group of people (``members``) without the bot.
    ``denied`` are the permissions taken from the bot."""

    id: str
    kind: int
    name: str = ""
    guild: Guild | None = None
    parent: Channel | None = None
    recipient: Person | None = None
    members: tuple[Person, ...] = ()
    owner: Person | None = None
    archived: bool = False
    denied: int = 0
    messages: dict[str, Message] = field(default_factory=dict)

    def allows(self, permission: str) -> bool:
        """Whether the bot has the permission here; a thread takes its channel's."""
        if self.guild is None:
            return self.kind == DM_CHANNEL
        denied = self.denied | (self.parent.denied if self.parent else 0)
        return self.guild.has_bot and not denied & PERMISSIONS[permission]


@dataclass(frozen=True, slots=True)
class Attachment:
    id: str
    name: str
    content: bytes = field(repr=False)
    description: str | None = None

    @property
    def media_type(self) -> str:
        return mimetypes.guess_type(self.name)[0] or "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Pings:
    """Whom a message would notify, were its author allowed to; true where that is anybody."""

    everyone: bool = False
    roles: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.everyone or bool(self.roles) or bool(self.users)

    def __or__(self, other: Pings) -> Pings:
        return Pings(
            self.everyone or other.everyone, self.roles | other.roles, self.users | other.users
        )


@dataclass(frozen=True, slots=True)
class Body:
    """What a message shows at one moment."""

    content: str = ""
    attachments: tuple[Attachment, ...] = ()
    components: Sequence[Json] = ()
    embeds: Sequence[Json] = ()
    flags: int = 0
    pings: Pings = Pings()

    @property
    def empty(self) -> bool:
        return not (self.content or self.attachments or self.components or self.embeds)


@dataclass(slots=True, eq=False)
class Message:
    """``pings`` gathers those of every version, ``edited`` is in seconds since the epoch. ``kind``
    is its type where Discord itself wrote it, ``thread`` the one that was opened from it."""

    id: str
    channel: Channel
    author: Person
    body: Body
    created: float
    reply_to: Message | None = None
    interaction: Interaction | None = None
    nonce: str | int | None = None
    edited: float | None = None
    kind: int | None = None
    thread: Channel | None = None
    deleted: bool = False
    versions: list[tuple[float, str]] = field(default_factory=list)
    pings: Pings = Pings()


@dataclass(slots=True, eq=False)
class Interaction:
    """Something a person asked of the application, and what became of it.

    ``original`` is the id of the message that the answer made or, for a button, belongs to;
    ``modal`` and ``choices`` are raw JSON. ``source`` is the message whose component was used.
    """

    id: str
    token: str
    kind: int
    channel: Channel
    user: Person
    data: Json
    dispatched: float
    world: World = field(repr=False)
    name: str = ""
    source: Message | None = None
    parent: Interaction | None = None
    acknowledged: float | None = None
    original: str | None = None
    followups: list[str] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] = field(default_factory=list)
    expired: bool = False

    @property
    def acknowledged_after(self) -> float | None:
        """Seconds from dispatch to the callback; None where none came (in time)."""
        return None if self.acknowledged is None else self.acknowledged - self.dispatched

    @property
    def failed(self) -> bool:
        """ "The application did not respond": the time to answer has passed."""
        waited = self.world.now() - self.dispatched
        return self.acknowledged is None and waited > self.world.answer_within

    @property
    def over(self) -> bool:
        """Whether its token is no longer good."""
        return self.expired or self.world.now() - self.dispatched > self.world.token_lifetime

    async def answered(self) -> bool:
        """Until the callback came (True) or the time for it is over (False)."""
        left = self.dispatched + self.world.answer_within - self.world.now()
        return await self.world.until(lambda: self.acknowledged is not None, left)


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as people see it now. ``author`` is "bot" or the user's name, ``interaction`` and
    ``reply_to`` are ids, ``components`` and ``embeds`` raw JSON as they were sent.

    ``versions`` are (time, content), the first as it was sent: "" for an answer that was deferred.
    """

    id: str
    author: str
    content: str
    attachments: list[Upload]
    components: list[Json]
    embeds: list[Json]
    reply_to: str | None
    interaction: str | None
    versions: list[tuple[float, str]]
    flags: int
    pings: Pings
    nonce: str | int | None
    deleted: bool

    @property
    def thinking(self) -> bool:
        """Deferred and not answered yet."""
        return bool(self.flags & LOADING)

    @property
    def ephemeral(self) -> bool:
        """Shown to the one who asked only."""
        return bool(self.flags & EPHEMERAL)

    def __str__(self) -> str:
        marks = [
            *(["thinking"] if self.thinking else []),
            *(["deleted"] if self.deleted else []),
            *(name for name, _ in self.attachments),
        ]
        return f"[{self.id}] {self.author}: {self.content!r} {marks or ''}"
