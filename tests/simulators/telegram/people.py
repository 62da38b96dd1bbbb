"""What people do in the simulated Telegram, and which of it the bot gets to hear.

In groups a bot in privacy mode hears only commands, mentions, replies to it and service messages.
"""

from __future__ import annotations

import mimetypes
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tests.simulators.telegram import payloads
from tests.simulators.telegram.errors import ApiError
from tests.simulators.telegram.inline import Inline, Typed
from tests.simulators.telegram.measure import piece, units
from tests.simulators.telegram.media import store_document, store_photo, store_sound
from tests.simulators.telegram.text import format_text
from tests.simulators.telegram.updates import Press, Updates
from tests.simulators.telegram.world import Chat, Content, Json, Message, User, World

_TOPIC_COLOUR = 7322096
_MAX_TEXT = 4096


class People:
    def __init__(self, world: World, updates: Updates) -> None:
        self._world = world
        self._updates = updates

    def say(
        self,
        chat_id: int,
        user_id: int,
        text: str,
        *,
        reply_to: int | None = None,
        topic: int | None = None,
        photo: bytes | None = None,
        document: bytes | tuple[str, bytes] | None = None,
        voice: bytes | None = None,
        music: tuple[str, bytes] | None = None,
        video: bytes | None = None,
    ) -> Message:
        chat, user = self._enter(chat_id, user_id)
        if topic is not None and topic not in chat.topics:
            raise ValueError(f"chat {chat_id} has no topic {topic}")
        if reply_to is not None:
            replied = chat.find(reply_to)
            if replied is None:
                raise ValueError(f"there is no message {reply_to} to reply to in chat {chat_id}")
            topic = replied.topic if topic is None else topic
        content = self._content(text, photo, document, voice, music, video)
        message = self._world.post(chat, user, content, reply_to=reply_to, topic=topic)
        self._tell("message", message)
        return message

    def paste(self, chat_id: int, user_id: int, text: str, *, topic: int | None) -> list[Message]:
        return [self.say(chat_id, user_id, part, topic=topic) for part in _cut(text)]

    def album(
        self, chat_id: int, user_id: int, photos: Sequence[bytes], text: str, *, topic: int | None
    ) -> list[Message]:
        if not 2 <= len(photos) <= 10:
            raise ValueError("an album is 2 to 10 photos")
        chat, user = self._enter(chat_id, user_id)
        group = str(13_000_000_000_000_000 + self._world.number())
        messages = []
        for number, photo in enumerate(photos):
            content = self._content("" if number else text, photo)
            message = self._world.post(chat, user, content, topic=topic, media_group=group)
            self._tell("message", message)
            messages.append(message)
        return messages

    def rewrite(self, chat_id: int, message_id: int, text: str) -> None:
        message = self._world.message(chat_id, message_id)
        formatted = format_text(text)
        content = replace(message.content, text=formatted.text, entities=formatted.entities)
        self._world.edit(message, content)
        self._tell("edited_message", message)

    def press(self, chat_id: int, user_id: int, message_id: int, data: str) -> Press:
        chat, user = self._enter(chat_id, user_id)
        if message_id not in chat.messages:
            raise ValueError(f"there is no message {message_id} in chat {chat_id}")
        press = Press(str(4_000_000_000_000_000_000 + secrets.randbits(60)), self._world.now())
        self._updates.presses[press.id] = press
        message = chat.find(message_id)
        query: Json = {
            "id": press.id,
            "from": payloads.user(user),
            "message": payloads.inaccessible(chat, message_id)
            if message is None
            else payloads.message(message),
            "chat_instance": payloads.chat_instance(chat),
            "data": data,
        }
        self._updates.add("callback_query", query)
        return press

    def choose(self, inline: Inline, chat_id: int, typed: Typed, number: int) -> Message:
        chat, _ = self._enter(chat_id, typed.user.id)
        message = inline.choose(chat, typed, number)
        self._tell("message", message)
        return message

    def open_topic(self, chat_id: int, name: str, *, by_bot: bool) -> int:
        chat = self._world.chat(chat_id)
        if chat.kind == "group":
            raise ValueError("only supergroups and private chats have topics")
        owner = chat.user or self._world.users[chat.admins[0]]
        opener = self._world.bot if by_bot else owner
        created = {"forum_topic_created": {"name": name, "icon_color": _TOPIC_COLOUR}}
        message = self._world.post(chat, opener, Content(service=created))
        message.topic = message.thread = message.id
        chat.topics[message.id] = name
        if not by_bot:  # nobody hears themselves
            self._tell("message", message)
        return message.id

    def delete_topic(self, chat_id: int, topic: int) -> None:
        chat = self._world.chat(chat_id)
        del chat.topics[topic]
        for message in chat.messages.values():
            message.deleted |= message.topic == topic
        self._world.changed()

    def block(self, user_id: int, *, blocked: bool) -> None:
        user = self._world.users[user_id]
        user.blocked_bot = blocked
        self._tell_membership(self._world.chat(user_id), user, back=not blocked)

    def kick(self, chat_id: int) -> None:
        chat = self._world.chat(chat_id)
        chat.bot_kicked = True
        chat.members.discard(self._world.bot.id)
        self._tell_membership(chat, self._world.users[chat.admins[0]])

    def migrate(self, chat_id: int) -> int:
        old = self._world.chat(chat_id)
        owner = self._world.users[old.admins[0]]
        new = self._world.add_group(
            old.title, admins=old.admins, members=sorted(old.members), basic=False
        )
        leaving = self._world.post(old, owner, Content(service={"migrate_to_chat_id": new.id}))
        self._tell("message", leaving)
        old.migrated_to = new.id
        arriving = self._world.post(new, owner, Content(service={"migrate_from_chat_id": old.id}))
        self._tell("message", arriving)
        return new.id

    def _enter(self, chat_id: int, user_id: int) -> tuple[Chat, User]:
        """Whoever speaks in a group is a member of it."""
        chat, user = self._world.chat(chat_id), self._world.users[user_id]
        if chat.user is not None and chat.user is not user:
            raise ValueError(f"user {user_id} has no access to the private chat {chat_id}")
        if chat.migrated_to is not None:
            raise ValueError(f"chat {chat_id} has become {chat.migrated_to}")
        if user.blocked_bot and not chat.is_group:
            raise ValueError(f"user {user_id} has blocked the bot")
        chat.members.add(user.id)
        return chat, user

    def _content(
        self,
        text: str,
        photo: bytes | None = None,
        document: bytes | tuple[str, bytes] | None = None,
        voice: bytes | None = None,
        music: tuple[str, bytes] | None = None,
        video: bytes | None = None,
    ) -> Content:
        formatted = format_text(text)
        content = Content(formatted.text, formatted.entities)
        try:
            if photo is not None:
                content.photo = store_photo(self._world, photo)
            if document is not None:
                name, data = document if isinstance(document, tuple) else ("file.bin", document)
                media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
                content.document = store_document(self._world, name, data, media_type)
            if voice is not None:
                content.sound = store_sound(self._world, "", voice, "audio/ogg")
            if music is not None:
                content.sound = store_sound(self._world, *music, "audio/mpeg")
            if video is not None:
                content.video = store_document(self._world, "film.mp4", video, "video/mp4")
        except ApiError as error:
            raise ValueError(error.description) from error
        if not content.text and not content.has_media:
            raise ValueError("nobody can send an empty message")
        return content

    # --- what the bot hears ---

    def _tell(self, kind: str, message: Message) -> None:
        if not message.chat.bot_kicked and self._hears(message):
            self._updates.add(kind, payloads.message(message))

    def _tell_membership(self, chat: Chat, by: User, *, back: bool = False) -> None:
        change = payloads.bot_removed(chat, self._world, by, int(time.time()), back=back)
        self._updates.add("my_chat_member", change)

    def _hears(self, message: Message) -> bool:
        chat, bot = message.chat, self._world.bot
        everything = not chat.is_group or not self._world.privacy or bot.id in chat.admins
        if everything or message.content.service or message.via_bot is bot:
            return True
        replied = chat.find(message.reply_to)
        return (replied is not None and replied.author is bot) or self._is_addressed(message)

    def _is_addressed(self, message: Message) -> bool:
        """A command that is not for another bot, or a mention of this one."""
        username = self._world.bot.username.lower()
        for entity in message.content.entities:
            start = entity["offset"]
            shown = piece(message.content.text, start, start + entity["length"]).lower()
            if entity["type"] == "mention" and shown == f"@{username}":
                return True
            if entity["type"] == "bot_command" and shown.partition("@")[2] in ("", username):
                return True
        return False


def _cut(text: str) -> Iterator[str]:
    """A long text as people's programs send it: between lines or words where they can, and else
    after 4096 units. What they cut at is gone."""
    while units(text) > _MAX_TEXT:
        part = piece(text, 0, _MAX_TEXT)
        place = max(part.rfind("\n"), part.rfind(" "))
        part = part[:place] if place > 0 else part
        text = text[len(part) :].lstrip(" \n")
        yield part
    yield text
