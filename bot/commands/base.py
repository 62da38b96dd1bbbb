"""What a command is, and how its options are found in what somebody typed or picked (pure).

A command declares itself once; Discord shows its options natively, everywhere else they are typed
after the text: ``/image a cat --aspect_ratio 16:9``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.errors import Refused
from bot.types import Request, Turn

if TYPE_CHECKING:
    from bot.commands.context import Context
    from bot.gateway.models import Models
    from bot.interfaces import Store
    from bot.personas import Personas


class Kind(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    IMAGE = "image"  # these two travel as Request.attachments, not as text
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Known:
    """What can be called by a name, for completion."""

    models: Models
    personas: Personas


@dataclass(frozen=True, slots=True)
class Option:
    """One option. The first TEXT option of a command takes what is typed without a name.

    ``choices`` are the only values allowed; ``complete`` offers values while somebody types.
    ``minimum`` and ``maximum`` bound an INTEGER. ``or_shown``: required, unless something was
    attached or quoted, which speaks for itself.
    """

    name: str
    description: str
    kind: Kind = Kind.TEXT
    required: bool = False
    choices: tuple[str, ...] = ()
    complete: Callable[[Known, str], Sequence[str]] | None = None
    minimum: int | None = None
    maximum: int | None = None
    or_shown: bool = False

    @property
    def is_attached(self) -> bool:
        return self.kind in (Kind.IMAGE, Kind.FILE)


@dataclass(frozen=True, slots=True)
class Command:
    """``description`` is one line of at most 100 characters (Discord's limit). ``run`` answers, and
    returns the turn as it ended where there is more to write down than that it was done.

    ``stands_for`` says what is really asked where the command means an earlier turn, before the
    request is written down: given the request, the store and the id of the person's latest turn
    here ("" where nobody knows). Where it raises Refused, ``run`` is there to say so.
    """

    name: str
    description: str
    run: Callable[[Context], Awaitable[Turn | None]]
    options: tuple[Option, ...] = ()
    prose: bool = False  # its text may well speak of "--words", so none is taken for a misspelling
    stands_for: Callable[[Request, Store, str], Awaitable[Request]] | None = None


def split_line(line: str) -> tuple[str, str]:
    """A typed line as (command, what follows). A line without a slash is a question: ("ask",
    line)."""
    line = line.strip()
    match = re.match(r"/(\w+)(?:\s+|$)", line)
    if match is None:
        return "ask", line
    return match[1].lower(), line[match.end() :]


def bind(command: Command, request: Request) -> dict[str, str]:
    """The request's options by name, checked; what came by name counts more than what is found in
    the text. Raises Refused with what to do instead."""
    options = dict(request.options)
    if request.text:
        text, typed = _split_options(command, request.text)
        options = typed | options
        free = next((option for option in command.options if option.kind is Kind.TEXT), None)
        if text and free is None:
            raise Refused(f"/{command.name} takes no text. {usage(command)}")
        if text and free is not None:
            options.setdefault(free.name, text)
    return {
        option.name: _check(command, option, options[option.name])
        for option in command.options
        if _is_given(command, option, options, request)
    }


def usage(command: Command) -> str:
    """How to type the command, in one line: ``/model [name]``."""
    words = [f"/{command.name}"]
    free = next((option for option in command.options if option.kind is Kind.TEXT), None)
    for option in command.options:
        if option is free:
            words.append(option.name if option.required else f"[{option.name}]")
        elif not option.is_attached:
            words.append(f"[--{option.name} …]")
    return " ".join(words)


def nearest(word: str, known: Sequence[str], *, most: int = 3) -> list[str]:
    """The known words that look most like this one, best first."""
    lowered = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), lowered, n=most, cutoff=0.5)
    inside = [low for low in lowered if word and word.lower() in low and low not in close]
    return [lowered[low] for low in [*close, *inside][:most]]


# An option stands before or after the text: "--name value". Phones turn "--" into a dash.
_OPTION = r"(?:--|—|–)([A-Za-z][\w-]*)(?:[ \t=]+([^\s—–-]\S*|-\d+|\"[^\"]*\"))?"
_FIRST_OPTION = re.compile(rf"\s*{_OPTION}(?=\s|$)")
_LAST_OPTION = re.compile(rf"(?:^|\s){_OPTION}\s*$")
_REACH = 400  # characters at the end of a text in which its last option is looked for


def _last_option(text: str) -> re.Match[str] | None:
    return _LAST_OPTION.search(text, max(0, len(text) - _REACH))


def _split_options(command: Command, text: str) -> tuple[str, dict[str, str]]:
    """Peel ``--name value`` from the end and the beginning of the text as long as the names are
    this command's. The option that takes the text itself has no name here.

    Any other ``--word`` belongs to the text, as in a question about ``git log --oneline``, unless
    it can only be a misspelt option.
    """
    names = [option.name for option in command.options if not option.is_attached][1:]
    found: dict[str, str] = {}
    text = text.strip()
    for find in (_last_option, _FIRST_OPTION.match):
        while match := find(text):
            name, value = match[1].lower().replace("-", "_"), match[2]
            if name not in names or (value is None and command.prose):
                close = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
                if close and not command.prose:
                    raise Refused(
                        f"/{command.name} has no option --{match[1]}. Did you mean --{close[0]}?"
                    )
                break
            if value is None:
                raise Refused(f"--{name} needs a value: --{name} …")
            found.setdefault(name, value.strip('"'))
            text = text[: match.start()] + text[match.end() :]
    return text.strip(), found


def _is_given(
    command: Command, option: Option, options: Mapping[str, str], request: Request
) -> bool:
    if options.get(option.name, "").strip():
        return True
    is_shown = option.or_shown and (request.attachments or request.quoted is not None)
    if option.required and not option.is_attached and not is_shown:
        raise Refused(f"What should the {option.name} be? Type it like this: {usage(command)}")
    return False


def _check(command: Command, option: Option, value: str) -> str:
    value = value.strip()
    if option.choices and value not in option.choices:
        raise Refused(
            f"--{option.name} can be {', '.join(option.choices)}; “{value[:40]}” is none of them."
        )
    if option.kind is Kind.INTEGER:
        if not re.fullmatch(r"[+-]?\d{1,9}", value):
            raise Refused(
                f"--{option.name} must be a whole number, "
                f"like --{option.name} {option.minimum or 1}."
            )
        number = int(value)
        low, high = option.minimum, option.maximum
        if (low is not None and number < low) or (high is not None and number > high):
            raise Refused(f"--{option.name} must be from {low} to {high}.")
    return value
