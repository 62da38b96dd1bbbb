"""The Discord adapter on a server that says no more than Discord's description makes it say, and
sometimes less: only the routes that a bot needs, no field that may be left out."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import pytest
from aiohttp import WSMsgType, web

from adapters.discord import Discord
from adapters.discord.connection import Connection, set_up_library
from bot.config import DiscordSettings
from bot.errors import AdapterError, SwitchboardError, Unreachable
from tests.harbour import OURS, Answering, serving

Json = dict[str, Any]

TOKEN = "a-token-of-no-use"
BOT, APPLICATION, ALICE = "1001", "1002", "1003"
GUILD, CHANNEL, DIRECT = "2000", "2001", "2003"
USER = {"id": ALICE, "username": "alice", "discriminator": "0", "avatar": None}
ME = {"id": BOT, "username": "bot", "discriminator": "0", "avatar": None}
MESSAGE = {"id": "3001", "type": 0, "channel_id": DIRECT, "author": USER, "content": "hello"}
COMMAND = {
    "id": "3002",
    "application_id": APPLICATION,
    "type": 2,
    "token": "t",
    "data": {"id": "1", "name": "help", "type": 1},
    "guild_id": GUILD,
    "channel_id": CHANNEL,
    "member": {"user": USER, "permissions": "0"},
}


class MinimalDiscord:
    """REST and one WebSocket on 127.0.0.1. ``shown`` is what the bot posts: (where, text)."""

    def __init__(self, *, shards: int = 1, gateways: tuple[str, ...] = ("/gateway/bot",)) -> None:
        self.shards = shards
        self.gateways = set(gateways)
        self.sessions = 0
        self.shown: list[tuple[str, str]] = []
        self._sockets: list[web.WebSocketResponse] = []
        self._changed = asyncio.Event()
        self._last_id = 9000

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/connection", self._connect)
        app.router.add_route("*", "/api/v10{path:/.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for socket in self._sockets:
            await socket.close()
        await self._runner.cleanup()

    def adapter(self, path: str = "") -> Discord:
        settings = {"token": TOKEN, "api_url": f"http://{self.host}{path}"}
        return Discord(DiscordSettings.model_validate(settings), OURS)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def ready(self) -> None:
        await self.until(lambda: self.sessions == self.shards)

    async def dispatch(self, event: str, payload: Any, sequence: int = 2) -> None:
        for socket in self._sockets:
            await self._send(socket, {"op": 0, "t": event, "s": sequence, "d": payload})

    async def _send(self, socket: web.WebSocketResponse, frame: Json) -> None:
        await socket.send_str(json.dumps(frame))

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await self._send(socket, {"op": 10, "d": {"heartbeat_interval": 45000}})
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            frame = json.loads(message.data)
            if frame["op"] == 1:
                await self._send(socket, {"op": 11})
            elif frame["op"] == 2:
                await self._identified(socket)
        return socket

    async def _identified(self, socket: web.WebSocketResponse) -> None:
        self.sessions += 1
        ready = {
            "v": 10,
            "user": ME,
            "guilds": [{"id": GUILD, "unavailable": True}],
            "session_id": f"session {self.sessions}",
            "resume_gateway_url": f"ws://{self.host}/connection",
        }
        await self._send(socket, {"op": 0, "t": "READY", "s": 1, "d": ready})
        everyone = {"id": GUILD, "name": "@everyone", "permissions": "0"}
        channel = {"id": CHANNEL, "type": 0, "name": "general", "position": 0}
        guild = {"id": GUILD, "name": "Harbour", "roles": [everyone], "channels": [channel]}
        await self._send(socket, {"op": 0, "t": "GUILD_CREATE", "s": 2, "d": guild})
        self._sockets.append(socket)
        self._changed.set()

    async def _answer(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bot {TOKEN}"
        path = request.match_info["path"]
        answer: Any = None
        if path == "/users/@me":
            answer = ME
        elif path == "/oauth2/applications/@me":
            answer = {"id": APPLICATION, "name": "bot", "description": "", "icon": None}
            answer |= {"bot_public": True, "bot_require_code_grant": False, "owner": USER}
            answer |= {"verify_key": ""}
        elif path in self.gateways:
            answer = {"url": f"ws://{self.host}/connection"}
            answer |= {"shards": self.shards} if path == "/gateway/bot" else {}
        elif path == f"/applications/{APPLICATION}/commands" and request.method == "PUT":
            answer = []
        elif path.startswith("/interactions/"):
            return web.Response(status=204)
        elif path.startswith("/webhooks/") or path.endswith("/messages"):
            answer = await self._post(path, await request.json())
        if answer is None:
            answer = {"message": "404: Not Found", "code": 0}
            return web.Response(
                status=404, text=json.dumps(answer), content_type="application/json"
            )
        # discord.py wants the plain type, without a charset.
        headers = {"Content-Type": "application/json"}
        return web.Response(body=json.dumps(answer).encode(), headers=headers)

    async def _post(self, path: str, body: Json) -> Json:
        self._last_id += 1
        self.shown.append((path, body["content"]))
        self._changed.set()
        return {"id": str(self._last_id)}


@pytest.fixture
async def discord() -> AsyncIterator[MinimalDiscord]:
    async with MinimalDiscord() as discord:
        yield discord


@asynccontextmanager
async def bot_on(discord: MinimalDiscord, path: str = "") -> AsyncIterator[Answering]:
    handler = Answering()
    async with serving(discord.adapter(path), handler):
        await discord.ready()
        yield handler


def assert_no_trouble(discord: MinimalDiscord, caplog: pytest.LogCaptureFixture) -> None:
    """One session, and nothing in the log that looks like a crash."""
    assert discord.sessions == discord.shards
    assert not [record for record in caplog.records if record.exc_info]
    assert not [record for record in caplog.records if "never retrieved" in record.getMessage()]


# --- what a connection needs ---


async def test_messages_and_commands_are_answered_where_nothing_optional_is_said(
    discord: MinimalDiscord, caplog: pytest.LogCaptureFixture
) -> None:
    async with bot_on(discord) as handler:
        await discord.dispatch("MESSAGE_CREATE", MESSAGE)
        await discord.dispatch("INTERACTION_CREATE", COMMAND)
        await discord.until(lambda: len(discord.shown) == 2)
    assert sorted(discord.shown) == [
        (f"/channels/{DIRECT}/messages", "done"),
        (f"/webhooks/{APPLICATION}/t/messages/@original", "done"),
    ]
    limits = [surface.capabilities.file_limit for surface in handler.surfaces]
    assert limits == [10 * 2**20] * 2
    assert_no_trouble(discord, caplog)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_every_connection_gets_its_own_number_where_ready_does_not_say_it() -> None:
    ready: set[int] = set()

    class InAHurry(Connection):
        async def before_identify_hook(
            self, shard_id: int | None, *, initial: bool = False
        ) -> None:
            """discord.py would wait 5 s between two connections."""

        async def on_shard_ready(self, shard_id: int) -> None:
            ready.add(shard_id)
            if len(ready) == 2:
                await self.close()

    async def nothing(application_id: int) -> None:
        pass

    async with MinimalDiscord(shards=2) as discord:
        set_up_library(f"http://{discord.host}/api/v10")
        async with asyncio.timeout(5), InAHurry(lambda *_: None, nothing) as connection:
            await connection.start(TOKEN)
    assert ready == {0, 1}


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("MESSAGE_CREATE", {}),
        ("MESSAGE_CREATE", {**MESSAGE, "author": None}),
        ("MESSAGE_CREATE", {**MESSAGE, "guild_id": "no number"}),
        ("MESSAGE_CREATE", [1, 2]),
        ("INTERACTION_CREATE", None),
        ("INTERACTION_CREATE", {"type": 2}),
        ("INTERACTION_CREATE", {**COMMAND, "member": None}),
        ("INTERACTION_CREATE", {**COMMAND, "token": None, "data": {"name": "help"}, "id": {}}),
        ("GUILD_CREATE", {"id": "2009", "channels": [{"id": "no number", "type": 0}]}),
        ("GUILD_ROLE_UPDATE", {}),
        ("CHANNEL_UPDATE", None),
        ("THREAD_LIST_SYNC", {"guild_id": GUILD}),
        ("TYPING_START", {}),
        ("MESSAGE_UPDATE", {}),
        ("VOICE_STATE_UPDATE", None),
        ("SOMETHING_NEW", {"a": 1}),
    ],
)
async def test_an_event_that_nobody_can_read_costs_nothing(
    discord: MinimalDiscord, caplog: pytest.LogCaptureFixture, event: str, payload: Any
) -> None:
    async with bot_on(discord) as handler:
        await discord.dispatch(event, payload)
        await discord.dispatch("MESSAGE_CREATE", MESSAGE, sequence=3)
        await asyncio.wait_for(handler.answered.wait(), 5)
    assert [request.source for request in handler.requests] == ["3001"]
    assert_no_trouble(discord, caplog)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"mentions": None},
        {"mentions": None, "member": None, "attachments": None, "mention_roles": None},
        {"referenced_message": None, "message_reference": None, "type": 19},
        {"guild_id": None, "webhook_id": None, "member": None},
    ],
)
async def test_fields_that_are_null_are_fields_that_are_missing(
    discord: MinimalDiscord, caplog: pytest.LogCaptureFixture, spoilt: Json
) -> None:
    in_server = {**MESSAGE, "id": "3009", "guild_id": GUILD, "channel_id": CHANNEL}
    async with bot_on(discord) as handler:
        await discord.dispatch("MESSAGE_CREATE", {**in_server, **spoilt})
        await discord.dispatch("MESSAGE_CREATE", {**MESSAGE, **spoilt}, sequence=3)
        await asyncio.wait_for(handler.answered.wait(), 5)
        await discord.until(lambda: len(discord.shown) == len(handler.requests))
    # Without a server it is a private message, which is for the bot whoever it mentions.
    private = "guild_id" in spoilt
    assert [request.source for request in handler.requests] == ["3009"] * private + ["3001"]
    assert_no_trouble(discord, caplog)
    assert "cannot be read" not in caplog.text


# --- the address ---


@pytest.mark.parametrize("path", ["", "/", "//", "/api", "/api/", "/api/v10", "/api/v10/"])
async def test_the_address_may_be_written_in_every_way(discord: MinimalDiscord, path: str) -> None:
    assert await discord.adapter(path).check() == f"bot ({BOT})"
    async with bot_on(discord, path):
        await discord.dispatch("MESSAGE_CREATE", MESSAGE)
        await discord.until(lambda: discord.shown != [])


async def test_where_there_is_no_gateway_for_bots_the_plain_one_will_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with MinimalDiscord(gateways=("/gateway",)) as discord, bot_on(discord):
        await discord.dispatch("MESSAGE_CREATE", MESSAGE)
        await discord.until(lambda: discord.shown != [])
        assert_no_trouble(discord, caplog)


async def test_without_any_gateway_it_says_what_to_check_and_tries_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with MinimalDiscord(gateways=()) as discord:
        async with serving(discord.adapter(), Answering()):
            await _until(lambda: "trying again" in caplog.text)
            discord.gateways.add("/gateway")
            await discord.ready()
        assert_no_trouble(discord, caplog)
    [told] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "DISCORD_API_URL" in told.getMessage()
    assert f"http://{discord.host}/api/v10" in told.getMessage()


# --- the doctor ---

HTML = "<html><body>Welcome to nginx! secret-of-the-upstream</body></html>"


@asynccontextmanager
async def answering(response: Callable[[], web.Response]) -> AsyncIterator[str]:
    """The address of somebody who answers everything alike."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return response()

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def asking(url: str) -> Discord:
    return Discord(DiscordSettings.model_validate({"token": TOKEN, "api_url": url}), OURS)


