"""Pictures of ``FaultyGateway``: the files behind its links, and jobs that go as a test says."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Callable

from aiohttp import web

from bot.gateway.offline.drawing import JOBS
from bot.gateway.offline.errors import Json, Rejected, older_refusal
from tests.simulators.gateway_faults import Break, End, Job, PictureFile, Pictures, State


class Files:
    """What is behind the links that were given out."""

    def __init__(self) -> None:
        self._files: dict[str, PictureFile] = {}

    def link(self, base: str, file: PictureFile) -> str:
        token = secrets.token_hex(8)
        self._files[token] = file
        return f"{base}/files/{token}"

    async def give(
        self, request: web.Request, cut: Callable[[web.Request, Break], None]
    ) -> web.StreamResponse:
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
        cut(request, Break.CLOSE)
        return response


def picture_items(pictures: Pictures, base: str, files: Files) -> list[Json]:
    """The ``data`` of a reply."""
    if pictures.form == "b64_json":
        encoded = base64.b64encode(pictures.file.body).decode()
        return [{"b64_json": encoded} for _ in range(pictures.count)]
    return [
        {"url": pictures.link or files.link(base, pictures.file)} for _ in range(pictures.count)
    ]


def sync_reply(model: str, items: list[Json]) -> Json:
    """A reply of ``/images/generate`` that has all its pictures."""
    return _reply("img_1", model, "succeeded", "sync") | {"data": items}


class RunningJob:
    """A job in the middle of its life: each look at it shows what comes next."""

    def __init__(self, job: Job, model: str) -> None:
        self.id = f"job_{secrets.token_hex(8)}"
        self._job = job
        self._model = model
        self._looks = 0

    def submit(self, base: str, files: Files) -> web.Response:
        return self._look(base, files, self._job.accepted)

    def poll(self, base: str, files: Files) -> web.Response:
        return self._look(base, files, 200)

    def _look(self, base: str, files: Files, status: int) -> web.Response:
        job, look = self._job, self._looks
        self._looks += 1
        if look < len(job.states):
            return web.json_response(self._shown(base, job.states[look]), status=status)
        match job.end:
            case End.NEVER:
                last = job.states[-1] if job.states else State()
                return web.json_response(self._shown(base, last), status=status)
            case End.VANISHED:
                unknown = Rejected(404, "No such job", "job_not_found")
                return web.json_response(older_refusal(unknown, "")[1], status=404)
            case End.FAILED:
                outcome: Json = {"error": job.error}
            case _:
                outcome = {"data": picture_items(job.pictures, base, files)}
        shown = self._shown(base, State(job.word or job.end.value))
        return web.json_response(shown | outcome, status=status)

    def _shown(self, base: str, state: State) -> Json:
        job = self._job
        body = _reply(self.id, self._model, state.status, "async")
        if state.progress is not None:
            body["progress"] = state.progress
        if job.poll_url is not None:
            ours = f"{base}/v1{JOBS}{{id}}"
            body["poll_url"] = (job.poll_url or ours).replace("{id}", self.id)
        if job.estimated_time is not None:
            body["estimated_time"] = job.estimated_time
        return body


def _reply(reply_id: str, model: str, status: str, mode: str) -> Json:
    execution = {"mode": mode, "operation": "text-to-image", "provider": "simulator"}
    head = {"id": reply_id, "created": 1, "model": model}
    return head | {"status": status, "execution": execution}
