"""The gateway in a box: a local server that speaks the gateway's wire API without any account.

``server`` is the whole of it, made of ``front`` (keys, notes, errors), ``talk`` (chat), ``drawing``
(pictures and jobs), ``hearing`` (recordings) and ``catalogue`` (model lists). ``wires`` has a
module per wire format; the answer that they dress is composed once, in ``answers``. ``replies``,
``snippets`` and ``essay`` are what the chat model says; ``scenes`` (words to a scene), ``ridges``
and ``figures`` (shapes), ``painter`` and ``pictures`` are what the picture model draws. Nothing in
this folder imports the rest of the bot.
"""

from bot.gateway.offline.server import CHAT_MODELS, IMAGE_MODELS, OfflineGateway

__all__ = ["CHAT_MODELS", "IMAGE_MODELS", "OfflineGateway"]
