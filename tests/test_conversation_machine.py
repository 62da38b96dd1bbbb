"""Any day in the life of the conversation core, played on the clock that jumps: whatever people,
models, platforms, the database and the operator do, every request ends in one visible outcome.

A plan is a list of steps, each with a pause before it. ``World`` plays it: people ask and press
buttons, the program is stopped or killed and starts again on the same database, under the same
screens. Once all is quiet the world is judged by what stands on the screens and in the database.
"""

from __future__ import annotations

import asyncio
import copy
import math
import re
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.commands import COMMANDS, split_line
from bot.commands.retry import KINDS
from bot.config import LimitSettings
from bot.conversations import Conversations
from bot.errors import (
    Busy,
    Filtered,
    GatewayDown,
    Gone,
    Interrupted,
    Silent,
    StorageError,
    SurfaceError,
    Unreachable,
)
from bot.events import Ending, Finish, Media, Progress, ReplyEvent, TextDelta
from bot.gateway.models import Models
from bot.interfaces import Capabilities, Handler, Summary, Surface
from bot.pacing import Budget, Shape
from bot.policy import LOST
from bot.renderer import LONGEST_PENALTY
from bot.switchboard import Switchboard
from bot.types import (
    Audio,
    Channel,
    File,
    Image,
    ImagePrompt,
    Page,
    Prompt,
    Request,
    Role,
    Status,
    Turn,
    User,
)
from tests.clock import run
from tests.fakes import FakeStore, Step

# --- the town ---

LIMITS = LimitSettings(answers=2, waiting=3, channel=2, user=3)
PEOPLE = (User("1", "Alice"), User("2", "Bob"), User("3", "Mo", moderator=True))
BOT = Budget("bot", 8, 2.0)
CHAT = Budget("chat", 3, 3.0, Shape.BUCKET)
GROUP = Budget("group", 20, 60.0)
PICTURE = Image(b"png", "image/png", "picture.png")
QUIET_WITHIN = 3000.0  # seconds; an hour later would come to light what nobody looked after


@dataclass(frozen=True)
class Place:
    """A channel. Where a platform ``knows_sends``, a page that is sent again is the same one."""

    channel: Channel
    capabilities: Capabilities
    knows_sends: bool


def _discord(name: str) -> Place:
    edits, sends = (Budget(f"{name} {kind}", 5, 5.0, Shape.WINDOW) for kind in ("edit", "send"))
    capabilities = Capabilities(400, pace=0.7, budgets=(edits, BOT), send_budgets=(sends, BOT))
    return Place(Channel("test", "harbour", name), capabilities, knows_sends=True)


def _telegram(thread: str) -> Place:
    capabilities = Capabilities(150, pace=2.0, budgets=(CHAT, GROUP, BOT))
    return Place(Channel("test", "harbour", "chat", thread), capabilities, knows_sends=False)


PLACES = (_discord("lobby"), _telegram("one"), _telegram("two"))

# --- a plan ---


@dataclass(frozen=True)
class Weather:
    """How a platform takes the calls for one reply: ``latency`` of each in seconds, and what goes
    wrong with the first of them, one by one."""

    latency: float = 0.0
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ask:
    line: str = "/ask"
    place: int = 0
    person: int = 0
    model: str = "answers"
    weather: Weather = Weather()


@dataclass(frozen=True)
class Press:
    """A button of an earlier request, ``back`` ones before the latest."""

    label: str = "Stop"
    back: int = 0
    person: int = 0
    weather: Weather = Weather()


@dataclass(frozen=True)
class Edit:
    """Somebody changes an earlier question of theirs."""

    back: int = 0
    model: str = "answers"
    weather: Weather = Weather()


@dataclass(frozen=True)
class Again:
    """The platform delivers an earlier event once more."""

    back: int = 0


@dataclass(frozen=True)
class Fail:
    """The next call of one method of the store fails."""

    method: str


