"""What a Telegram update asks of us: recorded updates in, requests out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from telegram import Update

from adapters.telegram.gathering import merged
from adapters.telegram.inbound import Identity, Incoming, read
from adapters.telegram.uploads import Sort, Upload
from bot.types import Channel, Message, Role, Text, Trigger, User

PAYLOADS = Path(__file__).parent / "payloads" / "telegram"
ME = Identity(123456, "switchboard_bot")
COMMANDS = ("ask", "image", "model", "reset", "help")

ALICE = User("5000000001", "Alice Marsh")
GROUP = Channel("telegram", "-1002000000123", "-1002000000123")
FORUM = Channel("telegram", "-1002000000777", "-1002000000777", "5")


def payload(name: str) -> dict[str, Any]:
    update: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    return update


def incoming(name: str, **changes: Any) -> Incoming:
    """The update as we understand it; ``changes`` are made to its message."""
    update = payload(name)
    update[next(kind for kind in update if kind != "update_id")] |= changes
    found = read(Update.de_json(update, None), ME, COMMANDS)
    assert found is not None, f"{name} is meant for us"
    return found


def test_every_private_message_is_a_request() -> None:
    found = incoming("message_private")

    assert found.request.channel == Channel("telegram", "", "5000000001")
    assert found.request.user == User("5000000001", "Alice Marsh", moderator=True)
    assert (found.request.command, found.request.text) == ("ask", "How is the tide?")
    assert found.reply_to is None


def test_the_message_id_is_the_source_whatever_the_update_is_called() -> None:
    update = payload("message_private")
    again = update | {"update_id": update["update_id"] + 5}

    sources = {
        found.request.source
        for one in (update, again)
        if (found := read(Update.de_json(one, None), ME, COMMANDS))
    }

    assert sources == {"11"}


def test_the_start_button_of_a_private_chat_asks_for_help() -> None:
    found = incoming("message_private_start")

    assert (found.request.command, found.request.text) == ("help", "")


def test_a_command_in_a_group_needs_no_mention() -> None:
    found = incoming("message_group_command")

    assert found.request.channel == GROUP
    assert (found.request.command, found.request.text) == ("ask", "how is the tide?")
    assert found.request.user == User("5000000002", "Bob")
    assert found.reply_to == 42


def test_a_command_with_our_name_is_ours_and_the_name_is_left_out() -> None:
    found = incoming("message_group_command_addressed")

    assert (found.request.command, found.request.text) == ("image", "a cat --count 2")


def test_a_mention_is_taken_out_of_the_text_even_behind_emoji() -> None:
    found = incoming("message_group_mention")

    assert found.request.text == "🌊🌊 well how is the tide?"
    assert found.request.command == "ask"


def test_a_mention_in_front_takes_its_comma_along() -> None:
    assert incoming("message_topic").request.text == "when do we sail?"


def test_a_command_may_follow_the_mention() -> None:
    text = "@switchboard_bot /model gpt-5"
    mention = {"offset": 0, "length": 16, "type": "mention"}
    found = incoming("message_group_mention", text=text, entities=[mention])

    assert (found.request.command, found.request.text) == ("model", "gpt-5")


def test_a_path_is_no_command_and_keeps_its_at_signs() -> None:
    found = incoming("message_private", text="/etc/hosts and /foo@bar differ how?")

    assert found.request.command == "ask"
    assert found.request.text == "/etc/hosts and /foo@bar differ how?"


def test_a_reply_to_our_message_is_meant_for_us_and_quotes_it() -> None:
    found = incoming("message_group_reply_to_bot")

    assert found.request.text == "and the low one?"
    assert found.request.quoted == Message(
        Role.ASSISTANT, (Text("High water is at noon."),), "switchboard_bot"
    )


def test_a_chain_of_replies_is_no_topic() -> None:
    assert incoming("message_reply_chain").request.channel == GROUP


def test_a_topic_is_a_thread_and_its_first_message_is_no_quotation() -> None:
    found = incoming("message_topic")

    assert found.request.channel == FORUM
    assert found.request.quoted is None


def test_only_the_marked_part_of_a_message_is_quoted() -> None:
    found = incoming("message_reply_with_quote")

    assert found.request.quoted == Message(Role.USER, (Text("High water is at noon."),), "Bob")


def test_a_deleted_account_is_quoted_as_somebody() -> None:
    nobody = {"id": 5000000002, "is_bot": False, "first_name": ""}
    replied = payload("message_reply_with_quote")["message"]["reply_to_message"]

    found = incoming("message_reply_with_quote", reply_to_message=replied | {"from": nobody})

    assert found.request.quoted == Message(Role.USER, (Text("High water is at noon."),), "somebody")


def test_a_photo_comes_in_its_largest_size_with_its_caption_as_text() -> None:
    found = incoming("message_photo")

    assert (found.request.command, found.request.text) == ("image", "make it night")
    assert [(one.file_id, one.size) for one in found.uploads] == [
        ("AgACAgIAAxkBAAIBY2-large", 91230)
    ]


def test_a_mention_in_a_caption_counts() -> None:
    found = incoming("message_group_photo_mention")

    assert found.request.text == "what a view"
    assert len(found.uploads) == 1


def test_a_picture_sent_as_a_file_is_a_picture() -> None:
    (picture,) = incoming("message_document_picture").uploads

    assert (picture.media_type, picture.name, picture.size) == ("image/png", "chart.png", 204800)


def test_the_photo_that_is_replied_to_belongs_to_the_quotation() -> None:
    found = incoming("message_reply_to_photo")

    assert found.request.command == "image"
    assert found.uploads == ()
    assert [one.file_id for one in found.quoted_uploads] == ["AgACAgIAAxkBAAIBY2-large"]
    assert found.request.quoted == Message(Role.USER, (Text("our pier"),), "Bob")


def test_the_pictures_of_an_album_are_one_request_in_their_order() -> None:
    first, second = incoming("message_album_first"), incoming("message_album_second")

    for parts in ([first, second], [second, first]):
        whole = merged(parts)
        assert whole.request.text == "which is nicer?"
        assert whole.request.source == "album:13800000000000001"
        assert whole.uploads == parts[0].uploads + parts[1].uploads


def test_a_voice_message_is_a_recording_without_words() -> None:
    found = incoming("message_voice")

    assert (found.request.command, found.request.text, found.unreadable) == ("ask", "", "")
    assert found.uploads == (Upload("AwACAgIAAxkBAAIB-voice", "audio/ogg", 17321),)


def test_a_document_of_any_kind_comes_along() -> None:
    (upload,) = incoming("message_document_text").uploads

    assert (upload.media_type, upload.name, upload.sort) == (
        "application/pdf",
        "notes.pdf",
        Sort.FILE,
    )


def test_what_cannot_be_read_is_named_in_a_private_chat() -> None:
    film = {"file_id": "x", "file_unique_id": "y", "width": 1, "height": 1, "duration": 1}

    assert incoming("message_private", video=film).unreadable == "videos"
    assert incoming("message_private", video=film).uploads == ()


@pytest.mark.parametrize(
    ("name", "trigger"),
    [
        ("message_private", Trigger.PRIVATE),
        ("message_group_command", Trigger.COMMAND),
        ("message_group_mention", Trigger.MENTION),
        ("message_group_photo_mention", Trigger.MENTION),
        ("message_group_reply_to_bot", Trigger.REPLY),
        ("message_topic", Trigger.MENTION),
        ("message_topic_of_bot", Trigger.THREAD),
        ("message_group_plain", Trigger.ANY),
        ("callback_topic", Trigger.COMMAND),
    ],
)
def test_how_somebody_speaks_to_us_is_known(name: str, trigger: Trigger) -> None:
    assert incoming(name).trigger is trigger


def test_a_reply_in_a_topic_that_we_have_opened_needs_no_mention() -> None:
    topic = Channel("telegram", "-1002000000777", "-1002000000777", "6")
    update = payload("message_topic_of_bot")
    update["message"]["reply_to_message"] = payload("message_topic")["message"]

    found = read(Update.de_json(update, None), ME, COMMANDS, {topic})

    assert found is not None
    assert found.trigger is Trigger.THREAD


def test_a_question_in_other_words_names_the_first_ones_and_when_they_changed() -> None:
    request = incoming("edited_message").request

    assert (request.command, request.text) == ("edited", "How is the tide today?")
    assert request.source == "11:1763676099"


def test_what_is_edited_and_was_no_question_is_ignored() -> None:
    edited = payload("edited_message")
    for text in ("/model gpt-5", "/reset"):
        edited["edited_message"]["text"] = text
        assert read(Update.de_json(edited, None), ME, COMMANDS) is None


def test_an_answer_that_somebody_got_inline_is_no_question() -> None:
    update = payload("message_private")
    bot = {"id": ME.id, "is_bot": True, "first_name": "Switchboard"}
    update["message"]["via_bot"] = bot

    assert read(Update.de_json(update, None), ME, COMMANDS) is None


def test_an_anonymous_admin_is_a_person_and_a_moderator() -> None:
    found = incoming("message_anonymous_admin")

    assert found.request.user == User("-1002000000123", "Harbour master", moderator=True)
    assert found.request.command == "reset"


def test_a_button_is_its_line_typed_by_whoever_pressed_it() -> None:
    found = incoming("callback_topic")

    assert (found.request.command, found.request.text) == ("model", "gpt-5")
    assert found.request.channel == FORUM
    assert found.request.user == User("5000000002", "Bob")
    assert found.request.source == found.callback == "4382900000000000002"
    assert found.reply_to == 57


def test_a_button_in_a_private_chat_is_answered_without_a_reply() -> None:
    found = incoming("callback_private")

    assert found.request.user.moderator
    assert found.reply_to is None


def test_a_button_under_a_message_of_long_ago_still_works() -> None:
    found = incoming("callback_inaccessible")

    assert found.request.channel == GROUP
    assert found.request.command == "model"


@pytest.mark.parametrize(
    "name",
    [
        "channel_post",
        "message_from_bot",
        "message_group_command_other_bot",
        "message_group_command_unknown",
        "message_joined",
        "message_sticker_reply",
        "my_chat_member",
    ],
)
def test_what_is_not_meant_for_us_is_ignored(name: str) -> None:
    assert read(Update.de_json(payload(name), None), ME, COMMANDS) is None
