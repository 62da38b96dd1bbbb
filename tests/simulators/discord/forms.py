"""What may be sent: the body of a message, as a request asks for it and as it then shows (pure).

Limits are from Discord's documentation (resources/message, reference).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tests.simulators.discord import components, mentions
from tests.simulators.discord.entities import (
    COMPONENTS_V2,
    EPHEMERAL,
    LOADING,
    Attachment,
    Body,
    Json,
    Pings,
    Upload,
)
from tests.simulators.discord.errors import ApiError, Form, Refusal

CONTENT_LIMIT, FILES_LIMIT = 2000, 10
FILE_LIMIT, REQUEST_LIMIT = 10 * 2**20, 25 * 2**20
SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS, VOICE = 1 << 2, 1 << 12, 1 << 13

Attach = Callable[[str, bytes, str | None], Attachment]


@dataclass(frozen=True, slots=True)
class Draft:
    """A request's parsed JSON and its files by their number in ``files[n]``."""

    payload: Json
    files: Mapping[int, Upload]


def compose(
    draft: Draft,
    attach: Attach,
    *,
    before: Body | None = None,
    replied_to: str | None = None,
    at: str = "",
) -> Body:
    """The body that a new message, or the message that shows ``before``, shall show.

    ``at`` is where in the request the message is ("data" in an interaction's callback), for the
    faults. Raises ApiError: 50035 with every fault of the form, 50006 where nothing would be left,
    30015 for too many files.
    """
    form = Form(at)
    payload, start = draft.payload, before or Body()
    flags = _flags(payload, start, is_new=before is None)
    content = _content(form, payload, start)
    rows = list(start.components)
    if "components" in payload:
        rows = components.check(form, payload["components"] or [], v2=bool(flags & COMPONENTS_V2))
    embeds = list(start.embeds)
    if "embeds" in payload:
        embeds = _check_embeds(form, payload["embeds"] or [])
    allowed = payload.get("allowed_mentions")
    mentions.check(form, allowed)
    _check_nonce(form, payload.get("nonce"))
    if flags & COMPONENTS_V2:
        _check_legacy(form, content=content, embeds=embeds)
    kept, named = _check_attachments(form, draft, start)
    form.check()
    files = _attach(draft, attach, kept, named)
    pings = mentions.pings(content, allowed, replied_to) if "content" in payload else Pings()
    body = Body(content, files, rows, embeds, flags, pings)
    if body.empty:
        raise ApiError(Refusal.EMPTY_MESSAGE)
    return body


def without(body: Body, flag: int) -> Body:
    """The body without a flag that means nothing where it goes."""
    return replace(body, flags=body.flags & ~flag)


def _flags(payload: Json, start: Body, *, is_new: bool) -> int:
    wanted = payload.get("flags") or 0
    if is_new:
        mask = SUPPRESS_EMBEDS | EPHEMERAL | SUPPRESS_NOTIFICATIONS | VOICE | COMPONENTS_V2
        return int(wanted) & mask
    # An edit may hide embeds and turn a message into a V2 layout, never back; it ends "thinking".
    kept = start.flags & ~LOADING
    if "flags" in payload:
        kept = kept & ~SUPPRESS_EMBEDS | int(wanted) & (SUPPRESS_EMBEDS | COMPONENTS_V2)
    return kept


def _content(form: Form, payload: Json, start: Body) -> str:
    """Discord measures what was sent and then cuts white space from both ends."""
    if "content" not in payload:
        return start.content
    content = payload["content"] or ""
    return content.strip() if form.text("content", content, 0, CONTENT_LIMIT) else ""


def _check_legacy(form: Form, **fields: object) -> None:
    for name, value in fields.items():
        if value:
            code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
            message = f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            form.fault(name, code, message)


def _check_nonce(form: Form, nonce: object) -> None:
    if isinstance(nonce, str) and len(nonce) > 25:
        form.fault("nonce", "NONCE_TYPE_TOO_LONG", "Must be 25 or fewer in length.")


def _check_embeds(form: Form, embeds: object) -> list[Json]:
    found = form.many("embeds", embeds, 0, 10)
    total = 0
    for position, embed in enumerate(found):
        for name, most in (("title", 256), ("description", 4096)):
            value = embed.get(name)
            if value is not None and form.text(f"embeds.{position}.{name}", value, 0, most):
                total += len(value)
        fields = form.many(f"embeds.{position}.fields", embed.get("fields") or [], 0, 25)
        for number, field in enumerate(fields):
            for name, most in (("name", 256), ("value", 1024)):
                path = f"embeds.{position}.fields.{number}.{name}"
                if form.text(path, field.get(name), 1, most):
                    total += len(field[name])
        for part, name in (("footer", "text"), ("author", "name")):
            total += len((embed.get(part) or {}).get(name) or "")
    if total > 6000:
        message = "Embed size exceeds maximum size of 6000"
        form.fault("embeds", "MAX_EMBED_SIZE_EXCEEDED", message)
    return found


def _check_attachments(
    form: Form, draft: Draft, start: Body
) -> tuple[list[Attachment], dict[int, Json]]:
    """What stays of the attachments there are, and what is said of each new file."""
    listed = draft.payload.get("attachments")
    if "attachments" not in draft.payload or listed is None:
        return list(start.attachments), {}
    present = {attachment.id: attachment for attachment in start.attachments}
    kept: list[Attachment] = []
    named: dict[int, Json] = {}
    for position, entry in enumerate(form.many("attachments", listed, 0, 1000)):
        id_ = str(entry.get("id"))
        if id_ in present:
            kept.append(present[id_])
        elif id_.isdecimal() and int(id_) in draft.files:
            named[int(id_)] = entry
        else:
            message = "There is neither a file nor an attachment with this id."
            form.fault(f"attachments.{position}.id", "ATTACHMENT_NOT_FOUND", message)
    return kept, named


def _attach(
    draft: Draft, attach: Attach, kept: list[Attachment], named: Mapping[int, Json]
) -> tuple[Attachment, ...]:
    if len(kept) + len(draft.files) > FILES_LIMIT:
        raise ApiError(Refusal.TOO_MANY_ATTACHMENTS)
    for number, (name, content) in sorted(draft.files.items()):
        entry = named.get(number, {})
        shown = re.sub(r"[^\w.\-]", "", (entry.get("filename") or name).replace(" ", "_"))
        kept.append(attach(shown or "unknown", content, entry.get("description")))
    return tuple(kept)
