"""One login: receives updates and sees each request through to its answer.

Each request runs in a task of its own, so a slow answer holds up nobody. The typing sign, the
answer to a pressed button and the question who moderates a group go beside the request, never
before it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace

from telegram import Update
from telegram.constants import ChatAction
from telegram.error import EndPointNotFound, RetryAfter, TelegramError

from adapters.telegram.api import Api
from adapters.telegram.downloads import Unreadable, with_pictures
from adapters.telegram.failures import is_final, reason, seconds_to_wait
from adapters.telegram.inbound import Identity, Incoming, merged, pictures_of, read
from adapters.telegram.moderators import Moderators
from adapters.telegram.polling import log_in, poll
from adapters.telegram.surface import Shared, TelegramSurface
from bot.commands import Command
from bot.errors import Busy, SurfaceError, Unreachable
from bot.interfaces import Handler
from bot.types import Page, Request

log = logging.getLogger("switchboard.telegram")

TYPING = 4.0  # seconds; Telegram's sign goes out after 5
ALBUM = 0.5  # seconds in which the pictures of one album arrive
REGISTERING = 3.0  # seconds that the first poll waits for the commands to be registered
MENU_PAUSES = (0.5, 5.0, 30.0)  # seconds between the tries of registering the commands
TRIES = 5  # of saying what cannot be read


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
        self._tasks: set[asyncio.Task[None]] = set()
        self._albums: dict[str, list[Incoming]] = {}
        self._moderators = Moderators(api)
        self.is_heard = False

    async def run(self) -> None:
        """Until cancelled. Raises AdapterError for a wrong token."""
        me = await log_in(self._api)
        self._me = Identity(me.id, me.username or "")
        await asyncio.wait([self._spawn(self._register())], timeout=REGISTERING)
        log.info("logged in as %s", me.name)
        await poll(self._api, self._accept, self._heard)

    async def close(self) -> None:
        """End whatever is still being answered."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._moderators.close()

    def _heard(self, answers: bool) -> None:
        self.is_heard = answers

    async def _register(self) -> None:
        """Offer the commands in Telegram's menu. They work without it, so one line is enough."""
        commands = [(command.name, command.description) for command in self._commands]
        for pause in (*MENU_PAUSES, None):
            try:
                await self._api.set_my_commands(commands)
                return
            except TelegramError as error:
                if pause is None or is_final(error) or isinstance(error, EndPointNotFound):
                    why = reason(error, self._api.token)
                    log.warning("the menu of commands could not be set: %s", why)
                    return
                if isinstance(error, RetryAfter):
                    pause = max(pause, seconds_to_wait(error))
            await asyncio.sleep(pause)

    def _accept(self, update: Update) -> asyncio.Future[None]:
        """Start what the update asks for. The future is done when the request is safe."""
        handed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        incoming = read(update, self._me, self._names)
        if self._joins_album(update, incoming) or incoming is None:
            handed.set_result(None)
            return handed
        if incoming.album:
            self._albums[incoming.album] = [incoming]
        self._spawn(self._serve(incoming, handed))
        return handed

    def _joins_album(self, update: Update, incoming: Incoming | None) -> bool:
        """Whether it is a further picture of an album: only one of them speaks to us."""
        message = update.message
        album = self._albums.get((message and message.media_group_id) or "")
        if message is None or not album:
            return False
        album.append(incoming or replace(album[0], pictures=pictures_of(message)))
        return True

    async def _serve(self, incoming: Incoming, handed: asyncio.Future[None]) -> None:
        """Complete the request, hand it over, and see it through."""
        channel = incoming.request.channel
        surface = TelegramSurface(self._api, channel, self._shared, reply_to=incoming.reply_to)
        typing = self._spawn(self._type(surface, incoming.request))
        if incoming.callback:
            self._spawn(self._acknowledge(incoming.callback))
        try:
            request = await self._completed(incoming)
            await self._handler.handle(request, surface, lambda: handed.set_result(None))
        except Unreadable as trouble:
            await self._tell(surface, str(trouble))
        except Exception:
            log.exception("a request in %s failed", channel.key)
            await self._tell(surface, "Something went wrong on my side. Please try again.")
        finally:
            typing.cancel()
            if not handed.done():
                handed.set_result(None)

    async def _completed(self, incoming: Incoming) -> Request:
        """The request with its pictures and with what we know of its author."""
        if incoming.album:
            await asyncio.sleep(ALBUM)
            incoming = merged(self._albums.pop(incoming.album))
        if incoming.unreadable:
            raise Unreadable(f"I can read text and pictures, but not {incoming.unreadable}.")
        request = await with_pictures(self._api, incoming)
        user = request.user
        if not user.moderator and self._moderators.include(request.channel, user):
            request = replace(request, user=replace(user, moderator=True))
        return request

    async def _type(self, surface: TelegramSurface, request: Request) -> None:
        """Show that an answer is coming, until it is there."""
        channel = request.channel
        action = ChatAction.UPLOAD_PHOTO if request.command == "image" else ChatAction.TYPING
        thread = int(channel.thread) if channel.thread else None
        while not surface.begun.is_set():
            pause = TYPING
            try:
                if self._handler.spare((self._shared.overall,)):
                    await self._api.send_chat_action(
                        int(channel.id), action, message_thread_id=thread
                    )
            except RetryAfter as error:
                pause = max(pause, seconds_to_wait(error))
            except TelegramError as error:
                log.debug("no typing sign: %s", reason(error, self._api.token))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await surface.begun.wait()

    async def _acknowledge(self, callback: str) -> None:
        """Stop the waiting sign on a pressed button."""
        try:
            await self._api.answer_callback_query(callback)
        except TelegramError as error:
            log.debug("a button was not answered: %s", reason(error, self._api.token))

    async def _tell(self, surface: TelegramSurface, sentence: str) -> None:
        """Say why there will be no answer, unless there is one already."""
        for _ in range(TRIES):
            if surface.begun.is_set():
                return
            try:
                await surface.show(Page(0, f"⚠️ {sentence}", final=True))
            except Busy as busy:
                await asyncio.sleep(busy.retry_after)
            except Unreachable:
                await asyncio.sleep(1.0)
            except SurfaceError as error:
                log.warning("a notice could not be shown: %r", error)
                return

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
