"""Links to pictures that lead where the bot must not go, and pictures that are too much."""

from __future__ import annotations

import asyncio
import gzip
import io
import socket
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from PIL import Image as Pillow

from bot.errors import BadPicture
from bot.gateway.fetch import Fetcher, is_private
from bot.gateway.offline.pictures import describe
from bot.gateway.pictures import LIMIT, picture
from tests.simulators import gateway_faults as faults

Handler = Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]


@asynccontextmanager
async def trap() -> AsyncIterator[tuple[int, list[object]]]:
    """A port on 127.0.0.2 and who connected to it, TLS or not."""
    came: list[object] = []

    def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer.get_extra_info("peername"))
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.2", 0) as server:
        yield server.sockets[0].getsockname()[1], came


@asynccontextmanager
async def host_of(handler: Handler) -> AsyncIterator[str]:
    """A server of pictures that is the gateway's own, so that it may be asked."""
    app = web.Application()
    app.router.add_get("/picture", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def why_not(link: str, *, roots: tuple[str, ...] = (), limit: int = LIMIT) -> str:
    """The detail of the refusal."""
    async with Fetcher(roots, limit=limit, patience=5) as fetcher:
        with pytest.raises(BadPicture) as caught:
            await fetcher.fetch(link)
    assert caught.value.notice.startswith("The gateway sent a picture")
    return str(caught.value)


HOSTS = (
    "127.0.0.2",
    "127.0.0.2.",
    "127.2",
    "2130706434",  # decimal
    "0x7f000002",
    "0x7f.0.0.2",
    "0177.0.0.2",  # octal
    "017700000002",
    "①②⑦.⓪.⓪.②",  # signs that become digits when a name is normalized
    "１２７.0.0.2",
    "127。0。0。2",  # and signs that become dots
    "127．0．0．2",
    "%31%32%37.0.0.2",
    "[::ffff:127.0.0.2]",
    "[::ffff:7f00:2]",
    "[::127.0.0.2]",
    "[64:ff9b::7f00:2]",
    "[2002:7f00:2::]",
    "example.com@127.0.0.2",
    "127.0.0.2\\@example.com",
    "\t127.0.0.2",
    "localhost",
    "ｌocalhost",
    "LOCALHOST",
)


@pytest.mark.parametrize("host", HOSTS)
async def test_no_spelling_of_a_private_address_is_connected_to(host: str) -> None:
    async with trap() as (port, came):
        await why_not(f"https://{host}:{port}/x.png")
        assert came == []


@pytest.mark.parametrize("host", HOSTS)
async def test_no_redirect_leads_to_a_private_address(host: str) -> None:
    async with trap() as (port, came):

        async def redirect(_: web.Request) -> web.Response:
            return web.Response(status=302, headers={"Location": f"https://{host}:{port}/x.png"})

        async with host_of(redirect) as root:
            await why_not(f"{root}/picture", roots=(root,))
        assert came == []


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "ftp://127.0.0.2/x.png",
        "gopher://127.0.0.2/x",
        "data:image/png;base64,iVBORw0KGgo=",
        "//127.0.0.2/x.png",
        "http://example.com/x.png",
        "https:/127.0.0.2/x.png",
        "https://[::1",
        "https://example.com:99999/",
        "",
    ],
)
@pytest.mark.parametrize("way", ["link", "redirect"])
async def test_only_https_is_followed_and_nothing_is_raised_but_our_own(
    target: str, way: str
) -> None:
    async def redirect(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": target})

    async with host_of(redirect) as root:
        await why_not(f"{root}/picture" if way == "redirect" else target, roots=(root,))


async def test_redirects_in_a_circle_end() -> None:
    asked = []

    async def circle(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response(status=302, headers={"Location": "/picture"})

    async with host_of(circle) as root:
        await why_not(f"{root}/picture", roots=(root,))
    assert len(asked) == 4


@pytest.mark.parametrize(
    "address",
    [
        "::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "2002:a00:1::",
        "2001::1",
        "fec0::1",
        "fd00::1",
        "ff02::1",
        "2001:db8::1",
        "192.0.0.192",
        "169.254.169.254",
        "100.100.100.200",
        "255.255.255.255",
    ],
)
def test_addresses_that_only_look_public_are_private(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8"])
def test_public_addresses_are_public_also_behind_a_nat64(address: str) -> None:
    assert not is_private(address)


# DNS that changes its mind


class HostileNetwork(asyncio.SelectorEventLoop):
    """An event loop whose DNS gives the answers of an attacker one after the other, and that notes
    where it should connect instead of doing so."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        super().__init__()
        self._answers = list(answers)
        self.lookups: list[object] = []
        self.connections: list[str] = []

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> list[Any]:
        self.lookups.append(host)
        answer = self._answers.pop(0)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answer]

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        self.connections.append(address[0])
        raise ConnectionRefusedError


def fetched_over(network: HostileNetwork, times: int) -> None:
    async def fetch() -> None:
        for _ in range(times):
            await why_not("https://rebind.example/x.png")

    with asyncio.Runner(loop_factory=lambda: network) as runner:
        runner.run(fetch())


def test_a_name_that_moves_to_a_private_address_is_not_followed_there() -> None:
    network = HostileNetwork(("93.184.216.34",), ("127.0.0.2",), ("169.254.169.254",))

    fetched_over(network, times=3)

    # What was judged is what was connected to: there is no second lookup between the two.
    assert network.lookups == ["rebind.example"] * 3
    assert network.connections == ["93.184.216.34"]


def test_one_private_address_among_public_ones_spoils_the_name() -> None:
    network = HostileNetwork(("93.184.216.34", "127.0.0.2"))

    fetched_over(network, times=1)

    assert network.connections == []


# Too much


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "image/png"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    while True:
        await response.write(faults.PNG + bytes(2**16))


async def bomb(_: web.Request) -> web.StreamResponse:
    body = gzip.compress(faults.PNG + bytes(32 * 2**20), 9)
    return web.Response(
        body=body, headers={"Content-Type": "image/png", "Content-Encoding": "gzip"}
    )


async def drip(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"\x89")
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("handler", [endless, bomb])
async def test_a_picture_without_end_is_left_at_the_limit(handler: Handler) -> None:
    async with host_of(handler) as root:
        why = await why_not(f"{root}/picture", roots=(root,), limit=2**20)
    assert why == "a picture of more than 1048576 bytes"


async def test_a_picture_that_drips_is_given_up() -> None:
    async with host_of(drip) as root, Fetcher([root], patience=0.2) as fetcher:
        begun = time.monotonic()
        with pytest.raises(BadPicture):
            await fetcher.fetch(f"{root}/picture")
    assert time.monotonic() - begun < 3


def huge(side: int = 50_000) -> bytes:
    """A picture of a few bytes that says it has 50,000 × 50,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_a_picture_of_huge_dimensions_is_passed_on_and_never_unpacked() -> None:
    # The bot goes by the first bytes. Pillow would warn of such a picture, and warnings are errors.
    assert picture(huge()).media_type == "image/png"
    with pytest.raises(Pillow.DecompressionBombError):
        Pillow.open(io.BytesIO(huge()))


def test_the_gateway_in_a_box_unpacks_no_huge_picture() -> None:
    begun = time.monotonic()
    assert "does not open as a picture" in describe(huge())
    assert time.monotonic() - begun < 3
