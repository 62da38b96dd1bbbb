"""The table of Bot API methods, and those that are no sending or editing."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable

from tests.simulators.telegram import editing, payloads, sending
from tests.simulators.telegram.errors import bad_request, flood
from tests.simulators.telegram.inline import Inline
from tests.simulators.telegram.limits import Limits
from tests.simulators.telegram.media import MAX_DOWNLOAD
from tests.simulators.telegram.parameters import Parameters
from tests.simulators.telegram.sending import chat_of
from tests.simulators.telegram.updates import KINDS, Updates
from tests.simulators.telegram.world import Chat, Json, User, World

Method = Callable[[World, Parameters], Json]

_MAX_COMMANDS = 100
_MAX_COMMANDS_SIZE = 7_800  # bytes of JSON; undocumented, found by others on the live server
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_MAX_POLL = 50  # seconds


class Methods:
    """Answers one call. Sends and edits pay into the flood limits first."""

    def __init__(self, world: World, updates: Updates, limits: Limits, inline: Inline) -> None:
        self._world = world
        self._updates = updates
        self._limits = limits
        self._inline = inline
        self._table: dict[str, Method] = _SENDS_AND_EDITS | _OTHERS | self._delivery()
        self._names = {name.lower(): name for name in (*self._table, "getUpdates")}

    def name(self, name: str) -> str | None:
        """The method's proper name, None if there is no such method. Capitals do not matter."""
        return self._names.get(name.lower())

    async def call(self, name: str, parameters: Parameters) -> Json:
        """Raises ApiError."""
        if name == "getUpdates":
            return await self._get_updates(parameters)
        if name in _SENDS_AND_EDITS:
            self._pay(parameters)
        return self._table[name](self._world, parameters)

    def _pay(self, parameters: Parameters) -> None:
        chat = self._world.chats.get(parameters.integer("chat_id"))
        if chat is not None:
            key, is_group = chat.id, chat.is_group
        elif inline_id := parameters.text("inline_message_id"):
            key, is_group = zlib.crc32(inline_id.encode()), False  # each such message for itself
        else:
            return
        if retry_after := self._limits.admit(key, self._world.now(), group=is_group):
            raise flood(retry_after)

    # --- delivery ---

    def _delivery(self) -> dict[str, Method]:
        return {
            "deleteWebhook": self._delete_webhook,
            "getWebhookInfo": self._get_webhook_info,
            "answerCallbackQuery": self._answer_callback_query,
            "answerInlineQuery": self._inline.answer,
        }

    async def _get_updates(self, parameters: Parameters) -> Json:
        allowed = parameters.lenient_json("allowed_updates")
        if isinstance(allowed, list):
            # An empty list, or one of unknown kinds only, brings back the default.
            known = frozenset(kind for kind in allowed if kind in KINDS)
            self._updates.allowed = known or None
        return await self._updates.take(
            parameters.integer("offset"),
            parameters.between("limit", 100, 1, 100),
            parameters.between("timeout", 0, 0, _MAX_POLL),
        )

    def _delete_webhook(self, world: World, parameters: Parameters) -> Json:
        if parameters.flag("drop_pending_updates"):
            self._updates.drop()
        return True

    def _get_webhook_info(self, world: World, parameters: Parameters) -> Json:
        info: Json = {
            "url": "",
            "has_custom_certificate": False,
            "pending_update_count": self._updates.pending,
        }
        if self._updates.allowed is not None:
            info["allowed_updates"] = sorted(self._updates.allowed)
        return info

    def _answer_callback_query(self, world: World, parameters: Parameters) -> Json:
        text = parameters.text("text")
        if len(text) > 200:
            raise bad_request("MESSAGE_TOO_LONG")
        query = parameters.text("callback_query_id")
        self._updates.answer(query, text, parameters.flag("show_alert"))
        return True


def _get_me(world: World, parameters: Parameters) -> Json:
    return payloads.me(world)


# --- chats and files ---


def _get_chat(world: World, parameters: Parameters) -> Json:
    return payloads.full_chat(chat_of(world, parameters))


def _get_chat_member(world: World, parameters: Parameters) -> Json:
    chat = chat_of(world, parameters)
    return payloads.member(chat, _user_of(world, parameters))


def _get_chat_administrators(world: World, parameters: Parameters) -> Json:
    chat = _group_of(world, parameters, "there are no administrators in the private chat")
    admins = [world.users[admin] for admin in chat.admins]
    bots = parameters.flag("return_bots")
    return [payloads.member(chat, admin) for admin in admins if bots or not admin.is_bot]


def _get_chat_member_count(world: World, parameters: Parameters) -> Json:
    return len(chat_of(world, parameters).members)


