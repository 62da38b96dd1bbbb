"""The simulated Discord is as strict as Discord, by bare HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.simulators.discord import Limits, Rate
from tests.simulators.discord.harbour import Harbour, form, identify, opened


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    """Without the narrow limits of a channel, which would make most of these tests wait."""
    async with opened(limits=Limits(send=Rate(50, 5.0), edit=Rate(50, 5.0))) as place:
        yield place


# --- messages -------------------------------------------------------------------------------------


def _button(**more: object) -> dict[str, object]:
    return {"type": 2, "style": 1, "label": "x", "custom_id": "x"} | more


def _rows(*rows: list[dict[str, object]]) -> dict[str, object]:
    return {"content": "x", "components": [{"type": 1, "components": row} for row in rows]}


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({"content": "x" * 2001}, 50035, "content"),
        ({"content": 5}, 50035, "content"),
        ({}, 50006, None),
        ({"content": " \n "}, 50006, None),
        ({"content": "x", "nonce": "n" * 26}, 50035, "nonce"),
        ({"content": "x", "message_reference": {"message_id": "1"}}, 50035, "message_reference"),
        (
            {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
            50035,
            "allowed_mentions",
        ),
        ({"content": "x", "allowed_mentions": {"parse": ["cats"]}}, 50035, "allowed_mentions"),
        ({"embeds": [{"description": "x" * 4097}]}, 50035, "embeds"),
        ({"embeds": [{"description": "x" * 3500}] * 2}, 50035, "embeds"),
        ({"content": "x", "attachments": [{"id": 0}]}, 50035, "attachments"),
        (_rows([_button(custom_id="x" * 101)]), 50035, "components"),
        (_rows([_button(label="x" * 81)]), 50035, "components"),
        (_rows([_button(label=None)]), 50035, "components"),
        (_rows([_button(style=9)]), 50035, "components"),
        (_rows([_button(style=5)]), 50035, "components"),
        (_rows([_button(), _button()]), 50035, "components"),
        (_rows([_button(custom_id=str(n)) for n in range(6)]), 50035, "components"),
        (_rows(*([_button(custom_id=str(n))] for n in range(6))), 50035, "components"),
        (_rows([]), 50035, "components"),
        (_rows([{"type": 77}]), 50035, "components"),
        ({"content": "x", "components": [{"type": 10, "content": "x"}]}, 50035, "components"),
        (
            {"content": "x", "flags": 1 << 15, "components": [{"type": 10, "content": "x"}]},
            50035,
            "content",
        ),
        ({"flags": 1 << 15, "components": [{"type": 14}] * 41}, 50035, "components"),
        (
            {"flags": 1 << 15, "components": [{"type": 10, "content": "x" * 2500}] * 2},
            50035,
            "components",
        ),
    ],
)
async def test_a_message_that_discord_would_refuse_is_refused(
    harbour: Harbour, body: dict[str, Any], code: int, path: str | None
) -> None:
    status, told, _ = await harbour.call("POST", "/channels/{channel}/messages", body)
    assert (status, told["code"]) == (400, code)
    assert path is None or list(told["errors"]) == [path]
    assert harbour.server.messages(harbour.channel) == []


async def test_the_error_tree_names_the_field_and_the_rule(harbour: Harbour) -> None:
    body = _rows([_button(), _button(custom_id="y", label="x" * 81)])
    _, told, _ = await harbour.call("POST", "/channels/{channel}/messages", body)
    assert told["message"] == "Invalid Form Body"
    fault = told["errors"]["components"]["0"]["components"]["1"]["label"]["_errors"][0]
    assert fault == {"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 80 or fewer in length."}


async def test_what_is_within_every_limit_is_taken(harbour: Harbour) -> None:
    rows = [[_button(custom_id=f"{row}{n}" + "x" * 98) for n in range(5)] for row in range(5)]
    body = _rows(*rows) | {"content": "x" * 2000, "embeds": [{"description": "x" * 4096}]}
    status, _, _ = await harbour.call("POST", "/channels/{channel}/messages", body)
    assert status == 200
    layout = [{"type": 17, "components": [{"type": 10, "content": "x" * 4000}]}]
    body = {"flags": 1 << 15, "components": layout}
    status, told, _ = await harbour.call("POST", "/channels/{channel}/messages", body)
    assert status == 200, told
    # A layout is for good: it cannot be edited back into text.
    edit = f"/channels/{{channel}}/messages/{told['id']}"
    assert await harbour.code("PATCH", edit, {"content": "x", "flags": 0}) == 50035


async def test_files_have_limits_in_number_and_size(harbour: Harbour) -> None:
    path, ten = "/channels/{channel}/messages", [b"x"] * 10
    status, told, _ = await harbour.call("POST", path, data=form(*ten))
    assert (status, len(told["attachments"])) == (200, 10)
    assert await harbour.code("POST", path, data=form(*ten, b"x")) == 30015
    edit = f"{path}/{told['id']}"
    assert await harbour.code("PATCH", edit, data=form(b"x")) == 30015
    large = bytes(10 * 2**20)
    assert (await harbour.call("POST", path, data=form(large, large)))[0] == 200
    status, told, _ = await harbour.call("POST", path, data=form(large + b"x"))
    assert (status, told["code"]) == (413, 40005)
    assert await harbour.code("POST", path, data=form(large, large, large)) == 40005


async def test_file_fields_are_known_by_their_literal_brackets_only(harbour: Harbour) -> None:
    form = aiohttp.FormData()
    form.add_field("files%5B0%5D", b"x", filename="x.txt")
    assert await harbour.code("POST", "/channels/{channel}/messages", data=form) == 50006


async def test_an_attachment_is_served_at_its_signed_address_only(harbour: Harbour) -> None:
    _, told, _ = await harbour.call("POST", "/channels/{channel}/messages", data=form(b"bytes"))
    url = told["attachments"][0]["url"]
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert await answer.read() == b"bytes"
        async with session.get(url.replace("hm=", "hm=0")) as answer:
            assert answer.status == 404


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/channels/1", 10003),
        ("GET", "/channels/x", 50035),
        ("GET", "/channels/{channel}/messages/1", 10008),
        ("GET", "/channels/{channel}/messages?limit=101", 50035),
        ("GET", "/guilds/1", 10004),
        ("GET", "/users/1", 10013),
        ("GET", "/applications/1/commands", 10002),
        ("POST", "/users/@me/channels", 10013),
        ("GET", "/nowhere", 0),
        ("DELETE", "/users/@me", 0),
        ("PATCH", "/webhooks/1/x/messages/@original", 10015),
    ],
)
async def test_what_is_not_there_has_its_own_code(
    harbour: Harbour, method: str, path: str, code: int
) -> None:
    assert await harbour.code(method, path, {}) == code


async def test_what_is_no_json_is_refused(harbour: Harbour) -> None:
    path = "/channels/{channel}/messages"
    assert await harbour.code("POST", path, data=b"{", headers={"Content-Type": "x/y"}) == 50109


def _command(**more: object) -> dict[str, object]:
    return {"name": "ask", "description": "Ask"} | more


def _option(**more: object) -> dict[str, object]:
    return {"type": 3, "name": "text", "description": "x"} | more


@pytest.mark.parametrize(
    "commands",
    [
        [_command(name="Ask")],
        [_command(name="two words")],
        [_command(name="x" * 33)],
        [_command(description="")],
        [_command(description="x" * 101)],
        [_command(), _command()],
        [_command(options=[_option(name=f"o{n}") for n in range(26)])],
        [_command(options=[_option(), _option()])],
        [_command(options=[_option(), _option(name="must", required=True)])],
        [_command(options=[_option(type=99)])],
        [_command(options=[_option(choices=[{"name": "x", "value": "x"}] * 26)])],
        [_command(options=[_option(choices=[{"name": "x", "value": "x" * 101}])])],
        [_command(options=[_option(choices=[{"name": "x", "value": "x"}], autocomplete=True)])],
        [
            _command(
                options=[
                    _option(name=f"o{n}", choices=[{"name": "x" * 90, "value": "y" * 90}] * 4)
                    for n in range(12)
                ]
            )
        ],
        [_command(name=f"c{n}") for n in range(101)],
    ],
)
async def test_commands_that_discord_would_refuse_are_refused(
    harbour: Harbour, commands: list[Any]
) -> None:
    path = f"/applications/{harbour.server.application_id}/commands"
    assert await harbour.code("PUT", path, commands) in (50035, 30032)
    assert harbour.server.commands == []


async def test_registering_again_keeps_the_ids_and_drops_the_rest(harbour: Harbour) -> None:
    path = f"/applications/{harbour.server.application_id}/commands"
    await harbour.call("PUT", path, [_command(), _command(name="old")])
    before = harbour.server.commands[0]["id"]
    await harbour.call("PUT", path, [_command(description="Ask again")])
    (command,) = harbour.server.commands
    assert (command["id"], command["description"]) == (before, "Ask again")


# --- rate limits ----------------------------------------------------------------------------------


async def test_every_answer_tells_its_bucket_and_one_call_too_many_is_429() -> None:
    limits = Limits(send=Rate(2, 5.0), edit=Rate(1, 5.0))
    async with opened(limits=limits) as harbour:
        messages, body = "/channels/{channel}/messages", {"content": "x"}
        _, sent, first = await harbour.call("POST", messages, body)
        _, _, second = await harbour.call("POST", messages, body)
        status, told, third = await harbour.call("POST", messages, body)
        remaining = [each["X-RateLimit-Remaining"] for each in (first, second, third)]
        assert remaining == ["1", "0", "0"]
        assert first["X-RateLimit-Bucket"] == third["X-RateLimit-Bucket"]
        assert (first["X-RateLimit-Limit"], first["Content-Type"]) == ("2", "application/json")
        assert 4 < float(third["X-RateLimit-Reset-After"]) <= 5
        assert (status, told["global"], third["X-RateLimit-Scope"]) == (429, False, "user")
        assert 4 < told["retry_after"] <= 5
        assert third["Via"]
        status, _, edited = await harbour.call("PATCH", f"{messages}/{sent['id']}", body)
        assert status == 200
        assert edited["X-RateLimit-Bucket"] != first["X-RateLimit-Bucket"]
        other = harbour.server.add_channel(harbour.guild, "other")
        status, _, elsewhere = await harbour.call("POST", f"/channels/{other}/messages", body)
        assert status == 200
        assert elsewhere["X-RateLimit-Bucket"] == first["X-RateLimit-Bucket"]


async def test_the_whole_bot_has_a_limit_outside_interactions() -> None:
    async with opened(limits=Limits(overall=Rate(3, 60.0))) as harbour:
        answers = [await harbour.call("GET", "/users/@me") for _ in range(4)]
        assert [status for status, _, _ in answers] == [200, 200, 200, 429]
        assert answers[3][1]["global"]
        assert answers[3][2]["X-RateLimit-Scope"] == "global"
        assert "X-RateLimit-Remaining" not in answers[3][2]
        assert await harbour.code("POST", "/interactions/1/x/callback", {"type": 5}) == 10062


# --- the connection -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (["{"], 4002),
        ([{"op": 1, "d": "x" * 5000}], 4002),
        ([{"op": 99}], 4001),
        ([{"op": 3, "d": {}}], 4003),
        ([{"op": 2, "d": {"token": "wrong", "intents": 1}}], 4004),
        ([{"op": 2, "d": {"intents": 1}}] * 2, 4005),
        ([{"op": 6, "d": {"session_id": "SESSION", "seq": 99}}], 4007),
        ([{"op": 1, "d": None}] * 121, 4008),
        ([], 4009),
        ([{"op": 2, "d": {"intents": 1, "shard": [1, 1]}}], 4010),
        ([{"op": 2, "d": {"intents": 1 << 40}}], 4013),
        ([{"op": 2, "d": {"intents": 1 << 1}}], 4014),
    ],
)
async def test_the_connection_closes_with_the_code_for_what_is_wrong(
    frames: list[Any], code: int
) -> None:
    async with (
        opened(identify_every=0.0, heartbeat_every=0.1 if code == 4009 else 40) as harbour,
        aiohttp.ClientSession() as session,
    ):
        url = f"{harbour.server.gateway_url}?v=10&encoding=json"
        known = ""
        if code == 4007:
            async with session.ws_connect(url) as socket:
                await socket.receive_json()
                await socket.send_json(identify(harbour))
                known = (await socket.receive_json())["d"]["session_id"]
                await harbour.server.drop_connections()
        async with session.ws_connect(url) as socket:
            for frame in frames:
                if isinstance(frame, dict) and isinstance(frame.get("d"), dict):
                    told = {"token": harbour.server.token} | frame["d"]
                    if "session_id" in told:
                        told["session_id"] = known
                    frame = frame | {"d": told}
                await socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))
            async with asyncio.timeout(5):
                async for _ in socket:
                    pass
            assert socket.close_code == code


async def test_a_second_identify_within_five_seconds_is_an_invalid_session(
    harbour: Harbour,
) -> None:
    answers = []
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            url = f"{harbour.server.gateway_url}?v=10&encoding=json"
            async with session.ws_connect(url) as socket:
                await socket.receive_json()
                await socket.send_json(identify(harbour))
                answers.append(await socket.receive_json())
        async with session.ws_connect(f"{harbour.server.gateway_url}?v=6") as socket:
            await socket.receive()
            assert socket.close_code == 4012
    assert answers[0]["t"] == "READY"
    assert (answers[1]["op"], answers[1]["d"]) == (9, False)
