"""What a failed answer of the gateway means, in every shape its documents and relatives show."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import (
    BadKey,
    BadRequest,
    Filtered,
    GatewayDown,
    GatewayError,
    Misrouted,
    NoCredit,
    NoSuchModel,
    NotAllowed,
    RateLimited,
)
from bot.gateway.faults import failure, raise_for_body


def openai(code: object, message: str = "x", kind: str = "new_api_error") -> str:
    return json.dumps({"error": {"message": message, "type": kind, "code": code}})


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, openai(""), BadKey),
        (401, "", BadKey),
        (400, openai("", "unauthenticated: invalid api key"), BadKey),
        (
            402,
            '{"error":{"type":"billing_error","code":"insufficient_funds","message":"x"}}',
            NoCredit,
        ),
        (403, openai("insufficient_user_quota"), NoCredit),
        (403, openai("access_denied"), NotAllowed),
        (403, "forbidden", NotAllowed),
        (404, openai("", "Invalid URL", "invalid_request_error"), Misrouted),
        (404, openai(None, 'model "x" not found', "not_found_error"), NoSuchModel),
        (404, openai("", "Invalid URL (POST /v1beta/models/gemini-2.5-pro:x)"), Misrouted),
        (404, '{"detail":"Not Found"}', Misrouted),
        (405, "", Misrouted),
        (501, openai("api_not_implemented"), Misrouted),
        (404, openai(None, "The model `x` does not exist"), NoSuchModel),
        (429, openai("rate_limit"), RateLimited),
        (429, "", RateLimited),
        (400, openai("context_length_exceeded"), BadRequest),
        (413, openai("read_request_body_failed"), BadRequest),
        (422, "{}", BadRequest),
        (500, openai("invalid_request"), BadRequest),
        (500, openai("sensitive_words_detected"), Filtered),
        (500, openai("do_request_failed"), GatewayDown),
        (500, "not json at all", GatewayDown),
        (503, openai("model_not_found"), NoSuchModel),
        (503, openai("system_cpu_overloaded"), GatewayDown),
        (529, '{"type":"error","error":{"type":"overloaded_error","message":"x"}}', GatewayDown),
        (400, '{"code":"bad_thing","message":"no","data":null}', BadRequest),
        (429, '[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"x"}}]', RateLimited),
    ],
)
def test_status_and_body_become_the_right_error(
    status: int, body: str, expected: type[GatewayError]
) -> None:
    assert type(failure(status, body, {})) is expected


def test_a_web_page_means_the_wrong_address_but_not_behind_a_bad_gateway() -> None:
    page = {"Content-Type": "text/html; charset=utf-8"}

    assert type(failure(404, "<html>", page)) is Misrouted
    assert type(failure(502, "<html>", page)) is GatewayDown


def test_people_never_see_the_raw_text_and_operators_do() -> None:
    error = failure(500, openai("", "panic at 10.0.0.7"), {"X-Oneapi-Request-Id": "r-1"})

    assert "10.0.0.7" not in error.notice
    assert "10.0.0.7" in str(error)
    assert (error.status, error.request_id) == (500, "r-1")


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after-ms": "250", "Retry-After": "7"}, 0.25),
        ({"Retry-After": "9999"}, 120.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_the_servers_own_wait_is_read(headers: dict[str, str], wait: float | None) -> None:
    assert failure(429, "", headers).retry_after == wait


def test_an_error_behind_a_success_status_is_raised() -> None:
    with pytest.raises(NoSuchModel):
        raise_for_body({"error": {"code": "model_not_found", "message": "x"}})
    with pytest.raises(GatewayDown):
        raise_for_body({"success": False, "message": "x"})
    raise_for_body({"choices": [], "error": None})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.integers(300, 599), st.one_of(st.text(max_size=80), json_values.map(json.dumps)))
def test_any_answer_whatever_becomes_one_of_our_errors(status: int, body: str) -> None:
    error = failure(status, body, {})

    assert isinstance(error, GatewayError)
    assert error.notice
