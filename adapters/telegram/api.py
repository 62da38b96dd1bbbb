"""The Bot API through python-telegram-bot's ``Bot``, and nothing else of that library.

Its Updater confirms updates before they were handled, its rate limiter stops every chat for one
chat's penalty, and its loggers write addresses with the token inside: none of them is used here.
"""

from __future__ import annotations

import logging
import os
import re
from typing import Any

from telegram import Bot
from telegram.request import HTTPXRequest

from adapters.telegram.failures import wrong_token
from bot.config import TelegramSettings
from bot.errors import AdapterError

READ_TIMEOUT = (
    30.0  # seconds; Telegram takes its time, and a send cut off leaves everybody in doubt
)
CONNECT_TIMEOUT = 10.0
UPLOAD_TIMEOUT = 60.0
KINDS = ("message", "callback_query")

_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]+")
# At these levels they are silent about addresses. What goes wrong is logged by us, without the
# token; "telegram" would log a broken answer as it came, and some of those quote the address.
_QUIET = {"httpx": logging.WARNING, "httpcore": logging.WARNING, "telegram": logging.CRITICAL}


class Api(Bot):
    """One connection pool to one Bot API server. ``disconnect`` it in the end."""

    __slots__ = ()

    def __init__(self, token: str, api_url: str) -> None:
        # The library's own switch for waits as timedelta; without it every 429 warns.
        os.environ.setdefault("PTB_TIMEDELTA", "true")
        for name, level in _QUIET.items():
            logger = logging.getLogger(name)
            logger.setLevel(max(level, logger.level))
        server = api_url.rstrip("/").removesuffix("/bot")
        request = HTTPXRequest(
            read_timeout=READ_TIMEOUT,
            write_timeout=READ_TIMEOUT,
            connect_timeout=CONNECT_TIMEOUT,
            pool_timeout=CONNECT_TIMEOUT,
            media_write_timeout=UPLOAD_TIMEOUT,
        )
        super().__init__(
            token,
            base_url=f"{server}/bot",
            base_file_url=f"{server}/file/bot",
            request=request,
            get_updates_request=request,
        )

    async def updates(self, offset: int | None, seconds: int) -> list[dict[str, Any]]:
        """The updates from ``offset`` on as JSON, after at most so many seconds. Confirms the rest.

        As JSON, so that one that the library cannot read does not hide the others.
        """
        wanted = {"offset": offset, "timeout": seconds, "allowed_updates": KINDS}
        updates: list[dict[str, Any]] = await self._post(
            "getUpdates", wanted, read_timeout=seconds + READ_TIMEOUT
        )
        return updates

    async def disconnect(self) -> None:
        await self.request.shutdown()


def open_api(settings: TelegramSettings) -> Api:
    """Opens no connection yet. Raises AdapterError for what cannot be a token."""
    if settings.token is None:
        raise AdapterError("TELEGRAM_TOKEN is not set: get the bot's token from @BotFather.")
    token = settings.token.get_secret_value()
    if not _TOKEN.fullmatch(token):
        raise wrong_token()
    return Api(token, settings.api_url)
