"""``reply_markup``: the buttons under a message and the reply field that it opens, checked as
Telegram checks them."""

from __future__ import annotations

from typing import NamedTuple

from tests.simulators.telegram.errors import bad_request
from tests.simulators.telegram.measure import is_link
from tests.simulators.telegram.parameters import Parameters
from tests.simulators.telegram.world import Button, Json

_MAX_DATA = 64  # bytes
_MAX_BUTTONS = 100
_MAX_HINT = 64  # characters
_ACTIONS = (
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)
_STYLES = ("danger", "success", "primary")


class ReplyField(NamedTuple):
    """``selective``: only for those who are named in the message or whom it replies to."""

    selective: bool
    hint: str


def inline_keyboard(parameters: Parameters, *, only: bool = False) -> list[list[Button]]:
    """The call's inline keyboard, [] for none. Keyboards of other kinds belong to no message, and
    ``only`` says that they are refused."""
    markup = parameters.json("reply_markup", "reply keyboard markup")
    if markup is None:
        return []
    return keyboard_in(markup, only=only)


def reply_field(parameters: Parameters) -> ReplyField | None:
    """What a ForceReply asks for, if the call has one."""
    markup = parameters.json("reply_markup", "reply keyboard markup")
    if not isinstance(markup, dict) or not markup.get("force_reply"):
        return None
    hint = markup.get("input_field_placeholder") or ""
    if not isinstance(hint, str) or len(hint) > _MAX_HINT:
        raise bad_request("input field placeholder must be 1-64 characters long")
    return ReplyField(bool(markup.get("selective")), hint)


def keyboard_in(markup: Json, *, only: bool = False) -> list[list[Button]]:
    """The inline keyboard of a reply_markup."""
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if only and "inline_keyboard" not in markup:
        raise bad_request("inline keyboard expected")
    rows = markup.get("inline_keyboard", [])
    if not isinstance(rows, list):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array')
    if not all(isinstance(row, list) for row in rows):
        raise bad_request(
            'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'
        )
    buttons = [[_button(button) for button in row] for row in rows if row]
    if sum(len(row) for row in buttons) > _MAX_BUTTONS:
        raise bad_request("reply markup is too long")
    return buttons


def _button(button: Json) -> Button:
    def refuse(reason: str) -> Exception:
        return bad_request(f"can't parse inline keyboard button: {reason}")

    if not isinstance(button, dict):
        raise refuse("InlineKeyboardButton must be an Object")
    text = button.get("text")
    if not isinstance(text, str):
        raise refuse('Field "text" must be of type String' if text else 'Can\'t find field "text"')
    if not text.strip():
        raise bad_request("text buttons are unallowed in the inline keyboard")
    if not any(button.get(action) not in (None, "") for action in _ACTIONS):
        raise refuse("Text buttons are unallowed in the inline keyboard")
    if button.get("url") and not is_link(button["url"]):
        url = button["url"]
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
    if len(str(button.get("callback_data", "")).encode()) > _MAX_DATA:
        raise bad_request("BUTTON_DATA_INVALID")
    if button.get("style") not in (None, *_STYLES):
        raise bad_request("invalid button style specified")
    return {name: button[name] for name in ("text", "style", *_ACTIONS) if name in button}
