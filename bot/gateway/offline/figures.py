"""Small figures for the offline picture model: animals, a boat, houses, trees, birds, balloons.

Those that stand somewhere are drawn on two masks, ``shape`` for the figure and ``bright`` for what
shines on it (a sail, a lit window). ``x, y`` is the point they stand on and ``size`` their height,
in pixels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable

from PIL import ImageDraw

Draw = ImageDraw.ImageDraw
Point = tuple[float, float]
Place = Callable[[Iterable[Point]], list[Point]]


def fox(shape: Draw, bright: Draw, x: float, y: float, size: float) -> None:
    """Sitting, looking to the right."""
    at = _placed(x, y, size)
    shape.polygon(at(_rounded(_FOX_BODY)), fill=255)
    shape.polygon(at(_rounded(_FOX_TAIL)), fill=255)
    for ear in (
        ((-0.01, 0.76), (0.0, 1.0), (0.13, 0.82)),
        ((0.09, 0.8), (0.15, 0.99), (0.21, 0.79)),
    ):
        shape.polygon(at(ear), fill=255)
    bright.polygon(
        at(_rounded(((-0.66, 0.37), (-0.72, 0.5), (-0.8, 0.4), (-0.76, 0.32)))), fill=200
    )


def cat(shape: Draw, bright: Draw, x: float, y: float, size: float) -> None:
    """Sitting with its back to us, as cats do."""
    at = _placed(x, y, size)
    shape.polygon(at(_rounded(_CAT_BODY)), fill=255)
    for side in (-1, 1):
        ear = ((side * 0.19, 0.74), (side * 0.18, 1.0), (side * 0.02, 0.87))
        shape.polygon(at(ear), fill=255)
    tail = at(
        _rounded(((0.15, 0.05), (0.4, 0.03), (0.58, 0.12), (0.6, 0.3), (0.52, 0.4)), closed=False)
    )
    _stroke(shape, tail, size * 0.075)


def boat(shape: Draw, bright: Draw, x: float, y: float, size: float) -> None:
    at = _placed(x, y, size)
    shape.polygon(at(((-0.42, 0.14), (0.46, 0.14), (0.3, -0.02), (-0.3, -0.02))), fill=255)
    shape.line(at(((0.0, 0.1), (0.0, 1.0))), fill=255, width=max(2, int(size * 0.02)))
    main = _rounded(((0.03, 0.97), (0.2, 0.6), (0.42, 0.22)), closed=False)
    bright.polygon(at([*main, (0.03, 0.2)]), fill=255)
    bright.polygon(at(((-0.03, 0.86), (-0.34, 0.22), (-0.03, 0.22))), fill=205)


def house(shape: Draw, bright: Draw, x: float, y: float, size: float) -> None:
    at = _placed(x, y, size)
    shape.polygon(at(((-0.45, -0.2), (-0.45, 0.5), (0.45, 0.5), (0.45, -0.2))), fill=255)
    shape.polygon(at(((-0.58, 0.46), (-0.02, 1.0), (0.58, 0.46))), fill=255)
    shape.polygon(at(((0.24, 0.6), (0.24, 1.0), (0.36, 1.0), (0.36, 0.6))), fill=255)
    for left in (-0.28, 0.08):
        bright.polygon(
            at(((left, 0.16), (left, 0.38), (left + 0.2, 0.38), (left + 0.2, 0.16))), fill=255
        )


def lighthouse(shape: Draw, bright: Draw, x: float, y: float, size: float) -> None:
    at = _placed(x, y, size)
    rock = ((-0.5, -0.12), (-0.36, 0.06), (-0.12, 0.13), (0.14, 0.14), (0.36, 0.05), (0.52, -0.12))
    shape.polygon(at(_rounded(rock)), fill=255)
    shape.polygon(at(((-0.13, 0.1), (-0.085, 0.78), (0.085, 0.78), (0.13, 0.1))), fill=255)
    shape.polygon(at(((-0.13, 0.78), (-0.13, 0.81), (0.13, 0.81), (0.13, 0.78))), fill=255)
    shape.polygon(at(((-0.09, 0.92), (0.0, 1.0), (0.09, 0.92))), fill=255)
    bright.polygon(at(((-0.06, 0.81), (-0.06, 0.92), (0.06, 0.92), (0.06, 0.81))), fill=255)
    for low in (0.24, 0.52):
        wide, narrow = 0.13 - (low - 0.1) * 0.066, 0.13 - (low + 0.04) * 0.066
        band = ((-wide, low), (-narrow, low + 0.14), (narrow, low + 0.14), (wide, low))
        bright.polygon(at(band), fill=215)


def conifer(shape: Draw, x: float, y: float, size: float) -> None:
    at = _placed(x, y, size)
    shape.polygon(at(((-0.035, -0.15), (-0.02, 0.3), (0.02, 0.3), (0.035, -0.15))), fill=255)
    for low, wide in ((0.08, 0.25), (0.3, 0.2), (0.52, 0.145)):
        tip = min(1.0, low + 0.48)
        shape.polygon(at(((-wide, low), (0.0, tip), (wide, low), (0.0, low + 0.05))), fill=255)


def bird(sky: Draw, x: float, y: float, size: float, lift: float) -> None:
    """Two wings; ``lift`` from 0 to 1 is how far they are up."""
    for side in (-1, 1):
        tip = (x + side * size, y - size * (0.1 + 0.5 * lift))
        bow = (x + side * size * 0.5, y - size * (0.35 + 0.3 * lift))
        below = (x + side * size * 0.5, y - size * (0.2 + 0.3 * lift))
        sky.polygon([(x, y), bow, tip, below, (x, y + size * 0.12)], fill=(40, 34, 60, 190))


def balloon(sky: Draw, x: float, y: float, size: float, stripes: tuple[str, str]) -> None:
    """A hot-air balloon whose envelope has its centre at ``x, y`` and is ``size`` wide."""
    half = size / 2
    skirt = [(x - half * 0.3, y + half * 1.25), (x + half * 0.3, y + half * 1.25)]
    for number, width in enumerate((1.0, 0.72, 0.38)):
        envelope = _rounded(
            [
                (0.0, 1.0), (0.7 * width, 0.72), (width, 0.05), (0.72 * width, -0.55),
                (0.3 * width, -1.22), (-0.3 * width, -1.22), (-0.72 * width, -0.55), (-width, 0.05),
                (-0.7 * width, 0.72),
            ]
        )  # fmt: skip
        sky.polygon(_placed(x, y, half)(envelope), fill=stripes[number % 2])
    basket = (x - half * 0.18, y + half * 1.58, x + half * 0.18, y + half * 1.84)
    for point in skirt:
        side = basket[0] if point[0] < x else basket[2]
        sky.line([point, (side, basket[1])], fill="#4a3340", width=max(1, int(size / 60)))
    sky.rounded_rectangle(basket, half * 0.05, fill="#6b4433")


def _placed(x: float, y: float, size: float) -> Place:
    """Turns figure coordinates (the foot is 0, 0 and the height 1, upwards) into pixels."""
    return lambda points: [(x + px * size, y - py * size) for px, py in points]


def _rounded(points: Iterable[Point], *, closed: bool = True, parts: int = 8) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    knots = list(points)
    count = len(knots)
    last = count if closed else count - 1
    curve: list[Point] = []
    for i in range(last):
        a, b, c, d = (
            knots[k % count] if closed else knots[min(max(k, 0), count - 1)]
            for k in (i - 1, i, i + 1, i + 2)
        )
        for t in (step / parts for step in range(parts)):
            curve.append((_spline(a[0], b[0], c[0], d[0], t), _spline(a[1], b[1], c[1], d[1], t)))
    return curve if closed else [*curve, knots[-1]]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def _stroke(shape: Draw, points: list[Point], width: float) -> None:
    """A line with round joints and ends."""
    radius = width / 2
    for (ax, ay), (bx, by) in itertools.pairwise(points):
        steps = max(1, int(math.dist((ax, ay), (bx, by)) / max(1.0, radius / 3)))
        for step in range(steps + 1):
            px, py = ax + (bx - ax) * step / steps, ay + (by - ay) * step / steps
            shape.ellipse((px - radius, py - radius, px + radius, py + radius), fill=255)


_FOX_BODY = (
    (-0.3, 0.0), (-0.34, 0.12), (-0.27, 0.34), (-0.14, 0.5), (-0.05, 0.6), (-0.03, 0.72),
    (0.02, 0.81), (0.12, 0.84), (0.22, 0.8), (0.32, 0.71), (0.43, 0.65), (0.42, 0.61), (0.3, 0.6),
    (0.2, 0.56), (0.2, 0.46), (0.21, 0.34), (0.17, 0.18), (0.17, 0.06), (0.25, 0.02), (0.24, -0.02),
    (0.0, -0.03),
)  # fmt: skip
_FOX_TAIL = (
    (-0.2, -0.02), (-0.42, -0.04), (-0.62, 0.02), (-0.76, 0.16), (-0.8, 0.34), (-0.73, 0.52),
    (-0.66, 0.4), (-0.58, 0.26), (-0.44, 0.19), (-0.26, 0.2),
)  # fmt: skip
_CAT_BODY = (
    (-0.2, -0.03), (-0.29, 0.1), (-0.27, 0.3), (-0.17, 0.48), (-0.13, 0.56), (-0.19, 0.66),
    (-0.21, 0.76), (-0.15, 0.87), (0.0, 0.9), (0.15, 0.87), (0.21, 0.76), (0.19, 0.66),
    (0.13, 0.56), (0.17, 0.48), (0.27, 0.3), (0.29, 0.1), (0.2, -0.03),
)  # fmt: skip
