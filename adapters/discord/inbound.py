"""What Discord tells us, as Requests (pure).

Payloads are read as Discord documents them (MESSAGE_CREATE and INTERACTION_CREATE), as JSON and not
as discord.py's objects, so recorded events test exactly what the bot does with them. What a payload
leaves out and the connection knows comes as a ``Scene``. Pictures are named as ``Upload`` and
fetched elsewhere.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.commands.base import split_line
from bot.types import Channel, Message, Request, Role, Text, User

Json = Mapping[str, Any]

PLATFORM = "discord"

_SPOKEN = (0, 19)  # message types that people write: a message and a reply
_FORWARD = 1  # type of a message_reference
_THREADS = (10, 11, 12)  # channel types
_STRING, _ATTACHMENT = 3, 11  # types of a command's options

_MENTION = re.compile(r"<(@[!&]?|#)(\d{1,20})>")
_EMOJI = re.compile(r"<a?:(\w{1,40}):\d{1,20}>")
_COMMAND = re.compile(r"</([^<>:]{1,100}):\d{1,20}>")

_ADMINISTRATOR = 1 << 3
_MANAGE_GUILD = 1 << 5
_MANAGE_MESSAGES = 1 << 13


@dataclass(frozen=True, slots=True)
class Scene:
    """What a message's payload leaves out: who we are and where its channel stands.

    ``bot_role`` is the role that Discord made for the bot in this server; people mention it by
    mistake. ``parent`` is the channel of a thread. ``permissions`` are the author's in this
    channel, as Discord's bits. ``name_of`` knows channels and roles by their id.
    """

    bot_id: str
    bot_role: str = ""
    parent: str = ""
    permissions: Callable[[], int] = lambda: 0
    name_of: Callable[[str], str | None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture that somebody posted. ``size`` is in bytes, as Discord says."""

    url: str
    name: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class Inbound:
    """A request without its pictures, and the pictures that belong to it and to what it quotes."""

    request: Request
    uploads: tuple[Upload, ...] = ()
    quoted_uploads: tuple[Upload, ...] = ()


@dataclass(frozen=True, slots=True)
class Typed:
    """Somebody is typing a command's option."""

    channel: Channel
    command: str
    option: str
    text: str


# --- messages ---


def from_message(message: Json, scene: Scene) -> Inbound | None:
    """A MESSAGE_CREATE as a request; None where nobody asks us anything."""
    if not _is_for_us(message, scene):
        return None
    text = _without_mention(message["content"], scene)
    command, rest = split_line(_readable(text, message, scene))
    quoted, quoted_uploads = _quoted(message, scene)
    request = Request(
        channel=_channel(message["channel_id"], message.get("guild_id"), scene.parent),
        user=_user(message["author"], message.get("member"), scene.permissions()),
        source=message["id"],
        command=command,
        text=rest,
        quoted=quoted,
    )
    return Inbound(request, _pictures(message.get("attachments", ())), quoted_uploads)


def _is_for_us(message: Json, scene: Scene) -> bool:
    author = message["author"]
    if message["type"] not in _SPOKEN or author.get("bot") or "webhook_id" in message:
        return False
    if "guild_id" not in message:
        return True
    if any(user["id"] == scene.bot_id for user in message["mentions"]):
        return True
    if scene.bot_role and scene.bot_role in message.get("mention_roles", ()):
        return True
    replied = message.get("referenced_message")
    return replied is not None and replied["author"]["id"] == scene.bot_id


def _without_mention(content: str, scene: Scene) -> str:
    ours = rf"<@!?{scene.bot_id}>"
    if scene.bot_role:
        ours += rf"|<@&{scene.bot_role}>"
    return re.sub(rf"[ \t]*(?:{ours})[ \t]*", " ", content).strip()


def _readable(content: str, message: Json, scene: Scene) -> str:
    """Discord's own markup as people see it: @Name for ``<@1>``, #general for ``<#2>``, :smile:."""
    people = {user["id"]: _name(user, user.get("member")) for user in message.get("mentions", ())}

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
    """What the message replies to or passes on, and the pictures in it."""
    reference = message.get("message_reference") or {}
    if reference.get("type") == _FORWARD:
        snapshots = message.get("message_snapshots") or [{}]
        original, role, name = snapshots[0].get("message"), Role.USER, ""
    else:
        original, role, name = message.get("referenced_message"), Role.USER, ""
        if original is not None and original["author"]["id"] == scene.bot_id:
            role = Role.ASSISTANT
        elif original is not None:
            name = _name(original["author"], original.get("member"))
    if original is None:
        return None, ()
    text = _readable(original.get("content", ""), original, scene)
    uploads = _pictures(original.get("attachments", ()))
    parts = (Text(text),) if text else ()
    return (Message(role, parts, name) if parts or uploads else None), uploads


