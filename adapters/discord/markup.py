"""A model's Markdown in the dialect that Discord reads (pure).

Discord knows headings down to the third level, one way to mark code, and no tables, pictures,
rules, check boxes or nested quotes. Those become bold lines, aligned code blocks (or list rows
where a phone would break them), links, lines and plain quotes. A link whose words are an address,
which Discord would refuse, shows its address. A model's thoughts are small print. Mentions are kept
from lighting up. All else, and all code, stays as it is. Linear in the text's length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from bot import thoughts

TABLE_WIDTH = 40  # columns of a code block that a phone shows without wrapping

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})([^\n]*)")
_HEADING = re.compile(r" {0,3}#{4,6}[ \t]+")
_RULE = re.compile(r" {0,3}([-_*])(?:[ \t]*\1){2,}[ \t]*")
_QUOTE = re.compile(r" {0,3}>{2,}[ \t]*")  # ">>> " would quote all that follows
_PLUS = re.compile(r"(\s*)\+(?=[ \t])")
_BOX = re.compile(r"(\s*(?:[-*+]|\d{1,9}[.)])[ \t]+)\[([ xX])\](?=[ \t])")
_DELIMITER_CELL = re.compile(r":?-+:?")
_UNESCAPED_PIPE = re.compile(r"(?<!\\)\|")
_TICKS = re.compile(r"(?<![\\`])`+")
_PICTURE_IN_LINK = re.compile(r"\[!\[([^\[\]\n]{0,300})\]\([^()\s]{1,2000}\)\](?=\()")
_PICTURE = re.compile(r"!\[([^\[\]\n]{0,300})\](?=\([^()\s])")
_BARE_LINK = re.compile(r"\[(https?://[^\s\[\]]{1,2000})\]\((https?://[^\s()]{1,2000})\)")
_MENTION = re.compile(r"<@(?=[!&]?\d)|@(?=(?:everyone|here)(?![^\W_]))")
_EMPHASIS = re.compile(r"\*\*|__|~~|`")

_THOUGHTS = f"> {thoughts.MARK}"
_WORK = re.compile(
    rf"^{_THOUGHTS}|"
    r"[|@]|####|!\[|\[https?:|~~~|````|^ {0,3}>>|^[ \t]*\+[ \t]|\[[ xX]\]|^ {0,3}([-_*])[ \t]*\1",
    re.MULTILINE,
)

RULE = "─" * 10
_INERT = "\u200b"  # zero width: the words look the same and no longer are a mention


def to_discord(markdown: str) -> str:
    """The same text as Discord shows it best. It can come out longer: ``length`` says how long."""
    if _WORK.search(markdown) is None:
        return markdown
    lines = markdown.split("\n")
    done: list[str] = []
    prose: list[str] = []
    at = 0
    while at < len(lines):
        if (end := _end_of_fence(lines, at)) > at:
            _flush(prose, done)
            done.extend(_code(lines[at:end]))
            at = end
        elif lines[at].startswith(_THOUGHTS):
            _flush(prose, done)
            while at < len(lines) and lines[at].startswith(">"):
                done.append(_outside_code(f"-# {lines[at][1:].strip()}", _prose))
                at += 1
        elif (end := _end_of_table(lines, at)) > at:
            _flush(prose, done)
            done.extend(_table(lines[at:end]))
            at = end
        else:
            prose.append(_line(lines[at]))
            at += 1
    _flush(prose, done)
    return "\n".join(done)


def length(markdown: str) -> int:
    """How much of Discord's 2000 characters the text takes."""
    return len(to_discord(markdown))


def _flush(prose: list[str], done: list[str]) -> None:
    """Finish the lines collected so far together: a code span may run over several of them."""
    if prose:
        done.append(_outside_code("\n".join(prose), _prose))
        prose.clear()


def _prose(text: str) -> str:
    if "![" in text:
        text = _PICTURE_IN_LINK.sub(lambda match: f"[{match[1] or 'picture'}]", text)
        text = _PICTURE.sub(lambda match: f"[{match[1] or 'picture'}]", text)
    if "[http" in text:
        text = _BARE_LINK.sub(_shown_address, text)
    if "@" in text:
        text = _MENTION.sub(lambda match: match[0] + _INERT, text)
    return text


def _shown_address(link: re.Match[str]) -> str:
    words, address = link[1], link[2]
    return address if words.rstrip("/") == address.rstrip("/") else f"{words} ({address})"


def _line(line: str) -> str:
    if match := _HEADING.match(line):
        text = line[match.end() :].rstrip().rstrip("#").rstrip().replace("**", "")
        return f"**{text}**" if text else ""
    if _RULE.fullmatch(line):
        return RULE
    line = _QUOTE.sub("> ", line, count=1) if _QUOTE.match(line) else line
    if match := _BOX.match(line):
        line = f"{match[1]}{'☐' if match[2] == ' ' else '☑'}{line[match.end() :]}"
    return f"{match[1]}-{line[match.end() :]}" if (match := _PLUS.match(line)) else line


# --- code ---


