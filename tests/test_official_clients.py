"""The vendors' own clients judge the gateway in a box: they ask it, and understand every answer.

That is the proof from outside that the box speaks the real formats. Whatever is tested here goes
through sockets; a hook notes every address that anybody connects to.
"""

from __future__ import annotations

import base64
import io
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors as genai_errors
from google.genai import types as gemini
from PIL import Image

from bot.gateway.offline.answers import Call
from bot.gateway.offline.replies import compose, think
from bot.gateway.offline.server import CHAT_MODELS, IMAGE_MODELS
from tests.simulators import gateway_faults as faults
from tests.simulators.gateway import FaultyGateway
from tests.simulators.gateway_faults import PNG, Answer, Break, Stream, inline, linked

KEY = "sk-official"
TABLE = "make a table"
SAID = [{"role": "user", "content": TABLE}]

_reached: list[str] = []
_watched = False


def _note_connections(event: str, args: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo"):
        address = args[1][0] if event == "socket.connect" else args[0]
        _reached.append(str(address))


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No client takes anything from the environment, and none calls another host."""
    global _watched
    for name in [*os.environ]:
        if name.startswith(("OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_")):
            monkeypatch.delenv(name)
    if not _watched:
        sys.addaudithook(_note_connections)  # it cannot be taken away again
        _watched = True
    _reached.clear()
    yield
    assert set(_reached) <= {"127.0.0.1"}


@pytest.fixture
async def gateway() -> AsyncIterator[FaultyGateway]:
    async with FaultyGateway(any_model=False, keys={KEY}) as opened:
        yield opened


@dataclass
class Clients:
    """All of them with their own ideas of patience and repetition, but for ``retries``."""

    url: str
    http: httpx2.AsyncClient
    key: str = KEY
    retries: int | None = None

    @property
    def openai(self) -> openai.AsyncOpenAI:
        retries = openai.DEFAULT_MAX_RETRIES if self.retries is None else self.retries
        return openai.AsyncOpenAI(
            api_key=self.key,
            base_url=self.url + "/v1",
            max_retries=retries,
            http_client=self.http,
        )

    @property
    def anthropic(self) -> anthropic.AsyncAnthropic:
        retries = anthropic.DEFAULT_MAX_RETRIES if self.retries is None else self.retries
        return anthropic.AsyncAnthropic(
            api_key=self.key, base_url=self.url, max_retries=retries, http_client=self.http
        )

    @property
    def gemini(self) -> genai.client.AsyncClient:
        options = gemini.HttpOptions(
            base_url=self.url,
            api_version="v1beta",
            httpx_async_client=self.http,
            client_args={"verify": False},  # what is not used need not be set up, which is slow
            async_client_args={"ssl": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)},
        )
        return genai.Client(api_key=self.key, vertexai=False, http_options=options).aio


@pytest.fixture
async def clients(gateway: FaultyGateway) -> AsyncIterator[Clients]:
    async with httpx2.AsyncClient(trust_env=False, verify=False, timeout=5) as http:
        yield Clients(gateway.url, http)


@dataclass
class Heard:
    """What a client understood of one answer. ``finish`` is in the wire's own word."""

    text: str = ""
    thought: str = ""
    finish: str = ""
    asked: int = 0
    said: int = 0
    pictures: list[bytes] = field(default_factory=list)


@dataclass(frozen=True)
class Asking:
    """What a client is to ask."""

    text: str = TABLE
    model: str = "demo-chat"
    system: str = ""
    picture: bytes = b""
    limit: int = 3000
    think: bool = False
    stream: bool = False


async def by_chat_completions(clients: Clients, asking: Asking) -> Heard:
    uri = "data:image/png;base64," + base64.b64encode(asking.picture).decode()
    parts: list[Any] = [{"type": "text", "text": asking.text}]
    if asking.picture:
        parts.append({"type": "image_url", "image_url": {"url": uri}})
    messages: list[Any] = [{"role": "user", "content": parts}]
    if asking.system:
        messages.insert(0, {"role": "system", "content": asking.system})
    completions = clients.openai.chat.completions
    if asking.stream:
        async with completions.stream(
            model=asking.model, messages=messages, max_completion_tokens=asking.limit
        ) as stream:
            found: Any
            try:
                async for _ in stream:
                    pass
                found = await stream.get_final_completion()
            except openai.LengthFinishReasonError as error:
                found = error.completion
    else:
        found = await completions.create(
            model=asking.model, messages=messages, max_completion_tokens=asking.limit
        )
    (choice,) = found.choices
    thought = (choice.message.model_extra or {}).get("reasoning_content") or ""
    usage = found.usage
    counts = (0, 0) if usage is None else (usage.prompt_tokens, usage.completion_tokens)
    return Heard(choice.message.content or "", thought, choice.finish_reason, *counts)


async def by_responses(clients: Clients, asking: Asking) -> Heard:
    uri = "data:image/png;base64," + base64.b64encode(asking.picture).decode()
    parts: list[Any] = [{"type": "input_text", "text": asking.text}]
    if asking.picture:
        parts.append({"type": "input_image", "image_url": uri, "detail": "auto"})
    wishes: dict[str, Any] = {
        "model": asking.model,
        "input": [{"role": "user", "content": parts}],
        "max_output_tokens": asking.limit,
    }
    if asking.system:
        wishes["instructions"] = asking.system
    if asking.think:
        wishes["reasoning"] = {"summary": "auto"}
    if asking.stream:
        numbers = []
        async with clients.openai.responses.stream(**wishes) as stream:
            async for event in stream:
                numbers.append(event.sequence_number)
        assert numbers == [*range(len(numbers))]
        found: Any = getattr(event, "response", None)
    else:
        found = await clients.openai.responses.create(**wishes)
    summaries = [
        part.text for item in found.output if item.type == "reasoning" for part in item.summary
    ]
    drawn = [item.result for item in found.output if item.type == "image_generation_call"]
    why = found.incomplete_details
    return Heard(
        found.output_text,
        "".join(summaries),
        why.reason if why else found.status,
        found.usage.input_tokens if found.usage else 0,
        found.usage.output_tokens if found.usage else 0,
        [base64.b64decode(one) for one in drawn],
    )


async def by_messages(clients: Clients, asking: Asking) -> Heard:
    content: list[Any] = [{"type": "text", "text": asking.text}]
    if asking.picture:
        data = base64.b64encode(asking.picture).decode()
        source = {"type": "base64", "media_type": "image/png", "data": data}
        content.insert(0, {"type": "image", "source": source})
    wishes: dict[str, Any] = {
        "model": asking.model,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": asking.limit,
    }
    if asking.system:
        wishes["system"] = asking.system
    if asking.think:
        wishes["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    if asking.stream:
        async with clients.anthropic.messages.stream(**wishes) as stream:
            async for _ in stream:
                pass
            found: Any = await stream.get_final_message()
    else:
        found = await clients.anthropic.messages.create(**wishes)
    thinking = [block for block in found.content if block.type == "thinking"]
    assert all(block.signature for block in thinking)
    return Heard(
        "".join(block.text for block in found.content if block.type == "text"),
        "".join(block.thinking for block in thinking),
        found.stop_reason or "",
        found.usage.input_tokens if found.usage else 0,
        found.usage.output_tokens if found.usage else 0,
    )


async def by_gemini(clients: Clients, asking: Asking) -> Heard:
    parts = [gemini.Part.from_text(text=asking.text)]
    if asking.picture:
        parts.append(gemini.Part.from_bytes(data=asking.picture, mime_type="image/png"))
    config = gemini.GenerateContentConfig(
        max_output_tokens=asking.limit,
        system_instruction=asking.system or None,
        thinking_config=gemini.ThinkingConfig(include_thoughts=True) if asking.think else None,
    )
    wishes: dict[str, Any] = {"model": asking.model, "contents": parts, "config": config}
    if asking.stream:
        stream = await clients.gemini.models.generate_content_stream(**wishes)
        replies = [reply async for reply in stream]
    else:
        replies = [await clients.gemini.models.generate_content(**wishes)]
    heard = Heard()
    for reply in replies:
        for candidate in reply.candidates or []:
            heard.finish = (
                candidate.finish_reason.value if candidate.finish_reason else heard.finish
            )
            for part in (candidate.content.parts if candidate.content else None) or []:
                if part.thought:
                    heard.thought += part.text or ""
                else:
                    heard.text += part.text or ""
                if part.inline_data and part.inline_data.data:
                    heard.pictures.append(part.inline_data.data)
        if usage := reply.usage_metadata:
            heard.asked = usage.prompt_token_count or 0
            heard.said = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return heard


Way = Callable[[Clients, Asking], Awaitable[Heard]]
WAYS: dict[str, Way] = {
    "chat completions": by_chat_completions,
    "responses": by_responses,
    "messages": by_messages,
    "gemini": by_gemini,
}
COMPLETE = {
    "chat completions": "stop",
    "responses": "completed",
    "messages": "end_turn",
    "gemini": "STOP",
}
CUT_OFF = {
    "chat completions": "length",
    "responses": "max_output_tokens",
    "messages": "max_tokens",
    "gemini": "MAX_TOKENS",
}

every_way = pytest.mark.parametrize("way", WAYS)
both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


# Chat


@every_way
@both
async def test_every_client_understands_the_same_answer(
    gateway: FaultyGateway, clients: Clients, way: str, stream: bool
) -> None:
    heard = await WAYS[way](clients, Asking(system="Be brief.", stream=stream))

    assert heard.text == compose(SAID)
    assert heard.thought == ""
    assert heard.finish == COMPLETE[way]
    assert heard.asked > 5
    assert heard.said > 20
    assert len(gateway.requests) == 1  # nobody asks twice


@every_way
@both
async def test_a_model_that_thinks_is_understood(clients: Clients, way: str, stream: bool) -> None:
    heard = await WAYS[way](clients, Asking(model="demo-thinker", think=True, stream=stream))

    assert heard.thought == think(SAID)
    assert heard.text == compose(SAID)


@pytest.mark.parametrize("way", ["responses", "messages", "gemini"])
async def test_thoughts_are_told_only_where_they_are_asked_for(clients: Clients, way: str) -> None:
    quiet = await WAYS[way](clients, Asking(model="demo-thinker"))
    plain = await WAYS[way](clients, Asking())

    assert (quiet.thought, quiet.text) == ("", plain.text)
    assert quiet.said > plain.said  # they cost all the same


@every_way
@both
async def test_a_picture_in_the_question_arrives(clients: Clients, way: str, stream: bool) -> None:
    heard = await WAYS[way](clients, Asking("What is this?", picture=PNG, stream=stream))

    assert "PNG, 64 × 48 pixels, mostly red" in heard.text
    assert "“What is this?”" in heard.text


@every_way
@both
async def test_an_answer_that_was_cut_off_is_told_apart(
    clients: Clients, way: str, stream: bool
) -> None:
    heard = await WAYS[way](clients, Asking("count to 90", limit=4, stream=stream))

    assert heard.text == "1, 2, 3, 4,"
    assert heard.finish == CUT_OFF[way]
    assert heard.said == 4


@every_way
async def test_any_cut_of_the_stream_is_understood(
    gateway: FaultyGateway, clients: Clients, way: str
) -> None:
    text = gateway.say(["Grüße ", "👩‍🚀", " and", " more"])
    pings = way != "gemini"  # Google's client takes comments for broken JSON
    gateway.inject(Stream(eol="\r\n", segment=3, pings=pings, thinking=("hm",)))

    heard = await WAYS[way](clients, Asking(stream=True))

    assert (heard.text, heard.thought) == (text, "hm")


@both
async def test_two_tool_calls_at_once_are_put_together(
    gateway: FaultyGateway, clients: Clients, stream: bool
) -> None:
    arguments = {"place": "Überlingen", "days": 3}
    call = Call("forecast", json.dumps(arguments, ensure_ascii=False), "call_1")
    gateway.say([call, replace(call, id="call_2")])
    gateway.inject(Stream(finish="tool_calls"))
    found = []

    chat = clients.openai.chat.completions
    turn: Any = {"role": "user", "content": "hi"}
    if stream:
        async with chat.stream(model="demo-chat", messages=[turn]) as events:
            completion: Any = await events.get_final_completion()
    else:
        completion = await chat.create(model="demo-chat", messages=[turn])
    for one in completion.choices[0].message.tool_calls:
        found.append((one.id, one.function.name, json.loads(one.function.arguments)))

    responses = clients.openai.responses
    if stream:
        async with responses.stream(model="demo-chat", input="hi") as heard:
            response: Any = await heard.get_final_response()
    else:
        response = await responses.create(model="demo-chat", input="hi")
    for item in response.output:
        found.append((item.call_id, item.name, json.loads(item.arguments)))

    asking: dict[str, Any] = {"model": "demo-chat", "max_tokens": 9, "messages": [turn]}
    if stream:
        async with clients.anthropic.messages.stream(**asking) as blocks:
            message: Any = await blocks.get_final_message()
    else:
        message = await clients.anthropic.messages.create(**asking)
    assert message.stop_reason == "tool_use"
    for block in message.content:
        found.append((block.id, block.name, block.input))

    assert found == [("call_1", "forecast", arguments), ("call_2", "forecast", arguments)] * 3


# Errors

Kind = type[Exception]
ERRORS: list[tuple[Answer, Kind, Kind, Kind]] = [
    (
        faults.BAD_KEY,
        openai.AuthenticationError,
        anthropic.AuthenticationError,
        genai_errors.ClientError,
    ),
    (
        faults.NO_QUOTA,
        openai.PermissionDeniedError,
        anthropic.PermissionDeniedError,
        genai_errors.ClientError,
    ),
    (faults.TOO_LONG, openai.BadRequestError, anthropic.BadRequestError, genai_errors.ClientError),
    (
        faults.RATE_LIMITED,
        openai.RateLimitError,
        anthropic.RateLimitError,
        genai_errors.ClientError,
    ),
    (
        faults.RATE_LIMITED_EMPTY,
        openai.RateLimitError,
        anthropic.RateLimitError,
        genai_errors.ClientError,
    ),
    (
        faults.SERVER_ERROR,
        openai.InternalServerError,
        anthropic.InternalServerError,
        genai_errors.ServerError,
    ),
    (
        faults.OVERLOADED,
        openai.InternalServerError,
        anthropic.ServiceUnavailableError,
        genai_errors.ServerError,
    ),
    (
        faults.SHAPE_C,
        openai.InternalServerError,
        anthropic.OverloadedError,
        genai_errors.ServerError,
    ),
]


def expected(way: str, kinds: tuple[Kind, Kind, Kind]) -> Kind:
    return dict(zip(("messages", "gemini"), kinds[1:], strict=True)).get(way, kinds[0])


@every_way
@pytest.mark.parametrize(("answer", "of_openai", "of_anthropic", "of_google"), ERRORS)
async def test_every_error_is_the_clients_own_kind(
    gateway: FaultyGateway,
    clients: Clients,
    way: str,
    answer: Answer,
    of_openai: Kind,
    of_anthropic: Kind,
    of_google: Kind,
) -> None:
    gateway.inject(answer)
    clients.retries = 0

    with pytest.raises(expected(way, (of_openai, of_anthropic, of_google))):
        await WAYS[way](clients, Asking(stream=True))

    assert len(gateway.requests) == 1


@every_way
async def test_a_wrong_key_and_an_unknown_model_are_refused(clients: Clients, way: str) -> None:
    clients.retries = 0
    with pytest.raises(Exception, match="No available channel for model gpt-9"):
        await WAYS[way](clients, Asking(model="gpt-9"))
    clients.key = "sk-wrong"
    kinds = (openai.AuthenticationError, anthropic.AuthenticationError, genai_errors.ClientError)
    with pytest.raises(expected(way, kinds), match="Invalid token"):
        await WAYS[way](clients, Asking())


@pytest.mark.parametrize("way", ["chat completions", "responses", "messages"])
async def test_a_client_comes_back_after_the_wait_it_was_told(
    gateway: FaultyGateway, clients: Clients, way: str
) -> None:
    gateway.inject(faults.rate_limited(retry_after_ms="5"), times=1)

    heard = await WAYS[way](clients, Asking())

    assert heard.finish == COMPLETE[way]
    assert len(gateway.requests) == 2


async def test_the_vendors_rules_for_a_conversation_hold(clients: Clients) -> None:
    asking: dict[str, Any] = {"model": "demo-chat", "max_tokens": 50}
    turn: Any = {"role": "user", "content": "hi"}
    for messages in ([turn, turn], [{"role": "assistant", "content": "hi"}, turn]):
        with pytest.raises(anthropic.BadRequestError) as caught:
            await clients.anthropic.messages.create(messages=messages, **asking)
        assert isinstance(caught.value.body, dict)
        assert caught.value.body["error"]["type"] == "invalid_request_error"
    with pytest.raises(genai_errors.ClientError, match="alternate"):
        await clients.gemini.models.generate_content(
            model="demo-chat",
            contents=[gemini.Content(role="user", parts=[gemini.Part(text="a")])] * 2,
        )


# Failures in the middle


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        ("chat completions", openai.APIError),
        ("messages", anthropic.APIStatusError),
        ("gemini", genai_errors.ServerError),
    ],
)
async def test_an_error_in_the_middle_is_raised(
    gateway: FaultyGateway, clients: Clients, way: str, kind: Kind
) -> None:
    gateway.say(["one ", "two"])
    gateway.inject(Stream(break_after=1, breaks=Break.ERROR))

    with pytest.raises(kind, match="upstream closed"):
        await WAYS[way](clients, Asking(stream=True))


