"""Temperature and the limit of an answer, under the names that each wire has for them."""

from typing import Any

import pytest

from bot.gateway.models import Models, shipped
from bot.gateway.wire import WIRE_FORMATS
from bot.gateway.wire.anthropic import MAX_TOKENS
from bot.gateway.wire.base import THOUGHTS
from bot.types import Message, Prompt, Role, Text

MODELS = Models("gpt-5-mini", "nano-banana")
ASKED = (Message(Role.USER, (Text("Alice: hi"),)),)


def body(name: str, wire: str, temperature: float | None, longest: int) -> dict[str, Any]:
    prompt = Prompt(name, "", ASKED, temperature, longest)
    return WIRE_FORMATS[wire].encode(prompt, MODELS.find(name))


def settings(name: str, wire: str, temperature: float | None, longest: int) -> dict[str, Any]:
    """What is said in the body besides what is always there."""
    found = body(name, wire, temperature, longest)
    always = body(name, wire, None, 0)
    return {key: value for key, value in found.items() if always.get(key) != value}


@pytest.mark.parametrize(
    ("name", "wire", "expected"),
    [
        ("gpt-4o", "chat_completions", {"temperature": 1.5, "max_tokens": 500}),
        ("deepseek-v3.2", "chat_completions", {"temperature": 1.5, "max_tokens": 500}),
        ("glm-5", "chat_completions", {"temperature": 1.5, "max_tokens": 500 + THOUGHTS}),
        ("o3", "chat_completions", {"max_completion_tokens": 500 + THOUGHTS}),
        ("openai/gpt-5-mini", "chat_completions", {"max_completion_tokens": 500 + THOUGHTS}),
        ("gpt-5.9-nano", "chat_completions", {"max_completion_tokens": 500 + THOUGHTS}),
        ("gpt-5-chat-latest", "chat_completions", {"temperature": 1.5, "max_tokens": 500}),
        ("house-model", "chat_completions", {"temperature": 1.5, "max_tokens": 500}),
        ("gpt-4o", "responses", {"temperature": 1.5, "max_output_tokens": 500}),
        ("gpt-5-pro", "responses", {"max_output_tokens": 500 + THOUGHTS}),
        ("claude-sonnet-4-6", "anthropic", {"temperature": 1.0, "max_tokens": 500}),
        ("claude-opus-9", "anthropic", {"max_tokens": 500}),
        (
            "gemini-2.5-flash",
            "gemini",
            {"generationConfig": {"temperature": 1.5, "maxOutputTokens": 500 + THOUGHTS}},
        ),
        (
            "gemini-2.0-flash",
            "gemini",
            {"generationConfig": {"temperature": 1.5, "maxOutputTokens": 500}},
        ),
    ],
)
def test_each_wire_says_it_in_its_own_words_and_leaves_out_what_a_model_refuses(
    name: str, wire: str, expected: dict[str, Any]
) -> None:
    assert settings(name, wire, 1.5, 500) == expected


@pytest.mark.parametrize("wire", ["chat_completions", "responses", "gemini"])
def test_what_is_left_to_the_model_is_not_mentioned(wire: str) -> None:
    found = body("gpt-4o", wire, None, 0)

    assert not {"temperature", "max_tokens", "max_output_tokens", "generationConfig"} & {*found}


def test_the_wire_that_wants_a_limit_always_has_one() -> None:
    assert body("claude-haiku-4-5", "anthropic", None, 0)["max_tokens"] == MAX_TOKENS
    assert "temperature" not in body("claude-haiku-4-5", "anthropic", None, 0)


def test_a_temperature_of_nought_is_a_temperature() -> None:
    assert body("gpt-4o", "chat_completions", 0.0, 0)["temperature"] == 0.0


def test_the_table_says_which_models_refuse_a_temperature() -> None:
    refuse = {model.name for model in shipped() if not model.temperature}

    assert refuse == {"gpt-5-mini", "gpt-5", "gpt-5-pro", "o3", "o4-mini"}
    assert all(model.thinks for model in shipped() if not model.temperature)
