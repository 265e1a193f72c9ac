"""Units of text that a language model predicts: words, subwords or characters."""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from spacy.attrs import ORTH
from spacy.strings import get_string_id
from spacy.tokens import Doc, Span

from .subwords import END, SPACE, UNKNOWN, parse_subwords, train_subwords

KINDS = ("words", "subwords", "characters")
MAX_ENTRIES = 1_000_000
"""Words that are counted at least: of many more the rarest are forgotten."""

SPECIAL_PIECES = ("<unknown>", "<start>", "<end>")
"""The names of the pieces UNKNOWN, START and END, which stand for no text."""

DocOrSpan = Doc | Span


class Units(ABC):
    """A vocabulary of pieces, and the segmentation of documents into them."""

    kind: str

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def encode(self, text: DocOrSpan) -> np.ndarray:
        """Segment a document or a part of one into pieces.

        text (DocOrSpan): The document or a span of it.
        RETURNS (np.ndarray): Its pieces, `(pieces,)`.
        """

    @abstractmethod
    def encode_string(self, text: str) -> list[int]:
        """Segment a string that continues a text into pieces.

        text (str): A word, or any characters if the units are not words.
        RETURNS (list[int]): Its pieces.
        """

    @abstractmethod
    def token_indices(self, text: DocOrSpan, pieces: np.ndarray | None = None) -> np.ndarray:
        """Return the index of the token that each piece belongs to.

        text (DocOrSpan): The document or a span of it.
        pieces (np.ndarray | None): The result of `encode` for it, if there is one already.
        RETURNS (np.ndarray): For each piece the token in which its text begins, leading white
            space aside, `(pieces,)`. White space between tokens belongs to the next token.
        """

    @abstractmethod
    def decode(self, pieces: Sequence[int]) -> str:
        """Join pieces to a text.

        pieces (Sequence[int]): The pieces.
        RETURNS (str): The text.
        """

    @abstractmethod
    def to_pieces(self, pieces: Sequence[int]) -> list[str]:
        """Return the names of pieces.

        pieces (Sequence[int]): The pieces.
        RETURNS (list[str]): The name of each.
        """

    @abstractmethod
    def to_data(self) -> str:
        """Serialize the vocabulary to a string.

        RETURNS (str): The argument of the constructor.
        """

    def to_bytes(self) -> bytes:
        """Serialize the vocabulary and its kind.

        RETURNS (bytes): JSON, the argument of `load_units`.
        """
        stored = {"kind": self.kind, "vocabulary": self.to_data()}
        return json.dumps(stored, ensure_ascii=False).encode("utf8")


class _ListedUnits(Units):
    """A vocabulary that is a list, most frequent entries first.

    data (str): The entries as JSON, without the special pieces.
    """

    def __init__(self, data: str):
        entries = json.loads(data)
        if not (isinstance(entries, list) and all(isinstance(each, str) for each in entries)):
            raise ValueError(f"The {self.kind} of a vocabulary are not a list of texts")
        if not entries or len({*entries}) < len(entries):
            raise ValueError(f"The {self.kind} of a vocabulary are none, or not distinct")
        self.entries = [*SPECIAL_PIECES, *entries]
        self._pieces = {entry: piece for piece, entry in enumerate(entries, len(SPECIAL_PIECES))}

    def __len__(self) -> int:
        return len(self.entries)

    def to_pieces(self, pieces: Sequence[int]) -> list[str]:
        return [self.entries[piece] for piece in pieces]

    def to_data(self) -> str:
        return json.dumps(self.entries[len(SPECIAL_PIECES) :], ensure_ascii=False)


class Words(_ListedUnits):
    """The tokens of spaCy. Those outside of the vocabulary are one unknown word."""

    kind = "words"

    def __init__(self, data: str):
        super().__init__(data)
        ids = [get_string_id(word) for word in self.entries[len(SPECIAL_PIECES) :]]
        keys = np.array(ids, dtype=np.uint64)
        self._order = np.argsort(keys)
        self._keys = keys[self._order]

    def encode(self, text: DocOrSpan) -> np.ndarray:
        # A span of fewer than two tokens cannot become an array itself.
        doc, start = (text, 0) if isinstance(text, Doc) else (text.doc, text.start)
        keys = doc.to_array(ORTH)[start : start + len(text)]
        index = np.searchsorted(self._keys, keys).clip(max=len(self._keys) - 1)
        pieces = self._order[index] + len(SPECIAL_PIECES)
        return np.where(self._keys[index] == keys, pieces, UNKNOWN)

    def encode_string(self, text: str) -> list[int]:
        return [self._pieces.get(text, UNKNOWN)] if text else []

    def token_indices(self, text: DocOrSpan, pieces: np.ndarray | None = None) -> np.ndarray:
        return np.arange(len(text))

    def decode(self, pieces: Sequence[int]) -> str:
        return " ".join(self.to_pieces(pieces))


class Characters(_ListedUnits):
    """Characters, including white space. Those outside of the vocabulary are one unknown one."""

    kind = "characters"

    def encode(self, text: DocOrSpan) -> np.ndarray:
        return np.array(self.encode_string(text.text_with_ws), dtype=np.int64)

    def encode_string(self, text: str) -> list[int]:
        return [self._pieces.get(character, UNKNOWN) for character in text]

    def token_indices(self, text: DocOrSpan, pieces: np.ndarray | None = None) -> np.ndarray:
        return _token_of_char(text)

    def decode(self, pieces: Sequence[int]) -> str:
        return "".join(self.to_pieces(pieces))


