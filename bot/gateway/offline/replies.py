"""What the offline demo model says: a pure function of the conversation.

``compose`` takes the messages of a chat completion request as they came over the wire and returns
Markdown. The same conversation always gets the same answer. Texts of users may begin with
``Name: ``, as in a channel with several speakers; the answer then knows who said what.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.gateway.offline.essay import ESSAY
from bot.gateway.offline.snippets import LANGUAGES, SNIPPETS

COUNT_LIMIT = 500
QUOTE_LIMIT = 160  # characters of one quoted message
_SPEAKER = re.compile(r"([^:\n]{1,64}): (?=\S)")


@dataclass(frozen=True, slots=True)
class Said:
    """One earlier message; ``speaker`` is "" where nobody is named."""

    speaker: str
    text: str
    by_model: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """The question, who asks it, what was said before, and what its pictures look like."""

    question: str
    speaker: str
    earlier: tuple[Said, ...]
    pictures: tuple[str, ...] = ()

    @property
    def greeting(self) -> str:
        return f", {self.speaker}" if self.speaker else ""

    def pick(self, *variants: str) -> str:
        """One of the variants, always the same for the same question."""
        return variants[zlib.crc32(self.question.encode(errors="replace")) % len(variants)]


def compose(messages: Sequence[Mapping[str, Any]], pictures: Sequence[str] = ()) -> str:
    """The answer. ``pictures`` describe those that came with the last message, one phrase each."""
    talk = _read(messages, pictures)
    if talk.pictures:
        return _about_pictures(talk)
    for pattern, answer in TOPICS:
        if pattern.search(talk.question):
            return answer(talk)
    return _anything(talk)


def think(messages: Sequence[Mapping[str, Any]], pictures: Sequence[str] = ()) -> str:
    """What the demo model that thinks tells of how it comes to the answer. It is the truth."""
    talk = _read(messages, pictures)
    asked = f"{talk.speaker or 'Somebody'} asks: “{_quote(talk.question)}”"
    before = len(talk.earlier)
    earlier = "one earlier message" if before == 1 else f"{before} earlier messages"
    memory = f"With it came {earlier}." if before else "Nothing came before it."
    if talk.pictures:
        choice = f"{len(talk.pictures)} of the last message's parts are pictures: I measure them."
    else:
        found = (pattern.search(talk.question) for pattern, _ in TOPICS)
        word = next((match[0] for match in found if match), "")
        choice = (
            f"I know an answer by heart that goes with “{_quote(word)}”: I take that one."
            if word
            else "No word in it is one I know: I say what a real model would do."
        )
    return f"{asked} {memory} I am a small program, so thinking is looking for words. {choice}"


def text_of(message: Mapping[str, Any]) -> str:
    """The words of one wire message, whose content is a string, a list of parts or null."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, Mapping)]
    return "\n".join(text for text in texts if isinstance(text, str))


def _read(messages: Sequence[Mapping[str, Any]], pictures: Sequence[str]) -> Conversation:
    talk = [message for message in messages if message.get("role") in ("user", "assistant")]
    asked = [text_of(message) for message in talk if message.get("role") == "user"]
    # Where people are named, all of them are: "Question: …" from one person alone is no name.
    named = bool(asked) and all(_SPEAKER.match(text) for text in asked)
    said = [_said(message, named) for message in talk]
    last = max((i for i, one in enumerate(said) if not one.by_model), default=-1)
    if last < 0:
        return Conversation("", "", tuple(said), tuple(pictures))
    return Conversation(said[last].text, said[last].speaker, tuple(said[:last]), tuple(pictures))


def _said(message: Mapping[str, Any], named: bool) -> Said:
    text = text_of(message).strip()
    if message.get("role") == "assistant":
        return Said("", text, by_model=True)
    match = _SPEAKER.match(text) if named else None
    if match is None:
        return Said("", text)
    return Said(match[1], text[match.end() :])


