"""The configuration: where values come from, and every fault at once."""

from pathlib import Path

import pytest

from bot.config import ENV_FILE, Settings, load
from bot.errors import ConfigError

GOOD = {"DISCORD_TOKEN": "discord-secret", "GATEWAY_API_KEY": "sk-secret"}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, section in Settings.SECTIONS.items():
        for field in section.model_fields:
            monkeypatch.delenv(f"{name}_{field}".upper(), raising=False)


def faults(folder: Path, *, serving: bool = True) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, serving=serving)
    return str(caught.value)


def test_everything_has_a_default_but_the_secrets(tmp_path: Path) -> None:
    settings = load(tmp_path)

    assert settings.gateway.base_url == "https://api.ccapi.ai"
    assert settings.storage.url == "sqlite:///switchboard.db"
    assert settings.discord.token is None
    assert settings.adapters == []


def test_the_environment_wins_over_the_env_file_and_that_over_the_toml_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "switchboard.toml").write_text(
        '[gateway]\nchat_model = "toml"\nimage_model = "toml"\nbase_url = "http://127.0.0.1:1"\n'
    )
    (tmp_path / ".env").write_text("GATEWAY_CHAT_MODEL=dotenv\nGATEWAY_IMAGE_MODEL=dotenv\n")
    monkeypatch.setenv("GATEWAY_CHAT_MODEL", "environment")

    gateway = load(tmp_path).gateway

    assert (gateway.chat_model, gateway.image_model) == ("environment", "dotenv")
    assert gateway.base_url == "http://127.0.0.1:1"


def test_all_faults_are_listed_at_once_each_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "switchboard.toml").write_text('[gatway]\nx = 1\n[discord]\ntokn = "x"\n')
    monkeypatch.setenv("GATEWAY_BASE_URL", "api.ccapi.ai")
    monkeypatch.setenv("WEB_PORT", "seventy")
    monkeypatch.setenv("LOG_LEVEL", "loud")
    monkeypatch.setenv("STORAGE_URL", "mysql://x")

    text = faults(tmp_path)

    assert "Did you mean gateway?" in text
    assert "Did you mean token?" in text
    assert "GATEWAY_BASE_URL: must be a web address" in text
    assert "WEB_PORT" in text
    assert "LOG_LEVEL" in text
    assert "STORAGE_URL: must be sqlite:///file.db" in text


def test_nothing_configured_says_what_to_set(tmp_path: Path) -> None:
    text = faults(tmp_path)

    assert "DISCORD_TOKEN" in text
    assert "TELEGRAM_TOKEN" in text
    assert "GATEWAY_API_KEY" in text
    assert "switchboard demo" in text


def test_a_gateway_on_this_machine_needs_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "x")
    monkeypatch.setenv("GATEWAY_BASE_URL", "http://localhost:11434")

    assert load(tmp_path, serving=True).adapters == ["discord"]


def test_a_web_chat_that_others_can_reach_needs_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**GOOD, "WEB_PORT": "8080", "WEB_HOST": "0.0.0.0"}.items():  # noqa: S104
        monkeypatch.setenv(name, value)

    assert "WEB_TOKEN" in faults(tmp_path)
    monkeypatch.setenv("WEB_TOKEN", "guessable")
    assert "shorter than 12 characters" in faults(tmp_path)
    monkeypatch.setenv("WEB_TOKEN", "long and random")
    assert load(tmp_path, serving=True).adapters == ["discord", "web"]


def test_an_empty_variable_counts_as_not_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "")
    monkeypatch.setenv("WEB_PORT", "")

    assert load(tmp_path).adapters == []


def test_secrets_do_not_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STORAGE_URL", "postgresql://bot:db-[s]ecr@t@localhost/x")

    settings = load(tmp_path)

    assert "discord-secret" not in repr(settings)
    assert "sk-secret" not in str(settings)
    assert set(settings.secrets) == {"discord-secret", "sk-secret", "db-[s]ecr@t"}


def test_a_file_that_is_no_toml_is_one_fault(tmp_path: Path) -> None:
    (tmp_path / "switchboard.toml").write_text("[gateway\n")

    assert "switchboard.toml: cannot be read" in faults(tmp_path, serving=False)


