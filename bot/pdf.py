"""The text of a PDF, as a program of its own: a stranger's file may be made to keep its reader busy
for hours or to fill the memory, and a program can be ended.

    python -P bot/pdf.py PAGES BYTES SECONDS < FILE

prints one JSON object: ``{"text": …, "pages": n}``, or ``{"fault": …, "pages": n}`` with "pages" or
"long" for more than it may read, "locked" for one with a password, and "broken". It is started by
``bot.attachments`` and imports nothing of the bot.
"""

from __future__ import annotations

import io
import json
import resource
import sys

from pypdf import PasswordType, PdfReader
from pypdf.errors import DependencyError

MEMORY = 2**30  # bytes


def read(data: bytes, pages: int, size: int) -> dict[str, str | int]:
    """What is printed. ``size`` is the most bytes of text, as UTF-8."""
    reader = PdfReader(io.BytesIO(data))
    try:
        if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
            return {"fault": "locked", "pages": 0}
    except DependencyError:  # a kind of encryption that wants another package
        return {"fault": "locked", "pages": 0}
    count = len(reader.pages)
    if count > pages:
        return {"fault": "pages", "pages": count}
    texts: list[str] = []
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text().strip()
        size -= len(text.encode(errors="replace"))
        if size < 0:
            return {"fault": "long", "pages": count}
        if text:
            texts.append(f"[Page {number}]\n{text}")
    return {"text": "\n\n".join(texts), "pages": count}


def main() -> None:
    pages, size, seconds = map(int, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    try:
        found = read(sys.stdin.buffer.read(), pages, size)
    except Exception:  # noqa: BLE001 (whatever such a file does to its reader)
        found = {"fault": "broken", "pages": 0}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
