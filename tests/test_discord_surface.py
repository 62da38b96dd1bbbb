"""One reply on Discord, shown and shown again, whatever the platform does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.discord.outbound import file_name
from adapters.discord.rest import Rest
from adapters.discord.surface import DiscordSurface, Webhook
from bot.errors import Busy, Gone, SurfaceError, Unreachable
from bot.interfaces import Surface
from bot.pacing import Pacer, Rank, Wish
from bot.types import Action, File, Image, Page, Request
from tests.fakes import turn_in
from tests.harbour import PNG, Harbour, harbour_with_bot, harbour_without_bot, serving

CAT = Image(PNG, "image/png", "cat.png")


@pytest.fixture
async def quiet() -> AsyncIterator[Harbour]:
    async with harbour_without_bot() as harbour:
        yield harbour


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with harbour_with_bot() as harbour:
        yield harbour


@pytest.fixture
async def rest(quiet: Harbour) -> AsyncIterator[Rest]:
    async with Rest(quiet.discord.api_url, quiet.discord.token) as rest:
        yield rest


def _in_channel(harbour: Harbour, rest: Rest, reply_to: str = "") -> DiscordSurface:
    return DiscordSurface(rest, harbour.channel, "1000", reply_to=reply_to)


async def test_the_same_page_again_makes_no_call(quiet: Harbour, rest: Rest) -> None:
    surface = _in_channel(quiet, rest)
    page = Page(0, "same", media=(CAT,), actions=(Action("Help", "/help"),))
    for _ in range(3):
        await surface.show(page)
    await surface.show(Page(0, "same", media=(CAT,), actions=page.actions, final=True))
    assert len(quiet.discord.calls) == 1


async def test_a_deleted_message_is_sent_afresh(quiet: Harbour, rest: Rest) -> None:
    surface = _in_channel(quiet, rest)
    await surface.show(Page(0, "one"))
    quiet.discord.delete(quiet.channel, quiet.discord.messages(quiet.channel)[0].id)
    await surface.show(Page(0, "two"))
    assert quiet.texts == ["two"]


async def test_a_deleted_answer_to_a_command_is_sent_afresh(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, "one"))
        harbour.discord.delete(harbour.channel, surface.ref.partition("/")[2])
        await surface.show(Page(0, "two"))

    harbour.handler.answer = answer
    await harbour.discord.use(harbour.channel, harbour.alice, "help")
    await harbour.discord.wait_for(harbour.channel, lambda seen: seen.content == "two")
    assert harbour.texts == ["two"]


async def test_nothing_pings_anybody(quiet: Harbour, rest: Rest) -> None:
    asked = await quiet.discord.say(quiet.channel, quiet.alice, "hello")
    surface = _in_channel(quiet, rest, reply_to=asked)
    for text in ("@everyone", f"@here <@{quiet.alice}> <@&{quiet.guild}> `@everyone`"):
        await surface.show(Page(0, text))
    seen = quiet.discord.messages(quiet.channel)[-1]
    assert seen.reply_to == asked
    assert not seen.pings


async def test_a_question_deleted_meanwhile_is_answered_without_a_reference(
    quiet: Harbour, rest: Rest
) -> None:
    asked = await quiet.discord.say(quiet.channel, quiet.alice, "hello")
    quiet.discord.delete(quiet.channel, asked)
    await _in_channel(quiet, rest, reply_to=asked).show(Page(0, "done"))
    assert quiet.texts == ["done"]


async def test_where_replies_are_refused_the_answer_is_an_ordinary_message(
    quiet: Harbour, rest: Rest
) -> None:
    asked = await quiet.discord.say(quiet.channel, quiet.alice, "hello")
    quiet.discord.fail("POST", r"/channels/\d+/messages", status=400, code=160002)
    await _in_channel(quiet, rest, reply_to=asked).show(Page(0, "done"))
    assert quiet.texts == ["hello", "done"]


async def test_an_upload_arrives_as_an_attachment_with_the_same_bytes(
    quiet: Harbour, rest: Rest
) -> None:
    surface = _in_channel(quiet, rest)
    await surface.show(Page(0, "drawing …"))
    other = File(b"{}", "application/json", "../a b.txt")
    await surface.show(Page(0, "here", media=(CAT, other)))
    seen = quiet.discord.messages(quiet.channel)[0]
    assert seen.attachments == [("cat.png", PNG), ("a_b.json", b"{}")]
    await surface.show(Page(0, "here it is", media=(CAT, other)))
    await surface.show(Page(0, "only one", media=(CAT,)))
    seen = quiet.discord.messages(quiet.channel)[0]
    assert (seen.content, seen.attachments) == ("only one", [("cat.png", PNG)])


@pytest.mark.parametrize(
    ("name", "media_type", "sent"),
    [
        ("cat.png", "image/png", "cat.png"),
        ("", "image/png", "image.png"),
        ("cat", "image/webp", "cat.webp"),
        ("Möwe am Meer.jpeg", "image/jpeg", "M_we_am_Meer.jpeg"),
        ("C:\\dir\\..\\x.exe", "image/png", "x.png"),
        ("song", "audio/mpeg", "song.mp3"),
        ("x", "application/x-nobody-knows", "x.bin"),
    ],
)
def test_files_have_plain_names_that_fit_their_kind(name: str, media_type: str, sent: str) -> None:
    assert file_name(File(b"", media_type, name)) == sent


async def test_files_that_do_not_fit_into_one_message_are_owned_up_to(
    quiet: Harbour, rest: Rest
) -> None:
    large = tuple(Image(bytes([n]) * 9 * 2**20, "image/png", f"{n}.png") for n in range(3))
    await _in_channel(quiet, rest).show(Page(0, "three", media=large))
    seen = quiet.discord.messages(quiet.channel)[0]
    assert [name for name, _ in seen.attachments] == ["0.png", "1.png"]
    assert "1 of 3 files did not fit" in seen.content


async def test_buttons_stand_in_rows_and_go_when_they_are_gone(quiet: Harbour, rest: Rest) -> None:
    surface = _in_channel(quiet, rest)
    actions = [Action(f"Model {n}", f"/model {n}") for n in range(7)]
    await surface.show(Page(0, "which?", actions=[*actions, actions[0]]))
    rows = quiet.discord.messages(quiet.channel)[0].components
    assert [len(row["components"]) for row in rows] == [5, 2]
    assert rows[1]["components"][1]["custom_id"] == "/model 6"
    await surface.show(Page(0, "that one"))
    assert quiet.discord.messages(quiet.channel)[0].components == []


async def test_markdown_is_shown_as_discord_knows_it(quiet: Harbour, rest: Rest) -> None:
    await _in_channel(quiet, rest).show(Page(0, "#### Title\n| a | b |\n|--|--|\n| 1 | 2 |"))
    assert quiet.texts == ["**Title**\n```\na  b\n─  ─\n1  2\n```"]


async def test_a_send_that_broke_off_is_not_sent_twice(quiet: Harbour, rest: Rest) -> None:
    surface = _in_channel(quiet, rest)
    quiet.discord.fail("POST", r"/channels/\d+/messages", reset_after=True)
    with pytest.raises(Unreachable):
        await surface.show(Page(0, "hello"))
    await surface.show(Page(0, "hello world"))
    assert quiet.texts == ["hello world"]


async def test_a_follow_up_that_broke_off_is_not_sent_twice(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, "first"))
        harbour.discord.fail("POST", r"/webhooks/.*", reset_after=True)
        with pytest.raises(Unreachable):
            await surface.show(Page(1, "second"))
        await surface.show(Page(1, "second page"))

    harbour.handler.answer = answer
    await harbour.discord.use(harbour.channel, harbour.alice, "help")
    await harbour.discord.wait_for(harbour.channel, lambda seen: seen.content == "second page")
    assert harbour.texts == ["first", "second page"]


async def test_a_send_cut_short_by_us_is_not_sent_twice(quiet: Harbour, rest: Rest) -> None:
    surface = _in_channel(quiet, rest)
    showing = asyncio.create_task(surface.show(Page(0, "hello")))
    await quiet.discord.wait_for(quiet.channel, lambda seen: seen.content == "hello")
    showing.cancel()  # Discord has acted, and its answer is still on the way
    with pytest.raises(asyncio.CancelledError):
        await showing
    assert surface.ref == ""
    await surface.show(Page(0, "stopped"))
    assert quiet.texts == ["stopped"]


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 500}, {"reset": True}])
async def test_an_edit_that_failed_can_be_made_again(
    quiet: Harbour, rest: Rest, fault: dict[str, int]
) -> None:
    surface = _in_channel(quiet, rest)
    await surface.show(Page(0, "one"))
    quiet.discord.fail("PATCH", r"/channels/.*", **fault)  # type: ignore[arg-type]
    with pytest.raises(Unreachable):
        await surface.show(Page(0, "two"))
    await surface.show(Page(0, "two"))
    assert quiet.texts == ["two"]


async def test_after_an_edit_that_broke_off_even_the_old_text_is_shown_anew(
    quiet: Harbour, rest: Rest
) -> None:
    surface = _in_channel(quiet, rest)
    await surface.show(Page(0, "one"))
    quiet.discord.fail("PATCH", r"/channels/.*", reset_after=True)
    with pytest.raises(Unreachable):
        await surface.show(Page(0, "two"))
    await surface.show(Page(0, "one"))
    assert quiet.texts == ["one"]


async def test_a_penalty_is_told_and_not_slept_through(quiet: Harbour, rest: Rest) -> None:
    surface = _in_channel(quiet, rest)
    await surface.show(Page(0, "one"))
    quiet.discord.fail("PATCH", r"/channels/.*", status=429, retry_after=30.0)
    begun = asyncio.get_running_loop().time()
    for _ in range(2):  # the second time without asking Discord
        with pytest.raises(Busy) as busy:
            await surface.show(Page(0, "two"))
        assert 29.0 < busy.value.retry_after <= 30.0
    assert asyncio.get_running_loop().time() - begun < 1.0
    assert quiet.sent("PATCH", "/channels/") == 1


async def test_a_used_up_limit_is_never_run_into(quiet: Harbour, rest: Rest) -> None:
    surface = _in_channel(quiet, rest)
    for number in range(6):  # one send and the channel's five edits
        await surface.show(Page(0, f"edit {number}"))
    with pytest.raises(Busy) as busy:
        await surface.show(Page(0, "edit 6"))
    assert 0.0 < busy.value.retry_after <= 5.0
    assert all(status == 200 for *_, status in quiet.discord.calls)


async def test_the_budgets_leave_room_for_the_final_edit(quiet: Harbour, rest: Rest) -> None:
    pacer, budgets = Pacer(), _in_channel(quiet, rest).capabilities.budgets[:1]
    for _ in range(4):
        assert pacer.serve([Wish(budgets, Rank.EDIT)], 0.0)[0]
    assert pacer.serve([Wish(budgets, Rank.EDIT)], 1.0) == ([], 5.25)
    assert pacer.serve([Wish(budgets, Rank.FINAL)], 1.0)[0]


@pytest.mark.parametrize("denied", ["VIEW_CHANNEL", "SEND_MESSAGES"])
async def test_a_channel_closed_to_the_bot_is_gone(quiet: Harbour, rest: Rest, denied: str) -> None:
    quiet.discord.deny(quiet.channel, denied)
    with pytest.raises(Gone):
        await _in_channel(quiet, rest).show(Page(0, "hello"))


@pytest.mark.parametrize("code", [50001, 50013])
async def test_where_the_bot_may_not_post_it_says_so(quiet: Harbour, rest: Rest, code: int) -> None:
    quiet.discord.fail("POST", r"/channels/\d+/messages", status=403, code=code)
    with pytest.raises(Gone) as gone:
        await _in_channel(quiet, rest).show(Page(0, "hello", final=True))
    assert gone.value.notice.startswith("I am not allowed to post here.")


@pytest.mark.parametrize("begun", [False, True])
async def test_where_files_are_not_allowed_a_text_still_is(
    quiet: Harbour, rest: Rest, begun: bool
) -> None:
    quiet.discord.deny(quiet.channel, "ATTACH_FILES")
    surface = _in_channel(quiet, rest)
    if begun:
        await surface.show(Page(0, "drawing …"))
    with pytest.raises(Gone) as gone:
        await surface.show(Page(0, "here", media=(CAT,), final=True))
    assert gone.value.notice.startswith("I am not allowed to attach files here.")
    await surface.show(Page(0, gone.value.notice))
    assert quiet.texts == [gone.value.notice]


@pytest.mark.parametrize(
    ("status", "code"), [(413, 0), (413, 40005), (400, 40005)], ids=["proxy", "both", "code"]
)
@pytest.mark.parametrize(
    ("part", "words"),
    [
        (CAT, "The picture is too large to post here."),
        (File(b"{}", "application/json", "a.json"), "The file is too large to post here."),
    ],
)
async def test_what_is_too_large_is_told_apart_from_what_is_gone(
    quiet: Harbour, rest: Rest, status: int, code: int, part: Image | File, words: str
) -> None:
    surface = _in_channel(quiet, rest)
    await surface.show(Page(0, "drawing …"))
    quiet.discord.fail("PATCH", r"/channels/.*", status=status, code=code)
    with pytest.raises(SurfaceError) as error:
        await surface.show(Page(0, "here", media=(part,), final=True))
    assert not isinstance(error.value, Gone)
    assert error.value.notice == words
    await surface.show(Page(0, f"⚠️ {words}", final=True))
    assert quiet.texts == [f"⚠️ {words}"]


async def test_a_deleted_channel_is_gone(quiet: Harbour, rest: Rest) -> None:
    surface = _in_channel(quiet, rest)
    await surface.show(Page(0, "one"))
    quiet.discord.delete_channel(quiet.channel)
    with pytest.raises(Gone):
        await surface.show(Page(0, "two"))


async def test_an_old_interaction_is_not_even_tried(quiet: Harbour, rest: Rest) -> None:
    ended = Webhook(quiet.discord.application_id, "token", until=0.0, original="@original")
    surface = DiscordSurface(rest, quiet.channel, "1000", webhook=ended)
    assert surface.capabilities.budgets[0].key == f"discord:channel:{quiet.channel}:edit"
    await surface.show(Page(0, "late"))
    assert quiet.texts == ["late"]
    assert quiet.sent("PATCH", "/webhooks/") == 0


async def test_a_reopened_reply_is_edited_where_it_stands(harbour: Harbour) -> None:
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    seen = await harbour.answer()
    await asyncio.wait_for(harbour.handler.answered.wait(), 5)
    ref = harbour.handler.surfaces[0].ref
    assert ref == f"{harbour.channel}/{seen.id}"
    adapter = harbour.adapter()
    reopened = adapter.reopen(turn_in(harbour.handler.requests[0].channel, ref))
    with pytest.raises(Unreachable):
        await reopened.show(Page(0, "before it serves"))
    async with serving(adapter, harbour.handler):
        await harbour.discord.wait_until(lambda: harbour.discord.sessions == 2)
        await reopened.show(Page(0, "finished after the restart"))
    assert harbour.texts[1:] == ["finished after the restart"]
