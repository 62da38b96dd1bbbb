"""Opening and closing a store on real engines, and every way in which that can go wrong."""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from bot.errors import StorageError
from bot.interfaces import Summary
from bot.types import Channel, Message, Request, Role, Status, Text, Turn, Usage, User
from storage import open_store
from storage.postgres import Postgres
from storage.schema import MIGRATIONS, Migration, migrate
from storage.sqlite import Sqlite
from storage.store import Driver
from tests import postgres
from tests.test_storage import CHANNEL, ask, begun, remember

ROOT = Path(__file__).parents[1]
SECRET = "a-very-secret-word"
HARBOUR = Channel("discord", "harbour", "general")
OUR_CONNECTIONS = (
    "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
)


def driver(url: str) -> Driver:
    if url.startswith("sqlite"):
        return Sqlite(url.removeprefix("sqlite:///"), 5.0)
    return Postgres(url, 5.0)


async def wait_until(condition: Callable[[], Awaitable[bool]], limit: float = 5.0) -> None:
    async with asyncio.timeout(limit):
        while not await condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def leaving_no_thread() -> AsyncIterator[Callable[[], set[threading.Thread]]]:
    """Yields how to find the threads that are new; in the end there may be none."""
    before = set(threading.enumerate())

    def new() -> set[threading.Thread]:
        return set(threading.enumerate()) - before

    async def gone() -> bool:
        return not new()

    yield new
    await wait_until(gone)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def refusal(url: str, patience: float = 5.0) -> str:
    """What the operator is told when this URL cannot be opened."""
    async with leaving_no_thread():
        with pytest.raises(StorageError) as caught:
            async with open_store(url, patience=patience):
                pass
    notice = caught.value.notice
    assert notice.startswith("STORAGE_URL: ")
    assert notice.endswith(".")
    assert SECRET not in notice
    return notice


# Migrations


