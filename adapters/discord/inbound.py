"""What Discord tells us, as Requests (pure).

Payloads are read as Discord documents them (MESSAGE_CREATE and INTERACTION_CREATE), as JSON and not
as discord.py's objects, so recorded events test exactly what the bot does with them. What a payload
leaves out and the connection knows comes as a ``Scene``. Pictures are named as ``Upload`` and
fetched elsewhere.

Anything but an event's own id, author, place and token may be missing or null. Where one of those
is, the functions raise LookupError, TypeError or ValueError: nobody could be answered.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.commands.base import split_line
from bot.types import Channel, Message, Request, Role, Text, User

Json = Mapping[str, Any]

PLATFORM = "discord"

_SPOKEN = (0, 19)  # message types that people write: a message and a reply
_FORWARD = 1  # type of a message_reference
_THREADS = (10, 11, 12)  # channel types
_COMMAND_USED, _BUTTON_PRESSED, _OPTION_TYPED = 2, 3, 4  # types of interactions
_CHAT_INPUT = 1  # the type of commands that people type
_ATTACHMENT = 11  # a type of a command's options

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
class Callback:
    """How an interaction is answered. ``file_limit`` is in bytes, 0 where Discord does not say."""

    id: str
    token: str = field(repr=False)
    application: str
    channel: str
    file_limit: int = 0


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
    text = _without_mention(message.get("content") or "", scene)
    command, rest = split_line(_readable(text, message, scene))
    quoted, quoted_uploads = _quoted(message, scene)
    request = Request(
        channel=_channel(_needed(message, "channel_id"), message.get("guild_id"), scene.parent),
        user=_user(_object(message, "author"), _object(message, "member"), scene.permissions()),
        source=_needed(message, "id"),
        command=command,
        text=rest,
        quoted=quoted,
    )
    return Inbound(request, _pictures(message), quoted_uploads)


def _is_for_us(message: Json, scene: Scene) -> bool:
    author = _object(message, "author")
    if (message.get("type") or 0) not in _SPOKEN or author.get("bot") or message.get("webhook_id"):
        return False
    if not message.get("guild_id"):
        return True
    if any(user.get("id") == scene.bot_id for user in _objects(message, "mentions")):
        return True
    if scene.bot_role and scene.bot_role in (message.get("mention_roles") or ()):
        return True
    replied = _object(message, "referenced_message")
    return _object(replied, "author").get("id") == scene.bot_id


def _without_mention(content: str, scene: Scene) -> str:
    ours = rf"<@!?{scene.bot_id}>"
    if scene.bot_role:
        ours += rf"|<@&{scene.bot_role}>"
    return re.sub(rf"[ \t]*(?:{ours})[ \t]*", " ", content).strip()


def _readable(content: str, message: Json, scene: Scene) -> str:
    """Discord's own markup as people see it: @Name for ``<@1>``, #general for ``<#2>``, :smile:."""
    mentioned = _objects(message, "mentions")
    people = {user.get("id"): _name(user, _object(user, "member")) for user in mentioned}

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
    role, name = Role.USER, ""
    if _object(message, "message_reference").get("type") == _FORWARD:
        snapshots = _objects(message, "message_snapshots")
        original = _object(snapshots[0], "message") if snapshots else {}
    else:
        original = _object(message, "referenced_message")
        author = _object(original, "author")
        if author.get("id") == scene.bot_id:
            role = Role.ASSISTANT
        else:
            name = _name(author, _object(original, "member"))
    text = _readable(original.get("content") or "", original, scene)
    uploads = _pictures(original)
    parts = (Text(text),) if text else ()
    return (Message(role, parts, name) if parts or uploads else None), uploads


# --- interactions ---


def from_interaction(interaction: Json) -> Inbound | None:
    """An INTERACTION_CREATE as a request: a slash command or a button. None for any other kind."""
    kind, body = interaction.get("type"), _object(interaction, "data")
    uploads: tuple[Upload, ...] = ()
    options: dict[str, str] = {}
    if kind == _COMMAND_USED and body.get("name") and (body.get("type") or 1) == _CHAT_INPUT:
        command, text = body["name"], ""
        options, uploads = _filled_in(body)
    elif kind == _BUTTON_PRESSED and body.get("custom_id"):
        command, text = split_line(body["custom_id"])
    else:
        return None
    request = Request(
        channel=_place(interaction),
        user=_who(interaction),
        source=_needed(interaction, "id"),
        command=command,
        text=text,
        options=options,
        pressed=kind == _BUTTON_PRESSED,
    )
    return Inbound(request, uploads)


