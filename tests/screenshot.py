"""``python -m tests.screenshot``: the README's two pictures of the web chat, from the real demo.

With a folder: every interactive piece of the page into that, in light and dark, on a desktop and a
phone, for somebody to look at.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from PIL import Image

from bot.interfaces import Surface
from bot.types import Action, File, Menu, Page, Request
from tests.browser import CHROMIUM, Browser, Tab
from tests.programs import running
from tests.web_chat import Answerer, png, serving

DOCS = Path(__file__).parent.parent / "docs"
LARGEST = 300_000  # bytes of one picture: they are kept in the repository
CHANNELS = ("harbour", "kitchen", "general", "lighthouse-keepers")
LINES = ("make a table", "/image a lighthouse by the sea at dusk --aspect_ratio 21:9")
DESKTOP = {"width": 1100, "height": 760, "scale": 1.25}
PHONE = {"width": 390, "height": 760, "scale": 2, "phone": True}

log = logging.getLogger("screenshot")


async def main(folder: Path | None) -> int:
    if not CHROMIUM:
        log.error("There is no Chromium here. On Debian: apt-get install chromium")
        return 1
    async with Browser() as browser:
        if folder is None:
            await readme(browser)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            await pieces(browser, folder)
    return 0


async def readme(browser: Browser) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running("demo", "--port", "0", folder=Path(folder)) as demo:
            line = await demo.wait_for("http://")
            found = re.search(r"http://\S+", line)
            assert found is not None
            desktop = await browser.open(found[0], width=1280, height=1020, scale=1.25)
            await converse(desktop)
            await keep(desktop, "web-chat.png")
            phone = await browser.open(
                found[0] + f"#{CHANNELS[-1]}", width=390, height=844, dark=True, phone=True, scale=2
            )
            await answered(phone, len(LINES))
            await keep(phone, "web-chat-phone.png")


async def converse(tab: Tab) -> None:
    """Fill the page as people would."""
    for channel in CHANNELS:
        await tab.click("#create-name")
        await tab.type(channel)
        await tab.press("Enter")
        await tab.until(f"document.querySelector('#title').textContent === '{channel}'")
    await tab.click("#name")
    await tab.type("Ada")
    await tab.press("Enter")
    for count, line in enumerate(LINES, 1):
        await ask(tab, line, count)


async def ask(tab: Tab, line: str, replies: int) -> None:
    await tab.click("#text")
    await tab.type(line)
    await tab.press("Enter")
    await answered(tab, replies)


async def answered(tab: Tab, replies: int) -> None:
    await tab.until(
        f"document.querySelectorAll('.reply:not(.writing)').length === {replies}"
        " && !document.querySelector('.writing, .pending')"
        " && [...document.images].every((image) => image.complete)",
        within=30,
    )


async def at_rest(tab: Tab) -> bytes:
    """The page with nobody pointing at it and nothing on its way from one look to another."""
    await tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=0, y=0)
    await tab.until("!document.getAnimations().some((one) => one instanceof CSSTransition)")
    return await tab.screenshot()


async def keep(tab: Tab, name: str) -> None:
    """Into docs/, as small as PNG gets."""
    await tab.evaluate("document.activeElement.blur()")
    shot = await at_rest(tab)
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    written = io.BytesIO()
    picture.save(written, "PNG", optimize=True)
    assert len(written.getvalue()) < LARGEST, f"{name} has {len(written.getvalue()):,} bytes"
    (DOCS / name).write_bytes(written.getvalue())
    log.info("docs/%s: %d × %d, %d kB", name, *picture.size, len(written.getvalue()) // 1000)


# ── The pieces ────────────────────────────────────────────────────────────────────────────────────

TURN = "0123456789abcdef"
MODELS = ("claude-sonnet-4.5", "deepseek-v3.2", "gemini-3-pro", "gpt-5", "grok-4", "qwen3-max")
OTHERS = Menu("Model …", tuple(Action(name, f"/retry {TURN} {name}") for name in MODELS))
RETRY = Action("Retry", f"/retry {TURN}")
SETTINGS = """\
**chat_model:** `gpt-5-mini` (the bot's default)
**persona:** `librarian` (chosen for this channel)
**language:** `default` (the bot's default)
**thinking:** `on` (your own choice)

Pick one to change it, or type /settings, its name and a value."""
NAMES = ("chat_model", "image_model", "persona", "language", "thinking", "temperature", "length")
ANSWER = """\
Rainbows are sunlight that was **bent and mirrored** inside raindrops.

1. Light enters a drop and spreads into its colours.
2. The back of the drop mirrors it.
3. It leaves towards you, red at the top and violet at the bottom.
"""
THOUGHTS = "The question is for a child, so no Snell's law.\n> Three steps should be enough."
PAGES = {
    "/settings": Page(
        0, SETTINGS, menus=[Menu("Change a setting", tuple(Action(n, n) for n in NAMES))]
    ),
    "/settings language": Page(
        0,
        "**language:** `default` (the bot's default)\nThe language of the answers.",
        actions=[
            Action("Set …", "/settings language ", ask="The language of the answers"),
            Action("Default", "/settings language default"),
        ],
    ),
    "/export": Page(
        0,
        "This is all that I remember of this channel: 12 questions and their answers.",
        media=[
            File(b"# lighthouse-keepers\n" * 700, "text/markdown", "lighthouse-keepers.md"),
            File(b"{}" * 12_000, "application/json", "lighthouse-keepers.json"),
        ],
    ),
    "Explain rainbows": Page(0, ANSWER, actions=[RETRY], menus=[OTHERS]),
    "Tell me a story": Page(
        0,
        "Once upon a time there was a keeper who wound the lamp by hand each\n\n⏹ *Stopped.*",
        actions=[RETRY, Action("Continue", f"/continue {TURN}")],
        menus=[OTHERS],
    ),
    "Why is the sky blue?": Page(
        0, f"> 💭 *Thought for 4 s*\n> {THOUGHTS}\n\n{ANSWER}", actions=[RETRY], menus=[OTHERS]
    ),
    "Think about it": Page(
        0, f"> 💭 *Thinking …*\n> {THOUGHTS}", actions=[Action("Stop", f"/stop {TURN}")]
    ),
}


async def gallery(request: Request, surface: Surface) -> None:
    line = request.text if request.command == "ask" else f"/{request.command} {request.text}"
    await surface.show(PAGES.get(line.strip(), PAGES["Explain rainbows"]))
    if line == "Think about it":
        await asyncio.Event().wait()


async def menu(tab: Tab) -> None:
    await ask(tab, "Explain rainbows", 1)
    await ask(tab, "/settings", 2)
    await tab.click(".newest .opens")
    await tab.until("document.activeElement.role === 'menuitem'")
    await tab.press("ArrowDown")


async def field(tab: Tab) -> None:
    await ask(tab, "/settings language", 1)
    await tab.click(".controls .button")
    await tab.until("document.querySelector('.ask')")
    await tab.type("British English")


async def files_in(tab: Tab) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sent = {
            "lighthouse.png": png(200, 160, (70, 100, 160)),
            "keeper.py": b"print('light')\n" * 90,
            "logbook-of-the-year-1897-with-all-its-storms.pdf": b"%PDF-1.7\n" + b"\0" * 2_400_000,
            "foghorn.mp3": b"ID3" + b"\0" * 900_000,
        }
        for name, data in sent.items():
            Path(folder, name).write_bytes(data)
        await tab.choose_files("#file", *(Path(folder, name) for name in sent))
        await tab.until("document.querySelectorAll('#files li:not(.uploading)').length === 4")
        await ask(tab, "What is in these?", 1)
        await tab.choose_files("#file", *(Path(folder, name) for name in sent))
        await tab.until("document.querySelectorAll('#files li:not(.uploading)').length === 4")


async def files_out(tab: Tab) -> None:
    await ask(tab, "/export", 1)


async def edit(tab: Tab) -> None:
    await ask(tab, "Explain rainbows", 1)
    await tab.click("#text")
    await tab.press("ArrowUp")
    await tab.until("document.querySelector('.editor')")
    await tab.type(" to a child, in three sentences")


async def edited(tab: Tab) -> None:
    await edit(tab)
    await tab.press("Enter")
    await answered(tab, 2)
    await tab.evaluate("document.querySelector('#scroll').scrollTo(0, 0)")
    await tab.evaluate("document.querySelector('.pencil').focus()")


async def stopped(tab: Tab) -> None:
    await ask(tab, "Explain rainbows", 1)
    await ask(tab, "Tell me a story", 2)


async def thinking(tab: Tab) -> None:
    await tab.click("#text")
    await tab.type("Think about it")
    await tab.press("Enter")
    await tab.until("document.querySelector('details.thoughts')?.open")


async def thought(tab: Tab) -> None:
    await ask(tab, "Why is the sky blue?", 1)


PIECES: tuple[Callable[[Tab], Awaitable[None]], ...] = (
    menu, field, files_in, files_out, edit, edited, stopped, thinking, thought,
)  # fmt: skip


async def pieces(browser: Browser, folder: Path) -> None:
    for piece in PIECES:
        for screen, size in (("desktop", DESKTOP), ("phone", PHONE)):
            for dark in (False, True):
                async with serving(Answerer(gallery)) as web:
                    tab = await browser.open(web.address, dark=dark, **size)
                    await tab.until("document.querySelector('#model:not([hidden])')")
                    await piece(tab)
                    path = folder / f"{piece.__name__}-{screen}-{'dark' if dark else 'light'}.png"
                    path.write_bytes(await at_rest(tab))
                    assert tab.troubles == [], tab.troubles
                    await tab.close()
                    log.info("%s", path)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)))
