"""What may be chosen for each setting, and choosing it: the same for /settings, /model and
/persona."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bot.commands.base import Known
from bot.commands.context import NONE, Context
from bot.errors import Refused
from bot.gateway.models import ModelKind, Models
from bot.settings import (
    CHAT_MODEL,
    FALLBACK_MODELS,
    IMAGE_MODEL,
    PERSONA,
    Scope,
    Setting,
    check_right,
)
from bot.types import Action, Menu

OFFERED = 25  # options of a menu
LINE = 64  # bytes of a button's line
SPARES = 5  # models in a list of fallbacks
WHERE = {Scope.CHANNEL: "in this channel", Scope.ME: "for you", Scope.SERVER: "in this server"}

_NAME = re.compile(r"[\w.:/@+-]{1,100}")  # what can be a model at all, and be repeated as it is


def checked(context: Context, setting: Setting, typed: str) -> str:
    """The value as it is kept, "" for the default. Raises Refused."""
    value = setting.checked(typed)
    check = _CHECKS.get(setting.name)
    return check(context, value) if value and check is not None else value


async def choose(context: Context, setting: Setting, value: str, scope: Scope) -> str:
    """Choose a checked value; what there is to add to that, or "". Raises Refused where the person
    may not."""
    check_right(setting, scope, context.request.channel, context.request.user)
    await context.choose(setting, value, scope)
    counts = (await context.choices()).of(setting)
    if value and counts.value != value:
        return f" Here `{brief(counts.value)}` still counts: it is {counts.source}."
    return ""


def scope_of(context: Context) -> Scope:
    """For whom the request chooses."""
    return Scope(context.options.get("for", Scope.CHANNEL))


def offered(context: Context, setting: Setting) -> Sequence[str]:
    """Values to pick from."""
    if setting is CHAT_MODEL or setting is IMAGE_MODEL:
        kind = ModelKind.CHAT if setting is CHAT_MODEL else ModelKind.IMAGE
        return context.models.names(kind)
    if setting is PERSONA:
        return [persona.name for persona in context.personas]
    return setting.values


def menu(label: str, line: str, values: Sequence[str], *more: Action) -> list[Menu]:
    """A menu of values behind the line, and more at its end; none where it would be empty. What
    does not fit a button can still be typed."""
    options = [Action(value, f"{line}{value}") for value in values if fits(f"{line}{value}")]
    options = [*options[: OFFERED - len(more)], *more]
    return [Menu(label, tuple(options))] if options else []


def fits(line: str) -> bool:
    """Whether a button can carry the line."""
    return len(line.encode()) <= LINE


def brief(text: str, most: int = 60) -> str:
    """The beginning of a text, as it can stand in one line of `code`."""
    line = " ".join(text.replace("`", "'").split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


# --- models ---


def model(models: Models, name: str) -> str:
    """The model that is meant. Raises Refused with the nearest ones."""
    known = models.resolve(name)
    if known is not None:
        return known
    near = models.nearest(name)
    if not near and models.is_listed(name) is None and _NAME.fullmatch(name):
        return name  # no list is known that could say otherwise
    hint = f" Nearest: {', '.join(f'`{other}`' for other in near)}." if near else ""
    raise Refused(f"There is no model called “{name[:60]}”.{hint}")


def fallbacks(models: Models, typed: str) -> str:
    """A list of chat models, or "none". Raises Refused."""
    names = [name.strip() for name in typed.split(",") if name.strip()]
    if [name.lower() for name in names] == [NONE]:
        return NONE
    known = [model(models, name) for name in names]
    wrong = [one for one in known if models.find(one).kind is not ModelKind.CHAT]
    if wrong:
        raise Refused(f"{wrong[0]} draws pictures; a fallback must be a chat model.")
    if not known or len(known) > SPARES:
        raise Refused(f"A list of fallbacks has at most {SPARES} models: a,b – or none.")
    return ",".join(known)


def chat_models(known: Known, typed: str) -> list[str]:
    return known.models.complete(typed, ModelKind.CHAT)


def image_models(known: Known, typed: str) -> list[str]:
    return known.models.complete(typed, ModelKind.IMAGE)


def every_model(known: Known, typed: str) -> list[str]:
    return known.models.complete(typed, ModelKind.CHAT, ModelKind.IMAGE)


def _of_kind(kind: ModelKind) -> Callable[[Context, str], str]:
    def check(context: Context, typed: str) -> str:
        name = model(context.models, typed)
        if context.models.find(name).kind is not kind:
            draws = kind is ModelKind.CHAT
            what = "draws pictures and does not talk" if draws else "talks and does not draw"
            raise Refused(f"{name} {what}.")
        return name

    return check


_CHECKS: dict[str, Callable[[Context, str], str]] = {
    CHAT_MODEL.name: _of_kind(ModelKind.CHAT),
    IMAGE_MODEL.name: _of_kind(ModelKind.IMAGE),
    FALLBACK_MODELS.name: lambda context, typed: fallbacks(context.models, typed),
    PERSONA.name: lambda context, typed: context.personas.checked(typed),
}
