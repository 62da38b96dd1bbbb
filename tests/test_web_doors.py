"""The web adapter's rules: who gets in, what may be brought along, what every answer carries."""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.web import Web
from bot.interfaces import Surface
from bot.types import Audio, File, Image, Page, Request
from tests.web_chat import Answerer, Visitor, png, serving, settings, visiting

STATIC = Path(__file__).parent.parent / "adapters" / "web" / "static"


async def fetch(
    web: Web, path: str, method: str = "GET", **options: Any
) -> tuple[int, str, aiohttp.ClientResponse]:
    async with (
        aiohttp.ClientSession(cookies=options.pop("cookies", None)) as session,
        session.request(method, web.address + path, **options) as response,
    ):
        body = await response.read()
        return response.status, body.decode("utf-8", "replace"), response


async def upload(
    web: Web, data: bytes, name: str = "cat.png", declared: str = "application/octet-stream"
) -> tuple[int, Any]:
    headers = {"Origin": web.address, "Content-Type": declared}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{web.address}/media", params={"name": name}, data=BytesIO(data)) as response,
    ):
        if response.status == 201:
            return 201, await response.json()
        return response.status, await response.text()


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/nothing", "/media/unknown", "/healthz"])
async def test_every_answer_carries_the_strict_headers(path: str) -> None:
    async with serving(Answerer()) as web:
        _, _, response = await fetch(web, path)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_the_page_builds_no_markup_from_text_and_loads_nothing_from_elsewhere() -> None:
    banned = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML|DOMParser|createContextual"
        r"Fragment|srcdoc|\beval\b|new Function|\sstyle=|<style|\son[a-z]+=|@import|url\("
    )
    for file in STATIC.iterdir():
        text = file.read_text()
        assert not banned.search(text), f"{file.name}: {banned.search(text)}"
        # Addresses stand only in names of XML and in patterns, never where something is loaded.
        for address in re.findall(r"https?://[\w.]+", text):
            assert address == "http://www.w3.org", f"{file.name} names {address}"


async def test_health_needs_no_token_and_no_name() -> None:
    async with serving(Answerer(), Web(settings(token="s3cret"))) as web:
        status, text, _ = await fetch(web, "/healthz", headers={"Host": "anything.example"})
    assert (status, text) == (200, "ok")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::1", ""])
async def test_a_name_that_is_not_ours_is_turned_away(host: str) -> None:
    async with serving(Answerer()) as web:
        status, _, _ = await fetch(web, "/", headers={"Host": host})
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with visiting(web, headers={"Host": host, "Origin": f"http://{host}"}):
                pass
    assert (status, caught.value.status) == (403, 403)


@pytest.mark.parametrize("host", ["localhost:1", "chat.localhost", "127.0.0.1", "[::1]:80"])
async def test_names_of_this_machine_are_served(host: str) -> None:
    async with serving(Answerer()) as web:
        status, text, _ = await fetch(web, "/", headers={"Host": host})
    assert status == 200
    assert "<title>Switchboard</title>" in text


@pytest.mark.parametrize(
    "origin", ["", "null", "http://evil.example", "http://localhost", "http://127.0.0.1:1"]
)
async def test_other_web_sites_can_neither_listen_nor_upload(origin: str) -> None:
    async with serving(Answerer()) as web:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with visiting(web, headers={"Origin": origin}):
                pass
        status, _, _ = await fetch(web, "/media", "POST", data=png(), headers={"Origin": origin})
    assert (caught.value.status, status) == (403, 403)


async def test_without_the_token_nothing_opens() -> None:
    async with serving(Answerer(), Web(settings(token="s3cret"))) as web:
        for path in ("/", "/static/app.js", "/media/x", "/?token=wrong", "/?token=é"):
            status, text, response = await fetch(web, path)
            assert status == 401
            assert "token" in text
            assert "Set-Cookie" not in response.headers
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with visiting(web):
                pass
    assert caught.value.status == 401


