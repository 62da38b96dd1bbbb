"""Threads that the bot opens from a question, to answer it there."""

from __future__ import annotations

import asyncio
import logging
import textwrap
from dataclasses import replace

from adapters.discord.inbound import Inbound
from adapters.discord.rest import Rejected, Rest
from bot.errors import SurfaceError, Unreachable
from bot.types import Request

log = logging.getLogger("switchboard.discord")

NAME_LENGTH = 80  # characters; Discord takes 100, and shows fewer
OPEN_WITHIN = 5.0  # seconds; then the question is answered where it stands

_HAS_ONE = 160004  # a thread has been opened from this message before


async def in_thread(rest: Rest, asked: Inbound, bot_id: str) -> Inbound:
    """The question as one in a thread of its own, or as it was where Discord opens none."""
    channel = asked.request.channel
    try:
        async with asyncio.timeout(OPEN_WITHIN):
            thread = await _open(rest, asked.request, bot_id)
    except (SurfaceError, TimeoutError) as error:
        log.info("%s: no thread is opened: %r", channel.key, error)
        return asked
    place = replace(channel, thread=thread)
    return replace(asked, request=replace(asked.request, channel=place))


def name_of(request: Request) -> str:
    """The first words of the question, or of what it is about."""
    words = request.text or (request.quoted.text if request.quoted else "")
    plain = " ".join(words.replace("@", "").split())
    if not plain:
        return f"{request.user.name} asks"[:NAME_LENGTH]
    short = textwrap.shorten(plain, NAME_LENGTH, placeholder=" …")
    return short if short.strip(" …") else f"{plain[: NAME_LENGTH - 1]}…"


async def _open(rest: Rest, request: Request, bot_id: str) -> str:
    """The id of the new thread. Raises SurfaceError."""
    path = f"/channels/{request.channel.id}/messages/{request.source}/threads"
    body = {"name": name_of(request)}
    try:
        try:
            opened = await rest.call("POST", path, body)
        except Unreachable:
            opened = await rest.call("POST", path, body)
    except Rejected as error:
        if error.code != _HAS_ONE:
            raise
        # A try that broke off, or the same event once more? A thread has the id of its message.
        opened = await rest.call("GET", f"/channels/{request.source}")
        if not isinstance(opened, dict) or opened.get("owner_id") != bot_id:
            raise
    match opened:
        case {"id": str(thread)}:
            return thread
    raise Unreachable(detail="Discord did not say which thread was opened")
