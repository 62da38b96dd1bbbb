"""Every error Switchboard raises on purpose.

SwitchboardError            .notice: the sentence a person may read (nothing raw, no secrets)
├── ConfigError             .faults: every fault of the configuration at once, each with its remedy
├── Refused                 the request is the problem: unknown command, bad option, long queue
├── StorageError            the database cannot be opened, read or written
├── AdapterError            a platform refuses us for good: wrong token, missing intent
├── GatewayError            .status and .request_id are for the log, .retry_after is in seconds
│   ├── BadKey              the key is missing, unknown or expired
│   ├── NoCredit            the account is empty
│   ├── NotAllowed          the key may not do this
│   ├── RateLimited         too many requests
│   ├── BadRequest          the gateway will not take this request
│   ├── NoSuchModel         nobody serves this model
│   ├── Filtered            the provider's content rules
│   ├── GatewayDown         unreachable, overloaded or broken
│   ├── Misrouted           a web page came where an API should be: wrong base address
│   ├── Interrupted         the answer broke off
│   ├── Silent              nothing came for too long
│   └── BadPicture          a picture came that cannot be posted
└── SurfaceError            showing a page failed
    ├── Busy                .retry_after seconds, the platform's own wait
    ├── Gone                the message or channel is no longer there
    └── Unreachable         the platform did not answer: an edit may be tried again
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SwitchboardError(Exception):
    """Base of all. ``notice`` is shown to people as it is; ``str()`` is for the log."""

    notice = "Something went wrong."

    def __init__(self, notice: str = "", *, detail: str = "") -> None:
        super().__init__(detail or notice or self.notice)
        if notice:
            self.notice = notice


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the configuration and what to do about it."""

    setting: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.problem} {self.remedy}"


class ConfigError(SwitchboardError):
    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class Refused(SwitchboardError):
    notice = "That is not possible here."


class StorageError(SwitchboardError):
    notice = "The bot's memory cannot be reached right now. Please try again in a moment."


class AdapterError(SwitchboardError):
    notice = "The platform does not let the bot in."


class GatewayError(SwitchboardError):
    """A failed call to the model gateway. ``retryable`` says that the same call may well succeed
    later, ``replaceable`` that another model might answer where this one did not."""

    notice = "The model could not answer."
    retryable = False
    replaceable = True

    def __init__(
        self,
        notice: str = "",
        *,
        detail: str = "",
        status: int = 0,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(notice, detail=detail)
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after


class BadKey(GatewayError):
    notice = "The bot's gateway key was not accepted. Its operator needs to check GATEWAY_API_KEY."


class NoCredit(GatewayError):
    notice = "The bot's gateway account has no credit left. Its operator needs to top it up."


class NotAllowed(GatewayError):
    notice = "The bot's gateway key may not use this model. Choose another one with /model."


class RateLimited(GatewayError):
    notice = "The gateway is getting too many requests. Please try again in a moment."
    retryable = True


class BadRequest(GatewayError):
    notice = "The model would not take this request. Try wording it differently or another model."
    replaceable = False


class NoSuchModel(GatewayError):
    notice = "The gateway does not offer this model. Choose another one with /model."


class Filtered(GatewayError):
    notice = "The provider's content rules do not allow this."
    replaceable = False


class GatewayDown(GatewayError):
    notice = "The model gateway cannot be reached right now. Please try again in a moment."
    retryable = True


class Misrouted(GatewayError):
    notice = (
        "What answers at the configured address is no model gateway. "
        "The bot's operator needs to check GATEWAY_BASE_URL."
    )


class Interrupted(GatewayError):
    notice = "The answer broke off before it was complete."


class Silent(GatewayError):
    notice = "The model went silent for too long."


class BadPicture(GatewayError):
    notice = "The gateway sent a picture that cannot be posted."
    replaceable = False


class SurfaceError(SwitchboardError):
    notice = "The answer could not be shown."


class Busy(SurfaceError):
    """The platform asks us to wait ``retry_after`` seconds before the next call for this
    message."""

    def __init__(self, retry_after: float, *, detail: str = "") -> None:
        super().__init__(detail=detail)
        self.retry_after = retry_after


class Gone(SurfaceError):
    """The message, or the right to post it, is no longer there."""


class Unreachable(SurfaceError):
    """The platform did not answer, or answered with its own trouble."""
