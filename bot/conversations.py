"""The story of one answer: claim, wait one's turn, remember, ask, show, store.

    begin ─► place in line ─► history ─► Prompt ─► gateway.stream ─► Reply, Renderer ─► finish
                     └────────────── stop, at any point ──────────────┘

Answers of one channel come one at a time and in order; pictures stand in a line of their own, so
that a drawing that takes minutes holds up no talk. What was heard is written down before it is
shown, and how much of it is on the screen beside each frame, so that a crash loses neither.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from bot.attachments import Reader
from bot.config import LimitSettings
from bot.errors import Busy, Filtered, GatewayError, StorageError, SurfaceError, Unreachable
from bot.events import Ending, Reply, TextDelta, ThinkingDelta
from bot.interfaces import Gateway, Store, Surface
from bot.lines import Lines
from bot.policy import INTERRUPTED, STOPPED
from bot.renderer import Renderer
from bot.scheduler import Scheduler
from bot.summaries import Memory, Summaries
from bot.types import (
    Action,
    Attachment,
    Channel,
    ImagePrompt,
    Menu,
    Message,
    Prompt,
    Request,
    Status,
    Turn,
)

log = logging.getLogger("switchboard.conversations")

GOODBYE = 3.0  # seconds to say on the answer's page that the bot is going down
LEASE = 3600.0  # seconds in which no answer is still under way unless it is looked after
REPEATED = "*(Perhaps you read this already.)*"
AGAIN = 5.0  # seconds until a platform that could not be reached is tried again

_ENDINGS = {
    Ending.LENGTH: "✂️ *The answer reached the model's length limit.*",
    Ending.FILTERED: "⚠️ *The provider's content rules ended the answer here.*",
}


class Conversations:
    """Everything that is going on. Holds no history itself: that is the store's."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        scheduler: Scheduler,
        limits: LimitSettings,
        summary_model: str = "",
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._scheduler = scheduler
        self._lines = Lines(scheduler, limits)
        self._reader = Reader(gateway)
        self._summaries = Summaries(store, gateway, summary_model)
        self._running: dict[str, _Running] = {}

    async def begin(self, turn_id: str, request: Request, surface: Surface) -> Turn | None:
        """Claim the request; None where the same event was claimed before. Raises StorageError."""
        now = time.time()
        turn = Turn(
            id=turn_id,
            request=request,
            surface=surface.ref if surface.posted else "",
            started=now,
            due=now + LEASE,
        )
        return turn if await self._store.begin(turn) else None

    async def finish(self, turn: Turn, surface: Surface) -> None:
        """Write down how the turn ended. Raises StorageError."""
        await self._store.finish(replace(turn, surface=surface.ref))

    async def say(
        self,
        surface: Surface,
        text: str,
        actions: Sequence[Action] = (),
        menus: Sequence[Menu] = (),
        media: Sequence[Attachment] = (),
    ) -> None:
        """Answer with a text that is ours. Raises SurfaceError."""
        async with Renderer(surface, self._scheduler) as renderer:
            renderer.write(text)
            await renderer.finish(media=media, actions=actions, menus=menus)

    async def warn(self, surface: Surface, text: str) -> float | None:
        """Say what went wrong. None where that is done or never will be, otherwise when to say it
        again."""
        # Where nobody knows whether a send arrived, only another wording goes out once more: said
        # twice is better than not at all.
        for notice in (f"⚠️ {text}", f"⚠️ {text} {REPEATED}"):
            try:
                await self.say(surface, notice)
                break
            except (Busy, Unreachable) as error:
                log.warning("a notice could not be shown yet: %r", error)
                return time.time() + (error.retry_after if isinstance(error, Busy) else AGAIN)
            except SurfaceError as error:
                log.warning("a notice could not be shown: %r", error)
        return None

    async def talk(
        self,
        turn: Turn,
        surface: Surface,
        compose: Callable[[Memory, Request], Sequence[Prompt]],
        *,
        context: int,
        thinking: bool = False,
        sums_up: bool = True,
    ) -> Turn:
        """Ask a chat model with what the channel remembers; the turn as it ended. ``compose`` makes
        the prompt, and after it one for each model to try where those before it fail, of the
        request as it could be read; ``context`` is the first one's, in tokens. ``thinking`` shows
        what the model says to itself, ``sums_up`` has what no longer fits summed up."""

        async def prompts() -> Sequence[Prompt]:
            request = await self._read(turn, context)
            return await self._summaries.recall(
                request, lambda memory: compose(memory, request), sums_up=sums_up
            )

        line = turn.request.channel.key
        return await self._in_line(line, turn, surface, prompts, thinking=thinking)

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

    async def close(self) -> None:
        """Send away who waits in line. They are left to the next start: their turns are
        outstanding."""
        await self._summaries.close()
        for running in self._running.values():
            if not running.has_begun:
                running.task.cancel()

    async def show_again(self, turn: Turn, surface: Surface, footer: str) -> None:
        """Bring the screen to what a turn came to that nobody looks after any more. Raises
        SurfaceError."""
        async with Renderer(surface, self._scheduler) as renderer:
            if turn.reply is not None:
                renderer.write(turn.reply.text)
            was_cut = turn.status in (Status.RUNNING, Status.FAILED)
            await renderer.finish(footer, actions=_buttons(turn, turn.reply if was_cut else None))

    async def _in_line(
        self,
        line: str,
        turn: Turn,
        surface: Surface,
        prompts: Callable[[], Awaitable[Sequence[Prompt | ImagePrompt]]],
        caption: str = "",
        *,
        thinking: bool = False,
    ) -> Turn:
        """Wait for the turn's place in the line, then answer. It can be stopped all the while."""
        task = cast("asyncio.Task[object]", asyncio.current_task())
        running = self._running[turn.id] = _Running(turn, task, thinking)

        async def told() -> None:  # or the next start would not find what says that it waits
            await self._kept(turn, self._store.place(turn.id, surface.ref, ""))

        try:
            async with self._lines.place(line, turn.request.user, surface, told):
                return await self._answer(running, surface, await prompts(), line, caption)
        except asyncio.CancelledError:
            if not running.take_stop():
                raise
            await self.say(surface, STOPPED, _buttons(running.turn))
            return replace(running.turn, status=Status.STOPPED, due=None)
        finally:
            del self._running[turn.id]

    async def _read(self, turn: Turn, context: int) -> Request:
        """The turn's request with the words of what was sent along, noted for when it is asked
        again. Raises Refused."""
        request = await self._reader.read(turn.request, context)
        if request is not turn.request:
            running = self._running[turn.id]
            running.turn = replace(turn, request=request)
            await self._kept(turn, self._store.amend(running.turn))
        return request

    async def _answer(
        self,
        running: _Running,
        surface: Surface,
        prompts: Sequence[Prompt | ImagePrompt],
        line: str,
        caption: str,
    ) -> Turn:
        """Stream the reply to the screen, then show how it ended."""
        running.has_begun = True
        turn = running.turn
        stop = [Action("Stop", f"/stop {turn.id}")]

        ended: Turn | None = None

        async def note(text: str) -> None:
            if ended is None:
                await self._kept(turn, self._store.place(turn.id, surface.ref, text))
            else:
                await self._kept(turn, self._store.finish(replace(ended, surface=surface.ref)))

        renderer = Renderer(
            surface,
            self._scheduler,
            actions=stop,
            note=note,
            is_crowded=lambda: self._lines.is_crowded(line),
        )
        async with renderer:
            heard = await self._hear(running, prompts, renderer)
            running.is_over = True
            ended = heard.as_end_of(turn)
            # Beside the last frame: whatever becomes of that, nothing that was heard is lost.
            kept = asyncio.create_task(
                self._kept(turn, self._store.finish(replace(ended, surface=surface.ref)))
            )
            try:
                await self._present(turn, surface, renderer, heard, caption)
            except (Busy, Unreachable) as error:
                wait = error.retry_after if isinstance(error, Busy) else AGAIN
                log.warning("turn %s will be shown in %.0f s: %r", turn.id, wait, error)
                return replace(heard.as_end_of(turn), due=time.time() + wait)
            except SurfaceError as error:
                log.warning("turn %s could not be shown: %r", turn.id, error)
                heard.status = Status.FAILED
                due = await self.warn(surface, error.notice)
                return replace(heard.as_end_of(turn), due=due)
            finally:
                await kept
        return replace(heard.as_end_of(turn), due=None)

    async def _kept(self, turn: Turn, writing: Awaitable[None]) -> None:
        """Write beside the answer: a database in trouble must not keep it from the screen."""
        try:
            await writing
        except StorageError as error:
            log.error("turn %s could not be noted: %s", turn.id, error)

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
                    await self._listen(prompt, reply, renderer, running.thinking)
                    break
                except GatewayError as error:
                    _log_failure(running.turn, prompt.model, error)
                    if spare is None or not error.replaceable or not renderer.is_blank:
                        raise
        except GatewayError as error:
            is_cut = isinstance(prompt, Prompt) and not isinstance(error, Filtered)
            return _Heard(reply, prompt.model, Status.FAILED, f"⚠️ {error.notice}", is_cut)
        except asyncio.CancelledError:
            if not running.take_stop():
                is_cut = isinstance(prompt, Prompt)
                half = _Heard(reply, prompt.model, Status.FAILED, INTERRUPTED, is_cut)
                await self._say_goodbye(running.turn, renderer, half)
                raise
            return _Heard(reply, prompt.model, Status.STOPPED, STOPPED)
        footer = _ENDINGS.get(reply.ending or Ending.COMPLETE, "")
        if prompt is not prompts[0]:
            instead = f"*{prompt.model} answers, since {prompts[0].model} could not.*"
            footer = _paragraphs(footer, instead)
        is_cut = reply.ending is Ending.LENGTH
        return _Heard(reply, prompt.model, Status.DONE, footer, is_cut)

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
            await renderer.finish(footer, media=media, actions=_buttons(turn, heard.half))
        except SurfaceError as error:
            if not media:
                raise
            # Files are refused more often than words: by rights, by size, by type.
            log.warning("turn %s: its files could not be shown: %r", turn.id, error)
            heard.status = Status.FAILED
            text = _paragraphs(caption or heard.reply.text, footer, f"⚠️ {error.notice}")
            await self.say(surface, text, _buttons(turn))

    async def _listen(
        self, prompt: Prompt | ImagePrompt, reply: Reply, renderer: Renderer, thinking: bool
    ) -> None:
        async with self._gateway.stream(prompt) as events:
            async for event in events:
                reply.add(event)
                if isinstance(event, TextDelta):
                    renderer.write(event.text)
                elif thinking and isinstance(event, ThinkingDelta):
                    renderer.think(event.text)

    async def _say_goodbye(self, turn: Turn, renderer: Renderer, half: _Heard) -> None:
        """Mark the half answer. Where that fails, the turn is left outstanding and the next start
        does it."""
        try:
            async with asyncio.timeout(GOODBYE):
                await renderer.finish(half.footer, actions=_buttons(turn, half.half))
                await self._store.finish(replace(half.as_end_of(turn), due=None))
        except (TimeoutError, SurfaceError, StorageError) as error:
            log.info("could not mark an interrupted answer: %r", error)