@dataclass(frozen=True)
class Outage:
    """The database is away for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Close:
    """The program is told to stop, grants answers so many seconds, and starts again."""

    seconds: float


@dataclass(frozen=True)
class Crash:
    """kill -9, and the next start."""


Event = Ask | Press | Edit | Again | Fail | Outage | Close | Crash


@dataclass(frozen=True)
class Plan:
    """``store_delay`` is what each call of the database takes, in seconds."""

    steps: tuple[tuple[float, Event], ...]
    store_delay: float = 0.0


def _line(turn: Turn) -> tuple[str, bool]:
    return turn.request.channel.key, turn.request.command == "image"


# --- models ---

Speak = Callable[..., list[Step]]


class _Words:
    """Makes the words of one answer, each of them known by its number."""

    def __init__(self, call: int, *, draws: bool) -> None:
        self._call = call
        self._draws = draws
        self._said = 0

    def __call__(self, count: int, every: float = 0.0) -> list[Step]:
        steps: list[Step] = []
        for number in range(self._said, self._said + count):
            word: Step = Progress() if self._draws else TextDelta(f"a{self._call}x{number} ")
            steps += [every, word] if every else [word]
        self._said += count
        return steps

    def finish(self, ending: Ending = Ending.COMPLETE) -> list[Step]:
        drawn: list[Step] = [Media(PICTURE)] if self._draws and self._said else []
        return [*drawn, Finish(ending)]


MARKS = {Ending.LENGTH: "length limit", Ending.FILTERED: "content rules ended"}
BUTTONS = {
    "Stop": "stop {}",
    "Retry": "retry {}",
    "Model…": "retry {} --model ?",
    "Continue": "continue {}",
}
SCRIPTS: dict[str, Callable[[_Words], list[Step]]] = {
    "answers": lambda say: [*say(3), *say.finish()],
    "is slow": lambda say: [*say(12, 0.4), *say.finish()],
    "thinks": lambda say: [15.0, *say(3), *say.finish()],
    "stalls": lambda say: [*say(6), 40.0, *say(3), *say.finish()],
    "tells a lot": lambda say: [*say(80, 0.05), *say.finish()],
    "never ends": lambda say: [*say(500, 0.02), *say.finish()],
    "is down": lambda say: [GatewayDown()],
    "refuses": lambda say: [0.3, Filtered()],
    "breaks off": lambda say: [*say(6), 1.0, Interrupted()],
    "falls silent": lambda say: [*say(6), 30.0, Silent()],
    "runs out": lambda say: [*say(6), *say.finish(Ending.LENGTH)],
    "is filtered": lambda say: [*say(6), *say.finish(Ending.FILTERED)],
    "says nothing": lambda say: [*say.finish()],
    "has a bug": lambda say: [*say(6), 0.5, ZeroDivisionError()],
}


@dataclass
class Call:
    """One call of the gateway: the turn it was for and how many words have come."""

    turn: Turn
    said: int = 0
    ending: Ending | None = None


class Gateway:
    """Answers each question as the plan says, and watches who is answered at once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.open: list[Call] = []
        self.calls: list[Call] = []

    @asynccontextmanager
    async def stream(
        self, prompt: Prompt | ImagePrompt
    ) -> AsyncIterator[AsyncIterator[ReplyEvent]]:
        world = self._world
        draws = isinstance(prompt, ImagePrompt)
        call = Call(world.turn_of(prompt))
        with world.judging():
            for other in self.open:
                assert _line(other.turn) != _line(call.turn), "a channel is answered twice at once"
            world.check_order(call.turn)
            world.check_limits()
            if isinstance(prompt, Prompt):
                world.check_prompt(prompt, call.turn)
        self.open.append(call)
        self.calls.append(call)
        world.calls.append(call)
        # A fallback answers whatever the first model does.
        kind = "answers" if prompt.model == "gpt-5" else world.model_for(prompt)
        steps = SCRIPTS[kind](_Words(len(world.calls) - 1, draws=draws))
        try:
            async with aclosing(self._play(call, steps)) as events:
                yield events
        finally:
            self.open.remove(call)

    async def _play(self, call: Call, steps: Sequence[Step]) -> AsyncGenerator[ReplyEvent]:
        for step in steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
                continue
            call.said += isinstance(step, TextDelta)
            if isinstance(step, Finish):
                call.ending = step.ending
            yield step

    async def models(self) -> Sequence[str]:
        return []

    async def transcribe(self, recording: Audio) -> str:
        raise NotImplementedError


# --- screens ---

