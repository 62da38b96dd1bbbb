"""What people attach on Discord: every kind of file, as far as it is taken."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.discord.inbound import Inbound, Upload
from adapters.discord.rest import Rest
from adapters.discord.uploads import kind_of, with_files
from bot.errors import Refused
from bot.types import Audio, Channel, File, Image, Message, Request, Role, Text, User
from tests.harbour import PNG, Harbour, harbour_with_bot

MB = 2**20


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with harbour_with_bot() as harbour:
        yield harbour


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("image/png", Image),
        ("image/svg+xml", File),
        ("audio/ogg", Audio),
        ("video/mp4", File),
        ("text/plain", File),
        ("application/pdf", File),
        ("", File),
    ],
)
def test_files_are_told_apart_by_their_media_type(media_type: str, kind: type) -> None:
    assert kind_of(Upload("https://cdn", "a", media_type, 1)) is kind


async def test_every_kind_of_file_comes_with_a_message(harbour: Harbour) -> None:
    files = [("a.png", PNG), ("voice-message.ogg", b"OggS"), ("notes.txt", b"high water")]
    await harbour.discord.say(
        harbour.channel, harbour.alice, "look", mention=True, attachments=[*files, ("x.zzz", b"?")]
    )
    await harbour.answer()
    assert harbour.handler.requests[0].attachments == (
        Image(PNG, "image/png", "a.png"),
        Audio(b"OggS", "audio/ogg", "voice-message.ogg"),
        File(b"high water", "text/plain", "notes.txt"),
        File(b"?", "application/octet-stream", "x.zzz"),
    )


async def test_a_voice_message_is_a_question_without_words(harbour: Harbour) -> None:
    await harbour.discord.say(
        harbour.direct, harbour.alice, "", attachments=[("voice-message.ogg", b"OggS")]
    )
    await harbour.answer(harbour.direct)
    request = harbour.handler.requests[0]
    assert (request.command, request.text) == ("ask", "")
    assert request.attachments == (Audio(b"OggS", "audio/ogg", "voice-message.ogg"),)


async def test_a_command_takes_a_file_of_any_kind(harbour: Harbour) -> None:
    registered = next(each for each in harbour.discord.commands if each["name"] == "ask")
    assert {each["name"]: each["type"] for each in registered["options"]} == {
        "prompt": 3,
        "file": 11,
    }
    await harbour.discord.use(
        harbour.channel, harbour.alice, "ask", prompt="what is it?", file=("a.pdf", b"%PDF")
    )
    await harbour.answer()
    assert harbour.handler.requests[0].attachments == (File(b"%PDF", "application/pdf", "a.pdf"),)


async def test_a_command_can_be_given_a_file_and_no_words(harbour: Harbour) -> None:
    await harbour.discord.use(harbour.channel, harbour.alice, "ask", file=("a.png", PNG))
    await harbour.answer()
    assert dict(harbour.handler.requests[0].options) == {}


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("a.png", 20 * MB + 1, "a.png is larger than 20 MB. Please attach a smaller picture."),
        ("a.ogg", 25 * MB + 1, "a.ogg is larger than 25 MB. Please attach a smaller recording."),
        ("a.pdf", 10 * MB + 1, "a.pdf is larger than 10 MB. Please attach a smaller file."),
    ],
)
async def test_what_is_too_large_is_refused_before_it_is_fetched(
    harbour: Harbour, name: str, size: int, words: str
) -> None:
    await harbour.discord.say(
        harbour.channel, harbour.alice, "?", mention=True, attachments=[(name, bytes(size))]
    )
    await harbour.discord.wait_for(harbour.channel, lambda seen: seen.content == f"⚠️ {words}")
    assert harbour.discord.downloads == 0
    assert harbour.handler.requests == []


@pytest.mark.parametrize(
    ("uploads", "words"),
    [
        ([Upload("http://nowhere", "a.txt", "text/plain", 1)] * 11, "That is 11 files."),
        ([Upload("http://nowhere", "a.ogg", "audio/ogg", 21 * MB)] * 3, "larger than 60 MB"),
    ],
)
async def test_too_much_at_once_is_refused_before_it_is_fetched(
    uploads: list[Upload], words: str
) -> None:
    request = Request(Channel("discord", "1", "2"), User("3", "Alice"), "4")
    async with Rest("http://nowhere", "token") as rest:
        with pytest.raises(Refused, match=words):
            await with_files(rest, Inbound(request, tuple(uploads)))


async def test_what_is_too_large_in_a_quoted_message_is_left_out_and_owned_up_to(
    harbour: Harbour,
) -> None:
    files = [("film.mp4", bytes(10 * MB + 1)), ("boat.png", PNG)]
    said = await harbour.discord.say(harbour.channel, harbour.mo, "look", attachments=files)
    await harbour.discord.say(
        harbour.channel, harbour.alice, "what is it?", mention=True, reply_to=said
    )
    await harbour.answer()
    left_out = Text("(film.mp4 was attached; it is too large to look at.)")
    assert harbour.handler.requests[0].quoted == Message(
        Role.USER, (Text("look"), left_out, Image(PNG, "image/png", "boat.png")), "Mo"
    )


async def test_a_file_that_is_gone_is_said(harbour: Harbour) -> None:
    harbour.discord.lose_files()
    await harbour.discord.say(
        harbour.channel, harbour.alice, "?", mention=True, attachments=[("a.txt", b"a")]
    )
    await harbour.discord.wait_for(
        harbour.channel, lambda seen: "a.txt could not be fetched" in seen.content
    )
