"""Which engine an address means."""

from __future__ import annotations

from bot.errors import StorageError
from storage.sqlite import Sqlite
from storage.store import Driver

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


def engine(url: str, patience: float, *, read_only: bool = False) -> Driver:
    """The driver for ``url``, not opened yet. Raises StorageError for an address of no known
    kind."""
    if url.startswith(_SQLITE) and url != _SQLITE:
        return Sqlite(url.removeprefix(_SQLITE), patience, read_only=read_only)
    if url.startswith(_POSTGRES):
        try:
            # Only now: an SQLite installation need not have asyncpg.
            from storage.postgres import Postgres
        except ModuleNotFoundError as error:
            raise StorageError(
                "STORAGE_URL: PostgreSQL needs the package asyncpg, which is not installed; "
                'install it with: pip install "switchboard[postgres]".'
            ) from error
        return Postgres(url, patience, read_only=read_only)
    raise StorageError(
        "STORAGE_URL: it must be sqlite:///file.db or postgresql://user:password@host/database."
    )
