"""/model: which models this channel uses, and switching them."""

from __future__ import annotations

from bot.commands.base import Command, Option
from bot.commands.context import CHOICE, Context
from bot.errors import Refused
from bot.gateway.models import ModelKind, Models
from bot.types import Action

OFFERED = 5  # models that are offered as buttons


async def run(context: Context) -> None:
    name = context.options.get("name")
    if name is None:
        await _show(context)
    else:
        await _switch(context, name)


async def _show(context: Context) -> None:
    choices = await context.store.choices(context.request.channel)
    lines = []
    for kind, words in ((ModelKind.CHAT, "Chat"), (ModelKind.IMAGE, "Pictures")):
        chosen = choices.get(CHOICE[kind])
        source = "chosen for this channel" if chosen else "the bot's default"
        lines.append(f"**{words}:** `{chosen or context.models.default(kind)}` ({source})")
    lines.append("\nSwitch with /model and a name.")
    in_use = {choices.get(CHOICE[ModelKind.CHAT]) or context.models.default(ModelKind.CHAT)}
    others = [name for name in context.models.names(ModelKind.CHAT) if name not in in_use]
    await context.say(
        "\n".join(lines), [Action(name, f"/model {name}") for name in others[:OFFERED]]
    )


async def _switch(context: Context, name: str) -> None:
    known = context.models.resolve(name)
    if known is None:
        near = context.models.nearest(name)
        hint = f"Nearest: {', '.join(f'`{other}`' for other in near)}." if near else ""
        raise Refused(f"There is no model called “{name[:60]}”. {hint}".rstrip())
    kind = context.models.find(known).kind
    await context.store.choose(context.request.channel, CHOICE[kind], known)
    words = (
        "Pictures in this channel now come"
        if kind is ModelKind.IMAGE
        else "Answers in this channel now come"
    )
    await context.say(f"{words} from `{known}`.")


def every_model(models: Models, typed: str) -> list[str]:
    return models.complete(typed, ModelKind.CHAT, ModelKind.IMAGE)


MODEL = Command(
    "model",
    "Show or switch this channel's chat and image model.",
    run,
    (Option("name", "The model to use from now on", complete=every_model),),
)
