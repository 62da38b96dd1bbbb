"""What a model sends back, as one small family of events, and the one fold over them.

A chat answer is TextDelta … UsageReport, Finish; a picture is Progress … Media, Finish. Screen,
history and bill all read the same ``Reply``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.types import Attachment, Message, Role, Text, Usage


class Ending(StrEnum):
    """How a model says that its answer is over."""

    COMPLETE = "complete"
    LENGTH = "length"
    FILTERED = "filtered"


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a picture is: ``fraction`` from 0 to 1, or None where the gateway does not say."""

    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class Media:
    part: Attachment


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Tokens so far, as a total. Some vendors report the prompt at the start and the reply at the
    end, so the larger one of each counts."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Finish:
    ending: Ending = Ending.COMPLETE


ReplyEvent = TextDelta | ThinkingDelta | Progress | Media | UsageReport | Finish


class Reply:
    """The fold: feed it every event, read what the answer is so far."""

    __slots__ = ("_text", "_thinking", "ending", "media", "usage")

    def __init__(self) -> None:
        self._text: list[str] = []
        self._thinking: list[str] = []
        self.media: list[Attachment] = []
        self.usage = Usage()
        self.ending: Ending | None = None

    def add(self, event: ReplyEvent) -> None:
        match event:
            case TextDelta(text):
                self._text.append(text)
            case ThinkingDelta(text):
                self._thinking.append(text)
            case Media(part):
                self.media.append(part)
            case UsageReport(usage):
                self.usage = Usage(
                    max(self.usage.prompt_tokens, usage.prompt_tokens),
                    max(self.usage.reply_tokens, usage.reply_tokens),
                )
            case Finish(ending):
                self.ending = ending
            case Progress():
                pass

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def thinking(self) -> str:
        return "".join(self._thinking)

    def message(self) -> Message | None:
        """The answer as it is remembered: its text, or None where there is none."""
        text = self.text
        return Message(Role.ASSISTANT, (Text(text),)) if text.strip() else None
