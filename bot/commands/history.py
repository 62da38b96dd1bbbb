"""/history: what the model sees of the conversation at the next question."""

from __future__ import annotations

from bot.commands.base import Command
from bot.commands.choosing import brief
from bot.commands.context import Context
from bot.gateway.models import ModelKind
from bot.prompt import HISTORY, Seen, estimate, room, see
from bot.settings import SUMMARIES
from bot.summaries import note, since

SHOWN = 15  # questions and answers that are listed


async def run(context: Context) -> None:
    channel = context.request.channel
    choices = await context.choices()
    model = context.models.find(context.model(ModelKind.CHAT, choices))
    voice, size = context.voice(choices), model.context
    history = await context.store.history(channel, HISTORY)
    seen = see(size, history, context.request, voice)
    if not seen:
        await context.say("Nothing was said here that I remember.")
        return
    summed_up = []
    is_long = len(history) == HISTORY or not all(one.fits for one in seen)
    if is_long and choices.value(SUMMARIES) == "on":
        summary = await context.store.summary(channel)
        if summary is not None:
            tokens = estimate([note(summary)])
            size -= tokens
            seen = see(size, since(history, summary), context.request, voice)
            summed_up = [f"- *{_about(tokens)}, for what was said before:* `{brief(summary.text)}`"]
    fit = [one for one in seen if one.fits]
    most = room(size, voice)
    lines = [
        f"**What `{model.name}` sees at the next question**: {len(fit)} of {_pairs(len(seen))}, "
        f"{_about(sum(one.tokens for one in fit))} of the {most:,} that there is room for.",
        "",
        *summed_up,
        *([f"- *{_pairs(len(seen) - SHOWN)} before these*"] if len(seen) > SHOWN else []),
        *map(_line, reversed(seen[:SHOWN])),
    ]
    await context.say("\n".join(lines))


def _line(one: Seen) -> str:
    asked, replied = (brief(message.text) for message in one.messages)
    note = _about(one.tokens) + ("" if one.fits else ", no longer fits")
    return f"- `{asked}`\n  `{replied}`\n  *{note}*"


def _about(tokens: int) -> str:
    return f"about {tokens:,} tokens"


def _pairs(count: int) -> str:
    return "one question and its answer" if count == 1 else f"{count} questions and answers"


HISTORY_COMMAND = Command("history", "Show what I remember of this conversation.", run)
