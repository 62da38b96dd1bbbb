"""Which earlier turn somebody means: the one they name, or else their latest here."""

from __future__ import annotations

from collections.abc import Sequence

from bot.errors import Refused
from bot.interfaces import Store
from bot.policy import may_touch
from bot.prompt import HISTORY
from bot.types import Channel, Request, Turn, User


async def earlier(
    request: Request, store: Store, named: str, latest: str, *, nothing: str, whose: str
) -> Turn:
    """The turn of the id that was ``named``, of the ``latest`` one, or the newest that is
    remembered of the person. Raises StorageError, and Refused: with ``nothing`` where there is no
    such turn, with ``whose`` where it is somebody else's."""
    wanted = named or latest
    turn = await store.find(wanted) if wanted else None
    if not named and (turn is None or turn.request.channel.key != request.channel.key):
        turn = newest(await store.history(request.channel, HISTORY), request.user)
    if turn is None or not _is_here(turn, request.channel):
        raise Refused(nothing)
    if not may_touch(request.user, turn):
        raise Refused(whose)
    return turn


def newest(history: Sequence[Turn], user: User) -> Turn | None:
    """The person's newest turn in what is remembered."""
    return next((turn for turn in reversed(history) if turn.request.user.id == user.id), None)


def _is_here(turn: Turn, channel: Channel) -> bool:
    return turn.request.channel.key == channel.key
