"""The gateway in a box: a local server that speaks the gateway's wire API without any account.

    async with OfflineGateway() as gateway:
        print(gateway.url)  # http://127.0.0.1:40123

It answers chat completions (streamed or whole), picture requests and the model list as the real one
does, down to its habits: a usage event that nobody asked for, status 500 for an ordinary mistake, a
web page with status 200 on a wrong address. Its models are small programs and say so
(``replies``, ``pictures``). Any key that is not empty is accepted, unless ``keys``
says otherwise. It imports nothing of the bot outside this folder.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from typing import Self

from aiohttp import web

from bot.gateway.offline import replies
from bot.gateway.offline.wire import (
    DONE,
    REQUEST_ID,
    STREAM_HEADERS,
    Completion,
    Json,
    ReceivedRequest,
    Rejected,
    RequestLog,
    decoded,
    dumps,
    error_body,
    inputs_of,
    invalid,
    new_request_id,
    parts_of,
    picture_size,
    redacted,
    sse,
    tokens,
    usage,
    words,
)

CHAT_MODELS = ("demo-chat", "demo-chat-slow")
IMAGE_MODELS = ("demo-image", "demo-image-wide")
CHAT = "/v1/chat/completions"
IMAGES = "/v1/images/generations"
MODELS = "/v1/models"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
RECEIVED = web.RequestKey("received", ReceivedRequest)
ID = web.RequestKey("request_id", str)

_SLOW = 5.0  # words a second of demo-chat-slow
_PICTURES_KEPT = 64
_DASHBOARD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Offline gateway</title></head>
<body><h1>Switchboard's offline gateway</h1>
<p>This is the web page of the gateway. Its API is below <code>/v1</code>.</p></body></html>
"""


