"""The rows that benchmarks measure, as a table for people and as JSON for machines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

_NAME = 46  # columns


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``goal`` is the most that it may be, None where it is only told. ``limit`` is
    what could be reached at best, measured or worked out in the same run; 0 where there is none.
    A ``value`` of infinity means that it never came."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    limit: float = 0.0
    scenario: str = ""

    @property
    def is_met(self) -> bool:
        return self.goal is None or self.value <= self.goal

    def as_json(self) -> Mapping[str, object]:
        return {
            "scenario": self.scenario,
            "name": self.name,
            "value": round(self.value, 4) if math.isfinite(self.value) else None,
            "unit": self.unit,
            "goal": None if self.goal is None else round(self.goal, 4),
            "limit": round(self.limit, 4),
            "met": None if self.goal is None else self.is_met,
        }


def draw(rows: Iterable[Row]) -> str:
    """Figures with a goal on lines of their own; the others together, below those of their
    scenario."""
    lines = [f"{'':<{_NAME}}{'measured':>13}{'goal':>9}{'limit':>9}{'ratio':>7}"]
    judged = missed = 0
    for scenario, group in groupby(rows, key=lambda row: row.scenario):
        members = list(group)
        lines += ["", scenario] if scenario else []
        goals = [row for row in members if row.goal is not None]
        lines += [_line(row) for row in goals]
        lines += _told([row for row in members if row.goal is None])
        judged += len(goals)
        missed += sum(not row.is_met for row in goals)
    return "\n".join([*lines, "", f"{judged - missed} of {judged} goals met"])


def _line(row: Row) -> str:
    goal = "" if row.goal is None else _number(row.goal)
    limit = _number(row.limit) if row.limit else ""
    ratio = f"{row.value / row.limit:.2f}" if row.limit else ""
    mark = "✓" if row.is_met else "missed"
    value = f"{_number(row.value):>9} {row.unit:<3}"
    return f"{'  ' + row.name:<{_NAME}}{value}{goal:>9}{limit:>9}{ratio:>7}  {mark}"


def _told(rows: Sequence[Row]) -> list[str]:
    """The figures without a goal, a few to a line."""
    lines: list[str] = []
    for row in rows:
        beside = f" (limit {_number(row.limit)})" if row.limit else ""
        told = f"{row.name} {_number(row.value)} {row.unit}".rstrip() + beside
        if lines and len(lines[-1]) + len(told) < 95:
            lines[-1] += f" · {told}"
        else:
            lines.append(f"    {told}")
    return lines


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "never"
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" if value < 100 else f"{value:.0f}"
