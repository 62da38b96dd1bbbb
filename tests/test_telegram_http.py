"""Calls to the Bot API over our own session: what goes out, what comes back, and what an error is
worth. Where both must agree, the library's own ``HTTPXRequest`` is the judge."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from telegram import Bot, InputFile, InputMediaPhoto, MessageEntity
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, HTTPXRequest, RequestData
from telegram.request._requestparameter import RequestParameter

from adapters.telegram.api import Api
from adapters.telegram.failures import NotSecure, NotSent, Unanswered, surely_did_not_arrive
from adapters.telegram.http import AiohttpRequest, proxy_for
from tests.simulators.telegram import TelegramSimulator
from tests.telegram_harbour import GREEN, NAVY

TOKEN = "123456:CCCC-secret-of-the-line"
BODY = b'{"ok":true,"result":true}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
HEAVY = bytes(8 * 2**20)  # more than all the buffers on the way hold

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


def parameters(**given: object) -> RequestData:
    return RequestData([RequestParameter.from_input(name, value) for name, value in given.items()])


HELLO = parameters(chat_id=5, text="hello")
UPLOAD = parameters(chat_id=5, document=InputFile(HEAVY, filename="heavy.bin"))


async def post(request: BaseRequest, url: str, data: RequestData = HELLO) -> tuple[int, bytes]:
    async with asyncio.timeout(5):
        return await request.do_request(f"{url}/bot{TOKEN}/sendMessage", "POST", data)


async def trouble(request: BaseRequest, url: str, data: RequestData = HELLO) -> NetworkError:
    """The error of a call. Neither it nor anything behind it tells the token."""
    with pytest.raises(NetworkError) as caught:
        await post(request, url, data)
    chain: list[BaseException | None] = [caught.value]
    for error in chain:
        if error is not None:
            assert TOKEN.partition(":")[2] not in f"{error} {error!r}"
            chain += [error.__cause__, error.__context__]
    return caught.value


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """The address of a server that treats every connection like this."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def application(respond: Respond) -> AsyncIterator[str]:
    """The address of a web server that answers every request like this."""
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", respond)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def read_request(reader: asyncio.StreamReader) -> None:
    """Read one request, head and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    lengths = [line for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    await reader.readexactly(int(lengths[0].partition(b":")[2]))


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read a request and never answer."""
    await read_request(reader)
    await reader.read()


# --- what goes out ---


async def everything(bot: Bot, chat: int, album: Sequence[InputMediaPhoto]) -> None:
    """A call of each kind."""
    text = 'Größe & Gewicht = 100 %\n+1 😀 \\ "so" ?a;b'
    sent = await bot.send_message(chat, text, entities=[MessageEntity("bold", 0, 5)])
    await bot.edit_message_text("new", chat, sent.message_id)
    await bot.send_media_group(chat, album)
    document = (await bot.send_document(chat, NAVY.data, caption=text, filename="a.png")).document
    assert document is not None
    file = await bot.get_file(document.file_id)
    assert await file.download_as_bytearray() == NAVY.data
    await bot.set_my_commands([("ask", "Ask the model")])


async def test_the_bot_api_hears_the_same_as_from_the_library_itself() -> None:
    album = [InputMediaPhoto(one.data, caption="1 & 2", filename="1.png") for one in (NAVY, GREEN)]
    heard = []
    for request in (HTTPXRequest(), AiohttpRequest(TOKEN)):
        async with TelegramSimulator() as telegram:
            telegram.limits.off()
            chat = telegram.add_private_chat(telegram.add_user("Alice"))
            url, token = telegram.api_url, telegram.token
            async with Bot(token, f"{url}/bot", f"{url}/file/bot", request, request) as bot:
                await everything(bot, chat, album)
            heard.append([(one.method, one.parameters, one.files) for one in telegram.received])

    assert heard[0] == heard[1]
    assert len(heard[0]) == 7


@pytest.mark.parametrize("name", ["plan.pdf", "Größe 1.pdf", "100 % + 1.pdf"])
async def test_a_file_keeps_its_name_and_kind(name: str) -> None:
    seen = []

    async def respond(request: web.Request) -> web.Response:
        file = (await request.post())["document"]
        assert isinstance(file, web.FileField)
        seen.append((file.filename, file.content_type, file.file.read()))
        return web.Response(body=BODY)

    async with application(respond) as url, AiohttpRequest(TOKEN) as request:
        data = parameters(chat_id=5, document=InputFile(b"%PDF", filename=name))
        assert await post(request, url, data) == (200, BODY)

    assert seen == [(name, "application/pdf", b"%PDF")]


