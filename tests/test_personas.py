"""Who answers: the library, the operator's own, and descriptions in people's own words."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import config
from bot.commands import COMMANDS
from bot.config import PersonaSettings
from bot.errors import ConfigError, Refused
from bot.personas import LONGEST, Personas, shipped
from bot.prompt import PLAIN, SYSTEM, Voice
from bot.switchboard import Switchboard
from bot.types import User
from tests.clock import run
from tests.fakes import CHANNEL, request
from tests.test_switchboard import LIMITS, Bench, prompts

PIRATE = "You are a pirate.\nSay arr."


def with_own(**own: PersonaSettings) -> Bench:
    bench = Bench()
    bench.switchboard = Switchboard(
        bench.store, bench.gateway, bench.models, COMMANDS, LIMITS, personas=Personas(own)
    )
    return bench


def system(bench: Bench) -> str:
    """What the latest question told the model beside what was said."""
    return prompts(bench)[-1].system


def test_the_shipped_personas_fit_every_place_where_they_are_shown() -> None:
    assert len(shipped()) == 8
    for persona in shipped():
        assert re.fullmatch(r"[a-z-]{3,20}", persona.name)
        assert 10 < len(persona.description) <= 100
        assert 100 < len(persona.text) < LONGEST
        assert "\n" not in persona.text.strip(), "one paragraph"


def test_a_persona_answers_until_it_is_taken_back() -> None:
    bench = Bench()

    said = bench.type("/persona Teacher", source="1").text
    bench.type("why?", source="2")
    taught = system(bench)
    back = bench.type("/persona default", source="3").text
    bench.type("why?", source="4")

    assert said == "**teacher** now answers in this channel."
    assert taught.startswith(SYSTEM)
    assert "> You are a patient teacher." in taught
    assert back == "No persona is chosen in this channel any more."
    assert system(bench) == SYSTEM


def test_a_description_of_ones_own_answers_too_with_all_its_dashes_and_lines() -> None:
    bench = Bench()

    said = bench.type(f"/persona {PIRATE} Use --plain words", source="1").text
    bench.type("hi", source="2")

    assert "`You are a pirate. Say arr. Use --plain words`" in said
    assert system(bench).endswith("\n\n> You are a pirate.\n> Say arr. Use --plain words")


def test_one_word_that_is_no_persona_is_told_what_there_is() -> None:
    text = Bench().type("/persona tacher").text

    assert "There is no persona “tacher”" in text
    assert "teacher" in text


def test_a_description_that_is_too_long_is_refused_by_every_road() -> None:
    bench = Bench()
    long = "You are " + "very " * LONGEST

    for source, line in enumerate((f"/persona {long}", f"/settings persona {long}")):
        assert "at most 2,000 characters" in bench.type(line, source=str(source)).text
    assert bench.store.chosen_values == {}


def test_persona_alone_shows_who_answers_and_what_there_is_to_choose() -> None:
    bench = Bench()
    first = bench.type("/persona", source="1")
    bench.type("/persona muse", source="2")
    second = bench.type("/persona", source="3").text
    bench.type("/persona You are a `pirate`.", source="4")
    third = bench.type("/persona", source="5").text

    assert "I answer as myself" in first.text
    assert "**muse answers** (chosen for this channel)" in second
    assert "`You are a 'pirate'.`" in third
    [menu] = first.pages[0].menus
    lines = [option.line for option in menu.options]
    assert lines == [*(f"/persona {one.name}" for one in shipped()), "/persona default"]
    [own] = first.pages[0].actions
    assert (own.line, bool(own.ask)) == ("/persona ", True)


def test_the_operators_personas_come_with_the_shipped_ones_and_can_replace_them() -> None:
    bench = with_own(
        harbourmaster=PersonaSettings(text="You run a harbour.", description="Knows the tide"),
        Teacher=PersonaSettings(text="You teach sailing."),
    )

    shown = bench.type("/persona", source="1").text
    bench.type("/settings persona harbourmaster", source="2")
    bench.type("hi", source="3")
    assert "> You run a harbour." in system(bench)
    bench.type("/persona teacher", source="4")
    bench.type("hi", source="5")

    assert "**harbourmaster**: Knows the tide" in shown
    assert "> You teach sailing." in system(bench)
    assert bench.switchboard.complete(CHANNEL, "persona", "name", "ha") == ["harbourmaster"]


def test_a_persona_that_is_gone_from_the_configuration_is_nobody() -> None:
    bench = with_own(harbourmaster=PersonaSettings(text="You run a harbour."))
    bench.type("/persona harbourmaster", source="1")
    bench.switchboard = Switchboard(bench.store, bench.gateway, bench.models, COMMANDS, LIMITS)

    bench.type("hi", source="2")

    assert system(bench) == SYSTEM


def test_who_may_choose_for_whom() -> None:
    bench = Bench()

    refused = bench.type("/persona muse --for server", source="1").text
    mine = bench.type("/persona muse --for me", source="2").text
    here = bench.type("/persona critic", source="3").text
    too_late = bench.type("/persona editor --for me", source="4").text
    bench.type("hi", source="5")
    bob = request("hi", source="6", user=User("2", "Bob"))
    run(bench.ask(bob))

    assert "Only moderators can choose persona for this server" in refused
    assert mine == "**muse** now answers for you."
    assert here == "**critic** now answers in this channel."
    assert "Here `critic` still counts: it is chosen for this channel." in too_late
    assert "critic" in system(bench)


@given(st.text(max_size=300), st.text(max_size=30), st.sampled_from(["short", "normal", "long"]))
def test_no_persona_ends_its_quotation_or_comes_before_the_rules(
    persona: str, language: str, length: str
) -> None:
    told = Voice(persona, language, length).system
    rules = Voice("", language, length).system

    assert told.startswith(rules)
    assert PLAIN.system.partition(" Answer in")[0] in rules
    rest = told.removeprefix(rules)
    if persona.strip():
        _, part, words = rest.split("\n\n", 2)
        assert "the rules above hold" in part
        assert all(line.startswith("> ") for line in words.splitlines())
        assert [line[2:] for line in words.split("\n")] == persona.strip().splitlines()
    else:
        assert rest == ""


@given(st.text(max_size=60))
def test_whatever_is_typed_is_kept_as_a_name_or_a_description_or_refused(typed: str) -> None:
    personas = Personas()
    try:
        kept = personas.checked(typed)
    except Refused:
        return
    assert personas.checked(kept) == kept
    assert personas.text(kept)


def load(folder: Path, text: str) -> config.Settings:
    (folder / "switchboard.toml").write_text(text)
    return config.load(folder)


def test_personas_come_from_switchboard_toml(tmp_path: Path) -> None:
    settings = load(
        tmp_path, '[personas.pirate]\ntext = "You are a pirate."\ndescription = "Says arr"'
    )

    pirate = Personas(settings.personas).find("PIRATE")
    assert pirate is not None
    assert (pirate.name, pirate.description, pirate.text) == (
        "pirate",
        "Says arr",
        "You are a pirate.",
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[personas."two words"]\ntext = "x"', "is no name for a persona"),
        ('[personas.pirate]\ntext = ""', 'text in [personas."pirate"]'),
        ('[personas.pirate]\ndescription = "x"', 'text in [personas."pirate"]'),
        ('[personas.pirate]\ntext = "x"\nvoice = "loud"', 'voice in [personas."pirate"]'),
        ("[persona.pirate]\ntext = 'x'", "Did you mean personas?"),
    ],
)
def test_a_persona_that_is_written_wrong_is_a_fault_with_a_remedy(
    tmp_path: Path, text: str, named: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, text)

    assert named in str(raised.value)
