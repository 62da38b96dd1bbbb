"""The commands as Discord registers them, so that people see options, choices and hints (pure).

They are offered wherever Discord has a place for them: in servers, in private chats with the bot,
and, to those who have installed the bot for themselves, everywhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.discord.shortcuts import SHORTCUTS
from bot.commands import Command, Kind, Option

Json = dict[str, Any]

CHAT_INPUT, ON_A_MESSAGE = 1, 3
STRING, INTEGER, ATTACHMENT = 3, 4, 11
BY_A_SERVER, BY_A_PERSON = 0, 1  # who has installed the bot
IN_SERVERS, WITH_THE_BOT, AMONG_OTHERS = 0, 1, 2
CHOICES = 25
CHOICE_LENGTH = 100
TEXT_LENGTH = 6000

_TYPES = {Kind.TEXT: STRING, Kind.INTEGER: INTEGER}  # all others travel as files


def native(commands: Sequence[Command], *, for_people: bool = True) -> list[Json]:
    """The body of the call that replaces all of the application's commands. ``for_people``: also
    for those who install the bot for themselves, if its application allows that."""
    where: Json = {
        "integration_types": [BY_A_SERVER, BY_A_PERSON] if for_people else [BY_A_SERVER],
        "contexts": [IN_SERVERS, WITH_THE_BOT, *([AMONG_OTHERS] if for_people else [])],
    }
    names = {command.name for command in commands}
    shortcuts = [shortcut.name for shortcut in SHORTCUTS if shortcut.command in names]
    return [
        *(_typed(command) | where for command in commands),
        *({"type": ON_A_MESSAGE, "name": name} | where for name in shortcuts),
    ]


def choices(values: Sequence[str]) -> list[Json]:
    """What is offered while somebody types: each once, and none that would have to be cut."""
    fit = [value for value in dict.fromkeys(values) if 0 < len(value) <= CHOICE_LENGTH]
    return [{"name": value, "value": value} for value in fit[:CHOICES]]


def _typed(command: Command) -> Json:
    # Discord takes no required option after one that is not, and knows no "unless".
    ordered = sorted(command.options, key=lambda option: not _is_required(option))
    return {
        "type": CHAT_INPUT,
        "name": command.name,
        "description": command.description[:100],
        "options": [_option(option) for option in ordered],
    }


def _is_required(option: Option) -> bool:
    return option.required and not option.or_shown


def _option(option: Option) -> Json:
    made: Json = {
        "type": _TYPES.get(option.kind, ATTACHMENT),
        "name": option.name,
        "description": option.description[:100],
        "required": _is_required(option),
    }
    if option.kind is Kind.INTEGER:
        if option.minimum is not None:
            made["min_value"] = option.minimum
        if option.maximum is not None:
            made["max_value"] = option.maximum
    elif option.kind is Kind.TEXT:
        if 0 < len(option.choices) <= CHOICES:
            made["choices"] = choices(option.choices)
        else:
            made["max_length"] = TEXT_LENGTH
            # More choices than a list can hold are offered as somebody types.
            made["autocomplete"] = option.complete is not None or bool(option.choices)
    return made
