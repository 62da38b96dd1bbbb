"""Looks up every locked package in the public lists of known vulnerabilities, through pip-audit.

``python -m tests.audit PIP_AUDIT REQUIREMENTS…`` (``make audit``) ends with one sentence and exits
with 0 where every package was looked up and none is known to be vulnerable, 1 where one is, and 75
(EX_TEMPFAIL) where some could not be looked up. pip-audit itself calls that a success.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SERVICES = ("pypi", "osv")  # asked in this order, until one knows every package
CLEAN, VULNERABLE, UNKNOWN = 0, 1, 75


@dataclass(frozen=True, slots=True)
class Outcome:
    status: int
    lines: tuple[str, ...]


def judged(report: Any) -> Outcome:
    """What pip-audit's JSON means; None stands for no report at all."""
    packages = report.get("dependencies", []) if isinstance(report, dict) else []
    asked = [package for package in packages if "vulns" in package]
    found = [
        f"{package['name']} {package['version']}: {flaw['id']}, "
        f"fixed in {', '.join(flaw.get('fix_versions') or ()) or 'no version yet'}"
        for package in asked
        for flaw in package["vulns"]
    ]
    if found:
        return Outcome(VULNERABLE, (*found, f"{len(found)} known vulnerabilities: renew the lock."))
    if not asked:
        return Outcome(
            UNKNOWN, ("Nothing was audited: no list of vulnerabilities can be reached.",)
        )
    if len(asked) < len(packages):
        left = ", ".join(package["name"] for package in packages if "vulns" not in package)
        return Outcome(UNKNOWN, (f"Not all was audited, nobody could be asked about {left}.",))
    return Outcome(CLEAN, (f"No known vulnerability in {len(asked)} packages.",))


def report_of(command: str, service: str, requirements: Sequence[str]) -> Any:
    """pip-audit's JSON, None where it has none: it ends with a traceback where nobody answers."""
    files = [part for file in requirements for part in ("--requirement", file)]
    options = ["--vulnerability-service", service, "--require-hashes", "--disable-pip"]
    quiet = ["--format", "json", "--desc", "off", "--progress-spinner", "off"]
    done = subprocess.run(
        [command, *files, *options, *quiet], capture_output=True, text=True, check=False
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        return None


def main(command: str, requirements: Sequence[str]) -> int:
    outcome = judged(None)
    for service in SERVICES:
        outcome = judged(report_of(command, service, requirements))
        if outcome.status != UNKNOWN:
            break
    sys.stdout.write("\n".join(outcome.lines) + "\n")
    return outcome.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
