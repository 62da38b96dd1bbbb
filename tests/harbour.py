"""A small community on a simulated Discord, and a handler that answers as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from adapters.discord import Discord
from bot.commands import Command, Kind, Option
from bot.config import DiscordSettings
from bot.interfaces import Adapter, Surface
from bot.types import Channel, Manners, Page, Request, Status
from tests.fakes import FakeHandler
from tests.simulators.discord import DiscordSimulator, Seen

Answer = Callable[[Request, Surface], Awaitable[None]]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20


async def never_run(context: object) -> None:
    raise AssertionError("the handler answers here, no command is run")


# A table of our own, so that the bot's commands may change without these tests.
OURS = (
    Command(
        "ask",
        "Ask.",
        never_run,
        (Option("prompt", "What", required=True, or_shown=True), Option("file", "It", Kind.FILE)),
    ),
    Command("help", "Help.", never_run),
    Command(
        "model", "A model.", never_run, (Option("name", "Which", complete=lambda _, typed: ()),)
    ),
    Command(
        "image",
        "A picture.",
        never_run,
        (
            Option("image", "To start from", Kind.IMAGE),
            Option("count", "How many", Kind.INTEGER, minimum=1, maximum=4),
            Option("shape", "Wide or tall", choices=("16:9", "9:16")),
            Option("prompt", "What", required=True),
        ),
    ),
)


async def say_done(request: Request, surface: Surface) -> None:
    await surface.show(Page(0, "done", final=True))


class Answering(FakeHandler):
    """A handler that notes every request and answers it as the test says."""

    def __init__(self, answer: Answer = say_done) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.surfaces: list[Surface] = []
        self.offered: list[str] = []
        self.answered = asyncio.Event()
        self.behaviour = Manners()

    def manners(self, channel: Channel) -> Manners:
        return self.behaviour

    async def handle(
        self, request: Request, surface: Surface, taken: Callable[[], None] = lambda: None
    ) -> Status:
        taken()
        self.requests.append(request)
        self.surfaces.append(surface)
        await self.answer(request, surface)
        self.answered.set()
        return Status.DONE

    def complete(self, channel: Channel, command: str, option: str, typed: str) -> Sequence[str]:
        return [value for value in self.offered if value.startswith(typed)]


class Harbour:
    """A small community: a server with a channel and a thread, two people, the bot's handler."""

    def __init__(self, discord: DiscordSimulator, handler: Answering) -> None:
        self.discord = discord
        self.handler = handler
        guild = discord.add_guild("Harbour")
        self.guild = guild
        self.channel = discord.add_channel(guild, "general")
        self.thread = discord.add_thread(self.channel, "plans")
        self.alice = discord.add_user("Alice")
        self.mo = discord.add_user("Mo", moderator=True)
        self.direct = discord.add_dm(self.alice)

    def adapter(self, token: str = "", api_url: str = "") -> Adapter:
        settings = DiscordSettings.model_validate(
            {"token": token or self.discord.token, "api_url": api_url or self.discord.api_url}
        )
        return Discord(settings, OURS)

    async def answer(self, channel: str = "") -> Seen:
        """The bot's first message that says something."""
        return await self.discord.wait_for(
            channel or self.channel, lambda seen: seen.author == "bot" and seen.content != ""
        )

    @property
    def texts(self) -> list[str]:
        """What stands in the channel."""
        return [seen.content for seen in self.discord.messages(self.channel)]

    def sent(self, method: str, part: str) -> int:
        """How many calls there were."""
        return sum(how == method and part in path for _, how, path, _ in self.discord.calls)


@asynccontextmanager
async def serving(adapter: Adapter, handler: Answering) -> AsyncIterator[None]:
    task = asyncio.create_task(adapter.serve(handler))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def harbour_without_bot() -> AsyncIterator[Harbour]:
    async with DiscordSimulator(identify_every=0.0) as discord:
        yield Harbour(discord, Answering())


@asynccontextmanager
async def harbour_with_bot() -> AsyncIterator[Harbour]:
    async with harbour_without_bot() as harbour, serving(harbour.adapter(), harbour.handler):
        await harbour.discord.ready()
        yield harbour
