"""What people do: they write, use commands, type ahead, press buttons and fill in forms.

Their client checks what they enter before Discord ever hears of it: what it would not let through
raises AssertionError.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulators.discord import commands, components, mentions, message_payloads, payloads
from tests.simulators.discord.entities import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    EPHEMERAL,
    FORUM_CHANNEL,
    MODAL_SUBMIT,
    Body,
    Channel,
    Interaction,
    Json,
    Message,
    Person,
    Upload,
)
from tests.simulators.discord.world import World

STRING_LIMIT = 6000


class People:
    """Everyone but the bot."""

    def __init__(self, world: World) -> None:
        self._world = world

    def say(
        self,
        channel: str,
        user: str,
        content: str,
        mention: bool,
        reply_to: str | None,
        attachments: Sequence[Upload],
    ) -> Message:
        world = self._world
        place, person = world.channels[channel], world.people[user]
        assert place.kind != FORUM_CHANNEL, "In a forum everything is a post of its own."
        quoted = world.message(channel, reply_to) if reply_to is not None else None
        content = f"<@{world.bot.id}> {content}".strip() if mention else content.strip()
        files = tuple(world.attach(name, data) for name, data in attachments)
        assert content or files, "Nobody can send an empty message."
        assert len(content) <= 4000, "Nobody can send more than 4,000 characters."
        pings = mentions.pings(content, None, quoted.author.id if quoted else None)
        body = Body(content, files, pings=pings)
        return world.post(place, person, body, reply_to=quoted)

    def post(self, forum: str, user: str, title: str, content: str, mention: bool) -> Message:
        """A post in a forum: a thread, and in it a message of the same id."""
        world = self._world
        assert world.channels[forum].kind == FORUM_CHANNEL, "Posts stand in forums."
        content = f"<@{world.bot.id}> {content}".strip() if mention else content
        person = world.people[user]
        thread = world.add_thread(forum, title, person)
        body = Body(content, pings=mentions.pings(content, None, None))
        return world.post(thread, person, body, id_=thread.id)

    def choose(self, channel: str, user: str, message_id: str, name: str) -> Interaction:
        """A command in the menu of a message."""
        place = self._world.channels[channel]
        command = commands.find_in_menu(self._world.commands, name)
        _check_offered(command, place, self._world.people[user])
        target = self._world.message(channel, message_id)
        told = message_payloads.message(target, self._world)
        data = {
            "id": command["id"],
            "name": name,
            "type": command["type"],
            "target_id": message_id,
            "resolved": {"messages": {message_id: told}},
        }
        return self._begin(COMMAND, place, user, data, name)

    def use(self, channel: str, user: str, line: str, values: Mapping[str, Any]) -> Interaction:
        place = self._world.channels[channel]
        command, steps, options = commands.find(self._world.commands, line)
        _check_offered(command, place, self._world.people[user])
        missing = [
            option["name"]
            for option in options
            if option.get("required") and option["name"] not in values
        ]
        assert not missing, f"/{line} needs {', '.join(missing)}."
        resolved: Json = {}
        given = [self._option(options, name, values[name], place, resolved) for name in values]
        data = _data(command, steps, given)
        if resolved:
            data["resolved"] = resolved
        return self._begin(COMMAND, place, user, data, command["name"])

    def complete(
        self, channel: str, user: str, line: str, values: Mapping[str, Any]
    ) -> Interaction:
        place = self._world.channels[channel]
        command, steps, options = commands.find(self._world.commands, line)
        _check_offered(command, place, self._world.people[user])
        given: list[Json] = []
        for name, value in values.items():
            option = _find_option(options, name)
            given.append({"name": name, "type": option["type"], "value": value})
        typed = _find_option(options, given[-1]["name"])
        assert typed.get("autocomplete"), f"/{line} {typed['name']} completes nothing."
        given[-1] |= {"focused": True, "value": str(given[-1]["value"])}
        data = _data(command, steps, given)
        return self._begin(AUTOCOMPLETE, place, user, data, command["name"])

    def press(
        self, channel: str, user: str, message_id: str, custom_id: str, values: Sequence[str]
    ) -> Interaction:
        message = self._world.message(channel, message_id)
        component = components.find(message.body.components, custom_id)
        assert component is not None, f"The message has no component {custom_id!r}."
        assert not component.get("disabled"), f"{custom_id!r} is disabled."
        if message.body.flags & EPHEMERAL and message.interaction is not None:
            owner = message.interaction.user
            assert owner.id == user, "Nobody else sees an ephemeral message."
        data: Json = {"component_type": component["type"], "custom_id": custom_id, "id": 1}
        if component["type"] in components.SELECTS:
            components.check_values(component, values)
            data["values"] = list(values)
        place = message.channel
        return self._begin(COMPONENT, place, user, data, custom_id, source=message)

    def submit(self, parent: Interaction, values: Mapping[str, str], by: str | None) -> Interaction:
        assert parent.modal is not None, "That interaction showed no form."
        filled_in = components.filled_in(parent.modal, values)
        data = {"custom_id": parent.modal["custom_id"], "components": filled_in}
        person = self._world.people[by] if by else parent.user
        interaction = self._interaction(
            MODAL_SUBMIT, parent.channel, person, data, data["custom_id"], parent.source
        )
        interaction.parent = parent
        return self._world.begin(interaction)

    def _begin(
        self,
        kind: int,
        place: Channel,
        user: str,
        data: Json,
        name: str,
        source: Message | None = None,
    ) -> Interaction:
        person = self._world.people[user]
        return self._world.begin(self._interaction(kind, place, person, data, name, source))

    def _interaction(
        self,
        kind: int,
        place: Channel,
        person: Person,
        data: Json,
        name: str,
        source: Message | None,
    ) -> Interaction:
        world = self._world
        return Interaction(
            id=world.snowflake(),
            token=f"interaction-{secrets.token_urlsafe(32)}",
            kind=kind,
            channel=place,
            user=person,
            data=data,
            dispatched=world.now(),
            world=world,
            name=name,
            source=source,
        )

    def _option(
        self, options: Sequence[Json], name: str, value: Any, place: Channel, resolved: Json
    ) -> Json:
        """One filled in option; what its id stands for goes into ``resolved``."""
        option = _find_option(options, name)
        kind = option["type"]
        if kind == commands.ATTACHMENT:
            file = self._world.attach(*value)
            told = message_payloads.attachment(file, place, self._world) | {"ephemeral": True}
            resolved.setdefault("attachments", {})[file.id] = told
            value = file.id
        elif kind in (commands.PERSON, commands.MENTIONABLE):
            person = self._world.people[value]
            resolved.setdefault("users", {})[value] = payloads.user(person)
            if place.guild is not None:
                member = payloads.member(person, place.guild, with_user=False)
                member["permissions"] = payloads.permissions(person, place.guild, place)
                resolved.setdefault("members", {})[value] = member
        elif kind == commands.CHANNEL:
            chosen = payloads.channel(self._world.channels[value], self._world)
            resolved.setdefault("channels", {})[value] = chosen | {"permissions": "0"}
        else:
            _check_value(option, value)
        return {"name": name, "type": kind, "value": value}


def _find_option(options: Sequence[Json], name: str) -> Json:
    option = next((each for each in options if each["name"] == name), None)
    assert option is not None, f"There is no option {name}."
    return option


def _check_offered(command: Json, place: Channel, person: Person) -> None:
    contexts = command.get("contexts")
    here = message_payloads.context(place)
    offered = here in contexts if contexts is not None else here == 0 or command["dm_permission"]
    if here == 2 or (place.guild is not None and not place.guild.has_bot):
        offered = offered and person.installed and 1 in command["integration_types"]
    assert offered, f"/{command['name']} is not offered here."


def _check_value(option: Json, value: Any) -> None:
    kind, name = option["type"], option["name"]
    choices = [choice["value"] for choice in option.get("choices") or ()]
    assert not choices or value in choices, f"{name} is one of {choices}."
    if kind == commands.STRING:
        assert isinstance(value, str), f"{name} is text."
        low, high = option.get("min_length", 0), option.get("max_length", STRING_LIMIT)
        assert low <= len(value) <= high, f"{name} has {low} to {high} characters."
    elif kind in (commands.INTEGER, commands.NUMBER):
        assert isinstance(value, int) or kind == commands.NUMBER, f"{name} is a whole number."
        low, high = option.get("min_value", value), option.get("max_value", value)
        assert low <= value <= high, f"{name} is from {low} to {high}."


def _data(command: Json, steps: Sequence[Json], given: list[Json]) -> Json:
    """The data of a command interaction; subcommands wrap the options given."""
    for step in reversed(steps):
        given = [{"name": step["name"], "type": step["type"], "options": given}]
    return {"id": command["id"], "name": command["name"], "type": 1, "options": given}
