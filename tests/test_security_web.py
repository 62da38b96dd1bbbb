"""The web chat under attack: by other web sites, by visitors, and by what they send."""

from __future__ import annotations

import ast
import asyncio
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType
from yarl import URL

from adapters.web import Web
from adapters.web.inbound import FRAME_LIMIT
from bot.config import WebSettings
from tests.web_chat import Answerer, png, serving, settings, visiting

ROOT = Path(__file__).parent.parent


def test_it_listens_on_this_machine_only_unless_told_otherwise() -> None:
    assert WebSettings.model_fields["host"].default == "127.0.0.1"


# Visitors against each other


async def test_no_message_takes_the_place_of_an_answer_or_of_another_message() -> None:
    core = Answerer()
    async with serving(core) as web, visiting(web) as ada, visiting(web) as eve:
        await ada.join()
        await eve.join()
        said = await ada.say("What may I do?")
        await eve.next("entry")
        reply = (await eve.next("entry"))["entry"]["id"]
        await eve.next("done")

        await eve.say("You may send me money.", source=reply)
        await eve.say("I, Ada, shall send money.", source=said)
        await eve.say("the end", source="the-end-of-it")
        while (await ada.next("entry"))["entry"]["id"] != "the-end-of-it":
            continue
        async with visiting(web) as bob:
            entries = (await bob.join())["entries"]

    assert [request.text for request in core.requests] == ["What may I do?", "the end"]
    assert [entry["kind"] for entry in entries] == ["said", "reply", "said", "reply"]
    assert "money" not in str(entries)


async def test_no_frame_makes_a_visitor_somebody_else() -> None:
    core = Answerer()
    async with serving(core) as web, visiting(web) as ada, visiting(web) as eve:
        await ada.join()
        await ada.say("hi")
        seen = (await ada.next("entry"))["entry"]["user"]["id"]
        # All that others see of Ada is an id from which hers cannot be told.
        await eve.send("join", channel="general", user={"id": seen, "name": "Ada"})
        you = (await eve.next("joined"))["you"]
        await eve.send("say", source="forged-source", text="x", user={"id": seen}, moderator=True)
        await eve.next("done")

    assert you != seen
    assert [request.user.id for request in core.requests] == [seen, you]


# Paths


@pytest.mark.parametrize(
    "path",
    [
        "/static/../adapter.py",
        "/static/..%2fadapter.py",
        "/static/%2e%2e/adapter.py",
        "/static/..%5cadapter.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/",
        "/media/..%2f..%2fetc%2fpasswd",
        "/media/",
    ],
)
async def test_no_path_leads_out_of_the_pages_own_files(path: str) -> None:
    async with (
        serving(Answerer()) as web,
        aiohttp.ClientSession() as session,
        session.get(URL(web.address + path, encoded=True)) as response,
    ):
        text = await response.text()
    assert response.status in (403, 404)
    assert "import" not in text
    assert "root:" not in text


# Too much


async def bomb() -> AsyncIterator[bytes]:
    """64 MiB of nothing after the head of a picture, in a few kilobytes."""
    packer = zlib.compressobj(9, wbits=31)
    yield packer.compress(png())
    for _ in range(64):
        yield packer.compress(bytes(2**20))
    yield packer.flush()


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield png() + bytes(2**16)


@pytest.mark.parametrize("form", ["bomb", "endless"])
async def test_an_upload_that_grows_beyond_the_limit_is_refused(form: str) -> None:
    headers = {"Content-Encoding": "gzip"} if form == "bomb" else {}
    body = bomb() if form == "bomb" else endless()
    async with serving(Answerer()) as web, aiohttp.ClientSession() as session:
        headers |= {"Origin": web.address}
        async with asyncio.timeout(10):
            try:
                posted = session.post(f"{web.address}/media?name=x", data=body, headers=headers)
                async with posted as response:
                    assert response.status in (400, 413)
            except (aiohttp.ClientError, ConnectionError):
                pass  # refused before all of it was sent
        async with session.get(f"{web.address}/healthz") as response:
            assert await response.text() == "ok"


async def test_without_the_token_no_body_is_even_read() -> None:
    async with (
        serving(Answerer(), Web(settings(token="a-long-token"))) as web,
        aiohttp.ClientSession() as session,
        asyncio.timeout(10),
    ):
        try:
            async with session.post(f"{web.address}/media", data=endless()) as response:
                assert response.status == 401
        except (aiohttp.ClientError, ConnectionError):
            pass  # cut off, since it went on and on


@pytest.mark.parametrize("size", [FRAME_LIMIT + 1, 16 * 2**20])
@pytest.mark.parametrize("compress", [0, 15])
async def test_a_frame_that_is_too_large_ends_its_page_and_no_other(
    size: int, compress: int
) -> None:
    core = Answerer()
    async with serving(core) as web, visiting(web) as ada:
        await ada.join()
        async with visiting(web, compress=compress, max_msg_size=0) as eve:
            try:
                await eve.socket.send_str("x" * size)
                message = await eve.socket.receive(5)
                assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)
            except (aiohttp.ClientError, ConnectionError):
                pass
        await ada.say("still here?")
        await ada.next("done")

    assert [request.text for request in core.requests] == ["still here?"]


async def test_json_that_is_nested_for_ever_is_refused() -> None:
    async with serving(Answerer()) as web, visiting(web) as eve:
        await eve.socket.send_str("[" * 100_000)
        await eve.next("refused")
        await eve.socket.send_str('{"type": "say", "source": ' + "9" * 10_000 + "}")
        await eve.next("refused")
        await eve.join()


# Comparing secrets

SECRET = ("token", "secret", "password", "cookie", "digest", "signature", "api_key")


def test_no_secret_is_compared_so_that_the_time_tells_how_much_of_it_is_right() -> None:
    compared = []
    for folder in ("bot", "adapters", "storage"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Compare) and _tells_by_time(node):
                    compared.append(f"{path.relative_to(ROOT)}: {ast.unparse(node)}")
    assert compared == []
    assert "compare_digest" in (ROOT / "adapters/web/guard.py").read_text("utf-8")


def _tells_by_time(node: ast.Compare) -> bool:
    """Whether something that is called a secret stands beside == or !=, but for comparisons with
    what is written down in the source."""
    sides = [node.left, *node.comparators]
    return (
        any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and not any(isinstance(side, ast.Constant) or ast.unparse(side).isupper() for side in sides)
        and any(word in ast.unparse(side).lower() for side in sides for word in SECRET)
    )
