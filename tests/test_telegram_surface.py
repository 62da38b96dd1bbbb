"""Answers on a simulated Telegram: what people see of pages, pictures and buttons."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.errors import Busy, Gone, Unreachable
from bot.types import Action, Channel, File, Image, Page
from tests.fakes import turn_in
from tests.telegram_harbour import (
    GREEN,
    NAVY,
    RED,
    Harbour,
    community,
    picture,
    say_done,
    serving,
    shows,
)


@pytest.fixture
async def screen() -> AsyncIterator[Harbour]:
    """The community with its bot, without flood limits: here pages follow each other at once."""
    async with community() as harbour, serving(harbour.adapter, harbour.handler):
        harbour.telegram.limits.off()
        await harbour.telegram.ready()
        yield harbour


# --- pictures that we send ---


async def test_a_picture_is_a_real_photo_with_its_caption_and_buttons(screen: Harbour) -> None:
    again = Action("Again", "/image a cat")
    screen.handler.answer = shows(Page(0, "A *cat*", [NAVY], [again], final=True))

    await screen.telegram.say(screen.private, screen.alice, "/image a cat")
    seen = await screen.says("A cat")

    assert seen.photo == NAVY.data
    assert seen.entities == [{"type": "italic", "offset": 2, "length": 3}]
    assert seen.buttons == [[{"text": "Again", "callback_data": "/image a cat"}]]


async def test_several_pictures_are_an_album_with_one_caption(screen: Harbour) -> None:
    screen.handler.answer = shows(Page(0, "Three", [NAVY, GREEN, RED], final=True))

    await screen.telegram.say(screen.group, screen.alice, "/image three")
    await screen.says("Three", screen.group)

    album = screen.of_bot(screen.group)
    assert [seen.photo for seen in album] == [NAVY.data, GREEN.data, RED.data]
    assert [seen.caption for seen in album] == ["Three", "", ""]
    assert len({seen.media_group for seen in album}) == 1
    assert album[0].media_group is not None


async def test_a_text_turns_into_a_picture(screen: Harbour) -> None:
    screen.handler.answer = shows(Page(0, "Painting …"), Page(0, "A cat", [NAVY], final=True))

    await screen.telegram.say(screen.private, screen.alice, "/image a cat")
    await screen.says("A cat")

    (seen,) = screen.of_bot()
    assert seen.photo == NAVY.data
    assert len(seen.versions) == 2


async def test_a_text_turns_into_the_first_of_several_pictures(screen: Harbour) -> None:
    screen.handler.answer = shows(
        Page(0, "Painting …"), Page(0, "Cats", [NAVY, GREEN, RED], final=True)
    )

    await screen.telegram.say(screen.private, screen.alice, "/image cats")
    await screen.telegram.until(lambda: len(screen.of_bot()) == 3)

    first, second, third = screen.of_bot()
    assert [first.photo, second.photo, third.photo] == [NAVY.data, GREEN.data, RED.data]
    assert first.caption == "Cats"
    assert second.media_group == third.media_group != first.media_group


async def test_a_picture_that_is_no_photo_for_telegram_is_a_document(screen: Harbour) -> None:
    long = picture(2100, 50)
    surface = screen.surface(screen.private)

    await surface.show(Page(0, "Long", [long]))
    await surface.show(Page(1, "Painting …"))
    await surface.show(Page(1, "Long as well", [long]))
    await surface.show(Page(2, "Both", [long, NAVY], final=True))

    *documents, photo = screen.of_bot()
    assert [seen.document.data for seen in documents if seen.document] == [long.data] * 3
    assert [seen.caption for seen in documents] == ["Long", "Long as well", "Both"]
    assert photo.photo == NAVY.data


async def test_a_picture_over_ten_megabytes_is_a_document_at_once(screen: Harbour) -> None:
    heavy = Image(NAVY.data + bytes(10 * 2**20), "image/png", "heavy.png")

    await screen.surface(screen.private).show(Page(0, "Heavy", [heavy], final=True))

    (seen,) = screen.of_bot()
    assert seen.document is not None
    assert seen.document.name == "heavy.png"
    assert screen.count("sendPhoto") == 0


async def test_a_file_is_a_document_beside_a_photo(screen: Harbour) -> None:
    notes = File(b"low at six", "text/plain", "notes.txt")

    await screen.surface(screen.private).show(Page(0, "Both", [NAVY, notes], final=True))

    photo, document = screen.of_bot()
    assert (photo.photo, photo.caption) == (NAVY.data, "Both")
    assert document.document is not None
    assert document.document.name == "notes.txt"


@pytest.mark.parametrize(
    ("status", "description"),
    [
        (404, "Not Found"),
        (400, "Bad Request: group send failed"),
        (400, "Bad Request: strange things happened"),
        (413, "Request Entity Too Large"),
    ],
)
async def test_where_albums_are_refused_pictures_go_one_by_one(
    screen: Harbour, status: int, description: str
) -> None:
    telegram = screen.telegram
    telegram.fail("sendMediaGroup", status=status, description=description, times=None)
    again = Action("Again", "/image cats")
    surface = screen.surface(screen.group)

    await surface.show(Page(0, "Three *cats*", [NAVY, GREEN, RED], [again], final=True))

    shown = screen.of_bot(screen.group)
    assert [seen.photo for seen in shown] == [NAVY.data, GREEN.data, RED.data]
    assert [seen.caption for seen in shown] == ["Three cats", "", ""]
    assert [bool(seen.buttons) for seen in shown] == [True, False, False]
    assert surface.ref == "+".join(str(seen.id) for seen in shown)
    assert screen.count("sendMediaGroup") == 1


async def test_pictures_that_go_one_by_one_are_documents_where_photos_are_refused(
    screen: Harbour,
) -> None:
    for method in ("sendMediaGroup", "sendPhoto"):
        screen.telegram.fail(method, status=404, description="Not Found", times=None)

    await screen.surface(screen.private).show(Page(0, "Cats", [NAVY, GREEN], final=True))

    shown = screen.of_bot()
    assert [seen.document.data for seen in shown if seen.document] == [NAVY.data, GREEN.data]
    assert [seen.caption for seen in shown] == ["Cats", ""]


@pytest.mark.parametrize("retry_after", [0, 1])
async def test_pictures_that_go_one_by_one_go_on_where_they_were_held_up(
    screen: Harbour, retry_after: int
) -> None:
    telegram = screen.telegram
    telegram.fail("sendMediaGroup", status=400, description="Bad Request: no", times=None)
    telegram.fail("sendPhoto", delay=0.001)
    telegram.fail("sendPhoto", status=0 if retry_after else 503, retry_after=retry_after)
    surface = screen.surface(screen.private)
    page = Page(0, "Three", [NAVY, GREEN, RED], final=True)
    with pytest.raises((Busy, Unreachable)):
        await surface.show(page)

    await surface.show(page)

    shown = screen.of_bot()
    assert [seen.photo for seen in shown] == [NAVY.data, GREEN.data, RED.data]
    assert [seen.caption for seen in shown] == ["Three", "", ""]
    assert screen.count("sendMediaGroup") == 1
    assert screen.count("editMessageCaption") == 0


async def test_a_picture_that_may_have_arrived_keeps_no_other_back(screen: Harbour) -> None:
    telegram = screen.telegram
    telegram.fail("sendMediaGroup", status=400, description="Bad Request: no", times=None)
    telegram.fail("sendPhoto", delay=0.001)
    telegram.fail("sendPhoto", reset_after=True)
    surface = screen.surface(screen.private)
    page = Page(0, "Three", [NAVY, GREEN, RED], final=True)
    with pytest.raises(Unreachable):
        await surface.show(page)

    with pytest.raises(Gone):  # nobody knows about the second one
        await surface.show(page)

    assert [seen.photo for seen in screen.of_bot()] == [NAVY.data, GREEN.data, RED.data]


@pytest.mark.parametrize(
    "description",
    [
        "Bad Request: chat not found",
        "Bad Request: message thread not found",
        "Bad Request: have no rights to send a message",
        "Bad Request: not enough rights to send text messages to the chat",
        "Bad Request: TOPIC_CLOSED",
    ],
)
async def test_where_the_chat_is_gone_no_other_way_is_tried(
    screen: Harbour, description: str
) -> None:
    screen.telegram.fail("send.*", status=400, description=description, times=None)
    surface = screen.surface(screen.group)

    for pictures in ([NAVY], [NAVY, GREEN]):
        with pytest.raises(Gone):
            await surface.show(Page(0, "Cats", pictures, final=True))

    sends = [call.method for call in screen.telegram.calls if call.method.startswith("send")]
    assert sends == ["sendPhoto", "sendMediaGroup"]


# --- groups that restrict what is posted ---

NO_PHOTOS = "Bad Request: not enough rights to send photos to the chat"
NO_DOCUMENTS = "Bad Request: not enough rights to send documents to the chat"


async def test_a_group_without_photos_gets_pictures_as_documents(screen: Harbour) -> None:
    for method in ("sendPhoto", "sendMediaGroup"):
        screen.telegram.fail(method, status=400, description=NO_PHOTOS, times=None)

    await screen.surface(screen.group).show(Page(0, "A cat", [NAVY]))
    await screen.surface(screen.group).show(Page(0, "Cats", [GREEN, RED], final=True))

    shown = screen.of_bot(screen.group)
    documents = [seen.document.data for seen in shown if seen.document]
    assert documents == [NAVY.data, GREEN.data, RED.data]
    assert [seen.caption for seen in shown] == ["A cat", "Cats", ""]


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("pictures", [[NAVY], [NAVY, GREEN]])
async def test_a_group_without_pictures_and_files_gets_a_reason_to_read(
    screen: Harbour, pictures: list[Image], before: bool
) -> None:
    telegram = screen.telegram
    for method in ("sendPhoto", "sendMediaGroup", "editMessageMedia"):
        telegram.fail(method, status=400, description=NO_PHOTOS, times=None)
    telegram.fail("sendDocument", status=400, description=NO_DOCUMENTS, times=None)
    surface = screen.surface(screen.group)
    if before:
        await surface.show(Page(0, "Painting …"))

    with pytest.raises(Gone) as caught:
        await surface.show(Page(0, "Cats", pictures, final=True))
    await surface.show(Page(0, caught.value.notice, final=True))

    assert caught.value.notice.startswith("I am not allowed to post pictures here. ")
    assert str(caught.value) == "Not enough rights to send photos to the chat"
    (seen,) = screen.of_bot(screen.group)
    assert seen.text == caught.value.notice


async def test_a_group_without_files_says_so(screen: Harbour) -> None:
    screen.telegram.fail("sendDocument", status=400, description=NO_DOCUMENTS)
    notes = File(b"low at six", "text/plain", "notes.txt")

    with pytest.raises(Gone) as caught:
        await screen.surface(screen.group).show(Page(0, "Notes", [notes], final=True))

    assert caught.value.notice.startswith("I am not allowed to post files here. ")


async def test_a_text_that_cannot_turn_into_a_picture_stands_before_it(screen: Harbour) -> None:
    telegram = screen.telegram
    telegram.fail("editMessageMedia", status=400, description="Bad Request: no", times=None)
    again = Action("Again", "/image cats")
    surface = screen.surface(screen.private)
    await surface.show(Page(0, "Painting …"))

    await surface.show(Page(0, "*Cats*", [NAVY, GREEN], [again], final=True))

    text, first, second = screen.of_bot()
    assert (text.text, bool(text.buttons)) == ("Cats", True)
    assert [(seen.photo, seen.caption) for seen in (first, second)] == [
        (NAVY.data, ""),
        (GREEN.data, ""),
    ]


async def test_a_caption_that_is_too_long_is_a_message_before_the_picture(screen: Harbour) -> None:
    words = "high water " * 120

    await screen.surface(screen.private).show(Page(0, words, [NAVY], final=True))

    text, photo = screen.of_bot()
    assert text.text == words.strip()
    assert (photo.photo, photo.caption) == (NAVY.data, "")


# --- buttons ---


async def test_buttons_fill_rows_and_what_telegram_cannot_carry_is_left_out(
    screen: Harbour,
) -> None:
    actions = [
        Action("gpt-5-mini", "/model gpt-5-mini"),
        Action("claude-sonnet", "/model claude-sonnet"),
        Action("too long", "/model " + "x" * 58),
        Action("a model with a long name indeed", "/model long"),
    ]

    await screen.surface(screen.private).show(Page(0, "Which?", actions=actions, final=True))

    (seen,) = screen.of_bot()
    assert [[button["text"] for button in row] for row in seen.buttons] == [
        ["gpt-5-mini", "claude-sonnet"],
        ["a model with a long name indeed"],
    ]


async def test_a_button_is_answered_at_once_and_its_line_in_a_new_message(screen: Harbour) -> None:
    telegram, handler = screen.telegram, screen.handler
    handler.answer = shows(Page(0, "Which?", actions=[Action("gpt-5", "/model gpt-5")], final=True))
    await telegram.say(screen.group, screen.alice, "/model")
    which = await screen.says("Which?", screen.group)
    handler.answer = say_done

    press = await telegram.press(screen.group, screen.bob, which.id, "/model gpt-5")
    request = await handler.request(1)
    done = await screen.says("done", screen.group)

    assert (request.command, request.text) == ("model", "gpt-5")
    assert (request.user.name, request.source) == ("Bob", press.id)
    assert done.reply_to == which.id
    await telegram.until(lambda: press.answered_after is not None)
    assert press.answered_after is not None
    assert press.answered_after < 1.0


async def test_a_button_that_is_pressed_after_a_restart_works(screen: Harbour) -> None:
    which = await screen.telegram.say(screen.private, screen.alice, "hello")
    screen.telegram.delete(screen.private, which)

    await screen.telegram.press(screen.private, screen.alice, which, "/help")

    assert (await screen.handler.request(1)).command == "help"


# --- showing pages ---


async def test_the_same_content_makes_no_call(screen: Harbour) -> None:
    surface = screen.surface(screen.private)

    await surface.show(Page(0, "done"))
    await surface.show(Page(0, "done"))
    await surface.show(Page(0, "done", final=True))

    assert screen.count("sendMessage") == 1
    assert screen.count("editMessageText") == 0


async def test_an_edit_that_changes_nothing_visible_is_silent(screen: Harbour) -> None:
    surface = screen.surface(screen.private)

    await surface.show(Page(0, "**done**"))
    await surface.show(Page(0, "__done__", final=True))

    assert screen.telegram.calls[-1].status == 400
    assert [seen.text for seen in screen.of_bot()] == ["done"]


async def test_a_deleted_message_is_sent_afresh(screen: Harbour) -> None:
    surface = screen.surface(screen.private)
    await surface.show(Page(0, "The tide"))
    (first,) = screen.of_bot()
    screen.telegram.delete(screen.private, first.id)

    await surface.show(Page(0, "The tide is high"))
    await surface.show(Page(0, "The tide is high.", final=True))

    (seen,) = screen.of_bot()
    assert seen.text == "The tide is high."
    assert surface.ref == str(seen.id)


async def test_a_deleted_picture_of_an_album_is_sent_afresh(screen: Harbour) -> None:
    surface = screen.surface(screen.private)
    await surface.show(Page(0, "Two", [NAVY, GREEN]))
    first, _ = screen.of_bot()
    screen.telegram.delete(screen.private, first.id)

    await surface.show(Page(0, "Two cats", [NAVY, GREEN], final=True))

    assert {(seen.photo, seen.caption) for seen in screen.of_bot()} == {
        (GREEN.data, ""),
        (NAVY.data, "Two cats"),
    }


async def test_one_chat_s_penalty_holds_no_other(screen: Harbour) -> None:
    here, there = screen.surface(screen.private), screen.surface(screen.group)
    await here.show(Page(0, "one"))
    await there.show(Page(0, "one"))
    screen.telegram.fail("editMessageText", retry_after=7)

    with pytest.raises(Busy) as caught:
        await here.show(Page(0, "two"))
    await there.show(Page(0, "two"))

    assert caught.value.retry_after == 7
    assert [seen.text for seen in screen.of_bot(screen.group)] == ["two"]


async def test_a_send_that_was_refused_is_repeated(screen: Harbour) -> None:
    surface = screen.surface(screen.private)
    for status in (500, 502, 503, 429):
        screen.telegram.fail("sendMessage", status=status)
        with pytest.raises((Unreachable, Busy)):
            await surface.show(Page(0, "done", final=True))

    await surface.show(Page(0, "done", final=True))

    assert [seen.text for seen in screen.of_bot()] == ["done"]


async def test_a_send_that_may_have_arrived_is_not_repeated(screen: Harbour) -> None:
    surface = screen.surface(screen.private)
    screen.telegram.fail("sendMessage", reset_after=True)
    with pytest.raises(Unreachable):
        await surface.show(Page(0, "The tide"))

    await surface.show(Page(0, "The tide"))
    with pytest.raises(Gone):
        await surface.show(Page(0, "The tide", final=True))

    assert [seen.text for seen in screen.of_bot()] == ["The tide"]


async def test_a_send_that_was_cancelled_on_its_way_is_not_repeated(screen: Harbour) -> None:
    surface = screen.surface(screen.private)
    screen.telegram.fail("sendMessage", delay=0.2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await surface.show(Page(0, "The tide"))
    await screen.says("The tide")

    await surface.show(Page(0, "The tide"))

    assert len(screen.of_bot()) == 1


async def test_what_came_after_a_doubtful_send_is_not_lost(screen: Harbour) -> None:
    surface = screen.surface(screen.private)
    screen.telegram.fail("sendMessage", reset=True)
    with pytest.raises(Unreachable):
        await surface.show(Page(0, "The tide"))

    await surface.show(Page(0, "The tide is high", final=True))

    assert [seen.text for seen in screen.of_bot()] == ["The tide is high"]


async def test_an_edit_is_repeated_whatever_happened_to_it(screen: Harbour) -> None:
    surface = screen.surface(screen.private)
    await surface.show(Page(0, "one"))
    screen.telegram.fail("editMessageText", reset_after=True)
    with pytest.raises(Unreachable):
        await surface.show(Page(0, "two", final=True))

    await surface.show(Page(0, "two", final=True))

    assert [seen.text for seen in screen.of_bot()] == ["two"]


async def test_an_edit_that_may_have_arrived_can_be_taken_back(screen: Harbour) -> None:
    surface = screen.surface(screen.private)
    await surface.show(Page(0, "one"))
    screen.telegram.fail("editMessageText", reset_after=True)
    with pytest.raises(Unreachable):
        await surface.show(Page(0, "two"))

    await surface.show(Page(0, "one", final=True))

    assert [seen.text for seen in screen.of_bot()] == ["one"]


async def test_where_the_bot_may_not_write_the_surface_is_gone(screen: Harbour) -> None:
    surface = screen.surface(screen.private)
    await surface.show(Page(0, "one"))
    screen.telegram.block(screen.alice)
    with pytest.raises(Gone):
        await surface.show(Page(0, "two"))

    plans = screen.telegram.add_topic(screen.group, "plans")
    screen.telegram.delete_topic(screen.group, plans)
    channel = Channel("telegram", str(screen.group), str(screen.group), str(plans))
    with pytest.raises(Gone):
        await screen.adapter.reopen(turn_in(channel)).show(Page(0, "one"))


async def test_a_group_that_was_upgraded_is_followed(screen: Harbour) -> None:
    small = screen.telegram.add_group("Small", basic=True)
    surface = screen.surface(small)
    await surface.show(Page(0, "The tide"))
    large = screen.telegram.migrate(small)

    await surface.show(Page(0, "The tide is high"))
    await surface.show(Page(0, "The tide is high.", final=True))

    (seen,) = screen.of_bot(large)[-1:]
    assert seen.text == "The tide is high."


async def test_formatting_that_telegram_refuses_is_left_out(
    screen: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    surface = screen.surface(screen.private)

    await surface.show(Page(0, "**see** [this](https://a.example./x)", final=True))

    (seen,) = screen.of_bot()
    assert (seen.text, seen.entities) == ("see this", [])
    assert "refuses our formatting" in caplog.text


async def test_a_page_with_nothing_to_see_shows_its_source(screen: Harbour) -> None:
    surface = screen.surface(screen.private)

    await surface.show(Page(0, "```"))
    await surface.show(Page(0, "```\nx = 1", final=True))

    (seen,) = screen.of_bot()
    assert [text for _, text in seen.versions] == ["```", "x = 1"]


async def test_an_answer_is_found_again_after_a_restart(screen: Harbour) -> None:
    surface = screen.surface(screen.group)
    await surface.show(Page(0, "one"))
    await surface.show(Page(1, "A cat", [NAVY, GREEN]))
    one, first, second = screen.of_bot(screen.group)
    assert surface.ref == f"{one.id},{first.id}+{second.id}"

    channel = Channel("telegram", str(screen.group), str(screen.group))
    again = screen.adapter.reopen(turn_in(channel, surface.ref))
    await again.show(Page(0, "The bot was stopped."))
    await again.show(Page(1, "A late cat"))

    assert again.ref == surface.ref
    shown = screen.of_bot(screen.group)
    assert [seen.text + seen.caption for seen in shown] == [
        "The bot was stopped.",
        "A late cat",
        "",
    ]


async def test_a_place_says_what_it_takes(screen: Harbour) -> None:
    private = screen.surface(screen.private).capabilities
    group = screen.surface(screen.group).capabilities

    assert (private.page_limit, private.caption_limit, private.pace) == (4096, 1024, 0.7)
    assert private.measure("**🌊** [sea](https://a.example)") == 6
    assert group.pace == 2.0
    assert [(budget.calls, budget.seconds) for budget in group.budgets] == [
        (3, 3.15),
        (20, 60.5),
        (3, 3 / 27),
    ]
    assert len({budget.key for budget in (*group.budgets, *private.budgets)}) == 4


# --- drafts ---

STOP = (Action("Stop", "/stop 1"),)


@pytest.fixture
async def drafting() -> AsyncIterator[Harbour]:
    """The same, of an operator who wants drafts."""
    async with community() as harbour:
        harbour.adapter = harbour.new_adapter(drafts=True)
        async with serving(harbour.adapter, harbour.handler):
            harbour.telegram.limits.off()
            await harbour.telegram.ready()
            yield harbour


async def test_a_growing_answer_is_a_draft_and_its_end_a_message(drafting: Harbour) -> None:
    surface = drafting.surface(drafting.private)
    await surface.show(Page(0, "Once **up", actions=STOP))
    await surface.show(Page(0, "Once **upon**", actions=STOP))
    assert drafting.of_bot() == []
    await surface.show(Page(0, "Once **upon** a time.", final=True))

    texts = [draft.text for draft in drafting.telegram.drafts(drafting.private)]
    assert texts == ["Once **up", "Once upon"]
    assert len({draft.draft_id for draft in drafting.telegram.drafts(drafting.private)}) == 1
    assert [seen.text for seen in drafting.of_bot()] == ["Once upon a time."]


async def test_a_notice_and_a_group_get_messages_at_once(drafting: Harbour) -> None:
    await drafting.surface(drafting.private).show(Page(0, "Waiting for one answer …"))
    await drafting.surface(drafting.group).show(Page(0, "Once upon", actions=STOP))

    assert [seen.text for seen in drafting.of_bot()] == ["Waiting for one answer …"]
    assert [seen.text for seen in drafting.of_bot(drafting.group)] == ["Once upon"]


async def test_where_drafts_are_refused_there_are_edits_for_good(drafting: Harbour) -> None:
    drafting.telegram.fail("sendMessageDraft", status=400, description="Bad Request: no drafts")
    surface = drafting.surface(drafting.private)
    await surface.show(Page(0, "Once", actions=STOP))
    await surface.show(Page(0, "Once upon", actions=STOP))
    await surface.show(Page(0, "Once upon a time.", final=True))

    assert drafting.count("sendMessageDraft") == 1
    assert [seen.text for seen in drafting.of_bot()] == ["Once upon a time."]


async def test_a_penalty_for_drafts_is_a_penalty_like_any_other(drafting: Harbour) -> None:
    drafting.telegram.fail("sendMessageDraft", status=429, retry_after=3)
    surface = drafting.surface(drafting.private)
    with pytest.raises(Busy):
        await surface.show(Page(0, "Once", actions=STOP))
    await surface.show(Page(0, "Once upon", actions=STOP))

    assert [draft.text for draft in drafting.telegram.drafts(drafting.private)] == ["Once upon"]
