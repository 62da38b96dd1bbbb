"""The Telegram simulator is as strict as Telegram: shown with python-telegram-bot and raw HTTP."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeChat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    MessageEntity,
    ReplyParameters,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TimedOut,
)

from tests.simulators.telegram import Limits, TelegramSimulator
from tests.simulators.telegram.spec import Spec

SPEC = Path(__file__).parents[2] / "shared" / "specs" / "telegram-bot-api.json"


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramSimulator]:
    async with TelegramSimulator() as telegram:
        telegram.limits.off()
        yield telegram


@pytest.fixture
async def bot(telegram: TelegramSimulator) -> AsyncIterator[Bot]:
    async with bot_of(telegram) as bot:
        yield bot


@pytest.fixture
def alice(telegram: TelegramSimulator) -> int:
    return telegram.add_user("Alice", username="alice_k")


@pytest.fixture
def private(telegram: TelegramSimulator, alice: int) -> int:
    return telegram.add_private_chat(alice)


@pytest.fixture
def group(telegram: TelegramSimulator, alice: int) -> int:
    return telegram.add_group("Harbour", admins=[alice])


def bot_of(telegram: TelegramSimulator, token: str = "") -> Bot:
    return Bot(
        token or telegram.token,
        base_url=f"{telegram.api_url}/bot",
        base_file_url=f"{telegram.api_url}/file/bot",
    )


async def call(telegram: TelegramSimulator, method: str, **parameters: Any) -> Any:
    """One raw call with a JSON body; the whole answer."""
    url = f"{telegram.api_url}/bot{telegram.token}/{method}"
    async with aiohttp.ClientSession() as session, session.post(url, json=parameters) as response:
        answer = await response.json()
    assert answer["ok"] == (response.status == 200)
    if not answer["ok"]:
        assert answer["error_code"] == response.status
    return answer


async def refusal(telegram: TelegramSimulator, method: str, **parameters: Any) -> str:
    """The description a call is refused with, without "Bad Request: "."""
    answer = await call(telegram, method, **parameters)
    assert not answer["ok"], answer
    description = answer["description"]
    assert isinstance(description, str)
    return description.removeprefix("Bad Request: ")


async def news(telegram: TelegramSimulator, **parameters: Any) -> list[Any]:
    answer = await call(telegram, "getUpdates", **parameters)
    result = answer["result"]
    assert isinstance(result, list)
    return result


async def texts(telegram: TelegramSimulator) -> list[str]:
    updates = await news(telegram)
    return [update["message"].get("text", "") for update in updates if "message" in update]


def png(width: int = 40, height: int = 30, colour: str = "red") -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(picture, "PNG")
    return picture.getvalue()


def buttons(data: str = "go") -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton("Go", callback_data=data)]])


# --- calls ---


async def test_the_bot_learns_who_it_is(telegram: TelegramSimulator, bot: Bot) -> None:
    assert (bot.username, bot.id) == ("switchboard_bot", telegram.bot_id)
    assert bot.bot.is_bot
    assert bot.bot.can_read_all_group_messages is False
    telegram.privacy = False
    assert (await bot.get_me()).can_read_all_group_messages is True


async def test_another_token_is_unauthorized(telegram: TelegramSimulator) -> None:
    with pytest.raises(InvalidToken):
        async with bot_of(telegram, "123456:wrong"):
            raise AssertionError("unreachable")
    url = f"{telegram.api_url}/bot123456:wrong/getMe"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 401
        told = await response.json()
    assert told == {"ok": False, "error_code": 401, "description": "Unauthorized"}


async def test_an_unknown_method_is_not_found(telegram: TelegramSimulator) -> None:
    answer = await call(telegram, "sendTelepathy")
    assert (answer["error_code"], answer["description"][:9]) == (404, "Not Found")


async def test_capitals_in_a_method_do_not_matter(telegram: TelegramSimulator) -> None:
    assert (await call(telegram, "GETme"))["result"]["username"] == "switchboard_bot"
    assert telegram.calls[-1][1:] == ("getMe", 200)


@pytest.mark.parametrize("form", ["query", "urlencoded", "multipart", "json", "mixed"])
async def test_parameters_come_in_any_form(
    telegram: TelegramSimulator, private: int, form: str
) -> None:
    values = {"chat_id": str(private), "text": "ü & ö", "entities": bold(0, 1)}
    url = f"{telegram.api_url}/bot{telegram.token}/sendMessage"
    multipart = aiohttp.FormData(values)
    multipart.add_field("unused", b"file", filename="x.bin")
    requests: dict[str, dict[str, Any]] = {
        "query": {"params": values},
        "urlencoded": {"data": values},
        "multipart": {"data": multipart},
        "json": {"json": values | {"chat_id": private, "entities": json.loads(bold(0, 1))}},
        "mixed": {"params": {"chat_id": private}, "data": values},
    }
    verb = "GET" if form == "query" else "POST"
    async with (
        aiohttp.ClientSession() as session,
        session.request(verb, url, **requests[form]) as response,
    ):
        assert (await response.json())["ok"]
    (seen,) = telegram.messages(private)
    assert (seen.author, seen.text) == ("bot", "ü & ö")
    assert seen.entities == [{"type": "bold", "offset": 0, "length": 1}]


def bold(offset: int, length: int, kind: str = "bold") -> str:
    return json.dumps([{"type": kind, "offset": offset, "length": length}])


# --- updates ---


async def test_an_update_comes_again_until_it_is_confirmed(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    for text in ("one", "two", "three"):
        await telegram.say(private, alice, text)
    first = await bot.get_updates()
    again = await bot.get_updates()
    assert [update.update_id for update in first] == [update.update_id for update in again]
    ids = [update.update_id for update in first]
    assert ids == list(range(ids[0], ids[0] + 3))
    rest = await bot.get_updates(offset=ids[1])
    assert [update.message.text for update in rest if update.message] == ["two", "three"]
    assert [update.update_id for update in await bot.get_updates()] == ids[1:]
    assert not await news(telegram, offset=ids[2] + 1)
    assert (await bot.get_webhook_info()).pending_update_count == 0


async def test_a_waiting_poll_hears_news_at_once(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=30))
    await telegram.ready()
    began = time.monotonic()
    await telegram.say(private, alice, "hello")
    (update,) = await poll
    assert time.monotonic() - began < 5
    assert update.message is not None
    assert update.message.text == "hello"
    assert update.effective_user is not None
    assert update.effective_user.username == "alice_k"


async def test_a_poll_without_news_ends_empty_in_time(telegram: TelegramSimulator) -> None:
    began = time.monotonic()
    assert await news(telegram, timeout=1) == []
    assert 0.9 < time.monotonic() - began < 5


async def test_a_negative_offset_counts_from_the_end_and_forgets_the_rest(
    telegram: TelegramSimulator, alice: int, private: int
) -> None:
    for number in range(5):
        await telegram.say(private, alice, str(number))
    assert [update["message"]["text"] for update in await news(telegram, offset=-2)] == ["3", "4"]
    assert await texts(telegram) == ["3", "4"]


async def test_an_offset_from_the_far_future_starts_at_the_beginning(
    telegram: TelegramSimulator, alice: int, private: int
) -> None:
    await telegram.say(private, alice, "hello")
    assert len(await news(telegram, offset=2_000_000_000)) == 1


async def test_a_poll_returns_1_to_100_updates(
    telegram: TelegramSimulator, alice: int, private: int
) -> None:
    for number in range(105):
        await telegram.say(private, alice, str(number))
    assert len(await news(telegram)) == 100
    assert len(await news(telegram, limit=1000)) == 100
    assert len(await news(telegram, limit=0)) == 1
    assert len(await news(telegram, limit=7)) == 7


async def test_of_two_pollers_the_earlier_is_told_of_the_conflict(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    earlier = asyncio.create_task(bot.get_updates(timeout=30))
    await telegram.ready()
    later = asyncio.create_task(news(telegram, timeout=30))
    with pytest.raises(Conflict, match="terminated by other getUpdates request"):
        await earlier
    await telegram.say(private, alice, "hello")
    assert len(await later) == 1


async def test_allowed_updates_are_remembered(
    telegram: TelegramSimulator, alice: int, private: int
) -> None:
    await news(telegram, allowed_updates=["callback_query"])
    message = await telegram.say(private, alice, "unheard")
    await telegram.press(private, alice, message, "x")
    (update,) = await news(telegram)
    assert "callback_query" in update
    info = (await call(telegram, "getWebhookInfo"))["result"]
    assert info["allowed_updates"] == ["callback_query"]
    await news(telegram, allowed_updates=[])
    await telegram.say(private, alice, "heard")
    assert await texts(telegram) == ["heard"]


async def test_an_update_can_come_twice_even_after_it_was_confirmed(
    telegram: TelegramSimulator, alice: int, private: int
) -> None:
    message = await telegram.say(private, alice, "hello")
    (first,) = await news(telegram)
    assert await news(telegram, offset=first["update_id"] + 1) == []
    telegram.redeliver(message)
    assert await news(telegram, offset=first["update_id"] + 1) == [first]
    assert await news(telegram, offset=first["update_id"] + 1) == []
    press = await telegram.press(private, alice, message, "x")
    (pressed,) = await news(telegram)
    telegram.redeliver(press)
    assert await news(telegram, offset=pressed["update_id"] + 1) == [pressed]


async def test_pending_updates_can_be_dropped(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    await telegram.say(private, alice, "hello")
    await bot.delete_webhook()
    assert (await bot.get_webhook_info()).pending_update_count == 1
    await bot.delete_webhook(drop_pending_updates=True)
    assert await news(telegram) == []


# --- what a bot in a group hears ---


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("hello all", False),
        ("/ask why", True),
        ("/ask@switchboard_bot why", True),
        ("/ask@other_bot why", False),
        ("hello @switchboard_bot", True),
        ("hello @Switchboard_Bot", True),
        ("hello @switchboard_bot_two", False),
        ("mail x@switchboard_bot.com", False),
        ("and/or", False),
    ],
)
async def test_privacy_mode_lets_through_what_is_meant_for_the_bot(
    telegram: TelegramSimulator, alice: int, group: int, text: str, heard: bool
) -> None:
    await telegram.say(group, alice, text)
    assert await texts(telegram) == ([text] if heard else [])


async def test_a_reply_to_the_bot_is_heard(
    telegram: TelegramSimulator, bot: Bot, alice: int, group: int
) -> None:
    said = await telegram.say(group, alice, "unheard")
    answer = await bot.send_message(group, "hello")
    await telegram.say(group, alice, "to myself", reply_to=said)
    await telegram.say(group, alice, "to the bot", reply_to=answer.message_id)
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.text == "to the bot"
    assert update.message.reply_to_message is not None
    assert update.message.reply_to_message.text == "hello"


async def test_a_bot_that_is_admin_or_without_privacy_mode_hears_everything(
    telegram: TelegramSimulator, alice: int, group: int
) -> None:
    own = telegram.add_group("Own", admins=[alice, telegram.bot_id])
    await telegram.say(own, alice, "as admin")
    telegram.privacy = False
    await telegram.say(group, alice, "without privacy")
    assert await texts(telegram) == ["as admin", "without privacy"]


# --- what people send ---


async def test_commands_mentions_and_links_of_people_are_entities(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    text = "/ask@switchboard_bot 🎈 @bob_b see https://a.org/b?c=1. a@b.de #tag 1/2 x.com"
    await telegram.say(private, alice, text)
    (update,) = await bot.get_updates()
    assert update.message is not None
    found = update.message.parse_entities()
    assert sorted((entity.type, shown) for entity, shown in found.items()) == [
        ("bot_command", "/ask@switchboard_bot"),
        ("email", "a@b.de"),
        ("hashtag", "#tag"),
        ("mention", "@bob_b"),
        ("url", "https://a.org/b?c=1"),
        ("url", "x.com"),
    ]


async def test_a_photo_comes_in_sizes_and_can_be_downloaded(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    picture = png(1000, 500)
    await telegram.say(private, alice, "look", photo=picture)
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.caption == "look"
    assert update.message.text is None
    sizes = [(size.width, size.height) for size in update.message.photo]
    assert sizes == [(90, 45), (320, 160), (800, 400), (1000, 500)]
    biggest = await update.message.photo[-1].get_file()
    assert bytes(await biggest.download_as_bytearray()) == picture
    small = await (await update.message.photo[0].get_file()).download_as_bytearray()
    assert Image.open(io.BytesIO(small)).size == (90, 45)


async def test_a_document_keeps_its_name_type_and_content(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    await telegram.say(private, alice, "read this", document=("notes.txt", b"words"))
    (update,) = await bot.get_updates()
    assert update.message is not None
    document = update.message.document
    assert document is not None
    assert (document.file_name, document.mime_type, document.file_size) == (
        "notes.txt",
        "text/plain",
        5,
    )
    assert await (await document.get_file()).download_as_bytearray() == b"words"


async def test_an_album_is_one_message_per_photo(
    telegram: TelegramSimulator, alice: int, private: int
) -> None:
    ids = await telegram.say_album(private, alice, [png(), png()], "both")
    messages = [update["message"] for update in await news(telegram)]
    assert [message["message_id"] for message in messages] == ids
    assert len({message["media_group_id"] for message in messages}) == 1
    assert [message.get("caption") for message in messages] == ["both", None]


async def test_long_text_of_people_comes_whole(
    telegram: TelegramSimulator, alice: int, private: int
) -> None:
    await telegram.say(private, alice, "x" * 9000)
    assert await texts(telegram) == ["x" * 9000]


async def test_an_edited_message_is_an_update_of_its_own(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    message = await telegram.say(private, alice, "helo")
    await telegram.rewrite(private, message, "hello")
    _, update = await bot.get_updates()
    assert update.edited_message is not None
    assert update.edited_message.text == "hello"
    assert update.edited_message.edit_date is not None


async def test_people_cannot_do_what_no_client_lets_them(
    telegram: TelegramSimulator, alice: int, private: int, group: int
) -> None:
    bob = telegram.add_user("Bob")
    with pytest.raises(ValueError, match="empty"):
        await telegram.say(private, alice, " \n")
    with pytest.raises(ValueError, match="IMAGE_PROCESS_FAILED"):
        await telegram.say(private, alice, photo=b"no picture")
    with pytest.raises(ValueError, match="no access"):
        await telegram.say(private, bob, "hello")
    with pytest.raises(ValueError, match="no topic"):
        await telegram.say(group, alice, "hello", topic=99)


# --- topics and threads ---


async def test_a_message_in_a_topic_answers_its_opening(
    telegram: TelegramSimulator, bot: Bot, alice: int, group: int
) -> None:
    topic = telegram.add_topic(group, "plans")
    await telegram.say(group, alice, "/ask", topic=topic)
    opening, update = await bot.get_updates()
    assert opening.message is not None
    assert opening.message.forum_topic_created is not None
    assert opening.message.forum_topic_created.name == "plans"
    message = update.message
    assert message is not None
    assert (message.message_thread_id, message.is_topic_message) == (topic, True)
    assert message.chat.is_forum
    assert message.reply_to_message is not None
    assert message.reply_to_message.forum_topic_created is not None
    answer = await message.reply_text("here")
    assert answer.message_thread_id == topic
    assert [seen.text for seen in telegram.messages(group, topic)] == ["", "/ask", "here"]


async def test_a_chain_of_replies_has_a_thread_that_is_no_topic(
    telegram: TelegramSimulator, bot: Bot, alice: int, group: int
) -> None:
    first = await bot.send_message(group, "hello")
    second = await telegram.say(group, alice, "hi", reply_to=first.message_id)
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.message_thread_id == first.message_id
    assert not update.message.is_topic_message
    third = await bot.send_message(group, "ho", reply_parameters=ReplyParameters(second))
    assert third.message_thread_id == first.message_id
    with pytest.raises(BadRequest, match=r"[Mm]essage thread not found"):
        await bot.send_message(group, "there", message_thread_id=first.message_id)


async def test_a_topic_that_is_not_there_is_not_found(
    telegram: TelegramSimulator, bot: Bot, group: int, private: int
) -> None:
    topic = telegram.add_topic(group, "plans")
    await bot.send_message(group, "hello", message_thread_id=topic)
    telegram.delete_topic(group, topic)
    assert telegram.messages(group) == []
    for chat, thread in ((group, topic), (group, 1), (private, 5)):
        reason = await refusal(
            telegram, "sendMessage", chat_id=chat, text="x", message_thread_id=thread
        )
        assert reason == "message thread not found"


async def test_a_private_chat_can_have_topics(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    topic = telegram.add_topic(private, "plans")
    sent = await bot.send_message(private, "hello", message_thread_id=topic)
    assert (sent.message_thread_id, sent.is_topic_message) == (topic, True)
    assert (await bot.get_me()).has_topics_enabled


# --- text ---


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "message text is empty"),
        (" \n \n", "text must be non-empty"),
        ("x" * 4097, "message is too long"),
        ("🎈" * 2049, "message is too long"),
    ],
)
async def test_text_that_telegram_does_not_take(
    telegram: TelegramSimulator, private: int, text: str, reason: str
) -> None:
    assert await refusal(telegram, "sendMessage", chat_id=private, text=text) == reason
    assert telegram.messages(private) == []


@pytest.mark.parametrize("text", ["x" * 4096, "🎈" * 2048, "x" * 4096 + " \n", "  " + "x" * 4096])
async def test_text_is_measured_in_utf_16_after_trimming(
    telegram: TelegramSimulator, bot: Bot, private: int, text: str
) -> None:
    assert (await bot.send_message(private, text)).text == text.strip()


async def test_length_is_measured_after_the_markup_is_read(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    sent = await bot.send_message(private, f"<b>{'x' * 4096}</b>", parse_mode="HTML")
    assert sent.text == "x" * 4096


async def test_control_characters_become_spaces_and_entities_move_along(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    entity = MessageEntity("bold", 6, 1)
    sent = await bot.send_message(private, "\n\na\r\tbc", entities=[entity])
    assert sent.text == "a bc"
    assert [(one.offset, one.length) for one in sent.entities] == [(3, 1)]


@pytest.mark.parametrize(
    ("entity", "reason"),
    [
        ((0, 9), "beginning at UTF-16 offset 0 ends after the end of the text at UTF-16 offset 9"),
        ((5, 1), "beginning at UTF-16 offset 5 ends after the end of the text at UTF-16 offset 6"),
        ((7, 1), "begins after the end of the text at UTF-16 offset 7"),
        ((2, 2), "begins in a middle of a UTF-16 symbol at byte offset 5"),
        (
            (0, 2),
            "beginning at UTF-16 offset 0 ends in a middle of a UTF-16 symbol at byte offset 5",
        ),
    ],
)
async def test_entities_must_fit_the_text(
    telegram: TelegramSimulator, private: int, entity: tuple[int, int], reason: str
) -> None:
    told = await refusal(
        telegram, "sendMessage", chat_id=private, text="a🎈bc", entities=bold(*entity)
    )
    assert told == f"entity {reason}"


async def test_entities_are_read_strictly(telegram: TelegramSimulator, private: int) -> None:
    async def told(**entity: Any) -> str:
        return await refusal(
            telegram, "sendMessage", chat_id=private, text="hello", entities=[entity]
        )

    link = {"type": "text_link", "offset": 0, "length": 5}
    assert await told(**link, url="localhost") == (
        "entity URL 'localhost' is invalid: Wrong HTTP URL"
    )
    assert "Unsupported type" in await told(type="glow", offset=0, length=1)
    assert 'Field "length" must be a Number' in await told(type="bold", offset=0, length="1")
    assert "incorrect offset -1" in await told(type="bold", offset=-1, length=1)


async def test_only_the_first_hundred_entities_are_kept(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    entities = [MessageEntity("italic", 2 * place, 1) for place in range(150)]
    sent = await bot.send_message(private, "x " * 150, entities=entities)
    assert [entity.offset for entity in sent.entities] == [2 * place for place in range(100)]


async def test_formatting_gives_way_to_code_and_telegram_finds_links_elsewhere(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    entities = [MessageEntity("bold", 0, 19), MessageEntity("code", 4, 5)]
    sent = await bot.send_message(private, "see a.com or b.com.", entities=entities)
    assert [(entity.type, entity.offset, entity.length) for entity in sent.entities] == [
        ("bold", 0, 4),
        ("code", 4, 5),
        ("bold", 9, 10),
        ("url", 13, 5),
    ]


@pytest.mark.parametrize(
    ("mode", "source", "text", "entities"),
    [
        ("HTML", "<b>a<i>b</i></b>", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
        ("html", "🎈&lt;<u>a</u>&amp;&#33;", "🎈<a&!", [("underline", 3, 1)]),
        ("HTML", '<a href="http://a.bc">x</a>', "x", [("text_link", 0, 1)]),
        ("HTML", '<a href="localhost">x</a>', "x", []),
        ("HTML", '<pre><code class="language-py">x</code></pre>', "x", [("pre", 0, 1)]),
        ("HTML", "<blockquote expandable>x</blockquote>", "x", [("expandable_blockquote", 0, 1)]),
        ("HTML", '<span class="tg-spoiler">x</span>', "x", [("spoiler", 0, 1)]),
        ("HTML", "<tg-spoiler>x</tg-spoiler>", "x", [("spoiler", 0, 1)]),
        ("MarkdownV2", "*a _b_* ~c~", "a b c", [("bold", 0, 3), ("italic", 2, 1)]),
        ("MarkdownV2", "__u__ ||s||", "u s", [("underline", 0, 1), ("spoiler", 2, 1)]),
        ("MarkdownV2", r"1\.5 \*", "1.5 *", []),
        ("MarkdownV2", "`a.b*`", "a.b*", [("code", 0, 4)]),
        ("MarkdownV2", "```py\na.b\n```", "a.b", [("pre", 0, 3)]),
        ("MarkdownV2", r"[x](http://a.bc/\))", "x", [("text_link", 0, 1)]),
        ("MarkdownV2", ">a\n>b\nc", "a\nb\nc", [("blockquote", 0, 3)]),
    ],
)
async def test_markup_is_read_as_telegram_reads_it(
    telegram: TelegramSimulator,
    private: int,
    mode: str,
    source: str,
    text: str,
    entities: list[tuple[str, int, int]],
) -> None:
    answer = await call(telegram, "sendMessage", chat_id=private, text=source, parse_mode=mode)
    message = answer["result"]
    assert message["text"] == text
    found = [tuple(one.values())[:3] for one in message.get("entities", [])]
    assert found[: len(entities)] == entities


@pytest.mark.parametrize(
    ("mode", "source", "reason"),
    [
        (
            "MarkdownV2",
            "1.5",
            "Character '.' is reserved and must be escaped with the preceding '\\'",
        ),
        ("MarkdownV2", "ö *x", "Can't find end of Bold entity at byte offset 3"),
        ("MarkdownV2", "`x", "Can't find end of Code entity at byte offset 0"),
        ("MarkdownV2", "[x](http://a", "Can't find end of a URL at byte offset 4"),
        ("HTML", "<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("HTML", "<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("HTML", "ö <div>", 'Unsupported start tag "div" at byte offset 3'),
        ("HTML", "x</b>", "Unexpected end tag at byte offset 1"),
        ("HTML", "1 < 2", "Unclosed start tag at byte offset 2"),
        ("HTML", "<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ],
)
async def test_wrong_markup_is_refused(
    telegram: TelegramSimulator, private: int, mode: str, source: str, reason: str
) -> None:
    told = await refusal(telegram, "sendMessage", chat_id=private, text=source, parse_mode=mode)
    assert told == f"can't parse entities: {reason}"


async def test_an_unknown_parse_mode_is_refused(telegram: TelegramSimulator, private: int) -> None:
    told = await refusal(telegram, "sendMessage", chat_id=private, text="x", parse_mode="TeX")
    assert told == "unsupported parse_mode"


# --- replies, buttons, drafts, actions ---


async def test_a_reply_needs_its_message_or_leave_to_go_without(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    question = await telegram.say(private, alice, "why?")
    answer = await bot.send_message(private, "so", reply_parameters=ReplyParameters(question))
    assert answer.reply_to_message is not None
    assert answer.reply_to_message.text == "why?"
    telegram.delete(private, question)
    with pytest.raises(BadRequest, match=r"[Mm]essage to be replied not found"):
        await bot.send_message(private, "so", reply_parameters=ReplyParameters(question))
    lone = ReplyParameters(question, allow_sending_without_reply=True)
    assert (await bot.send_message(private, "so", reply_parameters=lone)).reply_to_message is None
    assert [seen.reply_to for seen in telegram.messages(private)] == [question, None]


@pytest.mark.parametrize(
    ("button", "reason"),
    [
        ({"text": "x", "callback_data": "ü" * 33}, "BUTTON_DATA_INVALID"),
        (
            {"text": "x"},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        ({"callback_data": "x"}, "can't parse inline keyboard button: Can't find field \"text\""),
        (
            {"text": "x", "url": "http://localhost:80"},
            "inline keyboard button URL 'http://localhost:80' is invalid: Wrong HTTP URL",
        ),
    ],
)
async def test_wrong_buttons_are_refused(
    telegram: TelegramSimulator, private: int, button: dict[str, str], reason: str
) -> None:
    markup = {"inline_keyboard": [[button]]}
    told = await refusal(telegram, "sendMessage", chat_id=private, text="x", reply_markup=markup)
    assert told == reason


async def test_button_data_may_have_64_bytes(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    await bot.send_message(private, "x", reply_markup=buttons("ü" * 32))
    (seen,) = telegram.messages(private)
    assert seen.buttons == [[{"text": "Go", "callback_data": "ü" * 32}]]


async def test_drafts_are_for_private_chats_only(
    telegram: TelegramSimulator, bot: Bot, private: int, group: int
) -> None:
    assert await bot.send_message_draft(private, 7, "hel")
    assert await bot.send_message_draft(private, 7, "")
    assert [draft[1:3] for draft in telegram.drafts(private)] == [(7, "hel"), (7, "")]
    assert telegram.messages(private) == []
    told = await refusal(telegram, "sendMessageDraft", chat_id=group, draft_id=7, text="x")
    assert told == "TEXTDRAFT_PEER_INVALID"
    told = await refusal(telegram, "sendMessageDraft", chat_id=private, draft_id=0, text="x")
    assert told == "invalid draft_id specified"


async def test_chat_actions_are_seen_with_their_times(
    telegram: TelegramSimulator, bot: Bot, group: int
) -> None:
    topic = telegram.add_topic(group, "plans")
    began = time.monotonic()
    await bot.send_chat_action(group, "typing", message_thread_id=topic)
    (action,) = telegram.actions(group)
    assert action.time >= began
    assert action[1:] == ("typing", topic)
    told = await refusal(telegram, "sendChatAction", chat_id=group, action="dancing")
    assert told == "wrong parameter action in request"


async def test_a_bot_has_one_reaction_out_of_a_fixed_set(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    message = await telegram.say(private, alice, "hello")
    await bot.set_message_reaction(private, message, "👀")
    assert telegram.messages(private)[0].reactions == ["👀"]
    with pytest.raises(BadRequest, match="Reaction_invalid"):
        await bot.set_message_reaction(private, message, "🧷")


# --- editing and deleting ---


async def test_every_version_of_a_message_is_kept(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    sent = await bot.send_message(private, "one", reply_markup=buttons())
    edited = await sent.edit_text("two")
    assert not isinstance(edited, bool)
    assert edited.edit_date is not None
    await sent.edit_reply_markup(buttons("again"))
    (seen,) = telegram.messages(private)
    assert [text for _, text in seen.versions] == ["one", "two", "two"]
    times = [at for at, _ in seen.versions]
    assert times == sorted(times)
    assert seen.buttons == [[{"text": "Go", "callback_data": "again"}]]


async def test_an_edit_that_changes_nothing_is_refused(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    sent = await bot.send_message(private, "one", reply_markup=buttons())
    for text in ("one", " one \n"):
        with pytest.raises(BadRequest, match="not modified: specified new message content and"):
            await sent.edit_text(text, reply_markup=buttons())
    with pytest.raises(BadRequest, match="not modified"):
        await sent.edit_reply_markup(buttons())
    await sent.edit_text("one")
    assert telegram.messages(private)[0].buttons == []
    await sent.edit_text("one", entities=[MessageEntity("bold", 0, 3)])


async def test_only_own_messages_that_are_there_can_be_edited(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    theirs = await telegram.say(private, alice, "hello")
    sent = await bot.send_message(private, "one")
    telegram.delete(private, sent.message_id)
    for message, reason in (
        (theirs, "message can't be edited"),
        (sent.message_id, "message to edit not found"),
        (999, "message to edit not found"),
    ):
        told = await refusal(
            telegram, "editMessageText", chat_id=private, message_id=message, text="x"
        )
        assert told == reason
    told = await refusal(telegram, "editMessageText", text="x")
    assert told == "message identifier is not specified"


async def test_edits_of_text_are_as_strict_as_sends(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    sent = (await bot.send_message(private, "one")).message_id
    target = {"chat_id": private, "message_id": sent}
    told = await refusal(telegram, "editMessageText", **target, text="x" * 4097)
    assert told == "message is too long"
    told = await refusal(telegram, "editMessageText", **target, text="")
    assert told == "message text is empty"
    told = await refusal(telegram, "editMessageText", **target, text="x", entities=bold(0, 2))
    assert told.startswith("entity beginning at UTF-16 offset 0 ends after the end")
    assert telegram.messages(private)[0].text == "one"


async def test_text_can_become_a_photo_but_media_has_no_text(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    sent = await bot.send_message(private, "drawing …")
    picture = png()
    await sent.edit_media(InputMediaPhoto(picture, caption="done"), reply_markup=buttons())
    (seen,) = telegram.messages(private)
    assert (seen.text, seen.caption, seen.photo) == ("", "done", picture)
    assert [text for _, text in seen.versions] == ["drawing …", "done"]
    await sent.edit_caption("really done")
    assert telegram.messages(private)[0].caption == "really done"
    with pytest.raises(BadRequest, match=r"[Tt]here is no text in the message to edit"):
        await sent.edit_text("text")
    other = await bot.send_message(private, "text")
    with pytest.raises(BadRequest, match=r"[Tt]here is no caption in the message to edit"):
        await other.edit_caption("caption")


async def test_a_bot_deletes_its_own_messages_and_others_only_where_it_may(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int, group: int
) -> None:
    mine = await bot.send_message(group, "one")
    theirs = await telegram.say(group, alice, "two")
    assert await mine.delete()
    assert [seen.id for seen in telegram.messages(group)] == [theirs]
    with pytest.raises(BadRequest, match=r"[Mm]essage to delete not found"):
        await mine.delete()
    with pytest.raises(BadRequest, match=r"[Mm]essage can't be deleted"):
        await bot.delete_message(group, theirs)
    at_home = await telegram.say(private, alice, "three")
    assert await bot.delete_messages(private, [at_home, 998])
    assert telegram.messages(private) == []


# --- photos and documents ---


async def test_photos_and_documents_arrive_as_they_were_sent(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    picture = png()
    sent = await bot.send_photo(private, picture, caption="look", reply_markup=buttons())
    assert [(size.width, size.height) for size in sent.photo] == [(40, 30)]
    await bot.send_document(private, b"a,b", filename="table.csv", caption="read")
    photo, document = telegram.messages(private)
    assert (photo.photo, photo.caption, photo.text) == (picture, "look", "")
    assert document.document is not None
    assert (document.document.name, document.document.data) == ("table.csv", b"a,b")
    assert document.document.media_type == "text/csv"


async def test_a_file_once_sent_can_be_sent_again_by_its_id(
    telegram: TelegramSimulator, bot: Bot, private: int, group: int
) -> None:
    first = await bot.send_photo(private, png())
    again = await bot.send_photo(group, first.photo[-1].file_id)
    assert again.photo[-1].file_unique_id == first.photo[-1].file_unique_id
    for reference, reason in (
        ("AgACno", "wrong file identifier/HTTP URL specified"),
        ("https://example.com/a.png", "failed to get HTTP URL content"),
        ("attach://no", "wrong file identifier/HTTP URL specified"),
        ("", "there is no photo in the request"),
    ):
        told = await refusal(telegram, "sendPhoto", chat_id=private, photo=reference)
        assert told == reason


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (b"no picture", "IMAGE_PROCESS_FAILED"),
        (png(400, 300)[:200], "IMAGE_PROCESS_FAILED"),
        (png(9000, 1001), "PHOTO_INVALID_DIMENSIONS"),
        (png(2100, 100), "PHOTO_INVALID_DIMENSIONS"),
        (b"", "file must be non-empty"),
        (
            png() + bytes(10 * 2**20),
            f"file of size {len(png()) + 10 * 2**20} bytes is too big for a photo; "
            "the maximum size is 10485760 bytes",
        ),
    ],
    ids=["text", "cut", "large", "narrow", "empty", "heavy"],
)
async def test_photos_that_telegram_does_not_take(
    telegram: TelegramSimulator, bot: Bot, private: int, picture: bytes, reason: str
) -> None:
    form = aiohttp.FormData({"chat_id": str(private)})
    form.add_field("photo", io.BytesIO(picture), filename="x.png", content_type="image/png")
    url = f"{telegram.api_url}/bot{telegram.token}/sendPhoto"
    async with aiohttp.ClientSession() as session, session.post(url, data=form) as response:
        told = await response.json()
    assert told["description"] == f"Bad Request: {reason}"
    assert telegram.messages(private) == []


async def test_files_have_limits_for_sending_and_for_download(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    with pytest.raises(NetworkError, match="Request Entity Too Large"):
        await bot.send_document(private, bytes(50 * 2**20 + 1))
    await telegram.say(private, alice, document=("big.bin", bytes(20 * 2**20 + 1)))
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.document is not None
    with pytest.raises(BadRequest, match=r"[Ff]ile is too big"):
        await update.message.document.get_file()


async def test_a_caption_has_1024_units(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    await bot.send_photo(private, png(), caption="x" * 1024)
    with pytest.raises(BadRequest, match=r"[Mm]essage caption is too long"):
        await bot.send_photo(private, png(), caption="🎈" * 513)
    with pytest.raises(BadRequest, match=r"[Mm]essage caption is too long"):
        await bot.send_media_group(private, [InputMediaPhoto(png(), caption="x" * 1025)] * 2)


async def test_an_album_has_2_to_10_items_of_one_kind(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    pictures = [png(colour=colour) for colour in ("red", "green", "blue")]
    media = [InputMediaPhoto(picture, caption=f"{place}") for place, picture in enumerate(pictures)]
    sent = await bot.send_media_group(private, media)
    seen = telegram.messages(private)
    assert [one.photo for one in seen] == pictures
    assert [one.caption for one in seen] == ["0", "1", "2"]
    assert {one.media_group for one in seen} == {sent[0].media_group_id}
    with pytest.raises(BadRequest, match=r"[Tt]oo many messages to send as an album"):
        await bot.send_media_group(private, [media[0]] * 11)
    with pytest.raises(BadRequest, match=r"[Tt]oo few messages to send as an album"):
        await bot.send_media_group(private, media[:1])
    mixed: list[Any] = [media[0], InputMediaDocument(b"x", filename="x.txt")]
    with pytest.raises(BadRequest, match="can't be mixed with other media types"):
        await bot.send_media_group(private, mixed)
    with pytest.raises(BadRequest, match='#2 with the error message "image_process_failed"'):
        await bot.send_media_group(private, [media[0], InputMediaPhoto(b"no picture")])
    assert len(telegram.messages(private)) == 3


# --- chats ---


async def test_chats_and_their_members_can_be_asked_for(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    bob, eve = telegram.add_user("Bob"), telegram.add_user("Eve")
    carol = telegram.add_user("Carol")
    group = telegram.add_group("Harbour", admins=[alice, bob, telegram.bot_id], members=[carol])
    chat = await bot.get_chat(group)
    assert (chat.title, chat.type) == ("Harbour", "supergroup")
    assert (await bot.get_chat(private)).first_name == "Alice"
    admins = await bot.get_chat_administrators(group)
    assert [(admin.user.first_name, admin.status) for admin in admins] == [
        ("Alice", "creator"),
        ("Bob", "administrator"),
    ]
    statuses = [(await bot.get_chat_member(group, one)).status for one in (alice, carol, eve)]
    assert statuses == ["creator", "member", "left"]
    with pytest.raises(BadRequest, match="no administrators in the private chat"):
        await bot.get_chat_administrators(private)
    with pytest.raises(BadRequest, match=r"[Uu]ser not found"):
        await bot.get_chat_member(group, 42)


async def test_a_bot_cannot_write_where_it_is_not_wanted(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int, group: int
) -> None:
    stranger = telegram.add_user("Bob")
    with pytest.raises(BadRequest, match=r"[Cc]hat not found"):
        await bot.send_message(42, "hello")
    with pytest.raises(Forbidden, match="bot can't initiate conversation with a user"):
        await bot.send_message(stranger, "hello")
    telegram.block(alice)
    with pytest.raises(Forbidden, match="Forbidden: bot was blocked by the user"):
        await bot.send_message(private, "hello")
    with pytest.raises(Forbidden, match="blocked"):
        await bot.send_chat_action(private, "typing")
    telegram.kick(group)
    with pytest.raises(Forbidden, match="Forbidden: bot was kicked from the supergroup chat"):
        await bot.send_message(group, "hello")
    await telegram.say(group, alice, "/unheard")
    changes = [update.my_chat_member for update in await bot.get_updates()]
    assert [change and change.new_chat_member.status for change in changes] == ["kicked", "kicked"]
    telegram.unblock(alice)
    await bot.send_message(private, "hello again")


async def test_a_group_that_was_upgraded_tells_its_new_id(
    telegram: TelegramSimulator, bot: Bot, alice: int
) -> None:
    old = telegram.add_group("Harbour", admins=[alice], basic=True)
    assert (await bot.send_message(old, "hello")).chat.type == "group"
    new = telegram.migrate(old)
    with pytest.raises(ChatMigrated) as raised:
        await bot.send_message(old, "hello")
    assert raised.value.new_chat_id == new
    answer = await call(telegram, "sendMessage", chat_id=old, text="x")
    assert answer["parameters"] == {"migrate_to_chat_id": new}
    leaving, arriving = await bot.get_updates()
    assert leaving.message is not None
    assert leaving.message.migrate_to_chat_id == new
    assert arriving.message is not None
    assert arriving.message.migrate_from_chat_id == old
    assert (await bot.send_message(new, "hello")).chat.type == "supergroup"


# --- buttons that are pressed ---


async def test_a_press_is_answered(
    telegram: TelegramSimulator, bot: Bot, alice: int, group: int
) -> None:
    sent = await bot.send_message(group, "choose", reply_markup=buttons("go:1"))
    press = await telegram.press(group, alice, sent.message_id, "go:1")
    assert not press.answered_after
    (update,) = await bot.get_updates()
    query = update.callback_query
    assert query is not None
    assert (query.data, query.from_user.id) == ("go:1", alice)
    assert query.chat_instance
    assert query.message is not None
    assert query.message.message_id == sent.message_id
    await query.answer("gone", show_alert=True)
    assert press.answered_after is not None
    assert 0 <= press.answered_after < 5
    assert (press.answer_text, press.show_alert) == ("gone", True)


async def test_an_old_or_unknown_press_cannot_be_answered(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    sent = await bot.send_message(private, "choose", reply_markup=buttons())
    await telegram.press(private, alice, sent.message_id, "go")
    (update,) = await bot.get_updates()
    assert update.callback_query is not None
    telegram.callback_timeout = 0
    with pytest.raises(BadRequest, match="is too old and response timeout expired or query"):
        await update.callback_query.answer()
    with pytest.raises(BadRequest, match="query id is invalid"):
        await bot.answer_callback_query("12345")


async def test_a_press_under_a_deleted_message_shows_it_inaccessible(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    sent = await bot.send_message(private, "choose", reply_markup=buttons())
    await sent.delete()
    await telegram.press(private, alice, sent.message_id, "go")
    (update,) = await bot.get_updates()
    assert update.callback_query is not None
    assert update.callback_query.message is not None
    assert not update.callback_query.message.is_accessible


# --- commands ---


async def test_commands_are_registered_by_scope(
    telegram: TelegramSimulator, bot: Bot, group: int
) -> None:
    ask, stop = BotCommand("ask", "Ask"), BotCommand("stop", "Stop")
    await bot.set_my_commands([ask, stop])
    await bot.set_my_commands([ask], scope=BotCommandScopeAllGroupChats())
    await bot.set_my_commands([stop], scope=BotCommandScopeChat(group), language_code="de")
    assert telegram.commands == {
        "default": [
            {"command": "ask", "description": "Ask"},
            {"command": "stop", "description": "Stop"},
        ],
        "all_group_chats": [{"command": "ask", "description": "Ask"}],
        f"chat:{group}/de": [{"command": "stop", "description": "Stop"}],
    }
    assert await bot.get_my_commands(scope=BotCommandScopeAllGroupChats()) == (ask,)
    await bot.delete_my_commands(scope=BotCommandScopeAllGroupChats())
    assert await bot.get_my_commands(scope=BotCommandScopeAllGroupChats()) == ()
    assert await bot.get_my_commands() == (ask, stop)


@pytest.mark.parametrize(
    ("commands", "reason"),
    [
        ([("Ask", "Ask")], "BOT_COMMAND_INVALID"),
        ([("ask-me", "Ask")], "BOT_COMMAND_INVALID"),
        ([("a" * 33, "Ask")], "command length must not exceed 32"),
        ([("", "Ask")], "command must be non-empty"),
        ([("ask", "")], "command description must be non-empty"),
        ([("ask", "x" * 257)], "command description length must not exceed 256"),
        ([(f"a{number}", "x") for number in range(101)], "BOT_COMMANDS_TOO_MUCH"),
        ([(f"a{number}", "x" * 200) for number in range(50)], "BOT_COMMANDS_TOO_MUCH"),
    ],
)
async def test_commands_that_telegram_does_not_take(
    telegram: TelegramSimulator, commands: list[tuple[str, str]], reason: str
) -> None:
    listed = [{"command": name, "description": about} for name, about in commands]
    assert await refusal(telegram, "setMyCommands", commands=listed) == reason
    assert telegram.commands == {}


# --- flood limits ---


async def test_a_chat_that_is_flooded_closes_for_a_while(
    telegram: TelegramSimulator,
    bot: Bot,
    private: int,
    group: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # else python-telegram-bot warns in its RetryAfter
    telegram.limits.on()
    sent = await bot.send_message(private, "one")
    await sent.edit_text("two")
    await bot.send_chat_action(private, "typing")
    await bot.send_message(private, "three")
    with pytest.raises(RetryAfter) as raised:
        await sent.edit_text("four")
    assert raised.value.retry_after == timedelta(seconds=1)
    answer = await call(telegram, "sendMessage", chat_id=private, text="x")
    assert answer["description"] == "Too Many Requests: retry after 1"
    assert answer["parameters"] == {"retry_after": 1}
    await bot.send_message(group, "another chat is open")
    await asyncio.sleep(answer["parameters"]["retry_after"])  # as Telegram asks
    await bot.send_message(private, "open again")
    telegram.limits.off()
    for number in range(40):
        await sent.edit_text(str(number))


def test_a_chat_takes_a_burst_and_then_one_call_a_second() -> None:
    limits = Limits()
    assert [limits.admit(1, 0.0, group=False) for _ in range(5)] == [0, 0, 0, 1, 1]
    assert limits.admit(1, 0.5, group=False) == 1
    assert [limits.admit(1, 1.0, group=False) for _ in range(2)] == [0, 1]
    assert limits.admit(1, 2.0, group=False) == 0
    # At 2.9 s a tenth of a second was missing, yet the chat stays closed for the whole second.
    assert [limits.admit(1, at, group=False) for at in (2.9, 3.1, 3.8, 3.9)] == [1, 1, 1, 0]
    assert [limits.admit(1, 100.0 + second, group=False) for second in range(200)] == [0] * 200


def test_a_group_takes_twenty_calls_a_minute() -> None:
    limits = Limits()
    assert [limits.admit(-1, 2.0 * call, group=True) for call in range(20)] == [0] * 20
    assert limits.admit(-1, 40.0, group=True) == 20
    assert limits.admit(-1, 50.5, group=True) == 10
    assert limits.admit(-1, 60.0, group=True) == 0
    assert limits.admit(-1, 61.0, group=True) == 1
    assert limits.admit(5, 40.0, group=False) == 0


def test_the_whole_bot_takes_thirty_calls_a_second() -> None:
    limits = Limits()
    assert [limits.admit(chat, 0.0, group=False) for chat in range(31)] == [0] * 30 + [1]
    assert limits.admit(99, 1.0, group=False) == 0


# --- a platform that misbehaves ---


async def test_faults_come_as_often_as_ordered_and_to_the_method_named(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    telegram.fail("send.*", status=500, times=2)
    telegram.fail("editMessageText", retry_after=7)
    for _ in range(2):
        with pytest.raises(NetworkError, match="Internal Server Error"):
            await bot.send_message(private, "hello")
    sent = await bot.send_message(private, "hello")
    answer = await call(
        telegram, "editMessageText", chat_id=private, message_id=sent.message_id, text="x"
    )
    assert answer["parameters"] == {"retry_after": 7}
    telegram.fail("getMe", times=None, status=502)
    for _ in range(3):
        with pytest.raises(NetworkError):
            await bot.get_me()
    telegram.heal()
    await bot.get_me()
    statuses = [call.status for call in telegram.calls if call.method == "sendMessage"]
    assert statuses == [500, 500, 200]


async def test_a_connection_is_cut_before_or_after_the_call_is_done(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    telegram.fail("sendMessage", reset=True)
    with pytest.raises(NetworkError):
        await bot.send_message(private, "lost")
    telegram.fail("sendMessage", reset_after=True)
    with pytest.raises(NetworkError):
        await bot.send_message(private, "sent all the same")
    assert [seen.text for seen in telegram.messages(private)] == ["sent all the same"]
    assert [call.status for call in telegram.calls][-2:] == [0, 0]


async def test_a_call_goes_through_though_its_caller_gave_up(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    telegram.fail("sendMessage", delay=0.2)
    with pytest.raises(TimedOut):
        await bot.send_message(private, "late", read_timeout=0.05)
    assert telegram.messages(private) == []
    seen = await telegram.wait_for(private, lambda seen: seen.text == "late")
    assert seen.author == "bot"


async def test_a_download_can_fail(
    telegram: TelegramSimulator, bot: Bot, alice: int, private: int
) -> None:
    await telegram.say(private, alice, document=("a.txt", b"words"))
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.document is not None
    file = await update.message.document.get_file()
    telegram.fail("download", reset=True)
    with pytest.raises(NetworkError):
        await file.download_as_bytearray()
    assert await file.download_as_bytearray() == b"words"
    url = f"{telegram.api_url}/file/bot{telegram.token}/documents/guess.txt"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 404


# --- what tests see ---


async def test_waiting_in_vain_shows_the_chat(
    telegram: TelegramSimulator, bot: Bot, private: int
) -> None:
    await bot.send_message(private, "hello", reply_markup=buttons())
    with pytest.raises(AssertionError, match=r"bot: 'hello' \[Go\]"):
        await telegram.wait_for(private, lambda seen: "bye" in seen.text, timeout=0.05)
    with pytest.raises(AssertionError, match="sendMessage 200"):
        await telegram.until(lambda: False, timeout=0.05)


async def test_calls_are_noted_with_their_times(telegram: TelegramSimulator, bot: Bot) -> None:
    began = time.monotonic()
    await bot.get_my_commands()
    at, method, status = telegram.calls[-1]
    assert began <= at <= time.monotonic()
    assert (method, status) == ("getMyCommands", 200)


async def test_a_server_that_stops_does_not_wait_for_a_poll() -> None:
    async with TelegramSimulator() as telegram, bot_of(telegram) as bot:
        poll = asyncio.create_task(bot.get_updates(timeout=30))
        await telegram.ready()
        began = time.monotonic()
        await telegram.__aexit__(None, None, None)
        assert time.monotonic() - began < 5
        assert await poll == ()


# --- against the official list of methods and types ---


@pytest.mark.skipif(not SPEC.exists(), reason="the Bot API's description is not at hand")
async def test_answers_and_calls_agree_with_the_official_description(
    telegram: TelegramSimulator, bot: Bot
) -> None:
    await _use_everything(telegram, bot)
    spec = Spec(SPEC)
    for call in telegram.received:
        assert call.answer["ok"], call
        fault = spec.call_fault(call.method, call.parameters, call.files)
        fault = fault or spec.answer_fault(call.method, call.answer["result"])
        assert not fault, fault
    assert len({call.method for call in telegram.received}) >= 25


async def _use_everything(telegram: TelegramSimulator, bot: Bot) -> None:
    """One call at least of every method, and one update at least of every kind."""
    alice = telegram.add_user("Alice", username="alice_k")
    private, group = telegram.add_private_chat(alice), telegram.add_group("Harbour")
    basic = telegram.add_group("Pier", admins=[alice, telegram.bot_id], basic=True)
    topic = telegram.add_topic(group, "plans")
    await telegram.say(private, alice, "/start https://a.org @bob_b")
    await telegram.say(group, alice, "/ask", topic=topic, photo=png(400, 300))
    document = await telegram.say(basic, alice, "x", document=("a.txt", b"a"))
    await telegram.say(basic, alice, "y", reply_to=document)
    await telegram.rewrite(basic, document, "z")
    await telegram.say_album(private, alice, [png(), png()])
    reply = ReplyParameters(document)
    sent = await bot.send_message(basic, "*a*", reply_parameters=reply, reply_markup=buttons())
    press = await telegram.press(basic, alice, sent.message_id, "go")
    await sent.edit_text("b", entities=[MessageEntity("bold", 0, 1)], reply_markup=buttons())
    await sent.edit_reply_markup(None)
    await sent.edit_media(InputMediaPhoto(png(), caption="c"))
    await sent.edit_caption("d")
    await telegram.press(basic, alice, sent.message_id, "go")
    in_topic = await bot.send_photo(group, png(), caption="p", message_thread_id=topic)
    await bot.send_document(group, b"d", reply_parameters=ReplyParameters(in_topic.message_id))
    await bot.send_media_group(private, [InputMediaPhoto(png()), InputMediaPhoto(png())])
    await bot.send_message_draft(private, 1, "hel")
    await bot.send_chat_action(private, "typing")
    await bot.answer_callback_query(press.id, "ok")
    await bot.set_message_reaction(group, in_topic.message_id, "👍")
    await bot.get_file(in_topic.photo[0].file_id)
    for chat in (private, group, basic):
        await bot.get_chat(chat)
        await bot.get_chat_member(chat, alice)
        await bot.get_chat_member_count(chat)
    await bot.get_chat_administrators(basic)
    await bot.set_my_commands([BotCommand("ask", "Ask")], scope=BotCommandScopeChat(basic))
    await bot.get_my_commands(scope=BotCommandScopeChat(basic))
    await bot.delete_my_commands()
    await sent.delete()
    await telegram.press(basic, alice, sent.message_id, "go")
    await bot.delete_messages(private, [1])
    telegram.migrate(basic)
    telegram.block(alice)
    telegram.kick(group)
    await bot.get_updates(allowed_updates=["message"], limit=100, timeout=1)
    await bot.delete_webhook()
    await bot.get_webhook_info()
