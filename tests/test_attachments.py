"""Files and recordings become words, or a reason why not; with real PDFs in a real process."""

from __future__ import annotations

import asyncio
import copy
import math
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.attachments import AUDIO_LIMIT, FILE_LIMIT, MOST, PAGES, READ, Reader, asked, decoded
from bot.commands import COMMANDS
from bot.config import LimitSettings
from bot.errors import NoSuchModel, Refused
from bot.gateway.models import Models
from bot.policy import STOPPED, left_over
from bot.switchboard import Switchboard
from bot.types import (
    Attachment,
    Audio,
    File,
    Image,
    Message,
    Prompt,
    Request,
    Role,
    Status,
    Text,
    Turn,
)
from tests import papers
from tests.clock import run
from tests.fakes import CHANNEL, FakeGateway, FakeStore, FakeSurface, request, says

CONTEXT = 128_000
PICTURE = Image(b"png", "image/png", "cat.png")
VOICE = Audio(b"ogg", "audio/ogg")


def with_files(*attachments: Attachment, words: str = "what is this?") -> Request:
    return replace(request(words), attachments=attachments)


def text_file(text: str | bytes, name: str = "notes.txt") -> File:
    return File(text if isinstance(text, bytes) else text.encode(), "text/plain", name)


async def read(
    *attachments: Attachment, context: int = CONTEXT, gateway: FakeGateway | None = None
) -> str:
    """What was read of these."""
    reader = Reader(gateway or FakeGateway(lambda _: says("hi")))
    return (await reader.read(with_files(*attachments), context)).options[READ]


async def refusal(*attachments: Attachment, context: int = CONTEXT) -> str:
    with pytest.raises(Refused) as caught:
        await read(*attachments, context=context)
    return caught.value.notice


# What is read of a request


async def test_a_text_file_becomes_a_part_of_the_question_and_pictures_stay() -> None:
    asking = with_files(text_file("buy milk"), PICTURE)

    found = await Reader(FakeGateway(lambda _: ())).read(asking, CONTEXT)

    assert found.attachments == (PICTURE,)
    assert found.text == "what is this?"
    whole = "what is this?\n\nFile notes.txt:\n```text\nbuy milk\n```"
    assert asked(found, "what is this?") == whole
    assert asked(found, "") == whole.partition("\n\n")[2]


async def test_a_request_of_words_and_pictures_is_left_as_it_is() -> None:
    reader = Reader(FakeGateway(lambda _: ()))
    quoting = replace(request("and?"), quoted=Message(Role.USER, (Text("see"), PICTURE), "Bob"))

    for asking in (request("hi"), with_files(PICTURE), quoting):
        assert await reader.read(asking, CONTEXT) is asking
    assert asked(request("hi"), "hi") == "hi"


async def test_what_is_quoted_is_read_in_its_place() -> None:
    quoted = Message(Role.USER, (Text("look"), text_file("a\nb"), PICTURE, VOICE), "Bob")
    asking = replace(request("and?"), quoted=quoted)

    found = await Reader(FakeGateway(lambda _: ())).read(asking, CONTEXT)

    assert found.quoted is not None
    assert found.quoted.text == (
        "look\nFile notes.txt:\n```text\na\nb\n```\nVoice message: what was said"
    )
    assert PICTURE in found.quoted.parts
    assert READ not in found.options


async def test_nothing_is_read_where_there_is_too_much() -> None:
    gateway = FakeGateway(lambda _: ())
    reader = Reader(gateway)

    async def refused(*attachments: Attachment) -> str:
        with pytest.raises(Refused) as caught:
            await reader.read(with_files(VOICE, *attachments), CONTEXT)
        return caught.value.notice

    assert str(MOST) in await refused(*[PICTURE] * MOST)
    assert "big.txt is too large" in await refused(text_file(b"x" * (FILE_LIMIT + 1), "big.txt"))
    long = Audio(b"x" * (AUDIO_LIMIT + 1), "audio/mpeg", "long.mp3")
    assert "the most I can take is 25 MB" in await refused(long)
    assert "too large together" in await refused(*[Image(b"x" * 2**24, "image/png")] * 4)
    assert gateway.recordings == []


# Text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", "plain"),
        ("Größe 😀\r\nzwei\rdrei".encode(), "Größe 😀\nzwei\ndrei"),
        ("mark".encode("utf-8-sig"), "mark"),
        ("Windows".encode("utf-16"), "Windows"),
        (b"\xfe\xff" + "groß".encode("utf-16-be"), "groß"),
        ("wide".encode("utf-32"), "wide"),
        ("Größe, très “bien”".encode("cp1252"), "Größe, très “bien”"),
        (b"\x1b[31mred\x1b[0m", "[31mred[0m"),
        (b"\x07" + b"." * 2000, "." * 2000),
        (b"", ""),
    ],
)
def test_text_is_read_in_the_encodings_that_can_be_told(data: bytes, text: str) -> None:
    assert decoded(data) == text


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04\x14\x00\x00\x00",
        bytes(range(256)),
        "Привет, мир".encode("koi8-r"),
        "привет".encode("utf-16-le"),
        b"\xff\xfe\x00",
        b"text and then\0 more",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 20,
    ],
)
def test_what_is_no_text_is_not_taken_for_some(data: bytes) -> None:
    assert decoded(data) is None


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.just("\n"), max_size=200))
def test_any_utf_8_text_is_read_as_it_is(text: str) -> None:
    assert decoded(text.encode()) == text


