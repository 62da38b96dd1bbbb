"""A Discord that lives on 127.0.0.1: REST API v10, the WebSocket, and the people who use it.

``DiscordSimulator`` is what tests hold: it lets people act, shows what they see and makes the
platform misbehave. It is as strict as Discord is known to be, so that what passes here has a fair
chance there.

Reading order: ``entities`` and ``world`` (who and what there is), ``forms``, ``components``,
``mentions`` and ``commands`` (what may be sent), the ``payloads`` (how it reads on the wire),
``errors``, ``limits`` and ``faults``, then ``rest``, ``channels`` and ``interactions`` (the REST
routes), ``connection`` (the WebSocket), ``people`` (what they do) and ``simulator`` (the front).
``harbour`` is for the simulator's own tests.
"""

from tests.simulators.discord.entities import Interaction, Pings, Seen
from tests.simulators.discord.limits import Limits, Rate
from tests.simulators.discord.simulator import DiscordSimulator

__all__ = ["DiscordSimulator", "Interaction", "Limits", "Pings", "Rate", "Seen"]
