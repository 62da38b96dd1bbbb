"""The gateway in a box, over real sockets: what it answers, how it paces, what it draws."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import math
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from PIL import Image

from bot.gateway.offline.answers import tokens, words
from bot.gateway.offline.front import REQUEST_ID
from bot.gateway.offline.log import RequestLog
from bot.gateway.offline.orders import picture_size
from bot.gateway.offline.pictures import UnreadablePicture, describe, draw
from bot.gateway.offline.replies import compose
from bot.gateway.offline.server import (
    CHAT,
    CHAT_MODELS,
    IMAGE_MODELS,
    IMAGES,
    MODELS,
    OfflineGateway,
    create_app,
)
from tests.simulators.gateway import FaultyGateway, eventually
from tests.simulators.gateway_faults import PNG

Json = dict[str, Any]


@pytest.fixture
async def gateway() -> AsyncIterator[OfflineGateway]:
    async with OfflineGateway(
        first_token=0, tokens_per_second=math.inf, picture_seconds=0
    ) as opened:
        yield opened


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": "Bearer sk-demo"}
    async with aiohttp.ClientSession(headers=headers) as opened:
        yield opened


def said(*texts: str) -> list[Json]:
    """A conversation in which user and assistant take turns; the user has the last word."""
    roles = ["user", "assistant"]
    return [
        {"role": roles[(len(texts) - 1 - i) % 2], "content": text} for i, text in enumerate(texts)
    ]


def question(*texts: str, **more: Any) -> Json:
    return {"model": CHAT_MODELS[0], "messages": said(*texts), **more}


async def events(response: aiohttp.ClientResponse) -> list[Any]:
    """The data of a stream's events, parsed."""
    text = (await response.read()).decode()
    data = [line.removeprefix("data: ") for line in text.split("\n") if line.startswith("data: ")]
    return [one if one == "[DONE]" else json.loads(one) for one in data]


async def ask(session: aiohttp.ClientSession, gateway: OfflineGateway, body: Json) -> Json:
    async with session.post(gateway.url + CHAT, json=body) as response:
        assert response.status == 200
        found: Json = await response.json()
        return found


async def paint(
    session: aiohttp.ClientSession, gateway: OfflineGateway, **body: Any
) -> list[bytes]:
    """The pictures of one request, downloaded where they came as links."""
    body = {"model": IMAGE_MODELS[0], "prompt": "a fox", **body}
    async with session.post(gateway.url + IMAGES, json=body) as response:
        assert response.status == 200, await response.text()
        items = (await response.json())["data"]
    pictures = []
    for item in items:
        if "b64_json" in item:
            pictures.append(base64.b64decode(item["b64_json"]))
            continue
        async with session.get(item["url"]) as response:
            assert response.status == 200
            pictures.append(await response.read())
    return pictures


# Chat


