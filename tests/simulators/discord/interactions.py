"""The routes of interactions: the callback within 3 s, ``@original`` and follow-ups for 15 minutes.

They need no bot token, and no permission in the channel.
"""

from __future__ import annotations

from aiohttp import web

from tests.simulators.discord import commands, components, forms, message_payloads
from tests.simulators.discord.entities import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    EPHEMERAL,
    LOADING,
    MODAL_SUBMIT,
    Body,
    Interaction,
    Json,
    Message,
)
from tests.simulators.discord.errors import ApiError, Form, Refusal
from tests.simulators.discord.forms import Draft
from tests.simulators.discord.message_payloads import (
    CHOICES,
    DEFER,
    DEFERRED_UPDATE,
    MODAL,
    SEND,
    UPDATE,
)
from tests.simulators.discord.rest import PREFIX, read, reply
from tests.simulators.discord.world import World

FOLLOW_UPS = 5
"""How many the application may post where only a person has installed it."""


class Interactions:
    """What a bot answers to an interaction."""

    def __init__(self, world: World) -> None:
        self._world = world

    def add_routes(self, router: web.UrlDispatcher) -> None:
        callback = f"{PREFIX}/interactions/{{interaction_id}}/{{token}}/callback"
        router.add_post(callback, self._callback)
        webhook = f"{PREFIX}/webhooks/{{application_id}}/{{token}}"
        router.add_post(webhook, self._follow_up)
        message = f"{webhook}/messages/{{message_id}}"
        router.add_get(message, self._get)
        router.add_patch(message, self._edit)
        router.add_delete(message, self._delete)

    # --- the callback -----------------------------------------------------------------------------

    async def _callback(self, request: web.Request) -> web.Response:
        asked = self._world.interactions.get(request.match_info["interaction_id"])
        draft = await read(request)
        if asked is None or asked.token != request.match_info["token"] or asked.failed:
            raise ApiError(Refusal.UNKNOWN_INTERACTION)
        if asked.acknowledged is not None:
            raise ApiError(Refusal.ALREADY_ACKNOWLEDGED)
        kind = draft.payload.get("type")
        form = Form()
        form.one_of("type", kind, _allowed(asked))
        form.check()
        answer = self._act(asked, int(draft.payload["type"]), draft)
        self._world.acknowledge(asked)
        if answer is not None:
            asked.original = answer.id
        if request.query.get("with_response", "").lower() not in ("1", "true"):
            return web.Response(status=204)
        return reply(
            message_payloads.callback(asked, int(draft.payload["type"]), answer, self._world)
        )

    def _act(self, asked: Interaction, kind: int, draft: Draft) -> Message | None:
        """Do what a callback of this type does; the message it made or belongs to."""
        told: Json = draft.payload.get("data") or {}
        if kind == CHOICES:
            asked.choices = _check_choices(asked, told)
            return None
        if kind == MODAL:
            form = Form()
            components.check_modal(form, draft.payload.get("data"))
            form.check()
            asked.modal = told
            return None
        if kind == DEFER:
            flags = LOADING | int(told.get("flags") or 0) & EPHEMERAL
            return self._post(asked, Body(flags=flags), asked.source)
        data = Draft(told, draft.files)
        if kind == SEND:
            return self._post(asked, self._compose(data, at="data"), asked.source)
        assert asked.source is not None
        if kind == UPDATE:
            body = forms.compose(data, self._world.attach, before=asked.source.body, at="data")
            self._world.revise(asked.source, body)
        return asked.source

    def _post(self, asked: Interaction, body: Body, reply_to: Message | None) -> Message:
        world = self._world
        return world.post(asked.channel, world.bot, body, reply_to=reply_to, interaction=asked)

    def _compose(self, draft: Draft, *, at: str = "") -> Body:
        return forms.compose(draft, self._world.attach, at=at)

    # --- the webhook of an interaction ------------------------------------------------------------

    async def _follow_up(self, request: web.Request) -> web.Response:
        asked = self._find(request)
        draft = await read(request)
        original = self._message(asked, asked.original)
        if original is not None and original.body.flags & LOADING:
            # Straight after a deferral the first follow-up is the answer, as private as that.
            self._edit_message(original, draft)
            return reply(message_payloads.message(original, self._world))
        if not asked.channel.allows("VIEW_CHANNEL") and len(asked.followups) >= FOLLOW_UPS:
            raise ApiError(Refusal.TOO_MANY_FOLLOW_UPS)
        message = self._post(asked, self._compose(draft), original)
        asked.followups.append(message.id)
        return reply(message_payloads.message(message, self._world))

    async def _get(self, request: web.Request) -> web.Response:
        return reply(message_payloads.message(self._find_message(request), self._world))

    async def _edit(self, request: web.Request) -> web.Response:
        message = self._find_message(request)
        self._edit_message(message, await read(request))
        return reply(message_payloads.message(message, self._world))

    async def _delete(self, request: web.Request) -> web.Response:
        self._world.remove(self._find_message(request))
        return web.Response(status=204)

    def _edit_message(self, message: Message, draft: Draft) -> None:
        body = forms.compose(draft, self._world.attach, before=message.body)
        self._world.revise(message, body)

    def _find(self, request: web.Request) -> Interaction:
        """The answered interaction of a token that is still good."""
        if request.match_info["application_id"] != self._world.application_id:
            raise ApiError(Refusal.UNKNOWN_WEBHOOK)
        token = request.match_info["token"]
        asked = next((i for i in self._world.interactions.values() if i.token == token), None)
        if asked is None or asked.over:
            raise ApiError(Refusal.INVALID_WEBHOOK_TOKEN)
        if asked.acknowledged is None:
            raise ApiError(Refusal.UNKNOWN_WEBHOOK)
        return asked

    def _find_message(self, request: web.Request) -> Message:
        """``@original`` or a follow-up, nothing else."""
        asked = self._find(request)
        wanted = request.match_info["message_id"]
        id_ = asked.original if wanted == "@original" else wanted
        if id_ not in (asked.original, *asked.followups):
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        message = self._message(asked, id_)
        if message is None:
            raise ApiError(Refusal.UNKNOWN_MESSAGE)
        return message

    def _message(self, asked: Interaction, id_: str | None) -> Message | None:
        message = asked.channel.messages.get(id_ or "")
        return None if message is None or message.deleted else message


def _allowed(asked: Interaction) -> tuple[int, ...]:
    """The types of callback that answer this kind of interaction."""
    updates = (DEFERRED_UPDATE, UPDATE) if asked.source is not None else ()
    return {
        COMMAND: (SEND, DEFER, MODAL),
        COMPONENT: (SEND, DEFER, *updates, MODAL),
        AUTOCOMPLETE: (CHOICES,),
        MODAL_SUBMIT: (SEND, DEFER, *updates),
    }[asked.kind]


def _check_choices(asked: Interaction, told: Json) -> list[Json]:
    form = Form()
    choices = form.many("data.choices", told.get("choices"), 0, 25)
    commands.check_choices(form, "data.choices", choices, commands.focused(asked.data)["type"])
    form.check()
    return choices
