"""What the fuzzer found worth keeping still holds, and the fuzzer's own small tools do too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fuzz.draws import Draws, spelled
from tests.fuzz.findings import finding, note, smallest
from tests.fuzz.keeping import CORPUS, FIXED, LARGEST, MOST, chosen_from, kept, steps
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_keeps_its_promise(name: str) -> None:
    files = kept(name)
    found = {file.name: finding(TARGETS[name], file.read_bytes()) for file in files}

    assert {file: broken for file, broken in found.items() if broken is not None} == {}
    assert files, f"make fuzz ARGS='{name} --keep' makes it a corpus"


def test_the_corpus_stays_small_and_belongs_to_targets() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)
    for name in TARGETS:
        assert sum(not file.name.startswith(FIXED) for file in kept(name)) <= MOST
    sizes = [file.stat().st_size for name in TARGETS for file in kept(name)]
    assert max(sizes) <= LARGEST
    assert sum(sizes) <= 200 * 2**10


def _broken_by_a_pair(data: bytes) -> None:
    assert not (b"a" in data and b"z" in data), "a and z"
    assert b"q" not in data, "q"


def test_a_finding_is_shown_by_the_smallest_input_that_has_it() -> None:
    assert smallest(_broken_by_a_pair, b"an input with an a before its z, the only ones") == b"az"
    assert smallest(_broken_by_a_pair, b"inquiry") == b"q"


def test_two_ways_to_break_a_promise_are_two_findings_and_the_smaller_input_stays(
    tmp_path: Path,
) -> None:
    for data in (b"fine", b"a to z", b"az", b"a, b, z", b"quarter", b"q"):
        note(_broken_by_a_pair, data, tmp_path)

    assert sorted(file.read_bytes() for file in tmp_path.iterdir()) == [b"az", b"q"]


def test_the_chosen_inputs_lead_as_far_as_all_of_them_and_are_smaller() -> None:
    stream = TARGETS["sse"]
    given = [b"\0\0\0" + text for text in (b"data: 1\n\n", b": 1\rid: 2\n", b"data: 1\n\n: \n")]

    chosen = chosen_from(stream, given)

    assert sum(map(len, chosen)) < sum(map(len, given))
    reached = {step for data in chosen for step, _ in steps(stream, data)}
    assert reached == {step for data in given for step, _ in steps(stream, data)}


def test_an_input_that_breaks_a_promise_is_not_kept() -> None:
    assert chosen_from(_broken_by_a_pair, [b"az", b"q"]) == []


def test_bytes_that_are_used_up_read_as_the_simplest_values() -> None:
    draws = Draws(b"")

    assert (draws.below(300), draws.flag(), draws.pick("abc"), draws.text(["x"])) == (
        0,
        False,
        "a",
        "",
    )
    assert draws.json(["name"], ["word"]) is None
    assert draws.spoilt({"a": [1]}, ["name"], ["word"]) == {"a": [1]}


def test_a_byte_is_a_letter_or_a_word() -> None:
    assert spelled(b"a\x80b\x81\x82", ["<one>", "<two>"]) == "a<one>b<two><one>"


def test_drawn_values_are_json_and_the_original_stays_as_it_was() -> None:
    original = {"id": "1", "list": [{"x": 1}, "y"], "flag": True}
    before = json.dumps(original)

    for seed in range(300):
        draws = Draws(bytes((seed * step + step) % 256 for step in range(1, 60)))
        drawn = [
            draws.json(["a"], ["b"]),
            draws.spoilt(original, ["a"], ["b"]),
            draws.varied(draws.thinned(original, ["id"]), ["id"], ["b"]),
        ]
        assert json.loads(json.dumps(drawn))
        assert drawn[2]["id"] == "1"

    assert json.dumps(original) == before
