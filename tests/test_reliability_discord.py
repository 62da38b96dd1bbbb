"""The fault matrix, Discord's rows, its REST API and its connection: what a person sees, what
history holds, what is charged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from bot.interfaces import Surface
from bot.types import Action, Channel, Page, Request
from tests.fakes import turn_in
from tests.harbour import Answering, harbour_without_bot, serving
from tests.simulators.discord import DiscordSimulator
from tests.torture.house import House, Outcome, house, of_bot
from tests.torture.oracle import answer, question, spoken

AT_ONCE, SLOWLY = 2000.0, 12.0  # words a second
FEW, MANY = 3, 14  # words: few go out as one message that is final, many as one that grows

SEND = ("POST", "/channels/{}/messages")
EDIT = ("PATCH", "/channels/{}/messages/.*")
ANSWER = ("PATCH", "/webhooks/.*")
CALLBACK = ("POST", "/interactions/.*")


@dataclass(frozen=True, slots=True)
class Cell:
    """``call`` goes wrong so often. ``slash`` says that the question is asked with /ask."""

    call: tuple[str, str]
    fault: Mapping[str, Any]
    times: int = 1
    words: int = FEW
    slash: bool = False


def _every_fault(call: tuple[str, str], what: str, **more: Any) -> dict[str, Cell]:
    faults: dict[str, tuple[dict[str, Any], int]] = {
        "429": ({"status": 429, "retry_after": 0.5}, 1),
        "5xx": ({"status": 500}, 2),
        "reset before": ({"reset": True}, 2),
        "reset after": ({"reset_after": True}, 2),
        "slow": ({"delay": 0.6}, 2),
    }
    return {
        f"{what}: {name}": Cell(call, fault, times, **more)
        for name, (fault, times) in faults.items()
    }


MENTIONED = _every_fault(SEND, "send") | _every_fault(EDIT, "edit", words=MANY)
ASKED = _every_fault(ANSWER, "answer to an interaction", slash=True)
CELLS = MENTIONED | ASKED


async def play(place: House, cell: Cell) -> Outcome:
    """In a channel of its own; an interaction's calls are told from others by its token."""
    discord = place.discord
    assert discord is not None
    channel = discord.add_channel(discord.add_guild("Harbour"), "general")
    person = discord.add_user("Dora")
    number = int(channel) % 10**6
    rate = AT_ONCE if cell.words == FEW else SLOWLY
    asked = question(number, cell.words, rate)
    method, path = cell.call
    if cell.slash:
        used = await discord.use(channel, person, "ask", prompt=asked)
        path = path.replace("/webhooks/.*", f"/webhooks/\\d+/{used.token}/.*")
        discord.fail(method, path, times=cell.times, **cell.fault)
        source = used.id
    else:
        discord.fail(method, path.format(channel), times=cell.times, **cell.fault)
        source = await discord.say(channel, person, asked, mention=True)
    turn = await place.ended(source)
    seen = of_bot(discord, channel)
    labels = [
        [one.get("label", "") for row in each.components for one in row["components"]]
        for each in seen
    ]
    return Outcome([one.content for one in seen], labels, turn, place.gateway.asked[number])


@asynccontextmanager
async def discord_house(**more: Any) -> AsyncIterator[House]:
    async with (
        DiscordSimulator(identify_every=0.0) as discord,
        house(with_discord=discord, **more) as place,
    ):
        yield place


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    async def played() -> dict[str, Outcome]:
        async with discord_house() as place, asyncio.TaskGroup() as tasks:
            begun = {name: tasks.create_task(play(place, cell)) for name, cell in CELLS.items()}
        return {name: task.result() for name, task in begun.items()}

    return asyncio.run(played())


@pytest.mark.parametrize("name", CELLS)
def test_discord(name: str, outcomes: dict[str, Outcome]) -> None:
    cell, came = CELLS[name], outcomes[name]

    [text], [buttons] = came.texts, came.buttons
    words = spoken(text)
    assert [place for _, place in words] == list(range(cell.words))
    assert "Retry" in buttons
    assert "Stop" not in buttons
    assert came.turn is not None
    assert came.turn.reply == answer(words[0][0], cell.words)
    assert came.turn.reply_tokens > 0
    assert came.asked == 1


