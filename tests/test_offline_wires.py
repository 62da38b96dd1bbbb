"""The gateway in a box on all of its wires: what exactly it sends, and what it refuses how."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import math
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from PIL import Image

from bot.commands import COMMANDS
from bot.gateway.offline.essay import ESSAY
from bot.gateway.offline.replies import compose, think
from bot.gateway.offline.server import (
    CHAT,
    CHAT_MODELS,
    GEMINI,
    GEMINI_MODELS,
    GENERATE,
    IMAGE_MODELS,
    IMAGES,
    MESSAGES,
    MODELS,
    OLDER_MODELS,
    RESPONSES,
    OfflineGateway,
)
from tests.simulators.gateway_faults import PNG

Json = dict[str, Any]
SAID = [{"role": "user", "content": "count to 9"}]
URI = "data:image/png;base64," + base64.b64encode(PNG).decode()


@pytest.fixture
async def gateway() -> AsyncIterator[OfflineGateway]:
    async with OfflineGateway(
        first_token=0, tokens_per_second=math.inf, picture_seconds=0, keys={"k"}
    ) as opened:
        yield opened


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer k"}) as opened:
        yield opened


def gemini(model: str = "demo-chat", *, stream: bool = False) -> str:
    return f"{GEMINI}{model}:{'streamGenerateContent' if stream else 'generateContent'}"


def asked(path: str, text: str = "count to 9", **more: Any) -> Json:
    """A question in the form of the path's wire."""
    if path.startswith(GEMINI):
        return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}
    if path == RESPONSES:
        return {"model": "demo-chat", "input": text, **more}
    body: Json = {"model": "demo-chat", "messages": [{"role": "user", "content": text}], **more}
    return {"max_tokens": 4000, **body} if path == MESSAGES else body


async def post(
    session: aiohttp.ClientSession, gateway: OfflineGateway, path: str, body: Any, status: int = 200
) -> Json:
    async with session.post(gateway.url + path, json=body) as response:
        assert response.status == status, await response.text()
        found: Json = await response.json()
        return found


async def get(
    session: aiohttp.ClientSession, gateway: OfflineGateway, path: str, status: int = 200
) -> Json:
    async with session.get(gateway.url + path) as response:
        assert response.status == status
        found: Json = await response.json()
        return found


async def events(
    session: aiohttp.ClientSession, gateway: OfflineGateway, path: str, body: Json
) -> list[tuple[str, Any]]:
    """Name and data of every event of a stream."""
    async with session.post(gateway.url + path, json=body) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        text = await response.text()
    found = []
    for block in text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n"))
        data = lines.pop("data")
        found.append((lines.pop("event", ""), data if data == "[DONE]" else json.loads(data)))
        assert not lines
    return found


# Streams


async def test_a_response_is_told_in_numbered_events_around_its_items(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    body = asked(RESPONSES, stream=True, reasoning={"summary": "auto"}) | {"model": "demo-thinker"}
    found = await events(session, gateway, RESPONSES, body)

    assert all(name == data["type"] for name, data in found)
    assert [data["sequence_number"] for _, data in found] == [*range(len(found))]
    names = [name for name, _ in found]
    assert names[:4] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
    ]
    assert [name for name in dict.fromkeys(names[4:]) if name not in names[:4]] == [
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.completed",
    ]
    text = "".join(data["delta"] for name, data in found if name == "response.output_text.delta")
    final = found[-1][1]["response"]
    assert [item["type"] for item in final["output"]] == ["reasoning", "message"]
    assert final["output"][1]["content"][0]["text"] == text == compose(SAID)
    assert {data["output_index"] for name, data in found if name.endswith(".delta")} == {0, 1}
    usage = final["usage"]
    assert usage["output_tokens"] > usage["output_tokens_details"]["reasoning_tokens"] > 0


