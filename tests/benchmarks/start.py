"""How long ``switchboard run`` takes until both platforms have it logged in, and what it holds
then.

The same process is measured beside a bare one that only imports the two platform libraries: the
limit for a bot that uses them.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import psutil

from tests.benchmarks.table import Row
from tests.programs import environment, running
from tests.simulators.discord import DiscordSimulator
from tests.simulators.gateway import FaultyGateway
from tests.simulators.telegram import TelegramSimulator

MEGABYTE = 2**20
ROUNDS = 3


async def measure() -> list[Row]:
    """The rows of this benchmark: seconds and megabytes, the best of a few rounds."""
    starts, idles = [], []
    for _ in range(ROUNDS):
        seconds, memory = await _one_round()
        starts.append(seconds)
        idles.append(memory)
    bare_seconds, bare_memory = await _bare()
    return [
        Row("start to logged in on both", min(starts), "s", goal=3.0, limit=bare_seconds),
        Row("idle memory, both adapters on", min(idles), "MB", goal=120.0, limit=bare_memory),
    ]


async def _one_round() -> tuple[float, float]:
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordSimulator())
        telegram = await stack.enter_async_context(TelegramSimulator())
        gateway = await stack.enter_async_context(FaultyGateway())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        discord.add_channel(discord.add_guild("Harbour"), "general")
        settings = {
            "DISCORD_TOKEN": discord.token,
            "DISCORD_API_URL": discord.api_url,
            "TELEGRAM_TOKEN": telegram.token,
            "TELEGRAM_API_URL": telegram.api_url,
            "GATEWAY_API_KEY": "sk-bench",
            "GATEWAY_BASE_URL": gateway.url,
        }
        begun = time.perf_counter()
        bot = await stack.enter_async_context(running("run", folder=folder, settings=settings))
        await asyncio.gather(discord.ready(timeout=30), telegram.ready(timeout=30))
        seconds = time.perf_counter() - begun
        await asyncio.sleep(2)  # until what a start allocates for a moment is given back
        return seconds, psutil.Process(bot.pid).memory_info().rss / MEGABYTE


async def _bare() -> tuple[float, float]:
    """Import the libraries and nothing else, and say what that takes."""
    program = (
        "import time, aiohttp, aiosqlite, discord, telegram, pydantic_settings, resource; "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    begun = time.perf_counter()
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "ignore",
        "-c",
        program,
        env=environment({}),
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await child.communicate()
    return time.perf_counter() - begun, int(printed) / 1024
