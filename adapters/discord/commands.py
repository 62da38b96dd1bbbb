"""The commands as Discord registers them, so that people see options, choices and hints (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.commands import Command, Kind, Option

Json = dict[str, Any]

CHAT_INPUT = 1
STRING, INTEGER, ATTACHMENT = 3, 4, 11
IN_SERVERS, WITH_THE_BOT = 0, 1
CHOICES = 25
CHOICE_LENGTH = 100
TEXT_LENGTH = 6000

_TYPES = {Kind.TEXT: STRING, Kind.INTEGER: INTEGER, Kind.IMAGE: ATTACHMENT}


def native(commands: Sequence[Command]) -> list[Json]:
    """The body of the call that replaces all of the application's commands."""
    return [
        {
            "type": CHAT_INPUT,
            "name": command.name,
            "description": command.description[:100],
            # Discord takes no required option after one that is not.
            "options": [
                _option(option)
                for option in sorted(command.options, key=lambda option: not option.required)
            ],
            "integration_types": [IN_SERVERS],
            "contexts": [IN_SERVERS, WITH_THE_BOT],
        }
        for command in commands
    ]


def choices(values: Sequence[str]) -> list[Json]:
    """What is offered while somebody types: each once, and none that would have to be cut."""
    fit = [value for value in dict.fromkeys(values) if 0 < len(value) <= CHOICE_LENGTH]
    return [{"name": value, "value": value} for value in fit[:CHOICES]]


def _option(option: Option) -> Json:
    made: Json = {
        "type": _TYPES[option.kind],
        "name": option.name,
        "description": option.description[:100],
        "required": option.required,
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
