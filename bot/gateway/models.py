"""The model table: what is known about each model, and which names may be chosen.

``models.toml`` beside this file is the table; ``[models."NAME"]`` in switchboard.toml adds to
it. A name that the table lacks still works: its kind and wire follow from rules on the name, so
any model of the gateway can be used by just naming it. ``ollama/llama3`` is the model llama3 of
the gateway that the settings call ollama.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib.resources import files

from bot.config import ModelSettings


class ModelKind(StrEnum):
    CHAT = "chat"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Model:
    """``name`` is what people say, ``sent`` what the gateway is told ("" for the same), ``gateway``
    which one that is ("" for the main one). ``context`` is in tokens, prompt and answer together;
    0 says that nobody knows. ``thinks``: before it answers, and a limit of the answer covers both;
    ``temperature``: takes one. ``count`` is the most pictures that one call draws; ``ratios`` are
    the aspect ratios it draws, empty for any; ``sizes`` are pixels for a ratio, where it wants
    pixels.
    """

    name: str
    kind: ModelKind = ModelKind.CHAT
    wire: str = "chat_completions"
    context: int = 32_000
    gateway: str = ""
    sent: str = ""
    sees: bool = False
    thinks: bool = False
    temperature: bool = True
    count: int = 1
    ratios: tuple[str, ...] = ()
    sizes: tuple[tuple[str, str], ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def takes_count(self) -> bool:
        return self.count > 1


ASPECT_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_PIXELS = (
    ("1:1", "1024x1024"),
    ("3:2", "1536x1024"),
    ("4:3", "1536x1024"),
    ("16:9", "1536x1024"),
    ("2:3", "1024x1536"),
    ("3:4", "1024x1536"),
    ("9:16", "1024x1536"),
)

# Rules for names that the table lacks.
_DRAWS = re.compile(
    r"image|banana|dall-?e|flux|seedream|jimeng|imagen|stable-diffusion|sdxl|draw", re.I
)
# OpenAI's reasoning models refuse a temperature, and so do Claude's newer than the table's.
_REASONS = re.compile(r"o\d|gpt-5(?!.*chat)")
_THINKS = re.compile(r"gemini-(2\.5|[3-9])|reason|think|\br1\b|qwq|gpt-oss|magistral")
_WANTS_PIXELS = re.compile(r"dall-?e|gpt-image", re.I)
_NEITHER = re.compile(  # not offered where people choose what talks or draws
    r"embed|whisper|transcribe|\btts|speech|moderation|rerank|realtime|midjourney|^mj"
    r"|sora|veo|kling|vidu|seedance|suno|producer|video",
    re.I,
)


class Models:
    """The names that may be chosen: the operator's defaults, the table, and the gateways' lists.

    ``gateways`` are the names of those beside the main one; their models speak chat completions
    unless the table says otherwise. ``wire`` other than "" settles the wire of every chat model of
    the main gateway.
    """

    def __init__(
        self,
        chat: str,
        image: str,
        table: Iterable[Model] | None = None,
        *,
        gateways: Mapping[str, str] | None = None,
        wire: str = "",
    ) -> None:
        self._gateways = dict(gateways or {})
        self._wire = wire
        self._table: dict[str, Model] = {}
        self._known: dict[str, Model] = {}
        for model in shipped() if table is None else table:
            self._table[model.name] = model
            for name in (model.name, *model.aliases):
                self._known[name.lower()] = model
        self._defaults = {ModelKind.CHAT: chat, ModelKind.IMAGE: image}
        self._live: dict[ModelKind, list[str]] = {}

    def default(self, kind: ModelKind) -> str:
        return self._defaults[kind]

    def find(self, name: str, kind: ModelKind | None = None) -> Model:
        """The model of this name. ``kind`` settles it where a name says nothing of itself."""
        known = self._known.get(name.lower())
        if kind is None and known is None:
            kind = next((kind for kind, one in self._defaults.items() if one == name), None)
        if known is not None:
            return self._with_wire(
                replace(known, name=name, sent=known.sent or self._spelt(known, name))
            )
        gateway, _, rest = name.partition("/")
        if rest and gateway in self._gateways:
            inner = self._by_rule(rest, kind)
            wire = inner.wire if inner.kind is ModelKind.IMAGE else self._gateways[gateway]
            return replace(inner, name=name, sent=rest, gateway=gateway, wire=wire)
        return self._with_wire(self._by_rule(name, kind))

    def offer(self, names: Iterable[str]) -> None:
        """Take note of the gateways' live lists."""
        live: dict[ModelKind, list[str]] = {ModelKind.CHAT: [], ModelKind.IMAGE: []}
        for name in names:
            if not _NEITHER.search(name):
                live[self.find(name).kind].append(name)
        self._live = live if any(live.values()) else {}

    def is_listed(self, name: str) -> bool | None:
        """Whether a gateway lists the model now, under any of its names; None where no list is
        known."""
        if not self._live:
            return None
        known = self._known.get(name.lower())
        names = {name, *(() if known is None else (known.name, *known.aliases))}
        return any(listed in names for listed in self._live[self.find(name).kind])

    def names(self, kind: ModelKind) -> list[str]:
        """What to offer, best first: the default, what the table knows, the rest of the live
        lists.

        Once a list is known, names of the table that it lacks are not offered, unless the table
        says that they are of another gateway.
        """
        live = self._live.get(kind, [])
        table = [
            model.name
            for model in self._table.values()
            if model.kind is kind and (not self._live or model.gateway or model.name in live)
        ]
        return list(dict.fromkeys([self._defaults[kind], *table, *live]))

    def resolve(self, name: str) -> str | None:
        """The known model that this name means, whatever its capitals; None where it means none."""
        low = name.lower()
        offered = (known for kind in ModelKind for known in self.names(kind))
        exact = next((known for known in offered if known.lower() == low), None)
        if exact is not None:
            return exact
        if (known := self._known.get(low)) is not None:
            return next((one for one in (known.name, *known.aliases) if one.lower() == low), None)
        gateway, _, rest = name.partition("/")
        return name if rest and gateway in self._gateways else None

    def complete(self, typed: str, *kinds: ModelKind) -> list[str]:
        """The names that fit what was typed: beginnings first, then names that contain it."""
        names = [name for kind in kinds for name in self.names(kind)]
        low = typed.strip().lower()
        begins = [name for name in names if name.lower().startswith(low)]
        contains = [name for name in names if low in name.lower() and name not in begins]
        return begins + contains

    def nearest(self, name: str, most: int = 3) -> list[str]:
        """The names that look most like this one."""
        names = [known for kind in ModelKind for known in self.names(kind)]
        close = difflib.get_close_matches(name.lower(), names, n=most, cutoff=0.4)
        return list(dict.fromkeys([*close, *self.complete(name, *ModelKind)]))[:most]

    def seeing(self) -> list[str]:
        """Chat models that take pictures, best first."""
        return [name for name in self.names(ModelKind.CHAT) if self.find(name).sees]

    def knows(self, name: str) -> bool:
        """Whether the table has the model, so that what it says of it is more than a guess."""
        return name.lower() in self._known

    def _spelt(self, model: Model, name: str) -> str:
        """The spelling that the gateway lists, where it lists one and it is not the one given."""
        live = self._live.get(model.kind, ())
        spellings = (name, model.name, *model.aliases)
        return next((spelling for spelling in spellings if spelling in live), name)

    def _with_wire(self, model: Model) -> Model:
        forced = self._wire and model.kind is ModelKind.CHAT and not model.gateway
        return replace(model, wire=self._wire) if forced else model

    def _by_rule(self, name: str, kind: ModelKind | None) -> Model:
        bare = name.rpartition("/")[2].lower()
        if kind is None:
            kind = ModelKind.IMAGE if _DRAWS.search(name) else ModelKind.CHAT
        gemini = bare.startswith("gemini")
        if kind is ModelKind.IMAGE:
            if _WANTS_PIXELS.search(name):
                return Model(name, kind, "images", count=10, sizes=_PIXELS, sees=True)
            return Model(name, kind, "gemini" if gemini else "images", sees=True)
        if bare.startswith("claude"):
            return Model(name, wire="anthropic", context=200_000, sees=True, temperature=False)
        thinks = _THINKS.search(bare) is not None
        if gemini:
            return Model(name, wire="gemini", context=1_000_000, sees=True, thinks=thinks)
        reasons = _REASONS.match(bare) is not None
        return Model(name, thinks=thinks or reasons, temperature=not reasons)


