"""The contract of ``bot.interfaces.Store``, held on SQLite and on a real PostgreSQL alike."""

from __future__ import annotations

import asyncio
import itertools
import math
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import StorageError
from bot.interfaces import Store, Summary
from bot.types import (
    Channel,
    File,
    Image,
    Message,
    Request,
    Role,
    Status,
    Text,
    Turn,
    Usage,
    User,
)
from storage import SqlStore, open_store
from storage.store import FORGET_ONE, HISTORY, OUTSTANDING, SUM_UP, SUMMARY

CHANNEL = Channel("discord", "server", "channel")
ANN = User("1", "Ann")
_ids = itertools.count(1)


@pytest.fixture
async def store(storage_url: str) -> AsyncIterator[SqlStore]:
    async with open_store(storage_url) as opened:
        yield opened


def begun(
    text: str = "hi", *, channel: Channel = CHANNEL, user: User = ANN, source: str = ""
) -> Turn:
    """A running turn with an id, and unless given a source, of its own."""
    number = str(next(_ids))
    request = Request(channel, user, source or number, text=text)
    return Turn(number, request, model="gpt-5", surface=f"message {number}", started=1000.0)


def answered(turn: Turn, text: str = "hello", status: Status = Status.DONE) -> Turn:
    return replace(
        turn, status=status, reply=Message(Role.ASSISTANT, (Text(text),)), usage=Usage(12, 34)
    )


async def remember(store: Store, turn: Turn) -> Turn:
    """Begin and finish a turn that was answered."""
    assert await store.begin(turn)
    done = answered(turn)
    await store.finish(done)
    return done


