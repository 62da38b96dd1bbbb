"""/export: what is remembered of a channel, as two files: one to read, and one for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from bot.commands.base import Command
from bot.commands.context import Context
from bot.errors import Refused
from bot.prompt import question_of
from bot.types import Channel, File, Turn

MOST = 10_000  # turns


async def run(context: Context) -> None:
    channel = context.request.channel
    if channel.server and not context.request.user.moderator:
        raise Refused("Only moderators can export what was said in this channel.")
    turns = await context.store.history(channel, MOST)
    if not turns:
        raise Refused("Nothing was said here that I remember.")
    limit = context.surface.capabilities.file_limit
    kept = turns
    files = written(channel, kept)
    while any(len(file.data) > limit for file in files) and len(kept) > 1:
        kept = kept[-(len(kept) // 2) :]
        files = written(channel, kept)
    count = len(kept)
    said = "One question and its answer" if count == 1 else f"{count:,} questions and their answers"
    left = f" The newest ones: all {len(turns):,} are too much for a file here."
    await context.say(
        f"{said}, to read and for programs.{left if count < len(turns) else ''}", media=files
    )


def written(channel: Channel, turns: Sequence[Turn]) -> tuple[File, File]:
    """The turns as Markdown and as JSON."""
    whole = {"channel": channel.key, "turns": [_entry(turn) for turn in turns]}
    texts = (
        ("text/markdown", "conversation.md", markdown(channel, turns)),
        ("application/json", "conversation.json", json.dumps(whole, ensure_ascii=False, indent=1)),
    )
    md, js = (File(text.encode(errors="replace"), kind, name) for kind, name, text in texts)
    return md, js


def markdown(channel: Channel, turns: Sequence[Turn]) -> str:
    """The conversation to be read: each question as a quotation under its author's name."""
    parts = [f"# {channel.key}"]
    for turn in turns:
        asked = question_of(turn.request).splitlines() or [""]
        parts += [
            f"## {_plain(turn.request.user.name)}, {_time(turn).replace('T', ' ')}",
            "\n".join(f"> {line}".rstrip() for line in asked),
            f"**{turn.model}:**",
            turn.reply.text if turn.reply is not None else "",
        ]
    return "\n\n".join(parts) + "\n"


def _entry(turn: Turn) -> dict[str, object]:
    return {
        "time": _time(turn),
        "user": turn.request.user.name,
        "question": question_of(turn.request),
        "attachments": turn.request.lost,
        "model": turn.model,
        "status": turn.status.value,
        "answer": turn.reply.text if turn.reply is not None else "",
        "tokens": {"prompt": turn.usage.prompt_tokens, "reply": turn.usage.reply_tokens},
    }


def _plain(name: str) -> str:
    return " ".join(name.split()) or "Somebody"


def _time(turn: Turn) -> str:
    return datetime.fromtimestamp(turn.started, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


EXPORT = Command("export", "Get this conversation as Markdown and JSON.", run)
