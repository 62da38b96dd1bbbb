"""The gateway in a box: a local server that speaks the gateway's wire API without any account.

    async with OfflineGateway() as gateway:
        print(gateway.url)  # http://127.0.0.1:40123

It answers chat on all of the gateway's wires (streamed or whole), picture requests (at once or as
jobs), recordings and the model lists as the real one does, down to its habits: a usage event that
nobody asked for, status 500 for an ordinary mistake, a web page with status 200 on a wrong address.
Its models are small programs and say so (``replies``, ``pictures``). Any key that is not empty is
accepted, unless ``keys`` says otherwise. It imports nothing of the bot outside this folder.
"""

from __future__ import annotations

from bot.gateway.offline.catalogue import GEMINI_MODELS, MODELS, OLDER_MODELS, Catalogue
from bot.gateway.offline.drawing import GENERATE, IMAGES, JOBS, Drawing
from bot.gateway.offline.front import create_app
from bot.gateway.offline.hearing import TRANSCRIPTIONS, Hearing
from bot.gateway.offline.models import CHAT_MODELS, IMAGE_MODELS
from bot.gateway.offline.talk import Talk
from bot.gateway.offline.wires import CHAT, GEMINI, MESSAGES, RESPONSES

__all__ = [
    "CHAT",
    "CHAT_MODELS",
    "GEMINI",
    "GEMINI_MODELS",
    "GENERATE",
    "IMAGES",
    "IMAGE_MODELS",
    "JOBS",
    "MESSAGES",
    "MODELS",
    "OLDER_MODELS",
    "RESPONSES",
    "TRANSCRIPTIONS",
    "OfflineGateway",
    "create_app",
]


class OfflineGateway(Talk, Drawing, Hearing, Catalogue):
    """A server on ``host`` and ``port`` (0: any free one) while its ``async with`` block runs.

    ``first_token`` is the wait in seconds before an answer begins, ``tokens_per_second`` its pace,
    ``picture_seconds`` the least time a picture takes (a job takes longer). ``max_body`` is in
    bytes. ``requests`` holds the latest requests, ``hung_up`` counts clients that left before their
    answer was complete.
    """
