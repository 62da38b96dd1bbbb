"""Puts together what one person said at once and Telegram delivers in parts.

An album comes file by file, and people's programs cut a paste of more than 4096 characters into
messages. Only what looks like the first part of either waits for more; nothing else is delayed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from adapters.telegram.inbound import Incoming
from bot.types import Trigger

PAGE = 4096  # UTF-16 units at which a paste is cut
LONG = 4000  # as long as a part is that may have been cut off: cuts are made between words
ALBUM_SETTLES = 0.5  # seconds in which no further file has come
PASTE_SETTLES = 1.0  # people's programs send one part after the other
MOST = 10  # parts: Telegram's number for albums, and more text than anybody may ask


@dataclass(slots=True)
class Parts:
    """One request, as far as it has come. ``handed`` is done when all of it is safe with us."""

    came: list[Incoming]
    handed: asyncio.Future[None]
    more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def first(self) -> Incoming:
        return self.came[0]

    @property
    def are_all(self) -> bool:
        is_cut_off = bool(self.came[-1].album) or self.came[-1].length >= LONG
        return len(self.came) == MOST or not is_cut_off

    async def whole(self) -> Incoming:
        """All of it, once nothing more has come for a while."""
        settles = ALBUM_SETTLES if self.first.album else PASTE_SETTLES
        with suppress(TimeoutError):
            while not self.are_all:
                self.more.clear()
                async with asyncio.timeout(settles):
                    await self.more.wait()
        return merged(self.came)


class Gathering:
    """What may still go on, by what its parts have in common."""

    def __init__(self) -> None:
        self._open: dict[str, Parts] = {}

    def begin(self, first: Incoming, handed: asyncio.Future[None]) -> Parts:
        """A request that more of may follow; ``end`` it once it is whole."""
        parts = Parts([first], handed)
        if not parts.are_all:
            self._open[_common(first)] = parts
        return parts

    def join(self, part: Incoming) -> Parts | None:
        """What this is a further part of, which has it now. None where it stands for itself."""
        parts = self._open.get(_common(part))
        if parts is None or parts.are_all or not (part.album or _goes_on(part)):
            return None
        parts.came.append(part)
        parts.more.set()
        return parts

    def end(self, parts: Parts) -> None:
        """Whatever comes now is something else."""
        if self._open.get(_common(parts.first)) is parts:
            del self._open[_common(parts.first)]


def merged(parts: Sequence[Incoming]) -> Incoming:
    """The parts as one request. The caption of an album stands under any one of its files."""
    if len(parts) == 1 and not parts[0].album:
        return parts[0]
    if parts[0].album:
        first = next((part for part in parts if part.request.text), parts[0])
        uploads = tuple(upload for part in parts for upload in part.uploads)
        strange = next((part.unreadable for part in parts if part.unreadable), "")
        request = replace(first.request, source=f"album:{first.album}")
        return replace(first, request=request, uploads=uploads, unreadable=strange)
    first, *rest = sorted(parts, key=lambda part: int(part.request.source))
    text, last = first.request.text, first
    for part in rest:
        # A part of full length was cut within a word; any other lost the space it was cut at.
        text += ("" if last.length == PAGE else "\n") + part.request.text
        last = part
    return replace(first, request=replace(first.request, text=text))


def _common(part: Incoming) -> str:
    """What the parts of one album have in common, and those of one paste."""
    request = part.request
    return f"album:{part.album}" if part.album else f"{request.channel.key} {request.user.id}"


def _goes_on(part: Incoming) -> bool:
    """Whether it can be the rest of a paste: words, and no command."""
    return part.length > 0 and part.trigger is not Trigger.COMMAND
