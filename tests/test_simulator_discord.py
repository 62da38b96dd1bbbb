"""The simulated Discord as a bot meets it, driven by the real discord.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import discord
import pytest

from tests.simulators.discord import Limits, Rate
from tests.simulators.discord.harbour import PNG, Bot, Harbour, file, online, opened, paint

SPEC = Path(__file__).parents[2] / "shared" / "specs" / "discord-openapi.json"
NOBODY = discord.AllowedMentions.none()
QUICK = 0.3


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    """Without the narrow limits of a channel, which would make most of these tests wait."""
    async with opened(limits=Limits(send=Rate(50, 5.0), edit=Rate(50, 5.0))) as place:
        yield place


@pytest.fixture
async def bot(harbour: Harbour) -> AsyncIterator[Bot]:
    async with online(harbour.server, paint) as ready:
        yield ready


# --- people and messages --------------------------------------------------------------------------


async def test_a_bot_logs_in_and_finds_guild_channel_and_thread() -> None:
    async with opened() as harbour:
        thread = harbour.server.add_thread(harbour.channel, "plans")
        async with online(harbour.server, paint) as bot:
            guild = bot.get_guild(int(harbour.guild))
            assert guild is not None
            assert guild.name == "Harbour"
            assert [channel.name for channel in guild.text_channels] == ["general"]
            assert guild.get_thread(int(thread)) is not None
            assert bot.user is not None
            assert str(bot.user.id) == harbour.server.bot_id
            assert bot.application_flags.gateway_message_content_limited
            assert [command["name"] for command in harbour.server.commands] == ["paint", "model"]
            late = harbour.server.add_channel(harbour.guild, "late")
            await harbour.server.say(late, harbour.mo, "hello")
            heard = await bot.hear()
            assert isinstance(heard.channel, discord.TextChannel)
            assert heard.channel.name == "late"
            assert isinstance(heard.author, discord.Member)
            assert heard.author.guild_permissions.manage_messages


async def test_a_bot_hears_mentions_replies_files_edits_and_deletions(
    harbour: Harbour, bot: Bot
) -> None:
    server = harbour.server
    first = await server.say(
        harbour.channel, harbour.alice, "look", mention=True, attachments=[("a b.png", PNG)]
    )
    heard = await bot.hear()
    assert heard.content == f"<@{server.bot_id}> look"
    assert bot.user in heard.mentions
    assert heard.author.display_name == "Alice"
    assert (heard.attachments[0].width, heard.attachments[0].height) == (2, 3)
    assert await heard.attachments[0].read() == PNG
    await server.say(harbour.channel, harbour.mo, "nice", reply_to=first)
    heard = await bot.hear()
    assert heard.reference is not None
    assert isinstance(heard.reference.resolved, discord.Message)
    assert str(heard.reference.resolved.id) == first
    await server.edit(harbour.channel, first, "look again")
    assert await bot.next_event() == "edited look again"
    server.delete(harbour.channel, first)
    assert await bot.next_event() == f"deleted {first}"


async def test_the_same_message_can_be_delivered_twice(harbour: Harbour, bot: Bot) -> None:
    said = await harbour.server.say(harbour.channel, harbour.alice, "hello")
    await harbour.server.redeliver(said)
    assert [(await bot.hear()).id, (await bot.hear()).id] == [int(said), int(said)]


async def test_people_see_every_version_of_what_a_bot_sends(harbour: Harbour, bot: Bot) -> None:
    server = harbour.server
    asked = await server.say(harbour.channel, harbour.alice, "question")
    sent = await (await bot.hear()).reply(" one ", file=file("1.txt", b"1"))
    await sent.edit(content="two", attachments=[*sent.attachments, file("2.txt", b"22")])
    seen = await server.wait_for(harbour.channel, lambda seen: seen.content == "two")
    assert seen.author == "bot"
    assert seen.reply_to == asked
    assert seen.attachments == [("1.txt", b"1"), ("2.txt", b"22")]
    assert [text for _, text in seen.versions] == ["one", "two"]
    assert seen.versions[0][0] < seen.versions[1][0]
    assert await sent.attachments[0].read() == b"1"
    await sent.delete()
    assert [seen.author for seen in server.messages(harbour.channel)] == ["Alice"]
    assert server.messages(harbour.channel, deleted=True)[1].deleted


async def test_an_enforced_nonce_sends_once(harbour: Harbour, bot: Bot) -> None:
    place = bot.place(harbour.channel)
    first = await place.send("once", nonce="n1")
    again = await place.send("once", nonce="n1")
    other = await place.send("once", nonce="n2")
    assert first.id == again.id != other.id
    assert [seen.nonce for seen in harbour.server.messages(harbour.channel)] == ["n1", "n2"]


async def test_a_ping_is_recorded_unless_allowed_mentions_stop_it(
    harbour: Harbour, bot: Bot
) -> None:
    place, text = bot.place(harbour.channel), f"@everyone <@{harbour.alice}> <@&7>"
    await place.send(text)
    await place.send(text, allowed_mentions=NOBODY)
    alice = discord.Object(int(harbour.alice))
    some = discord.AllowedMentions(everyone=False, roles=False, users=[alice])
    await place.send(text, allowed_mentions=some)
    await harbour.server.say(harbour.channel, harbour.alice, "hm")
    await (await bot.hear()).reply("reply")
    edited = await place.send("quiet", allowed_mentions=NOBODY)
    await edited.edit(content=text)
    loud, quiet, users, _, reply, late = harbour.server.messages(harbour.channel)
    assert loud.pings.everyone
    assert loud.pings.roles == {"7"}
    assert not quiet.pings
    assert users.pings.users == {harbour.alice}
    assert not users.pings.everyone
    assert reply.pings.users == {harbour.alice}
    assert late.pings


async def test_a_bot_writes_privately_and_shows_that_it_types(harbour: Harbour, bot: Bot) -> None:
    server = harbour.server
    dm = server.add_dm(harbour.alice)
    await server.say(dm, harbour.alice, "psst")
    heard = await bot.hear()
    assert heard.guild is None
    await (await bot.fetch_user(int(harbour.alice))).send("yes?")
    async with heard.channel.typing():
        pass
    assert [seen.content for seen in server.messages(dm)] == ["psst", "yes?"]
    assert [channel for _, channel in server.typing] == [dm]


async def test_history_is_read_newest_first(harbour: Harbour, bot: Bot) -> None:
    place = bot.place(harbour.channel)
    ids = [await harbour.server.say(harbour.channel, harbour.alice, f"{n}") for n in range(5)]
    assert [message.content async for message in place.history(limit=2)] == ["4", "3"]
    before = discord.Object(int(ids[2]))
    assert [message.content async for message in place.history(before=before)] == ["1", "0"]
    assert [message.content async for message in place.history(after=before)] == ["3", "4"]
    around = place.history(around=discord.Object(int(ids[2])), limit=3)
    assert [message.content async for message in around] == ["3", "2", "1"]
    assert (await place.fetch_message(int(ids[0]))).content == "0"


async def test_waiting_in_vain_tells_what_the_channel_shows(harbour: Harbour) -> None:
    await harbour.server.say(harbour.channel, harbour.alice, "only this")
    with pytest.raises(AssertionError, match="Alice: 'only this'"):
        await harbour.server.wait_for(harbour.channel, lambda seen: False, timeout=0.01)


# --- interactions ---------------------------------------------------------------------------------


async def test_a_command_is_deferred_edited_and_followed_up(harbour: Harbour, bot: Bot) -> None:
    server = harbour.server
    used = await server.use(
        harbour.channel,
        harbour.alice,
        "paint",
        prompt="a cat",
        count=2,
        image=("a.png", PNG),
        friend=harbour.mo,
    )
    asked = await bot.asked()
    assert isinstance(asked.user, discord.Member)
    assert asked.user.display_name == "Alice"
    assert not asked.permissions.manage_messages
    answer = await asked.response.defer(thinking=True)
    assert answer is not None
    assert answer.is_thinking()
    thinking = server.messages(harbour.channel)[0]
    assert thinking.thinking
    assert thinking.interaction == used.id
    await asked.edit_original_response(content="cat", attachments=[file("cat.png", PNG)])
    more = await asked.followup.send("more", wait=True, file=file("b.txt", b"b"))
    await more.edit(content="even more")
    assert (await asked.original_response()).content == "cat"
    original, followup = server.messages(harbour.channel)
    assert [text for _, text in original.versions] == ["", "cat"]
    assert not original.thinking
    assert original.attachments == [("cat.png", PNG)]
    assert (followup.content, followup.reply_to) == ("even more", original.id)
    given = asked.extras["given"]
    assert given[:2] == ("a cat", 2)
    assert await given[2].read() == PNG
    assert str(given[3].id) == harbour.mo
    assert used.acknowledged_after is not None
    assert used.acknowledged_after < 1
    await more.delete()
    await asked.delete_original_response()
    assert server.messages(harbour.channel) == []


async def test_the_first_follow_up_to_a_deferral_is_the_answer(harbour: Harbour, bot: Bot) -> None:
    await harbour.server.use(harbour.channel, harbour.alice, "paint", prompt="a cat")
    asked = await bot.asked()
    await asked.response.defer(ephemeral=True)
    await asked.followup.send("cat")
    (seen,) = harbour.server.messages(harbour.channel)
    assert seen.content == "cat"
    assert seen.ephemeral
    assert not seen.thinking


async def test_a_command_works_in_private_and_takes_only_what_a_client_would_send(
    harbour: Harbour, bot: Bot
) -> None:
    server, dm = harbour.server, harbour.server.add_dm(harbour.mo)
    await server.use(dm, harbour.mo, "model", name="gpt")
    seen = await server.wait_for(dm, lambda seen: seen.content == "gpt")
    assert seen.ephemeral
    for options in ({}, {"prompt": "x", "count": 5}, {"prompt": "x", "colour": "red"}):
        with pytest.raises(AssertionError):
            await server.use(dm, harbour.mo, "paint", **options)


async def test_completion_offers_choices_and_refuses_more_than_25(
    harbour: Harbour, bot: Bot
) -> None:
    server = harbour.server
    choices = await server.complete(harbour.channel, harbour.alice, "model", name="gp")
    assert choices == [{"name": "gp0", "value": "0"}, {"name": "gp1", "value": "1"}]
    completing = asyncio.create_task(
        server.complete(harbour.channel, harbour.alice, "model", name="many")
    )
    await server.wait_until(lambda: server.calls[-1][3] == 400)
    (errors,) = server.exchanges[-1].answered["errors"]["data"]["choices"]["_errors"]
    assert errors["code"] == "BASE_TYPE_MAX_LENGTH"
    completing.cancel()


async def test_buttons_update_their_message_or_open_aform(harbour: Harbour, bot: Bot) -> None:
    server, place = harbour.server, bot.place(harbour.channel)
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Retry", custom_id="retry:1"))
    view.add_item(discord.ui.Select(options=[discord.SelectOption(label="A")], custom_id="pick"))
    sent = await place.send("choose", view=view)
    await server.press(harbour.channel, harbour.alice, str(sent.id), "retry:1")
    asked = await bot.asked()
    assert asked.data is not None
    assert asked.data.get("custom_id") == "retry:1"
    await asked.response.edit_message(content="chosen")
    await server.press(harbour.channel, harbour.alice, str(sent.id), "pick", "A")
    asked = await bot.asked()
    await asked.response.defer()
    await asked.edit_original_response(content="deferred", view=None)
    (seen,) = server.messages(harbour.channel)
    assert [text for _, text in seen.versions] == ["choose", "chosen", "deferred"]
    assert seen.components == []
    with pytest.raises(AssertionError, match="no component"):
        await server.press(harbour.channel, harbour.alice, str(sent.id), "retry:1")


async def test_a_form_is_shown_and_filled_in(harbour: Harbour, bot: Bot) -> None:
    server = harbour.server
    used = await server.use(harbour.channel, harbour.alice, "paint", prompt="a cat")
    form = discord.ui.Modal(title="Details", custom_id="details")
    form.add_item(discord.ui.TextInput(label="Colour", custom_id="colour"))
    await (await bot.asked()).response.send_modal(form)
    await used.answered()
    await server.submit(used, colour="red")
    submitted = await bot.asked()
    assert submitted.type is discord.InteractionType.modal_submit
    await submitted.response.send_message("thanks")
    assert server.messages(harbour.channel)[0].content == "thanks"


async def test_an_answer_after_three_seconds_finds_nobody() -> None:
    async with opened(answer_within=0.02) as harbour, online(harbour.server, paint) as bot:
        used = await harbour.server.use(harbour.channel, harbour.alice, "paint", prompt="a cat")
        asked = await bot.asked()
        assert not await used.answered()
        assert used.failed
        assert used.acknowledged_after is None
        with pytest.raises(discord.NotFound) as caught:
            await asked.response.defer()
        assert caught.value.code == 10062
        # The person still gets an answer: in the channel, with the bot's own token.
        await bot.place(harbour.channel).send("here")


async def test_an_interaction_is_answered_once_and_before_anything_else(
    harbour: Harbour, bot: Bot
) -> None:
    used = await harbour.server.use(harbour.channel, harbour.alice, "paint", prompt="a cat")
    asked = await bot.asked()
    with pytest.raises(discord.NotFound) as early:
        await asked.followup.send("too early")
    assert early.value.code == 10015
    await asked.response.send_message("answer")
    callback = f"/interactions/{used.id}/{used.token}/callback"
    assert await harbour.code("POST", callback, {"type": 5}) == 40060
    assert await harbour.code("POST", f"/interactions/1/{used.token}/callback", {}) == 10062
    webhook = f"/webhooks/{harbour.server.application_id}/{used.token}"
    assert await harbour.code("PATCH", f"{webhook}/messages/1", {"content": "x"}) == 10008
    assert await harbour.code("POST", f"/webhooks/1/{used.token}", {"content": "x"}) == 10015


async def test_a_token_ends_after_fifteen_minutes(harbour: Harbour, bot: Bot) -> None:
    used = await harbour.server.use(harbour.channel, harbour.alice, "paint", prompt="a cat")
    asked = await bot.asked()
    await asked.response.send_message("one")
    harbour.server.expire(used)
    with pytest.raises(discord.HTTPException) as caught:
        await asked.edit_original_response(content="two")
    assert (caught.value.status, caught.value.code) == (401, 50027)
    (seen,) = harbour.server.messages(harbour.channel)
    place = bot.place(harbour.channel)
    await place.get_partial_message(int(seen.id)).edit(content="three")
    assert harbour.server.messages(harbour.channel)[0].content == "three"


async def test_a_callback_must_suit_its_interaction(harbour: Harbour, bot: Bot) -> None:
    used = await harbour.server.use(harbour.channel, harbour.alice, "paint", prompt="a cat")
    callback = f"/interactions/{used.id}/{used.token}/callback"
    for body in ({"type": 7}, {"type": 8}, {"type": 99}, {"type": 9, "data": {"title": "x"}}):
        assert await harbour.code("POST", callback, body) == 50035
    assert await harbour.code("POST", callback, {"type": 4, "data": {}}) == 50006
    status, told, _ = await harbour.call(
        "POST", callback, {"type": 4, "data": {"content": "x" * 2001}}
    )
    assert status == 400
    assert "content" in told["errors"]["data"]
    assert (await harbour.call("POST", callback, {"type": 5}))[0] == 204


# --- the connection -------------------------------------------------------------------------------


async def test_what_happens_while_the_connection_is_down_is_replayed(
    harbour: Harbour, bot: Bot
) -> None:
    server = harbour.server
    await server.drop_connections()
    said = await server.say(harbour.channel, harbour.alice, "missed")
    assert (await bot.hear()).id == int(said)
    assert await bot.next_event() == "resumed"
    await server.ask_to_reconnect()
    assert await bot.next_event() == "resumed"
    assert server.sessions == 1


async def test_an_invalid_session_starts_afresh() -> None:
    async with opened(identify_every=0.0) as harbour, online(harbour.server) as bot:
        await harbour.server.invalidate_sessions()
        await harbour.server.wait_until(lambda: harbour.server.sessions == 2)
        await harbour.server.ready()
        await harbour.server.say(harbour.channel, harbour.alice, "again")
        assert (await bot.hear()).content == "again"


async def test_a_wrong_token_is_refused(harbour: Harbour) -> None:
    async with Bot(harbour.server) as bot:
        with pytest.raises(discord.LoginFailure):
            await asyncio.wait_for(bot.start("wrong"), 5)
    status, told, _ = await harbour.call("GET", "/users/@me", headers={"Authorization": "Bot x"})
    assert (status, told["message"]) == (401, "401: Unauthorized")


async def test_the_message_content_intent_must_be_granted() -> None:
    async with opened(message_content=False, identify_every=0.0) as harbour:
        async with Bot(harbour.server) as refused:
            with pytest.raises(discord.PrivilegedIntentsRequired):
                await asyncio.wait_for(refused.start(harbour.server.token), 5)
        async with online(harbour.server, message_content=False) as bot:
            dm = harbour.server.add_dm(harbour.alice)
            await harbour.server.say(
                harbour.channel, harbour.alice, "hidden", attachments=[("a", b"a")]
            )
            await harbour.server.say(harbour.channel, harbour.alice, "shown", mention=True)
            await harbour.server.say(dm, harbour.alice, "private")
            hidden, shown, private = [await bot.hear() for _ in range(3)]
            assert (hidden.content, hidden.attachments) == ("", [])
            assert shown.content.endswith("shown")
            assert private.content == "private"
            own = await bot.place(harbour.channel).send("own")
            assert (await own.fetch()).content == "own"


# --- trouble --------------------------------------------------------------------------------------


async def test_discord_py_keeps_within_the_limits_it_is_told() -> None:
    limits = Limits(edit=Rate(5, QUICK), interaction=Rate(5, QUICK))
    async with opened(limits=limits) as harbour, online(harbour.server, paint) as bot:
        sent = await bot.place(harbour.channel).send("0")
        for number in range(1, 8):
            await sent.edit(content=str(number))
        await harbour.server.use(harbour.channel, harbour.alice, "paint", prompt="a cat")
        asked = await bot.asked()
        await asked.response.defer()
        for number in range(7):
            await asked.edit_original_response(content=str(number))
        times = [when for when, _ in harbour.server.messages(harbour.channel)[0].versions]
        assert times[6] - times[1] >= QUICK
        assert {status for _, _, _, status in harbour.server.calls} == {200}


async def test_calls_fail_on_order(harbour: Harbour, bot: Bot) -> None:
    server, place = harbour.server, bot.place(harbour.channel)
    send = r"/channels/\d+/messages"
    server.fail("POST", send, status=429, retry_after=0.05)
    await place.send("after a wait")
    server.fail("POST", send, status=503)
    with pytest.raises(discord.DiscordServerError):
        await place.send("never")
    server.fail("POST", send, reset=True)
    with pytest.raises((aiohttp.ClientError, OSError)):
        await place.send("never")
    server.fail("POST", send, reset_after=True)
    with pytest.raises((aiohttp.ClientError, OSError)):
        await place.send("unheard")
    server.fail("POST", send, delay=0.05)
    await place.send("late")
    texts = [seen.content for seen in server.messages(harbour.channel)]
    assert texts == ["after a wait", "unheard", "late"]
    sends = [call for call in server.calls if call[1] == "POST"]
    assert [status for *_, status in sends] == [429, 200, 503, 0, 0, 200]


async def test_rights_can_be_taken_from_the_bot(harbour: Harbour, bot: Bot) -> None:
    server, place = harbour.server, bot.place(harbour.channel)
    sent = await place.send("mine")
    his = await server.say(harbour.channel, harbour.alice, "his")
    message = f"/channels/{harbour.channel}/messages/{his}"
    assert await harbour.code("PATCH", message, {"content": "x"}) == 50005
    assert await harbour.code("DELETE", message) == 50013
    server.deny(harbour.channel, "SEND_MESSAGES")
    with pytest.raises(discord.Forbidden) as caught:
        await place.send("no")
    assert caught.value.code == 50013
    await sent.edit(content="an edit needs no right to send")
    server.deny(harbour.channel, "ATTACH_FILES")
    with pytest.raises(discord.Forbidden):
        await place.send(file=file("a.txt", b"a"))
    server.deny(harbour.channel, "VIEW_CHANNEL")
    with pytest.raises(discord.Forbidden) as caught:
        await sent.edit(content="no")
    assert caught.value.code == 50001
    server.deny(harbour.channel)
    server.delete(harbour.channel, str(sent.id))
    with pytest.raises(discord.NotFound) as gone:
        await sent.edit(content="no")
    assert gone.value.code == 10008
    server.delete_channel(harbour.channel)
    with pytest.raises(discord.NotFound) as gone:
        await place.send("no")
    assert gone.value.code == 10003
