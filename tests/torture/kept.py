"""What the program has written down, read from beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Kept:
    """One turn as the database has it. ``reply`` is None where nothing is remembered."""

    id: str
    channel: str
    source: str
    status: str
    reply: str | None
    surface: str
    due: float | None
    reply_tokens: int

    @property
    def messages(self) -> set[str]:
        """The ids of the messages that its answer is on."""
        listed = self.surface.rpartition("/")[2].replace("+", ",")
        return {one for one in listed.split(",") if one}


def turns(file: Path) -> list[Kept]:
    """Every turn; none while there is no database yet."""
    if not file.exists():
        return []
    # Not read-only: the leavings of a killed program are taken in by whoever looks first.
    with closing(sqlite3.connect(file, timeout=10.0)) as database:
        if not database.execute("select 1 from sqlite_master where name = 'turns'").fetchall():
            return []
        found = database.execute(
            "select id, channel, source, status, reply, surface, due, reply_tokens from turns"
        )
        return [Kept(*row) for row in found]
