"""/continue: have an answer that was cut, by its length or by a fault, go on where it ended.

What comes then is a question and an answer of their own, so that the memory holds what the screen
shows: first the half answer, then the rest. A failed answer is no part of the memory; once somebody
goes on from it, it is, as one that was stopped there.
"""

from __future__ import annotations

from dataclasses import replace

from bot.commands.ask import answer, talking
from bot.commands.base import Command, Option, bind
from bot.commands.choosing import chat_models
from bot.commands.context import Context
from bot.commands.earlier import earlier
from bot.commands.retry import KINDS
from bot.errors import Refused
from bot.gateway.models import ModelKind
from bot.interfaces import Store
from bot.types import Request, Status, Turn

GO_ON = "Continue exactly where you stopped, in the same language; repeat nothing."
_NOTHING = "There is no answer here that could go on."
_WHOSE = "Only the person who asked, or a moderator, can have this answer go on."


async def meant(request: Request, store: Store, latest: str) -> Request:
    """The request with the words that the model is asked with, and the turn to go on from."""
    turn = await _half(request, store, bind(CONTINUE, request).get("answer", ""), latest)
    model = bind(CONTINUE, request).get("model") or turn.model
    return replace(request, text="", options={"answer": turn.id, "prompt": GO_ON, "model": model})


async def run(context: Context) -> Turn:
    request, store = context.request, context.store
    if request.options.get("prompt") != GO_ON:  # ``meant`` has refused: say why
        await meant(request, store, "")
        raise Refused(_NOTHING)
    half = await _half(request, store, context.options["answer"], "")
    choices = await context.choices()
    models = talking(context, choices, context.model(ModelKind.CHAT, choices))
    if half.status is Status.FAILED:
        half = replace(half, status=Status.STOPPED)
        await store.finish(half)
        if half.request.again:  # it takes that one's place after all
            await store.forget(request.channel, half.request.again)
    return await answer(context, choices, models, GO_ON, latest=half)


async def _half(request: Request, store: Store, named: str, latest: str) -> Turn:
    """The turn whose answer is to go on. Raises StorageError and Refused."""
    turn = await earlier(request, store, named, latest, nothing=_NOTHING, whose=_WHOSE)
    if turn.status is Status.RUNNING:
        raise Refused("That answer is still being written.")
    if KINDS.get(turn.request.command) is not ModelKind.CHAT or turn.reply is None:
        raise Refused(_NOTHING)
    return turn


CONTINUE = Command(
    "continue",
    "Have your last answer go on where it ended.",
    run,
    (
        Option("answer", "Which one, if not your last"),
        Option("model", "Another model to go on with", complete=chat_models),
    ),
    stands_for=meant,
)
