"""The pictures of the offline demo model: a scene from the prompt's words, signed, as JPEG.

``draw`` is deterministic: the same prompt, size, index and inputs give the same bytes. It takes
about a tenth of a second of one core, so it belongs in a thread.
"""

from __future__ import annotations

import colorsys
import functools
import hashlib
import io
import math
import random
import unicodedata
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps, ImageStat

from bot.gateway.offline.painter import Colour, colour, mixed, paint
from bot.gateway.offline.scenes import Palette, read

MARK = "drawn offline by Switchboard's demo model"
INPUTS_SHOWN = 3
_MAX_PIXELS = 40_000_000
_MAX_LINES = 3
_SPELT = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "Ae", "ø": "o", "Ø": "O", "œ": "oe", "ł": "l", "Ł": "L", "đ": "d"}
    | {"–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'}
)
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,  # where warnings are errors
)


class UnreadablePicture(ValueError):
    """These bytes are no picture that can be opened, or one too large to."""


def draw(
    prompt: str, size: tuple[int, int], *, index: int = 0, inputs: Sequence[bytes] = ()
) -> bytes:
    """One picture as JPEG; the first ``inputs`` appear in it. Raises UnreadablePicture."""
    key = f"{prompt}|{size}|{index}".encode(errors="replace")
    chance = random.Random(hashlib.sha256(key).digest())  # noqa: S311 - a painter's dice, no secret
    scene = read(prompt, chance)
    picture = paint(scene, size, chance)
    if inputs:
        prints = [opened(data) for data in inputs[:INPUTS_SHOWN]]
        picture = _with_prints(picture, prints, scene.palette, chance)
    _sign(picture, prompt, scene.palette)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88, optimize=True, subsampling=0)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    """A picture as RGB, upright, transparency on white. Raises UnreadablePicture."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                raise UnreadablePicture(f"a picture of more than {_MAX_PIXELS} pixels")
            picture.draft("RGB", (1024, 1024))
            whole = ImageOps.exif_transpose(picture).convert("RGBA")
    except UnreadablePicture:
        raise
    except _BROKEN as error:
        raise UnreadablePicture("not a picture that can be opened") from error
    paper = Image.new("RGB", whole.size, "white")
    paper.paste(whole, (0, 0), whole)
    return paper


def describe(data: bytes) -> str:
    """What can be measured of a picture, in a phrase: format, size and main colour."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            kind, width, height = picture.format or "picture", picture.width, picture.height
        red, green, blue = (value / 255 for value in ImageStat.Stat(opened(data)).mean)
    except _BROKEN:
        return f"a file of {len(data):,} bytes that does not open as a picture"
    return f"{kind}, {width} × {height} pixels, mostly {_colour_name(red, green, blue)}"


