"""The model lists: OpenAI's, Anthropic's and Google's shape, and the older generation's."""

from __future__ import annotations

from aiohttp import web

from bot.gateway.offline.errors import Json, error_body, invalid, older_refusal
from bot.gateway.offline.front import FrontDoor, json_response
from bot.gateway.offline.models import IMAGE_MODELS, PROVIDER, bare

MODELS = "/v1/models"
GEMINI_MODELS = "/v1beta/models"
OLDER_MODELS = "/models"
_CREATED = 1_626_777_600  # the real gateway knows no time either, and writes this one
_CREATED_AT = "2021-07-20T10:40:00Z"


class Catalogue(FrontDoor):
    def routes(self) -> list[web.RouteDef]:
        return [
            *super().routes(),
            web.get(MODELS, self._models),
            web.get(MODELS + "/{model:.+}", self._model),
            web.get(GEMINI_MODELS, self._gemini_models),
            web.get(OLDER_MODELS, self._older_models),
        ]

    async def _models(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request, ("?key", "x-goog-api-key", "x-api-key", "authorization"))
        if "anthropic-version" in request.headers:
            data = list(map(_anthropic, self.models))
            ends = {"first_id": self.models[0], "last_id": self.models[-1]} if data else {}
            return json_response({"data": data, "has_more": False, **ends})
        if "key" in request.query or "x-goog-api-key" in request.headers:
            return _unknown("")  # the real gateway takes this for a question about one model
        data = list(map(_openai, self.models))
        return json_response({"object": "list", "data": data, "success": True})

    async def _model(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request, ("x-goog-api-key", "x-api-key", "authorization"))
        name = request.match_info["model"]
        if name not in self.models:
            return _unknown(name)
        anthropic = "anthropic-version" in request.headers
        return json_response((_anthropic if anthropic else _openai)(name))

    async def _gemini_models(self, request: web.Request) -> web.StreamResponse:
        self.check_key(request, ("?key", "x-goog-api-key", "authorization"))
        found = [{"name": f"models/{name}", "displayName": name} for name in self.models]
        return json_response({"models": found, "nextPageToken": None})

    async def _older_models(self, request: web.Request) -> web.StreamResponse:
        """Can be narrowed by provider and type, sorted by id, and read in pages."""
        self.refuse_as(request, older_refusal)
        self.check_key(request)
        wanted = request.query
        items = [
            item
            for item in map(_older, self.models)
            if wanted.get("provider") in (None, item["provider"]["name"])
            and wanted.get("type") in (None, item["ccapi"]["type"])
        ]
        if wanted.get("sort"):
            items.sort(key=lambda item: str(item["id"]), reverse=wanted.get("order") == "desc")
        try:
            first, count = int(wanted.get("offset", 0)), int(wanted.get("limit", len(items)))
        except ValueError as error:
            raise invalid("limit and offset must be numbers") from error
        page = items[max(first, 0) :][: max(count, 0)]
        return json_response({"object": "list", "data": page, "total": len(items)})


def _unknown(name: str) -> web.Response:
    # The real gateway answers with status 200 here.
    message = f"The model '{name}' does not exist"
    return json_response(error_body(message, "model_not_found", kind="invalid_request_error"))


def _draws(name: str) -> bool:
    return bare(name) in IMAGE_MODELS


def _openai(name: str) -> Json:
    chat = ["openai", "openai-response", "anthropic", "gemini"]
    return {
        "id": name,
        "object": "model",
        "created": _CREATED,
        "owned_by": PROVIDER,
        "supported_endpoint_types": ["image-generation", "gemini"] if _draws(name) else chat,
    }


def _anthropic(name: str) -> Json:
    return {"type": "model", "id": name, "display_name": name, "created_at": _CREATED_AT}


def _older(name: str) -> Json:
    provider, _, rest = name.rpartition("/")
    provider = provider or PROVIDER
    made = "image" if _draws(name) else "text"
    return {
        "id": f"{provider}/{rest}",
        "object": "model",
        "created": _CREATED,
        "owned_by": provider,
        "provider": {"name": provider, "display_name": provider.title(), "is_fundamental": False},
        "ccapi": {
            "display_name": rest,
            "type": "image" if _draws(name) else "chat",
            "input_modalities": ["text", "image"],
            "output_modalities": [made],
            "capabilities": {"streaming": not _draws(name)},
        },
    }
