"""A small driver for Debian's headless Chromium: the DevTools protocol over its WebSocket.

    async with Browser() as browser:
        tab = await browser.open("http://127.0.0.1:8080/", width=390, height=844)
        await tab.until("document.querySelector('h1')")

Nothing here waits for a time: ``until`` asks again and again for what it waits for.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import tempfile
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), ""
)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
)
PATIENCE = 10.0  # seconds that anything may take
KEYS = {
    "Enter": ("Enter", 13, "\r"),
    "Tab": ("Tab", 9, ""),
    "Escape": ("Escape", 27, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
    "Backspace": ("Backspace", 8, ""),
    "End": ("End", 35, ""),
    "g": ("KeyG", 71, "g"),
}

Json = dict[str, Any]


class BrowserError(Exception):
    """Chromium said no, or what we waited for did not come."""


class Browser:
    """One Chromium with a profile of its own, gone afterwards."""

    async def __aenter__(self) -> Self:
        self._profile = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        self._chromium = await asyncio.create_subprocess_exec(
            CHROMIUM,
            *FLAGS,
            f"--user-data-dir={self._profile.name}",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._session = aiohttp.ClientSession()
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[Json]] = {}
        self._tabs: dict[str, Tab] = {}
        async with asyncio.timeout(3 * PATIENCE):
            address = await self._address()
        self._socket = await self._session.ws_connect(address, max_msg_size=0)
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._drain())]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()
        await self._session.close()
        os.killpg(
            self._chromium.pid, signal.SIGKILL
        )  # the group that we started, with its children
        await self._chromium.wait()
        self._profile.cleanup()

    async def open(
        self,
        url: str,
        *,
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
        phone: bool = False,
        scale: float = 1,
    ) -> Tab:
        """A new tab, as it looks on a screen of this size. All tabs share one storage, and each has
        a window of its own: tabs behind others are not painted."""
        target = await self.call("Target.createTarget", url="about:blank", newWindow=True)
        attached = await self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        tab = self._tabs[attached["sessionId"]] = Tab(
            self, attached["sessionId"], target["targetId"]
        )
        await tab.prepare(width, height, dark=dark, phone=phone, scale=scale)
        await tab.visit(url)
        return tab

    async def call(self, method: str, session: str = "", **parameters: Any) -> Json:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        frame: Json = {"id": number, "method": method, "params": parameters}
        if session:
            frame["sessionId"] = session
        await self._socket.send_json(frame)
        async with asyncio.timeout(PATIENCE):
            result: Json = await answer
            return result

    async def _address(self) -> str:
        assert self._chromium.stderr is not None
        async for line in self._chromium.stderr:
            if line.startswith(b"DevTools listening on "):
                return line.split()[-1].decode()
        raise BrowserError("Chromium did not start")

    async def _drain(self) -> None:
        """Read what Chromium complains about, so that its pipe never fills."""
        assert self._chromium.stderr is not None
        async for _ in self._chromium.stderr:
            pass

    async def _read(self) -> None:
        async for message in self._socket:
            frame: Json = json.loads(message.data)
            if "id" in frame:
                answer = self._answers.pop(frame["id"])
                if answer.done():
                    continue
                if "error" in frame:
                    answer.set_exception(BrowserError(frame["error"]["message"]))
                else:
                    answer.set_result(frame["result"])
            elif frame.get("sessionId") in self._tabs:
                self._tabs[frame["sessionId"]].note(frame["method"], frame["params"])


class Tab:
    """One page. ``troubles`` are its uncaught exceptions, console errors and policy violations."""

    def __init__(self, browser: Browser, session: str, target: str) -> None:
        self._browser = browser
        self._session = session
        self._target = target
        self.troubles: list[str] = []

    async def call(self, method: str, **parameters: Any) -> Json:
        return await self._browser.call(method, self._session, **parameters)

    async def prepare(
        self, width: int, height: int, *, dark: bool, phone: bool, scale: float
    ) -> None:
        for domain in ("Page", "Runtime", "Log", "DOM"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=phone,
        )
        if phone:
            await self.call("Emulation.setTouchEmulationEnabled", enabled=True)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def visit(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def close(self) -> None:
        await self._browser.call("Target.closeTarget", targetId=self._target)

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited where it is a promise."""
        answer = await self.call(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            raise BrowserError(_told(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def until(self, expression: str, *, within: float = PATIENCE) -> Any:
        """Wait until the expression is true; its value. Objects (nodes) count as true."""
        last: Any = None
        try:
            async with asyncio.timeout(within):
                while True:
                    wrapped = f"((value) => value instanceof Node || value)({expression})"
                    if last := await self.evaluate(wrapped):
                        return last
                    await asyncio.sleep(0.02)
        except TimeoutError:
            page = await self.evaluate("document.body?.innerText")
            raise BrowserError(f"not within {within} s: {expression}\n{page}") from None

    async def click(self, selector: str) -> None:
        """Where a person would: in the middle of the first element that is on the screen."""
        found = f"document.querySelector({json.dumps(selector)})"
        await self.until(f"{found}?.checkVisibility()")
        x, y = await self.evaluate(
            f"(() => {{ const e = {found}; e.scrollIntoView({{block: 'nearest'}});"
            " const b = e.getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2] })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def type(self, text: str) -> None:
        """Into whatever has the focus."""
        await self.call("Input.insertText", text=text)

    async def press(self, key: str, *, shift: bool = False) -> None:
        code, number, text = KEYS[key]
        base: Json = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        base["modifiers"] = 8 if shift else 0
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **base)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **base)

    async def choose_files(self, selector: str, *paths: Path) -> None:
        """As if the person had picked them in the dialog of a file button."""
        found = await self.call(
            "Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})"
        )
        await self.call(
            "DOM.setFileInputFiles",
            objectId=found["result"]["objectId"],
            files=[str(path) for path in paths],
        )

    async def screenshot(self) -> bytes:
        """The visible part as PNG."""
        answer = await self.call("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])

    def note(self, method: str, parameters: Json) -> None:
        if method == "Runtime.exceptionThrown":
            self.troubles.append(_told(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            entry = parameters["entry"]
            self.troubles.append(f"{entry['text']} {entry.get('url', '')}".strip())


def _told(details: Json) -> str:
    return str(details.get("exception", {}).get("description") or details.get("text"))
