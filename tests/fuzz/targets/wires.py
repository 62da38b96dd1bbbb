"""Every wire format: whatever JSON comes, it is read or becomes one of our errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from bot.errors import GatewayError
from bot.events import Finish, Media, Progress, TextDelta, ThinkingDelta, UsageReport
from bot.gateway.faults import failure
from bot.gateway.pictures import found_in, media_type
from bot.gateway.sse import SSEDecoder
from bot.gateway.wire import WIRE_FORMATS
from bot.gateway.wire.base import Job, PictureLink, WireEvent, shown
from bot.gateway.wire.images import JOBS
from tests.fuzz.draws import Draws
from tests.fuzz.targets.stream import GIF, PNG

STREAMS = Path(__file__).parents[2] / "streams"
RAW = "raw words of the gateway"  # for the log; no person may see them

WORDS = [
    *(
        "",
        "x",
        " ",
        "\n",
        RAW,
        "\ud800",
        "é",
        "\0",
        "[DONE]",
        "%",
        "30%",
        "nan",
        "-1e999",
        "٣",
        "404",
    ),
    *("error", "failed", "SUCCESS", "pending", "message", "thinking", "text", "refusal", "stop"),
    *(
        "data:image/png;base64,",
        f"data:image/png;base64,{PNG}",
        PNG,
        GIF,
        "http://x/y.png",
        "data:",
    ),
    *(
        "https://x/y.png?z",
        f"![a](data:image/png;base64,{GIF})",
        "![a](https://x/y.jpg)",
        "http://[",
    ),
    *("model_not_found", "invalid_request_error", "the model x does not exist", "/jobs/1", ".."),
]


def _examples() -> list[Any]:
    """The bodies of the recorded streams, and replies that are not streamed."""
    found = [
        json.loads(event.data)
        for file in sorted(STREAMS.glob("*.sse"))
        for event in SSEDecoder().feed(file.read_bytes())
        if event.data != "[DONE]"
    ]
    picture = {"image_url": {"url": f"data:image/png;base64,{PNG}"}}
    return [
        *found,
        {"choices": [{"message": {"content": [{"text": "x"}, picture], "images": [picture]}}]},
        {
            "object": "response",
            "status": "incomplete",
            "incomplete_details": {"reason": "content_filter"},
            "output": [
                {"type": "message", "content": [{"text": "x"}, {"refusal": "no"}]},
                {"type": "reasoning", "summary": [{"text": "hm"}]},
                {"type": "image_generation_call", "result": PNG},
            ],
        },
        {"type": "message", "content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn"},
        {"id": "j", "status": "pending", "poll_url": "/x", "estimated_time": 3, "progress": "30%"},
        {"data": [{"b64_json": PNG, "url": "https://x/y.png"}], "error": None, "code": "success"},
        {"code": "success", "data": {"status": "SUCCESS", "data": {"images": [{"url": "//x"}]}}},
        {"data": {"task_id": 1, "task_status": "succeed", "fail_reason": "x", "result": ["http"]}},
        {"candidates": [{"finishReason": "NO_IMAGE"}], "promptFeedback": {"blockReason": "OTHER"}},
        {"candidates": [{"content": {"parts": [{"inlineData": {"data": PNG}, "thought": True}]}}]},
        {"candidates": [{"content": {"parts": [{"file_data": {"file_uri": "https://x"}}]}}]},
        {"success": False, "message": RAW, "execution": "async", "task_result": {"image": "x"}},
        {"error": {"message": RAW, "type": "x", "code": 404, "description": RAW}, "detail": RAW},
    ]


def names_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value or ():  # type: ignore[attr-defined]
        if isinstance(inner, dict | list):
            yield from names_in(inner)


EXAMPLES = _examples()
NAMES = sorted({name for example in EXAMPLES for name in names_in(example)} | {""})


def check(data: bytes) -> None:
    draws = Draws(data)
    wire = draws.pick(list(WIRE_FORMATS.values()))
    while not draws.is_over:
        body = draws.pick([None, *EXAMPLES])
        body = draws.json(NAMES, WORDS) if body is None else draws.spoilt(body, NAMES, WORDS)
        body = json.loads(json.dumps(body))  # what a gateway can send, and nothing else
        try:
            events = list(wire.decode(body))
            if isinstance(body, dict) and not events:
                events = [shown(found) for found in found_in(body)]
            for event in events:
                _is_sound(event)
        except GatewayError as error:
            _is_fit_for_people(error)
        status, kind = draws.pick([400, 401, 404, 429, 500, 302]), draws.pick(["", "text/html"])
        said = draws.pick([json.dumps(body), RAW, "[" * 5000])
        headers = {"Retry-After": draws.pick(WORDS), "Content-Type": kind}
        _is_fit_for_people(failure(status, said, headers))


def _is_sound(event: WireEvent) -> None:
    match event:
        case TextDelta(text) | ThinkingDelta(text):
            assert isinstance(text, str)
            assert text
        case Progress(fraction):
            assert fraction is None or 0 <= fraction <= 1
        case Media(part):
            assert part.media_type == media_type(part.data) != ""
        case UsageReport(usage):
            assert 0 <= usage.prompt_tokens < 2**63
            assert 0 <= usage.reply_tokens < 2**63
        case PictureLink(url):
            assert isinstance(url, str)
            assert url
        case Job(path, poll_url, wait):
            assert path or poll_url
            assert not path or (path.startswith(JOBS) and path.isascii() and path.isprintable())
            urljoin("https://a.example/", poll_url)
            assert 0 <= wait <= 3600
        case Finish():
            pass
        case _:
            raise AssertionError(f"{event!r} is no event")


def _is_fit_for_people(error: GatewayError) -> None:
    assert RAW not in error.notice
    assert error.notice.strip()
    assert error.retry_after is None or 0 <= error.retry_after <= 120
