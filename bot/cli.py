"""The front door: ``switchboard run | demo | chat | doctor``. The only place that sees everyone."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from pydantic import SecretStr

import adapters
from adapters.terminal import Terminal
from adapters.web import Web
from bot import config, logs
from bot.commands import COMMANDS
from bot.config import (
    GatewaySettings,
    NamedGatewaySettings,
    Settings,
    StorageSettings,
    WebSettings,
)
from bot.errors import ConfigError, GatewayDown, SwitchboardError
from bot.gateway.client import GatewayClient
from bot.gateway.models import Model, ModelKind, Models, merged
from bot.gateway.offline import CHAT_MODELS, IMAGE_MODELS, OfflineGateway
from bot.personas import Personas
from bot.serving import serve
from bot.switchboard import Switchboard
from storage import back_up, examine, open_store

DEMO_STORAGE = "sqlite:///switchboard-demo.db"
DEMO_MODELS = (
    *(Model(name) for name in CHAT_MODELS),
    *(Model(name, ModelKind.IMAGE, "images", count=4) for name in IMAGE_MODELS),
)
PATIENCE = 20.0  # seconds that each check of the doctor may take


def main(argv: Sequence[str] | None = None) -> int:
    """0 when all went well, 1 when something failed, 2 when the configuration is wrong."""
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], Awaitable[int]] = arguments.run
    try:
        return asyncio.run(_awaited(command(arguments)))
    except ConfigError as error:
        _complain("Switchboard cannot start:", *(f"  - {fault}" for fault in error.faults))
        return 2
    except SwitchboardError as error:
        _complain(error.notice)
        return 1
    except ExceptionGroup as group:
        logging.getLogger("switchboard").debug("the program stopped", exc_info=group)
        _complain(*dict.fromkeys(_notices(group)))
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the output has left; keep Python from trying to flush it once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        logging.getLogger("switchboard").debug("the program stopped", exc_info=error)
        _complain(
            f"Switchboard stopped by a fault of its own ({type(error).__name__}). "
            "LOG_LEVEL=DEBUG shows where; please report it."
        )
        return 1


async def run(arguments: argparse.Namespace) -> int:
    """Serve every platform that is configured, until SIGINT or SIGTERM."""
    settings = config.load(serving=True)
    _set_up_logs(settings)
    served = {name: adapters.build(name, getattr(settings, name)) for name in settings.adapters}
    async with open_switchboard(settings) as switchboard:
        await serve(switchboard, served, settings.limits.stop_seconds)
    return 0


async def demo(arguments: argparse.Namespace) -> int:
    """Serve the web chat on the gateway in a box."""
    async with OfflineGateway() as gateway:
        settings = _offline(config.load(), gateway.url)
        open_to_others = not config.is_loopback(arguments.host)
        web = WebSettings.model_construct(
            host=arguments.host,
            port=arguments.port,
            token=SecretStr(secrets.token_urlsafe(16)) if open_to_others else None,
        )
        settings = settings.model_copy(update={"web": web})
        _set_up_logs(settings, level="WARNING")
        adapter = Web(web)
        async with (
            open_switchboard(settings, DEMO_MODELS) as switchboard,
            asyncio.TaskGroup() as tasks,
        ):
            greeting = tasks.create_task(_greet(adapter, web.token))
            try:
                await serve(switchboard, {"web": adapter}, settings.limits.stop_seconds)
            finally:
                greeting.cancel()
    return 0


async def chat(arguments: argparse.Namespace) -> int:
    """Talk in this terminal; 1 where a line failed."""
    async with AsyncExitStack() as stack:
        settings, table = config.load(), None
        if arguments.offline:
            gateway = await stack.enter_async_context(OfflineGateway())
            settings, table = _offline(settings, gateway.url), DEMO_MODELS
        _set_up_logs(settings, level="ERROR")
        terminal = Terminal(COMMANDS, arguments.pictures, Path(".switchboard_history"))
        switchboard = await stack.enter_async_context(open_switchboard(settings, table))
        catalogue = asyncio.create_task(switchboard.keep_catalogue())
        try:
            await terminal.serve(switchboard)
        finally:
            catalogue.cancel()
            await asyncio.gather(catalogue, return_exceptions=True)
    return 1 if terminal.failed else 0


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report."""

    name: str
    ok: bool
    detail: str