async def test_a_streamed_answer_has_role_text_finish_usage_and_done(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    async with session.post(gateway.url + CHAT, json=question("hello", stream=True)) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        found = await events(response)
    role, *chunks, finish, count, done = found
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert count["choices"] == []
    assert count["usage"]["completion_tokens"] == len(chunks)
    assert done == "[DONE]"
    assert "offline demo model" in "".join(
        chunk["choices"][0]["delta"]["content"] for chunk in chunks
    )


async def test_the_whole_answer_is_the_streamed_one(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    whole = await ask(session, gateway, question("make a table"))
    async with session.post(
        gateway.url + CHAT, json=question("make a table", stream=True)
    ) as response:
        _, *chunks, _, _, _ = await events(response)
    streamed = "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)
    assert whole["choices"][0]["message"]["content"] == streamed
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"]["total_tokens"] > whole["usage"]["prompt_tokens"] > 0


async def test_an_answer_stops_at_the_length_asked_for(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    answer = await ask(session, gateway, question("count to 90", max_completion_tokens=4))
    assert answer["choices"][0]["message"]["content"] == "1, 2, 3, 4,"
    assert answer["choices"][0]["finish_reason"] == "length"


async def test_earlier_messages_are_quoted_with_their_speakers(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    answer = await ask(
        session,
        gateway,
        question("Ada: I like owls", "Noted.", "Grace: Friday?", "Yes.", "Ada: what did I say?"),
    )
    text = answer["choices"][0]["message"]["content"]
    assert "- **Ada**: “I like owls”\n- **Grace**: “Friday?”" in text
    assert "2 times" in text
    assert "Noted" not in text


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("Hello there", "Try one of these"),
        ("write some Python code", "```python\n"),
        ("an SQL query please, as code", "```sql\n"),
        ("make a table of it", "|:---"),
        ("give me a list", "   - "),
        ("count to 5", "1, 2, 3, 4, 5. Done."),
        ("count to 99999999999", "I stop at 500"),
        ("what did we say?", "Nothing yet"),
        ("draw a fox", "/image"),
        ("Is Rust better than Go?", "> Is Rust better than Go?"),
        ("", "no words"),
    ],
)
def test_the_words_of_a_question_choose_the_answer(asked: str, shown: str) -> None:
    assert shown in compose(said(asked))


def test_any_other_answer_says_how_to_connect_a_real_gateway() -> None:
    assert "GATEWAY_API_KEY" in compose(said("Why is the sky blue?"))


def test_a_long_answer_fills_several_pages() -> None:
    text = compose(said("tell me something long"))
    assert len(text) > 4_000
    assert text.count("\n## ") >= 5


def test_the_same_conversation_gets_the_same_answer() -> None:
    talk = said("Ada: one", "two", "Grace: and what is three?")
    assert compose(talk) == compose(talk)
    assert "Grace" in compose(talk)


def test_a_colon_in_a_lone_question_of_several_is_no_speaker() -> None:
    assert "**You**: “Note: buy milk”" in compose(said("Note: buy milk", "ok", "what did I say"))


def test_quotes_cannot_break_out_of_their_line() -> None:
    answer = compose(said("```\n# big\n```", "ok", "what did I say"))
    assert "“''' # big '''”" in answer


@pytest.mark.parametrize(
    "text", ["", " ", "a\n\n\nb ", "  zwei  Wörter ", "👩‍🚀x" * 30, "漢字" * 40]
)
def test_pieces_of_a_text_make_up_the_text(text: str) -> None:
    assert "".join(tokens(text)) == text
    assert "".join(words(text)) == text


async def test_a_picture_in_a_question_is_measured(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    link = "data:image/png;base64," + base64.b64encode(PNG).decode()
    content = [
        {"type": "text", "text": "Ada: what is this?"},
        {"type": "image_url", "image_url": {"url": link}},
    ]
    body = {"model": "demo-chat", "messages": [{"role": "user", "content": content}]}
    text = (await ask(session, gateway, body))["choices"][0]["message"]["content"]
    assert "PNG, 64 × 48 pixels, mostly red" in text


async def test_an_answer_comes_at_its_pace(session: aiohttp.ClientSession) -> None:
    loop = asyncio.get_running_loop()
    async with OfflineGateway(first_token=0.1, tokens_per_second=100) as gateway:
        start = loop.time()
        body = question("count to 12", stream=True)
        async with session.post(gateway.url + CHAT, json=body) as response:
            await response.content.readuntil(b"\n\n")
            first = loop.time() - start
            await response.read()
            last = loop.time() - start
    assert first >= 0.099
    assert last - first >= 0.099


async def test_the_slow_model_keeps_its_pace_however_fast_the_gateway(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    body = question("count to 2", stream=True) | {"model": "demo-chat-slow"}
    async with session.post(gateway.url + CHAT, json=body) as response:
        await response.read()
    assert loop.time() - start >= 0.39  # "1, 2. Done." are three words


async def test_an_answer_stops_when_its_reader_hangs_up(session: aiohttp.ClientSession) -> None:
    async with OfflineGateway(first_token=0, tokens_per_second=0.01) as gateway:
        body = question("hello", stream=True)
        async with session.post(gateway.url + CHAT, json=body) as response:
            await response.content.readuntil(b"\n\n")
            assert gateway.hung_up == 0
            response.close()
        await eventually(lambda: gateway.hung_up == 1, seconds=1)


async def test_a_finished_answer_does_not_count_as_hung_up(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    async with session.post(gateway.url + CHAT, json=question("hi", stream=True)) as response:
        await response.read()
    await session.close()
    await ask_afresh(gateway)
    assert gateway.hung_up == 0


async def ask_afresh(gateway: OfflineGateway) -> None:
    """One more request, on a connection of its own."""
    async with aiohttp.ClientSession() as session, session.get(gateway.url) as response:
        await response.read()


# The gateway's habits


@pytest.mark.parametrize("given", ["Bearer k1", "bearer k1", "k1"])
async def test_a_known_key_is_let_in_with_or_without_its_scheme(given: str) -> None:
    headers = {"Authorization": given}
    async with OfflineGateway(keys={"k1"}) as gateway, aiohttp.ClientSession() as stranger:
        response = await stranger.get(gateway.url + MODELS, headers=headers)
        assert response.status == 200


@pytest.mark.parametrize("given", [None, "", "Bearer ", "Bearer k2"])
async def test_a_missing_or_unknown_key_is_refused(given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    async with OfflineGateway(keys={"k1"}) as gateway, aiohttp.ClientSession() as stranger:
        response = await stranger.post(gateway.url + CHAT, json={}, headers=headers)
        assert response.status == 401
        error = (await response.json())["error"]
    assert error["type"] == "new_api_error"
    assert error["code"] == ""
    assert "param" not in error


@pytest.mark.parametrize("path", [MODELS, CHAT, "/v1/none", "/", MODELS + "/none"])
async def test_every_answer_has_a_request_id_and_errors_repeat_it(
    gateway: OfflineGateway, session: aiohttp.ClientSession, path: str
) -> None:
    async with session.get(gateway.url + path) as response:
        request_id = response.headers[REQUEST_ID]
        text = await response.text()
    assert request_id
    if response.status >= 400:
        assert f"(request id: {request_id})" in json.loads(text)["error"]["message"]


async def test_an_unknown_route_below_v1_is_not_found(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    async with session.post(gateway.url + "/v1/nothing", json={}) as response:
        assert response.status == 404
        assert (await response.json())["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", ["//v1/chat/completions", "/", "/chat/completions"])
async def test_any_other_address_is_a_web_page_with_status_200(
    gateway: OfflineGateway, session: aiohttp.ClientSession, path: str
) -> None:
    async with session.post(gateway.url + path, json=question("hello")) as response:
        assert response.status == 200
        assert response.content_type == "text/html"


async def test_the_models_are_listed_and_chat_is_told_from_pictures(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    async with session.get(gateway.url + MODELS) as response:
        found = (await response.json())["data"]
    kinds = {model["id"]: model["supported_endpoint_types"] for model in found}
    assert tuple(kinds) == CHAT_MODELS + IMAGE_MODELS
    assert kinds["demo-chat"] == ["openai", "openai-response", "anthropic", "gemini"]
    assert kinds["demo-image"] == ["image-generation", "gemini"]


async def test_an_unknown_model_is_an_error_behind_status_200(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    async with session.get(gateway.url + MODELS + "/demo-chat") as response:
        assert (await response.json())["id"] == "demo-chat"
    async with session.get(gateway.url + MODELS + "/some/other") as response:
        assert response.status == 200
        assert (await response.json())["error"]["code"] == "model_not_found"


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (CHAT, [], 400, "bad_request_body"),
        (CHAT, {"messages": said("hi")}, 400, ""),
        (CHAT, {"model": "gpt-9", "messages": said("hi")}, 503, "model_not_found"),
        (CHAT, {"model": "demo-image", "messages": said("hi")}, 503, "model_not_found"),
        (CHAT, {"model": "demo-chat"}, 500, "invalid_request"),
        (CHAT, {"model": "demo-chat", "messages": []}, 500, "invalid_request"),
        (CHAT, {"model": "demo-chat", "messages": ["hi"]}, 500, "invalid_request"),
        (IMAGES, {"model": "demo-chat", "prompt": "x"}, 503, "model_not_found"),
        (IMAGES, {"model": "demo-image", "prompt": " "}, 500, "invalid_request"),
        (IMAGES, {"model": "demo-image", "prompt": "x", "n": 5}, 500, "invalid_request"),
        (IMAGES, {"model": "demo-image", "prompt": "x", "n": True}, 500, "invalid_request"),
        (IMAGES, {"model": "demo-image", "prompt": "x", "size": "big"}, 500, "invalid_request"),
        (
            IMAGES,
            {"model": "demo-image", "prompt": "x", "aspect_ratio": "40:1"},
            500,
            "invalid_request",
        ),
        (
            IMAGES,
            {"model": "demo-image", "prompt": "x", "image": "http://127.0.0.1/cat.png"},
            500,
            "invalid_request",
        ),
        (
            IMAGES,
            {"model": "demo-image", "prompt": "x", "image": "data:image/png;base64,AAAA"},
            500,
            "invalid_request",
        ),
    ],
)
async def test_a_wrong_request_gets_the_status_the_real_gateway_gives(
    gateway: OfflineGateway,
    session: aiohttp.ClientSession,
    path: str,
    body: Any,
    status: int,
    code: str,
) -> None:
    async with session.post(gateway.url + path, json=body) as response:
        assert response.status == status
        assert (await response.json())["error"]["code"] == code


async def test_a_body_over_the_cap_is_refused(session: aiohttp.ClientSession) -> None:
    async with OfflineGateway(max_body=1000) as gateway:
        body = question("x" * 2000)
        async with session.post(gateway.url + CHAT, json=body) as response:
            assert response.status == 413
            assert (await response.json())["error"]["code"] == "read_request_body_failed"


async def test_half_a_surrogate_pair_does_no_harm(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    answer = await ask(session, gateway, question("broken \ud83d emoji"))
    assert "broken ? emoji" in answer["choices"][0]["message"]["content"]


async def test_requests_are_noted_without_their_key(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    await ask(session, gateway, question("hello"))
    noted = gateway.requests[-1]
    assert (noted.method, noted.path) == ("POST", CHAT)
    assert noted.headers["authorization"] == "Bearer [redacted]"
    assert noted.body["messages"] == said("hello")
    assert "sk-demo" not in repr(gateway.requests)


async def test_the_notes_are_bounded_in_number_and_in_bytes(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    gateway.requests = RequestLog(count=3, room=5000)
    for text in ("a", "b", "c", "d"):
        await ask(session, gateway, question(text))
    assert [noted.body["messages"][0]["content"] for noted in gateway.requests] == ["b", "c", "d"]
    await ask(session, gateway, question("x" * 6000))
    assert len(gateway.requests) == 1


async def test_the_application_can_be_served_by_somebody_else(
    session: aiohttp.ClientSession,
) -> None:
    runner = web.AppRunner(create_app(OfflineGateway(first_token=0)))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with session.get(f"http://127.0.0.1:{port}{MODELS}") as response:
            assert response.status == 200
    finally:
        await runner.cleanup()


# Pictures


@pytest.mark.parametrize(
    ("ratio", "size"),
    [
        ("1:1", (1024, 1024)),
        ("2:3", (683, 1024)),
        ("3:2", (1024, 683)),
        ("4:5", (819, 1024)),
        ("9:16", (576, 1024)),
        ("16:9", (1024, 576)),
        ("21:9", (1024, 439)),
        ("1:4", (256, 1024)),
        ("4:1", (1024, 256)),
    ],
)
async def test_a_picture_has_the_aspect_ratio_asked_for(
    gateway: OfflineGateway, session: aiohttp.ClientSession, ratio: str, size: tuple[int, int]
) -> None:
    (data,) = await paint(session, gateway, prompt="a boat at night", aspect_ratio=ratio)
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert picture.format == "JPEG"
        assert picture.size == size
    assert len(data) < 500_000


@pytest.mark.parametrize(
    ("body", "size"),
    [
        ({"size": "1024x1536"}, (1024, 1536)),
        ({"size": "512x512"}, (512, 512)),
        ({"size": "4000x2000"}, (1536, 768)),
        ({"size": "auto"}, (1024, 1024)),
        ({}, (1024, 1024)),
        ({"size": "512x512", "aspect_ratio": "16:9"}, (1024, 576)),
    ],
)
def test_a_size_in_pixels_is_taken_where_no_ratio_is_given(
    body: Json, size: tuple[int, int]
) -> None:
    assert picture_size(body, "demo-image") == size


async def test_the_wide_model_draws_wide_by_itself(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    (data,) = await paint(session, gateway, model="demo-image-wide", response_format="b64_json")
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.size == (1024, 576)


async def test_pictures_of_one_request_differ_and_the_next_request_repeats_them(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    first = await paint(session, gateway, n=3, aspect_ratio="4:1")
    again = await paint(session, gateway, n=3, aspect_ratio="4:1", response_format="b64_json")
    assert first == again
    assert len(set(first)) == 3


async def test_a_picture_builds_on_the_one_it_was_given(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    link = "data:image/png;base64," + base64.b64encode(PNG).decode()
    (plain,) = await paint(session, gateway, prompt="night")
    (built,) = await paint(session, gateway, prompt="night", image=link)
    (several,) = await paint(session, gateway, prompt="night", image=[link, link])
    assert len({plain, built, several}) == 3

    def red(data: bytes) -> int:
        """How many pixels are much more red than blue: nobody's but the input's."""
        with Image.open(io.BytesIO(data)) as picture:
            r, _, b = picture.convert("RGB").reduce(8).split()
            return sum(x > y + 40 for x, y in zip(r.tobytes(), b.tobytes(), strict=True))

    assert red(plain) < 100 < red(built)


async def test_a_picture_link_works_with_its_token_only(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    body = {"model": "demo-image", "prompt": "a cat", "aspect_ratio": "4:1"}
    async with session.post(gateway.url + IMAGES, json=body) as response:
        (item,) = (await response.json())["data"]
    assert item["revised_prompt"] == "a cat"
    async with aiohttp.ClientSession() as stranger:
        async with stranger.get(item["url"]) as response:
            assert response.content_type == "image/jpeg"
        async with stranger.get(item["url"][:-4]) as response:
            assert response.status == 404


async def test_the_gateway_answers_others_while_it_draws(
    gateway: OfflineGateway, session: aiohttp.ClientSession
) -> None:
    drawing = asyncio.create_task(paint(session, gateway, n=4))
    await eventually(lambda: bool(gateway.requests))
    await ask(session, gateway, question("hello"))
    assert not drawing.done()
    assert len(await drawing) == 4


async def test_a_picture_takes_its_time(session: aiohttp.ClientSession) -> None:
    loop = asyncio.get_running_loop()
    async with OfflineGateway(picture_seconds=0.4) as gateway:
        start = loop.time()
        await paint(session, gateway, aspect_ratio="8:1")
        assert loop.time() - start >= 0.399


@pytest.mark.parametrize(
    "prompt",
    ["", "漂亮的猫", "Füchsin über dem Fluß – 🦊", "word " * 2000, "x" * 5000, "\ud83d", "<b>&"],
)
def test_any_prompt_can_be_drawn(prompt: str) -> None:
    with Image.open(io.BytesIO(draw(prompt, (400, 300)))) as picture:
        picture.load()
        assert picture.size == (400, 300)


def test_bytes_that_are_no_picture_are_refused() -> None:
    with pytest.raises(UnreadablePicture):
        draw("a fox", (64, 64), inputs=[b"GIF89a not really"])
    assert "does not open" in describe(b"nonsense")


async def test_the_box_of_the_tests_takes_any_model(session: aiohttp.ClientSession) -> None:
    async with FaultyGateway() as gateway:
        answer = await ask(session, gateway, question("hello") | {"model": "gpt-5-mini"})
        assert answer["model"] == "gpt-5-mini"
    async with FaultyGateway(any_model=False) as gateway:
        body = question("hello") | {"model": "gpt-5-mini"}
        async with session.post(gateway.url + CHAT, json=body) as response:
            assert response.status == 503
