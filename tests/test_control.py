"""What people can do with an answer: again, with another model, further, back; and what they can
see of the memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands import COMMANDS
from bot.commands.choosing import LINE, fits
from bot.commands.continue_ import GO_ON
from bot.errors import Filtered, GatewayDown, Interrupted
from bot.events import Ending, Finish, Media, TextDelta
from bot.gateway.models import shipped
from bot.interfaces import Capabilities
from bot.prompt import HISTORY
from bot.settings import SETTINGS
from bot.switchboard import Switchboard
from bot.types import (
    Action,
    Channel,
    Image,
    ImagePrompt,
    Message,
    Prompt,
    Request,
    Role,
    Status,
    Text,
    Turn,
    User,
)
from storage import open_store
from tests.clock import run
from tests.fakes import (
    ALICE,
    CHANNEL,
    FakeGateway,
    FakeStore,
    FakeSurface,
    Step,
    request,
    says,
    turn_in,
)
from tests.test_recovery import FIRST_HALF, LONG_ANSWER, killed, started
from tests.test_switchboard import LIMITS, Bench, prompts

BOB = User("2", "Bob")
MO = User("3", "Mo", moderator=True)
PRIVATE = Channel("test", "", "alice")
HALF: list[Step] = [TextDelta("The sea is"), Finish(Ending.LENGTH)]
BROKEN: list[Step] = [TextDelta("The sea is"), Interrupted()]


def labels(surface: FakeSurface) -> list[str]:
    return [action.label for action in surface.pages[-1].actions]


def line(surface: FakeSurface, label: str) -> str:
    """The line of a button, or of an option of a menu, below an answer."""
    page = surface.pages[-1]
    actions = [*page.actions, *(one for menu in page.menus for one in menu.options)]
    [found] = [action.line for action in actions if action.label == label]
    return found


def restarted(bench: Bench) -> None:
    bench.switchboard = Switchboard(bench.store, bench.gateway, bench.models, COMMANDS, LIMITS)


def remembered(bench: Bench) -> list[tuple[str, str]]:
    """The pairs of the memory, oldest first."""
    turns = run(bench.store.history(CHANNEL, HISTORY))
    return [
        (turn.request.options.get("prompt") or turn.request.text, turn.reply.text)
        for turn in turns
        if turn.reply is not None
    ]


def said(prompt: Prompt) -> list[str]:
    return [message.text for message in prompt.messages]


def by(user: User, typed: str, source: str) -> Request:
    command, _, text = typed.removeprefix("/").partition(" ")
    return request(text, command=command, source=source, user=user)


# --- which buttons ---


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (says("Deep."), ["Retry", "Model…"]),
        (HALF, ["Retry", "Model…", "Continue"]),
        (BROKEN, ["Retry", "Model…", "Continue"]),
        ([Finish(Ending.LENGTH)], ["Retry", "Model…"]),
        ([GatewayDown()], ["Retry", "Model…"]),
        ([TextDelta("The sea is"), Filtered()], ["Retry", "Model…"]),
        ([TextDelta("The sea is"), Finish(Ending.FILTERED)], ["Retry", "Model…"]),
    ],
)
def test_an_ended_answer_has_the_buttons_that_help(steps: list[Step], expected: list[str]) -> None:
    assert labels(Bench(*steps).type("how deep?")) == expected


def test_a_picture_can_be_drawn_again_and_by_another_model_and_does_not_go_on() -> None:
    drawn: list[Step] = [TextDelta("A fox."), Media(Image(b"png", "image/png")), Interrupted()]

    assert labels(Bench(*drawn).type("/image a fox")) == ["Retry", "Model…"]


def test_what_came_with_a_picture_cannot_be_asked_again_but_can_go_on() -> None:
    bench = Bench(*HALF)
    picture = Image(b"png", "image/png")

    screen = run(bench.ask(replace(request("what is it?"), attachments=(picture,))))

    assert labels(screen) == ["Continue"]


ids = st.text("0123456789abcdef", min_size=16, max_size=16)


def test_every_line_of_every_button_and_menu_fits_the_strictest_platform() -> None:
    bench = Bench(*HALF)
    screens = [bench.type("hi", source="1")]
    turn = line(screens[0], "Retry").rpartition(" ")[2]
    offers = ["/model", "/settings", "/persona", f"/retry {turn} --model ?"]
    offers += [f"/settings {setting.name}" for setting in SETTINGS]
    for number, typed in enumerate(offers, 2):
        screens.append(bench.type(typed, source=str(number)))

    for screen in screens:
        page = screen.pages[-1]
        assert all(len(menu.options) <= 25 for menu in page.menus)
        for action in [*page.actions, *(one for menu in page.menus for one in menu.options)]:
            assert 0 < len(action.line.encode()) <= LINE
            assert 0 < len(action.label) <= 100


@given(ids)
def test_a_button_can_name_every_model_of_the_table(turn_id: str) -> None:
    for model in shipped():
        for name in (model.name, *model.aliases):
            assert fits(f"/retry {turn_id} --model {name}"), name


# --- another model ---


def test_another_model_answers_the_same_question_and_its_answer_replaces_the_old_one() -> None:
    bench = Bench()
    bench.type("first", source="1")
    answer = bench.type("how deep? --model gpt-5", source="2")

    offered = bench.type(line(answer, "Model…"), source="3")
    bench.script = says("Very.")
    bench.type(line(offered, "claude-sonnet-4-6"), source="4")

    names = [option.label for option in offered.pages[0].menus[0].options]
    assert "gpt-5" not in names, "that one has answered"
    assert "nano-banana" not in names
    again = prompts(bench)[-1]
    assert again.model == "claude-sonnet-4-6"
    assert said(again)[:-1] == ["Alice: first", "Hello to you."]
    assert [answer for _, answer in remembered(bench)] == ["Hello to you.", "Very."]


def test_the_menu_of_models_works_after_a_restart_and_for_nobody_else() -> None:
    bench = Bench()
    answer = bench.type("hi", source="1")
    restarted(bench)

    refused = run(bench.ask(by(BOB, line(answer, "Model…"), "2")))
    allowed = run(bench.ask(by(MO, line(answer, "Model…"), "3")))
    stolen = run(bench.ask(by(BOB, line(allowed, "o3"), "4")))

    assert "Only the person who asked" in refused.text
    assert "Which model" in allowed.text
    assert "Only the person who asked" in stolen.text


def test_a_drawing_is_offered_models_that_draw() -> None:
    bench = Bench(Media(Image(b"png", "image/png", "a.png")), Finish())
    answer = bench.type("/image a fox --count 2", source="1")

    offered = bench.type(line(answer, "Model…"), source="2")
    bench.type(line(offered, "gpt-image-1"), source="3")

    assert "gpt-5" not in [option.label for option in offered.pages[0].menus[0].options]
    again = bench.gateway.prompts[-1]
    assert isinstance(again, ImagePrompt)
    assert (again.model, again.text, again.count) == ("gpt-image-1", "a fox", 2)


def test_models_are_offered_for_ones_latest_question_even_if_that_failed() -> None:
    bench = Bench()
    bench.type("first", source="1")
    bench.script = [GatewayDown()]
    bench.type("second", source="2")
    offered = bench.type("/retry --model ?", source="3")
    bench.script = says("Fine.")

    bench.type(line(offered, "o3"), source="4")

    assert said(prompts(bench)[-1])[-1] == "Alice: second"
    assert "There is nothing here" in Bench().type("/retry --model ?").text


def test_native_options_are_asked_again_with_the_model_that_was_picked() -> None:
    bench = Bench()
    native = Request(CHANNEL, ALICE, "1", options={"prompt": "hi", "model": "gpt-5"})
    run(bench.ask(native))

    bench.type("/retry --model o3", source="2")

    assert [prompt.model for prompt in prompts(bench)] == ["gpt-5", "o3"]
    assert said(prompts(bench)[1]) == ["Alice: hi"]


def test_a_retry_of_a_failed_retry_replaces_what_that_would_have_replaced() -> None:
    bench = Bench()
    first = bench.type("hi", source="1")
    bench.script = [TextDelta("half"), Interrupted()]
    second = bench.type(line(first, "Retry"), source="2")
    bench.script = says("Better.")

    bench.type(line(second, "Retry"), source="3")

    assert said(prompts(bench)[-1]) == ["Alice: hi"]
    assert remembered(bench) == [("hi", "Better.")]
    late = bench.type(line(second, "Retry"), source="4")
    assert "That was answered since" in late.text
    assert remembered(bench) == [("hi", "Better.")]


# --- going on ---


@pytest.mark.parametrize("half", [HALF, BROKEN], ids=["too long", "broken off"])
def test_an_answer_that_was_cut_goes_on_in_a_new_one_and_both_are_remembered(
    half: list[Step],
) -> None:
    bench = Bench(*half)
    cut = bench.type("how deep? --model gpt-5", source="1")
    bench.script = says("Something else.")
    bench.type("and wide?", source="2")
    restarted(bench)
    bench.script = says(" deep.")

    screen = bench.type(line(cut, "Continue"), source="3")

    assert screen.text == "deep."
    asked = prompts(bench)[-1]
    assert asked.model == "gpt-5", "the one that has begun"
    assert said(asked)[-2:] == ["The sea is", f"Alice: {GO_ON}"]
    assert len(asked.messages) == 3, "nothing that was said after it"
    assert ("how deep? --model gpt-5", "The sea is") in remembered(bench)
    assert remembered(bench)[-1] == (GO_ON, " deep.")


def test_a_broken_answer_is_no_part_of_the_memory_unless_it_goes_on() -> None:
    bench = Bench(*BROKEN)
    bench.type("how deep?", source="1")
    bench.script = says("Hello.")

    bench.type("hi", source="2")

    assert said(prompts(bench)[-1]) == ["Alice: hi"]
    assert remembered(bench) == [("hi", "Hello.")]


def test_continue_alone_means_ones_latest_answer() -> None:
    bench = Bench(*HALF)
    bench.type("how deep?", source="1")
    bench.script = says("Bob's.")
    run(bench.ask(request("hi", source="2", user=BOB)))

    bench.script = says(" deep.")
    bench.type("/continue", source="3")
    restarted(bench)
    bench.type("/continue", source="4")

    assert said(prompts(bench)[2])[-2:] == ["The sea is", f"Alice: {GO_ON}"]
    assert said(prompts(bench)[3])[-2:] == [" deep.", f"Alice: {GO_ON}"]


def test_a_continuation_that_is_cut_goes_on_again_and_can_be_asked_again() -> None:
    bench = Bench(*HALF)
    first = bench.type("how deep?", source="1")
    bench.script = [TextDelta(" very"), Interrupted()]
    second = bench.type(line(first, "Continue"), source="2")
    bench.script = [TextDelta(" so very"), Finish(Ending.LENGTH)]
    third = bench.type(line(second, "Retry"), source="3")
    bench.script = says(" deep.")
    bench.type(line(third, "Continue"), source="4")

    assert [answer for _, answer in remembered(bench)] == ["The sea is", " so very", " deep."]
    roles = [message.role for message in prompts(bench)[-1].messages]
    assert roles == [Role.USER, Role.ASSISTANT] * 2 + [Role.USER]


def test_a_broken_retry_that_goes_on_takes_the_place_of_what_was_asked_again() -> None:
    bench = Bench(*says("Old."))
    first = bench.type("how deep?", source="1")
    bench.script = BROKEN
    second = bench.type(line(first, "Retry"), source="2")
    assert remembered(bench) == [("how deep?", "Old.")]

    bench.script = says(" deep.")
    bench.type(line(second, "Continue"), source="3")

    assert remembered(bench) == [("how deep?", "The sea is"), (GO_ON, " deep.")]


def test_only_the_asker_or_a_moderator_has_an_answer_go_on() -> None:
    bench = Bench(*HALF)
    cut = bench.type("how deep?", source="1")

    refused = run(bench.ask(by(BOB, line(cut, "Continue"), "2")))
    elsewhere = replace(by(ALICE, line(cut, "Continue"), "3"), channel=PRIVATE)
    lost = run(bench.ask(elsewhere))
    allowed = run(bench.ask(by(MO, line(cut, "Continue"), "4")))

    assert "Only the person who asked" in refused.text
    assert "no answer here that could go on" in lost.text
    assert "The sea is" in allowed.text


def test_there_may_be_nothing_to_go_on_from() -> None:
    bench = Bench(Media(Image(b"png", "image/png", "a.png")), Finish())

    assert "no answer here" in bench.type("/continue", source="1").text
    drawn = bench.type("/image a fox", source="2")
    turn = line(drawn, "Retry").rpartition(" ")[2]
    assert "no answer here" in bench.type(f"/continue {turn}", source="3").text
    assert "no answer here" in bench.type("/continue", source="4").text
    assert len(bench.gateway.prompts) == 1


def test_a_half_answer_survives_in_the_real_store_and_is_no_history() -> None:
    async def play() -> None:
        async with open_store("sqlite:///:memory:") as store:
            turn = replace(turn_in(CHANNEL, source="1"), id="0123456789abcdef")
            half = Message(Role.ASSISTANT, (Text("The sea is"),))
            failed = replace(turn, status=Status.FAILED, reply=half)
            await store.begin(turn)
            await store.finish(failed)
            assert await store.find(turn.id) == failed
            assert await store.history(CHANNEL, 9) == []
            assert await store.forget(CHANNEL, "another") == 0

            await store.finish(replace(failed, status=Status.STOPPED))
            [kept] = await store.history(CHANNEL, 9)
            assert kept.reply == half
            assert await store.forget(CHANNEL) == 1

    asyncio.run(play())


def test_what_was_on_the_screen_at_a_crash_can_go_on_after_it() -> None:
    async def play() -> tuple[FakeStore, FakeSurface]:
        store = await killed(5.0, FakeSurface(), *LONG_ANSWER)
        screen = FakeSurface()
        await started(store, screen)
        return store, screen

    bench = Bench(*says("the rest."))
    bench.store, screen = run(play())
    assert remembered(bench) == []
    restarted(bench)

    said_then = bench.type(line(screen, "Continue"), source="9")

    assert said_then.text == "the rest."
    [_, half, asked] = said(prompts(bench)[-1])
    assert half.startswith(FIRST_HALF.strip())
    assert asked == f"Alice: {GO_ON}"
    assert [answer for _, answer in remembered(bench)] == [half, "the rest."]


# --- taking back ---


def test_undo_takes_back_ones_own_last_pair_and_says_which() -> None:
    bench = Bench()
    bench.type("first", source="1")
    bench.type("how   deep\nis `it`?", source="2")
    run(bench.ask(request("me too", source="3", user=BOB)))

    text = bench.type("/undo", source="4").text

    assert text == "Taken back: `how deep is 'it'?` and its answer. I no longer know of them."
    assert [question for question, _ in remembered(bench)] == ["first", "me too"]
    bench.type("/undo", source="5")
    assert "nothing of yours here" in bench.type("/undo", source="6").text
    assert [question for question, _ in remembered(bench)] == ["me too"]


def test_a_moderator_takes_back_what_they_name_and_nobody_else_does() -> None:
    bench = Bench()
    turn = line(bench.type("hi", source="1"), "Retry").rpartition(" ")[2]

    refused = run(bench.ask(by(BOB, f"/undo {turn}", "2")))
    assert remembered(bench)
    allowed = run(bench.ask(by(MO, f"/undo {turn}", "3")))

    assert "Only the person who asked" in refused.text
    assert "Taken back: `hi`" in allowed.text
    assert remembered(bench) == []


# --- what is remembered ---


def told(number: int, reply: str, channel: Channel = CHANNEL) -> Turn:
    asked = Request(channel, ALICE, f"past {number}", text=f"question {number}")
    answer = Message(Role.ASSISTANT, (Text(reply),))
    started = 1_700_000_000.0 + number
    return Turn(f"turn-{number}", asked, "gpt-5", Status.DONE, answer, started=started)


def with_past(count: int, reply: str = "Yes.", channel: Channel = CHANNEL) -> Bench:
    bench = Bench()

    async def fill(store: FakeStore) -> None:
        for number in range(count):
            turn = told(number, reply, channel)
            await store.begin(turn)
            await store.finish(turn)

    run(fill(bench.store))
    return bench


def test_history_shows_what_the_model_sees_with_an_estimate() -> None:
    bench = with_past(20, "Yes, `indeed`.\n" + "word " * 100)

    text = bench.type("/history").text

    assert "**What `gpt-5-mini` sees at the next question**: 20 of 20 questions" in text
    assert "5 questions and answers before these" in text
    assert "`Alice: question 19`" in text
    assert "question 4`" not in text
    assert "`Yes, 'indeed'. word word" in text
    assert "no longer fits" not in text


def test_history_says_what_no_longer_fits() -> None:
    bench = with_past(3, "x" * 60_000)
    bench.type("/model deepseek-v3.2", source="1")
    assert "no longer fits" not in bench.type("/history", source="2").text
    bench.models.offer(["small-model"])
    bench.type("/model small-model", source="3")

    text = bench.type("/history", source="4").text

    assert "1 of 3 questions" in text
    assert text.count("no longer fits") == 2
    assert "question 2`" in text.rpartition("no longer fits")[2]


def test_there_may_be_nothing_to_remember() -> None:
    bench = Bench()
    assert "Nothing was said here" in bench.type("/history", source="1").text
    private = replace(by(ALICE, "/export", "3"), channel=PRIVATE)
    assert "Nothing was said here" in run(bench.ask(private)).text


def exported(bench: Bench, asked: Request, limit: int = 10**7) -> FakeSurface:
    surface = FakeSurface(Capabilities(page_limit=2000, file_limit=limit))
    return run(bench.ask(asked, surface))


def test_an_export_is_a_text_to_read_and_one_for_programs() -> None:
    bench = with_past(2, "Yes.\n\n```\ncode\n```", PRIVATE)

    screen = exported(bench, replace(by(ALICE, "/export", "1"), channel=PRIVATE))

    assert screen.text == "2 questions and their answers, to read and for programs."
    markdown, data = screen.pages[0].media
    assert (markdown.name, data.name) == ("conversation.md", "conversation.json")
    assert "## Alice, 2023-11-14 22:13:21Z\n\n> question 1\n\n**gpt-5:**\n\nYes." in (
        markdown.data.decode()
    )
    [first, second] = json.loads(data.data)["turns"]
    assert (first["question"], second["time"]) == ("question 0", "2023-11-14T22:13:21Z")
    assert (first["user"], first["model"]) == ("Alice", "gpt-5")
    assert first["answer"] == "Yes.\n\n```\ncode\n```"


def test_in_a_server_only_moderators_export() -> None:
    bench = with_past(1)

    refused = exported(bench, by(ALICE, "/export", "1"))
    allowed = exported(bench, by(MO, "/export", "2"))

    assert "Only moderators" in refused.text
    assert refused.pages[0].media == ()
    assert len(allowed.pages[0].media) == 2


def test_an_export_too_large_for_the_platform_has_the_newest_and_says_so() -> None:
    bench = with_past(64, "x" * 1_000)

    screen = exported(bench, by(MO, "/export", "1"), limit=20_000)

    assert "The newest ones: all 64 are too much" in screen.text
    files = screen.pages[0].media
    assert all(0 < len(file.data) <= 20_000 for file in files)
    questions = [turn["question"] for turn in json.loads(files[1].data)["turns"]]
    assert questions[-1] == "question 63"
    assert len(questions) >= 8


# --- a changed question ---


def edited(text: str, source: str = "1", when: str = "170", user: User = ALICE) -> Request:
    return request(text, command="edited", source=f"{source}:{when}", user=user)


def test_a_changed_question_is_answered_anew_when_its_author_wants_that() -> None:
    bench = Bench()
    bench.type("first", source="0")
    bench.type("how depe?", source="1")

    offer = run(bench.ask(edited("how deep?")))
    assert offer.text == "You changed your question."
    assert labels(offer) == ["Answer the new one"]
    assert len(prompts(bench)) == 2, "nothing is asked unasked"
    restarted(bench)
    bench.script = says("Very.")
    stolen = run(bench.ask(by(BOB, line(offer, "Answer the new one"), "2")))
    screen = bench.type(line(offer, "Answer the new one"), source="3")
    again = bench.type(line(offer, "Answer the new one"), source="4")

    assert "Only the person who asked" in stolen.text
    assert screen.text == "Very."
    assert said(prompts(bench)[-1]) == ["Alice: first", "Hello to you.", "Alice: how deep?"]
    assert remembered(bench) == [("first", "Hello to you."), ("how deep?", "Very.")]
    assert "That was answered since" in again.text


def test_a_question_can_be_changed_again_after_its_answer_was_made_anew() -> None:
    bench = Bench()
    first = bench.type("how depe?", source="1")
    bench.type(line(first, "Retry"), source="2")
    restarted(bench)

    offer = run(bench.ask(edited("how deep?")))
    assert offer.text == "You changed your question."
    bench.script = says("Very.")
    bench.type(line(offer, "Answer the new one"), source="3")
    once_more = run(bench.ask(edited("how deep is it?", when="180")))

    assert once_more.text == "You changed your question."
    assert remembered(bench) == [("how deep?", "Very.")]


def silent(bench: Bench, asked: Request) -> bool:
    """Whether nothing is seen of a request, and nothing is written down."""
    before, taken = len(bench.store.turns), []
    screen = FakeSurface()
    status = run(bench.switchboard.handle(asked, screen, lambda: taken.append(True)))
    assert taken, "the platform need not deliver it again"
    return not screen.frames and status is Status.DONE and len(bench.store.turns) == before


def test_any_other_change_is_passed_over_in_silence() -> None:
    bench = Bench()
    bench.type("how depe?", source="1")
    bench.type("and wide?", source="2")

    assert silent(bench, edited("how deep?")), "not the latest"
    assert silent(bench, edited("and wide?", "2")), "the words are the same"
    assert silent(bench, edited("  ", "2")), "nothing is asked"
    assert silent(bench, edited("and long?", "3")), "no question of the bot's"
    assert silent(bench, edited("and long?", "2", user=BOB)), "somebody else's"
    bench.script = [GatewayDown()]
    bench.type("and tall?", source="4")
    assert silent(bench, edited("and long?", "2")), "another one was asked since"
    assert silent(bench, edited("and small?", "4")), "it was never answered"


def test_a_change_while_the_answer_grows_is_passed_over() -> None:
    bench = Bench()
    bench.type("how deep?", source="1")
    bench.script = [TextDelta("It is all very"), 60.0, Finish()]

    async def play() -> None:
        screen, other = FakeSurface(), FakeSurface()
        growing = asyncio.create_task(bench.ask(request("and wide?", source="2"), screen))
        while not screen.frames:
            await asyncio.sleep(0.1)
        await bench.switchboard.handle(edited("and wild?", "2"), other)
        await bench.switchboard.handle(edited("how dear?", "1"), other)
        assert not other.frames
        await growing

    run(play())


def test_the_same_change_delivered_twice_is_offered_once() -> None:
    bench = Bench()
    bench.type("how depe?", source="1")

    first, second = run(bench.ask(edited("how deep?"))), run(bench.ask(edited("how deep?")))

    assert first.frames
    assert not second.frames


def test_nobody_types_the_command_of_a_changed_question() -> None:
    bench = Bench()
    bench.type("hi", source="1")

    assert "There is no command /edited" in bench.type("/edited hello", source="2").text
    assert "/edited" not in bench.type("/help", source="3").text


# --- whatever they do ---

presses = st.tuples(
    st.sampled_from(
        ["Retry", "Continue", "Model…", "o3", "Answer the new one", "undo", "edit", "ask"]
    ),
    st.integers(0, 4),
    st.sampled_from(["ok", "cut", "broken", "down"]),
)
SCRIPTS: dict[str, Sequence[Step]] = {
    "ok": says("Whole."),
    "cut": HALF,
    "broken": BROKEN,
    "down": [GatewayDown()],
}


@given(st.lists(presses, max_size=14))
@settings(max_examples=80, deadline=None)
def test_whatever_is_pressed_the_memory_holds_whole_pairs_and_each_question_once(
    steps: list[tuple[str, int, str]],
) -> None:
    bench = Bench()
    kind = "ok"
    bench.gateway = FakeGateway(lambda prompt: SCRIPTS[kind])
    restarted(bench)
    screens = [run(bench.ask(request("question 0", source="0")))]
    asked = 1
    for number, (label, back, kind) in enumerate(steps, 1):  # noqa: B007 (the script reads it)
        screen = screens[-1 - back % len(screens)]
        page = screen.pages[-1] if screen.pages else None
        actions: list[Action] = []
        if page is not None:
            actions = [*page.actions, *(one for menu in page.menus for one in menu.options)]
        found = [action.line for action in actions if action.label == label]
        if label == "ask" or (label not in ("undo", "edit") and not found):
            typed, asked = f"/ask question {asked}", asked + 1
        elif label == "undo":
            typed = "/undo"
        elif label == "edit":
            screens.append(run(bench.ask(edited(f"question {asked}", str(number - 1)))))
            asked += 1
            continue
        else:
            typed = found[0]
        screens.append(run(bench.ask(by(ALICE, typed, str(number)))))
        assert screens[-1].pages[-1].final
    for prompt in prompts(bench):
        roles = [message.role for message in prompt.messages]
        assert roles == [Role.USER, Role.ASSISTANT] * (len(roles) // 2) + [Role.USER]
    questions = [question for question, _ in remembered(bench) if question != GO_ON]
    assert len(set(questions)) == len(questions)
