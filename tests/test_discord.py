"""The Discord adapter, with the real discord.py, in a simulated Discord: what people see there."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest

from adapters.discord import Discord
from adapters.discord.commands import choices, native
from adapters.discord.outbound import file_name
from adapters.discord.rest import Rest, api_base
from adapters.discord.surface import DiscordSurface, Webhook
from bot.commands import COMMANDS, Command, Kind, Option
from bot.config import DiscordSettings
from bot.errors import AdapterError, Busy, Gone, Unreachable
from bot.interfaces import Surface
from bot.pacing import Pacer
from bot.types import Action, Channel, File, Image, Page, Request, Role, Status, Turn
from tests.simulators.discord import DiscordSimulator, Seen

Answer = Callable[[Request, Surface], Awaitable[None]]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
CAT = Image(PNG, "image/png", "cat.png")


async def _nothing(context: object) -> None:
    raise AssertionError("the handler answers here, no command is run")


# A table of our own, so that the bot's commands may change without these tests.
OURS = (
    Command("ask", "Ask.", _nothing, (Option("question", "What", required=True),)),
    Command("help", "Help.", _nothing),
    Command(
        "model", "A model.", _nothing, (Option("name", "Which", complete=lambda _, typed: ()),)
    ),
    Command(
        "image",
        "A picture.",
        _nothing,
        (
            Option("image", "To start from", Kind.IMAGE),
            Option("count", "How many", Kind.INTEGER, minimum=1, maximum=4),
            Option("shape", "Wide or tall", choices=("16:9", "9:16")),
            Option("prompt", "What", required=True),
        ),
    ),
)


async def say_done(request: Request, surface: Surface) -> None:
    await surface.show(Page(0, "done", final=True))


class Answering:
    """A handler that notes every request and answers it as the test says."""

    def __init__(self, answer: Answer = say_done) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.surfaces: list[Surface] = []
        self.offered: list[str] = []
        self.answered = asyncio.Event()

    async def handle(self, request: Request, surface: Surface) -> Status:
        self.requests.append(request)
        self.surfaces.append(surface)
        await self.answer(request, surface)
        self.answered.set()
        return Status.DONE

    def complete(self, channel: Channel, command: str, option: str, typed: str) -> Sequence[str]:
        return [value for value in self.offered if value.startswith(typed)]

    async def history(self, channel: Channel) -> Sequence[Turn]:
        return ()


class Harbour:
    """A small community: a server with a channel and a thread, two people, the bot's handler."""

    def __init__(self, discord: DiscordSimulator, handler: Answering) -> None:
        self.discord = discord
        self.handler = handler
        guild = discord.add_guild("Harbour")
        self.guild = guild
        self.channel = discord.add_channel(guild, "general")
        self.thread = discord.add_thread(self.channel, "plans")
        self.alice = discord.add_user("Alice")
        self.mo = discord.add_user("Mo", moderator=True)
        self.direct = discord.add_dm(self.alice)

    def adapter(self, token: str = "", api_url: str = "") -> Discord:
        settings = DiscordSettings.model_validate(
            {"token": token or self.discord.token, "api_url": api_url or self.discord.api_url}
        )
        return Discord(settings, OURS)

    async def answer(self, channel: str = "") -> Seen:
        """The bot's first message that says something."""
        return await self.discord.wait_for(
            channel or self.channel, lambda seen: seen.author == "bot" and seen.content != ""
        )

    def sent(self, method: str, part: str) -> int:
        """How many calls there were."""
        return sum(how == method and part in path for _, how, path, _ in self.discord.calls)


@asynccontextmanager
async def serving(adapter: Discord, handler: Answering) -> AsyncIterator[None]:
    task = asyncio.create_task(adapter.serve(handler))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def quiet() -> AsyncIterator[Harbour]:
    """The community without its bot."""
    async with DiscordSimulator() as discord:
        yield Harbour(discord, Answering())


@pytest.fixture
async def harbour(quiet: Harbour) -> AsyncIterator[Harbour]:
    async with serving(quiet.adapter(), quiet.handler):
        await quiet.discord.ready()
        yield quiet


@pytest.fixture
async def rest(quiet: Harbour) -> AsyncIterator[Rest]:
    async with Rest(quiet.discord.api_url, quiet.discord.token) as rest:
        yield rest


