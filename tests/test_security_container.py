"""What the program is run in and made of: container, locked packages, the linter's rules."""

from __future__ import annotations

import ast
import json
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.audit import CLEAN, UNKNOWN, VULNERABLE, judged

ROOT = Path(__file__).parent.parent
PRODUCT = ("bot", "adapters", "storage")
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


# The container


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, those of its last stage only."""
    joined = DOCKERFILE.replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in joined.splitlines() if line[:1].isalpha()]
    last = max(at for at, (word, _) in enumerate(lines) if word == "FROM")
    return [(word, rest) for word, rest in lines[last:]]


def test_the_image_runs_as_somebody_who_owns_nothing_but_the_data() -> None:
    steps = instructions()
    words = [word for word, _ in steps]
    user = dict(steps)["USER"]

    assert user.isdecimal(), "a name could be anybody's"
    assert int(user) >= 10_000
    assert not {"COPY", "RUN", "ADD"} & set(words[words.index("USER") :]), "its files are root's"
    assert "--chown" not in DOCKERFILE
    assert ("VOLUME", "/data") in steps
    assert "sqlite:////data/" in dict(steps)["ENV"]


def test_the_image_holds_no_secret_and_listens_to_nobody() -> None:
    given = " ".join(rest for word, rest in instructions() if word in ("ENV", "ARG"))

    assert not re.search(r"TOKEN|KEY|PASSWORD", given)
    assert "WEB_HOST=127.0.0.1" in given
    assert "EXPOSE" not in DOCKERFILE
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert ignored[0] == "*", ".env, databases and .git stay outside"
    assert not any(name.startswith("!.") for name in ignored)


def test_the_container_can_write_its_data_and_nothing_else() -> None:
    compose = (ROOT / "compose.yaml").read_text("utf-8")
    service = compose.partition("\n  switchboard:\n")[2].partition("\n  # For a database")[0]

    for line in (
        "read_only: true",
        "cap_drop: [ALL]",
        'security_opt: ["no-new-privileges:true"]',
        "- data:/data",
        "WEB_HOST: 127.0.0.1",
    ):
        assert f"\n    {line}\n" in service or f"\n      {line}\n" in service, line
    assert re.search(r"tmpfs:\n      - /tmp:\S*noexec", service)
    for word in ("privileged:", "cap_add", "network_mode", "docker.sock", "ports:", "user: root"):
        assert word not in service


def test_only_packages_with_known_content_are_installed() -> None:
    for name in ("run", "dev"):
        lock = (ROOT / f"requirements/{name}.txt").read_text("utf-8").replace("\\\n", " ")
        packages = [line for line in lock.splitlines() if re.match(r"[a-z0-9]", line, re.I)]
        assert packages
        assert all("==" in line and "--hash=sha256:" in line for line in packages)
    for text in (DOCKERFILE, MAKEFILE):
        installs = [line for line in text.splitlines() if "-r requirements/" in line]
        assert installs
        assert all("--require-hashes" in line for line in installs)


# The linter's rules


def test_the_linters_security_rules_are_part_of_make_lint() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]

    assert {"S", "BLE", "ASYNC"} <= set(settings["select"])
    assert not [rule for rule in settings["ignore"] if rule.startswith("S")]
    for path, rules in settings["per-file-ignores"].items():
        assert path.startswith("tests") or not [rule for rule in rules if re.match(r"S\d", rule)]
    assert re.search(r"^lint:.*\n\t\$\(BIN\)/ruff check \.$", MAKEFILE, re.M)
    assert "make lint" in (ROOT / ".ci/run").read_text("utf-8")


def sources() -> list[Path]:
    return [path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py")]


# Dice that are no secrets, and SQL that is made of our own constants.
SILENCED = {("S311", ""), ("S608", "storage/check.py")}


def test_security_rules_are_silenced_where_we_know_why_and_nowhere_else() -> None:
    for path in sources():
        where = path.relative_to(ROOT).as_posix()
        for rule in re.findall(r"noqa:[^(\n]*\b(S\d+)", path.read_text("utf-8")):
            assert any(rule == known and where.startswith(place) for known, place in SILENCED), (
                where
            )


def test_the_program_starts_no_other_and_runs_no_text() -> None:
    banned = {
        "subprocess",
        "pty",
        "pickle",
        "shelve",
        "marshal",
        "ctypes",
        "code",
        "multiprocessing",
    }
    calls = {"eval", "exec", "compile", "__import__"}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert not banned & {name.name.partition(".")[0] for name in node.names}, path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] not in banned, path
            elif isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in calls, path
                assert not re.match(r"os\.(system|popen|exec|spawn|posix_spawn|fork)", called), path
                if "create_subprocess" in called:  # our own reader of PDFs, with fixed arguments
                    assert called == "asyncio.create_subprocess_exec", path
                    assert path.name == "attachments.py"
                    assert ast.unparse(node.args[0]) == "sys.executable"


# The audit


def package(name: str, *flaws: str) -> dict[str, Any]:
    found = [{"id": flaw, "fix_versions": ["9.9"]} for flaw in flaws]
    return {"name": name, "version": "1.0", "vulns": found}


SKIPPED = {"name": "lost", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.mark.parametrize(
    ("dependencies", "status", "words"),
    [
        ([package("a"), package("b")], CLEAN, "No known vulnerability in 2 packages."),
        ([package("a"), SKIPPED], UNKNOWN, "nobody could be asked about lost."),
        ([SKIPPED], UNKNOWN, "Nothing was audited"),
        ([], UNKNOWN, "Nothing was audited"),
        ([package("a", "CVE-1"), SKIPPED], VULNERABLE, "1 known vulnerabilities"),
    ],
)
def test_an_audit_is_clean_only_where_everything_was_looked_up(
    dependencies: list[Any], status: int, words: str
) -> None:
    outcome = judged({"dependencies": dependencies, "fixes": []})

    assert outcome.status == status
    assert words in outcome.lines[-1]


@pytest.mark.parametrize(
    ("printed", "status"), [("Traceback: no route to host", UNKNOWN), ("", UNKNOWN), ("ok", CLEAN)]
)
def test_an_audit_that_reaches_nobody_says_so_with_a_status_of_its_own(
    tmp_path: Path, printed: str, status: int
) -> None:
    told = json.dumps({"dependencies": [package("a")]}) if printed == "ok" else printed
    stand_in = tmp_path / "pip-audit"
    stand_in.write_text(f"#!{sys.executable}\nprint({told!r})\n")
    stand_in.chmod(stat.S_IRWXU)

    done = subprocess.run(
        [sys.executable, "-m", "tests.audit", str(stand_in), "requirements/run.txt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == status
    assert done.stdout.strip().endswith(".")
    assert done.stderr == ""
