"""One request: claimed, bound to its command, run; whatever happens, one visible outcome and one
stored end.

``Switchboard`` is the ``bot.interfaces.Handler`` that every adapter is given.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from bot.commands import Command, bind, nearest
from bot.commands.context import CHOICE, Context
from bot.commands.retry import RETRY, meant
from bot.conversations import Conversations
from bot.errors import GatewayError, Refused, StorageError, SurfaceError, SwitchboardError
from bot.gateway.models import ModelKind, Models
from bot.interfaces import Gateway, Store, Surface
from bot.pacing import Pacer
from bot.prompt import HISTORY
from bot.types import Channel, Request, Status, Turn

log = logging.getLogger("switchboard")

CATALOGUE_PAUSE = 3600.0  # seconds between two looks at the gateway's list of models
CATALOGUE_RETRY = 60.0
LATEST = 10_000  # people whose latest answer is known without its id


class Switchboard:
    """Built once, from its parts; knows no platform and no database."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        models: Models,
        commands: Sequence[Command],
        fallback_models: Sequence[str] = (),
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._models = models
        self._fallback_models = fallback_models
        self._commands = {command.name: command for command in commands}
        self._latest: dict[tuple[str, str], str] = {}
        self._conversations = Conversations(store, gateway, Pacer())

    async def handle(self, request: Request, surface: Surface) -> Status:
        begun = time.perf_counter()
        try:
            request = await self._meant(request)
            turn = await self._conversations.begin(request, surface)
        except StorageError as error:
            log.error("could not claim a request: %s", error)
            await self._notice(surface, error.notice)
            return Status.FAILED
        if turn is None:
            log.info("%s: event %s was answered before", request.channel.key, request.source)
            return Status.DONE
        ended = replace(turn, status=Status.FAILED)
        try:
            ended = await self._run(turn, surface)
        finally:
            await self._finish(ended, surface)
            self._note(ended)
            log.info(
                "/%s in %s: %s after %.2f s (turn %s)",
                request.command,
                request.channel.key,
                ended.status.value,
                time.perf_counter() - begun,
                turn.id,
            )
        return ended.status

    def complete(self, channel: Channel, command: str, option: str, typed: str) -> Sequence[str]:
        known = self._commands.get(command)
        for candidate in known.options if known else ():
            if candidate.name == option:
                if candidate.complete is not None:
                    return candidate.complete(self._models, typed)
                return [choice for choice in candidate.choices if choice.startswith(typed)]
        return ()

    async def history(self, channel: Channel) -> Sequence[Turn]:
        try:
            return await self._store.history(channel, HISTORY)
        except StorageError as error:
            log.error("could not read the history of %s: %s", channel.key, error)
            return ()

    async def chat_model(self, channel: Channel) -> str:
        try:
            choices = await self._store.choices(channel)
        except StorageError as error:
            log.error("could not read the choices of %s: %s", channel.key, error)
            choices = {}
        return choices.get(CHOICE[ModelKind.CHAT]) or self._models.default(ModelKind.CHAT)

    async def keep_catalogue(self) -> None:
        """Keep the list of models up to date, until cancelled. The bot works without it."""
        while True:
            try:
                names = await self._gateway.models()
            except GatewayError as error:
                log.warning("the gateway's model list is not available: %s", error)
                await asyncio.sleep(CATALOGUE_RETRY)
            else:
                self._models.offer(names)
                log.info("the gateway offers %d models", len(names))
                for kind in ModelKind:
                    if self._models.is_listed(self._models.default(kind)) is False:
                        log.warning("the gateway does not list %s", self._models.default(kind))
                await asyncio.sleep(CATALOGUE_PAUSE)

    async def _meant(self, request: Request) -> Request:
        """What is really asked: /retry stands for an earlier request. Raises StorageError."""
        if request.command != RETRY.name:
            return request
        try:
            latest = self._latest.get((request.channel.key, request.user.id), "")
            return await meant(request, self._store, latest)
        except Refused:
            return request  # the command itself says why

    def _note(self, turn: Turn) -> None:
        """Remember the person's latest answer here, for a /retry that names none."""
        if turn.model:
            key = (turn.request.channel.key, turn.request.user.id)
            self._latest.pop(key, None)
            self._latest[key] = turn.id
            if len(self._latest) > LATEST:
                del self._latest[next(iter(self._latest))]

    async def _run(self, turn: Turn, surface: Surface) -> Turn:
        """Run the command. Every failure but cancellation ends as a notice."""
        failed = replace(turn, status=Status.FAILED)
        try:
            command = self._find(turn.request.command)
            context = Context(
                request=turn.request,
                options=bind(command, turn.request),
                turn=turn,
                surface=surface,
                conversations=self._conversations,
                models=self._models,
                store=self._store,
                commands=tuple(self._commands.values()),
                spares=self._fallback_models,
            )
            ended = await command.run(context)
        except SurfaceError as error:
            log.warning("turn %s could not be shown: %r", turn.id, error)
            await self._notice(surface, error.notice)
            return failed
        except SwitchboardError as error:
            if not isinstance(error, Refused):
                log.error("turn %s failed: %s", turn.id, error)
            await self._notice(surface, error.notice)
            return failed
        except Exception:  # the last resort: a person is told, the log has all of it
            log.exception("turn %s failed", turn.id)
            await self._notice(
                surface,
                f"Something went wrong on my side. Please try again. (Reference: {turn.id[:8]})",
            )
            return failed
        return ended or replace(turn, status=Status.DONE)

    def _find(self, name: str) -> Command:
        command = self._commands.get(name)
        if command is None:
            near = nearest(name, list(self._commands))
            hint = f"Did you mean /{near[0]}? " if near else ""
            raise Refused(f"There is no command /{name[:40]}. {hint}/help shows what I can do.")
        return command

    async def _notice(self, surface: Surface, text: str) -> None:
        try:
            await self._conversations.say(surface, f"⚠️ {text}")
        except SurfaceError as error:
            log.warning("a notice could not be shown: %r", error)

    async def _finish(self, turn: Turn, surface: Surface) -> None:
        try:
            await self._conversations.finish(turn, surface)
            if turn.request.again and turn.status in (Status.DONE, Status.STOPPED):
                await self._store.forget(turn.request.channel, turn.request.again)
        except StorageError as error:
            log.error("turn %s could not be stored: %s", turn.id, error)
