"""The configuration: environment, ``.env`` and ``switchboard.toml``, in that order of weight.

``load`` reports every fault at once. The variable ``GATEWAY_BASE_URL`` is ``base_url`` in the
file's ``[gateway]`` section, and so on. Secrets are ``SecretStr``: they print as stars.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from bot.errors import ConfigError, Fault

CONFIG_FILE = Path("switchboard.toml")
ENV_FILE = Path(".env")

TOKEN_LENGTH = 12  # characters of the web chat's token at least
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token of RFC 9110
_GATEWAY_NAME = re.compile(r"[\w.-]+")  # what stands before the slash in NAME/model
_PERSONA_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")  # one word that fits a button


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    try:
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, or none that exists
        sound = False
    if not sound:
        raise ValueError("must be a web address such as https://example.com")
    if parts.username or parts.password:
        raise ValueError("must not carry a user name or password")
    return value.rstrip("/")


def _storage_url(value: str) -> str:
    if not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ValueError("must be sqlite:///file.db or postgresql://user:password@host/database")
    return value


def _one_line(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.isprintable() or not text.isascii() or " " in text:
        raise ValueError("has a space, a line break or another character that keys do not have")
    return value


def _sendable(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not value.get_secret_value().isprintable():
            raise ValueError(f"has a header {name!r} that cannot be sent, for its name or value")
    return headers


Secret = Annotated[SecretStr, AfterValidator(_one_line)]
Headers = Annotated[dict[str, SecretStr], AfterValidator(_sendable)]
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
    token: Secret | None = None
    api_url: HttpUrl = "https://discord.com/api/v10"


class TelegramSettings(_Section):
    model_config = SettingsConfigDict(env_prefix="TELEGRAM_")
    token: Secret | None = None
    api_url: HttpUrl = "https://api.telegram.org"
    calls_per_second: int = Field(default=30, ge=4)
    drafts: bool = False


def _names(value: Any) -> Any:
    """The names in a list as it is typed in an environment variable: ``a, b``."""
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    return value


ChatWire = Literal["chat_completions", "responses", "anthropic", "gemini"]


class _GatewaySection(_Section):
    """What every gateway has. ``headers`` are sent with each call; ``allow_http`` says that the
    road to it is the operator's own, so that nobody reads the key on the way."""

    api_key: Secret | None = None
    base_url: HttpUrl
    headers: Headers = Field(default_factory=dict)
    allow_http: bool = False

    @model_validator(mode="after")
    def _no_key_in_the_clear(self) -> Self:
        parts = urlsplit(self.base_url)
        if parts.scheme == "http" and not self.allow_http and not is_loopback(parts.hostname or ""):
            raise ValueError(
                "must begin with https://, or everybody on the way can read the key "
                "(if the way is your own, set allow_http)"
            )
        return self


class GatewaySettings(_GatewaySection):
    """The main gateway. ``wire`` "" lets each model choose; ``fallback_models`` are tried in order
    when a chat model fails before its first word. ``transcription_model`` listens to recordings;
    ``summary_model`` sums up what no longer fits, "" for the model that was asked."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")
    base_url: HttpUrl = "https://api.ccapi.ai"
    chat_model: str = Field(default="gpt-5-mini", min_length=1)
    image_model: str = Field(default="nano-banana", min_length=1)
    fallback_models: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    transcription_model: str = Field(default="whisper-1", min_length=1)
    summary_model: str = ""
    wire: ChatWire | Literal[""] = ""


class NamedGatewaySettings(_GatewaySection):
    """A gateway beside the main one, ``[gateways.NAME]``: its models are called ``NAME/model``."""

    wire: ChatWire = "chat_completions"


class ModelSettings(BaseModel):
    """A row of the model table, ``[models."NAME"]``; ``bot.gateway.models.Model`` says what each
    is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["chat", "image"] = "chat"
    wire: Literal[
        "", "chat_completions", "responses", "anthropic", "gemini", "images", "multimodal"
    ] = ""
    context: int = Field(default=32_000, ge=1_000)
    gateway: str = ""
    sent: str = ""
    sees: bool = False
    thinks: bool = False
    temperature: bool = True
    count: int = Field(default=1, ge=1)
    ratios: tuple[str, ...] = ()
    sizes: dict[str, str] = Field(default_factory=dict)
    aliases: tuple[str, ...] = ()