def _end_of_fence(lines: Sequence[str], start: int) -> int:
    """The line after the fenced block that starts here, ``start`` where none does."""
    opening = _FENCE.fullmatch(lines[start])
    if opening is None or (opening[1][0] == "`" and "`" in opening[2]):
        return start
    mark = opening[1]
    is_quoted = ">" in lines[start][: opening.start(1)]
    for at in range(start + 1, len(lines)):
        stays_quoted = lines[at].lstrip().startswith(">")
        if is_quoted and not stays_quoted:
            return at
        closing = _FENCE.fullmatch(lines[at]) if is_quoted == stays_quoted else None
        if closing and closing[1].startswith(mark) and not closing[2].strip():
            return at + 1
    return len(lines)


def _code(lines: Sequence[str]) -> Sequence[str]:
    """The fenced block with Discord's only mark, three backticks; those inside must not end it."""
    opening = _FENCE.fullmatch(lines[0])
    if opening is None or opening[1] == "```":
        return lines
    inside = [line.replace("```", f"`{_INERT}`{_INERT}`") for line in lines[1:]]
    closing = _FENCE.fullmatch(lines[-1]) if len(lines) > 1 else None
    if closing and closing[1].startswith(opening[1]) and not closing[2].strip():
        inside[-1] = lines[-1][: closing.start(1)] + "```"
    return [f"{lines[0][: opening.start(1)]}```{opening[2]}", *inside]


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with ``change`` applied to all that stands between its code spans."""
    if "`" not in text:
        return change(text)
    runs = list(_TICKS.finditer(text))
    # From the back, so that the partner of every run is known without searching for it.
    nearest: dict[int, int] = {}
    partner: dict[int, int] = {}
    for index in range(len(runs) - 1, -1, -1):
        ticks = len(runs[index][0])
        if ticks in nearest:
            partner[index] = nearest[ticks]
        nearest[ticks] = index
    pieces: list[str] = []
    index = done = 0
    while index < len(runs):
        if index not in partner:
            index += 1
            continue
        start, end = runs[index].start(), runs[partner[index]].end()
        span = text[start:end]
        # Over a line's end Discord may well see no code.
        pieces += change(text[done:start]), change(span) if "\n" in span else span
        done, index = end, partner[index] + 1
    pieces.append(change(text[done:]))
    return "".join(pieces)


# --- tables ---


def _end_of_table(lines: Sequence[str], start: int) -> int:
    """The line after the table that starts here, ``start`` where none does."""
    if start + 1 >= len(lines) or "|" not in lines[start] or "-" not in lines[start + 1]:
        return start
    header, delimiter = _cells(lines[start]), _cells(lines[start + 1])
    is_table = len(header) == len(delimiter) and all(map(_DELIMITER_CELL.fullmatch, delimiter))
    if not is_table or (len(header) == 1 and "|" not in lines[start + 1]):
        return start
    at = start + 2
    while at < len(lines) and "|" in lines[at]:
        at += 1
    return at


def _cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    if line.endswith("|") and not line.endswith("\\|"):
        line = line[:-1]
    return [cell.strip().replace("\\|", "|") for cell in _UNESCAPED_PIPE.split(line)]


def _table(lines: Sequence[str]) -> list[str]:
    """Aligned columns in a code block where a phone can show them, otherwise rows of a list."""
    header, alignments = _cells(lines[0]), _cells(lines[1])
    rows = [_fit(_cells(line), len(header)) for line in lines[2:]]
    plain = [[_EMPHASIS.sub("", cell) for cell in row] for row in [header, *rows]]
    widths = [0] * len(header)
    for row in plain:
        for at, cell in enumerate(row):
            widths[at] = max(widths[at], _columns(cell))
    # A link must stay a link, and a fence inside of a fence would end it.
    has_link = any("](" in line or "://" in line for line in lines)
    if sum(widths) + 2 * (len(widths) - 1) > TABLE_WIDTH or has_link:
        return [_outside_code(line, _prose) for line in _list_rows(header, rows)]
    ruled = [plain[0], ["─" * width for width in widths], *plain[1:]]
    aligned = ["  ".join(map(_aligned, row, widths, alignments)).rstrip() for row in ruled]
    return ["```", *aligned, "```"]


def _fit(cells: list[str], width: int) -> list[str]:
    """A row with more cells than the header has keeps them in its last one: no text is dropped."""
    return [*cells[: width - 1], " | ".join(cells[width - 1 :])] if len(cells) > width else cells


def _list_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """``- **first cell** · Second heading: second cell · …``; empty cells are left out."""
    if not rows:
        return [" · ".join(cell for cell in header if cell)]
    written: list[str] = []
    for first, *others in rows:
        named = [
            f"{name}: {cell}" if name else cell
            for name, cell in zip(header[1:], others, strict=False)  # a row may be short
            if cell
        ]
        bold = first.replace("**", "")
        written.append("- " + " · ".join([f"**{bold}**", *named] if bold else named))
    return written


def _aligned(cell: str, width: int, alignment: str) -> str:
    space = width - _columns(cell)
    if not alignment.endswith(":"):
        return cell + " " * space
    left = space // 2 if alignment.startswith(":") else space
    return " " * left + cell + " " * (space - left)


def _columns(text: str) -> int:
    """The width in a monospaced font: East Asian letters and emoji take two columns."""
    if text.isascii():
        return len(text)
    return sum(_character_columns(character) for character in text)


def _character_columns(character: str) -> int:
    if unicodedata.combining(character) or character in "\u200b\u200d\ufe0e\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
