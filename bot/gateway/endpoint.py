"""One gateway: its address, its key and the calls to it, with every error translated.

Nothing here knows what is asked; bodies are JSON in and JSON out, capped while they are read.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

from bot.config import GatewaySettings, NamedGatewaySettings
from bot.errors import BadPicture, GatewayDown, GatewayError, Interrupted, Misrouted, Silent
from bot.gateway.faults import failure
from bot.gateway.sse import SSEDecoder
from bot.gateway.wire.base import Json

REPLY_LIMIT = 128 * 2**20  # bytes of one reply that is not streamed; base64 pictures are large
ERROR_LIMIT = 64 * 2**10  # bytes of an error answer that are read at all
PIECES_LIMIT = 2**20  # values in one JSON text
_CONNECT = 10.0  # seconds


class Endpoint:
    """``settings`` of one gateway and the session that its calls share with others."""

    def __init__(
        self, settings: GatewaySettings | NamedGatewaySettings, session: aiohttp.ClientSession
    ) -> None:
        self.root = root_of(settings.base_url)
        self.key = settings.api_key.get_secret_value() if settings.api_key else ""
        self._headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
        self._session = session
        # Wires that this gateway turned out not to speak, although the model would.
        self.lacking: set[str] = set()

    @asynccontextmanager
    async def post(
        self,
        path: str,
        headers: dict[str, str],
        body: Json | aiohttp.FormData,
        *,
        total: float = 0,
        silence: float = 0,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One POST whose answer has begun well; leaving the block hangs up. ``total`` bounds all of
        it and ``silence`` the wait for the next bytes, in seconds; 0 for no bound."""
        async with self._call("POST", self.root + path, headers, total, silence, body) as response:
            if response.content_type == "text/html":
                raise Misrouted(detail="a web page", status=200, request_id=request_id(response))
            yield response

    async def get(self, path: str, headers: dict[str, str], *, total: float) -> list[Json]:
        """The JSON objects of a GET."""
        async with self._call("GET", self.root + path, headers, total, 0) as response:
            return await whole(response)

    def own(self, url: str) -> str:
        """The path of an address that is this gateway's own; "" of any other, which must never see
        the key."""
        absolute = urljoin(self.root + "/", url)
        parts, mine = urlsplit(absolute), urlsplit(self.root)
        if not url or (parts.scheme, parts.netloc) != (mine.scheme, mine.netloc):
            return ""
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return path.removeprefix(mine.path)

    @asynccontextmanager
    async def _call(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        total: float,
        silence: float,
        body: Json | aiohttp.FormData | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        limits = aiohttp.ClientTimeout(total=total or None, sock_connect=_CONNECT)
        accept = {"Accept": "text/event-stream, application/json"}
        form = body if isinstance(body, aiohttp.FormData) else None
        try:
            async with asyncio.timeout(silence or None):
                response = await self._session.request(
                    method,
                    url,
                    json=body if form is None else None,
                    data=form,
                    headers=accept | self._headers | headers,
                    timeout=limits,
                    allow_redirects=False,
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            raise translated(error) from error
        try:
            if response.status not in (200, 202):
                text = (await response.content.read(ERROR_LIMIT)).decode(errors="replace")
                raise failure(response.status, text, response.headers)
            yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise translated(error) from error
        finally:
            response.close()


async def bodies(
    response: aiohttp.ClientResponse, silence: float, longest: float
) -> AsyncIterator[Json]:
    """The JSON objects of an answer as they come, be it a stream or one piece. Raises Interrupted
    where the connection ends badly or after ``longest`` seconds, whatever comes until then, and
    Silent after ``silence`` seconds without a byte."""
    if response.content_type == "application/json":
        for reply in await whole(response):
            yield reply
        return
    decoder = SSEDecoder()
    watch = _Watch(response.content, silence, longest)
    try:
        async for chunk in response.content.iter_any():
            watch.heard()
            for event in decoder.feed(chunk):
                if (body := _object(event.data)) is not None:
                    yield body
    except TimeoutError as error:
        raise Silent(detail=repr(error), request_id=request_id(response)) from error
    except aiohttp.ClientError as error:
        raise Interrupted(detail=repr(error), request_id=request_id(response)) from error
    finally:
        watch.stop()
    # Some gateways put an error behind the last event without framing it.
    if decoder.stray and (body := _object(decoder.stray)) is not None:
        yield body


class _Watch:
    """Ends the reading of a stream that has been silent for too long, or that gives signs of life
    for ever. aiohttp's own read timeout makes a new timer for every chunk; this one looks once in a
    while, for a third of the cost."""

    def __init__(self, content: aiohttp.StreamReader, silence: float, longest: float) -> None:
        self._content = content
        self._silence = silence
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._until = self._heard + longest
        self._timer = self._loop.call_later(silence, self._look)

    def heard(self) -> None:
        self._heard = self._loop.time()

    def stop(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        left = self._heard + self._silence - now
        if left <= 0:
            self._content.set_exception(TimeoutError(f"no bytes for {self._silence} s"))
        elif now >= self._until:
            self._content.set_exception(Interrupted(detail="an answer without end"))
        else:
            self._timer = self._loop.call_later(left, self._look)


async def whole(response: aiohttp.ClientResponse) -> list[Json]:
    """A reply that is not streamed, as its JSON objects: one, or those of an array."""
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > REPLY_LIMIT:
            raise BadPicture("The gateway's answer is too large.", detail=f"over {REPLY_LIMIT}")
    try:
        parsed = _parsed(data)
    except (ValueError, RecursionError) as error:
        wrong = Misrouted if data.lstrip()[:1] == b"<" else GatewayDown
        raise wrong(
            detail=f"{len(data)} bytes that are not JSON",
            status=200,
            request_id=request_id(response),
        ) from error
    found = [
        body for body in (parsed if isinstance(parsed, list) else [parsed]) if _is_object(body)
    ]
    if not found:
        raise GatewayDown(detail="JSON, but no object", request_id=request_id(response))
    return found


def root_of(base_url: str) -> str:
    """The address that routes are appended to: ``https://host//api/v1/`` → ``https://host/api``."""
    parts = urlsplit(base_url)
    path = "/" + "/".join(piece for piece in parts.path.split("/") if piece)
    return f"{parts.scheme}://{parts.netloc}" + path.removesuffix("/v1").rstrip("/")


def request_id(response: aiohttp.ClientResponse) -> str:
    headers = response.headers
    return headers.get("X-Oneapi-Request-Id", "") or headers.get("X-Request-Id", "")


def translated(error: Exception) -> GatewayError:
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
        return Silent(detail=repr(error))
    return GatewayDown(detail=repr(error))


def _object(text: str) -> Json | None:
    if text == "[DONE]":
        return None
    try:
        parsed = _parsed(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _parsed(text: str | bytearray) -> Any:
    """The JSON. Raises ValueError or RecursionError where it is none, or one that would fill the
    memory: ``[{},{},…`` grows thirtyfold when it is read."""
    if len(text) > PIECES_LIMIT and _pieces(text) > PIECES_LIMIT:
        raise ValueError(f"JSON of more than {PIECES_LIMIT} values")
    return json.loads(text)


def _pieces(text: str | bytearray) -> int:
    """At least as many as there are values, or nearly; base64 has none of the three."""
    if isinstance(text, str):
        return text.count(",") + text.count("[") + text.count("{")
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
