"""The wires of pictures, ``/v1/images/generations`` and the multimodal ``/v1/images/generate``."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from bot.errors import BadPicture, BadRequest, GatewayDown, GatewayError, NoCredit
from bot.events import Finish, Media, Progress
from bot.gateway.models import Model, ModelKind
from bot.gateway.wire import images, multimodal
from bot.gateway.wire.base import Job, PictureLink
from bot.gateway.wire.images import JOBS
from bot.types import Image, ImagePrompt
from tests.test_wire_all import PNG

PICTURE = Image(base64.b64decode(PNG), "image/png", "picture.png")
MODEL = Model("nano-banana", ModelKind.IMAGE, "images")
SEVERAL = Model("x", ModelKind.IMAGE, "images", count=10, sizes=(("1:1", "64x64"),))


def test_nano_banana_gets_its_ratio_on_top_and_one_or_several_inputs() -> None:
    uri = f"data:image/png;base64,{PNG}"

    assert images.encode(ImagePrompt("n", "a fox", (), "4:1", 3), MODEL) == {
        "model": "n",
        "prompt": "a fox",
        "aspect_ratio": "4:1",
    }
    assert images.encode(ImagePrompt("n", "x", (PICTURE,)), MODEL)["image"] == uri
    assert images.encode(ImagePrompt("n", "x", (PICTURE, PICTURE)), MODEL)["image"] == [uri, uri]


def test_openai_models_get_their_pixels_and_their_count() -> None:
    body = images.encode(ImagePrompt("x", "a fox", (), "1:1", 3), SEVERAL)

    assert body == {"model": "x", "prompt": "a fox", "size": "64x64", "n": 3}


def test_the_multimodal_route_gets_contents_and_parameters() -> None:
    prompt = ImagePrompt("imaginepro/nano-banana", "a fox", (PICTURE,), "16:9", 2)

    assert multimodal.path(MODEL) == "/v1/images/generate"
    assert multimodal.encode(prompt, SEVERAL) == {
        "model": "imaginepro/nano-banana",
        "contents": [{"text": "a fox"}, {"image": {"data": PNG, "mime_type": "image/png"}}],
        "parameters": {"aspect_ratio": "16:9", "num_images": 2},
    }
    assert multimodal.encode(ImagePrompt("x", "a fox", count=2), MODEL) == {
        "model": "x",
        "contents": [{"text": "a fox"}],
    }


@pytest.mark.parametrize("wire", [images, multimodal])
def test_pictures_come_as_bytes_or_links(wire: Any) -> None:
    data = [{"b64_json": PNG}, {"url": "https://x/a.png", "revised_prompt": "y"}]

    assert list(wire.decode({"created": 1, "data": data})) == [
        Media(PICTURE),
        PictureLink("https://x/a.png"),
        Finish(),
    ]


def test_content_decides_and_not_the_status() -> None:
    body = {"status": "pending", "poll_url": "/x", "id": "j", "data": [{"b64_json": PNG}]}

    assert list(multimodal.decode(body)) == [Media(PICTURE), Finish()]


JOB = {
    "id": "job/1",
    "status": "pending",
    "execution": {"mode": "async"},
    "data": [],
    "poll_url": "/v1/images/jobs/job/1",
    "estimated_time": 12,
}


@pytest.mark.parametrize("wire", [images, multimodal])
def test_a_picture_in_the_making_is_a_job(wire: Any) -> None:
    assert list(wire.decode(JOB)) == [Job("/v1/images/jobs/job%2F1", "/v1/images/jobs/job/1", 12.0)]


@pytest.mark.parametrize(
    ("body", "job"),
    [
        ({"id": "j"}, Job("/v1/images/jobs/j")),
        ({"id": 7, "status": "In_Progress", "data": None}, Job("/v1/images/jobs/7")),
        ({"task_id": "t", "status": "a new word"}, Job("/v1/images/jobs/t")),
        ({"poll_url": "https://x/j", "estimated_time": "soon"}, Job("", "https://x/j")),
        ({"id": "j", "estimated_time": -3}, Job("/v1/images/jobs/j")),
        ({"id": "j", "estimated_time": float("nan")}, Job("/v1/images/jobs/j")),
        ({"data": {"task_id": "t", "status": "QUEUED"}}, Job("/v1/images/jobs/t")),
    ],
)
def test_a_job_is_known_by_whatever_it_tells(body: dict[str, Any], job: Job) -> None:
    assert list(multimodal.decode(body)) == [job]


@pytest.mark.parametrize(
    ("progress", "fraction"),
    [
        (30, 0.3),
        ("30%", 0.3),
        (0.3, 0.3),
        (250, 1.0),
        (-5, 0.0),
        (1.0, 1.0),
        (45.5, 0.455),
        ("45.5 %", 0.455),
        (10**400, 1.0),
    ],
)
def test_how_far_a_job_is_comes_before_it(progress: object, fraction: float) -> None:
    first, second = multimodal.decode({"id": "j", "progress": progress})

    assert first == Progress(fraction)
    assert isinstance(second, Job)


@pytest.mark.parametrize("progress", [None, "half", "nan", True, [], float("nan")])
def test_progress_that_is_none_is_left_out(progress: object) -> None:
    (event,) = multimodal.decode({"id": "j", "progress": progress})

    assert isinstance(event, Job)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"id": "j", "status": "failed", "error": {"code": "insufficient_funds"}}, NoCredit),
        ({"id": "j", "status": "FAILED", "error": None}, GatewayError),
        ({"id": "j", "status": "failed", "error": {"code": "out_of_paint"}}, GatewayError),
        ({"id": "j", "status": "pending", "error": {"code": "try_later"}}, GatewayDown),
        ({"id": "j", "status": "cancelled", "data": {}}, GatewayError),
        ({"data": {"task_id": "t", "status": "FAILURE", "fail_reason": "x"}}, GatewayError),
        ({"status": "completed", "id": "j", "data": []}, BadPicture),
        ({"error": {"code": "insufficient_funds"}, "data": [{"b64_json": "?"}]}, NoCredit),
        ({"data": [{"b64_json": "?"}]}, BadPicture),
        ({"data": [{"b64_json": "bm8gcGljdHVyZQ=="}]}, BadPicture),
        ({"created": 1, "data": []}, BadPicture),
        ({"code": "invalid_request", "message": "no", "data": None}, BadRequest),
        ({"code": "task_not_exist", "message": "no", "data": None}, GatewayDown),
    ],
)
@pytest.mark.parametrize("wire", [images, multimodal])
def test_every_failure_is_told_by_its_content(
    wire: Any, body: dict[str, Any], expected: type[GatewayError]
) -> None:
    with pytest.raises(expected) as caught:
        list(wire.decode(body))
    assert type(caught.value) is expected


def test_a_job_of_an_unknown_kind_is_named_as_what_it_is() -> None:
    with pytest.raises(BadPicture, match="unknown kind") as caught:
        list(images.decode({"id": "z-1", "status": "pending", "progress": 0}))

    assert "not supported yet" in caught.value.notice


def test_a_job_whose_name_is_half_a_character_still_has_an_address() -> None:
    assert list(multimodal.decode({"id": "a\ud800/b"})) == [Job("/v1/images/jobs/a%3F%2Fb")]


@pytest.mark.parametrize("address", ["http://[", "//[::1", "https://x\uff03y.example/"])
def test_an_address_that_cannot_be_taken_apart_is_none(address: str) -> None:
    assert list(multimodal.decode({"id": "z-1", "poll_url": address})) == [Job(f"{JOBS}z-1")]
    with pytest.raises(BadPicture):
        list(multimodal.decode({"status": "pending", "poll_url": address}))