def typed(interaction: Json) -> Typed | None:
    """What somebody has typed of an option so far; None where that is not what happens."""
    body = _object(interaction, "data")
    if interaction.get("type") == _OPTION_TYPED and body.get("name"):
        for option in _objects(body, "options"):
            if option.get("focused") and option.get("name"):
                text = str(option.get("value") or "")
                return Typed(_place(interaction), body["name"], option["name"], text)
    return None


def callback(interaction: Json) -> Callback:
    """How the interaction is answered."""
    return Callback(
        id=_needed(interaction, "id"),
        token=_needed(interaction, "token"),
        application=_needed(interaction, "application_id"),
        channel=_channel_id(interaction),
        file_limit=interaction.get("attachment_size_limit") or 0,
    )


def _filled_in(body: Json) -> tuple[dict[str, str], tuple[Upload, ...]]:
    """A command's options as they were filled in, and the pictures among them."""
    options: dict[str, str] = {}
    uploads: list[Upload] = []
    attached = _object(_object(body, "resolved"), "attachments")
    for option in _objects(body, "options"):
        value = option.get("value")
        if option.get("type") == _ATTACHMENT:
            uploads.append(_upload(_object(attached, str(value))))
        elif option.get("name") and value is not None:
            options[option["name"]] = str(value)
    return options, tuple(uploads)


def _place(interaction: Json) -> Channel:
    channel = _object(interaction, "channel")
    parent = channel.get("parent_id") if channel.get("type") in _THREADS else None
    return _channel(_channel_id(interaction), interaction.get("guild_id"), parent or "")


def _channel_id(interaction: Json) -> str:
    if interaction.get("channel_id"):
        return _needed(interaction, "channel_id")
    return _needed(interaction["channel"], "id")


def _who(interaction: Json) -> User:
    member = _object(interaction, "member")
    user = member.get("user") or interaction["user"]
    return _user(user, member, int(member.get("permissions") or 0))


# --- both ---


def _object(payload: Json, name: str) -> Json:
    """The object of this name, {} where there is none."""
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def _objects(payload: Json, name: str) -> list[Json]:
    """The objects in the list of this name."""
    value = payload.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _needed(payload: Json, name: str) -> str:
    """Without it, nobody could be answered."""
    value = payload[name]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is {value!r}")
    return value


def _channel(channel_id: str, guild_id: str | None, parent: str) -> Channel:
    if parent:
        return Channel(PLATFORM, guild_id or "", parent, thread=channel_id)
    return Channel(PLATFORM, guild_id or "", channel_id)


def _user(user: Json, member: Json, permissions: int) -> User:
    return User(
        id=_needed(user, "id"),
        name=_name(user, member),
        roles=frozenset(member.get("roles") or ()),
        moderator=bool(permissions & (_ADMINISTRATOR | _MANAGE_GUILD | _MANAGE_MESSAGES)),
    )


def _name(user: Json, member: Json) -> str:
    """What the others see: the name in this server, the chosen name, the account's name."""
    names = (member.get("nick"), user.get("global_name"), user.get("username"))
    return next((str(name) for name in names if name), "somebody")


def _pictures(message: Json) -> tuple[Upload, ...]:
    uploads = map(_upload, _objects(message, "attachments"))
    return tuple(upload for upload in uploads if upload.media_type.startswith("image/"))


def _upload(attachment: Json) -> Upload:
    # Without an address it is refused when it is fetched, and the person is told.
    url, name = attachment.get("url") or "", attachment.get("filename") or "The attachment"
    media_type = attachment.get("content_type") or mimetypes.guess_type(name, strict=False)[0] or ""
    return Upload(url, name, media_type.partition(";")[0], attachment.get("size") or 0)


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
