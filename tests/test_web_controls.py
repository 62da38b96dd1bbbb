"""What can be done in the page, in a real browser: menus, fields, files and one's own words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.interfaces import Surface
from bot.types import Action, Audio, File, Image, Menu, Page, Request
from tests.browser import CHROMIUM, Browser, Tab
from tests.web_chat import Answerer, answered, page, png, ready, send

pytestmark = [
    pytest.mark.skipif(
        not CHROMIUM, reason="no Chromium here: the page was not tried in a browser"
    ),
    pytest.mark.asyncio(loop_scope="module"),
]

MODELS = ("claude", "gemini", "gpt-5", "gpt-5-mini")
SET = Action("Set …", "/settings language ", ask="Which language?")
FOCUSED = "document.activeElement.textContent"
MENU_IS_OPEN = "document.querySelector('.newest .menu')?.matches(':popover-open')"
WORDS = "[...document.querySelectorAll('.words')].map((words) => words.textContent)"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as running:
        yield running


def offers(*actions: Action, menu: tuple[Action, ...] = ()) -> Answerer:
    """A core that answers everything with these buttons, and a menu of models."""
    menus = [Menu("Model …", menu)] if menu else []

    async def script(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, request.text, actions=actions, menus=menus, final=True))

    return Answerer(script)


def models() -> tuple[Action, ...]:
    return tuple(Action(name, f"/model {name}") for name in MODELS)


async def pressed(tab: Tab, label: str) -> None:
    await answered(tab, 2)
    assert (await tab.evaluate(WORDS))[-1] == label


# Menus


async def test_a_menu_opens_under_its_button_and_an_option_does_what_it_says(
    browser: Browser,
) -> None:
    core = offers(menu=models())
    async with page(browser, core) as tab:
        await send(tab, "hello")
        await answered(tab)
        assert await tab.evaluate("document.querySelector('.opens').textContent") == "Model"
        await tab.click(".opens")
        await tab.until(MENU_IS_OPEN)
        apart = await tab.evaluate(
            "(() => { const [button, menu] = ['.opens', '.menu']"
            ".map((one) => document.querySelector(one).getBoundingClientRect());"
            " return [menu.x - button.x, menu.y - button.bottom] })()"
        )
        assert abs(apart[0]) < 1
        assert 0 < apart[1] < 12
        await tab.click(".menu button:nth-child(3)")
        await pressed(tab, "Model: gpt-5")
        assert await tab.evaluate("!document.querySelector('.menu:popover-open')")
    assert (core.requests[1].command, core.requests[1].text) == ("model", "gpt-5")
    assert core.requests[1].pressed


async def test_a_menu_is_walked_with_the_keyboard(browser: Browser) -> None:
    core = offers(menu=models())
    async with page(browser, core) as tab:
        await send(tab, "hello")
        await answered(tab)
        await tab.evaluate("document.querySelector('.opens').focus()")
        await tab.press("ArrowDown")
        await tab.until(f"{FOCUSED} === 'claude'")
        for key, name in (("ArrowUp", "gpt-5-mini"), ("ArrowDown", "claude"), ("End", MODELS[-1])):
            await tab.press(key)
            await tab.until(f"{FOCUSED} === '{name}'")
        await tab.press("g")
        await tab.until(f"{FOCUSED} === 'gemini'")
        await tab.press("Escape")
        await tab.until(f"!{MENU_IS_OPEN} && {FOCUSED} === 'Model'")
        await tab.press("ArrowDown")
        await tab.until(f"{FOCUSED} === 'claude'")
        await tab.press("Enter")
        await pressed(tab, "Model: claude")


async def test_a_menu_tells_a_screen_reader_what_it_is(browser: Browser) -> None:
    async with page(browser, offers(SET, menu=models())) as tab:
        await send(tab, "hello")
        await answered(tab)
        told = "[...document.querySelectorAll('.controls *')].map((e) => [e.role, e.ariaHasPopup])"
        assert ["menu", None] in await tab.evaluate(told)
        assert [None, "menu"] in await tab.evaluate(told)
        expanded = "document.querySelector('.opens').ariaExpanded"
        assert await tab.evaluate(expanded) == "false"
        await tab.click(".opens")
        await tab.until(f"{expanded} === 'true'")
        tree = await tab.call("Accessibility.getFullAXTree")
        roles = [
            (node["role"]["value"], node.get("name", {}).get("value")) for node in tree["nodes"]
        ]
        assert ("menu", "Model …") in roles
        assert [name for role, name in roles if role == "menuitem"] == list(MODELS)


async def test_on_a_phone_a_menu_is_a_sheet_at_the_bottom(browser: Browser) -> None:
    core = offers(menu=models())
    async with page(browser, core, width=390, height=700, phone=True) as tab:
        await send(tab, "hello")
        await answered(tab)
        await tab.click(".opens")
        await tab.until(MENU_IS_OPEN)
        box = "(({x, width, bottom}) => [x, width, bottom])"
        sheet = f"{box}(document.querySelector('.menu').getBoundingClientRect())"
        assert await tab.evaluate(sheet) == [0, 390, 700]
        low = "[...document.querySelectorAll('.menu button')].every((e) => e.offsetHeight >= 40)"
        assert await tab.evaluate(low), "a finger needs room"
        await tab.click(".menu button:nth-child(2)")
        await pressed(tab, "Model: gemini")


async def test_only_the_newest_reply_keeps_its_buttons_in_sight(browser: Browser) -> None:
    shown = (
        "[...document.querySelectorAll('.controls')]"
        ".map((row) => row.checkVisibility({opacityProperty: true}))"
    )
    async with page(browser, offers(SET, menu=models())) as tab:
        for count in (1, 2):
            await send(tab, "hello")
            await answered(tab, count)
        await tab.until(f"({shown}).join() === 'false,true'")
        await tab.evaluate("document.querySelector('.controls .button').focus()")
        await tab.until(f"({shown}).join() === 'true,true'")


# Fields


async def test_a_button_that_asks_sends_its_line_with_the_answer(browser: Browser) -> None:
    core = offers(SET, Action("Default", "/settings language default"))
    async with page(browser, core) as tab:
        await send(tab, "hello")
        await answered(tab)
        await tab.click(".controls .button")
        await tab.until("document.querySelector('.ask textarea') === document.activeElement")
        label = "document.querySelector('.ask label').textContent"
        assert await tab.evaluate(label) == "Which language?"
        await tab.press("Enter")
        assert await tab.evaluate("document.querySelector('.ask') !== null"), "nothing was written"
        await tab.type("British English")
        await tab.press("Enter")
        await pressed(tab, "Set: British English")
        assert await tab.evaluate("document.querySelector('.ask') === null")
    assert core.requests[1].command == "settings"
    assert core.requests[1].text == "language British English"


async def test_escape_and_the_button_itself_take_the_question_back(browser: Browser) -> None:
    core = offers(SET)
    async with page(browser, core) as tab:
        await send(tab, "hello")
        await answered(tab)
        for close in ("Escape", "button", "cancel"):
            await tab.click(".controls .button")
            await tab.until("document.querySelector('.ask textarea') === document.activeElement")
            await tab.type("half a thought")
            if close == "Escape":
                await tab.press("Escape")
            else:
                await tab.click(".controls .button" if close == "button" else ".ask [type=button]")
            await tab.until(f"!document.querySelector('.ask') && {FOCUSED} === 'Set …'")
    assert len(core.requests) == 1


async def test_an_option_of_a_menu_may_ask_too(browser: Browser) -> None:
    own = Action("Write your own …", "/persona ", ask="Who shall I be?")
    core = offers(menu=(*models(), own))
    async with page(browser, core) as tab:
        await send(tab, "hello")
        await answered(tab)
        await tab.click(".opens")
        await tab.click(".menu button:last-child")
        await tab.until("document.querySelector('.ask textarea') === document.activeElement")
        await tab.type("a pirate")
        await tab.click(".ask .send")
        await pressed(tab, "Model: Write your own: a pirate")
    assert (core.requests[1].command, core.requests[1].text) == ("persona", "a pirate")


# Files


async def attach(tab: Tab, folder: Path, *files: tuple[str, bytes]) -> None:
    paths = [folder / name for name, _ in files]
    for path, (_, data) in zip(paths, files, strict=True):
        path.write_bytes(data)
    await tab.choose_files("#file", *paths)


def complaint(words: str) -> str:
    return f"document.querySelector('#status').textContent.includes({json.dumps(words)})"


CHIPS = "[...document.querySelectorAll('#files li:not(.uploading)')]"


async def test_files_of_any_kind_are_chips_and_travel_with_the_message(
    browser: Browser, tmp_path: Path
) -> None:
    core = Answerer()
    sent = (
        ("cat.png", png(40, 40)),
        ("keeper.py", b"print(1)\n" * 200),
        ("horn.mp3", b"ID3 sound"),
        ("log.pdf", b"%PDF-1.7 and more"),
    )
    async with page(browser, core) as tab:
        await attach(tab, tmp_path, *sent)
        await tab.until(f"{CHIPS}.length === 4")
        shown = await tab.evaluate(f"{CHIPS}.map((chip) => chip.textContent)")
        assert shown == ["", "PYkeeper.py2 kB", "MP3horn.mp39 B", "PDFlog.pdf17 B"]
        await tab.click("#files li:last-child button")
        await tab.until(f"{CHIPS}.length === 3")
        await tab.press("Enter")
        await answered(tab)
        link = "(({download, href}) => [download, href])(document.querySelector('.said a.file'))"
        name, address = await tab.evaluate(link)
        assert name == "keeper.py"
        assert "/media/" in address
        assert await tab.evaluate("document.querySelector('.said audio').src.includes('/media/')")
        tab.troubles.clear()  # three bytes of sound are none to a player
    kinds = [(type(part), part.name) for part in core.requests[0].attachments]
    assert kinds == [(Image, "cat.png"), (File, "keeper.py"), (Audio, "horn.mp3")]


async def test_what_is_too_much_is_refused_before_it_is_sent(
    browser: Browser, tmp_path: Path
) -> None:
    async with page(browser, Answerer()) as tab:
        await tab.evaluate("window.fetch = () => { throw new Error('nothing shall be sent') }")
        for name, megabytes, sort in (
            ("a.png", 20, "picture"),
            ("a.mp3", 25, "recording"),
            ("a.txt", 10, "file"),
        ):
            await attach(tab, tmp_path, (name, b"\0" * (megabytes * 2**20 + 1)))
            said = f"{name} is larger than {megabytes} MB, the most for a {sort}."
            await tab.until(complaint(said))
        await attach(tab, tmp_path, ("nothing.txt", b""))
        await tab.until(complaint("nothing.txt is empty."))
        assert await tab.evaluate("document.querySelector('#files').hidden")


async def test_more_files_than_a_message_may_have_are_not_taken(
    browser: Browser, tmp_path: Path
) -> None:
    async with page(browser, Answerer()) as tab:
        await attach(tab, tmp_path, *((f"{n}.txt", b"x") for n in range(11)))
        await tab.until(complaint("At most 10 files go with one message."))
        await tab.until(f"{CHIPS}.length === 10")
        await tab.evaluate("document.querySelectorAll('#files button').forEach((b) => b.click())")
        large = png() + bytes(16 * 2**20)
        await attach(tab, tmp_path, *((f"{n}.png", large) for n in range(4)))
        await tab.until(complaint("The files are larger than 60 MB together."))
        await tab.until(f"{CHIPS}.length === 3")


@pytest.mark.parametrize("way", ["drop", "paste"])
async def test_files_are_dropped_and_pasted(browser: Browser, way: str) -> None:
    core = Answerer()
    async with page(browser, core) as tab:
        await tab.evaluate(f"""(() => {{
          const data = new DataTransfer();
          data.items.add(new File(["hello"], "note.txt", {{ type: "text/plain" }}));
          const how = {{ bubbles: true, dataTransfer: data, clipboardData: data }};
          const Happened = "{way}" === "drop" ? DragEvent : ClipboardEvent;
          document.querySelector("#text").dispatchEvent(new Happened("{way}", how));
        }})()""")
        await tab.until(f"{CHIPS}.length === 1")
        await send(tab, "Read this")
        await answered(tab)
    assert core.requests[0].attachments == (File(b"hello", "text/plain", "note.txt"),)


async def test_files_of_an_answer_are_downloads_with_name_and_size(browser: Browser) -> None:
    async def export(_: Request, surface: Surface) -> None:
        page_file = File(b"<script>window.hacked = 1</script>", "text/html", "page.html")
        notes = File(b"# Notes\n" * 1024, "text/markdown", "answer.md")
        await surface.show(Page(0, "All of it:", media=[notes, page_file], final=True))

    async with page(browser, Answerer(export)) as tab:
        await send(tab, "/export")
        await answered(tab)
        found = (
            "[...document.querySelectorAll('.reply a.file')]"
            ".map((link) => [link.textContent, link.download])"
        )
        assert await tab.evaluate(found) == [
            ["MDanswer.md8 kB", "answer.md"],
            ["HTMLpage.html34 B", "page.html"],
        ]
        headers = await tab.evaluate(
            "Promise.all([...document.querySelectorAll('.reply a.file')].map(async ({href}) =>"
            " { const {headers} = await fetch(href); return ['content-type',"
            " 'content-disposition', 'x-content-type-options'].map((h) => headers.get(h)) }))"
        )
        assert [header[0] for header in headers] == ["application/octet-stream"] * 2
        assert [header[1].partition(";")[0] for header in headers] == ["attachment"] * 2
        assert [header[2] for header in headers] == ["nosniff"] * 2
        assert await tab.evaluate("window.hacked === undefined")


# One's own words


async def test_the_arrow_up_changes_the_newest_question_in_its_place(browser: Browser) -> None:
    core = Answerer()
    async with page(browser, core) as tab:
        for count, line in enumerate(("What is a fox?", "What is a wolf?", "/model"), 1):
            await send(tab, line)
            await answered(tab, count)
        await tab.press("ArrowUp")
        await tab.until("document.querySelector('.editor textarea') === document.activeElement")
        assert await tab.evaluate("document.activeElement.value") == "What is a wolf?"
        await tab.type(" Tell me more.")
        await tab.press("Enter")
        await answered(tab, 4)
        await tab.until("document.querySelector('.edited')")
        assert await tab.evaluate(WORDS) == [
            "What is a fox?",
            "What is a wolf? Tell me more.",
            "/model",
        ]
        assert await tab.evaluate("document.activeElement.id") == "text"
    question, told = core.requests[1], core.requests[3]
    assert (told.command, told.text) == ("edited", "What is a wolf? Tell me more.")
    assert told.source == f"{question.source}:edit1"


async def test_the_pencil_stands_at_the_newest_own_question_only(browser: Browser) -> None:
    gate = asyncio.Event()

    async def slow(request: Request, surface: Surface) -> None:
        await surface.show(Page(0, "…"))
        if request.text == "slow":
            await gate.wait()
        await surface.show(Page(0, "Done.", final=True))

    core = Answerer(slow)
    async with page(browser, core) as tab:
        for count, line in enumerate(("first", "second"), 1):
            await send(tab, line)
            await answered(tab, count)
        marked = (
            "[...document.querySelectorAll('.pencil')].map((p) => p.closest('.words').textContent)"
        )
        await tab.until(f"({marked}).join() === 'second'")
        two = await browser.open(await tab.evaluate("location.href"))
        await ready(two)
        await two.until(f"({marked}).join() === 'second'")
        await send(two, "slow")
        await tab.until("!document.querySelector('.pencil')")
        gate.set()
        await tab.until(f"({marked}).join() === 'slow'")
        await tab.click(".pencil")
        await tab.until("document.querySelector('.editor')")
        await tab.press("Escape")
        await tab.until("!document.querySelector('.editor')")
        assert await tab.evaluate(WORDS) == ["first", "second", "slow"]
        await send(tab, "/image a fox")
        await answered(tab, 4)
        await tab.until("!document.querySelector('.pencil')")
        await two.close()
    assert len(core.requests) == 4


async def test_an_edit_that_is_refused_is_taken_back_with_the_reason(browser: Browser) -> None:
    core = Answerer()
    async with page(browser, core) as tab:
        await send(tab, "What is a fox?")
        await answered(tab)
        await tab.press("ArrowUp")
        await tab.until("document.querySelector('.editor')")
        await tab.evaluate("document.activeElement.value = '/image a fox'")
        await tab.click(".editor .main")
        await tab.until("document.querySelector('.said .trouble')?.textContent.includes('/ask')")
        assert await tab.evaluate(WORDS) == ["What is a fox?"]
    assert len(core.requests) == 1


async def test_nothing_of_the_new_sticks_out_of_a_phone(browser: Browser, tmp_path: Path) -> None:
    wide = Action("A button with a very long label that goes on and on", "/help", ask="long? " * 30)
    core = offers(wide, menu=(Action("an option that is longer than the phone is wide", "/help"),))
    async with page(browser, core, width=320, height=640, phone=True) as tab:
        await send(tab, "a question that needs more than one line of a small phone to be asked")
        await answered(tab)
        await tab.click(".controls .button")
        await attach(tab, tmp_path, ("x" * 100 + ".txt", b"x"), ("y" * 100 + ".mp3", b"ID3"))
        await tab.until(f"{CHIPS}.length === 2")
        sticking_out = (
            "[...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() &&"
            " !e.closest('.unseen, #side') && (({left, right}) => left < -0.5 || right > 320.5)"
            "(e.getBoundingClientRect())).map((e) => e.outerHTML.slice(0, 80))"
        )
        assert await tab.evaluate(sticking_out) == []
