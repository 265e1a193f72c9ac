"""Embeddings of words, for any `embed` of spaCy's Tok2Vec layers.

All of them compute the vector of each distinct word of a batch once.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from spacy.errors import Errors
from spacy.ml.staticvectors import StaticVectors
from spacy.tokens import Doc
from spacy.vectors import Vectors
from thinc.api import (
    Model,
    add,
    chain,
    list2array,
    ragged2list,
    uniform_init,
)
from thinc.types import Floats2d, Ints1d, Ints2d

from ..bridge.flat import unflatten
from ..checks import check_at_least, check_choice, check_count, check_rate
from ..types import Embedding, FlatEmbedding
from .known_words import HashSettings, hide_unknown


def build_sum_hash_embed_v1(
    width: int,
    attrs: list[str | int],
    rows: list[int],
    include_static_vectors: bool = False,
    attr_dropout: float = 0.0,
    hashes: int = 4,
    unk_alpha: float = 0.0,
) -> Embedding:
    """Build an embedding that adds up a hashed vector for each attribute of a word.

    It takes the settings of `spacy.MultiHashEmbed.v2` and leaves out its layer that mixes
    the attributes, which costs more than a small recurrent encoder on top of it does.

    width (int): Features of each token.
    attrs (list[str | int]): The attributes of words, such as "NORM", "PREFIX", "SUFFIX", "SHAPE".
    rows (list[int]): The rows of the hash table of each attribute.
    include_static_vectors (bool): Whether to add a projection of the pipeline's vectors.
    attr_dropout (float): Share of words from which an attribute is hidden in training, each
        attribute of each distinct word of a batch by itself.
    hashes (int): Rows that are summed for a value of an attribute, from 1 to 4. With more rows
        there are fewer collisions in small tables; with fewer, in tables that are large for the
        vocabulary, unseen words have vectors close to zero.
    unk_alpha (float): If not 0, words that are not in the training data, by the first attribute,
        share one vector. It is trained on words of the training data: a word that occurs n times
        is replaced with the probability `unk_alpha / (unk_alpha + n)` (Kiperwasser & Goldberg
        2016). `rnn_tagger`, `rnn_ner` and `rnn_textcat` count words when they are initialized;
        for other components `spacy-rnn.count_words.v1` does.
    RETURNS (Embedding): The embedding.
    RAISES (ValueError): If a setting is out of its bounds or does not fit another one.
    """
    if not attrs or len(rows) != len(attrs):
        raise ValueError(
            f"There are {len(attrs)} attributes but {len(rows)} numbers of rows: "
            f"give one number for each attribute, and at least one attribute"
        )
    check_count("width", width, 1)
    check_choice("hashes", hashes, (1, 2, 3, 4))
    check_count("rows, the smallest,", min(rows), 1)
    check_at_least("unk_alpha", unk_alpha, 0)
    table: FlatEmbedding = Model(
        "hash_embed",
        embed_attributes,
        init=init_table,
        params={"E": None},
        dims={"nO": width},
        attrs={
            "settings": HashSettings(
                attrs, rows, check_rate("attr_dropout", attr_dropout), hashes, unk_alpha
            ),
            "known": b"",
            "counts": b"",
        },
    )
    return by_document(add(table, project_vectors(width)) if include_static_vectors else table)


def project_vectors(width: int) -> FlatEmbedding:
    """Build a projection of the pipeline's vectors.

    width (int): Features of each token.
    RETURNS (FlatEmbedding): The layer.
    """
    checked: Model = Model("require_vectors", require_vectors)
    return flatten_documents(chain(checked, StaticVectors(width), ragged2list()), width)


def require_vectors(
    model: Model, docs: list[Doc], is_train: bool
) -> tuple[list[Doc], Callable[[Any], Any]]:
    """Refuse documents whose vocabulary has no vectors, such as those of another pipeline.

    model (Model): The layer.
    docs (list[Doc]): The documents, with at least one word.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[list[Doc], Callable]): The documents, and a callback without effect.
    RAISES (RuntimeError): If there are no vectors (E896).
    """
    vectors = docs[0].vocab.vectors
    if isinstance(vectors, Vectors) and not len(vectors.data):
        raise RuntimeError(Errors.E896)
    return docs, lambda gradient: gradient


def flatten_documents(embedding: Embedding, width: int | None = None) -> FlatEmbedding:
    """Concatenate the vectors of all documents.

    embedding (Embedding): The vectors of each document.
    width (int | None): Their width, if the embedding does not have it as a dimension.
    RETURNS (FlatEmbedding): The layer.
    """
    flat: FlatEmbedding = chain(embedding, list2array())
    if width is None and embedding.has_dim("nO"):
        width = embedding.get_dim("nO")
    if width is not None:
        flat.set_dim("nO", width)
    return flat


def by_document(words: FlatEmbedding) -> Embedding:
    """Split the vectors of all words by document.

    words (FlatEmbedding): The vectors of all words; it is not called for batches without words.
    RETURNS (Embedding): The embedding.
    """
    dims = {"nO": words.get_dim("nO") if words.has_dim("nO") else None}
    return Model("by_document", split_by_document, init=init_words, layers=[words], dims=dims)


def split_by_document(
    model: Embedding, docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable]:
    """Embed documents.

    model (Embedding): The embedding.
    docs (list[Doc]): The documents.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[list[Floats2d], Callable]): For each document an array `(tokens, nO)`,
        and a callback that takes its gradient.
    """
    lengths = [len(doc) for doc in docs]
    if not any(lengths):
        return [model.ops.alloc2f(0, model.get_dim("nO")) for _ in docs], lambda d_vectors: []
    vectors, backprop_words = model.layers[0](docs, is_train)

    def backprop(d_vectors: list[Floats2d]) -> list[Doc]:
        return backprop_words(model.ops.flatten(d_vectors))

    return unflatten(vectors, lengths), backprop


def init_words(model: Embedding, X: list[Doc] | None = None, Y: Any = None) -> None:
    """Initialise the layer below.

    model (Embedding): The embedding.
    X (list[Doc] | None): Sample documents.
    Y (Any): Not needed.
    """
    model.layers[0].initialize(X=X)
    model.set_dim("nO", model.layers[0].get_dim("nO"))


def embed_attributes(
    model: FlatEmbedding, docs: list[Doc], is_train: bool
) -> tuple[Floats2d, Callable]:
    """Sum hashed vectors of attributes.

    model (FlatEmbedding): The layer.
    docs (list[Doc]): The documents, with at least one word.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[Floats2d, Callable]): The vectors of all words, `(words, nO)`, and a
        callback that takes their gradient.
    """
    ops = model.ops
    settings: HashSettings = model.attrs["settings"]
    table = cast(Floats2d, model.get_param("E"))
    check_table(model)  # In stock components nothing else checks it.
    ids, indices = find_distinct(docs, settings.attrs)
    word_indices = ops.asarray1i(indices)
    keys = ops.xp.hstack(_hash(model, hide_unknown(model, ids, is_train)))
    if is_train and settings.attr_dropout:
        hidden = ops.xp.random.uniform(size=ids.shape) < settings.attr_dropout
        keys[hidden.repeat(settings.hashes, axis=1)] = len(table) - 1
    vectors = ops.gather_add(table, keys)

    def backprop(d_words: Floats2d) -> list[Doc]:
        d_vectors = ops.alloc2f(*vectors.shape)
        ops.scatter_add(d_vectors, word_indices, d_words)
        # Into an existing gradient: it is as large as the table, and few rows of it are new.
        existing = cast(Floats2d | None, model.maybe_get_grad("E"))
        d_table = ops.alloc2f(*table.shape) if existing is None else existing
        for column in ops.as_contig(keys.T, dtype="i"):
            ops.scatter_add(d_table, column, d_vectors)
        if existing is None:
            model.inc_grad("E", d_table)
        return []

    return vectors[word_indices], backprop


def _hash(model: FlatEmbedding, ids: Ints2d) -> list:
    """Hash each attribute of each word to rows of the one table that all attributes share."""
    settings: HashSettings = model.attrs["settings"]
    first, keys, hashes = 0, [], settings.hashes
    for number, rows in enumerate(settings.rows):
        column = cast(Ints1d, model.ops.as_contig(model.ops.asarray(ids[:, number])))
        keys.append(model.ops.hash(column, number)[:, :hashes] % rows + first)
        first += rows
    return keys


# One number is quicker to sort than a row of several. Attributes are hashes of 64 bits, so
# that collisions of two words are very improbable.
MIXER = np.uint64(0x9E3779B97F4A7C15)


def find_distinct(docs: list[Doc], attrs: list[str | int]) -> tuple[Ints2d, Ints1d]:
    """Find distinct words.

    docs (list[Doc]): The documents.
    attrs (list[str | int]): The attributes that distinguish words.
    RETURNS (tuple[Ints2d, Ints1d]): The attributes of each distinct word, `(distinct, attrs)`,
        and for each word its index among them, `(words,)`, on the CPU.
    """
    ids = np.concatenate([doc.to_array(attrs).reshape(-1, len(attrs)) for doc in docs])
    ids = ids.astype("uint64")
    mixed = ids[:, 0]
    for column in ids.T[1:]:
        mixed = mixed * MIXER + column
    _, firsts, indices = np.unique(mixed, return_index=True, return_inverse=True)
    return cast(Ints2d, ids[firsts]), cast(Ints1d, indices)


def init_table(model: FlatEmbedding, X: Any = None, Y: Any = None) -> None:
    """Make a fresh table.

    model (FlatEmbedding): The layer.
    X (Any): Not needed.
    Y (Any): Not needed.
    """
    rows = _count_rows(model.attrs["settings"])
    model.set_param("E", uniform_init(model.ops, (rows, model.get_dim("nO"))))


def check_table(model: FlatEmbedding) -> None:
    """Refuse a loaded table that is not as large as its attributes need.

    model (FlatEmbedding): The layer.
    RAISES (ValueError): If it is larger or smaller.
    """
    shape, rows = model.get_param("E").shape, _count_rows(model.attrs["settings"])
    if shape != (rows, model.get_dim("nO")):
        raise ValueError(
            f"The embedding has {rows} rows by its settings, but loaded weights for {shape[0]}: "
            f"set attrs and rows to those that the weights were trained with"
        )


def _count_rows(settings: HashSettings) -> int:
    return sum(settings.rows) + 1  # The last one stands for a hidden attribute.
