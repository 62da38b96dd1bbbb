"""The offline gateway with faults that a test switches on: the model gateway of all tests.

    async with FaultyGateway() as gateway:
        gateway.say(["Hel", "lo ", gate, "world"])      # the exact chunks; gate is an asyncio.Event
        gateway.inject(OVERLOADED, times=1)             # one failure, then the script
        gateway.inject(Stream(eol="\\r\\n", pings=True))  # the shape of every stream from now on

It answers at once and takes any model name. A fault with ``times`` is used up; several are used up
in the order they were made. One without ``times`` lasts until ``heal`` or until a newer one of its
kind, and has its turn when no counted one is left. Faults of different kinds (``Answer`` and
``Reset`` are one kind; ``Slow``, ``Stream``, ``Pictures`` and scripts one each) work together.
"""

from __future__ import annotations

import asyncio
import base64
import math
import secrets
import socket
import struct
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from bot.gateway.offline.server import CHAT, ID, IMAGES, RECEIVED, Handler, OfflineGateway
from bot.gateway.offline.wire import (
    DONE,
    STREAM_HEADERS,
    Completion,
    Json,
    ReceivedRequest,
    error_body,
    redacted,
    sse,
    tokens,
    usage,
)
from tests.simulators.gateway_faults import (
    PNG,
    REQUEST_ID,
    Answer,
    Break,
    Pause,
    PictureFile,
    Pictures,
    Reset,
    Slow,
    Stream,
)

Step = str | Pause


@dataclass(frozen=True, slots=True)
class Script:
    """What the model says: texts, each one chunk, and pauses between them."""

    steps: tuple[Step, ...]

    @property
    def text(self) -> str:
        return "".join(step for step in self.steps if isinstance(step, str))


Fault = Answer | Reset | Slow | Stream | Pictures | Script


@dataclass(slots=True)
class _Rule:
    fault: Fault
    path: str
    model: str
    left: float

    def fits(self, kinds: tuple[type, ...], received: ReceivedRequest) -> bool:
        body = received.body if isinstance(received.body, dict) else {}
        return (
            isinstance(self.fault, kinds)
            and self.path in ("", received.path)
            and received.path.startswith("/v1")
            and self.model in ("", body.get("model"))
        )


