"""The reference adapter: a chat page for the browser, one small server, nothing from elsewhere.

HTTP: ``GET /`` and ``/static/…`` (the page), ``GET /healthz``, ``POST /media?name=…`` (a
file's bytes; answers ``{id, type, name, size}``), ``GET /media/{id}`` (attachments, while kept).

The WebSocket ``/ws`` carries JSON objects. From the browser:

    join      channel, user {id, name}, since {epoch, at}?   show this channel; what is here of it
    say       source, text, files [id]                       answer this; source is its own id
    edit      source, text                                   the message ID reads so now; source is
                                                             ID:edit1, then ID:edit2 …
    press     source, line                                   a button was pressed; where it asks
                                                             something the answer ends the line
    complete  id, command, option, typed                     what could this option be?

From the server; ``at`` numbers a channel's changes, and goes back as ``since.at`` after a break:

    joined    channel, epoch, at, fresh, entries, you, model, commands, limits (bytes, files)
              fresh: forget what you have; else the entries are new, or replace those with their id
    entry     entry, at        {kind "said", id, user, text, media, pressed, edits}
                               or {kind "reply", id, pages, done}
    page      reply, page, at  {number, text, media, actions [{label, line, ask}], menus [{label,
                               options}], final}; while it grows ``drop`` and ``more`` for text:
                               take so many UTF-16 units off the end, then add
    done      reply, at        nothing more is coming
    model     model, at        the chat model that answers here
    completed id, values
    refused   source, text     the message was not taken, and why

A message that comes twice (sent again after a break) has the same source and is answered once.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

from aiohttp import web

from adapters.web import inbound
from adapters.web.connection import Chat
from adapters.web.guard import HEALTH, READY, Guard, add_headers
from adapters.web.media import MediaShelf
from adapters.web.room import Rooms
from adapters.web.surface import WebSurface
from bot.commands import COMMANDS, Command
from bot.config import WebSettings
from bot.errors import AdapterError
from bot.interfaces import Handler, Surface
from bot.types import Turn

log = logging.getLogger("switchboard.web")

STATIC = Path(__file__).parent / "static"


class Web:
    """``serve`` listens on the host and port of the settings (0 for any port); ``address`` is the
    page's URL once ``started``. ``commands`` are offered for completion."""

    def __init__(self, settings: WebSettings, commands: Sequence[Command] = COMMANDS) -> None:
        self._host = settings.host
        self._port = settings.port or 0
        self._commands = tuple(commands)
        self._guard = Guard(settings)
        self._shelf = MediaShelf()
        self._rooms = Rooms(self._shelf)
        self.address = ""
        self.started = asyncio.Event()

    @property
    def ready(self) -> bool:
        """See ``bot.interfaces.Adapter``."""
        return self.started.is_set()

    async def serve(self, handler: Handler) -> None:
        answers = asyncio.TaskGroup()
        chat = Chat(handler, self._rooms, self._shelf, self._commands, answers)
        async with self._listening(handler, chat), answers:
            log.info("web chat on %s", self.address)
            self.started.set()
            try:
                await asyncio.Event().wait()
            finally:
                chat.is_closing = True
                self.started.clear()

    async def check(self) -> str:
        """The address that ``serve`` would listen on. Raises AdapterError where it is taken."""
        loop = asyncio.get_running_loop()
        with self._explained():
            server = await loop.create_server(asyncio.Protocol, self._host, self._port)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        return self._url(port)

    def reopen(self, turn: Turn) -> Surface:
        """See ``bot.interfaces.Adapter``."""
        room = self._rooms.get(turn.request.channel.id)
        room.ask_again(turn.request)
        reply = room.reply(turn.surface or turn.id)
        room.finish(reply)
        return WebSurface(room, reply)

    @asynccontextmanager
    async def _listening(self, handler: Handler, chat: Chat) -> AsyncIterator[None]:
        app = web.Application(middlewares=[self._guard.middleware], client_max_size=inbound.LARGEST)
        app.on_response_prepare.append(add_headers)
        app.on_shutdown.append(lambda _: chat.close())
        app.router.add_get("/", _index)
        app.router.add_get(HEALTH, _health)
        app.router.add_get(READY, partial(_ready, handler))
        app.router.add_get("/ws", chat.accept)
        app.router.add_post("/media", self._shelf.upload)
        app.router.add_get("/media/{id}", self._shelf.download)
        app.router.add_static("/static", STATIC)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            with self._explained():
                await web.TCPSite(runner, self._host, self._port).start()
            self.address = self._url(runner.addresses[0][1])
            yield
        finally:
            await runner.cleanup()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Why listening failed, as an AdapterError that names the setting."""
        try:
            yield
        except OSError as error:
            where = f"{self._host}:{self._port}"
            if error.errno == errno.EADDRINUSE:
                notice = (
                    f"Something else is listening on {where}; "
                    "choose another WEB_PORT (--port for the demo)."
                )
            else:
                reason = error.strerror or error
                notice = f"The web chat cannot listen on {where} ({reason}); check WEB_HOST."
            raise AdapterError(notice) from error

    def _url(self, port: int) -> str:
        try:
            ip = ipaddress.ip_address(self._host)
        except ValueError:
            return f"http://{self._host or 'localhost'}:{port}"
        if ip.is_unspecified:  # every interface; this is the name that always works here
            return f"http://localhost:{port}"
        return f"http://[{ip}]:{port}" if ip.version == 6 else f"http://{ip}:{port}"


async def _index(_: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / "index.html")


async def _health(_: web.Request) -> web.Response:
    """The program lives."""
    return web.Response(text="ok")


async def _ready(handler: Handler, _: web.Request) -> web.Response:
    """Requests come through from every platform; which ones do not, where that is not so."""
    platforms = handler.readiness()
    return web.json_response(dict(platforms), status=200 if all(platforms.values()) else 503)
