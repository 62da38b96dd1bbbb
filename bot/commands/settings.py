"""/settings: what was chosen for a channel, a person or a server, and choosing otherwise."""

from __future__ import annotations

from bot.commands.base import Command, Option
from bot.commands.context import Context
from bot.errors import Refused
from bot.gateway.models import Models
from bot.settings import DEFAULT, SETTINGS, Scope, Setting, check_right
from bot.types import Action, Menu


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
    scope = Scope(context.options.get("for", Scope.CHANNEL))
    request = context.request
    check_right(setting, scope, request.channel, request.user)
    kept = setting.checked(value)
    await context.choose(setting, kept, scope)
    chosen = (await context.choices()).of(setting)
    whose = {Scope.CHANNEL: "In this channel", Scope.ME: "For you", Scope.SERVER: "In this server"}
    said = f"{whose[scope]}, `{setting.name}` is now `{kept or chosen.value or DEFAULT}`."
    if kept and chosen.value != kept:
        said += f" Here `{chosen.value}` still counts: it is {chosen.source}."
    await context.say(said)


async def _show(context: Context) -> None:
    choices = await context.choices()
    lines = []
    for setting in SETTINGS:
        chosen = choices.of(setting)
        lines.append(f"**{setting.name}:** `{chosen.value or DEFAULT}` ({chosen.source})")
    lines.append("\nPick one to change it, or type /settings, its name and a value.")
    options = tuple(Action(one.name, f"/settings {one.name}") for one in SETTINGS)
    await context.say("\n".join(lines), menus=[Menu("Change a setting", options)])


async def _offer(context: Context, setting: Setting) -> None:
    """The values to pick from, or a question for one."""
    chosen = (await context.choices()).of(setting)
    said = (
        f"**{setting.name}:** `{chosen.value or DEFAULT}` ({chosen.source})\n{setting.description}."
    )
    back = Action("Default", f"/settings {setting.name} {DEFAULT}")
    if setting.values:
        options = [Action(value, f"/settings {setting.name} {value}") for value in setting.values]
        await context.say(said, menus=[Menu(setting.name, (*options, back))])
    else:
        asked = Action("Set …", f"/settings {setting.name} ", ask=setting.description)
        await context.say(said, [asked, back])


def names() -> list[str]:
    return [setting.name for setting in SETTINGS]


def named(_: Models, typed: str) -> list[str]:
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
)
