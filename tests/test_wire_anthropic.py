"""The wire of Anthropic's messages: what is sent, and what every kind of event means."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from bot.errors import GatewayDown, GatewayError, RateLimited
from bot.events import Ending, Finish, Reply, TextDelta, ThinkingDelta, UsageReport
from bot.gateway.models import Model
from bot.gateway.sse import SSEDecoder
from bot.gateway.wire import anthropic as wire
from bot.types import Image, Message, Prompt, Role, Text, Usage
from tests.test_wire_all import (
    PNG,
    STREAMS,
    replay,
    replay_until_error,
    reply_events,
    text_of,
)

PICTURE = Image(base64.b64decode(PNG), "image/png")
HELLO = Prompt("c", "", (Message(Role.USER, (Text("Alice: hi"),)),))


def test_a_prompt_becomes_blocks_that_begin_with_the_user_and_alternate() -> None:
    said = (
        Message(Role.ASSISTANT, (Text("Earlier."),)),
        Message(Role.USER, (Text("Alice: hi"),)),
        Message(Role.USER, (Text("Bob: what is this?"), PICTURE)),
    )

    body = wire.encode(Prompt("c", "Be kind.", said), Model("c", context=200_000))

    assert body == {
        "model": "c",
        "max_tokens": 8192,
        "system": "Be kind.",
        "stream": True,
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "(The beginning of this conversation is not shown.)"}
                ],
            },
            {"role": "assistant", "content": [{"type": "text", "text": "Earlier."}]},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Alice: hi\n\nBob: what is this?"},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                    },
                ],
            },
        ],
    }


@pytest.mark.parametrize(("context", "most"), [(200_000, 8192), (16_000, 4000), (1, 1), (0, 8192)])
def test_the_answer_may_take_a_quarter_of_a_context_that_is_small(context: int, most: int) -> None:
    assert wire.encode(HELLO, Model("c", context=context))["max_tokens"] == most


def test_without_a_key_only_the_version_is_sent() -> None:
    assert wire.headers("") == {"anthropic-version": "2023-06-01"}
    assert wire.headers("sk-1") == {
        "anthropic-version": "2023-06-01",
        "x-api-key": "sk-1",
        "Authorization": "Bearer sk-1",
    }


def test_a_stream_is_thinking_then_text_then_usage_and_end() -> None:
    assert replay("anthropic.sse") == [
        UsageReport(Usage(10, 1)),
        ThinkingDelta("They greet."),
        TextDelta("Moin"),
        TextDelta(" 👩\u200d👧"),
        UsageReport(Usage(0, 9)),
        Finish(Ending.LENGTH),
    ]


def test_the_prompts_tokens_are_kept_when_the_replys_come_later() -> None:
    reply = Reply()
    for event in reply_events(replay("anthropic.sse")):
        reply.add(event)

    assert reply.usage == Usage(10, 9)


def test_an_error_event_comes_after_what_was_said() -> None:
    came, error = replay_until_error("anthropic_error.sse")

    assert text_of(came) == "Half"
    assert isinstance(error, GatewayDown)


def test_an_error_that_nobody_framed_is_found_at_the_tail() -> None:
    decoder = SSEDecoder()
    events = list(decoder.feed((STREAMS / "anthropic_tail.sse").read_bytes()))

    assert [event.event for event in events] == ["message_start", "content_block_delta"]
    with pytest.raises(RateLimited):
        list(wire.decode(json.loads(decoder.stray)))


def test_a_stream_without_a_stop_reason_has_no_end() -> None:
    assert list(wire.decode({"type": "message_delta", "delta": {"stop_reason": None}})) == []
    assert list(wire.decode({"type": "message_stop"})) == []


def test_a_whole_reply_says_the_same_as_a_stream() -> None:
    body = {
        "type": "message",
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "They greet.", "signature": "x"},
            {"type": "redacted_thinking", "data": "x"},
            {"type": "text", "text": "Moin"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"text": "no"}},
        ],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 5, "output_tokens": 3},
    }

    assert list(wire.decode(body)) == [
        ThinkingDelta("They greet."),
        TextDelta("Moin"),
        UsageReport(Usage(5, 3)),
        Finish(),
    ]


def test_words_that_come_with_the_start_of_a_block_count() -> None:
    start = {"type": "content_block_start", "content_block": {"type": "text", "text": "Mo"}}

    assert list(wire.decode(start)) == [TextDelta("Mo")]


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        ("end_turn", Ending.COMPLETE),
        ("stop_sequence", Ending.COMPLETE),
        ("tool_use", Ending.COMPLETE),
        ("pause_turn", Ending.COMPLETE),
        ("something_new", Ending.COMPLETE),
        ("max_tokens", Ending.LENGTH),
        ("model_context_window_exceeded", Ending.LENGTH),
        ("refusal", Ending.FILTERED),
    ],
)
def test_every_stop_reason_has_its_ending(reason: str, ending: Ending) -> None:
    body = {"type": "message_delta", "delta": {"stop_reason": reason}}

    assert list(wire.decode(body)) == [Finish(ending)]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "error"},
        {"type": "error", "error": "words"},
        {"type": "error", "error": {"type": "api_error", "message": "x"}},
        {"error": {"type": "new_api_error", "message": "x", "code": ""}},
    ],
)
def test_every_shape_of_an_error_is_raised(body: dict[str, Any]) -> None:
    with pytest.raises(GatewayError):
        list(wire.decode(body))