class PersonaSettings(BaseModel):
    """A persona of the operator's own, ``[personas."NAME"]``: ``text`` is what the model is told,
    ``description`` what people read when they choose."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    text: str = Field(min_length=1, max_length=8_000)
    description: str = Field(default="", max_length=100)


class StorageSettings(_Section):
    model_config = SettingsConfigDict(env_prefix="STORAGE_")
    url: Annotated[str, AfterValidator(_storage_url)] = "sqlite:///switchboard.db"


class WebSettings(_Section):
    model_config = SettingsConfigDict(env_prefix="WEB_")
    host: str = "127.0.0.1"
    port: int | None = Field(default=None, ge=0, le=65535)
    token: SecretStr | None = None


class LimitSettings(_Section):
    """What happens at once: ``answers`` in the whole bot, behind which so many requests may be
    ``waiting``; so many of them in one ``channel``, and so many of one ``user``. ``stop_seconds``
    are what answers under way have to end in when the program is told to stop."""

    model_config = SettingsConfigDict(env_prefix="LIMITS_")
    answers: int = Field(default=200, ge=1)
    waiting: int = Field(default=2_000, ge=0)
    channel: int = Field(default=20, ge=0)
    user: int = Field(default=6, ge=1)
    stop_seconds: float = Field(default=30.0, ge=0)


class LogSettings(_Section):
    model_config = SettingsConfigDict(env_prefix="LOG_")
    format: Annotated[Literal["console", "json"], BeforeValidator(str.lower)] = "console"
    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)] = (
        "INFO"
    )


class Settings(BaseModel):
    """Everything the program is told. ``web.port`` None means: no web chat."""

    model_config = ConfigDict(frozen=True)

    discord: DiscordSettings
    telegram: TelegramSettings
    gateway: GatewaySettings
    storage: StorageSettings
    web: WebSettings
    log: LogSettings
    limits: LimitSettings
    gateways: dict[str, NamedGatewaySettings] = Field(default_factory=dict)
    models: dict[str, ModelSettings] = Field(default_factory=dict)
    personas: dict[str, PersonaSettings] = Field(default_factory=dict)

    SECTIONS: ClassVar[dict[str, type[BaseSettings]]] = {
        "discord": DiscordSettings,
        "telegram": TelegramSettings,
        "gateway": GatewaySettings,
        "storage": StorageSettings,
        "web": WebSettings,
        "log": LogSettings,
        "limits": LimitSettings,
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
        found = [self.discord.token, self.telegram.token, self.web.token]
        for gateway in (self.gateway, *self.gateways.values()):
            found += [gateway.api_key, *gateway.headers.values()]
        texts = [secret.get_secret_value() for secret in found if secret is not None]
        # Up to the last @, since passwords are often pasted with their special characters as
        # they are.
        password = re.match(r"\w+://[^:/@]*:(.*)@", self.storage.url)
        if password is not None:
            texts += [password[1], unquote(password[1])]
        return [text for text in dict.fromkeys(texts) if text]


_NAMED = ("gateways", "models", "personas")  # sections with a section for each name
_EXAMPLES = {
    "discord.api_url": "https://discord.com/api/v10",
    "telegram.api_url": "https://api.telegram.org",
    "telegram.calls_per_second": "30",
    "telegram.drafts": "true or false",
    "gateway.base_url": "https://api.ccapi.ai",
    "gateway.chat_model": "gpt-5-mini",
    "gateway.image_model": "nano-banana",
    "gateway.transcription_model": "whisper-1",
    "storage.url": "sqlite:///switchboard.db",
    "web.host": "127.0.0.1",
    "web.port": "8080",
    "log.format": "console or json",
    "log.level": "DEBUG, INFO, WARNING or ERROR",
    "limits.answers": "200",
    "limits.waiting": "2000",
    "limits.channel": "20",
    "limits.user": "6",
    "limits.stop_seconds": "30",
}


def load(folder: Path = Path(), *, serving: bool = False) -> Settings:
    """Read the configuration. ``serving``: also what ``switchboard run`` needs must be there.

    Raises ConfigError with every fault.
    """
    faults: list[Fault] = []
    file = _read_file(folder / CONFIG_FILE, faults)
    sections: dict[str, Any] = {}
    for name, kind in Settings.SECTIONS.items():
        sections[name] = _section(name, kind, file.get(name, {}), faults, folder)
    gateways = {
        name: _section(f"gateways_{name}", NamedGatewaySettings, values, faults, folder)
        for name, values in file.get("gateways", {}).items()
    }
    models = _rows("models", ModelSettings, file, faults, "models.toml has examples.")
    personas = _rows("personas", PersonaSettings, file, faults, "personas.toml has examples.")
    for name in personas:
        if not _PERSONA_NAME.fullmatch(name):
            where = f"{CONFIG_FILE}: [personas.{name!r}]"
            faults.append(Fault(where, "is no name for a persona.", "Use one word of letters."))
    if serving:
        faults += _missing(sections)
    if faults:
        raise ConfigError(faults)
    return Settings(**sections, gateways=gateways, models=models, personas=personas)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, seen from this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _section(
    name: str, kind: type[BaseSettings], values: dict[str, Any], faults: list[Fault], folder: Path
) -> Any:
    """The section from its variables and its values in the file; None, and faults, where it is
    wrong."""
    try:
        return kind(_env_file=folder / ENV_FILE, _env_prefix=f"{name}_".upper(), **values)
    except ValidationError as error:
        for found in error.errors():
            faults.append(_fault(name, str((*found["loc"], "base_url")[0]), found["msg"]))
    except SettingsError as error:
        faults.append(Fault(f"{name}_…".upper(), f"{error}.", "Give it as JSON."))
    except UnicodeDecodeError:
        fault = Fault(ENV_FILE.name, "is no UTF-8 text.", "Save it as UTF-8.")
        faults += [] if fault in faults else [fault]
    return None


def _rows(
    section: str, kind: type[BaseModel], file: dict[str, Any], faults: list[Fault], remedy: str
) -> dict[str, Any]:
    """The rows ``[section."NAME"]`` by name, without those that are wrong, which become faults."""
    rows: dict[str, Any] = {}
    for name, values in file.get(section, {}).items():
        try:
            rows[name] = kind.model_validate(values)
        except ValidationError as error:
            for found in error.errors():
                field = ".".join(str(part) for part in found["loc"]) or "it"
                where = f'{CONFIG_FILE}: {field} in [{section}."{name}"]'
                faults.append(Fault(where, f"{found['msg']}.", remedy))
    return rows


def _read_file(path: Path, faults: list[Fault]) -> dict[str, dict[str, Any]]:
    """The file's known sections with their known values; whatever is unknown becomes a fault."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        faults.append(Fault(path.name, f"cannot be read: {error}.", "Correct or remove the file."))
        return {}
    sections: dict[str, dict[str, Any]] = {}
    for name, values in content.items():
        if name in _NAMED and isinstance(values, dict):
            sections[name] = values
        elif name in Settings.SECTIONS and isinstance(values, dict):
            sections[name] = _known(name, values, Settings.SECTIONS[name], faults)
        else:
            faults.append(_unknown(f"[{name}]", name, [*Settings.SECTIONS, *_NAMED]))
    for name, values in sections.get("gateways", {}).items():
        if not _GATEWAY_NAME.fullmatch(name):
            where = f"{CONFIG_FILE}: [gateways.{name!r}]"
            faults.append(Fault(where, "is no name for a gateway.", "Use letters and digits."))
        sections["gateways"][name] = _known(
            f"gateways.{name}", values, NamedGatewaySettings, faults
        )
    return sections