async def test_a_message_is_told_in_blocks_with_its_counts_before_and_after(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    body = asked(MESSAGES, stream=True, thinking=thinking) | {"model": "demo-thinker"}
    found = await events(session, gateway, MESSAGES, body)

    assert all(name == data["type"] for name, data in found)
    told = [
        f"{name} {data['delta']['type']}" if name == "content_block_delta" else name
        for name, data in found
    ]
    assert [name for number, name in enumerate(told) if told[number - 1 : number] != [name]] == [
        "message_start",
        "content_block_start",
        "ping",
        "content_block_delta thinking_delta",
        "content_block_delta signature_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta text_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    start, end = found[0][1]["message"], found[-2][1]
    assert (start["content"], start["stop_reason"]) == ([], None)
    assert start["usage"]["input_tokens"] > 5
    assert start["usage"]["output_tokens"] == 1
    assert set(end["usage"]) == {"output_tokens"}
    assert end["delta"]["stop_reason"] == "end_turn"


async def test_gemini_tells_whole_replies_with_a_piece_each_and_no_end_mark(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    body = asked(GEMINI, generationConfig={"thinkingConfig": {"includeThoughts": True}})
    path = gemini("demo-thinker", stream=True) + "?alt=sse"
    found = await events(session, gateway, path, body)

    assert {name for name, _ in found} == {""}
    parts = [part for _, one in found for part in one["candidates"][0]["content"]["parts"]]
    assert "".join(part["text"] for part in parts if part.get("thought")) == think(SAID)
    assert "".join(part["text"] for part in parts if not part.get("thought")) == compose(SAID)
    assert ["finishReason" in one["candidates"][0] for _, one in found].index(True) == len(
        found
    ) - 1
    last = found[-1][1]
    assert last["candidates"][0]["finishReason"] == "STOP"
    counts = last["usageMetadata"]
    assert counts["totalTokenCount"] == sum(counts.values()) - counts["totalTokenCount"]
    assert "candidatesTokenCount" not in found[0][1]["usageMetadata"]


@pytest.mark.parametrize(
    "quiet", [{"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}]
)
async def test_chat_completions_tell_thoughts_unless_they_are_switched_off(
    gateway: OfflineGateway, session: aiohttp.ClientSession, quiet: Json
) -> None:
    body = asked(CHAT) | {"model": "demo-thinker"}
    message = (await post(session, gateway, CHAT, body))["choices"][0]["message"]
    assert message["reasoning_content"] == think(SAID)
    message = (await post(session, gateway, CHAT, body | quiet))["choices"][0]["message"]
    assert set(message) == {"role", "content"}


async def test_every_wire_keeps_the_models_pace(session: aiohttp.ClientSession) -> None:
    loop = asyncio.get_running_loop()

    async def timed(gateway: OfflineGateway, path: str) -> float:
        start = loop.time()
        await events(session, gateway, path, asked(path, stream=True))
        return loop.time() - start

    async with OfflineGateway(first_token=0.1, tokens_per_second=100) as gateway:
        paths = (CHAT, RESPONSES, MESSAGES, gemini(stream=True))
        took = await asyncio.gather(*(timed(gateway, path) for path in paths))
    assert min(took) >= 0.19  # ten pieces


def test_what_the_thinker_thinks_is_true() -> None:
    talk = [
        {"role": "user", "content": "Ada: I like owls"},
        {"role": "assistant", "content": "So do I."},
        {"role": "user", "content": "Grace: make a table"},
    ]
    assert "Grace asks: “make a table”" in think(talk)
    assert "2 earlier messages" in think(talk)
    assert "“table”" in think(talk)
    assert "No word in it" in think([{"role": "user", "content": "Why?"}])
    assert "pictures: I measure" in think([{"role": "user", "content": "Why?"}], ["PNG"])


def test_the_demo_models_speak_only_of_commands_that_exist() -> None:
    questions = "hello", "list", "table", "long", "draw a fox", "what did I say", "code", "?", ""
    replies = [compose([{"role": "user", "content": text}]) for text in questions]
    named = re.findall(r"(?:^|[`\s])/(\w+)", "\n".join([*replies, ESSAY]))
    assert "image" in named
    assert set(named) <= {command.name for command in COMMANDS}


# Who is let in


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (RESPONSES, {"Authorization": "Bearer k"}, 200),
        (RESPONSES, {"Authorization": "k"}, 200),
        (RESPONSES, {"x-api-key": "k"}, 401),
        (MESSAGES, {"x-api-key": "k"}, 200),
        (MESSAGES, {"Authorization": "Bearer k"}, 200),
        (MESSAGES, {"x-api-key": "wrong", "Authorization": "Bearer k"}, 401),
        (gemini(), {"x-goog-api-key": "k"}, 200),
        (gemini(), {"Authorization": "Bearer k"}, 200),
        (gemini() + "?key=k", {}, 200),
        (gemini() + "?key=wrong", {"x-goog-api-key": "k"}, 401),
        (gemini(), {"x-api-key": "k"}, 401),
        (CHAT, {"x-goog-api-key": "k"}, 401),
        (GENERATE, {"x-api-key": "k"}, 401),
    ],
)
async def test_each_wire_takes_its_own_kinds_of_key(
    gateway: OfflineGateway, path: str, headers: dict[str, str], status: int
) -> None:
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(gateway.url + path, json=asked(path.partition("?")[0])) as response,
    ):
        assert response.status == status
        if status == 401:
            error = (await response.json())["error"]
            assert "type" in error  # refused in front of the models, in OpenAI's shape on all wires
    assert all(value != "k" for value in gateway.requests[-1].query.values())


@pytest.mark.parametrize(
    ("path", "change", "status", "kind"),
    [
        (MESSAGES, {"model": "gpt-9"}, 503, "new_api_error"),
        (MESSAGES, {"messages": []}, 500, ""),
        (MESSAGES, {"max_tokens": None}, 400, ""),
        (MESSAGES, {"max_tokens": 0}, 400, ""),
        (MESSAGES, {"messages": [{"role": "system", "content": "x"}]}, 400, ""),
        (MESSAGES, {"messages": [{"role": "user", "content": ""}]}, 400, ""),
        (MESSAGES, {"messages": [{"role": "user", "content": []}]}, 400, ""),
        (MESSAGES, {"messages": [{"role": "user", "content": [{"type": "image"}]}]}, 400, ""),
        (MESSAGES, {"thinking": {"type": "enabled", "budget_tokens": 9}}, 400, ""),
        (MESSAGES, {"thinking": {"type": "enabled", "budget_tokens": 4000}}, 400, ""),
        (RESPONSES, {"model": "gpt-9"}, 503, "new_api_error"),
        (RESPONSES, {"input": []}, 500, "invalid_request_error"),
        (RESPONSES, {"input": None}, 500, "invalid_request_error"),
        (RESPONSES, {"input": ["x"]}, 500, "invalid_request_error"),
        (gemini("gpt-9"), {}, 503, "new_api_error"),
        (gemini(), {"contents": []}, 500, "invalid_request_error"),
        (gemini(), {"contents": [{"role": "user", "parts": []}]}, 400, "invalid_request_error"),
        (gemini(), {"contents": [{"role": "assistant", "parts": [{}]}]}, 400, ""),
        (gemini(), {"contents": [{"role": "model", "parts": [{"text": "x"}]}]}, 400, ""),
        (gemini(), {"generationConfig": {"responseModalities": ["IMAGE"]}}, 400, ""),
    ],
)
async def test_a_wrong_request_is_refused_as_its_wire_would(
    gateway: OfflineGateway,
    session: aiohttp.ClientSession,
    path: str,
    change: Json,
    status: int,
    kind: str,
) -> None:
    found = await post(session, gateway, path, asked(path) | change, status)

    if path == MESSAGES and status != 503:
        assert found["type"] == "error"
        kind = "new_api_error" if status == 500 else "invalid_request_error"
        assert set(found["error"]) == {"type", "message"}
    assert found["error"]["type"] == kind or not kind
    assert "(request id: " in found["error"]["message"]


async def test_pictures_and_unknown_parts_are_read_on_every_wire(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    data = URI.partition(",")[2]
    source = {"type": "base64", "media_type": "image/png", "data": data}
    history = {"type": "thinking", "thinking": "hm", "signature": "s"}
    turn = {"role": "user", "content": [{"type": "image", "source": source}]}
    message = await post(
        session,
        gateway,
        MESSAGES,
        asked(MESSAGES, messages=[turn, {"role": "assistant", "content": [history]}, turn]),
    )
    part = {"type": "input_image", "image_url": URI}
    response = await post(
        session,
        gateway,
        RESPONSES,
        asked(RESPONSES, instructions="x", input=[{"role": "user", "content": [part]}]),
    )
    inline = {"inline_data": {"mime_type": "image/png", "data": data.translate({43: 45, 47: 95})}}
    spoken = {"functionCall": {"name": "f"}}
    reply = await post(
        session, gateway, gemini(), {"contents": [{"role": "user", "parts": [inline, spoken]}]}
    )
    texts = (
        message["content"][0]["text"],
        response["output"][0]["content"][0]["text"],
        reply["candidates"][0]["content"]["parts"][0]["text"],
    )
    assert all("PNG, 64 × 48 pixels, mostly red" in text for text in texts)


# Pictures


def size_of(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture.size


async def test_a_gemini_picture_model_draws_with_or_without_words(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    config: Json = {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "4:1"}}
    for model, wishes, kinds in (
        ("demo-image", config, ["inlineData"]),
        ("demo-image-wide", {}, ["text", "inlineData"]),
        ("switchboard/demo-image", config, ["inlineData"]),
    ):
        body = asked(GEMINI, "a calm sea", generationConfig=wishes)
        reply = await post(session, gateway, gemini(model), body)
        parts = reply["candidates"][0]["content"]["parts"]
        assert [key for part in parts for key in part] == kinds
        inline = parts[-1]["inlineData"]
        assert inline["mimeType"] == "image/jpeg"
        expected = (1024, 256) if wishes else (1024, 576)
        assert size_of(base64.b64decode(inline["data"])) == expected


@pytest.mark.parametrize("root", ["/v1", ""])
async def test_the_older_route_draws_at_once(
    gateway: OfflineGateway, session: aiohttp.ClientSession, root: str
) -> None:
    wishes = {"aspect_ratio": "16:9", "num_images": 2, "quality": "hd"}
    body = {
        "model": "switchboard/demo-image",
        "contents": [{"text": "a fox"}, {"image": {"data": URI[22:], "mime_type": "image/png"}}],
        "parameters": wishes,
    }
    reply = await post(session, gateway, root + GENERATE, body)
    assert (reply["status"], reply["execution"]["mode"]) == ("succeeded", "sync")
    assert reply["execution"]["operation"] == "image-to-image"
    for item in reply["data"]:
        async with session.get(item["url"]) as response:
            assert size_of(await response.read()) == (1024, 576)
    assert len(reply["data"]) == 2


@pytest.mark.parametrize("root", ["/v1", ""])
async def test_the_slow_picture_model_makes_a_job_of_it(
    session: aiohttp.ClientSession, root: str
) -> None:
    wishes = {"width": 512, "height": 256, "response_format": "b64_json"}
    body = {"model": "demo-image-slow", "contents": [{"text": "sea"}], "parameters": wishes}
    async with OfflineGateway(picture_seconds=0.05) as gateway:
        job = await post(session, gateway, root + GENERATE, body, 202)
        seen = [job]
        assert job["poll_url"] == f"{gateway.url}{root}/images/jobs/{job['id']}"
        assert 0 < job["estimated_time"] <= 0.2
        async with asyncio.timeout(3):
            while "data" not in seen[-1]:
                await asyncio.sleep(0.01)
                seen.append(await get(session, gateway, f"{root}/images/jobs/{job['id']}"))
        again = await get(session, gateway, f"{root}/images/jobs/{job['id']}")
    statuses = [one["status"] for one in seen]
    assert [*dict.fromkeys(statuses)] == ["pending", "processing", "succeeded"]
    progress = [one["progress"] for one in seen]
    assert progress == sorted(progress)
    assert (progress[0], progress[-1]) == (0, 100)
    assert {one["id"] for one in seen} == {job["id"]}
    assert again["data"] == seen[-1]["data"]
    assert size_of(base64.b64decode(again["data"][0]["b64_json"])) == (512, 256)


async def test_a_job_that_cannot_be_done_says_why(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    image = {"data": "AAAA", "mime_type": "image/png"}
    body = {"model": "demo-image-slow", "contents": [{"text": "sea"}, {"image": image}]}
    job = await post(session, gateway, GENERATE, body, 202)
    ended = await get(session, gateway, f"/images/jobs/{job['id']}")
    assert ended["status"] == "failed"
    assert "not a picture" in ended["error"]["message"]
    assert "data" not in ended


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"model": "gpt-9"}, 400, "model_not_found"),
        ({"model": "demo-chat"}, 400, "model_not_found"),
        ({"contents": "a fox"}, 400, "invalid_request"),
        ({"contents": []}, 400, "invalid_request"),
        (
            {"contents": [{"text": "x"}, {"image": {"url": "http://x/y.png"}}]},
            400,
            "invalid_request",
        ),
        ({"contents": [{"text": "x"}, {"mask": {}}]}, 400, "invalid_request"),
        ({"parameters": {"num_images": 9}}, 400, "invalid_request"),
        ({"parameters": []}, 200, ""),
        ({"parameters": ["x"]}, 400, "invalid_request"),
        ({"parameters": {"aspect_ratio": "wide"}}, 400, "invalid_request"),
    ],
)
async def test_the_older_route_has_errors_of_its_own_shape(
    gateway: OfflineGateway, session: aiohttp.ClientSession, change: Json, status: int, code: str
) -> None:
    body = {"model": "demo-image", "contents": [{"text": "a fox"}]} | change
    found = await post(session, gateway, GENERATE, body, status)
    if code:
        assert found["error"]["code"] == code
        assert found["error"]["details"] == {}


async def test_a_stranger_and_an_unknown_job_are_told_so_in_the_older_shape(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    assert (await get(session, gateway, "/v1/images/jobs/x", 404))["error"][
        "code"
    ] == "job_not_found"
    async with aiohttp.ClientSession() as stranger:
        found = await get(stranger, gateway, "/v1/images/jobs/x", 401)
    assert found["error"]["code"] == "unauthorized"


# Model lists


async def test_the_model_list_takes_the_shape_that_its_asker_knows(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    names = [*CHAT_MODELS, *IMAGE_MODELS]
    version = {"anthropic-version": "2023-06-01"}
    async with session.get(gateway.url + MODELS, headers=version) as response:
        found = await response.json()
    assert [model["id"] for model in found["data"]] == names
    assert {model["type"] for model in found["data"]} == {"model"}
    assert (found["first_id"], found["last_id"], found["has_more"]) == (names[0], names[-1], False)
    found = await get(session, gateway, GEMINI_MODELS)
    assert [model["displayName"] for model in found["models"]] == names
    assert found["nextPageToken"] is None
    for path, headers in ((MODELS, {"x-goog-api-key": "k"}), (MODELS + "?key=k", {})):
        async with session.get(gateway.url + path, headers=headers) as response:
            assert response.status == 200
            assert (await response.json())["error"]["code"] == "model_not_found"


async def test_the_older_catalogue_can_be_narrowed_and_read_in_pages(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    async def ids(query: str) -> list[str]:
        found = await get(session, gateway, OLDER_MODELS + query)
        return [model["id"] for model in found["data"]]

    chat = [f"switchboard/{name}" for name in CHAT_MODELS]
    drawing = [f"switchboard/{name}" for name in IMAGE_MODELS]
    assert await ids("") == chat + drawing
    assert await ids("?type=image&provider=switchboard") == drawing
    assert await ids("?provider=openai") == []
    assert await ids("?limit=2&offset=1") == chat[1:3]
    assert await ids("?sort=id&order=desc") == sorted(chat + drawing, reverse=True)
    await get(session, gateway, OLDER_MODELS + "?limit=x", 400)
    gateway.models = ["google/nano-banana", "gpt-5"]
    (first, second) = (await get(session, gateway, OLDER_MODELS))["data"]
    assert (first["id"], first["provider"]["name"]) == ("google/nano-banana", "google")
    assert second["id"] == "switchboard/gpt-5"


async def test_every_model_does_what_the_list_says(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    routes = {"openai": CHAT, "openai-response": RESPONSES, "anthropic": MESSAGES}
    for model in (await get(session, gateway, MODELS))["data"]:
        for kind in model["supported_endpoint_types"]:
            path = gemini(model["id"]) if kind == "gemini" else routes.get(kind, IMAGES)
            body = asked(path) | {"model": model["id"], "prompt": "x", "aspect_ratio": "8:1"}
            await post(session, gateway, path, body)
