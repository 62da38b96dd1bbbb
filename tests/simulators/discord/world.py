"""Who and what there is, and everything that changes it.

``World`` holds the state. What a bot may hear of a change goes to ``World.emit``, which the
WebSocket sets; tests wait for a change with ``World.until``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tests.simulators.discord import mentions
from tests.simulators.discord.entities import (
    DM_CHANNEL,
    EPHEMERAL,
    EVERYONE,
    FORUM_CHANNEL,
    GROUP_CHANNEL,
    LOADING,
    MODERATOR,
    PERMISSIONS,
    TEXT_CHANNEL,
    THREAD_CHANNEL,
    Attachment,
    Body,
    Channel,
    Guild,
    Interaction,
    Json,
    Message,
    Person,
    Role,
    Seen,
)

Emit = Callable[[str, Any], None]
STARTER = 21  # the type of the message that says which one a thread was opened from


class World:
    """The state of the platform. Unknown ids raise KeyError: the REST routes make 404 of it."""

    def __init__(
        self, *, message_content: bool, answer_within: float, token_lifetime: float
    ) -> None:
        self.message_content = message_content
        self.answer_within = answer_within
        self.token_lifetime = token_lifetime
        self.address = ""
        self.emit: Emit = lambda event, subject: None
        self._last_id = 0
        self._waiting: set[asyncio.Event] = set()
        self.application_id = self.snowflake()
        self.bot = Person(self.snowflake(), "Switchboard", bot=True)
        self.owner = Person(self.snowflake(), "Olive", moderator=True)
        self.token = f"{self.bot.id}.simulated.token"
        self.commands: list[Json] = []
        self.guilds: dict[str, Guild] = {}
        self.channels: dict[str, Channel] = {}
        self.people = {person.id: person for person in (self.bot, self.owner)}
        self.interactions: dict[str, Interaction] = {}
        self.attachments: dict[str, Attachment] = {}
        self.typing: list[tuple[float, str]] = []

    @property
    def gateway_url(self) -> str:
        return f"ws://{self.address}/gateway"

    @property
    def cdn_url(self) -> str:
        return f"http://{self.address}/cdn"

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def snowflake(self) -> str:
        """A new id, later than every other: milliseconds since 2015 in the upper 42 bits."""
        moment = int((time.time() - 1_420_070_400) * 1000) << 22
        self._last_id = max(moment, self._last_id + 1)
        return str(self._last_id)

    # --- waiting ----------------------------------------------------------------------------------

    def changed(self) -> None:
        """Let everyone in ``until`` look again."""
        for waiting in self._waiting:
            waiting.set()

    async def until(self, holds: Callable[[], bool], within: float) -> bool:
        """Wait until something holds; False where it did not ``within`` so many seconds."""
        woken = asyncio.Event()
        self._waiting.add(woken)
        try:
            async with asyncio.timeout(max(within, 0.0)):
                while not holds():
                    await woken.wait()
                    woken.clear()
        except TimeoutError:
            return holds()
        finally:
            self._waiting.remove(woken)
        return True

    # --- places and people ------------------------------------------------------------------------

    def add_guild(self, name: str, *, bot: bool) -> Guild:
        id_ = self.snowflake()
        everyone = Role(id_, "@everyone", EVERYONE)
        moderators = Role(self.snowflake(), "Moderators", MODERATOR)
        guild = self.guilds[id_] = Guild(id_, name, [everyone, moderators], self.owner, bot)
        self.emit("GUILD_CREATE", guild)
        return guild

    def add_channel(self, guild: str, name: str) -> Channel:
        return self._open(
            Channel(self.snowflake(), TEXT_CHANNEL, name, self.guilds[guild]), "CHANNEL_CREATE"
        )

    def add_forum(self, guild: str, name: str) -> Channel:
        return self._open(
            Channel(self.snowflake(), FORUM_CHANNEL, name, self.guilds[guild]), "CHANNEL_CREATE"
        )

    def add_thread(self, channel: str, name: str, owner: Person | None, id_: str = "") -> Channel:
        parent = self.channels[channel]
        thread = Channel(
            id_ or self.snowflake(),
            THREAD_CHANNEL,
            name,
            parent.guild,
            parent,
            owner=owner or self.owner,
        )
        return self._open(thread, "THREAD_CREATE")

    def branch(self, message: Message, name: str, owner: Person) -> Channel:
        """Open a thread from a message; it has the message's id, and points at it."""
        message.thread = self.add_thread(message.channel.id, name, owner, message.id)
        self.emit("MESSAGE_UPDATE", message)
        self.post(message.thread, message.author, Body(), reply_to=message, kind=STARTER)
        return message.thread

    def archive(self, thread: str, *, archived: bool = True) -> None:
        place = self.channels[thread]
        if place.archived is not archived:
            place.archived = archived
            self.emit("THREAD_UPDATE", place)

    def add_group(self, users: Sequence[str]) -> Channel:
        members = tuple(self.people[user] for user in users)
        channel = Channel(self.snowflake(), GROUP_CHANNEL, members=members)
        self.channels[channel.id] = channel
        return channel

    def add_user(self, name: str, *, moderator: bool, bot: bool, locale: str) -> Person:
        person = Person(self.snowflake(), name, moderator, bot, locale)
        self.people[person.id] = person
        return person

    def add_role(self, guild: str, name: str, permissions: int) -> Role:
        role = Role(self.snowflake(), name, permissions)
        self.guilds[guild].roles.append(role)
        self.emit("GUILD_ROLE_CREATE", (self.guilds[guild], role))
        return role

    def dm_with(self, user: str) -> Channel:
        recipient = self.people[user]
        for channel in self.channels.values():
            if channel.recipient is recipient:
                return channel
        # Discord tells a bot nothing of a new private channel before its first message.
        channel = Channel(self.snowflake(), DM_CHANNEL, recipient=recipient)
        self.channels[channel.id] = channel
        return channel

    def deny(self, channel: str, permissions: Sequence[str]) -> None:
        place = self.channels[channel]
        was_hidden = not place.allows("VIEW_CHANNEL")
        place.denied = sum(PERMISSIONS[name] for name in permissions)
        self.emit("CHANNEL_UPDATE" if place.parent is None else "THREAD_UPDATE", place)
        if was_hidden and place.allows("VIEW_CHANNEL") and place.parent is None:
            self.emit("THREAD_LIST_SYNC", place)

    def delete_channel(self, channel: str) -> None:
        place = self.channels.pop(channel)
        self.emit("CHANNEL_DELETE" if place.parent is None else "THREAD_DELETE", place)

    def _open(self, channel: Channel, event: str) -> Channel:
        self.channels[channel.id] = channel
        self.emit(event, channel)
        return channel

    # --- messages ---------------------------------------------------------------------------------

    def message(self, channel: str, message_id: str) -> Message:
        """A message that is still there."""
        message = self.channels[channel].messages[message_id]
        if message.deleted:
            raise KeyError(message_id)
        return message

    def any_message(self, message_id: str) -> Message:
        return next(
            channel.messages[message_id]
            for channel in self.channels.values()
            if message_id in channel.messages
        )

    def attach(self, name: str, content: bytes, description: str | None = None) -> Attachment:
        attachment = Attachment(self.snowflake(), name, content, description)
        self.attachments[attachment.id] = attachment
        return attachment

    def post(
        self,
        channel: Channel,
        author: Person,
        body: Body,
        *,
        reply_to: Message | None = None,
        interaction: Interaction | None = None,
        nonce: str | int | None = None,
        kind: int | None = None,
        id_: str = "",
    ) -> Message:
        if channel.parent is not None:
            self.archive(channel.id, archived=False)  # who writes in a thread opens it again
        message = Message(
            id_ or self.snowflake(),
            channel,
            author,
            body,
            self.now(),
            reply_to,
            interaction,
            nonce,
            kind=kind,
        )
        message.versions.append((message.created, body.content))
        message.pings = body.pings
        channel.messages[message.id] = message
        self.announce(message)
        self.changed()
        return message

    def announce(self, message: Message) -> None:
        """MESSAGE_CREATE; an ephemeral message is nobody else's business."""
        if not message.body.flags & EPHEMERAL:
            self.emit("MESSAGE_CREATE", message)

    def revise(self, message: Message, body: Body) -> None:
        """Show something else. The first answer after a deferral does not count as an edit."""
        message.edited = None if message.body.flags & LOADING else time.time()
        message.body = body
        message.versions.append((self.now(), body.content))
        message.pings |= body.pings
        if not body.flags & EPHEMERAL:
            self.emit("MESSAGE_UPDATE", message)
        self.changed()

    def revise_text(self, message: Message, content: str) -> None:
        author = message.reply_to.author.id if message.reply_to else None
        pinged = mentions.pings(content, None, author)
        self.revise(message, replace(message.body, content=content, pings=pinged))

    def remove(self, message: Message) -> None:
        message.deleted = True
        if not message.body.flags & EPHEMERAL:
            self.emit("MESSAGE_DELETE", message)
        self.changed()

    def seen(self, channel: str, *, deleted: bool) -> list[Seen]:
        return [
            Seen(
                id=message.id,
                author="bot" if message.author is self.bot else message.author.name,
                content=message.body.content,
                attachments=[(file.name, file.content) for file in message.body.attachments],
                components=list(message.body.components),
                embeds=list(message.body.embeds),
                reply_to=message.reply_to.id if message.reply_to else None,
                interaction=message.interaction.id if message.interaction else None,
                versions=list(message.versions),
                flags=message.body.flags,
                pings=message.pings,
                nonce=message.nonce,
                deleted=message.deleted,
            )
            for message in self.channels[channel].messages.values()
            if deleted or not message.deleted
        ]

    # --- interactions -----------------------------------------------------------------------------

    def begin(self, interaction: Interaction) -> Interaction:
        self.interactions[interaction.id] = interaction
        self.emit("INTERACTION_CREATE", interaction)
        return interaction

    def acknowledge(self, interaction: Interaction) -> None:
        interaction.acknowledged = self.now()
        self.changed()
