"""What a model says to itself, as a quote that each platform folds away in its own manner (pure).

A quote that begins with ``MARK`` is such a one, to every adapter's markup: an expandable quote on
Telegram, small print on Discord, details to open on the web.
"""

from __future__ import annotations

MARK = "💭"
LIMIT = 700  # characters that are shown; models think for pages


def growing(thoughts: str) -> str:
    """The newest of it, while there is no answer yet."""
    return _quote("*Thinking …*", thoughts)


def folded(thoughts: str, seconds: float) -> str:
    """The end of it, above the answer that it led to."""
    return _quote(f"*Thought for {seconds:.0f} s*", thoughts) + "\n\n"


def _quote(heading: str, thoughts: str) -> str:
    text = thoughts.strip()
    if len(text) > LIMIT:
        cut = text.find(" ", len(text) - LIMIT)
        text = "… " + text[cut + 1 if cut >= 0 else len(text) - LIMIT :]
    # One paragraph: blank lines, fences and lists would have to be closed where it was cut.
    words = " ".join(text.split())
    return f"> {MARK} {heading}\n> {words}"
