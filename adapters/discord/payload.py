"""How Discord's JSON is read (pure): what is missing or null is empty, what is of another type than
Discord documents raises TypeError, and what nobody could be answered without raises LookupError or
ValueError.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody posted. ``size`` is in bytes, as Discord says; ``option`` is that of the
    command which it was given to, "" for none."""

    url: str
    name: str
    media_type: str
    size: int
    option: str = ""


def object_of(payload: Json, name: str) -> Json:
    """The object of this name, {} where there is none."""
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def objects_of(payload: Json, name: str) -> list[Json]:
    """The objects in the list of this name."""
    value = payload.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_of(payload: Json, name: str) -> str:
    """The text of this name, "" where there is none."""
    value = payload.get(name) or ""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}")
    return value


def number_of(payload: Json, name: str) -> int:
    """The whole number of this name, 0 where there is none."""
    value = payload.get(name) or 0
    if not isinstance(value, int):
        raise TypeError(f"{name} is {value!r}")
    return value


def needed(payload: Json, name: str) -> str:
    """Without it, nobody could be answered."""
    value = payload[name]
    if not value:
        raise ValueError(f"{name} is {value!r}")
    return text_of(payload, name)


def name_of(user: Json, member: Json) -> str:
    """What the others see: the name in this server, the chosen name, the account's name."""
    names = (member.get("nick"), user.get("global_name"), user.get("username"))
    return next((str(name) for name in names if name), "somebody")


def uploads_of(message: Json) -> tuple[Upload, ...]:
    """Everything that is attached to a message."""
    return tuple(map(upload, objects_of(message, "attachments")))


def upload(attachment: Json, option: str = "") -> Upload:
    # Without an address it is refused when it is fetched, and the person is told.
    url, name = text_of(attachment, "url"), text_of(attachment, "filename") or "The attachment"
    media_type = text_of(attachment, "content_type") or mimetypes.guess_type(name, strict=False)[0]
    plain = (media_type or "").partition(";")[0].strip().lower()
    return Upload(url, name, plain, number_of(attachment, "size"), option)