class OfflineGateway:
    """A server on ``host`` and ``port`` (0: any free one) while its ``async with`` block runs.

    ``first_token`` is the wait in seconds before an answer begins, ``tokens_per_second`` its pace,
    ``picture_seconds`` the least time a picture takes. ``max_body`` is in bytes. ``requests`` holds
    the latest requests, ``hung_up`` counts clients that left before their answer was complete.
    """

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
        self.models = [*CHAT_MODELS, *IMAGE_MODELS]  # what the model list offers
        self.requests = RequestLog()
        self.hung_up = 0
        self._keys = keys
        self._pictures: OrderedDict[str, bytes] = OrderedDict()

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
        return [
            web.post(CHAT, self._chat),
            web.post(IMAGES, self._images),
            web.get(MODELS, self._models),
            web.get(MODELS + "/{model:.+}", self._model),
            web.get("/images/generated/{model}/{name}", self._picture),
        ]

    @web.middleware
    async def front(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """What happens to every request: note it, answer it, turn failures into error bodies."""
        request[ID] = new_request_id()
        try:
            request[RECEIVED] = await self._note(request)
            return await self.respond(request, handler)
        except Rejected as error:
            return _json(error.body(request[ID]), error.status)
        except web.HTTPRequestEntityTooLarge:
            large = Rejected(413, "request body is too large", "read_request_body_failed")
            return _json(large.body(request[ID]), large.status)
        except (asyncio.CancelledError, ConnectionResetError):
            if request.transport is None or request.transport.is_closing():
                self.hung_up += 1
            raise

    async def respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The answer to one request; here a simulator may put something else in its place."""
        return await handler(request)

    def serves(self, model: str, offered: tuple[str, ...]) -> bool:
        """Whether a route that offers these models takes this one."""
        return model in offered

    async def unknown(self, request: web.Request) -> web.StreamResponse:
        """No such route: an error below /v1, otherwise the web page, a doubled slash included."""
        if request.path.startswith(("/v1", "/api", "/assets")):
            message = f"Invalid URL ({request.method} {request.path})"
            raise Rejected(404, message, kind="invalid_request_error")
        return web.Response(text=_DASHBOARD, content_type="text/html")

    # Chat

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        body = self._body(request, CHAT_MODELS)
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise invalid("field messages is required")
        if not all(isinstance(one, dict) and isinstance(one.get("role"), str) for one in messages):
            raise invalid("each of messages must be an object with a role")
        if body.get("stream"):
            return await self.stream_chat(request, body)
        pieces, finish = self._pieces(body, await self.compose(body))
        await asyncio.sleep(self.first_token)
        counts = usage(messages, len(pieces))
        return _json(Completion(body["model"]).whole("".join(pieces), finish, counts))

    async def compose(self, body: Json) -> str:
        """The text that answers a valid chat request."""
        last: Json = next((one for one in reversed(body["messages"]) if one["role"] == "user"), {})
        urls = [part.get("image_url") for part in parts_of(last)]
        links = [url.get("url") if isinstance(url, dict) else url for url in urls if url]
        seen = await asyncio.to_thread(_described, links) if links else []
        return replies.compose(body["messages"], seen)

    async def stream_chat(self, request: web.Request, body: Json) -> web.StreamResponse:
        """Send the answer as server-sent events, at the pace of the model."""
        response = web.StreamResponse(headers=STREAM_HEADERS)
        await response.prepare(request)
        pieces, finish = self._pieces(body, await self.compose(body))
        rate = self.tokens_per_second
        if body["model"] == "demo-chat-slow":
            rate = min(rate, _SLOW)
        completion = Completion(body["model"])
        clock = asyncio.get_running_loop()
        start = clock.time() + self.first_token
        await asyncio.sleep(self.first_token)
        await response.write(sse(completion.chunk({"role": "assistant", "content": ""})))
        for number, piece in enumerate(pieces):
            await asyncio.sleep(start + number / rate - clock.time())
            await response.write(sse(completion.chunk({"content": piece})))
        await response.write(sse(completion.chunk({}, finish)))
        await response.write(sse(completion.usage_chunk(usage(body["messages"], len(pieces)))))
        await response.write(sse(DONE))
        await response.write_eof()
        return response

    def _pieces(self, body: Json, text: str) -> tuple[list[str], str]:
        """The answer in pieces, cut off at the length that was asked for, and its finish reason."""
        pieces = words(text) if body["model"] == "demo-chat-slow" else tokens(text)
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        if isinstance(limit, int) and 0 < limit < len(pieces):
            return pieces[:limit], "length"
        return pieces, "stop"

    # Pictures

    async def _images(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        body = self._body(request, IMAGE_MODELS)
        prompt, count = body.get("prompt"), body.get("n", 1)
        if not isinstance(prompt, str) or not prompt.strip():
            raise invalid("prompt is required")
        if type(count) is not int or not 1 <= count <= 4:
            raise invalid("n must be from 1 to 4")
        size = picture_size(body, "16:9" if body["model"] == "demo-image-wide" else "1:1")
        inputs = inputs_of(body.get("image"))
        pictures, _ = await asyncio.gather(
            asyncio.to_thread(_drawn, prompt, size, count, inputs),
            asyncio.sleep(self.picture_seconds),
        )
        created = int(time.time())
        if body.get("response_format") == "b64_json":
            data = [{"b64_json": base64.b64encode(picture).decode()} for picture in pictures]
        else:
            base = f"{request.url.origin()}/images/generated/{body['model']}/{created}"
            data = [
                {"url": f"{base}-{index}.jpg?token={self.keep(picture)}"}
                for index, picture in enumerate(pictures)
            ]
        for item in data:
            item["revised_prompt"] = prompt
        return _json({"created": created, "data": data})

    def keep(self, picture: bytes) -> str:
        """Hold a picture for download; returns its token. The oldest of many are let go."""
        token = secrets.token_urlsafe(18)
        self._pictures[token] = picture
        while len(self._pictures) > _PICTURES_KEPT:
            self._pictures.popitem(last=False)
        return token

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        picture = self._pictures.get(request.query.get("token", ""))
        if picture is None:
            return web.Response(status=404, text="no such picture")
        return web.Response(body=picture, content_type="image/jpeg")

    # Models

    async def _models(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        data = [_model(name) for name in self.models]
        return _json({"object": "list", "data": data, "success": True})

    async def _model(self, request: web.Request) -> web.StreamResponse:
        self._check_key(request)
        name = request.match_info["model"]
        if name in self.models:
            return _json(_model(name))
        # The real gateway answers with status 200 here.
        message = f"The model '{name}' does not exist"
        return _json(error_body(message, "model_not_found", kind="invalid_request_error"))

    # Checks

    async def _note(self, request: web.Request) -> ReceivedRequest:
        raw = await request.read()
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        received = ReceivedRequest(
            method=request.method,
            path=request.path,
            headers=redacted(request.headers),
            body=body,
            size=len(raw),
            time=asyncio.get_running_loop().time(),
        )
        self.requests.add(received)
        return received

    def _check_key(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "").strip()
        key = re.sub(r"^bearer(?:\s+|$)", "", given, flags=re.IGNORECASE)
        if not key:
            raise Rejected(401, "No key was given")
        if self._keys is not None and key not in self._keys:
            raise Rejected(401, "Invalid token")

    def _body(self, request: web.Request, models: tuple[str, ...]) -> Json:
        """The JSON object of a request for one of the ``models``."""
        body = request[RECEIVED].body
        if not isinstance(body, dict):
            raise Rejected(400, "the body must be a JSON object", "bad_request_body")
        model = body.get("model")
        if not isinstance(model, str) or not model:
            raise Rejected(400, "Model name not specified")
        if not self.serves(model, models):
            message = f"No available channel for model {model} under group default"
            raise Rejected(503, message, "model_not_found")
        return body


def create_app(gateway: OfflineGateway) -> web.Application:
    """The gateway as an application, to be served by somebody else's runner."""
    app = web.Application(client_max_size=gateway.max_body, middlewares=[gateway.front])
    app.add_routes([*gateway.routes(), web.route("*", "/{anything:.*}", gateway.unknown)])
    app.on_response_prepare.append(_sign)
    return app


def _model(name: str) -> Json:
    kind = "image-generation" if name in IMAGE_MODELS else "openai"
    return {
        "id": name,
        "object": "model",
        "created": 1_626_777_600,
        "owned_by": "switchboard",
        "supported_endpoint_types": [kind],
    }


def _drawn(prompt: str, size: tuple[int, int], count: int, inputs: list[bytes]) -> list[bytes]:
    # Pillow is loaded when the first picture is wanted, and in the drawing thread.
    from bot.gateway.offline.pictures import UnreadablePicture, draw

    try:
        return [draw(prompt, size, index=index, inputs=inputs) for index in range(count)]
    except UnreadablePicture as error:
        raise invalid(f"image: {error}") from error


def _described(links: list[object]) -> list[str]:
    from bot.gateway.offline.pictures import describe

    pictures = [decoded(link) for link in links]
    return ["a link that I cannot open" if one is None else describe(one) for one in pictures]


def _json(body: Json, status: int = 200) -> web.Response:
    encoded = dumps(body).encode(errors="replace")  # JSON may hold half a surrogate pair
    return web.Response(body=encoded, status=status, content_type="application/json")


async def _sign(request: web.Request, response: web.StreamResponse) -> None:
    if ID in request:
        response.headers[REQUEST_ID] = request[ID]
