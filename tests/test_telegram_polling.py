"""Receiving updates: what is asked of Telegram, in which order, and what is given on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telegram import Update

from adapters.telegram.api import Api
from adapters.telegram.polling import poll


class EndOfScript(Exception):
    pass


class Scripted(Api):
    """Answers each request for updates from a script; notes the offsets that it was asked for."""

    __slots__ = ("asked", "script")

    def __init__(self, *script: list[dict[str, Any]]) -> None:
        super().__init__("123456:script", "http://127.0.0.1:9")
        with self._unfrozen():
            self.script = list(script)
            self.asked: list[int | None] = []

    async def updates(self, offset: int | None, seconds: int) -> list[dict[str, Any]]:
        self.asked.append(offset)
        if not self.script:
            raise EndOfScript
        return self.script.pop(0)


class Receiving:
    """Takes updates. Those named ``slow`` are handed over when ``last`` comes."""

    def __init__(self, *slow: int, last: int = 0) -> None:
        self.slow = slow
        self.last = last
        self.taken: list[int] = []
        self.waiting: list[asyncio.Future[None]] = []

    def accept(self, update: Update) -> asyncio.Future[None]:
        handed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.taken.append(update.update_id)
        if update.update_id in self.slow:
            self.waiting.append(handed)
        else:
            handed.set_result(None)
        if update.update_id == self.last:
            for waiting in self.waiting:
                waiting.set_result(None)
        return handed


def updates(*numbers: int) -> list[dict[str, Any]]:
    return [{"update_id": number} for number in numbers]


async def asked(receiving: Receiving, *script: list[dict[str, Any]]) -> list[int | None]:
    """The offsets that Telegram was asked for until the script ended."""
    api = Scripted(*script)
    with pytest.raises(EndOfScript):
        await poll(api, receiving.accept, lambda _: None)
    await api.disconnect()
    return api.asked


async def test_updates_are_confirmed_by_asking_for_the_next_ones() -> None:
    receiving = Receiving()

    assert await asked(receiving, updates(7, 8), updates(9)) == [None, 9, 10]
    assert receiving.taken == [7, 8, 9]


async def test_after_a_quiet_poll_no_old_offset_remains() -> None:
    receiving = Receiving()

    # Telegram may number its updates anew after a quiet week.
    assert await asked(receiving, updates(700), [], updates(3)) == [None, 701, None, 4]
    assert receiving.taken == [700, 3]


async def test_nothing_is_confirmed_beyond_what_is_not_handed_over_yet() -> None:
    receiving = Receiving(8, last=10)

    offsets = await asked(receiving, updates(7, 8, 9), updates(8, 9, 10), updates(11))

    assert offsets == [None, 8, 11, 12]


async def test_what_is_delivered_again_meanwhile_is_taken_once() -> None:
    receiving = Receiving(7, last=9)

    await asked(receiving, updates(7, 8), updates(7, 8), updates(7, 8, 9))

    assert receiving.taken == [7, 8, 9]


async def test_an_update_that_nobody_understands_is_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiving = Receiving()
    broken = {"update_id": 8, "message": {"message_id": "what"}}

    assert await asked(receiving, [*updates(7), broken, *updates(9)]) == [None, 10]
    assert receiving.taken == [7, 9]
    assert "update 8 could not be read" in caplog.text
