"""Who may call now: many at once before the limits they share, on a clock that jumps."""

import asyncio

from bot.pacing import Budget, Rank, Shape, Wish
from bot.scheduler import Scheduler
from tests.clock import run

BOT = Budget("bot", calls=3, seconds=1.0, shape=Shape.BUCKET, for_finals=0)


def chat(number: int) -> Budget:
    return Budget(f"chat {number}", calls=2, seconds=10.0)


async def at(scheduler: Scheduler, wish: Wish) -> float:
    await scheduler.admit(wish)
    return asyncio.get_running_loop().time()


def test_two_hundred_who_ask_at_once_go_one_after_the_other_as_the_limit_allows() -> None:
    async def play() -> list[float]:
        scheduler = Scheduler()
        wishes = [Wish([chat(number), BOT], Rank.FIRST) for number in range(200)]
        return sorted(await asyncio.gather(*(at(scheduler, wish) for wish in wishes)))

    times = run(play())
    assert times[0] == 0.0
    pairs = zip(times, times[6:], strict=False)  # three at once, and three more in a second
    assert all(later - sooner >= 1.0 - 1e-6 for sooner, later in pairs)
    assert times[-1] < 200 / 3 + 1


def test_a_final_overtakes_everybody_who_waits() -> None:
    async def play() -> tuple[float, float]:
        scheduler = Scheduler()
        edits = [asyncio.ensure_future(at(scheduler, Wish([BOT], Rank.EDIT))) for _ in range(30)]
        await asyncio.sleep(1.5)
        final = await at(scheduler, Wish([BOT], Rank.FINAL))
        return final, max(await asyncio.gather(*edits))

    final, last = run(play())
    assert final < 2.0
    assert last > 9.0


def test_what_becomes_a_final_while_it_waits_goes_first_from_then_on() -> None:
    async def play() -> float:
        scheduler = Scheduler()
        others = [asyncio.ensure_future(at(scheduler, Wish([BOT], Rank.FIRST))) for _ in range(30)]
        mine = Wish([BOT], Rank.EDIT)
        waiting = asyncio.ensure_future(at(scheduler, mine))
        await asyncio.sleep(2.0)
        scheduler.promote(mine)
        before = sum(other.done() for other in others)
        assert before < 15
        return await waiting

    assert run(play()) < 2.5


def test_who_leaves_the_queue_holds_up_nobody() -> None:
    async def play() -> float:
        scheduler = Scheduler()
        leaving = [asyncio.ensure_future(at(scheduler, Wish([BOT], Rank.FINAL))) for _ in range(50)]
        staying = asyncio.ensure_future(at(scheduler, Wish([BOT], Rank.EDIT)))
        await asyncio.sleep(0.1)
        for task in leaving:
            task.cancel()
        return await staying

    assert run(play()) <= 1.0


def test_a_penalty_of_one_chat_delays_no_other() -> None:
    async def play() -> tuple[float, float]:
        scheduler = Scheduler()
        scheduler.hold([chat(1), BOT], 30.0)
        one, two = await asyncio.gather(
            at(scheduler, Wish([chat(1), BOT], Rank.FINAL)),
            at(scheduler, Wish([chat(2), BOT], Rank.EDIT)),
        )
        return one, two

    assert run(play()) == (30.0, 0.0)


def test_what_nobody_would_miss_gives_way_at_once() -> None:
    async def play() -> tuple[bool, bool]:
        scheduler = Scheduler()
        first = scheduler.spare([BOT])
        return first, scheduler.spare([BOT])

    assert run(play()) == (True, False)
