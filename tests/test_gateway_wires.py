"""Every wire over real sockets: the client and the gateway in a box, by the name of the model."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from bot import errors
from bot.config import GatewaySettings, NamedGatewaySettings
from bot.errors import GatewayError
from bot.events import Ending, Reply
from bot.gateway.client import GatewayClient
from bot.gateway.models import Models
from bot.types import Image, ImagePrompt, Message, Prompt, Role, Text
from tests.simulators import gateway_faults as faults
from tests.simulators.gateway import FaultyGateway, PrivateServer
from tests.simulators.gateway_faults import Break, Job, Stream

WIRES = {
    "some-model": "/v1/chat/completions",
    "gpt-5-pro": "/v1/responses",
    "claude-sonnet-4-6": "/v1/messages",
    "gemini-2.5-flash": "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
}
PICTURE = Image(faults.PNG, "image/png")
JOBS = "imaginepro/nano-banana"


def prompt_for(model: str, *parts: Image) -> Prompt:
    said = [
        Message(Role.ASSISTANT, (Text("Welcome!"),)),
        Message(Role.USER, (Text("Alice: hi"),), "Alice"),
        Message(Role.USER, (Text("Bob: look"), *parts), "Bob"),
    ]
    return Prompt(model, "Be kind.", tuple(said))


def gateway_settings(url: str) -> GatewaySettings:
    return GatewaySettings.model_construct(
        api_key=SecretStr("sk-test"), base_url=url, headers={"X-Team": SecretStr("harbour")}
    )


@pytest.fixture
async def gateway() -> AsyncIterator[FaultyGateway]:
    async with FaultyGateway() as server:
        yield server


@pytest.fixture
async def client(gateway: FaultyGateway) -> AsyncIterator[GatewayClient]:
    models = Models("some-model", "nano-banana")
    async with GatewayClient(
        {"": gateway_settings(gateway.url)}, models, pause=0.01, look=0.01, patience=5.0
    ) as opened:
        yield opened


async def ask(client: GatewayClient, prompt: Prompt | ImagePrompt) -> Reply:
    reply = Reply()
    async with client.stream(prompt) as events:
        async for event in events:
            reply.add(event)
    return reply


async def fails(client: GatewayClient, prompt: Prompt | ImagePrompt) -> tuple[GatewayError, Reply]:
    """The error, and what came before it."""
    reply = Reply()
    with pytest.raises(GatewayError) as caught:
        async with client.stream(prompt) as events:
            async for event in events:
                reply.add(event)
    return caught.value, reply


@pytest.mark.parametrize("model", WIRES)
async def test_each_model_is_asked_on_its_own_wire_and_understood(
    gateway: FaultyGateway, client: GatewayClient, model: str
) -> None:
    text = gateway.say(["Hel", "lo, ", "wörld 😀"])
    gateway.inject(Stream(thinking=("let me ", "see")))

    reply = await ask(client, prompt_for(model, PICTURE))

    assert (reply.text, reply.thinking, reply.ending) == (text, "let me see", Ending.COMPLETE)
    assert reply.usage.prompt_tokens > 0
    assert reply.usage.reply_tokens > 0
    (request,) = gateway.requests
    assert request.path == WIRES[model]
    assert request.headers["x-team"] == "harbour"


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize(
    ("reason", "ending"), [("length", Ending.LENGTH), ("content_filter", Ending.FILTERED)]
)
async def test_every_wire_tells_an_end_that_is_none(
    gateway: FaultyGateway, client: GatewayClient, model: str, reason: str, ending: Ending
) -> None:
    gateway.say(["half of it"])
    gateway.inject(Stream(finish=reason))

    reply = await ask(client, prompt_for(model))

    assert (reply.text, reply.ending) == ("half of it", ending)


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize("how", [how for how in Break if how is not Break.SILENCE])
async def test_every_wire_keeps_what_came_before_it_broke(
    gateway: FaultyGateway, client: GatewayClient, model: str, how: Break
) -> None:
    gateway.say(["one ", "two ", "three"])
    gateway.inject(Stream(break_after=2, breaks=how))

    error, reply = await fails(client, prompt_for(model))

    assert reply.text == "one two "
    assert isinstance(error, errors.Interrupted | errors.GatewayDown)
    assert len(gateway.requests) == 1, "nothing is asked again once text was seen"


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize(
    "shape", [Stream(segment=1), Stream(eol="\r\n", pings=True), Stream(segment=0)]
)
async def test_every_wire_is_read_however_it_is_cut(
    gateway: FaultyGateway, client: GatewayClient, model: str, shape: Stream
) -> None:
    text = gateway.say(["Grüße ", "😀👩\u200d👧"])
    gateway.inject(shape)

    assert (await ask(client, prompt_for(model))).text == text


@pytest.mark.parametrize("model", WIRES)
async def test_thoughts_inside_the_text_are_taken_out_on_every_wire(
    gateway: FaultyGateway, client: GatewayClient, model: str
) -> None:
    gateway.say(["Four."])
    gateway.inject(Stream(thinking=("two ", "and two"), thinking_field="think"))

    reply = await ask(client, prompt_for(model))

    assert (reply.text, reply.thinking) == ("Four.", "two and two")


@pytest.mark.parametrize("model", WIRES)
@pytest.mark.parametrize(
    "name", ["BAD_KEY", "NO_QUOTA", "RATE_LIMITED", "NO_SUCH_MODEL", "BAD_GATEWAY"]
)
async def test_errors_read_the_same_on_every_wire(
    gateway: FaultyGateway, client: GatewayClient, model: str, name: str
) -> None:
    gateway.inject(faults.ANSWERS[name])

    error, _ = await fails(client, prompt_for(model))

    expected = {
        "BAD_KEY": errors.BadKey,
        "NO_QUOTA": errors.NoCredit,
        "RATE_LIMITED": errors.RateLimited,
        "NO_SUCH_MODEL": errors.NoSuchModel,
        "BAD_GATEWAY": errors.GatewayDown,
    }
    assert type(error) is expected[name]


async def test_a_gateway_that_knows_chat_completions_only_is_asked_that_way(
    gateway: FaultyGateway, client: GatewayClient
) -> None:
    gateway.say(["fine"])
    gateway.inject(
        faults.Answer.error(404, "Invalid URL (POST /v1/messages)", kind="invalid_request_error"),
        path="/v1/messages",
    )

    first = await ask(client, prompt_for("claude-sonnet-4-6"))
    second = await ask(client, prompt_for("claude-opus-4-6"))

    assert (first.text, second.text) == ("fine", "fine")
    assert [request.path for request in gateway.requests] == [
        "/v1/messages",
        "/v1/chat/completions",
        "/v1/chat/completions",
    ]


async def test_a_model_of_another_gateway_is_asked_there_with_its_own_key(
    gateway: FaultyGateway,
) -> None:
    async with FaultyGateway(keys={"sk-other"}) as other:
        other.say(["from the other one"])
        settings = NamedGatewaySettings.model_construct(
            api_key=SecretStr("sk-other"), base_url=other.url, headers={}
        )
        models = Models("m", "i", gateways={"other": "chat_completions"})
        both: dict[str, GatewaySettings | NamedGatewaySettings] = {
            "": gateway_settings(gateway.url),
            "other": settings,
        }
        async with GatewayClient(both, models) as client:
            reply = await ask(client, prompt_for("other/claude-x"))
            listed = await client.models()

        assert reply.text == "from the other one"
        (request,) = other.received("/v1/chat/completions")
        assert isinstance(request.body, dict)
        assert request.body["model"] == "claude-x"
    assert gateway.received("/v1/chat/completions") == []
    assert "other/demo-chat" in listed
    assert "demo-chat" in listed


@pytest.mark.parametrize("cut", [0, 1, 7])
async def test_a_picture_inside_the_text_is_taken_out_however_it_is_cut(
    gateway: FaultyGateway, client: GatewayClient, cut: int
) -> None:
    gateway.say(["Look: ", *faults.data_uri(faults.PNG, cut=cut), " nice?"])

    reply = await ask(client, prompt_for("some-model"))

    assert reply.text == "Look:  nice?"
    assert reply.media == [Image(faults.PNG, "image/png", "picture.png")]


# Pictures


async def test_a_gemini_model_draws_on_its_own_route(
    gateway: FaultyGateway, client: GatewayClient
) -> None:
    drawing = ImagePrompt("gemini-2.5-flash-image", "a red fox", (PICTURE,), "16:9")

    reply = await ask(client, drawing)

    assert len(reply.media) == 1
    (request,) = gateway.requests
    assert request.path == "/v1beta/models/gemini-2.5-flash-image:generateContent"
    assert isinstance(request.body, dict)
    config = request.body["generationConfig"]
    assert config["imageConfig"]["aspectRatio"] == "16:9"


GOOD = ("GOOD_JOB", "PENDING_BEHIND_200", "DONE_AT_ONCE", "DONE_BUT_PENDING", "OTHER_WORDS")


@pytest.mark.parametrize("name", [*GOOD, "BACKWARDS", "NO_POLL_URL", "RELATIVE_POLL_URL"])
async def test_a_job_is_asked_after_until_its_picture_is_there(
    gateway: FaultyGateway, client: GatewayClient, name: str
) -> None:
    gateway.inject(faults.JOBS[name])

    reply = await ask(client, ImagePrompt(JOBS, "a red fox"))

    assert [part.data for part in reply.media] == [faults.PNG]
    assert len(gateway.received("/v1/images/generate")) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("FAILED_JOB", errors.GatewayError),
        ("FAILED_AT_ONCE", errors.GatewayError),
        ("REJECTED_JOB", errors.Filtered),
        ("EMPTY_JOB", errors.BadPicture),
    ],
)
async def test_a_job_that_fails_says_why(
    gateway: FaultyGateway, client: GatewayClient, name: str, expected: type[GatewayError]
) -> None:
    gateway.inject(faults.JOBS[name])

    error, reply = await fails(client, ImagePrompt(JOBS, "a red fox"))

    assert type(error) is expected
    assert reply.media == []
    assert len(gateway.received("/v1/images/generate")) == 1


async def test_a_job_that_is_lost_or_never_ends_is_given_up(gateway: FaultyGateway) -> None:
    models = Models("m", "i")
    settings = {"": gateway_settings(gateway.url)}
    async with GatewayClient(settings, models, look=0.005, patience=0.3) as client:
        gateway.inject(faults.ENDLESS_JOB)
        error, _ = await fails(client, ImagePrompt(JOBS, "a red fox"))
        assert isinstance(error, errors.Silent)

        gateway.inject(faults.VANISHING_JOB)
        error, _ = await fails(client, ImagePrompt(JOBS, "a red fox"))
        assert isinstance(error, GatewayError)


async def test_trouble_while_asking_after_a_job_is_tolerated(
    gateway: FaultyGateway, client: GatewayClient
) -> None:
    gateway.inject(Job(poll_url="/v1/images/jobs/{id}"))
    gateway.inject(faults.HTML_BEHIND_200, path="/v1/images/jobs/job_1", times=1)

    assert len((await ask(client, ImagePrompt(JOBS, "a red fox"))).media) == 1


async def test_the_key_is_never_taken_to_another_server(
    gateway: FaultyGateway, client: GatewayClient
) -> None:
    async with PrivateServer() as private:
        gateway.inject(faults.foreign_poll_url(private.url))

        reply = await ask(client, ImagePrompt(JOBS, "a red fox"))

    assert private.hits == []
    assert len(reply.media) == 1


@pytest.mark.parametrize("model", ["gemini-2.5-flash-image", JOBS])
async def test_a_gateway_with_one_picture_route_is_asked_there(
    gateway: FaultyGateway, client: GatewayClient, model: str
) -> None:
    lacking = faults.Answer.error(404, "Invalid URL", kind="invalid_request_error")
    gateway.inject(lacking, path="/v1beta/models/")
    gateway.inject(lacking, path="/v1/images/generate")

    for _ in range(2):
        assert len((await ask(client, ImagePrompt(model, "a red fox"))).media) == 1

    assert len(gateway.received("/v1/images/generations")) == 2
    assert sum(request.method == "POST" for request in gateway.requests) == 3


async def test_a_picture_model_of_any_name_is_asked_for_pictures(
    gateway: FaultyGateway, client: GatewayClient
) -> None:
    assert len((await ask(client, ImagePrompt("kolors", "a red fox"))).media) == 1
    assert gateway.received("/v1/images/generations")
