"""The renderer on a clock that jumps: what the screen shows, and when."""

import asyncio

import pytest

from bot.errors import Busy, Gone, Unreachable
from bot.interfaces import Capabilities
from bot.pacing import Budget
from bot.renderer import Renderer
from bot.scheduler import Scheduler
from bot.types import Action, Image
from tests.clock import run
from tests.fakes import FakeSurface

PICTURE = Image(b"png", "image/png", "picture.png")


def test_the_first_frame_waits_for_a_few_words_and_no_longer_than_a_fifth_of_a_second() -> None:
    surface = FakeSurface()

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            renderer.write("One")
            await asyncio.sleep(0.15)
            assert surface.frames == []
            await asyncio.sleep(0.1)
            assert [(round(at, 3), page.text) for at, page in surface.frames] == [(0.2, "One")]
            await renderer.finish()

    run(play())


def test_enough_words_are_shown_at_once() -> None:
    surface = FakeSurface()

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            renderer.write("Here are more than enough words")
            await asyncio.sleep(0.01)
            assert len(surface.frames) == 1
            await renderer.finish()

    run(play())


def test_a_stalled_stream_still_shows_all_that_came() -> None:
    surface = FakeSurface()

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            renderer.write("one two three four five ")
            await asyncio.sleep(0.3)
            renderer.write("six")
            await asyncio.sleep(60)
            assert surface.text == "one two three four five six"
            await renderer.finish()

    run(play())


def test_the_final_text_goes_out_at_once_and_not_at_the_next_tick() -> None:
    surface = FakeSurface(latency=0.1)

    async def play() -> float:
        async with Renderer(surface, Scheduler()) as renderer:
            renderer.write("one two three four five")
            await asyncio.sleep(0.15)
            renderer.write(" and the end")
            await asyncio.sleep(0.2)
            before = asyncio.get_running_loop().time()
            await renderer.finish()
            return asyncio.get_running_loop().time() - before

    assert run(play()) < 0.15
    assert surface.text == "one two three four five and the end"


def test_writing_never_waits_for_a_slow_platform() -> None:
    surface = FakeSurface(latency=30)

    async def play() -> float:
        async with Renderer(surface, Scheduler()) as renderer:
            for number in range(1000):
                renderer.write(f"{number} ")
            written = asyncio.get_running_loop().time()
            await renderer.finish()
            return written

    assert run(play()) == 0.0
    assert surface.text.split() == [str(number) for number in range(1000)]


def test_edits_stay_inside_the_budget_and_leave_room_for_the_final() -> None:
    budget = Budget("channel", calls=5, seconds=5)
    surface = FakeSurface(Capabilities(page_limit=2000, pace=0.1, budgets=(budget,)))

    async def play() -> float:
        async with Renderer(surface, Scheduler()) as renderer:
            for number in range(200):
                renderer.write(f"word{number} ")
                await asyncio.sleep(0.05)
            before = asyncio.get_running_loop().time()
            await renderer.finish()
            return asyncio.get_running_loop().time() - before

    assert run(play()) == 0.0
    times = [at for at, _ in surface.frames]
    assert len(times) > 5
    assert all(sum(1 for other in times if at - 5 < other <= at) <= budget.calls for at in times)


def test_a_penalty_is_waited_out_and_nothing_is_lost() -> None:
    surface = FakeSurface()
    surface.trouble = [Busy(7.0), Unreachable(), Busy(0.5)]

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            renderer.write("all of this arrives in the end")
            await asyncio.sleep(1)
            renderer.write(", even this")
            await renderer.finish()

    run(play())
    assert surface.text == "all of this arrives in the end, even this"


def test_a_screen_that_is_gone_ends_the_writing() -> None:
    surface = FakeSurface()
    surface.trouble = [Gone()]

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            renderer.write("one two three four five")
            await asyncio.sleep(1)
            renderer.write("six")

    with pytest.raises(Gone):
        run(play())


def test_a_platform_that_never_answers_is_given_up() -> None:
    surface = FakeSurface()
    surface.trouble = [Unreachable() for _ in range(100)]

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            renderer.write("one two three four five")
            await renderer.finish()

    with pytest.raises(Unreachable):
        run(play())


def test_a_long_reply_becomes_several_pages_and_closed_ones_never_change() -> None:
    surface = FakeSurface(Capabilities(page_limit=100, pace=0.1))
    text = " ".join(f"word{number}" for number in range(100))

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            for word in text.split():
                renderer.write(word + " ")
                await asyncio.sleep(0.02)
            await renderer.finish()

    run(play())
    assert len(surface.pages) > 5
    assert " ".join(page.text for page in surface.pages).split() == text.split()
    finals: dict[int, str] = {}
    for _, page in surface.frames:
        assert finals.get(page.number, page.text) == page.text
        if page.final:
            finals[page.number] = page.text