def _known(name: str, values: Any, kind: type[BaseSettings], faults: list[Fault]) -> dict[str, Any]:
    """The values that the section knows; each of the others becomes a fault."""
    fields = kind.model_fields
    values = values if isinstance(values, dict) else {}
    faults += [
        _unknown(f"{key} in [{name}]", key, list(fields)) for key in values if key not in fields
    ]
    return {key: value for key, value in values.items() if key in fields}


def _unknown(what: str, name: str, known: list[str]) -> Fault:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(known)}."
    return Fault(f"{CONFIG_FILE}: {what}", "is not known.", hint)


def _fault(section: str, field: str, message: str) -> Fault:
    problem = message.removeprefix("Value error, ")
    example = _EXAMPLES.get(f"{section}.{field}")
    remedy = f"For example: {example}." if example else f"Correct it, or leave {field} out."
    return Fault(f"{section}_{field}".upper(), f"{problem[:1].lower()}{problem[1:]}.", remedy)


def _missing(sections: dict[str, Any]) -> list[Fault]:
    """What is needed to serve and is not there. A section that could not be read is None."""
    faults = []
    discord, telegram = sections["discord"], sections["telegram"]
    web, gateway = sections["web"], sections["gateway"]
    if (
        discord
        and telegram
        and web
        and not (discord.token or telegram.token or web.port is not None)
    ):
        faults.append(
            Fault(
                "DISCORD_TOKEN, TELEGRAM_TOKEN",
                "no platform is configured.",
                "Set at least one of them, or WEB_PORT for the local web chat. "
                "To look around without any account, type: switchboard demo",
            )
        )
    if (
        gateway
        and not gateway.api_key
        and not is_loopback(urlsplit(gateway.base_url).hostname or "")
    ):
        faults.append(
            Fault(
                "GATEWAY_API_KEY",
                "is missing.",
                f"Set it to your key for {urlsplit(gateway.base_url).hostname}.",
            )
        )
    if web and web.token and len(web.token.get_secret_value()) < TOKEN_LENGTH:
        faults.append(
            Fault(
                "WEB_TOKEN",
                f"is shorter than {TOKEN_LENGTH} characters and could be guessed.",
                "Make a better one: openssl rand -base64 24",
            )
        )
    if web and web.port is not None and not web.token and not is_loopback(web.host):
        faults.append(
            Fault(
                "WEB_TOKEN",
                f"is missing, but WEB_HOST {web.host} can be reached by others.",
                "Set WEB_TOKEN to a long random text, or WEB_HOST to 127.0.0.1.",
            )
        )
    return faults
