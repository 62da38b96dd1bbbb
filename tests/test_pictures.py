"""The one extractor: wherever a reply carries a picture, and in whatever spelling."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import BadPicture
from bot.gateway.pictures import found_in, from_base64, media_type, picture
from tests.test_wire_all import GIF, PNG

DATA = base64.b64decode(PNG)
URI = f"data:image/png;base64,{PNG}"
LINK = "https://cdn.example/a.png?token=t"


def parts(*items: dict[str, Any]) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(items)}}]}


def message(content: object, **more: object) -> dict[str, Any]:
    return {"choices": [{"message": {"content": content, **more}}]}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"data": [{"b64_json": PNG}]}, [DATA]),
        ({"data": [{"b64_json": URI}]}, [DATA]),
        ({"data": [{"b64_json": LINK}]}, [LINK]),
        ({"data": [{"url": LINK}]}, [LINK]),
        ({"data": [{"url": URI}]}, [DATA]),
        ({"data": [{"b64_json": PNG, "url": LINK}]}, [DATA]),
        ({"data": [{"b64_json": "", "url": LINK}, {"b64_json": PNG}]}, [LINK, DATA]),
        (parts({"inlineData": {"mimeType": "image/png", "data": PNG}}), [DATA]),
        (parts({"inline_data": {"mime_type": "image/png", "data": PNG}}), [DATA]),
        (parts({"inlineData": {"data": URI}}), [DATA]),
        (parts({"inlineData": {"mimeType": "image/png", "data": LINK}}), [LINK]),
        (parts({"fileData": {"mimeType": "image/png", "fileUri": LINK}}), [LINK]),
        (parts({"text": "no"}, {"inlineData": {"data": PNG}}, {"text": LINK}), [DATA]),
        (parts({"inlineData": {"data": PNG}, "thought": True}), []),
        (parts({"inlineData": {"mimeType": "audio/wav", "data": PNG}}), []),
        (parts({"text": f"Here: {URI} !"}), [DATA]),
        (parts({"text": f"![x]({URI}) and ![y]({LINK})"}), [DATA]),
        (parts({"text": f"![x]({LINK}) or {LINK}"}), [LINK]),
        (parts({"text": "See https://cdn.example/a.png."}), ["https://cdn.example/a.png"]),
        (parts({"text": f"({LINK})"}), [LINK]),
        (parts({"text": "https://cdn.example/a.png/about, http://x/a.png"}), []),
        (parts({"text": LINK, "thought": True}), []),
        (message(f"![image]({URI})"), [DATA]),
        (message([{"type": "text", "text": f"![image]({LINK})"}]), [LINK]),
        (message("", images=[{"image_url": {"url": URI}}]), [DATA]),
        ({"output": [{"type": "image_generation_call", "result": PNG}]}, [DATA]),
        ({"output": [{"type": "message", "content": [{"text": f"![]({LINK})"}]}]}, [LINK]),
        ({"output": [{"type": "web_search_call", "result": PNG}]}, []),
        ({"code": "success", "data": {"status": "SUCCESS", "result_url": LINK}}, [LINK]),
        ({"code": "success", "data": {"status": "FAILURE", "result_url": LINK}}, []),
        ({"data": {"status": "SUCCESS", "result_url": "it failed"}}, []),
        ({"status": "IN_PROGRESS", "imageUrl": LINK}, []),
        ({"status": "SUCCESS", "imageUrl": LINK}, [LINK]),
        ({"data": {"data": {"task_result": {"images": [{"url": LINK}]}}}}, [LINK]),
        ({"data": {"image_urls": [LINK, URI]}}, [LINK, DATA]),
        ({"data": []}, []),
        ({"data": [{"url": 7, "b64_json": [PNG]}], "candidates": {"content": 1}}, []),
        ({}, []),
    ],
)
def test_a_picture_is_found_where_it_lies(body: dict[str, Any], found: list[object]) -> None:
    assert list(found_in(body)) == found


PLACES: list[dict[str, Any]] = [
    {"data": [{"b64_json": GIF}]},
    parts({"inlineData": {"data": PNG}}),
    message("", images=[{"image_url": URI}]),
    {"output": [{"type": "message", "content": [{"text": "https://x/text.png"}]}]},
]


@pytest.mark.parametrize("first", range(len(PLACES)))
def test_the_first_place_that_holds_a_picture_counts(first: int) -> None:
    later: dict[str, Any] = {}
    for place in reversed(PLACES[first:]):
        later |= place

    assert list(found_in(later)) == list(found_in(PLACES[first]))


@given(st.binary(min_size=1, max_size=90), st.booleans(), st.booleans(), st.booleans(), st.data())
def test_base64_is_read_in_every_spelling(
    content: bytes, is_url_safe: bool, is_padded: bool, is_uri: bool, data: st.DataObject
) -> None:
    encode = base64.urlsafe_b64encode if is_url_safe else base64.b64encode
    text = encode(content).decode()
    if not is_padded:
        text = text.rstrip("=")
    for at in data.draw(st.lists(st.integers(0, len(text)), max_size=4)):
        text = text[:at] + data.draw(st.sampled_from(["\n", "\r\n", " ", "\t"])) + text[at:]

    assert from_base64(f"data:image/png;base64,{text}" if is_uri else text) == content


@pytest.mark.parametrize("text", ["?", "é", "A", "data:image/png;base64,AAAA*"])
def test_what_is_not_base64_says_so(text: str) -> None:
    with pytest.raises(BadPicture):
        from_base64(text)


def test_only_bytes_tell_what_a_picture_is() -> None:
    assert picture(DATA).name == "picture.png"
    assert picture(b"\xff\xd8\xff\xe0").name == "picture.jpg"
    assert media_type(base64.b64decode(GIF)) == "image/gif"
    assert media_type(b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp"
    with pytest.raises(BadPicture):
        picture(b"<svg xmlns='http://www.w3.org/2000/svg'/>")


def test_a_long_text_is_searched_in_reasonable_time() -> None:
    nasty = ("https://" * 20_000) + ("![" * 20_000) + ("data:image/" * 20_000)
    begun = time.process_time()

    assert list(found_in(parts({"text": nasty}))) == []
    assert time.process_time() - begun < 5
