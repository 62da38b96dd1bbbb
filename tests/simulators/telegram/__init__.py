"""A Telegram in a box: a strict Bot API server on 127.0.0.1 and the people who chat through it.

``TelegramSimulator`` is what tests hold: it starts the server, lets people act, shows what they see
and makes the platform misbehave. The rules live beside it: ``methods`` (the Bot API), ``text``
(entities), ``limits``, ``updates`` (delivery), ``world`` (state), ``server`` (HTTP) and so on.

All times are ``loop.time()``, which is ``time.monotonic()`` on an ordinary event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from tests.simulators.telegram.faults import Fault, Faults
from tests.simulators.telegram.inline import Inline, Typed
from tests.simulators.telegram.limits import Limits
from tests.simulators.telegram.people import People
from tests.simulators.telegram.seen import Action, Document, Draft, Seen, see
from tests.simulators.telegram.server import Call, Received, Server
from tests.simulators.telegram.updates import Press, Updates
from tests.simulators.telegram.world import World

__all__ = [
    "Action",
    "Call",
    "Document",
    "Draft",
    "Fault",
    "Limits",
    "Press",
    "Received",
    "Seen",
    "TelegramSimulator",
    "Typed",
]


class TelegramSimulator:
    """A Telegram with one bot. ``async with`` starts its server and stops it.

    ``limits`` are the flood limits, strict by default; ``limits.off()`` ends them.
    """

    def __init__(self) -> None:
        self.token = "123456:AAAA-switchboard-simulator-token-0001"
        self.limits = Limits()
        self._world = World()
        self._updates = Updates(self._world)
        self._people = People(self._world, self._updates)
        self._inline = Inline(self._world, self._updates)
        self._faults = Faults()
        self._server = Server(
            self.token, self._world, self._updates, self.limits, self._faults, self._inline
        )

    async def __aenter__(self) -> Self:
        await self._server.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._server.stop()

    @property
    def api_url(self) -> str:
        """``http://127.0.0.1:PORT``; below it ``/bot{token}/METHOD``, ``/file/bot{token}/PATH``."""
        return self._server.url

    @property
    def bot_id(self) -> int:
        return self._world.bot.id

    @property
    def bot_username(self) -> str:
        return self._world.bot.username

    @property
    def privacy(self) -> bool:
        """While on, as at first, a bot in a group hears commands, mentions and replies to it."""
        return self._world.privacy

    @privacy.setter
    def privacy(self, on: bool) -> None:
        self._world.privacy = on

    @property
    def inline(self) -> bool:
        """Whether @BotFather has given the bot an inline mode; off at first."""
        return self._world.inline

    @inline.setter
    def inline(self, on: bool) -> None:
        self._world.inline = on

    @property
    def inline_feedback(self) -> bool:
        """While on, as at first, the bot is told which of its results somebody has picked."""
        return self._world.inline_feedback

    @inline_feedback.setter
    def inline_feedback(self, on: bool) -> None:
        self._world.inline_feedback = on

    @property
    def callback_timeout(self) -> float:
        """Seconds in which a pressed button must be answered."""
        return self._updates.callback_timeout

    @callback_timeout.setter
    def callback_timeout(self, seconds: float) -> None:
        self._updates.callback_timeout = seconds

    async def ready(self, timeout: float = 5) -> None:  # noqa: ASYNC109
        """Wait until the bot has called getUpdates at least once."""
        await self.until(lambda: self._updates.polled, timeout)

    # --- the places and the people in them ---

    def add_user(self, name: str, *, username: str = "", language: str = "en") -> int:
        """A person. Returns their id."""
        return self._world.add_user(name, username=username, language=language).id

    def add_private_chat(self, user: int) -> int:
        """They pressed Start, so the bot may write to them. Returns the chat's id, their own."""
        return self._world.add_private_chat(user).id

    def add_group(
        self,
        title: str,
        *,
        admins: Sequence[int] = (),
        members: Sequence[int] = (),
        basic: bool = False,
    ) -> int:
        """A supergroup, or with ``basic`` a group of the old kind. Returns its id, below zero.

        The first admin owns it. ``bot_id`` among the admins makes the bot one, and then it hears
        everything. The bot and whoever speaks in the group are members.
        """
        return self._world.add_group(title, admins=admins, members=members, basic=basic).id

    def add_topic(self, group: int, name: str, *, by_bot: bool = False) -> int:
        """A topic; the group becomes a forum. Returns its message_thread_id.

        As on Telegram, the service message that opens it is an update like any other.
        """
        return self._people.open_topic(group, name, by_bot=by_bot)

    # --- people act: each act is an update for the bot ---

    async def say(
        self,
        chat: int,
        user: int,
        text: str = "",
        *,
        reply_to: int | None = None,
        topic: int | None = None,
        photo: bytes | None = None,
        document: bytes | tuple[str, bytes] | None = None,
        voice: bytes | None = None,
        music: tuple[str, bytes] | None = None,
        video: bytes | None = None,
    ) -> int:
        """Somebody writes ``text``, or sends one file with it as caption.

        ``document`` is its content or (name, content). Returns the message_id. Raises ValueError
        where no Telegram client would let a person do that.
        """
        message = self._people.say(
            chat,
            user,
            text,
            reply_to=reply_to,
            topic=topic,
            photo=photo,
            document=document,
            voice=voice,
            music=music,
            video=video,
        )
        return message.id

    async def paste(
        self, chat: int, user: int, text: str, *, topic: int | None = None
    ) -> list[int]:
        """Somebody sends a text of any length: their program cuts it into messages."""
        return [message.id for message in self._people.paste(chat, user, text, topic=topic)]

    async def say_album(
        self,
        chat: int,
        user: int,
        photos: Sequence[bytes],
        text: str = "",
        *,
        topic: int | None = None,
    ) -> list[int]:
        """Somebody sends 2 to 10 photos at once: one message each, the text under the first."""
        return [message.id for message in self._people.album(chat, user, photos, text, topic=topic)]

    async def rewrite(self, chat: int, message_id: int, text: str) -> None:
        """Its author edits a message (the update ``edited_message``)."""
        self._people.rewrite(chat, message_id, text)

    async def press(self, chat: int, user: int, message_id: int, callback_data: str) -> Press:
        """Somebody presses a button of the bot's message.

        Returns at once; the object's ``answered_after`` (seconds, None until then) and
        ``answer_text`` change when the bot answers. Data may be made up, as a hostile client would.
        """
        return self._people.press(chat, user, message_id, callback_data)

    async def type_inline(self, user: int, query: str, chat_type: str = "group") -> Typed:
        """Somebody types ``@bot query`` in any chat. The object's ``results`` come with time."""
        return self._inline.type(user, query, chat_type)

    async def choose_inline(self, chat: int, typed: Typed, number: int = 0) -> int:
        """They pick one of the results, which is posted there in their name."""
        return self._people.choose(self._inline, chat, typed, number).id

    def delete(self, chat: int, message_id: int) -> None:
        """Somebody deletes a message. Telegram tells the bot nothing about it."""
        self._world.message(chat, message_id).deleted = True
        self._world.changed()

    def redeliver(self, message: int | Press, chat: int | None = None) -> None:
        """Deliver the update of a message_id or press again, even if it was confirmed.

        Without ``chat`` the newest message of that id is meant: every supergroup counts from 1.
        """
        self._updates.redeliver(message, chat)

    def block(self, user: int) -> None:
        """The person blocks the bot."""
        self._people.block(user, blocked=True)

    def unblock(self, user: int) -> None:
        self._people.block(user, blocked=False)

    def kick(self, group: int) -> None:
        """An admin removes the bot from the group."""
        self._people.kick(group)

    def migrate(self, group: int) -> int:
        """The group becomes a supergroup. Returns the new id; the old one refers callers to it."""
        return self._people.migrate(group)

    def delete_topic(self, group: int, topic: int) -> None:
        """A topic is deleted with all its messages."""
        self._people.delete_topic(group, topic)

    # --- what people see ---

    def messages(self, chat: int, topic: int | None = None) -> list[Seen]:
        """What is in the chat now, oldest first; with ``topic`` only that topic's messages."""
        return [
            see(self._world, message)
            for message in self._world.chat(chat).messages.values()
            if not message.deleted and topic in (None, message.topic)
        ]

    async def wait_for(
        self,
        chat: int,
        matches: Callable[[Seen], bool],
        timeout: float = 5,  # noqa: ASYNC109
        *,
        topic: int | None = None,
    ) -> Seen:
        """The first message that matches; AssertionError with all messages if none does in time."""
        found: list[Seen] = []

        def appeared() -> bool:
            found[:] = [seen for seen in self.messages(chat, topic) if matches(seen)]
            return bool(found)

        try:
            await self._world.until(appeared, timeout)
        except TimeoutError:
            raise AssertionError(
                f"nothing in chat {chat} matched within {timeout} s:\n{self.dump(chat)}"
            ) from None
        return found[0]

    async def until(
        self,
        true: Callable[[], Any],
        timeout: float = 5,  # noqa: ASYNC109
    ) -> None:
        """Wait until something is true of this Telegram. AssertionError if it is not in time."""
        try:
            await self._world.until(true, timeout)
        except TimeoutError:
            calls = "\n".join(f"  {call.method} {call.status}" for call in self.calls[-20:])
            raise AssertionError(f"not true within {timeout} s; last calls:\n{calls}") from None

    def dump(self, chat: int) -> str:
        """The chat as a person would read it, for a failed test's message."""
        return "\n".join(f"  {seen}" for seen in self.messages(chat)) or "  (empty)"

    def actions(self, chat: int) -> list[Action]:
        """Chat actions ("typing", …) as (time, action, topic)."""
        return list(self._world.chat(chat).actions)

    def drafts(self, chat: int) -> list[Draft]:
        """Every sendMessageDraft as (time, draft_id, text, topic)."""
        return list(self._world.chat(chat).drafts)

    @property
    def commands(self) -> dict[str, list[dict[str, str]]]:
        """What setMyCommands registered, by scope.

        Keys are "default", "all_private_chats", "chat:ID", "chat_member:ID:USER" and so on,
        followed by "/de" where they are for one language.
        """
        return self._world.commands

    # --- the platform misbehaves ---

    def fail(
        self,
        method: str,
        *,
        status: int = 0,
        retry_after: int = 0,
        description: str = "",
        delay: float = 0,
        reset: bool = False,
        reset_after: bool = False,
        times: int | None = 1,
    ) -> Fault:
        """The next ``times`` calls of a method go wrong; None is all of them.

        ``method`` is a regular expression for the whole name; "download" is a file's download.
        ``delay`` seconds pass first. Then the connection is cut and nothing done (``reset``), the
        call is done and its answer cut off (``reset_after``), or ``status`` is answered and nothing
        done. With only a delay the call goes through. ``retry_after`` alone means status 429.
        """
        fault = Fault(method, status, retry_after, description, delay, reset, reset_after, times)
        self._faults.add(fault)
        return fault

    def heal(self) -> None:
        """Take back every ``fail``."""
        self._faults.clear()

    @property
    def calls(self) -> list[Call]:
        """Every answered call as (time it came in, method, status), by time; status 0 is a cut."""
        return sorted(self._server.calls)

    @property
    def received(self) -> list[Received]:
        """Every finished call with its parameters as they were sent and the answer."""
        return list(self._server.received)
