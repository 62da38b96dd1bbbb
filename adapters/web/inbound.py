"""What a browser sends, as values (pure): frames of the WebSocket, files, names of channels.

Whatever does not hold to the protocol of ``adapters.web.adapter`` raises BadFrame with a sentence
that the page shows; nothing here trusts that our own page is on the other end.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from bot.attachments import AUDIO_LIMIT, FILE_LIMIT, MOST, TOTAL_LIMIT
from bot.commands import split_line
from bot.commands.retry import EDITED
from bot.errors import Refused
from bot.gateway.pictures import media_type
from bot.types import Attachment, Audio, Channel, File, Image, Request, Trigger, User

PLATFORM = "web"
TEXT_LIMIT = 32_000  # characters of one message
FILES_LIMIT = MOST  # files of one message
FILE_LIMITS = {"picture": 20 * 2**20, "recording": AUDIO_LIMIT, "file": FILE_LIMIT}  # bytes of one
LARGEST = max(FILE_LIMITS.values())
FILES_TOTAL = TOTAL_LIMIT  # bytes of one message's files
FRAME_LIMIT = 256 * 2**10  # bytes of one frame: the longest text with every character escaped
NAME_LIMIT = 40  # characters of a speaker's name

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_EDIT = re.compile(rf"(?P<of>{_ID.pattern}):edit[0-9]{{1,3}}")
_COMMAND = re.compile(r"\s*/\w+(?:\s|$)")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,80}")
_SOUNDS = ((b"ID3", "mpeg"), (b"OggS", "ogg"), (b"fLaC", "flac"))
_NOT_IN_NAMES = re.compile(r"[^a-z0-9_-]+")


class BadFrame(Refused):
    """A frame that cannot be taken. ``source`` is the message's, "" where it was no message."""

    notice = "The page sent something that the server does not understand. Please reload it."

    def __init__(self, notice: str = "", *, source: str = "") -> None:
        super().__init__(notice)
        self.source = source


class TooLarge(BadFrame):
    """A file beyond its limit."""


@dataclass(frozen=True, slots=True)
class Join:
    """``epoch`` and ``at`` say what the browser has of the channel already."""

    channel: str
    user: User
    epoch: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Say:
    """``files`` are ids of uploads; ``pressed`` says that a button wrote the line."""

    source: str
    line: str
    files: tuple[str, ...] = ()
    pressed: bool = False

    @property
    def trigger(self) -> Trigger:
        """Everything in this chat is said to the bot; what is no command is so as in private."""
        return _trigger(self.line) if not self.pressed else Trigger.COMMAND


@dataclass(frozen=True, slots=True)
class Edit:
    """The message ``of`` now reads so. ``source`` is "OF:edit1", then "OF:edit2" …"""

    source: str
    of: str
    line: str

    @property
    def trigger(self) -> Trigger:
        return _trigger(self.line)


@dataclass(frozen=True, slots=True)
class Complete:
    """``id`` is the browser's own number of the question, sent back with the answer."""

    id: int
    command: str
    option: str
    typed: str


def read(raw: str) -> Join | Say | Edit | Complete:
    """One frame of the WebSocket. Raises BadFrame."""
    try:
        frame = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadFrame from None
    if not isinstance(frame, dict):
        raise BadFrame
    match frame.get("type"):
        case "join":
            return _join(frame)
        case "say":
            return _say(frame, _text(frame, "text"))
        case "press":
            return _say(frame, _text(frame, "line"), pressed=True)
        case "edit":
            return _edit(frame)
        case "complete":
            number = _number(frame, "id")
            words = [_text(frame, key)[:200] for key in ("command", "option", "typed")]
            return Complete(number, *words)
    raise BadFrame


def channel_name(typed: str) -> str:
    """A channel's name as it is kept: 1 to 32 of a-z 0-9 - _. Raises BadFrame if none is left."""
    plain = unicodedata.normalize("NFKD", typed).encode("ascii", "ignore").decode().lower()
    name = _NOT_IN_NAMES.sub("-", plain.strip())[:32].strip("-")
    if not name:
        raise BadFrame("A channel's name needs letters from a to z or digits.")
    return name


def public_id(secret: str) -> str:
    """The user id that others may see, from the one that only this browser knows."""
    return hashlib.blake2b(secret.encode(), digest_size=8).hexdigest()


def request(
    say: Say, channel: str, user: User, attachments: tuple[Attachment, ...] = ()
) -> Request:
    command, text = split_line(say.line)
    return Request(
        Channel(PLATFORM, "", channel),
        user,
        say.source,
        command,
        text,
        attachments=attachments,
        pressed=say.pressed,
    )


def edited(edit: Edit, was: str, channel: str, user: User) -> Request:
    """What it means that a message that read ``was`` reads otherwise now. Raises BadFrame."""
    before, (command, text) = split_line(was)[0], split_line(edit.line)
    if command != before:
        raise BadFrame(f"An edited message stays what it was: /{before}.", source=edit.source)
    return Request(Channel(PLATFORM, "", channel), user, edit.source, EDITED, text)


