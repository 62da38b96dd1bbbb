"""The web adapter over real HTTP and WebSockets, with a small core written by hand."""

import asyncio
import json
import logging
import socket

import aiohttp
import pytest

from adapters.web import Web
from adapters.web.inbound import BadFrame, channel_name, read
from adapters.web.media import MediaShelf
from adapters.web.room import ENTRIES, Room, Rooms, Said
from bot.errors import AdapterError
from bot.interfaces import Surface
from bot.types import (
    Action,
    Attachment,
    Channel,
    Image,
    Manners,
    Menu,
    Message,
    Page,
    Request,
    Role,
    Text,
    Trigger,
    Turn,
    User,
)
from tests.fakes import turn_in
from tests.web_chat import Answerer, Json, Visitor, png, serving, settings, visiting


def remembered(question: str, answer: str, **fields: str) -> Turn:
    channel = Channel("web", "", "general")
    source = fields.get("source", "source-of-before")
    request = Request(channel, User("u", "Grace"), source, fields.get("command", "ask"), question)
    reply = Message(Role.ASSISTANT, (Text(answer),))
    return Turn(f"turn-{source}", request, fields.get("model", ""), reply=reply)


async def text_shown(visitor: Visitor) -> list[str]:
    """Every state that page 0 of the next reply goes through, as a browser puts it together."""
    shown = [""]
    while True:
        frame = await visitor.next("page")
        page = frame["page"]
        if "text" in page:
            shown.append(page["text"])
        else:
            old = shown[-1].encode("utf-16-le", "surrogatepass")
            kept = old[: len(old) - 2 * page["drop"]].decode("utf-16-le", "surrogatepass")
            shown.append(kept + page["more"])
        if page["final"]:
            return shown[1:]


async def how_it_closes(visitor: Visitor) -> int:
    """The code that the connection ends with, after whatever comes before."""
    while (message := await visitor.socket.receive(5)).type is aiohttp.WSMsgType.TEXT:
        continue
    return int(message.data)


async def test_a_question_becomes_a_request_and_its_answer_is_shown() -> None:
    core = Answerer()
    async with serving(core) as web, visiting(web) as ada:
        await ada.join("general")
        source = await ada.say("Good morning")
        said = (await ada.next("entry"))["entry"]
        reply = (await ada.next("entry"))["entry"]
        page = (await ada.next("page"))["page"]
        done = await ada.next("done")
    assert (said["kind"], said["id"], said["text"]) == ("said", source, "Good morning")
    assert (reply["kind"], reply["pages"], done["reply"]) == ("reply", [], reply["id"])
    assert page == {
        "number": 0,
        "text": "You said: Good morning",
        "media": [],
        "actions": [],
        "menus": [],
        "final": True,
    }
    request = core.requests[0]
    assert request.channel == Channel("web", "", "general")
    assert (request.command, request.text, request.source) == ("ask", "Good morning", source)
    assert (request.user.name, request.user.moderator) == ("Ada", True)


async def test_while_a_page_grows_only_what_is_new_is_sent() -> None:
    states = [
        "Look:",
        "Look:\n```py\nprint('🎈')\n```",
        "Look:\n```py\nprint('🎈')\nprint('🎉')\n```",
        "Look:\n```py\nprint('🎈')\nprint('🎉')\n```\n\nThat is all.",
        "Something else.",
    ]

    async def grow(_: Request, surface: Surface) -> None:
        for state in states:
            await surface.show(Page(0, state, final=state == states[-1]))
            await surface.show(Page(0, state, final=state == states[-1]))  # twice changes nothing

    async with serving(Answerer(grow)) as web, visiting(web) as ada, visiting(web) as grace:
        await ada.join()
        await grace.join()
        await ada.say("go")
        assert await text_shown(ada) == states
        frames: list[Json] = []
        while not frames or not frames[-1]["page"]["final"]:
            frames.append(await grace.next("page"))
    assert frames[0]["page"]["text"] == "Look:"
    assert frames[2]["page"]["more"] == "print('🎉')\n```"
    assert frames[2]["page"]["drop"] == len("```")


async def test_half_a_surrogate_pair_from_a_model_breaks_nothing() -> None:
    async def halves(_: Request, surface: Surface) -> None:
        await surface.show(Page(0, "half \ud83c"))
        await surface.show(Page(0, "whole 🎈", final=True))

    async with serving(Answerer(halves)) as web, visiting(web) as ada:
        await ada.join()
        await ada.say("go")
        assert await text_shown(ada) == ["half ?", "whole 🎈"]


