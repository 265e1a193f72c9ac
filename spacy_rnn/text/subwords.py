"""Subwords: segmentation of text into pieces of a small vocabulary, without unknown words."""

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from ..checks import check_choice, check_count
from ..progress import show
from .sampling import SPACE, Sampler

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

UNKNOWN, START, END = 0, 1, 2
"""Special pieces, which stand for no text. UNKNOWN never occurs: characters outside of the
vocabulary are encoded as bytes."""

GUARD = "\x01"
"""A character that texts do not have."""

KINDS = ("bpe", "unigram")
MAX_TEXTS = 2_000_000
"""Of more texts than this a vocabulary is learnt from so many, drawn at random."""


class Subwords:
    """A vocabulary of subwords (Sennrich et al. 2016; Kudo 2018), by sentencepiece.

    A text is the same after encoding and decoding, including spaces, unless it contains U+2581,
    which stands for a space.

    model (bytes): A serialized sentencepiece model, the result of `to_bytes`.
    """

    def __init__(self, model: bytes):
        self._model = model

    def check(self) -> None:
        """Refuse what is no vocabulary of this package, which is parsed for that.

        RAISES (ValueError): If it is none of sentencepiece, or has other special pieces.
        """
        processor = self._processor
        special = processor.unk_id(), processor.bos_id(), processor.eos_id()
        if special != (UNKNOWN, START, END):
            raise ValueError(
                f"A vocabulary of subwords has the special pieces {special}, but {UNKNOWN}, "
                f"{START} and {END} are needed: train one by train_subwords"
            )

    def __len__(self) -> int:
        return self._processor.get_piece_size()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subwords) and self._model == other._model

    def __hash__(self) -> int:
        return hash(self._model)

    def encode(self, texts: list[str], sampling: float = 0.0) -> list[list[int]]:
        """Segment texts into pieces.

        texts (list[str]): The texts.
        sampling (float): The degree of subword regularization in training: the smoothing alpha of
            a unigram vocabulary (Kudo 2018) or the dropout of BPE merges (Provilkov et al. 2020),
            seeded from NumPy's generator. 0 returns the best segmentation.
        RETURNS (list[list[int]]): The pieces of each text.
        """
        if sampling:
            random = Random(np.random.randint(2**31))
            return [self._sampler.encode(text, sampling, random) for text in texts]
        # One by one: for a list sentencepiece starts a thread at each call.
        return [self._processor.encode(text) for text in texts]

    def decode(self, pieces: list[list[int]]) -> list[str]:
        """Join pieces to texts.

        pieces (list[list[int]]): The pieces of each text.
        RETURNS (list[str]): The texts. Bytes that are not UTF-8 become U+FFFD.
        """
        return [self._processor.decode(sequence) for sequence in pieces]

    def to_pieces(self, pieces: list[int]) -> list[str]:
        """Return pieces as sentencepiece writes them.

        pieces (list[int]): The IDs of pieces.
        RETURNS (list[str]): Their names.
        """
        return self._processor.id_to_piece(pieces)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """tuple[str, ...]: The text of each piece; special pieces have none.

        That of a byte is a lone surrogate, as of Python's "surrogateescape".
        """
        names = self.to_pieces([*range(len(self))])
        texts = [
            (b"%c" % int(name[3:5], 16)).decode("utf8", errors="surrogateescape")
            if piece in self._bytes
            else name.replace(SPACE, " ")
            for piece, name in enumerate(names)
        ]
        for piece in (UNKNOWN, START, END):
            texts[piece] = ""
        return tuple(texts)

    def spell(self, text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Segment a phrase into pieces, wherever in a text it stands.

        text (str): The phrase, without white space at its ends.
        RETURNS (tuple[tuple[int, ...], tuple[int, ...]]): The pieces that write it after a space,
            and those that write it right after another character.
        """
        # No piece has this character in it, so that none reaches across it.
        before, after = self.encode([GUARD, GUARD + text])
        return tuple(self._processor.encode(text)), tuple(after[len(before) :])

    def has_pieces_for(self, text: str) -> bool:
        """Whether the vocabulary has all characters of a text, and spells none of them in bytes.

        text (str): The text.
        RETURNS (bool): Whether it has.
        """
        return self._bytes.isdisjoint(self._processor.encode(text))

    def piece_ids(self, names: Iterable[str]) -> tuple[int, ...]:
        """Return the IDs of pieces.

        names (Iterable[str]): The names of pieces, as sentencepiece writes them.
        RETURNS (tuple[int, ...]): Their IDs.
        RAISES (ValueError): If a name is not in the vocabulary.
        """
        pieces = tuple(self._processor.piece_to_id(name) for name in names)
        for name, piece in zip(names, pieces, strict=True):
            if piece == UNKNOWN:
                raise ValueError(
                    f'There is no piece "{name}" in the vocabulary: pieces that begin a word '
                    f"begin with {SPACE}"
                )
        return pieces

    def char_ranges(self, pieces: list[int]) -> list[tuple[int, int]]:
        """Return the range of characters of the decoded text that each piece stands for.

        pieces (list[int]): The pieces of one text.
        RETURNS (list[tuple[int, int]]): Start and end for each piece. All bytes of a character
            have the range of that character; the space that sentencepiece adds before a text is
            in no range.
        """
        names = self.to_pieces(pieces)
        prefix = 1 if names and names[0].startswith(SPACE) else 0
        bounds: Iterable[tuple[int, int]]
        if self._bytes.isdisjoint(pieces):
            bounds = pairwise(accumulate(map(len, names), initial=0))
        else:
            bounds = self._byte_ranges(pieces, names)
        return [(max(0, first - prefix), max(0, last - prefix)) for first, last in bounds]

    def _byte_ranges(self, pieces: list[int], names: list[str]) -> Iterator[tuple[int, int]]:
        """Yield the character ranges of pieces, some of which are bytes."""
        parts = [
            bytes([int(name[3:5], 16)])
            if piece in self._bytes
            else name.replace(SPACE, " ").encode("utf8")
            for piece, name in zip(pieces, names, strict=True)
        ]
        characters = b"".join(parts).decode("utf8", errors="surrogateescape")
        char_of_byte = [
            index
            for index, character in enumerate(characters)
            for _ in character.encode("utf8", errors="surrogateescape")
        ]
        start = 0
        for part in parts:
            yield char_of_byte[start], char_of_byte[start + len(part) - 1] + 1
            start += len(part)

    @cached_property
    def _bytes(self) -> frozenset[int]:
        is_byte = self._processor.is_byte
        return frozenset(piece for piece in range(len(self)) if is_byte(piece))

    def to_bytes(self) -> bytes:
        """Serialize the vocabulary.

        RETURNS (bytes): A sentencepiece model: data without code.
        """
        return self._model

    @cached_property
    def _processor(self) -> "SentencePieceProcessor":
        from sentencepiece import SentencePieceProcessor

        try:
            return SentencePieceProcessor(model_proto=self._model)
        except RuntimeError as error:
            raise ValueError(
                f"These {len(self._model)} bytes are no vocabulary of subwords ({error}): restore "
                f"it from where it was copied"
            ) from error

    @cached_property
    def _sampler(self) -> Sampler:
        return Sampler(self._processor)

    def __getstate__(self) -> dict:
        return {"_model": self._model}


@lru_cache(maxsize=16)
def load_subwords(model: bytes) -> Subwords:
    """Load a stored vocabulary. Equal models share one object.

    model (bytes): The result of `Subwords.to_bytes`.
    RETURNS (Subwords): The vocabulary.
    RAISES (ValueError): If there is none yet.
    """
    if not model:
        raise ValueError("There is no vocabulary of subwords yet: call nlp.initialize first")
    return Subwords(model)


def parse_subwords(data: str) -> Subwords:
    """Read a vocabulary from text.

    data (str): The result of `Subwords.to_bytes` in hexadecimal.
    RETURNS (Subwords): The vocabulary.
    RAISES (ValueError): If it is anything else.
    """
    try:
        if model := bytes.fromhex(data):
            subwords = Subwords(model)
            subwords.check()
            return subwords
    except (RuntimeError, TypeError, ValueError):
        pass
    raise ValueError(
        f"A vocabulary of subwords is a sentencepiece model in hexadecimal, but this is "
        f"{data!r:.80}: write it by spacy init labels"
    )


def train_subwords(texts: Iterable[str], size: int, kind: str = "bpe") -> Subwords:
    """Learn a vocabulary from texts, the same from the same texts.

    texts (Iterable[str]): The texts, read one by one. `MAX_TEXTS` are held at once.
    size (int): The number of pieces, including 256 bytes and 3 special pieces.
    kind (str): "bpe" (Sennrich et al. 2016) or "unigram" (Kudo 2018).
    RETURNS (Subwords): The vocabulary.
    RAISES (ValueError): If the texts do not allow a vocabulary of this size.
    """
    from sentencepiece import SentencePieceTrainer

    check_choice("kind", kind, KINDS)
    check_count("vocab_size", size, 1)
    model = io.BytesIO()
    learning = ExitStack()

    def read() -> Iterator[str]:
        yield from filter(None, texts)
        # It says nothing of how far it is.
        learning.enter_context(show(f"Learning {size:,} subwords"))

    try:
        with learning:
            SentencePieceTrainer.train(
                sentence_iterator=read(),
                model_writer=model,
                vocab_size=size,
                input_sentence_size=MAX_TEXTS,
                shuffle_input_sentence=True,
                model_type=kind,
                byte_fallback=True,
                character_coverage=0.9999,
                normalization_rule_name="identity",
                remove_extra_whitespaces=False,
                unk_id=UNKNOWN,
                bos_id=START,
                eos_id=END,
                pad_id=-1,
                max_sentence_length=2**30,  # bytes: longer texts would be left out
                num_threads=1,
                minloglevel=2,
            )
    except RuntimeError as error:
        raise ValueError(_describe_failure(size, str(error))) from error
    return Subwords(model.getvalue())


def _describe_failure(size: int, error: str) -> str:
    """Return a message for an error of sentencepiece, which quotes its C++ code."""
    if "!sentences_.empty()" in error:
        return "Cannot learn subwords without any text: initialize with training data"
    if largest := re.search(r"value <= (\d+)", error):
        return (
            f"vocab_size is {size}, but these training texts allow {largest[1]} pieces at most: "
            f"set vocab_size to {largest[1]} or less, or train on more text"
        )
    if smallest := re.search(r"vs (\d+)", error):
        return (
            f"vocab_size is {size}, but the bytes and the characters of these texts alone are "
            f"{smallest[1]} pieces: set vocab_size to {smallest[1]} or more"
        )
    return f"Cannot learn {size} subwords: {error}"
