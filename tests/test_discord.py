"""The Discord adapter, with the real discord.py, in a simulated Discord: asking and being heard."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.interfaces import Surface
from bot.types import Action, Channel, Image, Page, Request, Role
from tests.harbour import PNG, Answering, Harbour, harbour_with_bot, serving
from tests.simulators.discord import DiscordSimulator


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with harbour_with_bot() as harbour:
        yield harbour


# --- asking ---


async def test_a_slash_command_is_acknowledged_at_once_and_answered_with_edits(
    harbour: Harbour,
) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        for text in ("A", "A cat", "A cat purrs."):
            await surface.show(Page(0, text))

    harbour.handler.answer = answer
    interaction = await harbour.discord.use(harbour.channel, harbour.alice, "ask", prompt="cat?")
    seen = await harbour.discord.wait_for(harbour.channel, lambda seen: "purrs" in seen.content)
    assert interaction.acknowledged_after is not None
    assert interaction.acknowledged_after < 1.0
    assert [text for _, text in seen.versions] == ["", "A", "A cat", "A cat purrs."]
    assert seen.interaction == interaction.id
    request = harbour.handler.requests[0]
    assert (request.command, dict(request.options)) == ("ask", {"prompt": "cat?"})
    assert request.source == interaction.id
    assert request.channel == Channel("discord", harbour.guild, harbour.channel)


async def test_longer_answers_go_on_in_further_messages(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, "first page", final=True))
        await surface.show(Page(1, "second"))
        await surface.show(Page(1, "second page", final=True))
        assert surface.ref == "/".join(
            [
                harbour.channel,
                ",".join(seen.id for seen in harbour.discord.messages(harbour.channel)),
            ]
        )

    harbour.handler.answer = answer
    await harbour.discord.use(harbour.channel, harbour.alice, "help")
    await harbour.discord.wait_for(harbour.channel, lambda seen: seen.content == "second page")
    texts = [seen.content for seen in harbour.discord.messages(harbour.channel)]
    assert texts == ["first page", "second page"]


async def test_a_mention_is_answered_by_a_reply_that_pings_nobody(harbour: Harbour) -> None:
    asked = await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    seen = await harbour.answer()
    assert (seen.content, seen.reply_to, bool(seen.pings)) == ("done", asked, False)
    request = harbour.handler.requests[0]
    assert (request.text, request.source, request.user.name) == ("hello", asked, "Alice")


async def test_a_reply_to_the_bot_is_heard_and_other_talk_is_not(harbour: Harbour) -> None:
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    seen = await harbour.answer()
    await harbour.discord.say(harbour.channel, harbour.mo, "talking to somebody else")
    await harbour.discord.say(harbour.channel, harbour.mo, "and then?", reply_to=seen.id)
    await harbour.discord.wait_until(lambda: len(harbour.discord.messages(harbour.channel)) == 5)
    assert [request.text for request in harbour.handler.requests] == ["hello", "and then?"]
    quoted = harbour.handler.requests[1].quoted
    assert quoted is not None
    assert (quoted.role, quoted.text) == (Role.ASSISTANT, "done")


async def test_in_private_every_message_is_for_the_bot(harbour: Harbour) -> None:
    await harbour.discord.say(harbour.direct, harbour.alice, "/help me")
    await harbour.answer(harbour.direct)
    request = harbour.handler.requests[0]
    assert (request.command, request.text) == ("help", "me")
    assert request.channel == Channel("discord", "", harbour.direct)


async def test_a_thread_is_a_conversation_of_its_own(harbour: Harbour) -> None:
    await harbour.discord.say(harbour.thread, harbour.alice, "typed", mention=True)
    await harbour.answer(harbour.thread)
    await harbour.discord.use(harbour.thread, harbour.alice, "help")
    await harbour.discord.wait_until(lambda: len(harbour.discord.messages(harbour.thread)) == 3)
    place = Channel("discord", harbour.guild, harbour.channel, thread=harbour.thread)
    await harbour.discord.wait_until(lambda: len(harbour.handler.requests) == 2)
    assert [request.channel for request in harbour.handler.requests] == [place, place]


async def test_moderators_are_known_however_they_ask(harbour: Harbour) -> None:
    for person in (harbour.alice, harbour.mo):
        await harbour.discord.say(harbour.channel, person, "typed", mention=True)
        await harbour.discord.use(harbour.thread, person, "help")
    await harbour.discord.wait_until(lambda: len(harbour.handler.requests) == 4)
    judged = {(request.user.name, request.user.moderator) for request in harbour.handler.requests}
    assert judged == {("Alice", False), ("Mo", True)}


async def test_an_attached_picture_arrives_as_its_bytes(harbour: Harbour) -> None:
    discord = harbour.discord
    await discord.use(
        harbour.channel, harbour.alice, "image", prompt="a cat", count=2, image=("a.png", PNG)
    )
    await discord.say(
        harbour.channel, harbour.alice, "?", mention=True, attachments=[("b.png", PNG)]
    )
    await discord.wait_until(lambda: len(harbour.handler.requests) == 2)
    requests = {request.command: request for request in harbour.handler.requests}
    assert requests["image"].attachments == (Image(PNG, "image/png", "a.png"),)
    assert requests["image"].options == {"prompt": "a cat", "count": "2"}
    assert requests["ask"].attachments == (Image(PNG, "image/png", "b.png"),)


async def test_the_picture_in_a_message_replied_to_comes_along(harbour: Harbour) -> None:
    discord = harbour.discord
    posted = await discord.say(harbour.channel, harbour.mo, "look", attachments=[("boat.png", PNG)])
    await discord.say(harbour.channel, harbour.alice, "what is it?", mention=True, reply_to=posted)
    await harbour.answer()
    quoted = harbour.handler.requests[0].quoted
    assert quoted is not None
    assert (quoted.name, quoted.text) == ("Mo", "look")
    assert quoted.parts[1:] == (Image(PNG, "image/png", "boat.png"),)


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("notes.txt", 10, "notes.txt is not a picture"),
        ("a.png", 20 * 2**20 + 1, "larger than 20 MB"),
    ],
)
async def test_what_cannot_be_used_as_a_picture_is_said(
    harbour: Harbour, name: str, size: int, words: str
) -> None:
    await harbour.discord.use(
        harbour.channel, harbour.alice, "image", prompt="a cat", image=(name, bytes(size))
    )
    seen = await harbour.discord.wait_for(harbour.channel, lambda seen: words in seen.content)
    assert not seen.thinking
    assert harbour.handler.requests == []


async def test_options_are_completed_while_somebody_types(harbour: Harbour) -> None:
    harbour.handler.offered = [
        "other",
        *(f"gpt-{number}" for number in range(30)),
        "gpt-" + "x" * 100,
        "gpt-1",
    ]
    offered = await harbour.discord.complete(harbour.channel, harbour.alice, "model", name="gp")
    assert offered == [{"name": f"gpt-{n}", "value": f"gpt-{n}"} for n in range(25)]


async def test_a_button_is_acknowledged_and_answered_in_a_new_message(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        actions = (Action("gpt-5", "/model gpt-5"),) if request.command == "ask" else ()
        await surface.show(Page(0, f"this was {request.command} {request.text}", actions=actions))

    harbour.handler.answer = answer
    await harbour.discord.say(harbour.channel, harbour.alice, "which?", mention=True)
    first = await harbour.answer()
    assert first.components[0]["components"][0]["label"] == "gpt-5"
    pressed = await harbour.discord.press(harbour.channel, harbour.mo, first.id, "/model gpt-5")
    second = await harbour.discord.wait_for(
        harbour.channel, lambda seen: seen.content == "this was model gpt-5"
    )
    assert pressed.acknowledged_after is not None
    assert second.id != first.id
    assert harbour.handler.requests[1].source == pressed.id
    now = next(seen for seen in harbour.discord.messages(harbour.channel) if seen.id == first.id)
    assert now.content == "this was ask which?"


async def test_an_event_delivered_twice_has_the_same_source(harbour: Harbour) -> None:
    asked = await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    await harbour.discord.redeliver(asked)
    await harbour.discord.wait_until(lambda: len(harbour.handler.requests) == 2)
    assert {request.source for request in harbour.handler.requests} == {asked}


async def test_the_typing_sign_is_there_before_the_answer(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await harbour.discord.wait_until(lambda: len(harbour.discord.typing) == 1)
        await surface.show(Page(0, "done"))

    harbour.handler.answer = answer
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    await harbour.answer()


async def test_an_answer_comes_without_the_typing_sign_too(harbour: Harbour) -> None:
    harbour.discord.fail("POST", r".*/typing", status=500)
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    assert (await harbour.answer()).content == "done"


async def test_without_the_message_content_intent_mentions_still_work() -> None:
    async with DiscordSimulator(message_content=False) as discord:
        harbour = Harbour(discord, Answering())
        async with serving(harbour.adapter(), harbour.handler):
            await discord.ready()
            await discord.say(harbour.channel, harbour.alice, "hello", mention=True)
            await harbour.answer()
            assert harbour.handler.requests[0].text == "hello"


# --- acknowledging under difficulties ---


async def test_an_interaction_that_is_over_is_answered_in_the_channel(harbour: Harbour) -> None:
    harbour.discord.fail("POST", r"/interactions/.*", status=404, code=10062)
    await harbour.discord.use(harbour.channel, harbour.alice, "help")
    seen = await harbour.answer()
    assert (seen.content, seen.interaction) == ("done", None)
    assert harbour.sent("PATCH", "/webhooks/") == 0


@pytest.mark.parametrize("acts", [False, True])
async def test_a_broken_acknowledgement_is_repeated(harbour: Harbour, acts: bool) -> None:
    harbour.discord.fail("POST", r"/interactions/.*", reset=not acts, reset_after=acts)
    interaction = await harbour.discord.use(harbour.channel, harbour.alice, "help")
    seen = await harbour.answer()
    assert (seen.content, seen.interaction) == ("done", interaction.id)
    assert len(harbour.discord.messages(harbour.channel)) == 1


async def test_an_interaction_that_was_never_acknowledged_is_answered_in_the_channel(
    harbour: Harbour,
) -> None:
    harbour.discord.fail("POST", r"/interactions/.*", status=500, times=2)
    await harbour.discord.use(harbour.channel, harbour.alice, "help")
    seen = await harbour.answer()
    assert (seen.content, seen.interaction) == ("done", None)


async def test_an_answer_outlives_its_interaction(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, "early"))
        harbour.discord.expire(harbour.discord.interactions[-1])
        await surface.show(Page(0, "late", final=True))
        await surface.show(Page(1, "later", final=True))

    harbour.handler.answer = answer
    await harbour.discord.use(harbour.channel, harbour.alice, "help")
    await harbour.discord.wait_for(harbour.channel, lambda seen: seen.content == "later")
    texts = [seen.content for seen in harbour.discord.messages(harbour.channel)]
    assert texts == ["late", "later"]
