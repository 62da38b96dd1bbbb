"""The gateway in a box: a local server that speaks the gateway's wire API without any account.

``server`` is the API; ``replies`` and ``essay`` are what its chat model says; ``scenes`` (words
to a scene), ``ridges`` and ``figures`` (shapes), ``painter`` and ``pictures`` are what its
picture model draws. Nothing in this folder imports the rest of the bot.
"""

from bot.gateway.offline.server import CHAT_MODELS, IMAGE_MODELS, OfflineGateway

__all__ = ["CHAT_MODELS", "IMAGE_MODELS", "OfflineGateway"]
