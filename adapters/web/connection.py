"""One open page: reads its frames, and writes to it from a queue that nobody waits for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from aiohttp import WSCloseCode, WSMsgType, web

from adapters.web import inbound
from adapters.web.inbound import BadFrame, Complete, Edit, Join, Say
from adapters.web.media import MediaShelf
from adapters.web.room import Json, Room, Rooms, Said, encode
from adapters.web.surface import WebSurface
from bot.commands import Command, Kind, Option
from bot.errors import SwitchboardError
from bot.interfaces import Handler
from bot.types import Attachment, Channel, Request, Trigger, User

log = logging.getLogger("switchboard.web")

QUEUE = 500  # frames that wait for one page before it is dropped
HEARTBEAT = 20.0  # seconds between signs of life on a silent connection
FAREWELL = 1.0  # seconds that a page has to take the last frames
LIMITS = {  # what a page checks before it sends anything
    "files": inbound.FILES_LIMIT,
    "total": inbound.FILES_TOTAL,
    **inbound.FILE_LIMITS,
}


@dataclass(slots=True)
class Chat:
    """What all pages share while the server runs. Each request runs in a task of ``answers``."""

    handler: Handler
    rooms: Rooms
    shelf: MediaShelf
    commands: Sequence[Command]
    answers: asyncio.TaskGroup
    open_pages: set[Connection] = field(default_factory=set)
    is_closing: bool = False

    async def accept(self, request: web.Request) -> web.WebSocketResponse:
        """``GET /ws``."""
        socket = web.WebSocketResponse(
            max_msg_size=inbound.FRAME_LIMIT, heartbeat=HEARTBEAT, timeout=FAREWELL
        )
        await socket.prepare(request)
        page = Connection(self, request, socket)
        self.open_pages.add(page)
        try:
            await page.run()
        finally:
            self.open_pages.discard(page)
        return socket

    async def close(self) -> None:
        """Say goodbye to every page."""
        await asyncio.gather(*(page.close() for page in self.open_pages))

    async def load(self, room: Room) -> None:
        """Fill a room from the core's memory, once. Raises SwitchboardError."""
        async with room.loading:
            if not room.is_loaded:
                room.recall(await self.handler.history(_channel(room)))
                room.name_model(await self.handler.chat_model(_channel(room)))

    def ask(self, room: Room, request: Request, trigger: Trigger) -> None:
        """Answer what was said, in a task of its own, where it is to be heard."""
        if trigger is Trigger.COMMAND or trigger in self.handler.manners(_channel(room)).hears:
            self.answers.create_task(self._answer(room, request), name=f"web {request.source}")

    async def _answer(self, room: Room, request: Request) -> None:
        reply = room.reply(uuid4().hex)
        try:
            await self.handler.handle(request, WebSurface(room, reply))
        finally:
            room.finish(reply)
        room.name_model(await self.handler.chat_model(_channel(room)))


