"""One request: claimed, bound to its command, run; whatever happens, one visible outcome and one
stored end.

``Switchboard`` is the ``bot.interfaces.Handler`` that every adapter is given.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Self

from bot.commands import Command, Known, bind, nearest
from bot.commands.context import Context
from bot.commands.edited import EDITED_QUESTION, tells_of_an_edit, worth_an_offer
from bot.commands.retry import KINDS
from bot.config import LimitSettings
from bot.conversations import Conversations
from bot.errors import (
    Busy,
    GatewayError,
    Refused,
    StorageError,
    SurfaceError,
    SwitchboardError,
    Unreachable,
)
from bot.gateway.models import ModelKind, Models
from bot.interfaces import Adapter, Gateway, Store, Surface
from bot.pacing import Budget
from bot.personas import Personas
from bot.policy import left_over
from bot.prompt import HISTORY
from bot.scheduler import Scheduler
from bot.settings import (
    CHAT_MODEL,
    FALLBACK_MODELS,
    THREADS,
    TRIGGERS,
    Choices,
    keys,
    manners,
)
from bot.types import Channel, Manners, Request, Status, Turn, User

log = logging.getLogger("switchboard")

CATALOGUE_PAUSE = 3600.0  # seconds between two looks at the gateway's list of models
CATALOGUE_RETRY = 60.0
LOOK_EVERY = 5.0  # seconds between two looks at what is outstanding
PAUSE = 5.0  # seconds until what could not be shown is tried again; it doubles
LONGEST_PAUSE = 300.0
STORE_PAUSES = (1.0, 5.0, 30.0, 120.0)  # seconds until an end is written down again
GIVE_UP = 24 * 3600.0  # seconds after which nobody waits for an answer any more
_OF_MANNERS = (TRIGGERS, THREADS)
LATEST = 10_000  # people whose latest answer is known without its id


class Switchboard:
    """Built once, from its parts; knows no platform and no database."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        models: Models,
        commands: Sequence[Command],
        limits: LimitSettings,
        fallback_models: Sequence[str] = (),
        personas: Personas | None = None,
        summary_model: str = "",
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._known = Known(models, personas or Personas())
        self._operator = {FALLBACK_MODELS.name: ",".join(fallback_models)}
        self._chosen: dict[str, dict[str, str]] = {}  # of what _OF_MANNERS names, by key
        self._manners: dict[str, Manners] = {}  # by channel
        self._commands = {command.name: command for command in commands}
        self._latest: dict[tuple[str, str], str] = {}
        self._here: set[str] = set()  # turns that are looked after
        self._adapters: dict[str, Adapter] = {}
        self._answering = 0
        self._quiet = asyncio.Event()  # nothing is being answered
        self._quiet.set()
        self._is_closing = False
        self._scheduler = Scheduler()
        self._conversations = Conversations(store, gateway, self._scheduler, limits, summary_model)

    async def handle(
        self, request: Request, surface: Surface, taken: Callable[[], None] = lambda: None
    ) -> Status:
        if tells_of_an_edit(request):
            noticed = await self._noticed(request)
            if noticed is None:
                taken()
                return Status.DONE
            request = noticed
        turn_id = secrets.token_hex(8)  # short, since a button's line has to carry it
        self._here.add(turn_id)  # before the database has it, where it would look left over
        try:
            return await self._handle(turn_id, request, surface, taken)
        finally:
            self._here.discard(turn_id)

    def readiness(self) -> Mapping[str, bool]:
        return {name: adapter.ready for name, adapter in self._adapters.items()}

    async def deliver(self, platform: str, adapter: Adapter) -> None:
        """See through what is outstanding on a platform, until cancelled: what an earlier start has
        left, and what could not be shown when it was ready."""
        self._adapters[platform] = adapter
        until = math.inf
        async with asyncio.TaskGroup() as tasks:
            while True:
                here = self._here.copy()  # what ends while the database looks is not left over
                try:
                    left = await self._store.outstanding(platform, until)
                except StorageError as error:
                    log.error("cannot see what is outstanding on %s: %s", platform, error)
                    await asyncio.sleep(LOOK_EVERY)
                    continue
                here |= self._here
                new = [turn for turn in left if turn.id not in here]
                for turn in new:
                    self._here.add(turn.id)
                    tasks.create_task(self._see_through(turn, adapter))
                if not new:
                    await asyncio.sleep(LOOK_EVERY)
                    until = time.time()

    async def close(self, seconds: float) -> None:
        """Take nothing new up, and let answers under way end for so many seconds. Whatever else is
        asked meanwhile is written down and left to the next start."""
        self._is_closing = True
        await self._conversations.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._quiet.wait()

    def complete(self, channel: Channel, command: str, option: str, typed: str) -> Sequence[str]:
        known = self._commands.get(command)
        for candidate in known.options if known else ():
            if candidate.name == option:
                if candidate.complete is not None:
                    return candidate.complete(self._known, typed)
                return [choice for choice in candidate.choices if choice.startswith(typed)]
        return ()

    async def history(self, channel: Channel) -> Sequence[Turn]:
        try:
            return await self._store.history(channel, HISTORY)
        except StorageError as error:
            log.error("could not read the history of %s: %s", channel.key, error)
            return ()

    def spare(self, budgets: Sequence[Budget]) -> bool:
        return self._scheduler.spare(budgets)

    def manners(self, channel: Channel) -> Manners:
        known = self._manners.get(channel.key)
        if known is None:
            known = self._manners[channel.key] = manners(self._chosen, channel)
        return known

    async def chat_model(self, channel: Channel) -> str:
        nobody = User("", "")
        try:
            found = await self._store.choices(*keys(channel, nobody))
        except StorageError as error:
            log.error("could not read the choices of %s: %s", channel.key, error)
            found = {}
        chosen = Choices(channel, nobody, found, self._operator).value(CHAT_MODEL)
        return chosen or self._known.models.default(ModelKind.CHAT)

    async def __aenter__(self) -> Self:
        """Learn how to behave where. Raises StorageError."""
        for key, name, value in await self._store.chosen(*(one.name for one in _OF_MANNERS)):
            self._chosen.setdefault(key, {})[name] = value
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._conversations.close()

    def _note_choice(self, key: str, name: str, value: str) -> None:
        if name in {setting.name for setting in _OF_MANNERS}:
            self._chosen.setdefault(key, {})[name] = value
            self._manners.clear()

    async def keep_catalogue(self) -> None:
        """Keep the list of models up to date, until cancelled. The bot works without it."""
        while True:
            try:
                names = await self._gateway.models()
            except GatewayError as error:
                log.warning("the gateway's model list is not available: %s", error)
                await asyncio.sleep(CATALOGUE_RETRY)
            else:
                models = self._known.models
                models.offer(names)
                log.info("the gateway offers %d models", len(names))
                for kind in ModelKind:
                    if models.is_listed(models.default(kind)) is False:
                        log.warning("the gateway does not list %s", models.default(kind))
                await asyncio.sleep(CATALOGUE_PAUSE)

    async def _handle(
        self, turn_id: str, request: Request, surface: Surface, taken: Callable[[], None]
    ) -> Status:
        try:
            request = await self._meant(request)
            turn = await self._conversations.begin(turn_id, request, surface)
        except StorageError as error:
            log.error("could not claim a request: %s", error)
            await self._conversations.warn(surface, error.notice)
            return Status.FAILED
        taken()
        if turn is None:
            log.info("%s: event %s was answered before", request.channel.key, request.source)
            return Status.DONE
        if self._is_closing:
            log.info("turn %s is left to the next start", turn.id)
            return Status.RUNNING
        return (await self._answer(turn, surface)).status

    async def _meant(self, request: Request) -> Request:
        """What is really asked: /retry stands for an earlier request. Raises StorageError."""
        command = self._commands.get(request.command)
        if command is None or command.stands_for is None:
            return request
        try:
            return await command.stands_for(request, self._store, self._latest_of(request))
        except Refused:
            return request  # the command itself says why

    async def _noticed(self, request: Request) -> Request | None:
        """The request that tells of a changed question, where there is something to offer. For any
        other change nobody waits for an answer, so that none is given."""
        running = self._conversations.running(request.channel)
        try:
            return await worth_an_offer(request, self._store, self._latest_of(request), running)
        except StorageError as error:
            log.error("could not look up a changed question: %s", error)
            return None

    def _latest_of(self, request: Request) -> str:
        """The id of the person's latest turn here, "" where nobody knows."""
        return self._latest.get((request.channel.key, request.user.id), "")

    def _note(self, turn: Turn) -> None:
        """Remember the person's latest answer here, for a /retry that names none."""
        if turn.model:
            key = (turn.request.channel.key, turn.request.user.id)
            self._latest.pop(key, None)
            self._latest[key] = turn.id
            if len(self._latest) > LATEST:
                del self._latest[next(iter(self._latest))]

    async def _answer(self, turn: Turn, surface: Surface) -> Turn:
        """Run the turn's command and write down how it ended. A cancelled one stays outstanding."""
        begun = time.perf_counter()
        self._answering += 1
        self._quiet.clear()
        try:
            ended = await self._run(turn, surface)
            await self._finish(ended, surface)
        finally:
            self._answering -= 1
            if not self._answering:
                self._quiet.set()
        self._note(ended)
        log.info(
            "/%s in %s: %s after %.2f s (turn %s)",
            turn.request.command,
            turn.request.channel.key,
            ended.status.value,
            time.perf_counter() - begun,
            turn.id,
        )
        return ended

    async def _see_through(self, turn: Turn, adapter: Adapter) -> None:
        """Finish what nobody looks after: asked again where nobody saw anything of the answer,
        shown as far as it came where somebody did."""
        log.info("turn %s was left %s and is seen through", turn.id, turn.status.value)
        try:
            surface = adapter.reopen(turn)
            notice = left_over(turn, time.time())
            if notice is None:
                await self._answer(replace(turn, reply=None), surface)  # that was on the screen
            else:
                await self._finish(await self._show_again(turn, surface, notice), surface)
        except Exception:  # whatever one turn is, the others are seen through
            log.exception("turn %s could not be seen through", turn.id)
        finally:
            self._here.discard(turn.id)

    async def _show_again(self, turn: Turn, surface: Surface, notice: str) -> Turn:
        """Try until the platform has taken it, or nobody waits for it any more."""
        failed = replace(turn, status=Status.FAILED, due=None)
        pause = PAUSE
        while True:
            try:
                await self._conversations.show_again(turn, surface, notice)
            except (Busy, Unreachable) as error:
                pause = min(2 * pause, LONGEST_PAUSE)
                wait = max(pause, error.retry_after if isinstance(error, Busy) else 0.0)
                if time.time() + wait > turn.started + GIVE_UP:
                    log.error("turn %s is given up, nobody has seen its end: %r", turn.id, error)
                    return failed
                log.info("turn %s is shown again in %.0f s: %r", turn.id, wait, error)
                await asyncio.sleep(wait)
            except SurfaceError as error:
                log.error("turn %s could not be shown: %r", turn.id, error)
                return replace(failed, due=await self._conversations.warn(surface, error.notice))
            else:
                was_heard = turn.status in (Status.DONE, Status.STOPPED)
                return replace(turn, due=None) if was_heard else failed

    async def _run(self, turn: Turn, surface: Surface) -> Turn:
        """Run the command. Every failure but cancellation ends as a notice."""
        try:
            command = self._find(turn.request)
            context = Context(
                request=turn.request,
                options=bind(command, turn.request),
                turn=turn,
                surface=surface,
                conversations=self._conversations,
                models=self._known.models,
                store=self._store,
                commands=tuple(self._commands.values()),
                operator=self._operator,
                chosen=self._note_choice,
                personas=self._known.personas,
            )
            ended = await command.run(context)
        except SurfaceError as error:
            log.warning("turn %s could not be shown: %r", turn.id, error)
            if isinstance(error, Busy | Unreachable) and turn.request.command not in KINDS:
                return replace(turn, due=time.time() + PAUSE)  # costs nothing: run again then
            return await self._fail(turn, surface, error.notice)
        except SwitchboardError as error:
            if not isinstance(error, Refused):
                log.error("turn %s failed: %s", turn.id, error)
            return await self._fail(turn, surface, error.notice)
        except Exception:  # the last resort: a person is told, the log has all of it
            log.exception("turn %s failed", turn.id)
            return await self._fail(
                turn,
                surface,
                f"Something went wrong on my side. Please try again. (Reference: {turn.id[:8]})",
            )
        return ended or replace(turn, status=Status.DONE, due=None)

    def _find(self, request: Request) -> Command:
        name = request.command
        command = self._commands.get(name)
        if command is None and tells_of_an_edit(request):
            return EDITED_QUESTION
        if command is None:
            near = nearest(name, list(self._commands))
            hint = f"Did you mean /{near[0]}? " if near else ""
            raise Refused(f"There is no command /{name[:40]}. {hint}/help shows what I can do.")
        return command

    async def _fail(self, turn: Turn, surface: Surface, why: str) -> Turn:
        """The turn as it ended for this reason. Who could not be told yet is told later."""
        due = await self._conversations.warn(surface, why)
        return replace(turn, status=Status.FAILED, due=due)

    async def _finish(self, turn: Turn, surface: Surface) -> None:
        """Write down how the turn ended; a database in trouble is given a few minutes."""
        for pause in (*STORE_PAUSES, None):
            try:
                await self._conversations.finish(turn, surface)
                if _takes_the_place(turn):
                    await self._store.forget(turn.request.channel, turn.request.again)
                return
            except StorageError as error:
                log.error("turn %s could not be stored: %s", turn.id, error)
            if pause is not None:
                await asyncio.sleep(pause)


def _takes_the_place(turn: Turn) -> bool:
    """Whether the turn has come to an answer that replaces an earlier one."""
    is_answer = turn.request.command in KINDS and turn.status in (Status.DONE, Status.STOPPED)
    return bool(turn.request.again) and is_answer
