"""Where a scenario plays: both simulated platforms here, the model in a second process, and
``switchboard run`` in a third, whose time and memory are watched."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from aiohttp import web

from tests.benchmarks.model import BACKLOG, Model, model
from tests.programs import running
from tests.simulators.discord import DiscordSimulator
from tests.simulators.telegram import TelegramSimulator

MEGABYTE = 2**20
_ALWAYS = 10**9  # calls


@dataclass(slots=True)
class Stage:
    """``add`` the places first, then ``open`` and ask. ``latency`` is in seconds."""

    discord: DiscordSimulator
    telegram: TelegramSimulator
    model: Model
    folder: Path
    guild: str

    @asynccontextmanager
    async def open(self, latency: float = 0.0) -> AsyncIterator[Meter]:
        """Start the bot; from when it is logged in, each call of the platforms takes a while."""
        settings = {
            "DISCORD_TOKEN": self.discord.token,
            "DISCORD_API_URL": self.discord.api_url,
            "TELEGRAM_TOKEN": self.telegram.token,
            "TELEGRAM_API_URL": self.telegram.api_url,
            "TELEGRAM_CALLS_PER_SECOND": str(self.telegram.limits.overall),
            "GATEWAY_API_KEY": "sk-bench",
            "GATEWAY_BASE_URL": self.model.url,
            "GATEWAY_WIRE": "chat_completions",
            "WEB_PORT": "0",
        }
        async with running("run", folder=self.folder, settings=settings) as bot:
            await asyncio.gather(self.discord.ready(timeout=30), self.telegram.ready(timeout=30))
            await bot.wait_for("the gateway offers")
            page = await bot.wait_for("web chat on")
            if latency:
                for method in ("GET", "POST", "PATCH"):
                    self.discord.fail(method, ".*", delay=latency, times=_ALWAYS)
                self.telegram.fail("(?!getUpdates).*", delay=latency, times=None)
            yield Meter(psutil.Process(bot.pid), page.split()[-1], bot.lines)
            await bot.stop()


class Meter:
    """What the bot's process uses. ``page`` is the address of its web chat, ``lines`` its log."""

    def __init__(self, process: psutil.Process, page: str, lines: Sequence[str]) -> None:
        self.page = page
        self.lines = lines
        self._process = process

    def cpu(self) -> float:
        """Seconds so far."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> float:
        """Megabytes now."""
        return float(self._process.memory_info().rss) / MEGABYTE


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordSimulator())
        telegram = await stack.enter_async_context(TelegramSimulator())
        for runner in (discord._runner, telegram._server._runner):
            _lengthen(runner)
        gateway = await stack.enter_async_context(model())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield Stage(discord, telegram, gateway, folder, discord.add_guild("Harbour"))


def _lengthen(runner: web.AppRunner | None) -> None:
    """Let more connections wait for a simulator; see BACKLOG."""
    assert runner is not None
    for site in runner.sites:
        assert isinstance(site, web.TCPSite)
        assert isinstance(site._server, asyncio.Server)
        for listening in site._server.sockets:
            with socket.fromfd(listening.fileno(), socket.AF_INET, socket.SOCK_STREAM) as same:
                same.listen(BACKLOG)
