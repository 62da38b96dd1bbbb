"""PostgreSQL as a driver: a small pool of connections. Imported only where it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self
from urllib.parse import parse_qs, urlsplit

import asyncpg

from bot.errors import StorageError
from storage.rows import Row, Value
from storage.schema import Fetch

# Any number will do, as long as every Switchboard takes the same and no other program does.
_MIGRATION_LOCK = 0x5377_6974_6368_6264
_LONG = 3600.0  # seconds: an index over years of turns takes its time, and so does reading them

_WRONG_ADDRESS = (
    "STORAGE_URL: it is not a valid address; write postgresql://user:password@host:5432/database, "
    "and in the password %40 for @, %2F for /, %3A for :, %23 for #, %3F for ?, %5B for [."
)


class Postgres:
    """A database on a server. ``patience`` is how many seconds to wait for the server to answer.

    A connection that the server has closed is replaced at its next use. A statement whose caller
    was cancelled is cancelled on the server too; its connection serves again when that is settled.
    ``read_only`` is for statements that take long and change nothing.
    """

    self_check: tuple[str, ...] = ()  # files are the server's business; it has pg_amcheck

    faults: tuple[type[Exception], ...] = (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
    )

    def __init__(self, url: str, patience: float, *, read_only: bool = False) -> None:
        self._url = url
        self._patience = patience
        self._read_only = read_only

    async def __aenter__(self) -> Self:
        try:
            if urlsplit(self._url).netloc.count("@") > 1:
                raise ValueError("a bare @ in the password")
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=1,
                max_size=5,
                timeout=self._patience,
                command_timeout=_LONG if self._read_only else self._patience,
                # By default asyncpg has the server reset the session after every statement, which
                # costs as much again; single statements leave nothing behind to reset.
                reset=_leave_as_it_is,
                server_settings={"application_name": "switchboard"},
            )
        except (ValueError, OverflowError):
            # Not "from" the original: it quotes the password's pieces.
            raise StorageError(_WRONG_ADDRESS) from None
        try:
            await self._check_encoding()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        # Where the server is gone or does not answer, the pool has dropped its connections all
        # the same, and every statement was committed when it returned.
        with suppress(*self.faults):
            async with asyncio.timeout(self._patience):
                await self._pool.close()

    async def fetch(self, sql: str, *args: Value) -> list[Row]:
        if not self._read_only:
            return [dict(row) for row in await self._pool.fetch(_numbered(sql), *args)]
        async with self._pool.acquire() as connection, connection.transaction(readonly=True):
            return [dict(row) for row in await connection.fetch(_numbered(sql), *args)]

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[Fetch]:
        async with self._pool.acquire() as connection, connection.transaction():

            async def fetch(sql: str, *args: Value) -> list[Row]:
                found = await connection.fetch(_numbered(sql), *args, timeout=_LONG)
                return [dict(row) for row in found]

            # Held until the transaction ends. Even "create table if not exists" races without it.
            await fetch("select pg_advisory_xact_lock(?1)", _MIGRATION_LOCK)
            yield fetch

    def explain(self, error: Exception) -> str:
        return f"STORAGE_URL: the PostgreSQL database {_name(self._url)} {_trouble(error)}."

    async def _check_encoding(self) -> None:
        async with self._pool.acquire() as connection:
            encoding = connection.get_settings().server_encoding
        if encoding not in ("UTF8", "SQL_ASCII"):  # the two that take every character
            raise StorageError(
                f"STORAGE_URL: the PostgreSQL database {_name(self._url)} has the encoding "
                f"{encoding}, which cannot hold every language; create one with encoding UTF8."
            )


async def _leave_as_it_is(_: object) -> None:
    """Reset nothing."""


def _numbered(sql: str) -> str:
    """``?1`` as PostgreSQL writes it: ``$1``."""
    return sql.replace("?", "$")


def _name(url: str) -> str:
    """The database as host:port/name, without user and password."""
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    host = parts.netloc.rpartition("@")[2] or asked.get("host", ["localhost"])[0]
    return f"{host}/{parts.path.lstrip('/')}".rstrip("/")


def _trouble(error: Exception) -> str:
    """What is wrong and what to do, to follow the database's name."""
    match error:
        case asyncpg.InvalidAuthorizationSpecificationError():  # a wrong password is one of these
            return "does not accept this user name and password; correct them"
        case asyncpg.InvalidCatalogNameError():
            return "does not exist on its server; create it, or name another"
        case asyncpg.InsufficientPrivilegeError():
            return "does not let this user create tables; grant it CREATE on the schema"
        case asyncpg.DuplicateTableError():
            return "holds another program's tables; name another database"
        case asyncpg.ReadOnlySQLTransactionError():
            return "is a read-only copy; name the primary server"
        case asyncpg.TooManyConnectionsError():
            return "has no connection left; raise max_connections, or stop another program"
        case asyncpg.CannotConnectNowError():
            return "is just starting or stopping; try again in a moment"
        case asyncpg.PostgresError():
            return f"cannot be used ({error}); put that right, or name another"
        case _:
            return "cannot be reached; check that its server runs and that host and port are right"
