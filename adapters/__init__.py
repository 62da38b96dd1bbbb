"""The platforms. To add one: write its package, put it in the table below.

Each is built with its own section of the settings and imported only when it is configured.
"""

from importlib import import_module
from typing import Any

from bot.interfaces import Adapter

ADAPTERS = {
    "discord": "adapters.discord:Discord",
    "telegram": "adapters.telegram:Telegram",
    "web": "adapters.web:Web",
}


def build(name: str, settings: Any) -> Adapter:
    """The adapter of this name, for its section of the settings."""
    module, _, kind = ADAPTERS[name].partition(":")
    adapter: Adapter = getattr(import_module(module), kind)(settings)
    return adapter