class FaultyGateway(OfflineGateway):
    """See the module. ``closed`` counts the connections that it broke itself."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        keys: Collection[str] | None = None,
        first_token: float = 0.0,
        tokens_per_second: float = math.inf,
        picture_seconds: float = 0.0,
        max_body: int = 128 * 2**20,
        any_model: bool = True,
    ) -> None:
        super().__init__(
            host,
            port,
            keys=keys,
            first_token=first_token,
            tokens_per_second=tokens_per_second,
            picture_seconds=picture_seconds,
            max_body=max_body,
        )
        self.closed = 0
        self._any_model = any_model
        self._rules: list[_Rule] = []
        self._files: dict[str, PictureFile] = {}

    # What tests call

    def say(self, steps: Iterable[Step], *, model: str = "", times: int | None = None) -> str:
        """Answer chat requests with these chunks; returns their text."""
        script = Script(tuple(steps))
        self.inject(script, path=CHAT, model=model, times=times)
        return script.text

    def inject(
        self, fault: Fault, *, path: str = "", model: str = "", times: int | None = None
    ) -> None:
        """Misbehave in this way on requests below /v1, or only on this path, or for this model."""
        self._rules.append(_Rule(fault, path, model, math.inf if times is None else times))

    def heal(self) -> None:
        """Forget every fault and every script."""
        self._rules.clear()

    def received(self, path: str) -> list[ReceivedRequest]:
        """The requests for this path so far, oldest first."""
        return [request for request in self.requests if request.path == path]

    # How it comes about

    def serves(self, model: str, offered: tuple[str, ...]) -> bool:
        return self._any_model or super().serves(model, offered)

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get("/files/{token}", self._file)]

    async def respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        slow = self._take(request[RECEIVED], Slow)
        if isinstance(slow, Slow):
            await _pause(slow.until)
        match self._take(request[RECEIVED], Answer, Reset):
            case Answer() as answer:
                return web.Response(
                    status=answer.status,
                    body=answer.body.replace(REQUEST_ID.encode(), request[ID].encode()),
                    headers={"Content-Type": answer.content_type, **answer.headers},
                )
            case Reset():
                self._cut(request, Break.RESET)
                return web.Response()
        if request.path == IMAGES and request.method == "POST":
            pictures = self._take(request[RECEIVED], Pictures)
            if isinstance(pictures, Pictures):
                return self._give_out(pictures)
        return await handler(request)

    async def compose(self, body: Json) -> str:
        """What is said where the answer is not streamed."""
        script = self._take(ReceivedRequest("POST", CHAT, {}, body, 0, 0.0), Script)
        return script.text if isinstance(script, Script) else await super().compose(body)

    async def stream_chat(self, request: web.Request, body: Json) -> web.StreamResponse:
        script = self._take(request[RECEIVED], Script)
        shape = self._take(request[RECEIVED], Stream)
        if not isinstance(script, Script):
            script = Script(tuple(tokens(await super().compose(body))))
        if not isinstance(shape, Stream):
            shape = Stream()
        response = web.StreamResponse(headers=STREAM_HEADERS)
        await response.prepare(request)
        out = _Writer(response, shape)
        whole = await _tell(out, Completion(body["model"]), shape, script, body)
        await out.flush()
        if not whole:
            await asyncio.sleep(shape.lull)
            while shape.breaks is Break.SILENCE:  # until the client hangs up or the server closes
                await asyncio.sleep(shape.lull)
                await out.ping()
            if shape.breaks in (Break.RESET, Break.CLOSE):
                self._cut(request, shape.breaks)
                return response
        await response.write_eof()
        return response

    def _give_out(self, pictures: Pictures) -> web.Response:
        items: list[Json] = []
        for _ in range(pictures.count):
            if pictures.form == "b64_json":
                items.append({"b64_json": base64.b64encode(pictures.file.body).decode()})
                continue
            token = secrets.token_hex(8)
            self._files[token] = pictures.file
            items.append({"url": pictures.link or f"{self.url}/files/{token}"})
        return web.json_response({"created": 1, "data": items})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        file = self._files[request.match_info["token"]]
        await asyncio.sleep(file.delay)
        headers = {"Content-Type": file.content_type}
        if file.location:
            headers["Location"] = file.location
        if not file.endless and file.declared is None:
            return web.Response(status=file.status, body=file.body, headers=headers)
        response = web.StreamResponse(status=file.status, headers=headers)
        response.content_length = file.declared
        await response.prepare(request)
        await response.write(file.body)
        while file.endless:
            await response.write(bytes(2**16))
        self._cut(request, Break.CLOSE)
        return response

    def _cut(self, request: web.Request, how: Break) -> None:
        transport = request.transport
        if transport is None:
            return
        self.closed += 1
        if how is Break.CLOSE:
            transport.close()
            return
        connection: socket.socket = transport.get_extra_info("socket")
        # To linger for 0 seconds makes closing send a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    def _take(self, received: ReceivedRequest, *kinds: type) -> Fault | None:
        """The fault whose turn it is: the counted ones in order, then the newest lasting one."""
        fitting = [rule for rule in self._rules if rule.fits(kinds, received) and rule.left > 0]
        counted = [rule for rule in fitting if rule.left < math.inf]
        rule = counted[0] if counted else fitting[-1] if fitting else None
        if rule is None:
            return None
        rule.left -= 1
        return rule.fault


class _Writer:
    """Sends events in the segments that the shape asks for."""

    def __init__(self, response: web.StreamResponse, shape: Stream) -> None:
        self._response = response
        self._shape = shape
        self._held = b""

    async def event(self, payload: Json | str) -> None:
        await self.ping()
        eol = self._shape.eol
        self._held += sse(payload, end=eol) + (eol * self._shape.blank_lines).encode()
        if self._shape.segment != 0:
            await self.flush()

    async def ping(self) -> None:
        """A keep-alive comment, where the shape has them."""
        if self._shape.pings:
            self._held += f": PING{self._shape.eol * 2}".encode()
            if self._shape.segment != 0:
                await self.flush()

    async def flush(self) -> None:
        size = self._shape.segment or len(self._held)
        while self._held:
            piece, self._held = self._held[:size], self._held[size:]
            await self._response.write(piece)
            for _ in range(4):  # a reader on this loop gets its turn: it sees each segment alone
                await asyncio.sleep(0)


async def _tell(
    out: _Writer, completion: Completion, shape: Stream, script: Script, body: Json
) -> bool:
    """Send the events of an answer; False where it broke off before its end."""
    if shape.role:
        await out.event(completion.chunk({"role": "assistant", "content": ""}))
    for thought in shape.thinking:
        await out.event(completion.chunk({shape.thinking_field: thought}))
    texts = [step for step in script.steps if isinstance(step, str)]
    counts = usage(body["messages"], len(texts))
    sent = 0
    for step in script.steps:
        if not isinstance(step, str):
            await _pause(step)
            continue
        if sent == shape.break_after:
            break
        sent += 1
        chunk = completion.chunk({"content": step})
        if shape.padding and sent == 1:
            chunk["obfuscation"] = "x" * shape.padding
        if shape.usage == "last" and sent == len(texts):
            chunk["usage"] = counts
        await out.event(chunk)
    broken = shape.break_after is not None
    if broken and shape.breaks is not Break.ERROR:
        return False
    if broken:
        await out.event(error_body("upstream closed", "bad_response", kind="upstream_error"))
    elif shape.finish is not None:
        await out.event(completion.chunk({}, shape.finish))
    if shape.usage == "own":
        await out.event(completion.usage_chunk(counts))
    if shape.done:
        await out.event(DONE)
    return True


async def _pause(pause: Pause) -> None:
    if isinstance(pause, asyncio.Event):
        await pause.wait()
    else:
        await asyncio.sleep(pause)


class PrivateServer:
    """A server on another loopback address, where no client has any business: it counts who comes.

    async with PrivateServer() as private:
        gateway.inject(Pictures(redirect_to(private.url + "/secret.png")))
        …
        assert not private.hits
    """

    def __init__(self, host: str = "127.0.0.2") -> None:
        self._host = host
        self.hits: list[ReceivedRequest] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", self._answer)
        async with AsyncExitStack() as stack:
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, self._host, 0).start()
            self.url = f"http://{self._host}:{runner.addresses[0][1]}"
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = redacted(request.headers)
        now = asyncio.get_running_loop().time()
        hit = ReceivedRequest(request.method, request.path, headers, None, len(body), now)
        self.hits.append(hit)
        return web.Response(body=PNG, content_type="image/png")


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Return as soon as the condition holds. Raises TimeoutError when it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)
