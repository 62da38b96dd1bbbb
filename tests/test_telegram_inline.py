"""Inline mode on a simulated Telegram: ``@switchboard_bot question`` in chats where it is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.errors import Gone
from bot.interfaces import Surface
from bot.types import Action, Channel, Page, Request, Turn, User
from tests.simulators.telegram import Seen, Typed
from tests.telegram_harbour import Harbour, community, serving, shows

QUESTION = "How is the tide?"


@pytest.fixture
async def harbour() -> AsyncIterator[Harbour]:
    """The bot has left the group."""
    async with community() as quiet:
        quiet.telegram.inline = True
        quiet.telegram.kick(quiet.group)
        async with serving(quiet.adapter, quiet.handler):
            await quiet.telegram.ready()
            yield quiet


async def offered(harbour: Harbour, query: str = QUESTION) -> Typed:
    typed = await harbour.telegram.type_inline(harbour.alice, query)
    await harbour.telegram.until(lambda: typed.results)
    return typed


async def posted(harbour: Harbour, words: str) -> Seen:
    return await harbour.telegram.wait_for(harbour.group, lambda seen: words in seen.text)


async def test_a_question_is_offered_for_the_person_who_types_it(harbour: Harbour) -> None:
    typed = await offered(harbour)

    (result,) = typed.results or []
    assert result.title == "Ask: How is the tide?"
    assert result.formatted.text == "How is the tide?\n\n…"
    assert (typed.cache_time, typed.is_personal) == (0, True)
    assert typed.answered_after is not None
    assert typed.answered_after < 0.5


async def test_what_is_still_being_typed_is_not_offered(harbour: Harbour) -> None:
    telegram = harbour.telegram
    typing = [await telegram.type_inline(harbour.alice, QUESTION[:end]) for end in (3, 6, 9)]
    last = await offered(harbour, "How is the tide")

    assert [typed.results for typed in typing] == [None] * 3
    assert last.answered_after is not None
    assert last.answered_after >= 0.8


async def test_the_answer_grows_in_the_message_that_was_posted(harbour: Harbour) -> None:
    telegram = harbour.telegram
    stop = [Action("Stop", "/stop 1")]
    harbour.handler.answer = shows(
        Page(0, "It is", actions=stop), Page(0, "It is **high**.", final=True)
    )

    message = await telegram.choose_inline(harbour.group, await offered(harbour))
    seen = await posted(harbour, "It is high.")

    assert (seen.id, seen.author) == (message, "Alice")
    assert [text for _, text in seen.versions] == [
        "How is the tide?\n\n…",
        "How is the tide?\n\nIt is",
        "How is the tide?\n\nIt is high.",
    ]
    assert seen.entities == [
        {"type": "bold", "offset": 0, "length": 16},
        {"type": "bold", "offset": 24, "length": 4},
    ]
    assert [button["url"] for row in seen.buttons for button in row] == [
        "https://t.me/switchboard_bot"
    ]


async def test_it_belongs_to_the_history_of_who_asks(harbour: Harbour) -> None:
    await harbour.telegram.choose_inline(harbour.group, await offered(harbour))
    request = await harbour.handler.request()

    assert request.channel == Channel("telegram", "", f"inline:{harbour.alice}")
    assert request.user == User(str(harbour.alice), "Alice", moderator=True)
    assert (request.command, request.text) == ("ask", QUESTION)


async def test_a_line_with_a_slash_is_a_question_too(harbour: Harbour) -> None:
    await harbour.telegram.choose_inline(harbour.group, await offered(harbour, "/reset now?"))

    request = await harbour.handler.request()
    assert (request.command, request.text) == ("ask", "/reset now?")


async def test_what_does_not_fit_is_said_to_be_missing(harbour: Harbour) -> None:
    harbour.telegram.limits.off()
    shown = asyncio.Event()

    async def answer(request: Request, surface: Surface) -> None:
        full = "x" * surface.capabilities.page_limit
        for number in range(3):
            await surface.show(Page(number, full, final=True))
        shown.set()

    harbour.handler.answer = answer
    await harbour.telegram.choose_inline(harbour.group, await offered(harbour))
    seen = await posted(harbour, "Ask me in a private chat")
    async with asyncio.timeout(5):
        await shown.wait()

    (surface,) = harbour.handler.surfaces
    assert seen.text.count("x") == surface.capabilities.page_limit
    assert surface.posted == 3
    assert len(seen.versions) == 3  # "…", the page, and what is missing


async def test_in_the_chat_with_the_bot_it_is_answered_once() -> None:
    async with community() as harbour:
        harbour.telegram.inline = True
        async with serving(harbour.adapter, harbour.handler):
            await harbour.telegram.ready()
            await harbour.telegram.choose_inline(harbour.private, await offered(harbour))
            await harbour.telegram.wait_for(
                harbour.private, lambda seen: seen.text.endswith("done")
            )
            await harbour.telegram.say(harbour.private, harbour.alice, "and now?")
            await harbour.handler.request(1)

    assert [request.text for request in harbour.handler.requests] == [QUESTION, "and now?"]


async def test_the_answer_is_found_again_after_a_restart(harbour: Harbour) -> None:
    harbour.telegram.limits.off()
    await harbour.telegram.choose_inline(harbour.group, await offered(harbour))
    request = await harbour.handler.request()
    await posted(harbour, "done")
    (first,) = harbour.handler.surfaces
    async with asyncio.timeout(5):
        while not first.posted:
            await asyncio.sleep(0.01)

    surface = harbour.adapter.reopen(Turn("1", request, surface=first.ref))
    assert (surface.posted, surface.ref) == (1, first.ref)
    await surface.show(Page(0, "It was interrupted.", final=True))
    await harbour.adapter.reopen(Turn("1", request)).show(Page(0, "It was interrupted."))

    seen = await posted(harbour, "It was interrupted.")
    assert seen.text.startswith(QUESTION)


async def test_a_message_that_was_deleted_is_gone(harbour: Harbour) -> None:
    message = await harbour.telegram.choose_inline(harbour.group, await offered(harbour))
    await posted(harbour, "done")
    harbour.telegram.delete(harbour.group, message)

    with pytest.raises(Gone):
        await harbour.handler.surfaces[0].show(Page(0, "more", final=True))


async def test_without_feedback_nothing_is_asked(harbour: Harbour) -> None:
    harbour.telegram.inline_feedback = False

    await harbour.telegram.choose_inline(harbour.group, await offered(harbour))
    await harbour.telegram.say(harbour.private, harbour.alice, "hello")
    await harbour.handler.request()

    assert [request.text for request in harbour.handler.requests] == ["hello"]


async def test_typing_on_and_stopping_leaves_nothing_behind() -> None:
    async with community() as harbour:
        harbour.telegram.inline = True
        async with serving(harbour.adapter, harbour.handler):
            await harbour.telegram.ready()
            await harbour.telegram.type_inline(harbour.alice, "How is")
            await harbour.telegram.say(harbour.private, harbour.alice, "hello")
            await harbour.handler.request()

    ours = [task for task in asyncio.all_tasks() if "adapters" in repr(task.get_coro())]
    assert ours == []
