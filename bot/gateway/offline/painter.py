"""Landscapes for the offline picture model, drawn in layers from back to front.

``paint`` is deterministic: the same scene, size and state of the dice give the same pixels. A
scene is a sky, a sun or moon, stars or clouds, four ridges in the haze, and whoever stands on them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

from bot.gateway.offline import figures
from bot.gateway.offline.ridges import RIDGES, Heights
from bot.gateway.offline.scenes import Scene

Colour = tuple[int, int, int]
Draw = ImageDraw.ImageDraw
FINE = 2  # masks are drawn this much larger and scaled down, which smooths their edges
STEP = 4  # pixels between two points of a ridge
STANDING = {
    "fox": figures.fox,
    "cat": figures.cat,
    "house": figures.house,
    "lighthouse": figures.lighthouse,
    "boat": figures.boat,
}
# Height of a figure as a share of the unit, and the ridge it stands on.
STATURE = {
    "fox": (0.3, 2),
    "cat": (0.3, 2),
    "house": (0.15, 2),
    "lighthouse": (0.42, 1),
    "boat": (0.24, 1),
}
BALLOONS = (
    ("#e4572e", "#f7d6a0"),
    ("#2e86ab", "#f6e7cb"),
    ("#a23b72", "#f9d5c2"),
    ("#3b8f6e", "#f4ecc2"),
)


def paint(scene: Scene, size: tuple[int, int], chance: random.Random) -> Image.Image:
    """The scene as an RGB picture of ``size`` pixels."""
    return _Painter(scene, size, chance).paint()


def colour(text: str) -> Colour:
    red, green, blue = ImageColor.getrgb(text)[:3]
    return red, green, blue


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """``first`` with a ``share`` of ``second`` from 0 to 1."""
    share = min(max(share, 0.0), 1.0)
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


class _Painter:
    """One picture in the making. Sizes are shares of ``unit``, so that any ratio looks right."""

    def __init__(self, scene: Scene, size: tuple[int, int], chance: random.Random) -> None:
        self.scene = scene
        self.palette = scene.palette
        self.width, self.height = size
        self.chance = chance
        self.unit = min(max(size) * 0.6, min(size) * 1.1)
        self.horizon = self.height * chance.uniform(0.47, 0.54)
        self.left = chance.random() < 0.5  # the side of the light; figures take the other one
        self.sun = (
            self.width * (chance.uniform(0.24, 0.36) if self.left else chance.uniform(0.64, 0.76)),
            self.horizon - self.unit * chance.uniform(0.14, 0.3),
        )
        self.picture = self._sky()

    def paint(self) -> Image.Image:
        if self.palette.dark:
            self._stars()
        self._sun()
        if not self.palette.dark:
            self._clouds()
        if self.scene.subject == "birds":
            self._birds()
        elif self.scene.subject == "balloon":
            self._balloon()
        for number in range(len(self.palette.land)):
            self._ridge(number)
        return self.picture

    def _sky(self) -> Image.Image:
        stops = [colour(text) for text in self.palette.sky]
        span = self.horizon / (len(stops) - 1)

        def at(y: int) -> Colour:
            part, share = divmod(min(y / span, len(stops) - 1.001), 1)
            return mixed(stops[int(part)], stops[int(part) + 1], share)

        return self._column(at)

    def _stars(self) -> None:
        draw = ImageDraw.Draw(self.picture, "RGBA")
        for _ in range(int(self.width * self.horizon / 2400)):
            x = self.chance.uniform(0, self.width)
            y = self.horizon * self.chance.random() ** 1.3
            if math.dist((x, y), self.sun) < self.unit * 0.09:
                continue
            bright = int(50 + 205 * self.chance.random() ** 2.5)
            radius = 0.5 if bright < 150 else self.chance.uniform(0.8, 1.5)
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), (255, 250, 235, bright))

    def _sun(self) -> None:
        """The sun or moon: a wide glow, a narrow one, and the disc."""
        x, y = self.sun
        light = colour(self.palette.light)
        # A pale moon's light would grey the night; its glow takes the horizon's colour instead.
        hue = mixed(light, colour(self.palette.sky[-1]), 0.6 if self.palette.dark else 0.0)
        radial = ImageChops.invert(Image.radial_gradient("L"))
        for radius, strength in ((1.0, 0.5), (0.32, 0.5)):
            curve = [int(max(0.0, (v - 75) / 180) ** 1.6 * 255 * strength) for v in range(256)]
            side = int(self.unit * radius * 2)
            glow = radial.resize((side, side), Image.Resampling.BICUBIC).point(curve)
            self.picture.paste(hue, (int(x - side / 2), int(y - side / 2)), glow)
        radius = self.unit * (0.07 if self.palette.dark else 0.1)
        disc = self._mask()
        _disc(disc, x, y, radius)
        if self.palette.dark:  # a crescent
            _disc(disc, x + radius * 0.45, y - radius * 0.22, radius * 0.92, fill=0)
        self._paste(light, disc)

    def _clouds(self) -> None:
        """Long, soft, flat-bottomed clouds, drawn small and blurred."""
        scale = 4
        small = Image.new("L", (self.width // scale, self.height // scale))
        draw = ImageDraw.Draw(small)
        for _ in range(self.chance.randint(3, 5)):
            x = self.chance.uniform(0, small.width)
            y = self.chance.uniform(0.1, 0.8) * self.horizon / scale
            length = self.unit * self.chance.uniform(0.14, 0.34) / scale
            for _ in range(12):
                offset = self.chance.uniform(-1, 1)
                puff = length * (1.15 - abs(offset)) * self.chance.uniform(0.1, 0.24)
                centre = x + offset * length
                box = (centre - puff * 2, y - puff, centre + puff * 2, y + puff * 0.3)
                draw.ellipse(box, fill=self.chance.randint(80, 140))
        small = small.filter(ImageFilter.GaussianBlur(self.unit / scale / 70))
        mask = small.resize(self.picture.size, Image.Resampling.BICUBIC)
        self.picture.paste(mixed((255, 255, 255), colour(self.palette.sky[-1]), 0.25), (0, 0), mask)

    def _birds(self) -> None:
        sky = ImageDraw.Draw(self.picture, "RGBA")
        x = self.width * (0.7 if self.left else 0.3)
        y = self.horizon * self.chance.uniform(0.35, 0.6)
        for _ in range(self.chance.randint(5, 8)):
            dx, dy = self.chance.gauss(0, 0.13), self.chance.gauss(0, 0.06)
            size = self.unit * self.chance.uniform(0.012, 0.026)
            figures.bird(sky, x + dx * self.unit, y + dy * self.unit, size, self.chance.random())

    def _balloon(self) -> None:
        big = Image.new("RGBA", (self.width * FINE, self.height * FINE))
        draw = ImageDraw.Draw(big)
        x = self.width * (0.68 if self.left else 0.32)
        y = self.horizon * 0.36
        size = self.unit * 0.2
        first = (
            (self.scene.accent, "#fbeed5") if self.scene.accent else self.chance.choice(BALLOONS)
        )
        for dx, dy, share in ((0.0, 0.0, 1.0), (-0.27, 0.16, 0.42), (0.24, 0.2, 0.3)):
            place = (x + dx * self.unit) * FINE, (y + dy * self.unit) * FINE
            stripes = first if share == 1 else self.chance.choice(BALLOONS)
            figures.balloon(draw, *place, size * share * FINE, stripes)
        small = big.reduce(FINE)
        self.picture.paste(small, (0, 0), small)

    def _ridge(self, number: int) -> None:
        """One ridge: the nearer, the lower and darker; its upper edge is lost in the haze."""
        ridge = RIDGES[self.scene.place]
        depth = number / (len(self.palette.land) - 1)
        top = self.horizon + (self.height - self.horizon) * (0.03 + 0.6 * depth**1.2)
        rise = self.unit * ridge.rise * (1 - 0.4 * depth)
        heights = ridge.shape(
            self.chance, [i * STEP / self.unit for i in range(self._steps())], depth
        )
        line = [top - rise * height for height in heights]
        shape = self._mask()
        points = [(i * STEP * FINE, y * FINE) for i, y in enumerate(line)]
        bottom = self.height * FINE
        ImageDraw.Draw(shape).polygon([*points, (points[-1][0], bottom), (0, bottom)], fill=255)
        self._trees(shape, line, depth, ridge.trees)
        figure = self._figure(shape, line, number)
        near = colour(self.palette.land[number])
        far = mixed(near, colour(self.palette.sky[-1]), 0.42 * (1 - depth) + 0.06)
        high, span = min(line), (self.height - min(line)) * 0.5
        self._paste(self._column(lambda y: mixed(far, near, (y - high) / span)), shape)
        if ridge.snow and depth < 0.6:
            self._snow(line, heights, rise)
        if ridge.windows:
            self._windows(line, depth)
        if self.scene.place == "sea" and number == 0:
            self._glitter(high)
        if figure is not None:
            self._paste(mixed(colour(self.scene.accent or self.palette.light), near, 0.1), figure)

    def _figure(self, shape: Image.Image, line: list[float], number: int) -> Image.Image | None:
        """Put the subject on its ridge; returns the mask of what shines on it."""
        size, ridge = STATURE.get(self.scene.subject, (0.0, -1))
        if number != ridge:
            return None
        x = self.width * (0.7 if self.left else 0.3)
        near = line[int(x / STEP) - 6 : int(x / STEP) + 7]
        bright = self._mask()
        draw = STANDING[self.scene.subject]
        foot = (x * FINE, (max(near) + 1) * FINE)
        draw(ImageDraw.Draw(shape), ImageDraw.Draw(bright), *foot, size * self.unit * FINE)
        return bright

    def _trees(self, shape: Image.Image, line: list[float], depth: float, density: float) -> None:
        """Conifers in groups along the ridge; none where ``density`` is 0."""
        draw = ImageDraw.Draw(shape)
        x, dense = 0.0, self.chance.random()
        while density and x < self.width:
            x += self.unit * self.chance.uniform(0.012, 0.05) * (0.5 + depth) / density
            dense = min(max(dense + self.chance.uniform(-0.3, 0.3), 0.0), 1.0)
            if dense < 1 - density or x >= self.width:
                continue
            size = self.unit * self.chance.uniform(0.05, 0.11) * (0.5 + 1.5 * depth)
            figures.conifer(draw, x * FINE, (line[int(x / STEP)] + 2) * FINE, size * FINE)

    def _snow(self, line: list[float], heights: Heights, rise: float) -> None:
        """Caps that reach down in tongues, further on higher peaks."""
        cap = self._mask()
        lower = []
        for y, height in zip(line, heights, strict=True):
            tongue = self.chance.uniform(0.55, 1.0)
            lower.append(y + max(0.0, height - 0.5) * rise * 0.9 * tongue)
        upper = [(i * STEP * FINE, y * FINE) for i, y in enumerate(line)]
        under = [(i * STEP * FINE, y * FINE) for i, y in enumerate(lower)]
        ImageDraw.Draw(cap).polygon([*upper, *reversed(under)], fill=225)
        self._paste(mixed((255, 255, 255), colour(self.palette.sky[-2]), 0.2), cap)

    def _windows(self, line: list[float], depth: float) -> None:
        draw = ImageDraw.Draw(self.picture, "RGBA")
        warm = colour("#ffd98a")
        side = max(2.0, self.unit * (0.004 + 0.005 * depth))
        gap = side * 2.3
        for column in range(int(self.width / gap)):
            x = column * gap + side * 0.6
            y = max(line[int(x / STEP)], line[min(int((x + side) / STEP) + 1, len(line) - 1)]) + gap
            while y < self.height * 0.8:  # below, words are set
                if self.chance.random() < 0.16 + 0.1 * depth:
                    alpha = self.chance.randint(110, 235)
                    draw.rectangle((x, y, x + side, y + side * 1.25), fill=(*warm, alpha))
                y += gap * 1.15

    def _glitter(self, top: float) -> None:
        """The light's path on the water: dashes, wider and rarer towards us."""
        draw = ImageDraw.Draw(self.picture, "RGBA")
        light = colour(self.palette.light)
        y, gap = top + 3, self.unit * 0.006
        while y < self.height:
            way = (y - top) / (self.height - top)
            for _ in range(2):
                length = self.unit * self.chance.uniform(0.02, 0.07 + 0.12 * way)
                x = self.sun[0] + self.chance.gauss(0, self.unit * (0.02 + 0.06 * way)) - length / 2
                fill = (*light, int(self.chance.uniform(60, 170) * (1 - 0.5 * way)))
                draw.rounded_rectangle((x, y, x + length, y + 1.5 + 2 * way), 2, fill=fill)
            gap *= 1.07
            y += gap

    def _mask(self) -> Image.Image:
        return Image.new("L", (self.width * FINE, self.height * FINE))

    def _paste(self, paint: Colour | Image.Image, mask: Image.Image) -> None:
        self.picture.paste(paint, (0, 0), mask.reduce(FINE))

    def _column(self, at: Callable[[int], Colour]) -> Image.Image:
        """A picture whose colour depends on the height alone."""
        column = Image.new("RGB", (1, self.height))
        for y in range(self.height):
            column.putpixel((0, y), at(y))
        return column.resize((self.width, self.height), Image.Resampling.NEAREST)

    def _steps(self) -> int:
        return self.width // STEP + 2


def _disc(mask: Image.Image, x: float, y: float, radius: float, fill: int = 255) -> None:
    x, y, radius = x * FINE, y * FINE, radius * FINE
    ImageDraw.Draw(mask).ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
