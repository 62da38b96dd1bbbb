"""The rows that benchmarks measure, as a table for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``limit`` is what nothing could beat, measured in the same run; 0 where there
    is none."""

    name: str
    value: float
    unit: str
    goal: float
    limit: float = 0.0

    @property
    def is_met(self) -> bool:
        return self.value <= self.goal

    def as_json(self) -> Mapping[str, object]:
        return {
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "goal": self.goal,
            "limit": round(self.limit, 4),
            "met": self.is_met,
        }


def draw(rows: Iterable[Row]) -> str:
    lines = [f"{'':<52}{'measured':>12}{'goal':>10}{'limit':>10}{'ratio':>8}"]
    for row in rows:
        ratio = f"{row.value / row.limit:.2f}" if row.limit else ""
        limit = f"{row.limit:.2f}" if row.limit else ""
        mark = "" if row.is_met else "  ← missed"
        value = f"{row.value:>9.2f} {row.unit:<2}{row.goal:>10.2f}"
        lines.append(f"{row.name:<52}{value}{limit:>10}{ratio:>8}{mark}")
    return "\n".join(lines)
