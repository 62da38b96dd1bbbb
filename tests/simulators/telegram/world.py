"""The state of the simulated Telegram: people, chats, files, and messages with all their versions.

Nothing here knows HTTP or the Bot API. A deleted message stays here, marked.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.simulators.telegram.errors import ApiError, bad_request, forbidden

Json = Any  # what came from or goes to a JSON text
Entity = dict[str, Json]
Button = dict[str, Json]

_SUPERGROUP = -1_000_000_000_000
_PREFIXES = {"photos": "AgACAgIAAxk", "voice": "AwACAgIAAxk", "music": "CQACAgIAAxk"}


@dataclass(slots=True)
class User:
    id: int
    name: str
    username: str = ""
    language: str = ""
    is_bot: bool = False
    blocked_bot: bool = False


@dataclass(slots=True)
class StoredFile:
    """A file on Telegram's servers. ``path`` is where getFile lets people fetch it, "" before."""

    id: str
    unique_id: str
    data: bytes
    name: str
    media_type: str
    folder: str
    path: str = ""


class PhotoSize(NamedTuple):
    width: int
    height: int
    file: StoredFile


Photo = tuple[PhotoSize, ...]  # smallest first; the last one is the original


@dataclass(slots=True)
class Content:
    """What a message says: its text, or its media with the text as caption. ``sound`` is a voice
    message or, where it has a name, music; ``video`` is one with its thumbnail."""

    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    photo: Photo = ()
    document: StoredFile | None = None
    sound: StoredFile | None = None
    video: StoredFile | None = None
    service: dict[str, Json] = field(default_factory=dict)

    @property
    def has_media(self) -> bool:
        files = (self.document, self.sound, self.video)
        return bool(self.photo) or any(file is not None for file in files)


@dataclass(slots=True)
class Message:
    """``topic`` is the forum topic; ``thread`` the message_thread_id, which a chain of replies in
    an ordinary supergroup has as well. ``versions`` are (loop time, text or caption). ``asks`` are
    the people who are shown a reply field for it. ``via_bot`` is the inline bot that somebody has
    posted it with, ``inline_id`` the id by which that may edit it."""

    id: int
    chat: Chat = field(repr=False)
    author: User
    date: int
    content: Content
    buttons: list[list[Button]] = field(default_factory=list)
    reply_to: int | None = None
    topic: int | None = None
    thread: int | None = None
    media_group: str | None = None
    edit_date: int | None = None
    versions: list[tuple[float, str]] = field(default_factory=list)
    reactions: list[str] = field(default_factory=list)
    deleted: bool = False
    asks: frozenset[int] = frozenset()
    hint: str = ""
    via_bot: User | None = None
    inline_id: str = ""


class Action(NamedTuple):
    time: float
    action: str
    topic: int | None


class Draft(NamedTuple):
    time: float
    draft_id: int
    text: str
    topic: int | None


@dataclass(slots=True)
class Chat:
    """``kind`` is "private", "group" or "supergroup"; ``bot_status`` the bot's own membership."""

    id: int
    kind: str
    title: str
    user: User | None = None
    admins: list[int] = field(default_factory=list)
    members: set[int] = field(default_factory=set)
    topics: dict[int, str] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    bot_kicked: bool = False
    migrated_to: int | None = None

    @property
    def is_group(self) -> bool:
        return self.kind != "private"

    @property
    def is_forum(self) -> bool:
        return self.kind == "supergroup" and bool(self.topics)

    def find(self, message_id: int | None) -> Message | None:
        """The message, unless it is deleted."""
        message = self.messages.get(message_id or 0)
        return None if message is None or message.deleted else message


