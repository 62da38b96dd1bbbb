"""What python-telegram-bot's errors mean to us: tell apart what to wait for, to repeat, to give up.

No text that leaves this module contains the bot's token: libraries put it into addresses, and
broken servers send addresses back.
"""

from __future__ import annotations

import re
from datetime import timedelta

from telegram.error import (
    BadRequest,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bot.errors import AdapterError, Busy, Gone, SurfaceError, Unreachable


class NotSent(Exception):
    """The cause of an error whose request did not leave, or not as a whole: it had no effect."""


class NotSecure(NotSent):
    """The server and we do not agree on TLS."""


class Unanswered(Exception):
    """The cause of an error whose request may have arrived: nobody knows what became of it."""


# The web server before the Bot API found nobody to pass the call to.
_NOBODY_THERE = ("Bad Gateway (502)", "Service Unavailable (503)")
_SERVER_TROUBLE = re.compile(r"\(5\d\d\)")

# A refusal that would be the same for whatever else we send there, or that is none.
_NOT_THE_FILE = re.compile(
    r"(chat|user|thread|message|peer)\b.* not found|text messages|rights to send a message"
    r"|administrator rights|topic|deactivated|blocked|kicked|restricted|not modified"
    r"|can't be edited|message_id_invalid|peer_id|channel_|chat_(write|admin)",
    re.IGNORECASE,
)
_TOO_LARGE = re.compile(r"too (big|large)", re.IGNORECASE)
_NO_RIGHTS = re.compile(r"not enough rights|chat_send_\w+_forbidden", re.IGNORECASE)


def is_answer(error: TelegramError) -> bool:
    """Whether the Bot API itself said no, in its own JSON; otherwise nobody knows what happened."""
    return error.__cause__ is None


def surely_did_not_arrive(error: BaseException) -> bool:
    """Whether the call had no effect, so that it can be repeated without doing it twice."""
    return isinstance(error, TelegramError) and (
        is_answer(error)
        or isinstance(error, EndPointNotFound)
        or isinstance(error.__cause__, NotSent)
        or str(error).startswith(_NOBODY_THERE)
    )


def is_final(error: TelegramError) -> bool:
    """Whether the same call will be refused every time."""
    final = Forbidden | BadRequest | InvalidToken | EndPointNotFound
    return is_answer(error) and isinstance(error, final)


def is_wrong_token(error: TelegramError) -> bool:
    """Status 401 in the Bot API's own words. A web page with that status is somebody else's."""
    return isinstance(error, InvalidToken) and is_answer(error)


def refuses_the_file(error: TelegramError) -> bool:
    """Whether the same chat may take the same file in another way."""
    if isinstance(error, EndPointNotFound):
        return True
    if not is_answer(error):
        return False
    if isinstance(error, BadRequest):
        return not _NOT_THE_FILE.search(str(error))
    return _TOO_LARGE.search(str(error)) is not None  # status 413 is no BadRequest


def lacks_rights(error: TelegramError) -> bool:
    """Whether the chat lets us write, but not post files of this kind."""
    return isinstance(error, BadRequest) and _NO_RIGHTS.search(str(error)) is not None


def wrong_token(address: str) -> AdapterError:
    sentence = (
        f"The Bot API at {address} does not accept TELEGRAM_TOKEN: copy the bot's token again "
        "from @BotFather, as in 123456:ABC-DEF (a token that was revoked there is no longer valid)."
    )
    return AdapterError(sentence)


def at_login(error: TelegramError, address: str, token: str) -> AdapterError | Unreachable:
    """What a failed ``getMe`` means, and what to do about it."""
    # Before anything has worked, a 404 is about the token too: the Bot API knows no such path.
    if is_wrong_token(error) or (isinstance(error, EndPointNotFound) and is_answer(error)):
        return wrong_token(address)
    sentence = _trouble_at_login(error, address)
    return Unreachable(sentence, detail=f"{sentence} ({reason(error, token)})")


def while_polling(error: TelegramError, address: str, token: str) -> AdapterError | Unreachable:
    """What a failure means once ``getMe`` has succeeded: only 401 ends it."""
    if is_wrong_token(error):
        return wrong_token(address)
    return Unreachable(detail=reason(error, token))


def _trouble_at_login(error: TelegramError, address: str) -> str:
    cause = error.__cause__
    check = "check TELEGRAM_API_URL and the network"
    if isinstance(error, RetryAfter):
        wait = f"{seconds_to_wait(error):.0f} seconds"
        return f"The Bot API at {address} wants us to wait {wait} with TELEGRAM_TOKEN."
    if isinstance(cause, NotSecure):
        return (
            f"There is no secure connection to {address}; check TELEGRAM_API_URL (https:// or "
            "http://) and the server's certificate."
        )
    if isinstance(cause, NotSent):
        return f"Nobody answers at {address}; {check}."
    if isinstance(cause, Unanswered):
        if isinstance(error, TimedOut):
            return f"{address} takes our call but does not answer it; {check}."
        return f"{address} breaks off the connection; {check}."
    if is_answer(error) or _SERVER_TROUBLE.search(str(error)):
        return f"The Bot API at {address} is out of order; try again later or {check}."
    return f"What answers at {address} is no Bot API; check TELEGRAM_API_URL."


def seconds_to_wait(error: RetryAfter) -> float:
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def reason(error: TelegramError, token: str) -> str:
    """The error in one short line for the log, without the token."""
    line = without_token(" ".join(str(error).split()), token)
    return line if len(line) <= 200 else f"{line[:200]}…"


def without_token(line: str, token: str) -> str:
    for secret in (token, token.partition(":")[2]):
        if secret:
            line = line.replace(secret, "********")
    return line


def translated(error: TelegramError, token: str) -> SurfaceError:
    """The same failure as the core knows it."""
    detail = reason(error, token)
    if isinstance(error, RetryAfter):
        return Busy(seconds_to_wait(error), detail=detail)
    return Gone(detail=detail) if is_final(error) else Unreachable(detail=detail)
