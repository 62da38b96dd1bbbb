"""The Bot API's objects as JSON: User, Chat, Message, ChatMember … of what is in the world."""

from __future__ import annotations

import zlib

from tests.simulators.telegram.world import Chat, Json, Message, Photo, StoredFile, User, World


def user(person: User) -> Json:
    shown: Json = {"id": person.id, "is_bot": person.is_bot, "first_name": person.name}
    if person.username:
        shown["username"] = person.username
    if person.language:
        shown["language_code"] = person.language
    return shown


def me(world: World) -> Json:
    private_topics = any(chat.topics for chat in world.chats.values() if not chat.is_group)
    return user(world.bot) | {
        "can_join_groups": True,
        "can_read_all_group_messages": not world.privacy,
        "supports_inline_queries": world.inline,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": private_topics,
        "allows_users_to_create_topics": private_topics,
    }


def chat(place: Chat) -> Json:
    shown: Json = {"id": place.id, "type": place.kind}
    if place.user is None:
        shown["title"] = place.title
    else:
        shown["first_name"] = place.user.name
        if place.user.username:
            shown["username"] = place.user.username
    if place.is_forum:
        shown["is_forum"] = True
    return shown


def full_chat(place: Chat) -> Json:
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription")
    shown = chat(place) | {
        "accent_color_id": place.id % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys((*gifts, "gifts_from_channels"), not place.is_group),
    }
    if place.is_group:
        allowed = ("messages", "audios", "documents", "photos", "videos", "video_notes")
        others = ("voice_notes", "polls", "other_messages")
        shown["permissions"] = {f"can_send_{name}": True for name in (*allowed, *others)} | {
            "can_add_web_page_previews": True,
            "can_change_info": False,
            "can_invite_users": True,
            "can_pin_messages": False,
            "can_manage_topics": False,
            "can_edit_tag": False,
            "can_react_to_messages": True,
        }
    return shown


def message(said: Message, *, nested: bool = False) -> Json:
    """``nested``: as the reply_to_message of another one, which carries no reply of its own."""
    content = said.content
    shown: Json = {
        "message_id": said.id,
        "from": user(said.author),
        "chat": chat(said.chat),
        "date": said.date,
    }
    if said.thread is not None:
        shown["message_thread_id"] = said.thread
    if said.topic is not None:
        shown["is_topic_message"] = True
    if said.edit_date is not None:
        shown["edit_date"] = said.edit_date
    # In a topic, a message that answers nothing in particular answers the topic's opening message.
    replied = said.chat.find(said.reply_to or (said.topic if said.topic != said.id else None))
    if replied is not None and not nested:
        shown["reply_to_message"] = message(replied, nested=True)
    if said.media_group:
        shown["media_group_id"] = said.media_group
    if content.photo:
        shown["photo"] = photo(content.photo)
    if content.document is not None:
        shown["document"] = document(content.document)
    if content.sound is not None:
        shown["audio" if content.sound.name else "voice"] = sound(content.sound)
    if content.video is not None:
        shown["video"] = video(content.video)
    if said.via_bot is not None:
        shown["via_bot"] = user(said.via_bot)
    if content.text:
        shown["caption" if content.has_media else "text"] = content.text
    if content.entities:
        shown["caption_entities" if content.has_media else "entities"] = content.entities
    if said.buttons:
        shown["reply_markup"] = {"inline_keyboard": said.buttons}
    return shown | content.service


def inaccessible(place: Chat, message_id: int) -> Json:
    """A message that is gone, as a callback query shows it."""
    return {"chat": chat(place), "message_id": message_id, "date": 0}


def photo(sizes: Photo) -> Json:
    return [
        {
            "file_id": size.file.id,
            "file_unique_id": size.file.unique_id,
            "width": size.width,
            "height": size.height,
            "file_size": len(size.file.data),
        }
        for size in sizes
    ]


def document(stored: StoredFile) -> Json:
    return {
        "file_id": stored.id,
        "file_unique_id": stored.unique_id,
        "file_name": stored.name,
        "mime_type": stored.media_type,
        "file_size": len(stored.data),
    }


def sound(stored: StoredFile) -> Json:
    """A voice message, or music, which has a name."""
    shown = file(stored) | {"duration": 4, "mime_type": stored.media_type}
    shown.pop("file_path", None)
    return shown | ({"file_name": stored.name} if stored.name else {})


def video(stored: StoredFile) -> Json:
    return document(stored) | {"width": 640, "height": 360, "duration": 4}


def file(stored: StoredFile) -> Json:
    shown = {
        "file_id": stored.id,
        "file_unique_id": stored.unique_id,
        "file_size": len(stored.data),
    }
    return shown | ({"file_path": stored.path} if stored.path else {})


def member(place: Chat, person: User) -> Json:
    """A ChatMember. The first admin is the group's owner."""
    shown: Json = {"user": user(person)}
    if place.admins[:1] == [person.id]:
        return shown | {"status": "creator", "is_anonymous": False}
    if person.id in place.admins:
        return shown | {"status": "administrator", **_rights()}
    if person.id in place.members:
        return shown | {"status": "member"}
    return shown | {"status": "left"}


def _rights() -> Json:
    rights = ("manage_chat", "delete_messages", "manage_video_chats", "restrict_members")
    more = ("change_info", "invite_users", "pin_messages", "manage_topics")
    lacking = ("promote_members", "post_stories", "edit_stories", "delete_stories")
    return {
        "can_be_edited": False,
        "is_anonymous": False,
        **{f"can_{right}": True for right in (*rights, *more)},
        **{f"can_{right}": False for right in lacking},
    }


def bot_removed(place: Chat, world: World, by: User, date: int, *, back: bool = False) -> Json:
    """The ChatMemberUpdated of a bot that was blocked or kicked, or with ``back`` let in again."""
    inside: Json = {"user": user(world.bot), "status": "member"}
    outside: Json = {"user": user(world.bot), "status": "kicked", "until_date": 0}
    old, new = (outside, inside) if back else (inside, outside)
    return {
        "chat": chat(place),
        "from": user(by),
        "date": date,
        "old_chat_member": old,
        "new_chat_member": new,
    }


def chat_instance(place: Chat) -> str:
    """A number that stands for the chat in its callback queries."""
    return str(zlib.crc32(str(place.id).encode()) + 2**40)
