"""Shows a growing reply: a writer that never waits and a painter that paces.

The writer only takes note of what came; time decides when the painter brings the screen up to date,
so a stalled stream still shows all it has and a slow platform never holds up the reading. One call
is in flight at a time, and it always carries the newest text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from bot.errors import Busy, Unreachable
from bot.interfaces import Surface
from bot.pacing import Pacer
from bot.pages import Pages
from bot.types import Action, Attachment, File, Page

log = logging.getLogger("switchboard.renderer")

FIRST_WORDS = 4  # a first frame has this many words, or
FIRST_WAIT = 0.2  # what came within so many seconds of the first one
QUICK, QUICK_EDITS = 0.75, 4  # a reply begins quicker than it goes on: most are short
TRIES = 6  # of one call, when the platform does not answer
MOST_PAGES = 8  # of one reply; a longer one goes on in a file
GOES_ON = "⏬ *The answer is long; the rest follows in a file.*"
IN_FILE = "⏬ *The whole answer is in the attached file.*"
LONGEST_PENALTY = 300.0  # seconds; a platform that wants more has given up on us


class Renderer:
    """``async with Renderer(surface, pacer) as renderer``: ``write`` as text comes, ``finish`` at
    the end.

    Leaving the block without ``finish`` stops painting where it is. Once the surface has failed for
    good, ``write`` and ``finish`` raise its SurfaceError.
    """

    def __init__(self, surface: Surface, pacer: Pacer, actions: Sequence[Action] = ()) -> None:
        self._surface = surface
        self._pacer = pacer
        capabilities = surface.capabilities
        self._pages = Pages(capabilities.page_limit, capabilities.measure)
        self._unread: list[str] = []
        self._written: list[str] = []
        self._footer = ""
        self._changed = asyncio.Event()
        self._finishing = asyncio.Event()
        self._shown: list[Page] = []
        self._started_at: float | None = None
        self._called = 0.0  # when the latest call went out
        self._edits = 0  # calls that went out
        self._media: tuple[Attachment, ...] = ()
        self._actions = tuple(actions)

    async def __aenter__(self) -> Self:
        self._painter = asyncio.create_task(self._paint(), name="painter")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._painter.cancel()
        await asyncio.gather(self._painter, return_exceptions=True)

    @property
    def is_blank(self) -> bool:
        """Whether nothing was written so far."""
        return self._started_at is None

    def write(self, text: str) -> None:
        """Take note of more text. Never waits."""
        if self._painter.done():
            self._painter.result()
        if self._started_at is None and text.strip():
            self._started_at = asyncio.get_running_loop().time()
        self._unread.append(text)
        self._written.append(text)
        self._changed.set()

    async def finish(
        self,
        footer: str = "",
        *,
        media: Sequence[Attachment] = (),
        actions: Sequence[Action] = (),
    ) -> None:
        """Show the rest with ``footer`` under it, and return once the platform has taken all of
        it."""
        self._read()
        self._pages.end(footer)
        self._footer = footer
        if len(self._pages.all) > MOST_PAGES:
            media = [
                *media,
                File("".join(self._written).encode(errors="replace"), "text/markdown", "answer.md"),
            ]
        self._media, self._actions = tuple(media), tuple(actions)
        self._finishing.set()
        self._changed.set()
        await self._painter

    def _read(self) -> None:
        if self._unread:
            self._pages.feed("".join(self._unread))
            self._unread.clear()

    async def _paint(self) -> None:
        await self._first_words()
        while True:
            await self._changed.wait()
            self._changed.clear()
            while (page := self._due()) is not None:
                await self._room(page)
                self._read()
                await self._show(self._due() or page)
            if self._finishing.is_set() and not self._changed.is_set():
                return

    async def _first_words(self) -> None:
        """Wait until there is enough for a first frame, which is what a push notification shows."""
        loop = asyncio.get_running_loop()
        while not self._finishing.is_set():
            if self._started_at is not None:
                left = self._started_at + FIRST_WAIT - loop.time()
                if left <= 0 or len("".join(self._unread).split()) > FIRST_WORDS:
                    break
                await _wait(self._changed, left)
            else:
                await self._changed.wait()
            self._changed.clear()
        self._changed.set()

    def _due(self) -> Page | None:
        """The next page that the screen does not show as it should be, in order."""
        self._read()
        final = self._finishing.is_set()
        texts = self._texts(final)
        last = len(texts) - 1
        if final and self._media and (last < 0 or not self._media_fits(texts[last])):
            texts.append("")
            last += 1
        for number, text in enumerate(texts):
            closed = number < last or final
            ends = final and number == last
            page = Page(
                number,
                text,
                media=self._media if ends else (),
                actions=self._actions if number == last else (),
                final=closed,
            )
            if number >= len(self._shown) or self._shown[number] != page:
                return page
        return None

    def _texts(self, final: bool) -> list[str]:
        """The text of each page. A reply of too many pages ends early and goes on in a file."""
        texts = self._pages.all
        if len(texts) <= MOST_PAGES:
            return texts
        last = "\n\n".join(part for part in (IN_FILE, self._footer) if part) if final else GOES_ON
        return [*texts[: MOST_PAGES - 1], last]

    def _media_fits(self, text: str) -> bool:
        capabilities = self._surface.capabilities
        return capabilities.measure(text) <= (capabilities.caption_limit or capabilities.page_limit)

    async def _room(self, page: Page) -> None:
        """Wait for the pleasant moment, or at the end for the first moment that the budgets
        allow."""
        loop = asyncio.get_running_loop()
        capabilities = self._surface.capabilities
        is_new = page.number >= len(self._shown)
        budgets = capabilities.limits(send=is_new)
        while True:
            final = self._finishing.is_set()
            now = loop.time()
            wait = self._pacer.delay(budgets, now, final=final)
            if not is_new and not final:
                quick = QUICK if self._edits < QUICK_EDITS else 1.0
                wait = max(wait, self._called + capabilities.pace * quick - now)
            if wait <= 0:
                self._pacer.spend(budgets, now)
                self._called = now
                self._edits += 1
                return
            if final:
                await asyncio.sleep(wait)
            else:
                await _wait(self._finishing, wait)

    async def _show(self, page: Page) -> None:
        """Get one page onto the screen, however often the platform asks to wait."""
        loop = asyncio.get_running_loop()
        failed = 0
        while True:
            try:
                await self._surface.show(page)
                break
            except Busy as busy:
                if busy.retry_after > LONGEST_PENALTY:
                    raise
                log.info(
                    "%s asks to wait %.1f s", self._surface.ref or "a surface", busy.retry_after
                )
                is_new = page.number >= len(self._shown)
                budgets = self._surface.capabilities.limits(send=is_new)
                self._pacer.hold(budgets, loop.time() + busy.retry_after)
                await asyncio.sleep(busy.retry_after)
            except Unreachable as error:
                failed += 1
                if failed == TRIES:
                    raise
                log.info("a page was not shown (%s), trying again", error)
                await asyncio.sleep(min(0.25 * 2**failed, 8.0))
            self._read()
            page = self._newest(page)
        self._shown[page.number : page.number + 1] = [page]

    def _newest(self, page: Page) -> Page:
        """The same page as it should read by now."""
        due = self._due()
        return due if due is not None and due.number == page.number else page


async def show_once(
    surface: Surface, pacer: Pacer, text: str, actions: Sequence[Action] = ()
) -> None:
    """Show a text that is complete already, in as many pages as it takes. Raises SurfaceError."""
    async with Renderer(surface, pacer) as renderer:
        renderer.write(text)
        await renderer.finish(actions=actions)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set or the time is up."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