async def test_the_token_buys_a_cookie_that_opens_everything() -> None:
    async with serving(Answerer(), Web(settings(token="s3cret"))) as web:
        status, _, response = await fetch(web, "/?token=s3cret")
        assert (status, response.headers["Refresh"]) == (200, "0; url=/")
        cookie = response.cookies["switchboard"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        assert "s3cret" not in cookie.value
        cookies = {"switchboard": cookie.value}
        status, _, _ = await fetch(web, "/", cookies=cookies, headers={"Host": "chat.example"})
        assert status == 200
        given = {"Cookie": f"switchboard={cookie.value}"}
        async with visiting(web, headers=given) as ada:
            await ada.join()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with visiting(web, headers={**given, "Origin": "http://evil.example"}):
                pass


async def test_an_uploaded_picture_goes_with_its_message() -> None:
    core = Answerer()
    async with serving(core) as web, visiting(web) as ada:
        await ada.join()
        large, _ = await upload(web, png() + b"\0" * (19 * 2**20))
        status, media = await upload(web, png(), "my cat.png")
        await ada.say("What is this?", files=[media["id"]])
        said = (await ada.next("entry"))["entry"]
        _, _, response = await fetch(web, f"/media/{media['id']}")
        await ada.next("done")
    assert (large, status) == (201, 201)
    about = {"id": media["id"], "type": "image/png", "name": "my cat.png", "size": len(png())}
    assert said["media"] == [about]
    assert core.requests[0].attachments == (Image(png(), "image/png", "my cat.png"),)
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["Content-Disposition"] == "inline; filename*=UTF-8''my%20cat.png"


SENT = (
    (b"print(1)", "keeper.py", "text/x-python", File),
    (b"# Title", "notes", "application/octet-stream", File),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "image/svg+xml", File),
    (b"%PDF-1.7 ...", "log.bin", "application/octet-stream", File),
    (b"ID3 and then sound", "horn.mp3", "audio/mpeg", Audio),
    (b"OggS and then sound", "horn.opus", "", Audio),
    (b"RIFF1234WAVEfmt ", "horn", "application/octet-stream", Audio),
    (b"a picture by its bytes: no" + b"GIF89a", "x.txt", "text/plain", File),
    (b"GIF89a", "called.txt", "text/plain", Image),
)


async def test_any_file_goes_with_a_message_as_what_it_is() -> None:
    core = Answerer()
    async with serving(core) as web, visiting(web) as ada:
        await ada.join()
        sent = [(await upload(web, *one[:3]))[1] for one in SENT]
        await ada.say("", files=[one["id"] for one in sent])
        await ada.next("done")
    found = core.requests[0].attachments
    assert [(part.data, part.name, type(part)) for part in found] == [
        (data, name, kind) for data, name, _, kind in SENT
    ]
    assert [part.media_type for part in found[2:7]] == [
        "image/svg+xml",
        "application/pdf",
        "audio/mpeg",
        "audio/ogg",
        "audio/wav",
    ]


async def test_a_type_that_is_none_is_not_repeated() -> None:
    async with serving(Answerer()) as web:
        for declared in ("text/html; charset=x", "nonsense", "text/" + "x" * 200, "TEXT/<b>"):
            _, media = await upload(web, b"hello", "a.txt", declared)
            assert media["type"] in ("text/html", "application/octet-stream")


