"""Random faults of both platforms and of the gateway, a few each second, all of them short."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.simulators.discord import DiscordSimulator
from tests.simulators.gateway_faults import Answer, Break, Reset, Slow, Stream
from tests.simulators.telegram import TelegramSimulator
from tests.torture.oracle import Oracle

LONGEST = 0.5  # seconds that a platform takes for a call at most
EVERY = 0.3  # seconds between two faults, on average

_HTTP: Sequence[Mapping[str, Any]] = (
    {"status": 429, "retry_after": 1},
    {"status": 500},
    {"status": 502},
    {"status": 503},
    {"reset": True},
    {"reset_after": True},
    {"delay": LONGEST},
)
_DISCORD_CALLS = (
    ("POST", r"/channels/\d+/messages"),
    ("PATCH", r"/channels/\d+/messages/\d+"),
    ("POST", r"/interactions/.*"),
    ("POST", r"/webhooks/.*"),
    ("PATCH", r"/webhooks/.*"),
)
_TELEGRAM_CALLS = ("sendMessage", "editMessageText", "getUpdates", "answerCallbackQuery")


class Trouble:
    """``async with`` makes it until the block ends; ``made`` counts the faults by kind."""

    def __init__(
        self,
        discord: DiscordSimulator,
        telegram: TelegramSimulator,
        gateway: Oracle,
        dice: random.Random,
    ) -> None:
        self._discord = discord
        self._telegram = telegram
        self._gateway = gateway
        self._dice = dice
        self.made = 0

    async def make(self) -> None:
        """Until cancelled."""
        kinds: Sequence[Callable[[], None]] = (
            self._of_discord,
            self._of_discord,
            self._of_telegram,
            self._of_telegram,
            self._of_gateway,
        )
        while True:
            await asyncio.sleep(self._dice.uniform(0.2, 1.8) * EVERY)
            if self._dice.random() < 0.05:
                await self._discord.drop_connections()
            else:
                self._dice.choice(kinds)()
            self.made += 1

    def _of_discord(self) -> None:
        method, path = self._dice.choice(_DISCORD_CALLS)
        self._discord.fail(method, path, **self._dice.choice(_HTTP))

    def _of_telegram(self) -> None:
        method = self._dice.choice(_TELEGRAM_CALLS)
        self._telegram.fail(method, **self._dice.choice(_HTTP))

    def _of_gateway(self) -> None:
        answers = (
            Answer.error(503, "overloaded"),
            Answer.error(429, "slow down"),
            Answer.error(400, "no"),
            Answer(200, b"<html>busy</html>", "text/html"),
            Reset(),
            Slow(1.0),
            Stream(break_after=self._dice.randint(0, 5), breaks=Break.RESET),
            Stream(break_after=self._dice.randint(0, 5), breaks=Break.END),
            Stream(break_after=self._dice.randint(0, 5), breaks=Break.ERROR),
        )
        self._gateway.inject(self._dice.choice(answers), path="/v1/chat/completions", times=1)
