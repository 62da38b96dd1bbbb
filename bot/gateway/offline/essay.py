"""The long answer of the offline demo model: an essay of several pages, to see how pages turn."""

ESSAY = """\
# The life of one answer

*A long answer from the offline demo model, so that you can watch pages turn. It happens to be \
true.*

## 1. A question arrives

Somebody types a line into a channel and presses enter. Far away a platform wraps that line in \
an event: who wrote it, where, and a number that no other event will ever carry. The number \
matters more than it seems. Networks repeat themselves; a platform that hears no reply in time \
tells the same story twice. So the first thing the bot does is to write the number down, in one \
statement that either succeeds or finds the number already there. A question is claimed exactly \
once, and the same joke is never told twice.

Only then does the bot ask whether it may answer: is this person allowed to, is there room in \
the queue, does the command make sense? A refusal is an answer too. It comes at once, and it \
says what to do instead.

## 2. The channel is remembered

A model has no memory. Every question it gets is the first of its life, and everything it seems \
to recall is sent along with the question: the older messages of the channel, each with its \
author's name, as many as fit. That is why the bot can follow a conversation between five people \
without confusing them:

> **Ada**: Shall we meet on Thursday?
> **Grace**: Friday is better for me.
> **Ada**: Then ask the bot to remind us.

Each channel and each thread remembers only itself. What was said in one room is not repeated in \
the next one.

## 3. The first word

Between the question and the first word there is a short silence. It is the most expensive \
silence in the whole system, because somebody is looking at it. Three habits keep it short:

1. The question leaves for the gateway *before* anything is drawn on the screen.
2. The connection was opened long ago and is kept warm.
3. Nothing is built per message that could have been built once.

Then the words begin to come, a few letters at a time. They are called *tokens*, and a quick \
model sends fifty or a hundred of them in a second.

## 4. The art of not editing

No chat platform likes to be told fifty times a second that a message has changed. Discord and \
Telegram both count, and both lose their patience soon. So reading and showing are two separate \
lives. One task reads, and never waits for a screen. The other one looks at the clock:

```python
while not reply.complete:
    await pacer.until_next_edit()
    await surface.show(reply.newest_page())
```

What arrives between two edits is not lost; it is simply part of the next one. The newest text \
always wins, and an older frame that was never shown is never missed. When the last word has \
come, the final edit goes out at once, ahead of everything else in the queue, and it is repeated \
until it is certain to have arrived.

## 5. Turning pages

You are probably looking at a page turn right now. A message on Discord holds 2,000 characters, \
one on Telegram 4,096, and a long answer does not care about either. The bot closes a page where \
a reader would: after a paragraph if it can, otherwise after a line, a sentence, a word. It \
never cuts through an emoji such as 👩\u200d🚀, which is three characters in a trench coat, and \
when a page ends inside a block of code, the block is closed here and opened again on the next \
page.

A closed page never changes. This sounds like a detail, but it is a promise: what you have read \
stays as you have read it.

## 6. When things go wrong

| What happens            | What you see                                              |
|:------------------------|:----------------------------------------------------------|
| the model is overloaded | a short wait, then the answer                             |
| the answer breaks off   | everything that arrived, and a note that says so          |
| the model falls silent  | what had arrived, and a note that says so                 |
| the message is deleted  | nothing more; the bot hangs up on the model at once       |

Hanging up at once is not only polite. Every token costs money, and an answer nobody reads \
should cost none.

## 7. Afterwards

The finished answer is stored next to its question, as one pair. The next question will carry it \
along, and the one after that, until the conversation has grown too long and the oldest pair is \
left behind. Nothing of this is visible, which is exactly the point: a good switchboard connects \
two people and then gets out of the way.

And that is the life of one answer. I am only the stand-in that recites it; set \
`GATEWAY_API_KEY`, start the bot again, and a real model takes over from here.
"""
