"""What reading a streamed answer costs: client, wire and fold against a loop that only splits
lines.

Both read the same bytes from the same server in another process, in one run, one after the
other; what is compared is the CPU time of this process. The bare loop is the limit: no client on
aiohttp can read a stream for less.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from pydantic import SecretStr

from bot.config import GatewaySettings
from bot.events import Reply
from bot.gateway.client import GatewayClient
from bot.gateway.models import Model, Models
from bot.gateway.wire import WIRE_FORMATS
from bot.types import Message, Prompt, Role, Text
from tests.benchmarks.stream_server import STREAMS, WORD
from tests.benchmarks.table import Row
from tests.programs import environment

EVENTS = 2_000
ROUNDS = 3


async def measure() -> list[Row]:
    """CPU milliseconds per 1,000 events on each wire, the best of a few rounds; the limit
    beside."""
    rows = []
    models = Models("m", "i", [*(Model(wire, wire=wire) for wire in STREAMS), Model("large")])
    async with _server() as url:
        settings = GatewaySettings.model_construct(
            api_key=SecretStr("sk-bench"), base_url=url, headers={}
        )
        async with GatewayClient({"": settings}, models) as client, aiohttp.ClientSession() as bare:
            for wire in STREAMS:
                ours = await _best(lambda wire=wire: _read(client, wire, EVENTS))  # type: ignore[misc]
                path = WIRE_FORMATS[wire].path(models.find(wire))
                limit = await _best(lambda path=path: _split(bare, url + path))  # type: ignore[misc]
                name = f"reading {wire}, per 1,000 events"
                per = 1e6 / EVENTS
                rows.append(Row(name, ours * per, "ms", goal=2 * limit * per, limit=limit * per))
            large = await _best(lambda: _read(client, "large", 0))
            rows.append(Row("one event of 10 MB", large * 1000, "ms", goal=500.0))
    return rows


async def _read(client: GatewayClient, model: str, count: int) -> None:
    """As the product does it."""
    reply = Reply()
    prompt = Prompt(model, "", (Message(Role.USER, (Text("hi"),)),))
    async with client.stream(prompt) as events:
        async for event in events:
            reply.add(event)
    if count and len(reply.text) < count * len(WORD):
        raise RuntimeError("an answer of the benchmark was not read whole")


async def _split(session: aiohttp.ClientSession, url: str) -> None:
    """The least that anybody could do with the same bytes."""
    rest = b""
    async with session.post(url, json={"model": "m"}) as response:
        async for chunk in response.content.iter_any():
            *_, rest = (rest + chunk).split(b"\n")


async def _best(play: Callable[[], Awaitable[None]]) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        await play()
        times.append(time.process_time() - begun)
    return min(times)


@asynccontextmanager
async def _server() -> AsyncIterator[str]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.benchmarks.stream_server",
        str(EVENTS),
        env=environment({}),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        yield f"http://127.0.0.1:{int(await child.stdout.readline())}"
    finally:
        child.kill()
        await child.wait()
