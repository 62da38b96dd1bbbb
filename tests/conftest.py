"""Fixtures that more than one test file needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests import postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real PostgreSQL server. Fails, never skips, where there is none."""
    with postgres.server() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
async def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A fresh, empty database on each engine in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/test.db"
        return
    async with postgres.database(request.getfixturevalue("postgres_server")) as url:
        yield url
