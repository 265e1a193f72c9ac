"""What a language model foresees one by one: words, characters or subwords."""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from spacy.attrs import ORTH
from spacy.strings import get_string_id
from spacy.tokens import Doc, Span

from .subwords import END, SPACE, START, UNKNOWN, Subwords, train_subwords

KINDS = ("words", "subwords", "characters")
MARKS = ("<unknown>", "<start>", "<end>")
"""How the pieces UNKNOWN, START and END are called, which stand for no text."""

Text = Doc | Span


class Units(ABC):
    """A vocabulary of pieces, and how documents are cut into them."""

    kind: str

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def encode(self, text: Text) -> np.ndarray:
        """Cut a document or a part of one into pieces.

        text (Text): The document or a span of it.
        RETURNS (np.ndarray): Its pieces.
        """

    @abstractmethod
    def encode_string(self, text: str) -> list[int]:
        """Cut what comes next in a text into pieces.

        text (str): A word, or any characters where these are the pieces.
        RETURNS (list[int]): Its pieces.
        """

    @abstractmethod
    def tokens(self, text: Text, pieces: np.ndarray | None = None) -> np.ndarray:
        """Tell which token each piece belongs to.

        text (Text): The document or a span of it.
        pieces (np.ndarray | None): What `encode` returned for it, where that is known.
        RETURNS (np.ndarray): For each piece the token in which its text begins, white space apart:
            what stands between tokens belongs to the next one.
        """

    @abstractmethod
    def decode(self, pieces: Sequence[int]) -> str:
        """Join pieces to a text.

        pieces (Sequence[int]): The pieces.
        RETURNS (str): The text.
        """

    @abstractmethod
    def to_pieces(self, pieces: Sequence[int]) -> list[str]:
        """Name pieces.

        pieces (Sequence[int]): The pieces.
        RETURNS (list[str]): A name for each.
        """

    @abstractmethod
    def to_data(self) -> str:
        """Give the vocabulary as text that JSON holds.

        RETURNS (str): The vocabulary, for the constructor.
        """

    def to_bytes(self) -> bytes:
        """Store the vocabulary.

        RETURNS (bytes): JSON, for `load_units`.
        """
        stored = {"kind": self.kind, "vocabulary": self.to_data()}
        return json.dumps(stored, ensure_ascii=False).encode("utf8")


class _Listed(Units):
    """A vocabulary that is a list, the most frequent entries first.

    data (str): The entries as JSON, without the marks.
    """

    def __init__(self, data: str):
        entries = json.loads(data)
        self.entries = [*MARKS, *entries]
        self._pieces = {entry: piece for piece, entry in enumerate(entries, len(MARKS))}

    def __len__(self) -> int:
        return len(self.entries)

    def to_pieces(self, pieces: Sequence[int]) -> list[str]:
        return [self.entries[piece] for piece in pieces]

    def to_data(self) -> str:
        return json.dumps(self.entries[len(MARKS) :], ensure_ascii=False)


class Words(_Listed):
    """Tokens as spaCy cuts them; those that are not in the vocabulary are one unknown word."""

    kind = "words"

    def __init__(self, data: str):
        super().__init__(data)
        ids = [get_string_id(word) for word in self.entries[len(MARKS) :]]
        keys = np.array(ids, dtype=np.uint64)
        self._order = np.argsort(keys)
        self._keys = keys[self._order]

    def encode(self, text: Text) -> np.ndarray:
        # A span of fewer than two tokens cannot become an array itself.
        doc, start, end = (text, 0, len(text)) if isinstance(text, Doc) else _place(text)
        keys = doc.to_array(ORTH)[start:end]
        place = np.searchsorted(self._keys, keys).clip(max=len(self._keys) - 1)
        return np.where(self._keys[place] == keys, self._order[place] + len(MARKS), UNKNOWN)

    def encode_string(self, text: str) -> list[int]:
        return [self._pieces.get(text, UNKNOWN)] if text else []

    def tokens(self, text: Text, pieces: np.ndarray | None = None) -> np.ndarray:
        return np.arange(len(text))

    def decode(self, pieces: Sequence[int]) -> str:
        return " ".join(self.to_pieces(pieces))


class Characters(_Listed):
    """Characters, white space among them; those not in the vocabulary are one unknown one."""

    kind = "characters"

    def encode(self, text: Text) -> np.ndarray:
        return np.array(self.encode_string(text.text_with_ws), dtype=np.int64)

    def encode_string(self, text: str) -> list[int]:
        return [self._pieces.get(character, UNKNOWN) for character in text]

    def tokens(self, text: Text, pieces: np.ndarray | None = None) -> np.ndarray:
        return tokens_at(text)

    def decode(self, pieces: Sequence[int]) -> str:
        return "".join(self.to_pieces(pieces))


