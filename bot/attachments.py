"""What was sent along, in words: recordings are listened to, text, code and PDF are read.

Pictures stay what they are: there are models that see. What was read becomes a part of the question
and stays one: ``Reader.read`` puts it under ``READ`` into the request's options, which no command
declares and nobody can type, so that it is stored, remembered and asked again like the words beside
it, and ``asked`` puts the two together. Everything that cannot be read is refused, with the reason.
"""

from __future__ import annotations

import asyncio
import codecs
import json
import logging
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bot.errors import GatewayError, Refused
from bot.interfaces import Gateway
from bot.types import Attachment, Audio, File, Image, Part, Request, Text

log = logging.getLogger("switchboard.attachments")

READ = "read"  # the option that holds what was read
MOST = 10  # attachments of one request, those of what it quotes included
FILE_LIMIT = 10 * 2**20  # bytes
AUDIO_LIMIT = 25 * 2**20  # bytes; what the vendors of listening models take
TOTAL_LIMIT = 60 * 2**20  # bytes
TEXT_LIMIT = 300_000  # bytes of all that is read, whatever the model takes: about 150 pages
PAGES = 200  # of one PDF
SECONDS = 10  # to read one PDF in
READERS = 2  # PDFs that are read at once

_KINDS = "pictures, PDF, text and code files, and recordings"
_PDF = Path(__file__).with_name("pdf.py")
_KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")  # who reads a stranger's file needs no secrets


class Reader:
    """Reads for everybody; at most ``READERS`` PDFs at once, each for so many ``seconds``."""

    def __init__(self, gateway: Gateway, seconds: float = SECONDS) -> None:
        self._gateway = gateway
        self._seconds = seconds
        self._hands = asyncio.Semaphore(READERS)

    async def read(self, request: Request, context: int) -> Request:
        """The request with the words of its recordings and files instead of them, also in what it
        quotes. They may fill half of the model's ``context``, in tokens. Raises Refused."""
        quoted = request.quoted
        parts = [*request.attachments, *(quoted.parts if quoted is not None else ())]
        if not any(isinstance(part, Audio | File) for part in parts):
            return request
        _check([part for part in parts if not isinstance(part, Text)])
        room = min(context * 3 // 2, TEXT_LIMIT)  # by the estimate of a token for three bytes
        texts: list[str] = []
        for part in request.attachments:
            if not isinstance(part, Image):
                texts.append(await self._words(part, room))
                room -= _size(texts[-1])
        if quoted is not None:
            read: list[Part] = []
            for one in quoted.parts:
                if isinstance(one, Audio | File):
                    one = Text(await self._words(one, room))
                    room -= _size(one.text)
                read.append(one)
            quoted = replace(quoted, parts=tuple(read))
        pictures = tuple(part for part in request.attachments if isinstance(part, Image))
        options = {**request.options, READ: "\n\n".join(texts)} if texts else request.options
        return replace(request, attachments=pictures, quoted=quoted, options=options)

    async def _words(self, part: Audio | File, room: int) -> str:
        """What stands or is said in it, at most ``room`` bytes. Raises Refused."""
        name = _plain(part.name)
        if isinstance(part, Audio) or part.media_type.startswith("audio/"):
            text = await self._heard(Audio(part.data, part.media_type, part.name))
            words = f"Recording {name}: {text}" if name else f"Voice message: {text}"
        elif b"%PDF-" in part.data[:1024]:
            words = _in_a_fence(name, "text", await self._pdf(part, room))
        else:
            found = decoded(part.data)
            if found is None:
                raise Refused(f"I cannot read {_called(part)}. What I can read: {_KINDS}.")
            if not found.strip():
                raise Refused(f"{_called(part)} is empty.")
            words = _in_a_fence(name, _language(name), found)
        if _size(words) > room:
            raise _too_long(part)
        return words

    async def _heard(self, part: Audio) -> str:
        try:
            text = await self._gateway.transcribe(part)
        except GatewayError as error:
            log.warning("a recording was not written down: %s: %s", type(error).__name__, error)
            raise Refused(f"I could not listen to {_called(part)}. {error.notice}") from error
        if not text.strip():
            raise Refused(f"I hear no words in {_called(part)}.")
        return text.strip()

    async def _pdf(self, part: File, room: int) -> str:
        try:
            async with self._hands, asyncio.timeout(self._seconds):
                found = await _pdf_text(part.data, max(room, 0))
        except TimeoutError:
            raise Refused(f"{_called(part)} takes too long to read. Send a part of it.") from None
        match found.get("fault"):
            case "pages":
                count = found["pages"]
                raise Refused(f"{_called(part)} has {count} pages; the most I read is {PAGES}.")
            case "long":
                raise _too_long(part)
            case "locked":
                raise Refused(f"{_called(part)} is locked with a password.")
            case None if str(found["text"]).strip():
                return str(found["text"])
            case None:
                raise Refused(
                    f"{_called(part)} has no text in it; perhaps its pages were scanned. "
                    "Send them as pictures."
                )
        raise Refused(f"{_called(part)} is damaged: I cannot read it as a PDF.")


def asked(request: Request, words: str) -> str:
    """The whole question: the person's words, and what was read of what they sent along."""
    return "\n\n".join(part for part in (words, request.options.get(READ, "")) if part)


def decoded(data: bytes) -> str | None:
    """The text of a file, with plain line ends; None where it is none. Without a mark of its own it
    is UTF-8, or else the Latin-1 of Windows where that looks like words."""
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        odd = sum(char != "\x1b" for char in _CONTROL.findall(text))  # terminals' logs have many
        foreign = 0 if text.isascii() else sum(char > "\x7f" for char in text)
        if "\0" in text or odd > len(text) // 500:
            return None
        if encoding == "cp1252" and foreign > len(text) // 3:
            return None  # some other alphabet, or no text at all
        return _CONTROL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return None


_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # it begins as UTF-16's does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_LANGUAGES = {
    "bat": "batch",
    "cc": "cpp",
    "cs": "csharp",
    "h": "c",
    "hpp": "cpp",
    "htm": "html",
    "js": "javascript",
    "kt": "kotlin",
    "log": "text",
    "md": "markdown",
    "mjs": "javascript",
    "ps1": "powershell",
    "py": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "bash",
    "tex": "latex",
    "ts": "typescript",
    "txt": "text",
    "yml": "yaml",
}


