"""The commands. To add one: write its file, put its Command in ``COMMANDS`` below.

It then appears on every platform and in /help by itself.
"""

from bot.commands.base import Command, Kind, Option, bind, nearest, split_line, usage

__all__ = ["COMMANDS", "Command", "Kind", "Option", "bind", "nearest", "split_line", "usage"]