async def test_everyone_in_a_channel_sees_it_live_and_nobody_else() -> None:
    core = Answerer()
    async with (
        serving(core) as web,
        visiting(web) as ada,
        visiting(web) as grace,
        visiting(web) as x,
    ):
        await ada.join("general")
        await grace.join("general")
        await x.join("elsewhere")
        await ada.say("Hello")
        assert (await grace.next("entry"))["entry"]["text"] == "Hello"
        assert (await grace.next("page"))["page"]["text"] == "You said: Hello"
        await x.say("Alone")
        assert (await x.next("entry"))["entry"]["text"] == "Alone"


async def test_who_joins_during_an_answer_sees_all_of_it() -> None:
    going_on = asyncio.Event()

    async def pause(_: Request, surface: Surface) -> None:
        await surface.show(Page(0, "One"))
        await going_on.wait()
        await surface.show(Page(0, "One, two", final=True))

    async with serving(Answerer(pause)) as web, visiting(web) as ada, visiting(web) as late:
        await ada.join()
        await ada.say("count")
        await ada.next("page")
        entries = (await late.join())["entries"]
        assert entries[1]["pages"][0]["text"] == "One"
        assert not entries[1]["done"]
        going_on.set()
        change = (await late.next("page"))["page"]
        assert (change["drop"], change["more"]) == (0, ", two")


async def test_after_a_break_only_what_was_missed_is_sent() -> None:
    async with serving(Answerer()) as web, visiting(web) as ada:
        await ada.join()
        await ada.say("first")
        done = await ada.next("done")
        since = {"epoch": ada.joined["epoch"], "at": done["at"]}
        await ada.socket.close()
        async with visiting(web) as grace:
            await grace.join()
            await grace.say("second")
            await grace.next("done")
        async with visiting(web) as again:
            joined = await again.join(since=since)
        async with visiting(web) as stranger:
            all_of_it = await stranger.join(since={"epoch": "of-another-run", "at": 999})
    assert not joined["fresh"]
    assert [entry.get("text") for entry in joined["entries"]] == ["second", None]
    assert all_of_it["fresh"]
    assert len(all_of_it["entries"]) == 4


async def test_a_message_that_comes_twice_is_answered_once() -> None:
    core = Answerer()
    async with serving(core) as web, visiting(web) as ada:
        await ada.join()
        source = await ada.say("once")
        await ada.next("done")
        await ada.say("once", source=source)
        await ada.say("and then")
        await ada.next("done")
        entries = (await ada.join())["entries"]
    assert [request.text for request in core.requests] == ["once", "and then"]
    assert len(entries) == 4


async def test_a_channel_begins_with_what_the_core_remembers() -> None:
    core = Answerer()
    core.turns["general"] = [
        remembered("How far is the moon?", "Far.", source="source-1"),
        remembered("a moon", "", source="source-2", command="image"),
    ]
    async with serving(core) as web, visiting(web) as ada:
        entries = (await ada.join())["entries"]
        await ada.say("How far is the moon?", source="source-1")  # sent again after a restart
        await ada.say("new")
        await ada.next("done")
    assert [entry.get("text") for entry in entries[::2]] == [
        "How far is the moon?",
        "/image a moon",
    ]
    assert entries[1]["pages"][0]["text"] == "Far."
    assert entries[1]["done"]
    assert [request.text for request in core.requests] == ["new"]


async def test_a_button_shows_its_label_and_does_what_its_line_says() -> None:
    async def offer(request: Request, surface: Surface) -> None:
        await surface.show(
            Page(0, "Choose", actions=[Action("Smaller", "/model mini")], final=True)
        )

    core = Answerer(offer)
    async with serving(core) as web, visiting(web) as ada:
        await ada.join()
        await ada.say("/model")
        action = (await ada.next("page"))["page"]["actions"][0]
        assert action == {"label": "Smaller", "line": "/model mini", "ask": ""}
        await ada.next("done")
        await ada.send("press", source="press-no-1", line=action["line"])
        said = (await ada.next("entry"))["entry"]
        await ada.next("done")
    assert (said["text"], said["pressed"]) == ("Smaller", True)
    assert (core.requests[1].command, core.requests[1].text) == ("model", "mini")
    assert core.requests[1].pressed


