"""What must survive a restart, in SQLite or PostgreSQL: ``open_store(url)`` and nothing else.

``store.py`` holds every query, ``schema.py`` the tables, ``rows.py`` what a turn looks like in
them; ``sqlite.py`` and ``postgres.py`` are the two engines.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bot.errors import StorageError
from storage.schema import migrate
from storage.sqlite import Sqlite
from storage.store import Driver, SqlStore

__all__ = ["SqlStore", "open_store"]

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


@asynccontextmanager
async def open_store(url: str, *, patience: float = 10.0) -> AsyncIterator[SqlStore]:
    """The store at ``url``, open and with its tables up to date; closed on the way out.

    ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``sqlite:///:memory:`` or
    ``postgresql://user:password@host:5432/database``. ``patience`` is how many seconds to wait for
    a database that is locked, or for a server that does not answer.

    Raises StorageError where it cannot be opened; its notice tells the operator what to do.
    """
    driver = _driver(url, patience)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(driver)
            async with driver.exclusive() as fetch:
                await migrate(fetch)
        except driver.faults as error:
            raise StorageError(driver.explain(error)) from error
        yield SqlStore(driver)


def _driver(url: str, patience: float) -> Driver:
    if url.startswith(_SQLITE) and url != _SQLITE:
        return Sqlite(url.removeprefix(_SQLITE), patience)
    if url.startswith(_POSTGRES):
        try:
            # Only now: an SQLite installation need not have asyncpg.
            from storage.postgres import Postgres
        except ModuleNotFoundError as error:
            raise StorageError(
                "STORAGE_URL: PostgreSQL needs the package asyncpg, which is not installed; "
                'install it with: pip install "switchboard[postgres]".'
            ) from error
        return Postgres(url, patience)
    raise StorageError(
        "STORAGE_URL: it must be sqlite:///file.db or postgresql://user:password@host/database."
    )