@pytest.mark.parametrize(
    ("how", "last"), [(Break.ERROR, "error"), (Break.FAILED, "response.failed")]
)
async def test_both_failures_of_a_response_are_known_events(
    gateway: FaultyGateway, clients: Clients, how: Break, last: str
) -> None:
    gateway.say(["one ", "two"])
    gateway.inject(Stream(break_after=1, breaks=how))

    stream = await clients.openai.responses.create(model="demo-chat", input="hi", stream=True)
    events = [event async for event in stream]

    assert events[-1].type == last
    message = events[-1].message if events[-1].type == "error" else None
    if events[-1].type == "response.failed":
        assert events[-1].response.error is not None
        message = events[-1].response.error.message
    assert message == "upstream closed"


@pytest.mark.parametrize("how", [Break.TAIL, Break.END])
async def test_a_stream_without_its_end_mark_stays_without_it(
    gateway: FaultyGateway, clients: Clients, how: Break
) -> None:
    gateway.say(["one ", "two"])
    gateway.inject(Stream(break_after=1, breaks=how))

    stream = await clients.anthropic.messages.create(
        model="demo-chat", max_tokens=9, messages=[{"role": "user", "content": "hi"}], stream=True
    )

    assert "message_stop" not in [event.type async for event in stream]


@both
async def test_geminis_refusals_are_understood(
    gateway: FaultyGateway, clients: Clients, stream: bool
) -> None:
    gateway.inject(Stream(blocked="PROHIBITED_CONTENT"), times=1)
    if stream:
        replies = await clients.gemini.models.generate_content_stream(
            model="demo-chat", contents="x"
        )
        (reply,) = [one async for one in replies]
    else:
        reply = await clients.gemini.models.generate_content(model="demo-chat", contents="x")
    assert not reply.candidates
    assert reply.prompt_feedback is not None
    assert reply.prompt_feedback.block_reason is gemini.BlockedReason.PROHIBITED_CONTENT

    gateway.inject(Stream(finish="SAFETY"))
    gateway.say([])
    assert (await by_gemini(clients, Asking(stream=stream))).finish == "SAFETY"


