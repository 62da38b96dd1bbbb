"""A question that was changed after it was answered: an offer to answer the new one.

No command that people type: an adapter sends it, with the new wording as text and, as source, that
of the original and when it was changed ("ID:when").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.commands.base import Command, Option
from bot.commands.context import Context
from bot.commands.earlier import newest
from bot.commands.retry import EDITED
from bot.interfaces import Store
from bot.prompt import HISTORY, words_of
from bot.types import Action, Request, Turn


def tells_of_an_edit(request: Request) -> bool:
    """Whether this is no line that somebody typed."""
    return request.command == EDITED and ":" in request.source


async def worth_an_offer(
    request: Request, store: Store, latest: str, running: Sequence[Turn]
) -> Request | None:
    """The request as it is written down, naming the turn whose answer a new one would replace; None
    where the changed message is not the person's latest question here, or was not answered.

    ``latest`` is the id of their latest turn, "" where nobody knows; ``running`` are the channel's.
    Raises StorageError.
    """
    if not request.text.strip() or request.attachments:  # what is attached would not be kept
        return None
    if any(turn.request.user.id == request.user.id for turn in running):
        return None
    turn = newest(await store.history(request.channel, HISTORY), request.user)
    if turn is None or latest not in ("", turn.id) or turn.request.lost:
        return None
    original, _, _ = request.source.rpartition(":")
    is_changed = words_of(turn.request).strip() != request.text.strip()
    if original != (turn.request.origin or turn.request.source) or not is_changed:
        return None
    return replace(request, quoted=turn.request.quoted, again=turn.id)


async def run(context: Context) -> None:
    answer = Action("Answer the new one", f"/retry {context.turn.id}")
    await context.say("You changed your question.", [answer])


EDITED_QUESTION = Command(
    EDITED,
    "Offer to answer a changed question.",
    run,
    (Option("prompt", "The new question"),),
    prose=True,
)
