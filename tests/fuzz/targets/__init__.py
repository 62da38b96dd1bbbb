"""The targets by name: functions ``(bytes) -> None`` that raise where a promise is broken."""

from collections.abc import Callable

from tests.fuzz.targets import commands, config, inbound, markup, pages, rows, stream, wires

Target = Callable[[bytes], None]

TARGETS: dict[str, Target] = {
    "sse": stream.check_sse,
    "wires": wires.check,
    "sift": stream.check_sift,
    "pages": pages.check,
    "telegram_markup": markup.check_telegram,
    "discord_markup": markup.check_discord,
    "discord": inbound.check_discord,
    "telegram": inbound.check_telegram,
    "web": inbound.check_web,
    "commands": commands.check,
    "rows": rows.check,
    "config": config.check,
}