@pytest.mark.parametrize(
    ("status", "text", "names"),
    [
        (200, '{"ok": true, "result": "secret-of-the-upstream"}', "DISCORD_API_URL"),
        (200, '{"id": 5, "username": null}', "DISCORD_API_URL"),
        (200, '["secret-of-the-upstream"]', "DISCORD_API_URL"),
        (200, '"secret-of-the-upstream"', "DISCORD_API_URL"),
        (200, "[" * 100_000, "DISCORD_API_URL"),
        (200, "", "DISCORD_API_URL"),
        (204, "", "DISCORD_API_URL"),
        (200, HTML, "DISCORD_API_URL"),
        (302, HTML, "DISCORD_API_URL"),
        (403, HTML, "DISCORD_API_URL"),
        (404, '{"message": "secret-of-the-upstream", "code": "x"}', "DISCORD_API_URL"),
        (503, HTML, "DISCORD_API_URL"),
        (401, '{"message": "401: secret-of-the-upstream", "code": 0}', "DISCORD_TOKEN"),
        (429, '{"message": "secret-of-the-upstream", "retry_after": 3}', "3 seconds"),
    ],
)
async def test_the_doctor_says_in_a_sentence_what_to_check(
    status: int, text: str, names: str
) -> None:
    def response() -> web.Response:
        return web.Response(status=status, text=text, headers={"Location": "/elsewhere"})

    async with answering(response) as url:
        with pytest.raises(SwitchboardError) as error:
            await asking(url).check()
    notice = error.value.notice
    assert names in notice
    assert "upstream" not in notice
    assert TOKEN not in notice
    assert isinstance(error.value, AdapterError | Unreachable)


async def test_the_doctor_says_where_nobody_answers(discord: MinimalDiscord) -> None:
    url = f"http://{discord.host}"
    await discord.__aexit__(None, None, None)
    with pytest.raises(Unreachable) as error:
        await asking(url).check()
    assert error.value.notice == (
        f"Nobody answers at {url}/api/v10; check DISCORD_API_URL and the network."
    )


@pytest.mark.parametrize(
    ("status", "text"), [(200, '{"ok": true}'), (200, HTML), (404, HTML), (403, HTML)]
)
async def test_serving_at_the_wrong_address_says_what_to_check_and_goes_on(
    caplog: pytest.LogCaptureFixture, status: int, text: str
) -> None:
    kind = "application/json" if text.startswith("{") else "text/html"

    def response() -> web.Response:
        return web.Response(status=status, body=text.encode(), headers={"Content-Type": kind})

    async with answering(response) as url, serving(asking(url), Answering()):
        await _until(lambda: "trying again" in caplog.text)
    [told] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert f"{url}/api/v10" in told.getMessage()
    assert "DISCORD_API_URL" in told.getMessage()
    assert "upstream" not in told.getMessage()
    assert told.exc_info is None


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)
