"""How messages and interactions read on the wire (pure); ``payloads`` has the rest."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator, Sequence
from itertools import count
from urllib.parse import quote

from tests.simulators.discord import components, payloads
from tests.simulators.discord.entities import (
    COMMAND,
    COMPONENT,
    DM_CHANNEL,
    EPHEMERAL,
    EVERYONE,
    GROUP_CHANNEL,
    LOADING,
    MODAL_SUBMIT,
    Attachment,
    Channel,
    Interaction,
    Json,
    Message,
)
from tests.simulators.discord.world import World

DEFAULT, REPLY, CHAT_INPUT_COMMAND, CONTEXT_MENU_COMMAND = 0, 19, 20, 23
HAS_THREAD = 1 << 5
SEND, DEFER, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
"""What a callback can do (its ``type``)."""
ATTACHMENT_LIFETIME = 24 * 3600


def attachment(file: Attachment, place: Channel, world: World) -> Json:
    """The URLs are signed and end after a day, as Discord's do."""
    expires = f"{int(time.time()) + ATTACHMENT_LIFETIME:x}"
    signature = sign(world, file.id, expires)
    path = f"/attachments/{place.id}/{file.id}/{quote(file.name)}"
    url = f"{world.cdn_url}{path}?ex={expires}&is={int(time.time()):x}&hm={signature}&"
    built: Json = {
        "id": file.id,
        "filename": file.name,
        "size": len(file.content),
        "url": url,
        "proxy_url": url,
        "content_type": file.media_type,
    }
    if file.content.startswith(b"\x89PNG\r\n\x1a\n") and len(file.content) >= 24:
        built["width"] = int.from_bytes(file.content[16:20], "big")
        built["height"] = int.from_bytes(file.content[20:24], "big")
    if file.description is not None:
        built["description"] = file.description
    return built


def sign(world: World, file: str, expires: str) -> str:
    return hmac.new(world.token.encode(), f"{file} {expires}".encode(), hashlib.sha256).hexdigest()


def message(said: Message, world: World, *, reveal: bool = True, quoted: bool = True) -> Json:
    """``reveal``: the receiver has the message content intent; else it reads what concerns it."""
    body = said.body
    pinged = [world.people[id_] for id_ in sorted(said.body.pings.users) if id_ in world.people]
    built: Json = {
        "id": said.id,
        "type": _message_type(said),
        "channel_id": said.channel.id,
        "author": payloads.user(said.author),
        "content": body.content,
        "mentions": [payloads.user(person) for person in pinged],
        "mention_roles": sorted(body.pings.roles),
        "mention_everyone": body.pings.everyone,
        "attachments": [attachment(file, said.channel, world) for file in body.attachments],
        "embeds": [{"type": "rich"} | embed for embed in body.embeds],
        "components": number(body.components),
        "timestamp": payloads.made(said.id),
        "edited_timestamp": None if said.edited is None else payloads.moment(said.edited),
        "flags": body.flags,
        "pinned": False,
        "tts": False,
    }
    if not (reveal or _concerns(said, world)):
        built |= {"content": "", "attachments": [], "embeds": [], "components": []}
    if said.thread is not None:
        built["flags"] |= HAS_THREAD
        built["thread"] = payloads.channel(said.thread, world)
    if said.interaction is not None:
        built |= _from_interaction(said.interaction, world)
    if said.reply_to is not None:
        built["message_reference"] = _reference(said.reply_to)
        if quoted:
            there = not said.reply_to.deleted
            built["referenced_message"] = (
                message(said.reply_to, world, reveal=reveal, quoted=False) if there else None
            )
    return built


def _concerns(said: Message, world: World) -> bool:
    """What a bot may read without the intent: its own, private ones, and those that mention it."""
    private = said.channel.guild is None
    return private or said.author is world.bot or world.bot.id in said.body.pings.users


def _message_type(said: Message) -> int:
    if said.kind is not None:
        return said.kind
    if said.reply_to is not None:
        return REPLY
    asked = said.interaction
    if asked is None or asked.kind != COMMAND:
        return DEFAULT
    return CONTEXT_MENU_COMMAND if "target_id" in asked.data else CHAT_INPUT_COMMAND


def _reference(said: Message) -> Json:
    built: Json = {"type": 0, "channel_id": said.channel.id, "message_id": said.id}
    if said.channel.guild is not None:
        built["guild_id"] = said.channel.guild.id
    return built


