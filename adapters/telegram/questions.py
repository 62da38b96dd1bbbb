"""Questions that a button puts before it does something, without any memory (pure).

    button "?/settings persona "  ─►  our message that asks  ─►  their reply: the end of the line

What is asked travels in the button's message, and the line and whom we ask in the message that
asks: as the address of a link on a character that nobody sees, so all of it survives a restart. The
second one is signed, or a model could be talked into an answer that makes the next moderator who
replies to it say things they never meant.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from telegram import ForceReply, Message, MessageEntity, User

from adapters.telegram.entities import utf16_length
from bot.types import Action

ASKING = "?"  # what the data of a button begins with that asks first
_UNSEEN = "\u200c"
_ADDRESS = "https://t.me/#"  # Telegram's own: whoever finds the link gets nowhere
_PLACEHOLDER = 64  # characters of a hint that stands in the reply field
_LONGEST = 300  # characters of a question
_UNKNOWN = "What shall it be?"


@dataclass(frozen=True, slots=True)
class Question:
    """Put to whoever pressed the button; what they answer follows the ``line``."""

    line: str
    text: str
    asked: User


def data_of(action: Action) -> str:
    """What the action's button sends when it is pressed."""
    return f"{ASKING}{action.line}" if action.ask else action.line


def notes(actions: Sequence[Action]) -> dict[str, str]:
    """What the buttons ask, by their lines, for ``hidden``."""
    return {action.line: action.ask[:_LONGEST] for action in actions if action.ask}


def hidden(notes: Mapping[str, str], text: str) -> tuple[str, MessageEntity]:
    """The text with something at its end that nobody sees, and the link on it that says this."""
    link = _ADDRESS + urlencode(notes)
    entity = MessageEntity(MessageEntity.TEXT_LINK, utf16_length(text), 1, url=link)
    return text + _UNSEEN, entity


def pressed(data: str, message: Message | None, asked: User) -> Question:
    """The question behind a button. ``message`` is the button's, None where it is too old."""
    line = data.removeprefix(ASKING)
    text = _found(message).get(line, "") if message is not None else ""
    return Question(line, text or _UNKNOWN, asked)


def asking(question: Question, chat: int, key: str) -> dict[str, Any]:
    """Arguments of the call that puts the question. In a group only who is named gets a reply
    field."""
    text, mentions = question.text, []
    if is_group := chat < 0:
        name = question.asked.full_name or "You"
        text = f"{name}: {text}"
        mentions = [_mention(question.asked, utf16_length(name))]
    signature = _signature(key, chat, question.asked.id, question.line, text)
    said = {"line": question.line, "by": str(question.asked.id), "signed": signature}
    text, link = hidden(said, text)
    hint = question.text[:_PLACEHOLDER]
    return {
        "text": text,
        "entities": [*mentions, link],
        "reply_markup": ForceReply(selective=is_group, input_field_placeholder=hint),
    }


def answered(message: Message, chat: int, key: str) -> tuple[str, int] | None:
    """The line that a message of ours wants an answer for and the person it asks; None where it
    asks nothing."""
    said = _found(message)
    line, by, signature = (said.get(name, "") for name in ("line", "by", "signed"))
    text = (message.text or "").removesuffix(_UNSEEN)
    if not by.isdecimal() or len(by) > 20:
        return None
    expected = _signature(key, chat, int(by), line, text)
    is_ours = hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
    return (line, int(by)) if is_ours else None


def _found(message: Message) -> dict[str, str]:
    """What the last link of a message says."""
    entities = (*message.entities, *message.caption_entities)
    links = [entity.url or "" for entity in entities if entity.type == MessageEntity.TEXT_LINK]
    if not links or not links[-1].startswith(_ADDRESS):
        return {}
    return dict(parse_qsl(links[-1].removeprefix(_ADDRESS), keep_blank_values=True))


def _signature(key: str, chat: int, by: int, line: str, text: str) -> str:
    """``text`` counts by its letters: Telegram drops and replaces some other characters."""
    letters = "".join(filter(str.isalnum, text))
    said = "\0".join((str(chat), str(by), line, letters))
    return hmac.new(key.encode(), said.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]


def _mention(user: User, length: int) -> MessageEntity:
    bare = User(user.id, user.first_name, user.is_bot)
    return MessageEntity(MessageEntity.TEXT_MENTION, 0, length, user=bare)
