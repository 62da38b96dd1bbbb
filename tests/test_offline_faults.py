"""The gateway's simulator misbehaves exactly as told: tests of the client rely on it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.gateway.offline.front import REQUEST_ID
from bot.gateway.offline.server import CHAT, IMAGES, MODELS
from tests.simulators import gateway_faults as faults
from tests.simulators.gateway import FaultyGateway, PrivateServer, eventually
from tests.simulators.gateway_faults import Answer, Break, Pictures, Reset, Slow, Stream

QUESTION = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
TEXT = "Grüße 👩‍🚀 "


@pytest.fixture
async def gateway() -> AsyncIterator[FaultyGateway]:
    async with FaultyGateway() as opened:
        yield opened


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    # aiohttp repeats a request whose kept connection turns out to be closed: none is kept here.
    connector = aiohttp.TCPConnector(force_close=True)
    headers = {"Authorization": "Bearer k"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as opened:
        yield opened


class Seen:
    """What a reader saw of a stream: its pieces as they came, and how it ended."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.error: aiohttp.ClientError | TimeoutError | None = None

    @property
    def text(self) -> str:
        return b"".join(self.pieces).decode()

    @property
    def events(self) -> list[Any]:
        lines = self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        found = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [one if one == "[DONE]" else json.loads(one) for one in found]

    @property
    def content(self) -> list[str]:
        deltas = [
            event["choices"][0]["delta"]
            for event in self.events
            if event != "[DONE]" and event.get("choices")
        ]
        return [delta["content"] for delta in deltas if delta.get("content")]

    @property
    def finishes(self) -> list[str]:
        return [
            event["choices"][0]["finish_reason"]
            for event in self.events
            if event != "[DONE]" and event.get("choices") and event["choices"][0]["finish_reason"]
        ]


async def read(session: aiohttp.ClientSession, gateway: FaultyGateway) -> Seen:
    seen = Seen()
    timeout = aiohttp.ClientTimeout(sock_read=0.3)
    async with session.post(gateway.url + CHAT, json=QUESTION, timeout=timeout) as response:
        assert response.status == 200
        try:
            async for piece in response.content.iter_any():
                seen.pieces.append(piece)
        except (aiohttp.ClientError, TimeoutError) as error:
            seen.error = error
    return seen


# Answers


@pytest.mark.parametrize("name", sorted(faults.ANSWERS))
async def test_every_answer_arrives_as_it_is_described(
    gateway: FaultyGateway, session: aiohttp.ClientSession, name: str
) -> None:
    answer = faults.ANSWERS[name]
    gateway.inject(answer)
    async with session.post(gateway.url + CHAT, json=QUESTION) as response:
        body = await response.read()
        request_id = response.headers[REQUEST_ID]
    assert response.status == answer.status
    assert response.headers["Content-Type"] == answer.content_type
    assert body == answer.body.replace(faults.REQUEST_ID.encode(), request_id.encode())


