"""The outlines of hills, peaks, waves, dunes and roofs for the offline picture model (pure).

A shape gives one height from 0 to 1 for each position; positions are shares of the picture's unit
of size, and ``depth`` runs from 0 for the farthest ridge to 1 for the nearest.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Heights = list[float]
Shape = Callable[[random.Random, Sequence[float], float], Heights]


@dataclass(frozen=True, slots=True)
class Ridge:
    """``rise`` is the highest point's height as a share of the unit, ``trees`` their density."""

    shape: Shape
    rise: float
    trees: float = 0.0
    snow: bool = False
    windows: bool = False


def hills(chance: random.Random, xs: Sequence[float], depth: float) -> Heights:
    waves = [(2.6, 0.5), (5.3, 0.22), (11.0, 0.08)]
    phases = [(k * chance.uniform(0.8, 1.2), chance.uniform(0, math.tau), a) for k, a in waves]
    return [0.5 + 0.62 * sum(a * math.sin(k * x + phase) for k, phase, a in phases) for x in xs]


def peaks(chance: random.Random, xs: Sequence[float], depth: float) -> Heights:
    """Lines broken ever finer (midpoint displacement); the near ones are worn down to hills."""
    count, first = max(4, int(xs[-1] * chance.uniform(3.4, 4.6)) + 3), chance.randint(0, 1)
    line = [
        chance.uniform(0.4, 1.0) if i % 2 == first else chance.uniform(0.0, 0.3)
        for i in range(count)
    ]
    rough = 0.2
    while len(line) < len(xs):
        finer = [line[0]]
        for a, b in itertools.pairwise(line):
            finer += [(a + b) / 2 + chance.uniform(-rough, rough), b]
        line, rough = finer, rough * 0.5
    low, high = min(line), max(line)
    bend = chance.uniform(0.72, 1.4)  # wider valleys on one side than on the other
    places = (int((x / xs[-1]) ** bend * (len(line) - 1)) for x in xs)
    steep = [(line[place] - low) / (high - low) for place in places]
    soft = hills(chance, xs, depth)
    worn = max(0.0, depth - 0.3) / 0.7
    return [a * (1 - worn) + b * worn for a, b in zip(steep, soft, strict=True)]


def waves(chance: random.Random, xs: Sequence[float], depth: float) -> Heights:
    """Flat at the horizon, with round troughs and sharp crests nearby."""
    length = 0.1 + 0.16 * depth
    phase, sway = chance.uniform(0, 1), chance.uniform(0, math.tau)
    return [
        depth * (abs(math.cos(math.pi * (x / length + phase))) * -0.75 + 0.75)
        + 0.3 * depth * math.sin(3.1 * x + sway)
        for x in xs
    ]


def dunes(chance: random.Random, xs: Sequence[float], depth: float) -> Heights:
    """Long on the windward side, steep on the other."""
    k, phase = chance.uniform(2.2, 3.4), chance.uniform(0, math.tau)
    second, other = chance.uniform(4.5, 6.0), chance.uniform(0, math.tau)
    return [
        0.5
        + 0.34 * math.sin(k * x + phase + 0.75 * math.sin(k * x + phase))
        + 0.12 * math.sin(second * x + other + 0.8 * math.sin(second * x + other))
        for x in xs
    ]


def roofs(chance: random.Random, xs: Sequence[float], depth: float) -> Heights:
    """Blocks with flat tops, some with a mast; the far ones are the tall ones."""
    heights: Heights = []
    until, level, mast = 0.0, 0.0, -1.0
    for x in xs:
        if x >= until:
            width = chance.uniform(0.05, 0.13)
            tall = chance.random() < 0.2
            level = chance.uniform(0.72, 1.0) if tall else chance.uniform(0.12, 0.66)
            mast = until + width / 2 if tall and chance.random() < 0.7 else -1.0
            until += width
        heights.append(level + (0.16 if mast >= 0 and abs(x - mast) < 0.004 else 0.0))
    return heights


RIDGES = {
    "hills": Ridge(hills, rise=0.2, trees=0.3),
    "forest": Ridge(hills, rise=0.16, trees=0.95),
    "peaks": Ridge(peaks, rise=0.4, trees=0.25, snow=True),
    "sea": Ridge(waves, rise=0.035),
    "dunes": Ridge(dunes, rise=0.24),
    "city": Ridge(roofs, rise=0.42, windows=True),
}
