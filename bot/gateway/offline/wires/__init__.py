"""The wires that the offline gateway speaks."""

from bot.gateway.offline.wires.base import Telling
from bot.gateway.offline.wires.chat_completions import ChatCompletions
from bot.gateway.offline.wires.gemini import Gemini
from bot.gateway.offline.wires.messages import Messages
from bot.gateway.offline.wires.responses import Responses

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
MESSAGES = "/v1/messages"
GEMINI = "/v1beta/models/"  # followed by the model and what to do

WIRES: dict[str, type[Telling]] = {
    CHAT: ChatCompletions,
    RESPONSES: Responses,
    MESSAGES: Messages,
    GEMINI + "{model:.+}:{call:generateContent|streamGenerateContent}": Gemini,
}