# --- asking ---


async def test_a_slash_command_is_acknowledged_at_once_and_answered_with_edits(
    harbour: Harbour,
) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        for text in ("A", "A cat", "A cat purrs."):
            await surface.show(Page(0, text))

    harbour.handler.answer = answer
    interaction = await harbour.discord.use(harbour.channel, harbour.alice, "ask", question="cat?")
    seen = await harbour.discord.wait_for(harbour.channel, lambda seen: "purrs" in seen.content)
    assert interaction.acknowledged_after is not None
    assert interaction.acknowledged_after < 1.0
    assert [text for _, text in seen.versions] == ["", "A", "A cat", "A cat purrs."]
    assert seen.interaction == interaction.id
    request = harbour.handler.requests[0]
    assert (request.command, dict(request.options)) == ("ask", {"question": "cat?"})
    assert request.source == interaction.id
    assert request.channel == Channel("discord", harbour.guild, harbour.channel)


async def test_longer_answers_go_on_in_further_messages(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, "first page", final=True))
        await surface.show(Page(1, "second"))
        await surface.show(Page(1, "second page", final=True))
        assert surface.ref == "/".join(
            [
                harbour.channel,
                ",".join(seen.id for seen in harbour.discord.messages(harbour.channel)),
            ]
        )

    harbour.handler.answer = answer
    await harbour.discord.use(harbour.channel, harbour.alice, "help")
    await harbour.discord.wait_for(harbour.channel, lambda seen: seen.content == "second page")
    texts = [seen.content for seen in harbour.discord.messages(harbour.channel)]
    assert texts == ["first page", "second page"]


async def test_a_mention_is_answered_by_a_reply_that_pings_nobody(harbour: Harbour) -> None:
    asked = await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    seen = await harbour.answer()
    assert (seen.content, seen.reply_to, bool(seen.pings)) == ("done", asked, False)
    request = harbour.handler.requests[0]
    assert (request.text, request.source, request.user.name) == ("hello", asked, "Alice")


async def test_a_reply_to_the_bot_is_heard_and_other_talk_is_not(harbour: Harbour) -> None:
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    seen = await harbour.answer()
    await harbour.discord.say(harbour.channel, harbour.mo, "talking to somebody else")
    await harbour.discord.say(harbour.channel, harbour.mo, "and then?", reply_to=seen.id)
    await harbour.discord.wait_until(lambda: len(harbour.discord.messages(harbour.channel)) == 5)
    assert [request.text for request in harbour.handler.requests] == ["hello", "and then?"]
    quoted = harbour.handler.requests[1].quoted
    assert quoted is not None
    assert (quoted.role, quoted.text) == (Role.ASSISTANT, "done")


async def test_in_private_every_message_is_for_the_bot(harbour: Harbour) -> None:
    await harbour.discord.say(harbour.direct, harbour.alice, "/help me")
    await harbour.answer(harbour.direct)
    request = harbour.handler.requests[0]
    assert (request.command, request.text) == ("help", "me")
    assert request.channel == Channel("discord", "", harbour.direct)


async def test_a_thread_is_a_conversation_of_its_own(harbour: Harbour) -> None:
    await harbour.discord.say(harbour.thread, harbour.alice, "typed", mention=True)
    await harbour.answer(harbour.thread)
    await harbour.discord.use(harbour.thread, harbour.alice, "help")
    await harbour.discord.wait_until(lambda: len(harbour.discord.messages(harbour.thread)) == 3)
    place = Channel("discord", harbour.guild, harbour.channel, thread=harbour.thread)
    await harbour.discord.wait_until(lambda: len(harbour.handler.requests) == 2)
    assert [request.channel for request in harbour.handler.requests] == [place, place]


async def test_moderators_are_known_however_they_ask(harbour: Harbour) -> None:
    for person in (harbour.alice, harbour.mo):
        await harbour.discord.say(harbour.channel, person, "typed", mention=True)
        await harbour.discord.use(harbour.thread, person, "help")
    await harbour.discord.wait_until(lambda: len(harbour.handler.requests) == 4)
    judged = {(request.user.name, request.user.moderator) for request in harbour.handler.requests}
    assert judged == {("Alice", False), ("Mo", True)}


