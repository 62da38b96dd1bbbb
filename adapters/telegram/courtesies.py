"""What goes beside a request and never before it: the menu of commands, the sign of typing, the
answer to a pressed button. Each may fail without anybody missing more than that."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from telegram.constants import ChatAction
from telegram.error import EndPointNotFound, RetryAfter, TelegramError

from adapters.telegram.api import Api
from adapters.telegram.failures import is_final, reason, seconds_to_wait
from adapters.telegram.surface import Shared, TelegramSurface
from bot.commands import Command
from bot.interfaces import Handler
from bot.types import Request

log = logging.getLogger("switchboard.telegram")

TYPING = 4.0  # seconds; Telegram's sign goes out after 5
MENU_PAUSES = (0.5, 5.0, 30.0)  # seconds between the tries of registering the commands


async def register(api: Api, commands: Sequence[Command]) -> None:
    """Offer the commands in Telegram's menu. They work without it, so one line is enough."""
    offered = [(command.name, command.description) for command in commands]
    for pause in (*MENU_PAUSES, None):
        try:
            await api.set_my_commands(offered)
            return
        except TelegramError as error:
            if pause is None or is_final(error) or isinstance(error, EndPointNotFound):
                why = reason(error, api.token)
                log.warning("the menu of commands could not be set: %s", why)
                return
            if isinstance(error, RetryAfter):
                pause = max(pause, seconds_to_wait(error))
        await asyncio.sleep(pause)


async def type_until_begun(
    api: Api, handler: Handler, shared: Shared, surface: TelegramSurface, request: Request
) -> None:
    """Show that an answer is coming, until it is there."""
    channel = request.channel
    action = ChatAction.UPLOAD_PHOTO if request.command == "image" else ChatAction.TYPING
    thread = int(channel.thread) if channel.thread else None
    while not surface.begun.is_set():
        pause = TYPING
        try:
            if handler.spare((shared.overall,)):
                await api.send_chat_action(int(channel.id), action, message_thread_id=thread)
        except RetryAfter as error:
            pause = max(pause, seconds_to_wait(error))
        except TelegramError as error:
            log.debug("no typing sign: %s", reason(error, api.token))
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await surface.begun.wait()


async def acknowledge(api: Api, callback: str) -> None:
    """Stop the waiting sign on a pressed button."""
    try:
        await api.answer_callback_query(callback)
    except TelegramError as error:
        log.debug("a button was not answered: %s", reason(error, api.token))
