"""Fetches the pictures of a request from Telegram."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from telegram.error import BadRequest, RetryAfter, TelegramError

from adapters.telegram.api import Api
from adapters.telegram.failures import reason, seconds_to_wait
from adapters.telegram.inbound import Incoming, Picture
from bot.gateway.pictures import media_type
from bot.types import Image, Request

log = logging.getLogger("switchboard.telegram")

LIMIT = 20 * 2**20  # bytes that Telegram hands to bots
TRIES = 3
LONGEST_WAIT = 10.0  # seconds between two tries

_TOO_LARGE = "That picture is larger than the 20 MB that Telegram hands to bots. Please shrink it."


class Unreadable(Exception):
    """Something that was sent cannot be had or read; ``str()`` says so to the person."""


async def with_pictures(api: Api, incoming: Incoming) -> Request:
    """The request with its own pictures and those of what it quotes. Raises Unreadable."""
    own = len(incoming.pictures)
    images = await _all(api, (*incoming.pictures, *incoming.quoted_pictures))
    request = replace(incoming.request, attachments=tuple(images[:own]))
    if request.quoted is None:
        return request
    parts = (*request.quoted.parts, *images[own:])
    return replace(request, quoted=replace(request.quoted, parts=parts))


async def _all(api: Api, pictures: Sequence[Picture]) -> list[Image]:
    tries = [_fetched(api, picture) for picture in pictures]
    results = await asyncio.gather(*tries, return_exceptions=True)
    images = [result for result in results if isinstance(result, Image)]
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return images


async def _fetched(api: Api, picture: Picture) -> Image:
    if picture.size > LIMIT:
        raise Unreadable(_TOO_LARGE)
    for attempt in range(1, TRIES + 1):
        pause = 0.25 * attempt
        try:
            data = await _content(api, picture.file_id)
            if len(data) > LIMIT:
                raise Unreadable(_TOO_LARGE)
            return Image(data, media_type(data) or picture.media_type, picture.name)
        except BadRequest as error:
            log.info("a picture is not to be had: %s", reason(error, api.token))
            if "too big" in str(error).lower():
                raise Unreadable(_TOO_LARGE) from None
            break
        except RetryAfter as error:
            pause = min(seconds_to_wait(error), LONGEST_WAIT)
        except TelegramError as error:
            log.info("a picture was not fetched: %s", reason(error, api.token))
        if attempt < TRIES:
            await asyncio.sleep(pause)
    raise Unreadable("I could not get your picture from Telegram. Please send it again.")


async def _content(api: Api, file_id: str) -> bytes:
    """The bytes of a file at Telegram. The library's own way would first look for the path that the
    server names on this machine, and pass on what it finds there."""
    file = await api.get_file(file_id)
    path = (file.file_path or "").removeprefix(f"{api.base_file_url}/")
    return await api.request.retrieve(f"{api.base_file_url}/{quote(path)}")
