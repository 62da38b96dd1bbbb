"""The wire of Gemini: what is sent, and what every kind of event means."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from yarl import URL

from bot.errors import BadPicture, Filtered, GatewayDown, GatewayError, Interrupted
from bot.events import Ending, Finish, Media, TextDelta, ThinkingDelta, UsageReport
from bot.gateway.models import Model, ModelKind
from bot.gateway.wire import gemini as wire
from bot.gateway.wire.base import PictureLink
from bot.types import Image, ImagePrompt, Message, Prompt, Role, Text, Usage
from tests.test_wire_all import PNG, replay, replay_until_error, text_of

PICTURE = Image(base64.b64decode(PNG), "image/png")
CHAT = Model("gemini-2.5-pro")
DRAWS = Model("gemini-2.5-flash-image", ModelKind.IMAGE)


def test_chat_is_streamed_and_a_picture_comes_whole() -> None:
    assert wire.path(CHAT) == "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
    assert wire.path(DRAWS) == "/v1beta/models/gemini-2.5-flash-image:generateContent"


@pytest.mark.parametrize("name", ["google/gemini", "a b?key=c#d", "../../x", "modèle:1%2F"])
def test_an_odd_name_stays_one_piece_of_the_address(name: str) -> None:
    url = URL("https://host" + wire.path(Model(name)))

    assert url.raw_path.startswith("/v1beta/models/")
    assert url.raw_path.count("/") == 3
    assert url.name == f"{name}:streamGenerateContent"
    assert dict(url.query) == {"alt": "sse"}
    assert url.fragment == ""


def test_the_key_goes_into_both_headers() -> None:
    assert wire.headers("k") == {"Authorization": "Bearer k", "x-goog-api-key": "k"}
    assert wire.headers("") == {}


def test_a_prompt_becomes_contents_that_alternate() -> None:
    said = (
        Message(Role.USER, (Text("Alice: hi"),)),
        Message(Role.ASSISTANT, (Text("Hello"),)),
        Message(Role.USER, (Text("Bob: what is this?"), PICTURE)),
    )

    assert wire.encode(Prompt("g", "Be kind.", said), CHAT) == {
        "systemInstruction": {"parts": [{"text": "Be kind."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Alice: hi"}]},
            {"role": "model", "parts": [{"text": "Hello"}]},
            {
                "role": "user",
                "parts": [
                    {"text": "Bob: what is this?"},
                    {"inlineData": {"mimeType": "image/png", "data": PNG}},
                ],
            },
        ],
    }


def test_a_picture_is_asked_for_with_its_inputs_and_its_ratio() -> None:
    prompt = ImagePrompt("g", "at night", (PICTURE,), "16:9")

    assert wire.encode(prompt, DRAWS) == {
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "at night"},
                    {"inlineData": {"mimeType": "image/png", "data": PNG}},
                ],
            }
        ],
        "generationConfig": {
            "responseModalities": ["TEXT", "IMAGE"],
            "imageConfig": {"aspectRatio": "16:9"},
        },
    }
    plain = wire.encode(ImagePrompt("g", "x"), DRAWS)
    assert plain["generationConfig"] == {"responseModalities": ["TEXT", "IMAGE"]}


def test_a_stream_is_thinking_then_text_then_usage_and_end() -> None:
    assert replay("gemini.sse") == [
        ThinkingDelta("They greet."),
        UsageReport(Usage(3, 2)),
        TextDelta("Mo"),
        UsageReport(Usage(3, 3)),
        UsageReport(Usage(3, 3)),
        TextDelta("in "),
        TextDelta("👩\u200d👧"),
        UsageReport(Usage(3, 6)),
        Finish(),
    ]


def test_pictures_come_inline_or_as_links_and_drafts_do_not_count() -> None:
    assert replay("gemini_pictures.sse") == [
        TextDelta("A dot:"),
        Media(Image(PICTURE.data, "image/png", "picture.png")),
        PictureLink("https://cdn.example/a.png?token=t"),
        PictureLink("https://cdn.example/b.png"),
        UsageReport(Usage(3, 1290)),
        Finish(),
    ]


def test_a_prompt_that_is_blocked_says_so() -> None:
    came, error = replay_until_error("gemini_blocked.sse")

    assert came == [UsageReport(Usage(3, 0))]
    assert isinstance(error, Filtered)


def test_an_error_in_mid_stream_comes_after_what_was_said() -> None:
    came, error = replay_until_error("gemini_error.sse")

    assert text_of(came) == "Half"
    assert isinstance(error, GatewayDown)


def ending(reason: str, **candidate: Any) -> list[object]:
    return list(wire.decode({"candidates": [{"finishReason": reason, **candidate}]}))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("STOP", Ending.COMPLETE),
        ("MAX_TOKENS", Ending.LENGTH),
        ("SAFETY", Ending.FILTERED),
        ("RECITATION", Ending.FILTERED),
        ("BLOCKLIST", Ending.FILTERED),
        ("PROHIBITED_CONTENT", Ending.FILTERED),
        ("SPII", Ending.FILTERED),
    ],
)
def test_every_good_finish_reason_has_its_ending(reason: str, expected: Ending) -> None:
    assert ending(reason) == [Finish(expected)]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("LANGUAGE", Interrupted),
        ("OTHER", Interrupted),
        ("MALFORMED_FUNCTION_CALL", Interrupted),
        ("UNEXPECTED_TOOL_CALL", Interrupted),
        ("TOO_MANY_TOOL_CALLS", Interrupted),
        ("MISSING_THOUGHT_SIGNATURE", Interrupted),
        ("MALFORMED_RESPONSE", Interrupted),
        ("SOMETHING_NEW", Interrupted),
        ("IMAGE_SAFETY", Filtered),
        ("IMAGE_PROHIBITED_CONTENT", Filtered),
        ("IMAGE_RECITATION", Filtered),
        ("IMAGE_OTHER", BadPicture),
        ("NO_IMAGE", BadPicture),
    ],
)
def test_every_other_finish_reason_is_a_failure(reason: str, expected: type[GatewayError]) -> None:
    with pytest.raises(expected):
        ending(reason)


def test_a_picture_that_came_counts_whatever_is_said_after_it() -> None:
    drawn = {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}}

    assert [type(event) for event in ending("IMAGE_SAFETY", **drawn)] == [Media, Finish]
    assert ending("IMAGE_OTHER", **drawn)[-1] == Finish()


def test_what_is_not_specified_is_no_end_and_no_block() -> None:
    body = {
        "candidates": [{"finishReason": "FINISH_REASON_UNSPECIFIED"}],
        "promptFeedback": {"blockReason": "BLOCK_REASON_UNSPECIFIED"},
    }

    assert list(wire.decode(body)) == []
    assert list(wire.decode({"candidates": [], **body, "promptFeedback": None})) == []
