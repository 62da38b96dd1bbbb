"""May this be asked, here, now? Pure rules that raise Refused with the reason."""

from __future__ import annotations

from bot.errors import Refused
from bot.types import Turn, User

QUESTION_LIMIT = 32_000  # characters; a page of a book has about 2,000
WAITING_LIMIT = 20  # requests that wait in one channel


def check_question(text: str) -> None:
    if len(text) > QUESTION_LIMIT:
        raise Refused(
            f"That is {len(text):,} characters long; the most I can read at once is "
            f"{QUESTION_LIMIT:,}. Please shorten it or send it in parts."
        )


def check_queue(waiting: int) -> None:
    if waiting >= WAITING_LIMIT:
        raise Refused(
            f"{waiting} questions are waiting in this channel already. "
            "Please ask again when they are done."
        )


def may_touch(user: User, turn: Turn) -> bool:
    """Whether somebody may stop or repeat an answer: who asked, and moderators."""
    return user.moderator or user.id == turn.request.user.id