async def test_a_menu_is_told_to_the_page_and_its_options_do_what_buttons_do() -> None:
    async def offer(_: Request, surface: Surface) -> None:
        options = (
            Action("on", "/settings thinking on"),
            Action("more …", "/settings thinking ", "How?"),
        )
        await surface.show(Page(0, "?", menus=[Menu("Thinking …", options)], final=True))

    core = Answerer(offer)
    async with serving(core) as web, visiting(web) as ada:
        await ada.join()
        await ada.say("/settings thinking")
        menus = (await ada.next("page"))["page"]["menus"]
        await ada.next("done")
        await ada.send("press", source="press-no-1", line="/settings thinking on")
        picked = (await ada.next("entry"))["entry"]
        await ada.next("done")
        await ada.send("press", source="press-no-2", line="/settings thinking a little")
        told = (await ada.next("entry"))["entry"]
        await ada.next("done")
    assert menus == [
        {
            "label": "Thinking …",
            "options": [
                {"label": "on", "line": "/settings thinking on", "ask": ""},
                {"label": "more …", "line": "/settings thinking ", "ask": "How?"},
            ],
        }
    ]
    assert (picked["text"], told["text"]) == ("Thinking: on", "Thinking: more: a little")
    assert [request.text for request in core.requests[1:]] == ["thinking on", "thinking a little"]


async def test_an_edited_question_reads_so_for_everybody_and_is_told_to_the_core() -> None:
    core = Answerer()
    async with serving(core) as web, visiting(web) as ada, visiting(web) as grace:
        await ada.join()
        await grace.join()
        source = await ada.say("What is a fox?", source="the-question")
        await ada.next("done")
        await ada.send("edit", source="the-question:edit1", text="What is a wolf?")
        await ada.next("done")
        await ada.send("edit", source="the-question:edit1", text="What is a wolf?")  # sent again
        await ada.send("edit", source="the-question:edit2", text="What is a lynx?")
        await ada.next("done")
        seen = [await grace.next("entry") for _ in range(5)]
        late = (await grace.join())["entries"][0]
    edits = [frame["entry"] for frame in seen if frame["entry"]["id"] == source]
    assert [(said["text"], said["edits"]) for said in edits] == [
        ("What is a fox?", 0),
        ("What is a wolf?", 1),
        ("What is a lynx?", 2),
    ]
    assert (late["text"], late["edits"]) == ("What is a lynx?", 2)
    told = [(request.command, request.text, request.source) for request in core.requests]
    assert told == [
        ("ask", "What is a fox?", "the-question"),
        ("edited", "What is a wolf?", "the-question:edit1"),
        ("edited", "What is a lynx?", "the-question:edit2"),
    ]


async def test_only_the_own_words_of_a_message_can_be_changed() -> None:
    core = Answerer()
    async with serving(core) as web, visiting(web) as ada, visiting(web) as grace:
        await ada.join()
        await grace.send("join", channel="general", user={"id": "another-browser", "name": "Grace"})
        await grace.next("joined")
        await ada.say("What is a fox?", source="the-question")
        await ada.next("done")
        reply = (await ada.join())["entries"][1]["id"]
        refused = []
        for source, text in (
            ("the-question:edit1", "/image a fox"),
            (f"{reply}:edit1", "I am the bot."),
            ("unheard-of:edit1", "x"),
            ("the-question:edit1", "  "),
        ):
            await ada.send("edit", source=source, text=text)
            refused.append(await ada.next("refused"))
        await grace.send("edit", source="the-question:edit1", text="I, Grace, was here.")
        refused.append(await grace.next("refused"))
        first = (await ada.join())["entries"][0]
    assert "stays what it was: /ask" in refused[0]["text"]
    assert {frame["text"] for frame in (refused[1], refused[2], refused[4])} == {
        "This message cannot be changed any more."
    }
    assert first["text"] == "What is a fox?"
    assert len(core.requests) == 1


async def test_where_only_commands_are_heard_people_talk_among_themselves() -> None:
    class Quiet(Answerer):
        def manners(self, channel: Channel) -> Manners:
            return Manners(frozenset({Trigger.COMMAND}))

    core = Quiet()
    async with serving(core) as web, visiting(web) as ada:
        await ada.join()
        await ada.say("Shall we meet at nine?")
        assert (await ada.next("entry"))["entry"]["text"] == "Shall we meet at nine?"
        await ada.say("/ask Is nine early?")
        await ada.next("done")
        entries = (await ada.join())["entries"]
    assert [entry["kind"] for entry in entries] == ["said", "said", "reply"]
    assert [request.text for request in core.requests] == ["Is nine early?"]


