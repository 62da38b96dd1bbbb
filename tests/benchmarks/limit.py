"""The limit of a scenario: how well a writer could do that knows the future (pure).

It knows when every token comes, needs no time to think, and meets the same rate limits and the same
delay. Its plan for each reply is simple: a first text as soon as there are three words; each full
message at the moment it is full; the whole answer the moment the last token is there; and between
the first text and the end ``count`` more edits, evenly spread. Where a limit is used up, calls
wait: finals and full messages go first, then first texts, then edits, and an edit for which it is
too late is dropped. Counts are tried from none upwards, and the best plan is taken: the one with
the earliest finals (95th percentile, to the millisecond), among these the one with the least mean
staleness.

So the limit is what can be reached: an approximation from above, not a proof. Edits that are not
evenly spread could be a little better. Where no final has to wait, nothing can be earlier.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.measures import (
    FIRST_TEXT,
    View,
    all_text,
    first_text,
    mean,
    percentile,
    staleness,
)

_MOST_EDITS = 60  # of one reply
_WORSE = 5  # counts in a row that lead to nothing better, and no more are tried
_FINAL, _FIRST, _EDIT = range(3)  # in order of urgency
_ROUNDING = 1e-9


class Window:
    """``calls`` in a window of ``seconds`` that the first of them opens."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._calls, self._seconds = calls, seconds
        self._opened, self._used = -math.inf, 0

    def free_at(self, now: float) -> float:
        closes = self._opened + self._seconds
        return closes if self._used >= self._calls and now < closes else now

    def take(self, now: float) -> None:
        if now >= self._opened + self._seconds:
            self._opened, self._used = now, 0
        self._used += 1


class Sliding:
    """``calls`` in any ``seconds``."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._seconds = seconds
        self._times: deque[float] = deque([-math.inf] * calls, maxlen=calls)

    def free_at(self, now: float) -> float:
        return max(now, self._times[0] + self._seconds)

    def take(self, now: float) -> None:
        self._times.append(now)


class Bucket:
    """``burst`` calls at once, and ``rate`` more a second."""

    def __init__(self, burst: int, rate: float) -> None:
        self._burst, self._rate = float(burst), rate
        self._left, self._since = self._burst, -math.inf

    def free_at(self, now: float) -> float:
        missing = 1.0 - self._tokens(now)
        return now + missing / self._rate if missing > _ROUNDING else now

    def take(self, now: float) -> None:
        self._left, self._since = self._tokens(now) - 1.0, now

    def _tokens(self, now: float) -> float:
        return min(self._burst, self._left + (now - self._since) * self._rate)


Limiter = Window | Sliding | Bucket


@dataclass(frozen=True, slots=True)
class Limits:
    """What a send and what an edit of one reply must pay into. ``has_message``: the platform shows
    an empty message already, so that the first text is an edit, too."""

    send: Sequence[Limiter]
    edit: Sequence[Limiter]
    has_message: bool = False


class Shared:
    """The limiters of a scenario; the same key gives the same one."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Limiter] = {}

    def window(self, key: Hashable, calls: int, seconds: float) -> Limiter:
        return self._made.setdefault(key, Window(calls, seconds))

    def sliding(self, key: Hashable, calls: int, seconds: float) -> Limiter:
        return self._made.setdefault(key, Sliding(calls, seconds))

    def bucket(self, key: Hashable, burst: int, rate: float) -> Limiter:
        return self._made.setdefault(key, Bucket(burst, rate))


@dataclass(frozen=True, slots=True)
class Ahead:
    """A reply as the writer knows it beforehand: when each word arrives, and how many words each
    of its messages but the last holds. ``goes_on``: what does not fit into these comes at the end,
    as a file under a last message."""

    arrivals: Sequence[float]
    pages: Sequence[int] = ()
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """What the writer reaches. ``finals`` are in seconds after the model's end, ``firsts`` after
    the first token, ``behind`` is the mean staleness, ``calls`` are per reply."""

    firsts: Sequence[float]
    finals: Sequence[float]
    behind: float
    calls: float


def best(replies: Sequence[Ahead], fresh: Callable[[], Sequence[Limits]], delay: float) -> Limit:
    """``fresh`` makes the unused limits of every reply; ``delay`` is the time from a call to the
    screen in seconds."""
    found: Limit | None = None
    worse = 0
    for count in range(_MOST_EDITS):
        tried = _Play(replies, fresh(), count).judged(delay)
        if found is None or _rank(tried) < _rank(found):
            found, worse = tried, 0
        else:
            worse += 1
        if worse == _WORSE:
            break
    assert found is not None
    return found


def _rank(limit: Limit) -> tuple[float, float]:
    return round(percentile(limit.finals, 0.95), 3), limit.behind


