"""Shows a growing reply: a writer that never waits and a painter that paces.

The writer only takes note of what came; time decides when the painter brings the screen up to date,
so a stalled stream still shows all it has and a slow platform never holds up the reading. One call
is in flight for a page, and it always carries the newest text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from bot import thoughts
from bot.errors import Busy, Unreachable
from bot.interfaces import Surface
from bot.pacing import Budget, Rank, Wish
from bot.pages import Pages
from bot.scheduler import Scheduler
from bot.types import Action, Attachment, File, Menu, Page

log = logging.getLogger("switchboard.renderer")

FIRST_WORDS = 4  # a first frame has this many words, or
FIRST_WAIT = 0.2  # what came within so many seconds of the first one
NEARLY = 0.6  # of the time between two edits
SOON = 0.02  # seconds
SHORT = 4.0  # seconds that most replies take: within them edits come as often as budgets bear
TRIES = 6  # of one call, when the platform does not answer
MOST_PAGES = 8  # of one reply; a longer one goes on in a file
GOES_ON = "⏬ *The answer is long; the rest follows in a file.*"
IN_FILE = "⏬ *The whole answer is in the attached file.*"
LONGEST_PENALTY = 20.0  # seconds that are waited out here; longer ones are for whoever asked


class Renderer:
    """``async with Renderer(surface, scheduler) as renderer``: ``write`` as text comes, ``finish``
    at the end.

    Leaving the block without ``finish`` stops painting where it is. Once the surface has failed for
    good, ``write`` and ``finish`` raise its SurfaceError; where it only asks for a long wait (Busy)
    or does not answer (Unreachable), ``finish`` alone does, so that the rest is heard.

    ``note`` is told all that was written so far, beside each frame that shows it and once more when
    there is a new page. ``is_crowded`` tells whether others wait to write in the same place.
    """

    def __init__(
        self,
        surface: Surface,
        scheduler: Scheduler,
        actions: Sequence[Action] = (),
        note: Callable[[str], Awaitable[None]] | None = None,
        is_crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        self._surface = surface
        self._scheduler = scheduler
        self._note = note
        self._is_crowded = is_crowded
        capabilities = surface.capabilities
        self._pages = Pages(
            capabilities.page_limit, capabilities.measure, height=capabilities.page_height
        )
        self._unread: list[str] = []
        self._written: list[str] = []
        self._footer = ""
        self._changed = asyncio.Event()
        self._finishing = asyncio.Event()
        self._shown: list[Page] = []
        self._thoughts: list[str] = []
        self._started_at: float | None = None
        self._called = -SHORT  # when the latest call went out
        self._wishes: set[Wish] = set()
        self._media: tuple[Attachment, ...] = ()
        self._actions = tuple(actions)
        self._menus: tuple[Menu, ...] = ()

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
        return not any(text.strip() for text in self._written)

    def write(self, text: str) -> None:
        """Take note of more text. Never waits."""
        if self._painter.done() and not isinstance(self._painter.exception(), Busy | Unreachable):
            self._painter.result()
        self._begin(text)
        if not self._written and self._thoughts:
            seconds = self._age(asyncio.get_running_loop().time())
            self._unread.append(thoughts.folded("".join(self._thoughts), seconds))
        self._unread.append(text)
        self._written.append(text)
        self._changed.set()

    def think(self, text: str) -> None:
        """Take note of what the model says to itself; it stands above the answer. Never waits."""
        if not self._written:
            self._begin(text)
            self._thoughts.append(text)
            self._changed.set()

    async def finish(
        self,
        footer: str = "",
        *,
        media: Sequence[Attachment] = (),
        actions: Sequence[Action] = (),
        menus: Sequence[Menu] = (),
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
        self._media, self._actions, self._menus = tuple(media), tuple(actions), tuple(menus)
        self._finishing.set()
        self._changed.set()
        for wish in self._wishes:
            self._scheduler.promote(wish)
        await self._painter

    def _begin(self, text: str) -> None:
        if self._started_at is None and text.strip():
            self._started_at = asyncio.get_running_loop().time()

    # --- when ---

    async def _paint(self) -> None:
        await self._first_words()
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._due():
                await self._pleasant_moment()
                await self._show_all()
            if self._finishing.is_set() and not self._changed.is_set():
                return

    async def _first_words(self) -> None:
        """Wait until there is enough for a first frame, which is what a push notification shows."""
        loop = asyncio.get_running_loop()
        while not self._finishing.is_set():
            if self._started_at is not None:
                left = self._started_at + FIRST_WAIT - loop.time()
                if left <= 0 or len("".join(self._unread or self._thoughts).split()) > FIRST_WORDS:
                    break
                await _wait(self._changed, left)
            else:
                await self._changed.wait()
            self._changed.clear()
        self._changed.set()

    async def _pleasant_moment(self) -> None:
        """Wait until the page that grows is to be shown again, unless a page is full before."""
        loop = asyncio.get_running_loop()
        capabilities = self._surface.capabilities
        while self._shown and not self._finishing.is_set():
            due, now = self._due(), loop.time()
            if not due or due[0].final:
                return
            span = max(0.0, SHORT - self._age(now))
            rank = Rank.LEISURE if self._is_crowded() else Rank.EDIT
            bearable = self._scheduler.spacing(self._limits(due[0].number), rank, span)
            spacing = max(capabilities.pace, bearable)
            left = self._called + spacing - now
            full_in = self._full_in(due[0], now)
            # What is about to be full is shown then: that saves a call.
            if left <= 0 and (full_in > NEARLY * spacing or left < -spacing):
                return
            await _wait(self._finishing, min(full_in, left) if left > 0 else full_in)

    def _age(self, now: float) -> float:
        """Seconds since the first text came."""
        return 0.0 if self._started_at is None else now - self._started_at

    def _full_in(self, page: Page, now: float) -> float:
        """Seconds until the page is full, if the text goes on to come as it did."""
        came = sum(map(len, self._written))
        rate = came / max(self._age(now), 0.1)
        left = self._surface.capabilities.page_limit - len(page.text)
        return max(left / rate, SOON) if rate > 0 else SHORT

    # --- what ---

    def _read(self) -> None:
        if self._unread:
            self._pages.feed("".join(self._unread))
            self._unread.clear()

    def _due(self) -> list[Page]:
        """The pages that the screen does not show as they should be, in order."""
        return [
            page
            for page in self._wanted()
            if page.number >= len(self._shown) or self._shown[page.number] != page
        ]

    def _wanted(self) -> list[Page]:
        """Every page as it should read by now."""
        self._read()
        final = self._finishing.is_set()
        texts = self._texts(final)
        if final and self._media and not (texts and self._media_fits(texts[-1])):
            texts.append("")
        last = len(texts) - 1
        return [
            Page(
                number,
                text,
                media=self._media if final and number == last else (),
                actions=self._actions if number == last else (),
                final=number < last or final,
                menus=self._menus if number == last else (),
            )
            for number, text in enumerate(texts)
        ]

    def _texts(self, final: bool) -> list[str]:
        """The text of each page. A reply of too many pages ends early and goes on in a file."""
        texts = self._pages.all
        if not texts and self._thoughts and not final:
            return [thoughts.growing("".join(self._thoughts))]
        if len(texts) <= MOST_PAGES:
            return texts
        last = "\n\n".join(part for part in (IN_FILE, self._footer) if part) if final else GOES_ON
        return [*texts[: MOST_PAGES - 1], last]

    def _media_fits(self, text: str) -> bool:
        capabilities = self._surface.capabilities
        return capabilities.measure(text) <= (capabilities.caption_limit or capabilities.page_limit)

    # --- how ---

    async def _show_all(self) -> None:
        """Whatever is due: full pages, and the growing one if none is full or all has come."""
        due = self._due()
        if not self._finishing.is_set():
            due = [page for page in due if page.final] or due
        new = [page.number for page in due if page.number >= len(self._shown)]
        edits = [page.number for page in due if page.number < len(self._shown)]
        # New pages go out one after the other, so that they stand in order; edits beside them.
        lanes = [[number] for number in edits] + ([new] if new else [])
        if len(lanes) == 1:
            await self._show_each(lanes[0])
            return
        ends = await asyncio.gather(*map(self._show_each, lanes), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end

    async def _show_each(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            await self._show(number)

    async def _show(self, number: int) -> None:
        """Get one page onto the screen, however often the platform asks to wait."""
        failed = 0
        while True:
            page = await self._admitted(number)
            try:
                await self._show_and_note(page)
                break
            except Busy as busy:
                if busy.retry_after > LONGEST_PENALTY:
                    raise
                where = self._surface.ref or "a surface"
                log.info("%s asks to wait %.1f s", where, busy.retry_after)
                self._scheduler.hold(self._limits(number), busy.retry_after)
            except Unreachable as error:
                failed += 1
                if failed == TRIES:
                    raise
                log.info("a page was not shown (%s), trying again", error)
                await asyncio.sleep(min(0.25 * 2**failed, 8.0))
        is_new = number >= len(self._shown)
        self._shown[number : number + 1] = [page]
        if is_new and self._note is not None and not (self._finishing.is_set() and not self._due()):
            await self._note("".join(self._written))

    async def _show_and_note(self, page: Page) -> None:
        if self._note is None or self._finishing.is_set():
            await self._surface.show(page)
        else:
            noting = asyncio.ensure_future(self._note("".join(self._written)))
            try:
                await self._surface.show(page)
            finally:
                await noting

    async def _admitted(self, number: int) -> Page:
        """The page as it should read at the moment when the budgets let it through."""
        page = self._wanted()[number]
        rank = Rank.LEISURE if self._is_crowded() and not page.final else Rank.EDIT
        if self._finishing.is_set():
            rank = Rank.FINAL
        elif not self._shown or page.final:
            rank = Rank.FIRST
        wish = Wish(self._limits(number), rank, self._called)
        self._wishes.add(wish)
        try:
            await self._scheduler.admit(wish)
        finally:
            self._wishes.discard(wish)
        self._called = asyncio.get_running_loop().time()
        return self._wanted()[number]

    def _limits(self, number: int) -> Sequence[Budget]:
        return self._surface.capabilities.limits(send=number >= self._surface.posted)


async def show_once(
    surface: Surface,
    scheduler: Scheduler,
    text: str,
    actions: Sequence[Action] = (),
    menus: Sequence[Menu] = (),
) -> None:
    """Show a text that is complete already, in as many pages as it takes. Raises SurfaceError."""
    async with Renderer(surface, scheduler) as renderer:
        renderer.write(text)
        await renderer.finish(actions=actions, menus=menus)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set or the time is up."""
    if seconds > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()
