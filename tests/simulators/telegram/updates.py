"""Delivery of updates by getUpdates: kept and delivered again until confirmed, to one poller.

As on the real server, a second waiting getUpdates does not fail: it ends the first one with 409 and
takes its place. Two bots on one token therefore throw each other out, and both see Conflict.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.simulators.telegram.errors import ApiError, bad_request
from tests.simulators.telegram.world import Json, World

KINDS = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "message_reaction",
    "message_reaction_count",
    "inline_query",
    "chosen_inline_result",
    "callback_query",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "poll_answer",
    "my_chat_member",
    "chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
)
_NOT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}
_CONFLICT = (
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running"
)


class Update(NamedTuple):
    id: int
    kind: str
    payload: Json

    @property
    def json(self) -> Json:
        return {"update_id": self.id, self.kind: self.payload}


@dataclass(slots=True)
class Press:
    """A pressed button. ``answered_after`` is in seconds, None until the bot answers."""

    id: str
    at: float
    answered_after: float | None = None
    answer_text: str = ""
    show_alert: bool = False


@dataclass(slots=True)
class Updates:
    """The queue. ``callback_timeout`` is how long, in seconds, a press waits for its answer."""

    world: World
    callback_timeout: float = 15.0
    polled: bool = False
    allowed: frozenset[str] | None = None
    presses: dict[str, Press] = field(default_factory=dict)
    _next_id: int = 700_000_001
    _queue: list[Update] = field(default_factory=list)
    _again: list[Update] = field(default_factory=list)
    _history: list[Update] = field(default_factory=list)
    _waiting: asyncio.Future[str] | None = None

    @property
    def pending(self) -> int:
        return len(self._queue)

    def add(self, kind: str, payload: Json) -> None:
        """Queue an update, unless the bot has not asked for this kind."""
        allowed = self.allowed or frozenset(KINDS) - _NOT_BY_DEFAULT
        if kind not in allowed:
            return
        update = Update(self._next_id, kind, payload)
        self._next_id += 1
        self._queue.append(update)
        self._history.append(update)
        self._wake("update")

    def redeliver(self, what: int | Press, chat: int | None) -> None:
        """Put an old update into the next answer. KeyError if there was none such."""
        found = [update for update in self._history if _is_about(update, what, chat)]
        if not found:
            raise KeyError(what)
        self._again.append(found[-1])
        self._wake("update")

    def drop(self) -> None:
        self._queue.clear()

    def close(self) -> None:
        """Let a waiting getUpdates go home."""
        self._wake("close")

    async def take(self, offset: int, limit: int, wait: float) -> list[Json]:
        """Confirm all below ``offset`` and return the rest, ``wait``ing so many seconds for it."""
        self.polled = True
        self.world.changed()
        offset = self._confirm(offset)
        batch = self._batch(offset, limit)
        if batch or wait <= 0:
            return batch
        self._wake("conflict")
        self._waiting = waiting = asyncio.get_running_loop().create_future()
        await asyncio.wait([waiting], timeout=wait)
        if self._waiting is waiting:
            self._waiting = None
        if waiting.done() and waiting.result() == "conflict":
            raise ApiError(409, _CONFLICT)
        return self._batch(offset, limit)

    def answer(self, press_id: str, text: str, show_alert: bool) -> None:
        """The bot answers a press. Raises ApiError when it is unknown or too long ago."""
        press = self.presses.get(press_id)
        if press is None or self.world.now() - press.at > self.callback_timeout:
            raise bad_request(
                "query is too old and response timeout expired or query ID is invalid"
            )
        if press.answered_after is None:
            press.answered_after = self.world.now() - press.at
        press.answer_text, press.show_alert = text, show_alert
        self.world.changed()

    def _confirm(self, offset: int) -> int:
        """Forget what is confirmed. Returns the offset from which to deliver."""
        if offset < 0:
            # Counted from the end of the queue; what is before it is forgotten.
            offset += self._next_id
        elif offset > self._next_id + 10:
            offset = 0  # such an update was never promised: Telegram starts at the beginning
        self._queue = [update for update in self._queue if update.id >= offset]
        return offset

    def _batch(self, offset: int, limit: int) -> list[Json]:
        waiting = [update for update in self._queue if update.id >= offset]
        batch = sorted([*self._again, *waiting], key=lambda update: update.id)[:limit]
        self._again = [update for update in self._again if update not in batch]
        return [update.json for update in batch]

    def _wake(self, why: str) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(why)


def _is_about(update: Update, what: int | Press, chat: int | None) -> bool:
    if isinstance(what, Press):
        return update.kind == "callback_query" and update.payload["id"] == what.id
    if update.kind not in ("message", "edited_message"):
        return False
    same_chat = chat is None or update.payload["chat"]["id"] == chat
    return same_chat and bool(update.payload["message_id"] == what)
