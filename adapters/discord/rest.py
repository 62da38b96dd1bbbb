"""Discord's REST API, one plain call at a time.

discord.py's own calls sleep inside: the one that empties a rate limit's bucket returns seconds
after Discord has acted on it, and a 429 is waited out and repeated up to five times. An answer that
is being streamed cannot wait like that; the core paces and repeats. So everything but login and
connection goes through here: a call never sleeps, is never repeated, and says what happened.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp

from bot.errors import Busy, Gone, Unreachable

log = logging.getLogger("switchboard.discord")

Json = dict[str, Any]

CONNECTIONS = 64  # at once; each costs memory, and Discord answers within a tenth of a second
CALL_TIMEOUT = aiohttp.ClientTimeout(total=15.0, connect=5.0)
FILE_TIMEOUT = aiohttp.ClientTimeout(total=90.0, connect=5.0)

_USER_AGENT = "DiscordBot (https://switchboard.example, 0.1)"  # the form that Discord asks for
_EVERYTHING = "everything"  # the key of the limit that all calls share


class Rejected(Gone):
    """Discord will not do it. ``code`` is its JSON error code, 0 for none; ``status`` is HTTP's."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(detail=f"{status} {code}: {message}")
        self.status = status
        self.code = code


class Strange(Unreachable):
    """Somebody answered, but not as Discord does: elsewhere, in HTML, or with 5xx. ``status`` is
    HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(detail=message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Attached:
    """A file to send along."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


def api_base(url: str) -> str:
    """Where the API is: a bare host gets its /api/v10, a bare /api its /v10, else as given."""
    url = url.rstrip("/")
    path = urlsplit(url).path
    if not path:
        return f"{url}/api/v10"
    return f"{url}/v10" if path == "/api" else url


class Rest:
    """``async with`` opens it; until then and afterwards every call raises Unreachable."""

    def __init__(self, base: str, token: str) -> None:
        self._base = base
        self._token = token
        self._session: aiohttp.ClientSession | None = None
        self._closed_until: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        # Kept warm for longer than the pauses of a conversation: an acknowledgement has 3 seconds.
        connector = aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=90.0)
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": _USER_AGENT},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        files: Sequence[Attached] = (),
        query: str = "",
    ) -> Any:
        """One call; the parsed JSON of its answer, None for an empty one.

        Raises Busy where a limit is reached (without asking Discord once it has told us so),
        Rejected for every other 4xx, Strange for 5xx and what Discord would not say, Unreachable
        for a broken or silent connection.
        """
        key = _limit_key(method, path)
        self._check_limits(key)
        try:
            async with self._open_session().request(
                method,
                f"{self._base}{path}{query}",
                data=_form(body, files) if files else _json(body),
                headers=self._headers(body is not None and not files),
                timeout=FILE_TIMEOUT if files else CALL_TIMEOUT,
                allow_redirects=False,  # the token goes nowhere else
            ) as response:
                text = await response.text(errors="replace")
                return self._read(response, text, key)
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(detail=f"{_label(key)}: {type(error).__name__} {error}") from error

    async def fetch(self, url: str, limit: int) -> bytes:
        """What is behind the address of an attachment. Raises Gone above ``limit`` bytes."""
        try:
            # Without the token: the address is not the API's.
            async with self._open_session().get(url, timeout=FILE_TIMEOUT) as response:
                if response.status >= 500 or response.status == 429:
                    raise Unreachable(detail=f"an attachment answered {response.status}")
                if response.status != 200:
                    raise Rejected(response.status, 0, "an attachment is not there")
                data = bytearray()
                async for chunk in response.content.iter_chunked(2**16):
                    data += chunk
                    if len(data) > limit:
                        raise Gone(detail=f"an attachment is larger than {limit} bytes")
                return bytes(data)
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(detail=f"an attachment: {type(error).__name__}") from error

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise Unreachable(detail="not connected to Discord")
        return self._session

    def _headers(self, is_json: bool) -> dict[str, str]:
        headers = {"Authorization": f"Bot {self._token}"}
        if is_json:
            headers["Content-Type"] = "application/json"
        return headers

    def _check_limits(self, key: str) -> None:
        now = asyncio.get_running_loop().time()
        until = max(self._closed_until.get(key, 0.0), self._closed_until.get(_EVERYTHING, 0.0))
        if until > now:
            raise Busy(until - now, detail=f"{_label(key)}: its limit is used up")

    def _close(self, key: str, seconds: float) -> None:
        """Nothing goes out under this limit for so long."""
        now = asyncio.get_running_loop().time()
        still = {key: until for key, until in self._closed_until.items() if until > now}
        self._closed_until = still | {key: max(now + seconds, still.get(key, 0.0))}

    def _read(self, response: aiohttp.ClientResponse, text: str, key: str) -> Any:
        status = response.status
        if status == 429:
            raise self._too_many(response, text, key)
        if response.headers.get("X-RateLimit-Remaining") == "0":
            self._close(key, _seconds(response.headers.get("X-RateLimit-Reset-After"), 0.0))
        if status >= 500 or 300 <= status < 400:
            raise Strange(status, f"{_label(key)}: {status}")
        body = _parsed(text)
        if status >= 400:
            code = body.get("code", 0) if isinstance(body, dict) else 0
            raise Rejected(status, code, f"{_label(key)}: {text[:500]}")
        if body is None and text:
            raise Strange(status, f"{_label(key)}: {status} without JSON")
        return body

    def _too_many(self, response: aiohttp.ClientResponse, text: str, key: str) -> Busy:
        body = _parsed(text)
        told = body if isinstance(body, dict) else {}
        header = _seconds(response.headers.get("Retry-After"), 5.0)
        wait = _seconds(told.get("retry_after"), header)
        self._close(_EVERYTHING if told.get("global") else key, wait)
        return Busy(wait, detail=f"{_label(key)}: 429")


def _limit_key(method: str, path: str) -> str:
    """What Discord counts together: one route of one channel or interaction, for all messages."""
    return method + " " + re.sub(r"(/messages/)[^/]+", r"\1*", path)


def _label(key: str) -> str:
    """The key as the log may show it: an interaction's token is as good as a password."""
    return re.sub(r"(/(?:webhooks|interactions)/\d+/)[^/]+", r"\1*", key)


def _json(body: Any) -> bytes | None:
    return None if body is None else json.dumps(body, ensure_ascii=False).encode()


def _form(body: Any, files: Sequence[Attached]) -> aiohttp.FormData:
    # Discord wants "files[0]" with its brackets as they are.
    form = aiohttp.FormData(quote_fields=False)
    text = json.dumps(body, ensure_ascii=False)
    form.add_field("payload_json", text, content_type="application/json")
    for number, file in enumerate(files):
        form.add_field(
            f"files[{number}]",
            io.BytesIO(file.data),
            filename=file.name,
            content_type=file.media_type,
        )
    return form


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _seconds(value: object, otherwise: float) -> float:
    try:
        return max(0.0, float(value))  # type: ignore[arg-type]  # whatever came, the ValueError tells
    except (TypeError, ValueError):
        return otherwise