FAULTS: dict[str, SurfaceError] = {
    "busy": Busy(1.0),
    "very busy": Busy(15.0),
    "penalty": Busy(90.0),
    "unreachable": Unreachable(),
    "lost": Unreachable(),  # it arrived, and nobody heard so
    "gone": Gone(),
}


class Post:
    """What a platform shows in answer to one request: its messages, in order. It outlives the
    program."""

    def __init__(self, place: Place, weather: Weather) -> None:
        self.place = place
        self.latency = weather.latency
        self.troubles = deque(weather.troubles)
        self.messages: list[Page] = []
        self.sent: dict[int, int] = {}  # by page number, where the platform knows a send again
        self.sent_at = -1.0
        self.has_trouble = bool(weather.troubles)
        self.is_spoilt = False  # it was gone at some time


class Screen:
    """``bot.interfaces.Surface`` of a Post for one life of the program."""

    def __init__(self, life: Life, post: Post, ref: str = "") -> None:
        self._life = life
        self._post = post
        self._ids = {number: int(one) for number, one in enumerate(ref.split(",")) if one}
        self._in_flight: set[int] = set()
        self.capabilities = post.place.capabilities

    @property
    def ref(self) -> str:
        return ",".join(str(self._ids[number]) for number in sorted(self._ids))

    @property
    def posted(self) -> int:
        return max(self._ids, default=-1) + 1

    async def show(self, page: Page) -> None:
        if not self._life.is_alive:
            return
        limits = self.capabilities.limits(send=page.number >= self.posted)
        with self._life.world.judging():
            assert page.number not in self._in_flight, "one call is in flight for a page"
            assert page.number <= self.posted, "new pages come in order"
            self._life.count(limits)
            self._life.world.check_limits()
        post = self._post
        trouble = post.troubles.popleft() if post.troubles else ""
        self._in_flight.add(page.number)
        try:
            await asyncio.sleep(post.latency / 2)
            try:
                self._arrive(page, trouble)
            except Busy as busy:
                if busy.retry_after < LONGEST_PENALTY:
                    now = asyncio.get_running_loop().time()
                    self._life.held[limits[0]] = now, now + busy.retry_after
                raise
            await asyncio.sleep(post.latency / 2)
            if trouble == "lost":
                raise FAULTS[trouble]
            if page.number not in self._ids and self._life.is_alive:
                self._ids[page.number] = self._send(page)
        finally:
            self._in_flight.discard(page.number)

    def _arrive(self, page: Page, trouble: str) -> None:
        """The call is at the platform. Where that does not know a send again, it is taken as late
        as its answer: what becomes of one in between is the adapter's business."""
        if trouble not in ("", "lost"):
            self._post.is_spoilt |= trouble == "gone" and "gone" in self._post.troubles
            raise FAULTS[trouble]
        if not self._life.is_alive:
            return
        if page.number in self._ids:
            self._post.messages[self._ids[page.number]] = page
        elif self._post.place.knows_sends:
            self._send(page)

    def _send(self, page: Page) -> int:
        post = self._post
        known = post.sent.get(page.number) if post.place.knows_sends else None
        if known is None:
            post.sent_at = asyncio.get_running_loop().time()
            known = post.sent[page.number] = len(post.messages)
            post.messages.append(page)
        post.messages[known] = page
        return known


# --- the database ---


