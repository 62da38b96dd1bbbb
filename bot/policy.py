"""May this be asked, here, now? Pure rules that raise Refused with the reason."""

from __future__ import annotations

from bot.config import LimitSettings
from bot.errors import Refused
from bot.types import Status, Turn, User

STALE = 3600.0  # seconds after which a question that nobody answered is not answered unasked
QUESTION_LIMIT = 32_000  # characters; a page of a book has about 2,000


STOPPED = "⏹ *Stopped.*"
INTERRUPTED = "⚠️ This was interrupted before the answer was complete."
LOST = "⚠️ The answer could not be shown in time, and I no longer have it. Please ask again."


def check_question(text: str) -> None:
    if len(text) > QUESTION_LIMIT:
        raise Refused(
            f"That is {len(text):,} characters long; the most I can read at once is "
            f"{QUESTION_LIMIT:,}. Please shorten it or send it in parts."
        )


def check_load(limits: LimitSettings, *, channel: int, user: int, everyone: int) -> None:
    """Whether one more may be asked: ``channel`` wait in the same line, ``user`` are the person's
    own that run or wait, ``everyone``'s are all that do."""
    if user >= limits.user:
        raise Refused(
            f"{user} of your questions are being answered already. "
            "Please ask again when one of them is done."
        )
    if channel >= limits.channel:
        raise Refused(
            f"{channel} questions are waiting in this channel already. "
            "Please ask again when they are done."
        )
    if everyone >= limits.answers + limits.waiting:
        raise Refused("Too many people are asking at the moment. Please ask again in a minute.")


def may_touch(user: User, turn: Turn) -> bool:
    """Whether somebody may stop or repeat an answer: who asked, and moderators."""
    return user.moderator or user.id == turn.request.user.id


def left_over(turn: Turn, now: float) -> str | None:
    """What is written under a turn that was left: by a crash, or because its platform could not be
    reached. None where its request is to be answered as if it came now."""
    match turn.status:
        case Status.DONE:
            return "" if turn.reply is not None else LOST
        case Status.STOPPED:
            return STOPPED
        case Status.FAILED:
            return "⚠️ The answer failed. Please ask again."
    if turn.surface and turn.reply is not None:
        return INTERRUPTED
    if turn.request.lost:
        return "⚠️ I was restarted and no longer have what you attached. Please send it again."
    if now - turn.started > STALE:
        return "⚠️ I was away when you asked this. Please ask again if you still want to know."
    return None
