"""The promise itself: the database's, the clock's and the program's rows of the fault matrix, a
small torture, and that docs/reliability.md tells the truth."""

from __future__ import annotations

import ast
import asyncio
import copy
import os
import re
import signal
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from bot.commands import COMMANDS
from bot.config import LimitSettings
from bot.errors import Busy, Gone
from bot.gateway.models import Models
from bot.switchboard import Switchboard
from bot.types import Status
from tests import clock, programs
from tests.fakes import FakeGateway, FakeStore, FakeSurface, request, says
from tests.simulators.telegram import TelegramSimulator
from tests.test_recovery import started, the_turn
from tests.torture import kills, soak
from tests.torture.house import House, house
from tests.torture.oracle import Oracle, answer, question, spoken

UNREACHABLE = "memory cannot be reached"

# --- the database ---------------------------------------------------------------------------------


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program writes, and takes its time."""
    other = sqlite3.connect(file, isolation_level=None)
    try:
        other.execute("begin immediate")
        yield
        other.execute("rollback")
    finally:
        other.close()


async def test_a_database_that_is_slow_delays_an_answer_and_costs_nothing() -> None:
    async with house(patience=5.0) as place:
        with locked(place.database):
            source = await place.ask(question(1, 5, 100))
            await asyncio.sleep(0.3)  # what is slow takes a while
            assert place.replies() == []
        assert (await place.ended(source)).reply == answer(1, 5)


async def test_a_database_that_cannot_be_written_is_told_and_nothing_is_paid() -> None:
    async with house(patience=0.1) as place:
        with locked(place.database):
            await place.ask(question(1, 5, 100))
            await place.telegram.wait_for(place.chat, lambda seen: UNREACHABLE in seen.text)
        again = await place.ask(question(2, 5, 100))
        assert (await place.ended(again)).reply == answer(2, 5)

        assert place.gateway.asked == {2: 1}
        assert len(place.replies()) == 2


async def test_a_database_that_fails_during_an_answer_neither_hides_nor_loses_it() -> None:
    async with house(patience=0.1) as place:
        source = await place.ask(question(1, 20, 20))
        await place.telegram.wait_for(place.chat, lambda seen: "q1k2" in seen.text)
        with locked(place.database):
            await place.telegram.wait_for(place.chat, _has_retry)
        turn = await place.ended(source)

        [shown] = place.replies()
        assert len(spoken(shown.text)) == 20
        assert (turn.status, turn.reply) == ("done", answer(1, 20))
        assert turn.reply_tokens > 0


def _has_retry(seen: object) -> bool:
    return "Retry" in str(getattr(seen, "buttons", ""))


async def test_a_full_disk_is_told_and_afterwards_all_is_well() -> None:
    async with house() as place:
        first = await place.ask(question(1, 5, 100))
        await place.ended(first)
        await _let_it_grow(place, pages=1)
        await place.ask("x" * 20_000)
        await place.telegram.wait_for(place.chat, lambda seen: UNREACHABLE in seen.text)
        await _let_it_grow(place, pages=10**6)
        last = await place.ask(question(3, 5, 100))
        assert (await place.ended(last)).reply == answer(3, 5)

        assert place.turn(first) is not None
        assert place.gateway.asked == {1: 1, 3: 1}


async def _let_it_grow(place: House, pages: int) -> None:
    """SQLite says "disk full" beyond so many pages; fewer than there are count as none more."""
    await place.store._driver.fetch(f"pragma max_page_count = {pages}")


# --- the clock ------------------------------------------------------------------------------------


def _killed_while_it_waits(shift: float) -> FakeStore:
    """What is in the database when the program dies before it said anything; by the next start the
    clock has jumped so far."""

    async def play() -> FakeStore:
        store = FakeStore()
        asking = asyncio.ensure_future(
            _board(store, 60.0).handle(request("hi"), FakeSurface(ref=""))
        )
        await asyncio.sleep(1)
        left = copy.deepcopy(store)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        key, turn = next(iter(left.turns.items()))
        due = None if turn.due is None else turn.due - shift
        left.turns[key] = replace(turn, started=turn.started - shift, due=due)
        return left

    return clock.run(play())


def _board(store: FakeStore, first: float = 0.0) -> Switchboard:
    gateway = FakeGateway(lambda _: [first, *says("Hello ", "to ", "you.")])
    models = Models("gpt-5-mini", "nano-banana")
    return Switchboard(store, gateway, models, COMMANDS, LimitSettings())


def test_a_clock_that_jumps_back_keeps_nobody_waiting() -> None:
    store, screen = _killed_while_it_waits(-365 * 86400.0), FakeSurface()

    clock.run(started(store, screen))

    assert screen.text == "Hello to you."
    assert the_turn(store).due is None


def test_a_clock_that_jumps_ahead_ends_politely_what_nobody_has_seen() -> None:
    store, screen = _killed_while_it_waits(365 * 86400.0), FakeSurface()

    clock.run(started(store, screen))

    assert "I was away when you asked this" in screen.text
    assert (the_turn(store).status, the_turn(store).due) == (Status.FAILED, None)


# --- what was on the screen and is no answer -----------------------------------------------------


def test_who_was_told_to_wait_is_answered_on_that_message_after_a_restart() -> None:
    store = FakeStore()
    screens = [FakeSurface(ref=""), FakeSurface(ref="the one that says wait")]

    async def play() -> FakeStore:
        switchboard = _board(store, 60.0)
        asking = [
            asyncio.ensure_future(switchboard.handle(request("hi", source=str(number)), screen))
            for number, screen in enumerate(screens)
        ]
        await asyncio.sleep(5)
        left = copy.deepcopy(store)
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        return left

    left = clock.run(play())
    assert "Waiting for one answer" in screens[1].text
    harbour = clock.run(started(left, FakeSurface()))

    assert [turn.surface for turn in harbour.reopened] == ["", "the one that says wait"]
    assert all(turn.status is Status.DONE for turn in left.turns.values())


@pytest.mark.parametrize("refusal", [Busy(100.0), Gone()])
def test_a_notice_that_could_not_be_shown_is_shown_after_all(refusal: Busy | Gone) -> None:
    store, screen = FakeStore(), FakeSurface()
    screen.trouble = [refusal]

    async def play() -> Status:
        status = await _board(store).handle(request("nothing", command="nonsense"), screen)
        turn = the_turn(store)
        if turn.due is not None:
            assert turn.due > time.time() + 90
            store.turns[turn.request.channel.key, "1"] = replace(turn, due=time.time() - 1)
        await started(store, screen)
        return status

    assert clock.run(play()) is Status.FAILED
    assert "⚠️" in screen.text
    assert the_turn(store).due is None


def test_an_answer_that_may_not_be_shown_is_counted_all_the_same() -> None:
    store, screen = FakeStore(), FakeSurface()
    screen.trouble = [Gone(), Gone(), Gone()]

    clock.run(_board(store).handle(request("hi"), screen))

    turn = the_turn(store)
    assert (turn.status, turn.reply, turn.due) == (Status.FAILED, None, None)
    assert turn.model == "gpt-5-mini"


# --- stopping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("signals", [1, 2])
async def test_one_signal_lets_an_answer_end_and_a_second_marks_it_at_once(
    tmp_path: Path, signals: int
) -> None:
    words = 30
    async with TelegramSimulator() as telegram, Oracle() as gateway:
        tom = telegram.add_user("Tom")
        chat = telegram.add_private_chat(tom)
        settings = {
            "TELEGRAM_TOKEN": telegram.token,
            "TELEGRAM_API_URL": telegram.api_url,
            "GATEWAY_API_KEY": "sk-stop",
            "GATEWAY_BASE_URL": gateway.url,
            "GATEWAY_WIRE": "chat_completions",
        }
        async with programs.running("run", folder=tmp_path, settings=settings) as bot:
            await telegram.ready(timeout=15)
            await telegram.say(chat, tom, question(1, words, 10))
            await telegram.wait_for(chat, lambda seen: "q1k5" in seen.text, 10)
            if signals == 2:
                os.kill(bot.pid, signal.SIGTERM)
                await bot.wait_for("told to stop")
            assert await bot.stop() == 0

        [shown] = [seen for seen in telegram.messages(chat) if seen.author == "bot"]
        came = len(spoken(shown.text))
        assert (came == words) is (signals == 1)
        assert ("interrupted" in shown.text) is (signals == 2)
        assert "Stop" not in str(shown.buttons)


async def test_readiness_tells_whether_requests_come_through(tmp_path: Path) -> None:
    async with TelegramSimulator() as telegram, Oracle() as gateway:
        settings = {
            "TELEGRAM_TOKEN": telegram.token,
            "TELEGRAM_API_URL": telegram.api_url,
            "GATEWAY_API_KEY": "sk-ready",
            "GATEWAY_BASE_URL": gateway.url,
            "WEB_PORT": "0",
        }
        async with programs.running("run", folder=tmp_path, settings=settings) as bot:
            await telegram.ready(timeout=15)
            page = (await bot.wait_for("web chat on")).split()[-1]

            async def ready() -> dict[str, bool]:
                async with (
                    aiohttp.ClientSession() as session,
                    session.get(f"{page.rstrip('/')}/readyz") as answered,
                ):
                    told: dict[str, bool] = await answered.json()
                    assert (answered.status == 200) is all(told.values())
                    return told

            user = telegram.add_user("Tom")
            telegram.fail("getUpdates", status=502, times=None)
            await telegram.say(telegram.add_private_chat(user), user, "hi")  # ends the long poll
            await _until(ready, {"telegram": False, "web": True})
            telegram.heal()
            await _until(ready, {"telegram": True, "web": True})


async def _until(ready: Callable[[], Awaitable[dict[str, bool]]], wanted: dict[str, bool]) -> None:
    async with asyncio.timeout(20):
        while await ready() != wanted:
            await asyncio.sleep(0.05)


# --- all of it at once ----------------------------------------------------------------------------


async def test_a_small_torture_breaks_no_promise(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "aiohttp.server")  # calls that a killed program leaves behind
    report = await kills.play(3, seed=3, each=2)

    assert report.broken == []
    assert report.verdict.outcomes["answered"] > 5


def test_some_minutes_of_the_core_leave_nothing_behind() -> None:
    report = soak.virtual_hour(300.0)

    assert report.left == []
    assert report.answers > 200


# --- the document ---------------------------------------------------------------------------------

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "reliability.md").read_text("utf-8")
MATRIX = PAGE.partition("## The matrix")[2].partition("\n## ")[0]
NAMED = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)
PARTS = ("gateway", "Discord REST", "Discord connection", "Telegram", "database", "disk full")


def test_every_line_of_the_matrix_names_a_test() -> None:
    lines = [line for line in MATRIX.splitlines() if line.startswith("|")]
    lines = [line for line in lines if not re.match(r"\|[-|]+\|$|\| what \|", line)]

    assert len(lines) > 30
    for line in lines:
        assert re.search(r"`test_\w+\.py::test_\w+`[^|]* \|$", line), line


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_every_test_that_the_page_names_exists(file: str) -> None:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    defined = {node.name for node in tree.body if isinstance(node, kinds)}

    assert {name for where, name in NAMED if where == file} <= defined


def test_every_reliability_test_is_named_on_the_page() -> None:
    named = {name for _, name in NAMED}
    for path in TESTS.glob("test_reliability*.py"):
        found = re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
        about = {name for name in found if "_page" not in name and "_matrix_names" not in name}
        assert about <= named, path.name


@pytest.mark.parametrize("part", [*PARTS, "clock", "process"])
def test_the_matrix_has_the_part_on_the_page(part: str) -> None:
    assert part.lower() in MATRIX.lower()
