"""The Bot API through python-telegram-bot's ``Bot``, and nothing else of that library.

Its Updater confirms updates before they were handled, its rate limiter stops every chat for one
chat's penalty, and its loggers write addresses with the token inside: none of them is used here.
"""

from __future__ import annotations

import json
import logging
import os
import re
from typing import Any

from telegram import Bot
from telegram.error import EndPointNotFound, TelegramError

from adapters.telegram.failures import without_token, wrong_token
from adapters.telegram.http import AiohttpRequest, proxy_for
from bot.config import TelegramSettings
from bot.errors import AdapterError

# Seconds. Telegram takes its time, and a send that is cut off leaves everybody in doubt.
READ_TIMEOUT = 30.0
CONNECT_TIMEOUT = 10.0
UPLOAD_TIMEOUT = 60.0
KINDS = (
    "message",
    "edited_message",
    "callback_query",
    "inline_query",
    "chosen_inline_result",
)

_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]+")
_NO_SUCH_METHOD = (404, 405, 501)  # the Bot API says 404; small servers have their own ways


class _Line(AiohttpRequest):
    """The library's way to the server, with three of its habits mended.

    It makes one error of an unknown token and an unknown method, trips over answers that are not in
    the Bot API's JSON, and takes a refusal with status 200 for a success.
    """

    async def do_request(
        self, url: str, method: str, *timeouts: Any, **more: Any
    ) -> tuple[int, bytes]:
        """Raises EndPointNotFound for status 404, with a cause if it is not in the Bot API's
        words."""
        code, payload = await super().do_request(url, method, *timeouts, **more)
        if method == "POST" and (code == 200 or code in _NO_SUCH_METHOD):
            code = self._meant(code, payload)
        return code, payload

    def _meant(self, code: int, payload: bytes) -> int:
        """The status that the answer speaks of."""
        try:
            answer = self.parse_json_payload(payload)
        except TelegramError as error:
            if code == 200:
                return code  # the library reads it again, and complains
            raise EndPointNotFound(f"status {code} from something else") from error
        if code == 200 and not answer["ok"]:
            told = answer.get("error_code")
            code = told if isinstance(told, int) else 400
        if code in _NO_SUCH_METHOD:
            raise EndPointNotFound(str(answer.get("description") or f"status {code}"))
        return code

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(payload.decode("utf-8", "replace"))
            if not isinstance(answer, dict) or ("result" if answer["ok"] else "ok") not in answer:
                raise ValueError("this is JSON of somebody else")
        except (ValueError, KeyError) as error:
            raise TelegramError("Invalid server response") from error
        return answer


class Api(Bot):
    """One connection pool to one Bot API server. ``disconnect`` it in the end."""

    __slots__ = ()

    def __init__(self, token: str, api_url: str) -> None:
        # The library's own switch for waits as timedelta; without it every 429 warns.
        os.environ.setdefault("PTB_TIMEDELTA", "true")
        # What goes wrong is logged by us, without the token. The library would log a broken answer
        # as it came, and some of those quote the address.
        logging.getLogger("telegram").setLevel(logging.CRITICAL)
        server = api_url.rstrip("/").removesuffix("/bot")
        request = _Line(
            token,
            read_timeout=READ_TIMEOUT,
            write_timeout=UPLOAD_TIMEOUT,
            connect_timeout=CONNECT_TIMEOUT,
            pool_timeout=CONNECT_TIMEOUT,
            proxy=proxy_for(server),
        )
        super().__init__(
            token,
            base_url=f"{server}/bot",
            base_file_url=f"{server}/file/bot",
            request=request,
            get_updates_request=request,
        )

    @property
    def address(self) -> str:
        """The server, as people may see it."""
        return _shown(self.base_url.removesuffix(f"/bot{self.token}"), self.token)

    async def updates(self, offset: int | None, seconds: int) -> list[dict[str, Any]]:
        """The updates from ``offset`` on as JSON, after at most so many seconds. Confirms the rest.

        As JSON, so that one that the library cannot read does not hide the others.
        """
        wanted = {"offset": offset, "timeout": seconds, "allowed_updates": KINDS}
        updates: list[dict[str, Any]] = await self._post(
            "getUpdates", wanted, read_timeout=seconds + READ_TIMEOUT
        )
        return updates

    async def _post(self, endpoint: str, data: dict[str, Any] | None = None, **more: Any) -> Any:
        """One call. An edit is answered with the whole message, which nobody here reads, and making
        objects of it takes a quarter of the call: True is what edits without a message give."""
        answer = await super()._post(endpoint, data, **more)
        return True if endpoint.startswith("editMessage") else answer

    async def disconnect(self) -> None:
        await self.request.shutdown()


def open_api(settings: TelegramSettings) -> Api:
    """Opens no connection yet. Raises AdapterError for what cannot be a token."""
    if settings.token is None:
        raise AdapterError("TELEGRAM_TOKEN is not set: get the bot's token from @BotFather.")
    token = settings.token.get_secret_value()
    if not _TOKEN.fullmatch(token):
        raise wrong_token(_shown(settings.api_url, token))
    return Api(token, settings.api_url)


def _shown(url: str, token: str) -> str:
    """An address without the token that somebody may have put into it."""
    return without_token(url.rstrip("/"), token)
