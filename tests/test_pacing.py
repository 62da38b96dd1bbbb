"""The pacer's arithmetic with bare numbers."""

from hypothesis import given
from hypothesis import strategies as st

from bot.pacing import Budget, Pacer

FIVE = Budget("edits", calls=5, seconds=5.0)
ONE = Budget("chat", calls=1, seconds=1.0)


def test_a_fresh_budget_lets_the_first_call_out_at_once() -> None:
    assert Pacer().delay([FIVE], now=100.0) == 0.0


def test_one_call_is_kept_for_a_final() -> None:
    pacer = Pacer()
    for _ in range(4):
        pacer.spend([FIVE], 0.0)

    assert pacer.delay([FIVE], 1.0) == 4.0
    assert pacer.delay([FIVE], 1.0, final=True) == 0.0


def test_a_budget_of_one_call_has_none_to_keep() -> None:
    pacer = Pacer()
    pacer.spend([ONE], 0.0)

    assert pacer.delay([ONE], 0.25) == 0.75
    assert pacer.delay([ONE], 1.0) == 0.0


def test_the_tightest_of_several_budgets_decides() -> None:
    pacer = Pacer()
    pacer.spend([ONE, FIVE], 0.0)

    assert pacer.delay([ONE, FIVE], 0.5) == 0.5


def test_a_penalty_holds_its_own_chat_and_no_other() -> None:
    pacer = Pacer()
    pacer.hold([ONE, FIVE], until=30.0)

    assert pacer.delay([ONE], 10.0, final=True) == 20.0
    assert pacer.delay([FIVE], 10.0) == 0.0


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=60))
def test_no_window_ever_holds_more_calls_than_the_budget(steps: list[tuple[float, bool]]) -> None:
    pacer, now, sent = Pacer(), 0.0, []
    for pause, final in steps:
        now += pause
        now += pacer.delay([FIVE], now, final=final)
        pacer.spend([FIVE], now)
        sent.append(now)

    for first, sixth in zip(sent, sent[5:], strict=False):
        assert sixth - first >= FIVE.seconds - 1e-6


def test_budgets_that_nobody_uses_any_more_are_let_go() -> None:
    pacer = Pacer()
    for number in range(10_000):
        pacer.spend([Budget(f"interaction {number}", calls=5, seconds=5.0)], float(number))
        pacer.hold([Budget(f"chat {number}", calls=1, seconds=1.0)], number + 1.0)

    assert len(pacer._calls) + len(pacer._held) < 2_000