class Connection:
    """``run`` serves the page until it leaves. A page whose queue is full is cut off: it comes back
    by itself and gets the current state."""

    def __init__(self, chat: Chat, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._chat = chat
        self._request = request
        self._socket = socket
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE)
        self._room: Room | None = None
        self._user = User("", "")

    async def run(self) -> None:
        self._writer = asyncio.create_task(self._write(), name="web page writer")
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    await self._take(message.data)
        finally:
            self._leave()
            self._writer.cancel()
            await asyncio.wait([self._writer])
            if not self._writer.cancelled():
                self._writer.result()

    def send(self, frame: bytes) -> None:
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            if self._request.transport is not None:
                log.info("a page reads too slowly and is cut off")
                self._request.transport.abort()

    async def close(self) -> None:
        """Write what is left, then close."""
        if not self._queue.full():
            self._queue.put_nowait(None)
            await asyncio.wait([self._writer], timeout=FAREWELL)
        await self._socket.close(code=WSCloseCode.GOING_AWAY)

    async def _write(self) -> None:
        while (frame := await self._queue.get()) is not None:
            try:
                await self._socket.send_frame(frame, WSMsgType.TEXT)
            except ConnectionError:
                return  # the reader sees the same end, and leaves the room

    async def _take(self, raw: str) -> None:
        try:
            match inbound.read(raw):
                case Join() as join:
                    await self._join(join)
                case Say() as say:
                    self._say(say)
                case Edit() as edit:
                    self._edit(edit)
                case Complete() as question:
                    self._complete(question)
        except BadFrame as error:
            self._refuse(error.source, error.notice)

    async def _join(self, join: Join) -> None:
        room = self._chat.rooms.get(join.channel)
        self._user = join.user
        try:
            await self._chat.load(room)
        except SwitchboardError as error:
            self._refuse("", error.notice)
        self._leave()
        self._room = room
        fresh, entries = room.missed(join.epoch, join.at)
        joined: dict[str, object] = {
            "type": "joined",
            "channel": room.name,
            "epoch": room.epoch,
            "at": room.at,
            "fresh": fresh,
            "entries": entries,
            "you": join.user.id,
            "model": room.model,
        }
        if fresh:
            joined["limits"] = LIMITS
            joined["commands"] = [_described(command) for command in self._chat.commands]
        # No wait between the two: what changes from here on comes as frames of its own.
        self.send(encode(joined))
        room.listeners.add(self)

    def _leave(self) -> None:
        if self._room is not None:
            self._room.listeners.discard(self)

    def _say(self, say: Say) -> None:
        room = self._room
        if room is None:
            raise BadFrame(source=say.source)
        if room.has_seen(say.source) or self._chat.is_closing:
            return
        attachments = self._attachments(say)
        request = inbound.request(say, room.name, self._user, attachments)
        user = {"id": self._user.id, "name": self._user.name}
        text = room.label(say.line) if say.pressed else say.line
        media = [self._chat.shelf.keep(attachment) for attachment in attachments]
        room.say(Said(say.source, user, text, media, say.pressed))
        self._chat.ask(room, request, say.trigger)

    def _edit(self, edit: Edit) -> None:
        room = self._room
        if room is None:
            raise BadFrame(source=edit.source)
        if room.has_seen(edit.source) or self._chat.is_closing:
            return
        said = room.said(edit.of)
        if said is None or said.pressed or said.media or said.user["id"] != self._user.id:
            raise BadFrame("This message cannot be changed any more.", source=edit.source)
        request = inbound.edited(edit, said.text, room.name, self._user)
        room.edit(said, edit.line, edit.source)
        self._chat.ask(room, request, edit.trigger)

    def _attachments(self, say: Say) -> tuple[Attachment, ...]:
        found = [self._chat.shelf.get(file) for file in say.files]
        kept = tuple(attachment for attachment in found if attachment is not None)
        if len(kept) < len(found):
            raise BadFrame("A file got lost on the way. Attach it again.", source=say.source)
        if sum(len(attachment.data) for attachment in kept) > inbound.FILES_TOTAL:
            most = inbound.FILES_TOTAL // 2**20
            raise BadFrame(f"The files are larger than {most} MB together.", source=say.source)
        return kept

    def _complete(self, question: Complete) -> None:
        values: Sequence[str] = ()
        if self._room is not None:
            words = (question.command, question.option, question.typed)
            values = self._chat.handler.complete(_channel(self._room), *words)
        self.send(encode({"type": "completed", "id": question.id, "values": list(values)}))

    def _refuse(self, source: str, text: str) -> None:
        self.send(encode({"type": "refused", "source": source, "text": text}))


def _channel(room: Room) -> Channel:
    return Channel(inbound.PLATFORM, "", room.name)


def _described(command: Command) -> Json:
    """A command as the page needs it to offer it; ``free`` is the option that needs no name."""
    free = _first_text(command)
    options = [
        {
            "name": option.name,
            "description": option.description,
            "choices": option.choices,
            "completes": option.complete is not None,
            "free": option is free,
        }
        for option in command.options
        if not option.is_attached
    ]
    return {"name": command.name, "description": command.description, "options": options}


def _first_text(command: Command) -> Option | None:
    return next((option for option in command.options if option.kind is Kind.TEXT), None)
