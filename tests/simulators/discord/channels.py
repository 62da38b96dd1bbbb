"""The routes of a channel's messages: send, read, edit, delete, open a thread, and the typing
sign."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from tests.simulators.discord import forms, message_payloads, payloads
from tests.simulators.discord.entities import (
    EPHEMERAL,
    FORUM_CHANNEL,
    TEXT_CHANNEL,
    Channel,
    Json,
    Message,
)
from tests.simulators.discord.errors import ApiError, Form, Refusal
from tests.simulators.discord.forms import Draft
from tests.simulators.discord.rest import PREFIX, find_channel, read, reply, snowflake
from tests.simulators.discord.world import World

NONCE_WINDOW = 300.0
"""Discord only says that an enforced nonce is unique "in the past few minutes"."""


class Channels:
    """What a bot does in a channel with its own token."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add_routes(self, router: web.UrlDispatcher) -> None:
        messages = f"{PREFIX}/channels/{{channel_id}}/messages"
        router.add_post(messages, self._send)
        router.add_get(messages, self._list)
        router.add_get(f"{messages}/{{message_id}}", self._get)
        router.add_patch(f"{messages}/{{message_id}}", self._edit)
        router.add_delete(f"{messages}/{{message_id}}", self._delete)
        router.add_post(f"{messages}/{{message_id}}/threads", self._open_thread)
        router.add_post(f"{PREFIX}/channels/{{channel_id}}/typing", self._type)

    async def _send(self, request: web.Request) -> web.Response:
        world = self._world
        channel = self._find_to_write(request)
        draft = await read(request)
        _check_files(draft, channel)
        earlier = self._sent_before(channel, draft.payload)
        if earlier is None:
            quoted = self._referenced(channel, draft.payload)
            author = quoted.author.id if quoted is not None else None
            body = forms.compose(draft, world.attach, replied_to=author)
            body = forms.without(body, EPHEMERAL)
            nonce = draft.payload.get("nonce")
            earlier = world.post(channel, world.bot, body, reply_to=quoted, nonce=nonce)
        told = message_payloads.message(earlier, world, reveal=world.message_content)
        if earlier.nonce is not None:
            told["nonce"] = earlier.nonce
        return reply(told)

    async def _list(self, request: web.Request) -> web.Response:
        channel = find_channel(self._world, request)
        readable = channel.allows("READ_MESSAGE_HISTORY")
        present = [
            message
            for message in channel.messages.values()
            if readable and not message.deleted and not message.body.flags & EPHEMERAL
        ]
        chosen = _page(present, dict(request.query))
        return reply([self._told(message) for message in reversed(chosen)])

    async def _get(self, request: web.Request) -> web.Response:
        channel = find_channel(self._world, request, "READ_MESSAGE_HISTORY")
        return reply(self._told(self._find(channel, request)))

    async def _edit(self, request: web.Request) -> web.Response:
        channel = find_channel(self._world, request)
        message = self._find(channel, request)
        if message.author is not self._world.bot:
            raise ApiError(Refusal.ANOTHERS_MESSAGE)
        if channel.archived:
            raise ApiError(Refusal.ARCHIVED)
        draft = await read(request)
        _check_files(draft, channel)
        body = forms.compose(draft, self._world.attach, before=message.body)
        self._world.revise(message, body)
        return reply(self._told(message))

    async def _delete(self, request: web.Request) -> web.Response:
        channel = find_channel(self._world, request)
        message = self._find(channel, request)
        if message.author is not self._world.bot:
            # Nobody ever made this bot a moderator.
            raise ApiError(Refusal.MISSING_PERMISSIONS)
        self._world.remove(message)
        return web.Response(status=204)

    async def _open_thread(self, request: web.Request) -> web.Response:
        """A public thread from a message, whose id it gets."""
        channel = find_channel(self._world, request)
        form, payload = Form(), (await read(request)).payload
        form.text("name", payload.get("name"), 1, 100)
        if payload.get("auto_archive_duration") is not None:
            lengths = (60, 1440, 4320, 10080)
            form.one_of("auto_archive_duration", payload["auto_archive_duration"], lengths)
        form.check()
        if channel.kind != TEXT_CHANNEL:
            raise ApiError(Refusal.WRONG_CHANNEL_TYPE)
        find_channel(self._world, request, "CREATE_PUBLIC_THREADS")
        message = self._find(channel, request)
        if message.thread is not None:
            raise ApiError(Refusal.HAS_A_THREAD)
        thread = self._world.branch(message, payload["name"], self._world.bot)
        return reply(payloads.channel(thread, self._world), 201)

    async def _type(self, request: web.Request) -> web.Response:
        channel = self._find_to_write(request)
        self._world.typing.append((self._world.now(), channel.id))
        return web.Response(status=204)

    def _find_to_write(self, request: web.Request) -> Channel:
        channel = find_channel(self._world, request)
        if channel.kind == FORUM_CHANNEL:
            raise ApiError(Refusal.NOT_A_TEXT_CHANNEL)
        needed = "SEND_MESSAGES_IN_THREADS" if channel.parent else "SEND_MESSAGES"
        return find_channel(self._world, request, needed)

    def _find(self, channel: Channel, request: web.Request) -> Message:
        message = channel.messages.get(snowflake(request, "message_id"))
        if message is None or message.deleted or message.body.flags & EPHEMERAL:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        return message

    def _sent_before(self, channel: Channel, payload: Json) -> Message | None:
        """The message of the same enforced nonce, which is returned instead of being sent again."""
        nonce = payload.get("nonce")
        if nonce is None or not payload.get("enforce_nonce"):
            return None
        since = self._world.now() - NONCE_WINDOW
        return next(
            (
                message
                for message in channel.messages.values()
                if message.nonce == nonce and message.created >= since
            ),
            None,
        )

    def _referenced(self, channel: Channel, payload: Json) -> Message | None:
        reference = payload.get("message_reference")
        if not reference:
            return None
        if not channel.allows("READ_MESSAGE_HISTORY"):
            raise ApiError(Refusal.CANNOT_REPLY)
        message = channel.messages.get(str(reference.get("message_id")))
        if message is not None and not message.deleted:
            return message
        if reference.get("fail_if_not_exists", True):
            form = Form()
            form.fault("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
            form.check()
        return None

    def _told(self, message: Message) -> Json:
        return message_payloads.message(message, self._world, reveal=self._world.message_content)


def _check_files(draft: Draft, channel: Channel) -> None:
    if draft.files and not channel.allows("ATTACH_FILES"):
        raise ApiError(Refusal.MISSING_PERMISSIONS)


def _page(present: Sequence[Message], query: dict[str, str]) -> Sequence[Message]:
    """Of messages in order, those that limit, before, after and around ask for, in order."""
    limit = query.get("limit", "50")
    form = Form()
    if not limit.isdecimal() or not 1 <= int(limit) <= 100:
        form.fault("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
    form.check()
    most = int(limit)
    if "after" in query:
        return [each for each in present if int(each.id) > int(query["after"])][:most]
    if "around" in query:
        older = [each for each in present if int(each.id) < int(query["around"])]
        newer = [each for each in present if int(each.id) >= int(query["around"])]
        return [*older[-(most // 2) :], *newer[: most - most // 2]]
    if "before" in query:
        present = [each for each in present if int(each.id) < int(query["before"])]
    return present[-most:]
