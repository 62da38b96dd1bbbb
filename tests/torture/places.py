"""Where people ask and what they see there, the same for every kind of place."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from tests.simulators.discord import DiscordSimulator
from tests.simulators.telegram import TelegramSimulator

_BUTTON = re.compile(r"/(\w+) ([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of the bot as it is now. ``turns`` are the ids that its buttons carry by what
    they do, ``answers`` the source of what it answers ("" where the platform does not say), and
    ``sent`` when it appeared."""

    id: str
    text: str
    turns: dict[str, str]
    answers: str
    sent: float
    thinking: bool = False


class Place(ABC):
    """One channel or chat. ``key`` is ``bot.types.Channel.key`` of it."""

    platform: str
    key: str

    @abstractmethod
    async def ask(self, text: str) -> str:
        """Somebody asks; the ``source`` that the bot will know it by."""

    @abstractmethod
    def shown(self) -> list[Shown]:
        """The bot's messages, oldest first."""


class Mention(Place):
    """A Discord channel where people mention the bot."""

    platform = "discord"

    def __init__(self, discord: DiscordSimulator, guild: str, name: str) -> None:
        self.discord = discord
        self.channel = discord.add_channel(guild, name)
        self.person = discord.add_user(f"Dora of {name}")
        self.key = f"discord:{self.channel}:"

    async def ask(self, text: str) -> str:
        return await self.discord.say(self.channel, self.person, text, mention=True)

    def shown(self) -> list[Shown]:
        return [
            Shown(
                seen.id,
                seen.content,
                _turns(str(seen.components)),
                seen.interaction or seen.reply_to or "",
                seen.versions[0][0],
                seen.thinking,
            )
            for seen in self.discord.messages(self.channel)
            if seen.author == "bot"
        ]


class Slash(Mention):
    """A Discord channel where people use /ask, as soon as Discord offers it."""

    async def ask(self, text: str) -> str:
        if not self.discord.commands:
            return await super().ask(text)
        asked = await self.discord.use(self.channel, self.person, "ask", prompt=text)
        return asked.id


class Private(Place):
    """A private chat on Telegram."""

    platform = "telegram"

    def __init__(self, telegram: TelegramSimulator, name: str) -> None:
        self.telegram = telegram
        self.person = telegram.add_user(name)
        self.chat = self._open(name)
        self.key = f"telegram:{self.chat}:"

    def _open(self, name: str) -> int:
        return self.telegram.add_private_chat(self.person)

    async def ask(self, text: str) -> str:
        return str(await self.telegram.say(self.chat, self.person, text))

    def shown(self) -> list[Shown]:
        return [
            Shown(
                str(seen.id),
                seen.text or seen.caption,
                _turns(str(seen.buttons)),
                str(seen.reply_to or ""),
                seen.versions[0][0],
            )
            for seen in self.telegram.messages(self.chat)
            if seen.author == "bot"
        ]


class Group(Private):
    """A group on Telegram where people mention the bot."""

    def _open(self, name: str) -> int:
        return self.telegram.add_group(name, members=[self.person])

    async def ask(self, text: str) -> str:
        addressed = f"@{self.telegram.bot_username} {text}"
        return str(await self.telegram.say(self.chat, self.person, addressed))


def some_of_each(
    discord: DiscordSimulator, telegram: TelegramSimulator, each: int
) -> Sequence[Place]:
    """So many of each kind, the kinds taking turns."""
    guild = discord.add_guild("Harbour")
    places: list[Place] = []
    for number in range(each):
        places += [
            Mention(discord, guild, f"pier {number}"),
            Private(telegram, f"Tom {number}"),
            Slash(discord, guild, f"quay {number}"),
            Group(telegram, f"Crew {number}"),
        ]
    return places


def _turns(buttons: str) -> dict[str, str]:
    return dict(_BUTTON.findall(buttons))