async def test_an_attached_picture_arrives_as_its_bytes(harbour: Harbour) -> None:
    discord = harbour.discord
    await discord.use(
        harbour.channel, harbour.alice, "image", prompt="a cat", count=2, image=("a.png", PNG)
    )
    await discord.say(
        harbour.channel, harbour.alice, "?", mention=True, attachments=[("b.png", PNG)]
    )
    await discord.wait_until(lambda: len(harbour.handler.requests) == 2)
    requests = {request.command: request for request in harbour.handler.requests}
    assert requests["image"].attachments == (Image(PNG, "image/png", "a.png"),)
    assert requests["image"].options == {"prompt": "a cat", "count": "2"}
    assert requests["ask"].attachments == (Image(PNG, "image/png", "b.png"),)


async def test_the_picture_in_a_message_replied_to_comes_along(harbour: Harbour) -> None:
    discord = harbour.discord
    posted = await discord.say(harbour.channel, harbour.mo, "look", attachments=[("boat.png", PNG)])
    await discord.say(harbour.channel, harbour.alice, "what is it?", mention=True, reply_to=posted)
    await harbour.answer()
    quoted = harbour.handler.requests[0].quoted
    assert quoted is not None
    assert (quoted.name, quoted.text) == ("Mo", "look")
    assert quoted.parts[1:] == (Image(PNG, "image/png", "boat.png"),)


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("notes.txt", 10, "notes.txt is not a picture"),
        ("a.png", 20 * 2**20 + 1, "larger than 20 MB"),
    ],
)
async def test_what_cannot_be_used_as_a_picture_is_said(
    harbour: Harbour, name: str, size: int, words: str
) -> None:
    await harbour.discord.use(
        harbour.channel, harbour.alice, "image", prompt="a cat", image=(name, bytes(size))
    )
    seen = await harbour.discord.wait_for(harbour.channel, lambda seen: words in seen.content)
    assert not seen.thinking
    assert harbour.handler.requests == []


async def test_options_are_completed_while_somebody_types(harbour: Harbour) -> None:
    harbour.handler.offered = [
        "other",
        *(f"gpt-{number}" for number in range(30)),
        "gpt-" + "x" * 100,
        "gpt-1",
    ]
    offered = await harbour.discord.complete(harbour.channel, harbour.alice, "model", name="gp")
    assert offered == [{"name": f"gpt-{n}", "value": f"gpt-{n}"} for n in range(25)]