# --- interactions ---


def from_interaction(interaction: Json) -> Inbound | None:
    """An INTERACTION_CREATE as a request: a slash command or a button. None for any other kind."""
    body = interaction["data"]
    uploads: tuple[Upload, ...] = ()
    options: dict[str, str] = {}
    match interaction["type"]:
        case 2 if body.get("type", 1) == 1:
            command, text = body["name"], ""
            given = body.get("options", ())
            options = {
                option["name"]: str(option["value"])
                for option in given
                if option["type"] != _ATTACHMENT
            }
            attached = body.get("resolved", {}).get("attachments", {})
            uploads = tuple(
                _upload(attached[option["value"]])
                for option in given
                if option["type"] == _ATTACHMENT
            )
        case 3:
            command, text = split_line(body["custom_id"])
        case _:
            return None
    request = Request(
        channel=_place(interaction),
        user=_who(interaction),
        source=interaction["id"],
        command=command,
        text=text,
        options=options,
        pressed=interaction["type"] == 3,
    )
    return Inbound(request, uploads)


def typed(interaction: Json) -> Typed | None:
    """What somebody has typed of an option so far."""
    body = interaction["data"]
    for option in body.get("options", ()):
        if option.get("focused"):
            return Typed(_place(interaction), body["name"], option["name"], str(option["value"]))
    return None


def _place(interaction: Json) -> Channel:
    channel = interaction.get("channel") or {}
    parent = channel.get("parent_id") if channel.get("type") in _THREADS else None
    return _channel(interaction["channel_id"], interaction.get("guild_id"), parent or "")


def _who(interaction: Json) -> User:
    member = interaction.get("member")
    if member is None:
        return _user(interaction["user"], None, 0)
    return _user(member["user"], member, int(member.get("permissions", 0)))


# --- both ---


def _channel(channel_id: str, guild_id: str | None, parent: str) -> Channel:
    if parent:
        return Channel(PLATFORM, guild_id or "", parent, thread=channel_id)
    return Channel(PLATFORM, guild_id or "", channel_id)


def _user(user: Json, member: Json | None, permissions: int) -> User:
    return User(
        id=user["id"],
        name=_name(user, member),
        roles=frozenset((member or {}).get("roles", ())),
        moderator=bool(permissions & (_ADMINISTRATOR | _MANAGE_GUILD | _MANAGE_MESSAGES)),
    )


def _name(user: Json, member: Json | None) -> str:
    """What the others see: the name in this server, the chosen name, the account's name."""
    name: str = (member or {}).get("nick") or user.get("global_name") or user["username"]
    return name


def _pictures(attachments: Iterable[Json]) -> tuple[Upload, ...]:
    uploads = map(_upload, attachments)
    return tuple(upload for upload in uploads if upload.media_type.startswith("image/"))


def _upload(attachment: Json) -> Upload:
    name = attachment["filename"]
    media_type = attachment.get("content_type") or mimetypes.guess_type(name, strict=False)[0] or ""
    return Upload(attachment["url"], name, media_type.partition(";")[0], attachment["size"])


# --- permissions ---


@dataclass(frozen=True, slots=True)
class Overwrite:
    """What a channel allows and denies one role or member, as Discord's bits."""

    id: str
    allow: int
    deny: int


def permissions(
    user_id: str,
    guild_id: str,
    roles: Mapping[str, int],
    overwrites: Sequence[Overwrite],
) -> int:
    """A member's permissions in a channel, by Discord's own algorithm.

    ``roles`` are the member's with their bits, @everyone (whose id is the server's) among them.
    """
    base = 0
    for bits in roles.values():
        base |= bits
    if base & _ADMINISTRATOR:
        return base
    # The narrower overwrite wins: @everyone, then all roles together, then the member.
    for ids in ({guild_id}, roles.keys() - {guild_id}, {user_id}):
        allow = deny = 0
        for overwrite in overwrites:
            if overwrite.id in ids:
                allow |= overwrite.allow
                deny |= overwrite.deny
        base = base & ~deny | allow
    return base