async def doctor(arguments: argparse.Namespace) -> int:
    """Try everything that serving needs, one check after the other; 1 where something is wrong."""
    checks = [check async for check in _examine()]
    ok = all(check.ok for check in checks)
    if arguments.json:
        print(
            json.dumps(
                {"ok": ok, "checks": [asdict(check) for check in checks]}, ensure_ascii=False
            )
        )
    else:
        for check in checks:
            print(f"{'ok  ' if check.ok else 'FAIL'}  {check.name:<14} {check.detail}")
    return 0 if ok else 1


async def backup(arguments: argparse.Namespace) -> int:
    """Copy the database to a new file, whether the bot runs or not."""
    settings = config.load()
    _set_up_logs(settings, level="ERROR")
    try:
        size = await back_up(settings.storage.url, arguments.file)
    except ConfigError as error:
        _complain(*map(str, error.faults))
        return 2
    print(f"{arguments.file} is a whole copy, and was checked ({size / 2**20:.1f} MiB).")
    return 0


async def check(arguments: argparse.Namespace) -> int:
    """Check the database, or a backup, whether the bot runs or not; 1 where something is wrong."""
    url = f"sqlite:///{arguments.file}" if arguments.file else config.load().storage.url
    findings = [Check(found.name, found.ok, found.detail) for found in await examine(url)]
    return _report(findings, as_json=arguments.json)


@asynccontextmanager
async def open_switchboard(
    settings: Settings, table: Sequence[Model] | None = None
) -> AsyncIterator[Switchboard]:
    """The bot, put together from its parts. ``table`` replaces the one of the settings. Raises
    StorageError."""
    models = _models(settings, table)
    async with (
        open_store(settings.storage.url) as store,
        GatewayClient(_gateways(settings), models) as gateway,
    ):
        switchboard = Switchboard(
            store,
            gateway,
            models,
            COMMANDS,
            settings.limits,
            settings.gateway.fallback_models,
            Personas(settings.personas),
            settings.gateway.summary_model,
        )
        async with switchboard:
            yield switchboard


async def _greet(web: Web, token: SecretStr | None) -> None:
    await web.started.wait()
    address = web.address + (f"/?token={token.get_secret_value()}" if token else "")
    print(
        "Switchboard is running on its gateway in a box: no account, no key.\n\n"
        f"  Open   {address}\n"
        "  Type   hello\n"
        "         /image a red fox in the snow\n"
        "         /model\n\n"
        "Ctrl-C stops it.",
        flush=True,
    )


async def _examine() -> AsyncIterator[Check]:
    try:
        settings = config.load(serving=True)
    except ConfigError as error:
        for fault in error.faults:
            yield Check("configuration", False, str(fault))
        try:
            settings = config.load()
        except ConfigError:
            return
    else:
        yield Check("configuration", True, f"serving {', '.join(settings.adapters)}")
    _set_up_logs(settings, level="ERROR")
    yield await _check("storage", _try_storage(settings))
    yield await _check("gateway", _try_gateway(settings))
    for name in settings.adapters:
        yield await _check(name, adapters.build(name, getattr(settings, name)).check())


async def _check(name: str, trial: Awaitable[str]) -> Check:
    try:
        async with asyncio.timeout(PATIENCE):
            return Check(name, True, await trial)
    except SwitchboardError as error:
        return Check(name, False, error.notice)
    except TimeoutError:
        return Check(name, False, f"No answer within {PATIENCE:.0f} seconds. Is the address right?")


def _report(checks: Sequence[Check], *, as_json: bool) -> int:
    ok = all(check.ok for check in checks)
    if as_json:
        report = {"ok": ok, "checks": [asdict(check) for check in checks]}
        print(json.dumps(report, ensure_ascii=False))
    else:
        for check in checks:
            print(f"{'ok  ' if check.ok else 'FAIL'}  {check.name:<14} {check.detail}")
    return 0 if ok else 1


async def _try_storage(settings: Settings) -> str:
    async with open_store(settings.storage.url):
        return settings.storage.url.partition("://")[0] + " opens and is up to date"


