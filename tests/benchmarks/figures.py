"""What a load's outcome comes to, as rows with goals and limits (pure)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.load import Answered, Outcome
from tests.benchmarks.measures import mean, percentile
from tests.benchmarks.table import Row

SLACK = 1.15  # times the limit


@dataclass(frozen=True, slots=True)
class Goals:
    """Seconds that may pass at most, 95th percentiles; None for what is only told. A first text and
    a final may always take SLACK times as long as at the limit."""

    request: float | None = None
    first: float | None = None
    final: float | None = 0.15
    behind: bool = True


def rows(scenario: str, outcome: Outcome, goals: Goals) -> list[Row]:
    answers, limit = outcome.answers, outcome.limit
    requests = _milliseconds([answer.to_request for answer in answers])
    firsts = _milliseconds([answer.first for answer in answers])
    finals = _milliseconds([answer.final for answer in answers])
    behind = [moment * 1000 for answer in answers for moment in answer.behind]
    best_first, best_final = (percentile(of, 0.95) * 1000 for of in (limit.firsts, limit.finals))
    best_behind = limit.behind * 1000
    final_goal = None
    if goals.final is not None:
        final_goal = max(goals.final * 1000, SLACK * best_final)
    first_goal = None
    if goals.first is not None:
        first_goal = max(goals.first * 1000, SLACK * best_first)
    request_goal = None if goals.request is None else goals.request * 1000
    behind_goal = SLACK * best_behind if goals.behind else None
    told = [
        Row("message → request leaves, p95", percentile(requests, 0.95), "ms", request_goal),
        Row(
            "first token → first text, p95", percentile(firsts, 0.95), "ms", first_goal, best_first
        ),
        Row("staleness, mean", mean(behind), "ms", behind_goal, best_behind),
        Row(
            "model's end → final text, p95", percentile(finals, 0.95), "ms", final_goal, best_final
        ),
        *exactness(answers),
        Row("429s", outcome.refused, "", 0),
        Row("request p50", percentile(requests, 0.5), "ms"),
        Row("first text p50", percentile(firsts, 0.5), "ms"),
        Row("staleness p95", percentile(behind, 0.95), "ms"),
        Row("final p50", percentile(finals, 0.5), "ms"),
        Row("final max", max(finals), "ms", None, max(limit.finals) * 1000),
        Row("calls per reply", outcome.calls / len(answers), "", None, limit.calls),
        Row("CPU per 1,000 tokens", outcome.cpu / outcome.tokens * 1e6, "ms"),
        Row("peak memory", outcome.peak, "MB"),
    ]
    return [_in(scenario, row) for row in told]


def exactness(answers: Sequence[Answered]) -> list[Row]:
    """Characters that are not as they should be."""
    wrong = [answer.wrong for answer in answers]
    return [
        Row("replies that are not exact", sum(one != (0, 0) for one in wrong), "", 0),
        Row("characters lost", sum(lost for lost, _ in wrong), "", 0),
        Row("characters too many", sum(extra for _, extra in wrong), "", 0),
    ]


def code(scenario: str, outcome: Outcome, fewest: int) -> list[Row]:
    """Of one answer that is a block of code."""
    answer = outcome.answers[0]
    return [
        _in(scenario, Row("lines outside of any code block", answer.bare_lines, "", 0)),
        _in(scenario, Row("messages", len(answer.messages), "", fewest, fewest)),
    ]


def _milliseconds(values: Sequence[float | None]) -> list[float]:
    return [math.inf if value is None else value * 1000 for value in values]


def _in(scenario: str, row: Row) -> Row:
    return Row(row.name, row.value, row.unit, row.goal, row.limit, scenario)
