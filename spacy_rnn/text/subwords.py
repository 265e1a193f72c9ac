"""Subwords: text as pieces of a small vocabulary that leaves nothing unknown."""

import io
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, lru_cache, partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..checks import check_choice, check_count

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

UNKNOWN, START, END = 0, 1, 2
"""Pieces that stand for no text. The first never occurs: what is not in the vocabulary is
spelled in bytes."""

KINDS = ("bpe", "unigram")
SPACE = "\u2581"


class Subwords:
    """A vocabulary of subwords (Sennrich et al. 2016; Kudo 2018), by sentencepiece.

    Encoding and decoding a text gives the same text, spaces included, unless it holds
    U+2581, which sentencepiece writes for a space.

    model (bytes): A sentencepiece model, as `to_bytes` returned it.
    """

    def __init__(self, model: bytes):
        self._model = model

    def __len__(self) -> int:
        return self._processor.get_piece_size()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Subwords) and self._model == other._model

    def __hash__(self) -> int:
        return hash(self._model)

    def encode(self, texts: list[str], sampling: float = 0.0) -> list[list[int]]:
        """Cut texts into pieces.

        texts (list[str]): The texts.
        sampling (float): How much to vary the cut from call to call, for training: the
            smoothing alpha of a unigram vocabulary (Kudo 2018), the dropout of BPE
            (Provilkov et al. 2020), drawn from NumPy's generator, which spaCy seeds. 0 gives
            the best cut.
        RETURNS (list[list[int]]): The pieces of each text.
        """
        # One by one: for a list sentencepiece starts a thread each time.
        encode = self._processor.encode
        if not sampling:
            return [encode(text) for text in texts]
        from sentencepiece import set_random_generator_seed

        encode = partial(encode, enable_sampling=True, alpha=sampling, nbest_size=-1)
        # A generator is seeded once, when a thread first draws from it.
        set_random_generator_seed(np.random.randint(2**31))
        with ThreadPoolExecutor(1) as thread:
            return list(thread.map(encode, texts))

    def decode(self, pieces: list[list[int]]) -> list[str]:
        """Join pieces to texts.

        pieces (list[list[int]]): The pieces of each text.
        RETURNS (list[str]): The texts. Bytes that are no UTF-8 become U+FFFD.
        """
        return [self._processor.decode(each) for each in pieces]

    def to_pieces(self, pieces: list[int]) -> list[str]:
        """Name pieces as sentencepiece writes them.

        pieces (list[int]): Pieces.
        RETURNS (list[str]): Their names.
        """
        return self._processor.id_to_piece(pieces)

    def piece_ids(self, names: Iterable[str]) -> tuple[int, ...]:
        """Find pieces by their names.

        names (Iterable[str]): Names as sentencepiece writes them.
        RETURNS (tuple[int, ...]): The pieces.
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

    def spans(self, pieces: list[int]) -> list[tuple[int, int]]:
        """Tell which characters of the decoded text each piece stands for.

        pieces (list[int]): The pieces of one text.
        RETURNS (list[tuple[int, int]]): Start and end for each piece. Pieces that are bytes
            of one character all have that character; the space that sentencepiece puts
            before a text belongs to none.
        """
        names = self.to_pieces(pieces)
        prefix = 1 if names and names[0].startswith(SPACE) else 0
        bounds: Iterable[tuple[int, int]]
        if self._bytes.isdisjoint(pieces):
            bounds = pairwise(accumulate(map(len, names), initial=0))
        else:
            bounds = self._bounds_of_bytes(pieces, names)
        return [(max(0, first - prefix), max(0, last - prefix)) for first, last in bounds]

    def _bounds_of_bytes(self, pieces: list[int], names: list[str]) -> Iterator[tuple[int, int]]:
        """Tell which characters pieces stand for, of which some are bytes."""
        parts = [
            bytes([int(name[3:5], 16)])
            if piece in self._bytes
            else name.replace(SPACE, " ").encode("utf8")
            for piece, name in zip(pieces, names, strict=True)
        ]
        characters = b"".join(parts).decode("utf8", errors="surrogateescape")
        owner = [
            index
            for index, character in enumerate(characters)
            for _ in character.encode("utf8", errors="surrogateescape")
        ]
        start = 0
        for part in parts:
            yield owner[start], owner[start + len(part) - 1] + 1
            start += len(part)

    @cached_property
    def _bytes(self) -> frozenset[int]:
        is_byte = self._processor.is_byte
        return frozenset(piece for piece in range(len(self)) if is_byte(piece))

    def to_bytes(self) -> bytes:
        """Store the vocabulary.

        RETURNS (bytes): A sentencepiece model: data, nothing that runs.
        """
        return self._model

    @cached_property
    def _processor(self) -> "SentencePieceProcessor":
        from sentencepiece import SentencePieceProcessor

        return SentencePieceProcessor(model_proto=self._model)

    def __getstate__(self) -> dict:
        return {"_model": self._model}


@lru_cache(maxsize=16)
def load_subwords(model: bytes) -> Subwords:
    """Load a stored vocabulary, once for all who use it.

    model (bytes): What `Subwords.to_bytes` returned.
    RETURNS (Subwords): The vocabulary.
    RAISES (ValueError): If there is none yet.
    """
    if not model:
        raise ValueError("There is no vocabulary of subwords yet: call nlp.initialize first")
    return Subwords(model)


def train_subwords(texts: Iterable[str], size: int, kind: str = "bpe") -> Subwords:
    """Learn a vocabulary from texts. The same texts give the same vocabulary.

    texts (Iterable[str]): The texts.
    size (int): Pieces in the vocabulary, 256 bytes and 3 marks among them.
    kind (str): "bpe" (Sennrich et al. 2016) or "unigram" (Kudo 2018).
    RETURNS (Subwords): The vocabulary.
    RAISES (ValueError): If the texts do not allow a vocabulary of this size.
    """
    from sentencepiece import SentencePieceTrainer

    check_choice("kind", kind, KINDS)
    check_count("vocab_size", size, 1)
    model = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=(text for text in texts if text),
            model_writer=model,
            vocab_size=size,
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
        raise ValueError(_explain(size, str(error))) from error
    return Subwords(model.getvalue())


def _explain(size: int, error: str) -> str:
    """Say in words what sentencepiece says in code."""
    if "!sentences_.empty()" in error:
        return "Cannot learn subwords without any text: initialize with training data"
    if most := re.search(r"value <= (\d+)", error):
        return (
            f"vocab_size is {size}, but these training texts allow {most[1]} pieces at most: "
            f"set vocab_size to {most[1]} or less, or train on more text"
        )
    if least := re.search(r"vs (\d+)", error):
        return (
            f"vocab_size is {size}, but the bytes and the characters of these texts alone are "
            f"{least[1]} pieces: set vocab_size to {least[1]} or more"
        )
    return f"Cannot learn {size} subwords: {error}"
