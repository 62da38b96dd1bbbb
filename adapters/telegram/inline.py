"""Questions in chats where we are not: ``@bot question``, answered in the message that it becomes.

Telegram asks us while somebody types, and we offer one result. Whoever picks it posts our text in
their name; then Telegram tells us which message that is (if @BotFather was told so: /setinline and
/setinlinefeedback, 100 %), and its text is edited as the answer grows. It can have no second page.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQuery,
    InlineQueryResultArticle,
    InputTextMessageContent,
    LinkPreviewOptions,
    MessageEntity,
)
from telegram.error import BadRequest, TelegramError

from adapters.telegram import outbound
from adapters.telegram.api import Api
from adapters.telegram.entities import utf16_length
from adapters.telegram.failures import reason, translated
from adapters.telegram.markup import visible_length
from adapters.telegram.surface import Shared
from bot.interfaces import Capabilities
from bot.pacing import Budget, Shape
from bot.types import Page

log = logging.getLogger("switchboard.telegram")

REST = 0.8  # seconds after which whoever types has probably ended
PACE = 2.0  # seconds between two edits
_ENDS = ("?", ".", "!", "…")
_QUERY_LIMIT = 256  # characters; Telegram's number
_CUT = "✂️ The rest does not fit here. Ask me in a private chat for all of it."
_PAGE_LIMIT = outbound.PAGE_LIMIT - 2 * _QUERY_LIMIT - len(_CUT) - 8
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_WAITING = "…"


class InlineMode:
    """Offers to ask what somebody types. ``close`` it in the end."""

    def __init__(self, api: Api, shared: Shared) -> None:
        self._api = api
        self._shared = shared
        self._offers: dict[int, asyncio.Task[None]] = {}

    def offer(self, query: InlineQuery) -> None:
        """Once they have ended or rest. Who types on takes the earlier one back."""
        asker = query.from_user.id
        if (earlier := self._offers.pop(asker, None)) is not None:
            earlier.cancel()
        if not query.query.strip():
            return
        offer = asyncio.get_running_loop().create_task(self._offer(query))
        self._offers[asker] = offer
        offer.add_done_callback(lambda done: self._forget(asker, done))

    async def close(self) -> None:
        offers = [*self._offers.values()]
        for offer in offers:
            offer.cancel()
        await asyncio.gather(*offers, return_exceptions=True)

    def _forget(self, asker: int, done: asyncio.Task[None]) -> None:
        if self._offers.get(asker) is done:
            del self._offers[asker]

    async def _offer(self, query: InlineQuery) -> None:
        question = query.query.strip()
        if not question.endswith(_ENDS):
            await asyncio.sleep(REST)
        article = _article(question, self._shared.username)
        try:
            await self._api.answer_inline_query(query.id, [article], cache_time=0, is_personal=True)
        except TelegramError as error:
            log.info("an inline question was not offered: %s", reason(error, self._api.token))


class InlineSurface:
    """The one message that an inline question has become (``bot.interfaces.Surface``).

    It has text only and no buttons of the answer: Telegram does not tell us where it is.
    """

    def __init__(
        self, api: Api, message: str, question: str, shared: Shared, *, is_shown: bool = False
    ) -> None:
        self.begun = asyncio.Event()
        edits = Budget(f"telegram:inline:{message}", 3, 3.15, Shape.BUCKET)
        self.capabilities = Capabilities(
            page_limit=_PAGE_LIMIT,
            measure=visible_length,
            files_per_page=0,
            file_limit=0,
            pace=PACE,
            budgets=(edits, shared.overall),
        )
        self._api = api
        self._message = message
        self._question = question
        self._username = shared.username
        self._text = ""  # of page 0
        self._shown = ""
        self.posted = 1 if is_shown else 0

    @property
    def ref(self) -> str:
        return self._message if self.posted else ""

    async def show(self, page: Page) -> None:
        """See ``bot.interfaces.Surface``. Of later pages no more is shown than that they are."""
        if page.number == 0:
            self._text = page.text
        is_cut = page.number > 0 or self.posted > 1
        shown = f"{self._text}\n\n*{_CUT}*" if is_cut else self._text
        if shown != self._shown:
            await self._edit(shown)
            self._shown = shown
        self.posted = max(self.posted, page.number + 1)
        self.begun.set()

    async def _edit(self, shown: str) -> None:
        try:
            await self._api.edit_message_text(
                inline_message_id=self._message,
                link_preview_options=_NO_PREVIEW,
                reply_markup=_keyboard(self._username),
                **_content(self._question, shown),
            )
        except BadRequest as error:
            if "message is not modified" not in str(error).lower():
                raise translated(error, self._api.token) from None
        except TelegramError as error:
            raise translated(error, self._api.token) from None


def _article(question: str, username: str) -> InlineQueryResultArticle:
    content = _content(question, _WAITING)
    return InlineQueryResultArticle(
        id="ask",
        title=f"Ask: {question}",
        description="The answer appears in your message.",
        input_message_content=InputTextMessageContent(
            content["text"], entities=content["entities"], link_preview_options=_NO_PREVIEW
        ),
        # Telegram tells us which message it has become only if there is a button.
        reply_markup=_keyboard(username),
    )


def _content(question: str, markdown: str) -> dict[str, Any]:
    """The question in bold, and what is said to it."""
    said, entities = outbound.formatted(markdown)
    head = utf16_length(question)
    bold = MessageEntity(MessageEntity.BOLD, 0, head)
    moved = MessageEntity.shift_entities(head + 2, entities or ())
    return {"text": f"{question}\n\n{said or _WAITING}", "entities": [bold, *moved]}


def _keyboard(username: str) -> InlineKeyboardMarkup | None:
    if not username:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton("Ask me in private", url=f"https://t.me/{username}")]]
    )
