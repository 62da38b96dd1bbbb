"""What people write on Discord, as Requests (pure); ``inbound`` says how it is read.

What a message's payload leaves out and the connection knows comes as a ``Scene``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.discord.components import Form
from adapters.discord.payload import (
    Json,
    Upload,
    name_of,
    needed,
    object_of,
    objects_of,
    text_of,
    uploads_of,
)
from adapters.discord.permissions import moderates
from bot.commands.base import split_line
from bot.types import Channel, Manners, Message, Request, Role, Text, Trigger, User

PLATFORM = "discord"
EDITED = "edited"  # the command of somebody who has changed a question

THREADS = (10, 11, 12)  # channel types

_SPOKEN = (0, 19)  # message types that people write: a message and a reply
_FORWARD = 1  # type of a message_reference

_MENTION = re.compile(r"<(@[!&]?|#)(\d{1,20})>")
_EMOJI = re.compile(r"<a?:(\w{1,40}):\d{1,20}>")
_COMMAND = re.compile(r"</([^<>:]{1,100}):\d{1,20}>")


@dataclass(frozen=True, slots=True)
class Scene:
    """What a message's payload leaves out: who we are and where its channel stands.

    ``bot_role`` is the role that Discord made for the bot in this server; people mention it by
    mistake. ``parent`` is the channel of a thread, ``ours`` says that the bot has opened it;
    ``branch`` is the thread that the bot has opened from this very message. ``permissions`` are the
    author's in this channel, as Discord's bits. ``name_of`` knows channels and roles by their id.
    """

    bot_id: str
    bot_role: str = ""
    parent: str = ""
    ours: bool = False
    branch: str = ""
    permissions: Callable[[], int] = lambda: 0
    name_of: Callable[[str], str | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Inbound:
    """A request without its files, and the files that belong to it and to what it quotes.

    ``opens_thread`` says that it is best answered in a thread of its own. Where there is a ``form``
    the person fills it in before anything is asked; ``about`` is the interaction whose target the
    filled in form is about. ``refusal`` is why it cannot be asked at all.
    """

    request: Request
    uploads: tuple[Upload, ...] = ()
    quoted_uploads: tuple[Upload, ...] = ()
    opens_thread: bool = False
    form: Form | None = None
    about: str = ""
    refusal: str = ""


def is_spoken(message: Json) -> bool:
    """Whether a person has written it: bots never hear each other."""
    by_machine = object_of(message, "author").get("bot") or message.get("webhook_id")
    return not by_machine and (message.get("type") or 0) in _SPOKEN


def from_message(
    message: Json, scene: Scene, manners: Callable[[Channel], Manners] = lambda _: Manners()
) -> Inbound | None:
    """A MESSAGE_CREATE as a request; None where nobody asks us anything."""
    if not is_spoken(message):
        return None
    channel = _channel_of(message, scene)
    here, ways = manners(channel), _ways(message, scene)
    if not ways and Trigger.ANY not in here.hears:
        return None
    line = _readable(_without_mention(text_of(message, "content"), scene), message, scene)
    uploads = uploads_of(message)
    quoted, quoted_uploads = _quoted(message, scene)
    command, rest = split_line(line)
    typed_command = (command, rest) != ("ask", line)
    if typed_command:
        ways.add(Trigger.COMMAND)
    says_something = bool(line or uploads or quoted)
    if says_something:
        ways.add(Trigger.ANY)
    else:
        ways.discard(Trigger.THREAD)  # a sticker is no question
    if ways.isdisjoint(here.hears | {Trigger.COMMAND}):
        return None
    author, member = object_of(message, "author"), object_of(message, "member")
    request = Request(
        channel=channel,
        user=user_of(author, member, scene.permissions()),
        source=needed(message, "id"),
        command=command,
        text=rest,
        quoted=quoted,
    )
    in_place = typed_command or Trigger.REPLY in ways or not _may_branch(message, channel)
    opens_thread = here.opens_threads and says_something and not in_place
    return Inbound(request, uploads, quoted_uploads, opens_thread)


def from_edit(
    message: Json, scene: Scene, manners: Callable[[Channel], Manners] = lambda _: Manners()
) -> Inbound | None:
    """A MESSAGE_UPDATE as word of a changed question; None where nobody has changed a word, or asks
    us anything. Its source says which message it was and when it was changed. Files cannot be
    changed, so none come along."""
    when = text_of(message, "edited_timestamp")
    if not when or not message.get("author"):
        return None  # its links were unfolded, or a thread was opened
    asked = from_message(message, scene, manners)
    if asked is None:
        return None
    moment = int(datetime.fromisoformat(when).timestamp() * 1000)
    source = f"{asked.request.source}:{moment}"
    return Inbound(replace(asked.request, source=source, command=EDITED))


def _may_branch(message: Json, channel: Channel) -> bool:
    """Whether a thread can be opened there, as far as anybody knows."""
    is_thread = channel.thread or message.get("channel_type") in THREADS
    return bool(channel.server) and not is_thread


def _channel_of(message: Json, scene: Scene) -> Channel:
    channel_id, server = needed(message, "channel_id"), text_of(message, "guild_id")
    thread = object_of(message, "thread")
    branch = scene.branch or (
        text_of(thread, "id") if thread.get("owner_id") == scene.bot_id else ""
    )
    if branch:  # it was answered there
        return channel_at(branch, server, channel_id)
    return channel_at(channel_id, server, scene.parent)


def _ways(message: Json, scene: Scene) -> set[Trigger]:
    """How the message speaks to us, if it does."""
    ways = set() if message.get("guild_id") else {Trigger.PRIVATE}
    if any(user.get("id") == scene.bot_id for user in objects_of(message, "mentions")) or (
        scene.bot_role and scene.bot_role in (message.get("mention_roles") or ())
    ):
        ways.add(Trigger.MENTION)
    replied = object_of(message, "referenced_message")
    if object_of(replied, "author").get("id") == scene.bot_id:
        ways.add(Trigger.REPLY)
    if scene.ours:
        ways.add(Trigger.THREAD)
    return ways


def _without_mention(content: str, scene: Scene) -> str:
    ours = rf"<@!?{scene.bot_id}>"
    if scene.bot_role:
        ours += rf"|<@&{scene.bot_role}>"
    return re.sub(rf"[ \t]*(?:{ours})[ \t]*", " ", content).strip()


def _readable(content: str, message: Json, scene: Scene) -> str:
    """Discord's own markup as people see it: @Name for ``<@1>``, #general for ``<#2>``, :smile:."""
    mentioned = objects_of(message, "mentions")
    people = {user.get("id"): name_of(user, object_of(user, "member")) for user in mentioned}

    def seen(match: re.Match[str]) -> str:
        kind, number = match.groups()
        if kind == "#":
            return f"#{scene.name_of(number) or 'channel'}"
        if kind == "@&":
            return f"@{scene.name_of(number) or 'role'}"
        return f"@{people.get(number) or 'somebody'}"

    content = _MENTION.sub(seen, content)
    return _COMMAND.sub(r"/\1", _EMOJI.sub(r":\1:", content))