async def test_a_button_is_acknowledged_and_answered_in_a_new_message(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        actions = (Action("gpt-5", "/model gpt-5"),) if request.command == "ask" else ()
        await surface.show(Page(0, f"this was {request.command} {request.text}", actions=actions))

    harbour.handler.answer = answer
    await harbour.discord.say(harbour.channel, harbour.alice, "which?", mention=True)
    first = await harbour.answer()
    assert first.components[0]["components"][0]["label"] == "gpt-5"
    pressed = await harbour.discord.press(harbour.channel, harbour.mo, first.id, "/model gpt-5")
    second = await harbour.discord.wait_for(
        harbour.channel, lambda seen: seen.content == "this was model gpt-5"
    )
    assert pressed.acknowledged_after is not None
    assert second.id != first.id
    assert harbour.handler.requests[1].source == pressed.id
    now = next(seen for seen in harbour.discord.messages(harbour.channel) if seen.id == first.id)
    assert now.content == "this was ask which?"


async def test_an_event_delivered_twice_has_the_same_source(harbour: Harbour) -> None:
    asked = await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    await harbour.discord.redeliver(asked)
    await harbour.discord.wait_until(lambda: len(harbour.handler.requests) == 2)
    assert {request.source for request in harbour.handler.requests} == {asked}


async def test_the_typing_sign_is_there_before_the_answer(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await harbour.discord.wait_until(lambda: len(harbour.discord.typing) == 1)
        await surface.show(Page(0, "done"))

    harbour.handler.answer = answer
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    await harbour.answer()


async def test_an_answer_comes_without_the_typing_sign_too(harbour: Harbour) -> None:
    harbour.discord.fail("POST", r".*/typing", status=500)
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    assert (await harbour.answer()).content == "done"


async def test_without_the_message_content_intent_mentions_still_work() -> None:
    async with DiscordSimulator(message_content=False) as discord:
        harbour = Harbour(discord, Answering())
        async with serving(harbour.adapter(), harbour.handler):
            await discord.ready()
            await discord.say(harbour.channel, harbour.alice, "hello", mention=True)
            await harbour.answer()
            assert harbour.handler.requests[0].text == "hello"


# --- acknowledging under difficulties ---


async def test_an_interaction_that_is_over_is_answered_in_the_channel(harbour: Harbour) -> None:
    harbour.discord.fail("POST", r"/interactions/.*", status=404, code=10062)
    await harbour.discord.use(harbour.channel, harbour.alice, "help")
    seen = await harbour.answer()
    assert (seen.content, seen.interaction) == ("done", None)


@pytest.mark.parametrize("acts", [False, True])
async def test_a_broken_acknowledgement_is_repeated(harbour: Harbour, acts: bool) -> None:
    harbour.discord.fail("POST", r"/interactions/.*", reset=not acts, reset_after=acts)
    interaction = await harbour.discord.use(harbour.channel, harbour.alice, "help")
    seen = await harbour.answer()
    assert (seen.content, seen.interaction) == ("done", interaction.id)
    assert len(harbour.discord.messages(harbour.channel)) == 1


async def test_an_interaction_that_was_never_acknowledged_is_answered_in_the_channel(
    harbour: Harbour,
) -> None:
    harbour.discord.fail("POST", r"/interactions/.*", status=500, times=2)
    await harbour.discord.use(harbour.channel, harbour.alice, "help")
    seen = await harbour.answer()
    assert (seen.content, seen.interaction) == ("done", None)


async def test_an_answer_outlives_its_interaction(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, "early"))
        harbour.discord.expire(harbour.discord.interactions[-1])
        await surface.show(Page(0, "late", final=True))
        await surface.show(Page(1, "later", final=True))

    harbour.handler.answer = answer
    await harbour.discord.use(harbour.channel, harbour.alice, "help")
    await harbour.discord.wait_for(harbour.channel, lambda seen: seen.content == "later")
    texts = [seen.content for seen in harbour.discord.messages(harbour.channel)]
    assert texts == ["late", "later"]


# --- connecting ---


async def test_the_commands_are_registered_with_their_options(harbour: Harbour) -> None:
    registered = {command["name"]: command for command in harbour.discord.commands}
    assert registered.keys() == {"ask", "help", "model", "image"}
    image = registered["image"]
    assert image["contexts"] == [0, 1]
    prompt, picture, count, shape = image["options"]
    assert (prompt["name"], prompt["type"], prompt["required"]) == ("prompt", 3, True)
    assert (picture["name"], picture["type"]) == ("image", 11)
    assert (count["type"], count["min_value"], count["max_value"]) == (4, 1, 4)
    assert [choice["value"] for choice in shape["choices"]] == ["16:9", "9:16"]
    name = registered["model"]["options"][0]
    assert (name["type"], name["autocomplete"], name["max_length"]) == (3, True, 6000)


async def test_discord_takes_the_bots_own_commands(quiet: Harbour) -> None:
    settings = {"token": quiet.discord.token, "api_url": quiet.discord.api_url}
    adapter = Discord(DiscordSettings.model_validate(settings))
    async with serving(adapter, quiet.handler):
        await quiet.discord.ready()
        registered = [command["name"] for command in quiet.discord.commands]
    assert sorted(registered) == sorted(command.name for command in COMMANDS)


def test_many_choices_are_offered_while_somebody_types() -> None:
    many = Option("number", "Which", choices=tuple(map(str, range(26))))
    option = native([Command("pick", "Pick.", _nothing, (many,))])[0]["options"][0]
    assert (option["autocomplete"], "choices" in option) == (True, False)


def test_no_choice_is_offered_twice_or_cut() -> None:
    assert choices(["", "a", "a", "x" * 101, "x" * 100]) == [
        {"name": "a", "value": "a"},
        {"name": "x" * 100, "value": "x" * 100},
    ]


async def test_checking_says_who_we_are(quiet: Harbour) -> None:
    assert await quiet.adapter().check() == f"switchboard ({quiet.discord.bot_id})"


async def test_a_wrong_token_is_one_clear_sentence(quiet: Harbour) -> None:
    with pytest.raises(AdapterError, match="DISCORD_TOKEN"):
        await quiet.adapter(token="wrong").check()
    with pytest.raises(AdapterError, match="DISCORD_TOKEN"):
        await quiet.adapter(token="wrong").serve(quiet.handler)


async def test_a_missing_token_is_one_clear_sentence() -> None:
    with pytest.raises(AdapterError, match="DISCORD_TOKEN"):
        await Discord(DiscordSettings.model_validate({})).check()


async def test_a_token_withdrawn_later_ends_it(quiet: Harbour) -> None:
    task = asyncio.create_task(quiet.adapter().serve(quiet.handler))
    await quiet.discord.ready()
    await quiet.discord.drop_connections(code=4004)
    with pytest.raises(AdapterError, match="DISCORD_TOKEN"):
        await task


async def test_nobody_at_home_is_unreachable() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        settings = DiscordSettings.model_validate({"token": "any", "api_url": url})
        with pytest.raises(Unreachable):
            await Discord(settings).check()


async def test_a_refused_first_connection_is_tried_again(
    quiet: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    target = urlsplit(quiet.discord.api_url)
    door = socket.socket()
    door.bind(("127.0.0.1", 0))  # and not listening yet: connections are refused
    url = f"http://127.0.0.1:{door.getsockname()[1]}"
    noted = _Noted()
    with caplog.at_level(logging.INFO, "switchboard.discord"), noted:
        async with serving(quiet.adapter(api_url=url), quiet.handler):
            await asyncio.wait_for(noted.warned.wait(), 5)
            async with _forwarding(door, str(target.hostname), int(target.port or 0)):
                await quiet.discord.ready()
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "trying again in 1." in warnings[0].getMessage()
    assert not any(record.exc_info for record in caplog.records)


async def test_a_connection_refused_after_the_login_is_tried_again(quiet: Harbour) -> None:
    quiet.discord.fail("GET", "/gateway/bot", status=503)
    async with serving(quiet.adapter(), quiet.handler):
        await quiet.discord.ready()


async def test_a_lost_connection_is_resumed_and_nothing_is_missed(harbour: Harbour) -> None:
    await harbour.discord.drop_connections()
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    assert (await harbour.answer()).content == "done"
    assert harbour.discord.sessions == 1


async def test_answers_under_way_say_goodbye_when_the_bot_is_stopped(quiet: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, "working"))
        try:
            await asyncio.Event().wait()
        finally:
            await surface.show(Page(0, "stopped"))

    quiet.handler.answer = answer
    async with serving(quiet.adapter(), quiet.handler):
        await quiet.discord.ready()
        await quiet.discord.say(quiet.channel, quiet.alice, "hello", mention=True)
        await quiet.answer()
    assert (await quiet.answer()).content == "stopped"


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("http://127.0.0.1:1234", "http://127.0.0.1:1234/api/v10"),
        ("https://discord.com/api", "https://discord.com/api/v10"),
        ("https://discord.com/api/v10", "https://discord.com/api/v10"),
        ("https://proxy.example/discord/v10/", "https://proxy.example/discord/v10"),
    ],
)
def test_the_address_of_the_api_may_be_short(given: str, base: str) -> None:
    assert api_base(given) == base