async def test_a_rate_limit_carries_the_headers_it_is_given(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.inject(faults.rate_limited(retry_after="7", retry_after_ms="250"))
    async with session.get(gateway.url + MODELS) as response:
        assert response.status == 429
        assert response.headers["Retry-After"] == "7"
        assert response.headers["retry-after-ms"] == "250"


async def test_counted_faults_come_in_order_and_before_the_lasting_one(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.inject(faults.BAD_KEY)
    gateway.inject(faults.OVERLOADED, times=1)
    gateway.inject(faults.RATE_LIMITED, times=2)
    statuses = []
    for _ in range(5):
        async with session.get(gateway.url + MODELS) as response:
            statuses.append(response.status)
    assert statuses == [503, 429, 429, 401, 401]
    gateway.heal()
    async with session.get(gateway.url + MODELS) as response:
        assert response.status == 200


async def test_a_fault_concerns_its_path_or_model_only(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.inject(faults.OVERLOADED, path=IMAGES)
    gateway.inject(faults.NO_QUOTA, model="dear")
    async with session.post(gateway.url + IMAGES, json={}) as response:
        assert response.status == 503
    async with session.post(gateway.url + CHAT, json=QUESTION) as response:
        assert response.status == 200
    async with session.post(gateway.url + CHAT, json=QUESTION | {"model": "dear"}) as response:
        assert response.status == 403


async def test_requests_can_be_found_by_their_path(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.inject(faults.OVERLOADED, times=1)
    for _ in range(2):
        async with session.post(gateway.url + CHAT, json=QUESTION):
            pass
    assert [request.body for request in gateway.received(CHAT)] == [QUESTION, QUESTION]
    assert not gateway.received(IMAGES)


# The connection


async def test_a_connection_can_be_reset_before_the_first_byte(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.inject(Reset(), times=1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await session.post(gateway.url + CHAT, json=QUESTION)
    assert (gateway.closed, gateway.hung_up) == (1, 0)
    assert (await read(session, gateway)).events[-1] == "[DONE]"


async def test_headers_can_be_held_back_until_the_test_says_so(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gate = asyncio.Event()
    gateway.inject(Slow(gate))
    asking = asyncio.create_task(read(session, gateway))
    await eventually(lambda: len(gateway.requests) == 1)
    assert not asking.done()
    gate.set()
    assert (await asking).finishes == ["stop"]


async def test_slow_headers_outlast_an_impatient_client(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.inject(Slow(30.0))
    with pytest.raises(TimeoutError):
        await session.get(gateway.url + MODELS, timeout=aiohttp.ClientTimeout(total=0.1))
    await eventually(lambda: gateway.hung_up == 1)


# Streams


async def test_the_model_says_the_exact_chunks_of_the_script(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    text = gateway.say(["Hel", "lo ", 0.001, TEXT])
    seen = await read(session, gateway)
    assert seen.content == ["Hel", "lo ", TEXT]
    assert text == "Hello " + TEXT
    body = QUESTION | {"stream": False}
    async with session.post(gateway.url + CHAT, json=body) as response:
        assert (await response.json())["choices"][0]["message"]["content"] == text


async def test_a_script_waits_where_the_test_says_so(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gate = asyncio.Event()
    gateway.say(["before", gate, "after"])
    async with session.post(gateway.url + CHAT, json=QUESTION) as response:
        seen = b""
        while b"before" not in seen:
            seen += await response.content.readany()
        assert b"after" not in seen
        gate.set()
        assert b"after" in await response.read()


async def test_scripts_follow_each_other(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.say(["always"])
    gateway.say(["once"], times=1)
    gateway.say(["for x"], model="x")
    texts = [(await read(session, gateway)).content for _ in range(3)]
    assert texts == [["once"], ["always"], ["always"]]


async def test_the_happy_path_has_all_its_events(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.say(["a", "b"])
    seen = await read(session, gateway)
    role, first, second, finish, usage, done = seen.events
    assert role["choices"][0]["delta"]["role"] == "assistant"
    assert (first["choices"][0]["delta"], second["choices"][0]["delta"]) == (
        {"content": "a"},
        {"content": "b"},
    )
    assert finish["choices"][0] == {"index": 0, "delta": {}, "finish_reason": "stop"}
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == 2
    assert done == "[DONE]"


async def test_a_stream_can_lack_what_it_should_have(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.say(["a", "b"])
    gateway.inject(Stream(role=False, finish=None, usage="none", done=False))
    seen = await read(session, gateway)
    assert [event["choices"][0]["delta"] for event in seen.events] == [
        {"content": "a"},
        {"content": "b"},
    ]
    assert seen.error is None


async def test_done_can_come_without_a_finish_reason(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.inject(Stream(finish=None))
    seen = await read(session, gateway)
    assert seen.finishes == []
    assert seen.events[-1] == "[DONE]"


async def test_usage_can_ride_on_the_last_chunk_of_text(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.say(["a", "b"])
    gateway.inject(Stream(usage="last"))
    seen = await read(session, gateway)
    assert "usage" not in seen.events[1]
    assert seen.events[2]["usage"]["completion_tokens"] == 2
    assert len(seen.events) == 5


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_thinking_comes_before_the_text(
    gateway: FaultyGateway, session: aiohttp.ClientSession, field: Any
) -> None:
    gateway.say(["a"])
    gateway.inject(Stream(thinking=("hm", "so"), thinking_field=field))
    deltas = [event["choices"][0]["delta"] for event in (await read(session, gateway)).events[1:4]]
    assert deltas == [{field: "hm"}, {field: "so"}, {"content": "a"}]


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
async def test_lines_end_as_told_and_comments_lie_between(
    gateway: FaultyGateway, session: aiohttp.ClientSession, eol: Any
) -> None:
    gateway.say([TEXT])
    gateway.inject(Stream(eol=eol, pings=True, blank_lines=2))
    seen = await read(session, gateway)
    assert seen.content == [TEXT]
    assert seen.text.count(f": PING{eol}{eol}data: ") == len(seen.events)
    assert seen.text.endswith(f"data: [DONE]{eol * 4}")
    if eol == "\r":
        assert "\n" not in seen.text


async def test_events_are_cut_inside_characters(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.say([TEXT])
    gateway.inject(Stream(segment=1))
    seen = await read(session, gateway)
    assert seen.content == [TEXT]
    assert len(seen.pieces) > 100
    assert any(piece in (b"\xc3", b"\xf0") for piece in seen.pieces)


async def test_many_events_come_in_one_segment(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.say(["a", "b", "c"])
    gateway.inject(Stream(segment=0))
    seen = await read(session, gateway)
    assert len(seen.pieces) == 1
    assert seen.content == ["a", "b", "c"]


async def test_a_data_line_can_be_very_long(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.say(["a", "b"])
    gateway.inject(Stream(padding=2_000_000))
    seen = await read(session, gateway)
    assert max(map(len, seen.text.split("\n"))) > 2_000_000
    assert seen.content == ["a", "b"]


@pytest.mark.parametrize("after", [0, 2])
@pytest.mark.parametrize("how", [Break.RESET, Break.CLOSE])
async def test_a_connection_can_break_in_the_middle(
    gateway: FaultyGateway, session: aiohttp.ClientSession, how: Break, after: int
) -> None:
    gateway.say(["a", "b", "c"])
    gateway.inject(Stream(break_after=after, breaks=how), times=1)
    seen = await read(session, gateway)
    assert isinstance(seen.error, aiohttp.ClientError)
    assert seen.content == ["a", "b", "c"][:after]
    assert (gateway.closed, gateway.hung_up) == (1, 0)
    assert (await read(session, gateway)).finishes == ["stop"]


async def test_a_stream_can_end_without_a_word(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.say(["a", "b"])
    gateway.inject(Stream(break_after=1, breaks=Break.END))
    seen = await read(session, gateway)
    assert seen.error is None
    assert seen.content == ["a"]
    assert seen.finishes == []
    assert "[DONE]" not in seen.events


@pytest.mark.parametrize("pings", [False, True])
async def test_a_stream_can_go_silent(
    gateway: FaultyGateway, session: aiohttp.ClientSession, pings: bool
) -> None:
    gateway.say(["a", "b"])
    gateway.inject(Stream(break_after=1, breaks=Break.SILENCE, pings=pings))
    if pings:
        async with session.post(gateway.url + CHAT, json=QUESTION) as response:
            seen = b""
            while seen.count(b": PING") < 6:
                seen += await response.content.readany()
        assert seen.count(b"data: ") == 2
    else:
        assert isinstance((await read(session, gateway)).error, TimeoutError)
    await eventually(lambda: gateway.hung_up == 1)


async def test_an_error_can_come_in_mid_stream(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.say(["a", "b"])
    gateway.inject(Stream(break_after=1, breaks=Break.ERROR))
    seen = await read(session, gateway)
    _, _, error, usage, done = seen.events
    assert error["error"]["code"] == "bad_response"
    assert usage["choices"] == []
    assert done == "[DONE]"
    assert seen.finishes == []


# Pictures


async def ask_for_pictures(
    session: aiohttp.ClientSession, gateway: FaultyGateway, pictures: Pictures
) -> list[dict[str, str]]:
    gateway.inject(pictures)
    body = {"model": "nano-banana", "prompt": "x"}
    async with session.post(gateway.url + IMAGES, json=body) as response:
        assert response.status == 200
        data: list[dict[str, str]] = (await response.json())["data"]
        return data


async def test_pictures_come_as_links_or_base64_in_any_number(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    one, two = await ask_for_pictures(session, gateway, Pictures(count=2))
    assert one != two
    async with session.get(one["url"]) as response:
        assert await response.read() == faults.PNG
    (item,) = await ask_for_pictures(session, gateway, Pictures(form="b64_json"))
    assert base64.b64decode(item["b64_json"]) == faults.PNG
    assert await ask_for_pictures(session, gateway, Pictures(count=0)) == []


@pytest.mark.parametrize("name", sorted(set(faults.FILES) - {"ENDLESS", "OVERSIZED", "BROKEN_OFF"}))
async def test_every_file_arrives_as_it_is_described(
    gateway: FaultyGateway, session: aiohttp.ClientSession, name: str
) -> None:
    file = faults.FILES[name]
    (item,) = await ask_for_pictures(session, gateway, Pictures(file))
    async with session.get(item["url"]) as response:
        assert response.status == file.status
        assert response.headers["Content-Type"] == file.content_type
        assert await response.read() == file.body


async def test_a_file_can_break_off(gateway: FaultyGateway, session: aiohttp.ClientSession) -> None:
    (item,) = await ask_for_pictures(session, gateway, Pictures(faults.BROKEN_OFF))
    async with session.get(item["url"]) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


@pytest.mark.parametrize("file", [faults.ENDLESS, faults.OVERSIZED])
async def test_a_file_goes_on_until_the_reader_has_enough(
    gateway: FaultyGateway, session: aiohttp.ClientSession, file: faults.PictureFile
) -> None:
    (item,) = await ask_for_pictures(session, gateway, Pictures(file))
    async with session.get(item["url"]) as response:
        assert len(await response.content.readexactly(3_000_000)) == 3_000_000
        response.close()
    await eventually(lambda: gateway.hung_up == 1)


async def test_a_private_server_counts_who_comes_by_redirect_or_link(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    async with PrivateServer() as private:
        secret = private.url + "/secret.png"
        (item,) = await ask_for_pictures(session, gateway, Pictures(faults.redirect_to(secret)))
        async with session.get(item["url"], allow_redirects=False) as response:
            assert response.status == 302
            assert response.headers["Location"] == secret
        assert not private.hits
        async with session.get(item["url"]) as response:
            assert await response.read() == faults.PNG
        (item,) = await ask_for_pictures(session, gateway, Pictures(link=secret))
        assert item["url"] == secret
        async with session.get(item["url"]):
            pass
        assert [hit.path for hit in private.hits] == ["/secret.png", "/secret.png"]
        assert private.hits[1].headers["authorization"] == "Bearer [redacted]"


async def test_an_answer_can_be_made_up(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.inject(Answer.json(200, {"made": "up"}), path=IMAGES)
    async with session.post(gateway.url + IMAGES, json={}) as response:
        assert await response.json() == {"made": "up"}
