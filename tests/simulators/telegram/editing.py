"""The methods that change what is there: editMessage…, deleteMessage(s), setMessageReaction."""

from __future__ import annotations

from tests.simulators.telegram import payloads
from tests.simulators.telegram.errors import bad_request
from tests.simulators.telegram.keyboards import inline_keyboard
from tests.simulators.telegram.parameters import Parameters
from tests.simulators.telegram.sending import caption_of, chat_of, media_of, text_of
from tests.simulators.telegram.world import Button, Chat, Content, Json, Message, World

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
_REACTIONS = (
    "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 "
    "🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 "
    "🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡"
)


def edit_message_text(world: World, parameters: Parameters) -> Json:
    formatted = text_of(parameters)
    message = _editable(world, parameters)
    if message.content.has_media:
        raise bad_request("there is no text in the message to edit")
    return _edit(world, message, Content(formatted.text, formatted.entities), parameters)


def edit_message_caption(world: World, parameters: Parameters) -> Json:
    caption = caption_of(parameters)
    message = _editable(world, parameters)
    old = message.content
    if not old.has_media:
        raise bad_request("there is no caption in the message to edit")
    new = Content(caption.text, caption.entities, old.photo, old.document)
    return _edit(world, message, new, parameters)


def edit_message_media(world: World, parameters: Parameters) -> Json:
    """Text becomes a photo or document, or one of these another one."""
    parameters.required("media")
    item = parameters.json("media", "input media")
    message = _editable(world, parameters)
    return _edit(world, message, media_of(world, parameters, item), parameters)


def edit_message_reply_markup(world: World, parameters: Parameters) -> Json:
    message = _editable(world, parameters)
    return _edit(world, message, message.content, parameters)


def delete_message(world: World, parameters: Parameters) -> Json:
    chat = chat_of(world, parameters)
    message = chat.find(_message_id(parameters))
    if message is None:
        raise bad_request("message to delete not found")
    if not _may_delete(world, chat, message):
        raise bad_request("message can't be deleted")
    message.deleted = True
    world.changed()
    return True


def delete_messages(world: World, parameters: Parameters) -> Json:
    """Messages that are not there or may not be deleted are passed over."""
    chat = chat_of(world, parameters)
    numbers = parameters.json("message_ids", "message identifiers")
    if not isinstance(numbers, list) or not all(isinstance(number, int) for number in numbers):
        raise bad_request("expected an Array of message identifiers")
    if not 1 <= len(numbers) <= 100:
        raise bad_request(
            "too many message identifiers specified"
            if numbers
            else "message identifiers are not specified"
        )
    for message in map(chat.find, numbers):
        if message is not None and _may_delete(world, chat, message):
            message.deleted = True
    world.changed()
    return True


def set_message_reaction(world: World, parameters: Parameters) -> Json:
    """A bot has at most one reaction to a message, out of a fixed set."""
    chat = chat_of(world, parameters)
    message = chat.find(_message_id(parameters))
    if message is None:
        raise bad_request("message to react not found")
    reactions = parameters.json("reaction", "reaction types") or []
    emoji = [reaction.get("emoji", "") for reaction in reactions if isinstance(reaction, dict)]
    if len(emoji) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    if len(emoji) != len(reactions) or any(one not in _REACTIONS.split() for one in emoji):
        raise bad_request("REACTION_INVALID")
    message.reactions = emoji
    world.changed()
    return True


def _editable(world: World, parameters: Parameters) -> Message:
    if inline_id := parameters.text("inline_message_id"):
        posted = world.inline_message(inline_id)
        if posted is None or posted.deleted:
            raise bad_request("MESSAGE_ID_INVALID")
        return posted
    if not parameters.text("chat_id") and not parameters.text("message_id"):
        raise bad_request("message identifier is not specified")
    chat = chat_of(world, parameters)
    message = chat.find(parameters.integer("message_id"))
    if message is None:
        raise bad_request("message to edit not found")
    if message.author is not world.bot or message.content.service:
        raise bad_request("message can't be edited")
    return message


def _edit(world: World, message: Message, content: Content, parameters: Parameters) -> Json:
    """An edit without a keyboard takes the keyboard away."""
    buttons = inline_keyboard(parameters, only=True)
    if _reads_the_same(message, content, buttons):
        raise bad_request(_NOT_MODIFIED)
    world.edit(message, content, buttons)
    return True if parameters.text("inline_message_id") else payloads.message(message)


def _reads_the_same(message: Message, content: Content, buttons: list[list[Button]]) -> bool:
    return message.content == content and message.buttons == buttons


def _message_id(parameters: Parameters) -> int:
    number = parameters.integer("message_id")
    if not number:
        raise bad_request("message identifier is not specified")
    return number


def _may_delete(world: World, chat: Chat, message: Message) -> bool:
    """Its own messages anywhere; those of others in private chats and where the bot is an admin."""
    if message.author is world.bot or world.bot.id in chat.admins:
        return True
    return not chat.is_group
