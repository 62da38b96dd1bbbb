"""Fuzzes one target under atheris: ``python -m tests.fuzz.worker TARGET FOLDER FLAG …``.

A process of its own, since libFuzzer ends the one that it runs in. Broken promises are noted in
FOLDER and the search goes on; a hang or a crash of the interpreter is libFuzzer's to report.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris  # type: ignore[import-untyped]  # only .venv-fuzz has it

with atheris.instrument_imports(include=["bot", "adapters", "storage", "markdown_it", "tomllib"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.findings import note


def main() -> None:
    program, name, folder, *flags = sys.argv
    target = TARGETS[name]
    atheris.Setup([program, *flags], lambda data: note(target, data, Path(folder)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
