"""Where all that happens on Discord arrives: acknowledged at once, passed on, seen through."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from adapters.discord import commands as native_commands
from adapters.discord import components, inbound
from adapters.discord.components import Form
from adapters.discord.connection import Connection
from adapters.discord.inbound import Callback, Inbound, Typed
from adapters.discord.outbound import FILE_LIMIT
from adapters.discord.rest import Rejected, Rest
from adapters.discord.surface import BOT, ORIGINAL, TOKEN_LIFE, DiscordSurface, Webhook
from adapters.discord.threads import in_thread
from adapters.discord.uploads import with_files
from bot.commands import Command, Kind
from bot.errors import Refused, SurfaceError, Unreachable
from bot.interfaces import Handler
from bot.renderer import show_once
from bot.scheduler import Scheduler

log = logging.getLogger("switchboard.discord")

Json = dict[str, Any]

TYPING_EVERY = 8.0  # seconds; Discord shows the sign for 10
ACKNOWLEDGE_WITHIN = 2.5  # seconds; after 3 Discord tells the person that nobody answered
FORMS = 1000  # forms about messages that may be open at a time

_DEFER_MESSAGE, _DEFER_UPDATE, _OFFER_CHOICES, _SHOW_FORM = 5, 6, 8, 9  # answers to interactions
_UNKNOWN_INTERACTION = 10062
_FORGOTTEN = "I no longer know which message that was about. Please pick it once more."


class Desk:
    """Takes every event as it comes and sees it through, each in a task of its own."""

    def __init__(self, rest: Rest, handler: Handler, commands: Sequence[Command]) -> None:
        self._rest = rest
        self._handler = handler
        self._commands = commands
        self._pictures_only = {
            command.name: {option.name for option in command.options if option.kind is Kind.IMAGE}
            for command in commands
        }
        self._registered = False
        self._looked_up: set[str] = set()
        self._targets: dict[str, Inbound] = {}  # by interaction: what an open form is about
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
        for for_people in (True, False):
            body = native_commands.native(self._commands, for_people=for_people)
            try:
                await self._rest.call("PUT", path, body)
                break
            except Rejected as error:
                if for_people:
                    log.info("the commands are offered in servers only: %s", error)
                else:
                    log.error("Discord does not take the commands, typed ones work: %s", error)
        self._registered = True

    def take(self, name: str, payload: Json, connection: Connection) -> None:
        """Begin with one event; returns at once. Raises what reading the payload does."""
        if name == "INTERACTION_CREATE":
            self._take_interaction(payload)
        elif inbound.is_spoken(payload):
            if self._is_somewhere_new(payload, connection):
                self._begin(partial(self._look_up, name, payload, connection))
            else:
                self._take_message(name, payload, connection)

    # --- messages ---

    def _is_somewhere_new(self, message: Json, connection: Connection) -> bool:
        place = message.get("channel_id") or ""
        return place not in self._looked_up and not connection.knows(message)

    async def _look_up(self, name: str, message: Json, connection: Connection) -> None:
        """Learn about a channel of which no event has told, such as a thread found again."""
        place = message["channel_id"]
        self._looked_up.add(place)
        try:
            known = await self._rest.call("GET", f"/channels/{place}")
            if isinstance(known, dict):
                connection.learn(known)
        except SurfaceError as error:
            log.info("nothing is known about channel %s: %s", place, error)
        self._take_message(name, message, connection)

    def _take_message(self, name: str, message: Json, connection: Connection) -> None:
        scene = connection.scene(message)
        if name == "MESSAGE_UPDATE":
            asked = inbound.from_edit(message, scene, self._handler.manners)
            if asked is not None:
                self._begin(partial(self._show_change, asked, message["channel_id"]))
            return
        asked = inbound.from_message(message, scene, self._handler.manners)
        if asked is not None:
            self._begin(partial(self._reply, asked, message["channel_id"], scene.bot_id))

    async def _reply(self, asked: Inbound, place: str, bot_id: str) -> None:
        if asked.opens_thread:
            asked = await in_thread(self._rest, asked, bot_id)
        await self._answer(asked, self._surface(asked, place), typing=True)

    async def _show_change(self, asked: Inbound, place: str) -> None:
        """Whether there is anything to say to new words is for the core to know, so no typing."""
        await self._handler.handle(asked.request, self._surface(asked, place))

    def _surface(self, asked: Inbound, place: str) -> DiscordSurface:
        request = asked.request
        where = request.channel.thread or request.channel.id
        question = message_of(request.source) if where == place else ""
        return DiscordSurface(self._rest, where, request.source, reply_to=question)

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
            await self._answer_to(asked, surface)
        except Refused as error:
            await self._tell(surface, error.notice)
        finally:
            if sign is not None:
                sign.cancel()
                await asyncio.gather(sign, return_exceptions=True)

    async def _answer_to(self, asked: Inbound, surface: DiscordSurface) -> None:
        """Raises Refused where the question never gets as far as the core."""
        if asked.refusal:
            raise Refused(asked.refusal)
        only = self._pictures_only.get(asked.request.command, ())
        await self._handler.handle(await with_files(self._rest, asked, only), surface)

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

    # --- interactions ---

    def _take_interaction(self, payload: Json) -> None:
        callback = inbound.callback(payload)
        typed = inbound.typed(payload)
        if typed is not None:
            self._begin(partial(self._offer, callback, typed))
        asked = inbound.from_interaction(payload)
        if asked is None:
            return
        if asked.form is not None:
            self._keep_target(asked)
            self._begin(partial(self._show_form, callback, asked.form))
        else:
            self._begin(partial(self._respond, callback, self._with_target(asked)))

    def _keep_target(self, asked: Inbound) -> None:
        """A form comes back without the message that it is about."""
        if asked.request.quoted is not None:
            self._targets[asked.request.source] = asked
            if len(self._targets) > FORMS:
                del self._targets[next(iter(self._targets))]

    def _with_target(self, asked: Inbound) -> Inbound:
        if not asked.about:
            return asked
        target = self._targets.get(asked.about)  # kept: a form can be opened and sent again
        if target is None or target.request.user.id != asked.request.user.id:
            return replace(asked, refusal=_FORGOTTEN)
        request = replace(asked.request, quoted=target.request.quoted)
        return replace(asked, request=request, quoted_uploads=target.quoted_uploads)

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
            in_reach=callback.in_reach,
        )
        try:
            await self._answer(asked, surface, typing=not deferred and callback.in_reach)
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

    async def _show_form(self, callback: Callback, form: Form) -> None:
        """Put a question to the person; the answer comes as another interaction."""
        try:
            async with asyncio.timeout(ACKNOWLEDGE_WITHIN):
                body = {"type": _SHOW_FORM, "data": components.form(form)}
                await self._call_back(callback, body)
        except (SurfaceError, TimeoutError) as error:  # Discord tells the person that it failed
            log.warning("a form could not be shown: %r", error)

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


def message_of(source: str) -> str:
    """The message that a request came with: an edit's source says when, too."""
    return source.partition(":")[0]


def _waiting_message(answer: Any) -> str:
    """The id of the message that says "is thinking …", or its other name where it is not told."""
    told = answer.get("interaction") if isinstance(answer, dict) else None
    message_id: str = (told or {}).get("response_message_id") or ORIGINAL
    return message_id
