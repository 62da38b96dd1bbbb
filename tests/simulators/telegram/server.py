"""The HTTP side: reads calls in every form the Bot API takes, and suffers the faults ordered."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any, NamedTuple

from aiohttp import web

from tests.simulators.telegram.errors import ApiError, flood
from tests.simulators.telegram.faults import Fault, Faults
from tests.simulators.telegram.inline import Inline
from tests.simulators.telegram.limits import Limits
from tests.simulators.telegram.media import MAX_UPLOAD
from tests.simulators.telegram.methods import Methods
from tests.simulators.telegram.parameters import Parameters, Upload
from tests.simulators.telegram.updates import Updates
from tests.simulators.telegram.world import Json, World

_GATEWAY_TROUBLE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


class Call(NamedTuple):
    time: float
    method: str
    status: int


class Received(NamedTuple):
    """A call with its parameters as texts, the names of its files, and the JSON of its answer."""

    method: str
    parameters: dict[str, str]
    files: list[str]
    answer: Json


class _Cut(Exception):
    """The connection shall be cut."""


class Server:
    def __init__(
        self,
        token: str,
        world: World,
        updates: Updates,
        limits: Limits,
        faults: Faults,
        inline: Inline,
    ) -> None:
        self.url = ""
        self.calls: list[Call] = []
        self.received: list[Received] = []
        self._token = token
        self._world = world
        self._updates = updates
        self._faults = faults
        self._methods = Methods(world, updates, limits, inline)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        self._world.now = asyncio.get_running_loop().time
        app = web.Application(client_max_size=2 * MAX_UPLOAD)
        app.router.add_get("/file/bot{token}/{path:.+}", self._download)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_route("*", "/{anything:.*}", self._lost)
        # What still runs at the end, a delayed answer say, is not waited for.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self._updates.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _lost(self, request: web.Request) -> web.Response:
        return _refusal(ApiError(404, "Not Found"))

    # --- one call of a method ---

    async def _call(self, request: web.Request) -> web.StreamResponse:
        arrived = self._world.now()
        named = request.match_info["method"]
        method = self._methods.name(named) or named
        try:
            parameters = await _read(request)
        except ApiError as error:
            return self._note(arrived, method, Parameters({}), _refusal(error))
        try:
            answer = await self._answer(request, method, parameters)
        except _Cut:
            return self._cut(request, arrived, method)
        return self._note(arrived, method, parameters, answer)

    async def _answer(
        self, request: web.Request, method: str, parameters: Parameters
    ) -> web.Response:
        if request.match_info["token"] != self._token:
            return _refusal(ApiError(401, "Unauthorized"))
        fault = self._faults.take(method)
        refusal = await _suffer(fault)
        if refusal is not None:
            return refusal
        answer = await self._result(method, parameters)
        if fault is not None and fault.reset_after:
            raise _Cut
        return answer

    async def _result(self, method: str, parameters: Parameters) -> web.Response:
        try:
            if self._methods.name(method) is None:
                raise ApiError(404, "Not Found: method not found")
            result = await self._methods.call(method, parameters)
        except ApiError as error:
            return _refusal(error)
        return _json(200, {"ok": True, "result": result})

    def _note(
        self, arrived: float, method: str, parameters: Parameters, answer: web.Response
    ) -> web.Response:
        self.calls.append(Call(arrived, method, answer.status))
        told = json.loads(answer.text or "") if answer.content_type == "application/json" else None
        received = Received(method, dict(parameters.values), sorted(parameters.files), told)
        self.received.append(received)
        self._world.changed()
        return answer

    def _cut(self, request: web.Request, arrived: float, method: str) -> web.Response:
        self.calls.append(Call(arrived, method, 0))
        self._world.changed()
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    # --- downloads ---

    async def _download(self, request: web.Request) -> web.StreamResponse:
        arrived = self._world.now()
        try:
            refusal = await _suffer(self._faults.take("download"))
        except _Cut:
            return self._cut(request, arrived, "download")
        answer = refusal or self._file(request)
        self.calls.append(Call(arrived, "download", answer.status))
        self._world.changed()
        return answer

    def _file(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self._token:
            return _refusal(ApiError(401, "Unauthorized"))
        path = request.match_info["path"]
        found = [file for file in self._world.files.values() if file.path == path]
        if not found:
            return _refusal(ApiError(404, "Not Found"))
        return web.Response(body=found[0].data, content_type="application/octet-stream")


async def _suffer(fault: Fault | None) -> web.Response | None:
    """The answer that an order asks for, or None: go on. Raises _Cut."""
    if fault is None:
        return None
    if fault.delay:
        await asyncio.sleep(fault.delay)
    if fault.reset:
        raise _Cut
    if not fault.status:
        return None
    if fault.status == 429:
        return _refusal(flood(fault.retry_after))
    phrase = HTTPStatus(fault.status).phrase
    if fault.status > 500 and not fault.description:
        # The web server before the Bot API speaks, and it speaks HTML.
        page = _GATEWAY_TROUBLE.format(f"{fault.status} {phrase}")
        return web.Response(status=fault.status, text=page, content_type="text/html")
    return _refusal(ApiError(fault.status, fault.description or phrase))


async def _read(request: web.Request) -> Parameters:
    """The call's parameters from its query and its body. Raises ApiError."""
    if request.method not in ("GET", "POST"):
        raise ApiError(404, "Not Found")
    values = dict(request.query)
    files: dict[str, Upload] = {}
    try:
        if request.content_type == "application/json":
            values |= _from_json(await request.text())
        else:
            for name, value in (await request.post()).items():
                if isinstance(value, web.FileField):
                    files[name] = Upload(value.filename, value.content_type, value.file.read())
                else:
                    values[name] = value.decode() if isinstance(value, bytes) else str(value)
    except web.HTTPRequestEntityTooLarge:
        raise ApiError(413, "Request Entity Too Large") from None
    return Parameters(values, files)


def _from_json(text: str) -> dict[str, str]:
    try:
        body: Any = json.loads(text or "{}")
    except json.JSONDecodeError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(400, "Bad Request: can't parse JSON object")
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in body.items()
        if value is not None
    }


def _refusal(error: ApiError) -> web.Response:
    answer: Json = {"ok": False, "error_code": error.code, "description": error.description}
    if error.parameters:
        answer["parameters"] = error.parameters
    return _json(error.code, answer)


def _json(status: int, answer: Json) -> web.Response:
    return web.json_response(answer, status=status)
