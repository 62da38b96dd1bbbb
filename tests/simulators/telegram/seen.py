"""What a person sees of a message, as a value for tests to look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulators.telegram.world import Action, Button, Draft, Entity, Message, World

__all__ = ["Action", "Document", "Draft", "Seen", "see"]


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as it looked at the time of asking.

    ``author`` is "bot" or a person's name. A message with media has its text in ``caption`` and ""
    in ``text``; ``entities`` belong to whichever it has. ``photo`` is what was uploaded.
    ``versions`` are (loop time, text or caption), the first one included. ``asks`` names who sees a
    reply field for it, and ``hint`` is what stands in that.
    """

    id: int
    author: str
    text: str
    entities: list[Entity]
    caption: str
    photo: bytes | None = field(repr=False)
    document: Document | None
    media_group: str | None
    buttons: list[list[Button]]
    reply_to: int | None
    topic: int | None
    reactions: list[str]
    versions: list[tuple[float, str]]
    asks: list[str]
    hint: str

    def __str__(self) -> str:
        shown = [f"#{self.id} {self.author}: {self.text or self.caption!r}"]
        shown += [f"[photo of {len(self.photo)} bytes]"] if self.photo is not None else []
        shown += [f"[{self.document.name}]"] if self.document is not None else []
        shown += [f"[{button['text']}]" for row in self.buttons for button in row]
        return " ".join(shown)


def see(world: World, message: Message) -> Seen:
    content, stored = message.content, message.content.document
    return Seen(
        id=message.id,
        author="bot" if message.author is world.bot else message.author.name,
        text="" if content.has_media else content.text,
        entities=[dict(entity) for entity in content.entities],
        caption=content.text if content.has_media else "",
        photo=content.photo[-1].file.data if content.photo else None,
        document=None if stored is None else Document(stored.name, stored.media_type, stored.data),
        media_group=message.media_group,
        buttons=[[dict(button) for button in row] for row in message.buttons],
        reply_to=message.reply_to,
        topic=message.topic,
        reactions=list(message.reactions),
        versions=list(message.versions),
        asks=sorted(world.users[person].name for person in message.asks),
        hint=message.hint,
    )