# --- showing ---


def _in_channel(harbour: Harbour, rest: Rest, reply_to: str = "") -> DiscordSurface:
    return DiscordSurface(rest, harbour.channel, "1000", reply_to=reply_to)


def _texts(harbour: Harbour) -> list[str]:
    return [seen.content for seen in harbour.discord.messages(harbour.channel)]


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
    assert _texts(quiet) == ["two"]


async def test_a_deleted_answer_to_a_command_is_sent_afresh(harbour: Harbour) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, "one"))
        harbour.discord.delete(harbour.channel, surface.ref.partition("/")[2])
        await surface.show(Page(0, "two"))

    harbour.handler.answer = answer
    await harbour.discord.use(harbour.channel, harbour.alice, "help")
    await harbour.discord.wait_for(harbour.channel, lambda seen: seen.content == "two")
    assert _texts(harbour) == ["two"]


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
    assert _texts(quiet) == ["done"]


async def test_where_replies_are_refused_the_answer_is_an_ordinary_message(
    quiet: Harbour, rest: Rest
) -> None:
    asked = await quiet.discord.say(quiet.channel, quiet.alice, "hello")
    quiet.discord.fail("POST", r"/channels/\d+/messages", status=400, code=160002)
    await _in_channel(quiet, rest, reply_to=asked).show(Page(0, "done"))
    assert _texts(quiet) == ["hello", "done"]


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
    assert _texts(quiet) == ["**Title**\n```\na  b\n─  ─\n1  2\n```"]


