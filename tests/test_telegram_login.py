"""Logging in to Telegram, and what an operator reads where that fails."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bot.errors import AdapterError, SwitchboardError, Unreachable
from tests.telegram_harbour import Harbour, community, serving

WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)
Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def quiet() -> AsyncIterator[Harbour]:
    """The community without its bot."""
    async with community() as harbour:
        yield harbour


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address that refuses every connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@asynccontextmanager
async def something_else(respond: Respond) -> AsyncIterator[str]:
    """The address of a server that answers every request like this."""
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", respond)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def complaint(quiet: Harbour, api_url: str) -> SwitchboardError:
    """What a check of this address ends with; every notice is fit for an operator."""
    with pytest.raises((AdapterError, Unreachable)) as caught:
        await quiet.new_adapter(api_url=api_url).check()
    for sentence in (caught.value.notice, str(caught.value)):
        assert "TELEGRAM_TOKEN" in sentence or "TELEGRAM_API_URL" in sentence
        assert quiet.telegram.token.partition(":")[2] not in sentence
        assert "\n" not in sentence
    return caught.value


# --- what to do where logging in fails ---


async def test_where_nobody_answers_it_says_what_to_check(quiet: Harbour, nobody: str) -> None:
    error = await complaint(quiet, nobody)

    assert error.notice == (f"Nobody answers at {nobody}; check TELEGRAM_API_URL and the network.")
    assert isinstance(error, Unreachable)


async def test_the_start_says_the_same_in_the_log_and_goes_on(
    quiet: Harbour, nobody: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(quiet.new_adapter(api_url=nobody), quiet.handler) as task:
        async with asyncio.timeout(5):
            while caplog.text.count("trying again") < 2:
                await asyncio.sleep(0.01)
        assert not task.done()

    assert f"logging in: Nobody answers at {nobody}; check TELEGRAM_API_URL" in caplog.text


async def test_https_where_the_server_speaks_http_is_named(quiet: Harbour) -> None:
    address = quiet.telegram.api_url.replace("http:", "https:")

    assert f"no secure connection to {address};" in (await complaint(quiet, address)).notice


async def page(request: web.Request) -> web.Response:
    return web.Response(text="<h1>It works!</h1>", content_type="text/html")


async def lost_page(request: web.Request) -> web.Response:
    raise web.HTTPNotFound


async def foreign_json(request: web.Request) -> web.Response:
    return web.json_response([{"detail": "hello"}])


async def foreign_refusal(request: web.Request) -> web.Response:
    return web.json_response({"error": "unauthorized"}, status=401)


async def success_without_result(request: web.Request) -> web.Response:
    return web.json_response({"ok": True})


@pytest.mark.parametrize(
    "respond", [page, lost_page, foreign_json, foreign_refusal, success_without_result]
)
async def test_a_server_that_is_no_bot_api_is_named(quiet: Harbour, respond: Respond) -> None:
    async with something_else(respond) as address:
        error = await complaint(quiet, address)

    assert error.notice == f"What answers at {address} is no Bot API; check TELEGRAM_API_URL."
    assert isinstance(error, Unreachable)


@pytest.mark.parametrize("description", ["", "Internal Server Error"])
async def test_a_server_in_trouble_is_named(quiet: Harbour, description: str) -> None:
    quiet.telegram.fail("getMe", status=502, description=description)

    error = await complaint(quiet, quiet.telegram.api_url)

    assert f"The Bot API at {quiet.telegram.api_url} is out of order" in error.notice


async def test_a_broken_connection_is_named(quiet: Harbour) -> None:
    quiet.telegram.fail("getMe", reset=True)

    assert "breaks off the connection" in (await complaint(quiet, quiet.telegram.api_url)).notice


async def test_a_penalty_for_logging_in_is_named(quiet: Harbour) -> None:
    quiet.telegram.fail("getMe", retry_after=7)

    assert "wait 7 seconds" in (await complaint(quiet, quiet.telegram.api_url)).notice


@pytest.mark.parametrize("status", [401, 404])
async def test_a_token_that_nobody_knows_is_named_with_the_address(
    quiet: Harbour, status: int
) -> None:
    quiet.telegram.fail("getMe", status=status)

    error = await complaint(quiet, quiet.telegram.api_url)

    assert isinstance(error, AdapterError)
    assert f"at {quiet.telegram.api_url} does not accept TELEGRAM_TOKEN" in error.notice


async def test_a_token_in_the_address_is_not_shown(quiet: Harbour, nobody: str) -> None:
    notice = (await complaint(quiet, f"{nobody}/bot{quiet.telegram.token}")).notice

    assert f"Nobody answers at {nobody}/bot********;" in notice


# --- once it has worked ---


async def test_a_webhook_that_another_program_left_is_removed_when_it_is_in_the_way(
    quiet: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "switchboard.telegram")
    quiet.telegram.fail("getUpdates", status=409, description=WEBHOOK)

    async with serving(quiet.adapter, quiet.handler):
        await quiet.telegram.say(quiet.private, quiet.alice, "hello")
        await quiet.says("done")

    assert quiet.count("deleteWebhook") == 1
    assert "removed the webhook" in caplog.text
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


async def test_no_webhook_is_looked_for(quiet: Harbour) -> None:
    async with serving(quiet.adapter, quiet.handler):
        await quiet.telegram.say(quiet.private, quiet.alice, "hello")
        await quiet.says("done")

    assert {"getWebhookInfo", "deleteWebhook"}.isdisjoint(
        call.method for call in quiet.telegram.calls
    )


async def test_a_webhook_that_cannot_be_removed_is_tried_again(
    quiet: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    quiet.telegram.fail("getUpdates", status=409, description=WEBHOOK, times=2)
    quiet.telegram.fail("deleteWebhook", status=404, description="Not Found")

    async with serving(quiet.adapter, quiet.handler):
        await quiet.telegram.say(quiet.private, quiet.alice, "hello")
        await quiet.says("done")

    assert "the webhook cannot be removed: Not Found" in caplog.text
    assert "polling: Conflict: can't use getUpdates" in caplog.text


async def test_another_program_that_polls_costs_no_webhook(quiet: Harbour) -> None:
    other = "Conflict: terminated by other getUpdates request"
    quiet.telegram.fail("getUpdates", status=409, description=other)

    async with serving(quiet.adapter, quiet.handler):
        await quiet.telegram.say(quiet.private, quiet.alice, "hello")
        await quiet.says("done")

    assert quiet.count("deleteWebhook") == 0


async def test_a_404_is_no_wrong_token_once_it_has_logged_in(
    quiet: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    quiet.telegram.fail("getUpdates", status=404, description="Not Found")

    async with serving(quiet.adapter, quiet.handler):
        await quiet.telegram.say(quiet.private, quiet.alice, "hello")
        await quiet.says("done")

    assert "polling: Not Found; trying again in 0.2 s" in caplog.text


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_menu_that_is_refused_is_one_line_in_the_log(
    quiet: Harbour, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    quiet.telegram.fail("setMyCommands", status=status, description="no", times=None)

    async with serving(quiet.adapter, quiet.handler):
        await quiet.telegram.say(quiet.private, quiet.alice, "hello")
        await quiet.says("done")

    lines = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert lines == ["the menu of commands could not be set: no"]
    assert quiet.count("setMyCommands") == 1


async def test_a_menu_is_set_after_a_short_trouble_without_a_word(
    quiet: Harbour, caplog: pytest.LogCaptureFixture
) -> None:
    quiet.telegram.fail("setMyCommands", status=502)

    async with serving(quiet.adapter, quiet.handler):
        async with asyncio.timeout(5):
            await quiet.telegram.until(lambda: quiet.telegram.commands)

    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
