"""What somebody may do on Discord, by Discord's own algorithm (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ADMINISTRATOR = 1 << 3
MANAGE_GUILD = 1 << 5
MANAGE_MESSAGES = 1 << 13


@dataclass(frozen=True, slots=True)
class Overwrite:
    """What a channel allows and denies one role or member, as Discord's bits."""

    id: str
    allow: int
    deny: int


def moderates(bits: int) -> bool:
    """Whether these are a moderator's permissions."""
    return bool(bits & (ADMINISTRATOR | MANAGE_GUILD | MANAGE_MESSAGES))


def permissions(
    user_id: str,
    guild_id: str,
    roles: Mapping[str, int],
    overwrites: Sequence[Overwrite],
) -> int:
    """A member's permissions in a channel.

    ``roles`` are the member's with their bits, @everyone (whose id is the server's) among them.
    """
    base = 0
    for bits in roles.values():
        base |= bits
    if base & ADMINISTRATOR:
        return base
    # The narrower overwrite wins: @everyone, then all roles together, then the member.
    for ids in ({guild_id}, roles.keys() - {guild_id}, {user_id}):
        allow = deny = 0
        for overwrite in overwrites:
            if overwrite.id in ids:
                allow |= overwrite.allow
                deny |= overwrite.deny
        base = base & ~deny | allow
    return base
