"""The model table: rules for any name, the shipped rows, the operator's rows, the live list."""

from hypothesis import given
from hypothesis import strategies as st

from bot.config import ModelSettings
from bot.gateway.models import ModelKind, Models, merged, shipped
from bot.gateway.wire import WIRE_FORMATS

MODELS = Models("gpt-5-mini", "nano-banana", gateways={"ollama": "chat_completions"})


def test_every_row_of_the_shipped_table_has_a_wire_that_exists() -> None:
    for model in shipped():
        assert model.wire in WIRE_FORMATS, model.name
        assert model.context >= 32_000 or model.kind is ModelKind.IMAGE


def test_no_two_rows_claim_the_same_name() -> None:
    names = [name.lower() for model in shipped() for name in (model.name, *model.aliases)]

    assert len(names) == len(set(names))


def test_a_vendors_model_speaks_its_own_wire_whatever_its_version() -> None:
    wires = {
        name: MODELS.find(name).wire
        for name in ("claude-9", "anthropic/claude-9", "gemini-9-flash", "some-model", "gpt-9")
    }

    assert wires == {
        "claude-9": "anthropic",
        "anthropic/claude-9": "anthropic",
        "gemini-9-flash": "gemini",
        "some-model": "chat_completions",
        "gpt-9": "chat_completions",
    }


def test_names_of_pictures_are_told_from_names_that_talk() -> None:
    for name in ("seedream-4", "z-image-turbo", "dall-e-3", "gemini-3-image", "flux-pro"):
        assert MODELS.find(name).kind is ModelKind.IMAGE
    assert MODELS.find("gemini-3-image").wire == "gemini"
    assert dict(MODELS.find("dall-e-3").sizes)["16:9"] == "1536x1024"


def test_the_operator_may_force_one_wire_for_all_that_talk() -> None:
    models = Models("a", "b", wire="responses")

    assert models.find("claude-sonnet-4-6").wire == "responses"
    assert models.find("nano-banana").wire == "images"


def test_an_alias_is_the_same_model_and_is_sent_as_the_gateway_spells_it() -> None:
    models = Models("gpt-5-mini", "nano-banana")

    assert models.find("google/nano-banana").sent == "google/nano-banana"
    models.offer(["google/nano-banana", "openai/gpt-5-mini"])
    assert models.find("nano-banana").sent == "google/nano-banana"
    assert models.find("gpt-5-mini").sent == "openai/gpt-5-mini"
    assert models.is_listed("nano-banana") is True
    assert models.is_listed("glm-5") is False


def test_a_model_of_a_named_gateway_goes_there_under_its_own_name() -> None:
    model = MODELS.find("ollama/claude-like:7b")

    assert (model.gateway, model.sent, model.wire) == (
        "ollama",
        "claude-like:7b",
        "chat_completions",
    )
    assert MODELS.resolve("ollama/anything") == "ollama/anything"


def test_the_operators_rows_add_to_the_table_and_override_it() -> None:
    table = merged(
        {
            "house": ModelSettings(context=9_000, aliases=("our-model",)),
            "gpt-5": ModelSettings(wire="responses"),
        }
    )
    models = Models("house", "nano-banana", table)

    assert models.find("our-model").context == 9_000
    assert (models.find("gpt-5").wire, models.find("gpt-5").context) == ("responses", 400_000)


def test_once_the_live_list_is_known_only_what_it_has_is_offered() -> None:
    models = Models("gpt-5-mini", "nano-banana")
    assert "claude-opus-4-6" in models.names(ModelKind.CHAT)

    models.offer(["gpt-5-mini", "glm-5", "house-model", "text-embedding-3-small", "sora-2"])

    assert models.names(ModelKind.CHAT) == ["gpt-5-mini", "glm-5", "house-model"]
    assert models.resolve("GLM-5") == "glm-5"


@given(st.text(max_size=40))
def test_any_name_whatever_is_a_model_with_a_wire(name: str) -> None:
    model = MODELS.find(name)

    assert model.name == name
    assert model.wire in WIRE_FORMATS
    assert MODELS.nearest(name) is not None
