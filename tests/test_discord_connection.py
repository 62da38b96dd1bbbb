"""How the Discord adapter connects, registers its commands, lives on and stops."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from discord.gateway import DiscordWebSocket

from adapters.discord import Discord
from adapters.discord.commands import choices, native
from adapters.discord.interactions import PROMPT
from adapters.discord.rest import api_base
from adapters.discord.shortcuts import SHORTCUTS
from bot.commands import COMMANDS, Command, Kind, Option
from bot.config import DiscordSettings
from bot.errors import AdapterError, Unreachable
from bot.interfaces import Surface
from bot.types import Page, Request
from tests.harbour import Harbour, harbour_with_bot, harbour_without_bot, never_run, serving


@pytest.fixture
async def quiet() -> AsyncIterator[Harbour]:
    async with harbour_without_bot() as harbour:
        yield harbour


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with harbour_with_bot() as harbour:
        yield harbour


async def test_the_commands_are_registered_with_their_options(harbour: Harbour) -> None:
    typed = [command for command in harbour.discord.commands if command["type"] == 1]
    registered = {command["name"]: command for command in typed}
    assert registered.keys() == {"ask", "help", "model", "image"}
    image = registered["image"]
    prompt, picture, count, shape = image["options"]
    assert (prompt["name"], prompt["type"], prompt["required"]) == ("prompt", 3, True)
    assert (picture["name"], picture["type"]) == ("image", 11)
    assert (count["type"], count["min_value"], count["max_value"]) == (4, 1, 4)
    assert [choice["value"] for choice in shape["choices"]] == ["16:9", "9:16"]
    name = registered["model"]["options"][0]
    assert (name["type"], name["autocomplete"], name["max_length"]) == (3, True, 6000)


async def test_discord_takes_the_bots_own_commands(quiet: Harbour) -> None:
    settings = {"token": quiet.discord.token, "api_url": quiet.discord.api_url}
    adapter = Discord(DiscordSettings.model_validate(settings))
    async with serving(adapter, quiet.handler):
        await quiet.discord.ready()
        registered = [each["name"] for each in quiet.discord.commands if each["type"] == 1]
    assert sorted(registered) == sorted(command.name for command in COMMANDS)


async def test_messages_have_commands_in_their_menu(harbour: Harbour) -> None:
    in_menus = [each["name"] for each in harbour.discord.commands if each["type"] == 3]
    assert in_menus == ["Ask about this", "Translate", "Make a picture of this"]


def test_no_menu_offers_what_the_bot_cannot_do() -> None:
    names = [each["name"] for each in native([Command("help", "Help.", never_run)])]
    assert names == ["help"]


def test_the_commands_in_menus_give_their_words_to_the_first_text_option() -> None:
    commands = {command.name: command for command in COMMANDS}
    for shortcut in SHORTCUTS:
        options = commands[shortcut.command].options
        assert next(one.name for one in options if one.kind is Kind.TEXT) == PROMPT


async def test_every_command_can_be_used_wherever_discord_has_a_place_for_it(
    harbour: Harbour,
) -> None:
    for command in harbour.discord.commands:
        assert (command["integration_types"], command["contexts"]) == ([0, 1], [0, 1, 2])


async def test_a_bot_that_people_may_not_install_for_themselves_has_its_commands_in_servers(
    quiet: Harbour,
) -> None:
    quiet.discord.fail("PUT", r"/applications/\d+/commands", status=400, code=50035)
    async with serving(quiet.adapter(), quiet.handler):
        await quiet.discord.ready()
        command = quiet.discord.commands[0]
    assert (command["integration_types"], command["contexts"]) == ([0], [0, 1])


def test_many_choices_are_offered_while_somebody_types() -> None:
    many = Option("number", "Which", choices=tuple(map(str, range(26))))
    option = native([Command("pick", "Pick.", never_run, (many,))])[0]["options"][0]
    assert (option["autocomplete"], "choices" in option) == (True, False)


def test_no_choice_is_offered_twice_or_cut() -> None:
    assert choices(["", "a", "a", "x" * 101, "x" * 100]) == [
        {"name": "a", "value": "a"},
        {"name": "x" * 100, "value": "x" * 100},
    ]


async def test_checking_says_who_we_are(quiet: Harbour) -> None:
    assert await quiet.adapter().check() == f"switchboard ({quiet.discord.bot_id})"


async def test_a_wrong_token_is_one_clear_sentence(quiet: Harbour) -> None:
    with pytest.raises(AdapterError, match="DISCORD_TOKEN"):
        await quiet.adapter(token="wrong").check()
    with pytest.raises(AdapterError, match="DISCORD_TOKEN"):
        await quiet.adapter(token="wrong").serve(quiet.handler)


async def test_a_missing_token_is_one_clear_sentence() -> None:
    with pytest.raises(AdapterError, match="DISCORD_TOKEN"):
        await Discord(DiscordSettings.model_validate({})).check()


async def test_a_token_withdrawn_later_ends_it(quiet: Harbour) -> None:
    task = asyncio.create_task(quiet.adapter().serve(quiet.handler))
    await quiet.discord.ready()
    await quiet.discord.drop_connections(code=4004)
    with pytest.raises(AdapterError, match="DISCORD_TOKEN"):
        await task


async def test_nobody_at_home_is_unreachable() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        settings = DiscordSettings.model_validate({"token": "any", "api_url": url})
        with pytest.raises(Unreachable):
            await Discord(settings).check()


async def test_a_refused_first_connection_is_tried_again(
    quiet: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    target = urlsplit(quiet.discord.api_url)
    door = socket.socket()
    door.bind(("127.0.0.1", 0))  # and not listening yet: connections are refused
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    noted = _Noted("trying again")
    with caplog.at_level(logging.INFO, "switchboard.discord"), noted:
        async with serving(quiet.adapter(api_url=url), quiet.handler):
            await asyncio.wait_for(noted.event.wait(), 5)
            async with _forwarding(door, str(target.hostname), int(target.port or 0)):
                await quiet.discord.ready()
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "trying again in 1." in warnings[0].getMessage()
    assert not any(record.exc_info for record in caplog.records)


async def test_a_connection_refused_after_the_login_is_tried_again(quiet: Harbour) -> None:
    quiet.discord.fail("GET", "/gateway/bot", status=503)
    async with serving(quiet.adapter(), quiet.handler):
        await quiet.discord.ready()


async def test_it_says_when_it_is_logged_in(
    quiet: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    noted = _Noted("logged in as switchboard")
    with caplog.at_level(logging.INFO, "switchboard.discord"), noted:
        async with serving(quiet.adapter(), quiet.handler):
            await asyncio.wait_for(noted.event.wait(), 5)


async def test_a_session_begun_afresh_goes_where_the_api_says(harbour: Harbour) -> None:
    # discord.py waits 5 s before it begins one; this is the address that it goes to then.
    assert str(DiscordWebSocket.DEFAULT_GATEWAY) == harbour.discord.gateway_url


async def test_a_withdrawn_intent_ends_nothing(quiet: Harbour) -> None:
    async with serving(quiet.adapter(), quiet.handler):
        await quiet.discord.ready()
        await quiet.discord.drop_connections(code=4014)
        await quiet.discord.wait_until(lambda: quiet.discord.sessions == 2)
        await quiet.discord.say(quiet.channel, quiet.alice, "hello", mention=True)
        assert (await quiet.answer()).content == "done"


async def test_a_lost_connection_is_resumed_and_nothing_is_missed(harbour: Harbour) -> None:
    await harbour.discord.drop_connections()
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    assert (await harbour.answer()).content == "done"
    assert harbour.discord.sessions == 1


async def test_the_bot_can_be_stopped_while_it_reconnects(
    quiet: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    noted = _Noted("Got a request to IDENTIFY")
    with caplog.at_level(logging.DEBUG, "discord.shard"), noted:
        task = asyncio.create_task(quiet.adapter().serve(quiet.handler))
        await quiet.discord.ready()
        await quiet.discord.invalidate_sessions()  # discord.py waits 5 s before it comes back
        await asyncio.wait_for(noted.event.wait(), 5)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=2.0)
    assert done == {task}


async def test_answers_under_way_say_goodbye_when_the_bot_is_stopped(quiet: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, "working"))
        try:
            await asyncio.Event().wait()
        finally:
            await surface.show(Page(0, "stopped"))

    quiet.handler.answer = answer
    async with serving(quiet.adapter(), quiet.handler):
        await quiet.discord.ready()
        await quiet.discord.say(quiet.channel, quiet.alice, "hello", mention=True)
        await quiet.answer()
    assert (await quiet.answer()).content == "stopped"


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("http://127.0.0.1:1234", "http://127.0.0.1:1234/api/v10"),
        ("https://discord.com/api", "https://discord.com/api/v10"),
        ("https://discord.com/api/v10", "https://discord.com/api/v10"),
        ("https://proxy.example/discord/v10/", "https://proxy.example/discord/v10"),
    ],
)
def test_the_address_of_the_api_may_be_short(given: str, base: str) -> None:
    assert api_base(given) == base


# --- a door that opens late ---


class _Noted(logging.Handler):
    """Tells when something with these words was logged."""

    def __init__(self, words: str) -> None:
        super().__init__(logging.DEBUG)
        self._words = words
        self.event = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage():
            self.event.set()

    def __enter__(self) -> None:
        logging.getLogger().addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)


@asynccontextmanager
async def _forwarding(door: socket.socket, host: str, port: int) -> AsyncIterator[None]:
    """Everything that comes to the door goes on to the port."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(2**16):
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside = await asyncio.open_connection(host, port)
        await asyncio.gather(pipe(reader, inside[1]), pipe(inside[0], writer))

    server = await asyncio.start_server(enter, sock=door)
    try:
        yield
    finally:
        server.close()
