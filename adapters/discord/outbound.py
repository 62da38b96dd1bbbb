"""A page as Discord's message form: text, menus, buttons, files (pure)."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.discord import markup
from adapters.discord.components import rows
from adapters.discord.rest import Attached
from bot.types import Action, Attachment, Menu, Page

Json = dict[str, Any]

PAGE_LIMIT = 2000  # characters of a message's text
FILES_PER_PAGE = 10
FILE_LIMIT = 10 * 2**20  # bytes, where Discord does not say otherwise
_FORM_LIMIT = 24 * 2**20  # bytes of all files; Discord takes 25 MiB with everything around them

_NOBODY = {"parse": [], "replied_user": False}


@dataclass(frozen=True, slots=True)
class Look:
    """What a message shows; two equal looks need no call between them."""

    content: str
    media: tuple[Attachment, ...] = ()
    buttons: tuple[Action, ...] = ()
    menus: tuple[Menu, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.content or self.media)


def look(page: Page) -> Look:
    """How the page shall look. Files that do not fit into one message are owned up to."""
    content = markup.to_discord(page.text).strip()
    media = _that_fit(page.media)
    if len(media) < len(page.media):
        left_out = len(page.media) - len(media)
        note = f"\n\n⚠️ {left_out} of {len(page.media)} files did not fit into this message."
        content = content + note if len(content) + len(note) <= PAGE_LIMIT else content
    return Look(content, media, tuple(page.actions), tuple(page.menus))


def body(look: Look) -> Json:
    """The form without its files. Nobody is ever pinged."""
    return {
        "content": look.content,
        "components": rows(look.buttons, look.menus),
        "allowed_mentions": _NOBODY,
    }


def files(media: Sequence[Attachment]) -> list[Attached]:
    return [Attached(file_name(part), part.media_type, part.data) for part in media]


def listed(files: Sequence[Attached]) -> list[Json]:
    """The form's list of its files: with it an edit replaces what was attached before."""
    return [{"id": str(number), "filename": file.name} for number, file in enumerate(files)]


def file_name(part: Attachment) -> str:
    """A plain name that ends as its kind does: Discord goes by the ending to show a picture."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", part.name.replace("\\", "/").rpartition("/")[2])
    stem, _, ending = name.strip("._-").rpartition(".")
    if not stem:
        stem, ending = ending, ""
    if mimetypes.guess_type(f"x.{ending}", strict=False)[0] != part.media_type:
        known = mimetypes.guess_extension(part.media_type, strict=False)
        ending = known[1:] if known else ending or "bin"
    return f"{stem[:80] or part.media_type.partition('/')[0]}.{ending}"


def _that_fit(media: Sequence[Attachment]) -> tuple[Attachment, ...]:
    kept: list[Attachment] = []
    room = _FORM_LIMIT
    for part in media[:FILES_PER_PAGE]:
        room -= len(part.data)
        if room < 0:
            break
        kept.append(part)
    return tuple(kept)
