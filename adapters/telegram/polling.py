"""Long polling that loses nothing: an update is confirmed only after it was written down.

Telegram takes a request for updates from ``offset`` on as the receipt for all before it. What is
not confirmed is delivered again, also to the next process, so a crash costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from telegram import Update, User
from telegram.error import Conflict, RetryAfter, TelegramError

from adapters.telegram.api import Api
from adapters.telegram.failures import (
    at_login,
    reason,
    seconds_to_wait,
    while_polling,
)
from bot.errors import AdapterError, Unreachable

log = logging.getLogger("switchboard.telegram")

LONG_POLL = 30  # seconds
LOOK_AGAIN = 0.3  # seconds between two looks at the queue while something is not safe yet
FIRST_PAUSE = 0.2  # seconds between the first two tries; it doubles from then on
LONGEST_PAUSE = 30.0

T = TypeVar("T")
Accept = Callable[[Update], "asyncio.Future[None]"]
Meaning = Callable[[TelegramError, str, str], AdapterError | Unreachable]


async def log_in(api: Api) -> User:
    """Who we are. Waits for the network for ever; raises AdapterError for a wrong token."""
    return await _persist("logging in", api, api.get_me, at_login)


async def poll(api: Api, accept: Accept, heard: Callable[[bool], None]) -> None:
    """Give each update to ``accept`` once, until cancelled.

    ``accept`` never waits; the future it returns is done when the update is safe with us. ``heard``
    is told whether Telegram answers. Raises AdapterError when it no longer knows the token.
    """
    delivered: dict[int, asyncio.Future[None]] = {}
    offset: int | None = None
    seconds = 0  # of patience: the first answer, also after trouble, is not to be waited for

    def tell(answers: bool) -> None:
        nonlocal seconds
        seconds = LONG_POLL if answers else 0
        heard(answers)

    async def call() -> list[dict[str, Any]]:
        return await _updates(api, offset, seconds)

    while True:
        updates = await _persist("polling", api, call, while_polling, tell)
        tell(True)
        for update in updates:
            number = int(update["update_id"])
            if number not in delivered:
                delivered[number] = _given(api, update, accept)
                await asyncio.sleep(0)  # a hundred at once must not hold up all others
        waiting = [future for future in delivered.values() if not future.done()]
        if waiting:
            # The rest of the queue goes on meanwhile: it is read again, and what is known skipped.
            await asyncio.wait(waiting, timeout=LOOK_AGAIN)
        if delivered:
            offset = _confirm(delivered, offset)
        elif not updates:
            # Everything is confirmed. Update ids start anew at random after a quiet week, so the
            # old offset must not outlive this moment.
            offset = None


async def _updates(api: Api, offset: int | None, seconds: int) -> list[dict[str, Any]]:
    """The next updates, also where another program has left a webhook, which keeps them from us."""
    try:
        return await api.updates(offset, seconds)
    except Conflict as conflict:
        if "webhook" not in str(conflict).lower():
            raise
        try:
            await api.delete_webhook()
        except TelegramError as error:
            log.warning("the webhook cannot be removed: %s", reason(error, api.token))
            raise conflict from None
    log.info("removed the webhook that another program had left")
    return await api.updates(offset, seconds)


async def _persist(
    what: str,
    api: Api,
    call: Callable[[], Awaitable[T]],
    meaning: Meaning,
    heard: Callable[[bool], None] = lambda _: None,
) -> T:
    """Make a call until it succeeds, with one line in the log for each failure.

    Raises AdapterError where ``meaning`` says that it never will.
    """
    failed = 0
    while True:
        try:
            return await call()
        except TelegramError as error:
            heard(False)
            trouble = meaning(error, api.address, api.token)
            if isinstance(trouble, AdapterError):
                raise trouble from None
            pause = min(FIRST_PAUSE * 2 ** min(failed, 10), LONGEST_PAUSE)
            if isinstance(error, RetryAfter):
                pause = max(pause, seconds_to_wait(error))
            log.warning("%s: %s; trying again in %.1f s", what, trouble, pause)
        failed += 1
        await asyncio.sleep(pause)


def _given(api: Api, update: dict[str, Any], accept: Accept) -> asyncio.Future[None]:
    try:
        return accept(Update.de_json(update, api))
    except Exception:  # one update that nobody understands must not hold up all others for ever
        log.exception("update %s could not be read and is left out", update["update_id"])
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    return done


def _confirm(delivered: dict[int, asyncio.Future[None]], offset: int | None) -> int | None:
    """The next offset: after the first updates in a row that are all safe."""
    for number in sorted(delivered):
        if not delivered[number].done():
            break
        del delivered[number]
        offset = number + 1
    return offset
