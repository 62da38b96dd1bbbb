"""/settings: what was chosen for a channel, a person or a server, and choosing otherwise."""

from __future__ import annotations

from bot.commands.base import Command, Known, Option
from bot.commands.choosing import WHERE, brief, checked, choose, menu, offered, scope_of
from bot.commands.context import Context
from bot.errors import Refused
from bot.gateway.models import ModelKind
from bot.settings import CHAT_MODEL, DEFAULT, IMAGE_MODEL, SETTINGS, Chosen, Scope, Setting
from bot.types import Action


async def run(context: Context) -> None:
    name, value = context.options.get("name"), context.options.get("value")
    if name is None:
        await _show(context)
        return
    if value is None:  # typed: /settings thinking on
        name, _, value = name.partition(" ")
    setting = next((one for one in SETTINGS if one.name == name.lower()), None)
    if setting is None:
        raise Refused(f"There is no setting {name[:40]!r}. There is: {', '.join(names())}.")
    if not value.strip():
        await _offer(context, setting)
        return
    scope = scope_of(context)
    kept = checked(context, setting, value)
    added = await choose(context, setting, kept, scope)
    where = WHERE[scope][:1].upper() + WHERE[scope][1:]
    shown = kept or _shown(context, setting, (await context.choices()).of(setting))
    await context.say(f"{where}, `{setting.name}` is now `{brief(shown)}`.{added}")


async def _show(context: Context) -> None:
    choices = await context.choices()
    lines = []
    for setting in SETTINGS:
        chosen = choices.of(setting)
        lines.append(f"**{setting.name}:** `{_shown(context, setting, chosen)}` ({chosen.source})")
    lines.append("\nPick one to change it, or type /settings, its name and a value.")
    await context.say("\n".join(lines), menus=menu("Change a setting", "/settings ", names()))


async def _offer(context: Context, setting: Setting) -> None:
    """The values to pick from, or a question for one."""
    chosen = (await context.choices()).of(setting)
    said = (
        f"**{setting.name}:** `{_shown(context, setting, chosen)}` ({chosen.source})\n"
        f"{setting.description}."
    )
    line = f"/settings {setting.name} "
    back = Action("Default", f"{line}{DEFAULT}")
    asked = () if setting.values else (Action("Set …", line, ask=setting.description),)
    if values := offered(context, setting):
        await context.say(said, asked, menu(setting.name, line, values, back))
    else:
        await context.say(said, (*asked, back))


def _shown(context: Context, setting: Setting, chosen: Chosen) -> str:
    """The value that counts, as one line."""
    value = chosen.value
    if not value and setting in (CHAT_MODEL, IMAGE_MODEL):
        kind = ModelKind.CHAT if setting is CHAT_MODEL else ModelKind.IMAGE
        value = context.models.default(kind)
    return brief(value or DEFAULT)


def names() -> list[str]:
    return [setting.name for setting in SETTINGS]


def named(_: Known, typed: str) -> list[str]:
    return [name for name in names() if name.startswith(typed.lower())]


SETTINGS_COMMAND = Command(
    "settings",
    "Show or change what is chosen for this channel, for you or for the server.",
    run,
    (
        Option("name", "Which setting", complete=named),
        Option("value", "What it shall be"),
        Option("for", "For whom, if not this channel", choices=tuple(Scope)),
    ),
    prose=True,  # a persona in words
)
