"""Serves every adapter until told to stop: each one watched over, none in the way of the others."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Mapping

from bot.errors import AdapterError
from bot.interfaces import Adapter
from bot.switchboard import Switchboard

log = logging.getLogger("switchboard.serving")

# Objects until the collector looks at the newest, and how often at older ones: hundreds of answers
# make objects by the thousand, hardly any of them in circles.
RARELY = (20_000, 20, 20)
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds until an adapter that failed serves again
_STABLE = 60.0  # seconds after which its failure is not the one of before


async def serve(
    switchboard: Switchboard, adapters: Mapping[str, Adapter], stop_seconds: float
) -> None:
    """Until SIGINT or SIGTERM; then answers under way have ``stop_seconds``, unless a second signal
    comes. Raises the AdapterErrors of the adapters once none of them can serve."""
    told, told_again = asyncio.Event(), asyncio.Event()

    def tell() -> None:
        (told_again if told.is_set() else told).set()

    # What was imported stays: no collection needs to walk over it again, and hold up everybody.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*RARELY)
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, tell)
    watched = [
        asyncio.create_task(_watch(name, adapter, switchboard))
        for name, adapter in adapters.items()
    ]
    beside = [asyncio.create_task(switchboard.keep_catalogue())]
    beside += [
        asyncio.create_task(switchboard.deliver(name, adapter))
        for name, adapter in adapters.items()
    ]
    try:
        await _first(told.wait(), *beside, _all_failed(watched))
        if told.is_set():
            log.info("told to stop: answers under way have %.0f s", stop_seconds)
            await _first(switchboard.close(stop_seconds), told_again.wait())
    finally:
        for task in (*beside, *watched):
            task.cancel()
        await asyncio.gather(*beside, *watched, return_exceptions=True)


async def _watch(name: str, adapter: Adapter, switchboard: Switchboard) -> None:
    """Keep one adapter serving. Raises AdapterError where trying again is useless."""
    loop = asyncio.get_running_loop()
    pause = FIRST_PAUSE
    while True:
        begun = loop.time()
        try:
            await adapter.serve(switchboard)
            log.error("%s has stopped serving; it begins again in %.0f s", name, pause)
        except AdapterError as error:
            log.error("%s is not served: %s", name, error.notice)
            raise
        except Exception:
            log.exception("%s failed; it serves again in %.0f s", name, pause)
        if loop.time() - begun > _STABLE:
            pause = FIRST_PAUSE
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


async def _all_failed(watched: list[asyncio.Task[None]]) -> None:
    """Return never while one adapter serves; raise what the last ones died of."""
    await asyncio.wait(watched)  # a gather that is let go would take the adapters with it
    ends = await asyncio.gather(*watched, return_exceptions=True)
    errors = [end for end in ends if isinstance(end, Exception)]
    if errors:
        raise ExceptionGroup("no adapter can serve", errors)


async def _first(*waiting: Awaitable[object]) -> None:
    """Until one of them has ended, with its error if it has one; the others that were begun here
    are let go."""
    tasks = [asyncio.ensure_future(one) for one in waiting]
    begun = [task for task, one in zip(tasks, waiting, strict=True) if task is not one]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in begun:
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)
    for task in done:
        task.result()
