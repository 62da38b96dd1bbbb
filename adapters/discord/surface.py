"""One reply on Discord: page 0, 1, 2 … as messages.

A slash command or button is answered through its interaction for as long as Discord lets us, and
then, or where that was never possible, with ordinary messages of the bot. Either way a call that
went wrong may be made again: it edits, or it sends under a nonce, or it looks for what was lost.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.discord import markup, outbound
from adapters.discord.outbound import FILE_LIMIT, Look
from adapters.discord.rest import Attached, Rejected, Rest
from bot.errors import Busy, Gone, SurfaceError, Unreachable
from bot.interfaces import Capabilities
from bot.pacing import Budget, Shape
from bot.types import Image, Page

Json = dict[str, Any]

PACE = 0.7  # seconds
# 50 calls a second; evenly spread, so that those that are late on the way do not meet many others.
BOT = Budget("discord:bot", 3, 3 / 44, Shape.BUCKET, for_finals=0, for_others=0)
TOKEN_LIFE = 14.5 * 60  # seconds; Discord says 15 minutes, the rest is for calls on their way

ORIGINAL = "@original"  # Discord's name for the first answer to an interaction
_UNKNOWN_MESSAGE = 10008
_TOKEN_ENDED = (10015, 50027)  # Unknown Webhook, Invalid Webhook Token
_NO_REPLY = (50035, 160002)  # the message replied to cannot be referred to, or not by us
_NOT_ALLOWED = (50001, 50013)  # Missing Access, Missing Permissions
_NO_MORE = 40094  # follow-ups, where the bot is no member
_TOO_LARGE = 40005  # Request entity too large; a proxy on the way says only 413


@dataclass(frozen=True, slots=True)
class Webhook:
    """An interaction as Discord lets us answer it. ``until`` is on the clock of ``time.monotonic``.

    ``original`` is the message that is waiting already ("is thinking …") to become page 0: its id,
    ORIGINAL where Discord did not tell it, "" for none.
    """

    application: str
    token: str
    until: float
    original: str = ""
    file_limit: int = FILE_LIMIT

    @property
    def path(self) -> str:
        return f"/webhooks/{self.application}/{self.token}"


class DiscordSurface:
    """``channel`` is where messages go (a thread's own id), ``source`` the id of what is answered.

    ``reply_to`` is the message that page 0 replies to, "" for none; ``messages`` are the ids of
    pages that are there already. ``acknowledged`` ends with the webhook as Discord confirmed it, or
    None where the answer must go to the channel; nothing is shown before. ``resumed`` says that an
    earlier run may have posted more than it lived to write down. Where the channel is not
    ``in_reach`` the bot is no member: there is the interaction, and nothing beside it.
    """

    def __init__(
        self,
        rest: Rest,
        channel: str,
        source: str,
        *,
        reply_to: str = "",
        webhook: Webhook | None = None,
        messages: Sequence[str] = (),
        acknowledged: asyncio.Task[Webhook | None] | None = None,
        resumed: bool = False,
        in_reach: bool = True,
    ) -> None:
        self.begun = asyncio.Event()  # set as soon as something of the reply can be seen
        self.channel = channel
        self._rest = rest
        self._source = source
        self._reply_to = reply_to
        self._webhook = webhook
        self._messages = dict(enumerate(messages))
        self._acknowledged = acknowledged
        self._resumed = resumed
        self._in_reach = in_reach
        self._to_recall = resumed and source.isdigit()
        if webhook is not None and webhook.original:
            self._messages[0] = webhook.original
        self._looks: dict[int, Look] = {}
        self._in_doubt: dict[int, Look] = {}  # sent, and never confirmed
        self._gone: dict[int, int] = {}  # how many messages of a page were deleted

    @property
    def capabilities(self) -> Capabilities:
        webhook = self._live_webhook()
        if webhook is not None:
            # Interactions do not count towards the bot's own limit of 50 calls a second.
            edits: tuple[Budget, ...] = (_five(f"interaction:{self._source}", for_others=0),)
            sends = edits
        else:
            edits = (_five(f"channel:{self.channel}:edit"), BOT)
            sends = (_five(f"channel:{self.channel}:send"), BOT)
        return Capabilities(
            page_limit=outbound.PAGE_LIMIT,
            measure=markup.length,
            files_per_page=outbound.FILES_PER_PAGE,
            file_limit=webhook.file_limit if webhook else FILE_LIMIT,
            pace=PACE,
            budgets=edits,
            send_budgets=sends,
        )

    @property
    def is_waiting(self) -> bool:
        """Whether Discord shows already that an answer is coming."""
        return 0 in self._messages

    @property
    def ref(self) -> str:
        """The channel and the messages: "1234/5678,5679"."""
        known = [self._messages[number] for number in sorted(self._messages)]
        return f"{self.channel}/{','.join(known)}" if known and ORIGINAL not in known else ""

    @property
    def posted(self) -> int:
        """See ``bot.interfaces.Surface``."""
        return max(self._messages, default=-1) + 1

    async def show(self, page: Page) -> None:
        """See ``bot.interfaces.Surface``. A send may be repeated, too: it will not appear twice."""
        look = outbound.look(page)
        if not look or look == self._looks.get(page.number):
            return
        await self._settle()
        if self._to_recall:
            await self._recall()
        while True:
            try:
                await self._put(page.number, look)
                break
            except Rejected as error:
                self._adapt(page.number, look, error)
        self._looks[page.number] = look
        self.begun.set()

    async def _settle(self) -> None:
        """Wait until Discord has heard that an answer is coming, and learn where it goes."""
        if self._acknowledged is None:
            return
        self._webhook = await asyncio.shield(self._acknowledged)
        self._acknowledged = None
        self._messages.pop(0, None)
        if self._webhook is not None and self._webhook.original:
            self._messages[0] = self._webhook.original

    async def _recall(self) -> None:
        """Find what an earlier run has posted for an interaction: at least what says "is thinking",
        which would say so for ever. Messages that it sent on its own are found by their nonce."""
        query = f"?after={self._source}&limit=50"
        try:
            posted = await self._rest.call("GET", f"/channels/{self.channel}/messages", query=query)
        except Rejected:
            posted = []  # where the bot may not read, the answer stands beside it
        self._to_recall = False
        known = set(self._messages.values())
        for message in sorted(posted, key=lambda one: int(one["id"])):
            asked = message.get("interaction_metadata") or {}
            if asked.get("id") == self._source and message["id"] not in known:
                self._messages[self.posted] = message["id"]

    def _adapt(self, number: int, look: Look, error: Rejected) -> None:
        """Make the next try a different one, or raise what is to be said where there is none."""
        is_there = number in self._messages
        if error.code == _UNKNOWN_MESSAGE and is_there:
            del self._messages[number]
            self._gone[number] = self._gone.get(number, 0) + 1
        elif error.code in _TOKEN_ENDED and self._webhook is not None:
            self._webhook = None
        elif error.code in _NO_REPLY and self._reply_to and not is_there:
            self._reply_to = ""
        else:
            raise _refusal(look, error) from error

    def _live_webhook(self) -> Webhook | None:
        if self._webhook is not None and time.monotonic() >= self._webhook.until:
            self._webhook = None
        if self._webhook is None and self._messages.get(0) == ORIGINAL:
            del self._messages[0]  # a name that nothing but the interaction knows
        return self._webhook

    async def _put(self, number: int, look: Look) -> None:
        webhook = self._live_webhook()
        if webhook is None and not self._in_reach:
            raise Gone(detail=f"channel {self.channel}: the interaction is over, no other way in")
        if webhook is not None and self._in_reach and number in self._in_doubt:
            await self._find_lost(number, webhook)
        if number in self._messages:
            await self._edit(number, look, webhook)
            return
        doubted = self._in_doubt.setdefault(number, look)
        try:
            sent = await self._send(number, look, webhook)
        except (Busy, Rejected):
            if doubted is look:
                del self._in_doubt[number]
            raise
        self._messages[number] = sent
        del self._in_doubt[number]
        if doubted != look or self._resumed:
            # If an earlier try had arrived, the nonce has given us its message, with its look.
            await self._edit(number, look, webhook)

    async def _send(self, number: int, look: Look, webhook: Webhook | None) -> str:
        """The id of the new message."""
        body = outbound.body(look)
        if webhook is None:
            body |= self._nonce(number)
            if number == 0 and self._reply_to:
                reference = {"message_id": self._reply_to, "fail_if_not_exists": False}
                body["message_reference"] = reference
        files = outbound.files(look.media)
        if files:
            body["attachments"] = outbound.listed(files)
        path = webhook.path if webhook else f"/channels/{self.channel}/messages"
        message_id = _id_of(await self._rest.call("POST", path, body, files))
        if not message_id:
            raise Unreachable(detail="Discord did not say which message was sent")
        return message_id

    def _nonce(self, number: int) -> Json:
        """The same for every try, but another one after the page's message was deleted."""
        seed = f"{self._source}:{number}:{self._gone.get(number, 0)}"
        return {"nonce": hashlib.sha256(seed.encode()).hexdigest()[:25], "enforce_nonce": True}

    async def _edit(self, number: int, look: Look, webhook: Webhook | None) -> None:
        # Forgotten until confirmed: an edit that breaks off may or may not have been made.
        before = self._looks.pop(number, None)
        body = outbound.body(look)
        files: list[Attached] = []
        # Attachments that are not mentioned stay as they are; new ones take the place of all.
        if before is None or before.media != look.media:
            files = outbound.files(look.media)
            body["attachments"] = outbound.listed(files)
        message = self._messages[number]
        if webhook is None:
            path = f"/channels/{self.channel}/messages/{message}"
        else:
            name = ORIGINAL if message == webhook.original else message
            path = f"{webhook.path}/messages/{name}"
        edited = await self._rest.call("PATCH", path, body, files)
        self._messages[number] = _id_of(edited) or message

    async def _find_lost(self, number: int, webhook: Webhook) -> None:
        """A follow-up takes no nonce: look whether the one in doubt stands in the channel."""
        query = f"?after={self._source}&limit=50"
        try:
            posted = await self._rest.call("GET", f"/channels/{self.channel}/messages", query=query)
        except Rejected:
            return  # where the bot may not read, a page shown twice is better than none
        known = self._messages.values()
        for message in posted:
            if (
                message.get("application_id") == webhook.application
                and message["id"] not in known
                and (message.get("content") or "").strip() == self._in_doubt[number].content
            ):
                self._messages[number] = message["id"]
                del self._in_doubt[number]
                return


def _five(key: str, for_others: int = 1) -> Budget:
    """Known by experience, not promised: 5 edits and 5 sends in 5 s. The window opens when the
    first of them arrives, a little after it left."""
    return Budget(f"discord:{key}", 5, 5.25, Shape.WINDOW, for_others=for_others)


def _id_of(answer: Any) -> str:
    """The id of the message that a call was about, "" where its answer does not tell."""
    match answer:
        case {"id": str(message_id)}:
            return message_id
    return ""


def _refusal(look: Look, error: Rejected) -> SurfaceError:
    """What people are told where Discord does not take the page."""
    if error.code in _NOT_ALLOWED:
        what = "attach files" if look.media else "post"
        notice = (
            f"I am not allowed to {what} here. "
            "Somebody who manages this server can change that in the channel's permissions."
        )
        return Gone(notice, detail=str(error))
    if error.code == _NO_MORE:
        notice = "Where I am no member, Discord lets me post no more messages than these."
        return Gone(notice, detail=str(error))
    if look.media and (error.status == 413 or error.code == _TOO_LARGE):
        pictures = all(isinstance(part, Image) for part in look.media)
        what = "picture" if pictures else "file"
        return SurfaceError(f"The {what} is too large to post here.", detail=str(error))
    return error
