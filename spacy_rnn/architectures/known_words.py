"""The words of the training data, by which embeddings recognize unknown ones."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from spacy.tokens import Doc
from thinc.api import Model, deserialize_attr
from thinc.types import Ints2d

UNKNOWN_WORD = 0
MAX_WORDS = 1_000_000
"""Of more words than this the most frequent ones are known."""

WORDS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class HashSettings:
    """The settings of an embedding, which its stored weights do not carry.

    attrs (list[str | int]): The attributes of words; the first one identifies a word.
    rows (list[int]): For each attribute the rows of its table.
    attr_dropout (float): Share of words from which an attribute is hidden in training.
    hashes (int): Rows that are summed for a value of an attribute.
    unk_alpha (float): How often known words are replaced in training, 0 for no unknown word.
    """

    attrs: list[str | int]
    rows: list[int]
    attr_dropout: float
    hashes: int
    unk_alpha: float


class WordCounts:
    """Counts of words in constant memory, if not of all words once there are very many."""

    def __init__(self) -> None:
        self.words = np.zeros(0, dtype="uint64")
        self.counts = np.zeros(0, dtype="uint32")
        self._unread: list[np.ndarray] = []
        self._n_unread = 0

    def add(self, words: np.ndarray) -> None:
        """Count words.

        words (np.ndarray): The words as spaCy stores them, `(words,)`.
        """
        self._unread.append(words)
        self._n_unread += len(words)
        if self._n_unread >= WORDS_AT_ONCE:
            self.merge()

    def merge(self) -> None:
        """Bring `words`, in order, and `counts` up to date."""
        words = np.concatenate([self.words, *self._unread]).astype("uint64")
        counts = np.ones(len(words), dtype="uint32")
        counts[: len(self.counts)] = self.counts
        self.words, index = np.unique(words, return_inverse=True)
        self.counts = np.bincount(index, counts, len(self.words)).astype("uint32")
        self._unread, self._n_unread = [], 0
        if len(self.words) > MAX_WORDS:
            frequent = np.sort(np.argsort(-self.counts.astype("int64"), kind="stable")[:MAX_WORDS])
            self.words, self.counts = self.words[frequent], self.counts[frequent]


class Counted(bytes):
    """Words or counts that go with the training data: pretrained weights do not replace them."""


@deserialize_attr.register(Counted)
def return_counted(_: Counted, value: bytes, name: str, model: Model) -> Counted:
    """Return what was counted in place of what was stored.

    _ (Counted): What was counted, by whose type Thinc finds this function.
    value (bytes): What was stored.
    name (str): The name of the attribute.
    model (Model): The embedding.
    RETURNS (Counted): What was counted.
    """
    return model.attrs[name]


def retain_words(embeddings: Sequence[Model], retain: bool) -> None:
    """Have embeddings retain the words that they know while weights are loaded, or not.

    embeddings (Sequence[Model]): The embeddings, as `find_counting` returned them.
    retain (bool): Whether they do.
    """
    make = Counted if retain else bytes
    for embedding in embeddings:
        embedding.attrs["known"] = make(embedding.attrs["known"])
        embedding.attrs["counts"] = make(embedding.attrs["counts"])


def find_counting(model: Model) -> list[Model]:
    """Find the embeddings with an unknown word.

    model (Model): The model of a component.
    RETURNS (list[Model]): Its embeddings that need to know the words of the training data.
    """
    settings = ((node, node.attrs.get("settings")) for node in model.walk())
    return [node for node, each in settings if isinstance(each, HashSettings) and each.unk_alpha]


def count_words(embeddings: Sequence[Model], docs: Iterable[Doc]) -> None:
    """Count the words of the training data, for embeddings with an unknown word.

    embeddings (Sequence[Model]): The embeddings, as `find_counting` returned them.
    docs (Iterable[Doc]): The documents, read one by one.
    """
    counts = [WordCounts() for _ in embeddings]
    for doc in docs:
        for embedding, each in zip(embeddings, counts, strict=True):
            each.add(doc.to_array(embedding.attrs["settings"].attrs[0]))
    for embedding, each in zip(embeddings, counts, strict=True):
        each.merge()
        embedding.attrs["known"] = each.words.tobytes()
        embedding.attrs["counts"] = each.counts.tobytes()


def get_word_counts(embeddings: Sequence[Model]) -> list[dict[str, Any]]:
    """Return the words that embeddings know, in plain types.

    embeddings (Sequence[Model]): The embeddings, as `find_counting` returned them.
    RETURNS (list[dict[str, Any]]): For each the attribute that identifies a word, the words as
        spaCy stores them, and how often each occurs.
    """
    return [
        {
            "attr": str(embedding.attrs["settings"].attrs[0]),
            "words": np.frombuffer(embedding.attrs["known"], dtype="uint64").tolist(),
            "counts": np.frombuffer(embedding.attrs["counts"], dtype="uint32").tolist(),
        }
        for embedding in embeddings
    ]


def set_word_counts(embeddings: Sequence[Model], counts: list[dict[str, Any]]) -> None:
    """Set the words that embeddings know.

    embeddings (Sequence[Model]): The embeddings, as `find_counting` returned them.
    counts (list[dict[str, Any]]): Their words, as `get_word_counts` returned them.
    RAISES (ValueError): If they are anything else, or those of other embeddings.
    """
    attrs = [str(embedding.attrs["settings"].attrs[0]) for embedding in embeddings]
    try:
        if [each["attr"] for each in counts] != attrs:
            raise ValueError("the embeddings are others")
        for embedding, each in zip(embeddings, counts, strict=True):
            words = np.array(each["words"], dtype="uint64")
            if words.shape != (len(each["counts"]),):
                raise ValueError("words and counts are not equally many")
            order = np.argsort(words)
            embedding.attrs["known"] = words[order].tobytes()
            embedding.attrs["counts"] = np.array(each["counts"], "uint32")[order].tobytes()
            check_known(embedding)
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(
            f"The counts of words have to be those of embeddings with unk_alpha by the "
            f"attributes {', '.join(attrs)} ({error}): write them anew by spacy init labels"
        ) from error


def hide_unknown(model: Model, ids: Ints2d, is_train: bool) -> Ints2d:
    """Replace unknown words by one unknown word, and in training also known words at random.

    A known word is replaced the more often the rarer it is (Kiperwasser & Goldberg 2016). Where
    no words were counted, as in pretraining, none is replaced.

    model (Model): An embedding.
    ids (Ints2d): The attributes of words, `(words, attrs)`; the first one identifies the word.
    is_train (bool): Whether to replace known words.
    RETURNS (Ints2d): The attributes, with `UNKNOWN_WORD` as the first one of replaced words.
    """
    unk_alpha = model.attrs["settings"].unk_alpha
    if not unk_alpha:
        return ids
    known = np.frombuffer(model.attrs["known"], dtype="uint64")
    if not len(known):
        if is_train:
            warnings.warn(
                f"unk_alpha is {unk_alpha}, but no words of training data were counted, so that "
                f"none is unknown. That is right in pretraining. Elsewhere rnn_tagger, rnn_ner "
                f"and rnn_textcat count those of their own embeddings; for other components set "
                f'[initialize.after_init] to @callbacks = "spacy-rnn.count_words.v1"',
                stacklevel=2,
            )
        return ids
    words = np.asarray(ids)[:, 0]
    indices = np.searchsorted(known, words).clip(max=len(known) - 1)
    hidden = known[indices] != words
    if is_train:
        counts = np.frombuffer(model.attrs["counts"], dtype="uint32")[indices]
        hidden |= np.random.uniform(size=len(words)) < unk_alpha / (unk_alpha + counts)
    ids = ids.copy()
    ids[hidden, 0] = UNKNOWN_WORD
    return ids


def check_known(model: Model) -> None:
    """Refuse counted words of a loaded embedding that are no such thing.

    model (Model): The embedding.
    RAISES (ValueError): If there are not as many counts as words, or words are not in order.
    """
    known = np.frombuffer(model.attrs["known"], dtype="uint64")
    counts = np.frombuffer(model.attrs["counts"], dtype="uint32")
    if len(counts) != len(known) or (known[1:] <= known[:-1]).any():
        raise ValueError(
            f"the {len(known)} known words of an embedding are not in order, or have "
            f"{len(counts)} counts: restore the model from where it was copied"
        )
