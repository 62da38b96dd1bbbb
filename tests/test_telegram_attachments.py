"""What people send along on a simulated Telegram: pictures, albums, recordings, files."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.types import Audio, File, Image, Text
from tests.telegram_harbour import (
    GREEN,
    NAVY,
    RED,
    Harbour,
    community,
    picture,
    serving,
)

OPUS = b"OggS" + bytes(60)
TWENTY, TEN = 20 * 2**20, 10 * 2**20


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    async with community() as quiet, serving(quiet.adapter, quiet.handler):
        await quiet.telegram.ready()
        yield quiet


# --- pictures ---


async def test_a_photo_without_words_is_a_question_of_its_own(harbour: Harbour) -> None:
    await harbour.telegram.say(harbour.private, harbour.alice, photo=NAVY.data)
    request = await harbour.handler.request()

    assert (request.command, request.text) == ("ask", "")
    assert [part.data for part in request.attachments] == [NAVY.data]


async def test_a_photo_without_words_in_reply_to_the_bot_is_one_too(harbour: Harbour) -> None:
    telegram = harbour.telegram
    await telegram.say(harbour.group, harbour.alice, "/ask for a picture")
    answer = await harbour.says("done", harbour.group)

    await telegram.say(harbour.group, harbour.alice, photo=NAVY.data, reply_to=answer.id)

    assert len((await harbour.handler.request(1)).attachments) == 1


async def test_a_photo_is_an_attachment_and_its_caption_the_question(harbour: Harbour) -> None:
    await harbour.telegram.say(
        harbour.private, harbour.alice, "what is this?", photo=picture(1200, 900).data
    )
    request = await harbour.handler.request()

    assert request.text == "what is this?"
    (image,) = request.attachments
    assert image.data == picture(1200, 900).data
    assert image.media_type == "image/png"


async def test_the_photo_that_is_replied_to_comes_with_the_quotation(harbour: Harbour) -> None:
    telegram = harbour.telegram
    telegram.privacy = False
    photo = await telegram.say(harbour.group, harbour.bob, "our pier", photo=NAVY.data)

    await telegram.say(harbour.group, harbour.alice, "/image make it night", reply_to=photo)
    request = await harbour.handler.request()

    assert (request.command, request.text) == ("image", "make it night")
    assert request.quoted is not None
    text, image = request.quoted.parts
    assert text == Text("our pier")
    assert isinstance(image, Image)
    assert image.data == NAVY.data


async def test_an_album_is_one_request_with_all_its_pictures(harbour: Harbour) -> None:
    photos = [NAVY.data, GREEN.data, RED.data]
    await harbour.telegram.say_album(harbour.private, harbour.alice, photos, "which is nicer?")
    request = await harbour.handler.request()
    await harbour.says("done")

    assert request.text == "which is nicer?"
    assert [part.data for part in request.attachments] == photos
    assert len(harbour.handler.requests) == 1


async def test_an_album_in_a_group_comes_whole_although_only_its_caption_calls_us(
    harbour: Harbour,
) -> None:
    harbour.telegram.privacy = False
    photos = [NAVY.data, GREEN.data]
    await harbour.telegram.say_album(harbour.group, harbour.bob, photos, "@switchboard_bot hm?")

    assert [part.data for part in (await harbour.handler.request()).attachments] == photos


async def test_a_picture_is_fetched_again_where_the_first_time_failed(harbour: Harbour) -> None:
    harbour.telegram.fail("getFile", status=500)
    harbour.telegram.fail("download", reset=True)
    await harbour.telegram.say(harbour.private, harbour.alice, "hm?", photo=NAVY.data)

    assert (await harbour.handler.request()).attachments


async def test_a_picture_that_cannot_be_fetched_is_a_polite_answer(harbour: Harbour) -> None:
    harbour.telegram.fail("download", status=404, times=None)
    await harbour.telegram.say(harbour.private, harbour.alice, "hm?", photo=NAVY.data)

    seen = await harbour.says("Please send it again.")
    assert seen.text.startswith("⚠️")
    assert harbour.handler.requests == []


async def test_a_picture_that_telegram_does_not_hand_out_is_a_polite_answer(
    harbour: Harbour,
) -> None:
    large = ("large.png", NAVY.data + bytes(20 * 2**20))
    await harbour.telegram.say(harbour.private, harbour.alice, "hm?", document=large)

    await harbour.says("larger than the 20 MB")
    assert harbour.count("getFile") == 0


async def test_an_album_of_ten_is_not_waited_for_any_longer(harbour: Harbour) -> None:
    await harbour.telegram.say_album(harbour.private, harbour.alice, [NAVY.data] * 10, "which?")

    assert len((await harbour.handler.request()).attachments) == 10


async def test_an_album_is_confirmed_only_when_all_of_it_is_safe() -> None:
    async with community() as harbour:
        telegram = harbour.telegram
        async with serving(harbour.adapter, harbour.handler):
            await telegram.say_album(harbour.private, harbour.alice, [NAVY.data, GREEN.data], "?")
            await telegram.until(lambda: harbour.count("sendChatAction"))
            assert harbour.handler.requests == []

        async with serving(harbour.new_adapter(), harbour.handler):
            assert len((await harbour.handler.request()).attachments) == 2


# --- recordings and files ---


async def test_a_voice_message_is_a_recording(harbour: Harbour) -> None:
    await harbour.telegram.say(harbour.private, harbour.alice, voice=OPUS)

    request = await harbour.handler.request()
    assert request.attachments == (Audio(OPUS, "audio/ogg"),)
    assert request.text == ""


async def test_music_keeps_its_name(harbour: Harbour) -> None:
    await harbour.telegram.say(
        harbour.private, harbour.alice, "who sings?", music=("shanty.mp3", b"ID3")
    )

    assert (await harbour.handler.request()).attachments == (
        Audio(b"ID3", "audio/mpeg", "shanty.mp3"),
    )


async def test_a_file_of_any_kind_comes_with_its_name_and_type(harbour: Harbour) -> None:
    document = ("notes.pdf", b"%PDF-1.7")
    await harbour.telegram.say(harbour.private, harbour.alice, "sum it up", document=document)

    request = await harbour.handler.request()
    assert request.text == "sum it up"
    assert request.attachments == (File(b"%PDF-1.7", "application/pdf", "notes.pdf"),)


async def test_the_voice_message_that_is_replied_to_comes_with_the_quotation(
    harbour: Harbour,
) -> None:
    telegram = harbour.telegram
    telegram.privacy = False
    spoken = await telegram.say(harbour.group, harbour.bob, voice=OPUS)

    await telegram.say(harbour.group, harbour.alice, "/ask what does he say?", reply_to=spoken)

    quoted = (await harbour.handler.request()).quoted
    assert quoted is not None
    assert (quoted.parts, quoted.name) == ((Audio(OPUS, "audio/ogg"),), "Bob")


# --- what is too much, or cannot be read ---


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"document": ("large.png", NAVY.data + bytes(TWENTY))}, "That picture is larger than"),
        ({"voice": bytes(TWENTY + 1)}, "That recording is larger than the 20 MB"),
        ({"document": ("log.txt", bytes(TEN + 1))}, "That file is larger than the 10 MB"),
    ],
)
async def test_what_is_too_large_is_refused_before_it_is_fetched(
    harbour: Harbour, sent: dict[str, object], sentence: str
) -> None:
    await harbour.telegram.say(harbour.private, harbour.alice, "hm?", **sent)  # type: ignore[arg-type]

    await harbour.says(sentence)
    assert harbour.count("getFile") == 0
    assert harbour.handler.requests == []


async def test_a_video_is_a_polite_answer(harbour: Harbour) -> None:
    await harbour.telegram.say(harbour.private, harbour.alice, "who is it?", video=b"film")

    await harbour.says("I can read text, pictures, recordings and files, but not videos.")
