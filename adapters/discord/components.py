"""Buttons, menus and the forms that they open, as Discord's components (pure).

All that a component knows when it is used is its own ``custom_id`` or value: there stands the line
it stands for and, where it asks something first, the question. So it works after a restart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.discord.payload import Json, object_of, objects_of, text_of
from bot.types import Action, Menu

ROWS, BUTTONS_IN_ROW, OPTIONS = 5, 5, 25
BUTTON_LABEL, OPTION_LABEL, PLACEHOLDER = 80, 100, 150  # characters
ID_LENGTH = 100
FORM_LABEL, FORM_HINT = 45, 100
ANSWER_LENGTH = 4000

_ROW, _BUTTON, _SELECT, _TEXT_INPUT, _LABEL = 1, 2, 3, 4, 18
_GREY = 2
_PARAGRAPH = 2
_MENU = "menu "  # begins the custom_id of every menu, and no line
_ASKS = "¿"  # between a line and its question; no line has it


@dataclass(frozen=True, slots=True)
class Form:
    """A question put to a person before anything is done: what is answered follows ``line``.
    ``hint`` is shown where nothing is written yet, and then an empty answer will do."""

    title: str
    line: str
    ask: str
    hint: str = ""


def rows(buttons: Sequence[Action], menus: Sequence[Menu] = ()) -> list[dict[str, Any]]:
    """Up to five rows: one for each menu, then those of five grey buttons. A button is known by its
    line, so each stands once."""
    made = [_menu(number, menu) for number, menu in enumerate(menus[:ROWS]) if menu.options]
    actions = _distinct(buttons)[: BUTTONS_IN_ROW * (ROWS - len(made))]
    shown = [
        {"type": _BUTTON, "style": _GREY, "label": label[:BUTTON_LABEL], "custom_id": value}
        for value, label in actions
    ]
    for at in range(0, len(shown), BUTTONS_IN_ROW):
        made.append({"type": _ROW, "components": shown[at : at + BUTTONS_IN_ROW]})
    return made


def form(asked: Form) -> dict[str, Any]:
    """What an interaction is answered with, so that the person sees the form."""
    entry: dict[str, Any] = {
        "type": _TEXT_INPUT,
        "custom_id": "answer",
        "style": _PARAGRAPH,
        "required": not asked.hint,
        "max_length": ANSWER_LENGTH,
    }
    if asked.hint:
        entry["placeholder"] = asked.hint[:FORM_HINT]
    label: dict[str, Any] = {"type": _LABEL, "label": asked.ask, "component": entry}
    if len(asked.ask) > FORM_LABEL:
        label |= {"label": "Your answer", "description": _shortened(asked.ask, FORM_HINT)}
    title = _shortened(asked.title, FORM_LABEL)
    return {"custom_id": asked.line, "title": title, "components": [label]}


def used(interaction: Json) -> tuple[str, Form | None]:
    """The line of the button or option that was used, and the form that comes before it. "" where
    it stands for nothing."""
    value = _chosen(object_of(interaction, "data"))
    line, asks, ask = value.partition(_ASKS)
    if not asks:
        return line, None
    title = _label_of(object_of(interaction, "message"), value)
    return line, Form(title or "One question", line.rstrip(), ask or "Your answer")


def answered(interaction: Json) -> tuple[str, str]:
    """The line that a filled in form belongs to, and what was written into it."""
    body = object_of(interaction, "data")
    texts = [text_of(part, "value") for part in _walk(body) if part.get("type") == _TEXT_INPUT]
    return text_of(body, "custom_id"), " ".join(texts).strip()


def _chosen(body: Json) -> str:
    """What a button is known by, or what was picked from a menu."""
    custom_id, values = text_of(body, "custom_id"), body.get("values")
    if not custom_id.startswith(_MENU):
        return custom_id
    return text_of({"value": values[0]}, "value") if isinstance(values, list) and values else ""


def _menu(number: int, menu: Menu) -> dict[str, Any]:
    options = [
        {"label": label[:OPTION_LABEL], "value": value}
        for value, label in _distinct(menu.options)[:OPTIONS]
    ]
    select = {"type": _SELECT, "custom_id": f"{_MENU}{number}", "options": options}
    if menu.label:
        select["placeholder"] = menu.label[:PLACEHOLDER]
    return {"type": _ROW, "components": [select]}


def _distinct(actions: Sequence[Action]) -> list[tuple[str, str]]:
    """(what it is known by, label) of every action; Discord takes each only once, and none that
    shows nothing."""
    return list({_value(action): action.label or action.line for action in actions}.items())


def _value(action: Action) -> str:
    value = f"{action.line}{_ASKS}{action.ask}" if action.ask else action.line
    return _shortened(value, ID_LENGTH)


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _label_of(message: Json, value: str) -> str:
    for part in _walk(message):
        for one in (part, *objects_of(part, "options")):
            if value in (one.get("custom_id"), one.get("value")):
                return text_of(one, "label")
    return ""


def _walk(payload: Json) -> Iterator[Json]:
    """Every component of a message or form, however Discord nests them."""
    for part in objects_of(payload, "components"):
        yield part
        yield from _walk(part)
        inside = object_of(part, "component")
        if inside:
            yield inside
