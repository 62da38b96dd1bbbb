"""Copies of a database: whole, of one moment, made while the bot writes, and good to start from."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.errors import ConfigError, StorageError
from storage import back_up, examine, open_store
from tests.test_storage import CHANNEL, WRITER, begun, locked, remember
from tests.test_storage_opening import (
    ROOT,
    SECRET,
    as_anybody,
    files,
    run_python,
    shared_folder,
)

__all__ = ["shared_folder"]  # a fixture


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/bot.db"


class Writer:
    """A bot in a process of its own, which writes one turn after the other."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self.told: list[str] = []  # the ids of the turns that it was told are safe

    async def has_written(self, number: int) -> None:
        """Wait until so many turns are safe."""
        assert self._child.stdout is not None
        while len(self.told) < number:
            async with asyncio.timeout(20):
                line = await self._child.stdout.readline()
            assert line, "the writer has ended"
            self.told.append(line.decode().strip())

    async def is_killed(self) -> None:
        if self._child.returncode is None:
            self._child.kill()
        await self._child.communicate()


@asynccontextmanager
async def writing(url: str) -> AsyncIterator[Writer]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, url, cwd=ROOT, stdout=subprocess.PIPE
    )
    writer = Writer(child)
    try:
        yield writer
    finally:
        await writer.is_killed()


async def said(path: Path) -> list[str]:
    """The ids of all turns that a database remembers, in order."""
    async with open_store(f"sqlite:///{path}") as store:
        return [turn.id for turn in await store.history(CHANNEL, 10**6)]


async def refusal(url: str, target: Path) -> str:
    """What the operator is told; nothing may be left of such a copy."""

    def there() -> list[str]:
        # Whoever reads the database of a stopped bot leaves these two, empty; its start ends them.
        found = files(target.parent) if target.parent.is_dir() else []
        return [name for name in found if not name.endswith(("-wal", "-shm"))]

    before = there()
    with pytest.raises(StorageError) as caught:
        await back_up(url, target, patience=0.2)
    assert there() == before
    return caught.value.notice


async def test_copies_made_while_the_bot_writes_are_of_one_moment(tmp_path: Path, url: str) -> None:
    copies = [tmp_path / f"copy {number}" for number in range(3)]
    least = []
    async with writing(url) as writer:
        for number, copy in enumerate(copies, 1):
            await writer.has_written(50 * number)
            least.append(len(writer.told))
            await back_up(url, copy)

    for copy, safe_before in zip(copies, least, strict=True):
        assert all(finding.ok for finding in await examine(f"sqlite:///{copy}"))
        kept = await said(copy)
        assert kept == [str(number) for number in range(1, len(kept) + 1)]
        assert len(kept) >= safe_before


async def test_a_restored_copy_goes_on_where_it_was_made(tmp_path: Path, url: str) -> None:
    """As docs/storage.md says: stop, put the old files away, copy, start."""
    path, copy = tmp_path / "bot.db", tmp_path / "copy"
    async with writing(url) as writer:
        await writer.has_written(20)
        await back_up(url, copy)
        await writer.is_killed()
    assert files(tmp_path) == ["bot.db", "bot.db-shm", "bot.db-wal", "copy"]
    kept = await said(copy)

    for old in tmp_path.glob("bot.db*"):
        old.unlink()
    shutil.copy(copy, path)

    async with open_store(url) as store:
        turn = await remember(store, begun(source="new"))
        assert not await store.begin(begun(source="1"))  # it was answered before the copy
    assert await said(path) == [*kept, turn.id]


async def test_a_copy_is_one_file_for_its_owner_alone(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    before = os.umask(0)
    try:
        async with open_store(url) as store:
            await remember(store, begun())
            size = await back_up(url, folder / "copy")
    finally:
        os.umask(before)

    assert files(folder) == ["copy"]
    found = (folder / "copy").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_size) == (0o600, size)


async def test_what_was_forgotten_is_not_in_the_copy(tmp_path: Path, url: str) -> None:
    async with open_store(url) as store:
        for _ in range(50):
            await remember(store, begun(SECRET * 100))
        await store.forget(CHANNEL)
        await back_up(url, tmp_path / "copy")

    assert SECRET.encode() not in (tmp_path / "copy").read_bytes()


async def test_copying_waits_for_no_writer(tmp_path: Path, url: str) -> None:
    async with open_store(url) as store:
        turn = await remember(store, begun())
        async with locked(url):
            await back_up(url, tmp_path / "copy", patience=0.0)

    assert await said(tmp_path / "copy") == [turn.id]


