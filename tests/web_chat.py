"""A running web chat for tests: the adapter on a free port, with a small core written by hand, and
its page in a browser."""

from __future__ import annotations

import asyncio
import json
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
from pydantic import SecretStr

from adapters.web import Web
from bot.config import WebSettings
from bot.interfaces import Handler, Surface
from bot.types import Channel, Page, Request, Status, Turn
from tests.browser import Browser, Tab
from tests.fakes import FakeHandler

PATIENCE = 5.0  # seconds that a test waits for anything
MODELS = ("demo-chat", "demo-chat-slow", "other-chat")

Json = dict[str, Any]
Script = Callable[[Request, Surface], Awaitable[None]]


async def echo(request: Request, surface: Surface) -> None:
    await surface.show(Page(0, f"You said: {request.text}", final=True))


class Answerer(FakeHandler):
    """``bot.interfaces.Handler``: answers as its script says, and keeps what it was asked."""

    def __init__(self, script: Script = echo) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.turns: dict[str, list[Turn]] = {}
        self.status = Status.DONE
        self.model = MODELS[0]

    async def handle(
        self, request: Request, surface: Surface, taken: Callable[[], None] = lambda: None
    ) -> Status:
        taken()
        self.requests.append(request)
        if request.command == "model" and request.text in MODELS:
            self.model = request.text
        await self.script(request, surface)
        return self.status

    def complete(self, channel: Channel, command: str, option: str, typed: str) -> Sequence[str]:
        if option not in ("name", "model"):
            return []
        names = ("demo-image",) if command == "image" else MODELS
        return [name for name in names if typed.lower() in name]

    async def history(self, channel: Channel) -> Sequence[Turn]:
        return self.turns.get(channel.id, [])

    async def chat_model(self, channel: Channel) -> str:
        return self.model


def settings(*, port: int = 0, token: str = "", host: str = "127.0.0.1") -> WebSettings:
    secret = SecretStr(token) if token else None
    return WebSettings.model_construct(host=host, port=port, token=secret)


@asynccontextmanager
async def serving(handler: Handler, web: Web | None = None) -> AsyncIterator[Web]:
    """The adapter, serving until the end of the block."""
    web = web or Web(settings())
    task = asyncio.create_task(web.serve(handler))
    try:
        async with asyncio.timeout(PATIENCE):
            await web.started.wait()
        yield web
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


class Visitor:
    """A page without a browser: sends frames and reads those that come."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.joined: Json = {}

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send_json({"type": kind, **fields})

    async def join(self, channel: str = "general", since: Json | None = None) -> Json:
        user = {"id": "secret-of-this-browser", "name": "Ada"}
        await self.send("join", channel=channel, user=user, since=since)
        self.joined = await self.next("joined")
        return self.joined

    async def say(self, text: str, *, source: str = "", files: Sequence[str] = ()) -> str:
        source = source or uuid4().hex
        await self.send("say", source=source, text=text, files=list(files))
        return source

    async def next(self, kind: str) -> Json:
        """The next frame of this kind; others are passed over."""
        while True:
            async with asyncio.timeout(PATIENCE):
                message = await self.socket.receive()
            assert message.type is aiohttp.WSMsgType.TEXT, message
            frame: Json = json.loads(message.data)
            if frame["type"] == kind:
                return frame


@asynccontextmanager
async def visiting(web: Web, **options: Any) -> AsyncIterator[Visitor]:
    """A visitor with our own page's Origin."""
    headers = {"Origin": web.address, **options.pop("headers", {})}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{web.address}/ws", headers=headers, **options) as socket,
    ):
        yield Visitor(socket)


@asynccontextmanager
async def page(
    browser: Browser, core: Answerer, *, width: int = 1280, height: int = 800, phone: bool = False
) -> AsyncIterator[Tab]:
    """The chat in a tab that has joined its channel; fails where the page complained."""
    async with serving(core) as web:
        tab = await browser.open(web.address, width=width, height=height, phone=phone)
        await ready(tab)
        yield tab
        assert tab.troubles == []
        await tab.close()


async def ready(tab: Tab) -> None:
    await tab.until("document.querySelector('#model:not([hidden])')")


async def send(tab: Tab, text: str) -> None:
    await tab.click("#text")
    await tab.type(text)
    await tab.press("Enter")


async def answered(tab: Tab, replies: int = 1) -> None:
    await tab.until(
        f"document.querySelectorAll('.reply:not(.writing)').length >= {replies}"
        " && !document.querySelector('.writing, .pending')"
    )


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that happens in this process."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


def png(width: int = 8, height: int = 8, colour: tuple[int, int, int] = (24, 107, 91)) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    rows = (b"\0" + bytes(colour) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