def test_pictures_and_buttons_come_with_the_last_page() -> None:
    surface = FakeSurface()
    button = Action("Again", "/image again")

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            renderer.write("a red fox")
            await renderer.finish(media=[PICTURE], actions=[button])

    run(play())
    (page,) = surface.pages
    assert (page.text, list(page.media), list(page.actions), page.final) == (
        "a red fox",
        [PICTURE],
        [button],
        True,
    )


def test_a_text_too_long_for_a_caption_stands_on_a_page_of_its_own() -> None:
    surface = FakeSurface(Capabilities(page_limit=2000, caption_limit=20))

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            renderer.write("a caption of more than twenty characters")
            await renderer.finish(media=[PICTURE])

    run(play())
    text, picture = surface.pages
    assert text.text == "a caption of more than twenty characters"
    assert not text.media
    assert (picture.text, list(picture.media)) == ("", [PICTURE])


def test_a_footer_is_written_outside_of_an_open_code_block() -> None:
    surface = FakeSurface()

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            renderer.write("```python\nprint(1)")
            await renderer.finish("⚠️ It broke off.")

    run(play())
    assert surface.text == "```python\nprint(1)\n```\n\n⚠️ It broke off."


def test_a_reply_of_too_many_pages_goes_on_in_a_file_and_keeps_its_ending() -> None:
    surface = FakeSurface(Capabilities(page_limit=100, pace=0.1))
    text = " ".join(f"word{number}" for number in range(300))

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            for word in text.split():
                renderer.write(word + " ")
                await asyncio.sleep(0.05)
            assert len(surface.pages) == 8
            assert "the rest follows in a file" in surface.pages[-1].text
            await renderer.finish("⚠️ It broke off.")

    run(play())
    assert len(surface.pages) == 8
    last = surface.pages[-1]
    assert "in the attached file" in last.text
    assert last.text.endswith("⚠️ It broke off.")
    (file,) = last.media
    assert file.name == "answer.md"
    assert file.data.decode().split() == text.split()


def test_thoughts_are_shown_while_there_is_no_answer_and_folded_above_it() -> None:
    surface = FakeSurface()

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            renderer.think("The fox is red, and snow is white. ")
            await asyncio.sleep(1)
            assert surface.text == "> 💭 *Thinking …*\n> The fox is red, and snow is white."
            renderer.think("So there is contrast.")
            await asyncio.sleep(3)
            renderer.write("It stands out.")
            renderer.think("Too late to be shown.")
            await renderer.finish()

    run(play())
    assert surface.text == (
        "> 💭 *Thought for 4 s*\n"
        "> The fox is red, and snow is white. So there is contrast.\n\n"
        "It stands out."
    )


def test_a_model_that_only_thought_leaves_no_thought_behind() -> None:
    surface = FakeSurface()

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            renderer.think("Hmm, hmm, hmm, hmm, hmm.")
            await asyncio.sleep(1)
            assert renderer.is_blank
            await renderer.finish("The model had nothing to say.")

    run(play())
    assert surface.text == "The model had nothing to say."


def test_a_full_page_is_shown_at_once_and_a_page_about_to_be_full_waits_for_it() -> None:
    surface = FakeSurface(Capabilities(page_limit=500, pace=1.0))

    async def play() -> None:
        async with Renderer(surface, Scheduler()) as renderer:
            for number in range(400):
                renderer.write(f"w{number:03} ")  # 500 characters in two seconds
                await asyncio.sleep(0.02)
            await renderer.finish()

    run(play())
    assert " ".join(page.text for page in surface.pages).split() == [
        f"w{number:03}" for number in range(400)
    ]
    full = [at for at, page in surface.frames if page.final][:-1]
    assert len(full) == 3
    growing = [at for at, page in surface.frames if not page.final]
    assert not any(0 < done - at < 0.4 for done in full for at in growing)


def test_what_is_written_is_noted_beside_each_frame_and_with_each_new_page() -> None:
    surface = FakeSurface(Capabilities(page_limit=100, pace=0.5))
    notes: list[tuple[str, int]] = []

    async def note(text: str) -> None:
        notes.append((text, surface.posted))

    async def play() -> None:
        async with Renderer(surface, Scheduler(), note=note) as renderer:
            for number in range(60):
                renderer.write(f"word{number} ")
                await asyncio.sleep(0.1)
            await renderer.finish()

    run(play())
    assert notes[0][1] == 0
    assert {posted for _, posted in notes} >= {0, 1, 2}
    texts = [text for text, _ in notes]
    assert texts == sorted(texts, key=len)
    assert all("".join(f"word{number} " for number in range(60)).startswith(text) for text in texts)
