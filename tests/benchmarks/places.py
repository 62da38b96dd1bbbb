"""Where people ask, and what they see there: the same few verbs for every kind of place."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tests.benchmarks.answers import words
from tests.benchmarks.limit import Limits, Shared
from tests.benchmarks.stage import Stage
from tests.simulators.discord import Limits as DiscordLimits
from tests.simulators.discord import Seen
from tests.simulators.telegram import Limits as TelegramLimits
from tests.simulators.telegram import Seen as TelegramSeen

_DISCORD, _TELEGRAM = DiscordLimits(), TelegramLimits()
_DISCORD_PAGE, _TELEGRAM_PAGE = 2000, 4096


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the bot: its text now, the lines of it that stand in code, and its versions
    as (time, words)."""

    id: str
    text: str
    code: Sequence[str]
    versions: Sequence[tuple[float, Sequence[str]]]
    file: str = ""


class Place(ABC):
    """One channel or chat. ``ask`` returns a name for the question; ``messages`` are its answer."""

    page: ClassVar[int]
    fences_are_text: ClassVar[bool] = False

    def __init__(self, stage: Stage, name: str, people: int) -> None:
        self.stage = stage

    @abstractmethod
    async def ask(self, number: int, text: str) -> str:
        """Person ``number`` asks."""

    @abstractmethod
    def messages(self, question: str) -> list[Message]:
        """The messages of the answer that are there, in order."""

    @abstractmethod
    def limits(self, shared: Shared) -> Limits:
        """The platform's limits for one reply here, as its simulator enforces them."""

    @abstractmethod
    def newest(self) -> str:
        """The last message that is there."""

    @abstractmethod
    def delete(self, message: str) -> None:
        """Somebody deletes a message of the bot."""

    @abstractmethod
    def break_next_edit(self, how: str) -> None:
        """The next edit here meets a fault: "429", "500", "reset" or "reset after" acting."""


class _Discord(Place):
    page = _DISCORD_PAGE
    fences_are_text = True

    def __init__(self, stage: Stage, name: str, people: int) -> None:
        super().__init__(stage, name, people)
        self.channel = stage.discord.add_channel(stage.guild, name)
        self.people = [stage.discord.add_user(f"Dora{number}") for number in range(people)]

    def newest(self) -> str:
        return self.stage.discord.messages(self.channel)[-1].id

    def delete(self, message: str) -> None:
        self.stage.discord.delete(self.channel, message)

    def _break(self, path: str, how: str) -> None:
        fault = {
            "429": {"status": 429, "retry_after": 1.0},
            "500": {"status": 500},
            "reset": {"reset": True},
            "reset after": {"reset_after": True},
        }[how]
        self.stage.discord.fail("PATCH", path, **fault)  # type: ignore[arg-type]


class Slash(_Discord):
    """A Discord channel where people use /ask."""

    async def ask(self, number: int, text: str) -> str:
        user = self.people[number % len(self.people)]
        asked = await self.stage.discord.use(self.channel, user, "ask", prompt=text)
        return asked.id

    def messages(self, question: str) -> list[Message]:
        seen = self.stage.discord.messages(self.channel)
        return [_discord(one) for one in seen if one.interaction == question]

    def limits(self, shared: Shared) -> Limits:
        rate = _DISCORD.interaction
        budget = [shared.window(object(), rate.calls, rate.seconds)]
        return Limits(send=budget, edit=budget, has_message=True)

    def break_next_edit(self, how: str) -> None:
        mine = [one for one in self.stage.discord.interactions if one.channel.id == self.channel]
        self._break(rf"/webhooks/\d+/{mine[-1].token}/.*", how)


