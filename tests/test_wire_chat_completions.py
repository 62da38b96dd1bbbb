"""The wire of chat completions: what is sent, and what every kind of event means."""

from __future__ import annotations

import base64

import pytest

from bot.errors import BadPicture, GatewayDown, GatewayError, Interrupted, NoCredit
from bot.events import Ending, Finish, Media, TextDelta, ThinkingDelta, UsageReport
from bot.gateway.models import Model
from bot.gateway.wire import chat_completions as wire
from bot.gateway.wire.base import PictureLink, data_uri
from bot.types import Image, Message, Prompt, Role, Text, Usage
from tests.test_wire_all import GIF, PNG, replay, replay_until_error, text_of, thinking_of

MODEL = Model("m")
PICTURE = Image(base64.b64decode(PNG), "image/png")


def test_a_prompt_becomes_messages_with_the_system_first() -> None:
    said = (
        Message(Role.USER, (Text("Alice: hi"),), "Alice"),
        Message(Role.ASSISTANT, (Text("Hello"),)),
        Message(Role.USER, (Text("Bob: what is this?"), PICTURE), "Bob"),
    )

    body = wire.encode(Prompt("m", "Be kind.", said), MODEL)

    assert body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Alice: hi"},
            {"role": "assistant", "content": "Hello"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Bob: what is this?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                ],
            },
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_without_a_system_prompt_none_is_sent() -> None:
    body = wire.encode(Prompt("m", "", (Message(Role.USER, (Text("hi"),)),)), MODEL)

    assert [message["role"] for message in body["messages"]] == ["user"]


def test_a_picture_is_labelled_by_its_bytes() -> None:
    mislabelled = Image(base64.b64decode(GIF), "image/png")

    assert data_uri(mislabelled).startswith("data:image/gif;base64,")


def test_a_stream_is_thinking_then_text_then_usage_and_end() -> None:
    assert replay("chat_completions.sse") == [
        ThinkingDelta("They greet, "),
        ThinkingDelta("so do I."),
        TextDelta("Grüße "),
        TextDelta("👩\u200d👧 "),
        TextDelta("back."),
        Finish(),
        UsageReport(Usage(14, 9)),
    ]


def test_an_error_in_mid_stream_comes_after_what_was_said() -> None:
    came, error = replay_until_error("chat_completions_error.sse")

    assert text_of(came) == "Half "
    assert isinstance(error, GatewayDown)


def test_a_whole_reply_is_read_like_a_stream() -> None:
    message = {"role": "assistant", "content": "Hello!", "reasoning_content": "They greet."}
    body = {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 8, "total_tokens": 18},
    }

    assert list(wire.decode(body)) == [
        ThinkingDelta("They greet."),
        TextDelta("Hello!"),
        UsageReport(Usage(10, 8)),
        Finish(),
    ]


def test_content_in_parts_is_put_together() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "Four."},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "image_url", "image_url": "https://cdn.example/a.png"},
    ]
    events = list(wire.decode({"choices": [{"message": {"content": parts}}]}))

    assert (thinking_of(events), text_of(events)) == ("hm", "Four.")
    assert [event for event in events if isinstance(event, Media | PictureLink)] == [
        Media(Image(PICTURE.data, "image/png", "picture.png")),
        PictureLink("https://cdn.example/a.png"),
    ]


def test_pictures_beside_the_text_are_shown() -> None:
    media = [event for event in replay("chat_completions_picture.sse") if isinstance(event, Media)]

    assert [event.part.media_type for event in media] == ["image/gif"]


def test_a_picture_that_is_none_says_so() -> None:
    image = {"image_url": {"url": "data:image/png;base64,bm8gcGljdHVyZQ=="}}

    with pytest.raises(BadPicture):
        list(wire.decode({"choices": [{"delta": {"images": [image]}}]}))


def test_a_refusal_is_what_the_model_says() -> None:
    assert list(wire.decode({"choices": [{"delta": {"refusal": "No."}}]})) == [TextDelta("No.")]


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        ("stop", Ending.COMPLETE),
        ("tool_calls", Ending.COMPLETE),
        ("function_call", Ending.COMPLETE),
        ("pause_turn", Ending.COMPLETE),
        ("something_new", Ending.COMPLETE),
        ("length", Ending.LENGTH),
        ("max_tokens", Ending.LENGTH),
        ("MAX_TOKENS", Ending.LENGTH),
        ("model_length", Ending.LENGTH),
        ("model_context_window_exceeded", Ending.LENGTH),
        ("content_filter", Ending.FILTERED),
        ("refusal", Ending.FILTERED),
        ("sensitive", Ending.FILTERED),
        ("SAFETY", Ending.FILTERED),
    ],
)
def test_every_finish_reason_has_its_ending(reason: str, ending: Ending) -> None:
    assert list(wire.decode({"choices": [{"finish_reason": reason}]})) == [Finish(ending)]


@pytest.mark.parametrize("reason", ["error", "network_error", "insufficient_system_resource"])
def test_an_answer_that_could_not_be_finished_is_no_good_end(reason: str) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 1}
    events = wire.decode({"choices": [{"finish_reason": reason}], "usage": usage})

    assert next(events) == UsageReport(Usage(3, 1))
    with pytest.raises(Interrupted):
        next(events)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"code": "insufficient_quota", "message": "x"}}, NoCredit),
        ({"type": "error", "code": "insufficient_quota", "message": "x"}, NoCredit),
        ({"object": "error", "message": "x", "code": 400}, GatewayError),
        ({"success": False, "message": "x"}, GatewayError),
    ],
)
def test_every_shape_of_an_error_is_raised(
    body: dict[str, object], expected: type[GatewayError]
) -> None:
    with pytest.raises(expected):
        list(wire.decode(body))


def test_numbers_of_tokens_that_cannot_be_true_count_as_none() -> None:
    for wrong in (-1, 10**40, True, "7", 1.5, None):
        usage = {"prompt_tokens": wrong, "completion_tokens": 2}
        assert list(wire.decode({"usage": usage})) == [UsageReport(Usage(0, 2))]
