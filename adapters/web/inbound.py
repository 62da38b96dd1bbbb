"""What a browser sends, as values (pure): frames of the WebSocket, pictures, names of channels.

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

from bot.commands import split_line
from bot.errors import Refused
from bot.gateway.pictures import media_type
from bot.types import Attachment, Channel, Image, Request, User

PLATFORM = "web"
TEXT_LIMIT = 32_000  # characters of one message
FILE_LIMIT = 10 * 2**20  # bytes of one picture
FILES_LIMIT = 4  # pictures of one message
FRAME_LIMIT = 256 * 2**10  # bytes of one frame: the longest text with every character escaped
NAME_LIMIT = 40  # characters of a speaker's name

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9_-]+")


class BadFrame(Refused):
    """A frame that cannot be taken. ``source`` is the message's, "" where it was no message."""

    notice = "The page sent something that the server does not understand. Please reload it."

    def __init__(self, notice: str = "", *, source: str = "") -> None:
        super().__init__(notice)
        self.source = source


@dataclass(frozen=True, slots=True)
class Join:
    """``epoch`` and ``at`` say what the browser has of the channel already."""

    channel: str
    user: User
    epoch: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Say:
    """``files`` are ids of uploaded pictures; ``pressed`` says that a button wrote the line."""

    source: str
    line: str
    files: tuple[str, ...] = ()
    pressed: bool = False


@dataclass(frozen=True, slots=True)
class Complete:
    """``id`` is the browser's own number of the question, sent back with the answer."""

    id: int
    command: str
    option: str
    typed: str


def read(raw: str) -> Join | Say | Complete:
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
        Channel(PLATFORM, "", channel), user, say.source, command, text, attachments=attachments
    )


def line_of(request: Request) -> str:
    """What somebody typed to make this request, for a transcript made from the core's memory."""
    text = request.text or request.options.get("prompt", "")
    if request.command == "ask":
        return text
    return f"/{request.command} {text}".rstrip()


def image(data: bytes, name: str) -> Image:
    """An uploaded picture, known by its first bytes, not by what it is called. Raises BadFrame."""
    kind = media_type(data)
    if not kind:
        raise BadFrame("Only PNG, JPEG, GIF and WebP pictures can be attached.")
    return Image(data, kind, clean(name)[-100:])


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
    if len(line) > TEXT_LIMIT:
        raise BadFrame(f"That is too long: {TEXT_LIMIT:,} characters at most.", source=source)
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise BadFrame(source=source)
    if len(files) > FILES_LIMIT:
        raise BadFrame(f"At most {FILES_LIMIT} pictures go with one message.", source=source)
    if not line.strip() and not files:
        raise BadFrame("There is nothing in that message.", source=source)
    return Say(source, line, tuple(files), pressed)


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
