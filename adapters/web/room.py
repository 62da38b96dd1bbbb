"""What the browsers of a channel see: its transcript, sent to every one of them as it changes.

A ``Room`` is one channel: entries in order, each with the number of its last change, so that a
browser that was away gets only what it missed. Nothing here waits for a browser.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from adapters.web.inbound import line_of
from adapters.web.media import MediaShelf
from bot.commands.retry import EDITED
from bot.types import Action, Page, Request, Text, Turn

Json = Mapping[str, object]

ENTRIES = 200  # of a channel's transcript that are kept
SOURCES = 1_000  # of a channel's messages that are recognised when they come again
ROOMS = 100  # channels that are kept; the core remembers the others


class Listener(Protocol):
    """One open page."""

    def send(self, frame: bytes) -> None:
        """Queue a frame. Never waits."""


@dataclass(slots=True)
class Said:
    """What somebody typed, or the button they pressed. ``id`` is the message's source, ``edits``
    how often it was changed since."""

    id: str
    user: Json
    text: str
    media: Sequence[Json] = ()
    pressed: bool = False
    edits: int = 0
    changed: int = 0

    def json(self) -> Json:
        said = {"kind": "said", "id": self.id, "user": self.user, "text": self.text}
        return {**said, "media": self.media, "pressed": self.pressed, "edits": self.edits}


@dataclass(slots=True)
class Shown:
    """One reply: its pages by number. ``done`` says that nothing more is coming."""

    id: str
    pages: dict[int, ShownPage] = field(default_factory=dict)
    done: bool = False
    changed: int = 0

    def json(self) -> Json:
        pages = [page.json(number) for number, page in sorted(self.pages.items())]
        return {"kind": "reply", "id": self.id, "pages": pages, "done": self.done}


@dataclass(frozen=True, slots=True)
class ShownPage:
    page: Page
    media: Sequence[Json]

    def json(self, number: int) -> dict[str, object]:
        menus = [
            {"label": menu.label, "options": [_described(option) for option in menu.options]}
            for menu in self.page.menus
        ]
        return {
            "number": number,
            "text": self.page.text,
            "media": self.media,
            "actions": [_described(action) for action in self.page.actions],
            "menus": menus,
            "final": self.page.final,
        }

    def change_from(self, old: ShownPage, number: int) -> dict[str, object]:
        """As ``json``, but with ``drop`` and ``more`` for ``text``: UTF-16 units to take off the
        end of the old text, and what follows then. (A growing page can end in a moving fence.)"""
        kept = _common(old.page.text, self.page.text)
        change = self.json(number)
        del change["text"]
        change["drop"] = len(old.page.text[kept:].encode("utf-16-le", "surrogatepass")) // 2
        change["more"] = self.page.text[kept:]
        return change


class Room:
    """One channel: what was shown in it, and who is looking."""

    def __init__(self, name: str, shelf: MediaShelf) -> None:
        self.name = name
        self.epoch = secrets.token_hex(4)  # changes are numbered anew after a restart
        self.at = 0
        self.model = ""
        self.listeners: set[Listener] = set()
        self.loading = asyncio.Lock()
        self.is_loaded = False
        self._shelf = shelf
        self._entries: dict[str, Said | Shown] = {}
        self._sources: deque[str] = deque(maxlen=SOURCES)

    @property
    def is_idle(self) -> bool:
        return not self.listeners and all(
            entry.done for entry in self._entries.values() if isinstance(entry, Shown)
        )

    def recall(self, turns: Sequence[Turn]) -> None:
        """Fill the transcript from the core's memory, before anything shown since the start."""
        now, self._entries = self._entries, {}
        for turn in turns:
            self._add(self._said(turn.request))
            if turn.reply is not None:
                files = [part for part in turn.reply.parts if not isinstance(part, Text)]
                page = Page(0, turn.reply.text, media=files, final=True)
                shown = ShownPage(page, [self._shelf.keep(part) for part in files])
                self._add(Shown(turn.id, {0: shown}, done=True))
        for entry in now.values():
            self._add(entry)
        self.is_loaded = True

    def has_seen(self, source: str) -> bool:
        """Whether this id is taken, be it by a message or, where somebody made one up, a reply."""
        return source in self._sources or source in self._entries

    def missed(self, epoch: str, at: int) -> tuple[bool, list[Json]]:
        """Whether the browser must start afresh, and the entries it lacks."""
        fresh = epoch != self.epoch
        entries = self._entries.values()
        return fresh, [entry.json() for entry in entries if fresh or entry.changed > at]

    def say(self, said: Said) -> None:
        self._add(said)
        self._broadcast({"type": "entry", "entry": said.json()})

    def said(self, source: str) -> Said | None:
        """The message of this source, where it is still shown."""
        entry = self._entries.get(source)
        return entry if isinstance(entry, Said) else None

    def edit(self, said: Said, line: str, source: str) -> None:
        """The message reads so from now on; ``source`` is the edit's own."""
        said.text = line
        said.edits += 1
        self._sources.append(source)
        self._touch(said)
        self._broadcast({"type": "entry", "entry": said.json()})

    def ask_again(self, request: Request) -> None:
        """Show a question of before the last start, unless it is there. An edit is no message of
        its own, and what it changed is told by its answer."""
        if request.command != EDITED and not self.has_seen(request.source):
            self.say(self._said(request))

    def _said(self, request: Request) -> Said:
        user = {"id": request.user.id, "name": request.user.name}
        media = [self._shelf.keep(part) for part in request.attachments if part.data]
        return Said(request.source, user, line_of(request), media)

    def reply(self, reply_id: str) -> Shown:
        """The reply with this id; a new one where there is none."""
        entry = self._entries.get(reply_id)
        if not isinstance(entry, Shown):
            entry = Shown(reply_id)
            self._add(entry)
            self._broadcast({"type": "entry", "entry": entry.json()})
        return entry

    def show(self, reply: Shown, page: Page) -> None:
        old = reply.pages.get(page.number)
        if old is not None and old.page == page:
            return
        if old is not None and old.page.media == page.media:
            media = old.media
        else:
            media = [self._shelf.keep(part) for part in page.media]
        new = reply.pages[page.number] = ShownPage(page, media)
        self._touch(reply)
        change = new.change_from(old, page.number) if old else new.json(page.number)
        self._broadcast({"type": "page", "reply": reply.id, "page": change})

    def finish(self, reply: Shown) -> None:
        reply.done = True
        self._touch(reply)
        self._broadcast({"type": "done", "reply": reply.id})

    def name_model(self, model: str) -> None:
        if model != self.model:
            self.model = model
            self._broadcast({"type": "model", "model": model})

    def label(self, line: str) -> str:
        """What the button or the menu's option reads that does ``line``, with what was answered
        where it asks something; the line itself where there is none."""
        offers = list(self._offered())
        for label, action in offers:
            if action.line == line:
                return label
        for label, action in offers:
            if action.ask and line.startswith(f"{action.line.rstrip()} "):
                answer = line[len(action.line.rstrip()) :].strip()
                return f"{_plain(label)}: {answer}"
        return line

    def _offered(self) -> Iterator[tuple[str, Action]]:
        """Everything that can be pressed, with its label; the newest first."""
        for entry in reversed(self._entries.values()):
            pages = entry.pages.values() if isinstance(entry, Shown) else ()
            for page in pages:
                yield from ((action.label, action) for action in page.page.actions)
                for menu in page.page.menus:
                    name = _plain(menu.label)
                    yield from ((f"{name}: {one.label}", one) for one in menu.options)

    def _add(self, entry: Said | Shown) -> None:
        self._entries[entry.id] = entry
        self._touch(entry)
        if isinstance(entry, Said):
            self._sources.append(entry.id)
        while len(self._entries) > ENTRIES:
            del self._entries[next(iter(self._entries))]

    def _touch(self, entry: Said | Shown) -> None:
        self.at += 1
        entry.changed = self.at

    def _broadcast(self, frame: Json) -> None:
        encoded = encode({**frame, "at": self.at})
        for listener in self.listeners:
            listener.send(encoded)


class Rooms:
    """Every channel that is open, and some that were."""

    def __init__(self, shelf: MediaShelf) -> None:
        self._shelf = shelf
        self._rooms: dict[str, Room] = {}

    def get(self, name: str) -> Room:
        room = self._rooms.pop(name, None) or Room(name, self._shelf)
        self._rooms[name] = room
        idle = [other.name for other in self._rooms.values() if other.is_idle and other is not room]
        for other in idle[: max(0, len(self._rooms) - ROOMS)]:
            del self._rooms[other]
        return room


def encode(frame: Json) -> bytes:
    text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")  # a model may well end a delta inside a surrogate pair


def _plain(label: str) -> str:
    """Without the dots that say that more is coming."""
    return label.rstrip(" .…")


def _described(action: Action) -> Json:
    return {"label": action.label, "line": action.line, "ask": action.ask}


def _common(old: str, new: str) -> int:
    """How many characters both texts begin with. Halving keeps it fast for pages of any length."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
