"""Tokens and keys: where they must never appear, whatever goes wrong and whoever quotes them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest

from bot import cli
from bot.gateway.offline.errors import Trouble
from tests.programs import running
from tests.simulators.discord import DiscordSimulator
from tests.simulators.gateway import FaultyGateway
from tests.simulators.gateway_faults import Answer, Break, Pictures, Stream
from tests.simulators.telegram import TelegramSimulator

KEY = "sk-this-key-is-quoted-everywhere"
WEB_TOKEN = "the-token-of-the-web-chat"
HEADER = "another-secret-in-a-header"

WORDS = f"Incorrect API key provided: {KEY} (Bearer {KEY}, {HEADER})"
QUOTING = (
    *(Answer.error(status, WORDS) for status in (400, 401, 403, 404, 429, 500, 503)),
    Answer.json(200, {"error": {"message": WORDS, "code": KEY}}),
    Answer(500, WORDS.encode(), "text/plain"),
    Answer(200, f"<html>{WORDS}</html>".encode(), "text/html"),
)


def settings_of(
    discord: DiscordSimulator, telegram: TelegramSimulator, gateway: FaultyGateway, **more: str
) -> dict[str, str]:
    return {
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_URL": discord.api_url,
        "TELEGRAM_TOKEN": telegram.token,
        "TELEGRAM_API_URL": telegram.api_url,
        "GATEWAY_API_KEY": KEY,
        "GATEWAY_BASE_URL": gateway.url,
        "GATEWAY_CHAT_MODEL": "test-model",
        "GATEWAY_HEADERS": json.dumps({"X-Own": HEADER}),
        "WEB_PORT": "0",
        "WEB_TOKEN": WEB_TOKEN,
        "LOG_LEVEL": "DEBUG",
        **more,
    }


@pytest.mark.parametrize("form", ["console", "json"])
async def test_a_quoted_key_is_neither_in_the_chats_nor_the_log_nor_the_files(
    tmp_path: Path, form: str
) -> None:
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(DiscordSimulator())
        telegram = await stack.enter_async_context(TelegramSimulator())
        gateway = await stack.enter_async_context(FaultyGateway())
        secrets = (KEY, HEADER, WEB_TOKEN, discord.token, telegram.token)
        channel = discord.add_channel(discord.add_guild("Harbour"), "general")
        dora = discord.add_user("Dora")
        chats = [telegram.add_private_chat(telegram.add_user("Tom")) for _ in QUOTING]
        settings = settings_of(discord, telegram, gateway, LOG_FORMAT=form)
        async with running("run", folder=tmp_path, settings=settings) as bot:
            await discord.ready(10)
            await telegram.ready(10)
            lines = psutil.Process(bot.pid).cmdline()
            for number, chat in enumerate(chats):
                gateway.inject(QUOTING[number], model=f"model-{number}")
                await telegram.say(chat, chat, f"/ask hello --model model-{number}")
            for chat in chats:
                await telegram.wait_for(chat, lambda seen: "⚠️" in seen.text, 10)
            gateway.inject(Stream(break_after=1, breaks=Break.ERROR, trouble=Trouble(WORDS)))
            await discord.use(channel, dora, "ask", prompt="hello")
            await discord.wait_for(channel, lambda seen: "⚠️" in seen.content, 10)
            gateway.inject(Pictures(link=f"https://127.0.0.2:1/x.png?key={KEY}"))
            await discord.use(channel, dora, "image", prompt="a fox")
            await discord.wait_for(channel, lambda seen: "not safe" in seen.content, 10)
            # Broken platforms quote what they were sent, too.
            telegram.fail("sendMessage", status=400, description=f"bad {telegram.token}")
            discord.fail("POST", ".*/messages", status=400)
            await telegram.say(chats[0], chats[0], "/help")
            await discord.say(channel, dora, "/help", mention=True)
            await bot.wait_for("could not be shown")
            assert await bot.stop() == 0

        seen = [str(one) for chat in chats for one in telegram.messages(chat)]
        seen += [str(one) for one in discord.messages(channel)]
        tokens = [interaction.token for interaction in discord.interactions]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 1, "the database and nothing else"
    for secret in (*secrets, *tokens):
        assert not any(secret in line for line in bot.lines), secret
        assert not any(secret in message for message in seen), secret
        assert not any(secret.encode() in file for file in files), secret
        assert not any(secret in line for line in lines), secret
    assert any("********" in line for line in bot.lines), "it was quoted, and masked"


@pytest.fixture
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], root.level = before[0], before[1]


SECRET = "hunter2-is-the-secret"
WRONG: Mapping[str, Mapping[str, str]] = {
    "in the gateway's address": {"GATEWAY_BASE_URL": f"https://me:{SECRET}@host"},
    "key with a space": {"GATEWAY_API_KEY": f"{SECRET} x"},
    "token with a line break": {"TELEGRAM_TOKEN": f"{SECRET}\nx"},
    "of no token's form": {"TELEGRAM_TOKEN": SECRET, "GATEWAY_API_KEY": "sk-other"},
    "headers that are no JSON": {"GATEWAY_HEADERS": f'{{"X": "{SECRET}"'},
    "headers that are a list": {"GATEWAY_HEADERS": f'["{SECRET}"]'},
    "database of another kind": {"STORAGE_URL": f"mysql://me:{SECRET}@host/db"},
    "database that is down": {
        "STORAGE_URL": f"postgresql://me:{SECRET}@127.0.0.1:9/db",
        "GATEWAY_API_KEY": "sk-other",
        "WEB_PORT": "0",
    },
    "database address that is none": {
        "STORAGE_URL": f"postgresql://me:{SECRET}@127.0.0.1:nine/db",
        "GATEWAY_API_KEY": "sk-other",
        "WEB_PORT": "0",
    },
    "in the place of a number": {"WEB_PORT": SECRET},
    "in the place of a word": {"LOG_LEVEL": SECRET},
}


@pytest.mark.parametrize("settings", WRONG.values(), ids=WRONG)
def test_a_wrong_setting_is_named_and_not_shown(
    settings: Mapping[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    restored_logging: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {"LOG_LEVEL": "DEBUG", **settings}.items():
        monkeypatch.setenv(name, value)

    status = cli.main(["run"])

    printed = "".join(capfd.readouterr())
    assert status in (1, 2)
    assert next(name for name, value in settings.items() if SECRET in value)[:8] in printed
    assert SECRET not in printed


@pytest.mark.parametrize("command", [[], ["run"], ["demo"], ["chat"], ["doctor"]])
def test_no_command_takes_a_secret_where_every_user_of_the_machine_sees_it(
    command: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main([*command, "--help"])

    page = capfd.readouterr().out
    assert "usage" in page
    assert not [word for word in ("token", "key", "password", "header") if f"--{word}" in page]
