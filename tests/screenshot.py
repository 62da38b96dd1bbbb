"""``python -m tests.screenshot``: the pictures of the web chat in docs/, from the real demo."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.browser import CHROMIUM, Browser, Tab
from tests.programs import running

DOCS = Path(__file__).parent.parent / "docs"
LARGEST = 300_000  # bytes of one picture: they are kept in the repository
CHANNELS = ("harbour", "kitchen", "general", "lighthouse-keepers")
LINES = ("make a table", "/image a lighthouse by the sea at dusk --aspect_ratio 21:9")

log = logging.getLogger("screenshot")


async def main() -> int:
    if not CHROMIUM:
        log.error("There is no Chromium here. On Debian: apt-get install chromium")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        async with (
            running("demo", "--port", "0", folder=Path(folder)) as demo,
            Browser() as browser,
        ):
            line = await demo.wait_for("http://")
            found = re.search(r"http://\S+", line)
            assert found is not None
            desktop = await browser.open(found[0], width=1280, height=1020, scale=1.25)
            await converse(desktop)
            await save(desktop, "web-chat.png")
            phone = await browser.open(
                found[0] + f"#{CHANNELS[-1]}", width=390, height=844, dark=True, phone=True, scale=2
            )
            await answered(phone, len(LINES))
            await save(phone, "web-chat-phone.png")
    return 0


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
        await tab.click("#text")
        await tab.type(line)
        await tab.press("Enter")
        await answered(tab, count)


async def answered(tab: Tab, replies: int) -> None:
    await tab.until(
        f"document.querySelectorAll('.reply:not(.writing)').length === {replies}"
        " && !document.querySelector('.writing, .pending')"
        " && [...document.images].every((image) => image.complete)",
        within=30,
    )


async def save(tab: Tab, name: str) -> None:
    await tab.evaluate("document.activeElement.blur()")
    shot = await tab.screenshot()
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    written = io.BytesIO()
    picture.save(written, "PNG", optimize=True)
    assert len(written.getvalue()) < LARGEST, f"{name} has {len(written.getvalue()):,} bytes"
    (DOCS / name).write_bytes(written.getvalue())
    log.info("docs/%s: %d × %d, %d kB", name, *picture.size, len(written.getvalue()) // 1000)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(asyncio.run(main()))
