"""One request from the claim to its stored end, with hand-written fakes on a clock that jumps."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands import COMMANDS
from bot.config import LimitSettings
from bot.errors import Filtered, GatewayDown, Gone, Interrupted, NoCredit, StorageError
from bot.events import Ending, Finish, Media, TextDelta, ThinkingDelta
from bot.gateway.models import Models
from bot.interfaces import Capabilities
from bot.switchboard import Switchboard
from bot.types import Channel, Image, ImagePrompt, Page, Prompt, Request, Status, Turn, User
from tests.clock import run
from tests.fakes import CHANNEL, FakeGateway, FakeStore, FakeSurface, Step, request, says

LIMITS = LimitSettings()
PICTURE = Image(b"png", "image/png", "picture.png")


class Bench:
    """A Switchboard on fakes. ``script`` is what the gateway does with a prompt."""

    def __init__(self, *steps: Step) -> None:
        self.script: Sequence[Step] = steps or says("Hello ", "to ", "you.")
        self.store = FakeStore()
        self.gateway = FakeGateway(lambda prompt: self.script)
        self.models = Models("gpt-5-mini", "nano-banana")
        self.switchboard = Switchboard(self.store, self.gateway, self.models, COMMANDS, LIMITS)

    async def ask(
        self, asked: Request | str = "hi", surface: FakeSurface | None = None
    ) -> FakeSurface:
        surface = surface or FakeSurface()
        asked = request(asked) if isinstance(asked, str) else asked
        self.status = await self.switchboard.handle(asked, surface)
        return surface

    def type(self, line: str, source: str = "1") -> FakeSurface:
        """Run one typed line to its end."""
        from bot.commands import split_line

        command, text = split_line(line)
        return run(self.ask(request(text, command=command, source=source)))


def prompts(bench: Bench) -> list[Prompt]:
    return [prompt for prompt in bench.gateway.prompts if isinstance(prompt, Prompt)]


def test_a_question_is_answered_and_remembered() -> None:
    bench = Bench()

    surface = bench.type("hi")

    assert surface.text == "Hello to you."
    assert surface.pages[-1].final
    (turn,) = run(bench.store.history(CHANNEL, 10))
    assert (turn.status, turn.model, turn.reply and turn.reply.text) == (
        Status.DONE,
        "gpt-5-mini",
        "Hello to you.",
    )


def test_the_same_event_delivered_twice_is_answered_once() -> None:
    bench = Bench()

    first, second = bench.type("hi", source="7"), bench.type("hi", source="7")

    assert first.text == "Hello to you."
    assert second.frames == []
    assert len(bench.gateway.prompts) == 1


def test_the_next_question_comes_with_what_was_said() -> None:
    bench = Bench()
    bench.type("hi", source="1")

    bench.type("and now?", source="2")

    assert [message.text for message in prompts(bench)[1].messages] == [
        "Alice: hi",
        "Hello to you.",
        "Alice: and now?",
    ]


def test_answers_of_one_channel_come_in_order_and_who_waits_is_told() -> None:
    bench = Bench(1.0, *says("Hello ", "to ", "you."))
    screens = [FakeSurface() for _ in range(3)]

    async def play() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number, screen in enumerate(screens):
                tasks.create_task(bench.ask(request("hi", source=str(number)), screen))

    run(play())
    assert [screen.text for screen in screens] == ["Hello to you."] * 3
    assert "Waiting for one answer" in screens[1].frames[0][1].text
    assert "Waiting for 2 answers" in screens[2].frames[0][1].text
    ends = [screen.frames[-1][0] for screen in screens]
    assert ends == sorted(ends)
    assert [len(prompt.messages) for prompt in prompts(bench)] == [1, 3, 5]


def test_other_channels_do_not_wait() -> None:
    bench = Bench(10.0, *says("done"))
    other = replace(request("hi"), channel=Channel("test", "harbour", "random"))

    async def play() -> float:
        await asyncio.gather(bench.ask(), bench.ask(other))
        return asyncio.get_running_loop().time()

    assert run(play()) < 11


def test_a_picture_in_the_making_holds_up_no_talk() -> None:
    bench = Bench()
    bench.gateway = FakeGateway(
        lambda prompt: (
            [60.0, Media(PICTURE), Finish()] if isinstance(prompt, ImagePrompt) else says("quick")
        )
    )
    bench.switchboard = Switchboard(bench.store, bench.gateway, bench.models, COMMANDS, LIMITS)

    async def play() -> float:
        drawing = asyncio.ensure_future(bench.ask(request("a fox", command="image", source="1")))
        await asyncio.sleep(1)
        await bench.ask(request("hi", source="2"))
        answered = asyncio.get_running_loop().time()
        await drawing
        return answered

    assert run(play()) < 3


def test_a_failure_is_written_under_what_already_arrived_and_not_remembered() -> None:
    bench = Bench(TextDelta("The first half of it all"), 1.0, Interrupted())

    surface = bench.type("hi")

    assert surface.text == f"The first half of it all\n\n⚠️ {Interrupted.notice}"
    assert bench.status is Status.FAILED
    assert run(bench.store.history(CHANNEL, 10)) == []


def test_a_failure_before_any_text_is_one_sentence() -> None:
    bench = Bench(GatewayDown(detail="Connection refused to 10.1.2.3"))

    assert bench.type("hi").text == f"⚠️ {GatewayDown.notice}"


def test_the_length_limit_and_the_filter_read_differently_from_an_end() -> None:
    cut = Bench(TextDelta("some text"), Finish(Ending.LENGTH)).type("hi").text
    filtered = Bench(TextDelta("some text"), Finish(Ending.FILTERED)).type("hi").text

    assert "length limit" in cut
    assert "content rules" in filtered


def test_an_empty_answer_is_not_silence() -> None:
    assert "nothing to say" in Bench(Finish()).type("hi").text


def test_a_bug_shows_a_reference_and_no_traceback() -> None:
    text = Bench(ZeroDivisionError("secret internals")).type("hi").text

    assert "Something went wrong" in text
    assert "secret" not in text


def test_a_picture_is_posted_with_its_prompt_as_caption() -> None:
    bench = Bench(Media(PICTURE), Finish())

    surface = bench.type("/image a red fox --aspect_ratio 16:9")

    (page,) = surface.pages
    assert list(page.media) == [PICTURE]
    assert page.text.startswith("a red fox")
    (prompt,) = bench.gateway.prompts
    assert prompt == ImagePrompt("nano-banana", "a red fox", (), "16:9", 1)


def test_a_picture_too_large_for_the_platform_says_so() -> None:
    bench = Bench(Media(Image(b"x" * 2000, "image/png", "a.png")), Finish())
    small = FakeSurface(Capabilities(page_limit=2000, file_limit=1000))

    run(bench.ask(request("a fox", command="image"), small))

    assert "too large" in small.text


def test_a_talking_model_is_not_asked_to_draw() -> None:
    assert "talks and does not draw" in Bench().type("/image a fox --model gpt-5").text


def test_the_model_is_shown_switched_and_used() -> None:
    bench = Bench()

    shown = bench.type("/model", source="1")
    bench.type("/model CLAUDE-sonnet-4-6", source="2")
    bench.type("/model nano-banana-2-4k", source="3")
    after = bench.type("/model", source="4")
    bench.type("hi", source="5")
    bench.type("/image a fox", source="6")

    assert "`gpt-5-mini` (the bot's default)" in shown.text
    assert shown.pages[0].menus[0].options[0].line.startswith("/model ")
    assert "`claude-sonnet-4-6` (chosen for this channel)" in after.text
    assert "`nano-banana-2-4k` (chosen for this channel)" in after.text
    assert [prompt.model for prompt in bench.gateway.prompts] == [
        "claude-sonnet-4-6",
        "nano-banana-2-4k",
    ]


def test_an_unknown_model_gets_the_nearest_names() -> None:
    assert "`gemini-2.5-flash`" in Bench().type("/model gemini-flash").text


def test_a_model_of_the_live_list_can_be_chosen() -> None:
    bench = Bench()
    bench.models.offer(["house-model", "gpt-5-mini"])

    assert "house-model" in bench.type("/model house-model").text
    assert bench.store.chosen_values[CHANNEL.key, "chat_model"] == "house-model"


def test_reset_forgets_the_channel() -> None:
    bench = Bench()
    bench.type("hi", source="1")

    said = bench.type("/reset", source="2").text
    bench.type("hi again", source="3")

    assert "one question and its answer" in said
    assert [message.text for message in prompts(bench)[1].messages] == ["Alice: hi again"]


def test_help_lists_every_command() -> None:
    text = Bench().type("/help").text

    assert all(f"/{command.name}" in text for command in COMMANDS)


def test_an_unknown_command_is_told_the_nearest() -> None:
    assert "Did you mean /image?" in Bench().type("/imagine a fox").text


def test_a_question_far_too_long_is_refused_before_anything_is_paid() -> None:
    bench = Bench()

    assert "32,000" in bench.type("x" * 40_000).text
    assert bench.gateway.prompts == []


def test_too_many_waiting_are_refused_with_a_reason() -> None:
    bench = Bench(1.0, *says("ok"))
    screens = [FakeSurface() for _ in range(30)]

    async def play() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number, screen in enumerate(screens):
                user = User(str(number), "One of many")
                asked = request("hi", source=str(number), user=user)
                tasks.create_task(bench.ask(asked, screen))

    run(play())
    assert sum("are waiting in this channel" in screen.text for screen in screens) == 9
    assert sum(screen.text == "ok" for screen in screens) == 21


def test_a_reply_that_nobody_can_see_hangs_up_on_the_gateway() -> None:
    bench = Bench(*says(*(f"word{number} " for number in range(50)), every=0.2))
    surface = FakeSurface()
    surface.trouble = [Gone()]

    async def play() -> float:
        await bench.ask("hi", surface)
        return asyncio.get_running_loop().time()

    assert run(play()) < 3
    assert bench.gateway.open == 0
    assert bench.status is Status.FAILED


def test_a_shutdown_marks_the_half_answer_and_hangs_up() -> None:
    bench = Bench(TextDelta("The first half of it all"), 60.0, TextDelta("never"))
    surface = FakeSurface()

    async def play() -> None:
        answer = asyncio.ensure_future(bench.ask("hi", surface))
        await asyncio.sleep(5)
        answer.cancel()
        await asyncio.gather(answer, return_exceptions=True)

    run(play())
    assert "interrupted before the answer was complete" in surface.text
    assert bench.gateway.open == 0
    (turn,) = bench.store.turns.values()
    assert turn.status is Status.FAILED


def test_one_person_does_not_fill_the_line_of_all() -> None:
    bench = Bench(1.0, *says("ok"))
    screens = [FakeSurface() for _ in range(8)]

    async def play() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number, screen in enumerate(screens):
                tasks.create_task(bench.ask(request("hi", source=str(number)), screen))

    run(play())
    assert sum("6 of your questions" in screen.text for screen in screens) == 2
    assert sum(screen.text == "ok" for screen in screens) == 6


class PickySurface(FakeSurface):
    """Takes no pictures."""

    async def show(self, page: Page) -> None:
        if page.media:
            raise Gone("I am not allowed to post pictures here.")
        await super().show(page)


def test_a_picture_that_may_not_be_posted_is_told_in_words() -> None:
    bench = Bench(Media(PICTURE), Finish())
    surface = PickySurface()

    run(bench.ask(request("a fox", command="image"), surface))

    assert surface.text.startswith("a fox")
    assert surface.text.endswith("⚠️ I am not allowed to post pictures here.")
    assert bench.status is Status.FAILED


def test_fallbacks_that_draw_are_not_asked_to_talk() -> None:
    bench = with_fallbacks({"gpt-5-mini": [GatewayDown()]}, "nano-banana")

    assert bench.type("hi").text == f"⚠️ {GatewayDown.notice}"


def test_a_model_that_cannot_see_says_who_can_before_anything_is_paid() -> None:
    bench = Bench()
    seen = replace(request("what is this? --model glm-5"), attachments=(PICTURE,))

    text = run(bench.ask(seen)).text

    assert "glm-5 cannot see pictures. Ask gpt-5-mini" in text
    assert bench.gateway.prompts == []


def test_a_name_that_resembles_nothing_is_taken_while_no_list_is_known() -> None:
    bench = Bench()

    assert "now come from `foo9b`" in bench.type("/model foo9b", source="1").text
    bench.models.offer(["gpt-5-mini"])
    assert "There is no model called" in bench.type("/model bar9b", source="2").text


class BrokenStore(FakeStore):
    async def begin(self, turn: Turn) -> bool:
        raise StorageError(detail="disk full")


def test_a_database_that_fails_is_told_in_one_sentence() -> None:
    bench = Bench()
    bench.switchboard = Switchboard(BrokenStore(), bench.gateway, bench.models, COMMANDS, LIMITS)

    assert bench.type("hi").text == f"⚠️ {StorageError.notice}"


def test_model_names_complete_by_kind() -> None:
    complete = Bench().switchboard.complete

    assert complete(CHANNEL, "image", "model", "nano")[0] == "nano-banana"
    assert "gpt-5" not in complete(CHANNEL, "image", "model", "")
    assert "nano-banana" not in complete(CHANNEL, "ask", "model", "")
    assert {"gpt-5", "nano-banana"} <= set(complete(CHANNEL, "model", "name", ""))
    assert complete(CHANNEL, "image", "aspect_ratio", "16") == ["16:9"]
    assert complete(CHANNEL, "nothing", "at", "all") == ()


def with_fallbacks(answers: dict[str, Sequence[Step]], *fallbacks: str) -> Bench:
    bench = Bench()
    bench.gateway = FakeGateway(lambda prompt: answers[prompt.model])
    bench.switchboard = Switchboard(
        bench.store, bench.gateway, bench.models, COMMANDS, LIMITS, fallbacks
    )
    return bench


def test_a_model_that_fails_before_its_first_word_is_replaced_and_the_reply_says_so() -> None:
    bench = with_fallbacks(
        {"gpt-5-mini": [GatewayDown()], "gpt-5": [NoCredit()], "o3": says("Fine.")}, "gpt-5", "o3"
    )

    surface = bench.type("hi")

    assert surface.text == "Fine.\n\n*o3 answers, since gpt-5-mini could not.*"
    assert [prompt.model for prompt in bench.gateway.prompts] == ["gpt-5-mini", "gpt-5", "o3"]
    (turn,) = run(bench.store.history(CHANNEL, 1))
    assert (turn.model, turn.reply and turn.reply.text) == ("o3", "Fine.")


def test_no_other_model_is_asked_once_something_is_on_the_screen() -> None:
    bench = with_fallbacks(
        {"gpt-5-mini": [TextDelta("half of it "), Interrupted()], "gpt-5": says("no")}, "gpt-5"
    )

    assert Interrupted.notice in bench.type("hi").text
    assert len(bench.gateway.prompts) == 1


def test_a_request_that_no_model_may_answer_is_not_passed_on() -> None:
    bench = with_fallbacks({"gpt-5-mini": [Filtered()], "gpt-5": says("no")}, "gpt-5")

    assert Filtered.notice in bench.type("hi").text
    assert len(bench.gateway.prompts) == 1


def test_a_channel_has_a_list_of_its_own_or_none() -> None:
    answers: dict[str, Sequence[Step]] = {
        "gpt-5-mini": [GatewayDown()],
        "o3": says("Fine."),
        "glm-5": says("Also fine."),
    }
    bench = with_fallbacks(answers, "o3")

    bench.type("/model --fallback glm-5", source="1")
    own = bench.type("hi", source="2").text
    shown = bench.type("/model", source="3").text
    bench.type("/model --fallback none", source="4")
    none = bench.type("hi", source="5").text
    bench.type("/model --fallback default", source="6")
    default = bench.type("hi", source="7").text

    assert own.startswith("Also fine.")
    assert "**When it fails:** `glm-5` (chosen for this channel)" in shown
    assert none == f"⚠️ {GatewayDown.notice}"
    assert default.startswith("Fine.")


def test_a_ratio_that_the_model_lacks_is_answered_by_what_it_can_do() -> None:
    bench = Bench()

    assert (
        "gpt-image-1 does not draw 21:9"
        in bench.type("/image a fox --model gpt-image-1 --aspect_ratio 21:9").text
    )
    assert bench.gateway.prompts == []


BOB = User("2", "Bob")
SLOW: list[Step] = [TextDelta("The first half of it all"), 60.0, TextDelta("never"), Finish()]


async def started(
    bench: Bench, screen: FakeSurface, source: str = "1"
) -> asyncio.Task[FakeSurface]:
    """An answer that is on the screen and still growing."""
    answer = asyncio.create_task(bench.ask(request("hi", source=source), screen))
    while not screen.frames:
        await asyncio.sleep(0.1)
    return answer


def test_a_stopped_answer_keeps_its_text_hangs_up_and_is_remembered() -> None:
    bench = Bench(*SLOW)
    screen, said = FakeSurface(), FakeSurface()

    async def play() -> float:
        answer = await started(bench, screen)
        button = screen.pages[-1].actions[0]
        assert button.label == "Stop"
        before = asyncio.get_running_loop().time()
        pressed = request(button.line.partition(" ")[2], command="stop", source="2")
        await bench.ask(replace(pressed, pressed=True), said)
        await answer
        return asyncio.get_running_loop().time() - before

    assert run(play()) < 0.05
    assert screen.text == "The first half of it all\n\n⏹ *Stopped.*"
    assert said.frames == [], "what the button did is answer enough"
    assert bench.gateway.open == 0
    (turn,) = run(bench.store.history(CHANNEL, 9))
    assert (turn.status, turn.reply and turn.reply.text) == (
        Status.STOPPED,
        "The first half of it all",
    )


def test_a_typed_stop_says_what_it_did_and_does_not_wait_in_line() -> None:
    bench = Bench(*SLOW)
    screens = [FakeSurface(), FakeSurface()]

    async def play() -> FakeSurface:
        first = await started(bench, screens[0])
        waiting = await started(bench, screens[1], source="2")
        said = await bench.ask(request("", command="stop", source="3"))
        await asyncio.gather(first, waiting)
        return said

    assert run(play()).text == "Stopped 2 answers."
    assert "Stopped" in screens[0].text
    assert screens[1].text == "⏹ *Stopped.*"
    assert len(bench.gateway.prompts) == 1


def test_only_the_asker_or_a_moderator_stops_an_answer() -> None:
    bench = Bench(*SLOW)
    screen = FakeSurface()

    async def play() -> tuple[FakeSurface, FakeSurface]:
        answer = await started(bench, screen)
        refused = await bench.ask(request("", command="stop", source="2", user=BOB))
        assert not answer.done()
        moderator = replace(BOB, moderator=True)
        done = await bench.ask(request("", command="stop", source="3", user=moderator))
        await answer
        return refused, done

    refused, done = run(play())
    assert "Only the person who asked" in refused.text
    assert done.text == "Stopped the answer."


def test_there_may_be_nothing_to_stop() -> None:
    assert "Nothing is being written here" in Bench().type("/stop").text


def test_a_stop_that_comes_too_late_loses_nothing() -> None:
    bench = Bench()
    surface = FakeSurface(latency=5.0)

    async def play() -> FakeSurface:
        answer = asyncio.create_task(bench.ask("hi", surface))
        await asyncio.sleep(2.5)  # the model is done, its text is on the way to the screen
        said = await bench.ask(request("", command="stop", source="2"))
        await answer
        return said

    assert "Nothing is being written" in run(play()).text
    assert surface.text == "Hello to you."


def retry_line(surface: FakeSurface) -> str:
    button = surface.pages[-1].actions[0]
    assert button.label == "Retry"
    return button.line


def test_a_retry_asks_the_same_again_and_its_answer_replaces_the_old_one() -> None:
    bench = Bench()
    bench.type("first", source="1")
    again = retry_line(bench.type("second", source="2"))
    bench.script = says("Better.")

    bench.type(again, source="3")

    assert [message.text for message in prompts(bench)[2].messages] == [
        "Alice: first",
        "Hello to you.",
        "Alice: second",
    ]
    history = run(bench.store.history(CHANNEL, 9))
    assert [(turn.request.text, turn.reply and turn.reply.text) for turn in history] == [
        ("first", "Hello to you."),
        ("second", "Better."),
    ]


def test_a_retry_that_fails_leaves_the_old_answer_in_the_memory() -> None:
    bench = Bench()
    again = retry_line(bench.type("hi", source="1"))
    bench.script = [GatewayDown()]

    bench.type(again, source="2")

    (turn,) = run(bench.store.history(CHANNEL, 9))
    assert turn.reply is not None
    assert turn.reply.text == "Hello to you."


def test_a_failed_answer_can_be_asked_again_by_typing_retry() -> None:
    bench = Bench(GatewayDown())
    bench.type("hi", source="1")
    bench.script = says("Fine.")

    assert bench.type("/retry", source="2").text == "Fine."


def test_a_retry_button_works_after_a_restart_and_only_for_who_may() -> None:
    bench = Bench()
    _, _, turn_id = retry_line(bench.type("hi", source="1")).partition(" ")
    bench.switchboard = Switchboard(bench.store, bench.gateway, bench.models, COMMANDS, LIMITS)

    refused = run(bench.ask(request(turn_id, command="retry", source="2", user=BOB)))
    allowed = run(bench.ask(request(turn_id, command="retry", source="3")))
    unknown = run(bench.ask(request("nothing", command="retry", source="4")))

    assert "Only the person who asked" in refused.text
    assert allowed.text == "Hello to you."
    assert "nothing here that could be asked again" in unknown.text


people = st.sampled_from([User("1", "Alice"), User("2", "Bob")])
questions = st.lists(
    st.tuples(people, st.floats(0, 3), st.sampled_from(["ok", "fail", "cut"])), max_size=12
)


@given(questions)
@settings(max_examples=60, deadline=None)
def test_whatever_the_interleaving_each_request_ends_in_one_outcome_and_pairs_stay_whole(
    asked: list[tuple[User, float, str]],
) -> None:
    bench = Bench()
    scripts: dict[str, Sequence[Step]] = {
        "ok": says("fine ", every=0.5),
        "fail": [0.3, GatewayDown()],
        "cut": [TextDelta("half "), 0.4, Interrupted()],
    }

    def script(prompt: Prompt | ImagePrompt) -> Sequence[Step]:
        assert isinstance(prompt, Prompt)
        return scripts[prompt.messages[-1].text.rpartition(" ")[2]]

    bench.gateway = FakeGateway(script)
    bench.switchboard = Switchboard(bench.store, bench.gateway, bench.models, COMMANDS, LIMITS)
    screens = [FakeSurface() for _ in asked]

    async def play() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number, (user, pause, kind) in enumerate(asked):
                await asyncio.sleep(pause)
                question = request(f"q{number} {kind}", source=str(number), user=user)
                tasks.create_task(bench.ask(question, screens[number]))

    run(play())
    for screen, (_, _, kind) in zip(screens, asked, strict=True):
        assert screen.pages[-1].final
        assert ("⚠️" in screen.text) == (kind != "ok")
    for prompt in bench.gateway.prompts:
        assert isinstance(prompt, Prompt)
        roles = [message.role.value for message in prompt.messages]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]


def thinks(text: str) -> list[Step]:
    return [ThinkingDelta("Let me see. "), 1.0, *says(text)]


def test_thoughts_are_shown_only_where_the_channel_wants_them_and_are_never_remembered() -> None:
    bench = Bench(*thinks("Yes."))

    assert bench.type("hi", source="1").text == "Yes."
    assert "now `on`" in bench.type("/settings thinking on", source="2").text
    shown = bench.type("hi again", source="3").text
    assert shown == "> 💭 *Thought for 1 s*\n> Let me see.\n\nYes."
    assert [turn.reply and turn.reply.text for turn in run(bench.store.history(CHANNEL, 9))] == [
        "Yes.",
        "Yes.",
    ]
    assert "**thinking:** `on` (chosen for this channel)" in bench.type("/settings", "4").text
    assert "can be: off, on, default" in bench.type("/settings thinking perhaps", "5").text
    assert "There is no setting" in bench.type("/settings colour blue", "6").text
    bench.type("/settings thinking default", "7")
    assert bench.type("once more", source="8").text == "Yes."