@dataclass(slots=True)
class _Heard:
    """What a model said, and how it ended: ``footer`` is what is written under it; ``is_cut`` where
    it could go on."""

    reply: Reply
    model: str
    status: Status
    footer: str
    is_cut: bool = False

    @property
    def half(self) -> Message | None:
        """What there is of an answer that could go on."""
        return self.reply.message() if self.is_cut else None

    def as_end_of(self, turn: Turn) -> Turn:
        """The turn as it ended; it is due until that was shown. What came of a failed answer is
        kept, so that it can go on, and is no part of the memory."""
        return replace(
            turn,
            model=self.model,
            status=self.status,
            reply=self.reply.message(),
            usage=self.reply.usage,
        )


@dataclass(slots=True)
class _Running:
    """An answer under way, in the task that can be cancelled to stop it."""

    turn: Turn
    task: asyncio.Task[object]
    thinking: bool
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


def _buttons(turn: Turn, half: Message | None = None) -> list[Action]:
    """The buttons under an ended answer; ``half`` is one that could go on. Attachments are not
    kept, so that a request that had some cannot be asked again."""
    again = [
        Action("Retry", f"/retry {turn.id}"),
        Action("Model…", f"/retry {turn.id} --model ?"),
    ]
    lacks = turn.request.attachments or turn.request.lost
    go_on = [Action("Continue", f"/continue {turn.id}")] if half is not None else []
    return go_on if lacks else [*again, *go_on]


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
