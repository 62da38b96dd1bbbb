"""The documents tell the truth, as far as a program can see."""

import re
from pathlib import Path

import pytest

from bot.commands import COMMANDS
from bot.config import Settings
from bot.gateway.wire import WIRE_FORMATS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/architecture.md",
    "docs/gateway.md",
    "docs/reliability.md",
    "docs/security.md",
    "docs/storage.md",
]


def test_every_file_in_the_readmes_tree_exists() -> None:
    tree = README.partition("## How it is built")[2].partition("```")[2].partition("```")[0]
    folder = ROOT
    for line in tree.strip().splitlines():
        for name in re.match(r"\s*((?:\S+ )+) ", line + "  ")[1].split():  # type: ignore[index]
            at_the_left = not line.startswith(" ")
            path = (ROOT if at_the_left else folder) / name
            assert path.exists(), f"{name} of the README's tree does not exist"
            if at_the_left and path.is_dir():
                folder = path


def test_the_readme_lists_every_setting_with_its_default() -> None:
    for name, section in Settings.SECTIONS.items():
        for field, about in section.model_fields.items():
            variable = f"{name}_{field}".upper()
            row = re.search(rf"^\| `{variable}` \| (.*?) \|", README, re.M)
            assert row is not None, f"{variable} is not in the README"
            default = about.default
            if isinstance(default, str) and default:
                assert default in row[1], f"{variable}'s default is not {row[1]}"


def test_the_readme_and_the_commands_agree() -> None:
    for command in COMMANDS:
        assert f"`/{command.name}" in README, f"/{command.name} is not in the README"


def test_the_gateways_table_names_tests_that_exist() -> None:
    table = (ROOT / "docs/gateway.md").read_text()

    for name in set(re.findall(r"`(test_\w+)`", table)):
        assert (ROOT / "tests" / f"{name}.py").exists(), name
    for wire in WIRE_FORMATS:
        assert wire in table


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_the_makefile_has_what_the_documents_tell_people_to_type() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for document in DOCUMENTS:
        for goal in re.findall(r"(?:`|    )make ([a-z]+)", (ROOT / document).read_text()):
            assert re.search(rf"^{goal}:", makefile, re.M), f"make {goal} of {document}"
