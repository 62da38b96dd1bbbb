"""What the model of the benchmarks says: answers made from a few numbers, the same in every process
(pure).

A question carries its ``Plan`` in words, so the process that answers and the process that measures
need nothing else in common. Every token of prose is one word, so text can be followed word by word
however a platform shows it.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Self

_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstv" for vowel in "aeio"]
_FENCE_LINE = re.compile(r"^[ \t]*```.*$", re.MULTILINE)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Plan:
    """One answer. ``kind`` is "prose" (``tokens`` are words) or "code" (``tokens`` are lines),
    ``rate`` is in tokens a second, ``first`` and ``pause`` are in seconds; the pause comes before
    the last three tokens."""

    seed: int
    tokens: int
    kind: str = "prose"
    rate: float = 50.0
    first: float = 0.3
    pause: float = 0.0

    @property
    def question(self) -> str:
        return (
            f"bench {self.seed} {self.tokens} {self.kind} {self.rate:g} {self.first:g} "
            f"{self.pause:g}"
        )

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The plan that a question carries, None for a question of anybody else."""
        found = re.search(r"bench (\d+) (\d+) (\w+) ([\d.]+) ([\d.]+) ([\d.]+)", text)
        if found is None:
            return None
        seed, tokens, kind, *numbers = found.groups()
        return cls(int(seed), int(tokens), kind, *map(float, numbers))

    def pieces(self) -> list[tuple[float, str]]:
        """Every token, with the seconds after the request at which the model says it."""
        said = _code(self) if self.kind == "code" else _prose(self)
        late = len(said) - 3
        return [
            (self.first + number / self.rate + (self.pause if number >= late else 0.0), token)
            for number, token in enumerate(said)
        ]

    @property
    def text(self) -> str:
        return "".join(token for _, token in self.pieces())

    @property
    def last_word(self) -> str:
        """It stands in this answer only, at its end."""
        return f"done{self.seed}"


def words(text: str) -> list[str]:
    """The words that people read, without the lines of code fences and without any markup."""
    return _WORD.findall(_FENCE_LINE.sub("", text))


def _prose(plan: Plan) -> list[str]:
    """Paragraphs with a bold word here and there, and a list after each third one."""
    dice = random.Random(plan.seed)  # noqa: S311
    said: list[str] = []
    for number in range(plan.tokens - 1):
        word = "".join(dice.choices(_SYLLABLES, k=dice.randint(1, 3)))
        paragraph, place = divmod(number, 40)
        is_list = paragraph % 3 == 2
        gap = " " if number else ""
        if number and place == 0:
            gap = "\n\n- " if is_list else "\n\n"
        elif is_list and place % 8 == 0:
            gap = "\n- "
        word = f"**{word}**" if place % 16 == 5 else word
        end = "." if place % 10 == 9 and not is_list else ""
        said.append(f"{gap}{word}{end}")
    return [*said, f" {plan.last_word}."]


def _code(plan: Plan) -> list[str]:
    """One long block of Python, about 48 characters a line, between its fences."""
    dice = random.Random(plan.seed)  # noqa: S311
    lines = ["```python\n"]
    for number in range(plan.tokens - 1):
        name, other = ("".join(dice.choices(_SYLLABLES, k=4)) for _ in range(2))
        indent = "    " * (number % 3)
        lines.append(f"{indent}{name}_{number} = {other}({number}, '{name[:4]} {other[:6]}')\n")
    return [*lines, f"{plan.last_word} = True\n", "```"]
