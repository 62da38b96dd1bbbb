"""The official description of the Bot API, to hold calls and answers against.

The file is a scrape of the documentation: every method and type with its fields, their types and
whether they are required. A fault is one sentence; "" is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.simulators.telegram.world import Json

_PLAIN: dict[str, Any] = {"Integer": int, "String": str, "Boolean": bool, "Float": (int, float)}


class Spec:
    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text())
        self._types: dict[str, Json] = document["types"]
        self._methods: dict[str, Json] = document["methods"]

    def call_fault(
        self, method: str, parameters: Mapping[str, str], files: Iterable[str] = ()
    ) -> str:
        """What is wrong with a call: parameters are texts, ``files`` the names of uploads."""
        fields = _fields(self._methods[method])
        if unknown := parameters.keys() - fields.keys():
            return f"{method} has no {unknown}"
        for name, field in fields.items():
            if name in parameters:
                value = _value(parameters[name], field["types"])
                if fault := self._fault_of_all(value, field["types"]):
                    return f"{method}.{name}: {fault}"
            elif field["required"] and name not in files:
                return f"{method} needs {name}"
        return ""

    def answer_fault(self, method: str, result: Json) -> str:
        """What is wrong with a method's result."""
        fault = self._fault_of_all(result, self._methods[method]["returns"])
        return f"{method}: {fault}" if fault else ""

    def _fault_of_all(self, value: Json, kinds: Iterable[str]) -> str:
        """ "" if the value is of one of the types."""
        faults = [self._fault(value, kind) for kind in kinds]
        return "" if "" in faults else " or ".join(faults)

    def _fault(self, value: Json, kind: str) -> str:
        if kind.startswith("Array of "):
            if not isinstance(value, list):
                return f"{value!r} is no {kind}"
            inner = kind.removeprefix("Array of ")
            return next(filter(None, (self._fault(one, inner) for one in value)), "")
        if kind in _PLAIN:
            fits = isinstance(value, _PLAIN[kind]) and isinstance(value, bool) == (
                kind == "Boolean"
            )
            return "" if fits else f"{value!r} is no {kind}"
        if subtypes := self._types[kind].get("subtypes"):
            return self._fault_of_all(value, subtypes)
        return self._object_fault(value, kind)

    def _object_fault(self, value: Json, kind: str) -> str:
        if not isinstance(value, dict):
            return f"{value!r} is no {kind}"
        fields = _fields(self._types[kind])
        if unknown := value.keys() - fields.keys():
            return f"{kind} has no {unknown}"
        for name, field in fields.items():
            if name not in value:
                if field["required"]:
                    return f"{kind} needs {name}"
            elif fault := self._fault_of_all(value[name], field["types"]):
                return f"{kind}.{name}: {fault}"
        return ""


def _fields(described: Json) -> dict[str, Json]:
    return {field["name"]: field for field in described.get("fields", [])}


def _value(text: str, kinds: list[str]) -> Json:
    """A parameter's text as the value it stands for."""
    if set(kinds) <= {"String", "InputFile"}:
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