async def test_the_address_with_the_token_goes_nowhere_else() -> None:
    asked = []

    async def respond(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere", "Set-Cookie": "a=b"})

    async with application(respond) as url, AiohttpRequest(TOKEN) as request:
        assert (await post(request, url))[0] == 307

    assert asked == [f"/bot{TOKEN}/sendMessage"]


async def test_no_cookie_is_sent_back() -> None:
    cookies = []

    async def respond(request: web.Request) -> web.Response:
        cookies.append(dict(request.cookies))
        return web.Response(body=BODY, headers={"Set-Cookie": "a=b; Path=/"})

    async with application(respond) as url, AiohttpRequest(TOKEN) as request:
        for _ in range(2):  # by name: no jar keeps cookies of a bare address
            await post(request, url.replace("127.0.0.1", "localhost"))

    assert cookies == [{}, {}]


async def test_calls_share_a_connection() -> None:
    opened = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while True:
            await read_request(reader)
            writer.write(ANSWER)

    async with serving(serve) as url, AiohttpRequest(TOKEN) as request:
        for _ in range(5):
            assert await post(request, url) == (200, BODY)

    assert opened == 1


async def test_a_call_that_is_abandoned_hangs_up() -> None:
    asked, hung_up = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        asked.set()
        await reader.read()
        hung_up.set()

    async with serving(serve) as url, AiohttpRequest(TOKEN) as request:
        calling = asyncio.create_task(post(request, url))
        async with asyncio.timeout(5):
            await asked.wait()
            calling.cancel()
            await hung_up.wait()


async def test_it_works_again_when_it_is_opened_again() -> None:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(body=BODY)

    async with application(respond) as url:
        request = AiohttpRequest(TOKEN)
        for _ in range(2):
            async with request:
                assert await post(request, url) == (200, BODY)
        with pytest.raises(RuntimeError):
            await post(request, url)


async def test_a_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def respond(request: web.Request) -> web.Response:
        asked.append(request.headers["Host"])
        return web.Response(body=BODY)

    async with application(respond) as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", "localhost")
        assert proxy_for("http://localhost:81") is None
        async with AiohttpRequest(TOKEN, proxy=proxy_for("http://api.example")) as request:
            assert await post(request, "http://api.example") == (200, BODY)

    assert asked == ["api.example"]


@pytest.mark.parametrize(
    ("named", "used"),
    [("127.0.0.1:3128", "http://127.0.0.1:3128"), ("socks5://127.0.0.1:1080", None)],
)
def test_a_proxy_is_one_that_speaks_http(
    named: str, used: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", named)

    assert proxy_for("https://api.example") == used


# --- what surely did not arrive ---


async def test_a_refused_connection_has_no_effect() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with AiohttpRequest(TOKEN) as request:
            error = await trouble(request, url)

    assert isinstance(error.__cause__, NotSent)
    assert surely_did_not_arrive(error)


@pytest.mark.parametrize("scheme", ["https", "ftp"])
async def test_a_call_for_another_protocol_has_no_effect(scheme: str) -> None:
    async with serving(never) as url, AiohttpRequest(TOKEN, connect_timeout=0.1) as request:
        error = await trouble(request, url.replace("http", scheme))

    assert surely_did_not_arrive(error)


async def test_a_server_without_tls_is_told_apart() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    async with serving(serve) as url, AiohttpRequest(TOKEN) as request:
        error = await trouble(request, url.replace("http", "https"))

    assert isinstance(error.__cause__, NotSecure)
    assert surely_did_not_arrive(error)


async def test_waiting_for_a_connection_has_an_end_and_no_effect() -> None:
    async with (
        serving(never) as url,
        AiohttpRequest(TOKEN, connections=1, pool_timeout=0.05) as request,
    ):
        first = asyncio.create_task(post(request, url))
        await asyncio.sleep(0)
        error = await trouble(request, url)
        first.cancel()

    assert isinstance(error, TimedOut)
    assert surely_did_not_arrive(error)
    assert "all connections are in use" in str(error)


async def test_a_connection_becomes_free_with_the_call_before() -> None:
    async def respond(request: web.Request) -> web.Response:
        return web.Response(body=BODY)

    async with application(respond) as url, AiohttpRequest(TOKEN, connections=1) as request:
        answers = await asyncio.gather(*[post(request, url) for _ in range(5)])

    assert answers == [(200, BODY)] * 5


async def test_an_upload_that_breaks_off_half_way_has_no_effect() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(2**20)

    async with serving(serve) as url, AiohttpRequest(TOKEN) as request:
        error = await trouble(request, url, UPLOAD)

    assert not isinstance(error, TimedOut)
    assert surely_did_not_arrive(error)


async def test_an_upload_that_does_not_move_on_has_an_end_and_no_effect() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(serve) as url, AiohttpRequest(TOKEN, write_timeout=0.1) as request:
        error = await trouble(request, url, UPLOAD)

    assert isinstance(error, TimedOut)
    assert surely_did_not_arrive(error)
    assert "does not move on" in str(error)


async def test_a_slow_upload_may_take_its_time() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Content-Length: 83" in head
        left = len(HEAVY)
        while left > 0:
            left -= len(await reader.read(2**18))
            await asyncio.sleep(0.01)  # a slow road
        writer.write(ANSWER)
        await reader.read()

    async with serving(serve) as url, AiohttpRequest(TOKEN, write_timeout=0.15) as request:
        started = asyncio.get_running_loop().time()
        assert await post(request, url, UPLOAD) == (200, BODY)
        assert asyncio.get_running_loop().time() - started > 0.15


# --- what may have arrived ---


async def test_a_call_without_an_answer_is_in_doubt() -> None:
    async with serving(never) as url, AiohttpRequest(TOKEN, read_timeout=0.05) as request:
        error = await trouble(request, url)

    assert isinstance(error, TimedOut)
    assert isinstance(error.__cause__, Unanswered)
    assert not surely_did_not_arrive(error)


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", ANSWER[:20], ANSWER[:-5]], ids=len
)
async def test_a_call_whose_answer_breaks_off_is_in_doubt(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with serving(serve) as url, AiohttpRequest(TOKEN) as request:
        error = await trouble(request, url)

    assert not isinstance(error, TimedOut)
    assert isinstance(error.__cause__, Unanswered)
    assert not surely_did_not_arrive(error)


async def test_a_call_on_a_kept_connection_is_in_doubt_where_the_server_hangs_up_on_it() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(ANSWER)
        await read_request(reader)

    async with serving(serve) as url, AiohttpRequest(TOKEN) as request:
        assert await post(request, url) == (200, BODY)
        error = await trouble(request, url)

    assert not surely_did_not_arrive(error)


async def test_a_kept_connection_that_the_server_has_closed_is_not_used() -> None:
    noticed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(ANSWER)
        writer.write_eof()
        assert await reader.read() == b""  # they have closed it too
        noticed.set()

    async with serving(serve) as url, AiohttpRequest(TOKEN) as request:
        for _ in range(3):
            assert await post(request, url) == (200, BODY)
            async with asyncio.timeout(5):
                await noticed.wait()
            noticed.clear()


# --- limits ---


async def test_none_is_no_limit_and_nothing_is_the_usual_one() -> None:
    async def respond(request: web.Request) -> web.Response:
        await asyncio.sleep(0.2)  # longer than the usual limit
        return web.Response(body=BODY)

    async with application(respond) as url, AiohttpRequest(TOKEN, read_timeout=0.05) as request:
        assert request.read_timeout == 0.05
        assert isinstance(await trouble(request, url), TimedOut)
        address = f"{url}/bot{TOKEN}/getMe"
        assert (await request.do_request(address, "POST", read_timeout=None))[0] == 200
        assert (await request.do_request(address, "POST", read_timeout=1))[0] == 200


async def test_errors_have_the_kinds_that_the_library_gives_them() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)

    kinds = []
    for request in (
        HTTPXRequest(read_timeout=0.05, connect_timeout=0.1),
        AiohttpRequest(TOKEN, read_timeout=0.05, connect_timeout=0.1),
    ):
        async with serving(hang_up) as cut, serving(never) as silent, request:
            refused = "http://127.0.0.1:1"
            tls = silent.replace("http", "https")
            errors = [await trouble(request, url) for url in (cut, silent, refused, tls)]
        kinds.append([type(error) for error in errors])

    assert kinds[0] == kinds[1] == [NetworkError, TimedOut, NetworkError, TimedOut]


# --- the Bot API through it ---


async def test_an_edit_succeeds_whatever_message_comes_back() -> None:
    async def respond(request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "result": {"who": "knows"}})

    async with application(respond) as url:
        api = Api(TOKEN, url)
        edited: Any = await api.edit_message_text("new", 5, 7)
        await api.disconnect()

    assert edited is True
