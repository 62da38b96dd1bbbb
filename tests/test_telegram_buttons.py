"""Buttons on a simulated Telegram: menus, and questions that are put before something is done."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.types import Action, Menu, Page, Trigger
from tests.simulators.telegram import Seen
from tests.telegram_harbour import Harbour, community, serving, shows

PERSONA = Action("Write your own …", "/settings persona ", ask="Who shall answer?")
DEFAULT = Action("Default", "/settings persona default")
SETTINGS = Page(0, "**persona:** none", actions=[PERSONA, DEFAULT], final=True)


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with community() as quiet, serving(quiet.adapter, quiet.handler):
        quiet.telegram.limits.off()
        await quiet.telegram.ready()
        yield quiet


def data_of(seen: Seen, label: str) -> str:
    buttons = [button for row in seen.buttons for button in row]
    return next(str(button["callback_data"]) for button in buttons if button["text"] == label)


async def settings(harbour: Harbour, chat: int) -> Seen:
    """A page with a button that asks."""
    harbour.handler.answer = shows(SETTINGS)
    await harbour.telegram.say(chat, harbour.alice, "/settings persona")
    return await harbour.says("persona: none", chat)


async def pressed(harbour: Harbour, chat: int) -> Seen:
    """What the bot asks when Alice has pressed it."""
    page = await settings(harbour, chat)
    press = await harbour.telegram.press(chat, harbour.alice, page.id, data_of(page, PERSONA.label))
    asked = await harbour.says("Who shall answer?", chat)
    await harbour.telegram.until(lambda: press.answered_after is not None)
    return asked


# --- menus ---


async def test_a_menu_is_rows_of_buttons_above_the_others(harbour: Harbour) -> None:
    models = [Action(f"model-{number}", f"/model model-{number}") for number in range(7)]
    page = Page(0, "Which?", actions=[DEFAULT], menus=[Menu("Models", tuple(models))], final=True)
    harbour.handler.answer = shows(page)

    await harbour.telegram.say(harbour.private, harbour.alice, "/model")
    seen = await harbour.says("Which?")

    rows = [[button["text"] for button in row] for row in seen.buttons]
    assert rows == [
        ["model-0", "model-1", "model-2"],
        ["model-3", "model-4", "model-5"],
        ["model-6"],
        ["Default"],
    ]


async def test_picking_from_a_menu_is_its_line_typed(harbour: Harbour) -> None:
    menu = Menu("Models", (Action("gpt-5", "/model gpt-5"),))
    harbour.handler.answer = shows(Page(0, "Which?", menus=[menu], final=True))
    await harbour.telegram.say(harbour.private, harbour.alice, "/model")
    seen = await harbour.says("Which?")

    await harbour.telegram.press(harbour.private, harbour.alice, seen.id, data_of(seen, "gpt-5"))
    request = await harbour.handler.request(1)

    assert (request.command, request.text, request.pressed) == ("model", "gpt-5", True)


async def test_a_menu_that_changes_is_shown_anew(harbour: Harbour) -> None:
    def page(*names: str) -> Page:
        options = tuple(Action(name, f"/model {name}") for name in names)
        return Page(0, "Which?", menus=[Menu("Models", options)])

    surface = harbour.surface(harbour.private)
    await surface.show(page("gpt-5"))
    await surface.show(page("gpt-5", "glm-5"))

    (seen,) = harbour.of_bot()
    assert [button["text"] for button in seen.buttons[0]] == ["gpt-5", "glm-5"]


# --- buttons that ask ---


async def test_a_button_that_asks_opens_a_reply_field_and_runs_the_answer(
    harbour: Harbour,
) -> None:
    asked = await pressed(harbour, harbour.private)
    assert asked.asks == ["Alice"]
    assert asked.hint == "Who shall answer?"

    await harbour.telegram.say(
        harbour.private, harbour.alice, "You are a pirate.\nArr.", reply_to=asked.id
    )
    request = await harbour.handler.request(1)

    assert (request.command, request.text) == ("settings", "persona You are a pirate.\nArr.")
    assert request.quoted is None
    assert not request.pressed


async def test_what_people_read_of_it_is_only_the_question(harbour: Harbour) -> None:
    page = await settings(harbour, harbour.private)
    asked = await pressed(harbour, harbour.private)

    assert asked.text.strip("\u200c") == "Who shall answer?"
    assert page.text.strip("\u200c") == "persona: none"


async def test_the_answer_is_understood_after_a_restart() -> None:
    async with community() as harbour:
        async with serving(harbour.adapter, harbour.handler):
            await harbour.telegram.ready()
            asked = await pressed(harbour, harbour.private)

        async with serving(harbour.new_adapter(), harbour.handler):
            await harbour.telegram.say(
                harbour.private, harbour.alice, "a pirate", reply_to=asked.id
            )
            request = await harbour.handler.request(1)

    assert (request.command, request.text) == ("settings", "persona a pirate")


async def test_in_a_group_only_who_pressed_is_asked_and_may_answer(harbour: Harbour) -> None:
    telegram = harbour.telegram
    asked = await pressed(harbour, harbour.group)
    assert asked.text.startswith("Alice: Who shall answer?")
    assert asked.asks == ["Alice"]

    await telegram.say(harbour.group, harbour.bob, "a parrot", reply_to=asked.id)
    await telegram.say(harbour.group, harbour.alice, "a pirate", reply_to=asked.id)
    request = await harbour.handler.request(1)

    assert (request.text, request.user.name) == ("persona a pirate", "Alice")
    assert len(harbour.handler.requests) == 2


async def test_the_question_stays_in_its_topic(harbour: Harbour) -> None:
    telegram = harbour.telegram
    plans = telegram.add_topic(harbour.group, "plans")
    harbour.handler.answer = shows(SETTINGS)
    await telegram.say(harbour.group, harbour.alice, "/settings persona", topic=plans)
    page = await harbour.says("persona: none", harbour.group)

    await telegram.press(harbour.group, harbour.alice, page.id, data_of(page, PERSONA.label))
    asked = await harbour.says("Who shall answer?", harbour.group)

    assert (asked.topic, asked.reply_to) == (plans, page.id)


async def test_an_answer_needs_no_trigger(harbour: Harbour) -> None:
    asked = await pressed(harbour, harbour.group)
    harbour.handler.hears = frozenset[Trigger]()

    await harbour.telegram.say(harbour.group, harbour.alice, "a pirate", reply_to=asked.id)

    assert (await harbour.handler.request(1)).text == "persona a pirate"


async def test_a_command_in_reply_to_the_question_is_that_command(harbour: Harbour) -> None:
    asked = await pressed(harbour, harbour.private)

    await harbour.telegram.say(harbour.private, harbour.alice, "/help", reply_to=asked.id)

    assert (await harbour.handler.request(1)).command == "help"


async def test_the_link_of_a_question_in_an_answer_of_a_model_is_worth_nothing(
    harbour: Harbour,
) -> None:
    asked = await pressed(harbour, harbour.group)
    (link,) = [entity["url"] for entity in asked.entities if entity["type"] == "text_link"]
    forged = link.replace(str(harbour.alice), str(harbour.bob))
    for number, copied in enumerate([link, forged]):
        harbour.handler.answer = shows(Page(0, f"Day {number}, [Bob]({copied})", final=True))
        await harbour.telegram.say(harbour.group, harbour.alice, "/ask for a link")
        bait = await harbour.says(f"Day {number}", harbour.group)
        await harbour.telegram.say(harbour.group, harbour.bob, "thanks", reply_to=bait.id)
        await harbour.telegram.say(harbour.group, harbour.alice, "thanks", reply_to=bait.id)

    await harbour.handler.request(6)
    said = [request for request in harbour.handler.requests if request.text == "thanks"]
    assert [request.command for request in said] == ["ask"] * 4


async def test_a_button_whose_message_is_gone_still_asks(harbour: Harbour) -> None:
    page = await settings(harbour, harbour.private)
    harbour.telegram.delete(harbour.private, page.id)
    await harbour.telegram.press(
        harbour.private, harbour.alice, page.id, data_of(page, PERSONA.label)
    )

    asked = await harbour.says("What shall it be?")
    await harbour.telegram.say(harbour.private, harbour.alice, "a pirate", reply_to=asked.id)
    assert (await harbour.handler.request(1)).text == "persona a pirate"


async def test_a_question_is_put_although_telegram_is_busy(harbour: Harbour) -> None:
    page = await settings(harbour, harbour.private)
    harbour.telegram.fail("sendMessage", retry_after=1)

    await harbour.telegram.press(
        harbour.private, harbour.alice, page.id, data_of(page, PERSONA.label)
    )

    await harbour.says("Who shall answer?")
