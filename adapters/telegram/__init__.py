"""Telegram, through python-telegram-bot's Bot.

    polling ─► inbound ─► session ─► handler ─► surface ─► outbound ─► markup (dialect, entities)

``adapter`` is the front, ``api`` the connection, ``failures`` what its errors mean. On its way
through the session a request is made whole: ``gathering`` waits for all of its parts, ``downloads``
fetches the ``uploads``, ``moderators`` know who has rights. ``questions`` are those that a button
puts first, ``inline`` is for chats where the bot is not, and ``courtesies`` go beside it all.
"""

from adapters.telegram.adapter import Telegram

__all__ = ["Telegram"]
