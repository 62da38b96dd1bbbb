"""What ``examine`` says of sound databases, and of each way in which one can be unsound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.types import Image, Message, Role, Status, Text, Turn
from storage import Finding, examine, open_store
from tests.test_storage import CHANNEL, answered, ask, begun, due, locked, remember
from tests.test_storage_opening import SECRET, load

RULES = ["turns", "endings", "channels", "order", "forgotten", "screens", "summaries", "choices"]


async def fill(url: str) -> list[Turn]:
    """Turns of every kind: two answered, and one each failed, running, due, forgotten."""
    async with open_store(url) as store:
        odd = "\0 \ud83d \x10 ' \" {"
        answers = [await remember(store, begun(text)) for text in ("plain", odd)]
        failed, running, waiting, forgotten = (due(begun(), when) for when in (None, 5.0, 5.0, 5.0))
        picture = Image(b"bytes", "image/png", "cat.png")
        whole = replace(running.request, attachments=(picture,), again=answers[0].id)
        for turn in (failed, replace(running, request=whole), waiting, forgotten):
            await store.begin(turn)
        await store.finish(replace(failed, status=Status.FAILED))
        await store.place(running.id, "message", "Once upon")
        reply = Message(Role.ASSISTANT, (Text("a cat"), picture))
        await store.finish(replace(answered(waiting), reply=reply))
        await store.forget(CHANNEL, forgotten.id)
        await store.choose(CHANNEL.key, "chat_model", "gpt-5")
        return [*answers, failed, running, waiting, forgotten]


def wrong(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.detail for finding in findings if not finding.ok}


async def test_a_sound_database_passes_whatever_is_in_it(storage_url: str) -> None:
    await fill(storage_url)

    findings = await examine(storage_url)

    assert wrong(findings) == {}
    file = ["file"] if storage_url.startswith("sqlite") else []
    assert [finding.name for finding in findings] == [*file, "schema", *RULES]
    [turns] = [finding.detail for finding in findings if finding.name == "turns"]
    assert turns == "5 can be read, 1 running, 2 still to be shown"


async def test_an_empty_database_passes(storage_url: str) -> None:
    async with open_store(storage_url):
        pass

    assert wrong(await examine(storage_url)) == {}


async def test_a_database_is_examined_while_others_write(storage_url: str) -> None:
    async with open_store(storage_url) as store:
        await remember(store, begun())
        if storage_url.startswith("sqlite"):
            async with locked(storage_url):
                assert wrong(await examine(storage_url, patience=0.0)) == {}
        assert wrong(await examine(storage_url)) == {}


# What is done to which of the turns above, and where it is found.
BREAKAGES = [
    (0, "request = '{'", ["turns"]),
    (0, "request = '[]'", ["turns"]),
    (0, "request = '{}'", ["turns"]),
    (4, "media = 'no'", ["turns"]),
    (0, "status = 'odd'", ["turns", "endings"]),
    (0, "finished = null", ["endings"]),
    (3, "finished = 2000.0", ["endings"]),
    (0, "thread = 'x'", ["channels"]),
    (0, "channel = 'discord:elsewhere:'", ["channels"]),
    (0, "seq = 0", ["order"]),
    (5, 'request = \'{"text":"secret"}\'', ["forgotten"]),
    (5, "reply = 'secret'", ["forgotten"]),
    (5, "media = '[1]'", ["forgotten"]),
    (5, "shown = 'secret'", ["screens"]),
    (0, "forgotten = 1", ["forgotten"]),
    (0, "shown = 'Once'", ["screens"]),
    (5, "summary = 'secret'", ["summaries"]),
    (2, "summary = 'of nothing'", ["summaries"]),
]


@pytest.mark.parametrize(("number", "change", "found"), BREAKAGES, ids=lambda value: str(value))
async def test_what_does_not_hold_is_found_and_named(
    storage_url: str, number: int, change: str, found: list[str]
) -> None:
    turns = await fill(storage_url)
    await ask(storage_url, f"update turns set {change} where id = '{turns[number].id}'")  # noqa: S608

    said = wrong(await examine(storage_url))

    assert list(said) == found
    for detail in said.values():
        assert f": 1 ({turns[number].id}). Stop the bot and restore a backup" in detail


async def test_turns_in_one_place_are_found_unless_they_began_at_once(storage_url: str) -> None:
    turns = await fill(storage_url)
    await ask(storage_url, "update turns set seq = 1 where seq = 2")
    assert wrong(await examine(storage_url)) == {}

    await ask(storage_url, f"update turns set started = 9e3 where id = '{turns[1].id}'")  # noqa: S608

    said = wrong(await examine(storage_url))
    assert list(said) == ["order"]
    assert ": 2 (" in said["order"]


async def test_a_choice_of_nothing_is_found(storage_url: str) -> None:
    await fill(storage_url)
    await ask(storage_url, "update choices set name = ''")

    assert list(wrong(await examine(storage_url))) == ["choices"]


async def test_what_is_wrong_with_very_many_is_counted_no_further(storage_url: str) -> None:
    async with open_store(storage_url) as store:
        for _ in range(120):
            await store.begin(begun())
    await ask(storage_url, "update turns set status = 'done'")

    assert ": at least 100 (" in wrong(await examine(storage_url))["endings"]


async def test_an_older_schema_passes_and_stays_as_it_is(storage_url: str) -> None:
    await load(storage_url, 2)

    findings = await examine(storage_url)

    assert wrong(findings) == {}
    details = {finding.name: finding.detail for finding in findings}
    assert details["schema"] == "is 2; the next start will bring it to 4"
    assert details["turns"] == "5 can be read, 1 running"
    assert "screens" not in details
    [row] = await ask(storage_url, "select max(version) as version from switchboard_schema")
    assert row["version"] == 2


async def test_a_newer_schema_is_left_to_the_newer_program(storage_url: str) -> None:
    async with open_store(storage_url):
        pass
    await ask(storage_url, "insert into switchboard_schema values (999, 'From the future.', 0)")

    said = wrong(await examine(storage_url))

    assert said == {"schema": "is 999, and this program knows 4. Check it with the newer one."}


async def test_another_programs_database_is_told(storage_url: str) -> None:
    await ask(storage_url, "create table turns (theirs text)")

    said = wrong(await examine(storage_url))

    assert list(said) == ["schema"]
    assert said["schema"].endswith("Is it the right database?")


async def test_a_database_without_a_noted_schema_is_told(storage_url: str) -> None:
    async with open_store(storage_url):
        pass
    await ask(storage_url, "delete from switchboard_schema")

    assert list(wrong(await examine(storage_url))) == ["schema"]


async def test_a_lost_table_is_told(storage_url: str) -> None:
    await fill(storage_url)
    await ask(storage_url, "drop table choices")

    said = wrong(await examine(storage_url))

    assert list(said) == ["database"]
    assert "choices" in said["database"]


# SQLite


async def test_a_damaged_page_is_found(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    url = f"sqlite:///{path}"
    await fill(url)
    [row] = await ask(url, "select rootpage from sqlite_master where name = 'turns_in_order'")
    whole = bytearray(path.read_bytes())
    whole[4096 * (row["rootpage"] - 1) + 100] ^= 0xFF
    whole[4096 * row["rootpage"] - 20] ^= 0xFF  # in the oldest entry of the index
    path.write_bytes(whole)

    said = wrong(await examine(url))

    assert list(said) in (["file"], ["database"])
    assert "restore a backup" in next(iter(said.values()))


async def test_a_reference_to_nothing_is_found(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/bot.db"
    await fill(url)
    await ask(url, "create table more (turn text references turns (id))")
    await ask(url, "insert into more values ('nobody')")

    assert list(wrong(await examine(url))) == ["file"]


async def test_a_missing_file_is_told_and_not_made(tmp_path: Path) -> None:
    said = wrong(await examine(f"sqlite:///{tmp_path}/bot.db"))

    assert said == {
        "database": f"the database file {tmp_path}/bot.db is not to be found; name another file."
    }
    assert list(tmp_path.iterdir()) == []


async def test_some_other_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Buy milk. " * 200)

    assert "is not an SQLite database" in wrong(await examine(f"sqlite:///{path}"))["database"]


# PostgreSQL


async def test_a_server_that_is_not_there_is_told() -> None:
    said = wrong(await examine(f"postgresql://bot:{SECRET}@127.0.0.1:1/chat"))

    assert "127.0.0.1:1/chat cannot be reached" in said["database"]


@pytest.mark.parametrize("url", ["", f"postgresql://bot:{SECRET}/@127.0.0.1:1/chat"])
async def test_a_wrong_address_is_told(url: str) -> None:
    said = wrong(await examine(url))

    assert list(said) == ["database"]
    assert SECRET not in said["database"]
