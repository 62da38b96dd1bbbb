"""The REST API: what every call goes through (faults, token, limits, errors), and the small routes.

Answers are ``application/json`` and nothing after it, carry the rate limit headers and ``Via``:
without these discord.py takes another path than with the real Discord.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from tests.simulators.discord import commands, message_payloads, payloads
from tests.simulators.discord.connection import Connections
from tests.simulators.discord.entities import Channel, Upload
from tests.simulators.discord.errors import ApiError, Form, Refusal
from tests.simulators.discord.faults import Fault, Faults
from tests.simulators.discord.forms import FILE_LIMIT, REQUEST_LIMIT, Draft
from tests.simulators.discord.limits import Bucket, Buckets, Limits
from tests.simulators.discord.world import World

PREFIX = "/api/v10"
SENT = web.RequestKey("sent", object)
ANSWERED = web.ResponseKey("answered", object)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One finished call; ``status`` is 0 where the connection was broken, ``route`` the path's
    template, ``sent`` and ``answered`` are parsed JSON."""

    time: float
    method: str
    path: str
    status: int
    route: str = ""
    sent: Any = None
    answered: Any = None


class Rest:
    """What every call goes through, the log of calls, and the routes about who and where."""

    def __init__(
        self, world: World, connections: Connections, limits: Limits, faults: Faults
    ) -> None:
        self.exchanges: list[Exchange] = []
        self.downloads = 0
        self.has_files = True
        self._world = world
        self._connections = connections
        self._buckets = Buckets(limits)
        self._faults = faults

    def add_routes(self, router: web.UrlDispatcher) -> None:
        for method, path, handler in (
            ("GET", "/users/@me", self._get_me),
            ("GET", "/users/{user_id}", self._get_user),
            ("POST", "/users/@me/channels", self._create_dm),
            ("GET", "/applications/@me", self._get_application),
            ("GET", "/oauth2/applications/@me", self._get_application),
            ("GET", "/applications/{application_id}/commands", self._get_commands),
            ("PUT", "/applications/{application_id}/commands", self._put_commands),
            ("GET", "/gateway", self._get_gateway),
            ("GET", "/gateway/bot", self._get_gateway_bot),
            ("GET", "/channels/{channel_id}", self._get_channel),
            ("GET", "/guilds/{guild_id}", self._get_guild),
            ("GET", "/guilds/{guild_id}/channels", self._get_guild_channels),
            ("GET", "/guilds/{guild_id}/members/{user_id}", self._get_member),
        ):
            router.add_route(method, PREFIX + path, handler)
        router.add_get("/cdn/attachments/{channel_id}/{file_id}/{name}", self._get_attachment)

    # --- what every call goes through -------------------------------------------------------------

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(PREFIX):
            return await handler(request)
        arrived, path = self._world.now(), request.path.removeprefix(PREFIX)
        resource = request.match_info.route.resource
        route = resource.canonical.removeprefix(PREFIX) if resource else ""
        fault = self._faults.take(request.method, path)
        try:
            response = await self._answer(request, handler, route, fault)
        except ConnectionResetError:
            response = None
        answered = None if response is None else response.get(ANSWERED)
        status = 0 if response is None else response.status
        self.exchanges.append(
            Exchange(arrived, request.method, path, status, route, request.get(SENT), answered)
        )
        self._world.changed()
        return web.Response() if response is None else response

    async def _answer(
        self, request: web.Request, handler: Handler, route: str, fault: Fault | None
    ) -> web.StreamResponse:
        """Raises ConnectionResetError where a fault broke the connection."""
        bucket = self._buckets.find(request.method, route, _resource(request))
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.status:
                return self._finish(_misbehave(fault), bucket)
            if fault.reset:
                _break(request)
        try:
            self._authenticate(request, route)
            self._limit(route, bucket)
            response = await handler(request)
        except ApiError as error:
            response = reply(error.body, error.status)
        except _Limited as limited:
            response = limited.response()
        except web.HTTPException as error:
            refusal = {405: Refusal.METHOD_NOT_ALLOWED, 413: Refusal.TOO_LARGE}
            refused = ApiError(refusal.get(error.status, Refusal.NOT_FOUND))
            response = reply(refused.body, refused.status)
        if fault is not None and fault.reset_after:
            _break(request)
        return self._finish(response, bucket)

    def _authenticate(self, request: web.Request, route: str) -> None:
        """Interactions carry their own token in the path, everything else needs the bot's."""
        if route.startswith(("/interactions/", "/webhooks/")) or route == "/gateway":
            return
        if request.headers.get("Authorization") != f"Bot {self._world.token}":
            raise ApiError(Refusal.UNAUTHORIZED)

    def _limit(self, route: str, bucket: Bucket) -> None:
        now = self._world.now()
        if not route.startswith(("/interactions/", "/webhooks/")):
            wait = self._buckets.overall.take(now)
            if wait:
                raise _Limited(wait, everywhere=True)
        wait = bucket.take(now)
        if wait:
            raise _Limited(wait)

    def _finish(self, response: web.StreamResponse, bucket: Bucket) -> web.StreamResponse:
        response.headers["Via"] = "1.1 google"
        if "X-RateLimit-Global" not in response.headers:
            response.headers.update(bucket.headers(self._world.now()))
        return response

    # --- who and where ----------------------------------------------------------------------------

    async def _get_me(self, request: web.Request) -> web.Response:
        return reply(payloads.current_user(self._world))

    async def _get_user(self, request: web.Request) -> web.Response:
        person = self._world.people.get(snowflake(request, "user_id"))
        if person is None:
            raise ApiError(Refusal.UNKNOWN_USER)
        return reply(payloads.user(person))

    async def _create_dm(self, request: web.Request) -> web.Response:
        recipient = str((await read(request)).payload.get("recipient_id"))
        if recipient not in self._world.people or recipient == self._world.bot.id:
            raise ApiError(Refusal.UNKNOWN_USER)
        return reply(payloads.channel(self._world.dm_with(recipient), self._world))

    async def _get_application(self, request: web.Request) -> web.Response:
        return reply(payloads.application(self._world))

    async def _get_commands(self, request: web.Request) -> web.Response:
        self._check_application(request)
        return reply(self._world.commands)

    async def _put_commands(self, request: web.Request) -> web.Response:
        self._check_application(request)
        wanted: Any = (await read(request)).payload
        if not isinstance(wanted, list):
            form = Form()
            form.fault("", "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType.")
            form.check()
        world = self._world
        world.commands = commands.register(
            wanted, world.commands, world.snowflake, world.application_id
        )
        return reply(world.commands)

    def _check_application(self, request: web.Request) -> None:
        if request.match_info["application_id"] != self._world.application_id:
            raise ApiError(Refusal.UNKNOWN_APPLICATION)

    async def _get_gateway(self, request: web.Request) -> web.Response:
        return reply({"url": self._world.gateway_url})

    async def _get_gateway_bot(self, request: web.Request) -> web.Response:
        limits = self._connections.limits()
        return reply({"url": self._world.gateway_url, "shards": 1, "session_start_limit": limits})

    async def _get_channel(self, request: web.Request) -> web.Response:
        return reply(payloads.channel(find_channel(self._world, request), self._world))

    async def _get_guild(self, request: web.Request) -> web.Response:
        guild = self._world.guilds.get(snowflake(request, "guild_id"))
        if guild is None:
            raise ApiError(Refusal.UNKNOWN_GUILD)
        return reply(payloads.guild(guild))

    async def _get_guild_channels(self, request: web.Request) -> web.Response:
        guild = self._world.guilds.get(snowflake(request, "guild_id"))
        if guild is None:
            raise ApiError(Refusal.UNKNOWN_GUILD)
        inside = [each for each in self._world.channels.values() if each.guild is guild]
        visible = [each for each in inside if each.parent is None and each.allows("VIEW_CHANNEL")]
        return reply([payloads.channel(each, self._world) for each in visible])

    async def _get_member(self, request: web.Request) -> web.Response:
        guild = self._world.guilds.get(snowflake(request, "guild_id"))
        person = self._world.people.get(snowflake(request, "user_id"))
        if guild is None:
            raise ApiError(Refusal.UNKNOWN_GUILD)
        if person is None:
            raise ApiError(Refusal.UNKNOWN_MEMBER)
        return reply(payloads.member(person, guild))

    async def _get_attachment(self, request: web.Request) -> web.Response:
        """A file's bytes, as long as the signed address is good."""
        self.downloads += 1
        id_, expires = request.match_info["file_id"], request.query.get("ex", "")
        file = self._world.attachments.get(id_)
        signed = request.query.get("hm") == message_payloads.sign(self._world, id_, expires)
        if not self.has_files or file is None or not signed or int(expires, 16) < time.time():
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=file.content, content_type=file.media_type)


