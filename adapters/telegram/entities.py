"""Telegram's message entities: where a text is formatted, in UTF-16 units (pure).

``fitted`` makes what a renderer noted down into what Telegram takes: trimmed, cut around code, in
order and well nested. ``most_important`` picks the 100 that Telegram shows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

QUOTES = ("blockquote", "expandable_blockquote")
MOST_ENTITIES = 100  # Telegram ignores what comes after them

_STYLES = ("bold", "italic", "strikethrough", "spoiler")
_CODE = ("pre", "code")
_FIRST = (*_CODE, "text_link")  # the entities that are kept when there are too many


@dataclass(frozen=True, slots=True)
class Entity:
    """One Telegram MessageEntity. ``offset`` and ``length`` count UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str = ""
    language: str = ""

    @property
    def end(self) -> int:
        return self.offset + self.length


def fitted(text: str, entities: Iterable[Entity]) -> tuple[str, list[Entity]]:
    """The text without white space around it, and its entities, from offsets in characters."""
    text, kept = _trimmed(text, entities)
    return text, _in_utf16(text, kept)


def utf16_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def most_important(entities: Sequence[Entity]) -> list[Entity]:
    """At most 100, code and links before styles, in the order they came in."""
    if len(entities) <= MOST_ENTITIES:
        return list(entities)
    ranked = sorted(entities, key=lambda entity: entity.type not in _FIRST)
    return sorted(ranked[:MOST_ENTITIES], key=_place)


def _trimmed(text: str, entities: Iterable[Entity]) -> tuple[str, list[Entity]]:
    """Without white space around the text and at the edges of a style, and without styled code.

    Telegram trims the same way, but keeps the indentation of code that the text begins with.
    """
    codes = sorted((entity for entity in entities if entity.type in _CODE), key=_place)
    start = len(text) - len(text.lstrip())
    if codes and codes[0].type == "pre":
        start = min(start, codes[0].offset)
    end = len(text.rstrip())
    kept: list[Entity] = []
    for entity in entities:
        for piece in _without_code(entity, codes):
            first, last = max(piece.offset, start), min(piece.end, end)
            if piece.type != "pre":
                inside = text[first:last]
                last = first + len(inside.rstrip())
                first += len(inside) - len(inside.lstrip())
            if first < last:
                kept.append(replace(piece, offset=first - start, length=last - first))
    return text[start:end], sorted(kept, key=_place)


def _without_code(entity: Entity, codes: Sequence[Entity]) -> list[Entity]:
    """The pieces of a style between the code inside it: Telegram allows no style around code."""
    if entity.type not in _STYLES or not codes:
        return [entity]
    pieces: list[Entity] = []
    offset = entity.offset
    first = bisect_left(codes, offset, key=lambda code: code.offset)
    last = bisect_left(codes, entity.end, key=lambda code: code.offset)
    for code in codes[first:last]:
        pieces.append(replace(entity, offset=offset, length=code.offset - offset))
        offset = code.end
    return [*pieces, replace(entity, offset=offset, length=entity.end - offset)]


def _place(entity: Entity) -> tuple[int, int, bool]:
    """From left to right, what is around before what is inside."""
    return entity.offset, -entity.length, entity.type not in QUOTES


def _in_utf16(text: str, entities: list[Entity]) -> list[Entity]:
    """Offsets in UTF-16 units, where an emoji counts two."""
    wide = [index for index, char in enumerate(text) if char > "\uffff"]
    if not wide:
        return entities

    def units(index: int) -> int:
        return index + bisect_left(wide, index)

    return [
        replace(
            entity, offset=units(entity.offset), length=units(entity.end) - units(entity.offset)
        )
        for entity in entities
    ]
