"""The least that anybody could spend on the same answers: a process that only reads the streams.

    python -m tests.benchmarks.bare URL APART

takes one question per line, asks them APART seconds after each other on one aiohttp session, splits
what comes into lines, and prints the CPU seconds that this took.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

import aiohttp

from tests.benchmarks.answers import Plan
from tests.programs import environment


async def cost(url: str, plans: Sequence[Plan], apart: float) -> float:
    """CPU seconds of a process that reads these answers and does nothing with them."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.benchmarks.bare",
        url,
        str(apart),
        env=environment({}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await child.communicate("\n".join(plan.question for plan in plans).encode())
    return float(printed)


async def main(url: str, apart: float) -> None:
    questions = sys.stdin.read().splitlines()
    async with aiohttp.ClientSession() as session:
        begun = time.process_time()
        await asyncio.gather(
            *(read(session, url, asked, apart * at) for at, asked in enumerate(questions))
        )
        sys.stdout.write(f"{time.process_time() - begun}\n")


async def read(session: aiohttp.ClientSession, url: str, question: str, wait: float) -> None:
    await asyncio.sleep(wait)
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": question}]}
    headers = {"Authorization": "Bearer sk-bench"}
    rest = b""
    async with session.post(f"{url}/v1/chat/completions", json=body, headers=headers) as response:
        async for chunk in response.content.iter_any():
            *_, rest = (rest + chunk).split(b"\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
