"""What Discord tells us, as Requests (pure): all that can come in, through one door.

Payloads are read as Discord documents them (MESSAGE_CREATE, MESSAGE_UPDATE, INTERACTION_CREATE), as
JSON and not as discord.py's objects, so recorded events test exactly what the bot does with them.
Files are named as ``Upload`` and fetched elsewhere.

Anything but an event's own id, author, place and token may be missing or null. Where one of those
is, or something is of another type than Discord documents, the functions raise LookupError,
TypeError or ValueError: nobody could be answered.
"""

from adapters.discord.interactions import Callback, Typed, callback, from_interaction, typed
from adapters.discord.messages import Inbound, Scene, from_edit, from_message, is_spoken
from adapters.discord.payload import Upload

__all__ = [
    "Callback",
    "Inbound",
    "Scene",
    "Typed",
    "Upload",
    "callback",
    "from_edit",
    "from_interaction",
    "from_message",
    "is_spoken",
    "typed",
]