def test_the_example_file_names_every_variable_and_loads(tmp_path: Path) -> None:
    example = (Path(__file__).parent.parent / ".env.example").read_text()
    (tmp_path / ENV_FILE).write_text(
        "\n".join(line.removeprefix("# ") if "=" in line else line for line in example.splitlines())
    )

    load(tmp_path)
    for name, section in Settings.SECTIONS.items():
        for field in section.model_fields:
            assert f"{name}_{field}".upper() + "=" in example


def test_other_gateways_and_models_are_named_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "switchboard.toml").write_text(
        '[gateways.ollama]\nbase_url = "http://127.0.0.1:11434"\n'
        '[gateways.router]\nbase_url = "https://router.example/api"\nwire = "responses"\n'
        'headers = { X-Team = "harbour" }\n'
        '[models."house-model"]\ngateway = "ollama"\ncontext = 8000\n'
    )
    monkeypatch.setenv("GATEWAYS_ROUTER_API_KEY", "sk-router")
    monkeypatch.setenv("GATEWAY_FALLBACK_MODELS", "gpt-5, ollama/llama3")
    monkeypatch.setenv("GATEWAY_HEADERS", '{"X-Org": "x-secret"}')

    settings = load(tmp_path)

    router = settings.gateways["router"]
    assert (router.wire, router.headers["X-Team"].get_secret_value()) == ("responses", "harbour")
    assert settings.gateways["ollama"].wire == "chat_completions"
    assert settings.models["house-model"].context == 8000
    assert settings.gateway.fallback_models == ("gpt-5", "ollama/llama3")
    assert {"sk-router", "x-secret"} <= set(settings.secrets)


def test_faults_of_other_gateways_and_models_are_listed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "switchboard.toml").write_text(
        '[gateways.a]\nwire = "chat_completions"\n[gateways.b]\nbase_url = "https://b"\nkee = 1\n'
        '[models.x]\nwire = "telepathy"\n'
    )
    monkeypatch.setenv("GATEWAY_HEADERS", "{not json")

    text = faults(tmp_path, serving=False)

    assert "GATEWAYS_A_BASE_URL" in text
    assert "kee in [gateways.b]" in text
    assert 'wire in [models."x"]' in text
    assert "GATEWAY_" in text
    assert "JSON" in text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_BASE_URL", "http://localhost:abc"),
        ("GATEWAY_BASE_URL", "http://localhost:99999"),
        ("GATEWAY_API_KEY", "sk-one\nsk-two"),
        ("DISCORD_TOKEN", "Bot abc"),
    ],
)
def test_a_value_that_cannot_work_is_found_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    assert name in faults(tmp_path, serving=False)


def test_an_env_file_that_is_no_text_is_one_fault(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"GATEWAY_CHAT_MODEL=\xff\xfe")

    assert faults(tmp_path, serving=False).count("UTF-8 text") == 1


def test_a_key_does_not_travel_in_the_clear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_BASE_URL", "http://gateway.example/v1")

    assert "GATEWAY_BASE_URL: must begin with https://" in faults(tmp_path, serving=False)
    monkeypatch.setenv("GATEWAY_ALLOW_HTTP", "true")
    assert load(tmp_path).gateway.base_url == "http://gateway.example/v1"


@pytest.mark.parametrize("content", ["a = " + "[" * 3000, "a = " + "{x=" * 3000])
def test_a_file_that_is_nested_without_end_is_a_fault_like_any_other(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "switchboard.toml").write_text(content)

    assert "switchboard.toml: cannot be read" in faults(tmp_path)


@pytest.mark.parametrize(
    "header", ['"X-Team" = "a\\nb"', '"X Team" = "a"', '"" = "a"', '"é" = "a"']
)
def test_a_header_that_cannot_be_sent_is_found_before_the_first_question(
    tmp_path: Path, header: str
) -> None:
    (tmp_path / "switchboard.toml").write_text(f"[gateway]\nheaders = {{ {header} }}\n")

    text = faults(tmp_path)

    assert "GATEWAY_HEADERS: has a header" in text
    assert "a\nb" not in text, "its value may be a secret"


@pytest.mark.parametrize("name", ["", "a/b", "a b"])
def test_a_gateway_needs_a_name_that_can_stand_before_a_models(tmp_path: Path, name: str) -> None:
    (tmp_path / "switchboard.toml").write_text(
        f'[gateways."{name}"]\nbase_url = "https://a.example"\n'
    )

    assert f"[gateways.{name!r}]: is no name for a gateway." in faults(tmp_path)
