"""/undo: take back one's last question here, and its answer."""

from __future__ import annotations

from bot.commands.base import Command, Option
from bot.commands.choosing import brief
from bot.commands.context import Context
from bot.commands.earlier import earlier
from bot.errors import Refused
from bot.prompt import question_of

_NOTHING = "There is nothing of yours here that could be taken back."
_WHOSE = "Only the person who asked, or a moderator, can take this back."


async def run(context: Context) -> None:
    request, named = context.request, context.options.get("answer", "")
    turn = await earlier(request, context.store, named, "", nothing=_NOTHING, whose=_WHOSE)
    if turn.reply is None:
        raise Refused(_NOTHING)
    await context.store.forget(request.channel, turn.id)
    said = brief(question_of(turn.request))
    what = f"`{said}`" if said else "your last question"
    await context.say(f"Taken back: {what} and its answer. I no longer know of them.")


UNDO = Command(
    "undo",
    "Take back your last question here, and its answer.",
    run,
    (Option("answer", "Which one, if not your last"),),
)
