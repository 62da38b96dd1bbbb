"""/retry: ask the same thing again, with another model too. The new answer takes the place of the
old one in the memory."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.base import Command, Option, bind
from bot.commands.choosing import chat_models, menu
from bot.commands.context import Context
from bot.commands.earlier import earlier
from bot.errors import Refused
from bot.gateway.models import ModelKind
from bot.interfaces import Store
from bot.types import Request, Status, Turn

# What can be asked again, and the models that can answer it.
KINDS = {"ask": ModelKind.CHAT, "image": ModelKind.IMAGE, "continue": ModelKind.CHAT}
OFFER = "?"  # instead of a model: to be shown some
EDITED = "edited"  # the command of a request that tells of a changed question
_NOTHING = "There is nothing here that could be asked again."
_WHOSE = "Only the person who asked, or a moderator, can ask this again."


async def meant(request: Request, store: Store, latest: str) -> Request:
    """The request that a /retry stands for: as it was asked, by whom it was asked, claimed anew."""
    options = bind(RETRY, request)
    model = options.get("model", "")
    turn = await _repeatable(request, store, options.get("answer", ""), latest)
    if model == OFFER:
        return replace(request, text="", options={"answer": turn.id, "model": OFFER})
    asked = turn.request
    if model:
        asked = replace(asked, options={**asked.options, "model": model})
    is_edited = asked.command == EDITED
    command = "ask" if is_edited else asked.command
    origin = asked.source.rpartition(":")[0] if is_edited else asked.origin or asked.source
    return replace(
        asked,
        origin=origin,
        channel=request.channel,
        source=request.source,
        command=command,
        again=_replaced(turn),
    )


async def run(context: Context) -> None:
    """Reached only where models are wanted to choose from, or where ``meant`` refused: say why."""
    answer = context.request.options.get("answer", "")
    if not answer or context.options.get("model") != OFFER:
        await meant(context.request, context.store, "")
        raise Refused(_NOTHING)
    turn = await _repeatable(context.request, context.store, answer, "")
    kind = KINDS.get(turn.request.command, ModelKind.CHAT)
    others = [name for name in context.models.names(kind) if name != turn.model]
    menus = menu("Another model", f"/retry {turn.id} --model ", others)
    await context.say("Which model shall answer this again?", menus=menus)


async def _repeatable(request: Request, store: Store, answer: str, latest: str) -> Turn:
    """The turn to ask again. Raises StorageError and Refused."""
    turn = await earlier(request, store, answer, latest, nothing=_NOTHING, whose=_WHOSE)
    asked = turn.request
    if asked.command not in (*KINDS, EDITED):
        raise Refused(_NOTHING)
    if asked.lost:
        raise Refused("I no longer have what was attached. Please send it again.")
    if _came_to_nothing(turn) and asked.again and await store.find(asked.again) is None:
        raise Refused("That was answered since, or taken back.")
    return turn


def _replaced(turn: Turn) -> str:
    """The turn that the new one replaces: this one, or what it would have replaced itself, had it
    come to an answer."""
    return (_came_to_nothing(turn) and turn.request.again) or turn.id


def _came_to_nothing(turn: Turn) -> bool:
    return turn.status is Status.FAILED or turn.request.command == EDITED


RETRY = Command(
    "retry",
    "Ask your last question again, with another model if you like.",
    run,
    (
        Option("answer", "Which one, if not your last"),
        Option("model", "The model to ask, or ? to choose one", complete=chat_models),
    ),
    stands_for=meant,
)
