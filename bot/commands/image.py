"""/image: pictures from words, or from words and pictures."""

from __future__ import annotations

from bot.commands.base import Command, Kind, Option
from bot.commands.choosing import image_models
from bot.commands.context import Context
from bot.errors import Refused
from bot.gateway.models import ASPECT_RATIOS, ModelKind
from bot.policy import check_question
from bot.types import Image, ImagePrompt, Turn


async def run(context: Context) -> Turn:
    text = context.options["prompt"]
    check_question(text)
    model = context.models.find(
        context.model(ModelKind.IMAGE, await context.choices()), ModelKind.IMAGE
    )
    if model.kind is not ModelKind.IMAGE:
        drawing = ", ".join(context.models.names(ModelKind.IMAGE)[:3])
        raise Refused(f"{model.name} talks and does not draw. Pictures come from {drawing}.")
    ratio = context.options.get("aspect_ratio", "")
    if ratio and model.ratios and ratio not in model.ratios:
        raise Refused(f"{model.name} does not draw {ratio}. It draws {', '.join(model.ratios)}.")
    images = [part for part in context.request.attachments if isinstance(part, Image)]
    if context.request.quoted is not None:
        images += [part for part in context.request.quoted.parts if isinstance(part, Image)]
    prompt = ImagePrompt(
        model.name,
        text,
        tuple(images),
        ratio,
        int(context.options.get("count", "1")),
    )
    return await context.conversations.draw(context.turn, context.surface, prompt)


IMAGE = Command(
    "image",
    "Draw a picture, or change one that you attach.",
    run,
    (
        Option("prompt", "What the picture shows", required=True),
        Option("model", "Another model, for this picture only", complete=image_models),
        Option("aspect_ratio", "Width to height", choices=ASPECT_RATIOS),
        Option("count", "How many pictures", Kind.INTEGER, minimum=1, maximum=4),
        Option("image", "A picture to start from", Kind.IMAGE),
    ),
)
