"""/ask: a question to a chat model, answered as it is written."""

from __future__ import annotations

from collections.abc import Sequence

from bot.commands.base import Command, Option
from bot.commands.context import Context
from bot.errors import Refused
from bot.gateway.models import ModelKind, Models
from bot.policy import check_question
from bot.prompt import compose
from bot.settings import THINKING
from bot.types import Image, Prompt, Turn


async def run(context: Context) -> Turn:
    question = context.options["prompt"]
    check_question(question)
    choices = await context.choices()
    first = context.model(ModelKind.CHAT, choices)
    names = dict.fromkeys([first, *context.fallbacks(choices)])
    if context.models.find(first).kind is not ModelKind.CHAT:
        raise Refused(f"{first} draws pictures and does not talk. Use /image, or another model.")
    models = [context.models.find(name) for name in names]
    models = [model for model in models if model.kind is ModelKind.CHAT]
    pictures = any(isinstance(part, Image) for part in context.request.attachments)
    if pictures and context.models.knows(first) and not models[0].sees:
        who = ", ".join(context.models.seeing()[:3]) or "another model"
        raise Refused(f"{first} cannot see pictures. Ask {who} with --model, or leave it out.")

    def prompts(history: Sequence[Turn]) -> list[Prompt]:
        return [
            compose(model.name, model.context, history, context.request, question)
            for model in models
        ]

    return await context.conversations.talk(
        context.turn, context.surface, prompts, thinking=choices.value(THINKING) == "on"
    )


def chat_models(models: Models, typed: str) -> list[str]:
    return models.complete(typed, ModelKind.CHAT)


ASK = Command(
    "ask",
    "Ask a question; the answer appears as it is written.",
    run,
    prose=True,
    options=(
        Option("prompt", "What you would like to know", required=True),
        Option("model", "Another model, for this question only", complete=chat_models),
    ),
)