async def test_a_send_that_broke_off_is_not_sent_twice(quiet: Harbour, rest: Rest) -> None:
    surface = _in_channel(quiet, rest)
    quiet.discord.fail("POST", r"/channels/\d+/messages", reset_after=True)
    with pytest.raises(Unreachable):
        await surface.show(Page(0, "hello"))
    await surface.show(Page(0, "hello world"))
    assert _texts(quiet) == ["hello world"]


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
    assert _texts(harbour) == ["first", "second page"]


async def test_a_send_cut_short_by_us_is_not_sent_twice(quiet: Harbour, rest: Rest) -> None:
    surface = _in_channel(quiet, rest)
    showing = asyncio.create_task(surface.show(Page(0, "hello")))
    await quiet.discord.wait_for(quiet.channel, lambda seen: seen.content == "hello")
    showing.cancel()  # Discord has acted, and its answer is still on the way
    with pytest.raises(asyncio.CancelledError):
        await showing
    assert surface.ref == ""
    await surface.show(Page(0, "stopped"))
    assert _texts(quiet) == ["stopped"]


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
    assert _texts(quiet) == ["two"]


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
    pacer, budgets = Pacer(), _in_channel(quiet, rest).capabilities.budgets
    for _ in range(4):
        assert pacer.delay(budgets, 0.0) == 0.0
        pacer.spend(budgets, 0.0)
    assert pacer.delay(budgets, 0.0) == 5.0
    assert pacer.delay(budgets, 0.0, final=True) == 0.0


@pytest.mark.parametrize("denied", ["VIEW_CHANNEL", "SEND_MESSAGES"])
async def test_a_channel_closed_to_the_bot_is_gone(quiet: Harbour, rest: Rest, denied: str) -> None:
    quiet.discord.deny(quiet.channel, denied)
    with pytest.raises(Gone):
        await _in_channel(quiet, rest).show(Page(0, "hello"))


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
    assert _texts(quiet) == ["late"]
    assert quiet.sent("PATCH", "/webhooks/") == 0


async def test_a_reopened_reply_is_edited_where_it_stands(harbour: Harbour) -> None:
    await harbour.discord.say(harbour.channel, harbour.alice, "hello", mention=True)
    seen = await harbour.answer()
    await asyncio.wait_for(harbour.handler.answered.wait(), 5)
    ref = harbour.handler.surfaces[0].ref
    assert ref == f"{harbour.channel}/{seen.id}"
    adapter = harbour.adapter()
    reopened = adapter.reopen(harbour.handler.requests[0].channel, ref)
    with pytest.raises(Unreachable):
        await reopened.show(Page(0, "before it serves"))
    async with serving(adapter, harbour.handler):
        await harbour.discord.wait_until(lambda: harbour.discord.sessions == 2)
        await reopened.show(Page(0, "finished after the restart"))
    assert _texts(harbour)[1:] == ["finished after the restart"]


# --- a door that opens late ---


class _Noted(logging.Handler):
    """Tells when the adapter has warned of something."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.warned = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.warned.set()

    def __enter__(self) -> None:
        logging.getLogger("switchboard.discord").addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("switchboard.discord").removeHandler(self)


@asynccontextmanager
async def _forwarding(door: socket.socket, host: str, port: int) -> AsyncIterator[None]:
    """Everything that comes to the door goes on to the port."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(2**16):
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def enter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside = await asyncio.open_connection(host, port)
        await asyncio.gather(pipe(reader, inside[1]), pipe(inside[0], writer))

    server = await asyncio.start_server(enter, sock=door)
    try:
        yield
    finally:
        server.close()
