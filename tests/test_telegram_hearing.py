"""What the bot answers on a simulated Telegram, and what it takes for one request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.types import Channel, Page, Trigger, Turn
from tests.telegram_harbour import Harbour, community, serving

LONG = "The tide tables of our harbour say a lot. " * 240  # 10,080 characters


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with community() as quiet, serving(quiet.adapter, quiet.handler):
        await quiet.telegram.ready()
        yield quiet


async def heard(harbour: Harbour) -> list[str]:
    """What was taken for a request, once a last one has come through."""
    await harbour.telegram.say(harbour.group, harbour.bob, "/ask the last one")
    async with asyncio.timeout(5), harbour.handler.arrived:
        await harbour.handler.arrived.wait_for(
            lambda: any(request.text == "the last one" for request in harbour.handler.requests)
        )
    return [request.text for request in harbour.handler.requests][:-1]


# --- who is spoken to ---


@pytest.mark.parametrize(
    ("hears", "expected"),
    [
        (frozenset(Trigger), ["lunch?", "what is up?", "and now?"]),
        (frozenset({Trigger.MENTION}), ["what is up?"]),
        (frozenset({Trigger.REPLY}), ["and now?"]),
        (frozenset[Trigger](), []),
    ],
)
async def test_a_channel_decides_what_is_taken_for_a_question(
    harbour: Harbour, hears: frozenset[Trigger], expected: list[str]
) -> None:
    telegram = harbour.telegram
    telegram.privacy = False
    await telegram.say(harbour.group, harbour.alice, "/help")
    answer = await harbour.says("done", harbour.group)
    harbour.handler.hears = hears

    await telegram.say(harbour.group, harbour.alice, "lunch?")
    await telegram.say(harbour.group, harbour.alice, "@switchboard_bot what is up?")
    await telegram.say(harbour.group, harbour.alice, "and now?", reply_to=answer.id)
    await telegram.say(harbour.group, harbour.alice, "/roll@dice_bot 2")

    assert (await heard(harbour))[1:] == expected


async def test_a_private_chat_may_want_commands_only(harbour: Harbour) -> None:
    harbour.handler.hears = frozenset()

    await harbour.telegram.say(harbour.private, harbour.alice, "hello")
    await harbour.telegram.say(harbour.private, harbour.alice, "/ask how is the tide?")

    assert (await harbour.handler.request()).text == "how is the tide?"


async def test_in_a_topic_that_the_bot_has_opened_nobody_mentions_it(harbour: Harbour) -> None:
    telegram = harbour.telegram
    telegram.privacy = False
    ours = telegram.add_topic(harbour.group, "tides", by_bot=True)
    theirs = telegram.add_topic(harbour.group, "plans")

    await telegram.say(harbour.group, harbour.bob, "not for the bot", topic=theirs)
    asked = await telegram.say(harbour.group, harbour.alice, "when is low water?", topic=ours)
    await harbour.handler.request()
    await telegram.say(harbour.group, harbour.bob, "and high?", reply_to=asked)

    assert await heard(harbour) == ["when is low water?", "and high?"]
    assert harbour.handler.requests[0].channel.thread == str(ours)


async def test_a_message_of_another_bot_is_never_answered(harbour: Harbour) -> None:
    telegram = harbour.telegram
    harbour.handler.hears = frozenset(Trigger)
    telegram.privacy = False
    robot = telegram.add_user("Robot")
    telegram._world.users[robot].is_bot = True

    await telegram.say(harbour.group, robot, "@switchboard_bot hello")

    assert await heard(harbour) == []


# --- one request in several messages ---


async def test_a_paste_that_was_cut_into_messages_is_one_question(harbour: Harbour) -> None:
    parts = await harbour.telegram.paste(harbour.private, harbour.alice, LONG)
    request = await harbour.handler.request()
    await harbour.says("done")

    assert len(parts) == 3
    assert request.text.split() == LONG.split()
    assert request.source == str(parts[0])
    assert len(harbour.handler.requests) == 1


async def test_a_paste_that_was_cut_within_a_word_is_whole_again(harbour: Harbour) -> None:
    await harbour.telegram.paste(harbour.private, harbour.alice, "x" * 9_000)

    assert (await harbour.handler.request()).text == "x" * 9_000


async def test_in_a_group_the_rest_of_a_paste_needs_no_mention(harbour: Harbour) -> None:
    telegram = harbour.telegram
    telegram.privacy = False

    await telegram.paste(harbour.group, harbour.alice, f"/ask {LONG}")
    await telegram.say(harbour.group, harbour.bob, "lunch?")

    (text,) = await heard(harbour)
    assert text.split() == LONG.split()


async def test_a_long_message_that_nothing_follows_is_answered_all_the_same(
    harbour: Harbour,
) -> None:
    await harbour.telegram.say(harbour.private, harbour.alice, "y" * 4_000)
    await harbour.telegram.say(harbour.private, harbour.alice, "/help")

    texts = {(await harbour.handler.request(number)).text for number in range(2)}
    assert texts == {"y" * 4_000, ""}


async def test_two_short_messages_are_two_questions_without_delay(harbour: Harbour) -> None:
    started = asyncio.get_running_loop().time()
    for text in ("one", "two"):
        await harbour.telegram.say(harbour.private, harbour.alice, text)
    await harbour.handler.request(1)

    assert asyncio.get_running_loop().time() - started < 0.5
    assert [request.text for request in harbour.handler.requests] == ["one", "two"]


# --- questions that are changed ---


async def test_a_question_in_other_words_is_passed_on(harbour: Harbour) -> None:
    telegram = harbour.telegram
    asked = await telegram.say(harbour.group, harbour.alice, "@switchboard_bot how is the tied?")
    await harbour.says("done", harbour.group)

    await telegram.rewrite(harbour.group, asked, "@switchboard_bot how is the tide?")
    request = await harbour.handler.request(1)

    assert (request.command, request.text) == ("edited", "how is the tide?")
    source, _, when = request.source.partition(":")
    assert source == harbour.handler.requests[0].source == str(asked)
    assert when.isdigit()


async def test_an_answer_to_changed_words_stands_under_them_also_after_a_restart(
    harbour: Harbour,
) -> None:
    telegram = harbour.telegram
    asked = await telegram.say(harbour.group, harbour.alice, "/ask how is the tied?")
    await harbour.says("done", harbour.group)
    await telegram.rewrite(harbour.group, asked, "/ask how is the tide?")
    request = await harbour.handler.request(1)
    await telegram.until(lambda: len(harbour.of_bot(harbour.group)) == 2)

    reopened = harbour.adapter.reopen(Turn("1", request))
    await reopened.show(Page(0, "done later", final=True))

    assert [seen.reply_to for seen in harbour.of_bot(harbour.group)] == [asked] * 3


async def test_talk_among_people_that_is_changed_stays_theirs(harbour: Harbour) -> None:
    telegram = harbour.telegram
    telegram.privacy = False
    said = await telegram.say(harbour.group, harbour.alice, "lunch?")
    await telegram.rewrite(harbour.group, said, "lunch at noon?")

    assert await heard(harbour) == []


async def test_a_changed_caption_says_what_is_no_longer_there(harbour: Harbour) -> None:
    telegram = harbour.telegram
    asked = await telegram.say(harbour.private, harbour.alice, "sum up", document=b"notes")
    await harbour.says("done")

    await telegram.rewrite(harbour.private, asked, "sum it up")
    request = await harbour.handler.request(1)

    assert (request.text, request.attachments, request.lost) == ("sum it up", (), 1)
    assert harbour.count("getFile") == 1


# --- who moderates ---


async def test_a_moderator_is_known_by_the_first_command_that_may_need_it(
    harbour: Harbour,
) -> None:
    telegram = harbour.telegram
    telegram.fail("getChatAdministrators", delay=0.3)

    await telegram.say(harbour.group, harbour.bob, "/settings triggers every")
    request = await harbour.handler.request()

    assert request.user.moderator
    assert request.channel == Channel("telegram", str(harbour.group), str(harbour.group))


async def test_a_question_does_not_wait_to_learn_who_moderates(harbour: Harbour) -> None:
    telegram = harbour.telegram
    telegram.fail("getChatAdministrators", delay=0.5)
    await telegram.say(harbour.group, harbour.bob, "/ask one")
    assert not (await harbour.handler.request()).user.moderator
    assert harbour.count("getChatAdministrators") == 0

    await telegram.until(lambda: harbour.count("getChatAdministrators") == 1)
    await telegram.say(harbour.group, harbour.bob, "/ask two")
    await telegram.say(harbour.group, harbour.alice, "/reset")
    await harbour.handler.request(2)

    known = [request.user.moderator for request in harbour.handler.requests]
    assert known == [False, True, False]
    assert harbour.count("getChatAdministrators") == 1


async def test_nobody_moderates_where_telegram_does_not_say(harbour: Harbour) -> None:
    harbour.telegram.fail("getChatAdministrators", delay=30)

    await harbour.telegram.say(harbour.group, harbour.bob, "/reset")

    assert not (await harbour.handler.request()).user.moderator
