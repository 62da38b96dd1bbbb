"""What a running command may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.commands.base import Command
from bot.conversations import Conversations
from bot.gateway.models import ModelKind, Models
from bot.interfaces import Store, Surface
from bot.personas import Personas
from bot.prompt import Voice
from bot.settings import (
    CHAT_MODEL,
    FALLBACK_MODELS,
    IMAGE_MODEL,
    LANGUAGE,
    LENGTH,
    PERSONA,
    TEMPERATURE,
    Choices,
    Scope,
    Setting,
    key_of,
    keys,
)
from bot.types import Action, Attachment, Menu, Request, Turn

NONE = "none"  # a channel that wants no fallback, whatever the operator says
MODEL = {ModelKind.CHAT: CHAT_MODEL, ModelKind.IMAGE: IMAGE_MODEL}


@dataclass(frozen=True, slots=True)
class Context:
    """One request on its way: ``options`` are bound and checked, ``turn`` is claimed. ``operator``
    are the bot's defaults, by setting; ``chosen`` is told (key, name, value) of a new choice."""

    request: Request
    options: Mapping[str, str]
    turn: Turn
    surface: Surface
    conversations: Conversations
    models: Models
    store: Store
    commands: Sequence[Command]
    operator: Mapping[str, str]
    chosen: Callable[[str, str, str], None] = lambda *_: None
    personas: Personas = field(default_factory=Personas)

    async def say(
        self,
        text: str,
        actions: Sequence[Action] = (),
        menus: Sequence[Menu] = (),
        media: Sequence[Attachment] = (),
    ) -> None:
        await self.conversations.say(self.surface, text, actions, menus, media)

    async def choices(self) -> Choices:
        """What was chosen that counts here. Raises StorageError."""
        channel, user = self.request.channel, self.request.user
        found = await self.store.choices(*keys(channel, user))
        return Choices(channel, user, found, self.operator)

    async def choose(self, setting: Setting, value: str, scope: Scope = Scope.CHANNEL) -> None:
        """Choose for good. Raises StorageError, and Refused where there is nothing to choose
        for."""
        key = key_of(scope, self.request.channel, self.request.user)
        await self.store.choose(key, setting.name, value)
        self.chosen(key, setting.name, value)

    def model(self, kind: ModelKind, choices: Choices) -> str:
        """The model to ask: named in the request, else chosen, else the operator's."""
        if named := self.options.get("model"):
            return self.models.resolve(named) or named
        return choices.value(MODEL[kind]) or self.models.default(kind)

    def fallbacks(self, choices: Choices) -> list[str]:
        """The models to try when the one asked fails."""
        chosen = choices.value(FALLBACK_MODELS)
        return [] if chosen in ("", NONE) else chosen.split(",")

    def voice(self, choices: Choices) -> Voice:
        """How answers shall sound here."""
        temperature = choices.value(TEMPERATURE)
        return Voice(
            self.personas.text(choices.value(PERSONA)),
            choices.value(LANGUAGE),
            choices.value(LENGTH),
            float(temperature) if temperature else None,
        )
