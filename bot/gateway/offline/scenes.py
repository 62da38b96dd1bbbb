"""What a prompt's words call for: place, light and subject for the offline picture model (pure)."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of the sky from its top to the horizon, and of the land from far to near."""

    sky: tuple[str, ...]
    land: tuple[str, ...]
    light: str
    dark: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """``place`` and ``subject`` are names that the painter knows; ``subject`` is "" for nobody.
    ``accent`` is the colour of a sail, a window or a balloon, "" for the painter's choice."""

    place: str
    palette: Palette
    subject: str = ""
    accent: str = ""


DUSK = Palette(
    sky=("#2d2f6f", "#7b4b9d", "#e2739b", "#ffbf8f"),
    land=("#b276a4", "#744d92", "#463871", "#251f4b"),
    light="#fff0c9",
)
EMBER = Palette(
    sky=("#ee8f4e", "#f7a25c", "#fcc47e", "#ffe9bd"),
    land=("#eda269", "#cc6b3f", "#93432f", "#4d211e"),
    light="#fff8de",
)
SEA = Palette(
    sky=("#4fb0e2", "#93d6ec", "#d3f0ee", "#fff3d9"),
    land=("#7cc7d4", "#3d9fbd", "#1f729f", "#123f6b"),
    light="#fffbe8",
)
FOREST = Palette(
    sky=("#7fc4b6", "#bbe0bf", "#eaf0c8", "#fdf6dc"),
    land=("#a5cba6", "#68a47e", "#34775b", "#123f36"),
    light="#fffbe0",
)
NIGHT = Palette(
    sky=("#050a22", "#0e1a4a", "#26356f", "#5a5b9c"),
    land=("#39427a", "#242d5c", "#141b3d", "#080b1d"),
    light="#f4f1de",
    dark=True,
)
SNOW = Palette(
    sky=("#79a9d8", "#b6d3ec", "#e6f0f7", "#fde9df"),
    land=("#c3d7e9", "#8fb1d0", "#5f85ae", "#34547b"),
    light="#fffaf0",
)
ROSE = Palette(
    sky=("#f19db9", "#fac6cd", "#fde6d8", "#fff7e6"),
    land=("#efb1c4", "#d07c9f", "#9a4f7e", "#5b2f58"),
    light="#fffdf0",
)
SAND = Palette(
    sky=("#e99a70", "#f5be8b", "#fde1b6", "#fff4dc"),
    land=("#f0c488", "#d99b58", "#ab6c3b", "#693d27"),
    light="#fffbe6",
)
MEADOW = Palette(
    sky=("#5aabe4", "#9dd2f0", "#daeeee", "#fff5d6"),
    land=("#b9d99a", "#86bf74", "#4b9460", "#1f5d4c"),
    light="#fffbe0",
)
CITY = Palette(
    sky=("#1d2050", "#4d3b7d", "#b45c8b", "#ffa97d"),
    land=("#7d5f9a", "#4d4080", "#2b2758", "#121130"),
    light="#ffe9c4",
    dark=True,
)

# In each table the first line whose words occur decides.
_LIGHTS = (
    (r"night|midnight|star\w*|moon\w*|dark|space|galax\w+|planets?|nebula|owls?|cosm\w+", NIGHT),
    (r"sunset|dusk|twilight|evening|dream\w*|magic\w*", DUSK),
    (r"sunrise|dawn|golden|autumn|fire\w*|embers?|lava|fox(?:es)?|orange|pumpkins?|tigers?", EMBER),
    (r"roses?|flowers?|pink|love|cherry|blossoms?|candy|spring|hearts?|unicorns?", ROSE),
)
_PLACES = (
    (
        r"seas?|ocean|beach|boats?|sail\w*|ships?|waves?|islands?|harbou?r|fish|whales?|"
        r"lighthouse|lake|water|octopus",
        ("sea", SEA),
    ),
    (
        r"forests?|woods?|trees?|jungle|bears?|deer|owls?|mushrooms?|elf|elves|wol(?:f|ves)",
        ("forest", FOREST),
    ),
    (
        r"cit(?:y|ies)|towers?|streets?|skyline|robots?|cyber\w*|neon|office|tokyo|new york|paris",
        ("city", CITY),
    ),
    (
        r"snow\w*|winter|ice|icy|arctic|penguins?|christmas|ski\w*|mountains?|alps?|peaks?|"
        r"cliffs?|dragons?|castle|eagles?",
        ("peaks", SNOW),
    ),
    (r"deserts?|sand\w*|dunes?|camels?|mars|pyramids?", ("dunes", SAND)),
    (r"meadows?|gardens?|fields?|hills?|farm|grass|village|sheep|dogs?|green", ("hills", MEADOW)),
)
_SUBJECTS = (
    (r"fox(?:es)?", "fox"),
    (r"cats?|kittens?|kitty", "cat"),
    (r"lighthouse", "lighthouse"),
    (r"boats?|sail\w*|ships?", "boat"),
    (r"balloons?|airships?|travel\w*|adventures?|journey|festival|party|birthday", "balloon"),
    (r"houses?|home|cabin|hut|cottage|village|farm", "house"),
)
_ACCENTS = (
    (r"red|crimson|scarlet", "#d8432f"),
    (r"blue|azure", "#2f7fc4"),
    (r"green|emerald", "#3f9b62"),
    (r"yellow|gold(?:en)?", "#f4c542"),
    (r"orange", "#f08a35"),
    (r"purple|violet", "#8450a8"),
    (r"pink", "#ef86ac"),
)
_OPEN = (("hills", DUSK), ("hills", MEADOW), ("peaks", ROSE), ("dunes", SAND), ("hills", EMBER))


def read(prompt: str, chance: random.Random) -> Scene:
    """The scene that the words call for; ``chance`` fills in what they leave open."""
    guess = chance.choice(_OPEN)  # drawn in any case, so that a word changes only what it names
    visitor = chance.choice(("birds", "balloon", "birds", ""))
    subject = _first(prompt, _SUBJECTS) or ""
    found = _first(prompt, _PLACES)
    place, palette = found or (("hills", EMBER) if subject in ("fox", "cat") else guess)
    if subject in ("fox", "cat", "house") and place == "sea":
        place = "hills"
    if subject in ("boat", "lighthouse"):
        place = "sea"
    light = _first(prompt, _LIGHTS)
    if light is not None and not (place == "city" and light.dark):
        palette = light
    if place == "city":
        subject = "balloon" if subject == "balloon" else ""
    accent = _first(prompt, _ACCENTS) or ""
    return Scene(place, palette, subject or ("boat" if place == "sea" else visitor), accent)


def _first(prompt: str, table: Iterable[tuple[str, T]]) -> T | None:
    for words, value in table:
        if re.search(rf"\b(?:{words})\b", prompt, re.IGNORECASE):
            return value
    return None
