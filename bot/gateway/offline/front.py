"""The front door of the offline gateway: the server itself, its keys, its notes, its errors."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import AsyncExitStack
from typing import Any, Self

from aiohttp import web

from bot.gateway.offline.errors import Json, Refusal, Rejected, openai_refusal
from bot.gateway.offline.log import ReceivedRequest, RequestLog, redacted
from bot.gateway.offline.models import CHAT_MODELS, IMAGE_MODELS, bare
from bot.gateway.offline.wires.base import dumps

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
REQUEST_ID = "X-Oneapi-Request-Id"
RECEIVED = web.RequestKey("received", ReceivedRequest)
ID = web.RequestKey("request_id", str)
_REFUSAL = web.RequestKey[Refusal]("refusal")

_DASHBOARD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Offline gateway</title></head>
<body><h1>Switchboard's offline gateway</h1>
<p>This is the web page of the gateway. Its API is below <code>/v1</code>.</p></body></html>
"""


class FrontDoor:
    """See ``OfflineGateway``, of which this is what all its routes share."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        keys: Collection[str] | None = None,
        first_token: float = 0.25,
        tokens_per_second: float = 50.0,
        picture_seconds: float = 1.5,
        max_body: int = 128 * 2**20,
    ) -> None:
        self.host = host
        self.port = port
        self.first_token = first_token
        self.tokens_per_second = tokens_per_second
        self.picture_seconds = picture_seconds
        self.max_body = max_body
        self.models = [*CHAT_MODELS, *IMAGE_MODELS]  # what the model lists offer
        self.requests = RequestLog()
        self.hung_up = 0
        self._keys = keys

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            runner = web.AppRunner(
                create_app(self),
                access_log=None,
                handler_cancellation=True,  # so that an answer stops when its reader leaves
                shutdown_timeout=0.1,
            )
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, self.host, self.port).start()
            self.port = runner.addresses[0][1]
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def url(self) -> str:
        """The base address, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def routes(self) -> list[web.RouteDef]:
        return []

    @web.middleware
    async def front(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What happens to every request: note it, answer it, turn failures into error bodies."""
        request[ID] = new_request_id()
        self.refuse_as(request, openai_refusal)
        try:
            request[RECEIVED] = await self._note(request)
            return await self.respond(request, handler)
        except Rejected as error:
            return _refused(request, error)
        except web.HTTPRequestEntityTooLarge:
            message = "request body is too large"
            return _refused(request, Rejected(413, message, "read_request_body_failed"))
        except (asyncio.CancelledError, ConnectionResetError):
            if request.transport is None or request.transport.is_closing():
                self.hung_up += 1
            raise

    async def respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer to one request; here a simulator may put something else in its place."""
        return await handler(request)

    def refuse_as(self, request: web.Request, refusal: Refusal) -> None:
        """From here on, errors of this request have that shape."""
        request[_REFUSAL] = refusal

    def serves(self, model: str, offered: Collection[str]) -> bool:
        """Whether a route that offers these models takes this one."""
        return bare(model) in offered

    def check_key(self, request: web.Request, places: Iterable[str] = ("authorization",)) -> None:
        """Raises Rejected where no good key is in any of the places (see ``Telling.keys``)."""
        given = (
            request.query.get("key", "") if place == "?key" else request.headers.get(place, "")
            for place in places
        )
        keys = (re.sub(r"^bearer(?:\s+|$)", "", one.strip(), flags=re.I) for one in given)
        key = next(filter(None, keys), "")
        if not key:
            raise Rejected(401, "No key was given")
        if self._keys is not None and key not in self._keys:
            raise Rejected(401, "Invalid token")

    def body_for(
        self, request: web.Request, offered: Collection[str], model: object = None
    ) -> Json:
        """The JSON object of a request for one of the models. Those whose wire names the ``model``
        in the path get it put in."""
        body = request[RECEIVED].body
        if not isinstance(body, dict):
            raise Rejected(400, "the body must be a JSON object", "bad_request_body")
        model = body.get("model") if model is None else model
        if not isinstance(model, str) or not model:
            raise Rejected(400, "Model name not specified")
        if not self.serves(model, offered):
            message = f"No available channel for model {model} under group default"
            raise Rejected(503, message, "model_not_found")
        return body | {"model": model}

    async def unknown(self, request: web.Request) -> web.StreamResponse:
        """No such route: an error below /v1, otherwise the web page, a doubled slash included."""
        if request.path.startswith(("/v1", "/api", "/assets")):
            message = f"Invalid URL ({request.method} {request.path})"
            raise Rejected(404, message, kind="invalid_request_error")
        return web.Response(text=_DASHBOARD, content_type="text/html")

    async def _note(self, request: web.Request) -> ReceivedRequest:
        form = request.content_type == "multipart/form-data"
        body, size = await (_form(request) if form else _json(request))
        query = {name: value for name, value in request.query.items() if name != "token"}
        received = ReceivedRequest(
            method=request.method,
            path=request.path,
            headers=redacted(request.headers),
            body=body,
            size=size,
            time=asyncio.get_running_loop().time(),
            query=query | ({"key": "[redacted]"} if "key" in query else {}),
        )
        self.requests.add(received)
        return received


async def _json(request: web.Request) -> tuple[Any, int]:
    """The JSON of a request, None where it is none, and its size in bytes."""
    raw = await request.read()
    try:
        return json.loads(raw) if raw else None, len(raw)
    except ValueError:
        return None, len(raw)


async def _form(request: web.Request) -> tuple[Json | None, int]:
    """The fields of a form, of files what they are called and how large they are."""
    size = request.content_length or 0
    try:
        fields = await request.post()
    except ValueError:
        return None, size
    noted: Json = {}
    for name, value in fields.items():
        if isinstance(value, web.FileField):
            about = {"filename": value.filename, "content_type": value.content_type}
            noted[name] = about | {"size": value.file.seek(0, 2)}
            value.file.close()
        else:
            noted[name] = value
    return noted, size


def create_app(gateway: FrontDoor) -> web.Application:
    """The gateway as an application, to be served by somebody else's runner."""
    app = web.Application(client_max_size=gateway.max_body, middlewares=[gateway.front])
    app.add_routes([*gateway.routes(), web.route("*", "/{anything:.*}", gateway.unknown)])
    app.on_response_prepare.append(_sign)
    return app


def json_response(body: Json, status: int = 200) -> web.Response:
    encoded = dumps(body).encode(errors="replace")  # JSON may hold half a surrogate pair
    return web.Response(body=encoded, status=status, content_type="application/json")


def new_request_id() -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime()) + secrets.token_hex(8)


def _refused(request: web.Request, error: Rejected) -> web.Response:
    status, body = request[_REFUSAL](error, request[ID])
    return json_response(body, status)


async def _sign(request: web.Request, response: web.StreamResponse) -> None:
    if ID in request:
        response.headers[REQUEST_ID] = request[ID]