class Mention(_Discord):
    """A Discord channel where people mention the bot."""

    async def ask(self, number: int, text: str) -> str:
        user = self.people[number % len(self.people)]
        return await self.stage.discord.say(self.channel, user, text, mention=True)

    def messages(self, question: str) -> list[Message]:
        seen = [one for one in self.stage.discord.messages(self.channel) if one.author == "bot"]
        mine = [
            number for number, one in enumerate(seen) if one.reply_to == question
        ]  # only the first page of an answer is a reply
        if not mine:
            return []
        others = [number for number, one in enumerate(seen) if one.reply_to not in (None, question)]
        last = min((number for number in others if number > mine[0]), default=len(seen))
        return [_discord(one) for one in seen[mine[0] : last]]

    def limits(self, shared: Shared) -> Limits:
        overall = shared.window("overall", _DISCORD.overall.calls, _DISCORD.overall.seconds)
        send, edit = (
            shared.window(("discord", self.channel, kind), rate.calls, rate.seconds)
            for kind, rate in (("send", _DISCORD.send), ("edit", _DISCORD.edit))
        )
        return Limits(send=[send, overall], edit=[edit, overall])

    def break_next_edit(self, how: str) -> None:
        self._break(f"/channels/{self.channel}/messages/.*", how)


class _Telegram(Place):
    page = _TELEGRAM_PAGE
    chat: int

    def messages(self, question: str) -> list[Message]:
        seen = self.stage.telegram.messages(self.chat)
        return [_telegram(one) for one in seen if self._answers(one, question)]

    def _answers(self, seen: TelegramSeen, question: str) -> bool:
        return seen.author == "bot" and seen.id > int(question)

    def newest(self) -> str:
        return str(self.stage.telegram.messages(self.chat)[-1].id)

    def delete(self, message: str) -> None:
        self.stage.telegram.delete(self.chat, int(message))

    def break_next_edit(self, how: str) -> None:
        fault = {
            "429": {"status": 429, "retry_after": 1},
            "500": {"status": 500},
            "reset": {"reset": True},
            "reset after": {"reset_after": True},
        }[how]
        self.stage.telegram.fail("editMessageText", **fault)  # type: ignore[arg-type]

    def limits(self, shared: Shared) -> Limits:
        limits = [shared.bucket(("chat", self.chat), _TELEGRAM.burst, _TELEGRAM.per_second)]
        if self.stage.telegram.limits.overall == _TELEGRAM.overall:
            limits.append(shared.sliding("overall", _TELEGRAM.overall, 1.0))
        return Limits(send=limits, edit=limits)


class Private(_Telegram):
    """A private chat on Telegram."""

    def __init__(self, stage: Stage, name: str, people: int) -> None:
        super().__init__(stage, name, people)
        self.user = stage.telegram.add_user(name)
        self.chat = stage.telegram.add_private_chat(self.user)

    async def ask(self, number: int, text: str) -> str:
        return str(await self.stage.telegram.say(self.chat, self.user, text))


class Group(_Telegram):
    """A group on Telegram where people mention the bot."""

    def __init__(self, stage: Stage, name: str, people: int) -> None:
        super().__init__(stage, name, people)
        self.people = [stage.telegram.add_user(f"Tom{number}") for number in range(people)]
        self.chat = stage.telegram.add_group(name, members=self.people)

    async def ask(self, number: int, text: str) -> str:
        user = self.people[number % len(self.people)]
        addressed = f"@{self.stage.telegram.bot_username} {text}"
        return str(await self.stage.telegram.say(self.chat, user, addressed))

    def _answers(self, seen: TelegramSeen, question: str) -> bool:
        return seen.author == "bot" and seen.reply_to == int(question)

    def limits(self, shared: Shared) -> Limits:
        limits = super().limits(shared)
        group = shared.sliding(("group", self.chat), _TELEGRAM.per_group, _TELEGRAM.group_seconds)
        both = [*limits.send, group]
        return Limits(send=both, edit=both)


def _discord(seen: Seen) -> Message:
    code = [line for block in re.findall(r"```[^\n]*\n(.*?)```", seen.content, re.DOTALL)
            for line in block.split("\n")]  # fmt: skip
    versions = [(time, words(text)) for time, text in seen.versions]
    file = next((data.decode() for _, data in seen.attachments), "")
    return Message(seen.id, seen.content, code, versions, file)


def _telegram(seen: TelegramSeen) -> Message:
    raw = seen.text.encode("utf-16-le")
    blocks = [
        raw[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode("utf-16-le")
        for entity in seen.entities
        if entity["type"] == "pre"
    ]
    code = [line for block in blocks for line in block.split("\n")]
    versions = [(time, words(text)) for time, text in seen.versions]
    file = seen.document.data.decode() if seen.document is not None else ""
    return Message(str(seen.id), seen.text, code, versions, file)
