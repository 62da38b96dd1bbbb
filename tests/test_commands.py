"""How a typed line becomes a command and its options."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import COMMANDS, Command, bind, split_line, usage
from bot.errors import Refused
from bot.types import Image, Message, Request, Role, Text
from tests.fakes import ALICE, CHANNEL, request

BY_NAME = {command.name: command for command in COMMANDS}


def bound(line: str) -> dict[str, str]:
    name, text = split_line(line)
    return bind(BY_NAME[name], request(text, command=name))


def test_a_line_without_a_slash_is_a_question() -> None:
    assert split_line("  what is this? ") == ("ask", "what is this?")


def test_a_line_with_a_slash_is_a_command() -> None:
    assert split_line("/image a red fox") == ("image", "a red fox")
    assert split_line("/HELP") == ("help", "")
    assert split_line("/etc/passwd is a file") == ("ask", "/etc/passwd is a file")


def test_options_stand_after_the_text() -> None:
    assert bound("/image a cat --aspect_ratio 16:9 --count 2") == {
        "prompt": "a cat",
        "aspect_ratio": "16:9",
        "count": "2",
    }


def test_a_phone_turns_two_hyphens_into_a_dash_and_that_works_too() -> None:
    assert bound("/image a cat —count 2") == {"prompt": "a cat", "count": "2"}


def test_options_may_stand_before_the_text_and_be_spelt_with_a_hyphen() -> None:
    assert bound("/image --aspect-ratio 16:9 a cat --count=2") == {
        "prompt": "a cat",
        "aspect_ratio": "16:9",
        "count": "2",
    }


@pytest.mark.parametrize(
    "question",
    ["use docker run --mode host", "explain kubectl --prompt hello", "what is --model"],
)
def test_a_question_about_options_stays_a_question(question: str) -> None:
    assert bound(question) == {"prompt": question}


def test_other_dashes_belong_to_the_question() -> None:
    question = "what does git log --oneline do, and --graph"

    assert bound(question) == {"prompt": question}


def test_a_misspelt_option_is_not_swallowed() -> None:
    with pytest.raises(Refused, match="Did you mean --aspect_ratio"):
        bound("/image a cat --aspect_ration 16:9")


def test_a_value_outside_the_choices_names_them() -> None:
    with pytest.raises(Refused, match="16:9"):
        bound("/image a cat --aspect_ratio 7:3")


@pytest.mark.parametrize("value", ["0", "5", "two", "1.5", "99999999999"])
def test_a_number_out_of_range_says_what_fits(value: str) -> None:
    with pytest.raises(Refused, match="--count must be"):
        bound(f"/image a cat --count {value}")


def test_an_option_without_a_value_is_asked_for() -> None:
    with pytest.raises(Refused, match="--count needs a value"):
        bound("/image a cat --count")


def test_a_text_of_nothing_but_options_takes_no_more_than_an_instant() -> None:
    begun = time.process_time()

    assert bound("/image a cat" + " --count 2" * 3_000) == {"prompt": "a cat", "count": "2"}
    assert time.process_time() - begun < 1.5  # several times that where each looks at all of it


def test_a_missing_prompt_says_how_to_type_it() -> None:
    with pytest.raises(Refused, match="/image prompt"):
        bound("/image")


def test_native_options_are_checked_the_same_way() -> None:
    native = Request(CHANNEL, ALICE, "1", "image", options={"prompt": "a cat", "count": "9"})

    with pytest.raises(Refused, match="from 1 to 4"):
        bind(BY_NAME["image"], native)


@given(st.text(max_size=200))
def test_any_line_is_bound_or_refused_with_a_sentence(line: str) -> None:
    options: dict[str, str] = {}
    if split_line(line)[0] in BY_NAME:
        with suppress(Refused):
            options = bound(line)

    assert all(value for value in options.values())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_fits_the_strictest_platform(command: Command) -> None:
    assert command.name.isascii()
    assert 1 <= len(command.name) <= 32
    assert 1 <= len(command.description) <= 100
    assert len(command.options) <= 25
    assert all(1 <= len(option.description) <= 100 for option in command.options)
    assert all(len(option.choices) <= 25 for option in command.options)
    assert usage(command).startswith(f"/{command.name}")


def test_a_prompt_is_needed_unless_something_is_shown() -> None:
    ask, image = BY_NAME["ask"], BY_NAME["image"]
    picture = (Image(b"x", "image/png"),)
    quoted = Message(Role.USER, (Text("the sea is deep"),), "Bob")

    for alone in (Request(CHANNEL, ALICE, "1"), Request(CHANNEL, ALICE, "1", text="  ")):
        with pytest.raises(Refused, match="/ask prompt"):
            bind(ask, alone)
    assert bind(ask, Request(CHANNEL, ALICE, "1", attachments=picture)) == {}
    assert bind(ask, Request(CHANNEL, ALICE, "1", quoted=quoted)) == {}
    with pytest.raises(Refused, match="/image prompt"):
        bind(image, Request(CHANNEL, ALICE, "1", attachments=picture))


def test_a_file_is_attached_and_never_typed() -> None:
    assert "file" not in usage(BY_NAME["ask"])
    assert bound("/ask what is --file x.txt") == {"prompt": "what is --file x.txt"}


def test_what_came_by_name_counts_more_than_what_stands_in_the_text() -> None:
    again = Request(CHANNEL, ALICE, "1", text="hi --model gpt-5", options={"model": "o3"})

    assert bind(BY_NAME["ask"], again) == {"prompt": "hi", "model": "o3"}
