"""/model: which models this channel uses, and switching them."""

from __future__ import annotations

import re

from bot.commands.ask import chat_models
from bot.commands.base import Command, Option
from bot.commands.context import MODEL as MODEL_OF
from bot.commands.context import NONE, Context
from bot.errors import Refused
from bot.gateway.models import ModelKind, Models
from bot.settings import DEFAULT, FALLBACK_MODELS
from bot.types import Action, Menu

OFFERED = 25  # models that are offered to pick from
SPARES = 5  # models in a list of fallbacks

_NAME = re.compile(r"[\w.:/@+-]{1,100}")  # what can be one at all, and be repeated as it is


async def run(context: Context) -> None:
    name, fallback = context.options.get("name"), context.options.get("fallback")
    said = []
    if name is not None:
        said.append(await _switch(context, name))
    if fallback is not None:
        said.append(await _switch_fallback(context, fallback))
    if said:
        await context.say("\n".join(said))
    else:
        await _show(context)


async def _show(context: Context) -> None:
    choices = await context.choices()
    lines = []
    for kind, words in ((ModelKind.CHAT, "Chat"), (ModelKind.IMAGE, "Pictures")):
        chosen = choices.of(MODEL_OF[kind])
        lines.append(
            f"**{words}:** `{chosen.value or context.models.default(kind)}` ({chosen.source})"
        )
    if spares := context.fallbacks(choices):
        names = ", ".join(f"`{name}`" for name in spares)
        lines.append(f"**When it fails:** {names} ({choices.of(FALLBACK_MODELS).source})")
    lines.append("\nSwitch with /model and a name.")
    in_use = context.model(ModelKind.CHAT, choices)
    others = [name for name in context.models.names(ModelKind.CHAT) if name != in_use]
    offered = [Action(name, f"/model {name}") for name in others if _fits(name)]
    menu = Menu("Another model", tuple(offered[:OFFERED]))
    await context.say("\n".join(lines), menus=[menu] if offered else [])


def _fits(name: str) -> bool:
    return len(f"/model {name}".encode()) <= 64


async def _switch(context: Context, name: str) -> str:
    known = _resolved(context.models, name)
    kind = context.models.find(known).kind
    await context.choose(MODEL_OF[kind], known)
    what = "Pictures" if kind is ModelKind.IMAGE else "Answers"
    unlisted = context.models.is_listed(known) is False
    note = " The gateway does not list it at the moment." if unlisted else ""
    return f"{what} in this channel now come from `{known}`.{note}"


async def _switch_fallback(context: Context, typed: str) -> str:
    names = [name.strip() for name in typed.split(",") if name.strip()]
    if names == [DEFAULT]:
        await context.choose(FALLBACK_MODELS, "")
        return "When a model fails here, the bot's default list is tried."
    if names == [NONE]:
        await context.choose(FALLBACK_MODELS, NONE)
        return "When a model fails here, no other one is tried."
    known = [_resolved(context.models, name) for name in names]
    wrong = [one for one in known if context.models.find(one).kind is not ModelKind.CHAT]
    if wrong:
        raise Refused(f"{wrong[0]} draws pictures; a fallback must be a chat model.")
    if len(known) > SPARES:
        raise Refused(f"A list of fallbacks has at most {SPARES} models.")
    await context.choose(FALLBACK_MODELS, ",".join(known))
    return f"When a model fails here, next come: {', '.join(f'`{one}`' for one in known)}."


def _resolved(models: Models, name: str) -> str:
    known = models.resolve(name)
    if known is not None:
        return known
    near = models.nearest(name)
    if not near and models.is_listed(name) is None and _NAME.fullmatch(name):
        return name  # no list is known that could say otherwise
    hint = f" Nearest: {', '.join(f'`{other}`' for other in near)}." if near else ""
    raise Refused(f"There is no model called “{name[:60]}”.{hint}")


def every_model(models: Models, typed: str) -> list[str]:
    return models.complete(typed, ModelKind.CHAT, ModelKind.IMAGE)


MODEL = Command(
    "model",
    "Show or switch this channel's chat and image model.",
    run,
    (
        Option("name", "The model to use from now on", complete=every_model),
        Option(
            "fallback",
            "Models to try when one fails: a,b – or none, or default",
            complete=chat_models,
        ),
    ),
)