def model_from(name: str, settings: ModelSettings) -> Model:
    """A row of the table from its settings."""
    kind = ModelKind(settings.kind)
    return Model(
        name=name,
        kind=kind,
        wire=settings.wire or ("images" if kind is ModelKind.IMAGE else "chat_completions"),
        context=settings.context,
        gateway=settings.gateway,
        sent=settings.sent,
        sees=settings.sees,
        thinks=settings.thinks,
        temperature=settings.temperature,
        count=settings.count,
        ratios=settings.ratios,
        sizes=tuple(settings.sizes.items()),
        aliases=settings.aliases,
    )


@cache
def shipped() -> tuple[Model, ...]:
    """The table that comes with Switchboard."""
    text = files("bot.gateway").joinpath("models.toml").read_text("utf-8")
    rows = tomllib.loads(text)
    return tuple(model_from(name, ModelSettings(**row)) for name, row in rows.items())


def merged(own: Mapping[str, ModelSettings]) -> tuple[Model, ...]:
    """The shipped table with the operator's rows over it; what a row does not say stays."""
    rows = {model.name: model for model in shipped()}
    for name, settings in own.items():
        fresh = model_from(name, settings)
        given: Collection[str] = settings.model_fields_set
        changes = {field: getattr(fresh, field) for field in given}
        rows[name] = replace(rows[name], **changes) if name in rows else fresh
    return tuple(rows.values())
