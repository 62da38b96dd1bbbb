"""What a Telegram update asks of us, if anything (pure).

In a private chat that is every message. In a group it is a command, a mention, or a reply to one of
our messages; the rest is other people's talk.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from telegram import CallbackQuery, Message, MessageEntity, PhotoSize, Update
from telegram.constants import ChatType

from bot.commands import split_line
from bot.types import Channel, Request, Role, Text, User
from bot.types import Message as Said

PLATFORM = "telegram"
PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")

_COMMAND = re.compile(r"/(\w+)(?:@(\w+))?(?=\s|$)")
# Kinds of messages that people send to be read, and that we cannot read.
_UNREADABLE = {
    "voice": "voice messages",
    "audio": "audio files",
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


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are on Telegram."""

    id: int
    username: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is still at Telegram. ``size`` in bytes, 0 where Telegram does not say."""

    file_id: str
    media_type: str
    size: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request, and what the adapter has to do for it before it is complete.

    ``reply_to`` is the message to answer under, None in private chats. ``pictures`` belong to the
    request, ``quoted_pictures`` to what it quotes. ``album`` is common to pictures sent at once.
    ``unreadable`` names what we cannot read, if that is what was sent.
    """

    request: Request
    reply_to: int | None = None
    pictures: tuple[Picture, ...] = ()
    quoted_pictures: tuple[Picture, ...] = ()
    album: str = ""
    callback: str = ""
    unreadable: str = ""


def read(update: Update, me: Identity, commands: Collection[str]) -> Incoming | None:
    """None for what is not meant for us. ``commands`` are the names that need no mention."""
    if update.callback_query is not None:
        return _button(update.callback_query)
    if update.message is not None:
        return _message(update.message, me, commands)
    return None


def pictures_of(message: Message) -> tuple[Picture, ...]:
    """The message's photo in its largest size, or its document if that is a picture."""
    if message.photo:
        largest = max(message.photo, key=_area)
        return (Picture(largest.file_id, "image/jpeg", largest.file_size or 0),)
    document = message.document
    if document is not None and document.mime_type in PICTURE_TYPES:
        name = document.file_name or ""
        return (Picture(document.file_id, document.mime_type, document.file_size or 0, name),)
    return ()


def merged(album: Sequence[Incoming]) -> Incoming:
    """The messages of one album as one request: its caption stands under any one of them."""
    first = next((part for part in album if part.request.text), album[0])
    pictures = tuple(picture for part in album for picture in part.pictures)
    request = replace(first.request, source=f"album:{first.album}")
    return replace(first, request=request, pictures=pictures)


def _button(query: CallbackQuery) -> Incoming | None:
    message = query.message
    if not query.data or message is None or message.chat.type == ChatType.CHANNEL:
        return None
    is_group = message.chat.type != ChatType.PRIVATE
    command, text = _line(query.data)
    request = Request(
        _channel(message.chat.id, is_group, message if isinstance(message, Message) else None),
        User(str(query.from_user.id), query.from_user.full_name, moderator=not is_group),
        query.id,
        command,
        text,
        pressed=True,
    )
    return Incoming(request, message.message_id if is_group else None, callback=query.id)


def _message(message: Message, me: Identity, commands: Collection[str]) -> Incoming | None:
    user = _author(message)
    if user is None or message.chat.type == ChatType.CHANNEL:
        return None
    is_group = message.chat.type != ChatType.PRIVATE
    text = _addressed(message, me, commands) if is_group else _words(message)
    if text is None:
        return None
    pictures, unreadable = pictures_of(message), _unreadable(message)
    if not _words(message) and not pictures and (is_group or not unreadable):
        return None  # somebody joined, a title changed …, or a sticker among people
    quoted, quoted_pictures = _quoted(message, me)
    command, text = _line(text)
    request = Request(
        _channel(message.chat.id, is_group, message),
        user,
        str(message.message_id),
        command,
        text,
        quoted=quoted,
    )
    return Incoming(
        request,
        reply_to=message.message_id if is_group else None,
        pictures=pictures,
        quoted_pictures=quoted_pictures,
        album=message.media_group_id or "",
        unreadable=unreadable,
    )


