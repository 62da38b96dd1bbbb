"""A small community on a simulated Telegram, for the tests of the adapter."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from PIL import Image as Pillow

from adapters.telegram import Telegram
from bot.config import TelegramSettings
from bot.interfaces import Surface
from bot.types import Channel, Image, Manners, Page, Request, Status
from tests.fakes import FakeHandler, turn_in
from tests.simulators.telegram import Seen, TelegramSimulator

Answer = Callable[[Request, Surface], Awaitable[None]]


def picture(width: int = 40, height: int = 30, colour: str = "navy") -> Image:
    png = io.BytesIO()
    Pillow.new("RGB", (width, height), colour).save(png, "PNG")
    return Image(png.getvalue(), "image/png", "picture.png")


NAVY, GREEN, RED = picture(), picture(colour="green"), picture(colour="red")


async def say_done(request: Request, surface: Surface) -> None:
    await surface.show(Page(0, "done", final=True))


def shows(*pages: Page) -> Answer:
    """An answer that shows these pages, one after the other."""

    async def answer(request: Request, surface: Surface) -> None:
        for page in pages:
            await surface.show(page)

    return answer


class Answering(FakeHandler):
    """A handler that notes every request and answers it as the test says."""

    def __init__(self, answer: Answer = say_done) -> None:
        self.answer = answer
        self.hears = Manners().hears
        self.requests: list[Request] = []
        self.surfaces: list[Surface] = []
        self.arrived = asyncio.Condition()

    async def handle(
        self, request: Request, surface: Surface, taken: Callable[[], None] = lambda: None
    ) -> Status:
        taken()
        async with self.arrived:
            self.requests.append(request)
            self.surfaces.append(surface)
            self.arrived.notify_all()
        await self.answer(request, surface)
        return Status.DONE

    def manners(self, channel: Channel) -> Manners:
        return Manners(self.hears)

    async def request(self, number: int = 0) -> Request:
        """The request of this number, once it is there."""
        async with asyncio.timeout(5), self.arrived:
            await self.arrived.wait_for(lambda: len(self.requests) > number)
        return self.requests[number]


class Harbour:
    """Two people, a private chat with one of them, a group, and the bot's handler."""

    def __init__(self, telegram: TelegramSimulator) -> None:
        self.telegram = telegram
        self.handler = Answering()
        self.alice = telegram.add_user("Alice")
        self.bob = telegram.add_user("Bob")
        self.private = telegram.add_private_chat(self.alice)
        self.group = telegram.add_group("Harbour", admins=[self.bob], members=[self.alice])
        self.adapter = self.new_adapter()

    def new_adapter(self, token: str = "", api_url: str = "", *, drafts: bool = False) -> Telegram:
        telegram = self.telegram
        settings = {
            "token": token or telegram.token,
            "api_url": api_url or telegram.api_url,
            "drafts": drafts,
        }
        return Telegram(TelegramSettings.model_validate(settings))

    def surface(self, chat: int) -> Surface:
        server = "" if chat == self.private else str(chat)
        return self.adapter.reopen(turn_in(Channel("telegram", server, str(chat))))

    async def says(self, words: str, chat: int | None = None) -> Seen:
        """The bot's first message that says so."""
        return await self.telegram.wait_for(
            chat or self.private,
            lambda seen: seen.author == "bot" and words in seen.text + seen.caption,
        )

    def of_bot(self, chat: int | None = None) -> list[Seen]:
        return [
            seen for seen in self.telegram.messages(chat or self.private) if seen.author == "bot"
        ]

    def count(self, method: str) -> int:
        return sum(call.method == method for call in self.telegram.calls)


@asynccontextmanager
async def serving(adapter: Telegram, handler: Answering) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(adapter.serve(handler))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def community() -> AsyncIterator[Harbour]:
    """The community without its bot."""
    async with TelegramSimulator() as telegram:
        yield Harbour(telegram)
