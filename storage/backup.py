"""A copy of an SQLite database while the bot runs: whole, of one moment, in a single file.

``VACUUM INTO`` reads in one transaction on a connection that cannot write. So it neither holds up
the bot nor check-points beside it, which before SQLite 3.51.3 can, very rarely, damage a file; and
what it writes has no free pages, thus nothing in them.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from pathlib import Path

from bot.errors import ConfigError, Fault, StorageError
from storage.check import damage
from storage.engines import engine
from storage.sqlite import Sqlite, primary_code

_SOURCE_IS_AT_FAULT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_BUSY)


async def back_up(url: str, target: Path, *, patience: float = 10.0) -> int:
    """Copy the database at ``url`` to the new file ``target``, for its owner's eyes only; its size
    in bytes.

    The copy is checked before it gets its name: ``target`` is whole, or is not there.

    Raises ConfigError for PostgreSQL, which brings its own tool, and StorageError where the copy
    cannot be made.
    """
    source = engine(url, patience, read_only=True)
    if not isinstance(source, Sqlite):
        raise ConfigError([_NOT_SQLITE])
    temporary = _reserve(target)
    try:
        await _copy(source, temporary, target)
        async with Sqlite(str(temporary), patience, read_only=True) as copy:
            if wrong := await damage(copy):
                raise StorageError(f"The copy is damaged ({wrong[0]}). Check the database itself.")
        return await asyncio.to_thread(_give_name, temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


_NOT_SQLITE = Fault(
    "STORAGE_URL",
    "this is no SQLite file.",
    'Back up PostgreSQL with its own tool: pg_dump --format=custom --file=FILE "$STORAGE_URL"',
)


async def _copy(source: Sqlite, temporary: Path, target: Path) -> None:
    try:
        async with source:
            try:
                await source.fetch("vacuum into ?1", str(temporary))
            except sqlite3.Error as error:
                if primary_code(error) in _SOURCE_IS_AT_FAULT:
                    raise
                raise _cannot_write(target, str(error)) from error
    except source.faults as error:
        raise StorageError(source.explain(error)) from error


def _reserve(target: Path) -> Path:
    """An empty file beside the target, which nobody else may read."""
    _refuse_to_replace(target)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    except OSError as error:
        raise _cannot_write(target, error.strerror) from error
    os.close(handle)
    return Path(name)


def _give_name(temporary: Path, target: Path) -> int:
    """Rename what is safely on the disk; its size in bytes."""
    _flush(temporary)
    _refuse_to_replace(target)
    temporary.rename(target)
    _flush(target.parent)
    return target.stat().st_size


def _flush(path: Path) -> None:
    """Wait until the file, or the names in a folder, would survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refuse_to_replace(target: Path) -> None:
    if os.path.lexists(target):
        raise StorageError(f"{target} is there already. Name a new file.")


def _cannot_write(target: Path, reason: str | None) -> StorageError:
    return StorageError(f"{target} cannot be written ({reason}). Make room, or name another place.")
