"""The methods that send: messages, photos, documents, albums, drafts and chat actions."""

from __future__ import annotations

from tests.simulators.telegram import payloads
from tests.simulators.telegram.errors import ApiError, bad_request
from tests.simulators.telegram.keyboards import ReplyField, inline_keyboard, reply_field
from tests.simulators.telegram.media import document_from, photo_from
from tests.simulators.telegram.parameters import Parameters
from tests.simulators.telegram.text import Formatted, format_text
from tests.simulators.telegram.world import Action, Chat, Content, Draft, Json, Message, World

MAX_TEXT = 4096
MAX_CAPTION = 1024

_ALBUM = (2, 10)
_ACTIONS = (
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
)


def send_message(world: World, parameters: Parameters) -> Json:
    formatted = text_of(parameters)
    return _send(world, parameters, Content(formatted.text, formatted.entities))


def send_photo(world: World, parameters: Parameters) -> Json:
    caption = caption_of(parameters)
    chat_of(world, parameters)
    reference = parameters.text("photo") or ("photo" if "photo" in parameters.files else "")
    if not reference:
        raise bad_request("there is no photo in the request")
    photo = photo_from(world, parameters, reference)
    return _send(world, parameters, Content(caption.text, caption.entities, photo=photo))


def send_document(world: World, parameters: Parameters) -> Json:
    caption = caption_of(parameters)
    chat_of(world, parameters)
    reference = parameters.text("document") or (
        "document" if "document" in parameters.files else ""
    )
    if not reference:
        raise bad_request("there is no document in the request")
    document = document_from(world, parameters, reference)
    return _send(world, parameters, Content(caption.text, caption.entities, document=document))


def send_media_group(world: World, parameters: Parameters) -> Json:
    """The live server lets an album of one pass; its documentation does not, and neither do we."""
    chat = chat_of(world, parameters)
    parameters.required("media")
    items = parameters.json("media", "media")
    if not isinstance(items, list):
        raise bad_request("expected an Array of InputMedia")
    fewest, most = _ALBUM
    if len(items) > most:
        raise bad_request("too many messages to send as an album")
    if len(items) < fewest:
        raise bad_request(
            "too few messages to send as an album" if items else "there are no messages to send"
        )
    contents = [_album_item(world, parameters, item, place) for place, item in enumerate(items, 1)]
    if len({content.document is None for content in contents}) > 1:
        raise bad_request("document can't be mixed with other media types")
    topic, reply_to = _place(chat, parameters)
    group = str(13_000_000_000_000_000 + world.number())
    messages = [
        world.post(chat, world.bot, content, reply_to=reply_to, topic=topic, media_group=group)
        for content in contents
    ]
    return [payloads.message(message) for message in messages]


def send_message_draft(world: World, parameters: Parameters) -> Json:
    """Only in private chats. An empty text shows "Thinking…"."""
    chat = chat_of(world, parameters)
    if chat.is_group:
        raise bad_request("TEXTDRAFT_PEER_INVALID")
    draft_id = parameters.integer("draft_id")
    if draft_id == 0:
        raise bad_request("invalid draft_id specified")
    formatted = _formatted(parameters, "text", "entities", MAX_TEXT, "message is too long")
    topic, _ = _place(chat, parameters)
    chat.drafts.append(Draft(world.now(), draft_id, formatted.text, topic))
    world.changed()
    return True


def send_chat_action(world: World, parameters: Parameters) -> Json:
    if parameters.text("action") not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = chat_of(world, parameters)
    topic, _ = _place(chat, parameters)
    chat.actions.append(Action(world.now(), parameters.text("action"), topic))
    world.changed()
    return True


# --- what sending and editing share ---


def chat_of(world: World, parameters: Parameters) -> Chat:
    """The chat a call means, if the bot may write there. Raises ApiError."""
    reference = parameters.text("chat_id").strip()
    if not reference:
        raise bad_request("chat_id is empty")
    return world.open_chat(parameters.integer("chat_id"))


