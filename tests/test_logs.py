"""Logs for people and for machines, without any secret."""

import json
import logging
from collections.abc import Iterator

import pytest

from bot import logs


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield
    root.handlers[:], root.level = before[0], before[1]


def test_a_secret_never_reaches_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("console", "INFO", ["tok", "token-123"])

    try:
        raise ValueError("https://api/bottoken-123/getMe")
    except ValueError:
        logging.getLogger("x").exception("calling %s", "bottoken-123")

    printed = capsys.readouterr().err
    assert "token-123" not in printed
    assert "********" in printed
    assert "Traceback" in printed


def test_json_lines_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("json", "INFO", ["geheim"])

    logging.getLogger("x").info("a “quoted” line\nand %s", "geheim")

    entry = json.loads(capsys.readouterr().err)
    assert entry["level"] == "info"
    assert entry["logger"] == "x"
    assert entry["message"] == "a “quoted” line\nand ********"


def test_libraries_that_log_addresses_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("console", "INFO", [])

    logging.getLogger("httpx").info("HTTP Request: POST https://api.telegram.org/bot1:AA/getMe")

    assert capsys.readouterr().err == ""
