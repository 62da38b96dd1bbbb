"""Pictures from outside, checked by their own bytes and never by what somebody says they are
(pure)."""

from __future__ import annotations

from bot.errors import BadPicture
from bot.types import Image

LIMIT = 32 * 2**20  # bytes; larger than any picture the gateway documents


def media_type(data: bytes) -> str:
    """The picture's type by its magic bytes, "" where it is no picture we can post."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return ""


def picture(data: bytes) -> Image:
    """The bytes as an Image with a fitting file name. Raises BadPicture."""
    kind = media_type(data)
    if not kind:
        raise BadPicture(detail=f"{len(data)} bytes that are no PNG, JPEG, GIF or WebP")
    if len(data) > LIMIT:
        raise BadPicture("The gateway sent a picture that is too large to post.")
    return Image(data, kind, f"picture.{kind.removeprefix('image/').replace('jpeg', 'jpg')}")
