"""/help: what can be asked of the bot, straight from the table of commands."""

from __future__ import annotations

from bot.commands.base import Command, usage
from bot.commands.context import Context


async def run(context: Context) -> None:
    lines = ["**What I can do**", ""]
    lines += [f"- `{usage(command)}`\n  {command.description}" for command in context.commands]
    lines += [
        "",
        "In a channel, mention me or reply to one of my messages; in a private chat, just write.",
    ]
    await context.say("\n".join(lines))


HELP = Command("help", "Show what I can do.", run)
