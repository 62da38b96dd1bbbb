"""switchboard.toml: whatever is in it, settings or every fault in words."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pydantic import BaseModel

from bot.config import CONFIG_FILE, ModelSettings, NamedGatewaySettings, Settings, load
from bot.errors import ConfigError
from bot.gateway.models import Models, merged
from tests.fuzz.draws import Draws, spelled

SECRET = "sesame-open"
_KINDS: list[type[BaseModel]] = [
    *Settings.SECTIONS.values(),
    NamedGatewaySettings,
    ModelSettings,
]
FIELDS = sorted({name for kind in _KINDS for name in kind.model_fields})
# Surrogates from \udc80 on are bytes that are no UTF-8.
WORDS = [
    *(f"[{name}]\n" for name in Settings.SECTIONS),
    *("[gateways.a]\n", '[models."m"]\n', "[[", "]]", '"""', "'", "{", "\n", "\r\n", ",", "#", "."),
    *(f"{name} = " for name in FIELDS),
    *(f'"{SECRET}"\n', '"http://127.0.0.1:1"\n', '"https://a.example"\n', '"http://a.example"\n'),
    *('"https://[::1"\n', '"https://x:99999"\n', '"sqlite:///x"\n', '"json"\n', "true\n", "8080\n"),
    *(
        "-1\n",
        "1e400\n",
        "nan\n",
        "2020-01-01\n",
        "0x7f\n",
        '["a", "b"]\n',
        '{ "x" = "y" }\n',
        '""\n',
    ),
    *(
        "[" * 60,
        "9" * 60,
        "\udcff",
        "é",
        "\\u0000",
        "\\n",
        '"anthropic"\n',
        '"images"\n',
        '"image"\n',
    ),
    *("\0", '"gpt-5"\n', "a.b.c.d = 1\n", '"postgres://u:' + SECRET + '@h/d"\n'),
]


def check(data: bytes) -> None:
    draws = Draws(data)
    serving = draws.flag()
    content = spelled(draws.rest(), WORDS).encode("utf-8", "surrogateescape")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / CONFIG_FILE).write_bytes(content)
        try:
            settings = load(Path(folder), serving=serving)
        except ConfigError as error:
            faults = error.faults
        else:
            _is_ready(settings)
            return
    assert faults
    for fault in faults:
        assert fault.setting.strip(), "nobody knows where to look"
        assert fault.problem.strip()
        assert fault.remedy.strip()


def _is_ready(settings: Settings) -> None:
    assert set(settings.adapters) <= {"discord", "telegram", "web"}
    for secret in settings.secrets:
        assert secret != SECRET or SECRET not in repr(settings).replace(settings.storage.url, "")
    wires = {name: gateway.wire for name, gateway in settings.gateways.items()}
    Models("a", "b", merged(settings.models), gateways=wires, wire=settings.gateway.wire).offer(
        ["m"]
    )
