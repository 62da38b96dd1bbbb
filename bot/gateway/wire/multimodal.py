"""The wire of ``POST /v1/images/generate`` and of its jobs, ``GET /v1/images/jobs/{id}``.

Source: the gateway's own page for its multimodal contents API; the fields of an input picture and
of ``parameters`` follow its other pages. The route answers at once or with a job, and a job's
answer has the shape of the route's own, so both are decoded here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.gateway.models import Model
from bot.gateway.wire.base import Json, WireEvent, encoded, headers
from bot.gateway.wire.images import pictures_or_job
from bot.types import ImagePrompt

__all__ = ["decode", "encode", "headers", "path"]


def path(model: Model) -> str:
    return "/v1/images/generate"


def encode(prompt: ImagePrompt, model: Model) -> dict[str, Any]:
    contents: list[dict[str, Any]] = [{"text": prompt.text}]
    for image in prompt.images:
        kind, data = encoded(image)
        contents.append({"image": {"data": data, "mime_type": kind}})
    parameters: dict[str, Any] = {}
    if prompt.aspect_ratio:
        parameters["aspect_ratio"] = prompt.aspect_ratio
    if prompt.count > 1 and model.takes_count:
        parameters["num_images"] = prompt.count
    body: dict[str, Any] = {"model": prompt.model, "contents": contents}
    return body | {"parameters": parameters} if parameters else body


def decode(body: Json) -> Iterator[WireEvent]:
    yield from pictures_or_job(body, known=True)
