"""The wire of OpenAI's Responses: what is sent, and what every kind of event means."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from bot.errors import Filtered, GatewayDown, GatewayError, Interrupted, NoCredit, RateLimited
from bot.events import Ending, Finish, Media, Progress, TextDelta, ThinkingDelta, UsageReport
from bot.gateway.models import Model
from bot.gateway.wire import responses as wire
from bot.types import Image, Message, Prompt, Role, Text, Usage
from tests.test_wire_all import PNG, replay, replay_until_error, text_of

PICTURE = Image(base64.b64decode(PNG), "image/png")


def test_a_prompt_becomes_instructions_and_input() -> None:
    said = (
        Message(Role.USER, (Text("Alice: hi"),)),
        Message(Role.ASSISTANT, (Text("Hello"),)),
        Message(Role.USER, (Text("Bob: what is this?"), PICTURE)),
    )

    assert wire.encode(Prompt("m", "Be kind.", said), Model("m")) == {
        "model": "m",
        "instructions": "Be kind.",
        "input": [
            {"role": "user", "content": "Alice: hi"},
            {"role": "assistant", "content": "Hello"},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Bob: what is this?"},
                    {
                        "type": "input_image",
                        "image_url": f"data:image/png;base64,{PNG}",
                        "detail": "auto",
                    },
                ],
            },
        ],
        "stream": True,
        "store": False,
    }


def test_a_stream_says_everything_once() -> None:
    assert replay("responses.sse") == [
        ThinkingDelta("A greeting."),
        ThinkingDelta("\n\n"),
        ThinkingDelta("Greet back."),
        TextDelta("Moin"),
        TextDelta(" 👩\u200d👧"),
        TextDelta(" No more."),
        Progress(),
        Progress(),
        Progress(),
        Media(Image(PICTURE.data, "image/png", "picture.png")),
        UsageReport(Usage(13, 8)),
        Finish(),
    ]


def test_an_incomplete_answer_keeps_what_it_said() -> None:
    assert replay("responses_incomplete.sse") == [
        TextDelta("Half"),
        UsageReport(Usage(3, 1)),
        Finish(Ending.LENGTH),
    ]


@pytest.mark.parametrize(
    ("name", "expected"), [("responses_failed.sse", RateLimited), ("responses_error.sse", NoCredit)]
)
def test_a_failure_comes_after_what_was_said(name: str, expected: type[GatewayError]) -> None:
    came, error = replay_until_error(name)

    assert text_of(came) == "Half"
    assert type(error) is expected


WHOLE: dict[str, Any] = {
    "id": "r1",
    "object": "response",
    "model": "m",
    "status": "completed",
    "error": None,
    "output": [
        {
            "type": "reasoning",
            "summary": [
                {"type": "summary_text", "text": "One."},
                {"type": "summary_text", "text": "Two."},
            ],
            "content": [{"type": "reasoning_text", "text": "Three."}],
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Moin"},
                {"type": "refusal", "refusal": " no"},
            ],
        },
        {"type": "image_generation_call", "result": PNG},
    ],
    "usage": {"input_tokens": 28, "output_tokens": 31, "total_tokens": 59},
}


def test_a_whole_reply_says_the_same_as_a_stream() -> None:
    assert list(wire.decode(WHOLE)) == [
        ThinkingDelta("One.\n\nTwo."),
        ThinkingDelta("Three."),
        TextDelta("Moin no"),
        Media(Image(PICTURE.data, "image/png", "picture.png")),
        UsageReport(Usage(28, 31)),
        Finish(),
    ]


@pytest.mark.parametrize(
    ("reason", "ending"),
    [("max_output_tokens", Ending.LENGTH), ("content_filter", Ending.FILTERED)],
)
def test_every_way_to_be_incomplete_has_its_ending(reason: str, ending: Ending) -> None:
    details = {"status": "incomplete", "incomplete_details": {"reason": reason}}

    assert list(wire.decode({"type": "response.incomplete", "response": details})) == [
        Finish(ending)
    ]
    assert list(wire.decode({"output": [], **details})) == [Finish(ending)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"type": "error", "code": "content_policy_violation", "message": "x"}, Filtered),
        ({"type": "error", "error": {"code": "insufficient_quota", "message": "x"}}, NoCredit),
        ({"type": "response.error", "code": "insufficient_quota", "message": "x"}, NoCredit),
        ({"type": "response.error", "error": {"code": "insufficient_quota"}}, NoCredit),
        ({"error": {"code": "insufficient_quota", "message": "x"}}, NoCredit),
        ({"type": "error"}, GatewayDown),
        ({"type": "response.failed", "response": {"error": {"code": "server_error"}}}, GatewayDown),
        ({"type": "response.failed"}, GatewayError),
        ({"type": "response.incomplete", "response": {}}, Interrupted),
        ({"type": "response.incomplete"}, Interrupted),
        ({"object": "response", "status": "cancelled"}, Interrupted),
        ({"object": "response", "status": "failed", "error": None}, GatewayError),
        ({"object": "response", "status": "failed", "error": {"code": "x"}}, GatewayDown),
    ],
)
def test_every_shape_of_a_failure_is_raised(
    body: dict[str, Any], expected: type[GatewayError]
) -> None:
    with pytest.raises(expected) as caught:
        list(wire.decode(body))
    assert type(caught.value) is expected


def test_a_reply_that_is_still_in_the_making_has_no_end() -> None:
    assert list(wire.decode({"object": "response", "status": "queued", "output": []})) == []
