"""The pacer's arithmetic with bare numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.pacing import Budget, Pacer, Rank, Shape, Wish

FIVE = Budget("edits", calls=5, seconds=5.0)
WINDOW = Budget("channel", calls=5, seconds=5.0, shape=Shape.WINDOW)
BUCKET = Budget("chat", calls=3, seconds=3.0, shape=Shape.BUCKET)
ONE = Budget("one", calls=1, seconds=1.0)
EVERY_SHAPE = pytest.mark.parametrize("budget", [FIVE, WINDOW, BUCKET], ids=lambda one: one.key)


def delay(pacer: Pacer, *budgets: Budget, now: float, rank: Rank = Rank.EDIT) -> float:
    """How long a call would wait, by asking for it at ever later times; it is not counted."""
    late, _ = pacer._latest(Wish(budgets, rank), now)
    return late - now


@EVERY_SHAPE
def test_a_fresh_budget_lets_the_first_call_out_at_once(budget: Budget) -> None:
    assert delay(Pacer(), budget, now=100.0) == 0.0


@EVERY_SHAPE
def test_one_call_is_kept_for_a_final(budget: Budget) -> None:
    pacer = Pacer()
    for _ in range(budget.calls - 1):
        pacer.spend([budget], 0.0)

    assert delay(pacer, budget, now=0.0) > 0.0
    assert delay(pacer, budget, now=0.0, rank=Rank.FINAL) == 0.0
    pacer.spend([budget], 0.0)
    assert delay(pacer, budget, now=0.0, rank=Rank.FINAL) > 0.0


def test_a_budget_of_one_call_has_none_to_keep() -> None:
    pacer = Pacer()
    pacer.spend([ONE], 0.0)

    assert delay(pacer, ONE, now=0.25) == 0.75
    assert delay(pacer, ONE, now=1.0) == 0.0


def test_a_window_opens_with_its_first_call_and_is_whole_again_when_it_closes() -> None:
    pacer = Pacer()
    for now in (0.0, 3.0, 4.0, 4.5):
        pacer.spend([WINDOW], now)

    assert delay(pacer, WINDOW, now=4.5) == 0.5
    assert delay(pacer, WINDOW, now=5.0) == 0.0
    for _ in range(4):
        pacer.spend([WINDOW], 5.0)
    assert delay(pacer, WINDOW, now=5.0) == 5.0


def test_a_bucket_fills_call_by_call() -> None:
    pacer = Pacer()
    for _ in range(3):
        pacer.spend([BUCKET], 0.0)

    assert delay(pacer, BUCKET, now=0.0, rank=Rank.FINAL) == 1.0
    assert delay(pacer, BUCKET, now=0.0) == 2.0


def test_the_tightest_of_several_budgets_decides() -> None:
    pacer = Pacer()
    pacer.spend([ONE, FIVE], 0.0)

    assert delay(pacer, ONE, FIVE, now=0.5) == 0.5


def test_a_penalty_holds_its_own_chat_and_no_other() -> None:
    pacer = Pacer()
    pacer.hold([ONE, FIVE], until=30.0)

    assert delay(pacer, ONE, now=10.0, rank=Rank.FINAL) == 20.0
    assert delay(pacer, FIVE, now=10.0) == 0.0


def test_the_end_of_a_reply_goes_first_and_then_who_has_waited_longest() -> None:
    pacer = Pacer()
    edit, older, first = (
        Wish([ONE], Rank.EDIT, 5.0),
        Wish([ONE], Rank.EDIT, 4.0),
        Wish([ONE], Rank.FIRST),
    )
    final = Wish([ONE], Rank.FINAL, 9.0)
    waiting = [edit, older, first, final]

    order = []
    now = 10.0
    while waiting:
        served, again = pacer.serve(waiting, now)
        order += served
        waiting = [wish for wish in waiting if wish not in served]
        now = again
    assert order == [final, first, older, edit]
    assert again == math.inf


def test_who_waits_for_a_limit_of_their_own_holds_up_nobody_else() -> None:
    pacer = Pacer()
    pacer.spend([ONE], 0.0)
    blocked, free = Wish([ONE, FIVE], Rank.FINAL), Wish([FIVE], Rank.EDIT)

    assert pacer.serve([blocked, free], 0.5) == ([free], 1.0)


def test_a_call_that_nobody_would_miss_is_made_only_where_there_is_plenty_of_room() -> None:
    pacer = Pacer()

    assert pacer.serve([Wish([FIVE], Rank.SIGN)], 0.0)[0]
    pacer.spend([FIVE], 0.0)
    assert not pacer.serve([Wish([FIVE], Rank.SIGN)], 0.0)[0]
    assert pacer.serve([Wish([FIVE], Rank.FIRST)], 0.0)[0]


def test_edits_spread_over_what_is_left_of_a_window() -> None:
    pacer = Pacer()
    pacer.spend([WINDOW], 0.0)

    assert pacer.spacing([WINDOW], 0.0, Rank.EDIT) == pytest.approx(5 / 4)
    assert pacer.spacing([WINDOW], 0.0, Rank.EDIT, span=4.0) == pytest.approx(1.0)


calls = st.lists(
    st.tuples(st.floats(0, 3), st.sampled_from([Rank.FINAL, Rank.FIRST, Rank.EDIT])), max_size=60
)


@EVERY_SHAPE
@given(steps=calls)
def test_no_time_ever_holds_more_calls_than_the_budget(
    budget: Budget, steps: list[tuple[float, Rank]]
) -> None:
    pacer, now, sent = Pacer(), 0.0, []
    for pause, rank in steps:
        now += pause
        served: list[Wish] = []
        while not served:
            served, again = pacer.serve([Wish([budget], rank)], now)
            now = now if served else again
        sent.append(now)

    if budget.shape is Shape.SLIDING:
        for first, sixth in zip(sent, sent[5:], strict=False):
            assert sixth - first >= budget.seconds - 1e-6
    elif budget.shape is Shape.WINDOW:
        assert _most_in_a_window(sent, budget.seconds) <= budget.calls
    else:
        for start, at in enumerate(sent):
            for more, later in enumerate(sent[start:], 1):
                assert more <= budget.calls + (later - at) / (budget.seconds / 3) + 1e-6


def _most_in_a_window(sent: list[float], seconds: float) -> int:
    most, opened, used = 0, -math.inf, 0
    for at in sent:
        if at >= opened + seconds - 1e-9:
            opened, used = at, 0
        used += 1
        most = max(most, used)
    return most


def test_budgets_that_nobody_uses_any_more_are_let_go() -> None:
    pacer = Pacer()
    for number in range(10_000):
        pacer.spend([Budget(f"interaction {number}", calls=5, seconds=5.0)], float(number))
        pacer.hold([Budget(f"chat {number}", calls=1, seconds=1.0)], number + 1.0)

    assert len(pacer._counts) + len(pacer._held) < 2_000
