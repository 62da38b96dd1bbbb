"""The contract: what the core asks of a platform, a gateway and a database, and what it offers
them.

Everything a stranger must implement is on this page. Each Protocol is as narrow as it can be; what
differs between platforms is data (``Capabilities``), never an optional method.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from bot.events import ReplyEvent
from bot.pacing import Budget
from bot.types import Audio, Channel, ImagePrompt, Manners, Page, Prompt, Request, Status, Turn


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one place to answer can take.

    ``page_limit`` is the longest text of a page in units of ``measure``, ``page_height`` the most
    lines that its clients show unfolded (0: any); ``caption_limit`` the
    longest text of a page that carries attachments (0: as ``page_limit``). ``pace`` is the pleasant
    number of seconds between two edits of a page, ``budgets`` the limits that its calls share with
    others, ``send_budgets`` those of a new page where they differ.
    """

    page_limit: int
    measure: Callable[[str], int] = len
    page_height: int = 0
    caption_limit: int = 0
    files_per_page: int = 10
    file_limit: int = 10 * 2**20
    pace: float = 1.0
    budgets: tuple[Budget, ...] = ()
    send_budgets: tuple[Budget, ...] = ()

    def limits(self, *, send: bool) -> tuple[Budget, ...]:
        """What a call spends: a new page is sent, any other edited."""
        return self.send_budgets if send and self.send_budgets else self.budgets


@dataclass(frozen=True, slots=True)
class Summary:
    """What was said in a channel up to the turn of the id ``reaches``, that turn included."""

    reaches: str
    text: str


class Surface(Protocol):
    """Where one reply appears."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def ref(self) -> str:
        """Enough to find the reply again after a restart, through ``Adapter.reopen``; "" before the
        first page."""

    @property
    def posted(self) -> int:
        """How many pages are there already: showing one of them is an edit, any other is a
        send."""

    async def show(self, page: Page) -> None:
        """Make page N read so: send it where it is new, edit it where it is not. Idempotent.

        New pages come one at a time and in order, and a page is shown once at a time. Raises Busy
        (wait, then call again), Gone or Unreachable. A send is repeated only when the first one
        surely did not arrive.
        """


class Handler(Protocol):
    """What an adapter is given."""

    async def handle(
        self, request: Request, surface: Surface, taken: Callable[[], None] = lambda: None
    ) -> Status:
        """Answer the request on the surface; how it ended. Raises nothing but cancellation.

        ``taken`` is called once the request is safe: from then on a crash cannot lose it.
        """

    def complete(self, channel: Channel, command: str, option: str, typed: str) -> Sequence[str]:
        """Values to offer while somebody types an option, best first."""

    async def history(self, channel: Channel) -> Sequence[Turn]:
        """The channel's remembered turns, oldest first; none where they cannot be read."""

    def manners(self, channel: Channel) -> Manners:
        """How to behave in the channel: known at once, as it is asked for every message."""

    def readiness(self) -> Mapping[str, bool]:
        """Which platforms requests come through from at the moment, by name."""

    def spare(self, budgets: Sequence[Budget]) -> bool:
        """Whether there is plenty of room for a call that nobody would miss, such as a sign of
        typing; it is counted then."""

    async def chat_model(self, channel: Channel) -> str:
        """The model that answers in the channel now."""


class Adapter(Protocol):
    """One platform. Built with its own section of the settings; opens nothing before ``serve``."""

    @property
    def ready(self) -> bool:
        """Whether requests come through at the moment."""

    async def serve(self, handler: Handler) -> None:
        """Connect and pass requests on until cancelled. Raises AdapterError where trying again is
        useless."""

    async def check(self) -> str:
        """One real call that proves the credentials: who we are there. Raises AdapterError or
        Unreachable."""

    def reopen(self, turn: Turn) -> Surface:
        """The surface of an earlier turn's reply, by its ``surface``; a new one to answer on where
        that is ""."""


class Gateway(Protocol):
    """The road to every model."""

    def stream(
        self, prompt: Prompt | ImagePrompt
    ) -> AbstractAsyncContextManager[AsyncIterator[ReplyEvent]]:
        """Ask, and read the answer as it comes. Leaving the block early hangs up. Raises
        GatewayError."""

    async def transcribe(self, recording: Audio) -> str:
        """What is said in a recording. Raises GatewayError."""

    async def models(self) -> Sequence[str]:
        """The names the gateway offers now. Raises GatewayError."""


class Store(Protocol):
    """What must survive a restart. Every method is one statement, so none can be half done."""

    async def begin(self, turn: Turn) -> bool:
        """Claim the turn's source in its channel. False where it was claimed before: do not answer
        again."""

    async def place(self, turn_id: str, surface: str, text: str) -> None:
        """Write down how much of a running turn's reply is on the screen, and where: its
        ``Surface.ref``. Kept until the turn ends."""

    async def amend(self, turn: Turn) -> None:
        """Write down a begun turn's request anew: it says by now what was read of its
        attachments."""

    async def finish(self, turn: Turn) -> None:
        """Write down how a begun turn ended, or that it is shown by now (``due`` is None)."""

    async def outstanding(self, platform: str, now: float) -> list[Turn]:
        """The turns of a platform whose outcome is ``due``, the oldest first. The
        reply of one that has none is what was on the screen."""

    async def history(self, channel: Channel, limit: int) -> list[Turn]:
        """The newest ``limit`` turns with something to remember (a reply), oldest first."""

    async def find(self, turn_id: str) -> Turn | None:
        """The turn of this id, unless it was forgotten. Attachments are not kept; the reply of a
        failed one is how far it came, which is no part of the history."""

    async def forget(self, channel: Channel, turn_id: str = "") -> int:
        """Erase what was said in the channel, or in one turn of it; how many turns with something
        to remember that were. Claims stay; summaries of what is erased go with it."""

    async def summary(self, channel: Channel) -> Summary | None:
        """The summary of a channel that reaches furthest."""

    async def sum_up(self, turns: Sequence[Turn], text: str, base: str = "") -> bool:
        """Keep ``text`` as the summary of these turns, which follow each other, and of all that was
        said before: it was made with the summary that reaches to the turn ``base``. False, and
        nothing is kept, where any of it was forgotten meanwhile."""

    async def choices(self, *keys: str) -> dict[str, dict[str, str]]:
        """What each of these (at most four) has chosen by name, e.g.
        {"discord:7:": {"chat_model": "gpt-5"}}. A key is a channel's, a server's or a person's."""

    async def choose(self, key: str, name: str, value: str) -> None:
        """Set one choice for good; "" takes it back."""

    async def chosen(self, *names: str) -> list[tuple[str, str, str]]:
        """Every (key, name, value) that anybody has chosen of these (at most four) names."""
