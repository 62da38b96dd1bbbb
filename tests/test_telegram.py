"""The Telegram adapter in a simulated Telegram: what people ask, and what becomes of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from bot.commands import COMMANDS
from bot.errors import AdapterError, Unreachable
from bot.interfaces import Surface
from bot.types import Channel, Page, Request, Role
from tests.telegram_harbour import (
    NAVY,
    Harbour,
    community,
    say_done,
    serving,
    shows,
)


@pytest.fixture
async def quiet() -> AsyncIterator[Harbour]:
    """The community without its bot."""
    async with community() as harbour:
        yield harbour


@pytest.fixture
async def harbour(quiet: Harbour) -> AsyncIterator[Harbour]:
    async with serving(quiet.adapter, quiet.handler):
        await quiet.telegram.ready()
        yield quiet


# --- logging in ---


async def test_it_says_who_it_is_and_offers_its_commands(
    quiet: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "switchboard.telegram")

    async with serving(quiet.adapter, quiet.handler):
        await quiet.telegram.ready()

    assert [record.message for record in caplog.records] == ["logged in as @switchboard_bot"]
    assert quiet.telegram.commands["default"] == [
        {"command": command.name, "description": command.description} for command in COMMANDS
    ]


@pytest.mark.parametrize("ending", ["", "/", "/bot", "/bot/"])
async def test_the_address_of_a_server_may_end_in_bot(quiet: Harbour, ending: str) -> None:
    adapter = quiet.new_adapter(api_url=quiet.telegram.api_url + ending)

    assert await adapter.check() == "@switchboard_bot"


@pytest.mark.parametrize("token", ["123456:BBBB-another-token", "not-a-token", "123456/../x:y"])
async def test_a_wrong_token_is_one_clear_sentence(quiet: Harbour, token: str) -> None:
    adapter = quiet.new_adapter(token=token)

    for call in (adapter.check(), adapter.serve(quiet.handler)):
        with pytest.raises(AdapterError) as caught:
            await call
        assert "TELEGRAM_TOKEN" in str(caught.value)
        assert "@BotFather" in str(caught.value)
        assert token not in str(caught.value)
        assert "\n" not in str(caught.value)


async def test_a_check_without_network_is_unreachable(quiet: Harbour) -> None:
    quiet.telegram.fail("getMe", status=502)

    with pytest.raises(Unreachable, match="Bad Gateway"):
        await quiet.adapter.check()


async def test_the_token_reaches_no_log(quiet: Harbour, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    telegram = quiet.telegram
    telegram.fail("getMe", status=404, description=f"no /bot{telegram.token}/getMe here")
    telegram.fail("getUpdates", status=500, description=f"no /bot{telegram.token}/getUpdates")
    telegram.fail("sendMessage", reset=True)

    with suppress(AdapterError):
        await quiet.adapter.check()
    async with serving(quiet.adapter, quiet.handler):
        await telegram.say(quiet.private, quiet.alice, "hello")
        await telegram.until(lambda: quiet.count("sendMessage") == 1)

    assert "no /bot********/getUpdates" in caplog.text
    assert telegram.token.partition(":")[2] not in caplog.text


# --- trouble with the network ---


@pytest.mark.parametrize(("status", "reset"), [(500, False), (502, False), (409, False), (0, True)])
async def test_polling_outlives_trouble_with_one_line_in_the_log(
    quiet: Harbour, caplog: pytest.LogCaptureFixture, status: int, reset: bool
) -> None:
    caplog.set_level(logging.WARNING, "switchboard.telegram")
    quiet.telegram.fail("getUpdates", status=status, reset=reset)

    async with serving(quiet.adapter, quiet.handler):
        await quiet.telegram.say(quiet.private, quiet.alice, "hello")
        await quiet.says("done")

    assert [record.message.partition(":")[0] for record in caplog.records] == ["polling"]
    assert "trying again in 0.2 s" in caplog.text


async def test_a_penalty_for_polling_is_waited_out(quiet: Harbour) -> None:
    quiet.telegram.fail("getUpdates", retry_after=1)

    async with serving(quiet.adapter, quiet.handler):
        await quiet.telegram.say(quiet.private, quiet.alice, "hello")
        await quiet.says("done")

    first, second, *_ = [call.time for call in quiet.telegram.calls if call.method == "getUpdates"]
    assert second - first >= 1.0


async def test_logging_in_waits_for_the_network(quiet: Harbour) -> None:
    quiet.telegram.fail("getMe", status=503)

    async with serving(quiet.adapter, quiet.handler):
        await quiet.telegram.ready()


async def test_commands_that_telegram_refuses_do_not_keep_it_from_working(quiet: Harbour) -> None:
    quiet.telegram.fail("setMyCommands", status=400, description="Bad Request: no", times=None)

    async with serving(quiet.adapter, quiet.handler):
        await quiet.telegram.say(quiet.private, quiet.alice, "hello")
        await quiet.says("done")


async def test_a_token_that_is_revoked_ends_it(quiet: Harbour) -> None:
    quiet.telegram.fail("getUpdates", status=401, description="Unauthorized")

    with pytest.raises(AdapterError, match="TELEGRAM_TOKEN"):
        async with asyncio.timeout(5):
            await quiet.adapter.serve(quiet.handler)


async def test_cancelling_it_ends_every_answer_and_leaves_nothing_behind(quiet: Harbour) -> None:
    ended = asyncio.Event()

    async def answer(request: Request, surface: Surface) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await surface.show(Page(0, "The bot was stopped.", final=True))
            ended.set()

    quiet.handler.answer = answer
    async with serving(quiet.adapter, quiet.handler):
        await quiet.telegram.say(quiet.private, quiet.alice, "hello")
        await quiet.handler.request()

    assert ended.is_set()
    assert [seen.text for seen in quiet.of_bot()] == ["The bot was stopped."]
    ours = [task for task in asyncio.all_tasks() if "adapters" in repr(task.get_coro())]
    assert ours == []


# --- questions and answers ---


async def test_a_private_question_is_answered_by_one_message_that_grows(harbour: Harbour) -> None:
    harbour.handler.answer = shows(
        Page(0, "The"), Page(0, "The tide **is"), Page(0, "The tide **is** high.", final=True)
    )

    await harbour.telegram.say(harbour.private, harbour.alice, "How is the tide?")
    seen = await harbour.says("The tide is high.")

    assert [text for _, text in seen.versions] == ["The", "The tide **is", "The tide is high."]
    assert seen.entities == [{"type": "bold", "offset": 9, "length": 2}]
    assert seen.reply_to is None
    request = await harbour.handler.request()
    assert (request.command, request.text) == ("ask", "How is the tide?")
    assert request.user.moderator


async def test_a_mention_in_a_group_is_answered_under_it(harbour: Harbour) -> None:
    telegram = harbour.telegram
    await telegram.say(harbour.group, harbour.bob, "lunch?")

    asked = await telegram.say(harbour.group, harbour.alice, "@switchboard_bot how is the tide?")
    seen = await harbour.says("done", harbour.group)

    assert seen.reply_to == asked
    request = await harbour.handler.request()
    assert request.text == "how is the tide?"
    assert request.channel == Channel("telegram", str(harbour.group), str(harbour.group))
    assert len(harbour.handler.requests) == 1


async def test_a_reply_to_the_bot_is_a_question_that_quotes_it(harbour: Harbour) -> None:
    telegram = harbour.telegram
    await telegram.say(harbour.group, harbour.alice, "/ask@switchboard_bot how is the tide?")
    first = await harbour.says("done", harbour.group)

    await telegram.say(harbour.group, harbour.bob, "are you sure?", reply_to=first.id)
    request = await harbour.handler.request(1)

    assert request.text == "are you sure?"
    assert request.quoted is not None
    assert (request.quoted.role, request.quoted.text) == (Role.ASSISTANT, "done")


async def test_an_answer_stays_in_its_topic(harbour: Harbour) -> None:
    telegram = harbour.telegram
    plans = telegram.add_topic(harbour.group, "plans")

    async def answer(request: Request, surface: Surface) -> None:
        await telegram.until(lambda: telegram.actions(harbour.group))
        await shows(Page(0, "one"), Page(1, "two", final=True))(request, surface)

    harbour.handler.answer = answer
    await telegram.say(harbour.group, harbour.alice, "/ask when do we sail?", topic=plans)
    await harbour.says("two", harbour.group)

    assert [seen.topic for seen in harbour.of_bot(harbour.group)] == [plans, plans]
    assert (await harbour.handler.request()).channel.thread == str(plans)
    assert {action.topic for action in telegram.actions(harbour.group)} == {plans}


async def test_further_pages_are_messages_of_their_own(harbour: Harbour) -> None:
    harbour.handler.answer = shows(Page(0, "one"), Page(1, "two"), Page(1, "two!", final=True))

    await harbour.telegram.say(harbour.group, harbour.alice, "/ask for much")
    await harbour.says("two!", harbour.group)

    first, second = harbour.of_bot(harbour.group)
    assert (first.text, second.text) == ("one", "two!")
    assert first.reply_to is not None
    assert second.reply_to is None


async def test_an_answer_appears_although_the_question_was_deleted(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        harbour.telegram.delete(harbour.group, int(request.source))
        await surface.show(Page(0, "done", final=True))

    harbour.handler.answer = answer
    await harbour.telegram.say(harbour.group, harbour.alice, "/ask something")

    assert (await harbour.says("done", harbour.group)).reply_to is None


async def test_typing_is_shown_until_the_answer_is_there(harbour: Harbour) -> None:
    telegram = harbour.telegram

    async def answer(request: Request, surface: Surface) -> None:
        await telegram.until(lambda: telegram.actions(harbour.private))
        await surface.show(Page(0, "done", final=True))

    harbour.handler.answer = answer
    await telegram.say(harbour.private, harbour.alice, "hello")
    await harbour.says("done")
    await telegram.say(harbour.private, harbour.alice, "/image a cat")
    await telegram.until(lambda: len(telegram.actions(harbour.private)) == 2)

    assert [action.action for action in telegram.actions(harbour.private)] == [
        "typing",
        "upload_photo",
    ]


async def test_typing_ends_with_the_request_even_if_nothing_was_shown(harbour: Harbour) -> None:
    def typing() -> int:
        return sum("Session._type" in repr(task.get_coro()) for task in asyncio.all_tasks())

    async def answer(request: Request, surface: Surface) -> None:
        await harbour.telegram.until(lambda: harbour.telegram.actions(harbour.private))
        assert typing() == 1

    harbour.handler.answer = answer
    await harbour.telegram.say(harbour.private, harbour.alice, "hello")
    await harbour.handler.request()
    async with asyncio.timeout(2):
        while typing():
            await asyncio.sleep(0.01)

    assert harbour.of_bot() == []


async def test_typing_that_fails_does_not_matter(harbour: Harbour) -> None:
    harbour.telegram.fail("sendChatAction", status=500, times=None)

    await harbour.telegram.say(harbour.private, harbour.alice, "hello")

    await harbour.says("done")


async def test_a_slow_answer_holds_up_nobody(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        if request.text == "slow":
            await asyncio.Event().wait()
        await surface.show(Page(0, f"{request.text}: done", final=True))

    harbour.handler.answer = answer
    await harbour.telegram.say(harbour.private, harbour.alice, "slow")
    await harbour.telegram.say(harbour.private, harbour.alice, "quick")

    await harbour.says("quick: done")


async def test_a_handler_that_breaks_is_excused_and_replaced_by_the_next(
    harbour: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        raise ValueError("a mistake of ours")

    harbour.handler.answer = answer
    await harbour.telegram.say(harbour.private, harbour.alice, "hello")
    await harbour.says("Something went wrong on my side.")
    harbour.handler.answer = say_done
    await harbour.telegram.say(harbour.private, harbour.alice, "hello again")

    await harbour.says("done")
    assert "a mistake of ours" in caplog.text


# --- delivery ---


async def test_an_update_that_is_delivered_again_has_the_same_source(harbour: Harbour) -> None:
    asked = await harbour.telegram.say(harbour.private, harbour.alice, "hello")
    await harbour.handler.request()
    harbour.telegram.redeliver(asked)

    first, second = await harbour.handler.request(0), await harbour.handler.request(1)
    assert first.source == second.source == str(asked)


async def test_each_update_is_handed_over_once_and_confirmed_by_the_next_poll(
    harbour: Harbour,
) -> None:
    for number in range(3):
        await harbour.telegram.say(harbour.private, harbour.alice, f"{number}")
        await harbour.handler.request(number)
    await harbour.telegram.say(harbour.private, harbour.alice, "last")
    await harbour.handler.request(3)

    assert [request.text for request in harbour.handler.requests] == ["0", "1", "2", "last"]


async def test_a_process_that_dies_before_handing_over_leaves_the_request_to_the_next(
    quiet: Harbour,
) -> None:
    telegram = quiet.telegram
    telegram.fail("getFile", delay=30)
    async with serving(quiet.adapter, quiet.handler):
        await telegram.say(quiet.private, quiet.alice, "what is this?", photo=NAVY.data)
        await telegram.say(quiet.group, quiet.bob, "/ask for the time")
        await quiet.handler.request()
        await telegram.until(lambda: quiet.count("getUpdates") >= 2)
    assert [request.text for request in quiet.handler.requests] == ["for the time"]
    telegram.heal()

    async with serving(quiet.new_adapter(), quiet.handler):
        await quiet.says("done", quiet.private)

    first, *later = quiet.handler.requests
    assert "what is this?" in [request.text for request in later]
    assert {request.source for request in later if request.text == first.text} <= {first.source}
