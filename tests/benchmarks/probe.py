"""A third process that asks the bot for a sign of life again and again, and says how long it took
at worst.

    python -m tests.benchmarks.probe HOST PORT

The web chat's health page is answered by the same event loop as everything else, so a long wait
means that the loop was held up for so long, or that the machine was. On the end of its input the
probe prints the longest wait in seconds.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPConnection
from urllib.parse import urlsplit

from adapters.web.guard import HEALTH
from tests.programs import environment

EVERY = 0.03  # seconds between an answer and the next question


@asynccontextmanager
async def probing(url: str) -> AsyncIterator[list[float]]:
    """While the block runs; the list holds the longest wait afterwards."""
    parts = urlsplit(url)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.benchmarks.probe",
        parts.hostname or "",
        str(parts.port),
        env=environment({}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    waits: list[float] = []
    try:
        yield waits
        printed, _ = await child.communicate(b"")
        waits.append(float(printed))
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


def main(host: str, port: int) -> None:
    over = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    connection = HTTPConnection(host, port, timeout=30)
    longest = 0.0
    while not over.is_set():
        begun = time.perf_counter()
        connection.request("GET", HEALTH)
        connection.getresponse().read()
        longest = max(longest, time.perf_counter() - begun)
        time.sleep(EVERY)
    sys.stdout.write(f"{longest}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
