"""Typed lines: read whatever they say, and refused with a reason where they cannot be meant."""

from __future__ import annotations

import re

from bot.commands import COMMANDS
from bot.commands.base import Command, Kind, bind, split_line, usage
from bot.errors import Refused
from bot.types import Channel, Request, User
from tests.fuzz.draws import Draws, spelled

NAMES = sorted({option.name for command in COMMANDS for option in command.options})
WORDS = [
    *(f"/{command.name} " for command in COMMANDS),
    *(f" --{name} " for name in NAMES),
    *(f"—{name}=" for name in NAMES),
    *(
        "--",
        "—",
        "–",
        "16:9",
        "gpt-5",
        '"',
        '"two words"',
        "-3",
        "+4",
        "٣",
        "²",
        "99999999999",
        "=",
        "\t",
    ),
    *(
        "\n",
        "\u2028",
        "\0",
        "é",
        "--oneline",
        "--aspect-ratio 1:1",
        "--cuont 2",
        "a cat",
        "İ",
        "ß",
        "\x1f",
    ),
]


def check(data: bytes) -> None:
    draws = Draws(data)
    command = draws.pick(COMMANDS)
    picked = {draws.pick([*NAMES, "x"]): draws.text(WORDS) for _ in range(draws.below(3))}
    line = spelled(draws.rest(), WORDS)
    name, rest = split_line(line)
    assert name == "ask" or line.strip().lower().startswith(f"/{name}") or not name.isascii()
    assert line.strip().endswith(rest)
    assert re.fullmatch(r"\S+", name)
    request = Request(Channel("web", "", "c"), User("1", "A"), "1", name, rest, picked)
    try:
        bound = bind(command, request)
    except Refused as error:
        refused = error.notice.strip()
    else:
        _keeps_to(command, bound)
        _loses_nothing(command, rest, picked, bound)
        return
    assert refused, "nobody knows why"


def _keeps_to(command: Command, bound: dict[str, str]) -> None:
    """What is bound is what the command declares."""
    options = {option.name: option for option in command.options}
    assert bound.keys() <= options.keys()
    for option in command.options:
        assert not option.required or option.kind is Kind.IMAGE or option.name in bound
    for name, value in bound.items():
        option = options[name]
        assert isinstance(value, str)
        assert value == value.strip() != ""
        assert not option.choices or value in option.choices
        if option.kind is Kind.INTEGER:
            number = int(value)
            assert option.minimum is None or number >= option.minimum
            assert option.maximum is None or number <= option.maximum
    assert usage(command).startswith(f"/{command.name}")


def _loses_nothing(
    command: Command, text: str, picked: dict[str, str], bound: dict[str, str]
) -> None:
    """Every word of the text is in an option's name or value, but for one given a second time."""
    free = next((option.name for option in command.options if option.kind is Kind.TEXT), None)
    if free is None or free in picked:
        return
    kept = bound.get(free, "")
    assert kept in text
    if not re.search(r"(?:--|—|–)[A-Za-z]", text):
        assert kept == text.strip()