async def test_options_are_completed_by_the_core() -> None:
    async with serving(Answerer()) as web, visiting(web) as ada:
        joined = await ada.join()
        await ada.send("complete", id=7, command="model", option="name", typed="slow")
        completed = await ada.next("completed")
    assert (completed["id"], completed["values"]) == (7, ["demo-chat-slow"])
    image = next(command for command in joined["commands"] if command["name"] == "image")
    options = {option["name"]: option for option in image["options"]}
    assert options["prompt"]["free"]
    assert options["model"]["completes"]
    assert "16:9" in options["aspect_ratio"]["choices"]
    assert "image" not in options, "a picture is attached, not typed"


async def test_the_page_is_told_which_model_answers() -> None:
    core = Answerer()
    async with serving(core) as web, visiting(web) as ada:
        assert (await ada.join())["model"] == "demo-chat"
        await ada.say("/model other-chat")
        assert (await ada.next("model"))["model"] == "other-chat"


async def test_what_is_not_in_the_protocol_is_refused_and_the_page_stays() -> None:
    async with serving(Answerer()) as web, visiting(web) as ada:
        for raw in ("{", "[]", "[" * 100_000, '{"type":"dance"}', '{"type":"join","channel":1}'):
            await ada.socket.send_str(raw)
            assert "reload" in (await ada.next("refused"))["text"]
        await ada.say("before joining", source="too-early")
        assert (await ada.next("refused"))["source"] == "too-early"
        await ada.join()
        await ada.say("x" * 32_001, source="too-long")
        refused = await ada.next("refused")
        assert (refused["source"], "32,000" in refused["text"]) == ("too-long", True)
        await ada.say("fine")
        assert (await ada.next("page"))["page"]["text"] == "You said: fine"
        await ada.socket.send_str("x" * 300_000)
        assert await how_it_closes(ada) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_text_that_cannot_be_stored_is_cleaned() -> None:
    core = Answerer()
    async with serving(core) as web, visiting(web) as ada:
        await ada.join()
        await ada.socket.send_str(
            r'{"type":"say","source":"strange-1","text":"a\u0000b \ud83c \ud83c\udf88"}'
        )
        await ada.next("done")
    assert core.requests[0].text == "ab � 🎈"


async def test_a_page_that_reads_nothing_is_cut_off_and_holds_up_nobody() -> None:
    shown = asyncio.Event()

    async def flood(_: Request, surface: Surface) -> None:
        for number in range(3_000):
            await surface.show(Page(0, f"{number} " + "x" * 20_000))
            if number % 10 == 0:
                await asyncio.sleep(0)
        shown.set()

    async with serving(Answerer(flood)) as web, visiting(web) as ada:
        await ada.join()
        reader, writer = await asyncio.open_connection("127.0.0.1", int(web.address.split(":")[-1]))
        writer.write(
            f"GET /ws HTTP/1.1\r\nHost: {web.address[7:]}\r\nOrigin: {web.address}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        join = {"type": "join", "channel": "general", "user": {"id": "deaf-browser"}}
        body = json.dumps(join).encode()
        writer.write(bytes([0x81, 0x80 | len(body), 0, 0, 0, 0]) + body)
        await reader.readexactly(2)
        await ada.say("flood")
        async with asyncio.timeout(10):
            await shown.wait()
            with pytest.raises(ConnectionResetError):
                while True:
                    # What was under way may still arrive, but then the line is cut.
                    if not await reader.read(2**20):
                        raise ConnectionResetError
        writer.close()


async def test_a_new_surface_finds_the_old_reply_again() -> None:
    web = Web(settings())
    surfaces: list[Surface] = []

    async def keep(_: Request, surface: Surface) -> None:
        surfaces.append(surface)
        assert surface.ref == ""
        await surface.show(Page(0, "cut o"))

    async with serving(Answerer(keep), web), visiting(web) as ada:
        await ada.join()
        await ada.say("hi")
        await ada.next("done")
        reopened = web.reopen(turn_in(Channel("web", "", "general"), surfaces[0].ref, "hi"))
        await reopened.show(Page(0, "cut off", final=True))
        assert (await ada.next("page"))["page"]["more"] == "ff"
        forgotten = web.reopen(turn_in(Channel("web", "", "general"), "of-an-earlier-run"))
        await forgotten.show(Page(0, "The bot was stopped.", final=True))
        last = (await ada.join())["entries"][-1]
    assert (last["id"], last["done"]) == ("of-an-earlier-run", True)


async def test_when_serving_ends_the_last_words_still_arrive() -> None:
    async def last_words(_: Request, surface: Surface) -> None:
        await surface.show(Page(0, "Working"))
        try:
            await asyncio.Event().wait()
        finally:
            await surface.show(Page(0, "Working. The bot was stopped.", final=True))

    web = Web(settings())
    task = asyncio.create_task(web.serve(Answerer(last_words)))
    await web.started.wait()
    async with visiting(web) as ada:
        await ada.join()
        await ada.say("hi")
        await ada.next("page")
        task.cancel()
        assert (await ada.next("page"))["page"]["more"] == ". The bot was stopped."
        assert await how_it_closes(ada) == aiohttp.WSCloseCode.GOING_AWAY
        await asyncio.wait([task])
    assert task.cancelled()


async def test_a_taken_port_is_named_with_its_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        web = Web(settings(port=port))
        for attempt in (web.check(), web.serve(Answerer())):
            with pytest.raises(AdapterError, match="WEB_PORT") as caught:
                await attempt
            assert f"127.0.0.1:{port}" in caught.value.notice
    assert await web.check() == f"http://127.0.0.1:{port}"


async def test_an_impossible_host_is_named_with_its_setting() -> None:
    with pytest.raises(AdapterError, match="WEB_HOST"):
        await Web(settings(host="192.0.2.1")).check()


async def test_the_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "switchboard.web"):
        async with serving(Answerer()) as web:
            assert f"web chat on {web.address}" in caplog.messages


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("general", "general"),
        ("  Night Shift! ", "night-shift"),
        ("Café", "cafe"),
        ("a_b-c", "a_b-c"),
        ("x" * 40, "x" * 32),
    ],
)
def test_names_of_channels_are_plain(typed: str, name: str) -> None:
    assert channel_name(typed) == name