@dataclass(order=True, slots=True)
class _Call:
    """``page`` is the message that it makes full; None for what is there by then."""

    urgency: int
    due: float
    reply: int
    page: int | None = field(compare=False, default=None)


@dataclass(slots=True)
class _Screen:
    """One reply on its way. ``ends`` are the words up to the end of each message."""

    arrivals: Sequence[float]
    ends: Sequence[int]
    messages: int
    goes_on: bool
    full: int = 0  # messages that are complete
    views: list[View] = field(default_factory=list)

    def target(self, call: _Call) -> int:
        """The message that a call is about: the growing one, or the next if that is complete."""
        return self.full if call.page is None else call.page

    def words(self, page: int, now: float) -> int:
        """How much of the answer is there once the message is up to date."""
        came = bisect_right(self.arrivals, now)
        in_file = self.goes_on and page == len(self.ends) - 1 and came < len(self.arrivals)
        return self.ends[page - 1] if in_file else min(came, self.ends[page])

    def show(self, call: _Call, now: float) -> None:
        page = self.target(call)
        self.messages = max(self.messages, page + 1)
        self.views.append((now, self.words(page, now)))
        self.full = page + (self.views[-1][1] == self.ends[page])

    def is_idle(self, call: _Call, now: float) -> bool:
        """Whether it is too late for the call: a more urgent one shows as much."""
        if call.urgency == _FINAL:
            return call.page is not None and self.full > call.page
        if call.urgency == _FIRST:
            return bool(self.views)
        if self.full == len(self.ends) or now >= self.arrivals[self.ends[self.full] - 1]:
            return True
        return bool(self.views) and self.words(self.full, now) <= self.views[-1][1]


class _Play:
    """Makes the calls of all replies as early as the limits let them through."""

    def __init__(self, replies: Sequence[Ahead], limits: Sequence[Limits], count: int) -> None:
        self._limits = limits
        self._screens: list[_Screen] = []
        self._due: list[tuple[float, _Call]] = []
        self._ready: list[_Call] = []
        for number, reply in enumerate(replies):
            ends = [sum(reply.pages[:at]) for at in range(1, len(reply.pages) + 1)]
            ends.append(len(reply.arrivals))
            waiting = int(limits[number].has_message)
            screen = _Screen(reply.arrivals, ends, waiting, reply.goes_on)
            self._screens.append(screen)
            self._due += [(call.due, call) for call in _plan(number, screen, count)]
        heapq.heapify(self._due)
        self._run()

    def _run(self) -> None:
        now = 0.0
        while self._due or self._ready:
            if not self._ready:
                now = max(now, self._due[0][0])
            while self._due and self._due[0][0] <= now:
                heapq.heappush(self._ready, heapq.heappop(self._due)[1])
            now = self._make(now)

    def _make(self, now: float) -> float:
        """Make every call that may go out now, the urgent ones first; when the next one may."""
        later: list[_Call] = []
        waits: set[int] = set()  # replies of which an edit waits already
        free = self._due[0][0] if self._due else math.inf
        while self._ready:
            call = heapq.heappop(self._ready)
            screen, limits = self._screens[call.reply], self._limits[call.reply]
            if screen.is_idle(call, now) or (call.urgency == _EDIT and call.reply in waits):
                continue
            if call.page is not None and call.page > screen.full:
                later.append(call)  # the message before it has to be full first
                continue
            pays = limits.edit if screen.target(call) < screen.messages else limits.send
            at = max(limiter.free_at(now) for limiter in pays)
            if at > now:
                free = min(free, at)
                later.append(call)
                waits.add(call.reply)
                continue
            for limiter in pays:
                limiter.take(now)
            screen.show(call, now)
        self._ready = later
        heapq.heapify(self._ready)
        return free if later else now

    def judged(self, delay: float) -> Limit:
        firsts, finals, behind = [], [], []
        for screen in self._screens:
            seen = [(time + delay, shown) for time, shown in screen.views]
            first, last = first_text(seen), all_text(seen, len(screen.arrivals))
            assert first is not None
            assert last is not None
            firsts.append(first - screen.arrivals[0])
            finals.append(last - screen.arrivals[-1])
            behind += staleness(screen.arrivals, seen)
        calls = sum(len(screen.views) for screen in self._screens) / len(self._screens)
        return Limit(firsts, finals, mean(behind), calls)


def _plan(number: int, screen: _Screen, count: int) -> list[_Call]:
    """All calls of one reply."""
    arrivals = screen.arrivals
    begin, end = arrivals[FIRST_TEXT - 1], arrivals[-1]
    gap = (end - begin) / (count + 1)
    return [
        _Call(_FIRST, begin, number),
        *(_Call(_FINAL, arrivals[at - 1], number, page) for page, at in enumerate(screen.ends)),
        *(_Call(_EDIT, begin + gap * (at + 1), number) for at in range(count)),
    ]
