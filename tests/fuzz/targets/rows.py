"""The store: any text can be stored, and a turn comes back as it was written down."""

from __future__ import annotations

import asyncio
from dataclasses import replace

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
from storage import open_store
from storage.rows import pack, unpack
from tests.fuzz.draws import Draws, spelled

WORDS = [
    *("\0", "\x10", "\x100000", "\x100010", "\ud83c", "\udf0a", "\ud800", "\udfff", "é", "🌊", '"'),
    *(
        "\\",
        "\\u0000",
        "\x7f",
        "\x80",
        "\ufeff",
        "\uffff",
        "\u2028",
        "null",
        "{}",
        "'",
        "%",
        "?1",
        "\x100",
    ),
]


def check(data: bytes) -> None:
    draws = Draws(data)
    if draws.flag():
        asyncio.run(_comes_back(_turn(draws)))
        return
    half = draws.below(256)
    text = spelled(draws.rest(), WORDS)
    one, other = text[:half], text[half:]
    for each in (text, one, other):
        packed = pack(each)
        assert unpack(packed) == each
        assert "\0" not in packed
        packed.encode()  # no half of a surrogate pair
    assert (pack(one) == pack(other)) == (one == other)


async def _comes_back(turn: Turn) -> None:
    kept = _as_kept(turn)
    running = replace(turn, status=Status.RUNNING, reply=None, usage=Usage())
    async with open_store("sqlite:///:memory:") as store:
        assert await store.begin(running)
        assert not await store.begin(replace(running, id=turn.id + "2")), "claimed twice"
        await store.finish(turn)
        assert await store.find(turn.id) == kept
        is_remembered = kept.reply is not None and turn.status is not Status.FAILED
        history = await store.history(turn.request.channel, 5)
        assert history == ([kept] if is_remembered else [])


def _turn(draws: Draws) -> Turn:
    def text() -> str:
        return draws.text(WORDS)

    def part() -> Part:
        kind = draws.pick([Text, Image, Audio, File])
        return Text(text()) if kind is Text else kind(b"x", text(), text())

    def message(role: Role) -> Message:
        return Message(role, tuple(part() for _ in range(draws.below(4))), text())

    request = Request(
        Channel(text(), text(), text(), text()),
        User(text(), text(), frozenset(text() for _ in range(draws.below(3))), draws.flag()),
        source=text(),
        command=text(),
        text=text(),
        options={text(): text() for _ in range(draws.below(3))},
        attachments=tuple(Image(b"x", text(), text()) for _ in range(draws.below(3))),
        quoted=message(draws.pick(list(Role))) if draws.flag() else None,
    )
    return Turn(
        text(),
        request,
        text(),
        draws.pick(list(Status)),
        replace(message(Role.ASSISTANT), name="") if draws.flag() else None,
        Usage(draws.below(2**16), draws.below(2**16)),
        text(),
        draws.below(2**16) / 7,
        draws.pick([None, 1.5]),
    )


def _as_kept(turn: Turn) -> Turn:
    """A turn whose attachments are counted as lost, and its reply's texts as one."""
    reply, request = turn.reply, turn.request
    if reply is not None:
        texts = any(isinstance(part, Text) for part in reply.parts)
        is_kept = texts and turn.status is not Status.RUNNING
        reply = Message(Role.ASSISTANT, (Text(reply.text),)) if is_kept else None
    quoted, lost = request.quoted, len(request.attachments)
    if quoted is not None:
        said = tuple(part for part in quoted.parts if isinstance(part, Text))
        lost += len(quoted.parts) - len(said)
        quoted = replace(quoted, parts=said)
    kept = replace(request, attachments=(), quoted=quoted, lost=lost)
    return replace(turn, reply=reply, request=kept)
