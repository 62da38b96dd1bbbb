"""Inline mode: ``@bot question`` in any chat, the bot's results, and the message that the
chosen one becomes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from tests.simulators.telegram import payloads
from tests.simulators.telegram.errors import ApiError, bad_request
from tests.simulators.telegram.keyboards import keyboard_in
from tests.simulators.telegram.parameters import Parameters
from tests.simulators.telegram.sending import MAX_TEXT
from tests.simulators.telegram.text import Formatted, format_text
from tests.simulators.telegram.updates import Updates
from tests.simulators.telegram.world import Button, Chat, Content, Json, Message, User, World

_MAX_QUERY = 256
_MAX_RESULTS = 50
_MAX_ID = 64  # bytes
_TIMEOUT = 30.0  # seconds in which a query may be answered


@dataclass(frozen=True, slots=True)
class Result:
    """One of what the person can pick, and the message that it becomes."""

    id: str
    title: str
    description: str
    formatted: Formatted
    buttons: list[list[Button]]


@dataclass(slots=True)
class Typed:
    """What somebody typed after the bot's name. ``results`` is None until the bot answers."""

    id: str
    user: User
    query: str
    at: float
    results: list[Result] | None = None
    answered_after: float | None = None
    cache_time: int = 300
    is_personal: bool = False


@dataclass(slots=True)
class Inline:
    world: World
    updates: Updates
    _typed: dict[str, Typed] = field(default_factory=dict)

    def type(self, user_id: int, query: str, chat_type: str) -> Typed:
        if not self.world.inline:
            raise ValueError("this bot has no inline mode")
        if len(query) > _MAX_QUERY:
            raise ValueError("people's programs send no more than 256 characters")
        user = self.world.users[user_id]
        number = str(5_000_000_000_000_000_000 + secrets.randbits(60))
        typed = Typed(number, user, query, self.world.now())
        self._typed[typed.id] = typed
        shown = {"id": typed.id, "from": payloads.user(user), "query": query, "offset": ""}
        self.updates.add("inline_query", shown | {"chat_type": chat_type})
        return typed

    def answer(self, world: World, parameters: Parameters) -> Json:
        """answerInlineQuery. Only articles are known here."""
        typed = self._typed.get(parameters.text("inline_query_id"))
        results = parameters.json("results", "inline query results")
        if not isinstance(results, list):
            raise bad_request("expected an Array of inline query results")
        if len(results) > _MAX_RESULTS:
            raise bad_request("RESULTS_TOO_MUCH")
        read = [_result(result) for result in results]
        if len({result.id for result in read}) < len(read):
            raise bad_request("RESULT_ID_DUPLICATE")
        if typed is None or self.world.now() - typed.at > _TIMEOUT:
            raise bad_request(
                "query is too old and response timeout expired or query ID is invalid"
            )
        typed.results = read
        typed.answered_after = self.world.now() - typed.at
        typed.cache_time = parameters.integer("cache_time", 300)
        typed.is_personal = parameters.flag("is_personal")
        self.world.changed()
        return True

    def choose(self, chat: Chat, typed: Typed, number: int) -> Message:
        """They pick a result: it is posted in their name."""
        result = (typed.results or [])[number]
        content = Content(result.formatted.text, result.formatted.entities)
        message = self.world.post(chat, typed.user, content, buttons=result.buttons)
        message.via_bot = self.world.bot
        chosen = {
            "result_id": result.id,
            "from": payloads.user(typed.user),
            "query": typed.query,
        }
        if result.buttons:
            message.inline_id = f"AgAAA{secrets.token_urlsafe(12)}"
            chosen["inline_message_id"] = message.inline_id
        if self.world.inline_feedback:
            self.updates.add("chosen_inline_result", chosen)
        return message


def _result(result: Json) -> Result:
    def refuse(reason: str) -> ApiError:
        return bad_request(f"can't parse inline query result: {reason}")

    if not isinstance(result, dict):
        raise refuse("expected an Object")
    if result.get("type") != "article":
        raise refuse("Unsupported type specified")
    number, title = str(result.get("id") or ""), str(result.get("title") or "")
    if not 0 < len(number.encode()) <= _MAX_ID:
        raise bad_request("RESULT_ID_INVALID")
    if not title:
        raise refuse('Can\'t find field "title"')
    content = result.get("input_message_content")
    if not isinstance(content, dict):
        raise refuse('Can\'t find field "input_message_content"')
    formatted = format_text(
        str(content.get("message_text") or ""),
        parse_mode=str(content.get("parse_mode") or ""),
        entities=content.get("entities"),
        limit=MAX_TEXT,
        too_long="MESSAGE_TOO_LONG",
    )
    if not formatted.text:
        raise bad_request("message text is empty")
    markup = result.get("reply_markup")
    buttons = keyboard_in(markup, only=True) if markup is not None else []
    return Result(number, title, str(result.get("description") or ""), formatted, buttons)
