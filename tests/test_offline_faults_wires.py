"""The simulator's faults on every wire, and its picture jobs: each comes exactly as it is told."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bot.gateway.offline.answers import Call, Thought
from bot.gateway.offline.errors import Trouble
from bot.gateway.offline.server import CHAT, GEMINI, GENERATE, JOBS, MESSAGES, MODELS, RESPONSES
from tests.simulators import gateway_faults as faults
from tests.simulators.gateway import FaultyGateway, PrivateServer
from tests.simulators.gateway_faults import (
    PNG,
    Break,
    Job,
    PictureFile,
    Pictures,
    Stream,
    data_uri,
    inline,
    inline_link,
    linked,
)

Json = dict[str, Any]
STREAM = GEMINI + "m:streamGenerateContent"
WHOLE = GEMINI + "m:generateContent"
BODIES: dict[str, Json] = {
    CHAT: {"model": "m", "messages": [{"role": "user", "content": "x"}]},
    RESPONSES: {"model": "m", "input": "x"},
    MESSAGES: {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "x"}]},
    STREAM: {"contents": [{"parts": [{"text": "x"}]}]},
}
every_wire = pytest.mark.parametrize("path", BODIES)


@pytest.fixture
async def gateway() -> AsyncIterator[FaultyGateway]:
    async with FaultyGateway() as opened:
        yield opened


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(force_close=True)
    headers = {"Authorization": "Bearer k"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as opened:
        yield opened


@dataclass
class Seen:
    """What came of a stream, and what broke it off."""

    raw: bytes
    error: Exception | None = None

    @property
    def events(self) -> list[Any]:
        lines = self.raw.decode().replace("\r\n", "\n").split("\n")
        found = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [one if one == "[DONE]" else json.loads(one) for one in found]

    @property
    def names(self) -> list[str]:
        """What each event is about: its type, or what is in it."""
        return [_name(event) for event in self.events]

    @property
    def text(self) -> str:
        return "".join(_text(event) for event in self.events)


def _name(event: Any) -> str:
    match event:
        case "[DONE]":
            return "done"
        case {"type": str(name)}:
            return name
        case {"error": _}:
            return "error"
        case {"choices": []}:
            return "usage"
        case {"choices": [{"finish_reason": str()}]} | {"candidates": [{"finishReason": str()}]}:
            return "finish"
        case {"choices": [{"delta": {"role": _}}]}:
            return "role"
    return "text"


def _text(event: Any) -> str:
    match event:
        case {"choices": [{"delta": {"content": str(text)}}]}:
            return text
        case {"type": "response.output_text.delta", "delta": str(text)}:
            return text
        case {"type": "content_block_delta", "delta": {"text": str(text)}}:
            return text
        case {"candidates": [{"content": {"parts": [{"text": str(text)}]}}]}:
            return text
    return ""


async def read(session: aiohttp.ClientSession, gateway: FaultyGateway, path: str) -> Seen:
    timeout = aiohttp.ClientTimeout(sock_read=0.3)
    body = BODIES[path] | ({"stream": True} if path != STREAM else {})
    async with session.post(gateway.url + path, json=body, timeout=timeout) as response:
        assert response.status == 200
        seen = Seen(b"")
        try:
            async for piece in response.content.iter_any():
                seen.raw += piece
        except (aiohttp.ClientError, TimeoutError) as error:
            seen.error = error
    return seen


async def whole(session: aiohttp.ClientSession, gateway: FaultyGateway, path: str) -> Json:
    url = gateway.url + (WHOLE if path == STREAM else path)
    async with session.post(url, json=BODIES[path]) as response:
        assert response.status == 200
        found: Json = await response.json()
        return found


# The shape of an answer


@every_wire
async def test_a_script_is_told_on_every_wire(
    gateway: FaultyGateway, session: aiohttp.ClientSession, path: str
) -> None:
    text = gateway.say(["Hel", 0.001, "lo ", "wörld 😀"])
    seen = await read(session, gateway, path)
    assert seen.text == text
    assert [_text(event) for event in seen.events if _text(event)] == ["Hel", "lo ", "wörld 😀"]
    assert "wörld 😀" in json.dumps(await whole(session, gateway, path), ensure_ascii=False)


async def test_a_script_can_be_for_one_wire_or_one_model(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.say(["everywhere"])
    gateway.say(["gemini"], path=GEMINI)
    assert (await read(session, gateway, CHAT)).text == "everywhere"
    assert (await read(session, gateway, STREAM)).text == "gemini"
    gateway.say(["m"], model="m")
    assert (await read(session, gateway, STREAM)).text == "m"
    assert [request.model for request in gateway.received(GEMINI)] == ["m", "m"]


async def test_a_model_name_with_a_slash_fits_into_a_path(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.say(["yes"], model="google/gemini-x")
    for name in ("google/gemini-x", "google%2Fgemini-x"):
        url = URL(f"{gateway.url}{GEMINI}{name}:generateContent", encoded=True)
        async with session.post(url, json=BODIES[STREAM]) as response:
            assert response.status == 200
            assert "yes" in await response.text()


@pytest.mark.parametrize(
    ("path", "start", "finish", "end"),
    [
        (CHAT, ["role"], ["finish", "usage"], ["done"]),
        (RESPONSES, ["response.created", "response.in_progress"], [], ["response.completed"]),
        (MESSAGES, ["message_start"], ["message_delta"], ["message_stop"]),
        (STREAM, [], ["finish"], []),
    ],
)
async def test_a_stream_can_lack_its_start_its_reason_or_its_end(
    gateway: FaultyGateway,
    session: aiohttp.ClientSession,
    path: str,
    start: list[str],
    finish: list[str],
    end: list[str],
) -> None:
    gateway.say(["a"])
    full = (await read(session, gateway, path)).names
    middle = full[len(start) : len(full) - len(finish + end)]
    assert full == start + middle + finish + end

    gateway.inject(Stream(role=False), times=1)
    assert (await read(session, gateway, path)).names == middle + finish + end
    gateway.inject(Stream(done=False), times=1)
    assert (await read(session, gateway, path)).names == start + middle + finish
    gateway.inject(Stream(finish=None), times=1)
    seen = await read(session, gateway, path)
    assert not {"finish", "message_delta", "response.completed"} & {*seen.names}
    assert seen.error is None


@every_wire
async def test_counts_can_be_missing(
    gateway: FaultyGateway, session: aiohttp.ClientSession, path: str
) -> None:
    gateway.say(["a"])
    assert b'"usage' in (await read(session, gateway, path)).raw
    assert "usage" in json.dumps(await whole(session, gateway, path))
    gateway.inject(Stream(usage="none"))
    assert b'"usage' not in (await read(session, gateway, path)).raw
    assert "usage" not in json.dumps(await whole(session, gateway, path))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (CHAT, ["length", "content_filter", "tool_calls", "pause_turn"]),
        (RESPONSES, ["max_output_tokens", "content_filter", "response.completed", "pause_turn"]),
        (MESSAGES, ["max_tokens", "refusal", "tool_use", "pause_turn"]),
        (STREAM, ["MAX_TOKENS", "SAFETY", "STOP", "pause_turn"]),
    ],
)
async def test_every_reason_to_finish_has_the_wires_own_word(
    gateway: FaultyGateway, session: aiohttp.ClientSession, path: str, words: list[str]
) -> None:
    gateway.say(["a"])
    for reason, word in zip(
        ["length", "content_filter", "tool_calls", "pause_turn"], words, strict=True
    ):
        gateway.inject(Stream(finish=reason))
        assert f'"{word}"' in (await read(session, gateway, path)).raw.decode()


@every_wire
async def test_thoughts_can_stand_in_the_text(
    gateway: FaultyGateway, session: aiohttp.ClientSession, path: str
) -> None:
    gateway.say(["Four."])
    gateway.inject(Stream(thinking=("two and ", "two"), thinking_field="think"))
    assert (await read(session, gateway, path)).text == "<think>two and two</think>Four."
    assert "<think>two and two</think>Four." in json.dumps(await whole(session, gateway, path))


@every_wire
async def test_thoughts_can_come_between_texts(
    gateway: FaultyGateway, session: aiohttp.ClientSession, path: str
) -> None:
    gateway.say(["one ", Thought("hm"), "two"])
    seen = await read(session, gateway, path)
    assert b'"hm"' in seen.raw
    assert seen.text.replace("hm", "") == "one two"


@every_wire
async def test_a_stream_can_have_any_line_ends_and_segments(
    gateway: FaultyGateway, session: aiohttp.ClientSession, path: str
) -> None:
    text = gateway.say(["Grüße ", "👩‍🚀"])
    gateway.inject(Stream(eol="\r\n", pings=True, blank_lines=1, segment=1, padding=5000))
    seen = await read(session, gateway, path)
    assert seen.text == text
    assert seen.raw.count(b": PING\r\n\r\n") == len(seen.events)
    assert b"x" * 5000 in seen.raw


async def test_gemini_can_answer_with_an_array(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    text = gateway.say(["Hel", "lo"])
    gateway.inject(Stream(array=True, segment=7))
    async with session.post(gateway.url + STREAM + "?alt=sse", json=BODIES[STREAM]) as response:
        assert response.content_type == "application/json"
        assert "".join(map(_text, json.loads(await response.read()))) == text
    assert gateway.requests[-1].query == {"alt": "sse"}


@every_wire
async def test_a_prompt_can_be_blocked(
    gateway: FaultyGateway, session: aiohttp.ClientSession, path: str
) -> None:
    gateway.say(["never said"])
    gateway.inject(Stream(blocked="SAFETY"))
    seen = await read(session, gateway, path)
    assert seen.text == ""
    assert b'"SAFETY"' in seen.raw
    found = await whole(session, gateway, path)
    assert "never" not in json.dumps(found)
    if path == STREAM:
        (event,) = seen.events
        assert event["promptFeedback"]["blockReason"] == "SAFETY"
        assert "candidates" not in event
        assert found["promptFeedback"] == event["promptFeedback"]


# Failures in the middle


@every_wire
async def test_an_error_comes_as_the_wire_has_it(
    gateway: FaultyGateway, session: aiohttp.ClientSession, path: str
) -> None:
    gateway.say(["a", "b"])
    trouble = Trouble("too busy", "overloaded", "overloaded_error", 529)
    gateway.inject(Stream(break_after=1, breaks=Break.ERROR, trouble=trouble))
    seen = await read(session, gateway, path)
    assert seen.text == "a"
    assert seen.names[seen.names.index("error") :] == (
        ["error", "usage", "done"] if path == CHAT else ["error"]
    )
    event = seen.events[seen.names.index("error")]
    said = {
        CHAT: {
            "message": "too busy",
            "type": "overloaded_error",
            "code": "overloaded",
            "param": "",
        },
        RESPONSES: None,
        MESSAGES: {"type": "overloaded_error", "message": "too busy"},
        STREAM: {"code": 529, "message": "too busy", "status": "UNAVAILABLE"},
    }[path]
    assert event.get("error") == said
    if path == RESPONSES:
        assert (event["code"], event["message"], event["param"]) == ("overloaded", "too busy", None)


async def test_a_response_can_fail_as_a_whole(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.say(["a", "b"])
    gateway.inject(Stream(break_after=1, breaks=Break.FAILED))
    seen = await read(session, gateway, RESPONSES)
    assert seen.names[-1] == "response.failed"
    assert seen.events[-1]["response"]["status"] == "failed"
    assert seen.events[-1]["response"]["error"]["code"] == "bad_response"
    assert (await read(session, gateway, MESSAGES)).names[-1] == "error"
    gateway.inject(Stream(break_after=1, breaks=Break.ALIAS))
    seen = await read(session, gateway, RESPONSES)
    assert seen.names[-1] == "response.error"
    assert b"event: response.error\n" in seen.raw
    assert (await read(session, gateway, STREAM)).names[-1] == "error"


@every_wire
async def test_an_error_can_be_a_tail_that_is_no_event(
    gateway: FaultyGateway, session: aiohttp.ClientSession, path: str
) -> None:
    gateway.say(["a", "b"])
    gateway.inject(Stream(break_after=1, breaks=Break.TAIL))
    seen = await read(session, gateway, path)
    assert (seen.error, seen.text) == (None, "a")
    assert not {"error", "finish", "done", "message_stop"} & {*seen.names}
    tail = json.loads(seen.raw.rpartition(b"\n")[2])
    assert tail["error"]["message"] == "upstream closed"
    assert ("type" in tail) == (path == MESSAGES)


@every_wire
@pytest.mark.parametrize("how", [Break.RESET, Break.CLOSE, Break.END, Break.SILENCE])
async def test_a_connection_breaks_on_every_wire(
    gateway: FaultyGateway, session: aiohttp.ClientSession, path: str, how: Break
) -> None:
    gateway.say(["a", "b"])
    gateway.inject(Stream(break_after=1, breaks=how))
    seen = await read(session, gateway, path)
    assert seen.text == "a"
    assert not {"error", "finish", "done", "message_stop", "response.completed"} & {*seen.names}
    assert (seen.error is None) == (how is Break.END)


# Pictures and calls in the middle


@every_wire
@pytest.mark.parametrize("cut", [0, 1, 7])
async def test_a_data_uri_in_the_text_is_cut_as_told(
    gateway: FaultyGateway, session: aiohttp.ClientSession, path: str, cut: int
) -> None:
    small = PNG[:60]
    chunks = data_uri(small, cut=cut)
    assert max(map(len, chunks)) == (cut or len(chunks[0]))
    gateway.say(["Here: ", *chunks, " Done."])
    encoded = base64.b64encode(small).decode()
    expected = f"Here: ![image](data:image/png;base64,{encoded}) Done."
    assert (await read(session, gateway, path)).text == expected


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_wire_that_knows_no_pictures_tells_them_in_markdown(
    gateway: FaultyGateway, session: aiohttp.ClientSession, path: str
) -> None:
    gateway.say([inline(PNG), linked("https://x/y.png")])
    expected = data_uri(PNG)[0] + "![image](https://x/y.png)"
    assert (await read(session, gateway, path)).text == expected
    assert expected in json.dumps(await whole(session, gateway, path))


async def test_gemini_has_many_ways_to_give_a_picture(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    link = gateway.link(PictureFile(PNG))
    gateway.say(["one", inline(PNG), inline_link(link), linked(link), f"![image]({link})", link])
    parts = (await whole(session, gateway, STREAM))["candidates"][0]["content"]["parts"]
    assert parts == [
        {"text": "one"},
        {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}},
        {"inlineData": {"mimeType": "image/png", "data": link}},
        {"fileData": {"mimeType": "image/png", "fileUri": link}},
        {"text": f"![image]({link}){link}"},
    ]
    async with session.get(link) as response:
        assert await response.read() == PNG


async def test_a_response_gives_a_picture_as_an_item(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.say(["a", inline(PNG), "b"])
    seen = await read(session, gateway, RESPONSES)
    items = seen.events[-1]["response"]["output"]
    assert [item["type"] for item in items] == ["message", "image_generation_call", "message"]
    assert base64.b64decode(items[1]["result"]) == PNG
    assert [e["item"] for e in seen.events if e["type"] == "response.output_item.done"] == items
    found = await whole(session, gateway, RESPONSES)
    assert [item["type"] for item in found["output"]] == [item["type"] for item in items]


@every_wire
async def test_a_tool_call_comes_in_fragments(
    gateway: FaultyGateway, session: aiohttp.ClientSession, path: str
) -> None:
    gateway.say([Call("forecast", '{"place": "Überlingen"}', "c1")])
    gateway.inject(Stream(finish="tool_calls"))
    seen = await read(session, gateway, path)
    assert seen.text == ""
    assert b'"forecast"' in seen.raw
    fragments = seen.raw.decode().count("delta")
    assert fragments > 3 or path == STREAM


# The routes that draw


async def test_the_older_route_gives_the_pictures_of_the_test(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.inject(Pictures(count=2))
    async with session.post(gateway.url + "/v1" + GENERATE, json={"model": "m"}) as response:
        found = await response.json()
    assert found["status"] == "succeeded"
    assert len(found["data"]) == 2
    async with session.get(found["data"][0]["url"]) as response:
        assert await response.read() == PNG


async def looks(
    session: aiohttp.ClientSession, gateway: FaultyGateway, job: Job, count: int = 8
) -> list[tuple[int, Json]]:
    """Status and body of the submit and of the polls that follow, up to an end."""
    gateway.inject(job)
    async with session.post(gateway.url + "/v1" + GENERATE, json={"model": "m"}) as response:
        found = [(response.status, await response.json())]
    job_id = found[0][1]["id"]
    while len(found) < count and not {"data", "error"} & {*found[-1][1]}:
        async with session.get(f"{gateway.url}/v1{JOBS}{job_id}") as response:
            found.append((response.status, await response.json()))
    return found


@pytest.mark.parametrize("name", sorted(faults.JOBS))
async def test_every_job_goes_as_it_is_described(
    gateway: FaultyGateway, session: aiohttp.ClientSession, name: str
) -> None:
    job = faults.JOBS[name]
    found = await looks(session, gateway, job)
    assert found[0][0] == job.accepted
    shown = [(body.get("status"), body.get("progress")) for _, body in found]
    assert shown[: len(job.states)] == [(one.status, one.progress) for one in job.states]
    last_status, last = found[-1]
    match job.end:
        case faults.End.NEVER:
            assert len(found) == 8
            assert "data" not in last
        case faults.End.VANISHED:
            assert last_status == 404
            assert last["error"]["code"] == "job_not_found"
        case faults.End.FAILED:
            assert (last["status"], last["error"]) == ("failed", job.error)
        case _:
            assert last["status"] == (job.word or "succeeded")
            assert len(last["data"]) == job.pictures.count
    assert ("poll_url" in found[0][1]) == (job.poll_url is not None)


async def test_a_jobs_poll_url_is_ours_relative_or_foreign(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    (_, ours), *_ = await looks(session, gateway, faults.GOOD_JOB, 1)
    assert ours["poll_url"] == f"{gateway.url}/v1/images/jobs/{ours['id']}"
    (_, relative), *_ = await looks(session, gateway, faults.RELATIVE_POLL_URL, 1)
    assert relative["poll_url"] == f"/v1/images/jobs/{relative['id']}"
    async with PrivateServer() as private:
        trap = faults.foreign_poll_url(private.url)
        (_, foreign), *_ = await looks(session, gateway, trap, 1)
        assert foreign["poll_url"] == f"{private.url}/v1/images/jobs/{foreign['id']}"
        assert not private.hits


async def test_polls_can_fail_while_the_job_goes_on(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    gateway.inject(faults.OVERLOADED, path="/v1/images/jobs/", times=2)
    gateway.inject(faults.SHAPE_T, path="/v1/images/jobs/", times=1)
    gateway.inject(faults.GOOD_JOB)
    async with session.post(gateway.url + "/v1" + GENERATE, json={"model": "m"}) as response:
        job_id = (await response.json())["id"]
    statuses = []
    for _ in range(5):
        async with session.get(f"{gateway.url}/v1{JOBS}{job_id}") as response:
            statuses.append(response.status)
            body = await response.json()
    assert statuses == [503, 503, 400, 200, 200]
    assert body["status"] == "succeeded"
    assert len(gateway.received("/v1/images/jobs/")) == 5


async def test_faults_leave_downloads_alone_and_reach_the_model_list(
    gateway: FaultyGateway, session: aiohttp.ClientSession
) -> None:
    link = gateway.link(PictureFile(PNG))
    gateway.inject(faults.OVERLOADED)
    async with session.get(link) as response:
        assert response.status == 200
    for path in (MODELS, "/v1beta/models", "/models", "/images/jobs/x"):
        async with session.get(gateway.url + path) as response:
            assert response.status == 503
