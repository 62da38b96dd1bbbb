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
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeVar

from telegram import LinkPreviewOptions, Message, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, NetworkError, TelegramError

from adapters.telegram import outbound
from adapters.telegram.api import Api
from adapters.telegram.failures import is_answer, reason, surely_did_not_arrive, translated
from adapters.telegram.markup import visible_length
from adapters.telegram.outbound import Look
from bot.errors import Gone
from bot.interfaces import Capabilities
from bot.pacing import Budget
from bot.types import Attachment, Channel, Page

log = logging.getLogger("switchboard.telegram")

PACE = 1.1  # seconds between two edits in a private chat
GROUP_PACE = 3.5  # in a group, which takes 20 calls a minute from us

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_NOT_MODIFIED = "message is not modified"
_NO_TEXT = "there is no text in the message"
_DELETED = ("message to edit not found", "message_id_invalid", "message can't be edited")
_BAD_FORMATTING = re.compile(r"entit|button|inline keyboard|reply markup is", re.IGNORECASE)
_FORMATTING = ("entities", "caption_entities", "reply_markup")
_BAD_PHOTO = re.compile(r"photo|image|too big|too large|wrong type", re.IGNORECASE)

_T = TypeVar("_T")


@dataclass(slots=True)
class _Post:
    """One message of ours. ``attachment`` is what it shows, None for a text."""

    id: int
    attachment: Attachment | None = None


@dataclass(slots=True)
class _Leaf:
    """One page: its messages by slot, how it looks, and how it may look for all we know."""

    posts: dict[int, _Post] = field(default_factory=dict)
    shown: Look | None = None
    in_doubt: Look | None = None


class TelegramSurface:
    """``reply_to`` is the message that page 0 answers, None for none. ``ref`` is an earlier one's.

    ``begun`` is set as soon as people can see something.
    """

    def __init__(
        self, api: Api, channel: Channel, *, reply_to: int | None = None, ref: str = ""
    ) -> None:
        self.begun = asyncio.Event()
        self.capabilities = capabilities(channel)
        self._api = api
        self._chat = int(channel.id)
        self._thread = int(channel.thread) if channel.thread else None
        self._reply_to = reply_to
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

    async def show(self, page: Page) -> None:
        """See ``bot.interfaces.Surface``, and above for sends whose outcome nobody knows."""
        look = outbound.look(page)
        leaf = self._leaves.setdefault(page.number, _Leaf())
        if look == leaf.shown:
            return
        if look == leaf.in_doubt:
            if page.final:
                raise Gone(detail="Telegram did not say whether it took the message")
            return
        try:
            await self._edit(leaf, look)
            await self._send(leaf, look, self._reply_to if page.number == 0 else None)
        except TelegramError as error:
            raise translated(error, self._api.token) from None
        leaf.shown, leaf.in_doubt = look, None
        self.begun.set()

    async def _edit(self, leaf: _Leaf, look: Look) -> None:
        """Bring the messages that are there up to date; forget those that somebody deleted."""
        for slot, wanted in enumerate(look.slots):
            post = leaf.posts.get(slot)
            if post is None:
                continue
            try:
                if wanted is not None and wanted != post.attachment:
                    await self._change_media(post, wanted, look if slot == 0 else None)
                elif slot == 0:
                    await self._change_text(post, look)
            except BadRequest as error:
                if _says(error, *_DELETED):
                    del leaf.posts[slot]
                elif not _says(error, _NOT_MODIFIED):
                    raise

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
            reply_markup=outbound.keyboard(look.actions),
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
                reply_markup=outbound.keyboard(look.actions) if look else None,
            )

        await _as_photo_or_document(outbound.kind(wanted), change)
        post.attachment = wanted

    async def _send(self, leaf: _Leaf, look: Look, reply_to: int | None) -> None:
        """Send the messages that are missing; files of one kind in a row go as albums."""
        slots = look.slots
        missing = [slot for slot in range(len(slots)) if slot not in leaf.posts]
        for kind, run in groupby(missing, key=lambda slot: outbound.kind(slots[slot])):
            for album in _albums(list(run)):
                begins = album[0] == 0
                try:
                    messages = await self._post(
                        kind,
                        [slots[slot] for slot in album],
                        look if begins else None,
                        self._place(reply_to if begins else None),
                    )
                except (TelegramError, asyncio.CancelledError) as error:
                    if not surely_did_not_arrive(error):
                        leaf.in_doubt = look
                    raise
                for slot, message in zip(album, messages, strict=True):
                    leaf.posts[slot] = _Post(message.message_id, slots[slot])

    async def _post(
        self,
        kind: str,
        parts: Sequence[Attachment | None],
        look: Look | None,
        place: dict[str, Any],
    ) -> Sequence[Message]:
        """Send a text, a file, or an album. ``look`` is what the first of them says."""
        files = [part for part in parts if part is not None]
        if files:
            return await _as_photo_or_document(
                kind, lambda kind: self._post_files(kind, files, look, place)
            )
        text = outbound.message(look) if look else {}
        send = self._api.send_message
        return [await self._call(send, **text, **place, link_preview_options=_NO_PREVIEW)]

    async def _post_files(
        self, kind: str, files: Sequence[Attachment], look: Look | None, place: dict[str, Any]
    ) -> Sequence[Message]:
        caption = outbound.caption(look) if look else {}
        if len(files) > 1:  # Telegram has no buttons under albums
            album = [
                outbound.input_media(file, kind, {} if number else caption)
                for number, file in enumerate(files)
            ]
            messages: Sequence[Message] = await self._call(
                self._api.send_media_group, media=album, **place
            )
            return messages
        senders: dict[str, Callable[..., Awaitable[Message]]] = {
            "photo": self._api.send_photo,
            "audio": self._api.send_audio,
            "document": self._api.send_document,
        }
        file = {kind: files[0].data, "filename": outbound.file_name(files[0])}
        buttons = outbound.keyboard(look.actions) if look else None
        return [await self._call(senders[kind], **file, **caption, **place, reply_markup=buttons)]

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


def capabilities(channel: Channel) -> Capabilities:
    """What a private chat or a group takes. Known by experience; Telegram publishes no numbers."""
    chat = Budget(f"telegram:chat:{channel.id}", 1, 1.0)
    bot = Budget("telegram:bot", 30, 1.0)
    group = Budget(f"telegram:group:{channel.id}", 20, 60.0)
    return Capabilities(
        page_limit=outbound.PAGE_LIMIT,
        measure=visible_length,
        caption_limit=outbound.CAPTION_LIMIT,
        files_per_page=outbound.ALBUM_LIMIT,
        file_limit=outbound.PHOTO_LIMIT,
        pace=GROUP_PACE if channel.server else PACE,
        budgets=(chat, group, bot) if channel.server else (chat, bot),
    )


async def _as_photo_or_document(kind: str, call: Callable[[str], Awaitable[_T]]) -> _T:
    """Telegram refuses photos that are too large or too long; as documents they are welcome."""
    try:
        return await call(kind)
    except NetworkError as error:  # status 413 is no BadRequest
        if kind != "photo" or not is_answer(error) or not _BAD_PHOTO.search(str(error)):
            raise
    return await call("document")


def _albums(slots: Sequence[int]) -> list[Sequence[int]]:
    most = outbound.ALBUM_LIMIT
    return [slots[first : first + most] for first in range(0, len(slots), most)]


def _says(error: BadRequest, *phrases: str) -> bool:
    text = str(error).lower()
    return any(phrase in text for phrase in phrases)
