"""Picture requests: what both picture routes ask for, read into one ``Order``."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.gateway.offline.errors import Json, invalid
from bot.gateway.offline.models import WIDE

MOST_PICTURES = 4
_LONGER_SIDE = 1024  # pixels, where a ratio is given
_LARGEST_SIDE = 1536  # where a size is


@dataclass(frozen=True, slots=True)
class Order:
    """Pictures to draw: ``size`` is width and height in pixels, ``inputs`` are files to build on.
    ``encoded`` asks for base64 instead of links."""

    model: str
    prompt: str
    size: tuple[int, int]
    count: int = 1
    inputs: tuple[bytes, ...] = ()
    encoded: bool = False

    def draw(self) -> list[bytes]:
        """The pictures as JPEG: about a tenth of a second of one core each. Raises Rejected."""
        # Pillow is loaded when the first picture is wanted, and in the drawing thread.
        from bot.gateway.offline.pictures import UnreadablePicture, draw

        try:
            return [
                draw(self.prompt, self.size, index=index, inputs=self.inputs)
                for index in range(self.count)
            ]
        except UnreadablePicture as error:
            raise invalid(f"image: {error}") from error


def flat_order(body: Json) -> Order:
    """What ``/v1/images/generations`` is asked for. Raises Rejected."""
    return Order(
        body["model"],
        _prompt(body.get("prompt")),
        picture_size(body, body["model"]),
        _count(body.get("n", 1), "n"),
        tuple(inputs_of(body.get("image"))),
        body.get("response_format") == "b64_json",
    )


def contents_order(body: Json) -> Order:
    """What ``/images/generate`` is asked for, with contents and parameters. Raises Rejected."""
    contents, wishes = body.get("contents"), body.get("parameters") or {}
    if not isinstance(contents, list) or not all(isinstance(one, dict) for one in contents):
        raise invalid("contents must be a list of objects")
    if not isinstance(wishes, dict):
        raise invalid("parameters must be an object")
    if any("mask" in one for one in contents):
        raise invalid("masks are beyond the demo models")
    texts = [one["text"] for one in contents if isinstance(one.get("text"), str)]
    links = [_image_link(one["image"]) for one in contents if "image" in one]
    size = {"aspect_ratio": wishes.get("aspect_ratio")}
    if wishes.get("width") and wishes.get("height"):
        size["size"] = f"{wishes['width']}x{wishes['height']}"
    return Order(
        body["model"],
        _prompt("\n".join(texts)),
        picture_size(size, body["model"]),
        _count(wishes.get("num_images", 1), "num_images"),
        tuple(inputs_of(links)),
        wishes.get("response_format") == "b64_json",
    )


def picture_size(body: Json, model: str) -> tuple[int, int]:
    """Width and height in pixels from ``size`` or ``aspect_ratio``. Raises Rejected."""
    size, ratio = body.get("size"), body.get("aspect_ratio")
    if ratio is None and size not in (None, "", "auto"):
        match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", str(size))
        longer = (
            _LARGEST_SIDE if match is None else min(_LARGEST_SIDE, max(map(int, match.groups())))
        )
    else:
        default = "16:9" if model == WIDE else "1:1"
        match = re.fullmatch(r"(\d{1,2}):(\d{1,2})", str(ratio or default))
        longer = _LONGER_SIDE
    across, down = map(int, match.groups()) if match else (0, 0)
    if not (across and down and max(across, down) <= 8 * min(across, down)):
        raise invalid(f"cannot draw size {str(size)[:20]!r} or aspect_ratio {str(ratio)[:20]!r}")
    scale = longer / max(across, down)
    return round(across * scale), round(down * scale)


def inputs_of(given: Any) -> list[bytes]:
    """The pictures to build on: none, one data URI or a list of them."""
    links = given if isinstance(given, list) else [given] if given else []
    pictures = [decoded(link) for link in links]
    if None in pictures:
        raise invalid("image must be a data URI: the offline demo fetches nothing")
    return [picture for picture in pictures if picture is not None]


def decoded(link: object) -> bytes | None:
    """The bytes in a picture's data URI; None for anything else."""
    head, _, data = link.partition(",") if isinstance(link, str) else ("", "", "")
    if not re.fullmatch(r"data:image/[\w.+-]+;base64", head):
        return None
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None


def described(links: Sequence[object]) -> list[str]:
    """What can be measured of the pictures behind these links, a phrase each. Works in a thread."""
    from bot.gateway.offline.pictures import describe

    pictures = [decoded(link) for link in links]
    return ["a link that I cannot open" if one is None else describe(one) for one in pictures]


def data_uri(media_type: object, data: object) -> str:
    return f"data:{media_type};base64,{data}"


def _image_link(image: object) -> object:
    """One content's image as a link, be it given as base64 or as an address."""
    if not isinstance(image, dict):
        return None
    return data_uri(image.get("mime_type"), image["data"]) if "data" in image else image.get("url")


def _prompt(given: object) -> str:
    if not isinstance(given, str) or not given.strip():
        raise invalid("prompt is required")
    return given


def _count(given: object, name: str) -> int:
    if type(given) is not int or not 1 <= given <= MOST_PICTURES:
        raise invalid(f"{name} must be from 1 to {MOST_PICTURES}")
    return given
