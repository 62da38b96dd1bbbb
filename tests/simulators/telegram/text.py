"""Text as Telegram takes it: cleaned, trimmed, measured in UTF-16 units, with its entities.

The order is Telegram's: parse mode or given entities, cleaning, trimming, then the length, then the
entities it finds by itself (commands, mentions, links …). All but the first 100 entities are lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.simulators.telegram.errors import bad_request
from tests.simulators.telegram.measure import is_link, piece, units
from tests.simulators.telegram.parse_modes import parse
from tests.simulators.telegram.world import Entity, Json

MAX_ENTITIES = 100

_MERGEABLE = {"bold", "italic", "underline", "strikethrough", "spoiler"}
_QUOTES = {"blockquote", "expandable_blockquote"}
_GIVEN = _MERGEABLE | _QUOTES | {"code", "pre", "text_link", "text_mention", "custom_emoji"}
_FOUND_BY_TELEGRAM = {
    "mention",
    "hashtag",
    "cashtag",
    "bot_command",
    "url",
    "email",
    "phone_number",
    "bank_card_number",
}
# Telegram turns control characters into spaces and drops these altogether.
_DROPPED = re.compile("[\r\u2028-\u202e\u0333\u033f\u030a]")
_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Formatted:
    text: str
    entities: list[Entity]


def format_text(
    text: str, *, parse_mode: str = "", entities: Json = None, limit: int = 0, too_long: str = ""
) -> Formatted:
    """What a message with this text will say, "" included; ``limit`` 0 is none. Raises ApiError."""
    if not _is_unicode(text):
        raise bad_request("strings must be encoded in UTF-8")
    if text and parse_mode and parse_mode.lower() != "none":
        text, given = parse(text, parse_mode)
    else:
        given = _given(entities)
    text, given = _clean(text, [entity for entity in given if entity["length"]])
    text, given = _trim(text, given)
    if limit and units(text) > limit:
        raise bad_request(too_long)
    known = _tidy(given)
    found = [entity for entity in find_entities(text) if not _collides(entity, known)]
    return Formatted(text, _sorted([*known, *found])[:MAX_ENTITIES])


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# --- entities that came with the call ---


def _given(entities: Json) -> list[Entity]:
    """Entities from a call's JSON; anything that is no list counts as none, as at Telegram."""
    if not isinstance(entities, list):
        return []
    read = [_read(entity) for entity in entities]
    return [entity for entity in read if entity["type"] not in _FOUND_BY_TELEGRAM]


def _read(entity: Json) -> Entity:
    def refuse(reason: str) -> Exception:
        return bad_request(f"can't parse MessageEntity: {reason}")

    if not isinstance(entity, dict):
        raise refuse("expected an Object")
    for name in ("offset", "length"):
        if not isinstance(entity.get(name), int):
            raise refuse(f'Field "{name}" must be a Number')
    kind = entity.get("type")
    if kind not in _GIVEN | _FOUND_BY_TELEGRAM:
        raise refuse("Unsupported type specified" if kind else 'Can\'t find field "type"')
    kept = {"type": kind, "offset": entity["offset"], "length": entity["length"]}
    if kind == "text_link":
        kept["url"] = str(entity.get("url", ""))
        if not is_link(kept["url"]):
            raise bad_request(f"entity URL '{kept['url']}' is invalid: Wrong HTTP URL")
    if kind == "pre" and entity.get("language"):
        kept["language"] = entity["language"]
    for name in ("user", "custom_emoji_id"):
        if name in entity:
            kept[name] = entity[name]
    return kept


# --- cleaning and trimming ---


def _clean(text: str, entities: Sequence[Entity]) -> tuple[str, list[Entity]]:
    """Drop and replace what Telegram does; the entities move along. ApiError for bad offsets."""
    moved: dict[int, int] = {}  # a character boundary, in units before → after
    before = after = 0
    for character in text:
        moved[before] = after
        before += units(character)
        after += 0 if _DROPPED.match(character) else units(character)
    moved[before] = after
    for entity in entities:
        _check_place(text, entity, moved, before)
    cleaned = [
        _placed(entity, moved[entity["offset"]], moved[entity["offset"] + entity["length"]])
        for entity in entities
    ]
    return _CONTROL.sub(" ", _DROPPED.sub("", text)), cleaned


def _check_place(text: str, entity: Entity, boundaries: dict[int, int], end: int) -> None:
    offset, length = entity["offset"], entity["length"]
    if not 0 <= offset <= 1_000_000:
        raise bad_request(f"receive an entity with incorrect offset {offset}")
    if not 0 <= length <= 1_000_000:
        raise bad_request(f"receive an entity with incorrect length {length}")
    if offset > end:
        raise bad_request(f"entity begins after the end of the text at UTF-16 offset {offset}")
    if offset not in boundaries:
        place = _byte_offset(text, offset)
        raise bad_request(f"entity begins in a middle of a UTF-16 symbol at byte offset {place}")
    if offset + length > end:
        raise bad_request(
            f"entity beginning at UTF-16 offset {offset} "
            f"ends after the end of the text at UTF-16 offset {offset + length}"
        )
    if offset + length not in boundaries:
        place = _byte_offset(text, offset + length)
        raise bad_request(
            f"entity beginning at UTF-16 offset {offset} "
            f"ends in a middle of a UTF-16 symbol at byte offset {place}"
        )


