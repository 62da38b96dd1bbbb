"""The other process of the streaming benchmark: sends ready-made streams, one event a write.

    python -m tests.benchmarks.stream_server EVENTS

prints its port. GET or POST anything: the last part of the path that names a wire decides the
stream. ``pause`` seconds lie between two events, so that each arrives by itself as a model's
words do.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from aiohttp import web

PAUSE = 0.0004  # seconds
WORD = "word "


def _event(body: dict[str, Any], name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(body)}\n\n".encode()


def chat_completions(count: int) -> list[bytes]:
    def chunk(delta: dict[str, str], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        head = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return _event({**head, "choices": [choice]})

    end = [chunk({}, "stop"), b"data: [DONE]\n\n"]
    return [chunk({"content": WORD}) for _ in range(count)] + end


def responses(count: int) -> list[bytes]:
    name = "response.output_text.delta"
    place = {"item_id": "i-1", "output_index": 0, "content_index": 0}
    deltas = [
        _event({"type": name, "sequence_number": number, **place, "delta": WORD}, name)
        for number in range(count)
    ]
    done = {"type": "response.completed", "response": {"status": "completed", "output": []}}
    return [*deltas, _event(done, "response.completed")]


def anthropic(count: int) -> list[bytes]:
    delta = {"type": "text_delta", "text": WORD}
    piece = _event(
        {"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta"
    )
    stop = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}}
    return [piece] * count + [_event(stop, "message_delta")]


def gemini(count: int) -> list[bytes]:
    def candidate(**more: str) -> bytes:
        content = {"role": "model", "parts": [{"text": WORD}]}
        usage = {"promptTokenCount": 3, "totalTokenCount": 4}
        return _event(
            {"candidates": [{"index": 0, "content": content, **more}], "usageMetadata": usage}
        )

    return [candidate()] * count + [candidate(finishReason="STOP")]


STREAMS = {
    "chat_completions": chat_completions,
    "responses": responses,
    "anthropic": anthropic,
    "gemini": gemini,
}
ROUTES = {
    "/v1/chat/completions": "chat_completions",
    "/v1/responses": "responses",
    "/v1/messages": "anthropic",
}


async def main(count: int) -> None:
    streams = {name: make(count) for name, make in STREAMS.items()}
    large = [_event({"choices": [{"delta": {"content": "x" * 10_000_000}}]})]
    large += [_event({"choices": [{"delta": {}, "finish_reason": "stop"}]})]

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/models"):
            return web.json_response({"data": [{"id": "m"}]})
        body = await request.json()
        name = ROUTES.get(request.path, "gemini")
        events = large if body.get("model") == "large" else streams[name]
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in events:
            await response.write(event)
            await asyncio.sleep(PAUSE)
        await response.write_eof()
        return response

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
