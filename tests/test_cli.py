"""The program as a person runs it: in a process of its own, in an empty folder."""

import json
import signal
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.gateway.offline import OfflineGateway
from tests.programs import run, running


def gateway_at(url: str) -> dict[str, str]:
    return {
        "GATEWAY_BASE_URL": url,
        "GATEWAY_API_KEY": "sk-secret-key",
        "GATEWAY_CHAT_MODEL": "demo-chat",
        "GATEWAY_IMAGE_MODEL": "demo-image",
    }


async def test_lines_from_a_pipe_are_answered_one_after_the_other(tmp_path: Path) -> None:
    done = await run(
        "chat", "--offline", folder=tmp_path, typed="/ask hello\n/image a red fox\n/model\n"
    )

    assert done.status == 0, done.errors
    assert "offline demo model" in done.output
    assert "Saved pictures/picture-1.jpg" in done.output
    assert "**Chat:** `demo-chat`" in done.output
    assert (tmp_path / "pictures" / "picture-1.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    assert done.errors == ""


async def test_a_line_that_fails_makes_the_exit_status_1_and_the_others_still_run(
    tmp_path: Path,
) -> None:
    done = await run("chat", "--offline", folder=tmp_path, typed="/imagine x\n/help\n")

    assert done.status == 1
    assert "Did you mean /image?" in done.output
    assert "What I can do" in done.output


async def test_what_was_said_is_still_known_in_the_next_run(tmp_path: Path) -> None:
    await run("chat", "--offline", folder=tmp_path, typed="my boat is called Alma\n")

    done = await run("chat", "--offline", folder=tmp_path, typed="what did I say?\n")

    assert "Alma" in done.output


async def test_a_picture_from_a_file_travels_with_the_line(tmp_path: Path) -> None:
    await run("chat", "--offline", folder=tmp_path, typed="/image a red fox\n")

    changed = await run(
        "chat",
        "--offline",
        folder=tmp_path,
        typed="/image make it night --image pictures/picture-1.jpg\n/image x --image none.png\n",
    )

    assert "Saved pictures/picture-2.jpg" in changed.output
    assert "none.png cannot be read" in changed.output


async def test_running_without_any_setting_lists_what_is_missing(tmp_path: Path) -> None:
    done = await run("run", folder=tmp_path)

    assert done.status == 2
    assert "DISCORD_TOKEN" in done.errors
    assert "GATEWAY_API_KEY" in done.errors
    assert "Traceback" not in done.errors


async def test_a_database_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    settings = {
        **gateway_at("http://127.0.0.1:9"),
        "WEB_PORT": "0",
        "STORAGE_URL": "sqlite:////proc/nowhere/bot.db",
    }

    done = await run("run", folder=tmp_path, settings=settings)

    assert done.status == 1
    assert "STORAGE_URL" in done.errors
    assert "Traceback" not in done.errors


async def test_a_gateway_that_is_down_is_a_notice_in_the_chat(tmp_path: Path) -> None:
    done = await run(
        "chat", folder=tmp_path, typed="hello\n", settings=gateway_at("http://127.0.0.1:9")
    )

    assert done.status == 1
    assert "cannot be reached" in done.output
    assert "Traceback" not in done.errors


async def test_a_gateway_that_answers_with_a_web_page_is_a_notice_too(tmp_path: Path) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>Welcome</html>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    async with TestServer(app) as server:
        done = await run(
            "chat", folder=tmp_path, typed="hello\n", settings=gateway_at(str(server.make_url("")))
        )

    assert done.status == 1
    assert "GATEWAY_BASE_URL" in done.output


async def test_a_wrong_key_is_a_notice_that_does_not_show_it(tmp_path: Path) -> None:
    async with OfflineGateway(keys={"another"}) as gateway:
        done = await run("chat", folder=tmp_path, typed="hello\n", settings=gateway_at(gateway.url))

    assert done.status == 1
    assert "GATEWAY_API_KEY" in done.output
    assert "sk-secret-key" not in done.output + done.errors


async def test_the_doctor_finds_everything_well(tmp_path: Path) -> None:
    async with OfflineGateway() as gateway:
        settings = {**gateway_at(gateway.url), "WEB_PORT": "0"}
        report = await run("doctor", folder=tmp_path, settings=settings)
        machine = await run("doctor", "--json", folder=tmp_path, settings=settings)

    assert report.status == 0, report.output
    assert [line.split()[:2] for line in report.output.splitlines()] == [
        ["ok", "configuration"],
        ["ok", "storage"],
        ["ok", "gateway"],
        ["ok", "web"],
    ]
    assert json.loads(machine.output)["ok"] is True


async def test_the_doctor_names_each_trouble_and_its_remedy(tmp_path: Path) -> None:
    async with OfflineGateway(keys={"another"}) as gateway:
        done = await run("doctor", "--json", folder=tmp_path, settings=gateway_at(gateway.url))

    report = json.loads(done.output)
    assert done.status == 1
    assert report["ok"] is False
    by_name = {check["name"]: check for check in report["checks"]}
    assert "DISCORD_TOKEN" in by_name["configuration"]["detail"]
    assert "GATEWAY_API_KEY" in by_name["gateway"]["detail"]
    assert by_name["storage"]["ok"] is True
    assert "sk-secret-key" not in done.output


async def test_the_doctor_says_where_nobody_answers(tmp_path: Path) -> None:
    done = await run("doctor", folder=tmp_path, settings=gateway_at("http://127.0.0.1:9"))

    assert "Nobody answers at http://127.0.0.1:9. Check GATEWAY_BASE_URL" in done.output


async def test_bytes_that_are_no_text_harm_no_answer(tmp_path: Path) -> None:
    done = await run("chat", "--offline", folder=tmp_path, typed="\udcff hi\n/help\n")

    assert done.status == 0, done.output + done.errors
    assert "What I can do" in done.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_demo_prints_its_address_answers_there_and_stops_when_told(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with running("demo", "--port", "0", folder=tmp_path) as demo:
        line = await demo.wait_for("http://127.0.0.1:")
        async with aiohttp.ClientSession() as session, session.get(line.split()[-1]) as response:
            assert response.status == 200
            assert "Switchboard" in await response.text()

        assert await demo.stop(number) == 0
        assert not any("Traceback" in line for line in demo.lines)


async def test_a_demo_that_others_can_reach_asks_for_a_token(tmp_path: Path) -> None:
    async with running("demo", "--host", "0.0.0.0", "--port", "0", folder=tmp_path) as demo:  # noqa: S104
        line = await demo.wait_for("?token=")
        port = line.partition("?")[0].rstrip("/").rpartition(":")[2]
        address = f"http://127.0.0.1:{port}/"
        async with aiohttp.ClientSession() as session, session.get(address) as refused:
            assert refused.status == 401
