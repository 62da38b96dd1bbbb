"""/settings: what this channel has chosen for itself, and changing it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.commands.base import Command, Option
from bot.commands.context import Context
from bot.errors import Refused
from bot.gateway.models import Models

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Setting:
    """A choice of a channel. The first of ``values`` is the default."""

    name: str
    description: str
    values: tuple[str, ...]


THINKING = Setting(
    "thinking", "Whether a model's thoughts are shown above its answer", ("off", "on")
)

SETTINGS: tuple[Setting, ...] = (THINKING,)


async def run(context: Context) -> None:
    name, value = context.options.get("name"), context.options.get("value")
    if name is None:
        await _show(context)
        return
    if value is None:  # typed: /settings thinking on
        name, _, value = name.partition(" ")
        value = value.strip()
    setting = next((one for one in SETTINGS if one.name == name), None)
    if setting is None:
        raise Refused(f"There is no setting {name[:40]!r}. There is: {', '.join(names())}.")
    if value not in (*setting.values, DEFAULT):
        allowed = ", ".join((*setting.values, DEFAULT))
        raise Refused(f"{setting.name} can be: {allowed}.")
    chosen = "" if value == DEFAULT else value
    await context.store.choose(context.request.channel, setting.name, chosen)
    await context.say(f"In this channel, `{setting.name}` is now `{chosen or setting.values[0]}`.")


async def _show(context: Context) -> None:
    choices = await context.choices()
    lines = []
    for setting in SETTINGS:
        chosen = choices.get(setting.name)
        source = "chosen for this channel" if chosen else "the bot's default"
        lines.append(f"**{setting.name}:** `{chosen or setting.values[0]}` ({source})")
        lines.append(f"{setting.description}.")
    lines.append("\nChange one with /settings, its name and a value. /model has the models.")
    await context.say("\n".join(lines))


def names() -> list[str]:
    return [setting.name for setting in SETTINGS]


def named(_: Models, typed: str) -> list[str]:
    return [name for name in names() if name.startswith(typed.lower())]


SETTINGS_COMMAND = Command(
    "settings",
    "Show or change what this channel has chosen for itself.",
    run,
    (
        Option("name", "Which setting", complete=named),
        Option("value", "What it shall be", choices=("on", "off", DEFAULT)),
    ),
)
