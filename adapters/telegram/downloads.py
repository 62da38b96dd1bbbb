"""Fetches what came with a request from Telegram."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from telegram.error import BadRequest, RetryAfter, TelegramError

from adapters.telegram.api import Api
from adapters.telegram.failures import reason, seconds_to_wait
from adapters.telegram.inbound import Incoming
from adapters.telegram.uploads import LIMITS, MOST, Sort, Upload
from bot.gateway.pictures import media_type
from bot.types import Attachment, Request

log = logging.getLogger("switchboard.telegram")

TRIES = 3
LONGEST_WAIT = 10.0  # seconds between two tries

_TOO_LARGE = {
    Sort.PICTURE: "That picture is larger than the 20 MB that Telegram hands to bots.",
    Sort.RECORDING: "That recording is larger than the 20 MB that Telegram hands to bots.",
    Sort.FILE: "That file is larger than the 10 MB that I read.",
}


class Unreadable(Exception):
    """Something that was sent cannot be had or read; ``str()`` says so to the person."""


async def with_attachments(api: Api, incoming: Incoming) -> Request:
    """The request with its own files and those of what it quotes. Raises Unreadable, for what is
    too much before anything is fetched."""
    own = len(incoming.uploads)
    uploads = (*incoming.uploads, *incoming.quoted_uploads)
    if own > MOST:
        raise Unreadable(f"Those are {own} files; I can take {MOST} at once.")
    for upload in uploads:
        _check(upload, upload.size)
    files = await _all(api, uploads)
    request = replace(incoming.request, attachments=tuple(files[:own]))
    if request.quoted is None:
        return request
    parts = (*request.quoted.parts, *files[own:])
    return replace(request, quoted=replace(request.quoted, parts=parts))


async def _all(api: Api, uploads: Sequence[Upload]) -> list[Attachment]:
    tries = [_fetched(api, upload) for upload in uploads]
    results = await asyncio.gather(*tries, return_exceptions=True)
    files: list[Attachment] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        files.append(result)
    return files


def _check(upload: Upload, size: int) -> None:
    if size > LIMITS[upload.sort]:
        raise _too_large(upload)


def _too_large(upload: Upload) -> Unreadable:
    return Unreadable(f"{_TOO_LARGE[upload.sort]} Please send a smaller one.")


async def _fetched(api: Api, upload: Upload) -> Attachment:
    for attempt in range(1, TRIES + 1):
        pause = 0.25 * attempt
        try:
            data = await _content(api, upload.file_id)
            _check(upload, len(data))
            is_picture = upload.sort is Sort.PICTURE
            return upload.with_content(data, media_type(data) if is_picture else "")
        except BadRequest as error:
            log.info("a file is not to be had: %s", reason(error, api.token))
            if "too big" in str(error).lower():
                raise _too_large(upload) from None
            break
        except RetryAfter as error:
            pause = min(seconds_to_wait(error), LONGEST_WAIT)
        except TelegramError as error:
            log.info("a file was not fetched: %s", reason(error, api.token))
        if attempt < TRIES:
            await asyncio.sleep(pause)
    raise Unreadable(f"I could not get your {upload.sort} from Telegram. Please send it again.")


async def _content(api: Api, file_id: str) -> bytes:
    """The bytes of a file at Telegram. The library's own way would first look for the path that the
    server names on this machine, and pass on what it finds there."""
    file = await api.get_file(file_id)
    path = (file.file_path or "").removeprefix(f"{api.base_file_url}/")
    return await api.request.retrieve(f"{api.base_file_url}/{quote(path)}")
