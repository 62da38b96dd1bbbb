"""Words of others on their way to a screen and a disk: no orders, no forgeries, no paths."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from rich.console import Console

from adapters.terminal import TerminalSurface
from bot import logs
from bot.types import Action, Attachment, File, Image, Page
from tests.programs import run
from tests.simulators.gateway import FaultyGateway
from tests.simulators.gateway_faults import PNG, Answer
from tests.town import town
from tests.web_chat import Answerer, png, serving

FORGED = "x\n12:00:00 INFO    switchboard: all is well\r\x1b[2J\x1b]0;owned\x07\u2028\x9b31m"


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], root.level = before[0], before[1]


def test_nothing_that_is_logged_poses_as_an_entry_or_moves_the_cursor(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up("console", "INFO", [])

    try:
        raise ValueError(FORGED)
    except ValueError:
        logging.getLogger("switchboard").exception("said %s", FORGED)

    printed = capsys.readouterr().err
    assert len([line for line in printed.splitlines() if not line.startswith("    ")]) == 1
    assert all(one.isprintable() or one == "\n" for one in printed)
    assert "\\x1b[2J" in printed, "but it can be read"


def test_a_line_of_json_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json", "INFO", [])

    logging.getLogger("switchboard").info("said %s", FORGED)

    (line,) = capsys.readouterr().err.strip().split("\n")
    assert json.loads(line)["message"] == f"said {FORGED}"
    assert "\x1b" not in line


async def test_a_gateways_error_forges_no_entry_in_the_log(tmp_path: Path) -> None:
    async with FaultyGateway() as gateway:
        gateway.inject(Answer.error(400, FORGED))
        settings = {
            "GATEWAY_BASE_URL": gateway.url,
            "GATEWAY_CHAT_MODEL": "m",
            "LOG_LEVEL": "DEBUG",
        }

        done = await run("chat", folder=tmp_path, typed="hello\n", settings=settings)

    assert "all is well" in done.errors
    assert not [line for line in done.errors.splitlines() if line.startswith("12:00:00 INFO ")]
    assert "\x1b" not in done.errors + done.output


async def test_an_answer_gives_no_orders_to_the_terminal(tmp_path: Path) -> None:
    orders = "\x1b]52;c;b3duZWQ=\x07 \x1b]0;owned\x07 \x1b[2J \x9b2J \x1b[6n `\x1b[5m`"
    for force in (True, False):
        out = io.StringIO()
        console = Console(file=out, force_terminal=force, width=80)
        with TerminalSurface(console, tmp_path) as surface:
            await surface.show(Page(0, f"hello {orders}"))
            actions = [Action("x", f"/model {orders}")]
            await surface.show(Page(0, f"hello {orders}", actions=actions, final=True))

        printed = out.getvalue()
        assert "hello" in printed
        for order in ("\x1b]", "\x07", "\x1b[2J", "\x9b", "\x1b[6n", "\x1b[5m"):
            assert order not in printed


NAMES = (
    "../../evil.sh",
    "/etc/cron.d/evil",
    "..",
    ".",
    "",
    "a/../../b.png",
    "~/.bashrc",
    "x\\y.png",
)


@pytest.mark.parametrize("name", NAMES)
async def test_a_file_is_saved_in_its_folder_whatever_it_is_called(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "deep" / "pictures"
    surface = TerminalSurface(Console(file=io.StringIO()), folder)

    media: list[Attachment] = [File(b"evil", "text/x-sh", name), Image(PNG, "image/png", name)]
    await surface.show(Page(0, "", media=media, final=True))

    saved = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(saved) == 2
    assert {path.parent for path in saved} == {folder}


@pytest.mark.parametrize("name", [*NAMES, 'a"; filename=evil.exe\r\nSet-Cookie: a=b', "\0.png"])
async def test_a_name_of_an_upload_is_a_name_and_no_header(name: str) -> None:
    async with serving(Answerer()) as web, aiohttp.ClientSession() as session:
        upload = session.post(
            f"{web.address}/media",
            params={"name": name},
            data=png(),
            headers={"Origin": web.address},
        )
        async with upload as response:
            media: dict[str, Any] = await response.json()
        async with session.get(f"{web.address}/media/{media['id']}") as response:
            headers = response.headers

    assert headers["Content-Disposition"].startswith("inline; filename*=UTF-8''")
    assert not set('/\\"\r\n; ') & set(headers["Content-Disposition"].partition("''")[2])
    assert "Set-Cookie" not in headers


async def test_a_picture_from_telegram_is_never_read_from_our_own_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # python-telegram-bot opens a file of the path that the server names, where there is one.
    (tmp_path / "documents").mkdir()
    for number in range(100):
        (tmp_path / f"documents/file_{number:06d}.png").write_bytes(PNG + b"ours alone")
    monkeypatch.chdir(tmp_path)

    async with town(tmp_path) as place:
        telegram = place.telegram
        chat = telegram.add_private_chat(telegram.add_user("Eve"))
        await telegram.say(chat, chat, "What is this?", document=("../cat.png", PNG))
        await telegram.until(lambda: place.asked)

        ((_, asked),) = place.asked
    pictures = [part["image_url"]["url"] for part in asked["content"] if "image_url" in part]
    assert pictures == ["data:image/png;base64," + base64.b64encode(PNG).decode()]
