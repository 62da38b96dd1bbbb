"""A Page as the Bot API wants it: entities, keyboard, kinds of media (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaAudio,
    InputMediaDocument,
    InputMediaPhoto,
    MessageEntity,
)

from adapters.telegram.entities import MOST_ENTITIES, utf16_length
from adapters.telegram.markup import render
from adapters.telegram.questions import data_of, hidden, notes
from bot.types import Action, Attachment, Audio, Image, Menu, Page

PAGE_LIMIT = 4096
CAPTION_LIMIT = 1024
ALBUM_LIMIT = 10
PHOTO_LIMIT = 10 * 2**20  # bytes

_PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp")
_DATA_LIMIT = 64  # bytes of a button's callback_data
_ROW_WIDTH = 36  # characters of a row of buttons that a phone shows in full

InputMedia = InputMediaPhoto | InputMediaAudio | InputMediaDocument
_INPUT_MEDIA: dict[str, type[InputMedia]] = {
    "photo": InputMediaPhoto,
    "audio": InputMediaAudio,
    "document": InputMediaDocument,
}


Words = tuple[str, tuple[Menu, ...], tuple[Action, ...]]


@dataclass(frozen=True, slots=True)
class Look:
    """How a page looks: two pages of one look need no call."""

    text: str
    media: tuple[Attachment, ...]
    actions: tuple[Action, ...]
    menus: tuple[Menu, ...] = ()

    def slots(self, *, apart: bool = False) -> tuple[Attachment | None, ...]:
        """The messages that the page needs; None stands for a message of text, which precedes the
        files where it is too long for a caption or has to stand ``apart``."""
        if not self.media:
            return (None,)
        fits = utf16_length(render(self.text)[0]) <= CAPTION_LIMIT
        return self.media if fits and not apart else (None, *self.media)

    @property
    def words(self) -> Words:
        """What its first message says."""
        return self.text, self.menus, self.actions

    @property
    def questions(self) -> dict[str, str]:
        """What its buttons ask, by their lines."""
        return notes([*self.actions, *(action for menu in self.menus for action in menu.options)])


def look(page: Page) -> Look:
    return Look(page.text, tuple(page.media), tuple(page.actions), tuple(page.menus))


def message(look: Look) -> dict[str, Any]:
    """Arguments of a call that sends or edits a text. Telegram takes no empty one."""
    text, entities = _with_questions(look, PAGE_LIMIT)
    return {"text": text or "…", "entities": entities, "reply_markup": keyboard(look)}


def caption(look: Look) -> dict[str, Any]:
    """Arguments of a call that sends or edits a caption."""
    text, entities = _with_questions(look, CAPTION_LIMIT)
    return {"caption": text or None, "caption_entities": entities}


def formatted(text: str) -> tuple[str, list[MessageEntity] | None]:
    visible, entities = render(text)
    return visible, [
        MessageEntity(
            entity.type,
            entity.offset,
            entity.length,
            url=entity.url or None,
            language=entity.language or None,
        )
        for entity in entities
    ] or None


def _with_questions(look: Look, limit: int) -> tuple[str, list[MessageEntity] | None]:
    """The visible text and its entities, and with them what the buttons ask, if it fits."""
    text, entities = formatted(look.text)
    questions, given = look.questions, entities or []
    if not questions or not 0 < utf16_length(text) < limit or len(given) >= MOST_ENTITIES:
        return text, entities
    text, link = hidden(questions, text)
    return text, [*given, link]


def keyboard(look: Look) -> InlineKeyboardMarkup | None:
    """Each menu in rows of its own, and then the other buttons."""
    groups = [*(menu.options for menu in look.menus), look.actions]
    rows = [row for group in groups for row in _rows(group)]
    return InlineKeyboardMarkup(rows) if rows else None


def _rows(actions: Sequence[Action]) -> list[list[InlineKeyboardButton]]:
    """Buttons in rows that a phone shows in full. What Telegram cannot carry is left out."""
    rows: list[list[InlineKeyboardButton]] = []
    room = 0
    for action in actions:
        data = data_of(action)
        if len(data.encode()) > _DATA_LIMIT or not action.label.strip():
            continue
        width = len(action.label) + 4
        if width > room:
            rows.append([])
            room = _ROW_WIDTH
        rows[-1].append(InlineKeyboardButton(action.label, callback_data=data))
        room -= width
    return rows


def kind(attachment: Attachment | None) -> str:
    """How Telegram shows it: "text", "photo", "audio" or "document"."""
    match attachment:
        case None:
            return "text"
        case Image() if attachment.media_type in _PHOTO_TYPES:
            return "photo" if len(attachment.data) <= PHOTO_LIMIT else "document"
        case Audio():
            return "audio"
    return "document"


def file_name(attachment: Attachment) -> str:
    """Its name, or one by which Telegram and people know what it is."""
    ending = attachment.media_type.partition("/")[2].partition("+")[0] or "bin"
    stem = "picture" if isinstance(attachment, Image) else "file"
    return attachment.name or f"{stem}.{'jpg' if ending == 'jpeg' else ending}"


def input_media(attachment: Attachment, kind: str, caption: dict[str, Any]) -> InputMedia:
    return _INPUT_MEDIA[kind](attachment.data, filename=file_name(attachment), **caption)
