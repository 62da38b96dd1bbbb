"""What a running command may use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.commands.base import Command
from bot.conversations import Conversations
from bot.gateway.models import ModelKind, Models
from bot.interfaces import Store, Surface
from bot.types import Action, Request, Turn

FALLBACK = "fallback_models"
NONE = "none"  # a channel that wants no fallback, whatever the operator says
CHOICE = {ModelKind.CHAT: "chat_model", ModelKind.IMAGE: "image_model"}


@dataclass(frozen=True, slots=True)
class Context:
    """One request on its way: ``options`` are bound and checked, ``turn`` is claimed."""

    request: Request
    options: Mapping[str, str]
    turn: Turn
    surface: Surface
    conversations: Conversations
    models: Models
    store: Store
    commands: Sequence[Command]
    spares: Sequence[str] = ()  # the operator's models for when one fails

    async def say(self, text: str, actions: Sequence[Action] = ()) -> None:
        await self.conversations.say(self.surface, text, actions)

    async def choices(self) -> dict[str, str]:
        """What the channel has chosen. Raises StorageError."""
        return await self.store.choices(self.request.channel)

    def model(self, kind: ModelKind, choices: Mapping[str, str]) -> str:
        """The model to ask: named in the request, else chosen for the channel, else the
        operator's."""
        if named := self.options.get("model"):
            return self.models.resolve(named) or named
        return choices.get(CHOICE[kind]) or self.models.default(kind)

    def fallbacks(self, choices: Mapping[str, str]) -> list[str]:
        """The models to try when the one asked fails: the channel's list, else the operator's."""
        chosen = choices.get(FALLBACK, "")
        if not chosen:
            return list(self.spares)
        return [] if chosen == NONE else chosen.split(",")