async def ask(url: str, sql: str) -> list[dict[str, Any]]:
    """Look into the database past the store, with the engine's own library."""
    if url.startswith("sqlite"):
        plain = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        plain.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in plain.execute(sql)]
        finally:
            plain.close()
    connection = await asyncpg.connect(url)
    try:
        return [dict(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


@asynccontextmanager
async def locked(url: str) -> AsyncIterator[None]:
    """While this lasts no statement that writes to turns can end."""
    if url.startswith("sqlite"):
        plain = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        try:
            plain.execute("begin immediate")
            yield
        finally:
            plain.close()
        return
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("begin; lock table turns")
        yield
    finally:
        await connection.close()


# Claiming


async def test_of_twenty_who_claim_an_event_at_once_one_wins(store: SqlStore) -> None:
    claims = await asyncio.gather(*(store.begin(begun(source="event")) for _ in range(20)))

    assert sorted(claims) == [False] * 19 + [True]


async def test_replicas_on_one_database_share_their_claims(storage_url: str) -> None:
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(open_store(storage_url)) for _ in range(4)]

        claims = await asyncio.gather(
            *(store.begin(begun(source="event")) for store in stores for _ in range(5))
        )

    assert claims.count(True) == 1


async def test_the_same_turn_begun_again_is_no_second_claim(store: SqlStore) -> None:
    turn = begun()

    assert await store.begin(turn)
    assert not await store.begin(turn)


async def test_channels_and_threads_number_their_events_on_their_own(store: SqlStore) -> None:
    places = [CHANNEL, replace(CHANNEL, thread="7"), replace(CHANNEL, platform="telegram")]

    assert all([await store.begin(begun(channel=place, source="1")) for place in places])


async def test_a_claim_outlives_its_turn_a_restart_and_forgetting(storage_url: str) -> None:
    async with open_store(storage_url) as store:
        await remember(store, begun(source="event"))
        await store.forget(CHANNEL)
    async with open_store(storage_url) as store:
        assert not await store.begin(begun(source="event"))


async def test_finishing_or_placing_a_turn_that_never_began_is_an_error(store: SqlStore) -> None:
    with pytest.raises(StorageError):
        await store.finish(answered(begun()))
    with pytest.raises(StorageError):
        await store.place("nobody", "message 1", "Once")


# Remembering


async def test_an_answered_turn_is_remembered_across_a_restart(storage_url: str) -> None:
    async with open_store(storage_url) as store:
        turn = await remember(store, begun())
    async with open_store(storage_url) as store:
        assert await store.history(CHANNEL, 10) == [turn]


async def test_history_is_in_the_order_in_which_turns_began(store: SqlStore) -> None:
    """Whatever their ids and clocks say (those step back and stand still), whoever ends first."""
    turns = [
        replace(begun(f"question {number}"), id=identity, started=started)
        for number, identity, started in [(1, "c", 50.0), (2, "a", 10.0), (3, "b", 10.0)]
    ]
    for turn in turns:
        await store.begin(turn)
    for turn in reversed(turns):
        await store.finish(answered(turn))

    history = await store.history(CHANNEL, 10)

    assert [turn.request.text for turn in history] == ["question 1", "question 2", "question 3"]


async def test_history_is_the_newest_turns_oldest_first(store: SqlStore) -> None:
    turns = [await remember(store, begun(f"question {number}")) for number in range(5)]

    assert await store.history(CHANNEL, 2) == turns[-2:]
    assert await store.history(CHANNEL, 99) == turns
    assert await store.history(CHANNEL, 0) == []
    assert await store.history(CHANNEL, -1) == []


async def test_turns_without_a_reply_are_not_remembered_and_take_no_room(store: SqlStore) -> None:
    turn = await remember(store, begun())
    await store.begin(begun())
    failed = begun()
    await store.begin(failed)
    await store.finish(replace(failed, status=Status.FAILED))

    assert await store.history(CHANNEL, 1) == [turn]


async def test_a_stopped_answer_is_remembered_as_far_as_it_came(store: SqlStore) -> None:
    turn = begun()
    await store.begin(turn)
    stopped = answered(turn, "Once upon a", Status.STOPPED)
    await store.finish(stopped)

    assert await store.history(CHANNEL, 1) == [stopped]


async def test_a_channel_is_shared_by_its_members_under_their_names(store: SqlStore) -> None:
    bob = User("2", "Bob 🐻", frozenset({"admin", "cook"}), moderator=True)
    await remember(store, begun("I am hungry"))
    await remember(store, begun("Me too", user=bob))
    await remember(store, begun("Elsewhere", channel=replace(CHANNEL, thread="1")))

    history = await store.history(CHANNEL, 10)

    assert [turn.request.user for turn in history] == [ANN, bob]


async def test_attachments_are_noted_but_not_kept(store: SqlStore, storage_url: str) -> None:
    picture = Image(b"bytes", "image/png", "cat.png")
    quoted = Message(Role.USER, (Text("see"), picture), "Bob")
    turn = begun()
    request = replace(turn.request, attachments=(picture,), quoted=quoted)
    turn = replace(turn, request=request)
    await store.begin(turn)
    reply = Message(Role.ASSISTANT, (Text("a cat"), picture))
    await store.finish(replace(answered(turn), reply=reply))

    [found] = await store.history(CHANNEL, 1)
    [row] = await ask(storage_url, "select request, media from turns")

    assert found.request.attachments == ()
    assert found.request.lost == 2
    assert found.request.quoted == Message(Role.USER, (Text("see"),), "Bob")
    assert found.reply == Message(Role.ASSISTANT, (Text("a cat"),))
    note = '{"kind":"image","media_type":"image/png","name":"cat.png","size":5}'
    assert row["media"] == f"[{note}]"
    assert row["request"].count(note) == 2


async def test_a_request_says_how_many_attachments_were_not_kept(store: SqlStore) -> None:
    """Those that it had lost before it was asked again count too."""
    picture = Image(b"bytes", "image/png", "cat.png")
    quoted = Message(Role.USER, (Text("see"), picture), "Bob")
    turn = begun()
    whole = replace(turn.request, attachments=(picture, picture), quoted=quoted)
    first = replace(turn, request=whole)
    await store.begin(first)
    await store.finish(answered(first))
    found = await store.find(turn.id)
    assert found is not None
    assert found.request == replace(
        whole, attachments=(), quoted=Message(Role.USER, (Text("see"),), "Bob"), lost=3
    )

    again = replace(begun(), request=replace(found.request, source="again"))
    await store.begin(again)
    assert await store.find(again.id) == again


async def test_a_reply_of_pictures_alone_leaves_nothing_to_remember(store: SqlStore) -> None:
    turn = begun()
    await store.begin(turn)
    picture = Image(b"bytes", "image/png")
    await store.finish(replace(answered(turn), reply=Message(Role.ASSISTANT, (picture,))))

    assert await store.history(CHANNEL, 1) == []


async def test_a_reply_of_a_million_characters_is_kept_whole(store: SqlStore) -> None:
    turn = begun()
    await store.begin(turn)
    done = answered(turn, "Wörter 😀 " * 111_112)
    await store.finish(done)

    assert await store.history(CHANNEL, 1) == [done]


async def test_turns_that_end_side_by_side_lose_nothing(store: SqlStore) -> None:
    turns = await asyncio.gather(*(remember(store, begun(f"{number}")) for number in range(50)))

    history = await store.history(CHANNEL, 99)

    assert sorted(history, key=lambda turn: int(turn.id)) == turns


# Any text at all, often with what databases refuse: NUL and lone surrogates. The last looks like
# what these are turned into.
characters = st.characters() | st.sampled_from("\0\ud83d\ude00😀")
texts = st.text(characters, max_size=40) | st.just("\x100041")
messages = st.builds(
    Message,
    role=st.sampled_from(Role),
    parts=st.lists(st.builds(Text, texts), max_size=3).map(tuple),
    name=texts,
)
turns = st.builds(
    Turn,
    id=texts,
    request=st.builds(
        Request,
        channel=st.builds(Channel, texts, texts, texts, texts),
        user=st.builds(User, texts, texts, st.frozensets(texts, max_size=3), st.booleans()),
        source=texts,
        command=texts,
        text=texts,
        options=st.dictionaries(texts, texts, max_size=3),
        attachments=st.just(()),
        quoted=st.none() | messages,
        pressed=st.booleans(),
        again=texts,
        origin=texts,
        lost=st.integers(0, 99),
    ),
    model=texts,
    status=st.sampled_from([Status.DONE, Status.STOPPED]),
    reply=st.builds(Message, st.just(Role.ASSISTANT), st.builds(Text, texts).map(lambda t: (t,))),
    usage=st.builds(Usage, st.integers(0, 2**53), st.integers(0, 2**53)),
    surface=texts,
    started=st.floats(allow_nan=False, allow_infinity=False),
    due=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)


@given(turn=turns)
@settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_a_turn_of_any_text_comes_back_equal(store: SqlStore, turn: Turn) -> None:
    """One store sees all examples, so each has an id and a source that no other has."""
    number = str(next(_ids))
    turn = replace(
        turn,
        id=turn.id + number,
        request=replace(turn.request, source=turn.request.source + number),
    )
    assert await store.begin(turn)
    assert not await store.begin(turn)
    await store.finish(turn)

    assert (await store.history(turn.request.channel, 1)) == [turn]


# Forgetting


async def test_forgetting_erases_what_was_said_and_says_how_much(
    store: SqlStore, storage_url: str
) -> None:
    await remember(store, begun("my secret question"))
    await remember(store, begun("another secret question"))
    await store.begin(begun("an unanswered secret question"))
    elsewhere = await remember(store, begun(channel=replace(CHANNEL, thread="1")))

    assert await store.forget(CHANNEL) == 2
    assert await store.forget(CHANNEL) == 0
    assert await store.history(CHANNEL, 10) == []
    assert await store.history(elsewhere.request.channel, 10) == [elsewhere]
    rows = await ask(storage_url, "select * from turns where thread = ''")
    assert len(rows) == 3
    assert "secret" not in str(rows)
    assert "hello" not in str(rows)


async def test_a_turn_forgotten_while_it_runs_never_comes_back(
    store: SqlStore, storage_url: str
) -> None:
    turn = begun("my secret question")
    await store.begin(turn)

    assert await store.forget(CHANNEL) == 0
    await store.finish(answered(turn, "a secret answer"))

    assert await store.history(CHANNEL, 10) == []
    [row] = await ask(storage_url, "select * from turns")
    assert "secret" not in str(row)
    assert (row["status"], row["reply_tokens"]) == ("done", 34)  # it was paid for all the same


async def test_what_is_said_after_forgetting_is_remembered(store: SqlStore) -> None:
    await remember(store, begun())
    await store.forget(CHANNEL)
    turn = await remember(store, begun())

    assert await store.history(CHANNEL, 10) == [turn]


# Summing up


async def talk(store: Store, count: int, channel: Channel = CHANNEL) -> list[Turn]:
    return [await remember(store, begun(f"{number}", channel=channel)) for number in range(count)]


async def test_a_summary_stands_for_all_that_was_said_up_to_a_turn(store: SqlStore) -> None:
    assert await store.summary(CHANNEL) is None
    turns = await talk(store, 5)

    assert await store.sum_up(turns[:2], "Two \0 things 😀")
    assert await store.summary(CHANNEL) == Summary(turns[1].id, "Two \0 things 😀")
    assert await store.sum_up(turns[2:4], "Four things", turns[1].id)
    assert await store.summary(CHANNEL) == Summary(turns[3].id, "Four things")

    assert await store.summary(replace(CHANNEL, thread="1")) is None
    assert await store.history(CHANNEL, 9) == turns


async def test_summaries_are_forgotten_with_what_they_are_of(
    store: SqlStore, storage_url: str
) -> None:
    turns = await talk(store, 3)
    elsewhere = await talk(store, 1, replace(CHANNEL, thread="1"))
    await store.sum_up(turns[:1], "a secret summary")
    await store.sum_up(turns[1:2], "another secret summary", turns[0].id)
    await store.sum_up(elsewhere, "kept")

    assert await store.forget(CHANNEL) == 3

    assert await store.summary(CHANNEL) is None
    assert "secret" not in str(await ask(storage_url, "select * from turns"))
    assert await store.summary(elsewhere[0].request.channel) is not None


async def test_forgetting_one_turn_takes_the_summaries_that_it_is_in(store: SqlStore) -> None:
    turns = await talk(store, 5)
    failed = begun()
    await store.begin(failed)
    await store.sum_up(turns[:2], "of two")
    await store.sum_up(turns[2:4], "of four", turns[1].id)

    assert await store.forget(CHANNEL, turns[4].id) == 1  # behind them all
    assert await store.forget(CHANNEL, failed.id) == 0
    assert await store.forget(CHANNEL, "nobody") == 0
    assert await store.summary(CHANNEL) == Summary(turns[3].id, "of four")
    assert await store.forget(CHANNEL, turns[2].id) == 1
    assert await store.summary(CHANNEL) == Summary(turns[1].id, "of two")
    assert await store.forget(CHANNEL, turns[1].id) == 1
    assert await store.summary(CHANNEL) is None
    assert await store.history(CHANNEL, 9) == [turns[0], turns[3]]


async def test_a_turn_of_another_channel_is_not_forgotten_here(store: SqlStore) -> None:
    [turn] = await talk(store, 1)
    [other] = await talk(store, 1, replace(CHANNEL, thread="1"))
    await store.sum_up([turn], "of one")

    assert await store.forget(CHANNEL, other.id) == 0

    assert await store.history(other.request.channel, 9) == [other]
    assert await store.summary(CHANNEL) == Summary(turn.id, "of one")


async def test_what_is_forgotten_while_it_is_summed_up_does_not_come_back(store: SqlStore) -> None:
    turns = await talk(store, 6)
    await store.sum_up(turns[:2], "of two")

    await store.forget(CHANNEL, turns[3].id)
    assert not await store.sum_up(turns[2:5], "of five", turns[1].id)
    await store.forget(CHANNEL, turns[0].id)
    assert not await store.sum_up(turns[4:5], "of what it was made with", turns[1].id)
    await store.forget(CHANNEL)
    assert not await store.sum_up(turns[4:5], "of one")

    assert await store.summary(CHANNEL) is None


async def test_a_long_history_is_never_walked_over_for_a_few_turns(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path}/test.db"):
        pass
    for sql in (FORGET_ONE, SUMMARY, HISTORY, SUM_UP):
        plan = await ask(
            f"sqlite:///{tmp_path}/test.db", "explain query plan " + re.sub(r"[?]\d+", "'1'", sql)
        )
        told = " / ".join(step["detail"] for step in plan)
        assert "SCAN turns" not in told
        assert "turns_in_order (channel=?)" not in told  # every turn of the channel


# Reading


async def test_what_was_read_of_attachments_is_kept_with_the_question(store: SqlStore) -> None:
    turn = due(begun("what is this?"), 5.0)
    paper, picture = File(b"bytes", "text/plain", "a.txt"), Image(b"bytes", "image/png")
    turn = replace(turn, request=replace(turn.request, attachments=(paper, picture)))
    await store.begin(turn)

    read = replace(turn.request, attachments=(picture,), options={"attached": "words\0"})
    await store.amend(replace(turn, request=read))

    kept = replace(read, attachments=(), lost=1)
    assert await store.outstanding("discord", 5.0) == [replace(turn, request=kept)]
    await store.finish(answered(replace(turn, request=read)))
    [found] = await store.history(CHANNEL, 1)
    assert found.request == kept


async def test_what_is_read_of_a_forgotten_turn_is_not_kept(
    store: SqlStore, storage_url: str
) -> None:
    turn = begun()
    await store.begin(turn)
    await store.forget(CHANNEL)

    await store.amend(replace(turn, request=replace(turn.request, text="secret")))

    assert "secret" not in str(await ask(storage_url, "select * from turns"))
    with pytest.raises(StorageError):
        await store.amend(begun())


# Coming back to it


def due(turn: Turn, when: float | None) -> Turn:
    return replace(turn, due=when)


async def test_a_turn_is_outstanding_from_when_it_is_due_until_it_was_shown(
    store: SqlStore,
) -> None:
    turn = due(begun(), 50.0)
    await store.begin(turn)
    assert await store.outstanding("discord", 49.0) == []
    assert await store.outstanding("discord", 50.0) == [turn]

    done = due(answered(turn), 60.0)
    await store.finish(done)
    assert await store.outstanding("discord", 59.0) == []
    assert await store.outstanding("discord", 60.0) == [done]

    await store.finish(due(done, None))
    assert await store.outstanding("discord", math.inf) == []
    assert await store.history(CHANNEL, 9) == [due(done, None)]


async def test_what_a_killed_program_left_is_outstanding_at_the_next_start(
    storage_url: str,
) -> None:
    quoted = Message(Role.USER, (Text("see"), Image(b"bytes", "image/png")), "Bob")
    turn = due(begun("and then?"), 50.0)
    whole = replace(turn.request, quoted=quoted, again="an older turn", pressed=True)
    async with open_store(storage_url) as store:
        await store.begin(replace(turn, request=whole))
    async with open_store(storage_url) as store:
        [left] = await store.outstanding("discord", math.inf)

    words = Message(Role.USER, (Text("see"),), "Bob")
    assert left == replace(turn, request=replace(whole, quoted=words, lost=1))


async def test_what_is_outstanding_comes_by_platform_and_the_oldest_first(store: SqlStore) -> None:
    ages = [(3.0, 7.0), (1.0, 9.0), (1.0, 8.0), (2.0, 5.0)]
    turns = [replace(begun(), due=when, started=started) for when, started in ages]
    elsewhere = due(begun(channel=replace(CHANNEL, platform="telegram")), 1.0)
    for turn in [*turns, elsewhere, begun()]:
        await store.begin(turn)

    assert await store.outstanding("discord", 3.0) == [turns[n] for n in (2, 1, 3, 0)]
    assert await store.outstanding("telegram", 3.0) == [elsewhere]
    assert await store.outstanding("web", 3.0) == []


async def test_a_forgotten_turn_is_not_outstanding_and_can_still_end(store: SqlStore) -> None:
    turn = due(begun(), 1.0)
    await store.begin(turn)
    await store.place(turn.id, "message 1", "Once")
    await store.forget(CHANNEL)
    assert await store.outstanding("discord", math.inf) == []

    await store.place(turn.id, "message 1", "Once upon")
    await store.finish(answered(turn))
    await store.finish(due(answered(turn), None))

    assert await store.outstanding("discord", math.inf) == []
    assert await store.history(CHANNEL, 9) == []


async def test_what_is_on_the_screen_is_kept_with_its_place_until_the_turn_ends(
    store: SqlStore,
) -> None:
    turn = due(begun(), 1.0)
    await store.begin(turn)
    await store.place(turn.id, "message 7", "")
    assert await store.outstanding("discord", 1.0) == [replace(turn, surface="message 7")]

    await store.place(turn.id, "message 7,8", "Once upon\0 a")
    shown = replace(
        turn, surface="message 7,8", reply=Message(Role.ASSISTANT, (Text("Once upon\0 a"),))
    )
    assert await store.outstanding("discord", 1.0) == [shown]
    assert await store.history(CHANNEL, 9) == []

    failed = replace(turn, status=Status.FAILED, surface="message 9")
    await store.finish(failed)
    still_there = replace(failed, reply=shown.reply)
    assert await store.outstanding("discord", 1.0) == [still_there]
    await store.place(turn.id, "message 7,8", "Once upon a time")  # too late
    assert await store.outstanding("discord", 1.0) == [still_there]


async def test_a_running_turn_that_is_put_off_keeps_what_is_on_the_screen(store: SqlStore) -> None:
    turn = due(begun(), 1.0)
    await store.begin(turn)
    await store.place(turn.id, "message 7", "Once")
    [left] = await store.outstanding("discord", 1.0)

    await store.finish(due(left, 2.0))

    assert await store.outstanding("discord", 1.0) == []
    assert await store.outstanding("discord", 2.0) == [due(left, 2.0)]
    assert await store.history(CHANNEL, 9) == []


async def test_nothing_of_a_forgotten_turns_screen_is_left(
    store: SqlStore, storage_url: str
) -> None:
    turn = begun("my secret question")
    await store.begin(turn)
    await store.place(turn.id, "message 7", "a secret answer")
    await store.forget(CHANNEL)
    assert "secret" not in str(await ask(storage_url, "select * from turns"))
    await store.place(turn.id, "message 7", "a secret answer, longer")

    assert "secret" not in str(await ask(storage_url, "select * from turns"))


async def test_a_turn_ended_when_that_was_first_written_down(
    store: SqlStore, storage_url: str
) -> None:
    turn = begun()
    await store.begin(turn)
    await store.finish(due(answered(turn), 1.0))
    first = await ask(storage_url, "select finished from turns")
    await store.finish(answered(turn))

    assert await ask(storage_url, "select finished from turns") == first


async def test_what_is_outstanding_is_read_from_an_index_of_its_own(
    store: SqlStore, storage_url: str
) -> None:
    await remember(store, begun())
    sql = OUTSTANDING.replace("?1", "'discord'").replace("?2", "5.0")
    if storage_url.startswith("sqlite"):
        [step] = await ask(storage_url, "explain query plan " + re.sub(r"[?]\d+", "'1'", sql))
        assert "turns USING INDEX turns_due (platform=? AND due<?)" in step["detail"]
        return
    connection = await asyncpg.connect(storage_url)
    try:
        await connection.execute("set enable_seqscan = off")  # or a small table is just read
        plan = [row[0].strip() for row in await connection.fetch(f"explain {sql}")]
    finally:
        await connection.close()
    assert any("Index Scan using turns_due on turns" in line for line in plan)


# Choosing


async def test_choices_are_per_channel_and_survive_a_restart(storage_url: str) -> None:
    thread = replace(CHANNEL, thread="1")
    async with open_store(storage_url) as store:
        await store.choose(CHANNEL.key, "chat_model", "gpt-5")
        await store.choose(CHANNEL.key, "chat_model", "claude\0 ☃")
        await store.choose(CHANNEL.key, "image_model", "nano-banana")
    async with open_store(storage_url) as store:
        kept = {"chat_model": "claude\0 ☃", "image_model": "nano-banana"}
        assert await store.choices(CHANNEL.key) == {CHANNEL.key: kept}
        assert await store.choices(thread.key) == {}


async def test_choices_come_by_key_and_by_name_and_can_be_taken_back(storage_url: str) -> None:
    async with open_store(storage_url) as store:
        await store.choose("test/user/1", "language", "German")
        await store.choose("test/server/2", "language", "French")
        await store.choose("test:3:", "triggers", "every")
        await store.choose("test:4:", "triggers", "every")
        await store.choose("test:4:", "triggers", "")

        assert await store.choices("test/user/1", "test/server/2", "test:4:") == {
            "test/user/1": {"language": "German"},
            "test/server/2": {"language": "French"},
        }
        assert await store.chosen("triggers", "threads") == [("test:3:", "triggers", "every")]
        with pytest.raises(ValueError, match="at most four"):
            await store.choices(*"abcde")


# Trouble


async def test_statements_cancelled_midway_leave_the_store_usable(
    store: SqlStore, storage_url: str
) -> None:
    async with locked(storage_url):
        tasks = [asyncio.create_task(store.begin(begun())) for _ in range(12)]
        for _ in range(20):
            await asyncio.sleep(0)  # let each get as far as it can
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(end) for end in ends} == {asyncio.CancelledError}

    turn = await remember(store, begun())
    assert (await store.history(CHANNEL, 1)) == [turn]


