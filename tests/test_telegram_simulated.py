"""The Telegram simulator is as strict as Telegram with reply fields, inline mode and recordings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.types import Action, Menu, Page
from tests.simulators.telegram import TelegramSimulator
from tests.simulators.telegram.spec import Spec
from tests.telegram_harbour import Harbour, community, serving, shows

SPEC = Path(__file__).parents[2] / "shared" / "specs" / "telegram-bot-api.json"


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramSimulator]:
    async with TelegramSimulator() as telegram:
        telegram.limits.off()
        telegram.inline = True
        yield telegram


async def call(telegram: TelegramSimulator, method: str, **parameters: Any) -> Any:
    url = f"{telegram.api_url}/bot{telegram.token}/{method}"
    async with aiohttp.ClientSession() as session, session.post(url, json=parameters) as response:
        return await response.json()


async def refusal(telegram: TelegramSimulator, method: str, **parameters: Any) -> str:
    answer = await call(telegram, method, **parameters)
    assert not answer["ok"], answer
    return str(answer["description"]).removeprefix("Bad Request: ")


def article(**changes: Any) -> dict[str, Any]:
    content = {"message_text": "…"}
    return {
        "type": "article",
        "id": "1",
        "title": "Ask",
        "input_message_content": content,
    } | changes


# --- reply fields ---


async def test_a_reply_field_is_for_everybody_or_for_who_is_named(
    telegram: TelegramSimulator,
) -> None:
    alice, bob = telegram.add_user("Alice"), telegram.add_user("Bob")
    group = telegram.add_group("Harbour", admins=[alice], members=[bob])
    asked = await telegram.say(group, bob, "@switchboard_bot hm?")
    user = {"id": alice, "is_bot": False, "first_name": "Alice"}
    mention = {"type": "text_mention", "offset": 0, "length": 5, "user": user}
    everybody: dict[str, Any] = {"chat_id": group, "text": "Alice?"}
    chosen = everybody | {"reply_markup": {"force_reply": True, "selective": True}}

    await call(telegram, "sendMessage", **everybody | {"reply_markup": {"force_reply": True}})
    await call(telegram, "sendMessage", **chosen)
    await call(telegram, "sendMessage", **chosen, entities=[mention])
    await call(telegram, "sendMessage", **chosen, reply_parameters={"message_id": asked})

    shown = [seen.asks for seen in telegram.messages(group) if seen.author == "bot"]
    assert shown == [["Alice", "Bob"], [], ["Alice"], ["Bob"]]


async def test_a_reply_field_has_a_short_hint_and_belongs_to_new_messages(
    telegram: TelegramSimulator,
) -> None:
    private = telegram.add_private_chat(telegram.add_user("Alice"))
    field = {"force_reply": True}
    long = field | {"input_field_placeholder": "x" * 65}
    assert "1-64" in await refusal(
        telegram, "sendMessage", chat_id=private, text="?", reply_markup=long
    )

    sent = await call(telegram, "sendMessage", chat_id=private, text="?")
    edit = {"chat_id": private, "message_id": sent["result"]["message_id"], "text": "!"}
    assert await refusal(telegram, "editMessageText", **edit, reply_markup=field) == (
        "inline keyboard expected"
    )


# --- inline mode ---


async def test_a_bot_without_inline_mode_hears_nothing_of_it(telegram: TelegramSimulator) -> None:
    telegram.inline = False

    with pytest.raises(ValueError, match="no inline mode"):
        await telegram.type_inline(telegram.add_user("Alice"), "hello")
    assert (await call(telegram, "getMe"))["result"]["supports_inline_queries"] is False


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ([article(id="")], "RESULT_ID_INVALID"),
        ([article(id="x" * 65)], "RESULT_ID_INVALID"),
        ([article(), article()], "RESULT_ID_DUPLICATE"),
        ([article(id=str(number)) for number in range(51)], "RESULTS_TOO_MUCH"),
        ([article(title="")], "can't parse inline query result: Can't find field \"title\""),
        ([article(input_message_content={"message_text": ""})], "message text is empty"),
        ([article(input_message_content={"message_text": "x" * 4097})], "MESSAGE_TOO_LONG"),
        ([article(reply_markup={"force_reply": True})], "inline keyboard expected"),
        ("nothing", "can't parse inline query results JSON object"),
    ],
)
async def test_results_that_are_not_right_are_refused(
    telegram: TelegramSimulator, results: Any, reason: str
) -> None:
    typed = await telegram.type_inline(telegram.add_user("Alice"), "hello")

    answer = {"inline_query_id": typed.id, "results": results}
    assert await refusal(telegram, "answerInlineQuery", **answer) == reason
    assert typed.results is None


async def test_a_query_that_was_never_typed_cannot_be_answered(
    telegram: TelegramSimulator,
) -> None:
    answer = {"inline_query_id": "1", "results": [article()]}

    assert "query ID is invalid" in await refusal(telegram, "answerInlineQuery", **answer)


async def test_only_a_result_with_a_button_can_be_edited_later(
    telegram: TelegramSimulator,
) -> None:
    alice = telegram.add_user("Alice")
    private = telegram.add_private_chat(alice)
    button = {"inline_keyboard": [[{"text": "Go", "url": "https://a.example"}]]}
    typed = await telegram.type_inline(alice, "hello")
    results = [article(), article(id="2", reply_markup=button)]
    await call(telegram, "answerInlineQuery", inline_query_id=typed.id, results=results)

    for number in range(2):
        await telegram.choose_inline(private, typed, number)
    updates = (await call(telegram, "getUpdates"))["result"]
    chosen = [
        update["chosen_inline_result"] for update in updates if "chosen_inline_result" in update
    ]

    assert ["inline_message_id" in one for one in chosen] == [False, True]
    edit = {"text": "!", "inline_message_id": chosen[1]["inline_message_id"]}
    assert (await call(telegram, "editMessageText", **edit))["result"] is True
    assert "not modified" in await refusal(telegram, "editMessageText", **edit)
    edit["inline_message_id"] = "made-up"
    assert await refusal(telegram, "editMessageText", **edit) == "MESSAGE_ID_INVALID"


async def test_an_inline_message_has_limits_of_its_own(telegram: TelegramSimulator) -> None:
    alice = telegram.add_user("Alice")
    private = telegram.add_private_chat(alice)
    button = {"inline_keyboard": [[{"text": "Go", "url": "https://a.example"}]]}
    typed = await telegram.type_inline(alice, "hello")
    results = [article(reply_markup=button)]
    await call(telegram, "answerInlineQuery", inline_query_id=typed.id, results=results)
    message = await telegram.choose_inline(private, typed)
    inline_id = telegram._world.message(private, message).inline_id
    telegram.limits.on()

    answers = [
        await call(telegram, "editMessageText", inline_message_id=inline_id, text=f"{number}")
        for number in range(4)
    ]
    assert [answer["ok"] for answer in answers] == [True, True, True, False]
    assert answers[3]["error_code"] == 429


# --- against the official list of methods and types ---


@pytest.mark.skipif(not SPEC.exists(), reason="the Bot API's description is not at hand")
async def test_all_that_the_bot_and_the_simulator_say_agrees_with_the_official_description() -> (
    None
):
    async with community() as harbour:
        harbour.telegram.limits.off()
        harbour.telegram.inline = True
        async with serving(harbour.adapter, harbour.handler):
            await harbour.telegram.ready()
            await _talk(harbour)
        spec = Spec(SPEC)
        received = harbour.telegram.received
        assert {"answerInlineQuery", "editMessageText", "getUpdates"} <= {
            call.method for call in received
        }
        for one in received:
            assert one.answer["ok"], one
            fault = spec.call_fault(one.method, one.parameters, one.files)
            fault = fault or spec.answer_fault(one.method, one.answer["result"])
            assert not fault, fault


async def _talk(harbour: Harbour) -> None:
    """Everything that this file is about, once."""
    telegram, alice = harbour.telegram, harbour.alice
    ask = Action("Set …", "/settings language ", ask="Which language?")
    menu = Menu("Models", (Action("gpt-5", "/model gpt-5"),))
    harbour.handler.answer = shows(Page(0, "Here", actions=[ask], menus=[menu], final=True))
    await telegram.say(harbour.group, alice, "/settings")
    page = await harbour.says("Here", harbour.group)
    await telegram.press(harbour.group, alice, page.id, "?/settings language ")
    asked = await harbour.says("Which language?", harbour.group)
    await telegram.say(harbour.group, alice, "German", reply_to=asked.id)
    await telegram.say(harbour.private, alice, voice=b"OggS")
    await telegram.say(harbour.private, alice, music=("shanty.mp3", b"ID3"))
    await telegram.say(harbour.private, alice, "who?", video=b"film")
    typed = await telegram.type_inline(alice, "And inline?")
    await telegram.until(lambda: typed.results)
    await telegram.choose_inline(harbour.private, typed)
    await harbour.handler.request(4)
    await telegram.until(lambda: harbour.count("editMessageText") == 1)