def text_of(parameters: Parameters) -> Formatted:
    if not parameters.text("text"):
        raise bad_request("message text is empty")
    formatted = _formatted(parameters, "text", "entities", MAX_TEXT, "message is too long")
    if not formatted.text:
        raise bad_request("text must be non-empty")
    return formatted


def caption_of(parameters: Parameters) -> Formatted:
    too_long = "message caption is too long"
    return _formatted(parameters, "caption", "caption_entities", MAX_CAPTION, too_long)


def media_of(world: World, parameters: Parameters, item: Json) -> Content:
    """One InputMedia: a photo or a document with its caption."""

    def refuse(reason: str) -> ApiError:
        return bad_request(f"can't parse InputMedia: {reason}")

    if not isinstance(item, dict):
        raise refuse("expected an Object")
    caption = format_text(
        str(item.get("caption") or ""),
        parse_mode=str(item.get("parse_mode") or ""),
        entities=item.get("caption_entities"),
        limit=MAX_CAPTION,
        too_long="message caption is too long",
    )
    reference = str(item.get("media") or "")
    attached = reference.removeprefix("attach://")
    if not reference or (attached != reference and attached not in parameters.files):
        raise refuse("media not found")
    match item.get("type"):
        case "photo":
            photo = photo_from(world, parameters, reference)
            return Content(caption.text, caption.entities, photo=photo)
        case "document":
            document = document_from(world, parameters, reference)
            return Content(caption.text, caption.entities, document=document)
        case other:
            raise refuse(f'type "{other}" is unsupported')


def _formatted(
    parameters: Parameters, text: str, entities: str, limit: int, too_long: str
) -> Formatted:
    return format_text(
        parameters.text(text),
        parse_mode=parameters.text("parse_mode"),
        entities=parameters.lenient_json(entities),
        limit=limit,
        too_long=too_long,
    )


def _album_item(world: World, parameters: Parameters, item: Json, place: int) -> Content:
    try:
        return media_of(world, parameters, item)
    except ApiError as error:
        reason = error.description.removeprefix("Bad Request: ")
        if error.code != 400 or not reason.isupper():
            raise
        # What only Telegram's own servers find out names the message it found it in.
        raise bad_request(
            f'failed to send message #{place} with the error message "{reason}"'
        ) from None


def _send(world: World, parameters: Parameters, content: Content) -> Json:
    chat = chat_of(world, parameters)
    buttons, field = inline_keyboard(parameters), reply_field(parameters)
    topic, reply_to = _place(chat, parameters)
    message = world.post(chat, world.bot, content, buttons=buttons, reply_to=reply_to, topic=topic)
    if field is not None:
        message.asks, message.hint = _asked(world, message, field), field.hint
        world.changed()
    return payloads.message(message)


def _asked(world: World, message: Message, field: ReplyField) -> frozenset[int]:
    """Who is shown the reply field."""
    people = message.chat.members - {world.bot.id}
    if not field.selective:
        return frozenset(people)
    named = {
        entity["user"].get("id")
        for entity in message.content.entities
        if entity["type"] == "text_mention" and isinstance(entity.get("user"), dict)
    }
    replied = message.chat.find(message.reply_to)
    if replied is not None:
        named.add(replied.author.id)
    return frozenset(people & named)


def _place(chat: Chat, parameters: Parameters) -> tuple[int | None, int | None]:
    """(topic, message replied to). A reply goes to the topic of what it answers."""
    topic = parameters.integer("message_thread_id") or None
    if topic is not None and topic not in chat.topics:
        raise bad_request("message thread not found")
    reply = parameters.json("reply_parameters", "reply parameters") or {
        "message_id": parameters.integer("reply_to_message_id"),
        "allow_sending_without_reply": parameters.flag("allow_sending_without_reply"),
    }
    if not isinstance(reply, dict):
        raise bad_request("can't parse ReplyParameters: expected an Object")
    wanted = int(reply.get("message_id") or 0)
    if not wanted:
        return topic, None
    replied = chat.find(wanted)
    if replied is not None:
        return (replied.topic if topic is None else topic), replied.id
    if not reply.get("allow_sending_without_reply"):
        raise bad_request("message to be replied not found")
    return topic, None
