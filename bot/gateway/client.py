"""The client of the model gateway: one session, one POST, one stream, bounded retries, errors
translated.

Pictures that come as links are fetched at once (``fetch``), because such links expire.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from bot.config import GatewaySettings
from bot.errors import BadPicture, GatewayDown, GatewayError, Interrupted, Misrouted, Silent
from bot.events import Finish, Media, Progress, ReplyEvent
from bot.gateway.faults import failure, raise_for_body
from bot.gateway.fetch import Fetcher
from bot.gateway.models import Model, Models
from bot.gateway.pictures import picture
from bot.gateway.sse import SSEDecoder
from bot.gateway.wire import WIRE_FORMATS
from bot.gateway.wire.base import Job, Json, PictureLink, WireEvent
from bot.types import ImagePrompt, Prompt

log = logging.getLogger("switchboard.gateway")

REPLY_LIMIT = 128 * 2**20  # bytes of one reply that is not streamed; base64 pictures are large
ERROR_LIMIT = 64 * 2**10  # bytes of an error answer that are read at all


class GatewayClient:
    """``async with GatewayClient(settings, models) as gateway``. Implements
    ``bot.interfaces.Gateway``.

    ``silence`` is the longest wait in seconds for the next bytes of a streamed answer, ``patience``
    the longest for a picture. ``attempts`` bounds how often a chat request is sent, ``pause`` is
    the first wait between two attempts in seconds; it doubles.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        models: Models,
        *,
        silence: float = 120.0,
        patience: float = 300.0,
        attempts: int = 3,
        pause: float = 0.5,
    ) -> None:
        self._root = gateway_root(settings.base_url)
        self._key = settings.api_key.get_secret_value() if settings.api_key else ""
        self._models = models
        self._silence = silence
        self._patience = patience
        self._attempts = attempts
        self._pause = pause

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=75)
        self._session = await self._stack.enter_async_context(
            aiohttp.ClientSession(connector=connector, auto_decompress=True)
        )
        self._fetcher = await self._stack.enter_async_context(Fetcher(self._root))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def stream(
        self, prompt: Prompt | ImagePrompt
    ) -> AsyncIterator[AsyncIterator[ReplyEvent]]:
        async with AsyncExitStack() as stack:
            if isinstance(prompt, Prompt):
                model = self._models.find(prompt.model)
                events = self._events(await self._ask(prompt, model, stack), model)
            else:
                events = self._pictures(prompt)
            yield await stack.enter_async_context(aclosing(events))

    async def models(self) -> Sequence[str]:
        timeout = aiohttp.ClientTimeout(total=20, connect=10)
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            async with self._session.get(
                self._root + "/v1/models", headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                body = await _json(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _translated(error) from error
        items = body.get("data")
        if not isinstance(items, list):
            raise Misrouted(detail=f"no model list among keys {sorted(body)[:9]}")
        return [
            item["id"]
            for item in items
            if isinstance(item, dict) and isinstance(item.get("id"), str)
        ]

    async def _ask(
        self, prompt: Prompt, model: Model, stack: AsyncExitStack
    ) -> aiohttp.ClientResponse:
        """Send the question until an answer begins, at most ``attempts`` times."""
        wire = WIRE_FORMATS[model.wire]
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=self._silence)
        body = wire.encode(prompt, model)
        for attempt in range(1, self._attempts + 1):
            try:
                return await stack.enter_async_context(
                    self._post(wire.path(model), wire.headers(self._key), body, timeout)
                )
            except GatewayError as error:
                if not error.retryable or attempt == self._attempts:
                    raise
                wait = error.retry_after
                if wait is None:
                    wait = self._pause * 2 ** (attempt - 1) * random.uniform(0.75, 1.0)  # noqa: S311
                if wait > 20:  # nobody waits longer in front of a screen
                    raise
                log.info("attempt %d failed (%s), next in %.1f s", attempt, error, wait)
                await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def _post(
        self,
        path: str,
        headers: dict[str, str],
        body: dict[str, Any],
        limits: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One POST whose answer has begun well. Leaving the block hangs up."""
        try:
            response = await self._session.post(
                self._root + path,
                json=body,
                headers={"Accept": "text/event-stream, application/json", **headers},
                timeout=limits,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _translated(error) from error
        try:
            if response.status != 200:
                raise failure(response.status, await _text(response), response.headers)
            if response.content_type == "text/html":
                raise Misrouted(
                    detail="text/html behind status 200",
                    status=200,
                    request_id=_request_id(response),
                )
            yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _translated(error) from error
        finally:
            response.close()

    async def _events(
        self, response: aiohttp.ClientResponse, model: Model
    ) -> AsyncGenerator[ReplyEvent, None]:
        """The answer's events. Raises Interrupted where it ends without saying that it is over."""
        wire = WIRE_FORMATS[model.wire]
        finished = False
        try:
            async for body in _bodies(response):
                for event in wire.decode(body):
                    finished = finished or isinstance(event, Finish)
                    if not isinstance(event, PictureLink | Job):
                        yield event
        except TimeoutError as error:
            raise Silent(
                detail=f"no bytes for {self._silence} s", request_id=_request_id(response)
            ) from error
        except aiohttp.ClientError as error:
            if not finished:
                raise Interrupted(detail=repr(error), request_id=_request_id(response)) from error
        if not finished:
            raise Interrupted(
                detail="the stream ended without a finish reason", request_id=_request_id(response)
            )

    async def _pictures(self, prompt: ImagePrompt) -> AsyncGenerator[ReplyEvent, None]:
        """Draw ``prompt.count`` pictures. What came is passed on before the first failure is
        raised."""
        model = self._models.find(prompt.model)
        calls = 1 if model.takes_count else prompt.count
        yield Progress()
        tasks = [asyncio.create_task(self._draw(prompt, model)) for _ in range(calls)]
        failed: BaseException | None = None
        try:
            for task in tasks:
                try:
                    for event in await task:
                        yield event
                except GatewayError as error:
                    log.warning("picture failed: %s (request %s)", error, error.request_id or "-")
                    failed = failed or error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if failed is not None:
            raise failed
        yield Finish()

    async def _draw(self, prompt: ImagePrompt, model: Model) -> list[ReplyEvent]:
        """One paid call. It is sent again only after 429 or a refused connection: else it may be
        billed twice."""
        wire = WIRE_FORMATS[model.wire]
        timeout = aiohttp.ClientTimeout(total=self._patience, sock_connect=10)
        body = wire.encode(prompt, model)
        for attempt in range(1, self._attempts + 1):
            try:
                async with self._post(
                    wire.path(model), wire.headers(self._key), body, timeout
                ) as response:
                    found: list[WireEvent] = list(wire.decode(await _json(response)))
                return [
                    await self._resolved(event) for event in found if not isinstance(event, Finish)
                ]
            except GatewayError as error:
                again = error.status == 429 or isinstance(
                    error.__cause__, aiohttp.ClientConnectorError
                )
                wait = (
                    error.retry_after if error.retry_after is not None else self._pause * 2**attempt
                )
                if not again or attempt == self._attempts or wait > 20:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    async def _resolved(self, event: WireEvent) -> ReplyEvent:
        if isinstance(event, PictureLink):
            return Media(picture(await self._fetcher.fetch(event.url)))
        if isinstance(event, Job):
            raise BadPicture("The gateway has not finished the picture.", detail=event.path)
        return event


def gateway_root(base_url: str) -> str:
    """The address that routes are appended to: ``https://host//api/v1/`` → ``https://host/api``."""
    parts = urlsplit(base_url)
    path = "/" + "/".join(piece for piece in parts.path.split("/") if piece)
    return f"{parts.scheme}://{parts.netloc}" + path.removesuffix("/v1").rstrip("/")


async def _bodies(response: aiohttp.ClientResponse) -> AsyncIterator[Json]:
    """The JSON objects of an answer, be it a stream or one piece."""
    if response.content_type == "application/json":
        yield await _json(response)
        return
    decoder = SSEDecoder()
    async for chunk in response.content.iter_any():
        for event in decoder.feed(chunk):
            if event.data.strip() == "[DONE]":
                continue
            try:
                body = json.loads(event.data)
            except ValueError:
                log.warning(
                    "an event that is not JSON was skipped (%d characters)", len(event.data)
                )
                continue
            if isinstance(body, dict):
                yield body


async def _json(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """The whole reply as a JSON object, capped while it is read. Raises what it says has failed."""
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > REPLY_LIMIT:
            raise BadPicture(
                "The gateway's answer is too large.", detail=f"more than {REPLY_LIMIT} bytes"
            )
    if response.status != 200:
        raise failure(response.status, data.decode(errors="replace"), response.headers)
    try:
        body = json.loads(data)
    except ValueError as error:
        wrong = Misrouted if data.lstrip()[:1] == b"<" else GatewayDown
        raise wrong(
            detail=f"{len(data)} bytes that are not JSON",
            status=200,
            request_id=_request_id(response),
        ) from error
    if not isinstance(body, dict):
        raise GatewayDown(
            detail="JSON, but no object", status=200, request_id=_request_id(response)
        )
    raise_for_body(body)
    return body


async def _text(response: aiohttp.ClientResponse) -> str:
    return (await response.content.read(ERROR_LIMIT)).decode(errors="replace")


def _request_id(response: aiohttp.ClientResponse) -> str:
    return response.headers.get("X-Oneapi-Request-Id", response.headers.get("X-Request-Id", ""))


def _translated(error: Exception) -> GatewayError:
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
        return Silent(detail=repr(error))
    return GatewayDown(detail=repr(error))
