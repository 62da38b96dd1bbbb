"""The terminal: a prompt with history and completion, or lines from standard input one after the
other.

Replies stream in as rendered Markdown and pictures are saved to a folder. Where the output is no
terminal, each reply is printed once, as the Markdown it is.
"""

from __future__ import annotations

import asyncio
import getpass
import mimetypes
import re
import signal
import stat
import sys
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.markup import escape
from rich.segment import Segment
from rich.text import Text

from bot.attachments import AUDIO_LIMIT, MOST
from bot.commands import Command, split_line
from bot.errors import AdapterError, SurfaceError
from bot.gateway.pictures import media_type
from bot.interfaces import Capabilities, Handler
from bot.types import (
    Attachment,
    Audio,
    Channel,
    File,
    Image,
    Page,
    Request,
    Status,
    Trigger,
    Turn,
    User,
)

CHANNEL = Channel("terminal", "", "local")
_ID = re.compile(r"\b[0-9a-f]{16}\b")
# What a terminal takes for orders: to retitle the window, to fill the clipboard, to type for us.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COMMAND = re.compile(r"\s*/\w+(?:\s|$)")
_ATTACHED = re.compile(r"\s--(image|file)[ =](\"[^\"]+\"|\S+)")
LONGEST_LINE = 2**24  # bytes
_LEAVE = {"/quit", "/exit"}


class Terminal:
    """``serve`` until the input ends; ``failed`` then says whether any line did.

    ``folder`` takes the pictures, ``history`` is the file of earlier lines.
    """

    def __init__(self, commands: Sequence[Command], folder: Path, history: Path) -> None:
        self._commands = commands
        self._folder = folder
        self._history = history
        self._console = Console(soft_wrap=False)
        self._user = User("local", _account(), moderator=True)
        self.failed = False

    async def serve(self, handler: Handler) -> None:
        lines = self._typed(handler) if sys.stdin.isatty() else _piped()
        async for line in lines:
            if line.strip() in _LEAVE:
                return
            if line.strip():
                await self._run(line, handler)

    async def check(self) -> str:
        return "the terminal"

    @property
    def ready(self) -> bool:
        return True

    def reopen(self, turn: Turn) -> TerminalSurface:
        return TerminalSurface(self._console, self._folder)

    async def _run(self, line: str, handler: Handler) -> None:
        is_heard = Trigger.PRIVATE in handler.manners(CHANNEL).hears
        if not is_heard and not _COMMAND.match(line):
            self._console.print("[dim]Only commands are answered here, such as /ask.[/]")
            return
        try:
            line, files = _attached(line)
        except AdapterError as error:
            self._console.print(f"⚠️ {error.notice}", markup=False)
            self.failed = True
            return
        command, text = split_line(line)
        request = Request(
            CHANNEL, self._user, uuid.uuid4().hex, command, text=text, attachments=files
        )
        with TerminalSurface(self._console, self._folder) as surface:
            answer = asyncio.ensure_future(handler.handle(request, surface))
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGINT, answer.cancel)
            try:
                self.failed |= await answer is Status.FAILED
            except asyncio.CancelledError:
                if not answer.cancelled():  # we are the ones to stop, not only the answer
                    raise
                self.failed = True
            finally:
                loop.remove_signal_handler(signal.SIGINT)

    async def _typed(self, handler: Handler) -> AsyncIterator[str]:
        self._console.print("[dim]Ask anything. /help shows the commands, Ctrl-D leaves.[/]")
        session: PromptSession[str] = PromptSession(
            "› ",
            history=FileHistory(str(self._history)),
            completer=_Completer(self._commands, handler),
            complete_while_typing=True,
        )
        while True:
            try:
                yield await session.prompt_async()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return


class TerminalSurface:
    """One reply, growing in place. Use it as a ``with`` block, so that the cursor comes back."""

    capabilities = Capabilities(page_limit=100_000, files_per_page=100, file_limit=2**30, pace=0.08)
    ref = ""

    def __init__(self, console: Console, folder: Path) -> None:
        self._console = console
        self._folder = folder
        self._live: Live | None = None
        self.posted = 0
        self._saved: dict[int, str] = {}

    def __enter__(self) -> TerminalSurface:
        if self._console.is_terminal:
            self._live = Live(console=self._console, transient=True, refresh_per_second=12)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    async def show(self, page: Page) -> None:
        text = _CONTROLS.sub("", page.text)
        if self._live is not None:
            self._live.update(_Tail(text))
        if not page.final or page.number < self.posted:
            return
        self.posted = page.number + 1
        if self._live is not None:
            self._live.update("")
        if text:
            if self._console.is_terminal:
                self._console.print(Markdown(text, code_theme="ansi_dark"))
            else:
                self._console.file.write(text + "\n")
        for part in page.media:
            path = await asyncio.to_thread(_save, self._folder, part)
            self._console.print(f"Saved {escape(str(path))}", highlight=False, soft_wrap=True)
        if self._console.is_terminal:
            for hint in _hints(page):
                words = Text(_CONTROLS.sub("", hint), style="dim")
                self._console.print(words, no_wrap=True, overflow="ellipsis")
        self._console.file.flush()


