"""The real bot between a simulated Discord, a simulated Telegram and a gateway, in this process:
for tests of what people who wish us ill can do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import adapters
from bot import config
from bot.cli import open_switchboard
from bot.config import Settings
from tests.simulators.discord import DiscordSimulator
from tests.simulators.gateway import FaultyGateway
from tests.simulators.telegram import TelegramSimulator


@dataclass
class Town:
    """Both platforms, each with two communities that have nothing to do with each other."""

    discord: DiscordSimulator
    telegram: TelegramSimulator
    gateway: FaultyGateway = field(default_factory=FaultyGateway)

    @property
    def asked(self) -> list[list[dict[str, Any]]]:
        """The messages of every question that reached the gateway, the system's among them."""
        found = self.gateway.received("/v1/chat/completions")
        return [request.body["messages"] for request in found]

    def settings(self, folder: Path) -> Settings:
        """As ``switchboard run`` reads them. The model is nobody's, so that it is asked by chat
        completions."""
        (folder / "switchboard.toml").write_text(
            f"""
            discord = {{ token = "{self.discord.token}", api_url = "{self.discord.api_url}" }}
            telegram = {{ token = "{self.telegram.token}", api_url = "{self.telegram.api_url}" }}
            storage = {{ url = "sqlite:///{folder}/town.db" }}
            [gateway]
            api_key = "sk-town"
            base_url = "{self.gateway.url}"
            chat_model = "test-model"
            """
        )
        return config.load(folder)


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    """The town with its bot, serving."""
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordSimulator(identify_every=0.0))
        telegram = await stack.enter_async_context(TelegramSimulator())
        place = Town(discord, telegram)
        await stack.enter_async_context(place.gateway)
        settings = place.settings(folder)
        switchboard = await stack.enter_async_context(open_switchboard(settings))
        for name in ("discord", "telegram"):
            adapter = adapters.build(name, getattr(settings, name))
            task = asyncio.create_task(adapter.serve(switchboard), name=name)
            stack.push_async_callback(_ended, task)
        await discord.ready()
        await telegram.ready()
        yield place


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
