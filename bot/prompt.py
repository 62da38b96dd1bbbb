"""History and a request into a Prompt that fits the model's context (pure).

Tokens are estimated, since each model counts differently and none of the counters works offline:
one token per three bytes of UTF-8, which errs on the long side for English (about four bytes a
token) and is close for other scripts, plus four a message and 1,000 a picture. A quarter of the
context, at most 8,000 tokens, is left free for the answer. The newest turns that fit are kept,
whole pairs only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.types import Image, Message, Prompt, Request, Role, Text, Turn

HISTORY = 100  # turns that are read at the most

SYSTEM = (
    "You are Switchboard, a helpful assistant in a community chat. Several people may talk to you "
    "in the same channel: each of their messages begins with its author's name and a colon; answer "
    "without such a prefix. Answer in the language of the last message. Use Markdown. Be as brief "
    "as the question allows."
)


def compose(
    model: str, context: int, history: Sequence[Turn], request: Request, question: str
) -> Prompt:
    """The prompt for ``question``; ``context`` is the model's, in tokens."""
    room = context - min(context // 4, 8_000)
    quoted = (_quoted(request.quoted),) if request.quoted is not None else ()
    images = tuple(part for part in request.attachments if isinstance(part, Image))
    asked = _said(request.user.name, question, images)
    room -= estimate([Message(Role.USER, (Text(SYSTEM),)), *quoted, asked])
    kept: list[Message] = []
    for turn in reversed(history):
        if turn.reply is None or turn.id == request.again:
            continue
        pair = [turn.reply, _said(turn.request.user.name, question_of(turn.request))]
        room -= estimate(pair)
        if room < 0:
            break
        kept += pair
    return Prompt(model, SYSTEM, (*reversed(kept), *quoted, asked))


def question_of(request: Request) -> str:
    """What was asked, as the person put it."""
    return request.options.get("prompt") or request.text


def estimate(messages: Iterable[Message]) -> int:
    """Tokens, by the estimate above."""
    total = 0
    for message in messages:
        total += 4 + len(message.name.encode(errors="replace")) // 3
        for part in message.parts:
            total += (
                -(-len(part.text.encode(errors="replace")) // 3)
                if isinstance(part, Text)
                else 1_000
            )
    return total


def _said(name: str, text: str, images: tuple[Image, ...] = ()) -> Message:
    # A name is somebody's free choice: one line, no colon, so that it cannot pose as another
    # speaker.
    clean = " ".join(name.replace(":", " ").split())[:64]
    return Message(Role.USER, (Text(f"{clean}: {text}" if clean else text), *images), clean)


def _quoted(message: Message) -> Message:
    if message.role is Role.ASSISTANT:
        return message
    images = tuple(part for part in message.parts if isinstance(part, Image))
    return _said(message.name, message.text, images)
