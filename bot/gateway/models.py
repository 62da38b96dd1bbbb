"""The model table: what is known about each model, and which names may be chosen.

A name that the table lacks still works: its kind and wire follow from rules on the name, so any
model of the gateway can be used by just naming it. Names come from the gateway's own lists and
documents (OpenAI, Anthropic, Google, DeepSeek, MiniMax, Zhipu chat; nano-banana pictures).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class ModelKind(StrEnum):
    CHAT = "chat"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Model:
    """``context`` is in tokens, for prompt and answer together. ``takes_count`` says that one call
    can draw several pictures; ``sizes`` maps aspect ratios to pixels for models that want pixels
    instead."""

    name: str
    kind: ModelKind = ModelKind.CHAT
    wire: str = "chat_completions"
    context: int = 32_000
    takes_count: bool = False
    sizes: tuple[tuple[str, str], ...] = ()


_PIXELS = (
    ("1:1", "1024x1024"),
    ("3:2", "1536x1024"),
    ("4:3", "1536x1024"),
    ("16:9", "1536x1024"),
    ("2:3", "1024x1536"),
    ("3:4", "1024x1536"),
    ("9:16", "1024x1536"),
)

ASPECT_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")

TABLE: tuple[Model, ...] = (
    Model("gpt-5-mini", context=400_000),
    Model("gpt-5", context=400_000),
    Model("gpt-5-pro", context=400_000),
    Model("gpt-4o", context=128_000),
    Model("o3", context=200_000),
    Model("o4-mini", context=200_000),
    Model("claude-sonnet-4-6", context=200_000),
    Model("claude-opus-4-6", context=200_000),
    Model("claude-haiku-4-5", context=200_000),
    Model("gemini-2.5-pro", context=1_000_000),
    Model("gemini-2.5-flash", context=1_000_000),
    Model("gemini-3-pro-preview", context=1_000_000),
    Model("deepseek-v3.2", context=128_000),
    Model("minimax-m2.5", context=200_000),
    Model("glm-5", context=200_000),
    Model("nano-banana", ModelKind.IMAGE, "images"),
    Model("nano-banana-2-1k", ModelKind.IMAGE, "images"),
    Model("nano-banana-2-2k", ModelKind.IMAGE, "images"),
    Model("nano-banana-2-4k", ModelKind.IMAGE, "images"),
    Model("nano-banana-pro-1k", ModelKind.IMAGE, "images"),
    Model("nano-banana-pro-2k", ModelKind.IMAGE, "images"),
    Model("nano-banana-pro-4k", ModelKind.IMAGE, "images"),
    Model("gpt-image-1", ModelKind.IMAGE, "images", takes_count=True, sizes=_PIXELS),
)

_PICTURE_NAME = re.compile(
    r"image|banana|dall-?e|flux|seedream|jimeng|imagen|stable-diffusion|sdxl|midjourney|draw", re.I
)
_PIXEL_NAME = re.compile(r"dall-?e|gpt-image", re.I)
_OTHER_NAME = re.compile(  # neither chat nor pictures: not offered where people choose
    r"embed|whisper|transcribe|\btts|speech|moderation|rerank|realtime|sora|veo|kling|vidu|seedance|suno|video",
    re.I,
)


class Models:
    """The names that may be chosen: the operator's two defaults, the table, and what the gateway
    lists."""

    def __init__(self, chat: str, image: str, table: Sequence[Model] = TABLE) -> None:
        self._table = {model.name: model for model in table}
        self._defaults = {ModelKind.CHAT: chat, ModelKind.IMAGE: image}
        self._live: dict[ModelKind, list[str]] = {}

    def default(self, kind: ModelKind) -> str:
        return self._defaults[kind]

    def find(self, name: str, kind: ModelKind | None = None) -> Model:
        """The model of this name. ``kind`` settles it where a name says nothing of itself."""
        known = self._table.get(name) or self._table.get(name.rpartition("/")[2])
        if known is not None:
            return known if known.name == name else _renamed(known, name)
        if kind is None:
            kind = self._kind_by_rule(name)
        if kind is ModelKind.CHAT:
            return Model(name)
        pixels = bool(_PIXEL_NAME.search(name))
        return Model(name, kind, "images", takes_count=pixels, sizes=_PIXELS if pixels else ())

    def offer(self, names: Iterable[str]) -> None:
        """Take note of the gateway's live list."""
        live: dict[ModelKind, list[str]] = {ModelKind.CHAT: [], ModelKind.IMAGE: []}
        for name in names:
            if not _OTHER_NAME.search(name):
                live[self._kind_by_rule(name)].append(name)
        self._live = live if any(live.values()) else {}

    def names(self, kind: ModelKind) -> list[str]:
        """What to offer, best first: the default, then what the table knows, then the rest of the
        live list.

        Once the gateway's list is known, names of the table that it lacks are not offered.
        """
        live = self._live.get(kind)
        table = [model.name for model in self._table.values() if model.kind is kind]
        offered = table if live is None else [name for name in table if name in live]
        return list(dict.fromkeys([self._defaults[kind], *offered, *(live or ())]))

    def resolve(self, name: str) -> str | None:
        """The known model that this name means, whatever its capitals; None where it means none."""
        names = [*self._table, *(known for kind in ModelKind for known in self.names(kind))]
        return next((known for known in names if known.lower() == name.lower()), None)

    def complete(self, typed: str, *kinds: ModelKind) -> list[str]:
        """The names that fit what was typed so far: beginnings first, then names that contain
        it."""
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

    def _kind_by_rule(self, name: str) -> ModelKind:
        if (known := self._table.get(name.rpartition("/")[2])) is not None:
            return known.kind
        for kind, default in self._defaults.items():
            if name == default:
                return kind
        return ModelKind.IMAGE if _PICTURE_NAME.search(name) else ModelKind.CHAT


def _renamed(model: Model, name: str) -> Model:
    return Model(name, model.kind, model.wire, model.context, model.takes_count, model.sizes)