def _with_prints(
    scene: Image.Image, prints: Sequence[Image.Image], palette: Palette, chance: random.Random
) -> Image.Image:
    """The inputs as tinted photographic prints that lie on the scene, slightly askew."""
    blurred = scene.filter(ImageFilter.GaussianBlur(min(scene.size) / 110))
    count = len(prints)
    across = scene.width >= scene.height
    room = (scene.width / count, scene.height) if across else (scene.width, scene.height / count)
    for number, picture in enumerate(prints):
        card = _print(picture, (room[0] * 0.74, room[1] * 0.62), palette)
        card = card.rotate(chance.uniform(-4, 4), Image.Resampling.BICUBIC, expand=True)
        x = (number + 0.5) * room[0] if across else scene.width / 2
        y = scene.height * 0.42 if across else (number + 0.43) * room[1]
        corner = (int(x - card.width / 2), int(y - card.height / 2))
        shadow = card.getchannel("A").point([value * 2 // 5 for value in range(256)])
        blur = max(2.0, min(scene.size) / 90)
        shadow = ImageOps.expand(shadow, int(blur * 3)).filter(ImageFilter.GaussianBlur(blur))
        below = (corner[0] - int(blur * 2.4), corner[1] - int(blur * 1.6))
        blurred.paste((18, 14, 34), below, shadow)
        blurred.paste(card, corner, card)
    return blurred


def _print(picture: Image.Image, room: tuple[float, float], palette: Palette) -> Image.Image:
    """One input in a white frame, its colours drawn towards the scene's."""
    frame = max(4, int(min(room) * 0.035))
    size = (max(8, int(room[0]) - 2 * frame), max(8, int(room[1]) - 4 * frame))
    fitted = ImageOps.contain(picture, size, Image.Resampling.BICUBIC)
    tinted = ImageOps.colorize(
        ImageOps.autocontrast(ImageOps.grayscale(fitted), cutoff=1),
        black=palette.land[-1],
        mid=palette.sky[1] if palette.dark else palette.land[1],
        white=palette.light,
    )
    card = Image.new(
        "RGBA", (fitted.width + 2 * frame, fitted.height + 4 * frame), (252, 250, 245, 255)
    )
    card.paste(Image.blend(fitted, tinted, 0.45), (frame, frame))
    return ImageOps.expand(
        card, 2, (252, 250, 245, 0)
    )  # a clear rim, so that the edges turn out soft


def _sign(picture: Image.Image, prompt: str, palette: Palette) -> None:
    """Set the prompt at the foot of the picture, and the maker's mark below it."""
    width, height = picture.size
    scale = min(math.sqrt(width * height), 3.2 * min(width, height))
    margin = int(scale * 0.055)
    light = colour(palette.light)
    small_size = max(9.0, scale * 0.018 + 1)
    small = _font(small_size)
    words = _printable(" ".join(prompt.split()))
    size, lines = _set(words, width - 2 * margin, scale)
    leading = size * 1.24
    mark_top = height - margin * 0.72 - small_size
    top = mark_top - size * 0.42 - leading * len(lines)
    _darken(picture, top - size * 1.6, colour(palette.land[-1]))
    pen = ImageDraw.Draw(picture, "RGBA")
    font = _font(size)
    for number, line in enumerate(lines):
        pen.text((margin, top + number * leading), line, font=font, fill=(*light, 255))
    mark = _fitting(MARK, small, width - 2 * margin)
    pen.text((margin, mark_top), mark, font=small, fill=(*mixed(light, (255, 255, 255), 0.3), 165))


def _set(words: str, width: int, scale: float) -> tuple[float, list[str]]:
    """The largest size at which the words fit a few lines; what fits at no size ends with “…”."""
    size = scale * (0.06 if len(words) < 60 else 0.05)
    while True:
        font = _font(size)
        lines = _wrapped(words, font, width)
        if len(lines) <= _MAX_LINES:
            return size, lines
        if size <= max(12.0, scale * 0.03):
            last = _fitting(" ".join(lines[_MAX_LINES - 1 : _MAX_LINES + 1]), font, width)
            return size, [*lines[: _MAX_LINES - 1], last]
        size *= 0.86


def _wrapped(words: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines: list[str] = []
    for word in words.split()[:80]:
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(_fitting(word, font, width))
    return lines


def _fitting(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    text = text[:400]
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _font(size: float) -> ImageFont.FreeTypeFont:
    """Pillow's built-in typeface. Raises ImportError where Pillow was built without FreeType."""
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise ImportError("Pillow was built without FreeType")
    return font


@functools.cache
def _has_glyph(character: str) -> bool:
    font = _font(20)
    return bytes(font.getmask(character)) != bytes(font.getmask("\uffff"))


def _printable(text: str) -> str:
    """The text in the letters that the built-in font has; "" where little would be left of it."""
    text = text[:600]
    plain = unicodedata.normalize("NFKD", text.translate(_SPELT))
    kept = "".join(one for one in plain if one == " " or _has_glyph(one))
    return " ".join(kept.split()) if len(kept) * 2 >= len(text) else ""


def _darken(picture: Image.Image, top: float, shade: Colour) -> None:
    """A veil that thickens towards the foot, so that light words can be read on any scene."""
    start, height = max(0, int(top)), picture.height
    veil = Image.new("L", (1, height))
    for y in range(start, height):
        veil.putpixel((0, y), int(225 * ((y - start) / (height - start)) ** 0.7))
    picture.paste(mixed(shade, (0, 0, 0), 0.35), (0, 0), veil.resize(picture.size))


def _colour_name(red: float, green: float, blue: float) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    if lightness < 0.14:
        return "black"
    if lightness > 0.9:
        return "white"
    if saturation < 0.1:
        return "grey"
    names = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "red")
    edges = (0.03, 0.12, 0.19, 0.42, 0.54, 0.7, 0.8, 0.94, 1.01)
    name = next(name for name, edge in zip(names, edges, strict=True) if hue < edge)
    return f"dark {name}" if lightness < 0.35 else f"light {name}" if lightness > 0.7 else name
