"""The story of one answer: claim, wait one's turn, remember, ask, show, store.

    begin ─► place in line ─► history ─► Prompt ─► gateway.stream ─► Reply, Renderer ─► finish
                     └────────────── stop, at any point ──────────────┘

Answers of one channel come one at a time and in order; pictures stand in a line of their own, so
that a drawing that takes minutes holds up no talk.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import cast

from bot.errors import GatewayError, SurfaceError
from bot.events import Ending, Reply, TextDelta
from bot.interfaces import Gateway, Store, Surface
from bot.pacing import Pacer
from bot.policy import check_queue
from bot.prompt import HISTORY
from bot.renderer import Renderer, show_once
from bot.types import (
    Action,
    Attachment,
    Channel,
    ImagePrompt,
    Page,
    Prompt,
    Request,
    Status,
    Turn,
)

log = logging.getLogger("switchboard.conversations")

TOLD_AFTER = 0.8  # seconds that somebody waits in line before they are told
GOODBYE = 3.0  # seconds to say on the answer's page that the bot is going down

STOPPED = "⏹ *Stopped.*"
INTERRUPTED = "⚠️ This was interrupted before the answer was complete."
NOT_ANSWERED = "⚠️ This was interrupted before it could be answered. Please ask again."
_ENDINGS = {
    Ending.LENGTH: "✂️ *The answer reached the model's length limit.*",
    Ending.FILTERED: "⚠️ *The provider's content rules ended the answer here.*",
}


class Conversations:
    """Everything that is going on. Holds no history itself: that is the store's."""

    def __init__(self, store: Store, gateway: Gateway, pacer: Pacer) -> None:
        self._store = store
        self._gateway = gateway
        self._pacer = pacer
        self._lines: dict[str, deque[asyncio.Event]] = {}
        self._running: dict[str, _Running] = {}

    async def begin(self, request: Request, surface: Surface) -> Turn | None:
        """Claim the request; None where the same event was claimed before. Raises StorageError."""
        turn = Turn(id=uuid.uuid4().hex, request=request, surface=surface.ref, started=time.time())
        return turn if await self._store.begin(turn) else None

    async def finish(self, turn: Turn, surface: Surface) -> None:
        """Write down how the turn ended. Raises StorageError."""
        await self._store.finish(replace(turn, surface=surface.ref))

    async def say(self, surface: Surface, text: str, actions: Sequence[Action] = ()) -> None:
        """Answer with a text that is ours. Raises SurfaceError."""
        await show_once(surface, self._pacer, text, actions)

    async def talk(
        self, turn: Turn, surface: Surface, compose: Callable[[Sequence[Turn]], Sequence[Prompt]]
    ) -> Turn:
        """Ask a chat model with what the channel remembers; the turn as it ended. ``compose`` makes
        the prompt, and after it one for each model to try where those before it fail."""
        channel = turn.request.channel

        async def prompts() -> Sequence[Prompt]:
            return compose(await self._store.history(channel, HISTORY))

        return await self._in_line(channel.key, turn, surface, prompts)

    async def draw(self, turn: Turn, surface: Surface, prompt: ImagePrompt) -> Turn:
        """Ask a picture model. The turn as it ended; pictures are no part of the channel's
        memory."""

        async def prompts() -> Sequence[ImagePrompt]:
            return [prompt]

        line = f"{turn.request.channel.key} pictures"
        ended = await self._in_line(line, turn, surface, prompts, _caption(prompt, surface))
        return replace(ended, reply=None)

    def running(self, channel: Channel) -> list[Turn]:
        """The turns of the channel that are being answered or wait for it, oldest first."""
        found = (running.turn for running in self._running.values())
        return [turn for turn in found if turn.request.channel == channel]

    def stop(self, turn_id: str) -> bool:
        """Stop an answer: what is there stays and is remembered. False where it has ended."""
        running = self._running.get(turn_id)
        if running is None or running.is_over or running.is_stopped:
            return False
        running.is_stopped = True
        running.task.cancel()
        return True

    async def _in_line(
        self,
        line: str,
        turn: Turn,
        surface: Surface,
        prompts: Callable[[], Awaitable[Sequence[Prompt | ImagePrompt]]],
        caption: str = "",
    ) -> Turn:
        """Wait for the turn's place in the line, then answer. It can be stopped all the while."""
        task = cast("asyncio.Task[object]", asyncio.current_task())
        running = self._running[turn.id] = _Running(turn, task)
        try:
            async with self._place_in_line(line, surface):
                return await self._answer(running, surface, await prompts(), caption)
        except asyncio.CancelledError:
            if not running.take_stop():
                if not running.has_begun:
                    await self._say_goodbye(self.say(surface, NOT_ANSWERED))
                raise
            await self.say(surface, STOPPED, _retry(turn))
            return replace(turn, status=Status.STOPPED)
        finally:
            del self._running[turn.id]

    @asynccontextmanager
    async def _place_in_line(self, key: str, surface: Surface) -> AsyncIterator[None]:
        """First come, first served. Whoever waits is told so."""
        line = self._lines.setdefault(key, deque())
        check_queue(len(line) - 1)
        place = asyncio.Event()
        line.append(place)
        line[0].set()
        try:
            if not place.is_set():
                await self._tell_of_waiting(place, surface, len(line) - 1)
            await place.wait()
            yield
        finally:
            line.remove(place)
            if line:
                line[0].set()
            elif self._lines.get(key) is line:
                del self._lines[key]

    async def _tell_of_waiting(self, place: asyncio.Event, surface: Surface, ahead: int) -> None:
        """Say that an answer waits, when that takes a while and nothing more urgent wants the
        platform; not at all once its turn has come."""
        loop = asyncio.get_running_loop()
        budgets = surface.capabilities.limits(send=True)
        pause = TOLD_AFTER
        while pause > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await place.wait()
                    return
            pause = self._pacer.delay(budgets, loop.time())
        self._pacer.spend(budgets, loop.time())
        try:
            await surface.show(Page(0, _waiting(ahead)))
        except SurfaceError as error:
            log.info("could not say that an answer waits: %s", error)

    async def _answer(
        self,
        running: _Running,
        surface: Surface,
        prompts: Sequence[Prompt | ImagePrompt],
        caption: str,
    ) -> Turn:
        """Stream the reply to the screen, then show how it ended."""
        running.has_begun = True
        turn = running.turn
        stop = [Action("Stop", f"/stop {turn.id}")]
        async with Renderer(surface, self._pacer, actions=stop) as renderer:
            heard = await self._hear(running, prompts, renderer)
            running.is_over = True
            await self._present(turn, surface, renderer, heard, caption)
        return replace(
            turn,
            model=heard.model,
            status=heard.status,
            reply=None if heard.status is Status.FAILED else heard.reply.message(),
            usage=heard.reply.usage,
        )

    async def _hear(
        self, running: _Running, prompts: Sequence[Prompt | ImagePrompt], renderer: Renderer
    ) -> _Heard:
        """Listen to the model. One that fails before its first word gives the next prompt its
        chance; any other failure, and a stop, is an ending to be written under what came."""
        reply, prompt = Reply(), prompts[0]
        try:
            for prompt, spare in zip(prompts, [*prompts[1:], None], strict=True):
                reply = Reply()
                try:
                    await self._listen(prompt, reply, renderer)
                    break
                except GatewayError as error:
                    _log_failure(running.turn, prompt.model, error)
                    if spare is None or not error.replaceable or not renderer.is_blank:
                        raise
        except GatewayError as error:
            return _Heard(reply, prompt.model, Status.FAILED, f"⚠️ {error.notice}")
        except asyncio.CancelledError:
            if not running.take_stop():
                await self._say_goodbye(renderer.finish(INTERRUPTED))
                raise
            return _Heard(reply, prompt.model, Status.STOPPED, STOPPED)
        footer = _ENDINGS.get(reply.ending or Ending.COMPLETE, "")
        if prompt is not prompts[0]:
            instead = f"*{prompt.model} answers, since {prompts[0].model} could not.*"
            footer = _paragraphs(footer, instead)
        return _Heard(reply, prompt.model, Status.DONE, footer)

    async def _present(
        self, turn: Turn, surface: Surface, renderer: Renderer, heard: _Heard, caption: str
    ) -> None:
        """Show the rest, the pictures and the ending. Raises SurfaceError."""
        media, left_out = _that_fit(heard.reply.media, surface)
        if media and caption:
            renderer.write(caption)
        footer = _paragraphs(heard.footer, left_out)
        if renderer.is_blank and not media and not footer:
            footer = "The model had nothing to say. Try asking in another way."
        try:
            await renderer.finish(footer, media=media, actions=_retry(turn))
        except SurfaceError as error:
            if not media:
                raise
            # Files are refused more often than words: by rights, by size, by type.
            log.warning("turn %s: its files could not be shown: %r", turn.id, error)
            heard.status = Status.FAILED
            text = _paragraphs(caption or heard.reply.text, footer, f"⚠️ {error.notice}")
            await self.say(surface, text, _retry(turn))

    async def _listen(self, prompt: Prompt | ImagePrompt, reply: Reply, renderer: Renderer) -> None:
        async with self._gateway.stream(prompt) as events:
            async for event in events:
                reply.add(event)
                if isinstance(event, TextDelta):
                    renderer.write(event.text)

    async def _say_goodbye(self, saying: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(GOODBYE):
                await saying
        except (TimeoutError, SurfaceError) as error:
            log.info("could not mark an interrupted answer: %r", error)


@dataclass(slots=True)
class _Heard:
    """What a model said, and how it ended: ``footer`` is what is written under it."""

    reply: Reply
    model: str
    status: Status
    footer: str


@dataclass(slots=True)
class _Running:
    """An answer under way, in the task that can be cancelled to stop it."""

    turn: Turn
    task: asyncio.Task[object]
    has_begun: bool = False
    is_stopped: bool = False
    is_over: bool = False

    def take_stop(self) -> bool:
        """Whether a cancellation was somebody's stop; then the task goes on as if it had not
        been."""
        if self.is_stopped and not self.is_over:
            self.task.uncancel()
            return self.task.cancelling() == 0
        return False


def _retry(turn: Turn) -> list[Action]:
    """The button to ask again. Attachments are not kept, so a request that had some lacks it."""
    return [] if turn.request.attachments else [Action("Retry", f"/retry {turn.id}")]


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _that_fit(media: Sequence[Attachment], surface: Surface) -> tuple[list[Attachment], str]:
    """The attachments that the platform takes, and a sentence about the others."""
    limit = surface.capabilities.file_limit
    fit = [part for part in media if len(part.data) <= limit][: surface.capabilities.files_per_page]
    if len(fit) == len(media):
        return fit, ""
    left = len(media) - len(fit)
    return fit, f"⚠️ {left} of {len(media)} files are too large, or too many, to post here."


def _caption(prompt: ImagePrompt, surface: Surface) -> str:
    """The prompt, shortened where a caption cannot hold it: the asker's own message has all of
    it."""
    capabilities = surface.capabilities
    limit = (capabilities.caption_limit or capabilities.page_limit) - 300
    text = prompt.text if len(prompt.text) <= limit else prompt.text[: limit // 2].rstrip() + " …"
    about = " · ".join(part for part in (prompt.model, prompt.aspect_ratio) if part)
    return f"{text}\n\n*{about}*"


def _waiting(ahead: int) -> str:
    before = "one answer" if ahead == 1 else f"{ahead} answers"
    return f"⏳ *Waiting for {before} in this channel …*"


def _log_failure(turn: Turn, model: str, error: GatewayError) -> None:
    log.warning(
        "answer failed: %s: %s (turn %s, channel %s, model %s, status %s, request %s)",
        type(error).__name__,
        error,
        turn.id,
        turn.request.channel.key,
        model,
        error.status or "-",
        error.request_id or "-",
    )
