"""The transcription route: a recording in, words out, in each of the forms that the vendor has."""

from __future__ import annotations

import math

from aiohttp import web

from bot.gateway.offline.errors import Json, refused_by_vendor
from bot.gateway.offline.front import FrontDoor, json_response
from bot.gateway.offline.models import LISTENING_MODELS

TRANSCRIPTIONS = "/v1/audio/transcriptions"
LIMIT = 25 * 2**20  # bytes
_ENDINGS = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")
_BYTES_A_SECOND = 4_000  # of speech as voice messages are packed


class Hearing(FrontDoor):
    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.post(TRANSCRIPTIONS, self._transcribe)]

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request)
        body = self.body_for(request, LISTENING_MODELS)
        file = body.get("file")
        if not isinstance(file, dict):
            raise refused_by_vendor("file is required")
        if file["size"] > LIMIT:
            message = f"Maximum content size limit ({LIMIT}) exceeded ({file['size']} bytes read)"
            raise refused_by_vendor(message, 413)
        if file["filename"].rpartition(".")[2].lower() not in _ENDINGS:
            raise refused_by_vendor(f"Invalid file format. Supported formats: {list(_ENDINGS)}")
        return _answer(str(body.get("response_format", "json")), heard(file), file["size"])


def heard(file: Json) -> str:
    """What the demo model makes of a recording, of which it knows the size alone."""
    return (
        f"This is the demo model, which cannot hear: somebody sent a recording of "
        f"{math.ceil(file['size'] / 1000)} KB."
    )


def _answer(wanted: str, text: str, size: int) -> web.Response:
    seconds = max(size // _BYTES_A_SECOND, 1)
    if wanted == "json":
        return json_response({"text": text, "usage": {"type": "duration", "seconds": seconds}})
    if wanted == "verbose_json":
        segment = {"id": 0, "start": 0.0, "end": float(seconds), "text": text}
        about = {"task": "transcribe", "language": "english", "duration": float(seconds)}
        return json_response({**about, "text": text, "segments": [segment]})
    end = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    plain = {
        "text": f"{text}\n",
        "srt": f"1\n00:00:00,000 --> {end},000\n{text}\n\n",
        "vtt": f"WEBVTT\n\n00:00:00.000 --> {end}.000\n{text}\n\n",
    }
    if wanted not in plain:
        raise refused_by_vendor(f"response_format {wanted!r} is not one of json, text, srt, vtt")
    return web.Response(text=plain[wanted], content_type="text/plain")