@given(
    text=st.text(st.sampled_from("`~ab \n"), min_size=1, max_size=60).filter(str.strip),
    name=st.text(st.sampled_from("`ab.\n*[]"), max_size=12),
)
def test_no_text_closes_the_fence_around_it(text: str, name: str) -> None:
    """An independent reader of Markdown sees one block of code with all of it."""

    async def play() -> str:
        return await read(text_file(text, name))

    tokens = MarkdownIt().parse(asyncio.run(play()))
    assert [token.type for token in tokens if token.level == 0][-1] == "fence"
    assert [token.content for token in tokens if token.type == "fence"] == [text.rstrip() + "\n"]


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("main.py", "python"),
        ("App.TSX", "tsx"),
        ("a.yml", "yaml"),
        ("noend", "text"),
        ("odd.`x` y", "text"),
        ("data.csv", "csv"),
    ],
)
async def test_code_says_which_language_it_is_in(name: str, language: str) -> None:
    assert f"\n```{language}\nx = 1\n```" in await read(text_file("x = 1", name))


async def test_a_name_is_one_plain_line() -> None:
    found = await read(text_file("x", "a\n```\n\u202eevil `b`.txt"))

    assert found.splitlines()[0] == "File a evil b .txt:"


async def test_what_cannot_be_read_is_told_with_what_can() -> None:
    said = await refusal(File(b"PK\x03\x04\0\0", "application/zip", "all.zip"))

    assert said.startswith("I cannot read all.zip.")
    for kind in ("pictures", "PDF", "text and code", "recordings"):
        assert kind in said
    assert await refusal(text_file(" \n ", "empty.txt")) == "empty.txt is empty."
    assert "the file" in await refusal(File(b"\0", "", ""))


async def test_all_that_is_read_has_to_fit_the_model() -> None:
    assert "larger context" in await refusal(text_file("x" * 12_000), context=8_000)
    half = text_file("x" * 7_000)
    assert await read(half, context=8_000)
    assert "notes.txt holds more text than" in await refusal(half, half, context=8_000)
    assert "larger context" in await refusal(text_file("x" * 400_000), context=1_000_000)


# PDF


async def test_a_pdf_is_read_page_by_page() -> None:
    paper = File(papers.pdf("A (first) page\nof two", "Größe"), "application/pdf", "paper.pdf")

    assert await read(paper) == (
        "File paper.pdf:\n```text\n[Page 1]\nA (first) page\nof two\n\n[Page 2]\nGröße\n```"
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (papers.pdf("", ""), "no text in it; perhaps its pages were scanned"),
        (papers.locked(papers.pdf("secret"), "open sesame"), "locked with a password"),
        (b"%PDF-1.7 and nothing of the kind", "damaged"),
        (papers.pdf("a")[:-200], "damaged"),
        (papers.pdf(*["x"] * (PAGES + 1)), f"has {PAGES + 1} pages; the most I read is {PAGES}"),
        (papers.pdf(*["word " * 200] * 40), "holds more text than this model can take"),
    ],
    ids=["scanned", "locked", "no PDF", "cut off", "too many pages", "too long"],
)
async def test_a_pdf_that_cannot_be_read_says_why(data: bytes, said: str) -> None:
    notice = await refusal(File(data, "application/pdf", "paper.pdf"), context=16_000)

    assert notice.startswith("paper.pdf ")
    assert said in notice


async def test_a_pdf_that_anybody_may_open_is_read_although_it_is_encrypted() -> None:
    paper = File(papers.locked(papers.pdf("public"), ""), "application/pdf", "paper.pdf")

    assert "public" in await read(paper)


async def test_a_pdf_that_takes_too_long_is_given_up_and_holds_nobody_up() -> None:
    reader = Reader(FakeGateway(lambda _: ()), seconds=0.7)
    paper = File(papers.endless(), "application/pdf", "trap.pdf")
    begun, waits = time.monotonic(), [0.0]

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            waits.append(time.monotonic() - before)

    watching = asyncio.create_task(watch())
    with pytest.raises(Refused) as caught:
        await reader.read(with_files(paper), CONTEXT)
    watching.cancel()

    assert caught.value.notice.startswith("trap.pdf takes too long to read")
    assert time.monotonic() - begun < 3
    assert max(waits) < 0.5


