"""The fake store is held to the contract of the real ones, by the very same tests."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests import test_storage as contract
from tests.fakes import FakeStore

CONTRACT: list[Callable[[Any], Awaitable[None]]] = [
    contract.test_of_twenty_who_claim_an_event_at_once_one_wins,
    contract.test_the_same_turn_begun_again_is_no_second_claim,
    contract.test_channels_and_threads_number_their_events_on_their_own,
    contract.test_history_is_in_the_order_in_which_turns_began,
    contract.test_history_is_the_newest_turns_oldest_first,
    contract.test_turns_without_a_reply_are_not_remembered_and_take_no_room,
    contract.test_a_stopped_answer_is_remembered_as_far_as_it_came,
    contract.test_a_channel_is_shared_by_its_members_under_their_names,
    contract.test_turns_that_end_side_by_side_lose_nothing,
    contract.test_what_is_said_after_forgetting_is_remembered,
    contract.test_a_turn_is_found_by_its_id_and_forgotten_by_itself,
    contract.test_finishing_or_placing_a_turn_that_never_began_is_an_error,
    contract.test_a_summary_stands_for_all_that_was_said_up_to_a_turn,
    contract.test_forgetting_one_turn_takes_the_summaries_that_it_is_in,
    contract.test_a_turn_of_another_channel_is_not_forgotten_here,
    contract.test_what_is_forgotten_while_it_is_summed_up_does_not_come_back,
    contract.test_what_was_read_of_attachments_is_kept_with_the_question,
    contract.test_a_turn_is_outstanding_from_when_it_is_due_until_it_was_shown,
    contract.test_what_is_outstanding_comes_by_platform_and_the_oldest_first,
    contract.test_a_forgotten_turn_is_not_outstanding_and_can_still_end,
    contract.test_what_is_on_the_screen_is_kept_with_its_place_until_the_turn_ends,
    contract.test_a_running_turn_that_is_put_off_keeps_what_is_on_the_screen,
    contract.test_a_request_says_how_many_attachments_were_not_kept,
]


@pytest.mark.parametrize("holds", CONTRACT, ids=lambda test: test.__name__)
async def test_the_fake_store_keeps_the_contract(holds: Callable[[Any], Awaitable[None]]) -> None:
    await holds(FakeStore())