def _in_a_fence(name: str, language: str, text: str) -> str:
    """The text where Markdown sees nothing but text: its fence is longer than any in it."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"File {name or 'without a name'}:\n{fence}{language}\n{text.rstrip()}\n{fence}"


def _language(name: str) -> str:
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    found = _LANGUAGES.get(ending, ending)
    return found if re.fullmatch(r"[a-z][a-z0-9+#-]{0,14}", found) else "text"


async def _pdf_text(data: bytes, room: int) -> dict[str, str | int]:
    """What ``bot/pdf.py`` prints. It is ended with whoever waits for it."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # or the files beside it would stand for Python's own of the same names
        str(_PDF),
        *map(str, (PAGES, room, SECONDS + 1)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
    )
    try:
        printed, _ = await child.communicate(data)
        found = json.loads(printed)
    except ValueError:  # it was ended by its own limits
        return {"fault": "broken", "pages": 0}
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return found if isinstance(found, dict) else {"fault": "broken", "pages": 0}


def _check(parts: Sequence[Attachment]) -> None:
    """Raises Refused where it is too much at once."""
    if len(parts) > MOST:
        raise Refused(f"Those are {len(parts)} attachments; the most I take at once is {MOST}.")
    for part in parts:
        heard = isinstance(part, Audio) or part.media_type.startswith("audio/")
        limit = AUDIO_LIMIT if heard else FILE_LIMIT
        if not isinstance(part, Image) and len(part.data) > limit:
            most = limit // 2**20
            raise Refused(f"{_called(part)} is too large; the most I can take is {most} MB.")
    if sum(len(part.data) for part in parts) > TOTAL_LIMIT:
        raise Refused("Those are too large together. Please send them one by one.")


def _too_long(part: Attachment) -> Refused:
    return Refused(
        f"{_called(part)} holds more text than this model can take at once. "
        "Send a part of it, or ask a model with a larger context."
    )


def _size(text: str) -> int:
    return len(text.encode(errors="replace"))


def _plain(name: str) -> str:
    """A file's name as one line that shows all it is made of."""
    seen = "".join(char if char.isprintable() and char != "`" else " " for char in name)
    return " ".join(seen.split())[-80:].strip()


def _called(part: Attachment) -> str:
    kind = "recording" if isinstance(part, Audio) else "file"
    return _plain(part.name) or f"the {kind}"