def _from_interaction(asked: Interaction, world: World) -> Json:
    built: Json = {
        "webhook_id": world.application_id,
        "application_id": world.application_id,
        "interaction_metadata": _metadata(asked),
    }
    if asked.kind == COMMAND:
        basics = {"id": asked.id, "type": asked.kind, "name": asked.name}
        built["interaction"] = basics | {"user": payloads.user(asked.user)}
    return built


def _metadata(asked: Interaction) -> Json:
    built: Json = {
        "id": asked.id,
        "type": asked.kind,
        "user": payloads.user(asked.user),
        "authorizing_integration_owners": _owners(asked),
    }
    if "target_id" in asked.data:
        built["target_message_id"] = asked.data["target_id"]
    if asked.kind == COMPONENT and asked.source is not None:
        built["interacted_message_id"] = asked.source.id
    if asked.kind == MODAL_SUBMIT and asked.parent is not None:
        built["triggering_interaction_metadata"] = _metadata(asked.parent)
    return built


def _owners(asked: Interaction) -> dict[str, str]:
    """Who has installed the application: the server ("0"; "0" for a chat with the bot), the person
    ("1"), or both."""
    place, owners = asked.channel, {}
    if place.guild is not None and place.guild.has_bot:
        owners["0"] = place.guild.id
    elif place.kind == DM_CHANNEL:
        owners["0"] = "0"
    return owners | ({"1": asked.user.id} if asked.user.installed else {})


def number(rows: Sequence[Json]) -> list[Json]:
    """Components as Discord returns them: each with an ``id``, in order."""
    ids = count(1)
    return [_numbered(row, ids) for row in rows]


def _numbered(component: Json, ids: Iterator[int]) -> Json:
    built = {"id": next(ids)} | {name: v for name, v in component.items() if v is not None}
    if component["type"] in components.SELECTS:
        built = {"min_values": 1, "max_values": 1} | built
    if "components" in component:
        built["components"] = [_numbered(part, ids) for part in component["components"]]
    if "accessory" in component:
        built["accessory"] = _numbered(component["accessory"], ids)
    return built


# --- interactions ---------------------------------------------------------------------------------


def interaction(asked: Interaction, world: World) -> Json:
    place, guild_ = asked.channel, asked.channel.guild
    built: Json = {
        "id": asked.id,
        "application_id": world.application_id,
        "type": asked.kind,
        "token": asked.token,
        "version": 1,
        "data": asked.data,
        "channel_id": place.id,
        "channel": payloads.channel(place, world),
        "locale": asked.user.locale,
        "context": context(place),
        "entitlements": [],
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": _owners(asked),
        "attachment_size_limit": 10 * 2**20,
        "app_permissions": payloads.permissions(world.bot, guild_, place)
        if guild_
        else str(EVERYONE),
    }
    if guild_ is None:
        built["user"] = payloads.user(asked.user)
    else:
        rights = payloads.permissions(asked.user, guild_, place)
        built["channel"]["permissions"] = rights
        built["guild_id"] = guild_.id
        built["guild"] = {"id": guild_.id, "locale": "en-US", "features": []}
        built["guild_locale"] = "en-US"
        built["member"] = payloads.member(asked.user, guild_) | {"permissions": rights}
    if asked.source is not None:
        # The message an interaction comes from is always told in full.
        built["message"] = message(asked.source, world)
    return built


def context(place: Channel) -> int:
    """What kind of place it is to an interaction: a server, the bot's chat, or others' chats."""
    return 0 if place.guild else 2 if place.kind == GROUP_CHANNEL else 1


def callback(asked: Interaction, kind: int, answer: Message | None, world: World) -> Json:
    """What ``with_response`` returns."""
    told: Json = {"id": asked.id, "type": asked.kind, "channel_id": asked.channel.id}
    if asked.channel.guild is not None:
        told["guild_id"] = asked.channel.guild.id
    if answer is None:
        return {"interaction": told}
    told["response_message_id"] = answer.id
    told["response_message_loading"] = bool(answer.body.flags & LOADING)
    told["response_message_ephemeral"] = bool(answer.body.flags & EPHEMERAL)
    if kind == DEFERRED_UPDATE:
        return {"interaction": told}
    # A deferred answer has its message already, and type 5 is not known here: it reads as sent.
    shown = UPDATE if kind == UPDATE else SEND
    return {
        "interaction": told,
        "resource": {"type": shown, "message": message(answer, world)},
    }