@pytest.mark.parametrize("faults", [1, 2])
@pytest.mark.parametrize("kind", ["429", "5xx", "reset", "reset_after"])
async def test_an_acknowledgement_that_fails_costs_no_answer(kind: str, faults: int) -> None:
    """Where Discord never heard it, the person reads that the application did not respond, and
    below that the answer."""
    fault: dict[str, Any] = {"429": {"status": 429}, "5xx": {"status": 500}}.get(kind, {kind: True})
    async with discord_house() as place:
        discord = place.discord
        assert discord is not None
        channel = discord.add_channel(discord.add_guild("Harbour"), "general")
        discord.fail(*CALLBACK, times=faults, **fault)
        used = await discord.use(
            channel, discord.add_user("Dora"), "ask", prompt=question(1, FEW, AT_ONCE)
        )
        turn = await place.ended(used.id)

        [seen] = of_bot(discord, channel)
        assert len(spoken(seen.content)) == FEW
        assert turn.status == "done"
        assert place.gateway.asked[1] == 1


async def _break(discord: DiscordSimulator, how: str) -> None:
    match how:
        case "dropped":
            await discord.drop_connections()
        case "asked to reconnect":
            await discord.ask_to_reconnect()
        case "session invalidated":
            await discord.invalidate_sessions()


@pytest.mark.parametrize("how", ["dropped", "asked to reconnect", "session invalidated"])
async def test_an_answer_under_way_outlives_the_connection_and_the_next_is_heard(how: str) -> None:
    async with discord_house() as place:
        discord = place.discord
        assert discord is not None
        channel = discord.add_channel(discord.add_guild("Harbour"), "general")
        dora = discord.add_user("Dora")
        first = await discord.say(channel, dora, question(1, MANY, SLOWLY), mention=True)
        await discord.wait_for(channel, lambda seen: "q1k2" in seen.content)
        await _break(discord, how)
        assert (await place.ended(first)).reply == answer(1, MANY)
        await discord.ready(timeout=10)
        second = await discord.say(channel, dora, question(2, FEW, AT_ONCE), mention=True)
        assert (await place.ended(second)).reply == answer(2, FEW)

        assert [len(spoken(seen.content)) for seen in of_bot(discord, channel)] == [MANY, FEW]


async def test_what_is_asked_while_the_connection_is_down_is_answered_once() -> None:
    async with discord_house() as place:
        discord = place.discord
        assert discord is not None
        channel = discord.add_channel(discord.add_guild("Harbour"), "general")
        await discord.drop_connections()
        source = await discord.say(
            channel, discord.add_user("Dora"), question(1, FEW, AT_ONCE), mention=True
        )
        await place.ended(source)
        await discord.redeliver(source)
        later = await discord.say(
            channel, discord.add_user("Tom"), question(2, FEW, AT_ONCE), mention=True
        )
        await place.ended(later)

        assert place.gateway.asked == {1: 1, 2: 1}
        assert len(of_bot(discord, channel)) == 2


# --- after the program has died -------------------------------------------------------------------


async def test_after_a_restart_the_answer_takes_the_place_of_is_thinking() -> None:
    async with harbour_without_bot() as harbour:
        discord = harbour.discord
        async with serving(harbour.adapter(), Answering(_never)):
            await discord.ready()
            used = await discord.use(harbour.channel, harbour.alice, "ask", prompt="hi")
            assert await used.answered()

        adapter, handler = harbour.adapter(), Answering()
        async with serving(adapter, handler):
            await discord.ready()
            where = Channel("discord", harbour.guild, harbour.channel)
            surface = adapter.reopen(turn_in(where, source=used.id))
            await surface.show(Page(0, "answered", final=True))

        [seen] = of_bot(discord, harbour.channel)
        assert (seen.content, seen.thinking, seen.interaction) == ("answered", False, used.id)


async def test_after_a_restart_a_message_that_its_nonce_finds_shows_what_is_new() -> None:
    async with harbour_without_bot() as harbour:
        discord = harbour.discord
        asked = await discord.say(harbour.channel, harbour.alice, "hi")
        where = Channel("discord", harbour.guild, harbour.channel)
        for text, label in (("half", "Stop"), ("all of it", "Retry")):
            adapter = harbour.adapter()
            async with serving(adapter, harbour.handler):
                await discord.ready()
                surface = adapter.reopen(turn_in(where, source=asked))
                await surface.show(Page(0, text, actions=(Action(label, "/help"),)))

        [seen] = of_bot(discord, harbour.channel)
        assert seen.content == "all of it"
        assert seen.components[0]["components"][0]["label"] == "Retry"


async def _never(request: Request, surface: Surface) -> None:
    await asyncio.Event().wait()