async def test_copying_neither_writes_nor_checkpoints(tmp_path: Path, url: str) -> None:
    """One connection does both, always: two can, very rarely, damage a file before 3.51.3."""

    def look() -> list[tuple[int, int]]:
        found = [(tmp_path / name).stat() for name in ("bot.db", "bot.db-wal")]
        return [(file.st_size, file.st_mtime_ns) for file in found]

    async with open_store(url) as store:
        for _ in range(20):
            await remember(store, begun())
        before = look()
        await back_up(url, tmp_path / "copy")
        assert look() == before
        await examine(url)
        assert look() == before
        await remember(store, begun())
        assert look() != before


async def test_a_stopped_bots_database_is_copied_as_well(tmp_path: Path, url: str) -> None:
    async with open_store(url) as store:
        turn = await remember(store, begun())

    await back_up(url, tmp_path / "copy")

    assert await said(tmp_path / "copy") == [turn.id]
    assert await said(tmp_path / "bot.db") == [turn.id]
    assert files(tmp_path) == ["bot.db", "copy"]


async def test_no_file_is_ever_replaced(tmp_path: Path, url: str) -> None:
    async with open_store(url):
        pass
    target = tmp_path / "notes"
    target.write_text("Buy milk.")
    link = tmp_path / "link"
    link.symlink_to("nowhere")

    assert "is there already" in await refusal(url, target)
    assert "is there already" in await refusal(url, link)
    assert target.read_text() == "Buy milk."


async def test_a_missing_database_is_not_made(tmp_path: Path, url: str) -> None:
    notice = await refusal(url, tmp_path / "copy")

    assert f"{tmp_path}/bot.db is not to be found" in notice
    assert files(tmp_path) == []


async def test_a_damaged_database_gives_no_copy(tmp_path: Path, url: str) -> None:
    path = tmp_path / "bot.db"
    async with open_store(url) as store:
        await remember(store, begun())
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))

    notice = await refusal(url, tmp_path / "copies")

    assert f"{path} is damaged" in notice


async def test_a_missing_folder_is_told(tmp_path: Path, url: str) -> None:
    async with open_store(url):
        pass

    notice = await refusal(url, tmp_path / "nowhere" / "copy")

    assert "nowhere/copy cannot be written (No such file or directory)" in notice


async def test_a_folder_that_may_not_be_written_is_told(shared_folder: Path, url: str) -> None:
    folder = shared_folder / "folder"
    folder.mkdir(mode=0o555)
    async with open_store(f"sqlite:///{shared_folder}/bot.db"):
        pass

    with as_anybody():
        notice = await refusal(f"sqlite:///{shared_folder}/bot.db", folder / "copy")

    assert "copy cannot be written (Permission denied)" in notice


async def test_a_full_disk_gives_no_copy(tmp_path: Path, url: str) -> None:
    """A limit on the size of files stands for it."""
    code = (
        "import asyncio, resource, sys\n"
        "from pathlib import Path\n"
        "from storage import StorageError, back_up\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "try: asyncio.run(back_up(sys.argv[1], Path(sys.argv[2])))\n"
        "except StorageError as error: print(error.notice)"
    )
    async with open_store(url) as store:
        await remember(store, begun("words " * 10_000))
        told = await run_python(code, url, str(tmp_path / "copy"))

    assert f"{tmp_path}/copy cannot be written (" in told
    assert not [name for name in files(tmp_path) if "copy" in name]


async def test_a_copy_cancelled_at_any_step_is_whole_or_not_there(tmp_path: Path, url: str) -> None:
    async with open_store(url) as store:
        await remember(store, begun())
    ends = set()
    for steps in range(0, 6000, 300):
        target = tmp_path / f"copy {steps}"
        task = asyncio.create_task(back_up(url, target))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        ends.add(target.exists())
        if target.exists():
            assert len(await said(target)) == 1

    assert not [name for name in files(tmp_path) if name.startswith(".")]
    assert False in ends


async def test_postgres_is_left_to_its_own_tool(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        await back_up(f"postgresql://bot:{SECRET}@127.0.0.1:1/chat", tmp_path / "copy")

    [fault] = caught.value.faults
    assert "pg_dump" in fault.remedy
    assert SECRET not in str(fault)
    assert files(tmp_path) == []


async def test_a_database_held_by_another_program_is_told(tmp_path: Path, url: str) -> None:
    other = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
    try:
        other.execute("create table turns (id)")
        other.execute("begin exclusive")
        assert "is held by another program" in await refusal(url, tmp_path / "copy")
    finally:
        other.close()
