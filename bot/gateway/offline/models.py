"""The demo models by name, and what each of them is."""

CHAT_MODELS = ("demo-chat", "demo-chat-slow", "demo-thinker")
IMAGE_MODELS = ("demo-image", "demo-image-wide", "demo-image-slow")
LISTENING_MODELS = ("demo-listener", "whisper-1")  # the second is what a bot asks unless told

SLOW_TALKER = "demo-chat-slow"  # a few whole words a second
THINKER = "demo-thinker"  # says what it thinks before it answers
WIDE = "demo-image-wide"  # 16:9 where nothing else is asked for
SLOW_PAINTER = "demo-image-slow"  # where there are jobs, its pictures come as one

PROVIDER = (
    "switchboard"  # the older generation writes "switchboard/demo-chat"; both work everywhere
)


def painting_time(model: str, seconds: float) -> float:
    """How long the model paints, where the others take ``seconds``."""
    return 4 * seconds if bare(model) == SLOW_PAINTER else seconds


def bare(name: str) -> str:
    """The name without our own prefix."""
    return name.removeprefix(f"{PROVIDER}/")
