"""The commands in the menu of a message: what they are called and what they ask (pure)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

QUESTION = "What would you like to know about it?"
WITHOUT_WORDS = "What is this?"  # asked where somebody leaves the question open
ANOTHER_LIKE_IT = "Another picture like this one."


@dataclass(frozen=True, slots=True)
class Shortcut:
    """``command`` is asked with what ``words`` makes of the message's text and the language of
    the person; None where the person is asked for the words first."""

    name: str
    command: str
    words: Callable[[str, str], str] | None = None


ABOUT = Shortcut("Ask about this", "ask")
SHORTCUTS = (
    ABOUT,
    Shortcut("Translate", "ask", lambda _, language: f"Translate this into {language}."),
    Shortcut("Make a picture of this", "image", lambda text, _: text or ANOTHER_LIKE_IT),
)


def language(locale: str) -> str:
    """The language of one of Discord's locales, in English; English where there is none."""
    return _LANGUAGES.get(locale) or _LANGUAGES.get(locale.partition("-")[0]) or locale or "English"


_LANGUAGES = {
    "bg": "Bulgarian",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "es-419": "Latin American Spanish",
    "fi": "Finnish",
    "fr": "French",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "lt": "Lithuanian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt-BR": "Brazilian Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sv-SE": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh-CN": "Simplified Chinese",
    "zh-TW": "Traditional Chinese",
}
