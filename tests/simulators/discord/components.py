"""The rules of message components: rows and buttons of old, and the layout of Components V2 (pure).

Source: Discord's documentation, components/reference; the 4,000 characters of a V2 message are
discord.py's figure.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.simulators.discord.errors import Form

Json = dict[str, Any]

ROW, BUTTON, STRING_SELECT, TEXT_INPUT, SECTION, TEXT_DISPLAY = 1, 2, 3, 4, 9, 10
CONTAINER, LABEL = 17, 18
SELECTS = (3, 5, 6, 7, 8)
LINK, PREMIUM = 5, 6
_V2_TOP = (ROW, SECTION, TEXT_DISPLAY, 12, 13, 14, CONTAINER)


def walk(components: Sequence[Json]) -> Iterator[Json]:
    """Every component, nested ones after their parent."""
    for component in components:
        yield component
        yield from walk(component.get("components") or ())
        for name in ("accessory", "component"):
            inside = component.get(name)
            if isinstance(inside, dict):
                yield inside


def find(components: Sequence[Json], custom_id: str) -> Json | None:
    return next((each for each in walk(components) if each.get("custom_id") == custom_id), None)


def check(form: Form, components: object, *, v2: bool) -> list[Json]:
    """The components where they keep the rules, else an empty list and faults."""
    tops = form.many("components", components, 0, 40 if v2 else 5)
    seen: set[str] = set()
    for position, component in enumerate(tops):
        _check_one(form, f"components.{position}", component, _V2_TOP if v2 else (ROW,), seen)
    if v2:
        _check_layout(form, tops)
    return tops


def _check_layout(form: Form, tops: Sequence[Json]) -> None:
    everything = [component for component in walk(tops) if isinstance(component, dict)]
    if len(everything) > 40:
        message = "A message cannot have more than 40 components in total."
        form.fault("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message)
    text = sum(len(str(each.get("content", ""))) for each in everything if each.get("type") == 10)
    if text > 4000:
        message = "The total displayable text exceeds 4000 characters."
        form.fault("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message)


def _check_one(
    form: Form, path: str, component: object, allowed: tuple[int, ...], seen: set[str]
) -> None:
    kind = component.get("type") if isinstance(component, dict) else None
    if not isinstance(component, dict) or kind not in allowed:
        choices = ", ".join(map(str, allowed))
        message = f'Value of field "type" must be one of ({choices}).'
        form.fault(f"{path}.type", "UNION_TYPE_CHOICES", message)
    elif kind == ROW:
        _check_row(form, path, component, seen)
    elif kind == BUTTON:
        _check_button(form, path, component, seen)
    elif kind in SELECTS:
        _check_select(form, path, component, seen)
    elif kind == TEXT_DISPLAY:
        form.text(f"{path}.content", component.get("content"), 1, 4000)
    elif kind == SECTION:
        for position, part in enumerate(
            form.many(f"{path}.components", component.get("components"), 1, 3)
        ):
            _check_one(form, f"{path}.components.{position}", part, (TEXT_DISPLAY,), seen)
        _check_one(form, f"{path}.accessory", component.get("accessory"), (BUTTON, 11), seen)
    elif kind == CONTAINER:
        inside = tuple(each for each in _V2_TOP if each != CONTAINER)
        for position, part in enumerate(
            form.many(f"{path}.components", component.get("components"), 1, 40)
        ):
            _check_one(form, f"{path}.components.{position}", part, inside, seen)


def _check_row(form: Form, path: str, row: Json, seen: set[str]) -> None:
    parts = form.many(f"{path}.components", row.get("components"), 1, 5)
    for position, part in enumerate(parts):
        _check_one(form, f"{path}.components.{position}", part, (BUTTON, *SELECTS), seen)
    if len(parts) > 1 and any(part.get("type") in SELECTS for part in parts):
        message = "The specified component exceeds the maximum width"
        form.fault(f"{path}.components.1", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)


def _check_button(form: Form, path: str, button: Json, seen: set[str]) -> None:
    style = button.get("style")
    if not form.one_of(f"{path}.style", style, (1, 2, 3, 4, LINK, PREMIUM)):
        return
    if "label" in button and button["label"] is not None:
        form.text(f"{path}.label", button["label"], 0, 80)
    if style == LINK:
        form.text(f"{path}.url", button.get("url"), 1, 512)
    elif style != PREMIUM:
        _check_custom_id(form, path, button, seen)
    if style != PREMIUM and not button.get("label") and not button.get("emoji"):
        message = "A button must have a label or an emoji."
        form.fault(f"{path}.label", "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", message)


def _check_select(form: Form, path: str, select: Json, seen: set[str]) -> None:
    _check_custom_id(form, path, select, seen)
    if "placeholder" in select and select["placeholder"] is not None:
        form.text(f"{path}.placeholder", select["placeholder"], 0, 150)
    if select["type"] != STRING_SELECT:
        return
    options = form.many(f"{path}.options", select.get("options"), 1, 25)
    values = [option.get("value") for option in options]
    for position, option in enumerate(options):
        for name in ("label", "value"):
            form.text(f"{path}.options.{position}.{name}", option.get(name), 1, 100)
        if option.get("description") is not None:
            form.text(f"{path}.options.{position}.description", option["description"], 0, 100)
        if option.get("value") in values[:position]:
            message = "The specified option value is already used"
            place = f"{path}.options.{position}.value"
            form.fault(place, "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message)


def _check_custom_id(form: Form, path: str, component: Json, seen: set[str]) -> None:
    custom_id = component.get("custom_id")
    if form.text(f"{path}.custom_id", custom_id, 1, 100):
        if custom_id in seen:
            message = "Component custom id cannot be duplicated"
            form.fault(f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", message)
        seen.add(str(custom_id))


def check_modal(form: Form, modal: object) -> None:
    """The rules of a modal: a title, an id and one to five rows or labels."""
    if not isinstance(modal, dict):
        form.fault("data", "BASE_TYPE_REQUIRED", "This field is required")
        return
    form.text("data.custom_id", modal.get("custom_id"), 1, 100)
    form.text("data.title", modal.get("title"), 1, 45)
    seen: set[str] = set()
    for position, part in enumerate(form.many("data.components", modal.get("components"), 1, 5)):
        path = f"data.components.{position}"
        if not form.one_of(f"{path}.type", part.get("type"), (ROW, LABEL, TEXT_DISPLAY)):
            continue
        if part["type"] == ROW:
            inputs = form.many(f"{path}.components", part.get("components"), 1, 1)
            for one in inputs:
                form.text(f"{path}.components.0.label", one.get("label"), 1, 45)
                _check_input(form, f"{path}.components.0", one, seen)
        elif part["type"] == LABEL:
            form.text(f"{path}.label", part.get("label"), 1, 45)
            if part.get("description") is not None:
                form.text(f"{path}.description", part["description"], 1, 100)
            _check_input(form, f"{path}.component", part.get("component") or {}, seen)
        else:
            form.text(f"{path}.content", part.get("content"), 1, 4000)


def _check_input(form: Form, path: str, entry: Json, seen: set[str]) -> None:
    """A text input; a select stands in a label like one."""
    if not form.one_of(f"{path}.type", entry.get("type"), (TEXT_INPUT, *SELECTS)):
        return
    if entry["type"] in SELECTS:
        _check_select(form, path, entry, seen)
        return
    _check_custom_id(form, path, entry, seen)
    form.one_of(f"{path}.style", entry.get("style"), (1, 2))
    for name, high in (("placeholder", 100), ("value", 4000)):
        if entry.get(name) is not None:
            form.text(f"{path}.{name}", entry[name], 0, high)
    for name, low in (("min_length", 0), ("max_length", 1)):
        if entry.get(name) is not None:
            form.one_of(f"{path}.{name}", entry[name], tuple(range(low, 4001)))


def check_values(select: Json, values: Sequence[str]) -> None:
    """What a person picks, as far as their client lets them. Raises AssertionError."""
    assert len(set(values)) == len(values), "Nothing can be picked twice."
    low, high = select.get("min_values") or 1, select.get("max_values") or 1
    assert low <= len(values) <= high, f"{low} to {high} can be picked."
    if select["type"] == STRING_SELECT:
        known = [option["value"] for option in select["options"]]
        assert set(values) <= set(known), f"There is only {known}."


def filled_in(modal: Json, values: Mapping[str, str]) -> list[Json]:
    """The components of a modal as they come back. Raises AssertionError for what a person's
    client would not send."""
    inputs = [part for part in walk(modal["components"]) if part.get("type") == TEXT_INPUT]
    unknown = values.keys() - {each["custom_id"] for each in inputs}
    assert not unknown, f"The form has no {unknown}."
    ids = itertools.count(1)

    def answer(part: Json) -> Json:
        told: Json = {"type": part["type"], "id": next(ids)}
        if part["type"] == LABEL:
            return told | {"component": answer(part["component"])}
        if part["type"] == ROW:
            return told | {"components": [answer(one) for one in part["components"]]}
        if part["type"] == TEXT_INPUT:
            value = values.get(part["custom_id"], part.get("value") or "")
            low, high = part.get("min_length") or 0, part.get("max_length") or 4000
            low = max(low, 1) if part.get("required", True) else low
            assert low <= len(value) <= high, f"{part['custom_id']} has {low} to {high} characters."
            return told | {"custom_id": part["custom_id"], "value": value}
        return told

    return [answer(part) for part in modal["components"]]
