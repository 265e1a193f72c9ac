"""Which documents a training has read, to recognize them again."""

import json
from collections.abc import Iterator
from hashlib import blake2b

from spacy.tokens import Doc

ATTRIBUTES: list[int | str] = [
    *("ORTH", "SPACY", "TAG", "POS", "MORPH", "LEMMA", "DEP", "HEAD", "SENT_START"),
    *("ENT_IOB", "ENT_TYPE", "ENT_KB_ID"),
]
"""What of a token may be learned or scored."""
MAX_BLOCKS = 4096
"""Digests of a corpus, so that one of any length takes bounded memory."""


class Fingerprint:
    """Digests of a stream of documents: of each, or of blocks of them where they are many.

    documents (int): The documents so far.
    words (int): Their words.
    """

    def __init__(self) -> None:
        self.documents = 0
        self.words = 0
        self._block = 1
        self._digests: list[bytes] = []
        self._open = blake2b(digest_size=8)

    def add(self, doc: Doc) -> None:
        """Read a document: its text, its annotation and its custom data.

        doc (Doc): The document.
        """
        if self.documents % self._block == 0:
            if len(self._digests) == MAX_BLOCKS:
                pairs = zip(self._digests[::2], self._digests[1::2], strict=True)
                self._digests = [blake2b(a + b, digest_size=8).digest() for a, b in pairs]
                self._block *= 2
            self._digests.append(b"")
            self._open = blake2b(digest_size=8)
        self._open.update(_to_bytes(doc))
        self._digests[-1] = self._open.digest()
        self.documents += 1
        self.words += len(doc)

    def to_dict(self) -> dict:
        """Return what can be stored as JSON.

        RETURNS (dict): The counts and digests.
        """
        return {
            "documents": self.documents,
            "words": self.words,
            "block": self._block,
            "digests": [digest.hex() for digest in self._digests],
        }


def _to_bytes(doc: Doc) -> bytes:
    """Store what counts, in a fraction of the time that `Doc.to_bytes` takes."""
    spans = {
        name: [(span.start, span.end, span.label, span.kb_id) for span in group]
        for name, group in doc.spans.items()
    }
    # Custom data may be of any type: what JSON lacks counts by its type alone.
    data = json.dumps([*doc.user_data.items()], skipkeys=True, default=_type_name)
    return doc.to_array(ATTRIBUTES).tobytes() + f"{doc.cats} {spans} {data}".encode()


def _type_name(value: object) -> str:
    return type(value).__name__


def describe_difference(before: dict, now: dict) -> Iterator[str]:
    """Describe how a corpus differs from what it was.

    before (dict): What `Fingerprint.to_dict` returned.
    now (dict): What it returns now.
    YIELDS (str): The differences; nothing for the same documents in the same order.
    """
    counted = [f"{each['documents']} documents of {each['words']} words" for each in (before, now)]
    if counted[0] != counted[1]:
        yield f"{counted[1]}, where there were {counted[0]}"
    block = now["block"]
    if block == before["block"] and now["digests"] != before["digests"]:
        pairs = zip(before["digests"], now["digests"], strict=False)
        same = [old == new for old, new in pairs] + [False]
        first = block * same.index(False) + 1
        yield f"the first difference is in document {first}" + (
            f" or one of the {block - 1} after it" if block > 1 else ""
        )
