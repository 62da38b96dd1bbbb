"""Fetches pictures by link without being turned against the operator's own network.

Only addresses of the public internet are connected to, checked on the very addresses that are used
(so a name that changes its answer gains nothing) and again on each redirect. The gateway's own
origin is excepted, since self-hosted gateways serve their pictures from where they are.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot.errors import BadPicture
from bot.gateway.pictures import LIMIT

REDIRECTS = 3
_REFUSED = "The gateway sent a picture link that is not safe to open."
_DEAD = "The gateway sent a picture link that does not work."

_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is public in IPv6
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # what a NAT64 makes of the last 32 bits
_PROTOCOLS = ipaddress.IPv4Network("192.0.0.0/24")  # some Pythons take parts of it for public


class Fetcher:
    """``async with Fetcher(roots) as fetcher: data = await fetcher.fetch(url)``; ``roots`` are the
    gateway's."""

    def __init__(self, roots: Iterable[str], *, limit: int = LIMIT, patience: float = 60.0) -> None:
        self._origins = {URL(root).origin() for root in roots}
        self._limit = limit
        self._timeout = aiohttp.ClientTimeout(total=patience, sock_connect=10)

    async def __aenter__(self) -> Self:
        self._own = aiohttp.ClientSession(timeout=self._timeout)
        guarded = aiohttp.TCPConnector(resolver=_PublicResolver())
        self._foreign = aiohttp.ClientSession(connector=guarded, timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._own.close()
        await self._foreign.close()

    async def fetch(self, url: str) -> bytes:
        """The bytes behind a link, at most ``limit``. Raises BadPicture."""
        try:
            # Parsed once: what is judged is to the letter what is connected to.
            target = URL(url)
            for _ in range(REDIRECTS + 1):
                async with self._session(target).get(target, allow_redirects=False) as response:
                    location = response.headers.get("Location")
                    if response.status in (301, 302, 303, 307, 308) and location:
                        target = target.join(URL(location))
                        continue
                    if response.status != 200:
                        raise BadPicture(
                            _DEAD, detail=f"status {response.status} from a picture link"
                        )
                    return await self._read(response)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            if isinstance(error.__cause__, _Private):
                raise BadPicture(_REFUSED, detail=str(error.__cause__)) from error
            raise BadPicture(_DEAD, detail=repr(error)) from error
        raise BadPicture(_DEAD, detail=f"more than {REDIRECTS} redirects")

    def _session(self, url: URL) -> aiohttp.ClientSession:
        if url.absolute and url.origin() in self._origins:
            return self._own
        if url.scheme != "https" or not url.raw_host:
            raise BadPicture(_REFUSED, detail=f"a picture link with scheme {url.scheme!r}")
        if is_private(url.raw_host):
            raise BadPicture(_REFUSED, detail="a picture link to a private address")
        return self._foreign

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        data = bytearray()
        async for chunk in response.content.iter_chunked(2**16):
            data += chunk
            if len(data) > self._limit:
                raise BadPicture(
                    "The gateway sent a picture that is too large to post.",
                    detail=f"a picture of more than {self._limit} bytes",
                )
        return bytes(data)


class _Private(OSError):
    """A name that leads to a private address."""


class _PublicResolver(AbstractResolver):
    """Resolves names to public addresses only. aiohttp connects to exactly what is returned
    here."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        addresses = [str(address[0]) for *_, address in found]
        if any(is_private(address) for address in addresses):
            raise _Private(f"{host} leads to a private address")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST,
            )
            for address, (kind, _, proto, _, _) in zip(addresses, found, strict=True)
        ]

    async def close(self) -> None:
        pass


def is_private(host: str) -> bool:
    """Whether a literal address is anything but public; False for a name, which the resolver
    judges."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        # Forms such as 2130706433 or 0x7f.1 reach the resolver, which turns them into addresses.
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = _inner(address)
        if inner is None:
            return address not in _UNICAST or not address.is_global
        address = inner
    return not address.is_global or address.is_multicast or address in _PROTOCOLS


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets for this one end at, None where there is none."""
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
