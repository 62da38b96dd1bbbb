"""A conversation in the strictest form that any wire asks for, so that each can send it (pure).

Anthropic, Gemini and the chat templates of many local models want the user first, then user and
assistant in turn, and nothing empty; OpenAI takes no picture from an assistant. Nothing that was
said or shown is ever left out to get there: neighbours are merged.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.types import Image, Message, Role, Text

Said = Text | Image  # what a chat wire can carry

# Stands before an answer whose question is not at hand, as when somebody replies to an old one.
OPENING = "(The beginning of this conversation is not shown.)"


def alternating(messages: Iterable[Message]) -> list[tuple[Role, list[Said]]]:
    """The same conversation such that it begins with the user, no two neighbours have one role, no
    text is blank and no two texts of a message are neighbours.

    Messages of one role that meet become one, a blank line between their texts. The assistant's
    pictures go to the head of the user's next message.
    """
    turns: list[tuple[Role, list[Said]]] = []
    pictures: list[Said] = []
    for message in messages:
        said: list[Said] = [
            part
            for part in message.parts
            if isinstance(part, Image) or (isinstance(part, Text) and part.text.strip())
        ]
        if message.role is Role.ASSISTANT:
            pictures += [part for part in said if isinstance(part, Image)]
            said = [part for part in said if isinstance(part, Text)]
        else:
            said, pictures = pictures + said, []
        _add(turns, message.role, said)
    _add(turns, Role.USER, pictures)
    if not turns or turns[0][0] is Role.ASSISTANT:
        turns.insert(0, (Role.USER, [Text(OPENING)]))
    return turns


def _add(turns: list[tuple[Role, list[Said]]], role: Role, said: list[Said]) -> None:
    if not said:
        return
    meets = bool(turns) and turns[-1][0] is role
    if not meets:
        turns.append((role, []))
    parts = turns[-1][1]
    gap = "\n\n" if meets else "\n"
    for part in said:
        last = parts[-1] if parts else None
        if isinstance(part, Text) and isinstance(last, Text):
            parts[-1] = Text(last.text + gap + part.text)
        else:
            parts.append(part)
        gap = "\n"
