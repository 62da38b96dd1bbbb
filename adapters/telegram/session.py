"""One login: receives updates and sees each request through to its answer.

Each request runs in a task of its own, so a slow answer holds up nobody. The typing sign, the
answer to a pressed button and the question who moderates a group go beside the request, never
before it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial

from telegram import ReplyParameters, Update
from telegram.error import TelegramError

from adapters.telegram.api import Api
from adapters.telegram.courtesies import acknowledge, register, type_until_begun
from adapters.telegram.downloads import Unreadable, with_attachments
from adapters.telegram.failures import translated
from adapters.telegram.gathering import Gathering, Parts
from adapters.telegram.inbound import EDITED, QUESTIONS, Identity, Incoming, read
from adapters.telegram.inline import InlineMode, InlineSurface
from adapters.telegram.moderators import Moderators
from adapters.telegram.polling import log_in, poll
from adapters.telegram.questions import Question, asking
from adapters.telegram.surface import Shared, TelegramSurface
from bot.commands import Command
from bot.errors import Busy, SurfaceError, Unreachable
from bot.interfaces import Handler
from bot.types import Channel, Page, Request, Trigger

log = logging.getLogger("switchboard.telegram")

REGISTERING = 3.0  # seconds that the first poll waits for the commands to be registered
PATIENCE = 1.0  # seconds that a request which may need rights waits to learn who moderates
TRIES = 5  # of saying what is ours to say

_STRANGE = "I can read text, pictures, recordings and files, but not {}."
_SORRY = "Something went wrong on my side. Please try again."


class Session:
    """``run`` it, and ``close`` it in any case."""

    def __init__(
        self, api: Api, handler: Handler, commands: Sequence[Command], shared: Shared
    ) -> None:
        self._api = api
        self._shared = shared
        self._handler = handler
        self._commands = commands
        self._names = frozenset(command.name for command in commands)
        self._me = Identity(0, "")
        self._topics: set[Channel] = set()  # that we have opened, as far as messages told us
        self._tasks: set[asyncio.Task[None]] = set()
        self._gathering = Gathering()
        self._moderators = Moderators(api)
        self._inline = InlineMode(api, shared)
        self.is_heard = False

    async def run(self) -> None:
        """Until cancelled. Raises AdapterError for a wrong token."""
        me = await log_in(self._api)
        self._me = Identity(me.id, me.username or "", self._api.token)
        self._shared.username = self._me.username
        menu = self._spawn(register(self._api, self._commands))
        await asyncio.wait([menu], timeout=REGISTERING)
        log.info("logged in as %s", me.name)
        await poll(self._api, self._accept, self._heard)

    async def close(self) -> None:
        """End whatever is still being answered."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._inline.close()
        await self._moderators.close()

    def _heard(self, answers: bool) -> None:
        self.is_heard = answers

    def _accept(self, update: Update) -> asyncio.Future[None]:
        """Start what the update asks for. The future is done when the request is safe."""
        handed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if update.inline_query is not None:
            self._inline.offer(update.inline_query)
        incoming = read(update, self._me, self._names, self._topics)
        if incoming is not None and (parts := self._gathering.join(incoming)) is not None:
            return parts.handed
        if incoming is None or not self._is_meant(incoming):
            handed.set_result(None)
        elif incoming.question is not None:
            self._spawn(self._ask(incoming, incoming.question, handed))
        else:
            self._spawn(self._serve(self._gathering.begin(incoming, handed)))
        return handed

    def _is_meant(self, incoming: Incoming) -> bool:
        """Whether we answer what speaks to us like this, where it was said."""
        channel = incoming.request.channel
        if incoming.trigger is Trigger.THREAD:
            self._topics.add(channel)
        is_command = incoming.trigger is Trigger.COMMAND
        return is_command or incoming.trigger in self._handler.manners(channel).hears

    async def _serve(self, parts: Parts) -> None:
        """Complete the request, hand it over, and see it through."""
        incoming, handed = parts.first, parts.handed
        surface = self._surface(incoming)
        signs = self._signs(incoming, surface)
        try:
            request = await self._completed(parts)
            await self._handler.handle(request, surface, lambda: handed.set_result(None))
        except Unreadable as trouble:
            await _insist(partial(_tell, surface, str(trouble)))
        except Exception:
            log.exception("a request in %s failed", incoming.request.channel.key)
            await _insist(partial(_tell, surface, _SORRY))
        finally:
            for sign in signs:
                sign.cancel()
            if not handed.done():
                handed.set_result(None)

    def _surface(self, incoming: Incoming) -> TelegramSurface | InlineSurface:
        request = incoming.request
        if incoming.inline:
            return InlineSurface(self._api, incoming.inline, request.text, self._shared)
        return TelegramSurface(self._api, request.channel, self._shared, reply_to=incoming.reply_to)

    def _signs(
        self, incoming: Incoming, surface: TelegramSurface | InlineSurface
    ) -> list[asyncio.Task[None]]:
        """That an answer is coming. To somebody who rewords a question there may be none."""
        if incoming.callback:
            self._spawn(acknowledge(self._api, incoming.callback))
        request = incoming.request
        if isinstance(surface, InlineSurface) or request.command == EDITED:
            return []
        typing = type_until_begun(self._api, self._handler, self._shared, surface, request)
        return [self._spawn(typing)]

    async def _completed(self, parts: Parts) -> Request:
        """The whole request with its files and with what we know of its author."""
        try:
            incoming = await parts.whole()
        finally:
            self._gathering.end(parts)
        if incoming.unreadable:
            raise Unreadable(_STRANGE.format(incoming.unreadable))
        request = await with_attachments(self._api, incoming)
        user, patience = request.user, 0.0 if request.command in QUESTIONS else PATIENCE
        if not user.moderator:
            is_one = await self._moderators.include(request.channel, user, patience)
            request = replace(request, user=replace(user, moderator=is_one))
        return request

    async def _ask(
        self, incoming: Incoming, question: Question, handed: asyncio.Future[None]
    ) -> None:
        """Put the question of a button. Its answer will say all that we need to know then."""
        self._spawn(acknowledge(self._api, incoming.callback))
        channel, reply = incoming.request.channel, None
        if incoming.reply_to is not None:
            reply = ReplyParameters(incoming.reply_to, allow_sending_without_reply=True)

        async def put() -> None:
            try:
                await self._api.send_message(
                    int(channel.id),
                    message_thread_id=int(channel.thread) if channel.thread else None,
                    reply_parameters=reply,
                    **asking(question, int(channel.id), self._me.key),
                )
            except TelegramError as error:
                raise translated(error, self._api.token) from None

        try:
            await _insist(put)
        finally:
            handed.set_result(None)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _tell(surface: TelegramSurface | InlineSurface, sentence: str) -> None:
    """Say why there will be no answer, unless there is one already. Raises SurfaceError."""
    if not surface.begun.is_set():
        await surface.show(Page(0, f"⚠️ {sentence}", final=True))


async def _insist(say: Callable[[], Awaitable[None]]) -> None:
    """Try some times what raises SurfaceError."""
    for _ in range(TRIES):
        try:
            await say()
        except Busy as busy:
            await asyncio.sleep(busy.retry_after)
        except Unreachable:
            await asyncio.sleep(1.0)
        except SurfaceError as error:
            log.warning("a notice could not be shown: %r", error)
            return
        else:
            return