def _quoted(message: Json, scene: Scene) -> tuple[Message | None, tuple[Upload, ...]]:
    """What the message replies to or passes on, and the files in it."""
    if object_of(message, "message_reference").get("type") == _FORWARD:
        snapshots = {"message_snapshots": objects_of(message, "message_snapshots")}
        return quote(snapshots, scene)
    return quote(object_of(message, "referenced_message"), scene)


def quote(original: Json, scene: Scene) -> tuple[Message | None, tuple[Upload, ...]]:
    """A message as it is quoted, or what it passes on, and the files in it."""
    role, name = Role.USER, ""
    snapshots = objects_of(original, "message_snapshots")
    if snapshots:
        original = object_of(snapshots[0], "message")  # nobody is told whose it was
    else:
        author = object_of(original, "author")
        if author.get("id") == scene.bot_id:
            role = Role.ASSISTANT
        else:
            name = name_of(author, object_of(original, "member"))
    text = _readable(text_of(original, "content"), original, scene)
    if not text:  # other bots like to say everything in embeds
        embeds = objects_of(original, "embeds")
        said = [text_of(embed, part) for embed in embeds for part in ("title", "description")]
        text = "\n".join(filter(None, said))
    uploads = uploads_of(original)
    parts = (Text(text),) if text else ()
    return (Message(role, parts, name) if parts or uploads else None), uploads


def channel_at(channel_id: str, guild_id: str, parent: str) -> Channel:
    if parent:
        return Channel(PLATFORM, guild_id, parent, thread=channel_id)
    return Channel(PLATFORM, guild_id, channel_id)


def user_of(user: Json, member: Json, permissions: int) -> User:
    return User(
        id=needed(user, "id"),
        name=name_of(user, member),
        roles=frozenset(map(str, member.get("roles") or ())),
        moderator=moderates(permissions),
    )
