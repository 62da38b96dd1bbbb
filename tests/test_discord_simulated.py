"""The simulated Discord's menus, forms, threads and installations: as strict as the real one.

What our adapter sends is held against Discord's own description of its API.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot.interfaces import Surface
from bot.types import Action, Manners, Menu, Page, Request
from tests.harbour import Answering, Harbour, harbour_with_bot, serving
from tests.simulators.discord import DiscordSimulator, Limits, Rate
from tests.simulators.discord.harbour import Harbour as Bare
from tests.simulators.discord.harbour import opened

SPEC = Path(__file__).parents[2] / "shared" / "specs" / "discord-openapi.json"
SELECT: dict[str, Any] = {"type": 3, "custom_id": "pick", "options": [{"label": "A", "value": "a"}]}
INPUT = {"type": 4, "custom_id": "answer", "style": 2}
LABEL = {"type": 18, "label": "Your answer", "component": INPUT}


@pytest.fixture
async def bare() -> AsyncIterator[Bare]:
    async with opened() as bare:
        yield bare


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with harbour_with_bot() as harbour:
        yield harbour


# --- menus and forms ---


@pytest.mark.parametrize(
    "select",
    [
        SELECT | {"options": []},
        SELECT | {"options": [{"label": str(n), "value": str(n)} for n in range(26)]},
        SELECT | {"options": SELECT["options"] * 2},
        SELECT | {"options": [{"label": "x" * 101, "value": "a"}]},
        SELECT | {"options": [{"label": "A", "value": "x" * 101}]},
        SELECT | {"options": [{"label": "", "value": "a"}]},
        SELECT | {"options": [{"label": "A", "value": "a", "description": "x" * 101}]},
        SELECT | {"placeholder": "x" * 151},
        SELECT | {"custom_id": "x" * 101},
    ],
)
async def test_a_menu_that_discord_would_refuse_is_refused(
    bare: Bare, select: dict[str, Any]
) -> None:
    body = {"content": "?", "components": [{"type": 1, "components": [select]}]}
    assert await bare.code("POST", "/channels/{channel}/messages", body) == 50035


@pytest.mark.parametrize(
    "modal",
    [
        {"components": []},
        {"components": [LABEL] * 6},
        {"title": "x" * 46},
        {"custom_id": "x" * 101},
        {"components": [LABEL | {"label": "x" * 46}]},
        {"components": [LABEL | {"description": "x" * 101}]},
        {"components": [LABEL | {"component": INPUT | {"style": 3}}]},
        {"components": [LABEL | {"component": INPUT | {"placeholder": "x" * 101}}]},
        {"components": [LABEL | {"component": INPUT | {"max_length": 4001}}]},
        {"components": [LABEL, LABEL]},
        {"components": [{"type": 1, "components": [INPUT]}]},
        {"components": [INPUT]},
    ],
)
async def test_a_form_that_discord_would_refuse_is_refused(
    harbour: Harbour, modal: dict[str, Any]
) -> None:
    bare = Bare(harbour.discord, harbour.guild, harbour.channel, harbour.alice, harbour.mo)
    harbour.discord.fail("POST", r"/interactions/.*", status=500, times=2)
    asked = await harbour.discord.use(harbour.channel, harbour.alice, "help")
    data = {"custom_id": "form", "title": "Form", "components": [LABEL]}
    path = f"/interactions/{asked.id}/{asked.token}/callback"
    await harbour.answer()
    assert await bare.code("POST", path, {"type": 9, "data": data | modal}) == 50035
    assert (await bare.call("POST", path, {"type": 9, "data": data}))[0] == 204
    with pytest.raises(AssertionError):
        await harbour.discord.submit(asked, answer="")
    with pytest.raises(AssertionError):
        await harbour.discord.submit(asked, something="else")


async def test_people_pick_only_what_a_menu_offers(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, "?", menus=[Menu("m", (Action("A", "/a"), Action("B", "/b")))]))

    harbour.handler.answer = answer
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    seen = await harbour.answer()
    for values in ((), ("/c",), ("/a", "/b")):
        with pytest.raises(AssertionError):
            await harbour.discord.press(harbour.channel, harbour.alice, seen.id, "menu 0", *values)


# --- threads ---


async def test_a_thread_that_discord_would_refuse_is_refused(bare: Bare) -> None:
    said = await bare.server.say(bare.channel, bare.alice, "hello")
    path = f"/channels/{{channel}}/messages/{said}/threads"
    for body in ({}, {"name": ""}, {"name": "x" * 101}, {"name": "x", "auto_archive_duration": 5}):
        assert await bare.code("POST", path, body) == 50035
    missing = "/channels/{channel}/messages/1/threads"
    assert await bare.code("POST", missing, {"name": "x"}) == 10008
    bare.server.deny(bare.channel, "CREATE_PUBLIC_THREADS")
    assert await bare.code("POST", path, {"name": "x"}) == 50013
    bare.server.deny(bare.channel)
    status, told, _ = await bare.call("POST", path, {"name": "x"})
    assert (status, told["id"], told["owner_id"]) == (201, said, bare.server.bot_id)
    assert await bare.code("POST", path, {"name": "x"}) == 160004
    starter = bare.server.messages(said)[0]
    inside = f"/channels/{said}/messages/{starter.id}/threads"
    assert await bare.code("POST", inside, {"name": "x"}) == 50024


async def test_an_archived_thread_takes_no_edit_and_opens_with_a_message(bare: Bare) -> None:
    thread = bare.server.add_thread(bare.channel, "plans")
    path = f"/channels/{thread}/messages"
    _, sent, _ = await bare.call("POST", path, {"content": "one"})
    bare.server.archive(thread)
    assert await bare.code("PATCH", f"{path}/{sent['id']}", {"content": "two"}) == 50083
    await bare.call("POST", path, {"content": "three"})
    assert (await bare.call("PATCH", f"{path}/{sent['id']}", {"content": "two"}))[0] == 200


async def test_nobody_writes_into_a_forum_itself(bare: Bare) -> None:
    forum = bare.server.add_forum(bare.guild, "questions")
    assert await bare.code("POST", f"/channels/{forum}/messages", {"content": "x"}) == 50008
    with pytest.raises(AssertionError):
        await bare.server.say(forum, bare.alice, "hello")


# --- commands in menus, and installations ---


@pytest.mark.parametrize(
    "command",
    [
        {"type": 3, "name": "x" * 33},
        {"type": 3, "name": "Translate", "description": "Into my language"},
        {"type": 3, "name": "Translate", "contexts": [3]},
        {"type": 1, "name": "ask", "description": "Ask.", "integration_types": [2]},
    ],
)
async def test_commands_that_discord_would_refuse_are_refused(
    bare: Bare, command: dict[str, Any]
) -> None:
    path = f"/applications/{bare.server.application_id}/commands"
    assert await bare.code("PUT", path, [command]) == 50035


async def test_where_the_bot_is_no_member_it_has_no_way_in(harbour: Harbour) -> None:
    bare = Bare(harbour.discord, harbour.guild, harbour.channel, harbour.alice, harbour.mo)
    abroad = harbour.discord.add_channel(harbour.discord.add_guild("Abroad", bot=False), "chat")
    with pytest.raises(AssertionError):
        await harbour.discord.use(abroad, harbour.alice, "help")
    harbour.discord.install(harbour.alice)
    await harbour.discord.use(abroad, harbour.alice, "help")
    await harbour.answer(abroad)
    for path in (f"/channels/{abroad}", f"/channels/{abroad}/messages"):
        assert await bare.code("GET", path) == 50001
    await harbour.discord.say(abroad, harbour.alice, "hello", mention=True)
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    await harbour.answer()
    assert len(harbour.handler.requests) == 2


# --- what our adapter sends ---


@pytest.mark.skipif(not SPEC.exists(), reason="Discord's OpenAPI description is not at hand")
async def test_what_the_adapter_sends_conforms_to_discords_own_description() -> None:
    async def answer(request: Request, surface: Surface) -> None:
        actions = (Action("Help", "/help"), Action("Set …", "/persona ", ask="Who?"))
        await surface.show(Page(0, "done", actions=actions, menus=[Menu("Pick", actions)]))

    limits = Limits(send=Rate(50, 5.0))
    async with DiscordSimulator(identify_every=0.0, limits=limits) as discord:
        harbour = Harbour(discord, Answering(answer))
        harbour.handler.behaviour = Manners(opens_threads=True)
        async with serving(harbour.adapter(), harbour.handler):
            await discord.ready()
            await _use_everything(harbour)
            exchanges = discord.exchanges
    spec = json.loads(SPEC.read_text())
    known = {_shape(path): operations for path, operations in spec["paths"].items()}
    checked = set()
    for exchange in exchanges:
        operation = known[_shape(exchange.route)][exchange.method.lower()]
        checked.add((exchange.method, _shape(exchange.route)))
        if exchange.sent:
            body = operation["requestBody"]["content"]["application/json"]["schema"]
            _conform(body, exchange.sent, spec, exchange.path)
        if exchange.answered is not None and exchange.status < 400:
            answered = operation["responses"][str(exchange.status)]["content"]["application/json"]
            _conform(answered["schema"], exchange.answered, spec, exchange.path)
    assert ("POST", "/channels/{}/messages/{}/threads") in checked
    assert ("PUT", "/applications/{}/commands") in checked
    assert len(checked) >= 7, checked


async def _use_everything(harbour: Harbour) -> None:
    discord = harbour.discord
    asked = await discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    seen = await harbour.answer(asked)
    pressed = await discord.press(asked, harbour.alice, seen.id, "/persona ¿Who?")
    assert await pressed.answered()
    await discord.submit(pressed, answer="a cat")
    picked = await discord.press(asked, harbour.alice, seen.id, "menu 0", "/help")
    assert await picked.answered()
    about = await discord.choose(harbour.channel, harbour.mo, asked, "Ask about this")
    assert await about.answered()
    await discord.submit(about, answer="why?")
    await discord.wait_until(lambda: len(harbour.handler.requests) == 4)
    await discord.wait_until(lambda: len(discord.messages(harbour.channel)) == 2)
    await discord.wait_until(lambda: len(discord.messages(asked)) == 4)


def _shape(path: str) -> str:
    """A path's template without the names of its parameters."""
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


def _conform(schema: dict[str, Any], value: Any, spec: dict[str, Any], where: str) -> None:
    validator = jsonschema.Draft202012Validator(schema | {"components": spec["components"]})
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    assert error is None, f"{where}: {error}"
