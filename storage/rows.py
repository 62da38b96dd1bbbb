"""Turn ⇄ row (pure): what of a turn is written down, and how it is read back.

A turn comes back equal except for attachments: of those only kind, media type, name and size are
kept, as a note in the row; a rebuilt request or reply is without them, and ``Request.lost`` counts
those of the request. A reply's texts are kept as one.

Any text can be stored: what a database refuses (NUL on PostgreSQL, lone surrogates on both) is
written as an escape by ``pack`` and restored by ``unpack``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.types import (
    Audio,
    Channel,
    File,
    Image,
    Message,
    Part,
    Request,
    Role,
    Status,
    Text,
    Turn,
    Usage,
    User,
)

Value = str | int | float | None
Row = Mapping[str, Any]  # by column name; Any because a database is a JSON edge of its own

NOTHING = "{}"  # the request column of a forgotten turn

# U+0010 is "data link escape": no keyboard has it, and it exists for exactly this.
_UNSTORABLE = re.compile("[\x00\x10\ud800-\udfff]")
_ESCAPED = re.compile("\x10([0-9a-f]{4})")


def pack(text: str) -> str:
    """The text as any database takes it: nearly always as it is. Different texts stay different."""
    return _UNSTORABLE.sub(lambda match: f"\x10{ord(match[0]):04x}", text)


def unpack(text: str) -> str:
    """The text that was packed."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "\x10" in text else text


def begun(turn: Turn) -> tuple[Value, ...]:
    """What is known when a turn begins, in the order of ``store.BEGIN``."""
    request = turn.request
    channel, user = request.channel, request.user
    return (
        turn.id,
        channel.key,
        channel.platform,
        channel.server,
        channel.id,
        channel.thread,
        request.source,
        user.id,
        user.name,
        request.command,
        _request_json(request),
        turn.model,
        turn.status.value,
        turn.surface,
        turn.started,
        turn.due,
    )


def finished(turn: Turn, now: float) -> tuple[Value, ...]:
    """How a turn ended, in the order of ``store.FINISH``. ``now`` is in seconds since the epoch."""
    parts = turn.reply.parts if turn.reply else ()
    ended = turn.status is not Status.RUNNING
    says_something = ended and any(isinstance(part, Text) for part in parts)
    return (
        turn.id,
        turn.model,
        turn.status.value,
        turn.reply.text if turn.reply and says_something else None,
        _dump(_notes(parts)),
        turn.usage.prompt_tokens,
        turn.usage.reply_tokens,
        turn.surface,
        now,
        turn.due,
    )


def amended(turn: Turn) -> tuple[Value, ...]:
    """A turn's request anew, in the order of ``store.AMEND``."""
    return turn.id, _request_json(turn.request)


def turn_from(row: Row) -> Turn:
    """The turn a row was made from, without attachments."""
    reply = row["reply"]
    return Turn(
        id=row["id"],
        request=_request_from(row),
        model=row["model"],
        status=Status(row["status"]),
        reply=None if reply is None else Message(Role.ASSISTANT, (Text(reply),)),
        usage=Usage(row["prompt_tokens"], row["reply_tokens"]),
        surface=row["surface"],
        started=row["started"],
        due=row["due"],
    )


def unpacked(row: Row) -> Row:
    """The row with every text in it restored."""
    return {name: unpack(value) if isinstance(value, str) else value for name, value in row.items()}


def _request_json(request: Request) -> str:
    """What has no column of its own. Roles are sorted: equal requests make equal rows."""
    return _dump(
        {
            "text": request.text,
            "options": dict(request.options),
            "attachments": _notes(request.attachments),
            "quoted": None if request.quoted is None else _message_json(request.quoted),
            "roles": sorted(request.user.roles),
            "moderator": request.user.moderator,
            "pressed": request.pressed,
            "again": request.again,
            "origin": request.origin,
            "lost": request.lost,
        }
    )


def _request_from(row: Row) -> Request:
    words = json.loads(row["request"])
    quoted = words["quoted"]
    noted = len(words["attachments"]) + (len(quoted["attachments"]) if quoted else 0)
    return Request(
        channel=Channel(row["platform"], row["server"], row["channel_id"], row["thread"]),
        user=User(row["user_id"], row["user_name"], frozenset(words["roles"]), words["moderator"]),
        source=row["source"],
        command=row["command"],
        text=words["text"],
        options=words["options"],
        quoted=None if quoted is None else _message_from(quoted),
        # Schema 2 did not have these.
        pressed=words.get("pressed", False),
        again=words.get("again", ""),
        origin=words.get("origin", ""),
        lost=words.get("lost", 0) + noted,
    )


def _message_json(message: Message) -> dict[str, Any]:
    return {
        "role": message.role.value,
        "name": message.name,
        "texts": [part.text for part in message.parts if isinstance(part, Text)],
        "attachments": _notes(message.parts),
    }


def _message_from(words: dict[str, Any]) -> Message:
    return Message(Role(words["role"]), tuple(map(Text, words["texts"])), words["name"])


def _notes(parts: Iterable[Part]) -> list[dict[str, str | int]]:
    """What is kept of attachments: enough for an operator to know what was there."""
    return [
        {
            "kind": type(part).__name__.lower(),
            "media_type": part.media_type,
            "name": part.name,
            "size": len(part.data),
        }
        for part in parts
        if isinstance(part, Image | Audio | File)
    ]


def _dump(value: object) -> str:
    # Not ASCII only: people's words stay readable in the database and take a third of the room.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
