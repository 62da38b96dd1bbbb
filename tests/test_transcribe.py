"""Recordings sent to the gateway in a box and its faults, and what the vendor's client says of
it."""

from __future__ import annotations

import io
import json

import openai
import pytest
from pydantic import SecretStr

from bot import errors
from bot.config import GatewaySettings, NamedGatewaySettings
from bot.errors import GatewayError
from bot.gateway.client import GatewayClient
from bot.gateway.models import Models
from bot.gateway.offline.server import TRANSCRIPTIONS, OfflineGateway
from bot.types import Audio
from tests.simulators import gateway_faults as faults
from tests.simulators.gateway import FaultyGateway
from tests.simulators.gateway_faults import Answer, Reset, Slow

Gateways = dict[str, GatewaySettings | NamedGatewaySettings]
VOICE = Audio(b"OggS" + b"x" * 5_000, "audio/ogg; codecs=opus", "voice.oga")


def settings_of(gateway: OfflineGateway, model: str = "whisper-1") -> GatewaySettings:
    return GatewaySettings.model_construct(
        api_key=SecretStr("sk-test"), base_url=gateway.url, transcription_model=model
    )


async def listen(
    gateway: OfflineGateway, recording: Audio = VOICE, *, model: str = "whisper-1", **options: float
) -> str:
    settings = {"": settings_of(gateway, model)}
    async with GatewayClient(settings, Models("m", "i"), pause=0.01, **options) as client:  # type: ignore[arg-type]
        return await client.transcribe(recording)


def heard(text: str) -> Answer:
    return Answer(200, json.dumps({"text": text}).encode(), "application/json")


async def test_a_recording_comes_back_as_words() -> None:
    async with FaultyGateway() as gateway:
        assert "a recording of 6 KB" in await listen(gateway)

        [received] = gateway.received(TRANSCRIPTIONS)
        assert received.headers["authorization"] == "Bearer [redacted]"
        assert received.body == {
            "model": "whisper-1",
            "response_format": "json",
            "file": {"filename": "recording.ogg", "content_type": "audio/ogg", "size": 5_004},
        }


@pytest.mark.parametrize(
    ("media_type", "name", "sent"),
    [
        ("audio/mpeg", "song.mp3", "recording.mp3"),
        ("audio/x-m4a", "", "recording.m4a"),
        ("audio/mp4", "", "recording.m4a"),
        ("audio/vnd.wave", "", "recording.wav"),
        ("AUDIO/FLAC", "", "recording.flac"),
        ("video/webm", "", "recording.webm"),
        ("application/octet-stream", 'my "secret"\r\nname.MP3', "recording.mp3"),
    ],
)
async def test_the_gateway_learns_the_kind_of_a_recording_and_not_its_name(
    media_type: str, name: str, sent: str
) -> None:
    async with FaultyGateway() as gateway:
        await listen(gateway, Audio(b"sound", media_type, name))

        [received] = gateway.received(TRANSCRIPTIONS)
        assert received.body["file"]["filename"] == sent


async def test_a_kind_of_sound_that_no_model_takes_is_not_sent() -> None:
    async with FaultyGateway() as gateway:
        with pytest.raises(errors.BadRequest) as caught:
            await listen(gateway, Audio(b"MThd", "audio/midi", "tune.mid"))

        assert "mp3" in caught.value.notice
        assert not gateway.received(TRANSCRIPTIONS)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (heard(" Grüße, 世界 "), "Grüße, 世界"),
        (heard(""), ""),
        (Answer(200, b"just the words\n", "text/plain"), "just the words"),
    ],
)
async def test_words_come_in_json_or_plainly(answer: Answer, text: str) -> None:
    async with FaultyGateway() as gateway:
        gateway.inject(answer)

        assert await listen(gateway) == text


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.BAD_KEY, errors.BadKey),
        (faults.NO_CREDIT, errors.NoCredit),
        (faults.NO_SUCH_MODEL, errors.NoSuchModel),
        (faults.SERVER_ERROR, errors.GatewayDown),
        (Answer(200, b"<html></html>", "text/html"), errors.Misrouted),
        (Answer(200, b"<!doctype html>", "text/plain"), errors.Misrouted),
        (Answer(200, b'{"text": 7}', "application/json"), errors.GatewayDown),
        (Answer(200, b'{"text": ', "application/json"), errors.GatewayDown),
        (Answer(200, b"x" * 2**22, "text/plain"), errors.GatewayDown),
        (
            Answer(200, b'{"error": {"code": "insufficient_user_quota"}}', "application/json"),
            errors.NoCredit,
        ),
        (Answer(400, b'{"error": {"message": "Invalid file format"}}'), errors.BadRequest),
        (Reset(), errors.GatewayDown),
        (Slow(5.0), errors.Silent),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_what_goes_wrong_is_one_of_our_errors_and_is_paid_for_once(
    fault: Answer | Reset | Slow, expected: type[GatewayError]
) -> None:
    async with FaultyGateway() as gateway:
        gateway.inject(fault)

        with pytest.raises(GatewayError) as caught:
            await listen(gateway, patience=0.3)

        assert type(caught.value) is expected
        assert len(gateway.received(TRANSCRIPTIONS)) == 1


