"""``make fuzz``: search every target for broken promises, and show each by its smallest input.

    python -m tests.fuzz [TARGET …] [--seconds 20] [--keep]

What was found and what led there is under ``build/fuzz/TARGET``. ``--keep`` makes the best inputs,
old and new, the target's corpus, which every test run replays.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

from tests.fuzz.findings import ROOT, finding, smallest
from tests.fuzz.keeping import CORPUS, keep, kept
from tests.fuzz.targets import TARGETS

BUILD = ROOT / "build" / "fuzz"
LONGEST = 1024  # bytes of an input; they spell texts of several times that
HANG = 20  # seconds for one input


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzzing.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=20, help="for each target")
    parser.add_argument("--keep", action="store_true", help="choose the corpus anew")
    asked = parser.parse_args()
    if unknown := [name for name in asked.targets if name not in TARGETS]:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(TARGETS)}")
    broken = [name for name in asked.targets or TARGETS if not _holds(name, asked.seconds)]
    if asked.keep:
        for name in asked.targets or TARGETS:
            _keep(name)
    if broken:
        sys.exit(f"Broken promises: {', '.join(broken)}.")


def _holds(name: str, seconds: int) -> bool:
    """Fuzz one target and tell what came of it; whether nothing was found."""
    findings, corpus = BUILD / name / "findings", BUILD / name / "corpus"
    for folder in (findings, corpus, CORPUS / name):
        folder.mkdir(parents=True, exist_ok=True)
    for file in findings.iterdir():
        file.unlink()
    flags = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-timeout={HANG}",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
    ]
    status, log = _run(name, findings, *flags, corpus, CORPUS / name)
    (BUILD / name / "log").write_text(log)
    for file in findings.glob("*-*"):  # libFuzzer's own: a hang, or a crash of the interpreter
        again, _ = _run(name, findings, f"-timeout={HANG}", file)
        if again == 0:
            _say(f"  an input took {HANG} seconds once and does not again: the machine is busy")
            file.unlink()
            status = 0
    covered = re.findall(r"cov: (\d+)", log)
    runs = re.search(r"number_of_executed_units: (\d+)", log)
    _say(
        f"{name}: {runs[1] if runs else 'no'} inputs, "
        f"{covered[-1] if covered else '-'} places reached"
    )
    found = sorted(findings.iterdir())
    for file in found:
        _tell(name, file)
    if status and not found:
        _say(log[-2000:])
    return not found and status == 0


def _run(name: str, *arguments: object) -> tuple[int, str]:
    """A worker's exit status and everything that it said."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.worker", name, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return ran.returncode, ran.stdout + ran.stderr


def _tell(name: str, file: Path) -> None:
    target, data = TARGETS[name], file.read_bytes()
    if "-" in file.name:
        log = (file.parent.parent / "log").relative_to(ROOT)
        _say(f"  {file.name.partition('-')[0]}, see {log}\n    {data!r}")
        return
    data = smallest(target, data)
    found = finding(target, data)
    file.write_bytes(data)
    what = f"{found.where}\n    {found.why}" if found else "only under the fuzzer"
    _say(f"  {what}\n    {data!r}\n    {file.relative_to(ROOT)}")


def _keep(name: str) -> None:
    files = [*kept(name), *(BUILD / name / "corpus").glob("*")]
    inputs = [file.read_bytes() for file in files]
    count = keep(name, TARGETS[name], inputs)
    size = sum(file.stat().st_size for file in kept(name))
    _say(f"{name}: keeps {count} of {len(inputs)} inputs, {size} bytes")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
