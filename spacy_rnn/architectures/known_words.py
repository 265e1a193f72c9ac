"""The words of the training data, by which embeddings recognize unknown ones."""

from collections.abc import Iterable

import numpy as np
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Ints2d

UNKNOWN_WORD = 0


def count_words(model: Model, docs: Iterable[Doc]) -> None:
    """Count the words of the training data, for embeddings with an unknown word.

    model (Model): The model of a component, with or without such embeddings.
    docs (Iterable[Doc]): The documents.
    """
    embeddings = [node for node in model.walk() if node.attrs.get("unk_alpha")]
    if not embeddings:
        return
    docs = list(docs)
    for node in embeddings:
        (attr, *_) = node.attrs["attrs"]
        words = [doc.to_array(attr) for doc in docs]
        known, counts = np.unique(np.concatenate(words), return_counts=True)
        node.attrs["known"] = known.astype("uint64").tobytes()
        node.attrs["counts"] = counts.astype("uint32").tobytes()


def hide_unknown(model: Model, ids: Ints2d, is_train: bool) -> Ints2d:
    """Replace unknown words by one unknown word, and in training also known words at random.

    A known word is replaced the more often the rarer it is (Kiperwasser & Goldberg 2016).

    model (Model): An embedding.
    ids (Ints2d): The attributes of words, `(words, attrs)`; the first one identifies the word.
    is_train (bool): Whether to replace known words.
    RETURNS (Ints2d): The attributes, with `UNKNOWN_WORD` as the first one of replaced words.
    RAISES (ValueError): If no words were counted.
    """
    unk_alpha = model.attrs["unk_alpha"]
    if not unk_alpha:
        return ids
    known = np.frombuffer(model.attrs["known"], dtype="uint64")
    if not len(known):
        raise ValueError(
            f"unk_alpha is {unk_alpha}, but no words of training data were counted, which "
            f"the components of spacy-rnn do for embeddings of their own: set it to 0 elsewhere"
        )
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
