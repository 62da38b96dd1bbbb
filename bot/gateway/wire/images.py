"""The wire of ``POST /v1/images/generations``: one JSON reply with links or base64.

Source: the gateway's own page for nano-banana (``aspect_ratio`` at top level, ``image`` as one data
URI or several, no ``n`` or ``size``) and OpenAI's fields for the models that take those.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from bot.errors import BadPicture
from bot.events import Finish, Media
from bot.gateway.faults import raise_for_body
from bot.gateway.models import Model
from bot.gateway.pictures import picture
from bot.gateway.wire.base import Json, PictureLink, WireEvent
from bot.gateway.wire.chat_completions import data_uri, headers
from bot.types import ImagePrompt

__all__ = ["decode", "encode", "headers", "path"]


def path(model: Model) -> str:
    return "/v1/images/generations"


def encode(prompt: ImagePrompt, model: Model) -> dict[str, Any]:
    body: dict[str, Any] = {"model": prompt.model, "prompt": prompt.text}
    if prompt.aspect_ratio:
        size = dict(model.sizes).get(prompt.aspect_ratio)
        body |= {"size": size} if size else {"aspect_ratio": prompt.aspect_ratio}
    if prompt.count > 1 and model.takes_count:
        body["n"] = prompt.count
    inputs = [data_uri(image) for image in prompt.images]
    if inputs:
        body["image"] = inputs[0] if len(inputs) == 1 else inputs
    return body


def decode(body: Json) -> Iterator[WireEvent]:
    raise_for_body(body)
    data = body.get("data")
    items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    found = False
    for item in items:
        encoded, url = item.get("b64_json"), item.get("url")
        if isinstance(encoded, str) and encoded:
            found = True
            yield Media(picture(_from_base64(encoded)))
        elif isinstance(url, str) and url:
            found = True
            if url.startswith("data:"):
                yield Media(picture(_from_base64(url.partition(",")[2])))
            else:
                yield PictureLink(url)
    if not found:
        raise BadPicture(
            "The gateway sent no picture.", detail=f"no picture among keys {sorted(body)[:9]}"
        )
    yield Finish()


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError) as error:
        raise BadPicture(detail="the picture is not valid base64") from error
