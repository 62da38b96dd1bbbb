"""The simulated Discord and discord.py, held against Discord's own description of its API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import discord
import jsonschema
import pytest

from tests.simulators.discord import Limits, Rate
from tests.simulators.discord.harbour import PNG, Bot, Harbour, file, online, opened, paint

SPEC = Path(__file__).parents[2] / "shared" / "specs" / "discord-openapi.json"
NOBODY = discord.AllowedMentions.none()


@pytest.mark.skipif(not SPEC.exists(), reason="Discord's OpenAPI description is not at hand")
async def test_every_call_and_answer_conforms_to_discords_own_description() -> None:
    limits = Limits(send=Rate(50, 5.0))
    async with opened(limits=limits) as harbour, online(harbour.server, paint) as bot:
        await _use_places(harbour, bot)
        await _use_interactions(harbour, bot)
        exchanges = harbour.server.exchanges
    spec = json.loads(SPEC.read_text())
    known = {_shape(path): operations for path, operations in spec["paths"].items()}
    checked = set()
    for exchange in exchanges:
        operation = known[_shape(exchange.route)][exchange.method.lower()]
        checked.add((exchange.method, _shape(exchange.route)))
        if exchange.sent:
            body = operation["requestBody"]["content"]["application/json"]["schema"]
            _conform(body, _with_text_ids(exchange.sent), spec, exchange.path)
        assert str(exchange.status) in operation["responses"], exchange.path
        if exchange.answered is not None:
            answer = operation["responses"][str(exchange.status)]["content"]["application/json"]
            _conform(answer["schema"], exchange.answered, spec, exchange.path)
    assert len(checked) >= 18, checked


def _view() -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Stop", custom_id="stop"))
    view.add_item(discord.ui.Select(options=[discord.SelectOption(label="A")], custom_id="pick"))
    return view


async def _use_places(harbour: Harbour, bot: Bot) -> None:
    """Every call that a bot makes with its own token."""
    place, thread = bot.place(harbour.channel), harbour.server.add_thread(harbour.channel, "plans")
    embed = discord.Embed(title="title", description="text")
    picture = file("a.png", PNG)
    sent = await place.send("hello", view=_view(), embed=embed, file=picture, nonce="n")
    reply = await sent.reply("reply", allowed_mentions=NOBODY)
    await reply.edit(content="edited", attachments=[file("b.txt", b"b")])
    await reply.fetch()
    await reply.delete()
    async with place.typing():
        pass
    assert [message async for message in place.history()]
    await bot.fetch_channel(int(harbour.channel))
    await bot.fetch_channel(int(thread))
    guild = await bot.fetch_guild(int(harbour.guild), with_counts=False)
    await guild.fetch_member(int(harbour.alice))
    alice = await bot.fetch_user(int(harbour.alice))
    await alice.send("private")
    await bot.application_info()
    await bot.tree.fetch_commands()
    for path in ("/applications/@me", "/gateway", f"/guilds/{harbour.guild}/channels"):
        assert (await harbour.call("GET", path))[0] == 200


async def _use_interactions(harbour: Harbour, bot: Bot) -> None:
    """Every kind of interaction, and every kind of answer to one."""
    server = harbour.server
    sent = await bot.place(harbour.channel).send("choose", view=_view())
    options = {"prompt": "a cat", "image": ("a.png", PNG), "friend": harbour.alice}
    await server.use(harbour.channel, harbour.mo, "paint", **options)
    asked = await bot.asked()
    await asked.response.defer()
    await asked.edit_original_response(content="cat", attachments=[file("cat.png", PNG)])
    more = await asked.followup.send("more", wait=True)
    await more.edit(content="even more")
    await more.fetch()
    await more.delete()
    await server.complete(harbour.channel, harbour.alice, "model", name="gp")
    await bot.asked()
    await server.press(harbour.channel, harbour.alice, str(sent.id), "stop")
    await (await bot.asked()).response.edit_message(content="stopped", view=_view())
    await server.press(harbour.channel, harbour.alice, str(sent.id), "stop")
    await (await bot.asked()).response.defer()
    pressed = await server.press(harbour.channel, harbour.alice, str(sent.id), "stop")
    form = discord.ui.Modal(title="Details", custom_id="details")
    form.add_item(discord.ui.TextInput(label="Colour", custom_id="colour"))
    await (await bot.asked()).response.send_modal(form)
    await server.submit(pressed, colour="red")
    await (await bot.asked()).response.send_message("thanks", file=file("c.txt", b"c"))


def _shape(path: str) -> str:
    """A path's template without the names of its parameters."""
    parts = ("{}" if part.startswith("{") else part for part in path.split("/"))
    return "/".join(parts)


def _with_text_ids(sent: Any) -> Any:
    """What was sent, with ids as text: Discord takes 1 as well as the "1" of its description."""
    if isinstance(sent, list):
        return [_with_text_ids(each) for each in sent]
    if not isinstance(sent, dict):
        return sent
    told: dict[str, Any] = {
        name: str(value)
        if name.endswith("_id") and isinstance(value, int)
        else _with_text_ids(value)
        for name, value in sent.items()
    }
    for attachment in told.get("attachments", ()):
        attachment["id"] = str(attachment["id"])
    return told


def _conform(schema: dict[str, Any], value: Any, spec: dict[str, Any], where: str) -> None:
    validator = jsonschema.Draft202012Validator(schema | {"components": spec["components"]})
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    assert error is None, f"{where}: {error}"
