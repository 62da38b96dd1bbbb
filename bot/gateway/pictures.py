"""Pictures from outside: found wherever a reply carries them, checked by their own bytes and never
by what somebody says they are (pure).

``found_in`` is the one extractor for every picture reply. Its places and their order follow the
gateway's documents and its relatives; the first place that holds a picture counts, so a picture
that is there twice (as base64 and as a link under it) comes once.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.errors import BadPicture
from bot.types import Image

LIMIT = 32 * 2**20  # bytes; larger than any picture the gateway documents

# What a job says of itself when it has succeeded, in small letters.
SUCCEEDED = frozenset(
    ["success", "succeeded", "succeed", "completed", "complete", "done", "finished"]
)

_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_MARKDOWN = re.compile(
    r"!\[[^\]\n]{0,300}\]\(\s*(data:image/[\w.+;=-]{1,100};base64,[^)]*|https?://[^)\s]+)"
)
_DATA_URI = re.compile(r"data:image/[\w.+;=-]{1,100};base64,[\w+/=-]+", re.ASCII)
_LINK = re.compile(
    r"https://[^\s<>()\"'\]]{1,2000}?\.(?:png|jpe?g|gif|webp)(?![\w/])(?:\?[^\s<>()\"'\]]{0,4000})?",
    re.I,
)
_LINK_FIELDS = ("result_url", "image_url", "imageUrl", "url", "image")
_INNER_FIELDS = ("data", "task_result", "result", "results", "output", "images", "image_urls")
_DEPTH = 6  # of wrappers within wrappers


def media_type(data: bytes) -> str:
    """The picture's type by its magic bytes, "" where it is no picture we can post."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return ""


def picture(data: bytes) -> Image:
    """The bytes as an Image with a fitting file name. Raises BadPicture."""
    kind = media_type(data)
    if not kind:
        raise BadPicture(detail=f"{len(data)} bytes that are no PNG, JPEG, GIF or WebP")
    if len(data) > LIMIT:
        raise BadPicture("The gateway sent a picture that is too large to post.")
    return Image(data, kind, f"picture.{kind.removeprefix('image/').replace('jpeg', 'jpg')}")


def from_base64(text: str) -> bytes:
    """The bytes of base64 as it comes: bare or in a data URI, either alphabet, with white space,
    padded or not. Raises BadPicture."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        compact = text.encode("ascii").translate(_URL_SAFE, delete=b" \t\r\n=")
        return base64.b64decode(compact + b"=" * (-len(compact) % 4), validate=True)
    except ValueError as error:  # binascii.Error is one, and so is a character beyond ASCII
        raise BadPicture(detail="the picture is not valid base64") from error


def found_in(body: Mapping[str, Any]) -> Iterator[bytes | str]:
    """Every picture of a whole reply, as its bytes (not verified yet) or as a link.

    Raises BadPicture where a picture is not valid base64.
    """
    for place in (_data, _candidates, _messages, _texts, _drawings, _results):
        empty = True
        for found in place(body):
            empty = False
            yield found
        if not empty:
            return


def in_field(value: object) -> bytes | str | None:
    """The picture in a field that should hold base64 or a link; None where it holds neither."""
    value = value.strip() if isinstance(value, str) else ""
    if not value:
        return None
    return value if value.startswith(("http://", "https://")) else from_base64(value)


def in_part(part: Mapping[str, Any]) -> bytes | str | None:
    """The picture in a part of a Gemini reply; None where it holds none. Pictures that the model
    draws while it thinks are drafts and do not count."""
    if part.get("thought"):
        return None
    inline = part.get("inlineData") or part.get("inline_data")
    if isinstance(inline, dict) and _is_picture(inline):
        return in_field(inline.get("data"))
    file = part.get("fileData") or part.get("file_data")
    if isinstance(file, dict) and _is_picture(file):
        link = file.get("fileUri") or file.get("file_uri")
        return link if isinstance(link, str) and link else None
    return None


def in_url(value: object) -> bytes | str | None:
    """The picture in a field that should hold an address, be it a data URI."""
    if isinstance(value, dict):  # {"image_url": {"url": …}}
        value = value.get("url")
    value = value.strip() if isinstance(value, str) else ""
    if not value:
        return None
    return from_base64(value) if value.startswith("data:") else value


def dicts(value: object) -> list[dict[str, Any]]:
    """The objects of a JSON array, none where it is something else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _data(body: Mapping[str, Any]) -> Iterator[bytes | str]:
    """``data[].b64_json``, ``data[].url``: OpenAI's images and all that copy them."""
    for item in dicts(body.get("data")):
        found = in_field(item.get("b64_json")) or in_url(item.get("url"))
        if found:
            yield found


