"""The few hand-written fakes: a screen that remembers, a gateway that follows a script, a store in
a dict."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from bot.errors import StorageError, SurfaceError
from bot.events import Finish, ReplyEvent, TextDelta
from bot.interfaces import Capabilities, Summary
from bot.pacing import Budget
from bot.types import (
    Audio,
    Channel,
    ImagePrompt,
    Manners,
    Message,
    Page,
    Prompt,
    Request,
    Role,
    Status,
    Text,
    Turn,
    User,
)

CHANNEL = Channel("test", "harbour", "general")
ALICE = User("1", "Alice")


def request(
    text: str = "hello", *, source: str = "1", command: str = "ask", user: User = ALICE
) -> Request:
    return Request(CHANNEL, user, source, command, text=text)


def turn_in(channel: Channel, surface: str = "", source: str = "") -> Turn:
    """An earlier turn there, whose reply is on that surface."""
    return Turn("an-earlier-one", Request(channel, ALICE, source), surface=surface)


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
        self.in_flight: set[int] = set()
        self.posted = 0

    async def show(self, page: Page) -> None:
        assert page.number not in self.in_flight, "one call is in flight for a page"
        assert page.number <= self.posted, "new pages come in order"
        self.in_flight.add(page.number)
        try:
            await asyncio.sleep(self.latency)
            if self.trouble:
                raise self.trouble.pop(0)
            self.frames.append((asyncio.get_running_loop().time(), page))
            self.posted = max(self.posted, page.number + 1)
        finally:
            self.in_flight.discard(page.number)

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
        self.recordings: list[Audio] = []
        self.heard = "what was said"

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

    async def transcribe(self, recording: Audio) -> str:
        self.recordings.append(recording)
        return self.heard

    async def models(self) -> Sequence[str]:
        return self.names


def says(*words: str, every: float = 0.0) -> list[Step]:
    """A script that says these words, ``every`` seconds apart, and finishes."""
    steps: list[Step] = []
    for word in words:
        steps += [every, TextDelta(word)] if every else [TextDelta(word)]
    return [*steps, Finish()]


class FakeHandler:
    """``bot.interfaces.Handler`` but for ``handle``: knows nothing, and everybody has room."""

    def complete(self, channel: Channel, command: str, option: str, typed: str) -> Sequence[str]:
        return ()

    async def history(self, channel: Channel) -> Sequence[Turn]:
        return ()

    async def chat_model(self, channel: Channel) -> str:
        return "gpt-5-mini"

    def manners(self, channel: Channel) -> Manners:
        return Manners()

    def spare(self, budgets: Sequence[Budget]) -> bool:
        return True

    def readiness(self) -> Mapping[str, bool]:
        return {}


class FakeStore:
    """``bot.interfaces.Store`` in dictionaries; held to the same contract in test_fakes.py."""

    def __init__(self) -> None:
        self.turns: dict[tuple[str, str], Turn] = {}
        self.shown: dict[str, str] = {}
        self.forgotten: set[str] = set()
        self.chosen_values: dict[tuple[str, str], str] = {}
        self.summaries: dict[str, str] = {}  # by the id of the turn that they reach to

    async def begin(self, turn: Turn) -> bool:
        if _key(turn) in self.turns:
            return False
        self.turns[_key(turn)] = turn
        return True

    async def place(self, turn_id: str, surface: str, text: str) -> None:
        turn = self._begun(turn_id)
        if turn.status is Status.RUNNING:
            self.turns[_key(turn)] = replace(turn, surface=surface)
            self.shown[turn_id] = text

    async def amend(self, turn: Turn) -> None:
        begun = self._begun(turn.id)
        if turn.id not in self.forgotten:
            self.turns[_key(turn)] = replace(begun, request=turn.request)

    async def finish(self, turn: Turn) -> None:
        self._begun(turn.id)
        if turn.status is Status.FAILED and turn.reply and turn.id not in self.forgotten:
            self.shown[turn.id] = turn.reply.text
        if turn.id in self.forgotten or turn.status in (Status.RUNNING, Status.FAILED):
            turn = replace(turn, reply=None)
        if turn.due is None and turn.status is not Status.FAILED:
            self.shown.pop(turn.id, None)
        self.turns[_key(turn)] = turn

    async def outstanding(self, platform: str, now: float) -> list[Turn]:
        due = [
            turn
            for turn in self.turns.values()
            if turn.request.channel.platform == platform
            and turn.due is not None
            and turn.due <= now
            and turn.id not in self.forgotten
        ]
        due.sort(key=lambda turn: (turn.due, turn.started, turn.id))
        return [_read_back(turn, self.shown.get(turn.id, "")) for turn in due]

    async def history(self, channel: Channel, limit: int) -> list[Turn]:
        turns = [
            _read_back(turn)
            for (key, _), turn in self.turns.items()
            if key == channel.key and turn.reply is not None
        ]
        return turns[max(len(turns) - limit, 0) :]

    async def find(self, turn_id: str) -> Turn | None:
        if turn_id in self.forgotten:
            return None
        failed = Status.FAILED
        return next(
            (
                _read_back(turn, self.shown.get(turn_id, "") if turn.status is failed else "")
                for turn in self.turns.values()
                if turn.id == turn_id
            ),
            None,
        )

    async def forget(self, channel: Channel, turn_id: str = "") -> int:
        held = await self.history(channel, 10**9)
        count = sum(turn_id in ("", turn.id) for turn in held)
        here = [turn.id for turn in self._in(channel)]
        reached = here.index(turn_id) if turn_id in here else 0 if not turn_id else len(here)
        for gone in here[reached:]:
            self.summaries.pop(gone, None)
        for key, turn in self.turns.items():
            if key[0] == channel.key and turn_id in ("", turn.id):
                self.forgotten.add(turn.id)
                self.turns[key] = replace(turn, reply=None)
        return count

    async def summary(self, channel: Channel) -> Summary | None:
        reaches = [turn.id for turn in self._in(channel) if turn.id in self.summaries]
        return Summary(reaches[-1], self.summaries[reaches[-1]]) if reaches else None

    async def sum_up(self, turns: Sequence[Turn], text: str, base: str = "") -> bool:
        if base and base not in self.summaries:
            return False
        there = [turn.id for turn in await self.history(turns[0].request.channel, 10**9)]
        ids = [turn.id for turn in turns]
        if ids[0] not in there or there[there.index(ids[0]) :][: len(ids)] != ids:
            return False
        self.summaries[ids[-1]] = text
        return True

    async def choices(self, *keys: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for (key, name), value in self.chosen_values.items():
            if key in keys and value:
                found.setdefault(key, {})[name] = value
        return found

    async def choose(self, key: str, name: str, value: str) -> None:
        self.chosen_values[key, name] = value

    async def chosen(self, *names: str) -> list[tuple[str, str, str]]:
        return [
            (key, name, value)
            for (key, name), value in sorted(self.chosen_values.items())
            if name in names and value
        ]

    def _in(self, channel: Channel) -> list[Turn]:
        return [turn for (key, _), turn in self.turns.items() if key == channel.key]

    def _begun(self, turn_id: str) -> Turn:
        for turn in self.turns.values():
            if turn.id == turn_id:
                return turn
        raise StorageError(detail=f"turn {turn_id!r} was never begun")


def _key(turn: Turn) -> tuple[str, str]:
    return turn.request.channel.key, turn.request.source


def _read_back(turn: Turn, shown: str = "") -> Turn:
    """As a database gives it back: without attachments, which are counted."""
    request = turn.request
    lost, quoted = len(request.attachments), request.quoted
    if quoted is not None:
        kept = tuple(part for part in quoted.parts if isinstance(part, Text))
        lost += len(quoted.parts) - len(kept)
        quoted = replace(quoted, parts=kept)
    request = replace(request, attachments=(), quoted=quoted, lost=request.lost + lost)
    text = turn.reply.text if turn.reply else shown
    reply = Message(Role.ASSISTANT, (Text(text),)) if turn.reply or shown else None
    return replace(turn, request=request, reply=reply)
