"""The rules of application commands, and the commands as they are registered (pure).

Source: Discord's documentation, interactions/application-commands.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Callable, Sequence

from tests.simulators.discord.entities import Json
from tests.simulators.discord.errors import ApiError, Form, Refusal

CHAT_INPUT, USER, MESSAGE = 1, 2, 3
SUBCOMMAND, GROUP = 1, 2
STRING, INTEGER, BOOLEAN, PERSON, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)
COMMAND_SIZE = 8000
_MOST = {CHAT_INPUT: 100, USER: 15, MESSAGE: 15}


def register(
    wanted: Sequence[Json], present: Sequence[Json], new_id: Callable[[], str], application: str
) -> list[Json]:
    """What ``wanted`` becomes in place of ``present``; a command keeps its id by kind and name.

    Raises ApiError 50035 with every fault, 30032 for too many.
    """
    form = Form()
    for position, command in enumerate(wanted):
        _check_command(form, str(position), command)
    keys = [(command.get("type", CHAT_INPUT), command.get("name")) for command in wanted]
    for position, key in enumerate(keys):
        if key in keys[:position]:
            message = "Application command names must be unique"
            form.fault(str(position), "APPLICATION_COMMANDS_DUPLICATE_NAME", message)
    form.check()
    for kind, most in _MOST.items():
        if sum(key[0] == kind for key in keys) > most:
            raise ApiError(Refusal.TOO_MANY_COMMANDS)
    ids = {(command["type"], command["name"]): command["id"] for command in present}
    return [
        _registered(command, ids.get(key) or new_id(), new_id(), application)
        for command, key in zip(wanted, keys, strict=True)
    ]


def _registered(command: Json, id_: str, version: str, application: str) -> Json:
    return {
        "type": CHAT_INPUT,
        "description": "",
        "dm_permission": True,
        "contexts": None,
        "integration_types": [0],
        "default_member_permissions": None,
        "nsfw": False,
        "name_localizations": None,
        "description_localizations": None,
    } | {
        **{name: value for name, value in command.items() if value is not None},
        "id": id_,
        "application_id": application,
        "version": version,
    }


def find(commands: Sequence[Json], line: str) -> tuple[Json, list[Json], list[Json]]:
    """A slash command by its line ("name", "name group subcommand"), the steps, and the options."""
    name, *path = line.split()
    command = next(
        (each for each in commands if each["type"] == CHAT_INPUT and each["name"] == name), None
    )
    assert command is not None, f"There is no command /{name}."
    options: list[Json] = command.get("options") or []
    steps: list[Json] = []
    for word in path:
        step = next((each for each in options if each["name"] == word), None)
        assert step is not None, f"/{name} has no {word}."
        steps.append(step)
        options = step.get("options") or []
    return command, steps, options


def find_in_menu(commands: Sequence[Json], name: str) -> Json:
    """A command in the menu of messages."""
    found = [each for each in commands if each["type"] == MESSAGE and each["name"] == name]
    assert found, f"No message has {name!r} in its menu."
    return found[0]


def focused(data: Json) -> Json:
    """The option that is being typed, in the data of an autocomplete interaction."""
    options: list[Json] = data["options"]
    while options[-1]["type"] in (SUBCOMMAND, GROUP):
        options = options[-1]["options"]
    return next(option for option in options if option.get("focused"))


def _check_command(form: Form, path: str, command: Json) -> None:
    kind = command.get("type", CHAT_INPUT)
    for name, known in (("integration_types", (0, 1)), ("contexts", (0, 1, 2))):
        for value in command.get(name) or ():
            form.one_of(f"{path}.{name}", value, known)
    if not form.one_of(f"{path}.type", kind, (CHAT_INPUT, USER, MESSAGE)):
        return
    if kind != CHAT_INPUT:
        form.text(f"{path}.name", command.get("name"), 1, 32)
        for name in ("description", "options"):
            if command.get(name):
                message = "Context menu commands have no such field"
                form.fault(f"{path}.{name}", "APPLICATION_COMMAND_INVALID_FIELD", message)
        return
    _check_names(form, path, command)
    _check_options(form, path, command.get("options") or [], depth=0)
    if _size(command) > COMMAND_SIZE:
        message = f"Command exceeds maximum size ({COMMAND_SIZE})"
        form.fault(path, "APPLICATION_COMMAND_TOO_LARGE", message)


def _check_names(form: Form, path: str, named: Json) -> None:
    name = named.get("name")
    if form.text(f"{path}.name", name, 1, 32) and not _is_name(str(name)):
        code = "APPLICATION_COMMAND_INVALID_NAME"
        form.fault(f"{path}.name", code, "Command name is invalid")
    form.text(f"{path}.description", named.get("description"), 1, 100)


def _is_name(name: str) -> bool:
    r"""Discord's ``^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$``, in lower case."""
    letters = all(
        sign in "-_'"
        or unicodedata.category(sign)[0] in "LN"
        or unicodedata.name(sign, "").startswith(("DEVANAGARI", "THAI"))
        for sign in name
    )
    return letters and name == name.lower()


def _check_options(form: Form, path: str, options: object, depth: int) -> None:
    names: set[str] = set()
    optional = False
    for position, option in enumerate(form.many(f"{path}.options", options, 0, 25)):
        place = f"{path}.options.{position}"
        _check_names(form, place, option)
        if option.get("name") in names:
            message = "Option names must be unique"
            form.fault(place, "APPLICATION_COMMAND_OPTIONS_DUPLICATE_NAME", message)
        names.add(str(option.get("name")))
        if option.get("required") and optional:
            message = "Required options must be placed before non-required options"
            form.fault(place, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional = optional or not option.get("required")
        first = 1 if depth < 2 else STRING
        if not form.one_of(f"{place}.type", option.get("type"), tuple(range(first, 12))):
            continue
        if option["type"] in (SUBCOMMAND, GROUP):
            _check_options(form, place, option.get("options") or [], depth + 1)
        else:
            _check_choices(form, place, option)


def _check_choices(form: Form, path: str, option: Json) -> None:
    choices = form.many(f"{path}.choices", option.get("choices") or [], 0, 25)
    if choices and option.get("autocomplete"):
        message = "Autocomplete and choices are mutually exclusive"
        form.fault(path, "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE", message)
    if option["type"] not in (STRING, INTEGER, NUMBER) and (choices or option.get("autocomplete")):
        message = "This option type takes no choices"
        form.fault(path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
    check_choices(form, f"{path}.choices", choices, option["type"])


def check_choices(form: Form, path: str, choices: Sequence[Json], kind: int) -> None:
    """Each choice has a name of 1 to 100 characters, a text value at most 100."""
    for position, choice in enumerate(choices):
        form.text(f"{path}.{position}.name", choice.get("name"), 1, 100)
        if kind == STRING:
            form.text(f"{path}.{position}.value", choice.get("value"), 1, 100)
        elif not isinstance(choice.get("value"), int | float):
            message = f'Value "{choice.get("value")}" is not a number.'
            form.fault(f"{path}.{position}.value", "NUMBER_TYPE_COERCE", message)


def _size(part: Json) -> int:
    """Names, descriptions and values of a command, its options and choices, added up."""
    own = sum(len(str(part.get(name) or "")) for name in ("name", "description", "value"))
    inside = itertools.chain(part.get("options") or (), part.get("choices") or ())
    return own + sum(_size(each) for each in inside)