def test_migrations_are_numbered_from_one_and_give_their_reasons() -> None:
    assert [step.number for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
    assert all(step.reason.endswith(".") for step in MIGRATIONS)


async def test_five_stores_can_open_a_fresh_database_at_once(storage_url: str) -> None:
    async def use(number: int) -> None:
        async with open_store(storage_url) as store:
            await store.choose(CHANNEL.key, f"choice {number}", "made")

    await asyncio.gather(*(use(number) for number in range(5)))

    async with open_store(storage_url) as store:
        assert len((await store.choices(CHANNEL.key))[CHANNEL.key]) == 5
    rows = await ask(storage_url, "select version, reason from switchboard_schema order by version")
    assert [(row["version"], row["reason"]) for row in rows] == [
        (step.number, step.reason) for step in MIGRATIONS
    ]


async def test_only_one_opener_migrates_at_a_time(storage_url: str) -> None:
    order: list[str] = []

    async def migrates(opened: Driver) -> None:
        async with opened.exclusive() as fetch:
            await fetch("select 1 as one")
            order.append("second")

    async with driver(storage_url) as first, driver(storage_url) as second:
        async with first.exclusive():
            waiting = asyncio.create_task(migrates(second))
            await asyncio.wait({waiting}, timeout=0.2)
            order.append("first")
        await waiting

    assert order == ["first", "second"]


ANN = User("1", "Ann")
BOB = User("2", "Bob 🐻", frozenset({"cook", "admin"}), moderator=True)
TOPIC = Channel("telegram", "", "-100", "7")


def says(text: str) -> Message:
    return Message(Role.ASSISTANT, (Text(text),))


# What tests/schemas/2.sql holds, beside two choices and turn 6, which was forgotten.
OLD_TURNS = [
    Turn(
        "1",
        Request(HARBOUR, ANN, "event 1", text='What\'s a "boat"?\nIn one line: C:\\sea'),
        "gpt-5",
        Status.DONE,
        says("It's a ship's child ⛵"),
        Usage(12, 34),
        "message 1",
        1000.25,
    ),
    Turn(
        "2",
        Request(
            HARBOUR,
            BOB,
            "event 2",
            text="and this?",
            options={"model": "claude"},
            quoted=Message(Role.USER, (Text("see"),), "Ann"),
            lost=2,
        ),
        "claude",
        Status.STOPPED,
        says("A cat, a"),
        Usage(5, 6),
        "message 2",
        1001.0,
    ),
    Turn(
        "3",
        Request(HARBOUR, ANN, "event 3", text="\0 and \ud83d"),
        "gpt-5",
        Status.DONE,
        says("\0\ud83d\x100041"),
        Usage(1, 2),
        "message 3",
        1002.0,
    ),
    Turn(
        "4",
        Request(HARBOUR, ANN, "event 4", "image", "a fox"),
        "nano-banana",
        Status.FAILED,
        started=1003.0,
    ),
    Turn("5", Request(TOPIC, BOB, "event 1", text="still there?"), started=1004.0),
]


async def load(url: str, schema: int) -> None:
    """Make the database as a program with this schema left it."""
    dump = (ROOT / "tests" / "schemas" / f"{schema}.sql").read_text()
    if not url.startswith("sqlite"):
        await postgres.execute(url, dump)
        return
    plain = sqlite3.connect(url.removeprefix("sqlite:///"))
    try:
        plain.executescript(dump)
    finally:
        plain.close()


def test_there_is_a_dump_of_every_older_schema() -> None:
    """The first was never released. A new migration brings the dump of the schema it changes:
    some turns as ``sqlite3 FILE .dump`` prints them, and here what they must be read as."""
    dumps = {int(path.stem) for path in (ROOT / "tests" / "schemas").glob("*.sql")}

    assert dumps == set(range(2, MIGRATIONS[-1].number))


async def test_a_database_of_schema_2_is_brought_up_to_date_with_all_it_held(
    storage_url: str,
) -> None:
    await load(storage_url, 2)

    async with open_store(storage_url) as store:
        assert [await store.find(turn.id) for turn in OLD_TURNS] == OLD_TURNS
        assert await store.find("6") is None
        assert await store.history(HARBOUR, 9) == OLD_TURNS[:3]
        assert await store.choices(HARBOUR.key) == {HARBOUR.key: {"chat_model": "gpt-5"}}
        assert await store.choices(TOPIC.key) == {TOPIC.key: {"image_model": "nano-banana ☃"}}
        assert await store.outstanding("telegram", math.inf) == []
        for number in (1, 6):  # claims
            event = Request(HARBOUR, ANN, f"event {number}")
            assert not await store.begin(Turn("new", event))

        turn = await remember(store, replace(begun(channel=HARBOUR), id="one more"))
        assert await store.history(HARBOUR, 9) == [*OLD_TURNS[:3], turn]


# What tests/schemas/3.sql holds beside all that.
LEFT = [
    Turn(
        "7",
        Request(HARBOUR, ANN, "event 7", text="and now?", pressed=True, again="2"),
        reply=says("It is"),
        surface="message 7",
        started=1007.0,
        due=4607.0,
    ),
    Turn(
        "8",
        Request(TOPIC, BOB, "event 8", text="hello"),
        "gpt-5",
        Status.DONE,
        says("Hello you"),
        Usage(3, 4),
        "message 8",
        1008.0,
        1020.5,
    ),
]


async def test_a_database_of_schema_3_is_brought_up_to_date_with_all_it_held(
    storage_url: str,
) -> None:
    await load(storage_url, 3)

    async with open_store(storage_url) as store:
        assert await store.history(HARBOUR, 9) == OLD_TURNS[:3]
        assert await store.outstanding("discord", math.inf) == LEFT[:1]
        assert await store.outstanding("telegram", math.inf) == LEFT[1:]
        assert await store.history(TOPIC, 9) == LEFT[1:]
        assert await store.summary(HARBOUR) is None
        assert await store.sum_up(OLD_TURNS[:2], "a ship's child and a cat")
        assert await store.summary(HARBOUR) == Summary("2", "a ship's child and a cat")


async def test_opening_what_is_up_to_date_writes_nothing(storage_url: str) -> None:
    """The doctor may look in while a bot runs: beside it, nobody else should write."""
    sqlite = storage_url.startswith("sqlite")
    sql = "pragma data_version" if sqlite else "select xmin, ctid, * from switchboard_schema"

    async with open_store(storage_url) as store, AsyncExitStack() as stack:
        await remember(store, begun())
        if sqlite:
            plain = sqlite3.connect(storage_url.removeprefix("sqlite:///"))
            stack.callback(plain.close)

            async def look() -> object:
                return plain.execute(sql).fetchall()
        else:

            async def look() -> object:
                return await ask(storage_url, sql)

        before = await look()
        async with open_store(storage_url):
            pass
        assert await look() == before
        if sqlite:  # the look would have seen a write
            await remember(store, begun())
            assert await look() != before


async def test_a_migration_that_fails_leaves_nothing_behind(storage_url: str) -> None:
    broken = Migration(
        len(MIGRATIONS) + 1, "To fail.", ("create table half (id text)", "create nonsense")
    )
    async with driver(storage_url) as opened:
        with pytest.raises(opened.faults):
            async with opened.exclusive() as fetch:
                await migrate(fetch, [*MIGRATIONS, broken])

    async with open_store(storage_url) as store:
        await remember(store, begun())
    with pytest.raises(opened.faults):
        await ask(storage_url, "select * from half")


async def test_a_newer_database_is_refused_and_left_alone(storage_url: str) -> None:
    async with open_store(storage_url) as store:
        await remember(store, begun())
    await ask(storage_url, "insert into switchboard_schema values (999, 'From the future.', 0)")

    assert "a newer Switchboard wrote this database (schema 999" in await refusal(storage_url)
    assert len(await ask(storage_url, "select id from turns")) == 1


async def test_another_programs_tables_are_refused_and_left_alone(storage_url: str) -> None:
    await ask(storage_url, "create table turns (theirs text)")

    assert "holds another program's tables" in await refusal(storage_url)
    assert await ask(storage_url, "select theirs from turns") == []


# Addresses


@pytest.mark.parametrize("url", ["", "mysql://host/db", "sqlite://file.db", "sqlite:///"])
async def test_an_address_of_no_known_kind_is_refused(url: str) -> None:
    assert "it must be sqlite:///file.db or postgresql://" in await refusal(url)


async def test_a_relative_file_is_made_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_store("sqlite:///bot.db") as store:
        await remember(store, begun())

    assert files(tmp_path) == ["bot.db"]


async def test_a_database_in_memory_is_forgotten_when_closed() -> None:
    async with open_store("sqlite:///:memory:") as store:
        await remember(store, begun(source="event"))
    async with open_store("sqlite:///:memory:") as store:
        assert await store.begin(begun(source="event"))


# SQLite


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    notice = await refusal(f"sqlite:///{tmp_path}/nowhere/bot.db")

    assert f"create {tmp_path}/nowhere, or name another file" in notice


async def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert f"{tmp_path} is a folder" in await refusal(f"sqlite:///{tmp_path}")


async def test_some_other_file_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Buy milk. " * 200)

    assert "is not an SQLite database" in await refusal(f"sqlite:///{path}")
    assert path.read_text() == "Buy milk. " * 200


@contextmanager
def as_anybody() -> Iterator[None]:
    """Root may write everywhere, so it becomes nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that anybody may enter (pytest's own are closed to others)."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("mode", [0o555, 0o000], ids=["read-only", "closed"])
async def test_a_folder_that_may_not_be_written_is_named(shared_folder: Path, mode: int) -> None:
    folder = shared_folder / "folder"
    folder.mkdir(mode=mode)

    with as_anybody():
        notice = await refusal(f"sqlite:///{folder}/bot.db")

    assert f"{folder}/bot.db cannot be written" in notice


async def test_a_file_that_may_not_be_written_is_named(shared_folder: Path) -> None:
    shared_folder.chmod(0o777)  # so nothing but the file itself is in the way
    path = shared_folder / "bot.db"
    async with open_store(f"sqlite:///{path}"):
        pass
    path.chmod(0o444)

    with as_anybody():
        notice = await refusal(f"sqlite:///{path}")

    assert f"{path} cannot be written" in notice


async def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    async with open_store(f"sqlite:///{path}") as store:
        await remember(store, begun())
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))

    assert "is damaged; restore a backup" in await refusal(f"sqlite:///{path}")


async def test_a_file_held_by_another_program_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("begin exclusive")
        assert "is held by another program" in await refusal(f"sqlite:///{path}", patience=0.05)
    finally:
        other.close()


async def test_a_fresh_file_is_opened_as_soon_as_another_program_lets_go(tmp_path: Path) -> None:
    """Turning to write-ahead logging is where SQLite itself does not wait."""

    async def use() -> None:
        async with open_store(f"sqlite:///{tmp_path}/bot.db") as store:
            await remember(store, begun())

    other = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
    try:
        other.execute("begin immediate")
        opening = asyncio.create_task(use())
        done, _ = await asyncio.wait({opening}, timeout=0.2)
        assert not done
    finally:
        other.close()
    await opening


async def test_what_was_forgotten_is_not_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    async with open_store(f"sqlite:///{path}") as store:
        for _ in range(50):
            await remember(store, begun(SECRET * 100))
        await store.forget(CHANNEL)

    assert SECRET.encode() not in path.read_bytes()


async def test_a_closed_store_leaves_no_thread_and_no_other_file(tmp_path: Path) -> None:
    async with leaving_no_thread() as new, open_store(f"sqlite:///{tmp_path}/bot.db") as store:
        await remember(store, begun())
        assert len(new()) == 1

    assert files(tmp_path) == ["bot.db"]


# PostgreSQL


def changed(url: str, *, user: str = "postgres", password: str = SECRET, path: str = "") -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    netloc = f"{user}:{password}@{place}"
    return urlunsplit(parts._replace(netloc=netloc, path=path or parts.path))


async def wait_until_alone(url: str) -> None:
    async def alone() -> bool:
        return not await ask(url, f"select pid {OUR_CONNECTIONS}")

    await wait_until(alone)


@pytest.fixture
async def postgres_url(postgres_server: str) -> AsyncIterator[str]:
    async with postgres.database(postgres_server) as url:
        yield url


async def test_a_wrong_password_is_told(postgres_server: str) -> None:
    assert "does not accept this user name and password" in await refusal(changed(postgres_server))


async def test_a_missing_database_is_told(postgres_server: str) -> None:
    url = urlunsplit(urlsplit(postgres_server)._replace(path="/nowhere"))

    notice = await refusal(url)

    assert "/nowhere does not exist on its server" in notice
    assert postgres.PASSWORD not in notice


async def test_an_unreachable_server_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    notice = await refusal(f"postgresql://bot:{SECRET}@127.0.0.1:{port}/chat")

    assert f"127.0.0.1:{port}/chat cannot be reached" in notice


async def test_a_server_that_says_nothing_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql://bot:{SECRET}@127.0.0.1:{port}/chat"

        assert "cannot be reached" in await refusal(url, patience=0.1)


@pytest.mark.parametrize(
    "password", [f"{SECRET}/", f"{SECRET}#", f"{SECRET}?", f"{SECRET}[", f"a@{SECRET}"]
)
async def test_a_password_that_needs_escaping_is_told_and_not_shown(password: str) -> None:
    with pytest.raises(StorageError) as caught:
        async with open_store(f"postgresql://bot:{password}@127.0.0.1:1/chat"):
            pass

    assert "it is not a valid address" in caught.value.notice
    assert SECRET not in caught.value.notice
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@asynccontextmanager
async def role(server: str) -> AsyncIterator[str]:
    """An account that may log in and nothing else."""
    name = f"guest_{secrets.token_hex(6)}"
    await postgres.execute(server, f"create role {name} login password '{SECRET}'")
    try:
        yield name
    finally:
        await postgres.execute(server, f"drop role {name}")


async def test_a_user_who_may_not_create_tables_is_told(
    postgres_server: str, postgres_url: str
) -> None:
    await postgres.execute(postgres_url, "revoke create on schema public from public")
    async with role(postgres_server) as guest:
        notice = await refusal(changed(postgres_url, user=guest))

    assert "does not let this user create tables" in notice


async def test_a_database_that_cannot_hold_every_language_is_told(postgres_server: str) -> None:
    latin = "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'"
    async with postgres.database(postgres_server, latin) as url:
        assert "has the encoding LATIN1" in await refusal(url)
        await wait_until_alone(url)


async def test_the_store_outlives_its_connections(postgres_url: str) -> None:
    """As when the server restarts."""
    async with open_store(postgres_url) as store:
        await asyncio.gather(*(remember(store, begun()) for _ in range(9)))
        await ask(
            postgres_url,
            f"select pg_terminate_backend(pid, 5000) {OUR_CONNECTIONS}",
        )

        turn = await remember(store, begun())

        assert await store.history(CHANNEL, 1) == [turn]


async def test_a_closed_store_leaves_no_connection(postgres_url: str) -> None:
    async with open_store(postgres_url) as store:
        await asyncio.gather(*(remember(store, begun()) for _ in range(9)))

    await wait_until_alone(postgres_url)


async def run_python(code: str, *arguments: str) -> str:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    return done.stdout


async def test_sqlite_needs_no_asyncpg() -> None:
    loaded = await run_python(
        "import asyncio, sys, storage\n"
        "async def use():\n"
        "    async with storage.open_store('sqlite:///:memory:'): pass\n"
        "asyncio.run(use())\n"
        "print('asyncpg' in sys.modules)"
    )

    assert loaded == "False\n"


async def test_postgres_without_asyncpg_is_told() -> None:
    notice = await run_python(
        "import asyncio, sys, storage\n"
        "sys.modules['asyncpg'] = None\n"
        "async def use():\n"
        "    async with storage.open_store('postgresql://bot@localhost/chat'): pass\n"
        "try: asyncio.run(use())\n"
        "except storage.StorageError as error: print(error.notice)"
    )

    assert "needs the package asyncpg, which is not installed" in notice


async def test_a_new_file_is_nobody_else_s_to_read(tmp_path: Path) -> None:
    file = tmp_path / "bot.db"
    async with open_store(f"sqlite:///{file}") as store:
        await store.choose("test:1:", "chat_model", "gpt-5")
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}

    assert modes["bot.db"] == 0o600
    assert set(modes.values()) == {0o600}
