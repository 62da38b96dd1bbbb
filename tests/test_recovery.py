"""What becomes of answers that were under way when the program ended, however it ended."""

import asyncio
import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.commands import COMMANDS
from bot.config import LimitSettings
from bot.errors import Busy, Unreachable
from bot.events import TextDelta
from bot.gateway.models import Models
from bot.interfaces import Handler, Surface
from bot.switchboard import Switchboard
from bot.types import Image, Page, Status, Turn
from tests.clock import run
from tests.fakes import FakeGateway, FakeStore, FakeSurface, Step, request, says

FIRST_HALF = "The first half of it all, "
LONG_ANSWER: list[Step] = [TextDelta(FIRST_HALF), 60.0, *says("and the rest.")]


class Harbour:
    """The adapter: gives every turn that is left its own screen again."""

    ready = True

    def __init__(self, screen: FakeSurface) -> None:
        self.screen = screen
        self.reopened: list[Turn] = []

    def reopen(self, turn: Turn) -> Surface:
        self.reopened.append(turn)
        return self.screen

    async def serve(self, handler: Handler) -> None:
        raise NotImplementedError

    async def check(self) -> str:
        raise NotImplementedError


def board(store: FakeStore, *steps: Step) -> Switchboard:
    gateway = FakeGateway(lambda _: steps or says("Hello ", "to ", "you."))
    return Switchboard(
        store, gateway, Models("gpt-5-mini", "nano-banana"), COMMANDS, LimitSettings()
    )


async def killed(
    after: float, screen: FakeSurface, *steps: Step, attachments: Sequence[Image] = ()
) -> FakeStore:
    """What the database holds when the program is killed so long after a question."""
    store = FakeStore()
    asked = replace(request("hi"), attachments=tuple(attachments))
    answer = asyncio.ensure_future(board(store, *steps).handle(asked, screen))
    await asyncio.sleep(after)
    left = copy.deepcopy(store)
    screen.frames = list(screen.frames)
    answer.cancel()
    await asyncio.gather(answer, return_exceptions=True)
    return left


async def started(
    store: FakeStore, screen: FakeSurface, *steps: Step, for_seconds: float = 30.0
) -> Harbour:
    """The next start, for so many seconds."""
    harbour = Harbour(screen)
    delivering = asyncio.ensure_future(board(store, *steps).deliver("test", harbour))
    await asyncio.sleep(for_seconds)
    delivering.cancel()
    await asyncio.gather(delivering, return_exceptions=True)
    return harbour


def the_turn(store: FakeStore) -> Turn:
    (turn,) = store.turns.values()
    return turn


def test_a_question_of_which_nobody_saw_an_answer_is_answered_at_the_next_start() -> None:
    async def play() -> tuple[FakeStore, FakeSurface]:
        store = await killed(1.0, FakeSurface(ref=""), 30.0, *says("too late"))
        screen = FakeSurface()
        await started(store, screen)
        return store, screen

    store, screen = run(play())
    assert screen.text == "Hello to you."
    assert (the_turn(store).status, the_turn(store).due) == (Status.DONE, None)


def test_a_half_answer_keeps_its_text_is_marked_and_offers_a_retry() -> None:
    async def play() -> tuple[FakeStore, FakeSurface]:
        store = await killed(5.0, FakeSurface(), *LONG_ANSWER)
        screen = FakeSurface()
        await started(store, screen)
        return store, screen

    store, screen = run(play())
    (page,) = screen.pages
    assert page.text.startswith(FIRST_HALF.strip())
    assert "interrupted before the answer was complete" in page.text
    assert [action.label for action in page.actions] == ["Retry", "Model…", "Continue"]
    assert (the_turn(store).status, the_turn(store).reply) == (Status.FAILED, None)


def test_an_answer_that_was_complete_but_not_shown_is_shown_and_nothing_is_asked_again() -> None:
    surface = FakeSurface(latency=20.0)

    async def play() -> tuple[FakeStore, FakeSurface, Harbour]:
        store = await killed(10.0, surface)
        screen = FakeSurface()
        return store, screen, await started(store, screen, TextDelta("asked again"))

    store, screen, harbour = run(play())
    assert harbour.reopened[0].status is Status.DONE
    assert screen.text == "Hello to you."
    assert the_turn(store).due is None
    assert the_turn(store).reply is not None


def test_an_ended_turn_is_left_alone() -> None:
    async def play() -> Harbour:
        return await started(await killed(5.0, FakeSurface()), FakeSurface())

    assert run(play()).reopened == []


def test_a_question_from_before_a_long_outage_is_not_answered_unasked() -> None:
    async def play() -> FakeSurface:
        store = await killed(1.0, FakeSurface(ref=""), 30.0)
        key, turn = next(iter(store.turns.items()))
        store.turns[key] = replace(turn, started=time.time() - 7200)
        screen = FakeSurface()
        await started(store, screen)
        return screen

    screen = run(play())
    assert "I was away" in screen.text
    assert [action.label for action in screen.pages[0].actions] == ["Retry", "Model…"]


