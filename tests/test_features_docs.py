"""docs/features.md names tests that exist, and leaves no platform out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "features.md"
PLATFORMS = ["Discord", "Telegram", "web chat", "terminal"]
LINK = re.compile(r"\[([^\]]+)\]\(\.\./(tests/test_\w+\.py)\)")


def rows() -> list[list[str]]:
    """The cells of every line of every table, without the heads."""
    lines = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] and not set(row[0]) <= set("-")]


@pytest.mark.parametrize(("sentence", "file"), sorted(set(LINK.findall(DOCUMENT.read_text()))))
def test_every_sentence_is_the_name_of_a_test(sentence: str, file: str) -> None:
    name = f"test_{sentence.replace(' ', '_')}"

    assert re.search(rf"^(?:async )?def {name}\(", (ROOT / file).read_text("utf-8"), re.M)


def test_every_feature_has_a_test_or_a_reason_on_every_platform() -> None:
    heads = [line for line in DOCUMENT.read_text("utf-8").splitlines() if "| Discord |" in line]
    assert set(heads) == {f"| | {' | '.join(PLATFORMS)} |"}
    for feature, *cells in rows():
        assert len(cells) in (len(PLATFORMS), 1), feature
        for cell in cells:
            named = LINK.fullmatch(cell) or all(map(LINK.fullmatch, cell.split(", ")))
            assert named or re.fullmatch(r"– \S.{5,}", cell), f"{feature}: {cell}"
