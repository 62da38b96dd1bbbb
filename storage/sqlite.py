"""SQLite as a driver: one connection on a thread of its own; no server to run."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

import aiosqlite

from storage.rows import Row, Value
from storage.schema import Fetch

IN_MEMORY = ":memory:"  # SQLite's name for no file at all

# Readers (a backup, a look with the shell) never wait for the bot, nor it for them.
_WAL = "pragma journal_mode = wal"
_PRAGMAS = (
    # A crash of the program loses nothing; only one of the machine may cost the last commits.
    "pragma synchronous = normal",
    "pragma foreign_keys = on",
    # What was forgotten is overwritten, not just unlinked.
    "pragma secure_delete = on",
)


class Sqlite:
    """A file, or ``:memory:``. ``patience`` is how many seconds to wait for another program's lock.

    There is one connection: SQLite has one writer at a time anyway, and before 3.51.3 two that
    write and check-point at once can, very rarely, damage the file. One that is ``read_only`` does
    neither, whatever it is asked, and makes no new file. A statement whose caller was cancelled
    still runs to its end, so it is never half done.
    """

    # Checks every page, every index, and that what is referred to is there.
    self_check: tuple[str, ...] = ("pragma integrity_check", "pragma foreign_key_check")

    # ValueError is aiosqlite's "closed", OverflowError is sqlite3's "larger than 64 bits".
    faults: tuple[type[Exception], ...] = (sqlite3.Error, OSError, ValueError, OverflowError)

    def __init__(self, path: str, patience: float, *, read_only: bool = False) -> None:
        self._path = path
        self._patience = patience
        self._read_only = read_only
        self._address = Path(path).absolute().as_uri() + "?mode=ro" if read_only else path
        # Autocommit (isolation_level None): a statement is a transaction.
        self._connection = aiosqlite.connect(
            self._address, timeout=patience, isolation_level=None, uri=read_only
        )

    async def __aenter__(self) -> Self:
        # aiosqlite leaves a thread behind where it cannot open a file, and that one complains when
        # the program ends before it; so a file that cannot be opened is found out without it. This
        # takes no lock, and it happens once.
        if not self._read_only and self._path != IN_MEMORY:
            _make_ours_alone(self._path)
        sqlite3.connect(self._address, uri=self._read_only).close()
        await self._connection
        try:
            self._connection.row_factory = sqlite3.Row
            if self._read_only:
                await self.fetch("pragma schema_version")  # looks inside, as opening does not
            else:
                await self._enter_wal()
                for pragma in _PRAGMAS:
                    await self.fetch(pragma)
        except BaseException:
            # Its thread would keep the program from ending.
            await self._connection.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def fetch(self, sql: str, *args: Value) -> list[Row]:
        # By name ("?1" is called "1"): some Pythons warn when these come as a sequence.
        named = {str(number): value for number, value in enumerate(args, 1)}
        found = await self._connection.execute_fetchall(sql, named)
        return [dict(row) for row in found]

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[Fetch]:
        # "immediate" waits its turn; a plain begin would fail as soon as it wants to write.
        await self.fetch("begin immediate")
        try:
            yield self.fetch
        except BaseException:
            # Some faults (a full disk) have rolled back already.
            if self._connection.in_transaction:
                await self.fetch("rollback")
            raise
        await self.fetch("commit")

    async def _enter_wal(self) -> None:
        """Only the first opener changes anything, but for that SQLite itself waits for nobody."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                await self.fetch(_WAL)
                return
            except sqlite3.OperationalError as error:
                if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.01)

    def explain(self, error: Exception) -> str:
        path = Path(self._path).absolute()
        trouble = _trouble(path, error, reading=self._read_only)
        return f"STORAGE_URL: the database file {path} {trouble}."


def _make_ours_alone(path: str) -> None:
    """A new file is nobody else's to read: it holds what people said. SQLite gives its other files
    the same rights."""
    with suppress(OSError):  # why it cannot be made is told when it is opened
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o600))


def primary_code(error: Exception) -> int:
    """SQLite's primary result code; SQLITE_OK for an error that is not SQLite's."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF


def _trouble(path: Path, error: Exception, *, reading: bool) -> str:
    """What is wrong and what to do, to follow the file's name."""
    if reading and not os.path.lexists(path):
        return "is not to be found; name another file"
    # os.path, because Path.is_dir raises where a folder above may not be entered.
    if os.path.isdir(path):  # noqa: PTH112
        return "is a folder; add a file name"
    if not os.path.isdir(path.parent):  # noqa: PTH112
        return f"has no folder to be in; create {path.parent}, or name another file"
    match primary_code(error):
        case sqlite3.SQLITE_NOTADB:
            return "is not an SQLite database; name another file"
        case sqlite3.SQLITE_CORRUPT:
            return "is damaged; restore a backup, or name another file"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "is held by another program; stop that one (a second bot?), or name another file"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            if reading:
                return "cannot be read; let this account read it and write to its folder"
            return "cannot be written; let this account write to it and to its folder"
        case sqlite3.SQLITE_FULL:
            return "cannot grow, as the disk is full; make room, or name another file"
    if "already exists" in str(error):
        return "holds another program's tables; name another file"
    return f"cannot be opened ({error}); put that right, or name another file"