# Recordings


async def test_what_is_said_in_a_recording_is_a_part_of_the_question() -> None:
    gateway = FakeGateway(lambda _: ())
    song = Audio(b"mp3", "audio/mpeg", "song.mp3")
    as_a_file = File(b"wav", "audio/wav", "take 2.wav")

    assert await read(VOICE, song, as_a_file, gateway=gateway) == (
        "Voice message: what was said\n\n"
        "Recording song.mp3: what was said\n\n"
        "Recording take 2.wav: what was said"
    )
    assert gateway.recordings == [VOICE, song, Audio(b"wav", "audio/wav", "take 2.wav")]


async def test_a_recording_that_cannot_be_heard_says_why() -> None:
    silent = FakeGateway(lambda _: ())
    silent.heard = " \n"
    with pytest.raises(Refused, match="I hear no words in the recording"):
        await read(VOICE, gateway=silent)

    class Deaf(FakeGateway):
        async def transcribe(self, recording: Audio) -> str:
            raise NoSuchModel("Nobody here can listen.", detail="secret internals")

    with pytest.raises(Refused) as caught:
        await read(replace(VOICE, name="note.ogg"), gateway=Deaf(lambda _: ()))
    assert caught.value.notice == "I could not listen to note.ogg. Nobody here can listen."


# From the question to the memory


class Bench:
    """A Switchboard on fakes, on a clock that jumps."""

    def __init__(self, gateway: FakeGateway | None = None) -> None:
        self.store = FakeStore()
        self.gateway = gateway or FakeGateway(lambda _: says("I see."))
        models = Models("gpt-5-mini", "nano-banana")
        limits = LimitSettings()
        self.switchboard = Switchboard(self.store, self.gateway, models, COMMANDS, limits)

    async def ask(self, asking: Request, source: str = "1") -> FakeSurface:
        surface = FakeSurface()
        self.status = await self.switchboard.handle(replace(asking, source=source), surface)
        return surface

    @property
    def asked(self) -> list[str]:
        """The last words of each prompt."""
        prompts = [one for one in self.gateway.prompts if isinstance(one, Prompt)]
        return [prompt.messages[-1].text for prompt in prompts]


def test_what_was_read_is_asked_remembered_and_asked_again() -> None:
    bench = Bench()
    whole = "Alice: what is this?\n\nFile notes.txt:\n```text\nbuy milk\n```"

    async def play() -> FakeSurface:
        screen = await bench.ask(with_files(text_file("buy milk")))
        await bench.ask(request("and now?"), "2")
        [first, _] = await bench.store.history(CHANNEL, 9)
        assert first.request.lost == 0
        await bench.ask(replace(request(first.id), command="retry"), "3")
        return screen

    screen = run(play())

    assert bench.asked == [whole, "Alice: and now?", whole]
    later = bench.gateway.prompts[1]
    assert isinstance(later, Prompt)
    assert later.messages[0].text == whole
    assert "Retry" in [action.label for action in screen.pages[-1].actions]


def test_a_voice_message_is_a_question_by_itself() -> None:
    bench = Bench()
    bench.gateway.heard = "What is the weather?"

    run(bench.ask(with_files(VOICE, words="")))

    assert bench.asked == ["Alice: Voice message: What is the weather?"]


def test_a_file_that_cannot_be_read_is_refused_before_anything_is_asked() -> None:
    bench = Bench()

    screen = run(bench.ask(with_files(File(b"\0", "application/zip", "a.zip"))))

    assert screen.text.startswith("⚠️ I cannot read a.zip.")
    assert bench.asked == []
    assert bench.status is Status.FAILED


def test_a_question_can_be_stopped_while_its_recording_is_listened_to() -> None:
    class Slow(FakeGateway):
        async def transcribe(self, recording: Audio) -> str:
            await asyncio.sleep(60)
            return "too late"

    bench = Bench(Slow(lambda _: says("I see.")))

    async def play() -> tuple[FakeSurface, float]:
        asking = asyncio.create_task(bench.ask(with_files(VOICE)))
        await asyncio.sleep(1)
        await bench.ask(replace(request(), text="", command="stop"), "2")
        return await asking, asyncio.get_running_loop().time()

    screen, ended = run(play())

    assert STOPPED in screen.text
    assert ended < 5
    assert bench.asked == []


def test_after_a_crash_what_was_read_is_there_and_the_question_is_answered() -> None:
    bench = Bench(FakeGateway(lambda _: [60.0]))

    async def play() -> list[Turn]:
        asking = asyncio.create_task(bench.ask(with_files(text_file("buy milk"))))
        await asyncio.sleep(1)
        left = copy.deepcopy(bench.store)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        return await left.outstanding("test", math.inf)

    [left] = run(play())

    assert left_over(left, left.started) is None  # it is answered at the next start
    assert asked(left.request, "").endswith("buy milk\n```")
