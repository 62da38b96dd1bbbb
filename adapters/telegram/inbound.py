"""What a Telegram update asks of us, and how it speaks to us (pure).

Whether that is enough for an answer, the channel's manners say. What is for another bot, and what
no person wrote, asks nothing of us.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from telegram import CallbackQuery, ChosenInlineResult, Message, MessageEntity, Update
from telegram import User as Account
from telegram.constants import ChatType

from adapters.telegram import questions
from adapters.telegram.entities import utf16_length
from adapters.telegram.questions import Question
from adapters.telegram.uploads import Upload, unreadable, uploads_of
from bot.commands import split_line
from bot.types import Channel, Request, Role, Text, Trigger, User
from bot.types import Message as Said

PLATFORM = "telegram"
INLINE = "inline:"  # what the id of a channel begins with that is no chat, but somebody's questions
EDITED = "edited"  # the command of a question in other words
QUESTIONS = ("ask", "image")  # the commands that need no rights, and that people reword

_COMMAND = re.compile(r"/(\w+)(?:@(\w+))?(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are on Telegram. ``key`` is what our questions are signed with."""

    id: int
    username: str
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request, and what the adapter has to do for it before it is complete.

    ``reply_to`` is the message to answer under, None in private chats. ``uploads`` belong to the
    request, ``quoted_uploads`` to what it quotes. ``album`` is common to files sent at once.
    ``length`` is that of what was typed, in UTF-16 units. ``unreadable`` names what we cannot read,
    if that is what was sent. A button with a ``question`` asks nothing yet. ``inline`` is the
    message to answer in where there is no chat.
    """

    request: Request
    trigger: Trigger = Trigger.COMMAND
    reply_to: int | None = None
    uploads: tuple[Upload, ...] = ()
    quoted_uploads: tuple[Upload, ...] = ()
    album: str = ""
    length: int = 0
    callback: str = ""
    unreadable: str = ""
    question: Question | None = None
    inline: str = ""


def read(
    update: Update, me: Identity, commands: Collection[str], ours: Collection[Channel] = ()
) -> Incoming | None:
    """None for what is no person's, or another bot's. ``commands`` are the names that need no
    mention, ``ours`` the topics that we are known to have opened."""
    if update.callback_query is not None:
        return _button(update.callback_query)
    if update.message is not None:
        return _message(update.message, me, commands, ours)
    if update.edited_message is not None:
        return _edit(update.edited_message, me, commands, ours)
    if update.chosen_inline_result is not None:
        return _chosen(update.chosen_inline_result)
    return None


def _button(query: CallbackQuery) -> Incoming | None:
    message = query.message
    if not query.data or message is None or message.chat.type == ChatType.CHANNEL:
        return None
    is_group = message.chat.type != ChatType.PRIVATE
    there = message if isinstance(message, Message) else None
    command, text = _line(query.data)
    request = Request(
        _channel(message.chat.id, is_group, there),
        User(str(query.from_user.id), _name(query.from_user), moderator=not is_group),
        query.id,
        command,
        text,
        pressed=True,
    )
    question = None
    if query.data.startswith(questions.ASKING):
        question = questions.pressed(query.data, there, query.from_user)
    reply_to = message.message_id if is_group else None
    return Incoming(request, reply_to=reply_to, callback=query.id, question=question)


def _message(
    message: Message, me: Identity, commands: Collection[str], ours: Collection[Channel]
) -> Incoming | None:
    user = _author(message, me)
    if user is None or message.chat.type == ChatType.CHANNEL:
        return None
    is_group = message.chat.type != ChatType.PRIVATE
    channel = _channel(message.chat.id, is_group, message)
    words, uploads, strange = _words(message), uploads_of(message), unreadable(message)
    spoken = _spoken(message, me, commands, channel in ours)
    if spoken is None or (not words and not uploads and (is_group or not strange)):
        return None  # another bot's; or somebody joined, or sent a sticker to the others
    trigger, text = spoken
    if strange and trigger is Trigger.ANY:
        return None
    quoted, quoted_uploads = _quoted(message, me)
    if (prompt := _prompt(message, me)) is not None and trigger is not Trigger.COMMAND:
        line, asked = prompt
        if str(asked) != user.id:
            return None  # this was not for them to answer
        trigger, text, quoted, quoted_uploads = Trigger.COMMAND, line + text, None, ()
    command, text = _line(text)
    return Incoming(
        Request(channel, user, str(message.message_id), command, text, quoted=quoted),
        trigger,
        reply_to=message.message_id if is_group else None,
        uploads=uploads,
        quoted_uploads=quoted_uploads,
        album=message.media_group_id or "",
        length=utf16_length(message.text or ""),
        unreadable=strange,
    )


def _edit(
    message: Message, me: Identity, commands: Collection[str], ours: Collection[Channel]
) -> Incoming | None:
    """A question in other words. Its files are not fetched again: they are counted as lost."""
    found = _message(message, me, commands, ours)
    if found is None or found.unreadable or found.album or message.edit_date is None:
        return None
    request, when = found.request, int(message.edit_date.timestamp())
    if request.command not in QUESTIONS or _prompt(message, me) is not None:
        return None
    request = replace(
        request,
        source=f"{request.source}:{when}",
        command=EDITED,
        lost=len(found.uploads) + len(found.quoted_uploads),
    )
    return Incoming(request, found.trigger, found.reply_to)


def _chosen(result: ChosenInlineResult) -> Incoming | None:
    """What somebody asks in a chat where we are not. We may not know the message that it has become
    there: then nobody can answer."""
    asker, message = result.from_user, result.inline_message_id
    if not message or not result.query.strip():
        return None
    channel = Channel(PLATFORM, "", f"{INLINE}{asker.id}")
    user = User(str(asker.id), _name(asker), moderator=True)
    request = Request(channel, user, f"{INLINE}{message}", text=result.query.strip())
    return Incoming(request, inline=message)


def _spoken(
    message: Message, me: Identity, commands: Collection[str], is_ours: bool
) -> tuple[Trigger, str] | None:
    """How a message speaks to us, and what it says without our name. None if it is a command for
    another bot."""
    text = _words(message)
    is_private = message.chat.type == ChatType.PRIVATE
    if (command := _COMMAND.match(text)) is not None:
        name, target = command[1].lower(), (command[2] or "").lower()
        is_known = name in commands if not target else target == me.username.lower()
        return (Trigger.COMMAND, text) if is_known or is_private else None
    if is_private:
        return Trigger.PRIVATE, text
    is_mentioned, text = _without_mention(message, text, me)
    if is_mentioned:
        command = _COMMAND.match(text)
        is_command = command is not None and command[1].lower() in commands
        return (Trigger.COMMAND if is_command else Trigger.MENTION), text
    first, replied = message.reply_to_message, _replied_to(message)
    if first is not None and _is_by(me, first):
        return (Trigger.THREAD if replied is None else Trigger.REPLY), text
    return (Trigger.THREAD if is_ours else Trigger.ANY), text


def _author(message: Message, me: Identity) -> User | None:
    """Who wrote it; None for bots, for what no member wrote, and for our own answers in their name.

    An anonymous admin writes in the name of the group, others may write in the name of a channel.
    """
    sender, chat = message.sender_chat, message.chat
    if message.is_automatic_forward or message.from_user is None:
        return None
    if message.via_bot is not None and message.via_bot.id == me.id:
        return None
    if sender is not None and chat.type != ChatType.PRIVATE:
        name = message.author_signature or sender.title or "Anonymous"
        return User(str(sender.id), name, moderator=sender.id == chat.id)
    if message.from_user.is_bot:
        return None
    is_private = chat.type == ChatType.PRIVATE
    return User(str(message.from_user.id), _name(message.from_user), moderator=is_private)


def _name(account: Account) -> str:
    """What the others see. The names of a deleted account are empty."""
    return account.full_name or account.last_name or account.username or "somebody"


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


def _quoted(message: Message, me: Identity) -> tuple[Said | None, tuple[Upload, ...]]:
    replied = _replied_to(message)
    if replied is None:
        return None, ()
    # People can mark the part of a message that they mean.
    text = message.quote.text if message.quote is not None else _words(replied)
    uploads = uploads_of(replied)
    if not text and not uploads:
        return None, ()
    parts = (Text(text),) if text else ()
    if _is_by(me, replied):
        return Said(Role.ASSISTANT, parts, me.username), uploads
    author = _author(replied, me)
    if author is None and replied.from_user is not None:
        return Said(Role.USER, parts, _name(replied.from_user)), uploads
    return Said(Role.USER, parts, author.name if author is not None else ""), uploads


def _prompt(message: Message, me: Identity) -> tuple[str, int] | None:
    """The line that a question of ours was to complete, and whom it asked, if this replies to
    one."""
    replied = _replied_to(message)
    if replied is None or not _is_by(me, replied):
        return None
    return questions.answered(replied, message.chat.id, me.key)


def _is_by(me: Identity, message: Message) -> bool:
    return message.from_user is not None and message.from_user.id == me.id


def _words(message: Message) -> str:
    return message.text or message.caption or ""
