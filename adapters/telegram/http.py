"""python-telegram-bot's way to the server, over one aiohttp session of our own.

It keeps the contract of ``telegram.request.BaseRequest`` and the library's own mapping of errors:
TimedOut and NetworkError. Their cause says what the caller may do: after ``NotSent`` nobody can
have acted on the request, after ``Unanswered`` nobody knows. Neither of them tells the bot's token,
although aiohttp's own errors quote the address that it is part of.

The library's ``HTTPXRequest`` takes four times the processor time for a call, and hangs up after
five quiet seconds.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData
from yarl import URL

from adapters.telegram.failures import NotSecure, NotSent, Unanswered, without_token

if TYPE_CHECKING:
    from telegram._utils.types import ODVInput

CONNECTIONS = 256  # at once, as the library's own has it
# Seconds that an unused connection is kept. Web servers hang up after 75 or more, and a call that
# crosses with that is a call in doubt.
KEEPALIVE = 60.0
ADDRESS_LIFE = 60  # seconds for which an answer of the DNS is believed

_DEFAULT = BaseRequest.DEFAULT_NONE
_Trouble = tuple[type[NetworkError], NotSent | Unanswered]


class AiohttpRequest(BaseRequest):
    """Opens its session with the first request, because only a running loop can have one.

    ``token`` is what must not be told. Times are in seconds, None for no limit: ``read_timeout`` is
    the longest silence before and within an answer, ``connect_timeout`` bounds DNS, TCP and TLS
    together, ``pool_timeout`` the wait while all connections are in use. An upload may take as long
    as it likes, but not rest for ``write_timeout``. ``proxy`` is the address of one.
    """

    def __init__(
        self,
        token: str,
        *,
        read_timeout: float | None = 5.0,
        write_timeout: float | None = 20.0,
        connect_timeout: float | None = 5.0,
        pool_timeout: float | None = 1.0,
        connections: int = CONNECTIONS,
        proxy: str | None = None,
    ) -> None:
        self._token = token
        self._read_timeout = read_timeout
        self._write_timeout = write_timeout
        self._connect_timeout = connect_timeout
        self._pool_timeout = pool_timeout
        self._slots = asyncio.Semaphore(connections)
        self._proxy = proxy
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float | None:
        return self._read_timeout

    async def initialize(self) -> None:
        if self._session is None or self._session.closed:
            self._session = self._opened()

    async def shutdown(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: ODVInput[float] = _DEFAULT,
        write_timeout: ODVInput[float] = _DEFAULT,
        connect_timeout: ODVInput[float] = _DEFAULT,
        pool_timeout: ODVInput[float] = _DEFAULT,
    ) -> tuple[int, bytes]:
        """The status and the body of the answer, whatever they are. Follows no redirect: the token
        is in the address. Raises TimedOut or NetworkError."""
        upload = aiohttp.UploadTracker()
        limits = aiohttp.ClientTimeout(
            connect=_seconds(connect_timeout, self._connect_timeout),
            sock_read=_seconds(read_timeout, self._read_timeout),
        )
        moving: AbstractAsyncContextManager[None] = nullcontext()
        if request_data is not None and request_data.contains_files:
            moving = _moving(upload, _seconds(write_timeout, self._write_timeout))
        try:
            async with self._slot(_seconds(pool_timeout, self._pool_timeout)), moving:
                return await self._exchange(url, method, request_data, limits, upload)
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
            kind, cause = self._meaning(error, upload)
        # Out here, so that the error itself, with the address in its words, is not dragged along.
        raise kind(str(cause)) from cause

    async def _exchange(
        self,
        url: str,
        method: str,
        request_data: RequestData | None,
        limits: aiohttp.ClientTimeout,
        upload: aiohttp.UploadTracker,
    ) -> tuple[int, bytes]:
        if self._session is None:
            self._session = self._opened()
        async with self._session.request(
            method,
            url,
            data=_body(request_data),
            timeout=limits,
            allow_redirects=False,
            upload_tracker=upload,
        ) as response:
            return response.status, await response.read()

    def _opened(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            # Without a limit of its own: there, the wait for a connection counts as connecting.
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=KEEPALIVE, ttl_dns_cache=ADDRESS_LIFE
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self.USER_AGENT},
            proxy=self._proxy,
        )

    @asynccontextmanager
    async def _slot(self, patience: float | None) -> AsyncIterator[None]:
        """One of the connections that may be in use at once. Raises TimeoutError."""
        if self._slots.locked():
            try:
                async with asyncio.timeout(patience):
                    await self._slots.acquire()
            except TimeoutError:
                raise TimeoutError("all connections are in use") from None
        else:
            await self._slots.acquire()  # at once
        try:
            yield
        finally:
            self._slots.release()

    def _meaning(self, error: Exception, upload: aiohttp.UploadTracker) -> _Trouble:
        """What a failure leaves behind. As long as aiohttp has not taken over the last byte of the
        request, Telegram cannot have it, however it failed; from then on, it may.

        That includes a kept connection on which the server hangs up just then. One on which it has
        hung up before is not used, or found to be closed when the request is to be written.
        """
        words = without_token(f"{type(error).__name__}: {error}", self._token)
        kind = TimedOut if isinstance(error, TimeoutError) else NetworkError
        if upload.upload_complete.done() and upload.upload_complete.exception() is None:
            return kind, Unanswered(words)
        if isinstance(error, aiohttp.ClientSSLError):
            return kind, NotSecure(words)
        return kind, NotSent(words)


def proxy_for(server: str) -> str | None:
    """The proxy that the environment names for a server (HTTPS_PROXY, ALL_PROXY, NO_PROXY …), if
    aiohttp speaks to its kind."""
    address, proxies = urlsplit(server), getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all") or ""
    if "://" not in proxy:
        proxy = f"http://{proxy}" if proxy else ""
    if not proxy.startswith(("http://", "https://")) or proxy_bypass(address.netloc):
        return None
    return proxy


def _seconds(given: ODVInput[float], default: float | None) -> float | None:
    """A limit as a caller gave it, or ours. The library tells None, which is no limit, from what
    was not given."""
    if given is None:
        return None
    return float(given) if isinstance(given, int | float) else default


def _body(request_data: RequestData | None) -> aiohttp.Payload | aiohttp.FormData | None:
    """The parameters as a form, in several parts where files are among them."""
    if request_data is None:
        return None
    parameters = request_data.json_parameters
    if request_data.contains_files:
        form = aiohttp.FormData(parameters, quote_fields=False)
        for name, (file_name, content, media_type) in request_data.multipart_data.items():
            file = io.BytesIO(content) if isinstance(content, bytes) else content
            form.add_field(name, file, filename=file_name, content_type=media_type)
        return form
    if not parameters:
        return None
    # In a fraction of the time that urllib needs: for a long text, that is half of the whole call.
    form_data = URL.build(query=parameters).raw_query_string.encode()
    return aiohttp.BytesPayload(form_data, content_type="application/x-www-form-urlencoded")


@asynccontextmanager
async def _moving(upload: aiohttp.UploadTracker, patience: float | None) -> AsyncIterator[None]:
    """Raises TimeoutError when an upload has not moved for ``patience`` seconds."""
    if patience is None:
        yield
        return

    async def watch() -> None:
        written = -1
        while not upload.upload_complete.done() and upload.bytes_written > written:
            written = upload.bytes_written
            await asyncio.wait([upload.upload_complete], timeout=patience)
        if not upload.upload_complete.done():
            limit.reschedule(asyncio.get_running_loop().time())

    try:
        async with asyncio.timeout(None) as limit:
            watching = asyncio.get_running_loop().create_task(watch())
            try:
                yield
            finally:
                watching.cancel()
    except TimeoutError:
        if limit.expired():
            raise TimeoutError("the upload does not move on") from None
        raise
