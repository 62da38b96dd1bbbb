"""What a channel, a person or a server has chosen for itself, and whose choice counts (pure).

One precedence for all of them: what was asked for in the request itself, then the thread's choice,
its channel's, the person's own, the server's, and last the operator's. What a channel has settled
binds everybody there; what is one's own beats only what nobody settled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.errors import Refused
from bot.types import Channel, Manners, Trigger, User

DEFAULT = "default"  # typed instead of a value: as nobody had chosen


class Scope(StrEnum):
    """Whose choice it is, as people type it."""

    CHANNEL = "channel"
    ME = "me"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Setting:
    """``values`` are all there are, () for any that ``check`` takes: it returns the value as it is
    kept and raises Refused. ``personal``: people may choose it for themselves. ``guarded``: in a
    server only moderators choose it for others."""

    name: str
    description: str
    default: str = ""
    values: tuple[str, ...] = ()
    check: Callable[[str], str] = str.strip
    personal: bool = True
    guarded: bool = False

    def checked(self, typed: str) -> str:
        """The value as it is kept, "" for the default. Raises Refused."""
        value = typed.strip()
        if value.lower() == DEFAULT:
            return ""
        if self.values and value.lower() not in self.values:
            raise Refused(f"{self.name} can be: {', '.join((*self.values, DEFAULT))}.")
        return value.lower() if self.values else self.check(value)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A value and where it comes from, in words: "chosen for this channel"."""

    value: str
    source: str


class Choices:
    """What counts for one person in one channel. ``found`` is what the store knows, by key;
    ``operator`` are the defaults of the bot, by setting."""

    def __init__(
        self,
        channel: Channel,
        user: User,
        found: Mapping[str, Mapping[str, str]],
        operator: Mapping[str, str],
    ) -> None:
        self._found = [(source, found.get(key, {})) for source, key in _sources(channel, user)]
        self._operator = operator

    def of(self, setting: Setting) -> Chosen:
        for source, choices in self._found:
            if value := choices.get(setting.name):
                return Chosen(value, source)
        value = self._operator.get(setting.name) or setting.default
        return Chosen(value, "the bot's default")

    def value(self, setting: Setting) -> str:
        return self.of(setting).value


def keys(channel: Channel, user: User) -> list[str]:
    """The keys under which something may have been chosen that counts here, at most four."""
    return [key for _, key in _sources(channel, user)]


def key_of(scope: Scope, channel: Channel, user: User) -> str:
    """Where a choice is kept. Raises Refused where there is no such thing."""
    match scope:
        case Scope.ME:
            return f"{channel.platform}/user/{user.id}"
        case Scope.SERVER if not channel.server:
            raise Refused("This chat is no part of a server.")
        case Scope.SERVER:
            return f"{channel.platform}/server/{channel.server}"
    return channel.key


def check_right(setting: Setting, scope: Scope, channel: Channel, user: User) -> None:
    """Raises Refused where somebody may not choose this for others."""
    if scope is Scope.ME:
        if not setting.personal:
            raise Refused(f"{setting.name} is for a whole channel or server, not for one person.")
    elif channel.server and not user.moderator and (setting.guarded or scope is Scope.SERVER):
        raise Refused(f"Only moderators can choose {setting.name} for this {scope.value}.")


def manners(found: Mapping[str, Mapping[str, str]], channel: Channel) -> Manners:
    """How to behave in the channel, by what was chosen for it and its server."""
    choices = Choices(channel, User("", ""), found, {})
    hears = _HEARS[choices.value(TRIGGERS)]
    return Manners(hears, opens_threads=choices.value(THREADS) == "on")


def _sources(channel: Channel, user: User) -> list[tuple[str, str]]:
    sources = [("chosen for this channel", channel.key)]
    if channel.thread:
        parent = Channel(channel.platform, channel.server, channel.id).key
        sources = [("chosen for this thread", channel.key), ("chosen for this channel", parent)]
    sources.append(("your own choice", key_of(Scope.ME, channel, user)))
    if channel.server:
        sources.append(("chosen for this server", key_of(Scope.SERVER, channel, user)))
    return sources


def _number(low: float, high: float) -> Callable[[str], str]:
    def check(typed: str) -> str:
        if not re.fullmatch(r"\d{1,4}(\.\d{1,3})?", typed) or not low <= float(typed) <= high:
            raise Refused(f"That must be a number from {low:g} to {high:g}.")
        return typed

    return check


def _language(typed: str) -> str:
    if not re.fullmatch(r"[\w ()-]{2,40}", typed):
        raise Refused("Name a language, like “German” or “pt-BR”.")
    return typed


_ALWAYS = frozenset({Trigger.COMMAND})
_HEARS = {
    "mention": Manners().hears,
    "every": frozenset(Trigger),
    "command": _ALWAYS,
}

CHAT_MODEL = Setting("chat_model", "The model that answers")
IMAGE_MODEL = Setting("image_model", "The model that draws")
FALLBACK_MODELS = Setting("fallback_models", "Chat models to try when one fails")
PERSONA = Setting("persona", "Who answers: a persona of the library, or a description")
LANGUAGE = Setting("language", "The language of the answers", check=_language)
THINKING = Setting(
    "thinking", "Whether a model's thoughts stand above its answer", "off", ("off", "on")
)
TEMPERATURE = Setting("temperature", "How daring the answers are, 0 to 2", check=_number(0, 2))
LENGTH = Setting("length", "How long answers are", "normal", ("short", "normal", "long"))
TRIGGERS = Setting(
    "triggers",
    "What I answer: mentions, every message, or commands only",
    "mention",
    ("mention", "every", "command"),
    personal=False,
    guarded=True,
)
THREADS = Setting(
    "threads",
    "Whether a mention opens a thread",
    "off",
    ("off", "on"),
    personal=False,
    guarded=True,
)
SUMMARIES = Setting(
    "summaries",
    "Whether what no longer fits a model is summed up",
    "on",
    ("on", "off"),
    personal=False,
    guarded=True,
)
SETTINGS: tuple[Setting, ...] = (
    CHAT_MODEL,
    IMAGE_MODEL,
    FALLBACK_MODELS,
    PERSONA,
    LANGUAGE,
    THINKING,
    TEMPERATURE,
    LENGTH,
    TRIGGERS,
    THREADS,
    SUMMARIES,
)