def _author(message: Message) -> User | None:
    """Who wrote it; None for bots and for what no member wrote.

    An anonymous admin writes in the name of the group, others may write in the name of a channel.
    """
    sender, chat = message.sender_chat, message.chat
    if message.is_automatic_forward or message.from_user is None:
        return None
    if sender is not None and chat.type != ChatType.PRIVATE:
        name = message.author_signature or sender.title or "Anonymous"
        return User(str(sender.id), name, moderator=sender.id == chat.id)
    if message.from_user.is_bot:
        return None
    is_private = chat.type == ChatType.PRIVATE
    return User(str(message.from_user.id), message.from_user.full_name, moderator=is_private)


def _channel(chat_id: int, is_group: bool, message: Message | None) -> Channel:
    # Outside of forums a thread is no more than a chain of replies.
    in_topic = message is not None and message.is_topic_message
    thread = str(message.message_thread_id) if message is not None and in_topic else ""
    return Channel(PLATFORM, str(chat_id) if is_group else "", str(chat_id), thread)


def _line(text: str) -> tuple[str, str]:
    """(command, what follows). /start is what the button of a fresh private chat sends."""
    if (named := _COMMAND.match(text)) is not None:
        text = f"/{named[1]}{text[named.end() :]}"  # without the @name it is for
    command, rest = split_line(text)
    return ("help", "") if command == "start" else (command, rest)


def _addressed(message: Message, me: Identity, commands: Collection[str]) -> str | None:
    """What a group's message says to us, without our name; None if it is not for us."""
    text = _words(message)
    if (command := _COMMAND.match(text)) is not None:
        name, target = command[1].lower(), command[2]
        if target is None:
            return text if name in commands else None
        return text if target.lower() == me.username.lower() else None
    spoken_to, text = _without_mention(message, text, me)
    replied = _replied_to(message)
    if replied is not None and replied.from_user is not None and replied.from_user.id == me.id:
        spoken_to = True
    return text if spoken_to else None


def _without_mention(message: Message, text: str, me: Identity) -> tuple[bool, str]:
    """(whether we are mentioned, the text without it)."""
    mention = f"@{me.username}".lower()
    units = text.encode("utf-16-le")  # entities count in these
    found = False
    entities = message.entities if message.text else message.caption_entities
    for entity in sorted(entities, key=lambda entity: entity.offset, reverse=True):
        start, end = 2 * entity.offset, 2 * (entity.offset + entity.length)
        name = units[start:end].decode("utf-16-le", "ignore").lower()
        if entity.type == MessageEntity.MENTION and name == mention:
            before = units[:start].decode("utf-16-le", "ignore")
            after = units[end:].decode("utf-16-le", "ignore")
            if before.strip():
                text = f"{before.rstrip(' ')} {after.lstrip(' ')}"
            else:
                text = after.lstrip(" ,:")
            units, found = text.encode("utf-16-le"), True
    return found, text.strip()


def _replied_to(message: Message) -> Message | None:
    """What the person replied to. In a topic every message formally replies to its first one."""
    replied = message.reply_to_message
    return None if replied is None or replied.forum_topic_created is not None else replied


def _quoted(message: Message, me: Identity) -> tuple[Said | None, tuple[Picture, ...]]:
    replied = _replied_to(message)
    if replied is None:
        return None, ()
    # People can mark the part of a message that they mean.
    text = message.quote.text if message.quote is not None else _words(replied)
    pictures = pictures_of(replied)
    if not text and not pictures:
        return None, ()
    parts = (Text(text),) if text else ()
    if replied.from_user is not None and replied.from_user.id == me.id:
        return Said(Role.ASSISTANT, parts, me.username), pictures
    author = _author(replied)
    name = author.name if author is not None else getattr(replied.from_user, "full_name", "")
    return Said(Role.USER, parts, name), pictures


def _unreadable(message: Message) -> str:
    """What the message has that we cannot read, in words; "" for nothing."""
    for kind, words in _UNREADABLE.items():
        if getattr(message, kind):
            return words
    return "" if message.document is None or pictures_of(message) else "this kind of file"


def _words(message: Message) -> str:
    return message.text or message.caption or ""


def _area(size: PhotoSize) -> int:
    return size.width * size.height