def _user_of(world: World, parameters: Parameters) -> User:
    number = parameters.integer("user_id")
    if number <= 0:
        raise bad_request("invalid user_id specified")
    if number not in world.users:
        raise bad_request("user not found")
    return world.users[number]


def _group_of(world: World, parameters: Parameters, otherwise: str) -> Chat:
    chat = chat_of(world, parameters)
    if not chat.is_group:
        raise bad_request(otherwise)
    return chat


def _get_file(world: World, parameters: Parameters) -> Json:
    """From now on the file can be downloaded under its path."""
    reference = parameters.text("file_id")
    if not reference:
        raise bad_request("file_id not specified")
    file = world.files.get(reference)
    if file is None:
        raise bad_request("invalid file_id")
    if len(file.data) > MAX_DOWNLOAD:
        raise bad_request("file is too big")
    if not file.path:
        ending = file.name.rpartition(".")[2] if "." in file.name else "dat"
        file.path = f"{file.folder}/file_{file.unique_id[4:]}.{ending}"
    return payloads.file(file)


# --- commands ---


def _set_my_commands(world: World, parameters: Parameters) -> Json:
    given = parameters.json("commands", "commands") or []
    if not isinstance(given, list):
        raise bad_request("expected an Array of BotCommand")
    scope = _scope(world, parameters)
    commands = [_command(command) for command in given]
    size = len(json.dumps(commands, ensure_ascii=False).encode())
    if len(commands) > _MAX_COMMANDS or size > _MAX_COMMANDS_SIZE:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    world.commands[scope] = commands
    world.changed()
    return True


def _get_my_commands(world: World, parameters: Parameters) -> Json:
    return world.commands.get(_scope(world, parameters), [])


def _delete_my_commands(world: World, parameters: Parameters) -> Json:
    world.commands.pop(_scope(world, parameters), None)
    world.changed()
    return True


def _command(command: Json) -> dict[str, str]:
    if not isinstance(command, dict):
        raise bad_request("can't parse BotCommand: expected an Object")
    for name in ("command", "description"):
        if not isinstance(command.get(name), str):
            raise bad_request(f"can't parse BotCommand: Can't find field \"{name}\"")
    name, description = command["command"].removeprefix("/"), command["description"].strip()
    if not name:
        raise bad_request("command must be non-empty")
    if len(name) > 32:
        raise bad_request("command length must not exceed 32")
    if not _COMMAND.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not description:
        raise bad_request("command description must be non-empty")
    if len(description) > 256:
        raise bad_request("command description length must not exceed 256")
    return {"command": name, "description": description}


def _scope(world: World, parameters: Parameters) -> str:
    """The scope as one text, as in ``TelegramSimulator.commands``."""
    scope = parameters.json("scope", "BotCommandScope") or {"type": "default"}
    if not isinstance(scope, dict):
        raise bad_request("can't parse BotCommandScope: expected an Object")
    key = kind = str(scope.get("type", ""))
    match kind:
        case "default" | "all_private_chats" | "all_group_chats" | "all_chat_administrators":
            pass
        case "chat" | "chat_administrators" | "chat_member":
            chat = chat_of(world, Parameters({"chat_id": str(scope.get("chat_id", ""))}))
            if kind != "chat" and not chat.is_group:
                raise bad_request("can't use specified scope in private chats")
            key = f"{kind}:{chat.id}"
            if kind == "chat_member":
                key += f":{scope.get('user_id')}"
        case _:
            raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    language = parameters.text("language_code")
    return f"{key}/{language}" if language else key


_SENDS_AND_EDITS: dict[str, Method] = {
    "sendMessage": sending.send_message,
    "sendPhoto": sending.send_photo,
    "sendDocument": sending.send_document,
    "sendMediaGroup": sending.send_media_group,
    "sendMessageDraft": sending.send_message_draft,
    "editMessageText": editing.edit_message_text,
    "editMessageCaption": editing.edit_message_caption,
    "editMessageMedia": editing.edit_message_media,
    "editMessageReplyMarkup": editing.edit_message_reply_markup,
}
_OTHERS: dict[str, Method] = {
    "getMe": _get_me,
    "sendChatAction": sending.send_chat_action,
    "deleteMessage": editing.delete_message,
    "deleteMessages": editing.delete_messages,
    "setMessageReaction": editing.set_message_reaction,
    "getChat": _get_chat,
    "getChatMember": _get_chat_member,
    "getChatMemberCount": _get_chat_member_count,
    "getChatAdministrators": _get_chat_administrators,
    "getFile": _get_file,
    "setMyCommands": _set_my_commands,
    "getMyCommands": _get_my_commands,
    "deleteMyCommands": _delete_my_commands,
}