class _Tail:
    """Markdown of which the last lines are shown while it is longer than the screen."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(
            Markdown(self._text, code_theme="ansi_dark"), options, pad=False
        )
        for line in lines[-max(console.height - 2, 1) :]:
            yield from line
            yield Segment.line()


class _Completer(Completer):
    """Command names after a slash, then what the command completes."""

    def __init__(self, commands: Sequence[Command], handler: Handler) -> None:
        self._commands = {command.name: command for command in commands}
        self._handler = handler

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        line = document.text_before_cursor
        if not line.startswith("/"):
            return
        name, space, rest = line[1:].partition(" ")
        if not space:
            for command in self._commands.values():
                if command.name.startswith(name):
                    yield Completion(
                        f"/{command.name} ",
                        -len(line),
                        command.name,
                        display_meta=command.description,
                    )
            return
        if (known := self._commands.get(name)) is not None:
            yield from self._options(known, rest, event)

    def _options(self, command: Command, rest: str, event: CompleteEvent) -> Iterable[Completion]:
        word = rest.rpartition(" ")[2]
        before = rest.removesuffix(word).rstrip().rpartition(" ")[2]
        if word.startswith("--"):
            names = [option.name for option in command.options if option.name.startswith(word[2:])]
            yield from (Completion(f"--{name} ", -len(word)) for name in names)
            return
        option = before.removeprefix("--") if before.startswith("--") else ""
        if not option and command.options and " " not in rest:
            option = command.options[0].name
        if option in ("image", "file"):
            yield from PathCompleter(expanduser=True).get_completions(Document(word), event)
            return
        for value in self._handler.complete(CHANNEL, command.name, option, word)[:25]:
            yield Completion(value, -len(word))


async def _piped() -> AsyncIterator[str]:
    """The lines of standard input, be it a pipe, which may keep us waiting, or a file."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    try:
        pipe, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer
        )
    except ValueError:  # an ordinary file, which is there at once
        for line in sys.stdin.buffer:
            yield line.decode(errors="replace")
        return
    try:
        while data := await reader.readline():
            yield data.decode(errors="replace")
    finally:
        pipe.close()


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as containers have
        return ""


def _hints(page: Page) -> list[str]:
    """What could be typed next: the buttons' lines, and each menu as one line of names."""
    lines = [f"{action.line.rstrip()} …" if action.ask else action.line for action in page.actions]
    # What names an answer by its id is for a mouse; here /stop is Ctrl-C, /retry needs no id.
    hints = ["   ".join(line for line in lines if not _ID.search(line))]
    for menu in page.menus:
        names = [option.label for option in menu.options if not _ID.search(option.line)]
        hints += [f"{menu.label}: {'  '.join(names)}"] if names else []
    return [hint for hint in hints if hint]


def _attached(line: str) -> tuple[str, tuple[Attachment, ...]]:
    """Take every ``--image FILE`` and ``--file FILE`` out of the line and read the files. Raises
    AdapterError."""
    named = [(match[1], match[2].strip('"')) for match in _ATTACHED.finditer(line)]
    if len(named) > MOST:
        raise AdapterError(f"At most {MOST} files go with one line.")
    return _ATTACHED.sub("", line), tuple(_read(option, name) for option, name in named)


def _read(wanted: str, name: str) -> Attachment:
    """A picture by its own bytes, anything else by its name. Raises AdapterError."""
    path = Path(name).expanduser()
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise AdapterError(f"{path} is no file.")
        if found.st_size > AUDIO_LIMIT:  # the largest of all limits
            raise AdapterError(f"{path} is larger than {AUDIO_LIMIT // 2**20} MB.")
        data = path.read_bytes()
    except OSError as error:
        raise AdapterError(f"{path} cannot be read: {error.strerror}.") from error
    if kind := media_type(data):
        return Image(data, kind, path.name)
    if wanted == "image":
        raise AdapterError(f"{path} is no PNG, JPEG, GIF or WebP picture.")
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    sort = Audio if guessed.startswith("audio/") else File
    return sort(data, guessed, path.name)


def _save(folder: Path, part: Attachment) -> Path:
    """Write an attachment under a name that is free. Raises SurfaceError."""
    stem, dot, ending = Path(part.name or "file.bin").name.rpartition(".")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            path = folder / f"{stem}-{number}{dot}{ending}"
            try:
                with path.open("xb") as file:
                    file.write(part.data)
                return path
            except FileExistsError:
                number += 1
    except OSError as error:
        raise SurfaceError(f"The picture cannot be saved in {folder}: {error.strerror}.") from error
