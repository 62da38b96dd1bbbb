"""The whole program, in a process of its own, between a local Discord, a local Telegram and a
gateway."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.programs import Running, running
from tests.simulators.discord import DiscordSimulator
from tests.simulators.gateway import FaultyGateway
from tests.simulators.telegram import TelegramSimulator


@dataclass
class World:
    """Both platforms with a few people, a gateway, and what ``switchboard run`` is told of them."""

    discord: DiscordSimulator
    telegram: TelegramSimulator
    gateway: FaultyGateway
    folder: Path
    storage: str

    def __post_init__(self) -> None:
        self.guild = self.discord.add_guild("Harbour")
        self.channel = self.discord.add_channel(self.guild, "general")
        self.dora = self.discord.add_user("Dora")
        self.tom = self.telegram.add_user("Tom")
        self.chat = self.telegram.add_private_chat(self.tom)
        self.group = self.telegram.add_group("Harbour", members=[self.tom])

    @property
    def settings(self) -> dict[str, str]:
        return {
            "DISCORD_TOKEN": self.discord.token,
            "DISCORD_API_URL": self.discord.api_url,
            "TELEGRAM_TOKEN": self.telegram.token,
            "TELEGRAM_API_URL": self.telegram.api_url,
            "GATEWAY_API_KEY": "sk-end-to-end-secret",
            "GATEWAY_BASE_URL": self.gateway.url,
            "STORAGE_URL": self.storage,
        }

    async def ready(self, bot: Running) -> None:
        await bot.wait_for("logged in as switchboard")
        await bot.wait_for(f"logged in as @{self.telegram.bot_username}")
        await self.discord.ready(timeout=10)
        await self.telegram.ready(timeout=10)


@pytest.fixture
async def world(storage_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        yield World(
            await stack.enter_async_context(DiscordSimulator()),
            await stack.enter_async_context(TelegramSimulator()),
            await stack.enter_async_context(FaultyGateway()),
            tmp_path,
            storage_url,
        )


async def test_one_process_serves_both_platforms_and_remembers_after_being_killed(
    world: World,
) -> None:
    discord, telegram, gateway = world.discord, world.telegram, world.gateway
    gateway.say(["The tide ", "is ", "high."])

    async with running("run", folder=world.folder, settings=world.settings) as bot:
        await world.ready(bot)
        assert {command["name"] for command in discord.commands} >= {"ask", "image", "model"}

        asked = await discord.use(world.channel, world.dora, "ask", prompt="How is the tide?")
        await discord.wait_for(world.channel, lambda seen: seen.content == "The tide is high.")
        assert asked.acknowledged_after is not None
        assert asked.acknowledged_after < 1

        message = await telegram.say(world.chat, world.tom, "How is the tide?")
        await telegram.wait_for(world.chat, lambda seen: seen.text == "The tide is high.")

        await discord.use(world.channel, world.dora, "image", prompt="a red fox", count=2)
        seen = await discord.wait_for(world.channel, lambda seen: len(seen.attachments) == 2)
        assert "a red fox" in seen.content
        await telegram.say(world.chat, world.tom, "/image a red fox --aspect_ratio 16:9")
        shot = await telegram.wait_for(world.chat, lambda seen: seen.photo is not None)
        assert shot.caption is not None
        assert shot.caption.startswith("a red fox")

        await discord.use(world.channel, world.dora, "model", name="deepseek-v3.2")
        await discord.wait_for(world.channel, lambda seen: "now come from" in seen.content)
        await telegram.say(world.chat, world.tom, "/model glm-5")
        await telegram.wait_for(world.chat, lambda seen: "now come from" in seen.text)
        await bot.stop(signal.SIGKILL)

    async with running("run", folder=world.folder, settings=world.settings) as bot:
        await world.ready(bot)
        gateway.requests.clear()
        await discord.say(world.channel, world.dora, "and now?", mention=True)
        await discord.wait_for(
            world.channel, lambda seen: seen.content == "The tide is high." and bool(seen.reply_to)
        )
        telegram.redeliver(message)
        await telegram.say(world.group, world.tom, f"@{telegram.bot_username} and here?")
        await telegram.wait_for(world.group, lambda seen: seen.text == "The tide is high.")
        await telegram.say(world.chat, world.tom, "and now?")
        await telegram.wait_for(
            world.chat, lambda seen: seen.text == "The tide is high." and seen.id > shot.id
        )
        assert await bot.stop() == 0
        assert not any("Traceback" in line for line in bot.lines)
        assert not any(
            "sk-end-to-end-secret" in line or telegram.token in line for line in bot.lines
        )

    bodies = [request.body for request in gateway.received("/v1/chat/completions")]
    said = [
        (body["model"], [message["content"] for message in body["messages"][1:]])
        for body in bodies
        if isinstance(body, dict)
    ]
    assert said == [
        (
            "deepseek-v3.2",
            ["Dora: How is the tide?", "The tide is high.", "Dora: and now?"],
        ),
        ("gpt-5-mini", ["Tom: and here?"]),
        (
            "glm-5",
            ["Tom: How is the tide?", "The tide is high.", "Tom: and now?"],
        ),
    ]


async def test_a_wrong_token_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    async with TelegramSimulator() as telegram:
        settings = {
            "TELEGRAM_TOKEN": "654321:AAAA-this-is-not-the-token-of-anybody-01",
            "TELEGRAM_API_URL": telegram.api_url,
            "GATEWAY_API_KEY": "sk-x",
        }
        async with running("run", folder=tmp_path, settings=settings) as bot:
            line = await bot.wait_for("TELEGRAM_TOKEN")
            assert await bot.stop(signal.SIGCONT) == 1

    assert "not-the-token-of-anybody" not in "".join(bot.lines)
    assert not any("Traceback" in line for line in bot.lines)
    assert line
