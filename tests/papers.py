"""PDFs made by hand, for the tests of what reads them."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Sequence

from pypdf import PdfWriter


def pdf(*pages: str) -> bytes:
    """A PDF with these texts, a page each; "" for a page without any, as a scan has it."""
    return _file([_drawn(text) for text in pages])


def locked(data: bytes, password: str) -> bytes:
    """The same behind a password."""
    writer = PdfWriter(io.BytesIO(data))
    writer.encrypt(password, algorithm="RC4-128")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def endless() -> bytes:
    """A small PDF that keeps its reader busy: a page with millions of moves of the pen."""
    return _file([zlib.compress(b"1 0 Td " * 8_000_000, 1)], b"/Filter /FlateDecode")


def _drawn(text: str) -> bytes:
    lines = b"".join(
        b"(%s) Tj 0 -14 Td " % re.sub(rb"([()\\\\])", rb"\\\1", line.encode("cp1252"))
        for line in text.splitlines()
    )
    return b"BT /Text 12 Tf 72 720 Td %sET" % lines if text else b""


def _file(contents: Sequence[bytes], about: bytes = b"") -> bytes:
    """Objects: 1 the catalogue, 2 the pages, 3 the font, then page and content in turn."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, len(contents)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, content in enumerate(contents):
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /Text 3 0 R >> >> >>" % (5 + 2 * number),
            b"<< %s /Length %d >>\nstream\n%s\nendstream" % (about, len(content), content),
        ]
    written, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return written + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table, len(objects) + 1, len(written))
    )
