"""A conversation in the strictest form that any wire asks for."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.wire.history import OPENING, alternating
from bot.types import Image, Message, Part, Role, Text

CAT, DOG = Image(b"cat", "image/png"), Image(b"dog", "image/png")


def user(*parts: Part) -> Message:
    return Message(Role.USER, parts)


def assistant(*parts: Part) -> Message:
    return Message(Role.ASSISTANT, parts)


def test_neighbours_of_one_role_become_one_message() -> None:
    said = [user(Text("Alice: a"), CAT), user(Text("Bob: b")), user(Text("Bob: c"))]

    assert alternating(said) == [
        (Role.USER, [Text("Alice: a"), CAT, Text("Bob: b\n\nBob: c")]),
    ]


def test_an_answer_without_its_question_gets_an_opening_before_it() -> None:
    assert alternating([assistant(Text("Earlier.")), user(Text("And?"))]) == [
        (Role.USER, [Text(OPENING)]),
        (Role.ASSISTANT, [Text("Earlier.")]),
        (Role.USER, [Text("And?")]),
    ]


def test_the_assistants_pictures_are_shown_to_it_by_the_user() -> None:
    said = [user(Text("draw")), assistant(Text("Here:"), CAT), user(Text("make it blue"), DOG)]

    assert alternating(said) == [
        (Role.USER, [Text("draw")]),
        (Role.ASSISTANT, [Text("Here:")]),
        (Role.USER, [CAT, Text("make it blue"), DOG]),
    ]
    assert alternating([user(Text("draw")), assistant(CAT)]) == [
        (Role.USER, [Text("draw"), CAT]),
    ]


def test_what_says_nothing_is_no_message() -> None:
    said = [user(Text("a")), assistant(Text(" \n")), user(Text("")), user(Text("b"))]

    assert alternating(said) == [(Role.USER, [Text("a\n\nb")])]
    assert alternating([]) == [(Role.USER, [Text(OPENING)])]


parts = st.lists(
    st.text(alphabet="ab \n", max_size=4).map(Text)
    | st.binary(max_size=2).map(lambda data: Image(data, "image/png")),
    max_size=3,
)
messages = st.lists(st.builds(Message, st.sampled_from(Role), parts.map(tuple)), max_size=8)


@given(messages)
def test_every_conversation_takes_the_strictest_form_and_loses_nothing(
    said: list[Message],
) -> None:
    turns = alternating(said)

    assert turns[0][0] is Role.USER
    assert all(one[0] is not next_one[0] for one, next_one in itertools.pairwise(turns))
    for role, held in turns:
        assert held
        assert all(isinstance(part, Image) or part.text.strip() for part in held)
        assert role is Role.USER or all(isinstance(part, Text) for part in held)
    before = [part for message in said for part in message.parts]
    after = [part for _, held in turns for part in held]
    assert [p for p in after if isinstance(p, Image)] == [p for p in before if isinstance(p, Image)]
    words = "".join(part.text for part in before if isinstance(part, Text))
    kept = "".join(part.text for part in after if part != Text(OPENING) and isinstance(part, Text))
    assert "".join(kept.split()) == "".join(words.split())
