"""What people attach: how much of it is taken, and its bytes from Discord.

All limits are looked at before anything is fetched. What a person attached and cannot be taken is
refused; what is merely quoted is left out, and the model is told so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import replace

from adapters.discord.inbound import Inbound, Upload
from adapters.discord.rest import Rest
from bot.errors import Gone, Refused, Unreachable
from bot.types import Attachment, Audio, File, Image, Message, Part, Request, Text

log = logging.getLogger("switchboard.discord")

MOST = 10  # files of one request, quoted ones among them
ALTOGETHER = 60 * 2**20  # bytes of them all
LIMITS: dict[type[Attachment], int] = {
    Image: 20 * 2**20,
    Audio: 25 * 2**20,
    File: 10 * 2**20,
}  # bytes
_KINDS: dict[type[Attachment], str] = {Image: "picture", Audio: "recording", File: "file"}


def kind_of(upload: Upload) -> type[Attachment]:
    media_type = upload.media_type
    if media_type.startswith("image/") and media_type != "image/svg+xml":  # which is a text
        return Image
    return Audio if media_type.startswith("audio/") else File


async def with_files(rest: Rest, asked: Inbound, pictures_only: Collection[str] = ()) -> Request:
    """The request with the bytes of its files. ``pictures_only`` are the options that take nothing
    else. Raises Refused where a file cannot be had."""
    for upload in asked.uploads:
        if upload.option in pictures_only and kind_of(upload) is not Image:
            raise Refused(f"{upload.name} is not a picture.")
    _check(asked.uploads)
    request = asked.request
    if asked.uploads:
        files = await asyncio.gather(*(_fetch(rest, upload) for upload in asked.uploads))
        request = replace(request, attachments=tuple(files))
    if asked.quoted_uploads and request.quoted is not None:
        quoted = await _completed(rest, request.quoted, asked)
        request = replace(request, quoted=quoted)
    return request


def _check(uploads: Sequence[Upload]) -> None:
    """Raises Refused where it is too much."""
    if len(uploads) > MOST:
        raise Refused(f"That is {len(uploads)} files. I can look at {MOST} at once.")
    for upload in uploads:
        kind = kind_of(upload)
        if upload.size > LIMITS[kind]:
            raise Refused(
                f"{upload.name} is larger than {LIMITS[kind] // 2**20} MB. "
                f"Please attach a smaller {_KINDS[kind]}."
            )
    if sum(upload.size for upload in uploads) > ALTOGETHER:
        raise Refused(
            f"Together these files are larger than {ALTOGETHER // 2**20} MB. "
            "Please attach fewer of them."
        )


async def _completed(rest: Rest, quoted: Message, asked: Inbound) -> Message:
    """The quoted message with its files, as many as there is room for."""
    taken: list[Upload] = []
    left_out: list[Part] = []
    for upload in asked.quoted_uploads:
        try:
            _check([*asked.uploads, *taken, upload])
            taken.append(upload)
        except Refused:
            left_out.append(Text(f"({upload.name} was attached; it is too large to look at.)"))
    files = await asyncio.gather(*(_fetch(rest, upload) for upload in taken))
    return replace(quoted, parts=(*quoted.parts, *left_out, *files))


async def _fetch(rest: Rest, upload: Upload) -> Attachment:
    kind = kind_of(upload)
    for last in (False, True):
        try:
            data = await rest.fetch(upload.url, LIMITS[kind])
            return kind(data, upload.media_type or "application/octet-stream", upload.name)
        except (Gone, Unreachable) as error:
            log.warning("%s could not be fetched: %s", upload.name, error)
            if last or isinstance(error, Gone):
                break
    raise Refused(f"{upload.name} could not be fetched from Discord. Please attach it again.")
