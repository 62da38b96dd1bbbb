"""``switchboard backup`` and ``switchboard check`` as a person runs them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from adapters.terminal import CHANNEL as TERMINAL
from bot.cli import DEMO_STORAGE
from storage import open_store
from tests.programs import Outcome, run
from tests.test_storage import ask, begun, remember
from tests.test_storage_backup import said, writing

PASSWORD = "a-very-secret-word"


async def on(folder: Path, *arguments: str, url: str = "sqlite:///bot.db") -> Outcome:
    done = await run(*arguments, folder=folder, settings={"STORAGE_URL": url})
    assert "Traceback" not in done.errors
    return done


async def make(folder: Path) -> str:
    """The URL of a database with one turn in it, bot.db."""
    url = f"sqlite:///{folder}/bot.db"
    async with open_store(url) as store:
        await remember(store, begun())
    return url


async def test_a_bot_that_writes_is_backed_up_checked_killed_and_restored(tmp_path: Path) -> None:
    """By the steps of docs/storage.md."""
    database, copy = tmp_path / "bot.db", tmp_path / "copy.db"
    async with writing(f"sqlite:///{database}") as writer:
        await writer.has_written(20)
        live = await on(tmp_path, "check")
        assert live.status == 0, live.output
        done = await on(tmp_path, "backup", "copy.db")
        assert done.status == 0, done.errors
        assert done.output.startswith("copy.db is a whole copy, and was checked (")

    for old in tmp_path.glob("bot.db*"):
        old.unlink()
    copy.rename(database)

    assert (await on(tmp_path, "check")).status == 0
    kept = await said(database)
    assert kept == [str(number) for number in range(1, len(kept) + 1)]
    assert len(kept) >= 20


async def test_what_was_said_is_known_after_a_restore(tmp_path: Path) -> None:
    database = tmp_path / DEMO_STORAGE.removeprefix("sqlite:///")
    async with open_store(f"sqlite:///{database}") as store:
        await remember(store, begun("my boat is called Alma", channel=TERMINAL))
    assert (await on(tmp_path, "backup", "copy.db", url=DEMO_STORAGE)).status == 0
    for old in tmp_path.glob(f"{database.name}*"):
        old.unlink()
    (tmp_path / "copy.db").rename(database)

    done = await run("chat", "--offline", folder=tmp_path, typed="what did I say?\n")

    assert "Alma" in done.output


async def test_a_backup_is_for_its_owner_and_replaces_nothing(tmp_path: Path) -> None:
    await make(tmp_path)
    first = await on(tmp_path, "backup", "copy.db")
    whole = (tmp_path / "copy.db").read_bytes()
    second = await on(tmp_path, "backup", "copy.db")

    assert (first.status, second.status) == (0, 1)
    assert second.errors == "copy.db is there already. Name a new file.\n"
    assert (tmp_path / "copy.db").read_bytes() == whole
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600


async def test_backing_up_postgres_names_pg_dump(tmp_path: Path) -> None:
    url = f"postgresql://bot:{PASSWORD}@127.0.0.1:1/chat"

    done = await on(tmp_path, "backup", "copy.db", url=url)

    assert done.status == 2
    assert "pg_dump --format=custom" in done.errors
    assert PASSWORD not in done.errors
    assert list(tmp_path.iterdir()) == []


async def test_a_backup_of_nothing_is_one_sentence(tmp_path: Path) -> None:
    done = await on(tmp_path, "backup", "copy.db")

    assert done.status == 1
    assert done.errors.endswith("bot.db is not to be found; name another file.\n")
    assert list(tmp_path.iterdir()) == []


async def test_a_check_has_one_line_for_each_finding(tmp_path: Path) -> None:
    url = await make(tmp_path)
    await ask(url, "update turns set seq = 0")

    report = await on(tmp_path, "check")
    machine = await on(tmp_path, "check", "--json")

    assert (report.status, machine.status) == (1, 1)
    lines = [line.split() for line in report.output.splitlines()]
    assert [line[:2] for line in lines if line[0] == "FAIL"] == [["FAIL", "order"]]
    assert ["ok", "file"] in [line[:2] for line in lines]
    told = json.loads(machine.output)
    assert told["ok"] is False
    assert [check["name"] for check in told["checks"]] == [line[1] for line in lines]
    assert [check["ok"] for check in told["checks"]] == [line[0] == "ok" for line in lines]


async def test_a_backup_is_checked_without_any_setting(tmp_path: Path) -> None:
    await make(tmp_path)

    sound = await run("check", "bot.db", folder=tmp_path)
    missing = await run("check", f"{tmp_path}/nowhere.db", folder=tmp_path)

    assert (sound.status, missing.status) == (0, 1)
    assert "nowhere.db is not to be found" in missing.output
    assert not (tmp_path / "nowhere.db").exists()
