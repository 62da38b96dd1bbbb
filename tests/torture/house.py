"""The real bot in this process, between a Telegram and a gateway of its own: as many at once as a
test likes, each with its own fault.

Discord is another matter: discord.py holds its API's address for the whole process, so all houses
with a Discord share one (``with_discord``), and each scenario has a channel of its own there.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import adapters
from bot.commands import COMMANDS
from bot.config import DiscordSettings, GatewaySettings, LimitSettings, TelegramSettings
from bot.gateway.client import GatewayClient
from bot.gateway.models import Models
from bot.interfaces import Adapter
from bot.switchboard import Switchboard
from storage import open_store
from storage.store import SqlStore
from tests.simulators.discord import DiscordSimulator, Seen
from tests.simulators.telegram import Seen as TelegramSeen
from tests.simulators.telegram import TelegramSimulator
from tests.torture import kept
from tests.torture.kept import Kept
from tests.torture.oracle import Oracle

_C = TypeVar("_C")

PATIENT = 20.0  # seconds that a test waits for what must come


@dataclass
class House:
    """What a test plays with. ``tom`` has a private chat with the bot."""

    telegram: TelegramSimulator
    gateway: Oracle
    store: SqlStore
    switchboard: Switchboard
    database: Path
    discord: DiscordSimulator | None = None

    def __post_init__(self) -> None:
        self.tom = self.telegram.add_user("Tom")
        self.chat = self.telegram.add_private_chat(self.tom)

    async def ask(self, text: str) -> str:
        """Tom asks; the source of his question."""
        return str(await self.telegram.say(self.chat, self.tom, text))

    def replies(self) -> list[TelegramSeen]:
        return [seen for seen in self.telegram.messages(self.chat) if seen.author == "bot"]

    @property
    def screen(self) -> str:
        """All that the bot has on the screen."""
        return "\n---\n".join(seen.text for seen in self.replies())

    def turn(self, source: str) -> Kept | None:
        found = [turn for turn in kept.turns(self.database) if turn.source == source]
        return found[0] if found else None

    async def ended(self, source: str) -> Kept:
        """The question's turn once its outcome was shown."""
        async with asyncio.timeout(PATIENT):
            while True:
                turn = self.turn(source)
                if turn is not None and turn.status != "running" and turn.due is None:
                    return turn
                await asyncio.sleep(0.02)


@asynccontextmanager
async def house(
    *,
    with_discord: DiscordSimulator | None = None,
    folder: Path | None = None,
    telegram: TelegramSimulator | None = None,
    silence: float = 0.6,
    patience: float = 0.5,
    limits: LimitSettings | None = None,
    base_url: str = "",
) -> AsyncIterator[House]:
    """A house whose bot serves. ``silence`` and ``patience`` are the seconds that the gateway and
    the database may take; ``folder`` and ``telegram`` may be those of an earlier life; ``base_url``
    stands in for the gateway's own."""
    async with AsyncExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if telegram is None:
            telegram = await stack.enter_async_context(TelegramSimulator())
            telegram.limits.off()
        gateway = await stack.enter_async_context(Oracle())
        models = Models("test-model", "test-image")
        settings = GatewaySettings.model_validate(
            {"api_key": "sk-house", "base_url": base_url or gateway.url}
        )
        client = await stack.enter_async_context(
            GatewayClient({"": settings}, models, silence=silence, pause=0.02)
        )
        database = folder / "house.db"
        store = await stack.enter_async_context(
            open_store(f"sqlite:///{database}", patience=patience)
        )
        switchboard = Switchboard(store, client, models, COMMANDS, limits or LimitSettings())
        built: dict[str, Adapter] = {"telegram": _telegram(telegram)}
        if with_discord is not None:
            built["discord"] = _discord(with_discord)
        for name, adapter in built.items():
            for work in (adapter.serve(switchboard), switchboard.deliver(name, adapter)):
                stack.push_async_callback(_ended, asyncio.create_task(work))
        await telegram.ready(timeout=10)
        if with_discord is not None:
            await with_discord.ready(timeout=10)
        yield House(telegram, gateway, store, switchboard, database, with_discord)


def _telegram(telegram: TelegramSimulator) -> Adapter:
    settings = {"token": telegram.token, "api_url": telegram.api_url}
    return adapters.build("telegram", TelegramSettings.model_validate(settings))


def _discord(discord: DiscordSimulator) -> Adapter:
    settings = {"token": discord.token, "api_url": discord.api_url}
    return adapters.build("discord", DiscordSettings.model_validate(settings))


async def _ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one scenario: the texts of the bot's messages, their buttons' labels, the
    turn, and how often the gateway was asked."""

    texts: list[str]
    buttons: list[list[str]]
    turn: Kept | None
    asked: int


def outcome(place: House, source: str, number: int = 1) -> Outcome:
    replies = place.replies()
    return Outcome(
        [seen.text for seen in replies],
        [[button["text"] for row in seen.buttons for button in row] for seen in replies],
        place.turn(source),
        place.gateway.asked[number],
    )


def all_at_once(
    cells: Mapping[str, _C], play: Callable[[_C], Awaitable[Outcome]]
) -> dict[str, Outcome]:
    """Play every cell of a matrix beside the others; their outcomes by name."""

    async def played() -> dict[str, Outcome]:
        async with asyncio.TaskGroup() as tasks:
            begun = {name: tasks.create_task(_one(name, cell)) for name, cell in cells.items()}
        return {name: task.result() for name, task in begun.items()}

    async def _one(name: str, cell: _C) -> Outcome:
        try:
            return await play(cell)
        except TimeoutError:
            raise AssertionError(f"“{name}” had no end") from None

    return asyncio.run(played())


def of_bot(discord: DiscordSimulator, channel: str) -> list[Seen]:
    return [seen for seen in discord.messages(channel) if seen.author == "bot"]
