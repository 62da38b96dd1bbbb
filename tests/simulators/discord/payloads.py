"""How everything reads on the wire: Discord's JSON objects, built from the entities (pure).

Shapes are those of the official OpenAPI description of API v10; the tests hold them against it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

from tests.simulators.discord.entities import (
    DM_CHANNEL,
    EVERYONE,
    FORUM_CHANNEL,
    GROUP_CHANNEL,
    THREAD_CHANNEL,
    Channel,
    Guild,
    Json,
    Person,
    Role,
)
from tests.simulators.discord.world import World

MESSAGE_CONTENT_LIMITED = 1 << 19
EPOCH = 1_420_070_400


def moment(seconds: float) -> str:
    """Seconds since the epoch as Discord writes times."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def made(snowflake: str) -> str:
    """When a snowflake was made."""
    return moment((int(snowflake) >> 22) / 1000 + EPOCH)


def user(person: Person) -> Json:
    return {
        "id": person.id,
        "username": person.name.lower(),
        "global_name": None if person.bot else person.name,
        "discriminator": "0001" if person.bot else "0",
        "avatar": None,
        "avatar_decoration_data": None,
        "banner": None,
        "accent_color": None,
        "collectibles": None,
        "primary_guild": None,
        "public_flags": 0,
        "flags": 0,
        **({"bot": True} if person.bot else {}),
    }


def current_user(world: World) -> Json:
    more = {"mfa_enabled": True, "locale": "en-US", "email": None, "verified": True}
    return user(world.bot) | more


def application_flags(world: World) -> int:
    return MESSAGE_CONTENT_LIMITED if world.message_content else 0


def application(world: World) -> Json:
    return {
        "id": world.application_id,
        "name": world.bot.name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": user(world.bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": hashlib.sha256(world.application_id.encode()).hexdigest(),
        "flags": application_flags(world),
        "flags_new": str(application_flags(world)),
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user(world.owner),
        "approximate_guild_count": len(world.guilds),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
        "integration_types_config": {"0": {}, "1": {}},
    }


def role(each: Role, position: int) -> Json:
    return {
        "id": each.id,
        "name": each.name,
        "permissions": str(each.permissions),
        "position": position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def member(person: Person, guild: Guild, *, with_user: bool = True) -> Json:
    built = {
        "avatar": None,
        "banner": None,
        "communication_disabled_until": None,
        "flags": 0,
        "joined_at": made(guild.id),
        "nick": None,
        "pending": False,
        "premium_since": None,
        "roles": [guild.moderators.id] if person.moderator else [],
        "mute": False,
        "deaf": False,
    }
    return built | {"user": user(person)} if with_user else built


def permissions(person: Person, guild: Guild, channel: Channel) -> str:
    """What somebody may do in a channel; only the bot is ever denied anything."""
    if person.bot:
        parent = channel.parent.denied if channel.parent else 0
        return str(EVERYONE & ~channel.denied & ~parent)
    return str(guild.moderators.permissions if person.moderator else EVERYONE)


def channel(place: Channel, world: World) -> Json:
    built: Json = {
        "id": place.id,
        "type": place.kind,
        "flags": 0,
        "last_message_id": next(reversed(place.messages), None),
    }
    if place.kind == DM_CHANNEL and place.recipient is not None:
        return built | {"recipients": [user(place.recipient)]}
    if place.kind == GROUP_CHANNEL:
        others = [user(person) for person in place.members]
        owner = place.members[0].id
        return built | {"recipients": others, "name": None, "icon": None, "owner_id": owner}
    guild = place.guild
    assert guild is not None
    built |= {"guild_id": guild.id, "name": place.name, "rate_limit_per_user": 0}
    if place.kind == THREAD_CHANNEL and place.parent is not None:
        return built | _thread(place, place.parent, world)
    if place.kind == FORUM_CHANNEL:
        nothing = ("default_reaction_emoji", "default_sort_order", "default_auto_archive_duration")
        built |= dict.fromkeys(nothing) | {"available_tags": [], "default_forum_layout": 0}
    overwrite = {"id": world.bot.id, "type": 1, "allow": "0", "deny": str(place.denied)}
    return built | {
        "position": 0,
        "parent_id": None,
        "topic": None,
        "nsfw": False,
        "permission_overwrites": [overwrite] if place.denied else [],
    }


def _thread(place: Channel, parent: Channel, world: World) -> Json:
    return {
        "parent_id": parent.id,
        "owner_id": (place.owner or world.owner).id,
        "message_count": len(place.messages),
        "member_count": 2,
        "total_message_sent": len(place.messages),
        "thread_metadata": {
            "archived": place.archived,
            "archive_timestamp": made(place.id),
            "auto_archive_duration": 1440,
            "locked": False,
            "create_timestamp": made(place.id),
        },
    }


def guild(place: Guild) -> Json:
    nothing = (
        *("icon", "description", "home_header", "splash", "discovery_splash", "banner"),
        *("application_id", "afk_channel_id", "system_channel_id", "widget_channel_id"),
        *("max_presences", "vanity_url_code", "rules_channel_id", "safety_alerts_channel_id"),
        *("public_updates_channel_id", "incidents_data"),
    )
    zero = (
        *("system_channel_flags", "verification_level", "default_message_notifications"),
        *("mfa_level", "explicit_content_filter", "premium_tier", "premium_subscription_count"),
        "nsfw_level",
    )
    return {
        "id": place.id,
        "name": place.name,
        "owner_id": place.owner.id,
        "features": [],
        "region": "us-west",
        "afk_timeout": 300,
        "widget_enabled": False,
        "roles": [role(each, position) for position, each in enumerate(place.roles)],
        "max_members": 500_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "preferred_locale": "en-US",
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "emojis": [],
        "stickers": [],
        **dict.fromkeys(nothing),
        **dict.fromkeys(zero, 0),
    }


def threads(places: Iterable[Channel]) -> list[Channel]:
    """The threads that a bot is told of: those that it can see and that are not archived."""
    return [
        place
        for place in places
        if place.parent is not None and not place.archived and place.allows("VIEW_CHANNEL")
    ]


def guild_create(place: Guild, world: World) -> Json:
    """GUILD_CREATE: without the members intent only the bot itself is among the members."""
    inside = [each for each in world.channels.values() if each.guild is place]
    return guild(place) | {
        "joined_at": made(place.id),
        "large": False,
        "unavailable": False,
        "member_count": len(world.people),
        "members": [member(world.bot, place)],
        "channels": [channel(each, world) for each in inside if each.parent is None],
        "threads": [channel(each, world) for each in threads(inside)],
        **{name: [] for name in ("voice_states", "presences", "stage_instances")},
        **{name: [] for name in ("guild_scheduled_events", "soundboard_sounds")},
    }
