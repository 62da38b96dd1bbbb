"""Telegram, through python-telegram-bot's Bot.

    polling ─► inbound ─► session ─► handler ─► surface ─► outbound ─► markup (dialect, entities)

``adapter`` is the front, ``api`` the connection, ``failures`` what its errors mean.
"""

from adapters.telegram.adapter import Telegram

__all__ = ["Telegram"]