async def _try_gateway(settings: Settings) -> str:
    url = settings.gateway.base_url
    async with GatewayClient(_gateways(settings), _models(settings)) as gateway:
        try:
            names = await gateway.models()
        except GatewayDown as error:
            if error.status:
                answer = f"{url} answers with its own trouble (status {error.status})."
                raise GatewayDown(f"{answer} Try again later, or ask who runs it.") from error
            raise GatewayDown(
                f"Nobody answers at {url}. Check GATEWAY_BASE_URL and the network."
            ) from error
    wanted = (settings.gateway.chat_model, settings.gateway.image_model)
    lacking = [name for name in wanted if name not in names]
    note = f"; it does not list {' and '.join(lacking)}, which may still work" if lacking else ""
    return f"{settings.gateway.base_url} offers {len(names)} models{note}"


def _models(settings: Settings, table: Sequence[Model] | None = None) -> Models:
    return Models(
        settings.gateway.chat_model,
        settings.gateway.image_model,
        merged(settings.models) if table is None else table,
        gateways={name: gateway.wire for name, gateway in settings.gateways.items()},
        wire=settings.gateway.wire,
    )


def _gateways(settings: Settings) -> dict[str, GatewaySettings | NamedGatewaySettings]:
    return {"": settings.gateway, **settings.gateways}


def _offline(settings: Settings, url: str) -> Settings:
    gateway = GatewaySettings.model_construct(
        api_key=SecretStr("offline"),
        base_url=url,
        chat_model=CHAT_MODELS[0],
        image_model=IMAGE_MODELS[0],
        headers={},
        fallback_models=(),
        wire="",
    )
    storage = StorageSettings.model_construct(url=DEMO_STORAGE)
    alone = {"gateway": gateway, "gateways": {}, "models": {}, "storage": storage}
    return settings.model_copy(update=alone)


def _set_up_logs(settings: Settings, level: str = "") -> None:
    """``level`` is how quiet a command that talks to a person is, unless the operator asked for
    DEBUG."""
    chosen = settings.log.level
    logs.set_up(
        settings.log.format, chosen if chosen == "DEBUG" else level or chosen, settings.secrets
    )


async def _awaited(waiting: Awaitable[int]) -> int:
    return await waiting


def _notices(error: BaseException) -> list[str]:
    if isinstance(error, BaseExceptionGroup):
        return [notice for inner in error.exceptions for notice in _notices(inner)]
    if isinstance(error, SwitchboardError):
        return [error.notice]
    return [f"A fault of the program's own: {type(error).__name__}. LOG_LEVEL=DEBUG shows where."]


def _complain(*lines: str) -> None:
    print("\n".join(lines), file=sys.stderr)


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{port} is no port; choose one up to 65535")
    return port


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="switchboard",
        description="One AI bot for Discord, Telegram, the web and the terminal.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('switchboard')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    running = commands.add_parser("run", help="serve every platform that is configured")
    running.set_defaults(run=run)

    trying = commands.add_parser("demo", help="try it in the browser, without any account")
    trying.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    trying.add_argument("--port", type=_port, default=8080, help="default: %(default)s; 0 for any")
    trying.set_defaults(run=demo)

    talking = commands.add_parser("chat", help="talk in this terminal, or answer lines from a pipe")
    talking.add_argument("--offline", action="store_true", help="use the gateway in a box")
    talking.add_argument(
        "--pictures",
        type=Path,
        default=Path("pictures"),
        metavar="FOLDER",
        help="default: %(default)s",
    )
    talking.set_defaults(run=chat)

    checking = commands.add_parser(
        "doctor", help="check configuration, storage, gateway and tokens"
    )
    checking.add_argument("--json", action="store_true", help="print one JSON object")
    checking.set_defaults(run=doctor)

    copying = commands.add_parser("backup", help="copy the database to a new file")
    copying.add_argument("file", type=Path, metavar="FILE", help="where; not there yet")
    copying.set_defaults(run=backup)

    proving = commands.add_parser("check", help="check the database, or a backup of it")
    proving.add_argument("file", type=Path, nargs="?", metavar="FILE", help="a backup")
    proving.add_argument("--json", action="store_true", help="print one JSON object")
    proving.set_defaults(run=check)
    return parser
