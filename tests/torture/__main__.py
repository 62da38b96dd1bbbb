"""``make torture`` and ``make soak``: figures about the promise, and a failure where it is broken.

    python -m tests.torture [kills] [rush] [soak] [--kills 50] [--seed N] [--minutes 10]

plays what is named; without a name, ``kills`` and ``rush``.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Protocol

from tests.torture import kills, rush, soak

PLAYS = ("kills", "rush", "soak")


class Report(Protocol):
    @property
    def broken(self) -> Sequence[str]:
        """What breaks the promise, one entry for each."""

    def lines(self) -> list[str]:
        """The figures, for people."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="Torture.")
    parser.add_argument("plays", nargs="*", metavar="PLAY", help=", ".join(PLAYS))
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1, help="what chance begins with")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the soak")
    asked = parser.parse_args()
    if unknown := [name for name in asked.plays if name not in PLAYS]:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(PLAYS)}")
    # The simulators log each call that a killed program leaves behind.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    broken = 0
    for report in _played(asked.plays or ("kills", "rush"), asked):
        sys.stdout.write("\n".join([*report.lines(), *report.broken]) + "\n")
        sys.stdout.flush()
        broken += len(report.broken)
    if broken:
        sys.exit(f"The promise is broken {broken} times.")


def _played(names: Sequence[str], asked: argparse.Namespace) -> Iterator[Report]:
    if "kills" in names:
        yield asyncio.run(kills.play(asked.kills, asked.seed))
    if "rush" in names:
        yield asyncio.run(rush.play())
    if "soak" in names:
        yield soak.virtual_hour(seed=asked.seed)
        yield asyncio.run(soak.real(asked.minutes, asked.seed))


if __name__ == "__main__":
    main()