def _byte_offset(text: str, cut: int) -> int:
    """Where, in UTF-8, the character ends that the UTF-16 offset ``cut`` goes through."""
    return len(piece(text, 0, cut + 1).encode())


def _trim(text: str, entities: Sequence[Entity]) -> tuple[str, list[Entity]]:
    """Cut white space from the end, and from the start where no entity holds on to it."""
    text = text.rstrip(" \n")
    kept: list[Entity] = []
    for entity in entities:
        inside = piece(text, entity["offset"], entity["offset"] + entity["length"])
        lead = len(inside) - len(inside.lstrip(" \n"))
        if inside.strip(" \n"):
            start = entity["offset"] + lead
            kept.append(_placed(entity, start, start + units(inside) - lead))
    first = min((entity["offset"] for entity in kept), default=len(text))
    lead = min(first, len(text) - len(text.lstrip(" \n")))
    return text[lead:], [
        _placed(entity, entity["offset"] - lead, entity["offset"] + entity["length"] - lead)
        for entity in kept
    ]


# --- putting entities in order ---


def _tidy(entities: Sequence[Entity]) -> list[Entity]:
    """No formatting inside code, and one entity where two of a kind touch or overlap."""
    code = [entity for entity in entities if entity["type"] in ("code", "pre")]
    tidy: list[Entity] = []
    for entity in entities:
        if entity["type"] in _MERGEABLE or entity["type"] in _QUOTES:
            continue
        clashes = _collides(entity, tidy)
        if not clashes:
            tidy.append(entity)
    code = [entity for entity in tidy if entity in code]
    for kind in sorted(_MERGEABLE):
        spans = [_span(entity) for entity in entities if entity["type"] == kind]
        for start, end in _outside(_merged(spans), [_span(entity) for entity in code]):
            tidy.append({"type": kind, "offset": start, "length": end - start})
    return [*tidy, *(entity for entity in entities if entity["type"] in _QUOTES)]


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _outside(
    spans: Iterable[tuple[int, int]], holes: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """The spans without the holes."""
    left: list[tuple[int, int]] = []
    for start, end in spans:
        inside = [hole for hole in sorted(holes) if hole[0] < end and hole[1] > start]
        edges = [start, *(edge for hole in inside for edge in hole), end]
        left += [(a, b) for a, b in list(pairwise(edges))[::2] if a < b]
    return left


def _collides(entity: Entity, others: Iterable[Entity]) -> bool:
    start, end = _span(entity)
    return any(
        other["offset"] < end and _span(other)[1] > start
        for other in others
        if other["type"] not in _MERGEABLE and other["type"] not in _QUOTES
    )


def _span(entity: Entity) -> tuple[int, int]:
    return entity["offset"], entity["offset"] + entity["length"]


def _placed(entity: Entity, start: int, end: int) -> Entity:
    return entity | {"offset": start, "length": end - start}


def _sorted(entities: Iterable[Entity]) -> list[Entity]:
    return sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


# --- entities that Telegram finds by itself ---

_TOP_LEVEL = "com|org|net|io|dev|ai|app|me|info|edu|gov|tv|co|uk|de|ru|fr|eu|xyz"
_FINDERS = (
    ("email", re.compile(r"(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+[a-zA-Z]{2,}")),
    (
        "url",
        re.compile(
            rf"(?<![\w@/])(?:https?://[^\s<>\"]+\.[^\s<>\"]+|(?:[\w-]+\.)+(?:{_TOP_LEVEL})\b"
            r"(?:[/?#:][^\s<>\"]*)?)"
        ),
    ),
    (
        "bot_command",
        re.compile(r"(?<![\w/<>@])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/@])", re.ASCII),
    ),
    ("mention", re.compile(r"(?<![\w/])@[A-Za-z0-9_]{3,32}(?!\w)", re.ASCII)),
    ("hashtag", re.compile(r"(?<![\w#&/])#(?=\w*[^\W\d])\w{1,256}")),
    ("cashtag", re.compile(r"(?<![\w$])\$[A-Z]{3,8}(?!\w)")),
)


def find_entities(text: str) -> list[Entity]:
    """The links, mentions, commands and tags of a plain text, none over another."""
    found: list[Entity] = []
    for kind, pattern in _FINDERS:
        for match in pattern.finditer(text):
            shown = match[0].rstrip(".,:;!?)]}'\"") if kind == "url" else match[0]
            entity = {
                "type": kind,
                "offset": units(text[: match.start()]),
                "length": units(shown),
            }
            if not _collides(entity, found):
                found.append(entity)
    return _sorted(found)
