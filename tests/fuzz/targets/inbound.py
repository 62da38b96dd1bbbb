"""What platforms send: read, or turned down with the errors that are agreed, whatever it is."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from telegram import Update

from adapters.discord import inbound as from_discord
from adapters.discord.inbound import Inbound, Scene, Upload
from adapters.telegram import inbound as from_telegram
from adapters.telegram.gathering import merged
from adapters.telegram.inbound import Identity
from adapters.web import inbound as from_web
from adapters.web.inbound import BadFrame, Complete, Edit, Join, Say
from bot.types import Message, Request, Text, User
from tests.fuzz.draws import Draws, spelled
from tests.fuzz.targets.wires import names_in

PAYLOADS = Path(__file__).parents[2] / "payloads"


def _recorded(platform: str) -> list[dict[str, Any]]:
    files = sorted((PAYLOADS / platform).glob("*.json"))
    return [json.loads(file.read_text("utf-8")) for file in files]


# Discord

DISCORD = _recorded("discord")
DISCORD_NAMES = sorted(
    {name for payload in DISCORD for name in names_in(payload)}
    | {"components", "component", "values", "target_id", "messages", "message_snapshots", "thread"}
    | {"owner_id", "context", "authorizing_integration_owners", "locale", "edited_timestamp"}
)
DISCORD_WORDS = [
    *("", "1190000000000000001", "1190000000000000201", "<@1190000000000000001>", "<@&2>", "<#3>"),
    *(
        "/ask x",
        "<:a:1>",
        "</ask:1>",
        "image/png",
        "a.png",
        "8192",
        "8",
        "é",
        "\ud800",
        "\0",
        "<@!5>",
    ),
    *("9" * 5000, "text", " ", "https://cdn.discordapp.com/x", "@"),
]
EDITED = "2026-01-01T00:00:00.000000+00:00"
# Without these nobody could be answered.
NEEDED = ("id", "author", "channel_id", "channel", "token", "application_id", "user", "member")


def check_discord(data: bytes) -> None:
    draws = Draws(data)
    payload = draws.pick(DISCORD)
    known = {"1190000000000000110": "general"}
    scene = Scene(
        "1190000000000000001",
        bot_role=draws.pick(["", "1190000000000000201"]),
        parent=draws.pick(["", "5"]),
        permissions=lambda: 8,
        name_of=known.get,
    )
    if draws.flag():
        _read_discord(_parsed(draws.thinned(payload, NEEDED)), scene)
        return
    spoilt = _parsed(draws.spoilt(payload, DISCORD_NAMES, DISCORD_WORDS))
    if isinstance(spoilt, dict):  # discord.py gives no other
        # The agreed way to say that nobody could be answered.
        with suppress(LookupError, TypeError, ValueError):
            _read_discord(spoilt, scene)


def _read_discord(payload: dict[str, Any], scene: Scene) -> None:
    """As the adapter does it."""
    if "author" in payload:
        _is_inbound(from_discord.from_message(payload, scene))
        _is_inbound(from_discord.from_edit(payload | {"edited_timestamp": EDITED}, scene))
        return
    from_discord.callback(payload)
    typed = from_discord.typed(payload)
    assert typed is None or _are_texts(typed.command, typed.option, typed.text)
    _is_inbound(from_discord.from_interaction(payload))


def _is_inbound(inbound: Inbound | None) -> None:
    if inbound is not None:
        _is_request(inbound.request)
        for upload in (*inbound.uploads, *inbound.quoted_uploads):
            assert isinstance(upload, Upload)
            assert _are_texts(upload.url, upload.name, upload.media_type)
            assert isinstance(upload.size, int)


# Telegram

TELEGRAM = _recorded("telegram")
ME = Identity(123456, "switchboard_bot")
# What the Bot API promises to send, so that the library does not look whether it came.
ALWAYS_THERE = (
    *("update_id", "message_id", "date", "chat", "id", "type", "is_bot", "first_name", "offset"),
    *(
        "length",
        "file_id",
        "file_unique_id",
        "width",
        "height",
        "chat_instance",
        "position",
        "text",
    ),
)
TELEGRAM_WORDS = [
    *(
        "",
        "/ask",
        "/ask@switchboard_bot x",
        "@switchboard_bot",
        "@SWITCHBOARD_BOT",
        "🌊",
        "private",
    ),
    *(
        "supergroup",
        "channel",
        "image/png",
        "mention",
        "bot_command",
        "é",
        "\0",
        "\u2028",
        " ",
        "İ",
    ),
]


def check_telegram(data: bytes) -> None:
    draws = Draws(data)
    payload = draws.pick(TELEGRAM)
    presser = ("from",) if "callback_query" in payload else ()  # a button is always somebody's
    payload = draws.thinned(payload, (*ALWAYS_THERE, *presser))
    payload = _parsed(draws.varied(payload, ("id", "file_id"), TELEGRAM_WORDS))
    try:
        update = Update.de_json(payload, None)
    except Exception:  # noqa: BLE001 — what the library does not understand is no concern of ours
        return
    found = from_telegram.read(update, ME, ("ask", "image", "help"))
    if found is None:
        return
    _is_request(found.request)
    assert found.reply_to is None or isinstance(found.reply_to, int)
    assert _are_texts(found.album, found.callback, found.unreadable)
    for upload in (*found.uploads, *found.quoted_uploads):
        assert _are_texts(upload.file_id, upload.media_type, upload.name)
        assert isinstance(upload.size, int)
    if found.album:
        whole = merged([found, found])
        assert len(whole.uploads) == 2 * len(found.uploads)


# The web page

WEB_NAMES = ["type", "text", "line", "source", "files", "user", "id", "name", "channel", "since"]
WEB_NAMES += ["epoch", "at", "command", "option", "typed", ""]
WEB_WORDS = [
    *(
        "join",
        "say",
        "press",
        "complete",
        "lobby",
        "a" * 32,
        "x",
        "/ask y",
        "é",
        "\ud83c",
        "\udf0a",
    ),
    *(
        "\0",
        " ",
        "",
        "\n",
        "A B",
        "ÀÉ",
        "日本",
        "x" * 33_000,
        "-",
        "_",
        '"',
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
    ),
]
FRAMES: list[Any] = [
    {"type": "join", "channel": "lobby", "user": {"id": "a" * 32, "name": "Ann"}},
    {"type": "say", "source": "a" * 32, "text": "x", "files": ["y"]},
    {"type": "edit", "source": f"{'a' * 32}:edit1", "text": "y"},
    {"type": "press", "source": "a" * 32, "line": "/model x"},
    {"type": "complete", "id": 1, "command": "ask", "option": "model", "typed": "g"},
]


MAGIC = [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"ID3", b"OggS", b"%PDF-", b"RIFF\0\0\0\0WAVE"]
MEDIA_TYPES = ["", "image/png", "audio/mpeg", "audio/wav", "text/plain", "x", "\0/\ud800"]


def check_web(data: bytes) -> None:
    draws = Draws(data)
    if draws.flag():
        raw = json.dumps(draws.spoilt(draws.pick(FRAMES), WEB_NAMES, WEB_WORDS))
    else:
        raw = spelled(draws.take(200), WEB_WORDS)
    with suppress(BadFrame):
        _is_frame(from_web.read(raw))
    _is_storable(from_web.clean(raw))
    with suppress(BadFrame):
        name = from_web.channel_name(raw)
        assert re.fullmatch("[a-z0-9_-]{1,32}", name)
        assert from_web.channel_name(name) == name
    with suppress(BadFrame):
        part = from_web.attachment(draws.pick(MAGIC) + data, raw, draws.pick(MEDIA_TYPES))
        _is_storable(part.name + part.media_type)


def _is_frame(frame: object) -> None:
    match frame:
        case Join(channel, user, epoch, at):
            assert from_web.channel_name(channel) == channel
            assert len(user.name) <= from_web.NAME_LIMIT
            assert isinstance(at, int)
            _is_storable(user.id + user.name + epoch)
        case Say(source, line, files):
            assert len(line) <= from_web.TEXT_LIMIT
            assert len(files) <= from_web.FILES_LIMIT
            request = from_web.request(frame, "lobby", User("1", "A"))
            _is_request(request)
            _is_storable(source + line)
            assert isinstance(from_web.line_of(request), str)
        case Edit(source, of, line):
            assert source.startswith(f"{of}:edit")
            assert len(line) <= from_web.TEXT_LIMIT
            _is_storable(line)
        case Complete(number, command, option, typed):
            assert isinstance(number, int)
            assert max(map(len, (command, option, typed))) <= 200
            _is_storable(command + option + typed)


# All of them


def _is_request(request: Request) -> None:
    channel, user = request.channel, request.user
    assert _are_texts(channel.platform, channel.server, channel.id, channel.thread)
    assert _are_texts(user.id, user.name, *user.roles)
    assert _are_texts(request.source, request.command, request.text)
    assert _are_texts(*request.options, *request.options.values())
    assert channel.id
    assert user.id
    assert request.source
    assert request.command
    if request.quoted is not None:
        _is_message(request.quoted)


def _is_message(message: Message) -> None:
    assert _are_texts(message.name)
    for part in message.parts:
        assert isinstance(part, Text)
        assert _are_texts(part.text)


def _are_texts(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_storable(text: str) -> None:
    text.encode()
    assert "\0" not in text


def _parsed(value: Any) -> Any:
    """The value as a platform can send it."""
    return json.loads(json.dumps(value))