def _candidates(body: Mapping[str, Any]) -> Iterator[bytes | str]:
    """``candidates[].content.parts[]`` with inline data or a file: Gemini."""
    for part in _gemini_parts(body):
        if found := in_part(part):
            yield found


def _messages(body: Mapping[str, Any]) -> Iterator[bytes | str]:
    """``choices[].message.images[].image_url.url``: picture models behind chat completions."""
    for choice in dicts(body.get("choices")):
        message = choice.get("message")
        if isinstance(message, dict):
            for image in dicts(message.get("images")):
                if found := in_url(image.get("image_url")):
                    yield found


def _texts(body: Mapping[str, Any]) -> Iterator[bytes | str]:
    """Pictures inside text: data URIs, else Markdown pictures, else bare links to a picture."""
    texts = [text for text in _all_texts(body) if isinstance(text, str)]
    targets = [match[1] for text in texts for match in _MARKDOWN.finditer(text)]
    inline = [target for target in targets if target.startswith("data:")]
    inline = inline or [match[0] for text in texts for match in _DATA_URI.finditer(text)]
    if inline:
        yield from map(from_base64, inline)
    elif targets:
        yield from targets
    else:
        yield from (match[0] for text in texts for match in _LINK.finditer(text))


def _drawings(body: Mapping[str, Any]) -> Iterator[bytes | str]:
    """``output[]`` of type ``image_generation_call``: Responses."""
    for item in dicts(body.get("output")):
        if item.get("type") == "image_generation_call" and (found := in_field(item.get("result"))):
            yield found


def _results(body: Mapping[str, Any]) -> Iterator[bytes | str]:
    """The result of a task in its wrappers, once the task has succeeded: until then a link is a
    preview, and after a failure it may be the reason in words."""
    yield from _results_in(body, _DEPTH)


def _results_in(value: object, depth: int) -> Iterator[bytes | str]:
    if isinstance(value, str):
        if value.startswith(("http://", "https://", "data:image/")) and (found := in_url(value)):
            yield found
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _results_in(item, depth - 1)
    elif isinstance(value, dict) and depth:
        status = value.get("status") or value.get("task_status")
        if isinstance(status, str) and status.lower() not in SUCCEEDED:
            return
        for field in _LINK_FIELDS:
            link = value.get(field)
            if isinstance(link, str) and (seen := list(_results_in(link, depth - 1))):
                yield from seen
                return
        for field in _INNER_FIELDS:
            if isinstance(value.get(field), dict | list):
                yield from _results_in(value[field], depth - 1)


def _all_texts(body: Mapping[str, Any]) -> Iterator[object]:
    for part in _gemini_parts(body):
        if not part.get("thought"):
            yield part.get("text")
    for choice in dicts(body.get("choices")):
        message = choice.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        yield content
        yield from (part.get("text") for part in dicts(content))
    for item in dicts(body.get("output")):
        if item.get("type") == "message":
            yield from (part.get("text") for part in dicts(item.get("content")))


def _gemini_parts(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for candidate in dicts(body.get("candidates")):
        content = candidate.get("content")
        if isinstance(content, dict):
            yield from dicts(content.get("parts"))


def _is_picture(blob: Mapping[str, Any]) -> bool:
    kind = blob.get("mimeType") or blob.get("mime_type") or "image/"
    return isinstance(kind, str) and kind.startswith("image/")
