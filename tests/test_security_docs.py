"""The threat model tells the truth: each of its lines names tests, and each of those exists."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "security.md").read_text("utf-8")
THREATS = PAGE.partition("## Members")[2].partition("## What is left")[0]
NAMED = re.findall(r"`(test_\w+\.py)::(test_\w+)`", THREATS)

# What somebody who reviews a chat bot looks for.
SUBJECTS = (
    "SQL",
    "shell",
    "markup injection",
    "XSS",
    "CSRF",
    "cross-origin WebSocket",
    "SSRF",
    "redirect",
    "DNS rebinding",
    "decompression bomb",
    "oversized",
    "endless",
    "path names in attachments",
    "poses as the system",
    "pose as another speaker",
    "buttons",
    "replay",
    "callback data",
    "rights of one group",
    "logs",
    "history",
    "exports",
    "process list",
    "constant time",
    "bandit",
    "no root",
    "read-only file system",
)


def defined_in(path: Path) -> set[str]:
    """The names of the functions that a file defines."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {
        node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, kinds)
    }


def test_every_line_of_the_threat_model_names_a_test() -> None:
    rows = [line for line in THREATS.splitlines() if line.startswith("|")]
    lines = [row for row in rows if not re.match(r"\|[-|]+\|$|\| [\w ]+ \| what stops it \|", row)]

    assert len(lines) > 40
    for line in lines:
        assert re.search(r"\| `test_\w+\.py::test_\w+`[^|]* \|$", line), line


@pytest.mark.parametrize("file", sorted({file for file, _ in NAMED}))
def test_every_test_that_the_threat_model_names_exists(file: str) -> None:
    named = {name for where, name in NAMED if where == file}

    assert named <= defined_in(TESTS / file)


def test_every_security_test_is_named_in_the_threat_model() -> None:
    named = {name for _, name in NAMED}
    for path in TESTS.glob("test_security_*.py"):
        if path.name != Path(__file__).name:
            missing = {name for name in defined_in(path) if name.startswith("test_")} - named
            assert not missing, path.name


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_threat_model_speaks_of(subject: str) -> None:
    assert subject.lower() in THREATS.lower()
