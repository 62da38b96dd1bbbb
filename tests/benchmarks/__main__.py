"""``make bench``: run every benchmark, print one table and write bench.json."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.benchmarks import start, stream
from tests.benchmarks.table import draw

BENCHMARKS = (start, stream)


async def main() -> None:
    rows = [row for benchmark in BENCHMARKS for row in await benchmark.measure()]
    sys.stdout.write(draw(rows) + "\n")
    report = json.dumps([row.as_json() for row in rows], indent=2)
    await asyncio.to_thread(Path("bench.json").write_text, report)


asyncio.run(main())
