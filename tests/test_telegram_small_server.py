"""The adapter, and the whole program, at a Bot API server that knows hardly any method."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.telegram import Telegram
from bot.config import TelegramSettings
from bot.interfaces import Surface
from bot.types import Action, Page, Request
from tests.programs import running
from tests.simulators.gateway import FaultyGateway
from tests.telegram_harbour import GREEN, NAVY, Answering, serving, shows

TOKEN = "123456:BBBB-small-server-token"
ALICE = {"id": 7, "is_bot": False, "first_name": "Alice"}
GROUP = {"id": -70, "type": "group", "title": "Harbour"}
PRIVATE = {"id": 7, "type": "private", "first_name": "Alice"}

Json = dict[str, Any]


@dataclass
class Small:
    """getMe, getUpdates, sendMessage, editMessageText, sendPhoto, getFile, and 404 for the rest.

    ``messages`` are the bot's, by id. ``refusal`` is how it says 404: in "json" as Telegram does,
    as plain "text", or with "status 200" around the JSON.
    """

    refusal: str = "json"
    url: str = ""
    asked_for: list[str] = field(default_factory=list)
    messages: dict[int, Json] = field(default_factory=dict)
    _updates: list[Json] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _ids: int = 100

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Small]:
        app = web.Application()
        app.router.add_post(f"/bot{TOKEN}/{{method}}", self._call)
        app.router.add_get(f"/file/bot{TOKEN}/photo.png", self._file)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    # --- for the tests ---

    async def say(self, text: str = "", chat: Json = PRIVATE, **more: Any) -> None:
        said = {"message_id": self._next(), "date": 1, "chat": chat, "from": ALICE, **more}
        await self._deliver(message={**said, "text": text} if text else said)

    async def press(self, message_id: int, line: str) -> None:
        message = {"message_id": message_id, "date": 1, "chat": PRIVATE, "text": "?"}
        press = {"id": "1", "from": ALICE, "chat_instance": "1", "data": line, "message": message}
        await self._deliver(callback_query=press)

    async def shown(self, words: str) -> Json:
        """The first message with these words in its text or caption."""
        async with asyncio.timeout(10), self._changed:
            while True:
                for message in self.messages.values():
                    if words in message.get("text", "") + message.get("caption", ""):
                        return message
                await self._changed.wait()

    async def photos(self, count: int) -> list[Json]:
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(lambda: len(self._photos) >= count)
        return self._photos

    @property
    def _photos(self) -> list[Json]:
        return [message for message in self.messages.values() if "sent" in message]

    # --- the server ---

    async def _call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        self.asked_for.append(method)
        given = dict(await request.post())
        match method:
            case "getMe":
                result: Any = {"id": 1, "is_bot": True, "first_name": "S", "username": "small_bot"}
            case "getUpdates":
                result = await self._waiting(int(str(given.get("offset", 0))))
            case "sendMessage":
                result = await self._show(self._next(), {"text": given["text"]}, given)
            case "editMessageText":
                number = int(str(given["message_id"]))
                result = await self._show(number, {"text": given["text"]}, given)
            case "sendPhoto":
                result = await self._show(self._next(), _photo(given), given)
            case "getFile":
                result = {"file_id": "f", "file_unique_id": "f", "file_path": "photo.png"}
            case _:
                return self._not_found()
        return web.json_response({"ok": True, "result": result})

    def _not_found(self) -> web.Response:
        if self.refusal == "text":
            return web.Response(status=404, text="404: Not Found")
        answer = {"ok": False, "error_code": 404, "description": "Not Found"}
        return web.json_response(answer, status=200 if self.refusal == "status 200" else 404)

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=NAVY.data)

    async def _waiting(self, offset: int) -> list[Json]:
        self._updates = [one for one in self._updates if one["update_id"] >= offset]
        async with self._changed:
            try:
                async with asyncio.timeout(1):
                    await self._changed.wait_for(lambda: self._updates)
            except TimeoutError:
                return []
        return self._updates

    async def _show(self, number: int, content: Json, given: Json) -> Json:
        chat = {"id": int(given["chat_id"]), "type": "private"}
        buttons = given.get("reply_markup", "")
        async with self._changed:
            shown = {"message_id": number, "date": 1, "chat": chat, **content}
            self.messages[number] = {**shown, "buttons": buttons}
            self._changed.notify_all()
        return {name: value for name, value in shown.items() if name != "sent"}

    async def _deliver(self, **update: Json) -> None:
        async with self._changed:
            self._updates.append({"update_id": self._next(), **update})
            self._changed.notify_all()

    def _next(self) -> int:
        self._ids += 1
        return self._ids


def _photo(given: Json) -> Json:
    sent = given["photo"].file.read()
    size = {"file_id": "f", "file_unique_id": "f", "width": 40, "height": 30}
    return {"sent": sent, "photo": [size], "caption": given.get("caption", "")}


@pytest.fixture(params=["json", "text", "status 200"])
async def small(request: pytest.FixtureRequest) -> AsyncIterator[Small]:
    """A small server, in each of the ways in which such servers say no."""
    async with Small(request.param).running() as small:
        yield small


@pytest.fixture
async def handler(small: Small) -> AsyncIterator[Answering]:
    settings = TelegramSettings.model_validate({"token": TOKEN, "api_url": small.url})
    handler = Answering()
    async with serving(Telegram(settings), handler):
        yield handler


async def test_a_question_is_answered(
    small: Small, handler: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "switchboard.telegram")
    handler.answer = shows(Page(0, "The"), Page(0, "The tide"), Page(0, "The tide.", final=True))

    await small.say("How is the tide?")
    await small.shown("The tide.")

    assert len(small.messages) == 1
    warnings = [record.message for record in caplog.records if record.levelno > logging.INFO]
    assert len(warnings) == 1
    assert warnings[0].startswith("the menu of commands could not be set: ")
    assert "logged in as @small_bot" in caplog.text


async def test_a_question_in_a_group_is_answered_although_nobody_knows_its_admins(
    small: Small, handler: Answering
) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        while not {"sendChatAction", "getChatAdministrators"} <= set(small.asked_for):
            await asyncio.sleep(0.01)
        await surface.show(Page(0, "done", final=True))

    handler.answer = answer
    await small.say("/ask one", GROUP)
    await small.shown("done")

    assert not (await handler.request()).user.moderator


async def test_a_button_works_although_it_cannot_be_acknowledged(
    small: Small, handler: Answering
) -> None:
    async def answer(request: Request, surface: Surface) -> None:
        while "answerCallbackQuery" not in small.asked_for:
            await asyncio.sleep(0.01)
        await surface.show(Page(0, "done", final=True))

    handler.answer = answer
    await small.press(5, "/model gpt-5")
    await small.shown("done")

    assert (await handler.request()).command == "model"


async def test_a_picture_is_read(small: Small, handler: Answering) -> None:
    size = {"file_id": "f", "file_unique_id": "f", "width": 40, "height": 30}
    await small.say(caption="what is this?", photo=[size])

    (image,) = (await handler.request()).attachments
    assert image.data == NAVY.data


async def test_a_picture_is_posted(small: Small, handler: Answering) -> None:
    handler.answer = shows(Page(0, "A cat", [NAVY], [Action("Retry", "/retry")], final=True))

    await small.say("/image a cat")
    (photo,) = await small.photos(1)

    assert (photo["sent"], photo["caption"]) == (NAVY.data, "A cat")
    assert json.loads(photo["buttons"])["inline_keyboard"][0][0]["callback_data"] == "/retry"
    assert len(small.messages) == 1


async def test_two_pictures_are_posted(small: Small, handler: Answering) -> None:
    handler.answer = shows(Page(0, "Cats", [NAVY, GREEN], final=True))

    await small.say("/image cats")
    photos = await small.photos(2)

    assert [(photo["sent"], photo["caption"]) for photo in photos] == [
        (NAVY.data, "Cats"),
        (GREEN.data, ""),
    ]
    assert len(small.messages) == 2


async def test_pictures_that_had_to_wait_follow_the_text_that_said_so(
    small: Small, handler: Answering
) -> None:
    handler.answer = shows(Page(0, "Waiting …"), Page(0, "Cats", [NAVY, GREEN], final=True))

    await small.say("/image cats")
    photos = await small.photos(2)

    assert [message.get("text", "") for message in small.messages.values()] == ["Cats", "", ""]
    assert [(photo["sent"], photo["caption"]) for photo in photos] == [
        (NAVY.data, ""),
        (GREEN.data, ""),
    ]


async def test_the_whole_program_serves_there(tmp_path: Path) -> None:
    async with Small().running() as small, FaultyGateway() as gateway:
        gateway.say(["The tide ", "is high."])
        settings = {
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_API_URL": small.url,
            "GATEWAY_API_KEY": "sk-x",
            "GATEWAY_BASE_URL": gateway.url,
        }
        async with running("run", folder=tmp_path, settings=settings) as bot:
            await bot.wait_for("logged in as @small_bot")
            await small.say("How is the tide?")
            await small.shown("The tide is high.")
            await small.say("/image a red fox")
            await small.photos(1)
            await small.say("/image a blue fox --count 2")
            captions = [photo["caption"] for photo in await small.photos(3)]
            assert await bot.stop() == 0

    assert captions[0].startswith("a red fox")
    assert captions[1].startswith("a blue fox")
    assert captions[2] == ""
    assert not any("Traceback" in line for line in bot.lines)
