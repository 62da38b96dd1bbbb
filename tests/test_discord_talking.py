"""How the bot is spoken to on Discord: in every way that a channel hears, in threads, by edits."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.interfaces import Surface
from bot.types import Channel, Manners, Page, Request, Trigger
from tests.fakes import turn_in
from tests.harbour import PNG, Answering, Harbour, harbour_with_bot, harbour_without_bot, serving
from tests.simulators.discord import DiscordSimulator

EVERYTHING = Manners(frozenset(Trigger))
COMMANDS_ONLY = Manners(frozenset({Trigger.COMMAND}))
IN_THREADS = Manners(opens_threads=True)


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with harbour_with_bot() as harbour:
        yield harbour


@pytest.fixture
async def quiet() -> AsyncIterator[Harbour]:
    async with harbour_without_bot() as harbour:
        yield harbour


def heard(harbour: Harbour) -> list[str]:
    return [request.text for request in harbour.handler.requests]


async def until_heard(harbour: Harbour, *texts: str) -> None:
    """The last of them is the proof that what came before it was passed over, or heard."""
    await harbour.discord.wait_until(lambda: texts[-1] in heard(harbour))
    assert heard(harbour) == list(texts)


# --- what is heard ---


async def test_where_every_message_is_heard_nobody_needs_to_mention_the_bot(
    harbour: Harbour,
) -> None:
    harbour.handler.behaviour = EVERYTHING
    await harbour.discord.say(harbour.channel, harbour.alice, "what a day")
    seen = await harbour.answer()
    assert seen.content == "done"
    assert heard(harbour) == ["what a day"]


async def test_where_only_commands_are_heard_a_mention_without_one_is_passed_over(
    harbour: Harbour,
) -> None:
    harbour.handler.behaviour = COMMANDS_ONLY
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    await harbour.discord.say(harbour.direct, harbour.alice, "hello in private")
    await harbour.discord.say(harbour.channel, harbour.alice, "/help me", mention=True)
    await harbour.discord.say(harbour.direct, harbour.alice, "/help too")
    await until_heard(harbour, "me", "too")
    await harbour.discord.use(harbour.channel, harbour.alice, "help")
    await harbour.discord.wait_until(lambda: len(harbour.handler.requests) == 3)


async def test_where_replies_are_not_heard_a_reply_with_a_mention_is(harbour: Harbour) -> None:
    harbour.handler.behaviour = Manners(frozenset({Trigger.COMMAND, Trigger.MENTION}))
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    seen = await harbour.answer()
    await harbour.discord.say(
        harbour.channel, harbour.alice, "and now?", mention=True, reply_to=seen.id
    )
    await until_heard(harbour, "hello", "and now?")


async def test_other_bots_are_never_answered_wherever_they_speak(harbour: Harbour) -> None:
    harbour.handler.behaviour = EVERYTHING
    robot = harbour.discord.add_user("Robot", bot=True)
    thread = harbour.discord.add_thread(harbour.channel, "ours", by=harbour.discord.bot_id)
    await harbour.discord.say(harbour.channel, robot, "beep", mention=True)
    await harbour.discord.say(thread, robot, "beep beep")
    await harbour.discord.say(harbour.channel, harbour.alice, "hush")
    await until_heard(harbour, "hush")


async def test_what_the_bot_itself_says_is_no_question(harbour: Harbour) -> None:
    harbour.handler.behaviour = EVERYTHING
    await harbour.discord.say(harbour.channel, harbour.alice, "one")
    await harbour.answer()
    await harbour.discord.say(harbour.channel, harbour.alice, "two")
    await until_heard(harbour, "one", "two")


async def test_a_message_that_cannot_be_read_without_the_intent_is_passed_over() -> None:
    async with DiscordSimulator(message_content=False, identify_every=0.0) as discord:
        harbour = Harbour(discord, Answering())
        harbour.handler.behaviour = EVERYTHING
        async with serving(harbour.adapter(), harbour.handler):
            await discord.ready()
            thread = discord.add_thread(harbour.channel, "ours", by=discord.bot_id)
            for place in (harbour.channel, thread):
                await discord.say(place, harbour.alice, "not to be read")
            await discord.say(harbour.channel, harbour.alice, "hello", mention=True)
            await until_heard(harbour, "hello")


# --- threads of the bot's ---


async def test_a_mention_opens_a_thread_that_is_named_after_the_question(
    harbour: Harbour,
) -> None:
    harbour.handler.behaviour = IN_THREADS
    asked = await harbour.discord.say(
        harbour.channel, harbour.alice, f"why do <@{harbour.mo}> and gulls cry?", mention=True
    )
    seen = await harbour.answer(asked)
    assert (seen.content, seen.reply_to) == ("done", None)
    assert (asked, "why do Mo and gulls cry?") in harbour.discord.threads(harbour.channel)
    place = Channel("discord", harbour.guild, harbour.channel, thread=asked)
    assert harbour.handler.requests[0].channel == place
    assert len(harbour.discord.messages(harbour.channel)) == 1
    sent = [each.sent for each in harbour.discord.exchanges if each.path.endswith("/messages")]
    assert [body.get("message_reference") for body in sent] == [None]


async def test_in_a_thread_of_the_bots_no_further_mention_is_needed(harbour: Harbour) -> None:
    harbour.handler.behaviour = IN_THREADS
    asked = await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    await harbour.answer(asked)
    await harbour.discord.say(asked, harbour.mo, "and me?")
    await harbour.discord.say(asked, harbour.mo, "and us?", mention=True)
    await until_heard(harbour, "hello", "and me?", "and us?")
    assert len({request.channel for request in harbour.handler.requests}) == 1
    assert [id_ for id_, _ in harbour.discord.threads(harbour.channel)] == [harbour.thread, asked]


async def test_in_somebody_elses_thread_a_mention_is_needed_and_opens_nothing(
    harbour: Harbour,
) -> None:
    harbour.handler.behaviour = IN_THREADS
    await harbour.discord.say(harbour.thread, harbour.alice, "among us")
    asked = await harbour.discord.say(harbour.thread, harbour.alice, "hello", mention=True)
    assert (await harbour.answer(harbour.thread)).reply_to == asked
    assert heard(harbour) == ["hello"]
    assert harbour.sent("POST", "/threads") == 0


async def test_commands_and_replies_are_answered_where_they_stand(harbour: Harbour) -> None:
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    seen = await harbour.answer()
    harbour.handler.behaviour = IN_THREADS
    await harbour.discord.say(harbour.channel, harbour.alice, "/help me", mention=True)
    await harbour.discord.say(harbour.channel, harbour.alice, "and then?", reply_to=seen.id)
    await harbour.discord.use(harbour.channel, harbour.alice, "ask", prompt="and by command?")
    await harbour.discord.say(harbour.direct, harbour.alice, "in private")
    await harbour.discord.wait_until(lambda: len(harbour.handler.requests) == 5)
    assert harbour.sent("POST", "/threads") == 0


async def test_a_thread_is_known_again_after_a_restart(quiet: Harbour) -> None:
    thread = quiet.discord.add_thread(quiet.channel, "ours", by=quiet.discord.bot_id)
    async with serving(quiet.adapter(), quiet.handler):
        await quiet.discord.ready()
        await quiet.discord.say(thread, quiet.alice, "still there?")
        await until_heard(quiet, "still there?")


async def test_an_archived_thread_is_known_again_when_somebody_writes_there(
    quiet: Harbour,
) -> None:
    thread = quiet.discord.add_thread(quiet.channel, "ours", by=quiet.discord.bot_id)
    quiet.discord.archive(thread)
    async with serving(quiet.adapter(), quiet.handler):
        await quiet.discord.ready()
        await quiet.discord.say(thread, quiet.alice, "still there?")
        await until_heard(quiet, "still there?")


async def test_a_thread_in_a_channel_that_was_hidden_is_known_once_the_bot_is_let_in(
    quiet: Harbour,
) -> None:
    thread = quiet.discord.add_thread(quiet.channel, "ours", by=quiet.discord.bot_id)
    quiet.discord.deny(quiet.channel, "VIEW_CHANNEL")
    async with serving(quiet.adapter(), quiet.handler):
        await quiet.discord.ready()
        quiet.discord.deny(quiet.channel)
        await quiet.discord.say(thread, quiet.alice, "still there?")
        await until_heard(quiet, "still there?")


async def test_a_thread_that_no_event_has_told_of_is_looked_up_once(quiet: Harbour) -> None:
    thread = quiet.discord.add_thread(quiet.channel, "ours", by=quiet.discord.bot_id)
    quiet.discord.deny(thread, "VIEW_CHANNEL")  # so it is not among the server's
    async with serving(quiet.adapter(), quiet.handler):
        await quiet.discord.ready()
        quiet.discord.forget_to_tell("THREAD_UPDATE")
        quiet.discord.deny(thread)
        await quiet.discord.say(thread, quiet.alice, "one")
        await until_heard(quiet, "one")
        await quiet.discord.say(thread, quiet.alice, "two")
        await until_heard(quiet, "one", "two")
    assert quiet.handler.requests[0].channel.thread == thread
    assert quiet.sent("GET", f"/channels/{thread}") == 1


@pytest.mark.parametrize(
    ("status", "code", "times"), [(403, 50013, 1), (400, 50024, 1), (500, 0, 2), (429, 0, 1)]
)
async def test_where_discord_opens_no_thread_the_answer_stands_below_the_question(
    harbour: Harbour, status: int, code: int, times: int
) -> None:
    harbour.handler.behaviour = IN_THREADS
    harbour.discord.fail("POST", r".*/threads", status=status, code=code, times=times)
    asked = await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    assert (await harbour.answer()).reply_to == asked
    assert harbour.handler.requests[0].channel.thread == ""


async def test_without_the_right_to_open_threads_the_answer_stands_below_the_question(
    harbour: Harbour,
) -> None:
    harbour.handler.behaviour = IN_THREADS
    harbour.discord.deny(harbour.channel, "CREATE_PUBLIC_THREADS")
    asked = await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    assert (await harbour.answer()).reply_to == asked


async def test_a_thread_whose_opening_broke_off_is_found_again(harbour: Harbour) -> None:
    harbour.handler.behaviour = IN_THREADS
    harbour.discord.fail("POST", r".*/threads", reset_after=True)
    asked = await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    assert (await harbour.answer(asked)).content == "done"
    assert harbour.handler.requests[0].channel.thread == asked


async def test_a_question_delivered_twice_belongs_to_one_thread(harbour: Harbour) -> None:
    harbour.handler.behaviour = IN_THREADS
    asked = await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    await harbour.answer(asked)
    await harbour.discord.redeliver(asked)
    await harbour.discord.wait_until(lambda: len(harbour.handler.requests) == 2)
    first, second = harbour.handler.requests
    assert (first.channel, first.source) == (second.channel, second.source)
    assert harbour.sent("POST", "/threads") == 1


async def test_a_thread_named_after_nothing_is_named_after_who_asks(harbour: Harbour) -> None:
    harbour.handler.behaviour = IN_THREADS
    asked = await harbour.discord.say(
        harbour.channel, harbour.alice, "", mention=True, attachments=[("a.png", PNG)]
    )
    await harbour.answer(asked)
    assert (asked, "Alice asks") in harbour.discord.threads(harbour.channel)


async def test_a_long_question_names_its_thread_with_its_first_words(harbour: Harbour) -> None:
    harbour.handler.behaviour = IN_THREADS
    for words in ("wave " * 60, "a" * 300):
        asked = await harbour.discord.say(harbour.channel, harbour.alice, words, mention=True)
        await harbour.answer(asked)
    names = [name for _, name in harbour.discord.threads(harbour.channel)][1:]
    assert names == ["wave " * 15 + "…", "a" * 79 + "…"]


async def test_a_bare_mention_opens_nothing(harbour: Harbour) -> None:
    harbour.handler.behaviour = IN_THREADS
    await harbour.discord.say(harbour.channel, harbour.alice, "", mention=True)
    await harbour.answer()
    assert harbour.sent("POST", "/threads") == 0


async def test_an_answer_in_a_thread_is_found_again_after_a_restart(harbour: Harbour) -> None:
    harbour.handler.behaviour = IN_THREADS
    asked = await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    await harbour.answer(asked)
    adapter = harbour.adapter()
    left = turn_in(harbour.handler.requests[0].channel, source=asked)
    async with serving(adapter, harbour.handler):
        await harbour.discord.wait_until(lambda: harbour.discord.sessions == 2)
        await adapter.reopen(left).show(Page(0, "finished"))
    seen = harbour.discord.messages(asked)[-1]
    assert (seen.author, seen.content) == ("bot", "finished")


# --- forums ---


async def test_a_mention_in_a_forum_post_is_answered_there(harbour: Harbour) -> None:
    harbour.handler.behaviour = IN_THREADS
    forum = harbour.discord.add_forum(harbour.guild, "questions")
    post = await harbour.discord.post(forum, harbour.alice, "Gulls", "why?", mention=True)
    assert (await harbour.answer(post)).reply_to == post
    place = Channel("discord", harbour.guild, forum, thread=post)
    assert harbour.handler.requests[0].channel == place
    await harbour.discord.say(post, harbour.mo, "they always do")
    await harbour.discord.say(post, harbour.alice, "is that so?", mention=True)
    await until_heard(harbour, "why?", "is that so?")


# --- edits ---


async def test_a_changed_question_is_told_with_its_new_words(harbour: Harbour) -> None:
    asked = await harbour.discord.say(harbour.channel, harbour.alice, "tide?", mention=True)
    await harbour.answer()
    await harbour.discord.edit(harbour.channel, asked, f"<@{harbour.discord.bot_id}> moon?")
    await until_heard(harbour, "tide?", "moon?")
    first, change = harbour.handler.requests
    assert (change.command, change.channel, change.user) == ("edited", first.channel, first.user)
    original, _, when = change.source.rpartition(":")
    assert original == asked
    assert when.isdigit()


async def test_a_question_changed_twice_is_two_changes(harbour: Harbour) -> None:
    asked = await harbour.discord.say(harbour.direct, harbour.alice, "one")
    await harbour.discord.edit(harbour.direct, asked, "two")
    await until_heard(harbour, "one", "two")
    await harbour.discord.edit(harbour.direct, asked, "three")
    await until_heard(harbour, "one", "two", "three")
    assert len({request.source for request in harbour.handler.requests}) == 3


async def test_changes_of_what_was_never_for_the_bot_are_passed_over(harbour: Harbour) -> None:
    said = await harbour.discord.say(harbour.channel, harbour.alice, "to you all")
    await harbour.discord.edit(harbour.channel, said, "to all of you")
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    await until_heard(harbour, "hello")


async def test_the_offer_to_answer_anew_stands_below_the_changed_question(
    harbour: Harbour,
) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        if request.command == "edited":
            await surface.show(Page(0, "You changed your question."))

    harbour.handler.answer = answer
    asked = await harbour.discord.say(harbour.channel, harbour.alice, "tide?", mention=True)
    await harbour.discord.edit(harbour.channel, asked, f"<@{harbour.discord.bot_id}> moon?")
    assert (await harbour.answer()).reply_to == asked


async def test_a_question_that_opened_a_thread_is_changed_there(harbour: Harbour) -> None:
    harbour.handler.behaviour = IN_THREADS
    asked = await harbour.discord.say(harbour.channel, harbour.alice, "tide?", mention=True)
    await harbour.answer(asked)
    await harbour.discord.edit(harbour.channel, asked, f"<@{harbour.discord.bot_id}> moon?")
    await until_heard(harbour, "tide?", "moon?")
    first, change = harbour.handler.requests
    assert change.channel == first.channel
    await harbour.discord.wait_until(
        lambda: [seen.content for seen in harbour.discord.messages(asked)] == ["", "done", "done"]
    )
    assert harbour.sent("POST", "/threads") == 1
