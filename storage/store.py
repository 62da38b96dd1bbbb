"""``bot.interfaces.Store`` in SQL: every query, once for both engines.

Each method is exactly one statement, so none can be half done, none can be caught up in another's
rollback, and no connection is held while anything else is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Self

from bot.errors import StorageError
from bot.interfaces import Summary
from bot.types import Channel, Turn
from storage import rows
from storage.rows import Row, Value
from storage.schema import Fetch


class Driver(Protocol):
    """One engine, opened and closed by ``async with``; it raises its library's ``faults``."""

    faults: tuple[type[Exception], ...]
    self_check: tuple[str, ...]  # what has the engine check its own files; sound: no rows, or "ok"

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def fetch(self, sql: str, *args: Value) -> list[Row]:
        """Run one statement on its own; the rows it returns, each indexable by column name."""

    def exclusive(self) -> AbstractAsyncContextManager[Fetch]:
        """One transaction, with every other opener of the same database waiting until it ends."""

    def explain(self, error: Exception) -> str:
        """Why the database cannot be opened and what to do: one sentence without a password."""


# seq is the channel's own count. Two replicas that insert in the same instant may draw the same
# number: then neither began first, and started and id put them into one order for everybody.
BEGIN = """
insert into turns (
    id, channel, platform, server, channel_id, thread, source, user_id, user_name, command, request,
    model, status, surface, started, due, seq
) values (
    ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
    (select coalesce(max(seq), 0) + 1 from turns where channel = ?2)
)
on conflict (channel, source) do nothing
returning id
"""

# A place that is written down late, after the turn has ended, changes nothing.
PLACE = """
update turns set
    surface = case when status = 'running' then ?2 else surface end,
    shown = case
        when status <> 'running' then shown
        when forgotten = 0 then nullif(?3, '')
    end
where id = ?1
returning id
"""

AMEND = """
update turns set request = case when forgotten = 0 then ?2 else request end
where id = ?1
returning id
"""

# A turn that was forgotten while it ran keeps how it ended and what it cost, never what it said.
# What a failed one came to is no reply, but stays beside it: the answer may go on from there.
# When it ended is when that was first written down: a later call says that it was shown by then.
FINISH = """
update turns set
    model = ?2,
    status = ?3,
    reply = case when forgotten = 0 and ?3 <> 'failed' then ?4 end,
    shown = case
        when forgotten = 0 and ?3 = 'failed' then coalesce(?4, shown)
        when cast(?10 as double precision) is not null then shown
    end,
    media = case when forgotten = 0 then ?5 else '[]' end,
    prompt_tokens = ?6,
    reply_tokens = ?7,
    surface = ?8,
    finished = case when ?3 <> 'running' then coalesce(finished, ?9) end,
    due = ?10
where id = ?1
returning id
"""

_TURN = """
select
    id, platform, server, channel_id, thread, source, user_id, user_name, command, request, model,
    status, prompt_tokens, reply_tokens, surface, started, due
"""

OUTSTANDING = f"""
{_TURN}, coalesce(reply, shown) as reply from turns
where platform = ?1 and due <= ?2 and forgotten = 0
order by due, started, id
"""

HISTORY = f"""
{_TURN}, reply from turns
where channel = ?1 and forgotten = 0 and reply is not null
order by seq desc, started desc, id desc
limit ?2
"""

FIND = f"""
{_TURN}, case when status = 'failed' then shown else reply end as reply from turns
where id = ?1 and forgotten = 0
"""

FORGET = """
update turns set
    forgotten = 1,
    request = ?2,
    reply = case when reply is not null then '' end,
    shown = null,
    media = '[]',
    summary = null
where channel = ?1 and forgotten = 0
returning id, reply
"""

# The summaries that the turn is in go with it; those of what was said before it stay.
FORGET_ONE = """
update turns set
    forgotten = case when id = ?3 then 1 else 0 end,
    request = case when id = ?3 then ?2 else request end,
    reply = case when id = ?3 and reply is not null then '' else reply end,
    shown = case when id <> ?3 then shown end,
    media = case when id = ?3 then '[]' else media end,
    summary = null
where forgotten = 0 and id in (
    select gone.id from turns gone where gone.id = ?3 and gone.channel = ?1
    union all
    select later.id from turns later
    where later.channel = ?1 and later.summary is not null
    and later.seq >= (
        select gone.seq from turns gone where gone.id = ?3 and gone.channel = ?1
    )
)
returning id, reply
"""

SUMMARY = """
select id, summary from turns
where channel = ?1 and summary is not null
order by seq desc
limit 1
"""

# What was forgotten since the summary was begun must not come back by it: it is kept only while all
# of the turns that it was made of are there, and the summary that it goes on from.
SUM_UP = """
update turns set summary = ?3
where id = ?2 and channel = ?1 and forgotten = 0
and (?4 = '' or exists (
    select 1 from turns base where base.id = ?4 and base.summary is not null
))
and ?6 = (
    select count(*) from turns made_of
    where made_of.channel = ?1 and made_of.forgotten = 0 and made_of.reply is not null
    and made_of.seq between (select one.seq from turns one where one.id = ?5)
    and (select one.seq from turns one where one.id = ?2)
)
returning id
"""

CHOICES = """
select channel, name, value from choices
where channel in (?1, ?2, ?3, ?4) and value <> ''
order by channel, name
"""

