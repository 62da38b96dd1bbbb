"""One reply on Telegram: page 0, 1, 2 … as messages, sent once and then edited.

The Bot API knows no idempotency key, so a send that broke off without an answer may or may not have
arrived. The same content is then never sent again: a final page raises Gone, any other is left as
it is. Content that has grown since goes out as a new message, because half a sentence that stands
twice is a lesser evil than an answer that is lost. Edits are repeated freely.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

from telegram import LinkPreviewOptions, Message, ReplyParameters
from telegram.error import (
    BadRequest,
    ChatMigrated,
    EndPointNotFound,
    Forbidden,
    TelegramError,
)

from adapters.telegram import outbound
from adapters.telegram.api import Api
from adapters.telegram.failures import (
    lacks_rights,
    reason,
    refuses_the_file,
    surely_did_not_arrive,
    translated,
)
from adapters.telegram.markup import visible_length
from adapters.telegram.outbound import Look, Words
from bot.errors import Gone
from bot.interfaces import Capabilities
from bot.pacing import Budget, Shape
from bot.types import Attachment, Channel, Page

log = logging.getLogger("switchboard.telegram")

PACE = 0.7  # seconds between two edits in a private chat
GROUP_PACE = 2.0  # in a group, which takes 20 calls a minute from us

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_NOT_MODIFIED = "message is not modified"
_NO_TEXT = "there is no text in the message"
_DELETED = ("message to edit not found", "message_id_invalid", "message can't be edited")
_BAD_FORMATTING = re.compile(r"entit|button|inline keyboard|reply markup is", re.IGNORECASE)
_FORMATTING = ("entities", "caption_entities", "reply_markup")
_NOT_ALLOWED = (
    "I am not allowed to post {} here. An admin can allow it in the group's permissions, or you "
    "can ask me in a private chat."
)

_T = TypeVar("_T")


@dataclass(slots=True)
class _Post:
    """One message of ours. ``attachment`` is what it shows, None for a text; ``words`` what it
    says, as far as we know."""

    id: int
    attachment: Attachment | None = None
    words: Words | None = None


@dataclass(slots=True)
class _Leaf:
    """One page: its messages by slot, how it looks, and what may have arrived for all we know.

    ``apart`` says that its text could not be turned into a picture and stays a message of its own.
    """

    posts: dict[int, _Post] = field(default_factory=dict)
    shown: Look | None = None
    in_doubt: dict[int, Look] = field(default_factory=dict)
    apart: bool = False


@dataclass(slots=True)
class Shared:
    """What the replies of all chats have in common: what the whole bot may call, whether growing
    answers are shown as drafts, until Telegram refuses one, and our name, once we know it."""

    overall: Budget
    drafts: bool = False
    username: str = ""


class TelegramSurface:
    """``reply_to`` is the message that page 0 answers, None for none. ``ref`` is an earlier one's.

    ``begun`` is set as soon as people can see something.
    """

    def __init__(
        self,
        api: Api,
        channel: Channel,
        shared: Shared,
        *,
        reply_to: int | None = None,
        ref: str = "",
    ) -> None:
        self.begun = asyncio.Event()
        self.capabilities = capabilities(channel, shared.overall)
        self._shared = shared
        self._is_private = not channel.server
        self._draft = secrets.randbelow(2**30) + 1  # the id of page 0's; the others' follow
        self._api = api
        self._chat = int(channel.id)
        self._thread = int(channel.thread) if channel.thread else None
        self._reply_to = reply_to
        self._album_limit = outbound.ALBUM_LIMIT
        self._leaves: dict[int, _Leaf] = {}
        for number, ids in enumerate(ref.split(",") if ref else ()):
            posts = {slot: _Post(int(one)) for slot, one in enumerate(ids.split("+")) if one}
            self._leaves[number] = _Leaf(posts)

    @property
    def ref(self) -> str:
        """The message ids of each page: "12,13+14" is a page of one message and one of two."""
        pages = range(max(self._leaves, default=-1) + 1)
        leaves = [self._leaves.get(number, _Leaf()) for number in pages]
        ids = ["+".join(str(leaf.posts[slot].id) for slot in sorted(leaf.posts)) for leaf in leaves]
        return ",".join(ids).rstrip(",")

    @property
    def posted(self) -> int:
        """See ``bot.interfaces.Surface``."""
        return max((number for number, leaf in self._leaves.items() if leaf.posts), default=-1) + 1

    async def show(self, page: Page) -> None:
        """See ``bot.interfaces.Surface``, and above for sends whose outcome nobody knows."""
        look = outbound.look(page)
        leaf = self._leaves.setdefault(page.number, _Leaf())
        if look == leaf.shown:
            return
        leaf.shown = None
        try:
            if self._may_be_draft(page, leaf) and await self._show_draft(page.number, look):
                leaf.shown = look
                return
            await self._edit(leaf, look)
            await self._send(leaf, look, self._reply_to if page.number == 0 else None)
        except TelegramError as error:
            raise translated(error, self._api.token) from None
        if look in leaf.in_doubt.values():
            if page.final:
                raise Gone(detail="Telegram did not say whether it took the message")
            return
        leaf.shown = look
        leaf.in_doubt.clear()

    def _may_be_draft(self, page: Page, leaf: _Leaf) -> bool:
        """What still grows can be stopped. A draft is gone after 30 seconds, so nothing else is."""
        grows = bool(page.actions) and not page.final
        return self._shared.drafts and self._is_private and grows and not leaf.posts

    async def _show_draft(self, number: int, look: Look) -> bool:
        """Whether Telegram takes drafts."""
        text, entities = outbound.formatted(look.text)
        try:
            await self._api.send_message_draft(
                self._chat,
                self._draft + number,
                text,
                message_thread_id=self._thread,
                entities=entities,
            )
        except (BadRequest, EndPointNotFound, Forbidden) as error:
            log.warning("no drafts from now on: %s", reason(error, self._api.token))
            self._shared.drafts = False
            return False
        self.begun.set()
        return True

    async def _edit(self, leaf: _Leaf, look: Look) -> None:
        """Bring the messages that are there up to date. A text that cannot become a picture stays
        what it is, and the picture follows."""
        try:
            await self._edit_each(leaf, look)
        except TelegramError as error:
            first = leaf.posts.get(0)
            is_text = first is not None and first.attachment is None
            if leaf.apart or not is_text or not look.media or not refuses_the_file(error):
                raise
            log.info("a text does not turn into a picture: %s", reason(error, self._api.token))
            leaf.apart = True
            await self._edit_each(leaf, look)

    async def _edit_each(self, leaf: _Leaf, look: Look) -> None:
        """Edit what reads or looks different; forget what somebody deleted."""
        for slot, wanted in enumerate(look.slots(apart=leaf.apart)):
            post = leaf.posts.get(slot)
            if post is None:
                continue
            file = None if wanted == post.attachment else wanted
            if file is None and (slot > 0 or post.words == look.words):
                continue
            post.words = None  # nobody knows, until Telegram has answered
            try:
                if file is not None:
                    await self._change_media(post, file, look if slot == 0 else None)
                else:
                    await self._change_text(post, look)
            except BadRequest as error:
                if _says(error, *_DELETED):
                    del leaf.posts[slot]
                elif not _says(error, _NOT_MODIFIED):
                    raise
            post.words = look.words if slot == 0 else None

    async def _change_text(self, post: _Post, look: Look) -> None:
        if post.attachment is None:
            try:
                await self._call(
                    self._api.edit_message_text,
                    message_id=post.id,
                    link_preview_options=_NO_PREVIEW,
                    **outbound.message(look),
                )
            except BadRequest as error:
                if not _says(error, _NO_TEXT):  # a picture, from before a restart
                    raise
            else:
                return
        await self._call(
            self._api.edit_message_caption,
            message_id=post.id,
            reply_markup=outbound.keyboard(look),
            **outbound.caption(look),
        )

    async def _change_media(self, post: _Post, wanted: Attachment, look: Look | None) -> None:
        """Turn a text into a picture, or one picture into another."""
        caption = outbound.caption(look) if look else {}

        async def change(kind: str) -> None:
            await self._call(
                self._api.edit_message_media,
                message_id=post.id,
                media=outbound.input_media(wanted, kind, caption),
                reply_markup=outbound.keyboard(look) if look else None,
            )

        await self._as_photo_or_document(outbound.kind(wanted), change)
        post.attachment = wanted

    async def _send(self, leaf: _Leaf, look: Look, reply_to: int | None) -> None:
        """Send the messages that are missing; files of one kind in a row go as albums."""
        slots = look.slots(apart=leaf.apart)
        missing = [
            slot
            for slot in range(len(slots))
            if slot not in leaf.posts and leaf.in_doubt.get(slot) != look
        ]
        for kind, run in groupby(missing, key=lambda slot: outbound.kind(slots[slot])):
            for album in _albums(list(run), self._album_limit):
                try:
                    await self._send_some(leaf, look, kind, album, reply_to)
                except TelegramError as error:
                    if len(album) == 1 or not refuses_the_file(error):
                        raise
                    log.info("files go one by one: %s", reason(error, self._api.token))
                    self._album_limit = 1
                    for slot in album:
                        await self._send_some(leaf, look, kind, [slot], reply_to)

    async def _send_some(
        self, leaf: _Leaf, look: Look, kind: str, some: Sequence[int], reply_to: int | None
    ) -> None:
        """Send the messages of these slots in one call."""
        parts = [look.slots(apart=leaf.apart)[slot] for slot in some]
        begins = some[0] == 0
        place = self._place(reply_to if begins else None)
        try:
            messages = await self._post(kind, parts, look if begins else None, place)
        except (TelegramError, asyncio.CancelledError) as error:
            if not surely_did_not_arrive(error):
                leaf.in_doubt |= dict.fromkeys(some, look)
            raise
        self.begun.set()
        for slot, part, message in zip(some, parts, messages, strict=True):
            leaf.posts[slot] = _Post(message.message_id, part, look.words if slot == 0 else None)

    async def _post(
        self,
        kind: str,
        parts: Sequence[Attachment | None],
        look: Look | None,
        place: dict[str, Any],
    ) -> Sequence[Message]:
        """Send a text, a file, or an album. ``look`` is what the first of them says."""
        files = [part for part in parts if part is not None]
        if len(files) > 1:
            return await self._post_album(kind, files, look, place)
        if files:
            post = partial(self._post_file, file=files[0], look=look, place=place)
            return [await self._as_photo_or_document(kind, post)]
        text = outbound.message(look) if look else {}
        send = self._api.send_message
        return [await self._call(send, **text, **place, link_preview_options=_NO_PREVIEW)]

    async def _post_album(
        self, kind: str, files: Sequence[Attachment], look: Look | None, place: dict[str, Any]
    ) -> Sequence[Message]:
        """Telegram has no buttons under albums."""
        caption = outbound.caption(look) if look else {}
        album = [
            outbound.input_media(file, kind, {} if number else caption)
            for number, file in enumerate(files)
        ]
        messages: Sequence[Message] = await self._call(
            self._api.send_media_group, media=album, **place
        )
        return messages

    async def _post_file(
        self, kind: str, file: Attachment, look: Look | None, place: dict[str, Any]
    ) -> Message:
        caption = outbound.caption(look) if look else {}
        senders: dict[str, Callable[..., Awaitable[Message]]] = {
            "photo": self._api.send_photo,
            "audio": self._api.send_audio,
            "document": self._api.send_document,
        }
        sent = {kind: file.data, "filename": outbound.file_name(file)}
        buttons = outbound.keyboard(look) if look else None
        message: Message = await self._call(
            senders[kind], **sent, **caption, **place, reply_markup=buttons
        )
        return message

    async def _as_photo_or_document(self, kind: str, call: Callable[[str], Awaitable[_T]]) -> _T:
        """Telegram refuses photos that are too large or too long, and some groups refuse them all;
        as documents they may be welcome. Raises Gone with a notice where neither is allowed."""
        refused: list[TelegramError] = []
        for way in ("photo", "document") if kind == "photo" else (kind,):
            try:
                return await call(way)
            except TelegramError as error:
                if not refuses_the_file(error):
                    raise
                refused.append(error)
        if any(map(lacks_rights, refused)):
            notice = _NOT_ALLOWED.format("pictures" if kind == "photo" else "files")
            raise Gone(notice, detail=reason(refused[0], self._api.token))
        raise refused[-1]

    def _place(self, reply_to: int | None) -> dict[str, Any]:
        """Where a new message goes."""
        reply = None
        if reply_to is not None:
            reply = ReplyParameters(reply_to, allow_sending_without_reply=True)
        return {"message_thread_id": self._thread, "reply_parameters": reply}

    async def _call(self, method: Callable[..., Awaitable[Any]], **arguments: Any) -> Any:
        """One call, and a second one where the group has moved or the formatting is refused."""
        try:
            return await method(chat_id=self._chat, **arguments)
        except ChatMigrated as moved:
            log.info("chat %s has become %s", self._chat, moved.new_chat_id)
            self._chat = moved.new_chat_id
        except BadRequest as error:
            formatting = [name for name in _FORMATTING if arguments.get(name)]
            if not formatting or not _BAD_FORMATTING.search(str(error)):
                raise
            # A text without its formatting is better than none.
            log.warning("Telegram refuses our formatting: %s", reason(error, self._api.token))
            arguments |= dict.fromkeys(formatting)
        return await method(chat_id=self._chat, **arguments)


def overall(calls_per_second: int) -> Budget:
    """What the whole bot may call; evenly spread, so that late calls do not meet many others."""
    pause = 1 / (calls_per_second * 0.9)
    return Budget("telegram:bot", 3, 3 * pause, Shape.BUCKET, for_finals=0, for_others=0)


def capabilities(channel: Channel, overall: Budget) -> Capabilities:
    """What a private chat or a group takes. Known by experience; Telegram publishes no numbers."""
    # About one call a second, with a short burst allowed, and a little less than that: our calls
    # do not arrive as evenly as they leave.
    chat = Budget(f"telegram:chat:{channel.id}", 3, 3.15, Shape.BUCKET)
    group = Budget(f"telegram:group:{channel.id}", 20, 60.5)
    return Capabilities(
        page_limit=outbound.PAGE_LIMIT,
        measure=visible_length,
        caption_limit=outbound.CAPTION_LIMIT,
        files_per_page=outbound.ALBUM_LIMIT,
        file_limit=outbound.PHOTO_LIMIT,
        pace=GROUP_PACE if channel.server else PACE,
        budgets=(chat, group, overall) if channel.server else (chat, overall),
    )


def _albums(slots: Sequence[int], most: int) -> list[Sequence[int]]:
    return [slots[first : first + most] for first in range(0, len(slots), most)]


def _says(error: BadRequest, *phrases: str) -> bool:
    text = str(error).lower()
    return any(phrase in text for phrase in phrases)