def test_who_attached_something_that_is_gone_is_asked_to_send_it_again() -> None:
    async def play() -> FakeSurface:
        picture = Image(b"png", "image/png", "picture.png")
        store = await killed(1.0, FakeSurface(ref=""), 30.0, attachments=[picture])
        screen = FakeSurface()
        await started(store, screen)
        return screen

    screen = run(play())
    assert "no longer have what you attached" in screen.text
    assert screen.pages[0].actions == ()


def test_a_platform_that_is_down_at_the_start_is_tried_until_it_takes_the_answer() -> None:
    async def play() -> FakeSurface:
        store = await killed(10.0, FakeSurface(latency=20.0))
        screen = FakeSurface()
        screen.trouble = [Unreachable() for _ in range(14)]
        await started(store, screen, for_seconds=300.0)
        return screen

    assert run(play()).text == "Hello to you."


def test_a_long_penalty_is_no_business_of_the_handler_and_the_answer_comes_after_it() -> None:
    store, screen = FakeStore(), FakeSurface()
    screen.trouble = [Busy(100.0)]

    async def play() -> tuple[float, str, str]:
        switchboard = board(store)
        harbour = Harbour(screen)
        delivering = asyncio.ensure_future(switchboard.deliver("test", harbour))
        begun = asyncio.get_running_loop().time()
        await switchboard.handle(request("hi"), screen)
        handled = asyncio.get_running_loop().time() - begun
        key, turn = next(iter(store.turns.items()))
        before = screen.text
        store.turns[key] = replace(turn, due=time.time() - 1)  # the penalty is over
        await asyncio.sleep(30)
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
        return handled, before, screen.text

    handled, before, after = run(play())
    assert handled < 1
    assert before == ""
    assert after == "Hello to you."
    assert the_turn(store).due is None


def test_a_penalty_in_the_middle_of_an_answer_does_not_keep_the_rest_from_being_heard() -> None:
    store, screen = FakeStore(), FakeSurface()

    async def play() -> None:
        answering = asyncio.ensure_future(
            board(store, *says(*["word "] * 40, every=0.2)).handle(request("hi"), screen)
        )
        await asyncio.sleep(2)
        screen.trouble = [Busy(100.0)]
        await answering

    run(play())
    turn = the_turn(store)
    assert turn.status is Status.DONE
    assert turn.reply is not None
    assert turn.reply.text.split() == ["word"] * 40
    assert turn.due is not None
    assert turn.due > time.time() + 60


class Deaf(FakeSurface):
    """Never takes anything."""

    async def show(self, page: Page) -> None:
        raise Unreachable


def test_an_answer_that_nobody_could_be_shown_for_a_day_is_given_up_and_its_turn_says_so() -> None:
    async def play() -> FakeStore:
        store = await killed(10.0, FakeSurface(latency=20.0))
        key, turn = next(iter(store.turns.items()))
        store.turns[key] = replace(turn, started=time.time() - 24 * 3600)
        await started(store, Deaf(), for_seconds=600.0)
        return store

    turn = the_turn(run(play()))
    assert (turn.status, turn.reply, turn.due) == (Status.FAILED, None, None)


def stopping(
    seconds: float, *steps: Step, then: Callable[[Switchboard], None] = lambda _: None
) -> tuple[FakeStore, list[FakeSurface]]:
    """Two questions in one channel, and a stop that grants so many seconds."""
    store = FakeStore()
    screens = [FakeSurface(), FakeSurface(ref="")]

    async def play() -> None:
        switchboard = board(store, *steps)
        answers = [
            asyncio.ensure_future(switchboard.handle(request("hi", source=str(number)), screen))
            for number, screen in enumerate(screens)
        ]
        await asyncio.sleep(0.5)
        await switchboard.close(seconds)
        late = FakeSurface(ref="")
        screens.append(late)
        assert await switchboard.handle(request("late", source="late"), late) is Status.RUNNING
        for answer in answers:
            answer.cancel()
        await asyncio.gather(*answers, return_exceptions=True)

    run(play())
    return store, screens


def test_a_stop_lets_the_answer_under_way_end_and_leaves_those_who_wait_to_the_next_start() -> None:
    store, (first, second, late) = stopping(30.0, *says(*["word "] * 20, every=0.2))

    assert first.text.split() == ["word"] * 20
    assert [turn.status for turn in store.turns.values()] == [
        Status.DONE,
        Status.RUNNING,
        Status.RUNNING,
    ]
    assert (second.text, late.text) == ("", "")

    screen = FakeSurface()
    run(started(store, screen, for_seconds=60.0))
    assert screen.text == "Hello to you."
    assert all(turn.status is Status.DONE for turn in store.turns.values())


def test_an_answer_that_takes_longer_than_a_stop_grants_is_marked() -> None:
    store, (first, *_) = stopping(2.0, *LONG_ANSWER)

    assert "interrupted before the answer was complete" in first.text
    statuses = [turn.status for turn in store.turns.values()]
    assert statuses == [Status.FAILED, Status.RUNNING, Status.RUNNING]
