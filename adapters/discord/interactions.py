"""What people do with commands, buttons, menus and forms on Discord, as Requests (pure).

``inbound`` says how it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from adapters.discord import components
from adapters.discord.components import Form
from adapters.discord.messages import THREADS, Inbound, Scene, channel_at, quote, user_of
from adapters.discord.payload import (
    Json,
    Upload,
    needed,
    number_of,
    object_of,
    objects_of,
    text_of,
    upload,
)
from adapters.discord.shortcuts import ABOUT, QUESTION, SHORTCUTS, WITHOUT_WORDS, language
from bot.commands.base import split_line
from bot.types import Channel, Request, User

PROMPT = "prompt"  # the option that takes the words, of every command that a shortcut stands for

_COMMAND_USED, _COMPONENT_USED, _OPTION_TYPED, _FORM_FILLED_IN = 2, 3, 4, 5  # interaction types
_CHAT_INPUT, _ON_A_MESSAGE = 1, 3  # types of commands: typed, and in the menu of a message
_ATTACHMENT = 11  # a type of a command's options
_AMONG_OTHERS = 2  # the context of an interaction in a private chat that the bot is no part of
_BY_A_SERVER = "0"  # the key of an installation's owner
_ABOUT = "about "  # begins the line of a form that asks about a message


@dataclass(frozen=True, slots=True)
class Callback:
    """How an interaction is answered. ``file_limit`` is in bytes, 0 where Discord does not say.
    ``in_reach``: the bot is a member there, so that it can write without the interaction, too."""

    id: str
    token: str = field(repr=False)
    application: str
    channel: str
    file_limit: int = 0
    in_reach: bool = True


@dataclass(frozen=True, slots=True)
class Typed:
    """Somebody is typing a command's option."""

    channel: Channel
    command: str
    option: str
    text: str


def from_interaction(interaction: Json) -> Inbound | None:
    """An INTERACTION_CREATE as a request: a command, something pressed or picked, or a form that
    was filled in. None for any other kind."""
    kind, body = interaction.get("type"), object_of(interaction, "data")
    if kind == _COMMAND_USED and body.get("name"):
        if (body.get("type") or _CHAT_INPUT) == _CHAT_INPUT:
            options, uploads = _filled_in(body)
            request = _request(interaction, needed(body, "name"))
            return Inbound(replace(request, options=options), uploads)
        if body.get("type") == _ON_A_MESSAGE:
            return _from_shortcut(interaction, body)
    if kind == _COMPONENT_USED:
        line, form = components.used(interaction)
        return Inbound(_pressed(interaction, line), form=form) if line else None
    if kind == _FORM_FILLED_IN:
        return _from_form(interaction)
    return None


def _request(interaction: Json, command: str) -> Request:
    return Request(_place(interaction), _who(interaction), needed(interaction, "id"), command)


def _pressed(interaction: Json, line: str) -> Request:
    command, text = split_line(line)
    return replace(_request(interaction, command), text=text, pressed=True)


def _from_shortcut(interaction: Json, body: Json) -> Inbound | None:
    """A command in the menu of a message."""
    shortcut = next((one for one in SHORTCUTS if one.name == body.get("name")), None)
    if shortcut is None:
        return None
    messages = object_of(object_of(body, "resolved"), "messages")
    target = object_of(messages, text_of(body, "target_id"))
    quoted, uploads = quote(target, Scene(needed(interaction, "application_id")))
    request = replace(_request(interaction, shortcut.command), quoted=quoted)
    asked = Inbound(request, quoted_uploads=uploads)
    if quoted is None:
        return replace(asked, refusal="There are no words and no files in that message.")
    if shortcut.words is None:
        line = f"{_ABOUT}{request.source}"
        return replace(asked, form=Form(shortcut.name, line, QUESTION, WITHOUT_WORDS))
    words = shortcut.words(quoted.text, language(text_of(interaction, "locale")))
    return replace(asked, request=replace(request, options={PROMPT: words}))


def _from_form(interaction: Json) -> Inbound | None:
    line, answer = components.answered(interaction)
    if line.startswith(_ABOUT):
        request = _request(interaction, ABOUT.command)
        request = replace(request, options={PROMPT: answer or WITHOUT_WORDS})
        return Inbound(request, about=line.removeprefix(_ABOUT))
    return Inbound(_pressed(interaction, f"{line} {answer}")) if line else None


def typed(interaction: Json) -> Typed | None:
    """What somebody has typed of an option so far; None where that is not what happens."""
    body = object_of(interaction, "data")
    if interaction.get("type") == _OPTION_TYPED and body.get("name"):
        for option in objects_of(body, "options"):
            if option.get("focused") and option.get("name"):
                text = str(option.get("value") or "")
                return Typed(
                    _place(interaction), needed(body, "name"), needed(option, "name"), text
                )
    return None


def callback(interaction: Json) -> Callback:
    """How the interaction is answered."""
    return Callback(
        id=needed(interaction, "id"),
        token=needed(interaction, "token"),
        application=needed(interaction, "application_id"),
        channel=_channel_id(interaction),
        file_limit=number_of(interaction, "attachment_size_limit"),
        in_reach=_in_reach(interaction),
    )


def _in_reach(interaction: Json) -> bool:
    """Whether the bot is there, or only somebody who has installed it for themselves."""
    if interaction.get("context") == _AMONG_OTHERS:
        return False
    owners = object_of(interaction, "authorizing_integration_owners")
    return not interaction.get("guild_id") or not owners or _BY_A_SERVER in owners


def _filled_in(body: Json) -> tuple[dict[str, str], tuple[Upload, ...]]:
    """A command's options as they were filled in, and the files among them."""
    options: dict[str, str] = {}
    uploads: list[Upload] = []
    attached = object_of(object_of(body, "resolved"), "attachments")
    for option in objects_of(body, "options"):
        value = option.get("value")
        if option.get("type") == _ATTACHMENT:
            uploads.append(upload(object_of(attached, str(value)), text_of(option, "name")))
        elif option.get("name") and value is not None:
            options[needed(option, "name")] = str(value)
    return options, tuple(uploads)


def _place(interaction: Json) -> Channel:
    channel = object_of(interaction, "channel")
    parent = text_of(channel, "parent_id") if channel.get("type") in THREADS else ""
    return channel_at(_channel_id(interaction), text_of(interaction, "guild_id"), parent)


def _channel_id(interaction: Json) -> str:
    if interaction.get("channel_id"):
        return needed(interaction, "channel_id")
    return needed(interaction["channel"], "id")


def _who(interaction: Json) -> User:
    member = object_of(interaction, "member")
    user = member.get("user") or interaction["user"]
    return user_of(user, member, int(text_of(member, "permissions") or 0))
