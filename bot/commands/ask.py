"""/ask: a question to a chat model, answered as it is written."""

from __future__ import annotations

from collections.abc import Sequence

from bot.attachments import asked
from bot.commands.base import Command, Kind, Option
from bot.commands.choosing import chat_models
from bot.commands.context import Context
from bot.errors import Refused
from bot.gateway.models import Model, ModelKind
from bot.policy import check_question
from bot.prompt import compose
from bot.settings import SUMMARIES, THINKING, Choices
from bot.summaries import Memory
from bot.types import Image, Prompt, Request, Turn


async def run(context: Context) -> Turn:
    question = context.options.get("prompt", "")
    check_question(question)
    choices = await context.choices()
    models = talking(context, choices, context.model(ModelKind.CHAT, choices))
    if any(isinstance(part, Image) for part in context.request.attachments):
        _check_sight(context, models[0])
    return await answer(context, choices, models, question)


async def answer(
    context: Context,
    choices: Choices,
    models: Sequence[Model],
    question: str,
    *,
    latest: Turn | None = None,
) -> Turn:
    """Ask the first of the models, and the next where one fails; the turn as it ended. Of what was
    said, they see nothing after the ``latest`` turn, where there is one."""
    voice = context.voice(choices)

    def prompts(memory: Memory, request: Request) -> list[Prompt]:
        turns = memory.turns if latest is None else _until(latest, memory.turns)
        whole = asked(request, question)
        return [
            memory.heads(
                compose(model.name, model.context - memory.size, turns, request, whole, voice)
            )
            for model in models
        ]

    return await context.conversations.talk(
        context.turn,
        context.surface,
        prompts,
        context=models[0].context,
        thinking=choices.value(THINKING) == "on",
        sums_up=latest is None and choices.value(SUMMARIES) == "on",
    )


def _until(latest: Turn, turns: Sequence[Turn]) -> Sequence[Turn]:
    at = next((number for number, turn in enumerate(turns) if turn.id == latest.id), None)
    return [latest] if at is None else turns[: at + 1]


def talking(context: Context, choices: Choices, first: str) -> list[Model]:
    """The chat models to ask, in order. Raises Refused where the first draws."""
    names = dict.fromkeys([first, *context.fallbacks(choices)])
    models = [context.models.find(name) for name in names]
    if models[0].kind is not ModelKind.CHAT:
        raise Refused(f"{first} draws pictures and does not talk. Use /image, or another model.")
    return [model for model in models if model.kind is ModelKind.CHAT]


def _check_sight(context: Context, model: Model) -> None:
    if context.models.knows(model.name) and not model.sees:
        who = ", ".join(context.models.seeing()[:3]) or "another model"
        raise Refused(f"{model.name} cannot see pictures. Ask {who} with --model, or leave it out.")


ASK = Command(
    "ask",
    "Ask a question; the answer appears as it is written.",
    run,
    prose=True,
    options=(
        Option("prompt", "What you would like to know", required=True, or_shown=True),
        Option("model", "Another model, for this question only", complete=chat_models),
        Option("file", "What the question is about: a picture or a file", Kind.FILE),
    ),
)
