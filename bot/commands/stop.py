"""/stop: end an answer that is being written, and keep what is there."""

from __future__ import annotations

from bot.commands.base import Command, Option
from bot.commands.context import Context
from bot.errors import Refused
from bot.policy import may_touch


async def run(context: Context) -> None:
    request = context.request
    running = context.conversations.running(request.channel)
    wanted = context.options.get("answer")
    if wanted is not None:
        running = [turn for turn in running if turn.id == wanted]
    mine = [turn for turn in running if may_touch(request.user, turn)]
    if running and not mine:
        raise Refused("Only the person who asked, or a moderator, can stop this answer.")
    stopped = [turn for turn in mine if context.conversations.stop(turn.id)]
    if not stopped:
        raise Refused("Nothing is being written here.")
    if not request.pressed:
        what = "the answer" if len(stopped) == 1 else f"{len(stopped)} answers"
        await context.say(f"Stopped {what}.")


STOP = Command(
    "stop",
    "Stop the answer that is being written.",
    run,
    (Option("answer", "Which one, if not all of yours"),),
)
