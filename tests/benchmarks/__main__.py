"""``make bench``: run every benchmark, print one table and write bench.json.

    python -m tests.benchmarks [--quick] [NAME …]

runs those that are named: ``start``, ``stream``, ``history``, and the scenarios of
``scenarios.SCENARIOS``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from pathlib import Path

from tests.benchmarks import history, scenarios, start, stream
from tests.benchmarks.table import Row, draw

REPORT = Path("bench.json")
BENCHMARKS = {"start": start.measure, "stream": stream.measure}
HISTORY = "history"  # the one of them that a quick run makes smaller


async def measured(names: list[str], quick: bool) -> list[Row]:
    rows = [row for name in names if name in BENCHMARKS for row in await BENCHMARKS[name]()]
    rows += await history.measure(quick) if HISTORY in names else []
    played = [name for name in names if name in scenarios.SCENARIOS]
    return rows + await scenarios.measure(played, quick)


def main() -> None:
    known = [*BENCHMARKS, HISTORY, *scenarios.SCENARIOS]
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Figures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--quick", action="store_true", help="smaller loads, rougher figures")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(known)}")
    # The simulators log each call that the bot gives up in its middle, such as a typing sign.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    rows = asyncio.run(measured(asked.names or known, asked.quick))
    sys.stdout.write(draw(rows) + "\n")
    REPORT.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