class Store(FakeStore):
    """Takes its time, and fails when the plan says so, before it has done anything."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.unwritten: set[str] = set()  # turns whose latest end it did not take

    def left(self) -> Store:
        """What a killed program leaves."""
        left = Store(self._world)
        for name, value in vars(self).items():
            setattr(left, name, value if name == "_world" else copy.copy(value))
        return left

    async def begin(self, turn: Turn) -> bool:
        async with self._call("begin"):
            return await super().begin(turn)

    async def place(self, turn_id: str, surface: str, text: str) -> None:
        async with self._call("place"):
            await super().place(turn_id, surface, text)

    async def finish(self, turn: Turn) -> None:
        try:
            async with self._call("finish"):
                await super().finish(turn)
        except StorageError:
            self.unwritten.add(turn.id)
            raise
        self.unwritten.discard(turn.id)

    async def outstanding(self, platform: str, now: float) -> list[Turn]:
        async with self._call("outstanding"):
            found = {turn.id: turn for turn in await super().outstanding(platform, now)}
        # Ids are random, so what is due at one time comes in the order in which it began: a plan
        # is played the same way each time.
        left = [found[turn.id] for turn in self.turns.values() if turn.id in found]
        return sorted(left, key=lambda turn: turn.due or 0.0)

    async def history(self, channel: Channel, limit: int) -> list[Turn]:
        async with self._call("history"):
            return await super().history(channel, limit)

    async def find(self, turn_id: str) -> Turn | None:
        async with self._call("find"):
            return await super().find(turn_id)

    async def forget(self, channel: Channel, turn_id: str = "") -> int:
        async with self._call("forget"):
            return await super().forget(channel, turn_id)

    async def choices(self, *keys: str) -> dict[str, dict[str, str]]:
        async with self._call("choices"):
            return await super().choices(*keys)

    async def choose(self, key: str, name: str, value: str) -> None:
        async with self._call("choose"):
            await super().choose(key, name, value)

    async def summary(self, channel: Channel) -> Summary | None:
        async with self._call("summary"):
            return await super().summary(channel)

    @asynccontextmanager
    async def _call(self, method: str) -> AsyncIterator[None]:
        wait = self._world.plan.store_delay / (4 if method in READS else 2)
        await asyncio.sleep(wait)
        if self._world.fails(method):
            raise StorageError(detail=f"{method} fails")
        yield
        await asyncio.sleep(wait)


READS = ("outstanding", "history", "find", "choices", "summary")
METHODS = ("begin", "finish", "place", "history", "find", "forget", "choices", "outstanding")

# --- the program ---


class Life:
    """One run of the program, from its start to its end."""

    ready = True

    def __init__(self, world: World, store: Store) -> None:
        self.world = world
        self.is_alive, self.is_ending = True, False
        self.store = store
        self.gateway = Gateway(world)
        self.spent: dict[Budget, list[float]] = {}
        self.held: dict[Budget, tuple[float, float]] = {}
        self.switchboard = Switchboard(
            store, self.gateway, Models("gpt-5-mini", "nano-banana"), COMMANDS, LIMITS
        )
        self.tasks = [asyncio.create_task(self.switchboard.deliver("test", self), name="deliver")]

    def reopen(self, turn: Turn) -> Surface:
        post = self.world.posts[turn.request.source]
        return Screen(self, post, turn.surface)

    async def serve(self, handler: Handler) -> None:
        raise NotImplementedError

    async def check(self) -> str:
        raise NotImplementedError

    def take(self, asked: Asked, post: Post | None = None) -> None:
        """What an adapter does with an event, as long as it serves."""
        if self.is_ending:
            return
        if post is None:
            work = self._handle(asked)
        else:
            work = self._handle_again(asked, Screen(self, post))
        self.tasks.append(asyncio.create_task(work))

    async def _handle(self, asked: Asked) -> None:
        def taken() -> None:
            asked.is_taken = True

        screen = Screen(self, self.world.posts[asked.request.source])
        asked.status = await self.switchboard.handle(asked.request, screen, taken)
        asked.is_taken = True

    async def _handle_again(self, asked: Asked, screen: Screen) -> None:
        await self.switchboard.handle(asked.request, screen)

    def count(self, budgets: Sequence[Budget]) -> None:
        now = asyncio.get_running_loop().time()
        since, until = self.held.get(budgets[0], (now, now))
        assert not since < now < until, "the platform asked to wait"
        for budget in budgets:
            self.spent.setdefault(budget, []).append(asyncio.get_running_loop().time())

    @property
    def conversations(self) -> Conversations:
        return self.switchboard._conversations

    async def end(self) -> None:
        """Cancel what is under way and see that nothing is left of it."""
        self.is_ending = True
        for task in self.tasks:
            task.cancel()
        for end in await asyncio.gather(*self.tasks, return_exceptions=True):
            if isinstance(end, Exception):
                raise end
        self.is_alive = False
        lines = self.conversations._lines
        assert lines._lines == {}
        assert lines._people == Counter()
        assert lines._free._value == LIMITS.answers
        assert self.conversations._running == {}
        assert self.switchboard._here == set()
        assert self.switchboard._scheduler._waiting == {}
        assert self.gateway.open == []


# --- playing ---


@dataclass
class Asked:
    """A request, when and in which life of the program it first came, and what became of it."""

    request: Request
    at: float
    life: int
    model: str = "answers"
    is_taken: bool = False
    status: Status | None = None


class World:
    """Plays a plan, then judges what came of it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.asked: list[Asked] = []
        self.posts: dict[str, Post] = {}
        self.echoes: list[Post] = []  # of events that were delivered again
        self.calls: list[Call] = []
        self._failing: Counter[str] = Counter()
        self._away_until = -math.inf
        self._has_failed = False
        self._found: list[Exception] = []
        self._lives: list[Life] = []
        self._closing: asyncio.Task[None] | None = None
        self._dead: list[asyncio.Task[None]] = []

    async def play(self) -> None:
        loop = asyncio.get_running_loop()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(time, "time", lambda: 1e9 + loop.time())
            self._start(Store(self))
            for pause, step in self.plan.steps:
                await asyncio.sleep(pause)
                self._take(step)
            await self._become_quiet()
            await asyncio.gather(*self._dead)
            await asyncio.sleep(1.0)
            await self._life.end()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        self._judge()

    @property
    def _life(self) -> Life:
        return self._lives[-1]

    def _start(self, store: Store) -> None:
        self._lives.append(Life(self, store))
        for asked in self.asked:
            if not asked.is_taken:  # the platform still has it
                self._life.take(asked)

    def _take(self, step: Event) -> None:
        match step:
            case Ask(line, place, person, model, weather):
                text = f"q{len(self.asked)}"
                command, options = split_line(line)
                if command in ("ask", "image"):
                    options = f"{text} {options}"
                self._ask(place, person, command, options, weather, model=model)
            case Press() if self.asked:
                self._press(step)
            case Edit() if self.asked:
                self._edit(step)
            case Again(back) if self.asked:
                asked = self._earlier(back)
                if asked.is_taken and self._turn(asked) is not None:
                    self.echoes.append(Post(self.posts[asked.request.source].place, Weather()))
                    self._life.take(asked, self.echoes[-1])
            case Fail(method):
                self._failing[method] += 1
            case Outage(seconds):
                self._away_until = asyncio.get_running_loop().time() + seconds
            case Close(seconds) if self._closing is None or self._closing.done():
                self._closing = asyncio.create_task(self._close(seconds))
            case Crash():
                self._crash()

    def _ask(
        self,
        place: int,
        person: int,
        command: str,
        text: str,
        weather: Weather,
        *,
        model: str = "answers",
        pressed: bool = False,
        source: str = "",
    ) -> None:
        source = source or str(len(self.asked))
        channel = PLACES[place].channel
        request = Request(channel, PEOPLE[person], source, command, text, pressed=pressed)
        self.posts[source] = Post(PLACES[place], weather)
        now = asyncio.get_running_loop().time()
        self.asked.append(Asked(request, now, len(self._lives), model))
        self._life.take(self.asked[-1])

    def _earlier(self, back: int) -> Asked:
        return self.asked[-1 - back % len(self.asked)]

    def _press(self, step: Press) -> None:
        earlier = self._earlier(step.back)
        turn = self._turn(earlier)
        turn_id = turn.id if turn else "nothing"
        command, _, options = BUTTONS[step.label].format(turn_id).partition(" ")
        place = PLACES.index(self.posts[earlier.request.source].place)
        self._ask(place, step.person, command, options, step.weather, pressed=True)

    def _edit(self, step: Edit) -> None:
        earlier = self._earlier(step.back).request
        place = PLACES.index(self.posts[earlier.source].place)
        number = len(self.asked)
        source = f"{earlier.source}:{number}"
        text = f"q{number} changed"
        person = PEOPLE.index(earlier.user)
        self._ask(place, person, "edited", text, step.weather, model=step.model, source=source)

    async def _close(self, seconds: float) -> None:
        life = self._life
        await life.switchboard.close(seconds)
        await life.end()
        self._doubt(life, life.store)
        self._start(life.store)

    def _crash(self) -> None:
        life = self._life
        if self._closing is not None:
            self._closing.cancel()
        left = life.store.left()
        life.is_alive = False
        self._doubt(life, left)
        self._dead.append(asyncio.create_task(life.end()))
        self._start(left)

    def _doubt(self, life: Life, left: Store) -> None:
        """What the database has not heard of, the next start cannot know, and a message in that
        case it finds only where the platform knows it again."""
        for asked in self.asked:
            post = self.posts[asked.request.source]
            turn = left.turns.get((asked.request.channel.key, asked.request.source))
            post.is_spoilt |= turn is not None and turn.id in left.unwritten
            known = turn.surface.split(",") if turn and turn.surface else []
            if turn and turn.due and len(post.messages) > len(known):
                is_new = post.sent_at == asyncio.get_running_loop().time()
                is_behind = is_new or self.plan.store_delay > 0 or self._has_failed
                post.is_spoilt |= is_behind and not post.place.knows_sends

    async def _become_quiet(self) -> None:
        latest = asyncio.get_running_loop().time() + QUIET_WITHIN
        while not self._is_quiet():
            if self._closing is not None and self._closing.done() and not self._closing.cancelled():
                self._closing.result()
            assert asyncio.get_running_loop().time() < latest, "it never becomes quiet"
            await asyncio.sleep(5.0)

    def _is_quiet(self) -> bool:
        life = self._life
        return (
            all(task.done() for task in life.tasks[1:])
            and (self._closing is None or self._closing.done())
            and not life.switchboard._here
            and not any(
                turn.due
                for turn in life.store.turns.values()
                if turn.id not in life.store.forgotten
            )
        )

    def fails(self, method: str) -> bool:
        fails = asyncio.get_running_loop().time() < self._away_until
        if self._failing[method]:
            self._failing[method] -= 1
            fails = True
        self._has_failed |= fails
        return fails

    # --- what holds at every moment ---

    @contextmanager
    def judging(self) -> Iterator[None]:
        """The program outlives every error of a platform or a gateway; what is found there counts
        all the same."""
        try:
            yield
        except Exception as error:
            self._found.append(error)
            raise

    def check_limits(self) -> None:
        life = self._life
        lines = life.conversations._lines
        assert len(life.gateway.open) <= LIMITS.answers
        assert all(len(line) - 1 <= LIMITS.channel for line in lines._lines.values())
        assert all(count <= LIMITS.user for count in lines._people.values())
        assert lines._people.total() <= LIMITS.answers + LIMITS.waiting

    def check_prompt(self, prompt: Prompt, turn: Turn) -> None:
        """It holds whole pairs of this channel."""
        roles = [message.role for message in prompt.messages]
        assert roles == [Role.USER, Role.ASSISTANT] * (len(roles) // 2) + [Role.USER]
        for answer in prompt.messages[1::2]:
            assert _line(self._heard(answer.text).turn) == _line(turn), "another channel's"

    def check_order(self, turn: Turn) -> None:
        """Whoever asked later in the same line was not answered before."""
        number = self._number(turn)
        if self.asked[number].request.command not in ("ask", "image"):
            return  # a /retry is looked up first
        for call in self._life.gateway.calls:
            asked, other = self.asked[number], self.asked[self._number(call.turn)]
            is_later = other.at > asked.at and other.life == asked.life == len(self._lives)
            assert not is_later or _line(call.turn) != _line(turn), "a later question came first"

    def turn_of(self, prompt: Prompt | ImagePrompt) -> Turn:
        """Whom the gateway is asked for: the one whose turn it is in the line."""
        numbers = _numbers(prompt)
        channel = self.asked[numbers[-1]].request.channel
        draws = isinstance(prompt, ImagePrompt)
        (running,) = (
            running.turn
            for running in self._life.conversations._running.values()
            if running.has_begun and _line(running.turn) == (channel.key, draws)
        )
        return running

    def model_for(self, prompt: Prompt | ImagePrompt) -> str:
        return self.asked[_numbers(prompt)[-1]].model

    def _number(self, turn: Turn) -> int:
        return next(
            number
            for number, asked in enumerate(self.asked)
            if asked.request.source == turn.request.source
        )

    # --- what holds in the end ---

    def _heard(self, text: str) -> Call:
        """The one call that a text comes from, without a gap."""
        found = [(int(call), int(word)) for call, word in re.findall(r"a(\d+)x(\d+)", text)]
        calls = {call for call, _ in found}
        assert len(calls) == 1, f"words of {len(calls)} answers"
        assert [word for _, word in found] == list(range(len(found))), "words are missing"
        return self.calls[calls.pop()]

    def _judge(self) -> None:
        for error in self._found:
            raise error
        for asked in self.asked:
            self._judge_outcome(asked)
        for echo in self.echoes:
            assert all(StorageError.notice in page.text for page in echo.messages)
        for place in PLACES:
            self._judge_history(place.channel)
        for life in self._lives:
            for budget, times in life.spent.items():
                assert _holds(budget, times), f"{budget} is broken by {times}"

    def _turn(self, asked: Asked) -> Turn | None:
        return self._life.store.turns.get((asked.request.channel.key, asked.request.source))

    def _judge_outcome(self, asked: Asked) -> None:
        source = asked.request.source
        post, turn = self.posts[source], self._turn(asked)
        is_forgotten = turn is not None and turn.id in self._life.store.forgotten
        if turn is not None and is_forgotten and turn.due is not None and self._was_put_off(turn):
            return  # by everybody, with what was left to show of it
        if turn is not None:
            assert turn.due is None, f"request {source} is never over"
            assert turn.status is not Status.RUNNING, f"request {source} still runs"
        if post.is_spoilt:
            return
        if turn is None and (post.has_trouble or asked.request.command == "edited"):
            return  # nothing was written down that could be told later, or was worth an offer
        messages = post.messages
        refused = [page for page in messages if StorageError.notice in page.text]
        if len(messages) > len(refused):
            messages = [page for page in messages if page not in refused]
        is_stop = asked.request.pressed and asked.request.command == "stop"
        if is_stop and turn is not None and turn.status is Status.DONE:
            return  # what it did is answer enough
        assert messages, f"request {source} was never answered"
        for page in messages:
            assert not any(button.label == "Stop" for button in page.actions), "a Stop is left"
            assert "⏳" not in page.text, "a notice of waiting is left"
            assert page.final
        if turn is not None and turn.request.command in KINDS:
            self._judge_answer(turn, messages)

    def _judge_answer(self, turn: Turn, messages: Sequence[Page]) -> None:
        text = "\n".join(page.text for page in messages)
        files = [part for page in messages for part in page.media if isinstance(part, File)]
        said = files[0].data.decode() if files else text
        drawn = any(PICTURE in page.media for page in messages)
        words = re.findall(r"a\d+x\d+", said)
        call = self._heard(said) if words else None
        assert call is None or call.turn.id == turn.id, "the words of another answer"
        match turn.status:
            case Status.DONE if LOST in text:
                assert call is None
            case Status.DONE:
                assert "⏹" not in text
                assert "⚠️" not in text or "content rules ended" in text
                assert drawn or "nothing to say" in text or call is not None, "no answer"
                assert call is None or (call.ending and call.said == len(words))
                if call is not None and call.ending in MARKS and not self._was_put_off(turn):
                    assert MARKS[call.ending] in text, "it does not say that the answer is cut"
            case Status.STOPPED:
                assert "⏹" in text or self._was_continued(turn)
                self._judge_stop(turn)
            case Status.FAILED:
                assert "⚠️" in text
        if turn.request.command == "ask" and turn.id not in self._life.store.forgotten:
            remembered = re.findall(r"a\d+x\d+", turn.reply.text) if turn.reply else []
            if words or not self._was_continued(turn):  # a notice took the place of what was there
                assert remembered == ([] if turn.status is Status.FAILED else words)

    def _judge_history(self, channel: Channel) -> None:
        store = self._life.store
        turns = [turn for turn in store.turns.values() if turn.request.channel == channel]
        for turn in turns:
            if turn.reply is not None:
                assert turn.id not in store.forgotten
                assert self._heard(turn.reply.text).turn.id == turn.id

    def _was_put_off(self, turn: Turn) -> bool:
        """Then the database knows what was said, and not why it ended."""
        return self.posts[turn.request.source].has_trouble or len(self._lives) > 1

    def _was_continued(self, turn: Turn) -> bool:
        return any(
            asked.request.command == "continue" and asked.request.channel == turn.request.channel
            for asked in self.asked[self._number(turn) :]
        )

    def _judge_stop(self, turn: Turn) -> None:
        """Somebody stopped it after it was asked."""
        assert any(
            asked.request.command in ("stop", "continue")
            and asked.request.channel == turn.request.channel
            for asked in self.asked[self._number(turn) :]
        ), "nobody stopped it"


def _numbers(prompt: Prompt | ImagePrompt) -> list[int]:
    """The questions in a prompt."""
    if isinstance(prompt, ImagePrompt):
        said = prompt.text
    else:
        said = " ".join(message.text for message in prompt.messages)
    return [int(number) for number in re.findall(r"\bq(\d+)", said)]


def _holds(budget: Budget, times: Sequence[float]) -> bool:
    calls, seconds = budget.calls, budget.seconds - 1e-6
    match budget.shape:
        case Shape.SLIDING:
            return all(
                later - first >= seconds for first, later in zip(times, times[calls:], strict=False)
            )
        case Shape.WINDOW:
            opened, used = -math.inf, 0
            for at in times:
                if at >= opened + budget.seconds:  # in the pacer's own arithmetic
                    opened, used = at, 0
                used += 1
                if used > calls:
                    return False
            return True
        case Shape.BUCKET:
            pause = budget.seconds / calls
            return all(
                more <= calls + (later - at) / pause + 1e-6
                for start, at in enumerate(times)
                for more, later in enumerate(times[start:], 1)
            )


# --- plans ---

pauses = st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0, 10.0, 60.0])
backs = st.integers(0, 5)
troubles = st.lists(
    st.sampled_from(
        [
            (),
            ("busy",),
            ("very busy",),
            ("penalty",),
            ("unreachable",),
            ("unreachable",) * 6,
            ("unreachable",) * 15,
            ("lost",),
            ("gone",),
            ("gone",) * 30,
        ]
    ),
    max_size=3,
).map(lambda some: tuple(one for group in some for one in group))
weathers = st.builds(Weather, st.sampled_from([0.0, 0.05, 0.6, 5.0, 25.0]), troubles)
places, people = st.integers(0, len(PLACES) - 1), st.integers(0, len(PEOPLE) - 1)
questions = st.builds(
    Ask,
    st.sampled_from(["/ask", "/image"]),
    places,
    people,
    st.sampled_from(list(SCRIPTS)),
    weathers,
)
commands = st.builds(
    Ask,
    st.sampled_from(
        [
            "/stop",
            "/retry",
            "/retry --model gpt-5",
            "/continue",
            "/undo",
            "/reset",
            "/model",
            "/model --fallback gpt-5",
            "/settings",
            "/history",
            "/help",
            "/nonsense",
        ]
    ),
    places,
    people,
    weather=weathers,
)
presses = st.builds(Press, st.sampled_from(list(BUTTONS)), backs, people, weathers)
edits = st.builds(Edit, backs, st.sampled_from(list(SCRIPTS)), weathers)
troublesome = st.one_of(
    st.builds(Fail, st.sampled_from(METHODS)),
    st.builds(Outage, st.sampled_from([1.0, 30.0])),
    st.builds(Close, st.sampled_from([0.0, 2.0, 30.0])),
    st.just(Crash()),
    st.builds(Again, backs),
)
events = st.one_of(questions, questions, questions, presses, commands, edits, troublesome)
# Rush hour: many who ask at once, and what cuts in where they wait for each other.
hurried = st.one_of(
    st.builds(
        Ask,
        st.just("/ask"),
        places,
        people,
        st.sampled_from(["answers", "is slow", "thinks"]),
        st.builds(Weather, st.sampled_from([0.0, 5.0, 25.0])),
    ),
    st.builds(Press, st.just("Stop"), backs, people),
    st.builds(Close, st.sampled_from([0.0, 30.0])),
)


def days(event: st.SearchStrategy[Event], most: int) -> st.SearchStrategy[tuple[Any, ...]]:
    steps = st.tuples(pauses, event)
    short = st.lists(steps, max_size=most // 2)
    return st.one_of(short, st.lists(steps, min_size=most // 3, max_size=most)).map(tuple)


plans = st.builds(
    Plan, st.one_of(days(events, 24), days(hurried, 12)), st.sampled_from([0.0, 0.02, 0.4])
)


@given(plans)
@settings(max_examples=100, deadline=None)
def test_whatever_happens_every_request_ends_in_one_visible_outcome(plan: Plan) -> None:
    run(World(plan).play())
