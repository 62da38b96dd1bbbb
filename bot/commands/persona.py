"""/persona: who answers here: one of the library, or somebody described in a sentence."""

from __future__ import annotations

from bot.commands.base import Command, Known, Option
from bot.commands.choosing import WHERE, brief, checked, choose, menu, offered, scope_of
from bot.commands.context import Context
from bot.settings import DEFAULT, PERSONA, Chosen, Scope
from bot.types import Action


async def run(context: Context) -> None:
    wanted = context.options.get("name")
    if wanted is None:
        await _show(context)
        return
    scope = scope_of(context)
    kept = checked(context, PERSONA, wanted)
    added = await choose(context, PERSONA, kept, scope)
    if not kept:
        await context.say(f"No persona is chosen {WHERE[scope]} any more.")
    elif (persona := context.personas.find(kept)) is not None:
        await context.say(f"**{persona.name}** now answers {WHERE[scope]}.{added}")
    else:
        await context.say(f"Who now answers {WHERE[scope]}: `{brief(kept, 200)}`{added}")


async def _show(context: Context) -> None:
    lines = [_current(context, (await context.choices()).of(PERSONA)), ""]
    lines += [f"- **{one.name}**: {one.description}" for one in context.personas]
    lines += ["", "Pick one, or describe somebody: /persona You are a pirate."]
    back = Action("Default", f"/persona {DEFAULT}")
    own = Action("Write your own …", "/persona ", ask="Who shall answer? “You are a pirate.”")
    names = offered(context, PERSONA)
    await context.say("\n".join(lines), [own], menu("Choose a persona", "/persona ", names, back))


def _current(context: Context, chosen: Chosen) -> str:
    if not context.personas.text(chosen.value):
        return "**I answer as myself.**"
    if (persona := context.personas.find(chosen.value)) is not None:
        return f"**{persona.name} answers** ({chosen.source})."
    return f"**Who answers** ({chosen.source}): `{brief(chosen.value, 400)}`"


def personas(known: Known, typed: str) -> list[str]:
    return [*known.personas.complete(typed), *([DEFAULT] if DEFAULT.startswith(typed) else [])]


PERSONA_COMMAND = Command(
    "persona",
    "Show or choose who answers: a persona, or a description of your own.",
    run,
    (
        Option("name", "A persona, a description, or default", complete=personas),
        Option("for", "For whom, if not this channel", choices=tuple(Scope)),
    ),
    prose=True,
)
