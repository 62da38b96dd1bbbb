"""The configuration: environment, ``.env`` and ``switchboard.toml`` (in that order of weight) as frozen Settings.

``load`` reports every fault at once. A variable ``GATEWAY_BASE_URL`` is ``base_url`` in the file's
``[gateway]`` section. Secrets are ``SecretStr``: they print as stars.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from bot.errors import ConfigError, Fault

CONFIG_FILE = Path("switchboard.toml")
ENV_FILE = Path(".env")


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be a web address such as https://example.com")
    if parts.username or parts.password:
        raise ValueError("must not carry a user name or password")
    return value.rstrip("/")


def _storage_url(value: str) -> str:
    if not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ValueError("must be sqlite:///file.db or postgresql://user:password@host/database")
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]


class _Section(BaseSettings):
    """One section: its environment variables carry the prefix, its file values the bare names."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, env_file=None, str_strip_whitespace=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # What is passed to the constructor comes from switchboard.toml, so it weighs least.
        return env_settings, dotenv_settings, init_settings


class DiscordSettings(_Section):
    model_config = SettingsConfigDict(env_prefix="DISCORD_")
    token: SecretStr | None = None
    api_url: HttpUrl = "https://discord.com/api/v10"


class TelegramSettings(_Section):
    model_config = SettingsConfigDict(env_prefix="TELEGRAM_")
    token: SecretStr | None = None
    api_url: HttpUrl = "https://api.telegram.org"


class GatewaySettings(_Section):
    model_config = SettingsConfigDict(env_prefix="GATEWAY_")
    api_key: SecretStr | None = None
    base_url: HttpUrl = "https://api.ccapi.ai"
    chat_model: str = Field(default="gpt-5-mini", min_length=1)
    image_model: str = Field(default="nano-banana", min_length=1)


class StorageSettings(_Section):
    model_config = SettingsConfigDict(env_prefix="STORAGE_")
    url: Annotated[str, AfterValidator(_storage_url)] = "sqlite:///switchboard.db"


class WebSettings(_Section):
    model_config = SettingsConfigDict(env_prefix="WEB_")
    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=0, le=65535)
    token: SecretStr | None = None


class LogSettings(_Section):
    model_config = SettingsConfigDict(env_prefix="LOG_")
    format: Literal["console", "json"] = "console"
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Settings(BaseModel):
    """Everything the program is told. ``web.port`` None means: no web chat."""

    model_config = ConfigDict(frozen=True)

    discord: DiscordSettings
    telegram: TelegramSettings
    gateway: GatewaySettings
    storage: StorageSettings
    web: WebSettings
    log: LogSettings

    SECTIONS: ClassVar[dict[str, type[_Section]]] = {
        "discord": DiscordSettings,
        "telegram": TelegramSettings,
        "gateway": GatewaySettings,
        "storage": StorageSettings,
        "web": WebSettings,
        "log": LogSettings,
    }

    @property
    def adapters(self) -> list[str]:
        """The platforms that are configured."""
        configured = {
            "discord": self.discord.token is not None,
            "telegram": self.telegram.token is not None,
            "web": self.web.port is not None,
        }
        return [name for name, wanted in configured.items() if wanted]

    @property
    def secrets(self) -> list[str]:
        """Every secret's plain text, for the log's filter and for nothing else."""
        found = [self.discord.token, self.telegram.token, self.gateway.api_key, self.web.token]
        texts = [secret.get_secret_value() for secret in found if secret is not None]
        password = urlsplit(self.storage.url).password
        return [text for text in [*texts, password or ""] if text]
