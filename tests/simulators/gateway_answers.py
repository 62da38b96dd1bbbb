"""Chat answers of ``FaultyGateway``: a script told in a shape, on whatever wire was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from aiohttp import web

from bot.gateway.offline.answers import (
    Answer,
    Piece,
    Question,
    Thought,
    Usage,
    Words,
    answer_to,
    prompt_tokens,
)
from bot.gateway.offline.errors import Rejected
from bot.gateway.offline.front import json_response
from bot.gateway.offline.talk import STREAM_HEADERS
from bot.gateway.offline.wires.base import Event, Telling, dumps, sse
from bot.gateway.offline.wires.chat_completions import ChatCompletions, counted
from bot.gateway.offline.wires.gemini import Gemini
from bot.gateway.offline.wires.responses import Responses
from tests.simulators.gateway_faults import Break, Script, Step, Stream

Cut = Callable[[web.Request, Break], None]


async def answered(
    request: web.Request,
    wire: type[Telling],
    question: Question,
    script: Script | None,
    shape: Stream,
    cut: Cut,
) -> web.StreamResponse:
    """The script, or else what the model says, streamed or whole."""
    steps: list[Step | Piece] = [
        *(script.steps if script is not None else (await answer_to(question)).pieces)
    ]
    told = [_piece(step) for step in steps if not isinstance(step, float | int | asyncio.Event)]
    thoughts = len(shape.thinking)
    usage = Usage(prompt_tokens(question.messages), len(told) + thoughts, thoughts)
    telling = wire(question, None if shape.usage == "none" else usage)
    if isinstance(telling, ChatCompletions) and shape.thinking_field != "think":
        telling.thought_field = shape.thinking_field
    if shape.blocked:
        shape = replace(shape, finish=shape.blocked, thinking=())
        steps, told = [], []
    if question.stream:
        return await _streamed(request, telling, steps, shape, cut)
    if shape.blocked and isinstance(telling, Gemini):
        return json_response(telling.block(shape.blocked))
    pieces = (*_thoughts(shape), *told)
    return json_response(telling.whole(Answer(pieces, shape.finish, usage)))


async def _streamed(
    request: web.Request, telling: Telling, steps: list[Step | Piece], shape: Stream, cut: Cut
) -> web.StreamResponse:
    headers = {"Content-Type": "application/json"} if shape.array else STREAM_HEADERS
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    out = _Writer(response, shape)
    whole = await _tell(out, telling, shape, steps)
    await out.flush()
    if not whole:
        await asyncio.sleep(shape.lull)
        while shape.breaks is Break.SILENCE:  # until the client hangs up or the server closes
            await asyncio.sleep(shape.lull)
            await out.ping()
        if shape.breaks in (Break.RESET, Break.CLOSE):
            cut(request, shape.breaks)
            return response
    await response.write_eof()
    return response


async def _tell(out: _Writer, telling: Telling, shape: Stream, steps: list[Step | Piece]) -> bool:
    """Send the events of an answer; False where it broke off before its end."""
    if shape.blocked and isinstance(telling, Gemini):
        await out.events([Event(telling.block(shape.blocked))])
        await out.end()
        return True
    if shape.role:
        await out.events(telling.start())
    for thought in _thoughts(shape):
        await out.events(telling.add(thought))
    broken = not await _tell_steps(out, telling, shape, steps)
    if broken and not await _fail(out, telling, shape):
        return False
    if not broken:
        await out.events(telling.finish(shape.finish))
    if shape.usage == "own" and (telling.ends_after_failure or not broken):
        await out.events(telling.counts())
    if shape.done and (telling.ends_after_failure or not broken):
        await out.events(telling.done())
    await out.end()
    return True


async def _tell_steps(
    out: _Writer, telling: Telling, shape: Stream, steps: list[Step | Piece]
) -> bool:
    """Send what the model says; False where the shape wants it to break off."""
    last = max((i for i, step in enumerate(steps) if isinstance(step, str | Words)), default=-1)
    sent = 0
    for number, step in enumerate(steps):
        if isinstance(step, float | int):
            await asyncio.sleep(step)
            continue
        if isinstance(step, asyncio.Event):
            await step.wait()
            continue
        if sent == shape.break_after:
            return False
        sent += 1
        events = list(telling.add(_piece(step)))
        extra = events[-1].data
        if shape.padding and sent == 1 and isinstance(extra, dict):
            extra["obfuscation"] = "x" * shape.padding
        if shape.usage == "last" and number == last and isinstance(telling, ChatCompletions):
            assert isinstance(extra, dict)
            assert telling.usage is not None
            extra["usage"] = counted(telling.usage)
        await out.events(events)
    return shape.break_after is None


async def _fail(out: _Writer, telling: Telling, shape: Stream) -> bool:
    """Say what went wrong, where the shape has words for it."""
    trouble = shape.trouble
    match shape.breaks:
        case Break.FAILED if isinstance(telling, Responses):
            await out.events(telling.give_up(trouble))
        case Break.ALIAS if isinstance(telling, Responses):
            await out.events(_renamed(event) for event in telling.fail(trouble))
        case Break.ERROR | Break.FAILED | Break.ALIAS:
            await out.events(telling.fail(trouble))
        case Break.TAIL:
            error = Rejected(trouble.status, trouble.message, trouble.code, kind=trouble.kind)
            await out.raw(dumps(telling.refusal(error, "")[1]).encode())
            return False
        case _:
            return False
    return True


def _renamed(event: Event) -> Event:
    assert isinstance(event.data, dict)
    return Event(event.data | {"type": Break.ALIAS.value}, Break.ALIAS.value)


def _thoughts(shape: Stream) -> list[Piece]:
    if shape.thinking_field == "think" and shape.thinking:
        return [Words("<think>"), *map(Words, shape.thinking), Words("</think>")]
    return [*map(Thought, shape.thinking)]


def _piece(step: Step | Piece) -> Piece:
    assert not isinstance(step, float | int | asyncio.Event)
    return Words(step) if isinstance(step, str) else step


class _Writer:
    """Sends events in the segments that the shape asks for."""

    def __init__(self, response: web.StreamResponse, shape: Stream) -> None:
        self._response = response
        self._shape = shape
        self._held = b""
        self._items = 0  # of an array

    async def events(self, events: Iterable[Event]) -> None:
        for event in events:
            if self._shape.array:
                await self.raw((b",\r\n" if self._items else b"[") + _json(event))
                self._items += 1
                continue
            await self.ping()
            eol = self._shape.eol
            await self.raw(sse(event, end=eol) + (eol * self._shape.blank_lines).encode())

    async def end(self) -> None:
        if self._shape.array:
            await self.raw(b"]" if self._items else b"[]")

    async def ping(self) -> None:
        """A keep-alive comment, where the shape has them."""
        if self._shape.pings:
            await self.raw(f": PING{self._shape.eol * 2}".encode())

    async def raw(self, data: bytes) -> None:
        self._held += data
        if self._shape.segment != 0:
            await self.flush()

    async def flush(self) -> None:
        size = self._shape.segment or len(self._held)
        while self._held:
            piece, self._held = self._held[:size], self._held[size:]
            await self._response.write(piece)
            for _ in range(4):  # a reader on this loop gets its turn: it sees each segment alone
                await asyncio.sleep(0)


def _json(event: Event) -> bytes:
    return event.data.encode() if isinstance(event.data, str) else dumps(event.data).encode()
