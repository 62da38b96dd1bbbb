"""The nouns: the values that cross every boundary of Switchboard.

All of them are frozen and compare by content. None knows a platform, a database or a wire format,
and none holds an open resource. Sizes are in bytes, times in seconds since the epoch (UTC).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Channel:
    """Where a conversation happens. ``server`` is the community it belongs to ("" for a private
    chat); ``thread`` is a thread or topic inside the channel ("" for none)."""

    platform: str
    server: str
    id: str
    thread: str = ""

    @property
    def key(self) -> str:
        """The conversation's key: platform, id and thread, readable and unique across platforms."""
        return f"{self.platform}:{self.id}:{self.thread}"


@dataclass(frozen=True, slots=True)
class User:
    """Who asks. ``name`` is what other members call them; ``moderator`` is the platform's own
    judgement."""

    id: str
    name: str
    roles: frozenset[str] = frozenset()
    moderator: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: its bytes, never a platform's URL (those expire)."""

    data: bytes = field(repr=False)
    media_type: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Audio:
    data: bytes = field(repr=False)
    media_type: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class File:
    data: bytes = field(repr=False)
    media_type: str
    name: str = ""


Attachment = Image | Audio | File
Part = Text | Attachment


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing said in a conversation. ``name`` is the speaker's, "" where it does not matter."""

    role: Role
    parts: tuple[Part, ...]
    name: str = ""

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


class Trigger(StrEnum):
    """How something that was said speaks to the bot."""

    COMMAND = "command"  # by a command or a button
    PRIVATE = "private"  # in a chat with the bot alone
    MENTION = "mention"
    REPLY = "reply"  # to a message of the bot
    THREAD = "thread"  # in a thread that the bot has opened
    ANY = "any"  # to nobody in particular


@dataclass(frozen=True, slots=True)
class Manners:
    """How the bot behaves in a channel: what it takes for a question, and whether a mention opens a
    thread."""

    hears: frozenset[Trigger] = frozenset(Trigger) - {Trigger.ANY}
    opens_threads: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One person asking for one thing.

    ``source`` is the platform's own id of the event: the same event delivered twice has the same
    source. A platform with native options fills ``options`` by name. A platform where people type a
    line fills ``text`` with what followed the command; ``bot.commands.bind`` finds the options in
    it.
    """

    channel: Channel
    user: User
    source: str
    command: str = "ask"
    text: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    quoted: Message | None = None
    pressed: bool = False  # by a button; what it changes on the screen may be answer enough
    again: str = ""  # the id of the turn that this request repeats and will replace
    origin: str = ""  # the source of the message that it repeats, "" where it repeats none
    lost: int = 0  # attachments, quoted ones too, that it had before it was stored


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a chat model is asked. ``messages`` fit its context and end with the question.
    ``temperature`` None and ``longest`` 0 (tokens of the answer) leave it to the model."""

    model: str
    system: str
    messages: tuple[Message, ...]
    temperature: float | None = None
    longest: int = 0


@dataclass(frozen=True, slots=True)
class ImagePrompt:
    """What a picture model is asked. ``aspect_ratio`` is like "16:9", "" for the model's own
    choice."""

    model: str
    text: str
    images: tuple[Image, ...] = ()
    aspect_ratio: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the gateway counted them."""

    prompt_tokens: int = 0
    reply_tokens: int = 0


class Status(StrEnum):
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Turn:
    """One request and what became of it: the unit that is stored, counted and forgotten.

    ``reply`` is None where there is nothing to remember: the turn is still running, or its command
    takes no part in the conversation. That of a failed turn is how far it came, and no part of the
    history: it is kept only to go on from. ``surface`` is the reply's ``Surface.ref``.
    ``due`` is when its outcome is to be shown (again), in case nobody is doing so; None once it was
    shown, or given up.
    """

    id: str
    request: Request
    model: str = ""
    status: Status = Status.RUNNING
    reply: Message | None = None
    usage: Usage = Usage()
    surface: str = ""
    started: float = 0.0
    due: float | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """A button. Pressing it does what typing ``line`` would ("/model gpt-5"), so it works after a
    restart and gives nobody more than the same words would. At most 64 bytes, Telegram's limit for
    a button. Where it has a question to ``ask`` first, what is answered follows the line."""

    label: str
    line: str
    ask: str = ""


@dataclass(frozen=True, slots=True)
class Menu:
    """A choice of one among at most 25: a list to pick from on Discord and the web, buttons on
    Telegram. Picking does what pressing that action would."""

    label: str
    options: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One message of a reply: page 0, 1, 2 … with its Markdown, attachments and buttons.

    ``final`` says that this page will not be shown again unless delivery failed.
    """

    number: int
    text: str
    media: Sequence[Attachment] = ()
    actions: Sequence[Action] = ()
    final: bool = False
    menus: Sequence[Menu] = ()
