"""The tables, as numbered migrations in SQL that SQLite and PostgreSQL both speak.

A migration is never edited once released; a change is a new one at the end. Their dialect is small:
types ``text``, ``bigint`` and ``double precision``; ids and times are made in Python (times in
seconds since the epoch); flags are 0 or 1; no ``?`` except in placeholders ``?1``, ``?2`` …
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.errors import StorageError
from storage.rows import Row, Value


class Fetch(Protocol):
    async def __call__(self, sql: str, *args: Value) -> list[Row]:
        """Run one statement; the rows it returns, each indexable by column name."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. ``reason`` goes into the database beside its number, for whoever looks there."""

    number: int
    reason: str
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        1,
        "Turns are what is remembered and counted: who asked what where, and what became of it. "
        "The claim on an event is the unique pair (channel, source). The order of a channel's "
        "turns is seq, counted by the database as each begins, because clocks step back and two "
        "may read the same. A forgotten turn keeps its claim and its counts; its reply is '' "
        "where it had one.",
        (
            """
            create table turns (
                id text not null primary key,
                channel text not null,
                seq bigint not null,
                platform text not null,
                server text not null,
                channel_id text not null,
                thread text not null,
                source text not null,
                user_id text not null,
                user_name text not null,
                command text not null,
                request text not null,
                model text not null,
                status text not null,
                reply text,
                media text not null default '[]',
                prompt_tokens bigint not null default 0,
                reply_tokens bigint not null default 0,
                surface text not null,
                started double precision not null,
                finished double precision,
                forgotten bigint not null default 0,
                unique (channel, source)
            )
            """,
            "create index turns_in_order on turns (channel, seq)",
            # Without it the history of a channel that was forgotten often is found by walking over
            # everything it ever said.
            """
            create index turns_remembered on turns (channel, seq)
            where forgotten = 0 and reply is not null
            """,
        ),
    ),
    Migration(
        2,
        "Choices are what a channel has set for itself for good, by name: its model, for example.",
        (
            """
            create table choices (
                channel text not null,
                name text not null,
                value text not null,
                primary key (channel, name)
            )
            """,
        ),
    ),
    Migration(
        3,
        "A turn is due until its outcome was shown, so that a restart can find what a crash left "
        "hanging. What began under older programs is not due: nobody knows what was shown. While a "
        "turn runs, shown is what of its reply is on the screen.",
        (
            "alter table turns add column due double precision",
            "alter table turns add column shown text",
            # Holds only what is due, so it stays small however many turns there are.
            """
            create index turns_due on turns (platform, due, started, id)
            where due is not null and forgotten = 0
            """,
        ),
    ),
    Migration(
        4,
        "The summary of a turn stands for all that was said in its channel up to it. It is in the "
        "turn's own row so that what erases the turn erases the summary in the same statement.",
        (
            "alter table turns add column summary text",
            # A channel of a million turns has a few of them, and the newest is wanted.
            """
            create index turns_summed_up on turns (channel, seq)
            where summary is not null
            """,
        ),
    ),
)

# Named after the program: in a shared database somebody else may well have "migrations".
_LEDGER = """
create table if not exists switchboard_schema (
    version bigint not null primary key,
    reason text not null,
    applied double precision not null
)
"""


async def migrate(fetch: Fetch, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the tables up to date. ``fetch`` must work inside one transaction that shuts out every
    other opener, or two of them would create the same table.

    Raises StorageError for a database that a newer program has already changed.
    """
    await fetch(_LEDGER)
    rows = await fetch("select coalesce(max(version), 0) as version from switchboard_schema")
    version = rows[0]["version"]
    newest = migrations[-1].number
    if version > newest:
        raise StorageError(
            f"STORAGE_URL: a newer Switchboard wrote this database (schema {version}, this one "
            f"knows {newest}); start that version, or name another database."
        )
    for migration in migrations:
        if migration.number > version:
            for statement in migration.statements:
                await fetch(statement)
            await fetch(
                "insert into switchboard_schema (version, reason, applied) values (?1, ?2, ?3)",
                migration.number,
                migration.reason,
                time.time(),
            )
    # SQLite opens a write-protected file without a word: find out now, not at the first question.
    # It changes no row: who only looks in (the doctor) writes nothing beside a bot that runs.
    await fetch("update switchboard_schema set applied = applied where version = 0")
