"""The whole bot behind its page: what people do there, from the click to the model and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot import config
from bot.cli import open_switchboard
from tests.browser import CHROMIUM, Browser, Tab
from tests.simulators.gateway import FaultyGateway
from tests.simulators.gateway_faults import Break, Stream
from tests.web_chat import answered, ready, send, serving

pytestmark = [
    pytest.mark.skipif(
        not CHROMIUM, reason="no Chromium here: the page was not tried in a browser"
    ),
    pytest.mark.asyncio(loop_scope="module"),
]

WORDS = "[...document.querySelectorAll('.words')].map((words) => words.textContent)"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as running:
        yield running


@dataclass
class Chat:
    """The page in a tab, and the gateway behind the bot."""

    tab: Tab
    gateway: FaultyGateway

    async def say(self, line: str) -> None:
        """Send a line and wait for the end of its answer."""
        count = await self.replies()
        await send(self.tab, line)
        await answered(self.tab, count + 1)

    async def replies(self) -> int:
        return int(await self.tab.evaluate("document.querySelectorAll('.reply').length"))

    async def reads(self, *words: str) -> None:
        """Wait until the newest reply has these words."""
        for one in words:
            found = "document.querySelector('.newest')?.textContent"
            await self.tab.until(f"{found}?.includes({json.dumps(one)})")

    async def press(self, label: str) -> None:
        """A button of the newest reply."""
        count = await self.replies()
        await self._click(".newest .controls > .button", label)
        await answered(self.tab, count + 1)

    async def pick(self, menu: str, option: str) -> None:
        """An option of a menu of the newest reply."""
        count = await self.replies()
        await self._click(".newest .opens", menu)
        await self._click(".menu:popover-open button", option)
        await answered(self.tab, count + 1)

    async def answer(self, words: str) -> None:
        """What the newest button asks."""
        count = await self.replies()
        await self.tab.until("document.querySelector('.ask textarea') === document.activeElement")
        await self.tab.type(words)
        await self.tab.press("Enter")
        await answered(self.tab, count + 1)

    async def tap(self, label: str) -> None:
        """Press a button that asks something first."""
        await self._click(".newest .controls > .button", label)

    async def _click(self, selector: str, text: str) -> None:
        found = f"[...document.querySelectorAll({json.dumps(selector)})]"
        named = f"{found}.find((one) => one.textContent === {json.dumps(text)})"
        await self.tab.until(named)
        await self.tab.evaluate(f"{named}.click()")

    def asked(self) -> list[dict[str, Any]]:
        """The messages of the latest question that reached the model."""
        received = self.gateway.received("/v1/chat/completions")
        messages: list[dict[str, Any]] = received[-1].body["messages"]
        return messages


@asynccontextmanager
async def chat(browser: Browser, folder: Path) -> AsyncIterator[Chat]:
    async with FaultyGateway() as gateway:
        (folder / "switchboard.toml").write_text(
            f"""
            storage = {{ url = "sqlite:///{folder}/chat.db" }}
            [gateway]
            api_key = "sk-chat"
            base_url = "{gateway.url}"
            chat_model = "test-model"
            """
        )
        settings = config.load(folder)
        async with open_switchboard(settings) as switchboard, serving(switchboard) as web:
            tab = await browser.open(web.address)
            await ready(tab)
            yield Chat(tab, gateway)
            assert tab.troubles == []
            await tab.close()


async def test_settings_are_shown_with_their_source_and_chosen_by_menu_and_field(
    browser: Browser, tmp_path: Path
) -> None:
    async with chat(browser, tmp_path) as page:
        await page.say("/settings")
        await page.reads("thinking: off (the bot's default)")
        await page.pick("Change a setting", "thinking")
        await page.pick("thinking", "on")
        await page.reads("thinking", "is now on")
        await page.say("/settings language")
        await page.tap("Set …")
        await page.answer("Danish")
        await page.say("/settings")
        await page.reads("thinking: on (chosen for this channel)", "language: Danish")
        await page.say("Hello?")
        assert "Danish" in json.dumps(page.asked()[0])
        pressed = await page.tab.evaluate(WORDS)
        assert "thinking: on" in pressed
        assert "Set: Danish" in pressed


async def test_a_persona_is_picked_or_written(browser: Browser, tmp_path: Path) -> None:
    async with chat(browser, tmp_path) as page:
        await page.say("/persona")
        await page.tap("Write your own …")
        await page.answer("You are a pirate.")
        await page.reads("You are a pirate.")
        await page.say("Who are you?")
        assert "You are a pirate." in json.dumps(page.asked()[0])


async def test_a_stopped_answer_is_asked_again_and_with_another_model(
    browser: Browser, tmp_path: Path
) -> None:
    gate = asyncio.Event()
    async with chat(browser, tmp_path) as page:
        page.gateway.say(["Once upon a time there was ", gate, "a fox."], times=1)
        await send(page.tab, "Tell me a story")
        await page.reads("Once upon a time")
        await page.tab.click("#send[aria-label=Stop]")
        await page.tab.until("!document.querySelector('.writing, .pending')")
        gate.set()
        await page.tab.until(
            "[...document.querySelectorAll('.reply')].some((one) =>"
            " one.textContent.includes('Once upon') && one.textContent.includes('Stopped.'))"
        )
        page.gateway.say(["There was a wolf."], times=1)
        await page.press("Retry")
        await page.reads("There was a wolf.")
        page.gateway.say(["There was a lynx."], times=1)
        await page.press("Model…")
        await page.pick("Another model", "gpt-5-mini")
        await page.reads("There was a lynx.")
        await page.say("/history")
        await page.reads("There was a lynx.")
        assert "wolf" not in await page.tab.evaluate("document.querySelector('.newest').innerText")


async def test_an_answer_that_broke_off_goes_on(browser: Browser, tmp_path: Path) -> None:
    async with chat(browser, tmp_path) as page:
        page.gateway.say(["One, two, "], times=1)
        page.gateway.inject(Stream(break_after=1, breaks=Break.END), times=1)
        await page.say("Count")
        page.gateway.heal()
        page.gateway.say(["three, four."], times=1)
        await page.press("Continue")
        await page.reads("three, four.")
        assert "One, two," in json.dumps(page.asked())


async def test_a_question_that_was_changed_is_answered_anew(
    browser: Browser, tmp_path: Path
) -> None:
    async with chat(browser, tmp_path) as page:
        await page.say("What is a fox?")
        await page.tab.press("ArrowUp")
        await page.tab.until("document.querySelector('.editor')")
        await page.tab.evaluate("document.activeElement.select()")
        await page.tab.type("What is a wolf?")
        await page.tab.press("Enter")
        await page.reads("You changed your question.")
        await page.press("Answer the new one")
        await page.say("/history")
        await page.reads("What is a wolf?")
        shown = await page.tab.evaluate("document.querySelector('.newest').innerText")
        assert "What is a fox?" not in shown


async def test_files_are_read_and_what_was_said_comes_back_as_files(
    browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "boats.py").write_text("boat = 'Alma'\n")
    async with chat(browser, tmp_path) as page:
        await page.tab.choose_files("#file", tmp_path / "boats.py")
        await page.tab.until("document.querySelector('#files li:not(.uploading)')")
        await page.say("What is the boat called?")
        assert "boat = 'Alma'" in json.dumps(page.asked())
        await page.say("/export")
        links = "[...document.querySelectorAll('.newest a.file')]"
        await page.tab.until(f"{links}.length === 2")
        names = await page.tab.evaluate(f"{links}.map((link) => link.download)")
        assert names == ["conversation.md", "conversation.json"]
        text = await page.tab.evaluate(f"fetch({links}[0].href).then((found) => found.text())")
        assert "What is the boat called?" in text


async def test_the_last_pair_is_taken_back(browser: Browser, tmp_path: Path) -> None:
    async with chat(browser, tmp_path) as page:
        await page.say("My boat is called Alma")
        await page.say("/undo")
        await page.reads("Taken back: My boat is called Alma")
        await page.say("What did I say?")
        assert "Alma" not in json.dumps(page.asked())


async def test_where_only_commands_are_heard_nothing_else_is_asked(
    browser: Browser, tmp_path: Path
) -> None:
    async with chat(browser, tmp_path) as page:
        await page.say("/settings triggers command")
        await send(page.tab, "just talking")
        await page.say("/ask are you there?")
        asked = [request.body for request in page.gateway.received("/v1/chat/completions")]
        assert len(asked) == 1
        assert "are you there?" in json.dumps(asked[0])


async def test_thoughts_stand_folded_above_the_answer_where_they_are_wanted(
    browser: Browser, tmp_path: Path
) -> None:
    async with chat(browser, tmp_path) as page:
        page.gateway.inject(Stream(thinking=("A fox is red.",)))
        await page.say("What is a fox?")
        assert await page.tab.evaluate("!document.querySelector('.thoughts')")
        await page.say("/settings thinking on")
        await page.say("And a wolf?")
        await page.tab.until("document.querySelector('.newest .thoughts')?.open === false")
        await page.reads("A fox is red.")


async def test_a_recording_is_listened_to(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "horn.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + bytes(40))
    async with chat(browser, tmp_path) as page:
        await page.tab.choose_files("#file", tmp_path / "horn.wav")
        await page.tab.until("document.querySelector('#files li:not(.uploading)')")
        await page.say("What do you hear?")
        assert len(page.gateway.received("/v1/audio/transcriptions")) == 1
        assert "horn.wav" in json.dumps(page.asked())
        page.tab.troubles.clear()  # a player finds no sound in it
