"""/reset: forget what was said in this channel."""

from __future__ import annotations

from bot.commands.base import Command
from bot.commands.context import Context


async def run(context: Context) -> None:
    count = await context.store.forget(context.request.channel)
    if count == 0:
        await context.say("There was nothing to forget. We start afresh.")
    else:
        said = (
            "one question and its answer" if count == 1 else f"{count} questions and their answers"
        )
        await context.say(f"Forgotten: {said}. We start afresh.")


RESET = Command("reset", "Forget what was said in this channel.", run)