def line_of(request: Request) -> str:
    """What somebody typed to make this request, for a transcript made from the core's memory."""
    if request.command == "ask":
        return request.text
    return f"/{request.command} {request.text}".rstrip()


def attachment(data: bytes, name: str, declared: str) -> Attachment:
    """An upload as the part that it is. ``declared`` is the type that the browser guesses from its
    name: what it says of a picture is checked, as pictures are shown. Raises BadFrame."""
    if not data:
        raise BadFrame(f"{_called(name)} is empty.")
    part = _sorted(data, name, declared)
    check_size(part.media_type, len(data), name)
    return part


def check_size(declared: str, size: int, name: str) -> None:
    """Raises TooLarge. ``size`` is in bytes."""
    sort = _sort(declared)
    if size > FILE_LIMITS[sort]:
        limit = FILE_LIMITS[sort] // 2**20
        raise TooLarge(f"{_called(name)} is larger than {limit} MB, the most for a {sort}.")


def image(data: bytes, name: str) -> Image:
    """An uploaded picture, known by its first bytes, not by what it is called. Raises BadFrame."""
    kind = media_type(data)
    if not kind:
        raise BadFrame(f"{_called(name)} is no PNG, JPEG, GIF or WebP picture.")
    return Image(data, kind, _plain(name))


def clean(text: str) -> str:
    """Text that can be stored and sent anywhere: no NUL, no half of a surrogate pair."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", "")


def _join(frame: Mapping[str, object]) -> Join:
    user, since = frame.get("user"), frame.get("since")
    if not isinstance(user, dict) or not _ID.fullmatch(_text(user, "id")):
        raise BadFrame
    name = " ".join(_text(user, "name").split())[:NAME_LIMIT]
    # Whoever can open this page is its operator, or was given the operator's token.
    speaker = User(public_id(_text(user, "id")), name, moderator=True)
    channel = channel_name(_text(frame, "channel"))
    if not isinstance(since, dict):
        return Join(channel, speaker)
    return Join(channel, speaker, _text(since, "epoch"), _number(since, "at"))


def _say(frame: Mapping[str, object], line: str, *, pressed: bool = False) -> Say:
    source, files = _text(frame, "source"), frame.get("files", [])
    if not _ID.fullmatch(source):
        raise BadFrame
    _check_length(line, source)
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise BadFrame(source=source)
    if len(files) > FILES_LIMIT:
        raise BadFrame(f"At most {FILES_LIMIT} files go with one message.", source=source)
    if not line.strip() and not files:
        raise BadFrame("There is nothing in that message.", source=source)
    return Say(source, line, tuple(files), pressed)


def _edit(frame: Mapping[str, object]) -> Edit:
    source, line = _text(frame, "source"), _text(frame, "text")
    names = _EDIT.fullmatch(source)
    if names is None:
        raise BadFrame
    _check_length(line, source)
    if not line.strip():
        raise BadFrame("There is nothing left in that message.", source=source)
    return Edit(source, names["of"], line)


def _check_length(line: str, source: str) -> None:
    if len(line) > TEXT_LIMIT:
        raise BadFrame(f"That is too long: {TEXT_LIMIT:,} characters at most.", source=source)


def _trigger(line: str) -> Trigger:
    return Trigger.COMMAND if _COMMAND.match(line) else Trigger.PRIVATE


def _sorted(data: bytes, name: str, declared: str) -> Attachment:
    declared = declared if _MEDIA_TYPE.fullmatch(declared) else "application/octet-stream"
    if media_type(data) or _sort(declared) == "picture":
        return image(data, name)
    if sound := _sound(data, declared):
        return Audio(data, sound, _plain(name))
    if data.startswith(b"%PDF-"):
        declared = "application/pdf"
    return File(data, declared, _plain(name))


def _sort(declared: str) -> str:
    """Which of ``FILE_LIMITS`` counts. A drawing in SVG is a text, and no picture to a model."""
    if declared.startswith("image/") and declared != "image/svg+xml":
        return "picture"
    return "recording" if declared.startswith("audio/") else "file"


def _sound(data: bytes, declared: str) -> str:
    """A recording's media type, "" for anything else. Not every system knows the endings of
    recordings, so that browsers often do not know them either."""
    if declared.startswith("audio/"):
        return declared
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "audio/wav"
    if data[4:11] == b"ftypM4A":
        return "audio/mp4"
    return next((f"audio/{form}" for head, form in _SOUNDS if data.startswith(head)), "")


def _plain(name: str) -> str:
    return clean(name)[-100:]


def _called(name: str) -> str:
    return _plain(name) or "The file"


def _text(frame: Mapping[str, object], key: str) -> str:
    value = frame.get(key, "")
    if not isinstance(value, str):
        raise BadFrame
    return clean(value)


def _number(frame: Mapping[str, object], key: str) -> int:
    value = frame.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadFrame
    return value
