"""/retry: ask the same thing again. The new answer takes the place of the old one in the memory."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.base import Command, Option
from bot.commands.context import Context
from bot.errors import Refused
from bot.interfaces import Store
from bot.policy import may_touch
from bot.types import Request, Turn

KINDS = ("ask", "image")  # what can be asked again
_NOTHING = "There is nothing here that could be asked again."


async def meant(request: Request, store: Store, latest: str) -> Request:
    """The request that a /retry stands for: as it was asked, by whom it was asked, claimed anew.

    ``latest`` is the id of the person's latest turn here, "" where nobody knows. Raises Refused.
    """
    turn = await store.find(request.options.get("answer") or request.text.strip() or latest)
    if turn is None or turn.request.channel.key != request.channel.key:
        raise Refused(_NOTHING)
    if not may_touch(request.user, turn):
        raise Refused("Only the person who asked, or a moderator, can ask this again.")
    if turn.request.command not in KINDS:
        raise Refused(_NOTHING)
    if turn.request.lost:
        raise Refused("I no longer have what was attached. Please send it again.")
    return replace(turn.request, channel=request.channel, source=request.source, again=turn.id)


async def run(context: Context) -> Turn | None:
    """Reached only where ``meant`` refused: say why."""
    await meant(context.request, context.store, "")
    raise Refused(_NOTHING)


RETRY = Command(
    "retry",
    "Ask your last question again.",
    run,
    (Option("answer", "Which one, if not your last"),),
)
