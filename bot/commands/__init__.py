"""The commands. To add one: write its file, put its Command in ``COMMANDS`` below.

It then appears on every platform and in /help by itself.
"""

from bot.commands.ask import ASK
from bot.commands.base import Command, Kind, Option, bind, nearest, split_line, usage
from bot.commands.help import HELP
from bot.commands.image import IMAGE
from bot.commands.model import MODEL
from bot.commands.reset import RESET
from bot.commands.retry import RETRY
from bot.commands.settings import SETTINGS_COMMAND
from bot.commands.stop import STOP

COMMANDS: tuple[Command, ...] = (
    ASK,
    IMAGE,
    MODEL,
    STOP,
    RETRY,
    SETTINGS_COMMAND,
    RESET,
    HELP,
)

__all__ = ["COMMANDS", "Command", "Kind", "Option", "bind", "nearest", "split_line", "usage"]