class SubwordUnits(Units):
    """Subwords by sentencepiece, without unknown words.

    data (str): The sentencepiece model, in hexadecimal.
    """

    kind = "subwords"

    def __init__(self, data: str):
        self.subwords = parse_subwords(data)

    def __len__(self) -> int:
        return len(self.subwords)

    def encode(self, text: DocOrSpan) -> np.ndarray:
        # The space before the text is the one that sentencepiece adds.
        return np.array(self.encode_string(text.text), dtype=np.int64)

    def encode_string(self, text: str) -> list[int]:
        return self.subwords.encode([text])[0]

    def token_indices(self, text: DocOrSpan, pieces: np.ndarray | None = None) -> np.ndarray:
        starts = []
        piece_list = (self.encode(text) if pieces is None else pieces).tolist()
        ranges = self.subwords.char_ranges(piece_list) if piece_list else []
        for name, (start, end) in zip(self.to_pieces(piece_list), ranges, strict=True):
            # Spaces before a word may be a token of their own.
            word = name.lstrip(SPACE) if name.startswith(SPACE) else ""
            starts.append(end - len(word) if word else start)
        tokens = _token_of_char(text)
        return tokens[np.array(starts, dtype=np.int64).clip(max=max(0, len(tokens) - 1))]

    def decode(self, pieces: Sequence[int]) -> str:
        return self.subwords.decode([list(pieces)])[0]

    def to_pieces(self, pieces: Sequence[int]) -> list[str]:
        return self.subwords.to_pieces([int(piece) for piece in pieces])

    def to_data(self) -> str:
        return self.subwords.to_bytes().hex()


def _token_of_char(text: DocOrSpan) -> np.ndarray:
    """Return the index of the token that each character is in, for white space of the next one.

    The indices, `(characters,)`, are counted from the first token of the document or span.
    """
    ends = np.cumsum([len(token) for token in text] + [0])[:-1]
    ends += np.cumsum([0] + [len(token.whitespace_) for token in text])[:-1]
    chars = np.arange(len(text.text_with_ws))
    return np.searchsorted(ends, chars, side="right").clip(max=max(0, len(text) - 1))


UNITS = {units.kind: units for units in (Words, SubwordUnits, Characters)}


@lru_cache(maxsize=16)
def load_units(data: bytes) -> Units:
    """Load a stored vocabulary. Equal data share one object.

    data (bytes): The result of `Units.to_bytes`.
    RETURNS (Units): The vocabulary.
    RAISES (ValueError): If there is none yet, or the data are no vocabulary.
    """
    if not data:
        raise ValueError(
            "The language model has no vocabulary yet: call nlp.initialize first, or load a "
            "trained one"
        )
    try:
        stored = json.loads(data)
        return UNITS[stored["kind"]](stored["vocabulary"])
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            f"This is no vocabulary of a language model ({type(error).__name__}: {error}): pass "
            f"one as spacy init labels writes it"
        ) from error


def make_units(
    kind: str, docs: Iterable[Doc], *, min_count: int = 1, vocab_size: int = 8000
) -> Units:
    """Make a vocabulary from documents, the same from the same documents.

    kind (str): "words", "subwords" or "characters".
    docs (Iterable[Doc]): The documents, read once.
    min_count (int): The minimum frequency of words or characters in the vocabulary.
    vocab_size (int): The maximum number of words or characters, special pieces included, or the
        number of subwords.
    RETURNS (Units): The vocabulary.
    RAISES (ValueError): If the documents do not allow such a vocabulary.
    """
    if kind == "subwords":
        return SubwordUnits(
            train_subwords((doc.text for doc in docs), vocab_size).to_bytes().hex()
        )
    counts: Counter[str] = Counter()
    for doc in docs:
        counts.update((token.text for token in doc) if kind == "words" else doc.text)
        if len(counts) > 2 * MAX_ENTRIES:  # A stream may have ever new words.
            counts = Counter(dict(counts.most_common(MAX_ENTRIES)))
    if not counts:
        raise ValueError(
            "Cannot make a vocabulary without any text: initialize with training data"
        )
    # Ties are broken alphabetically, so that the order of documents does not matter.
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    max_entries = max(0, vocab_size - len(SPECIAL_PIECES))
    entries = [entry for entry, count in ranked if count >= min_count][:max_entries]
    if not entries:
        raise ValueError(
            f"No {kind} are left in the vocabulary: the most frequent one occurs {ranked[0][1]} "
            f"times. Lower min_count, which is {min_count}, or raise vocab_size, which is "
            f"{vocab_size}"
        )
    return UNITS[kind](json.dumps(entries, ensure_ascii=False))


def encode_parts(units: Units, doc: Doc, ends: Sequence[int]) -> list[np.ndarray]:
    """Encode the texts that a document is the concatenation of.

    units (Units): The vocabulary.
    doc (Doc): The document.
    ends (Sequence[int]): The numbers of tokens after which a text ends, in order.
    RETURNS (list[np.ndarray]): The pieces of each text. All but the last, which continues after
        the document, close with the end symbol.
    """
    bounds = [0, *ends, len(doc)]
    parts = [units.encode(doc[start:end]) for start, end in pairwise(bounds)]
    return [np.append(part, END) for part in parts[:-1]] + parts[-1:]
