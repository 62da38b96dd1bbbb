"""The offline gateway with faults that a test switches on: the model gateway of all tests.

    async with FaultyGateway() as gateway:
        gateway.say(["Hel", "lo ", gate, "world"])      # the exact chunks; gate is an asyncio.Event
        gateway.inject(OVERLOADED, times=1)             # one failure, then the script
        gateway.inject(Stream(eol="\\r\\n", pings=True))  # the shape of every stream from now on

It answers at once and takes any model name. A fault with ``times`` is used up; several are used up
in the order they were made. One without ``times`` lasts until ``heal`` or until a newer one of its
kind, and has its turn when no counted one is left. Faults of different kinds (``Answer`` and
``Reset`` are one kind; ``Slow``, ``Stream``, ``Pictures``, ``Job`` and scripts one each) work
together. Faults concern the API on every wire, and leave the downloads of pictures alone.
"""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from collections.abc import Callable, Collection, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from bot.gateway.offline.answers import Question
from bot.gateway.offline.front import ID, RECEIVED, Handler
from bot.gateway.offline.log import ReceivedRequest, redacted
from bot.gateway.offline.server import GENERATE, IMAGES, JOBS, OLDER_MODELS, OfflineGateway
from bot.gateway.offline.wires.base import Telling
from tests.simulators.gateway_answers import answered
from tests.simulators.gateway_faults import (
    PNG,
    REQUEST_ID,
    Answer,
    Break,
    Job,
    Pause,
    PictureFile,
    Pictures,
    Reset,
    Script,
    Slow,
    Step,
    Stream,
)
from tests.simulators.gateway_pictures import Files, RunningJob, picture_items, sync_reply

Fault = Answer | Reset | Slow | Stream | Pictures | Job | Script


@dataclass(slots=True)
class _Rule:
    fault: Fault
    path: str
    model: str
    left: float

    def fits(self, kinds: tuple[type, ...], received: ReceivedRequest) -> bool:
        return (
            isinstance(self.fault, kinds)
            and self.left > 0
            and (is_at(received, self.path) if self.path else _is_api(received.path))
            and self.model in ("", received.model)
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
        self._files = Files()
        self._running: dict[str, RunningJob] = {}

    # What tests call

    def say(
        self, steps: Iterable[Step], *, path: str = "", model: str = "", times: int | None = None
    ) -> str:
        """Answer chat requests on any wire with these chunks; returns their text."""
        script = Script(tuple(steps))
        self.inject(script, path=path, model=model, times=times)
        return script.text

    def inject(
        self, fault: Fault, *, path: str = "", model: str = "", times: int | None = None
    ) -> None:
        """Misbehave in this way on API requests, or only on this path, or for this model. A path
        that ends with a slash stands for all that are below it."""
        self._rules.append(_Rule(fault, path, model, math.inf if times is None else times))

    def heal(self) -> None:
        """Forget every fault and every script."""
        self._rules.clear()

    def link(self, file: PictureFile) -> str:
        """The address of a file, for a script to tell."""
        return self._files.link(self.url, file)

    def received(self, path: str) -> list[ReceivedRequest]:
        """The requests for this path, or below it, so far, oldest first."""
        return [request for request in self.requests if is_at(request, path)]

    # How it comes about

    def serves(self, model: str, offered: Collection[str]) -> bool:
        return self._any_model or super().serves(model, offered)

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get("/files/{token}", self._file)]

    async def respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        slow = self._take(request, Slow)
        if isinstance(slow, Slow):
            await _pause(slow.until)
        match self._take(request, Answer, Reset):
            case Answer() as answer:
                return web.Response(
                    status=answer.status,
                    body=answer.body.replace(REQUEST_ID.encode(), request[ID].encode()),
                    headers={"Content-Type": answer.content_type, **answer.headers},
                )
            case Reset():
                self._cut(request, Break.RESET)
                return web.Response()
        return self._made_up(request) or await handler(request)

    def _made_up(self, request: web.Request) -> web.Response | None:
        """What a picture route answers where a test says so."""
        path, job_id = request.path, request.path.rpartition(JOBS)[2]
        if request.method == "GET" and job_id in self._running:
            return self._running[job_id].poll(self.url, self._files)
        if request.method != "POST" or not path.endswith((IMAGES, GENERATE)):
            return None
        if path.endswith(GENERATE) and isinstance(job := self._take(request, Job), Job):
            running = RunningJob(job, request[RECEIVED].model)
            self._running[running.id] = running
            return running.submit(self.url, self._files)
        if not isinstance(pictures := self._take(request, Pictures), Pictures):
            return None
        items = picture_items(pictures, self.url, self._files)
        if path.endswith(GENERATE):
            return web.json_response(sync_reply(request[RECEIVED].model, items))
        return web.json_response({"created": 1, "data": items})

    async def reply(
        self, request: web.Request, wire: type[Telling], question: Question
    ) -> web.StreamResponse:
        script, shape = self._take(request, Script), self._take(request, Stream)
        if not isinstance(script, Script) and not isinstance(shape, Stream):
            return await super().reply(request, wire, question)
        return await answered(
            request,
            wire,
            question,
            script if isinstance(script, Script) else None,
            shape if isinstance(shape, Stream) else Stream(),
            self._cut,
        )

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return await self._files.give(request, self._cut)

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

    def _take(self, request: web.Request, *kinds: type) -> Fault | None:
        """The fault whose turn it is: the counted ones in order, then the newest lasting one."""
        fitting = [rule for rule in self._rules if rule.fits(kinds, request[RECEIVED])]
        counted = [rule for rule in fitting if rule.left < math.inf]
        rule = counted[0] if counted else fitting[-1] if fitting else None
        if rule is None:
            return None
        rule.left -= 1
        return rule.fault


def is_at(received: ReceivedRequest, path: str) -> bool:
    """Whether the request was for the path, or below it where it ends with a slash."""
    return received.path.startswith(path) if path.endswith("/") else received.path == path


def _is_api(path: str) -> bool:
    return path.startswith(("/v1/", "/v1beta/", JOBS)) or path in (GENERATE, OLDER_MODELS)


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
