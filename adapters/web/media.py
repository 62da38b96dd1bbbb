"""Files, in and out: uploads, and what a page shows by its URL."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from urllib.parse import quote

from aiohttp import hdrs, web

from adapters.web import inbound
from bot.types import Attachment

LIMIT = 128 * 2**20  # bytes that are kept
# What a browser may show as it is; the rest is downloaded. SVG is not here: it can carry scripts.
INLINE = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif")


class MediaShelf:
    """Attachments by an id that nobody can guess; what was used least recently goes first."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._key = secrets.token_bytes(32)
        self._kept: OrderedDict[str, Attachment] = OrderedDict()
        self._size = 0

    def keep(self, attachment: Attachment) -> dict[str, object]:
        """Put it in front; what a page needs to show it. The same file has the same id."""
        digest = hashlib.blake2b(attachment.data, digest_size=16, key=self._key)
        digest.update(f"\0{attachment.media_type}\0{attachment.name}".encode())
        media_id = digest.hexdigest()
        if media_id not in self._kept:
            self._kept[media_id] = attachment
            self._size += len(attachment.data)
        self._kept.move_to_end(media_id)
        while self._size > self._limit and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped.data)
        return {
            "id": media_id,
            "type": attachment.media_type,
            "name": _name(attachment),
            "size": len(attachment.data),
        }

    def get(self, media_id: str) -> Attachment | None:
        if media_id in self._kept:
            self._kept.move_to_end(media_id)
        return self._kept.get(media_id)

    async def upload(self, request: web.Request) -> web.Response:
        """``POST /media?name=…``: a file on its way to a message."""
        name, declared = request.query.get("name", ""), request.content_type
        size = request.content_length or 0
        try:
            # The server's client_max_size stops a body that grows too long; this spares reading it.
            if size > inbound.LARGEST:
                inbound.check_size(declared, size, name)
            part = inbound.attachment(await request.read(), name, declared)
        except inbound.TooLarge as error:
            limit = inbound.LARGEST
            raise web.HTTPRequestEntityTooLarge(limit, size, text=error.notice) from None
        except inbound.BadFrame as error:
            raise web.HTTPUnsupportedMediaType(text=error.notice) from None
        return web.json_response(self.keep(part), status=201)

    async def download(self, request: web.Request) -> web.Response:
        """``GET /media/{id}``."""
        media = self.get(request.match_info["id"])
        if media is None:
            raise web.HTTPNotFound(text="This file is no longer kept.")
        inline = media.media_type in INLINE or media.media_type.startswith("audio/")
        name = quote(_name(media), safe="")
        return web.Response(
            body=media.data,
            headers={
                hdrs.CONTENT_TYPE: media.media_type if inline else "application/octet-stream",
                hdrs.CONTENT_DISPOSITION: (
                    f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{name}"
                ),
                hdrs.CACHE_CONTROL: "private, max-age=86400, immutable",
                "Content-Security-Policy": "default-src 'none'; sandbox",
            },
        )


def _name(attachment: Attachment) -> str:
    """Its own name, or one that says what it is: ``picture.png``."""
    if attachment.name:
        return attachment.name
    kind, _, form = attachment.media_type.partition("/")
    noun = {"image": "picture", "audio": "sound", "video": "video"}.get(kind, "file")
    form = form.removeprefix("x-").partition("+")[0].partition(";")[0]
    ending = {"jpeg": "jpg", "mpeg": "mp3"}.get(form, form)
    return f"{noun}.{ending}" if ending.isalnum() else noun