@pytest.mark.parametrize("typed", ["", "  ", "!!!", "喵"])
def test_a_channel_needs_a_name(typed: str) -> None:
    with pytest.raises(BadFrame):
        channel_name(typed)


@pytest.mark.parametrize(
    "change",
    [
        {"source": ""},
        {"source": "<script>"},
        {"text": 5},
        {"text": "  "},
        {"files": ["a"] * 11},
        {"files": [1]},
        {"files": "abc"},
    ],
)
def test_a_message_is_checked_field_by_field(change: Json) -> None:
    frame = {"type": "say", "source": "source-1", "text": "hi", "files": []}
    read(json.dumps(frame))
    with pytest.raises(BadFrame):
        read(json.dumps({**frame, **change}))


def test_media_and_transcripts_and_channels_are_bounded() -> None:
    shelf = MediaShelf(limit=250)
    media = [shelf.keep(Image(bytes([n]) * 100, "image/png")) for n in range(3)]
    kept = [shelf.get(str(one["id"])) is not None for one in media]
    assert kept == [False, True, True]
    assert shelf.keep(Image(b"\1" * 100, "image/png")) == media[1]
    assert shelf.keep(Image(b"\1" * 100, "image/png", "b.png"))["name"] == "b.png"
    rooms = Rooms(shelf)
    first = rooms.get("first")
    for number in range(ENTRIES + 5):
        first.say(Said(f"source-{number}", {}, "hi"))
    assert len(first.missed("", 0)[1]) == ENTRIES
    busy = rooms.get("busy")
    busy.reply("going on")
    for number in range(120):
        rooms.get(f"room-{number}")
    assert rooms.get("first") is not first
    assert rooms.get("busy") is busy


def test_a_picture_shown_again_keeps_its_address() -> None:
    room = Room("general", MediaShelf())
    frames: list[Json] = []

    class Listening:
        def send(self, frame: bytes) -> None:
            frames.append(json.loads(frame))

    room.listeners.add(Listening())
    reply = room.reply("reply-1")
    picture: Attachment = Image(png(), "image/png", "cat.png")
    room.show(reply, Page(0, "a", media=[picture]))
    room.show(reply, Page(0, "ab", media=(picture,), final=True))
    first, second = (frame["page"]["media"] for frame in frames if frame["type"] == "page")
    assert first == second
    assert (first[0]["type"], first[0]["name"]) == ("image/png", "cat.png")
