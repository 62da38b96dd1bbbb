"""What became of each request: read off the screens and the database, once all is quiet (pure).

Exactly one honest outcome is

- ``answered``: every word of the answer once and in order, and nothing else;
- ``marked``: the answer's first words, or all of them without the model's word that they are, and
  under them why there are no more;
- ``told``: no word of it, and a notice that says why;
- ``unheard``: Discord had nobody to give it to, as the program was dead at that moment or died
  before it had written it down. Discord delivers each event once.

Anything else is a broken promise, unless it lies in the one documented window: a send that Telegram
took and whose message the program never learnt of, since it died or the connection broke. What then
stands there twice, or half and for ever, is counted as ``windows``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.torture.kept import Kept
from tests.torture.oracle import answer, spoken
from tests.torture.places import Place, Shown

WINDOW = 1.0  # seconds around a death in which what a platform has taken may not be written down
_PASSING = ("⏳",)  # what only announces an answer
_NOTICE = ("⚠️", "⏹")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: the ``number`` that its answer carries, and the time of asking."""

    number: int
    place: Place
    source: str
    at: float
    words: int

    def __str__(self) -> str:
        return f"question {self.number} ({self.words} words, {self.place.key}, {self.source})"


@dataclass(frozen=True, slots=True)
class Night:
    """What there is to judge by. ``deaths`` are (from, until) when nobody was there to hear,
    ``cuts`` when Telegram broke off the answer to a send."""

    asked: Sequence[Asked]
    kept: Sequence[Kept]
    deaths: Sequence[tuple[float, float]]
    cuts: Sequence[float]

    def was_dead(self, at: float) -> bool:
        return any(begun - WINDOW <= at <= ended + WINDOW for begun, ended in self.deaths)

    def in_doubt(self, at: float) -> bool:
        """Whether the program may never have learnt of a message that appeared then."""
        near = (abs(at - begun) <= WINDOW for begun, _ in self.deaths)
        return any(near) or any(abs(at - cut) <= WINDOW for cut in self.cuts)


@dataclass(slots=True)
class Verdict:
    outcomes: Counter[str] = field(default_factory=Counter)
    windows: int = 0
    broken: list[str] = field(default_factory=list)


def judge(night: Night) -> Verdict:
    """See the module."""
    verdict = Verdict()
    turns = {(turn.channel, turn.source): turn for turn in night.kept}
    known: defaultdict[str, set[str]] = defaultdict(set)
    for one in night.kept:
        known[one.channel] |= one.messages
    screens = _by_question(night)
    for asked in night.asked:
        turn = turns.get((asked.place.key, asked.source))
        messages = screens.get(asked.number, [])
        lost = [
            shown
            for shown in messages
            if asked.place.platform == "telegram"
            and shown.id not in known[asked.place.key]
            and night.in_doubt(shown.sent)
        ]
        outcome, why = _outcome(asked, turn, messages, night)
        if why and lost:
            rest = [shown for shown in messages if shown not in lost]
            for candidate in (rest, lost):  # either may be all that was to be shown
                outcome, still = _outcome(asked, turn, candidate, night)
                if not still:
                    verdict.windows += 1
                    why = ""
                    break
        if why:
            seen = "".join(f"\n    {shown}" for shown in messages)
            verdict.broken.append(f"{asked}: {why}\n    {turn}{seen}")
        else:
            verdict.outcomes[outcome] += 1
    verdict.broken += _lost_words(night, turns)
    return verdict


def _outcome(
    asked: Asked, turn: Kept | None, messages: Sequence[Shown], night: Night
) -> tuple[str, str]:
    """The outcome's name, or what is wrong with it."""
    text = "\n".join(one.text for one in messages)
    places = [place for number, place in spoken(text) if number == asked.number]
    whole, notices = list(range(asked.words)), sum(text.count(sign) for sign in _NOTICE)
    if turn is None:
        if asked.place.platform == "discord" and night.was_dead(asked.at) and not places:
            return "unheard", ""
        return "", "was never written down"
    if turn.due is not None:
        return "", "is still due"
    if any("stop" in one.turns for one in messages):
        return "", "hangs with a Stop button"
    if any(one.thinking for one in messages):
        return "", "“is thinking …” stands for ever"
    if any(one.text.startswith(_PASSING) for one in messages):
        return "", "waits on the screen for ever"
    if places == whole and turn.status != "failed":
        return ("answered", "") if not notices else ("", "has two outcomes")
    if places != whole[: len(places)]:
        return "", "is there twice, or has gaps"
    if notices != 1:
        return "", "has no outcome" if not notices else "has two notices"
    return ("marked", "") if places else ("told", "")


def _by_question(night: Night) -> Mapping[int, list[Shown]]:
    """The bot's messages by the question that they answer."""
    by_source = {(asked.place.key, asked.source): asked.number for asked in night.asked}
    by_turn = {turn.id: by_source.get((turn.channel, turn.source)) for turn in night.kept}
    found: defaultdict[int, list[Shown]] = defaultdict(list)
    for place in {id(asked.place): asked.place for asked in night.asked}.values():
        for shown in place.shown():
            words = spoken(shown.text)
            number: int | None = words[0][0] if words else None
            if number is None:
                by_button = (by_turn.get(turn) for turn in shown.turns.values())
                number = next((one for one in by_button if one is not None), None)
            if number is None:
                number = by_source.get((place.key, shown.answers))
            if number is None:
                number = _by_page(night.kept, place, shown, by_turn)
            found[-1 if number is None else number].append(shown)
    return found


def _by_page(
    kept: Iterable[Kept], place: Place, shown: Shown, by_turn: Mapping[str, int | None]
) -> int | None:
    """Of which turn the message is a page, as the database says."""
    for turn in kept:
        if turn.channel == place.key and shown.id in turn.messages:
            return by_turn[turn.id]
    return None


def _lost_words(night: Night, turns: Mapping[tuple[str, str], Kept]) -> list[str]:
    """Turns that are done and do not remember the whole answer, or remember what failed."""
    broken = []
    for asked in night.asked:
        turn = turns.get((asked.place.key, asked.source))
        if turn is None:
            continue
        if turn.status == "done" and turn.reply != answer(asked.number, asked.words):
            broken.append(f"{asked}: is remembered as {turn.reply!r}")
        if turn.status == "done" and turn.reply_tokens == 0:
            broken.append(f"{asked}: was answered and not counted")
        if turn.status == "failed" and turn.reply is not None:
            broken.append(f"{asked}: failed and is remembered")
        if turn.status == "running":
            broken.append(f"{asked}: still runs")
    return broken
