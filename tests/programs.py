"""Runs the program ``switchboard`` as a person does: in a process of its own, in an empty
folder."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAM = (sys.executable, "-m", "bot")


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int
    output: str
    errors: str


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Nothing of this process's environment but what Python needs, plus the settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    root = str(Path(__file__).parent.parent)
    return {**kept, "PYTHONPATH": root, "PYTHONUNBUFFERED": "1", **settings}


async def run(
    *arguments: str, folder: Path, typed: str = "", settings: Mapping[str, str] | None = None
) -> Outcome:
    """Run to the end, with ``typed`` as standard input."""
    child = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *arguments,
        cwd=folder,
        env=environment(settings or {}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            output, errors = await child.communicate(typed.encode(errors="surrogateescape"))
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode is not None
    return Outcome(child.returncode, output.decode(), errors.decode())


class Running:
    """A program that serves. ``lines`` are what it printed so far, on both of its outputs."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self.lines: list[str] = []
        self._more = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        return self._child.pid

    async def wait_for(self, words: str, *, seconds: float = 20) -> str:
        """The first line with these words; fails with all that was printed."""
        try:
            async with asyncio.timeout(seconds), self._more:
                while True:
                    for line in self.lines:
                        if words in line:
                            return line
                    if self._child.returncode is not None:
                        raise TimeoutError
                    await self._more.wait()
        except TimeoutError:
            printed = "\n".join(self.lines)
            raise AssertionError(f"“{words}” was not printed, but:\n{printed}") from None

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and wait; the exit status."""
        if self._child.returncode is None:
            self._child.send_signal(number)
        try:
            async with asyncio.timeout(20):
                await self._child.wait()
        except TimeoutError:
            self._child.kill()
            raise AssertionError("the program did not stop") from None
        finally:
            await self._reader
        assert self._child.returncode is not None
        return self._child.returncode

    async def _read(self) -> None:
        assert self._child.stdout is not None
        while line := await self._child.stdout.readline():
            async with self._more:
                self.lines.append(line.decode().rstrip())
                self._more.notify_all()
        await self._child.wait()
        async with self._more:
            self._more.notify_all()


@asynccontextmanager
async def running(
    *arguments: str, folder: Path, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Running]:
    """The program, serving, until the block ends."""
    child = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *arguments,
        cwd=folder,
        env=environment(settings or {}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    program = Running(child)
    try:
        yield program
    finally:
        await program.stop(signal.SIGKILL)
