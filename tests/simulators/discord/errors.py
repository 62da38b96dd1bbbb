"""What Discord answers when it refuses: JSON error codes, and the tree of faults in a form (pure).

Codes and wording are from Discord's documentation (topics/opcodes-and-status-codes, reference).
"""

from __future__ import annotations

from enum import Enum
from typing import Any

Json = dict[str, Any]


class Refusal(Enum):
    """(HTTP status, JSON error code, message)"""

    UNAUTHORIZED = 401, 0, "401: Unauthorized"
    NOT_FOUND = 404, 0, "404: Not Found"
    METHOD_NOT_ALLOWED = 405, 0, "405: Method Not Allowed"
    UNKNOWN_APPLICATION = 404, 10002, "Unknown Application"
    UNKNOWN_CHANNEL = 404, 10003, "Unknown Channel"
    UNKNOWN_GUILD = 404, 10004, "Unknown Guild"
    UNKNOWN_MEMBER = 404, 10007, "Unknown Member"
    UNKNOWN_MESSAGE = 404, 10008, "Unknown Message"
    UNKNOWN_USER = 404, 10013, "Unknown User"
    UNKNOWN_WEBHOOK = 404, 10015, "Unknown Webhook"
    UNKNOWN_INTERACTION = 404, 10062, "Unknown interaction"
    TOO_MANY_ATTACHMENTS = 400, 30015, "Maximum number of attachments in a message reached (10)"
    TOO_MANY_COMMANDS = 400, 30032, "Maximum number of application commands reached (100)"
    TOO_LARGE = 413, 40005, "Request entity too large"
    ALREADY_ACKNOWLEDGED = 400, 40060, "Interaction has already been acknowledged."
    TOO_MANY_FOLLOW_UPS = 400, 40094, "Maximum number of follow-up messages reached (5)"
    MISSING_ACCESS = 403, 50001, "Missing Access"
    ANOTHERS_MESSAGE = 403, 50005, "Cannot edit a message authored by another user"
    EMPTY_MESSAGE = 400, 50006, "Cannot send an empty message"
    NOT_A_TEXT_CHANNEL = 400, 50008, "Cannot send messages in a non-text channel"
    MISSING_PERMISSIONS = 403, 50013, "Missing Permissions"
    WRONG_CHANNEL_TYPE = 400, 50024, "Cannot execute action on this channel type"
    INVALID_WEBHOOK_TOKEN = 401, 50027, "Invalid Webhook Token"
    ARCHIVED = 400, 50083, "Thread is archived"
    INVALID_FORM = 400, 50035, "Invalid Form Body"
    CANNOT_REPLY = 400, 160002, "Cannot reply without permission to read message history"
    HAS_A_THREAD = 400, 160004, "A thread has already been created for this message"
    INVALID_JSON = 400, 50109, "The request body contains invalid JSON."


class ApiError(Exception):
    """One refused call; ``body`` is the JSON that is answered."""

    def __init__(self, refusal: Refusal, errors: Json | None = None) -> None:
        self.status, code, message = refusal.value
        super().__init__(message)
        self.body: Json = {"message": message, "code": code}
        if errors:
            self.body["errors"] = errors


class Form:
    """Collects what is wrong with a request body, field by field, and refuses it as a whole.

    A path names the field: ``form.fault("components.0.components.2.label", …)``. ``at`` stands
    before every path.
    """

    def __init__(self, at: str = "") -> None:
        self._errors: Json = {}
        self._at = at

    def fault(self, path: str, code: str, message: str) -> None:
        """Note one fault. ``path`` "" is the body itself."""
        place = self._errors
        for name in filter(None, f"{self._at}.{path}".split(".")):
            place = place.setdefault(name, {})
        place.setdefault("_errors", []).append({"code": code, "message": message})

    def text(self, path: str, value: object, low: int, high: int) -> bool:
        """Whether a value is text of ``low`` to ``high`` characters."""
        if not isinstance(value, str):
            self.fault(path, "STRING_TYPE_CONVERT", "Could not interpret value as string.")
        elif not value and low:
            self.fault(path, "BASE_TYPE_REQUIRED", "This field is required")
        elif not low <= len(value) <= high and low:
            message = f"Must be between {low} and {high} in length."
            self.fault(path, "BASE_TYPE_BAD_LENGTH", message)
        elif len(value) > high:
            message = f"Must be {high} or fewer in length."
            self.fault(path, "BASE_TYPE_MAX_LENGTH", message)
        else:
            return True
        return False

    def many(self, path: str, values: object, low: int, high: int) -> list[Any]:
        """The values where they are a list of ``low`` to ``high``, else none and a fault."""
        if not isinstance(values, list):
            self.fault(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType.")
        elif not low <= len(values) <= high:
            message = f"Must be between {low} and {high} in length."
            if not low:
                message = f"Must be {high} or fewer in length."
            self.fault(path, "BASE_TYPE_BAD_LENGTH" if low else "BASE_TYPE_MAX_LENGTH", message)
        else:
            return values
        return []

    def one_of(self, path: str, value: object, allowed: tuple[int, ...]) -> bool:
        if value in allowed and isinstance(value, int):
            return True
        choices = ", ".join(map(str, allowed))
        self.fault(path, "BASE_TYPE_CHOICES", f"Value must be one of {{{choices}}}.")
        return False

    def check(self) -> None:
        """Raises ApiError 50035 with every fault."""
        if self._errors:
            raise ApiError(Refusal.INVALID_FORM, self._errors)
