"""Who may answer: the personas that people choose from, the shipped ones and the operator's own.

A choice is kept as the persona's name, or as a description of one's own. Names are one word and
descriptions are several, so that no name that is gone is ever taken for a description.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from bot.config import PersonaSettings
from bot.errors import Refused

LONGEST = 2_000  # characters of a description of one's own


@dataclass(frozen=True, slots=True)
class Persona:
    """``text`` is what the model is told, ``description`` what people read when they choose."""

    name: str
    description: str
    text: str


class Personas:
    """The library. ``own`` are the operator's; one replaces the shipped one of its name."""

    def __init__(self, own: Mapping[str, PersonaSettings] | None = None) -> None:
        made = {persona.name.lower(): persona for persona in shipped()}
        for name, settings in (own or {}).items():
            made[name.lower()] = Persona(name, settings.description, settings.text)
        self._personas = made

    def __iter__(self) -> Iterator[Persona]:
        return iter(self._personas.values())

    def find(self, name: str) -> Persona | None:
        """The persona of this name, whatever its capitals."""
        return self._personas.get(name.strip().lower())

    def complete(self, typed: str) -> list[str]:
        """The names that begin with what was typed."""
        low = typed.strip().lower()
        return [persona.name for persona in self if persona.name.lower().startswith(low)]

    def checked(self, typed: str) -> str:
        """The choice as it is kept: a name as it is spelt, or the description. Raises Refused."""
        text = typed.strip()
        if (persona := self.find(text)) is not None:
            return persona.name
        if len(text) > LONGEST:
            raise Refused(
                f"A description has at most {LONGEST:,} characters; that one has {len(text):,}."
            )
        if not re.search(r"\s", text):
            names = ", ".join(persona.name for persona in self)
            raise Refused(
                f"There is no persona “{text[:40]}”. There is: {names}. "
                "Or describe one in a sentence: “You are a pirate.”"
            )
        return text

    def text(self, choice: str) -> str:
        """What the model is told of a choice: "" for nobody in particular."""
        if (persona := self.find(choice)) is not None:
            return persona.text.strip()
        return choice if re.search(r"\s", choice) else ""


@cache
def shipped() -> tuple[Persona, ...]:
    """The library that comes with Switchboard."""
    text = files("bot").joinpath("personas.toml").read_text("utf-8")
    rows = tomllib.loads(text)
    return tuple(Persona(name, row["description"], row["text"]) for name, row in rows.items())