# Pictures from a model


def opened(data: bytes) -> tuple[str | None, tuple[int, int]]:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture.format, picture.size


@pytest.mark.parametrize("form", ["url", "b64_json"])
async def test_the_picture_route_is_understood(clients: Clients, form: Any) -> None:
    found = await clients.openai.images.generate(
        model="demo-image", prompt="a calm sea", n=2, size="512x512", response_format=form
    )
    assert found.data is not None
    for item in found.data:
        assert item.revised_prompt == "a calm sea"
        if item.b64_json is not None:
            data = base64.b64decode(item.b64_json)
        else:
            data = (await clients.http.get(item.url or "")).content
        assert opened(data) == ("JPEG", (512, 512))
    assert len(found.data) == 2


@both
async def test_geminis_picture_models_draw_and_build_on_pictures(
    clients: Clients, stream: bool
) -> None:
    config = gemini.GenerateContentConfig(
        response_modalities=["TEXT", "IMAGE"],
        image_config=gemini.ImageConfig(aspect_ratio="16:9"),
    )
    wishes: dict[str, Any] = {"model": "demo-image", "config": config}
    parts = [
        gemini.Part.from_text(text="at night"),
        gemini.Part.from_bytes(data=PNG, mime_type="image/png"),
    ]
    drawn = []
    asked: tuple[Any, ...] = ("at night", parts)
    for contents in asked:
        if stream:
            replies = await clients.gemini.models.generate_content_stream(
                contents=contents, **wishes
            )
            found = [part async for reply in replies for part in reply.parts or []]
        else:
            reply = await clients.gemini.models.generate_content(contents=contents, **wishes)
            found = list(reply.parts or [])
        (data,) = [part.inline_data.data for part in found if part.inline_data]
        assert "drawn offline" in "".join(part.text or "" for part in found)
        assert data is not None
        assert opened(data) == ("JPEG", (1024, 576))
        drawn.append(data)
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize("way", ["responses", "gemini"])
@both
async def test_a_picture_in_the_middle_of_an_answer_is_found(
    gateway: FaultyGateway, clients: Clients, way: str, stream: bool
) -> None:
    gateway.say(["before ", inline(PNG), "after"])

    heard = await WAYS[way](clients, Asking(stream=stream))

    assert heard.text == "before after"
    assert heard.pictures == [PNG]


async def test_a_picture_that_is_only_linked_is_a_file(
    gateway: FaultyGateway, clients: Clients
) -> None:
    gateway.say([linked("https://cdn.example/x.png")])

    reply = await clients.gemini.models.generate_content(model="demo-image", contents="x")

    (part,) = reply.parts or []
    assert part.file_data is not None
    assert part.file_data.file_uri == "https://cdn.example/x.png"


# Model lists


async def test_every_client_reads_the_model_list_in_its_own_shape(clients: Clients) -> None:
    models = [*CHAT_MODELS, *IMAGE_MODELS]

    assert [model.id async for model in clients.openai.models.list()] == models
    assert [model.id async for model in clients.anthropic.models.list()] == models
    assert [model.display_name async for model in await clients.gemini.models.list()] == models
    assert (await clients.openai.models.retrieve("demo-chat")).id == "demo-chat"
    assert (await clients.anthropic.models.retrieve("demo-chat")).display_name == "demo-chat"
