"""Who may talk to the server: rules on host, origin and token, and the headers of every answer.

A page on the loopback address is reachable by every web site that its owner visits. So a request
must name a host that we serve (a rebound DNS name is none), and whatever changes something must
come from our own page. With WEB_TOKEN set, everything but /healthz needs the cookie that the
token buys.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from bot.config import WebSettings

COOKIE = "switchboard"
COOKIE_AGE = 365 * 24 * 3600  # seconds
HEALTH, READY = "/healthz", "/readyz"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",  # the browser asks each time, and is told "not modified"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """The rules for one server. ``middleware`` goes in front of every route."""

    def __init__(self, settings: WebSettings) -> None:
        self._host = settings.host.lower()
        self._token = settings.token.get_secret_value().encode() if settings.token else b""
        # The cookie proves that somebody knew the token, without telling it to its readers.
        self._cookie = hmac.digest(self._token, b"switchboard web chat", "sha256").hex().encode()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Next) -> web.StreamResponse:
        if request.path in (HEALTH, READY):
            return await handler(request)
        if not self._token and not self._serves(request.host):
            raise web.HTTPForbidden(
                text="This chat is not served under that name. Open it as http://localhost with "
                "its port, or set WEB_TOKEN to let it be reached by any name."
            )
        if self._token and not self._same(request.cookies.get(COOKIE, ""), self._cookie):
            return self._admit(request)
        changes = request.method == hdrs.METH_POST or hdrs.UPGRADE in request.headers
        if changes and not _from_our_page(request):
            raise web.HTTPForbidden(text="Only the chat's own page may do this.")
        return await handler(request)

    def _serves(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if name == self._host or name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def _admit(self, request: web.Request) -> web.Response:
        """The first visit: ``/?token=…`` gets the cookie and goes on to ``/``."""
        if request.path != "/" or not self._same(request.query.get("token", ""), self._token):
            raise web.HTTPUnauthorized(
                text="This chat needs its token: open it once as /?token=… with the WEB_TOKEN of "
                "its operator."
            )
        # Not a 303: on a redirect that began with a link on another site, browsers hold a strict
        # cookie back. From a page of our own the next step is same-site.
        response = web.Response(
            text='<!doctype html><title>Switchboard</title><a href="/">Go on to the chat</a>',
            content_type="text/html",
            headers={"Refresh": "0; url=/", hdrs.CACHE_CONTROL: "no-store"},
        )
        response.set_cookie(
            COOKIE,
            self._cookie.decode(),
            max_age=COOKIE_AGE,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
        )
        return response

    @staticmethod
    def _same(given: str, expected: bytes) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), expected)


def _from_our_page(request: web.Request) -> bool:
    """Browsers add the Origin of the page to everything that matters; no page can change it."""
    origin = urlsplit(request.headers.get(hdrs.ORIGIN, ""))
    return bool(origin.netloc) and origin.netloc.lower() == request.host.lower()


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal ``on_response_prepare``: errors and files carry the headers too."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
