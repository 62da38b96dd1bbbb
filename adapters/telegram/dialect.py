"""The Markdown that models write, for markdown-it: CommonMark and tables, without what hides text.

HTML, link definitions, ``&lt;`` and links that Telegram would refuse are text as they were written.
New are ``||spoilers||``, check boxes in lists, and bare web addresses whose underscores are no
emphasis.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.table import escapedSplit, getLine
from markdown_it.rules_block.table import table as gfm_table
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

NESTING = 40  # the parser drops what stands in deeper quotes and lists
_MOST_COLUMNS = 40

# A web address from its colon on, without the punctuation that ends the sentence.
_ADDRESS = re.compile(r"://[^\s<>`|*\[\]]*[^\s<>`|*\[\]_~.,:;!?'\"()]")
# What Telegram takes as a link: a host has a dot in it, so that localhost is none.
_LINK = re.compile(
    r"https?://(?:[^\s/?#@]*@)?(?:[^\s/?#@:.]+(?:\.[^\s/?#@:.]+)+\.?|\[[\da-f:.]+\])(?::\d+)?(?:[/?#]|$)"
    r"|tg://\S|mailto:[^\s@]+@\S",
    re.IGNORECASE,
)


class Parser(MarkdownIt):
    """CommonMark with tables and strikethrough, without what would hide text."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False, "tasklists": True, "maxNesting": NESTING})
        self.enable(["table", "strikethrough"])
        # [x]: definitions would vanish, "a\n---" would be a heading while a list is being written,
        # and &lt; is what somebody wrote about HTML.
        self.disable(["reference", "lheading", "entity", "html_block", "html_inline"])
        self.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
        self.inline.ruler.before("link", "spoiler", _spoiler)
        self.inline.ruler.before("link", "address", _address)
        self.inline.add_terminator_char("|")

    def validateLink(self, url: str) -> bool:  # noqa: N802 — markdown-it's name
        return _LINK.match(url) is not None

    def normalizeLinkText(self, link: str) -> str:  # noqa: N802 — markdown-it's name
        return link


def _spoiler(state: StateInline, silent: bool) -> bool:
    """``||hidden||``: no space inside the bars, so that ``a || b || c`` stays what it is."""
    source, start = state.src, state.pos + 2
    if not source.startswith("||", state.pos) or source[start : start + 1] in ("|", " ", "\n"):
        return False
    end = source.find("||", start + 1, state.posMax)
    while end > 0 and source[end - 1].isspace():
        end = source.find("||", end + 1, state.posMax)
    if end < 0:
        return False
    if not silent:
        most = state.posMax
        state.push("spoiler_open", "", 1)
        state.pos, state.posMax = start, end
        state.md.inline.tokenize(state)
        state.posMax = most
        state.push("spoiler_close", "", -1)
    state.pos = end + 2
    return True


def _address(state: StateInline, silent: bool) -> bool:
    """A bare web address: its underscores are no emphasis."""
    source, start = state.src, state.pos
    if not source[max(0, start - 5) : start].lower().endswith(("http", "https")):
        return False
    match = _ADDRESS.match(source, start, state.posMax)
    if match is None:
        return False
    if not silent:
        state.append_pending(match[0])
    state.pos = match.end()
    return True


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """The usual table, but cells beyond the header's go into the last one instead of being lost."""
    first = len(state.tokens)
    if getLine(state, start).count("|") > _MOST_COLUMNS:
        return False
    if not gfm_table(state, start, end, silent):
        return False
    if silent:
        return True
    rows: dict[int, list[Token]] = {}
    for token in state.tokens[first:]:
        if token.type == "inline" and token.map:
            rows.setdefault(token.map[0], []).append(token)
    for line, cells in rows.items():
        written = escapedSplit(getLine(state, line).strip())
        written = written[1:] if written[0] == "" else written
        written = written[:-1] if written and written[-1] == "" else written
        extra = [cell.strip() for cell in written[len(cells) :]]
        cells[-1].content = " | ".join([cells[-1].content, *extra])
    return True
