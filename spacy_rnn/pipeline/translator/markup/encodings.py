"""The bytes of documents with mark-up, which may say themselves how they are encoded."""

import codecs
import re

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
DECLARED = re.compile(
    rb"""<(?:\?xml|meta)\b[^>]*[\s;](?:encoding|charset)\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE
)
# The declaration stands in so many bytes, as of HTML.
FIRST = 1024


def decode(data: bytes, name: str, encoding: str | None = None) -> tuple[str, str]:
    """Decode a document.

    data (bytes): The document.
    name (str): What it is called in errors.
    encoding (str | None): Its encoding; None for the one that it declares, or UTF-8.
    RETURNS (tuple[str, str]): The text, and its encoding.
    RAISES (ValueError): If there is no such encoding, or the bytes are not of it.
    """
    encoding = encoding or find_encoding(data)
    try:
        return data.decode(encoding), encoding
    except LookupError:
        raise ValueError(
            f"{name} is encoded in {encoding!r}, which Python does not know: name its encoding "
            f"with --encoding"
        ) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{name}, line {line}, has bytes that are not {encoding}: name its encoding with "
            f"--encoding"
        ) from None


def encode(text: str, encoding: str) -> bytes:
    """Encode a document, with references to the characters that the encoding does not have.

    text (str): The document.
    encoding (str): Its encoding.
    RETURNS (bytes): The document.
    """
    return text.encode(encoding, "xmlcharrefreplace")


def find_encoding(data: bytes) -> str:
    """Find out how a document is encoded.

    data (bytes): The document.
    RETURNS (str): The encoding that it declares, or "utf8".
    """
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            return encoding
    found = DECLARED.search(data, 0, FIRST)
    declared = found[1].decode("ascii").lower() if found else "utf8"
    # Two bytes a letter could not be read as a declaration of ASCII.
    return "utf8" if declared.startswith("utf-16") else declared
