"""Picture jobs: a promise now, the pictures later, as the older generation's slow models do it."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

from bot.gateway.offline.errors import Json
from bot.gateway.offline.orders import Order

_WAITS = 0.1  # the share of its time in which a job only stands in line


@dataclass(slots=True)
class Job:
    """A job that is done at ``ready``, in seconds of the loop's clock; it began at ``begun``.

    Its ``outcome`` (``data`` or ``error``) is made when somebody asks for it then, and kept.
    """

    order: Order
    begun: float
    ready: float
    outcome: Json = field(default_factory=dict)
    id: str = field(default_factory=lambda: f"job_{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def report(self, poll_url: str, now: float) -> Json:
        """The job as its asker sees it."""
        passed = now - self.begun
        share = 1.0 if self.outcome else min(passed / max(self.ready - self.begun, 1e-9), 0.99)
        if self.outcome:
            status = "failed" if "error" in self.outcome else "succeeded"
        else:
            status = "pending" if share < _WAITS else "processing"
        body = picture_reply(self.order, self.created, status, "async", self.id)
        body["progress"] = int(share * 100)
        body["poll_url"] = poll_url
        body["estimated_time"] = round(max(self.ready - now, 0.0), 1)
        return body | self.outcome


def picture_reply(order: Order, created: int, status: str, mode: str, reply_id: str) -> Json:
    """What sync and async replies of ``/images/generate`` have in common."""
    operation = "image-to-image" if order.inputs else "text-to-image"
    return {
        "id": reply_id,
        "created": created,
        "model": order.model,
        "status": status,
        "execution": {"mode": mode, "operation": operation, "provider": "switchboard"},
    }
