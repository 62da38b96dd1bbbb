"""Whom a message would notify: its mentions, as far as ``allowed_mentions`` allows (pure).

The strictest reading: mentions count although nobody has that id, and as if the author might
mention everyone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.simulators.discord.entities import Json, Pings
from tests.simulators.discord.errors import Form

_KINDS = ("everyone", "roles", "users")


def pings(content: str, allowed: Json | None, replied_to: str | None) -> Pings:
    """``replied_to`` wrote the message replied to. Without ``allowed`` everything pings."""
    users = frozenset(re.findall(r"<@!?(\d+)>", content))
    roles = frozenset(re.findall(r"<@&(\d+)>", content))
    everyone = re.search(r"@(everyone|here)\b", content) is not None
    author = frozenset([replied_to] if replied_to else [])
    if allowed is None:
        return Pings(everyone, roles, users | author)
    parse = allowed.get("parse") or []
    return Pings(
        everyone and "everyone" in parse,
        roles if "roles" in parse else roles & _ids(allowed.get("roles")),
        (users if "users" in parse else users & _ids(allowed.get("users")))
        | (author if allowed.get("replied_user") else frozenset()),
    )


def _ids(listed: Sequence[str | int] | None) -> frozenset[str]:
    """Ids may be sent as numbers or as text."""
    return frozenset(map(str, listed or ()))


def check(form: Form, allowed: object) -> None:
    """The rules of ``allowed_mentions`` itself."""
    if allowed is None:
        return
    if not isinstance(allowed, dict):
        form.fault("allowed_mentions", "MODEL_TYPE_CONVERT", "Only dictionaries may be used.")
        return
    parse = form.many("allowed_mentions.parse", allowed.get("parse") or [], 0, len(_KINDS))
    for position, kind in enumerate(parse):
        if kind not in _KINDS:
            choices = f"Value must be one of {{{', '.join(map(repr, _KINDS))}}}."
            form.fault(f"allowed_mentions.parse.{position}", "BASE_TYPE_CHOICES", choices)
    for kind in ("users", "roles"):
        listed = form.many(f"allowed_mentions.{kind}", allowed.get(kind) or [], 0, 100)
        if listed and kind in parse:
            message = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            form.fault("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