def _quote(text: str, limit: int = QUOTE_LIMIT) -> str:
    """One line that cannot break the Markdown around it."""
    line = " ".join(text.replace("`", "'").split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _welcome(talk: Conversation) -> str:
    return f"""\
Hello{talk.greeting}! 👋 I am Switchboard's **offline demo model**: a stand-in that lives inside \
the bot, so everything works before you have an account anywhere. I cannot think, but I can show \
you around.

Try one of these:

- `write some Python code`
- `make a table` or `make a list`
- `tell me something long`, to see how pages turn
- `count to 40`, to watch an answer grow
- `what did I say?`, to see that this channel is remembered
- `/image a fox on a hill at night`, for a picture

Once `GATEWAY_API_KEY` is set, a real model answers here instead of me."""


def _thanks(talk: Conversation) -> str:
    return talk.pick(
        f"You are welcome{talk.greeting}! It is nice to be thanked, even for a stand-in.",
        f"With pleasure{talk.greeting}. The offline demo model bows, as far as text can bow. 🎩",
        f"Any time{talk.greeting}. I run on this machine alone, so I am never busy elsewhere.",
    )


def _count(talk: Conversation) -> str:
    match = _COUNT.search(talk.question)
    wanted = int(match[1][:9]) if match else 0
    last = min(wanted, COUNT_LIMIT)
    if last < 1:
        return "Counting to zero is quickly done. There: finished."
    numbers = ", ".join(str(number) for number in range(1, last + 1))
    end = "Done." if last == wanted else f"I stop at {COUNT_LIMIT}: even demo models get tired."
    return f"{numbers}. {end}"


def _recall(talk: Conversation) -> str:
    asked = [one for one in talk.earlier if not one.by_model]
    if not asked:
        return (
            "Nothing yet: this is the first message of the conversation that reached me. Say "
            "something, then ask me again, and I will quote it."
        )
    lines = [f"- **{one.speaker or 'You'}**: “{_quote(one.text)}”" for one in asked[-10:]]
    count = len(talk.earlier) - len(asked)
    answers = {0: "I did not answer", 1: "I answered once"}.get(count, f"I answered {count} times")
    shown = "" if len(asked) <= 10 else f" The newest 10 of {len(asked)} are:"
    return "\n".join(
        [
            f"This is what I was told in this conversation, oldest first.{shown}",
            "",
            *lines,
            "",
            f"{answers} in between. The bot sent me all of it along with your question: "
            "I keep nothing myself.",
        ]
    )


def _code(talk: Conversation) -> str:
    language = next(
        (name for name in SNIPPETS if re.search(rf"\b{name}\b", talk.question, re.I)), "python"
    )
    snippet, remark = SNIPPETS[language]
    return f"""\
Here is a little {LANGUAGES[language]}:

```{language}
{snippet}
```

{remark}

*I am the offline demo model, so this is a piece I know by heart. A real model would write what \
you asked for; set `GATEWAY_API_KEY` and ask again.*"""


def _table(talk: Conversation) -> str:
    return """\
Here is a table from the offline demo model:

| You write            | You see                  | What it shows                 |
|:---------------------|:-------------------------|:------------------------------|
| `count to 100`       | one to a hundred         | how an answer streams         |
| `something long`     | an essay of some pages   | how long answers are paged    |
| `some SQL code`      | a query                  | a code block and its language |
| `what did we say?`   | your own words           | the memory of this channel    |
| `/image a calm sea`  | a picture, freshly drawn | pictures and their progress   |

Where a platform has no tables, the bot sets them so that the columns still line up."""


def _list(talk: Conversation) -> str:
    return """\
A plan for ten minutes with this bot, by the offline demo model:

1. **Look around**
   - ask for `a table`, then for `some code`
   - ask for `something long`
     - and watch it turn its pages
2. **Be several**
   - let a friend ask something in this channel
   - then ask `what did we say?`
     - everybody is quoted by name
     - each channel and thread remembers only itself
3. **Draw**
   - `/image a lighthouse by the sea --aspect_ratio 16:9`
   - attach a picture of yours to `/image`, and I build on it
4. **Go live**
   - set `GATEWAY_API_KEY` and start the bot again"""


def _picture_wish(talk: Conversation) -> str:
    return (
        "I would love to! In words I only describe; for a picture, use the command:\n\n"
        "```\n/image a red sail on a quiet sea at sunset\n```\n\n"
        "The offline demo model draws it on this machine in about two seconds. Words such as "
        "*sea*, *forest*, *mountain*, *city*, *night*, *snow*, *fox* or *cat* steer what you get."
    )


def _about_pictures(talk: Conversation) -> str:
    seen = "\n".join(f"- {picture}" for picture in talk.pictures)
    count = "a picture" if len(talk.pictures) == 1 else f"{len(talk.pictures)} pictures"
    asked = f"\n\nYou asked: “{_quote(talk.question)}”" if talk.question else ""
    return (
        f"Thank you{talk.greeting}, {count} arrived:\n\n{seen}{asked}\n\n"
        "That much I can measure. The offline demo model has no eyes; a real one would tell you "
        "what is in it. Set `GATEWAY_API_KEY` to a gateway's key and ask again."
    )


def _long(talk: Conversation) -> str:
    return ESSAY


def _anything(talk: Conversation) -> str:
    if not talk.question:
        return "You sent me no words. Say `hello`, and I will tell you what I can show you."
    opening = talk.pick(
        "That is a good thing to ask",
        "I like that question",
        "Let me turn that over for a moment",
        "That deserves a proper answer",
    )
    would = talk.pick(
        "weigh what is known, say how sure it is, and offer a next step",
        "answer in a few clear sentences and give an example",
        "look at it from two sides before it recommends one",
    )
    memory = (
        "It would also see the earlier messages of this channel, as I do; for proof, ask "
        "`what did I say?`."
        if talk.earlier
        else "It would remember this message when you ask the next one, and so do I."
    )
    return f"""\
{opening}{talk.greeting}:

> {_quote(talk.question, 300)}

I am the **offline demo model**, so I have no opinion of my own. A real model would {would}. \
{memory}

**To connect one**, set `GATEWAY_API_KEY` to your gateway's key and start the bot again. Until \
then, say `hello` to see what I can show you."""


_COUNT = re.compile(r"\bcount(?:ing)?\s+(?:up\s+)?to\s+(\d+)", re.I)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b", re.I)


# The first topic whose words occur gives the answer.
TOPICS: tuple[tuple[re.Pattern[str], Callable[[Conversation], str]], ...] = (
    (_COUNT, _count),
    (
        _words(
            r"what (?:did|have) (?:i|we|they) (?:just )?sa(?:y|id)|remember|recall|summari[sz]e"
        ),
        _recall,
    ),
    (_words(r"table"), _table),
    (_words(r"cod(?:e|ing)|python|javascript|sql|bash|function|script|snippet|program"), _code),
    (_words(r"list|plan|steps|to-?do"), _list),
    (_words(r"(?<!how )long(?! ago)|essay|story|article"), _long),
    (_words(r"draw|paint|(?:picture|image|photo) of"), _picture_wish),
    (
        re.compile(
            r"^\W*(?:hello|hi|hey|hallo|moin|hola|bonjour|good (?:morning|evening|day))\b", re.I
        ),
        _welcome,
    ),
    (_words(r"help|what can you do|who are you"), _welcome),
    (_words(r"thanks|thank you|thx|cheers"), _thanks),
)
