"""The terminal: lines in, with files; replies, buttons and menus out."""

from __future__ import annotations

import asyncio
import io
import signal
from pathlib import Path

import pytest
from rich.console import Console

from adapters.terminal import Terminal, TerminalSurface
from bot.commands import COMMANDS
from bot.types import (
    Action,
    Audio,
    Channel,
    File,
    Image,
    Manners,
    Menu,
    Page,
    Trigger,
)
from tests.programs import PROGRAM, environment, run
from tests.simulators.gateway import FaultyGateway
from tests.simulators.gateway_faults import Break, Stream
from tests.web_chat import Answerer, png, until

SHORT_ID = "0123456789abcdef"


async def typed(
    lines: str, core: Answerer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    """The terminal after it has read these lines from a file."""
    script = folder / "script.txt"
    script.write_text(lines)
    with script.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        terminal = Terminal(COMMANDS, folder / "pictures", folder / "history")
        await terminal.serve(core)
    return terminal


def behind(gateway: FaultyGateway) -> dict[str, str]:
    return {
        "GATEWAY_BASE_URL": gateway.url,
        "GATEWAY_API_KEY": "sk-terminal",
        "GATEWAY_CHAT_MODEL": "test-model",
    }


async def shown(page: Page, folder: Path, *, width: int = 80) -> str:
    """What a page looks like on a terminal without colours."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system=None, width=width)
    await TerminalSurface(console, folder).show(page)
    return out.getvalue()


async def test_files_of_any_kind_travel_with_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"cat.png": png(), "my notes.txt": b"hello", "horn.mp3": b"ID3", "x": b"\0\1"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    core = Answerer()
    monkeypatch.chdir(tmp_path)
    line = '/ask What is this? --file cat.png --file "my notes.txt" --file=horn.mp3 --file x\n'

    terminal = await typed(line, core, tmp_path, monkeypatch)

    assert not terminal.failed
    assert core.requests[0].text == "What is this?"
    assert core.requests[0].attachments == (
        Image(png(), "image/png", "cat.png"),
        File(b"hello", "text/plain", "my notes.txt"),
        Audio(b"ID3", "audio/mpeg", "horn.mp3"),
        File(b"\0\1", "application/octet-stream", "x"),
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("look --file nothing.txt", "nothing.txt cannot be read: No such file or directory."),
        ("look --file .", ". is no file."),
        ("look --image script.txt", "script.txt is no PNG, JPEG, GIF or WebP picture."),
        ("look --file large.bin", "large.bin is larger than 25 MB."),
        ("look" + " --file script.txt" * 11, "At most 10 files go with one line."),
    ],
)
async def test_a_file_that_cannot_go_along_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
    said: str,
) -> None:
    with (tmp_path / "large.bin").open("wb") as large:
        large.truncate(25 * 2**20 + 1)
    core = Answerer()
    monkeypatch.chdir(tmp_path)

    terminal = await typed(f"{line}\nnext\n", core, tmp_path, monkeypatch)

    assert terminal.failed
    assert said in capsys.readouterr().out
    assert [request.text for request in core.requests] == ["next"]


async def test_where_only_commands_are_heard_the_rest_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Quiet(Answerer):
        def manners(self, channel: Channel) -> Manners:
            return Manners(frozenset({Trigger.COMMAND}))

    core = Quiet()

    terminal = await typed("hello\n/ask Are you there?\n", core, tmp_path, monkeypatch)

    assert not terminal.failed
    assert [request.text for request in core.requests] == ["Are you there?"]
    assert "Only commands are answered here" in capsys.readouterr().out


async def test_buttons_are_hints_and_a_menu_is_one_line_of_names(tmp_path: Path) -> None:
    actions = [
        Action("Set …", "/settings language ", ask="Which language?"),
        Action("Default", "/settings language default"),
        Action("Retry", f"/retry {SHORT_ID}"),
    ]
    models = tuple(Action(f"model-{n}", f"/model model-{n}") for n in range(25))
    again = tuple(Action(f"m{n}", f"/retry {SHORT_ID} m{n}") for n in range(3))
    menus = [Menu("Another model", models), Menu("Ask again with", again)]
    page = Page(0, "Choose.", actions=actions, menus=menus, final=True)

    lines = (await shown(page, tmp_path)).splitlines()

    assert lines[-2] == "/settings language …   /settings language default"
    assert lines[-1].startswith("Another model: model-0  model-1  model-2")
    assert lines[-1].endswith("…")
    assert len(lines[-1]) <= 80
    assert SHORT_ID not in "".join(lines)


async def test_files_of_a_reply_are_saved_and_named(tmp_path: Path) -> None:
    media = [
        File(b"# All", "text/markdown", "answer.md"),
        File(b"{}", "application/json", "a.json"),
    ]

    said = await shown(Page(0, "Here.", media=media, final=True), tmp_path)

    assert f"Saved {tmp_path}/answer-1.md" in said.replace("\n", "")
    assert (tmp_path / "answer-1.md").read_bytes() == b"# All"
    assert (tmp_path / "a-1.json").read_bytes() == b"{}"


async def test_a_text_file_is_read_by_the_whole_program(tmp_path: Path) -> None:
    (tmp_path / "boats.txt").write_text("The boat is called Alma.")

    async with FaultyGateway() as gateway:
        script = "what did I say? --file boats.txt\n/history\n"
        done = await run("chat", folder=tmp_path, typed=script, settings=behind(gateway))

    assert done.status == 0, done.output + done.errors
    assert "boats.txt" in done.output
    assert "The boat is" in done.output


async def test_nothing_after_quit_and_no_empty_line_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = Answerer()

    await typed("one\n\n  \n/quit\ntwo\n", core, tmp_path, monkeypatch)

    assert [request.text for request in core.requests] == ["one"]


async def test_settings_and_controls_can_be_typed(tmp_path: Path) -> None:
    lines = (
        "/settings language Danish",
        "/settings",
        "/persona You are a pirate.",
        "My boat is called Alma",
        "/retry",
        "/retry --model another-model",
        "/history",
        "/export",
        "/undo",
        "what did I say?",
    )

    async with FaultyGateway() as gateway:
        script = "\n".join(lines) + "\n"
        done = await run("chat", folder=tmp_path, typed=script, settings=behind(gateway))

    assert done.status == 0, done.output + done.errors
    assert "`Danish` (chosen for this channel)" in done.output
    assert "`You are a pirate.`" in done.output
    assert "1 of one question and its answer" in done.output
    assert "Saved pictures/conversation-1.md" in done.output
    assert "Alma" in (tmp_path / "pictures" / "conversation-1.json").read_text()
    assert "Taken back: `My boat is called Alma`" in done.output
    assert "Alma" not in done.output.rpartition("Taken back")[2].partition("\n")[2]


async def test_an_answer_that_broke_off_goes_on_when_that_is_typed(tmp_path: Path) -> None:
    async with FaultyGateway() as gateway:
        gateway.inject(Stream(break_after=1, breaks=Break.END), times=1)
        gateway.say(["One, two, "], times=1)
        gateway.say(["three, four."], times=1)
        settings = behind(gateway)

        done = await run("chat", folder=tmp_path, typed="Count\n/continue\n", settings=settings)

    assert "One, two," in done.output
    assert "three, four." in done.output


async def test_a_recording_is_listened_to(tmp_path: Path) -> None:
    (tmp_path / "horn.wav").write_bytes(b"RIFF\x24\0\0\0WAVEfmt " + bytes(40))
    async with FaultyGateway() as gateway:
        settings = behind(gateway)

        await run("chat", folder=tmp_path, typed="hear this --file horn.wav\n", settings=settings)

        assert len(gateway.received("/v1/audio/transcriptions")) == 1
        assert "horn.wav" in str(gateway.received("/v1/chat/completions")[0].body)


async def test_control_c_ends_the_answer_and_not_the_program(tmp_path: Path) -> None:
    async with FaultyGateway() as gateway:
        gateway.say(["Once upon a time ", asyncio.Event()], times=1)
        child = await asyncio.create_subprocess_exec(
            *PROGRAM,
            "chat",
            cwd=tmp_path,
            env=environment(behind(gateway)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdin is not None
        try:
            child.stdin.write(b"Tell me a story\n/help\n")
            await until(lambda: gateway.received("/v1/chat/completions"))
            child.send_signal(signal.SIGINT)
            async with asyncio.timeout(20):
                output, _ = await child.communicate(b"")
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()

    assert "interrupted" in output.decode()
    assert "What I can do" in output.decode()
    assert child.returncode == 1
