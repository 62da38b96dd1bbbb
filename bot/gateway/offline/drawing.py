"""The picture routes: the flat one, the older one with contents, its jobs, and the files."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections import OrderedDict
from functools import cached_property
from typing import TypeVar

from aiohttp import web

from bot.gateway.offline.errors import Json, Rejected, older_refusal
from bot.gateway.offline.front import ID, FrontDoor, json_response
from bot.gateway.offline.jobs import Job, picture_reply
from bot.gateway.offline.models import IMAGE_MODELS, SLOW_PAINTER, bare, painting_time
from bot.gateway.offline.orders import Order, contents_order, flat_order

IMAGES = "/v1/images/generations"
GENERATE = "/images/generate"
JOBS = "/images/jobs/"  # followed by the job's id
ROOTS = ("/v1", "")  # nobody knows below which of them the older generation is
KEPT = 64  # pictures and jobs

T = TypeVar("T")


class Drawing(FrontDoor):
    @cached_property
    def _pictures(self) -> OrderedDict[str, bytes]:
        return OrderedDict()

    @cached_property
    def _jobs(self) -> OrderedDict[str, Job]:
        return OrderedDict()

    def routes(self) -> list[web.RouteDef]:
        older = [
            route
            for root in ROOTS
            for route in (
                web.post(root + GENERATE, self._generate),
                web.get(root + JOBS + "{job}", self._job),
            )
        ]
        return [
            *super().routes(),
            web.post(IMAGES, self._images),
            *older,
            web.get("/images/generated/{name}", self._picture),
        ]

    async def _images(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request)
        order = flat_order(self.body_for(request, IMAGE_MODELS))
        pictures = await self._drawn(order)
        created = int(time.time())
        return json_response({"created": created, "data": self._data(request, order, pictures)})

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        self.refuse_as(request, older_refusal)
        self.check_key(request)
        order = contents_order(self.body_for(request, IMAGE_MODELS))
        now = asyncio.get_running_loop().time()
        if bare(order.model) == SLOW_PAINTER:
            job = Job(order, now, now + painting_time(order.model, self.picture_seconds))
            _kept(self._jobs, job.id, job)
            return json_response(job.report(_poll_url(request, job.id), now), 202)
        pictures = await self._drawn(order)
        reply = picture_reply(order, int(time.time()), "succeeded", "sync", f"img_{request[ID]}")
        return json_response(reply | {"data": self._data(request, order, pictures)})

    async def _drawn(self, order: Order) -> list[bytes]:
        """The pictures, after no less time than they should take."""
        least = painting_time(order.model, self.picture_seconds)
        pictures, _ = await asyncio.gather(asyncio.to_thread(order.draw), asyncio.sleep(least))
        return pictures

    async def _job(self, request: web.Request) -> web.StreamResponse:
        self.refuse_as(request, older_refusal)
        self.check_key(request)
        job = self._jobs.get(request.match_info["job"])
        if job is None:
            raise Rejected(404, "No such job", "job_not_found")
        now = asyncio.get_running_loop().time()
        if now >= job.ready and not job.outcome:
            job.outcome = await self._outcome(request, job.order)
        return json_response(job.report(_poll_url(request, job.id), now))

    async def _outcome(self, request: web.Request, order: Order) -> Json:
        try:
            pictures = await asyncio.to_thread(order.draw)
        except Rejected as error:
            return older_refusal(error, request[ID])[1]
        return {"data": self._data(request, order, pictures)}

    def _data(self, request: web.Request, order: Order, pictures: list[bytes]) -> list[Json]:
        """The pictures of a reply, as base64 or as links that hold for a while."""
        base = f"{request.url.origin()}/images/generated/{int(time.time())}"
        items: list[Json] = []
        for index, picture in enumerate(pictures):
            if order.encoded:
                item = {"b64_json": base64.b64encode(picture).decode()}
            else:
                token = secrets.token_urlsafe(18)
                _kept(self._pictures, token, picture)
                item = {"url": f"{base}-{index}.jpg?token={token}"}
            items.append(item | {"revised_prompt": order.prompt})
        return items

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        picture = self._pictures.get(request.query.get("token", ""))
        if picture is None:
            return web.Response(status=404, text="no such picture")
        return web.Response(body=picture, content_type="image/jpeg")


def _poll_url(request: web.Request, job_id: str) -> str:
    root = request.path.partition("/images/")[0]
    return f"{request.url.origin()}{root}{JOBS}{job_id}"


def _kept(shelf: OrderedDict[str, T], key: str, thing: T) -> None:
    """Put it on the shelf; the oldest of many are let go."""
    shelf[key] = thing
    while len(shelf) > KEPT:
        shelf.popitem(last=False)