async def test_who_cannot_choose_the_model_is_not_told_to_choose_another() -> None:
    async with OfflineGateway() as gateway:
        with pytest.raises(errors.NoSuchModel) as caught:
            await listen(gateway, model="whisper-9")

    assert "/model" not in caught.value.notice
    assert "GATEWAY_TRANSCRIPTION_MODEL" in caught.value.notice


async def test_it_is_sent_again_where_it_surely_cost_nothing() -> None:
    async with FaultyGateway() as gateway:
        gateway.inject(faults.RATE_LIMITED_EMPTY, times=2)

        assert await listen(gateway)
        assert len(gateway.received(TRANSCRIPTIONS)) == 3


async def test_another_gateway_can_listen() -> None:
    async with FaultyGateway() as main, FaultyGateway() as other:
        named = NamedGatewaySettings.model_construct(base_url=other.url, api_key=SecretStr("k"))
        settings: Gateways = {"": settings_of(main, "ear/tiny.en"), "ear": named}
        models = Models("m", "i", gateways={"ear": "chat_completions"})
        async with GatewayClient(settings, models) as client:
            await client.transcribe(VOICE)

        assert not main.received(TRANSCRIPTIONS)
        assert other.received(TRANSCRIPTIONS)[0].model == "tiny.en"

        settings[""] = settings_of(main, "nobody/tiny.en")
        lost = Models("m", "i", gateways={"nobody": "chat_completions"})
        async with GatewayClient(settings, lost) as client:
            with pytest.raises(errors.NoSuchModel):
                await client.transcribe(VOICE)


# The gateway in a box


def official(gateway: OfflineGateway) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="sk-test", base_url=f"{gateway.url}/v1", max_retries=0)


async def test_the_official_client_is_content_with_every_form_of_answer() -> None:
    async with OfflineGateway() as gateway, official(gateway) as client:
        listening = client.audio.transcriptions
        sound = ("a.ogg", io.BytesIO(b"x" * 9_000), "audio/ogg")

        short = await listening.create(model="whisper-1", file=sound)
        long = await listening.create(
            model="demo-listener", file=sound, response_format="verbose_json"
        )
        plain = await listening.create(model="whisper-1", file=sound, response_format="text")
        titles = await listening.create(model="whisper-1", file=sound, response_format="vtt")

    assert "cannot hear" in short.text
    assert long.text == short.text
    assert long.segments is not None
    assert long.segments[0].end == long.duration
    assert plain == short.text + "\n"
    assert titles.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n")


async def test_the_box_refuses_what_the_vendor_refuses() -> None:
    async with OfflineGateway(keys={"sk-test"}) as gateway, official(gateway) as client:
        listening = client.audio.transcriptions
        with pytest.raises(openai.BadRequestError, match="Invalid file format"):
            await listening.create(model="whisper-1", file=("a.oga", b"x"))
        with pytest.raises(openai.APIStatusError, match="content size limit") as caught:
            await listening.create(model="whisper-1", file=("a.ogg", b"x" * (25 * 2**20 + 1)))
        assert caught.value.status_code == 413
        with pytest.raises(openai.InternalServerError, match="No available channel"):
            await listening.create(model="gpt-5", file=("a.ogg", b"x"))
        with pytest.raises(openai.AuthenticationError):
            await client.with_options(api_key="sk-wrong").audio.transcriptions.create(
                model="whisper-1", file=("a.ogg", b"x")
            )
