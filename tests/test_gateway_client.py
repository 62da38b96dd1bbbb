"""The gateway's client over real sockets, against the gateway in a box and all its faults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from bot import errors
from bot.config import GatewaySettings
from bot.errors import BadPicture, GatewayError
from bot.events import Ending, Finish, Media, ReplyEvent, TextDelta, ThinkingDelta, UsageReport
from bot.gateway.client import GatewayClient
from bot.gateway.endpoint import root_of
from bot.gateway.fetch import is_private
from bot.gateway.models import Models
from bot.types import Image, ImagePrompt, Message, Prompt, Role, Text
from tests.simulators import gateway_faults as faults
from tests.simulators.gateway import FaultyGateway, PrivateServer
from tests.simulators.gateway_faults import (
    Answer,
    Break,
    PictureFile,
    Pictures,
    Reset,
    Slow,
    Stream,
)

PROMPT = Prompt("test-model", "Be kind.", (Message(Role.USER, (Text("Alice: hi"),), "Alice"),))
DRAWING = ImagePrompt("nano-banana", "a red fox")


@pytest.fixture
async def gateway() -> AsyncIterator[FaultyGateway]:
    async with FaultyGateway() as server:
        yield server


def client_of(gateway: FaultyGateway, *, base: str = "", **options: float) -> GatewayClient:
    settings = GatewaySettings.model_construct(
        api_key=SecretStr("sk-test"),
        base_url=base or gateway.url,
        chat_model="m",
        image_model="i",
        headers={},
    )
    models = Models("m", "i")
    return GatewayClient({"": settings}, models, pause=0.01, look=0.01, **options)  # type: ignore[arg-type]


async def ask(
    gateway: FaultyGateway, prompt: Prompt | ImagePrompt = PROMPT, **options: float
) -> list[ReplyEvent]:
    async with client_of(gateway, base="", **options) as client, client.stream(prompt) as events:
        return [event async for event in events]


def text_of(events: list[ReplyEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_an_answer_arrives_word_by_word_with_its_usage_and_its_end(
    gateway: FaultyGateway,
) -> None:
    gateway.say(["Hel", "lo, ", "wörld 😀"])

    events = await ask(gateway)

    assert [event for event in events if isinstance(event, TextDelta)] == [
        TextDelta("Hel"),
        TextDelta("lo, "),
        TextDelta("wörld 😀"),
    ]
    assert Finish(Ending.COMPLETE) in events
    assert any(isinstance(event, UsageReport) and event.usage.reply_tokens for event in events)
    (request,) = gateway.received("/v1/chat/completions")
    assert isinstance(request.body, dict)
    assert request.body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Alice: hi"},
    ]
    assert request.body["stream"] is True


@pytest.mark.parametrize(
    "shape",
    [
        Stream(eol="\r\n", pings=True, blank_lines=2),
        Stream(eol="\r", segment=1),
        Stream(segment=3, usage="last"),
        Stream(segment=0, role=False, usage="none"),
        Stream(padding=300_000),
        Stream(done=False),
    ],
)
async def test_the_shape_of_the_stream_does_not_matter(
    gateway: FaultyGateway, shape: Stream
) -> None:
    text = gateway.say(["Grüße ", "😀👩\u200d👧 ", "and ", "more"])
    gateway.inject(shape)

    assert text_of(await ask(gateway)) == text


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_thinking_is_never_mixed_into_the_answer(gateway: FaultyGateway, field: str) -> None:
    gateway.say(["Four."])
    gateway.inject(Stream(thinking=("two and ", "two"), thinking_field=field))  # type: ignore[arg-type]

    events = await ask(gateway)

    assert text_of(events) == "Four."
    assert [event.text for event in events if isinstance(event, ThinkingDelta)] == [
        "two and ",
        "two",
    ]


@pytest.mark.parametrize(
    ("reason", "ending"), [("length", "length"), ("content_filter", "filtered")]
)
async def test_an_end_that_is_none_is_told_apart(
    gateway: FaultyGateway, reason: str, ending: str
) -> None:
    gateway.say(["half"])
    gateway.inject(Stream(finish=reason))

    assert Finish(Ending(ending)) in await ask(gateway)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (Stream(finish=None), errors.Interrupted),
        (Stream(break_after=2, breaks=Break.RESET), errors.Interrupted),
        (Stream(break_after=2, breaks=Break.CLOSE), errors.Interrupted),
        (Stream(break_after=2, breaks=Break.END), errors.Interrupted),
        (Stream(break_after=2, breaks=Break.ERROR), errors.GatewayDown),
        (Stream(break_after=0, breaks=Break.END), errors.Interrupted),
    ],
)
async def test_an_answer_that_breaks_off_keeps_what_came_and_says_so(
    gateway: FaultyGateway, shape: Stream, expected: type[GatewayError]
) -> None:
    gateway.say(["one ", "two ", "three"])
    gateway.inject(shape)
    came: list[ReplyEvent] = []

    async with client_of(gateway) as client:
        with pytest.raises(expected):
            async with client.stream(PROMPT) as events:
                async for event in events:
                    came.append(event)

    assert text_of(came) == "one two three"[: {None: 13, 2: 8, 0: 0}[shape.break_after]]
    assert len(gateway.received("/v1/chat/completions")) == 1


async def test_silence_is_noticed(gateway: FaultyGateway) -> None:
    gateway.say(["one ", "two"])
    gateway.inject(Stream(break_after=1, breaks=Break.SILENCE))

    with pytest.raises(errors.Silent):
        await ask(gateway, silence=0.2)


EXPECTED = {
    "BAD_KEY": errors.BadKey,
    "OTHER_LANGUAGE": errors.BadKey,
    "NO_CREDIT": errors.NoCredit,
    "NO_QUOTA": errors.NoCredit,
    "NO_QUOTA_BEHIND_200": errors.NoCredit,
    "SHAPE_M": errors.BadRequest,
    "NOT_ALLOWED": errors.NotAllowed,
    "RATE_LIMITED": errors.RateLimited,
    "RATE_LIMITED_EMPTY": errors.RateLimited,
    "SHAPE_G": errors.RateLimited,
    "INVALID_REQUEST": errors.BadRequest,
    "TOO_LONG": errors.BadRequest,
    "TOO_LARGE": errors.BadRequest,
    "SHAPE_T": errors.BadRequest,
    "SHAPE_TEXT": errors.BadRequest,
    "BLOCKED_WORDS": errors.Filtered,
    "CONTENT_POLICY": errors.Filtered,
    "SERVER_ERROR": errors.GatewayDown,
    "SERVER_ERROR_PLAIN": errors.GatewayDown,
    "BAD_GATEWAY": errors.GatewayDown,
    "GATEWAY_TIMEOUT": errors.GatewayDown,
    "OVERLOADED": errors.GatewayDown,
    "ERROR_BEHIND_200": errors.GatewayDown,
    "SHAPE_C": errors.GatewayDown,
    "NO_SUCH_MODEL": errors.NoSuchModel,
    "HTML_BEHIND_200": errors.Misrouted,
    "SHAPE_S": errors.BadKey,
    "EMPTY_BEHIND_200": errors.GatewayDown,
    "EMPTY_STREAM_BEHIND_200": errors.Interrupted,
    "JOB_BEHIND_200": errors.Interrupted,
    "NO_DATA_BEHIND_200": errors.Interrupted,
}


@pytest.mark.parametrize("name", faults.ANSWERS)
async def test_every_failure_becomes_the_error_that_tells_what_to_do(
    gateway: FaultyGateway, name: str
) -> None:
    gateway.inject(faults.ANSWERS[name])

    with pytest.raises(EXPECTED[name]) as caught:
        await ask(gateway)

    assert "upstream" not in caught.value.notice
    calls = len(gateway.received("/v1/chat/completions"))
    retried = EXPECTED[name] in (errors.RateLimited, errors.GatewayDown)
    assert calls == (3 if retried and "BEHIND_200" not in name else 1)


@pytest.mark.parametrize(
    "fault", [Reset(), faults.OVERLOADED, faults.rate_limited(retry_after="0")]
)
async def test_passing_trouble_is_not_seen_at_all(
    gateway: FaultyGateway, fault: Answer | Reset
) -> None:
    gateway.inject(fault, times=2)
    gateway.say(["fine"])

    assert text_of(await ask(gateway)) == "fine"


async def test_the_servers_own_wait_is_honoured(gateway: FaultyGateway) -> None:
    gateway.inject(faults.rate_limited(retry_after_ms="300"), times=1)
    gateway.say(["fine"])
    before = time.monotonic()

    await ask(gateway)

    assert time.monotonic() - before >= 0.3


async def test_a_wait_longer_than_anybody_has_is_not_begun(gateway: FaultyGateway) -> None:
    gateway.inject(faults.rate_limited(retry_after="60"))

    with pytest.raises(errors.RateLimited):
        await ask(gateway)

    assert len(gateway.received("/v1/chat/completions")) == 1


async def test_an_abandoned_answer_hangs_up_at_once(gateway: FaultyGateway) -> None:
    never = asyncio.Event()
    gateway.say(["one two three", never, "four"])

    async with client_of(gateway) as client:
        async with client.stream(PROMPT) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    break
        left = time.monotonic()
        async with asyncio.timeout(2):
            while gateway.hung_up == 0:
                await asyncio.sleep(0.002)

    assert time.monotonic() - left < 0.05


async def test_an_address_where_nobody_listens_is_one_sentence(gateway: FaultyGateway) -> None:
    async with client_of(gateway, base="http://127.0.0.1:9") as client:
        with pytest.raises(errors.GatewayDown) as caught:
            async with client.stream(PROMPT):
                pass

    assert "127.0.0.1" not in caught.value.notice


@pytest.mark.parametrize("base", ["", "/", "/v1", "/v1/", "//v1//"])
async def test_any_form_of_the_base_address_works(gateway: FaultyGateway, base: str) -> None:
    gateway.say(["fine"])

    async with (
        client_of(gateway, base=gateway.url + base) as client,
        client.stream(PROMPT) as events,
    ):
        assert text_of([event async for event in events]) == "fine"


def test_the_root_keeps_a_path_of_its_own() -> None:
    assert root_of("https://proxy.example//api/v1/") == "https://proxy.example/api"
    assert root_of("https://api.ccapi.ai") == "https://api.ccapi.ai"


async def test_the_model_list_is_read(gateway: FaultyGateway) -> None:
    async with client_of(gateway) as client:
        assert "demo-chat" in await client.models()
        gateway.inject(faults.HTML_BEHIND_200)
        with pytest.raises(errors.Misrouted):
            await client.models()


# Pictures


def pictures_of(events: list[ReplyEvent]) -> list[Image]:
    return [
        event.part for event in events if isinstance(event, Media) and isinstance(event.part, Image)
    ]


@pytest.mark.parametrize("form", ["url", "b64_json"])
async def test_a_picture_arrives_as_bytes_whatever_its_form(
    gateway: FaultyGateway, form: str
) -> None:
    gateway.inject(Pictures(form=form))  # type: ignore[arg-type]

    (picture,) = pictures_of(await ask(gateway, DRAWING))

    assert (picture.data, picture.media_type) == (faults.PNG, "image/png")


async def test_what_is_asked_for_is_what_the_gateway_documents(gateway: FaultyGateway) -> None:
    source = Image(faults.PNG, "image/png")

    await ask(gateway, ImagePrompt("nano-banana", "night", (source,), "16:9", 1))
    await ask(gateway, ImagePrompt("gpt-image-1", "night", (), "16:9", 2))

    first, second = [request.body for request in gateway.received("/v1/images/generations")]
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert set(first) == {"model", "prompt", "aspect_ratio", "image"}
    assert first["image"].startswith("data:image/png;base64,")
    assert (second["n"], second["size"]) == (2, "1536x1024")
    assert "aspect_ratio" not in second


async def test_a_model_that_draws_one_at_a_time_is_asked_several_times(
    gateway: FaultyGateway,
) -> None:
    pictures = pictures_of(await ask(gateway, ImagePrompt("nano-banana", "x", count=3)))

    assert len(pictures) == 3
    assert len(gateway.received("/v1/images/generations")) == 3


async def test_pictures_that_came_are_kept_when_one_fails(gateway: FaultyGateway) -> None:
    gateway.inject(faults.SERVER_ERROR, path="/v1/images/generations", times=1)
    came: list[ReplyEvent] = []

    async with client_of(gateway) as client:
        with pytest.raises(errors.GatewayDown):
            async with client.stream(ImagePrompt("nano-banana", "x", count=3)) as events:
                async for event in events:
                    came.append(event)

    assert len(pictures_of(came)) == 2


@pytest.mark.parametrize("fault", [Reset(), faults.SERVER_ERROR, faults.BAD_GATEWAY])
async def test_a_paid_picture_is_never_asked_for_again_after_an_ambiguous_failure(
    gateway: FaultyGateway, fault: Answer | Reset
) -> None:
    gateway.inject(fault)

    with pytest.raises(errors.GatewayDown):
        await ask(gateway, DRAWING)

    assert len(gateway.received("/v1/images/generations")) == 1


async def test_a_rate_limited_picture_is_asked_for_again(gateway: FaultyGateway) -> None:
    gateway.inject(faults.rate_limited(retry_after="0"), times=1)

    assert len(pictures_of(await ask(gateway, DRAWING))) == 1


async def test_a_picture_that_takes_too_long_is_given_up(gateway: FaultyGateway) -> None:
    gateway.inject(Slow(30.0))

    with pytest.raises(errors.Silent):
        await ask(gateway, DRAWING, patience=0.2)


@pytest.mark.parametrize(
    "file",
    [
        faults.DEAD_LINK,
        faults.EXPIRED_LINK,
        faults.FORBIDDEN_LINK,
        faults.HTML_PAGE,
        faults.HTML_AS_PICTURE,
        faults.EMPTY_FILE,
        faults.ENDLESS,
        faults.OVERSIZED,
        faults.BROKEN_OFF,
        faults.redirect_to("/files/none/../../elsewhere"),
    ],
)
async def test_a_link_that_gives_no_picture_is_one_sentence(
    gateway: FaultyGateway, file: PictureFile
) -> None:
    gateway.inject(Pictures(file))

    with pytest.raises(BadPicture) as caught:
        await ask(gateway, DRAWING)

    assert caught.value.notice.startswith("The gateway sent a picture")
    assert "127.0.0.1" not in caught.value.notice


async def test_a_wrong_label_does_not_matter_when_the_bytes_are_a_picture(
    gateway: FaultyGateway,
) -> None:
    gateway.inject(Pictures(faults.WRONG_TYPE))

    assert len(pictures_of(await ask(gateway, DRAWING))) == 1


@pytest.mark.parametrize("way", ["link", "redirect"])
async def test_a_private_address_is_never_called(gateway: FaultyGateway, way: str) -> None:
    async with PrivateServer() as private:
        target = private.url + "/secret.png"
        gateway.inject(
            Pictures(link=target) if way == "link" else Pictures(faults.redirect_to(target))
        )

        with pytest.raises(BadPicture) as caught:
            await ask(gateway, DRAWING)

    assert private.hits == []
    assert caught.value.notice == "The gateway sent a picture link that is not safe to open."


@pytest.mark.parametrize(
    "link",
    [
        "https://localhost:1/x.png",
        "https://127.0.0.2:1/x.png",
        "https://[::1]:1/x.png",
        "https://[::ffff:127.0.0.1]:1/x.png",
        "https://2130706434:1/x.png",
        "https://0x7f000002:1/x.png",
        "file:///etc/passwd",
        "ftp://127.0.0.2/x.png",
        "http://127.0.0.2:1/x.png",
    ],
)
async def test_every_spelling_of_a_private_address_is_refused(
    gateway: FaultyGateway, link: str
) -> None:
    gateway.inject(Pictures(link=link))

    with pytest.raises(BadPicture) as caught:
        await ask(gateway, DRAWING)

    # aiohttp itself refuses addresses that are written as one number.
    assert "not safe to open" in caught.value.notice or "canonical" in str(caught.value)


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("10.0.0.1", True),
        ("192.168.1.1", True),
        ("169.254.169.254", True),
        ("100.64.0.1", True),
        ("0.0.0.0", True),  # noqa: S104
        ("224.0.0.1", True),
        ("fe80::1%eth0", True),
        ("::ffff:10.0.0.1", True),
        ("8.8.8.8", False),
        ("2606:4700::1111", False),
        ("example.com", False),
    ],
)
def test_addresses_are_told_apart_without_calling_them(host: str, private: bool) -> None:
    assert is_private(host) is private
