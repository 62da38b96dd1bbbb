"""What people do on Discord, as recorded, and the requests that it makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.discord.components import Form
from adapters.discord.inbound import (
    Inbound,
    Scene,
    Typed,
    Upload,
    callback,
    from_edit,
    from_interaction,
    from_message,
    typed,
)
from adapters.discord.permissions import Overwrite, permissions
from bot.types import Channel, Manners, Message, Request, Role, Text

PAYLOADS = Path(__file__).parent / "payloads" / "discord"
BOT = "1190000000000000001"
BOT_ROLE = "1190000000000000201"
HARBOUR, GENERAL = "1190000000000000100", "1190000000000000110"
THREAD, DIRECT = "1190000000000000120", "1190000000000000130"
NAMES = {GENERAL: "general", "1190000000000000200": "Sailors"}
MANAGE_MESSAGES, ADMINISTRATOR, MANAGE_GUILD = 1 << 13, 1 << 3, 1 << 5


def recorded(name: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    return payload


def heard(name: str, **scene: Any) -> Inbound:
    inbound = from_message(recorded(name), Scene(BOT, name_of=NAMES.get, **scene))
    assert inbound is not None
    return inbound


def asked(name: str, **scene: Any) -> Request:
    return heard(name, **scene).request


def used(name: str) -> Inbound:
    inbound = from_interaction(recorded(name))
    assert inbound is not None
    return inbound


def test_a_mention_is_a_question_without_the_mention() -> None:
    request = asked("message_mention")
    assert request.command == "ask"
    assert request.text == "what does @Benny mean in #general? ask @Sailors :wave:"
    assert request.source == "1308000000000000001"
    assert request.channel == Channel("discord", HARBOUR, GENERAL)


def test_the_asker_has_the_name_that_the_others_see() -> None:
    user = asked("message_mention").user
    assert (user.id, user.name) == ("80351110224678912", "Captain Alice")
    assert user.roles == {"1190000000000000200"}


def test_names_that_nobody_knows_are_still_readable() -> None:
    inbound = from_message(recorded("message_mention"), Scene(BOT))
    assert inbound is not None
    assert inbound.request.text == "what does @Benny mean in #channel? ask @role :wave:"


def test_an_empty_mention_is_an_empty_question() -> None:
    assert asked("message_mention_only").text == ""


def test_a_reply_to_the_bot_needs_no_mention_and_quotes_it() -> None:
    request = asked("message_reply_to_bot")
    assert request.text == "and a sheet?"
    assert request.quoted == Message(Role.ASSISTANT, (Text("A **halyard** hoists a sail."),))


def test_what_somebody_else_said_is_quoted_with_their_name_and_pictures() -> None:
    inbound = heard("message_reply_to_person")
    assert inbound.request.text == "is that true?"
    said = Text(":anchor: the moon is made of cheese")
    assert inbound.request.quoted == Message(Role.USER, (said,), "Captain Alice")
    assert [upload.name for upload in inbound.quoted_uploads] == ["moon.jpg"]


def test_a_reply_to_a_deleted_message_is_a_question_all_the_same() -> None:
    request = asked("message_reply_to_deleted")
    assert (request.text, request.quoted) == ("what did it say?", None)


def test_a_private_message_needs_no_mention_and_may_be_a_command() -> None:
    request = asked("message_direct")
    assert (request.command, request.text) == ("help", "models")
    assert request.channel == Channel("discord", "", DIRECT)
    assert request.user.name == "Alice"


def test_a_forwarded_message_is_quoted() -> None:
    request = asked("message_forwarded")
    assert (request.text, request.quoted) == (
        "",
        Message(Role.USER, (Text("High water at 14:20"),)),
    )


def test_what_is_forwarded_and_not_told_is_not_quoted() -> None:
    payload = recorded("message_forwarded") | {"message_snapshots": [], "content": "look"}
    inbound = from_message(payload, Scene(BOT))
    assert inbound is not None
    assert inbound.request.quoted is None


def test_a_command_is_heard_whatever_else_is() -> None:
    deaf = Manners(frozenset())
    assert from_message(recorded("message_direct"), Scene(BOT), lambda _: deaf) is not None
    assert from_message(recorded("message_mention"), Scene(BOT), lambda _: deaf) is None


def test_a_message_in_a_thread_belongs_to_the_thread() -> None:
    request = asked("message_in_thread", parent=GENERAL)
    assert request.channel == Channel("discord", HARBOUR, GENERAL, thread=THREAD)


def test_a_thread_whose_channel_is_not_known_is_a_channel_of_its_own() -> None:
    assert asked("message_in_thread").channel == Channel("discord", HARBOUR, THREAD)


def test_files_of_every_kind_come_along() -> None:
    inbound = heard("message_with_picture")
    assert inbound.request.text == "what is on these?"
    assert [(upload.name, upload.media_type) for upload in inbound.uploads] == [
        ("boat.png", "image/png"),
        ("notes.txt", "text/plain"),
        ("harbour.webp", "image/webp"),
    ]
    assert inbound.uploads[0].size == 48213


def test_a_changed_question_tells_which_it_was_and_when() -> None:
    inbound = from_edit(recorded("message_edited"), Scene(BOT, name_of=NAMES.get))
    assert inbound is not None
    request = inbound.request
    assert (request.command, request.text) == ("edited", "what does @Benny mean by that?")
    assert request.source == "1308000000000000001:1794994982518"
    assert request.channel == Channel("discord", HARBOUR, GENERAL)


def test_a_changed_question_that_has_a_thread_of_the_bots_belongs_there() -> None:
    inbound = from_edit(recorded("message_edited_with_thread"), Scene(BOT))
    assert inbound is not None
    place = Channel("discord", HARBOUR, GENERAL, thread="1308000000000000001")
    assert inbound.request.channel == place
    inbound = from_edit(recorded("message_edited_with_thread"), Scene("somebody else"))
    assert inbound is None


def test_a_link_that_unfolds_changes_no_question() -> None:
    assert from_edit(recorded("message_unfolded"), Scene(BOT)) is None


def test_what_is_told_of_a_change_in_part_only_is_passed_over() -> None:
    for part in ({}, {"id": "1", "channel_id": "2", "embeds": []}):
        assert from_edit(part, Scene(BOT)) is None


def test_the_bots_role_counts_as_the_bot() -> None:
    assert from_message(recorded("message_mention_of_role"), Scene(BOT)) is None
    assert asked("message_mention_of_role", bot_role=BOT_ROLE).text == "are you there?"


@pytest.mark.parametrize(
    "name",
    [
        "message_plain",
        "message_from_bot",
        "message_from_webhook",
        "message_pinned_notice",
    ],
)
def test_nobody_else_is_answered(name: str) -> None:
    assert from_message(recorded(name), Scene(BOT)) is None


@pytest.mark.parametrize(
    ("bits", "moderates"),
    [(MANAGE_MESSAGES, True), (MANAGE_GUILD, True), (ADMINISTRATOR, True), (1 << 11, False)],
)
def test_who_may_manage_messages_or_the_server_is_a_moderator(bits: int, moderates: bool) -> None:
    assert asked("message_mention", permissions=lambda: bits).user.moderator is moderates


def test_a_slash_command_comes_with_its_options_and_pictures() -> None:
    inbound = used("interaction_command")
    request = inbound.request
    assert (request.command, request.text) == ("image", "")
    assert request.options == {"prompt": "the same boat at night", "count": "2"}
    assert request.source == "1308000000000001001"
    assert request.channel == Channel("discord", HARBOUR, GENERAL)
    assert (request.user.name, request.user.moderator) == ("Captain Alice", False)
    url = recorded("interaction_command")["data"]["resolved"]["attachments"]
    expected = url["1308000000000000905"]["url"]
    assert inbound.uploads == (Upload(expected, "boat.png", "image/png", 48213, "image"),)


def test_a_moderators_command_in_a_thread() -> None:
    request = used("interaction_command_by_moderator").request
    assert request.user.moderator
    assert request.channel == Channel("discord", HARBOUR, GENERAL, thread=THREAD)


def test_a_command_in_private() -> None:
    request = used("interaction_command_direct").request
    assert request.channel == Channel("discord", "", DIRECT)
    assert (request.user.name, request.user.moderator) == ("Alice", False)


def test_a_button_is_the_line_that_it_stands_for() -> None:
    request = used("interaction_button").request
    assert (request.command, request.text) == ("model", "gpt-5")
    assert request.source == "1308000000000001004"


def test_picking_from_a_menu_is_the_line_of_what_was_picked() -> None:
    request = used("interaction_select").request
    assert (request.command, request.text, request.pressed) == ("model", "llama", True)


def test_a_button_that_asks_comes_with_its_question() -> None:
    inbound = used("interaction_button_that_asks")
    assert inbound.form == Form("Write your own …", "/persona", "Who shall answer?")


def test_a_filled_in_form_is_its_line_and_the_answer() -> None:
    inbound = used("interaction_form")
    assert (inbound.request.command, inbound.request.text) == ("persona", "You are a cat.")
    assert (inbound.request.pressed, inbound.form) == (True, None)


def test_a_command_in_the_menu_of_a_message_quotes_it_with_its_files() -> None:
    inbound = used("interaction_message_command")
    assert inbound.request.command == "ask"
    assert inbound.request.options == {"prompt": "Translate this into German."}
    assert inbound.request.quoted is not None
    assert inbound.request.quoted.name == "Alice"
    assert [upload.name for upload in inbound.quoted_uploads] == [
        "boat.png",
        "notes.txt",
        "harbour.webp",
    ]


def test_only_where_the_bot_is_a_member_it_can_write_without_an_interaction() -> None:
    assert callback(recorded("interaction_command")).in_reach
    assert callback(recorded("interaction_command_direct")).in_reach
    assert not callback(recorded("interaction_command_abroad")).in_reach
    assert not callback(recorded("interaction_command_direct") | {"context": 2}).in_reach
    untold = _without(recorded("interaction_command"), ("authorizing_integration_owners",))
    assert callback(untold).in_reach


def test_what_other_bots_say_in_embeds_is_quoted_too() -> None:
    payload = recorded("message_reply_to_person")
    payload["referenced_message"] |= {
        "content": "",
        "embeds": [{"title": "Tides", "description": "High water at 14:20"}],
    }
    inbound = from_message(payload, Scene(BOT))
    assert inbound is not None
    assert inbound.request.quoted is not None
    assert inbound.request.quoted.text == "Tides\nHigh water at 14:20"


@pytest.mark.parametrize("channel_type", [10, 11, 12])
def test_in_a_thread_nobody_knows_of_no_other_one_is_opened(channel_type: int) -> None:
    everywhere = Manners(opens_threads=True)
    payload = recorded("message_mention")
    for kind, opens in ((0, True), (channel_type, False)):
        inbound = from_message(payload | {"channel_type": kind}, Scene(BOT), lambda _: everywhere)
        assert inbound is not None
        assert inbound.opens_thread is opens


def test_what_is_being_typed_is_told_by_its_option() -> None:
    channel = Channel("discord", HARBOUR, GENERAL)
    assert typed(recorded("interaction_autocomplete")) == Typed(channel, "image", "model", "nano")


@pytest.mark.parametrize("name", ["interaction_autocomplete", "interaction_user_command"])
def test_other_interactions_ask_for_nothing(name: str) -> None:
    assert from_interaction(recorded(name)) is None


# What nobody could be answered without.
NEEDED = (
    *(("id",), ("channel_id",), ("author",), ("author", "id")),
    *(("token",), ("application_id",), ("user",), ("user", "id")),
    *(("member",), ("member", "user"), ("member", "user", "id")),
)


@pytest.mark.parametrize("name", sorted(path.stem for path in PAYLOADS.glob("*.json")))
def test_whatever_else_is_missing_or_null_there_is_a_request_or_none(name: str) -> None:
    for path in sorted(_paths(recorded(name)), key=str):
        if path in NEEDED and (name.startswith("interaction") or path[0] != "member"):
            continue
        for spoilt in (_without(recorded(name), path), _without(recorded(name), path, null=True)):
            _read(name, spoilt)


def test_needed_fields_that_are_missing_are_errors_and_no_half_requests() -> None:
    for name in ("message_direct", "interaction_command", "interaction_command_direct"):
        for path in NEEDED:
            if path not in _paths(recorded(name)) or path == ("channel_id",):
                continue  # an interaction tells its channel twice
            for null in (False, True):
                with pytest.raises((LookupError, TypeError, ValueError)):
                    _read(name, _without(recorded(name), path, null=null))


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("message_mention", ("member",)),
        ("message_mention", ("attachments",)),
        ("message_mention", ("mention_roles",)),
        ("message_mention", ("type",)),
        ("message_reply_to_bot", ("mentions",)),
        ("message_reply_to_bot", ("message_reference",)),
        ("message_reply_to_person", ("referenced_message",)),
        ("message_reply_to_person", ("referenced_message", "author")),
        ("message_direct", ("mentions",)),
        ("message_direct", ("content",)),
        ("message_forwarded", ("message_snapshots",)),
    ],
)
def test_a_question_stays_one_without_what_is_optional(name: str, lost: tuple[str, ...]) -> None:
    for null in (False, True):
        payload = _without(recorded(name), lost, null=null)
        assert from_message(payload, Scene(BOT, name_of=NAMES.get)) is not None


@pytest.mark.parametrize(
    "lost",
    [
        *(("channel_id",), ("channel",), ("guild_id",), ("attachment_size_limit",)),
        *(("data", "options"), ("data", "resolved"), ("data", "type"), ("member", "permissions")),
    ],
)
def test_a_command_stays_one_without_what_is_optional(lost: tuple[str, ...]) -> None:
    for null in (False, True):
        payload = _without(recorded("interaction_command"), lost, null=null)
        inbound = from_interaction(payload)
        assert inbound is not None
        assert inbound.request.command == "image"
        assert callback(payload).channel == GENERAL


def test_a_picture_that_does_not_come_along_is_not_passed_over_in_silence() -> None:
    inbound = from_interaction(_without(recorded("interaction_command"), ("data", "resolved")))
    assert inbound is not None
    # Refused when it is fetched.
    assert inbound.uploads == (Upload("", "The attachment", "", 0, "image"),)


def test_an_interaction_tells_how_it_is_answered() -> None:
    told = callback(recorded("interaction_command"))
    assert (told.id, told.application) == ("1308000000000001001", "1190000000000000009")
    assert (told.channel, told.file_limit) == (GENERAL, 10 * 2**20)
    assert told.token not in repr(told)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("message_mention", ("content",)),
        ("message_mention", ("guild_id",)),
        ("message_with_picture", ("attachments", 0, "content_type")),
        ("message_with_picture", ("attachments", 0, "size")),
        ("interaction_button", ("data", "custom_id")),
        ("interaction_select", ("data", "values", 0)),
        ("interaction_form", ("data", "custom_id")),
        ("interaction_form", ("data", "components", 0, "component", "value")),
        ("interaction_message_command", ("data", "target_id")),
        ("interaction_message_command", ("locale",)),
        ("message_edited", ("edited_timestamp",)),
        ("message_edited", ("content",)),
        ("interaction_command", ("data", "name")),
        ("interaction_command", ("data", "options", 0, "name")),
        ("interaction_command", ("member", "permissions")),
        ("interaction_command", ("attachment_size_limit",)),
        ("interaction_autocomplete", ("data", "name")),
    ],
)
@pytest.mark.parametrize("strange", [["x"], {"x": 1}, 1e400])
def test_what_is_of_a_strange_type_is_turned_down_and_never_passed_on(
    name: str, path: tuple[Any, ...], strange: Any
) -> None:
    changed = recorded(name)
    inside: Any = changed
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = strange

    with pytest.raises((LookupError, TypeError, ValueError)):
        _read(name, changed)


def _read(name: str, payload: dict[str, Any]) -> None:
    """As the connection does it. Every answer but an exception is a good one."""
    if name.startswith("message"):
        from_message(payload, Scene(BOT, BOT_ROLE, name_of=NAMES.get))
        from_edit(payload, Scene(BOT, BOT_ROLE, name_of=NAMES.get))
    else:
        callback(payload)
        typed(payload)
        from_interaction(payload)


def _paths(value: Any) -> set[tuple[Any, ...]]:
    """The way to every field and item, however deep."""
    match value:
        case dict():
            inner = list(value.items())
        case list():
            inner = list(enumerate(value))
        case _:
            return set()
    below = {(key, *path) for key, part in inner for path in _paths(part)}
    return {(key,) for key, _ in inner} | below


def _without(payload: dict[str, Any], path: tuple[Any, ...], *, null: bool = False) -> Any:
    """The payload with one field or item missing or null."""
    inside: Any = payload
    for key in path[:-1]:
        inside = inside[key]
    if null:
        inside[path[-1]] = None
    else:
        del inside[path[-1]]
    return payload


def test_a_channel_can_make_and_unmake_a_moderator() -> None:
    roles = {HARBOUR: 1 << 11, "7": MANAGE_MESSAGES}
    denied = [Overwrite("7", 0, MANAGE_MESSAGES)]
    assert permissions("1", HARBOUR, roles, []) == 1 << 11 | MANAGE_MESSAGES
    assert permissions("1", HARBOUR, roles, denied) == 1 << 11
    assert permissions("1", HARBOUR, roles, [*denied, Overwrite("1", MANAGE_MESSAGES, 0)]) == (
        1 << 11 | MANAGE_MESSAGES
    )


def test_a_role_outweighs_everyone_and_an_administrator_everything() -> None:
    everyone = Overwrite(HARBOUR, 0, MANAGE_MESSAGES)
    roles = {HARBOUR: MANAGE_MESSAGES, "7": 0}
    assert permissions("1", HARBOUR, roles, [Overwrite("7", MANAGE_MESSAGES, 0), everyone]) == (
        MANAGE_MESSAGES
    )
    assert permissions("1", HARBOUR, {"8": ADMINISTRATOR}, [everyone]) == ADMINISTRATOR
