"""``parse_mode``: HTML and MarkdownV2 as Telegram reads them, strict to the character.

Both readers give (text, entities); offsets in their complaints are UTF-8 bytes, as Telegram's are.
The legacy mode "Markdown", custom emoji and dates are left out.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

from tests.simulators.telegram.errors import ApiError, bad_request
from tests.simulators.telegram.measure import is_link, piece, units
from tests.simulators.telegram.world import Entity


def parse(text: str, mode: str) -> tuple[str, list[Entity]]:
    """Raises ApiError "can't parse entities: …"."""
    match mode.lower():
        case "html":
            return _Html(text).read()
        case "markdownv2":
            return _Markdown(text).read()
    raise bad_request("unsupported parse_mode")


def _refuse(reason: str) -> ApiError:
    return bad_request(f"can't parse entities: {reason}")


@dataclass(slots=True)
class _Open:
    """An entity without its end yet: ``start`` in UTF-16 units, ``at`` in bytes of the source."""

    kind: str
    start: int
    at: int
    tag: str = ""
    extra: dict[str, str] = field(default_factory=dict)


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.here = 0
        self.shown: list[str] = []
        self.length = 0
        self.open: list[_Open] = []
        self.entities: list[Entity] = []

    @property
    def byte(self) -> int:
        return self.byte_at(self.here)

    def byte_at(self, place: int) -> int:
        return len(self.source[:place].encode())

    def show(self, text: str) -> None:
        self.shown.append(text)
        self.length += units(text)

    def begin(self, kind: str, at: int, tag: str = "", **extra: str) -> None:
        self.open.append(_Open(kind, self.length, at, tag, extra))

    def end(self) -> None:
        last = self.open.pop()
        if last.kind and self.length > last.start:
            self.entities.append(
                {
                    "type": last.kind,
                    "offset": last.start,
                    "length": self.length - last.start,
                    **last.extra,
                }
            )

    def result(self) -> tuple[str, list[Entity]]:
        entities = sorted(self.entities, key=lambda entity: (entity["offset"], -entity["length"]))
        return "".join(self.shown), entities


_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "span": "spoiler",
    "tg-spoiler": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
}
_ATTRIBUTE = re.compile(r"([\w-]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'>]+))?")
_REFERENCE = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")


class _Html(_Reader):
    def read(self) -> tuple[str, list[Entity]]:
        while self.here < len(self.source):
            character = self.source[self.here]
            if character == "<":
                self._tag()
            elif character == "&" and (match := _REFERENCE.match(self.source, self.here)):
                self.show(html.unescape(match[0]))
                self.here = match.end()
            else:
                self.show(character)
                self.here += 1
        if self.open:
            raise _refuse(f'Can\'t find end tag corresponding to start tag "{self.open[-1].tag}"')
        return self.result()

    def _tag(self) -> None:
        at = self.byte
        close = self.source.find(">", self.here)
        inside = self.source[self.here + 1 : close]
        if inside.startswith("/") and close >= 0:
            self._end_tag(inside[1:].strip().lower(), at)
        elif close < 0:
            raise _refuse(f"Unclosed start tag at byte offset {at}")
        else:
            self._start_tag(inside, at)
        self.here = close + 1

    def _end_tag(self, name: str, at: int) -> None:
        if not self.open:
            raise _refuse(f"Unexpected end tag at byte offset {at}")
        expected = self.open[-1].tag
        if name and name != expected:
            raise _refuse(
                f"Unmatched end tag at byte offset {at}, "
                f'expected "</{expected}>", found "</{name}>"'
            )
        self.end()

    def _start_tag(self, inside: str, at: int) -> None:
        name, _, rest = inside.partition(" ")
        name = name.strip().lower()
        given = {key.lower(): value.strip("\"'") for key, value in _ATTRIBUTE.findall(rest)}
        kind = _TAGS.get(name)
        if kind is None:
            raise _refuse(f'Unsupported start tag "{name}" at byte offset {at}')
        if name == "span" and given.get("class") != "tg-spoiler":
            raise _refuse(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
        if name == "blockquote" and "expandable" in given:
            kind = "expandable_blockquote"
        if name == "a":
            self._link(html.unescape(given.get("href", "")), at)
        elif name == "code" and self.open and self.open[-1].tag == "pre":
            # <pre><code class="language-x"> is one entity with a language.
            language = given.get("class", "").removeprefix("language-")
            if language:
                self.open[-1].extra["language"] = language
            self.begin("", at, name)
        else:
            self.begin(kind, at, name)

    def _link(self, url: str, at: int) -> None:
        self.begin("text_link" if is_link(url) else "", at, "a", **({"url": url} if url else {}))


_MARKERS = {
    "*": "bold",
    "_": "italic",
    "__": "underline",
    "~": "strikethrough",
    "||": "spoiler",
    "`": "code",
    "```": "pre",
    "[": "text_link",
    ">": "blockquote",
}
_NAMES = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "pre": "Pre",
    "text_link": "TextUrl",
    "blockquote": "BlockQuote",
}
_RESERVED = set("_*[]()~`>#+-=|{}.!")


class _Markdown(_Reader):
    def read(self) -> tuple[str, list[Entity]]:
        while self.here < len(self.source):
            self._step()
        if self.open and self.open[-1].kind == "blockquote":
            self.end()
        if self.open:
            last = self.open[-1]
            raise _refuse(f"Can't find end of {_NAMES[last.kind]} entity at byte offset {last.at}")
        return self.result()

    def _step(self) -> None:
        source, here = self.source, self.here
        character = source[here]
        if character == "\\" and here + 1 < len(source) and 0 < ord(source[here + 1]) <= 126:
            self.show(source[here + 1])
            self.here += 2
        elif self.open and self.open[-1].kind in ("code", "pre"):
            self._inside_code()
        elif character == "\n" and self.open and self.open[-1].kind == "blockquote":
            if not source.startswith(">", here + 1):
                self.end()
                self.show(character)
                self.here += 1
            else:
                self.show(character)
                self.here += 2
        elif character not in _RESERVED:
            self.show(character)
            self.here += 1
        else:
            self._reserved()

    def _inside_code(self) -> None:
        marker = self.open[-1].tag
        if self.source.startswith(marker, self.here):
            self.end()
            self.here += len(marker)
        elif self.source[self.here] == "`" and marker == "```":
            raise _refuse("Character '`' is reserved and must be escaped with the preceding '\\'")
        else:
            self.show(self.source[self.here])
            self.here += 1

    def _reserved(self) -> None:
        marker = next(
            found
            for found in ("```", "||", "__", self.source[self.here])
            if self.source.startswith(found, self.here)
        )
        if self.open and self.open[-1].tag == marker and marker != "[":
            self.here += len(marker)
            self.end()
        elif marker == "]" and self.open and self.open[-1].kind == "text_link":
            self._end_of_link()
        elif marker == ">" and (self.here == 0 or self.source[self.here - 1] == "\n"):
            self.begin("blockquote", self.byte, marker)
            self.here += 1
        elif marker in _MARKERS and marker != ">":
            self._start(marker)
        else:
            raise _refuse(
                f"Character '{marker[0]}' is reserved and must be escaped with the preceding '\\'"
            )

    def _start(self, marker: str) -> None:
        self.begin(_MARKERS[marker], self.byte, marker)
        self.here += len(marker)
        if marker == "```" and (match := re.match(r"(\S*)\n", self.source[self.here :])):
            if match[1]:
                self.open[-1].extra["language"] = match[1]
            self.here += match.end()

    def _end_of_link(self) -> None:
        at = self.here + 1
        link = self.open[-1]
        if not self.source.startswith("(", at):
            # Telegram takes the words themselves for the address.
            url = piece("".join(self.shown), link.start)
            self.here = at
        else:
            match = re.compile(r"((?:\\.|[^)\\])*)\)", re.DOTALL).match(self.source, at + 1)
            if match is None:
                place = self.byte_at(at + 1)
                raise _refuse(f"Can't find end of a URL at byte offset {place}")
            url = re.sub(r"\\(.)", r"\1", match[1])
            self.here = match.end()
        if is_link(url):
            link.extra["url"] = url
        else:
            link.kind = ""
        self.end()