class World:
    """All of it, with one bot in it. Whoever changes what tests may wait for calls ``changed``.

    ``now`` is the clock: the event loop's, as soon as the server runs.
    """

    def __init__(self) -> None:
        self.bot = User(123456, "Switchboard", "switchboard_bot", is_bot=True)
        self.privacy = True
        self.inline = False
        self.inline_feedback = True
        self.now: Callable[[], float] = time.monotonic
        self.users: dict[int, User] = {self.bot.id: self.bot}
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, StoredFile] = {}
        self.photos: dict[str, Photo] = {}
        self.commands: dict[str, list[dict[str, str]]] = {}
        self._numbers = itertools.count(1)
        self._account_messages = itertools.count(1)
        self._watchers: set[asyncio.Future[None]] = set()

    # --- people and places ---

    def add_user(self, name: str, *, username: str = "", language: str = "en") -> User:
        user = User(5_000_000_000 + next(self._numbers), name, username, language)
        self.users[user.id] = user
        return user

    def add_private_chat(self, user_id: int) -> Chat:
        user = self.users[user_id]
        chat = Chat(user.id, "private", "", user, members={user.id, self.bot.id})
        return self.chats.setdefault(user.id, chat)

    def add_group(
        self, title: str, *, admins: Sequence[int], members: Sequence[int], basic: bool
    ) -> Chat:
        owner = next((user for user in admins if user != self.bot.id), None)
        if owner is None:
            owner = self.add_user("Owner").id
        admins = [owner, *(user for user in admins if user != owner)]
        number = 4_000_000_000 + next(self._numbers)
        chat_id = -number if basic else _SUPERGROUP - number
        chat = Chat(chat_id, "group" if basic else "supergroup", title, admins=admins)
        chat.members = {*admins, *members, self.bot.id}
        self.chats[chat.id] = chat
        return chat

    def chat(self, chat_id: int) -> Chat:
        """For tests: KeyError says that there is no such chat."""
        return self.chats[chat_id]

    def inline_message(self, inline_id: str) -> Message | None:
        """What somebody has posted with the bot's help."""
        posted = (message for chat in self.chats.values() for message in chat.messages.values())
        return next((one for one in posted if inline_id and one.inline_id == inline_id), None)

    def message(self, chat_id: int, message_id: int) -> Message:
        """For tests: KeyError says that there is no such message."""
        return self.chats[chat_id].messages[message_id]

    def open_chat(self, chat_id: int) -> Chat:
        """The chat as a bot that wants to write there meets it. Raises ApiError."""
        chat = self.chats.get(chat_id)
        if chat is None:
            if chat_id in self.users and chat_id != self.bot.id:
                raise forbidden("bot can't initiate conversation with a user")
            raise bad_request("chat not found")
        if chat.migrated_to is not None:
            raise ApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=chat.migrated_to,
            )
        if chat.bot_kicked:
            raise forbidden(f"bot was kicked from the {chat.kind} chat")
        if chat.user is not None and chat.user.blocked_bot:
            raise forbidden("bot was blocked by the user")
        return chat

    # --- messages and files ---

    def post(
        self,
        chat: Chat,
        author: User,
        content: Content,
        *,
        buttons: list[list[Button]] | None = None,
        reply_to: int | None = None,
        topic: int | None = None,
        media_group: str | None = None,
    ) -> Message:
        """Put a message into the chat."""
        message = Message(
            self._next_message_id(chat), chat, author, int(time.time()), content, buttons or []
        )
        message.reply_to, message.topic, message.media_group = reply_to, topic, media_group
        message.thread = topic if topic is not None else _chain(chat, reply_to)
        message.versions.append((self.now(), content.text))
        chat.messages[message.id] = message
        self.changed()
        return message

    def edit(
        self, message: Message, content: Content, buttons: list[list[Button]] | None = None
    ) -> None:
        """Give the message its next version."""
        message.content = content
        message.buttons = buttons or []
        message.edit_date = int(time.time())
        message.versions.append((self.now(), content.text))
        self.changed()

    def store(self, data: bytes, *, name: str, media_type: str, folder: str) -> StoredFile:
        number = next(self._numbers)
        prefix = _PREFIXES.get(folder, "BQACAgIAAxk")
        file = StoredFile(
            f"{prefix}BAAI{number:06d}", f"AQAD{number:06d}", data, name, media_type, folder
        )
        self.files[file.id] = file
        return file

    def number(self) -> int:
        """A number that was not used before."""
        return next(self._numbers)

    def _next_message_id(self, chat: Chat) -> int:
        # A supergroup counts its own messages, 1 being its creation; other chats share one count.
        if chat.kind == "supergroup":
            return max(chat.messages, default=1) + 1
        return next(self._account_messages)

    # --- waiting for something to happen ---

    def changed(self) -> None:
        for watcher in self._watchers:
            if not watcher.done():
                watcher.set_result(None)

    async def until(self, true: Callable[[], Any], within: float) -> None:
        """Return once ``true()``; TimeoutError after ``within`` seconds."""
        async with asyncio.timeout(within):
            while not true():
                watcher = asyncio.get_running_loop().create_future()
                self._watchers.add(watcher)
                try:
                    await watcher
                finally:
                    self._watchers.discard(watcher)


def _chain(chat: Chat, reply_to: int | None) -> int | None:
    """An ordinary supergroup calls a chain of replies a thread, named after its first message."""
    if chat.kind != "supergroup" or chat.is_forum or reply_to is None:
        return None
    replied = chat.messages[reply_to]
    return replied.id if replied.thread is None else replied.thread