async def test_what_is_called_a_picture_and_is_none_is_not_taken() -> None:
    async with serving(Answerer()) as web:
        for data in (b"hello", b"\x89PNG but not really", b"RIFF1234WAVE"):
            status, text = await upload(web, data, "cat.png", "image/png")
            assert (status, text) == (415, "cat.png is no PNG, JPEG, GIF or WebP picture.")
        for data in (b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF1234WEBPVP8 "):
            assert (await upload(web, data, "cat.png", "image/png"))[0] == 201
        assert await upload(web, b"", "nothing.txt") == (415, "nothing.txt is empty.")


@pytest.mark.parametrize(
    ("declared", "megabytes", "sort"),
    [("image/png", 20, "picture"), ("audio/mpeg", 25, "recording"), ("text/plain", 10, "file")],
)
async def test_a_file_beyond_its_limit_is_refused_in_one_sentence(
    declared: str, megabytes: int, sort: str
) -> None:
    head = png() if sort == "picture" else b""
    said = f"a.bin is larger than {megabytes} MB, the most for a {sort}."
    async with serving(Answerer()) as web:
        data = head + b"\0" * (megabytes * 2**20 - len(head))
        assert (await upload(web, data, "a.bin", declared))[0] == 201
        assert await upload(web, data + b"\0", "a.bin", declared) == (413, said)


async def test_a_picture_that_is_called_a_file_has_the_limit_of_pictures() -> None:
    async with serving(Answerer()) as web:
        status, _ = await upload(web, png() + b"\0" * (10 * 2**20), "a.png", "audio/mpeg")
        assert status == 201


async def test_files_that_are_too_many_or_too_large_together_are_refused() -> None:
    core = Answerer()
    async with serving(core) as web, visiting(web) as ada:
        await ada.join()
        large = [
            (await upload(web, png() + bytes([n]) * (16 * 2**20), "a.png"))[1]["id"]
            for n in range(4)
        ]
        for source, files in (("too-many", ["f" * 32] * 11), ("too-large", large)):
            await ada.say("See?", source=source, files=files)
            refused = await ada.next("refused")
            assert refused["source"] == source
            assert ("At most 10 files" in refused["text"]) is (source == "too-many")
            assert ("60 MB together" in refused["text"]) is (source == "too-large")
    assert core.requests == []


async def test_a_lost_file_is_said_to_be_lost() -> None:
    core = Answerer()
    async with serving(core) as web, visiting(web) as ada:
        await ada.join()
        await ada.say("See?", source="with-picture", files=["f" * 32])
        refused = await ada.next("refused")
    assert (refused["source"], "again" in refused["text"]) == ("with-picture", True)
    assert core.requests == []


async def shown_media(visitor: Visitor) -> list[Any]:
    await visitor.join()
    await visitor.say("draw")
    media: list[Any] = (await visitor.next("page"))["page"]["media"]
    return media


async def test_only_harmless_kinds_are_shown_and_the_rest_is_downloaded() -> None:
    async def post(_: Request, surface: Surface) -> None:
        files = (
            Image(png(), "image/png"),
            Audio(b"ID3", "audio/mpeg"),
            Image(b"<svg/>", "image/svg+xml", "drawing.svg"),
            File(b"<script>", "text/html", "page.html"),
        )
        await surface.show(Page(0, "", media=files, final=True))

    async with serving(Answerer(post)) as web, visiting(web) as ada:
        media = await shown_media(ada)
        found = [(await fetch(web, f"/media/{one['id']}"))[2].headers for one in media]
    assert [one["name"] for one in media] == [
        "picture.png",
        "sound.mp3",
        "drawing.svg",
        "page.html",
    ]
    assert [headers["Content-Type"] for headers in found] == [
        "image/png",
        "audio/mpeg",
        "application/octet-stream",
        "application/octet-stream",
    ]
    dispositions = [headers["Content-Disposition"].partition(";")[0] for headers in found]
    assert dispositions == ["inline", "inline", "attachment", "attachment"]
    assert all("sandbox" in headers["Content-Security-Policy"] for headers in found)


async def test_ids_that_others_see_are_not_the_browsers_own() -> None:
    async with serving(Answerer()) as web, visiting(web) as ada:
        joined = await ada.join()
        await ada.say("hi")
        entry = (await ada.next("entry"))["entry"]
    assert entry["user"] == {"id": joined["you"], "name": "Ada"}
    assert "secret" not in joined["you"]
