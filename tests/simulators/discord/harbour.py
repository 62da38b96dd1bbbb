"""A small place in the simulated Discord and a plain discord.py bot: what its own tests share."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord
import yarl
from discord import app_commands

from tests.simulators.discord import DiscordSimulator

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x06\0\0\0"
"""As much of a picture, 2 wide and 3 high, as tells its size."""


class Bot(discord.AutoShardedClient):
    """Hears everything, answers nothing but its commands."""

    def __init__(self, server: DiscordSimulator, *, message_content: bool = True) -> None:
        discord.http.Route.BASE = server.api_url
        discord.asset.Asset.BASE = server.cdn_url
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
        intents = discord.Intents.default()
        intents.message_content = message_content
        super().__init__(intents=intents, guild_ready_timeout=0.05)
        self.heard: asyncio.Queue[discord.Message] = asyncio.Queue()
        self.events: asyncio.Queue[str] = asyncio.Queue()
        self.interactions: asyncio.Queue[discord.Interaction] = asyncio.Queue()
        self.tree = app_commands.CommandTree(self)

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            self.heard.put_nowait(message)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.interactions.put_nowait(interaction)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        self.events.put_nowait(f"edited {event.message.content}")

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        self.events.put_nowait(f"deleted {event.message_id}")

    async def on_resumed(self) -> None:
        self.events.put_nowait("resumed")

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Do not wait the five seconds that the library waits before it starts afresh."""

    async def hear(self) -> discord.Message:
        return await asyncio.wait_for(self.heard.get(), 5)

    async def next_event(self) -> str:
        return await asyncio.wait_for(self.events.get(), 5)

    async def asked(self) -> discord.Interaction:
        return await asyncio.wait_for(self.interactions.get(), 5)

    def place(self, channel: str) -> discord.TextChannel:
        found = self.get_channel(int(channel))
        assert isinstance(found, discord.TextChannel)
        return found


@dataclass
class Harbour:
    """A guild with one channel and two people."""

    server: DiscordSimulator
    guild: str
    channel: str
    alice: str
    mo: str

    async def call(
        self, method: str, path: str, body: object = None, **more: Any
    ) -> tuple[int, Any, Mapping[str, str]]:
        """A bare call as the bot: status, JSON and headers of the answer."""
        headers = {"Authorization": f"Bot {self.server.token}"} | more.pop("headers", {})
        url = self.server.api_url + path.format(channel=self.channel)
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, json=body, headers=headers, **more) as answer,
        ):
            told = await answer.text()
            return answer.status, json.loads(told or "null"), answer.headers

    async def code(self, method: str, path: str, body: object = None, **more: Any) -> int:
        """The JSON error code of a bare call that must fail."""
        status, told, _ = await self.call(method, path, body, **more)
        assert status >= 400, told
        return int(told["code"])


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[Harbour]:
    async with DiscordSimulator(**options) as server:
        guild = server.add_guild("Harbour")
        channel = server.add_channel(guild, "general")
        alice, mo = server.add_user("Alice"), server.add_user("Mo", moderator=True)
        yield Harbour(server, guild, channel, alice, mo)


@asynccontextmanager
async def online(
    server: DiscordSimulator, prepare: Callable[[Bot], None] | None = None, **options: Any
) -> AsyncIterator[Bot]:
    """A bot that is logged in and ready; ``prepare`` adds commands, which are then registered."""
    bot = Bot(server, **options)
    async with bot:
        running = asyncio.create_task(bot.start(server.token))
        await server.ready()
        await asyncio.wait_for(bot.wait_until_ready(), 5)
        if prepare is not None:
            prepare(bot)
            await bot.tree.sync()
        yield bot
    await asyncio.wait([running], timeout=5)


def paint(bot: Bot) -> None:
    """Register /paint, which the tests answer themselves, and /model, which completes its name."""

    @bot.tree.command(description="Paint a picture")
    async def paint(
        interaction: discord.Interaction,
        prompt: str,
        count: app_commands.Range[int, 1, 4] = 1,
        image: discord.Attachment | None = None,
        friend: discord.User | None = None,
    ) -> None:
        interaction.extras["given"] = (prompt, count, image, friend)

    async def names(interaction: discord.Interaction, typed: str) -> list[Any]:
        many = 26 if typed == "many" else 2
        return [app_commands.Choice(name=f"{typed}{n}", value=f"{n}") for n in range(many)]

    @bot.tree.command(description="Choose a model")
    @app_commands.autocomplete(name=names)
    async def model(interaction: discord.Interaction, name: str) -> None:
        await interaction.response.send_message(name, ephemeral=True)


def file(name: str, content: bytes) -> discord.File:
    return discord.File(io.BytesIO(content), name)


def form(*files: bytes) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", "{}")
    for number, content in enumerate(files):
        form.add_field(f"files[{number}]", io.BytesIO(content), filename=f"{number}.bin")
    return form


def identify(harbour: Harbour) -> dict[str, Any]:
    return {"op": 2, "d": {"token": harbour.server.token, "intents": 1, "properties": {}}}
