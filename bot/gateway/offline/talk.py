"""The chat routes: one way to answer, on each of the wires."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial

from aiohttp import web

from bot.gateway.offline.answers import Answer, Question, answer_to
from bot.gateway.offline.errors import refused_by_vendor
from bot.gateway.offline.front import FrontDoor, json_response
from bot.gateway.offline.models import IMAGE_MODELS, SLOW_TALKER, bare, painting_time
from bot.gateway.offline.wires import WIRES
from bot.gateway.offline.wires.base import Event, Telling, sse

STREAM_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}
_SLOW = 5.0  # words a second of demo-chat-slow


class Talk(FrontDoor):
    def routes(self) -> list[web.RouteDef]:
        talking = [web.post(path, partial(self._asked, wire)) for path, wire in WIRES.items()]
        return [*super().routes(), *talking]

    async def _asked(self, wire: type[Telling], request: web.Request) -> web.StreamResponse:
        self.check_key(request, wire.keys)
        body = self.body_for(request, wire.offers, request.match_info.get("model"))
        self.refuse_as(request, wire.refusal)
        if "call" in request.match_info:
            body["stream"] = request.match_info["call"].startswith("stream")
        question = wire.read(body)
        if question.order is not None and not self.serves(question.model, IMAGE_MODELS):
            raise refused_by_vendor("Model does not support the requested response modalities")
        return await self.reply(request, wire, question)

    async def reply(
        self, request: web.Request, wire: type[Telling], question: Question
    ) -> web.StreamResponse:
        """The answer to a valid question, streamed or whole."""
        wait = self.first_token
        if question.order is not None:
            wait = painting_time(question.model, self.picture_seconds)
        begins = asyncio.get_running_loop().time() + wait
        answer = await answer_to(question)
        telling = wire(question, answer.usage)
        if question.stream:
            return await self._stream(request, telling, answer, begins)
        await _until(begins)
        return json_response(telling.whole(answer))

    async def _stream(
        self, request: web.Request, telling: Telling, answer: Answer, begins: float
    ) -> web.StreamResponse:
        """Send the answer as server-sent events, at the pace of the model."""
        response = web.StreamResponse(headers=STREAM_HEADERS)
        await response.prepare(request)
        rate = self.tokens_per_second
        if bare(telling.model) == SLOW_TALKER:
            rate = min(rate, _SLOW)
        await _until(begins)
        await response.write(_sent(telling.start()))
        for number, piece in enumerate(answer.pieces):
            await _until(begins + number / rate)
            await response.write(_sent(telling.add(piece)))
        end = (*telling.finish(answer.finish), *telling.counts(), *telling.done())
        await response.write(_sent(end))
        await response.write_eof()
        return response


def _sent(events: Iterable[Event]) -> bytes:
    return b"".join(map(sse, events))


async def _until(moment: float) -> None:
    await asyncio.sleep(moment - asyncio.get_running_loop().time())
