"""The few hand-written fakes: a screen that remembers, a gateway that follows a script, a store in
a dict."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from bot.errors import SurfaceError
from bot.events import Finish, ReplyEvent, TextDelta
from bot.interfaces import Capabilities
from bot.types import Channel, ImagePrompt, Page, Prompt, Request, Turn, User

CHANNEL = Channel("test", "harbour", "general")
ALICE = User("1", "Alice")


def request(
    text: str = "hello", *, source: str = "1", command: str = "ask", user: User = ALICE
) -> Request:
    return Request(CHANNEL, user, source, command, text=text)


class FakeSurface:
    """Remembers every frame with its time. ``trouble`` is raised by the coming calls, one each."""

    def __init__(
        self, capabilities: Capabilities | None = None, *, latency: float = 0.0, ref: str = "screen"
    ) -> None:
        self.capabilities = capabilities or Capabilities(page_limit=2000)
        self.ref = ref
        self.frames: list[tuple[float, Page]] = []
        self.trouble: list[SurfaceError] = []
        self.latency = latency
        self.in_flight = 0

    async def show(self, page: Page) -> None:
        assert self.in_flight == 0, "one call is in flight at a time"
        self.in_flight += 1
        try:
            await asyncio.sleep(self.latency)
            if self.trouble:
                raise self.trouble.pop(0)
            self.frames.append((asyncio.get_running_loop().time(), page))
        finally:
            self.in_flight -= 1

    @property
    def pages(self) -> list[Page]:
        """What the screen shows now."""
        shown: dict[int, Page] = {}
        for _, page in self.frames:
            shown[page.number] = page
        return [shown[number] for number in sorted(shown)]

    @property
    def text(self) -> str:
        return "\n".join(page.text for page in self.pages)


Step = ReplyEvent | float | Exception


class FakeGateway:
    """Answers each prompt with the steps that ``script`` makes of it: events, seconds to wait, an
    error."""

    def __init__(self, script: Callable[[Prompt | ImagePrompt], Sequence[Step]]) -> None:
        self._script = script
        self.prompts: list[Prompt | ImagePrompt] = []
        self.open = 0
        self.names: list[str] = []

    @asynccontextmanager
    async def stream(
        self, prompt: Prompt | ImagePrompt
    ) -> AsyncIterator[AsyncIterator[ReplyEvent]]:
        self.prompts.append(prompt)
        self.open += 1
        try:
            yield self._play(self._script(prompt))
        finally:
            self.open -= 1

    async def _play(self, steps: Sequence[Step]) -> AsyncIterator[ReplyEvent]:
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield step

    async def models(self) -> Sequence[str]:
        return self.names


def says(*words: str, every: float = 0.0) -> list[Step]:
    """A script that says these words, ``every`` seconds apart, and finishes."""
    steps: list[Step] = []
    for word in words:
        steps += [every, TextDelta(word)] if every else [TextDelta(word)]
    return [*steps, Finish()]


class FakeStore:
    """``bot.interfaces.Store`` in dictionaries; held to the same contract in test_fakes.py."""

    def __init__(self) -> None:
        self.turns: dict[tuple[str, str], Turn] = {}
        self.forgotten: set[str] = set()
        self.chosen: dict[tuple[str, str], str] = {}

    async def begin(self, turn: Turn) -> bool:
        key = (turn.request.channel.key, turn.request.source)
        if key in self.turns:
            return False
        self.turns[key] = turn
        return True

    async def finish(self, turn: Turn) -> None:
        if turn.id in self.forgotten:
            turn = replace(turn, reply=None)
        self.turns[turn.request.channel.key, turn.request.source] = turn

    async def history(self, channel: Channel, limit: int) -> list[Turn]:
        turns = [
            turn
            for (key, _), turn in self.turns.items()
            if key == channel.key and turn.reply is not None
        ]
        return turns[max(len(turns) - limit, 0) :]

    async def find(self, turn_id: str) -> Turn | None:
        turns = (turn for turn in self.turns.values() if turn.id == turn_id)
        return next((turn for turn in turns if turn.id not in self.forgotten), None)

    async def forget(self, channel: Channel, turn_id: str = "") -> int:
        held = await self.history(channel, 10**9)
        count = sum(turn_id in ("", turn.id) for turn in held)
        for key, turn in self.turns.items():
            if key[0] == channel.key and turn_id in ("", turn.id):
                self.forgotten.add(turn.id)
                self.turns[key] = replace(turn, reply=None)
        return count

    async def choices(self, channel: Channel) -> dict[str, str]:
        return {name: value for (key, name), value in self.chosen.items() if key == channel.key}

    async def choose(self, channel: Channel, name: str, value: str) -> None:
        self.chosen[channel.key, name] = value
