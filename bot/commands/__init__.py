"""The commands. To add one: write its file, put its Command in ``COMMANDS`` below.

It then appears on every platform and in /help by itself.
"""

from bot.commands.ask import ASK
from bot.commands.base import Command, Kind, Known, Option, bind, nearest, split_line, usage
from bot.commands.continue_ import CONTINUE
from bot.commands.export import EXPORT
from bot.commands.help import HELP
from bot.commands.history import HISTORY_COMMAND
from bot.commands.image import IMAGE
from bot.commands.model import MODEL
from bot.commands.persona import PERSONA_COMMAND
from bot.commands.reset import RESET
from bot.commands.retry import RETRY
from bot.commands.settings import SETTINGS_COMMAND
from bot.commands.stop import STOP
from bot.commands.undo import UNDO

COMMANDS: tuple[Command, ...] = (
    ASK,
    IMAGE,
    MODEL,
    PERSONA_COMMAND,
    SETTINGS_COMMAND,
    STOP,
    RETRY,
    CONTINUE,
    UNDO,
    HISTORY_COMMAND,
    EXPORT,
    RESET,
    HELP,
)

__all__ = [
    "COMMANDS",
    "Command",
    "Kind",
    "Known",
    "Option",
    "bind",
    "nearest",
    "split_line",
    "usage",
]
