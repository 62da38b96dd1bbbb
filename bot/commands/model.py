"""/model: which models are used here, and switching them."""

from __future__ import annotations

from bot.commands.base import Command, Option
from bot.commands.choosing import (
    WHERE,
    chat_models,
    checked,
    choose,
    every_model,
    menu,
    model,
    scope_of,
)
from bot.commands.context import MODEL as MODEL_OF
from bot.commands.context import NONE, Context
from bot.gateway.models import ModelKind
from bot.settings import CHAT_MODEL, DEFAULT, FALLBACK_MODELS, IMAGE_MODEL, Scope


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
    await context.say("\n".join(lines), menus=menu("Another model", "/model ", others))


async def _switch(context: Context, name: str) -> str:
    scope = scope_of(context)
    if name.lower() == DEFAULT:
        for setting in (CHAT_MODEL, IMAGE_MODEL):
            await choose(context, setting, "", scope)
        return f"No model is chosen {WHERE[scope]} any more."
    known = model(context.models, name)
    kind = context.models.find(known).kind
    added = await choose(context, MODEL_OF[kind], known, scope)
    what = "Pictures" if kind is ModelKind.IMAGE else "Answers"
    unlisted = context.models.is_listed(known) is False
    note = " The gateway does not list it at the moment." if unlisted else ""
    return f"{what} {WHERE[scope]} now come from `{known}`.{note}{added}"


async def _switch_fallback(context: Context, typed: str) -> str:
    scope = scope_of(context)
    kept = checked(context, FALLBACK_MODELS, typed)
    added = await choose(context, FALLBACK_MODELS, kept, scope)
    said = f"When a model fails {WHERE[scope]},"
    if not kept:
        return f"{said} the bot's default list is tried.{added}"
    if kept == NONE:
        return f"{said} no other one is tried.{added}"
    names = ", ".join(f"`{one}`" for one in kept.split(","))
    return f"{said} next come: {names}.{added}"


MODEL = Command(
    "model",
    "Show or switch the chat and image model, here or for yourself.",
    run,
    (
        Option("name", "The model to use from now on, or default", complete=every_model),
        Option(
            "fallback",
            "Models to try when one fails: a,b – or none, or default",
            complete=chat_models,
        ),
        Option("for", "For whom, if not this channel", choices=tuple(Scope)),
    ),
)
