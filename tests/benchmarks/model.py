"""The other process of the scenarios: the gateway in a box, whose model keeps time exactly and
notes when it said what.

    python -m tests.benchmarks.model

prints its address. ``POST /bench/prepare`` takes the questions to come and composes their answers,
so that answering costs next to nothing. ``GET /bench/told`` gives, for each question by its words,
when its request came and when each token left, on the clock of ``time.monotonic``, which all
processes share.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field

import aiohttp
from aiohttp import web

from bot.gateway.offline.answers import Question, Usage, Words
from bot.gateway.offline.front import RECEIVED, create_app
from bot.gateway.offline.talk import STREAM_HEADERS
from bot.gateway.offline.wires.base import Event, Telling, sse
from bot.gateway.offline.wires.chat_completions import ChatCompletions
from tests.benchmarks.answers import Plan
from tests.programs import environment
from tests.simulators.gateway import FaultyGateway

BACKLOG = 1024
"""Connections that may wait for a server. Of 200 that come at once, the usual 128 would turn many
away, and the kernel takes a second to try again: no platform that people use is that small."""


@dataclass(slots=True)
class Told:
    """One answer as the model gave it: when it was asked, and when each token left."""

    asked: float
    tokens: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Answer:
    """A stream as it is sent: what comes first, each token with its seconds, what comes last."""

    start: bytes
    tokens: Sequence[tuple[float, bytes]]
    end: bytes


class PunctualGateway(FaultyGateway):
    """Answers the questions it was prepared for by their plans, and all others as usual."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, Told] = {}
        self._answers: dict[str, _Answer] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/bench/prepare", self._prepare),
            web.get("/bench/told", self._tell),
            *super().routes(),
        ]

    async def reply(
        self, request: web.Request, wire: type[Telling], question: Question
    ) -> web.StreamResponse:
        plan = Plan.read(str(question.messages[-1]["content"]))
        answer = self._answers.get(plan.question) if plan is not None else None
        if plan is None or answer is None:
            return await super().reply(request, wire, question)
        loop = asyncio.get_running_loop()
        told = Told(request[RECEIVED].time)
        self.told.setdefault(plan.question, told)
        response = web.StreamResponse(headers=STREAM_HEADERS)
        await response.prepare(request)
        await response.write(answer.start)
        for at, data in answer.tokens:
            wait = told.asked + at - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            told.tokens.append(loop.time())
            await response.write(data)
        await response.write(answer.end)
        await response.write_eof()
        return response

    async def _prepare(self, request: web.Request) -> web.Response:
        for asked in await request.json():
            plan = Plan.read(asked)
            assert plan is not None
            self._answers[asked] = _composed(plan)
        return web.Response()

    async def _tell(self, _: web.Request) -> web.Response:
        return web.json_response({asked: asdict(told) for asked, told in self.told.items()})


class Model:
    """The process as the scenarios hold it."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def prepare(self, plans: Sequence[Plan]) -> None:
        """Let it compose the answers to come."""
        questions = [plan.question for plan in plans]
        async with self._session.post(f"{self.url}/bench/prepare", json=questions) as response:
            response.raise_for_status()

    async def told(self) -> dict[str, Told]:
        """What was answered so far, by question."""
        async with self._session.get(f"{self.url}/bench/told") as response:
            return {asked: Told(**told) for asked, told in (await response.json()).items()}


@asynccontextmanager
async def model() -> AsyncIterator[Model]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.benchmarks.model",
        env=environment({}),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        url = (await child.stdout.readline()).decode().strip()
        async with aiohttp.ClientSession() as session:
            yield Model(url, session)
    finally:
        child.kill()
        await child.wait()


def _composed(plan: Plan) -> _Answer:
    """The answer on the wire that the bot is told to use."""
    message = {"role": "user", "content": plan.question}
    question = ChatCompletions.read({"model": "m", "stream": True, "messages": [message]})
    pieces = plan.pieces()
    telling = ChatCompletions(question, Usage(1, len(pieces)))
    return _Answer(
        _bytes(telling.start()),
        [(at, _bytes(telling.add(Words(token)))) for at, token in pieces],
        _bytes([*telling.finish("stop"), *telling.counts(), *telling.done()]),
    )


def _bytes(events: Iterable[Event]) -> bytes:
    return b"".join(map(sse, events))


async def main() -> None:
    runner = web.AppRunner(
        create_app(PunctualGateway()), access_log=None, handler_cancellation=True
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=BACKLOG).start()
    sys.stdout.write(f"http://127.0.0.1:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