class _Limited(Exception):
    """A call too many."""

    def __init__(self, wait: float, *, everywhere: bool = False) -> None:
        self.wait = wait
        self.everywhere = everywhere

    def response(self) -> web.Response:
        told = {
            "message": "You are being rate limited.",
            "retry_after": self.wait,
            "global": self.everywhere,
        }
        response = reply(told, 429)
        response.headers["Retry-After"] = str(int(self.wait) + 1)
        response.headers["X-RateLimit-Scope"] = "global" if self.everywhere else "user"
        if self.everywhere:
            response.headers["X-RateLimit-Global"] = "true"
        return response


# --- reading a call, and answering it -------------------------------------------------------------


def reply(told: Any, status: int = 200) -> web.Response:
    """JSON, typed exactly ``application/json``."""
    response = web.Response(
        body=json.dumps(told).encode(), status=status, content_type="application/json"
    )
    response[ANSWERED] = told
    return response


def snowflake(request: web.Request, name: str) -> str:
    """An id of the path. Raises ApiError 50035 where it is none."""
    value = request.match_info[name]
    if not re.fullmatch(r"\d{1,20}", value):
        form = Form()
        form.fault(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        form.check()
    return value


def find_channel(world: World, request: web.Request, *permissions: str) -> Channel:
    """The channel of the path. Raises ApiError where it is unknown, hidden or not for that."""
    channel = world.channels.get(snowflake(request, "channel_id"))
    if channel is None:
        raise ApiError(Refusal.UNKNOWN_CHANNEL)
    if not channel.allows("VIEW_CHANNEL"):
        raise ApiError(Refusal.MISSING_ACCESS)
    if not all(channel.allows(each) for each in permissions):
        raise ApiError(Refusal.MISSING_PERMISSIONS)
    return channel


async def read(request: web.Request) -> Draft:
    """The JSON of a call, whether it is the body or the ``payload_json`` of a form with files.

    Raises ApiError: 50109 for what is no JSON, 40005 for a request or a file that is too large.
    """
    files: dict[int, Upload] = {}
    if request.content_type == "multipart/form-data":
        text = await _read_form(request, files)
    else:
        text = await request.read()
    if (request.content_length or len(text)) > REQUEST_LIMIT:
        raise ApiError(Refusal.TOO_LARGE)
    if any(len(content) > FILE_LIMIT for _, content in files.values()):
        raise ApiError(Refusal.TOO_LARGE)
    try:
        payload = json.loads(text or b"{}")
    except ValueError:
        raise ApiError(Refusal.INVALID_JSON) from None
    request[SENT] = payload
    return Draft(payload, files)


async def _read_form(request: web.Request, files: dict[int, Upload]) -> bytes:
    """``payload_json``; the parts ``files[n]`` go into ``files``, no other spelling is seen."""
    text = b""
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        content = bytes(await part.read())
        # The reader's own ``name`` would decode %5B0%5D as well, which Discord does not.
        number = re.search(r'[ ;]name="?files\[(\d+)\]', part.headers["Content-Disposition"])
        if part.name == "payload_json":
            text = content
        elif number is not None and part.filename:
            files[int(number[1])] = (part.filename, content)
    return text


def _resource(request: web.Request) -> str:
    """What a bucket counts for: a channel, a guild, or an interaction's token."""
    names = ("channel_id", "guild_id", "token")
    return "+".join(request.match_info[name] for name in names if name in request.match_info)


def _misbehave(fault: Fault) -> web.Response:
    if fault.status == 429:
        return _Limited(fault.retry_after).response()
    message = f"{fault.status}: The simulator was told to fail."
    return reply({"message": message, "code": fault.code}, fault.status)


def _break(request: web.Request) -> None:
    """Reset the connection, so that the client gets ECONNRESET. Raises ConnectionResetError."""
    if request.transport is not None:
        raw = request.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    raise ConnectionResetError
