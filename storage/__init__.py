"""What must survive a restart, in SQLite or PostgreSQL: ``open_store(url)``; and for the operator
``back_up(url, file)`` and ``examine(url)``.

``store.py`` holds every query, ``schema.py`` the tables, ``rows.py`` what a turn looks like in
them; ``sqlite.py`` and ``postgres.py`` are the two engines, and ``engines.py`` chooses.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bot.errors import StorageError
from storage.backup import back_up
from storage.check import Finding, examine
from storage.engines import engine
from storage.schema import migrate
from storage.store import SqlStore

__all__ = ["Finding", "SqlStore", "back_up", "examine", "open_store"]


@asynccontextmanager
async def open_store(url: str, *, patience: float = 10.0) -> AsyncIterator[SqlStore]:
    """The store at ``url``, open and with its tables up to date; closed on the way out.

    ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``sqlite:///:memory:`` or
    ``postgresql://user:password@host:5432/database``. ``patience`` is how many seconds to wait for
    a database that is locked, or for a server that does not answer.

    Raises StorageError where it cannot be opened; its notice tells the operator what to do.
    """
    driver = engine(url, patience)
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(driver)
            async with driver.exclusive() as fetch:
                await migrate(fetch)
        except driver.faults as error:
            raise StorageError(driver.explain(error)) from error
        yield SqlStore(driver)
