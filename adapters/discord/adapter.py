"""Discord: connects, registers the commands natively, acknowledges at once, calls the handler."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from adapters.discord import commands as native_commands
from adapters.discord import inbound
from adapters.discord.connection import NOT_LET_IN, Connection, set_up_library, stay_connected
from adapters.discord.inbound import Callback, Inbound, Typed, Upload
from adapters.discord.outbound import FILE_LIMIT
from adapters.discord.rest import Rejected, Rest, Strange, api_base
from adapters.discord.surface import BOT, ORIGINAL, TOKEN_LIFE, DiscordSurface, Webhook
from bot.commands import COMMANDS, Command
from bot.config import DiscordSettings
from bot.errors import AdapterError, Busy, Gone, Refused, SurfaceError, Unreachable
from bot.interfaces import Handler, Surface
from bot.renderer import show_once
from bot.scheduler import Scheduler
from bot.types import Image, Request, Turn

log = logging.getLogger("switchboard.discord")

Json = dict[str, Any]

PICTURE_LIMIT = 20 * 2**20  # bytes of a picture that somebody posts
TYPING_EVERY = 8.0  # seconds; Discord shows the sign for 10
ACKNOWLEDGE_WITHIN = 2.5  # seconds; after 3 Discord tells the person that nobody answered

_DEFER_MESSAGE, _DEFER_UPDATE, _OFFER_CHOICES = 5, 6, 8  # types of answers to interactions
_UNKNOWN_INTERACTION = 10062


class Discord:
    """The ``bot.interfaces.Adapter`` for Discord. Nothing is opened before ``serve``."""

    def __init__(self, settings: DiscordSettings, commands: Sequence[Command] = COMMANDS) -> None:
        self._base = api_base(settings.api_url)
        self._token = settings.token.get_secret_value().strip() if settings.token else ""
        self._commands = commands
        self._rest = Rest(self._base, self._token)
        self._connection: Connection | None = None

    @property
    def ready(self) -> bool:
        """See ``bot.interfaces.Adapter``."""
        return self._connection is not None and self._connection.is_alive

    async def serve(self, handler: Handler) -> None:
        """See ``bot.interfaces.Adapter``. Answers under way are cancelled together with it."""
        self._need_token()
        set_up_library(self._base)
        async with self._rest:
            desk = _Desk(self._rest, handler, self._commands)

            def connect(content: bool) -> Connection:
                self._connection = Connection(desk.take, desk.register, message_content=content)
                return self._connection

            try:
                await stay_connected(connect, self._token)
            finally:
                self._connection = None
                await desk.close()

    async def check(self) -> str:
        """See ``bot.interfaces.Adapter``."""
        self._need_token()
        async with Rest(self._base, self._token) as rest:
            try:
                me = await rest.call("GET", "/users/@me")
            except Busy as error:
                wait = f"Discord asks to wait {error.retry_after:.0f} seconds."
                raise Unreachable(wait, detail=str(error)) from error
            except (Rejected, Strange) as error:
                raise self._not_discord(error.status) from error
            except Unreachable as error:
                nobody = f"Nobody answers at {self._base}; check DISCORD_API_URL and the network."
                raise Unreachable(nobody, detail=str(error)) from error
        match me:
            case {"id": str(id_), "username": str(name)}:
                return f"{name} ({id_})"
        raise self._not_discord(200)

    def _not_discord(self, status: int) -> AdapterError | Unreachable:
        """What an answer with this status, that is not what was asked for, means."""
        if status == 401:
            return AdapterError(NOT_LET_IN)
        if status >= 500:
            return Unreachable(
                f"{self._base} has trouble of its own (status {status}); try again later, and "
                "check DISCORD_API_URL if it stays so."
            )
        return AdapterError(
            f"{self._base} does not answer as Discord does (status {status}); "
            "check DISCORD_API_URL."
        )

    def reopen(self, turn: Turn) -> Surface:
        """See ``bot.interfaces.Adapter``."""
        channel, source = turn.request.channel, turn.request.source
        place, _, messages = turn.surface.partition("/")
        place = place or channel.thread or channel.id
        known = [message for message in messages.split(",") if message]
        # The source of an interaction is no message; then Discord says so, and the reply stands
        # alone.
        return DiscordSurface(
            self._rest, place, source, reply_to=source, messages=known, resumed=True
        )

    def _need_token(self) -> None:
        if not self._token:
            raise AdapterError("There is no token for Discord. Put the bot's into DISCORD_TOKEN.")


class _Desk:
    """Takes every event as it comes and sees it through, each in a task of its own."""

    def __init__(self, rest: Rest, handler: Handler, commands: Sequence[Command]) -> None:
        self._rest = rest
        self._handler = handler
        self._commands = commands
        self._registered = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Cancel what is under way and wait for its goodbyes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def register(self, application_id: int) -> None:
        """Make Discord's list of commands ours; once, as it changes only with the program."""
        if self._registered:
            return
        path = f"/applications/{application_id}/commands"
        try:
            await self._rest.call("PUT", path, native_commands.native(self._commands))
        except Rejected as error:
            log.error("Discord does not take the commands, typed ones still work: %s", error)
        self._registered = True

    def take(self, name: str, payload: Json, connection: Connection) -> None:
        """Begin with one event; returns at once. Raises what reading the payload does."""
        if name == "INTERACTION_CREATE":
            self._take_interaction(payload)
            return
        asked = inbound.from_message(payload, connection.scene(payload))
        if asked is not None:
            source = asked.request.source
            place = payload["channel_id"]
            surface = DiscordSurface(self._rest, place, source, reply_to=source)
            self._begin(partial(self._answer, asked, surface, typing=True))

    def _take_interaction(self, payload: Json) -> None:
        callback = inbound.callback(payload)
        typed = inbound.typed(payload)
        if typed is not None:
            self._begin(partial(self._offer, callback, typed))
        asked = inbound.from_interaction(payload)
        if asked is not None:
            self._begin(partial(self._respond, callback, asked))

    def _begin(self, work: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            log.exception("an event could not be handled")

    # --- answering ---

    async def _answer(self, asked: Inbound, surface: DiscordSurface, *, typing: bool) -> None:
        sign = asyncio.create_task(self._keep_typing(surface)) if typing else None
        try:
            request = await self._with_pictures(asked)
            await self._handler.handle(request, surface)
        except Refused as error:
            await self._tell(surface, error.notice)
        finally:
            if sign is not None:
                sign.cancel()
                await asyncio.gather(sign, return_exceptions=True)

    async def _tell(self, surface: DiscordSurface, notice: str) -> None:
        try:
            await show_once(surface, Scheduler(), f"⚠️ {notice}")
        except SurfaceError as error:
            log.warning("a notice could not be shown: %s", error)

    async def _keep_typing(self, surface: DiscordSurface) -> None:
        """Until the first page is there. Only a sign: nothing waits for it or fails with it."""
        while not surface.begun.is_set():
            try:
                if self._handler.spare((BOT,)):
                    await self._rest.call("POST", f"/channels/{surface.channel}/typing")
            except SurfaceError as error:
                log.debug("no typing sign: %s", error)
            try:
                async with asyncio.timeout(TYPING_EVERY):
                    await surface.begun.wait()
            except TimeoutError:
                pass

    async def _with_pictures(self, asked: Inbound) -> Request:
        """The request with the bytes of its pictures. Raises Refused where one cannot be had."""
        request = asked.request
        if asked.uploads:
            pictures = await asyncio.gather(*map(self._fetch, asked.uploads))
            request = replace(request, attachments=tuple(pictures))
        if asked.quoted_uploads and request.quoted is not None:
            pictures = await asyncio.gather(*map(self._fetch, asked.quoted_uploads))
            quoted = replace(request.quoted, parts=(*request.quoted.parts, *pictures))
            request = replace(request, quoted=quoted)
        return request

    async def _fetch(self, upload: Upload) -> Image:
        if not upload.media_type.startswith("image/"):
            raise Refused(f"{upload.name} is not a picture.")
        if upload.size > PICTURE_LIMIT:
            raise Refused(
                f"{upload.name} is larger than {PICTURE_LIMIT // 2**20} MB. "
                "Please attach a smaller picture."
            )
        for last in (False, True):
            try:
                data = await self._rest.fetch(upload.url, PICTURE_LIMIT)
                return Image(data, upload.media_type, upload.name)
            except (Gone, Unreachable) as error:
                log.warning("%s could not be fetched: %s", upload.name, error)
                if last or isinstance(error, Gone):
                    break
        raise Refused(f"{upload.name} could not be fetched from Discord. Please attach it again.")

    # --- interactions ---

    async def _respond(self, callback: Callback, asked: Inbound) -> None:
        # A command gets a message that waits for its answer; a button stays as it is.
        deferred = not asked.request.pressed
        webhook = Webhook(
            callback.application,
            callback.token,
            time.monotonic() + TOKEN_LIFE,
            original=ORIGINAL if deferred else "",
            file_limit=callback.file_limit or FILE_LIMIT,
        )
        # The acknowledgement leaves first, yet the question need not wait until it is confirmed:
        # the surface does, before it shows anything.
        acknowledged = asyncio.create_task(self._acknowledge(callback, webhook, deferred=deferred))
        surface = DiscordSurface(
            self._rest,
            callback.channel,
            callback.id,
            webhook=webhook,
            acknowledged=acknowledged,
        )
        try:
            await self._answer(asked, surface, typing=not deferred)
        finally:
            await acknowledged

    async def _acknowledge(
        self, callback: Callback, webhook: Webhook, *, deferred: bool
    ) -> Webhook | None:
        """Tell Discord that an answer is coming; where that answer goes, None for the channel."""
        try:
            async with asyncio.timeout(ACKNOWLEDGE_WITHIN):
                answer = await self._call_back(
                    callback, {"type": _DEFER_MESSAGE if deferred else _DEFER_UPDATE}
                )
            if deferred:
                return replace(webhook, original=_waiting_message(answer))
        except Rejected as error:
            if error.code == _UNKNOWN_INTERACTION:
                log.warning("an interaction was over before it could be acknowledged")
                return None
            log.warning("an interaction was not acknowledged: %s", error)
        except (SurfaceError, TimeoutError) as error:
            # It may have been heard. If not, the surface finds out and answers in the channel.
            log.warning("an interaction may not have been acknowledged: %r", error)
        return webhook

    async def _call_back(self, callback: Callback, body: Json) -> Any:
        """The first answer to an interaction, at most twice: 3 seconds are all there is."""
        path = f"/interactions/{callback.id}/{callback.token}/callback"
        query = "?with_response=true"
        try:
            return await self._rest.call("POST", path, body, query=query)
        except Unreachable as error:
            log.info("acknowledging once more: %s", error)
            return await self._rest.call("POST", path, body, query=query)

    async def _offer(self, callback: Callback, typed: Typed) -> None:
        """Values for the option that somebody is typing."""
        values = self._handler.complete(typed.channel, typed.command, typed.option, typed.text)
        body = {
            "type": _OFFER_CHOICES,
            "data": {"choices": native_commands.choices(values)},
        }
        try:
            await self._call_back(callback, body)
        except SurfaceError as error:  # the person has typed on: there is a newer one
            log.debug("no choices were offered: %s", error)


def _waiting_message(answer: Any) -> str:
    """The id of the message that says "is thinking …", or its other name where it is not told."""
    told = answer.get("interaction") if isinstance(answer, dict) else None
    message_id: str = (told or {}).get("response_message_id") or ORIGINAL
    return message_id
