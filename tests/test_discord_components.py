"""Menus, buttons that ask, and the commands in a message's menu: what people pick and fill in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from adapters.discord.components import Form, form, rows
from bot.errors import Gone, Unreachable
from bot.interfaces import Surface
from bot.types import Action, Image, Manners, Menu, Message, Page, Request, Role, Text
from tests.harbour import PNG, Answering, Harbour, harbour_with_bot, harbour_without_bot, serving
from tests.simulators.discord import DiscordSimulator, Limits, Rate, Seen

PERSONA = Action("Write your own …", "/persona ", ask="Who shall answer? “You are a pirate.”")
MODELS = Menu("A model", (Action("GPT-5", "/model gpt-5"), Action("Llama", "/model llama")))
ABOUT, TRANSLATE, PICTURE = "Ask about this", "Translate", "Make a picture of this"


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with harbour_with_bot() as harbour:
        yield harbour


async def shown(
    harbour: Harbour, actions: Sequence[Action] = (), menus: Sequence[Menu] = ()
) -> Seen:
    """A message of the bot with these below it; whatever is pressed there is answered "done"."""

    async def answer(request: Request, surface: Surface) -> None:
        if len(harbour.handler.requests) == 1:
            await surface.show(Page(0, "which?", actions=actions, menus=menus))
        else:
            await surface.show(Page(0, "done"))

    harbour.handler.answer = answer
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    return await harbour.answer()


async def pressed(harbour: Harbour, number: int = 2) -> Request:
    await harbour.discord.wait_until(lambda: len(harbour.handler.requests) == number)
    return harbour.handler.requests[number - 1]


# --- menus ---


async def test_picking_from_a_menu_does_what_its_line_says(harbour: Harbour) -> None:
    seen = await shown(harbour, [Action("Help", "/help")], [MODELS])
    menu = seen.components[0]["components"][0]
    assert (menu["placeholder"], [each["label"] for each in menu["options"]]) == (
        "A model",
        ["GPT-5", "Llama"],
    )
    await harbour.discord.press(
        harbour.channel, harbour.mo, seen.id, menu["custom_id"], "/model llama"
    )
    request = await pressed(harbour)
    assert (request.command, request.text, request.pressed) == ("model", "llama", True)
    await harbour.discord.wait_for(harbour.channel, lambda seen: seen.content == "done")


async def test_every_menu_has_a_row_of_its_own_and_buttons_stand_below(harbour: Harbour) -> None:
    buttons = [Action(f"Button {n}", f"/model {n}") for n in range(30)]
    menus = [Menu(f"Menu {n}", MODELS.options) for n in range(3)]
    seen = await shown(harbour, buttons, menus)
    assert [len(row["components"]) for row in seen.components] == [1, 1, 1, 5, 5]


async def test_what_discord_would_refuse_in_a_menu_is_never_sent(harbour: Harbour) -> None:
    options = [Action("x" * 120, f"/model {n}") for n in range(30)]
    menus = [Menu("m" * 200, (*options, options[0])), Menu("empty", ()), Menu("", MODELS.options)]
    seen = await shown(harbour, menus=menus)
    first, second = (row["components"][0] for row in seen.components)
    assert len(first["options"]) == 25
    assert "placeholder" not in second


def test_a_menu_too_many_is_left_out() -> None:
    assert len(rows([Action("Help", "/help")], [MODELS] * 7)) == 5


# --- buttons that ask ---


async def test_a_button_that_asks_opens_a_form_whose_answer_follows_the_line(
    harbour: Harbour,
) -> None:
    seen = await shown(harbour, [PERSONA])
    button = seen.components[0]["components"][0]
    opened = await harbour.discord.press(
        harbour.channel, harbour.alice, seen.id, button["custom_id"]
    )
    assert await opened.answered()
    assert opened.modal is not None
    assert opened.modal["title"] == "Write your own …"
    assert opened.modal["components"][0]["label"] == "Who shall answer? “You are a pirate.”"
    assert len(harbour.handler.requests) == 1
    sent = await harbour.discord.submit(opened, answer="You are a cat.\nAlways.")
    request = await pressed(harbour)
    assert (request.command, request.text) == ("persona", "You are a cat.\nAlways.")
    assert (request.source, request.pressed) == (sent.id, True)
    await harbour.discord.wait_for(harbour.channel, lambda seen: seen.content == "done")


async def test_a_form_works_after_a_restart() -> None:
    async with harbour_without_bot() as harbour:
        async with serving(harbour.adapter(), harbour.handler):
            await harbour.discord.ready()
            seen = await shown(harbour, [PERSONA])
        async with serving(harbour.adapter(), harbour.handler):
            await harbour.discord.wait_until(lambda: harbour.discord.sessions == 2)
            await harbour.discord.ready()
            button = seen.components[0]["components"][0]["custom_id"]
            opened = await harbour.discord.press(harbour.channel, harbour.alice, seen.id, button)
            assert await opened.answered()
        async with serving(harbour.adapter(), harbour.handler):
            await harbour.discord.wait_until(lambda: harbour.discord.sessions == 3)
            await harbour.discord.ready()
            await harbour.discord.submit(opened, answer="a cat")
            assert (await pressed(harbour)).text == "a cat"


async def test_an_option_of_a_menu_may_ask_too(harbour: Harbour) -> None:
    seen = await shown(harbour, menus=[Menu("Persona", (*MODELS.options, PERSONA))])
    menu = seen.components[0]["components"][0]
    opened = await harbour.discord.press(
        harbour.channel, harbour.alice, seen.id, menu["custom_id"], menu["options"][2]["value"]
    )
    assert await opened.answered()
    await harbour.discord.submit(opened, answer="a cat")
    assert (await pressed(harbour)).text == "a cat"


def test_a_long_question_is_told_below_the_form_s_label() -> None:
    long = "What shall I call the ship that sails tomorrow from the old harbour? " * 3
    label = form(Form("t" * 60, "/name", long))["components"][0]
    assert (label["label"], label["description"]) == ("Your answer", long[:99] + "…")
    [row] = rows([Action("Name", "/name " + "x" * 58, ask=long)])
    assert len(row["components"][0]["custom_id"]) == 100


async def test_a_form_that_cannot_be_shown_ends_nothing(harbour: Harbour) -> None:
    seen = await shown(harbour, [PERSONA])
    harbour.discord.fail("POST", r"/interactions/.*", status=404, code=10062)
    button = seen.components[0]["components"][0]["custom_id"]
    await harbour.discord.press(harbour.channel, harbour.alice, seen.id, button)
    again = await harbour.discord.press(harbour.channel, harbour.alice, seen.id, button)
    assert await again.answered()


# --- the menu of a message ---


async def test_asking_about_a_message_asks_for_the_question_first(harbour: Harbour) -> None:
    said = await harbour.discord.say(
        harbour.channel, harbour.mo, "look at her", attachments=[("boat.png", PNG)]
    )
    opened = await harbour.discord.choose(harbour.channel, harbour.alice, said, ABOUT)
    assert await opened.answered()
    await harbour.discord.submit(opened, answer="who built it?")
    seen = await harbour.answer()
    request = harbour.handler.requests[0]
    assert (request.command, dict(request.options)) == ("ask", {"prompt": "who built it?"})
    picture = Image(PNG, "image/png", "boat.png")
    assert request.quoted == Message(Role.USER, (Text("look at her"), picture), "Mo")
    assert seen.content == "done"


async def test_asking_about_a_message_needs_no_words(harbour: Harbour) -> None:
    said = await harbour.discord.say(harbour.channel, harbour.mo, "42")
    opened = await harbour.discord.choose(harbour.channel, harbour.alice, said, ABOUT)
    assert await opened.answered()
    await harbour.discord.submit(opened, answer="")
    await harbour.answer()
    assert harbour.handler.requests[0].options["prompt"] == "What is this?"


async def test_nobody_learns_what_somebody_elses_form_is_about(harbour: Harbour) -> None:
    said = await harbour.discord.say(harbour.channel, harbour.mo, "42")
    opened = await harbour.discord.choose(harbour.channel, harbour.alice, said, ABOUT)
    assert await opened.answered()
    await harbour.discord.submit(opened, by=harbour.mo, answer="what is it?")
    assert "no longer know which message" in (await harbour.answer()).content


async def test_after_a_restart_it_says_that_it_no_longer_knows_the_message() -> None:
    async with harbour_without_bot() as harbour:
        said = await harbour.discord.say(harbour.channel, harbour.mo, "42")
        async with serving(harbour.adapter(), harbour.handler):
            await harbour.discord.ready()
            opened = await harbour.discord.choose(harbour.channel, harbour.alice, said, ABOUT)
            assert await opened.answered()
        async with serving(harbour.adapter(), harbour.handler):
            await harbour.discord.wait_until(lambda: harbour.discord.sessions == 2)
            await harbour.discord.ready()
            await harbour.discord.submit(opened, answer="what is it?")
            assert "no longer know which message" in (await harbour.answer()).content
    assert harbour.handler.requests == []


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de", "German"),
        ("en-US", "English"),
        ("pt-BR", "Brazilian Portuguese"),
        ("es-ES", "Spanish"),
    ],
)
async def test_translating_is_into_the_language_of_who_asks(
    harbour: Harbour, locale: str, language: str
) -> None:
    reader = harbour.discord.add_user("Rita", locale=locale)
    said = await harbour.discord.say(harbour.channel, harbour.mo, "bonjour")
    await harbour.discord.choose(harbour.channel, reader, said, TRANSLATE)
    await harbour.answer()
    request = harbour.handler.requests[0]
    assert request.options == {"prompt": f"Translate this into {language}."}
    assert request.quoted == Message(Role.USER, (Text("bonjour"),), "Mo")


async def test_a_message_becomes_a_picture_in_its_own_words(harbour: Harbour) -> None:
    said = await harbour.discord.say(harbour.channel, harbour.mo, "a gull --count 9")
    await harbour.discord.choose(harbour.channel, harbour.alice, said, PICTURE)
    await harbour.answer()
    request = harbour.handler.requests[0]
    assert (request.command, dict(request.options)) == ("image", {"prompt": "a gull --count 9"})


async def test_a_picture_becomes_another_one(harbour: Harbour) -> None:
    said = await harbour.discord.say(
        harbour.channel, harbour.mo, "", attachments=[("boat.png", PNG)]
    )
    await harbour.discord.choose(harbour.channel, harbour.alice, said, PICTURE)
    await harbour.answer()
    request = harbour.handler.requests[0]
    assert request.options == {"prompt": "Another picture like this one."}
    assert request.quoted is not None
    assert request.quoted.parts == (Image(PNG, "image/png", "boat.png"),)


async def test_a_message_with_nothing_in_it_is_refused(harbour: Harbour) -> None:
    harbour.handler.behaviour = Manners(opens_threads=True)
    asked = await harbour.discord.say(harbour.channel, harbour.mo, "hello", mention=True)
    await harbour.answer(asked)
    starter = harbour.discord.messages(asked)[0]  # only says where the thread comes from
    await harbour.discord.choose(asked, harbour.alice, starter.id, TRANSLATE)
    await harbour.discord.wait_for(asked, lambda seen: "no words and no files" in seen.content)
    assert len(harbour.handler.requests) == 1


# --- where the bot is no member ---


async def abroad(harbour: Harbour) -> str:
    """A channel of a server without the bot; Alice has installed it for herself."""
    harbour.discord.install(harbour.alice)
    return harbour.discord.add_channel(harbour.discord.add_guild("Abroad", bot=False), "chat")


async def test_somebody_who_has_installed_the_bot_can_use_it_in_any_server(
    harbour: Harbour,
) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        for number, text in ((0, "one"), (0, "one."), (1, "two")):
            await surface.show(Page(number, text))

    harbour.handler.answer = answer
    channel = await abroad(harbour)
    await harbour.discord.use(channel, harbour.alice, "ask", prompt="hello?")
    await harbour.discord.wait_for(channel, lambda seen: seen.content == "two")
    assert [seen.content for seen in harbour.discord.messages(channel)] == ["one.", "two"]
    assert harbour.sent("POST", f"/channels/{channel}") == 0
    assert harbour.sent("GET", f"/channels/{channel}") == 0


async def test_it_can_be_used_in_a_group_of_friends_and_on_their_messages(
    harbour: Harbour,
) -> None:
    harbour.discord.install(harbour.alice)
    group = harbour.discord.add_group(harbour.alice, harbour.mo)
    said = await harbour.discord.say(group, harbour.mo, "hola")
    await harbour.discord.choose(group, harbour.alice, said, TRANSLATE)
    assert (await harbour.answer(group)).content == "done"
    assert harbour.handler.requests[0].channel.server == ""


async def test_where_the_bot_is_no_member_nothing_is_tried_beside_the_interaction(
    harbour: Harbour,
) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, "early"))
        harbour.discord.expire(harbour.discord.interactions[-1])
        for number in (0, 1):
            with pytest.raises(Gone, match="the interaction is over"):
                await surface.show(Page(number, "late"))

    harbour.handler.answer = answer
    channel = await abroad(harbour)
    await harbour.discord.use(channel, harbour.alice, "help")
    await asyncio.wait_for(harbour.handler.answered.wait(), 5)
    assert [seen.content for seen in harbour.discord.messages(channel)] == ["early"]
    assert not [path for _, _, path, _ in harbour.discord.calls if f"/{channel}" in path]


async def test_no_more_messages_than_discord_allows_abroad_is_owned_up_to() -> None:
    async def answer(request: Request, surface: Surface) -> None:
        for number in range(6):
            await surface.show(Page(number, f"page {number}"))
        with pytest.raises(Gone) as gone:
            await surface.show(Page(6, "page 6"))
        assert gone.value.notice.startswith("Where I am no member")

    limits = Limits(interaction=Rate(50, 5.0))
    async with DiscordSimulator(identify_every=0.0, limits=limits) as discord:
        harbour = Harbour(discord, Answering(answer))
        async with serving(harbour.adapter(), harbour.handler):
            await discord.ready()
            await discord.use(await abroad(harbour), harbour.alice, "help")
            await asyncio.wait_for(harbour.handler.answered.wait(), 5)


async def test_a_button_abroad_is_answered_without_a_typing_sign(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        actions = () if request.pressed else (Action("Help", "/help"),)
        await surface.show(Page(0, "pressed" if request.pressed else "press", actions=actions))

    harbour.handler.answer = answer
    channel = await abroad(harbour)
    await harbour.discord.use(channel, harbour.alice, "help")
    seen = await harbour.discord.wait_for(channel, lambda seen: seen.content == "press")
    await harbour.discord.press(channel, harbour.alice, seen.id, "/help")
    await harbour.discord.wait_for(channel, lambda seen: seen.content == "pressed")
    assert harbour.sent("POST", "/typing") == 0


async def test_a_follow_up_abroad_is_looked_for_nowhere(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, "one"))
        harbour.discord.fail("POST", r"/webhooks/.*", reset=True)
        with pytest.raises(Unreachable):
            await surface.show(Page(1, "two"))
        await surface.show(Page(1, "two"))

    harbour.handler.answer = answer
    channel = await abroad(harbour)
    await harbour.discord.use(channel, harbour.alice, "help")
    await harbour.discord.wait_for(channel, lambda seen: seen.content == "two")
    assert harbour.sent("GET", f"/channels/{channel}") == 0