class SubwordUnits(Units):
    """Subwords by sentencepiece, which leave nothing unknown.

    data (str): The sentencepiece model, in hexadecimal.
    """

    kind = "subwords"

    def __init__(self, data: str):
        self.subwords = Subwords(bytes.fromhex(data))

    def __len__(self) -> int:
        return len(self.subwords)

    def encode(self, text: Text) -> np.ndarray:
        # Sentencepiece puts a space before a text, which is the one that stood there.
        return np.array(self.encode_string(text.text), dtype=np.int64)

    def encode_string(self, text: str) -> list[int]:
        return self.subwords.encode([text])[0]

    def tokens(self, text: Text, pieces: np.ndarray | None = None) -> np.ndarray:
        starts = []
        numbers = (self.encode(text) if pieces is None else pieces).tolist()
        spans = self.subwords.spans(numbers) if numbers else []
        for name, (start, end) in zip(self.to_pieces(numbers), spans, strict=True):
            # The space before a word is not what the piece says of its token.
            word = name.lstrip(SPACE) if name.startswith(SPACE) else ""
            starts.append(end - len(word) if word else start)
        at = tokens_at(text)
        return at[np.array(starts, dtype=np.int64).clip(max=max(0, len(at) - 1))]

    def decode(self, pieces: Sequence[int]) -> str:
        return self.subwords.decode([list(pieces)])[0]

    def to_pieces(self, pieces: Sequence[int]) -> list[str]:
        return self.subwords.to_pieces([int(piece) for piece in pieces])

    def to_data(self) -> str:
        return self.subwords.to_bytes().hex()


def _place(span: Span) -> tuple[Doc, int, int]:
    return span.doc, span.start, span.end


def tokens_at(text: Text) -> np.ndarray:
    """Tell for each character the token that it is in, or the next one after white space.

    text (Text): A document or span.
    RETURNS (np.ndarray): Tokens of the document or span, counted from 0.
    """
    ends = np.cumsum([len(token) for token in text] + [0])[:-1]
    ends += np.cumsum([0] + [len(token.whitespace_) for token in text])[:-1]
    places = np.arange(len(text.text_with_ws))
    return np.searchsorted(ends, places, side="right").clip(max=max(0, len(text) - 1))


CLASSES = {each.kind: each for each in (Words, SubwordUnits, Characters)}


@lru_cache(maxsize=16)
def load_units(data: bytes) -> Units:
    """Load a stored vocabulary, once for all who use it.

    data (bytes): What `Units.to_bytes` returned.
    RETURNS (Units): The vocabulary.
    RAISES (ValueError): If there is none yet.
    """
    if not data:
        raise ValueError(
            "The language model has no vocabulary yet: call nlp.initialize first, or load a "
            "trained one"
        )
    stored = json.loads(data)
    return CLASSES[stored["kind"]](stored["vocabulary"])


def make_units(
    kind: str, docs: Iterable[Doc], *, min_count: int = 1, vocab_size: int = 8000
) -> Units:
    """Make a vocabulary from documents. The same documents give the same vocabulary.

    kind (str): "words", "subwords" or "characters".
    docs (Iterable[Doc]): The documents, read once.
    min_count (int): How often a word or character has to occur to be in the vocabulary.
    vocab_size (int): The most words or characters, marks included, or the number of subwords.
    RETURNS (Units): The vocabulary.
    RAISES (ValueError): If the documents do not allow it.
    """
    if kind == "subwords":
        return SubwordUnits(
            train_subwords((doc.text for doc in docs), vocab_size).to_bytes().hex()
        )
    counts: Counter[str] = Counter()
    for doc in docs:
        counts.update((token.text for token in doc) if kind == "words" else doc.text)
    if not counts:
        raise ValueError(
            "Cannot make a vocabulary without any text: initialize with training data"
        )
    # Equal counts in the order of the alphabet: the order of documents does not matter.
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    most = max(0, vocab_size - len(MARKS))
    entries = [entry for entry, count in ranked if count >= min_count][:most]
    if not entries:
        raise ValueError(
            f"No {kind} are left in the vocabulary: the most frequent one occurs {ranked[0][1]} "
            f"times. Lower min_count, which is {min_count}, or raise vocab_size, which is "
            f"{vocab_size}"
        )
    return CLASSES[kind](json.dumps(entries, ensure_ascii=False))


def with_ends(units: Units, doc: Doc, ends: Sequence[int]) -> list[np.ndarray]:
    """Cut a document that holds the ends of others into the pieces of each.

    units (Units): The vocabulary.
    doc (Doc): The document.
    ends (Sequence[int]): After how many tokens another text ends, in order.
    RETURNS (list[np.ndarray]): The pieces of each text, the end symbol at the end of all but the
        last, which goes on.
    """
    starts = [0, *ends]
    parts = [units.encode(doc[a:b]) for a, b in zip(starts, [*ends, len(doc)], strict=True)]
    return [np.append(part, END) for part in parts[:-1]] + parts[-1:]


__all__ = ["END", "KINDS", "START", "UNKNOWN", "Units", "load_units", "make_units", "with_ends"]
