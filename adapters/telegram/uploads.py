"""What a message brings along: files that are still at Telegram, and what we cannot read (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from telegram import Message, PhotoSize

from bot.types import Attachment, Audio, File, Image

PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")
MOST = 10  # of one message or album, Telegram's own number

# Kinds of messages that people send to be read, and that we cannot read. An animation comes as a
# document, too, for programs that know no animations.
_UNREADABLE = {
    "video": "videos",
    "video_note": "video messages",
    "animation": "animations",
    "sticker": "stickers",
    "contact": "contacts",
    "location": "locations",
    "venue": "locations",
    "poll": "polls",
    "dice": "dice",
    "story": "stories",
    "paid_media": "paid media",
    "checklist": "checklists",
}


class Sort(StrEnum):
    PICTURE = "picture"
    RECORDING = "recording"
    FILE = "file"


LIMITS = {  # bytes that we take; Telegram hands no more than 20 MB to bots
    Sort.PICTURE: 20 * 2**20,
    Sort.RECORDING: 20 * 2**20,
    Sort.FILE: 10 * 2**20,
}
_KINDS: dict[Sort, type[Attachment]] = {
    Sort.PICTURE: Image,
    Sort.RECORDING: Audio,
    Sort.FILE: File,
}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is still at Telegram. ``size`` in bytes, 0 where Telegram does not say."""

    file_id: str
    media_type: str
    size: int = 0
    name: str = ""

    @property
    def sort(self) -> Sort:
        if self.media_type in PICTURE_TYPES:
            return Sort.PICTURE
        return Sort.RECORDING if self.media_type.startswith("audio/") else Sort.FILE

    def with_content(self, data: bytes, media_type: str = "") -> Attachment:
        """The file itself. ``media_type`` is what its bytes say, "" where they say nothing."""
        return _KINDS[self.sort](data, media_type or self.media_type, self.name)


def uploads_of(message: Message) -> tuple[Upload, ...]:
    """The message's photo in its largest size, its document, recording or music."""
    if message.photo:
        largest = max(message.photo, key=_area)
        return (Upload(largest.file_id, "image/jpeg", largest.file_size or 0),)
    if unreadable(message):
        return ()
    if (voice := message.voice) is not None:
        return (Upload(voice.file_id, _audio(voice.mime_type, "ogg"), voice.file_size or 0),)
    if (music := message.audio) is not None:
        kind = _audio(music.mime_type, "mpeg")
        return (Upload(music.file_id, kind, music.file_size or 0, music.file_name or ""),)
    if (document := message.document) is not None:
        kind = document.mime_type or "application/octet-stream"
        return (Upload(document.file_id, kind, document.file_size or 0, document.file_name or ""),)
    return ()


def unreadable(message: Message) -> str:
    """What the message has that we cannot read, in words; "" for nothing."""
    return next((words for kind, words in _UNREADABLE.items() if getattr(message, kind)), "")


def _audio(told: str | None, usual: str) -> str:
    return told if told and told.startswith("audio/") else f"audio/{usual}"


def _area(size: PhotoSize) -> int:
    return size.width * size.height
