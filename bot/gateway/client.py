"""The client of the model gateways: one session, one POST, one stream, bounded retries.

A chat answer is one streamed POST. A picture is one paid POST, a job that is asked after, or both;
pictures that come as links are fetched at once (``fetch``), because such links expire.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any, Self

import aiohttp

from bot.config import GatewaySettings, NamedGatewaySettings
from bot.errors import (
    BadKey,
    BadPicture,
    Filtered,
    GatewayDown,
    GatewayError,
    Interrupted,
    Misrouted,
    NoCredit,
    NoSuchModel,
    NotAllowed,
    Silent,
)
from bot.events import Ending, Finish, Media, Progress, ReplyEvent
from bot.gateway import transcribe
from bot.gateway.allowance import Allowance
from bot.gateway.endpoint import Endpoint, bodies, request_id, whole
from bot.gateway.faults import raise_for_body
from bot.gateway.fetch import Fetcher
from bot.gateway.models import Model, ModelKind, Models
from bot.gateway.pictures import found_in, picture
from bot.gateway.sift import Sift
from bot.gateway.wire import WIRE_FORMATS, multimodal
from bot.gateway.wire.base import Job, PictureLink, WireEvent, WireFormat, shown
from bot.types import Audio, ImagePrompt, Prompt

log = logging.getLogger("switchboard.gateway")

LONGEST_WAIT = 20.0  # seconds between two attempts: nobody waits longer in front of a screen
FIRST_LOOK, LAST_LOOK = 3.0, 10.0  # seconds between two looks at a job, growing
JOB_WAIT = 15.0  # seconds before the first look, whatever the gateway estimates
JOB_TROUBLE = 8  # looks in a row that may fail

Wire = WireFormat[Any]


class GatewayClient:
    """``async with GatewayClient(gateways, models) as gateway``. Implements
    ``bot.interfaces.Gateway``. ``gateways`` are settings by name, "" for the main one.

    ``silence`` is the longest wait in seconds for the next bytes of a streamed answer, ``longest``
    how many all of it may take, ``patience`` the longest wait for a picture. ``attempts`` bounds
    how often a request is sent, ``pause`` is the first wait between two attempts in seconds; it
    doubles. ``look`` is the first wait between two looks at a job.
    """

    def __init__(
        self,
        gateways: Mapping[str, GatewaySettings | NamedGatewaySettings],
        models: Models,
        *,
        silence: float = 120.0,
        longest: float = 3600.0,
        patience: float = 300.0,
        attempts: int = 3,
        pause: float = 0.5,
        look: float = FIRST_LOOK,
    ) -> None:
        self._settings = gateways
        self._models = models
        main = gateways.get("")
        self._listener = main.transcription_model if isinstance(main, GatewaySettings) else ""
        self._silence = silence
        self._longest = longest
        self._patience = patience
        self._attempts = attempts
        self._pause = pause
        self._look = look

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=75)
        session = aiohttp.ClientSession(connector=connector)
        await self._stack.enter_async_context(session)
        self._endpoints = {
            name: Endpoint(settings, session) for name, settings in self._settings.items()
        }
        roots = [endpoint.root for endpoint in self._endpoints.values()]
        self._fetcher = await self._stack.enter_async_context(Fetcher(roots))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def stream(
        self, prompt: Prompt | ImagePrompt
    ) -> AsyncIterator[AsyncIterator[ReplyEvent]]:
        async with AsyncExitStack() as stack:
            if isinstance(prompt, Prompt):
                events = self._events(*await self._ask(prompt, stack))
            else:
                events = self._pictures(prompt)
            yield await stack.enter_async_context(aclosing(events))

    async def models(self) -> Sequence[str]:
        """The names that the gateways list, those of a named gateway as ``NAME/model``. Raises what
        the main one raises; the others may be down."""
        names = await _listed(self._endpoints[""])
        for name, endpoint in self._endpoints.items():
            if name:
                try:
                    names += [f"{name}/{model}" for model in await _listed(endpoint)]
                except GatewayError as error:
                    log.warning("the gateway %s does not list its models: %s", name, error)
        return names

    async def transcribe(self, recording: Audio) -> str:
        """What is said in it, "" for nothing. It is paid for, so like a picture it is sent again
        only where that surely cost nothing."""
        model = self._models.find(self._listener)
        endpoint = self._endpoints.get(model.gateway)
        if endpoint is None:
            raise NoSuchModel(detail=f"no gateway is called {model.gateway}")
        headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        for attempt in range(1, self._attempts + 1):
            form = transcribe.form(recording, _as_sent(model).name)
            try:
                post = endpoint.post(transcribe.PATH, headers, form, total=self._patience)
                async with post as response:
                    return await transcribe.words(response)
            except GatewayError as error:
                if not _was_free(error) or not await self._wait(error, attempt):
                    raise transcribe.explained(error) from error.__cause__
        raise AssertionError("unreachable")

    # Chat

    async def _ask(
        self, prompt: Prompt, stack: AsyncExitStack
    ) -> tuple[aiohttp.ClientResponse, Wire]:
        """Send the question until an answer begins. A gateway that lacks a vendor's own route is
        asked by chat completions, which all of them speak."""
        model, endpoint = self._road(prompt)
        name = "chat_completions" if model.wire in endpoint.lacking else model.wire
        try:
            return await self._attempt(prompt, model, endpoint, name, stack), WIRE_FORMATS[name]
        except Misrouted as error:
            if name == "chat_completions":
                raise
            log.info("%s does not speak %s (%s)", endpoint.root, name, error)
            endpoint.lacking.add(name)
        name = "chat_completions"
        return await self._attempt(prompt, model, endpoint, name, stack), WIRE_FORMATS[name]

    async def _attempt(
        self, prompt: Prompt, model: Model, endpoint: Endpoint, name: str, stack: AsyncExitStack
    ) -> aiohttp.ClientResponse:
        """Send the question at most ``attempts`` times."""
        wire = WIRE_FORMATS[name]
        model = _as_sent(model)
        body = wire.encode(replace(prompt, model=model.name), model)
        path, headers = wire.path(model), wire.headers(endpoint.key)
        for attempt in range(1, self._attempts + 1):
            try:
                post = endpoint.post(path, headers, body, silence=self._silence)
                return await stack.enter_async_context(post)
            except GatewayError as error:
                if not error.retryable or not await self._wait(error, attempt):
                    raise
        raise AssertionError("unreachable")

    async def _events(
        self, response: aiohttp.ClientResponse, wire: Wire
    ) -> AsyncGenerator[ReplyEvent, None]:
        """The answer's events. Raises Interrupted where it ends without saying that it is over."""
        sift, allowance = Sift(), Allowance()
        finished = False
        try:
            async for body in bodies(response, self._silence, self._longest):
                for found in wire.decode(body):
                    event = await self._resolved(found)
                    for sifted in sift.feed(event):
                        allowance.take(sifted)
                        yield sifted
                    finished = finished or isinstance(event, Finish)
        except GatewayError:
            if not finished:  # what breaks after the end does not concern anybody
                for sifted in sift.end():
                    yield sifted
                raise
        for sifted in sift.end():
            yield sifted
        if not finished:
            detail = "the stream ended without a finish reason"
            raise Interrupted(detail=detail, request_id=request_id(response))

    # Pictures

    async def _pictures(self, prompt: ImagePrompt) -> AsyncGenerator[ReplyEvent, None]:
        """Draw ``prompt.count`` pictures. What came is passed on before a failure is raised."""
        model, endpoint = self._road(prompt)
        calls = 1 if model.takes_count else prompt.count
        came: asyncio.Queue[ReplyEvent | GatewayError | None] = asyncio.Queue()

        async def draw() -> None:
            try:
                async for event in self._drawn(prompt, model, endpoint):
                    came.put_nowait(event)
            except GatewayError as error:
                came.put_nowait(error)
            finally:
                came.put_nowait(None)

        failed: GatewayError | None = None
        allowance = Allowance()
        yield Progress()
        tasks = [asyncio.create_task(draw()) for _ in range(calls)]
        try:
            while calls:
                event = await came.get()
                if event is None:
                    calls -= 1
                elif isinstance(event, GatewayError):
                    failed = failed or event
                else:
                    allowance.take(event)
                    yield event
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in tasks:
            task.result()  # a fault of ours is not to be mistaken for one of the gateway's
        if failed is not None:
            raise failed
        yield Finish()

    async def _drawn(
        self, prompt: ImagePrompt, model: Model, endpoint: Endpoint
    ) -> AsyncIterator[ReplyEvent]:
        """One paid call and, where it answers with a job, the looks at that."""
        wire = WIRE_FORMATS[model.wire]
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        found = await self._submit(prompt, model, endpoint, wire)
        trouble, look, wait = 0, self._look, 0.0
        while (job := next((event for event in found if isinstance(event, Job)), None)) is not None:
            for event in found:
                if isinstance(event, Progress):
                    yield event
            # The gateway's estimate counts for the first look only.
            wait = look if wait else min(job.wait, JOB_WAIT) or look
            if loop.time() + wait > until:
                raise Silent("The picture took too long.", detail=f"job {job.path} is unfinished")
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311
            look = min(look * 1.2, LAST_LOOK)
            path = endpoint.own(job.poll_url) or job.path
            if not path:
                raise Misrouted(detail=f"a job at a foreign address: {job.poll_url[:200]}")
            try:
                replies = await endpoint.get(path, wire.headers(endpoint.key), total=30)
                found = [event for reply in replies for event in multimodal.decode(reply)]
                trouble = 0
            except (GatewayDown, Misrouted, Silent, Interrupted) as error:
                trouble += 1
                if trouble == JOB_TROUBLE:
                    raise
                log.info("looking at job %s failed (%s), looking again", job.path, error)
            except GatewayError as error:
                trouble += 1
                final = isinstance(error, BadKey | NoCredit | NotAllowed | NoSuchModel)
                if not error.retryable and (not final or trouble > 1):
                    raise
        for event in found:
            if not isinstance(event, Finish):
                yield await self._resolved(event)
        if not any(isinstance(event, Media | PictureLink) for event in found):
            if Finish(Ending.FILTERED) in found:
                raise Filtered(detail="filtered instead of a picture")
            raise BadPicture("The model drew no picture.", detail="an answer without a picture")

    async def _submit(
        self, prompt: ImagePrompt, model: Model, endpoint: Endpoint, wire: Wire
    ) -> list[WireEvent]:
        """The paid call. It is sent again only where it surely cost nothing: after 429, refused
        connections, and a route that the gateway lacks. Pictures are found wherever the reply has
        them, text and links included."""
        if model.wire in endpoint.lacking:
            wire = WIRE_FORMATS["images"]
        model = _as_sent(model)
        body = wire.encode(replace(prompt, model=model.name), model)
        path, headers = wire.path(model), wire.headers(endpoint.key)
        for attempt in range(1, self._attempts + 1):
            try:
                async with endpoint.post(path, headers, body, total=self._patience) as response:
                    replies = await whole(response)
                found: list[WireEvent] = [
                    event for reply in replies for event in wire.decode(reply)
                ]
                if not any(isinstance(event, Media | PictureLink | Job) for event in found):
                    found += [shown(one) for reply in replies for one in found_in(reply)]
                return found
            except Misrouted as error:
                if wire is WIRE_FORMATS["images"]:
                    raise
                log.info("%s does not speak %s (%s)", endpoint.root, model.wire, error)
                endpoint.lacking.add(model.wire)
                return await self._submit(prompt, model, endpoint, WIRE_FORMATS["images"])
            except GatewayError as error:
                if not _was_free(error) or not await self._wait(error, attempt):
                    raise
        raise AssertionError("unreachable")

    async def _resolved(self, event: WireEvent) -> ReplyEvent:
        if isinstance(event, PictureLink):
            return Media(picture(await self._fetcher.fetch(event.url)))
        if isinstance(event, Job):
            raise Interrupted(detail=f"a job where an answer should be: {event.path}")
        return event

    # Both

    def _road(self, prompt: Prompt | ImagePrompt) -> tuple[Model, Endpoint]:
        kind = ModelKind.CHAT if isinstance(prompt, Prompt) else ModelKind.IMAGE
        model = self._models.find(prompt.model, kind)
        endpoint = self._endpoints.get(model.gateway)
        if endpoint is None:
            raise NoSuchModel(detail=f"no gateway is called {model.gateway}")
        return model, endpoint

    async def _wait(self, error: GatewayError, attempt: int) -> bool:
        """Wait for the next attempt: the server's own wait, or a growing pause with jitter. False
        where there is none to wait for."""
        wait = error.retry_after
        if wait is None:
            wait = self._pause * 2 ** (attempt - 1) * random.uniform(0.75, 1.0)  # noqa: S311
        if attempt == self._attempts or wait > LONGEST_WAIT:
            return False
        log.info("attempt %d failed (%s), next in %.1f s", attempt, error, wait)
        await asyncio.sleep(wait)
        return True


async def _listed(endpoint: Endpoint) -> list[str]:
    """The names in a gateway's list, in its present form or, where it lacks that, its older one.

    Only Bearer goes along: with a vendor's own headers the list takes the vendor's shape.
    """
    headers = {"Authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    try:
        replies = await endpoint.get("/v1/models", headers, total=20)
    except Misrouted as error:
        try:
            replies = await endpoint.get("/models", headers, total=20)
        except GatewayError:
            raise error from None
    items: list[Any] = []
    for body in replies:
        raise_for_body(body)
        listed = body.get("data") or body.get("models")
        items += listed if isinstance(listed, list) else [body]
    names = [item.get("id") or item.get("name") for item in items if isinstance(item, dict)]
    found = [name for name in names if isinstance(name, str) and name]
    if not found:
        raise Misrouted(detail="a list of models without any name in it")
    return found


def _was_free(error: GatewayError) -> bool:
    """Whether what failed has surely cost nothing."""
    return error.status == 429 or isinstance(error.__cause__, aiohttp.ClientConnectorError)


def _as_sent(model: Model) -> Model:
    """The model under the name that its gateway knows."""
    return replace(model, name=model.sent) if model.sent else model