CHOSEN = """
select channel, name, value from choices
where name in (?1, ?2, ?3, ?4) and value <> ''
order by channel, name
"""

CHOOSE = """
insert into choices (channel, name, value) values (?1, ?2, ?3)
on conflict (channel, name) do update set value = excluded.value
"""


class SqlStore:
    """What must survive a restart, in an open database. Every method may raise StorageError."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def begin(self, turn: Turn) -> bool:
        """Claim the turn's source in its channel. False where it was claimed before."""
        return bool(await self._fetch(BEGIN, *rows.begun(turn)))

    async def place(self, turn_id: str, surface: str, text: str) -> None:
        """Write down how much of a running turn's reply is on the screen, and where; for any other
        turn nothing. Kept until the turn ends. Raises StorageError where it was never begun."""
        if not await self._fetch(PLACE, turn_id, surface, text):
            raise _never_begun(turn_id)

    async def amend(self, turn: Turn) -> None:
        """Write down the request of a begun turn anew: it says by now what was read of its
        attachments. Raises StorageError where it was never begun."""
        if not await self._fetch(AMEND, *rows.amended(turn)):
            raise _never_begun(turn.id)

    async def finish(self, turn: Turn) -> None:
        """Write down how a begun turn ended, or that it is shown by now (``due`` is None). Raises
        StorageError where it was never begun."""
        if not await self._fetch(FINISH, *rows.finished(turn, time.time())):
            raise _never_begun(turn.id)

    async def outstanding(self, platform: str, now: float) -> list[Turn]:
        """The turns of a platform whose outcome is ``due``, the oldest first. The reply of one that
        has none is what was on the screen, None for nothing."""
        return [rows.turn_from(row) for row in await self._fetch(OUTSTANDING, platform, now)]

    async def history(self, channel: Channel, limit: int) -> list[Turn]:
        """The newest ``limit`` turns with something to remember (a reply), oldest first."""
        newest_first = await self._fetch(HISTORY, channel.key, max(limit, 0))
        return [rows.turn_from(row) for row in reversed(newest_first)]

    async def find(self, turn_id: str) -> Turn | None:
        """The turn of this id, unless it was forgotten. Attachments are not kept; the reply of a
        failed one is how far it came."""
        found = await self._fetch(FIND, turn_id)
        return rows.turn_from(found[0]) if found else None

    async def forget(self, channel: Channel, turn_id: str = "") -> int:
        """Erase what was said in the channel, or in one turn of it; how many turns with something
        to remember that were. Claims stay.

        A turn that is still running is erased as well, and its reply will not be written down.
        Summaries of what is forgotten are erased with it.
        """
        if turn_id:
            found = await self._fetch(FORGET_ONE, channel.key, rows.NOTHING, turn_id)
        else:
            found = await self._fetch(FORGET, channel.key, rows.NOTHING)
        return sum(row["reply"] is not None and turn_id in ("", row["id"]) for row in found)

    async def summary(self, channel: Channel) -> Summary | None:
        """The summary of a channel that reaches furthest."""
        found = await self._fetch(SUMMARY, channel.key)
        return Summary(found[0]["id"], found[0]["summary"]) if found else None

    async def sum_up(self, turns: Sequence[Turn], text: str, base: str = "") -> bool:
        """Keep ``text`` as the summary of the turns, which follow each other, and of all before
        them: ``base`` is the turn that the summary it was made with reaches to. False, and nothing
        is kept, where any of it was forgotten meanwhile."""
        first, last = turns[0], turns[-1]
        key = last.request.channel.key
        return bool(await self._fetch(SUM_UP, key, last.id, text, base, first.id, len(turns)))

    async def choices(self, *keys: str) -> dict[str, dict[str, str]]:
        """What each of these (at most four) has chosen by name, e.g.
        {"discord:7:": {"chat_model": "gpt-5"}}. A key is a channel's, a server's or a person's."""
        found: dict[str, dict[str, str]] = {}
        for row in await self._fetch(CHOICES, *_four(keys)):
            found.setdefault(row["channel"], {})[row["name"]] = row["value"]
        return found

    async def choose(self, key: str, name: str, value: str) -> None:
        """Set one choice for good; "" takes it back."""
        await self._fetch(CHOOSE, key, name, value)

    async def chosen(self, *names: str) -> list[tuple[str, str, str]]:
        """Every (key, name, value) that anybody has chosen of these (at most four) names."""
        found = await self._fetch(CHOSEN, *_four(names))
        return [(row["channel"], row["name"], row["value"]) for row in found]

    async def _fetch(self, sql: str, *args: Value) -> list[Row]:
        """One statement, with every text in it made storable and every text from it restored."""
        packed = [rows.pack(arg) if isinstance(arg, str) else arg for arg in args]
        try:
            found = await self._driver.fetch(sql, *packed)
        except self._driver.faults as error:
            raise StorageError(detail=f"{type(error).__name__}: {error}") from error
        return [rows.unpacked(row) for row in found]


def _never_begun(turn_id: str) -> StorageError:
    return StorageError(detail=f"turn {turn_id!r} is not in the database")


def _four(words: Sequence[str]) -> list[str]:
    """As many as the statements take."""
    if len(words) > 4:
        raise ValueError(f"at most four, not {len(words)}")
    return [*words, *[""] * (4 - len(words))]
