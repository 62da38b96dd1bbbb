"""A gateway that is broken or has been taken over: answers without end, bombs, and words that quote
our key."""

from __future__ import annotations

import asyncio
import functools
import itertools
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.config import GatewaySettings
from bot.errors import GatewayError, Interrupted, RateLimited
from bot.events import Media, TextDelta
from bot.gateway.allowance import TEXT_LIMIT, Allowance
from bot.gateway.client import GatewayClient
from bot.gateway.models import Models
from bot.gateway.sse import SSEDecoder
from bot.types import Image, ImagePrompt, Message, Prompt, Role, Text

PROMPT = Prompt("test-model", "Be kind.", (Message(Role.USER, (Text("Alice: hi"),)),))
DRAWING = ImagePrompt("nano-banana", "a red fox")

Handler = Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]


@asynccontextmanager
async def client_of(handler: Handler, **options: float) -> AsyncIterator[GatewayClient]:
    """A client of a gateway that answers everything in this way."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        settings = GatewaySettings.model_construct(
            api_key=SecretStr("sk-test"),
            base_url=f"http://127.0.0.1:{runner.addresses[0][1]}",
            headers={},
        )
        models = Models("m", "i")
        async with GatewayClient({"": settings}, models, pause=0.01, **options) as client:  # type: ignore[arg-type]
            yield client
    finally:
        await runner.cleanup()


async def ends(
    handler: Handler, prompt: Prompt | ImagePrompt = PROMPT, **options: float
) -> tuple[GatewayError, int]:
    """How the answer fails, and how many characters came before; a minute is too long."""
    came = 0
    async with client_of(handler, **options) as client, asyncio.timeout(30):
        with pytest.raises(GatewayError) as caught:
            async with client.stream(prompt) as events:
                async for event in events:
                    came += len(event.text) if isinstance(event, TextDelta) else 0
    return caught.value, came


def streaming(pieces: Iterable[bytes], pause: float = 0.0) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            if pause:
                await asyncio.sleep(pause)
        return response

    return handler


def saying(field: str) -> bytes:
    return b'data: {"choices":[{"delta":{"%s":"%s"}}]}\n\n' % (field.encode(), b"a" * 2**16)


@pytest.mark.parametrize(
    "piece",
    [
        b"x" * 2**20,
        b"data: " + b"x" * 2**20 + b"\n",
        b"data:\n" * 2**17,
        saying("content"),
        saying("reasoning_content"),
    ],
    ids=["a line", "an event", "empty lines of an event", "an answer", "thoughts"],
)
async def test_a_stream_without_end_is_left(piece: bytes) -> None:
    error, came = await ends(streaming(itertools.repeat(piece)))

    assert isinstance(error, Interrupted)
    assert came <= TEXT_LIMIT


async def test_signs_of_life_for_ever_are_no_answer() -> None:
    handler = streaming(itertools.repeat(b": still here\n\n"), pause=0.01)

    error, _ = await ends(handler, silence=0.1, longest=0.2)

    assert isinstance(error, Interrupted)


def test_lines_without_text_count_towards_the_size_of_an_event() -> None:
    decoder = SSEDecoder(limit=64 * 2**10)

    with pytest.raises(Interrupted):
        for _ in range(100):
            list(decoder.feed(b"data:\n" * 100))


def test_pictures_without_number_are_too_much() -> None:
    allowance = Allowance(media=2**20)

    with pytest.raises(Interrupted):
        for _ in range(1_000):
            allowance.take(Media(Image(bytes(2**12), "image/png")))


def answering(
    body: bytes, kind: str = "application/json", status: int = 200, **headers: str
) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        await request.read()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, body=body, headers={"Content-Type": kind, **named})

    return handler


@functools.cache
def bomb() -> bytes:
    """256 MiB of nothing, packed: twice of what a reply may have."""
    packer = zlib.compressobj(1, wbits=31)
    nothing = bytes(2**22)
    return b"".join(packer.compress(nothing) for _ in range(64)) + packer.flush()


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("prompt", [PROMPT, DRAWING], ids=["chat", "picture"])
async def test_a_compressed_answer_does_not_unfold_beyond_the_limit(
    kind: str, prompt: Prompt | ImagePrompt
) -> None:
    tracemalloc.start()
    try:
        await ends(answering(bomb(), kind, Content_Encoding="gzip"), prompt)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 300 * 2**20


@pytest.mark.parametrize("prompt", [PROMPT, DRAWING], ids=["chat", "picture"])
@pytest.mark.parametrize("body", [b"[" + b"{}," * 2**22 + b"{}]", b"[1" + b",1" * 2**22 + b"]"])
async def test_json_that_would_grow_in_memory_is_not_read(
    body: bytes, prompt: Prompt | ImagePrompt
) -> None:
    tracemalloc.start()
    try:
        await ends(answering(body), prompt)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 * len(body)


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("mark", [b"[", b'{"error":'])
async def test_json_that_is_nested_for_ever_is_one_of_our_errors(mark: bytes, status: int) -> None:
    await ends(answering(mark * 20_000, status=status))


@pytest.mark.parametrize("wait", ["nan", "NaN", "inf", "1e999", "-1", "soon", "²"])
async def test_no_wait_that_the_gateway_asks_for_lasts_for_ever(wait: str) -> None:
    begun = time.monotonic()

    error, _ = await ends(answering(b"{}", status=429, Retry_After=wait))

    assert isinstance(error, RateLimited)
    assert time.monotonic() - begun < 5


async def test_an_error_that_never_ends_is_not_read_to_its_end() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(status=500)
        await response.prepare(request)
        while True:
            await response.write(b"no " * 2**15)

    begun = time.monotonic()
    await ends(handler)
    assert time.monotonic() - begun < 10
