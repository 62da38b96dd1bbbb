"""Long polling that loses nothing: an update is confirmed only after it was handed over.

Telegram takes a request for updates from ``offset`` on as the receipt for all before it. What is
not confirmed is delivered again, also to the next process, so a crash costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from telegram import Update
from telegram.error import BadRequest, RetryAfter, TelegramError

from adapters.telegram.api import Api
from adapters.telegram.failures import is_wrong_token, reason, seconds_to_wait, wrong_token

log = logging.getLogger("switchboard.telegram")

LONG_POLL = 30  # seconds
LOOK_AGAIN = 0.3  # seconds between two looks at the queue while something is not handed over
FIRST_PAUSE = 0.2  # seconds between the first two tries; it doubles from then on
LONGEST_PAUSE = 30.0

T = TypeVar("T")
Accept = Callable[[Update], "asyncio.Future[None]"]


async def poll(api: Api, accept: Accept) -> None:
    """Give each update to ``accept`` once, until cancelled.

    ``accept`` never waits; the future it returns is done when the update is handed over. Raises
    AdapterError when Telegram no longer knows the token.
    """
    delivered: dict[int, asyncio.Future[None]] = {}
    offset: int | None = None
    while True:
        updates = await persist("polling", api.token, partial(api.updates, offset, LONG_POLL))
        for update in updates:
            number = int(update["update_id"])
            if number not in delivered:
                delivered[number] = _given(api, update, accept)
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


async def persist(
    what: str, token: str, call: Callable[[], Awaitable[T]], *, bounded: bool = False
) -> T:
    """Make a call until it succeeds, with one line in the log for each failure.

    Raises AdapterError for a wrong token and, if ``bounded``, BadRequest.
    """
    failed = 0
    while True:
        try:
            return await call()
        except TelegramError as error:
            if is_wrong_token(error):
                raise wrong_token() from None
            if bounded and type(error) is BadRequest:
                raise
            pause = min(FIRST_PAUSE * 2 ** min(failed, 10), LONGEST_PAUSE)
            if isinstance(error, RetryAfter):
                pause = max(pause, seconds_to_wait(error))
            log.warning("%s: %s; trying again in %.1f s", what, reason(error, token), pause)
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
    """The next offset: after the first updates in a row that are all handed over."""
    for number in sorted(delivered):
        if not delivered[number].done():
            break
        del delivered[number]
        offset = number + 1
    return offset
