"""What python-telegram-bot's errors mean to us: tell apart what to wait for, to repeat, to give up.

No text that leaves this module contains the bot's token: libraries put it into addresses, and
broken servers send addresses back.
"""

from __future__ import annotations

from datetime import timedelta

import httpx
from telegram.error import BadRequest, Forbidden, InvalidToken, RetryAfter, TelegramError

from bot.errors import AdapterError, Busy, Gone, SurfaceError, Unreachable

# Failures before the last byte of a request was written: nobody can have acted on it.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.WriteError,
    httpx.WriteTimeout,
)


# The web server before the Bot API found nobody to pass the call to.
_NOBODY_THERE = ("Bad Gateway (502)", "Service Unavailable (503)")


def is_answer(error: TelegramError) -> bool:
    """Whether the Bot API itself said no, in its own JSON; otherwise nobody knows what happened."""
    return error.__cause__ is None


def surely_did_not_arrive(error: BaseException) -> bool:
    """Whether the call had no effect, so that it can be repeated without doing it twice."""
    return isinstance(error, TelegramError) and (
        is_answer(error)
        or isinstance(error.__cause__, _NEVER_SENT)
        or str(error).startswith(_NOBODY_THERE)
    )


def is_wrong_token(error: TelegramError) -> bool:
    # A web page with status 404 looks the same to the library, but comes from somebody else.
    return isinstance(error, InvalidToken) and is_answer(error)


def wrong_token() -> AdapterError:
    sentence = (
        "Telegram does not accept TELEGRAM_TOKEN: copy the bot's token again from @BotFather, "
        "as in 123456:ABC-DEF (a token that was revoked there is no longer valid)."
    )
    return AdapterError(sentence)


def seconds_to_wait(error: RetryAfter) -> float:
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def reason(error: TelegramError, token: str) -> str:
    """The error in one short line for the log, without the token."""
    line = " ".join(str(error).split())
    for secret in (token, token.partition(":")[2]):
        if secret:
            line = line.replace(secret, "********")
    return line if len(line) <= 200 else f"{line[:200]}…"


def translated(error: TelegramError, token: str) -> SurfaceError:
    """The same failure as the core knows it."""
    detail = reason(error, token)
    if isinstance(error, RetryAfter):
        return Busy(seconds_to_wait(error), detail=detail)
    if is_answer(error) and isinstance(error, Forbidden | BadRequest | InvalidToken):
        return Gone(detail=detail)
    return Unreachable(detail=detail)