async def test_statements_cancelled_at_any_step_are_done_or_not_done(store: SqlStore) -> None:
    for steps in range(30):
        turn = begun()
        await store.begin(turn)
        task = asyncio.create_task(store.finish(answered(turn)))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert all(turn == answered(turn) for turn in await store.history(CHANNEL, 99))
    await remember(store, begun())


async def test_a_lock_that_outlasts_all_patience_is_an_error_and_then_forgotten(
    storage_url: str,
) -> None:
    async with open_store(storage_url, patience=0.5) as store:
        async with locked(storage_url):
            with pytest.raises(StorageError):
                await store.begin(begun())

        turn = await remember(store, begun())
        assert await store.history(CHANNEL, 1) == [turn]


async def test_a_fault_of_the_database_is_a_storage_error_with_its_cause(
    store: SqlStore, storage_url: str
) -> None:
    await ask(storage_url, "drop table turns")

    with pytest.raises(StorageError) as caught:
        await store.begin(begun())

    assert isinstance(caught.value.__cause__, sqlite3.Error | asyncpg.PostgresError)
    assert "turns" in str(caught.value)
    assert "turns" not in caught.value.notice


async def test_a_closed_store_says_so(storage_url: str) -> None:
    async with open_store(storage_url) as store:
        pass

    with pytest.raises(StorageError):
        await store.history(CHANNEL, 1)


