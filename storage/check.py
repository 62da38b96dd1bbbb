"""Is a database whole, and does all hold that the store relies on? One finding for each line.

Only reads, so it may look while the bot runs, and leaves a backup as it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bot.errors import StorageError
from bot.types import Status
from storage import rows
from storage.engines import engine
from storage.rows import Row
from storage.schema import MIGRATIONS
from storage.store import Driver

_REMEDY = "Stop the bot and restore a backup that passes this check (see docs/storage.md)."
_EXAMPLES = 3
_MOST = 100  # what is wrong with more than these is told as "at least"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. Where it is not ``ok``, ``detail`` says what to do."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """What ``holds`` of all; ``broken`` selects the ``id`` of those of which it does not."""

    name: str
    holds: str
    wrong: str
    broken: str
    since: int = 1  # the first schema that has what it speaks of


_RULES = (
    _Rule(
        "endings",
        "every turn has a known status, and an end unless it is running",
        "turns of unknown status, or whose end does not fit it",
        """
        select id from turns
        where status not in ('running', 'done', 'stopped', 'failed')
        or (status = 'running') <> (finished is null)
        """,
    ),
    _Rule(
        "channels",
        "every turn is filed under its own channel",
        "turns filed under another channel than their own",
        """
        select id from turns
        where channel <> platform || ':' || channel_id || ':' || thread
        """,
    ),
    _Rule(
        "order",
        "the turns of each channel are in one order",
        "turns whose place in their channel is another's too",
        # Replicas that insert in the same instant may draw the same number; nobody else may.
        """
        select id from turns
        where seq < 1 or exists (
            select 1 from turns other
            where other.channel = turns.channel and other.seq = turns.seq
            and abs(other.started - turns.started) > 300
        )
        """,
    ),
    _Rule(
        "forgotten",
        "nothing is left of what was forgotten",
        "turns that were forgotten and not erased",
        """
        select id from turns
        where forgotten <> 0
        and (forgotten <> 1 or request <> '{}' or reply <> '' or media <> '[]')
        """,
    ),
    _Rule(
        "screens",
        "what is on the screen is noted only while an outcome is due, or where it failed",
        "turns noted as on the screen of which nothing is due",
        """
        select id from turns
        where shown is not null
        and (forgotten <> 0 or (due is null and status <> 'failed'))
        """,
        since=3,
    ),
    _Rule(
        "summaries",
        "every summary is of turns that are remembered",
        "summaries of turns that were forgotten or have no reply",
        """
        select id from turns
        where summary is not null and (forgotten <> 0 or reply is null)
        """,
        since=4,
    ),
    _Rule(
        "choices",
        "every choice has a name and the channel it is for",
        "choices without a name or a channel",
        """
        select channel as id from choices
        where name = '' or channel not like '%:%:%'
        """,
    ),
)


async def examine(url: str, *, patience: float = 10.0) -> list[Finding]:
    """What there is to say about the database at ``url``, as for ``open_store``. Raises nothing:
    a database that cannot be opened is a finding too."""
    try:
        driver = engine(url, patience, read_only=True)
    except StorageError as error:
        return [Finding("database", False, error.notice)]
    findings: list[Finding] = []
    try:
        async with driver:
            await _examine(driver, findings)
    except StorageError as error:
        findings.append(Finding("database", False, error.notice))
    except driver.faults as error:
        # It may be a backup that is looked at, and it is named in the sentence.
        sentence = driver.explain(error).removeprefix("STORAGE_URL: ")
        findings.append(Finding("database", False, sentence))
    return findings


async def damage(driver: Driver) -> list[str]:
    """What the engine itself finds wrong with its files, in its own words."""
    found = [tuple(row.values()) for sql in driver.self_check for row in await driver.fetch(sql)]
    return [" ".join(map(str, words)) for words in found if words != ("ok",)]


async def _examine(driver: Driver, findings: list[Finding]) -> None:
    """Add one finding after the other; end where nothing that follows could be trusted."""
    if driver.self_check:
        wrong = await damage(driver)
        told = f"{len(wrong)} faults, the first: {wrong[0]}. {_REMEDY}" if wrong else "is whole"
        findings.append(Finding("file", not wrong, told))
        if wrong:
            return
    version, finding = await _schema(driver)
    findings.append(finding)
    if not finding.ok:
        return
    findings.append(await _turns(driver))
    for rule in _RULES:
        if rule.since > version:
            continue
        broken = [row["id"] for row in await driver.fetch(f"{rule.broken} limit {_MOST}")]
        findings.append(_finding(rule.name, rule.holds, rule.wrong, broken))


async def _schema(driver: Driver) -> tuple[int, Finding]:
    """The schema's number, and whether this program can judge it."""
    newest = MIGRATIONS[-1].number
    try:
        [row] = await driver.fetch("select max(version) as version from switchboard_schema")
    except driver.faults as error:
        return 0, Finding("schema", False, f"cannot be read ({error}). Is it the right database?")
    version = row["version"] or 0
    if version == 0:
        return 0, Finding("schema", False, "is nowhere noted. Is it the right database?")
    if version > newest:
        detail = f"is {version}, and this program knows {newest}. Check it with the newer one."
        return version, Finding("schema", False, detail)
    later = "" if version == newest else f"; the next start will bring it to {newest}"
    return version, Finding("schema", True, f"is {version}{later}")


async def _turns(driver: Driver) -> Finding:
    """Read every turn that was not forgotten, as the bot would."""
    count, broken, last = 0, list[str](), ""
    page = "select * from turns where forgotten = 0 and id > ?1 order by id limit 1000"
    waiting = {"running": 0, "still to be shown": 0}
    while found := await driver.fetch(page, last):
        count += len(found)
        last = found[-1]["id"]
        broken += [row["id"] for row in found if not _can_be_read(row)]
        waiting["running"] += sum(row["status"] == Status.RUNNING for row in found)
        waiting["still to be shown"] += sum(row.get("due") is not None for row in found)
    notes = "".join(f", {number} {what}" for what, number in waiting.items() if number)
    return _finding("turns", f"{count} can be read{notes}", "turns that cannot be read", broken)


def _can_be_read(row: Row) -> bool:
    try:
        restored = rows.unpacked(row)
        rows.turn_from({"due": None, **restored})  # schema 2 has no "due"
        json.loads(restored["media"])
    except (ValueError, KeyError, TypeError):
        return False
    return True


def _finding(name: str, holds: str, wrong: str, broken: Sequence[str]) -> Finding:
    if not broken:
        return Finding(name, True, holds)
    number = f"{len(broken)}" if len(broken) < _MOST else f"at least {_MOST}"
    examples = ", ".join([*broken[:_EXAMPLES], *["…"][: len(broken) > _EXAMPLES]])
    return Finding(name, False, f"{wrong}: {number} ({examples}). {_REMEDY}")
