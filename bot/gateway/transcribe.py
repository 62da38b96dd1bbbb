"""A recording to the words that are said in it: the form that is sent to
``/v1/audio/transcriptions``, and what comes back (pure but for reading it)."""

from __future__ import annotations

import json

import aiohttp

from bot.errors import BadRequest, GatewayDown, GatewayError, Misrouted, NoSuchModel, NotAllowed
from bot.gateway.endpoint import request_id
from bot.gateway.faults import raise_for_body
from bot.types import Audio

PATH = "/v1/audio/transcriptions"
REPLY_LIMIT = 2 * 2**20  # bytes; nobody says as much in 25 MB of sound

_BY_TYPE = {
    "flac": "flac",
    "m4a": "m4a",
    "mp3": "mp3",
    "mp4": "m4a",
    "mpeg": "mp3",
    "oga": "ogg",
    "ogg": "ogg",
    "opus": "ogg",
    "wav": "wav",
    "wave": "wav",
    "webm": "webm",
}
_LISTENS = "I can listen to flac, mp3, m4a, ogg, wav and webm."


def form(recording: Audio, model: str) -> aiohttp.FormData:
    """The upload; each is good for one request. The file's own name stays here: the gateway only
    wants to see its ending. Raises BadRequest for a kind of sound that no model takes."""
    kind = recording.media_type.partition(";")[0].rpartition("/")[2].lower()
    ending = recording.name.rpartition(".")[2].lower()
    extension = _BY_TYPE.get(kind.removeprefix("x-").removeprefix("vnd."), _BY_TYPE.get(ending))
    if extension is None:
        raise BadRequest(_LISTENS, detail=f"a recording of type {recording.media_type[:80]!r}")
    fields = aiohttp.FormData()
    fields.add_field("model", model)
    fields.add_field("response_format", "json")
    media_type = recording.media_type.partition(";")[0] or "application/octet-stream"
    fields.add_field(
        "file", recording.data, filename=f"recording.{extension}", content_type=media_type
    )
    return fields


async def words(response: aiohttp.ClientResponse) -> str:
    """What is said, "" for nothing: from JSON, or from a plain text, as some gateways answer."""
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > REPLY_LIMIT:
            raise GatewayDown(detail=f"a transcript over {REPLY_LIMIT} bytes")
    text = data.decode(errors="replace").strip()
    if text.startswith("<"):
        raise Misrouted(detail="a web page", request_id=request_id(response))
    if not text.startswith("{"):
        return text
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GatewayDown(detail="broken JSON", request_id=request_id(response)) from error
    raise_for_body(body)
    found = body.get("text")
    if not isinstance(found, str):
        raise GatewayDown(detail="a transcript without a text", request_id=request_id(response))
    return found.strip()


def explained(error: GatewayError) -> GatewayError:
    """The error with a notice that fits: people do not choose the model that listens."""
    if isinstance(error, NoSuchModel | NotAllowed):
        error.notice = (
            "The gateway offers no model for that. The bot's operator can name one in "
            "GATEWAY_TRANSCRIPTION_MODEL."
        )
    elif isinstance(error, BadRequest) and error.notice == BadRequest.notice:
        error.notice = f"The gateway cannot read it as sound. {_LISTENS}"
    return error