WRITER = """
import asyncio, sys
from storage import open_store
from tests.test_storage import begun, remember

async def write(url):
    async with open_store(url) as store:
        while True:
            turn = await remember(store, begun())
            print(turn.id, flush=True)

asyncio.run(write(sys.argv[1]))
"""


async def test_a_killed_process_loses_no_turn_it_was_told_is_safe(storage_url: str) -> None:
    writer = subprocess.Popen(  # noqa: ASYNC220 (nothing else runs meanwhile)
        [sys.executable, "-c", WRITER, storage_url],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    with writer.stdout:
        told = [writer.stdout.readline().strip() for _ in range(50)]
        writer.kill()
        told += writer.stdout.read().split()
    writer.wait()

    async with open_store(storage_url) as store:
        kept = [turn.id for turn in await store.history(CHANNEL, len(told) + 1)]

    assert "" not in told
    assert set(told) <= set(kept)


async def test_a_turn_is_found_by_its_id_and_forgotten_by_itself(store: SqlStore) -> None:
    first, second = await remember(store, begun("one")), await remember(store, begun("two"))

    assert await store.forget(CHANNEL, first.id) == 1

    assert await store.find(first.id) is None
    assert await store.find(second.id) == second
    assert await store.history(CHANNEL, 9) == [second]
    assert await store.find("nobody") is None
