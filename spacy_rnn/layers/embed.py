"""Embeddings of words, for every place where spaCy takes `spacy.MultiHashEmbed.v2`.

All of them look at each distinct word of a batch once.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from spacy.attrs import ORTH
from spacy.ml.staticvectors import StaticVectors
from spacy.tokens import Doc
from thinc.api import (
    ArgsKwargs,
    Model,
    add,
    chain,
    concatenate,
    list2array,
    ragged2list,
    torch2xp,
    uniform_init,
    xp2torch,
)
from thinc.types import Floats2d, Ints1d, Ints2d

from ..types import Embedding, FlatEmbedding

if TYPE_CHECKING:
    from torch import nn

    from .shim import NetworkShim


def build_hash_embed_v1(
    width: int,
    attrs: list[str | int],
    rows: list[int],
    include_static_vectors: bool = False,
    attr_dropout: float = 0.0,
) -> Embedding:
    """Build an embedding that adds up a hashed vector for each attribute of a word.

    It takes the settings of `spacy.MultiHashEmbed.v2` and leaves out its layer that mixes
    the attributes, which costs more than a small recurrent encoder on top of it does.

    width (int): Features of each token.
    attrs (list[str | int]): The attributes.
    rows (list[int]): For each attribute the rows of its table.
    include_static_vectors (bool): Whether to add a projection of the pipeline's vectors.
    attr_dropout (float): Share of words from which an attribute is hidden in training, each
        attribute of each distinct word of a batch by itself.
    RETURNS (Embedding): The embedding.
    RAISES (ValueError): If a setting is out of its bounds or does not fit another one.
    """
    from ..nn.recurrent import check_at_least
    from ..nn.regularize import check_rate

    if not attrs or len(rows) != len(attrs):
        raise ValueError(
            f"There are {len(attrs)} attributes but {len(rows)} numbers of rows: "
            f"give one number for each attribute, and at least one attribute"
        )
    check_at_least("width", width, 1)
    check_at_least("rows, the smallest,", min(rows), 1)
    table: FlatEmbedding = Model(
        "hash_embed",
        embed_attributes,
        init=init_table,
        params={"E": None},
        dims={"nO": width},
        attrs={
            "attrs": attrs,
            "rows": rows,
            "attr_dropout": check_rate(attr_dropout, "attr_dropout"),
        },
    )
    parts = [table]
    if include_static_vectors:
        parts.append(_static_vectors(width))
    return by_document(add(*parts) if include_static_vectors else table)


def build_char_rnn_embed_v1(
    width: int = 50,
    *,
    embed_width: int = 25,
    cell: str = "lstm",
    dropout: float | None = None,
    max_bytes: int = 64,
    words: Embedding | None = None,
    include_static_vectors: bool = False,
) -> Embedding:
    """Build an embedding that reads the characters of each word in both directions (Lample
    et al. 2016).

    width (int): Features of each token that come from its characters.
    embed_width (int): Features of each byte of the UTF-8 of a word.
    cell (str): One of "lstm", "gru", "rnn_tanh", "rnn_relu".
    dropout (float | None): Dropout on bytes and on words. None for `training.dropout`.
    max_bytes (int): Of a longer word, half as many bytes are read from its start and from
        its end.
    words (Embedding | None): Another embedding, whose features come after these.
    include_static_vectors (bool): Whether a projection of the pipeline's vectors, of the
        same width, comes after these.
    RETURNS (Embedding): The embedding.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    from ..nn.characters import CharacterRNN

    network = partial(
        CharacterRNN, width=width, embed_width=embed_width, cell=cell, dropout=dropout
    )
    return _build_characters(network, width, max_bytes, words, include_static_vectors)


def build_char_cnn_embed_v1(
    width: int = 50,
    *,
    embed_width: int = 25,
    window: int = 3,
    dropout: float | None = None,
    max_bytes: int = 64,
    words: Embedding | None = None,
    include_static_vectors: bool = False,
) -> Embedding:
    """Build an embedding that looks for the most conspicuous characters of each word (Ma &
    Hovy 2016).

    width (int): Features of each token that come from its characters.
    embed_width (int): Features of each byte of the UTF-8 of a word.
    window (int): Bytes that are looked at together, an odd number.
    dropout (float | None): Dropout on bytes and on words. None for `training.dropout`.
    max_bytes (int): Of a longer word, half as many bytes are read from its start and from
        its end.
    words (Embedding | None): Another embedding, whose features come after these.
    include_static_vectors (bool): Whether a projection of the pipeline's vectors, of the
        same width, comes after these.
    RETURNS (Embedding): The embedding.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    from ..nn.characters import CharacterCNN

    network = partial(
        CharacterCNN, width=width, embed_width=embed_width, window=window, dropout=dropout
    )
    return _build_characters(network, width, max_bytes, words, include_static_vectors)


def _build_characters(
    network: "Callable[[], nn.Module]",
    width: int,
    max_bytes: int,
    words: Embedding | None,
    include_static_vectors: bool,
) -> Embedding:
    from ..nn.recurrent import check_at_least
    from .shim import NetworkShim

    check_at_least("max_bytes", max_bytes, 2)
    characters: FlatEmbedding = Model(
        "character_embed",
        embed_characters,
        init=init_network,
        dims={"nO": width},
        attrs={"dropout_rate": 0.0, "max_bytes": max_bytes},
        shims=[NetworkShim(network, {})],
    )
    parts = [characters]
    if words is not None:
        parts.append(chain(words, list2array()))
    if include_static_vectors:
        parts.append(_static_vectors(width))
    return by_document(concatenate(*parts))


def _static_vectors(width: int) -> FlatEmbedding:
    """Project the vectors of the pipeline."""
    return chain(StaticVectors(width), ragged2list(), list2array())


def by_document(words: FlatEmbedding) -> Embedding:
    """Give each document the vectors of its own words.

    words (FlatEmbedding): Gives the vectors of all words; it is not called without any.
    RETURNS (Embedding): The embedding.
    """
    dims = {"nO": words.get_dim("nO") if words.has_dim("nO") else None}
    return Model("by_document", cut_by_document, init=init_words, layers=[words], dims=dims)


def cut_by_document(
    model: Embedding, docs: list[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable]:
    """Embed documents.

    model (Embedding): The embedding.
    docs (list[Doc]): The documents.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[list[Floats2d], Callable]): For each document an array `(tokens, nO)`,
        and a callback that takes its gradient.
    """
    lengths = model.ops.asarray1i([len(doc) for doc in docs])
    if not lengths.any():
        return [model.ops.alloc2f(0, model.get_dim("nO")) for _ in docs], lambda d_vectors: []
    vectors, backprop_words = model.layers[0](docs, is_train)

    def backprop(d_vectors: list[Floats2d]) -> list[Doc]:
        return backprop_words(model.ops.flatten(d_vectors))

    return model.ops.unflatten(vectors, lengths), backprop


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
    """Add up hashed vectors of attributes.

    model (FlatEmbedding): The layer.
    docs (list[Doc]): The documents, with at least one word.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[Floats2d, Callable]): The vectors of all words, `(words, nO)`, and a
        callback that takes their gradient.
    """
    ops = model.ops
    table = cast(Floats2d, model.get_param("E"))
    ids, indices = _find_distinct(docs, model.attrs["attrs"])
    places = ops.asarray1i(indices)
    keys = ops.xp.hstack(_hash(model, ids))
    if is_train and model.attrs["attr_dropout"]:
        hidden = ops.xp.random.uniform(size=ids.shape) < model.attrs["attr_dropout"]
        keys[hidden.repeat(HASHES, axis=1)] = len(table) - 1
    vectors = ops.gather_add(table, keys)

    def backprop(d_words: Floats2d) -> list[Doc]:
        d_vectors = ops.alloc2f(*vectors.shape)
        ops.scatter_add(d_vectors, places, d_words)
        d_table = ops.alloc2f(*table.shape)
        for column in ops.as_contig(keys.T, dtype="i"):
            ops.scatter_add(d_table, column, d_vectors)
        model.inc_grad("E", d_table)
        return []

    return vectors[places], backprop


HASHES = 4


def _hash(model: FlatEmbedding, ids: Ints2d) -> list:
    """Find the rows of each attribute of each word: its table follows that of the one before."""
    first, keys = 0, []
    for number, rows in enumerate(model.attrs["rows"]):
        column = cast(Ints1d, model.ops.as_contig(model.ops.asarray(ids[:, number])))
        keys.append(model.ops.hash(column, number) % rows + first)
        first += rows
    return keys


# One number is quicker to sort than a row of several. Attributes are hashes of 64 bits, so
# that two words with the same one hardly ever meet.
MIXER = np.uint64(0x9E3779B97F4A7C15)


def _find_distinct(docs: list[Doc], attrs: list[str | int]) -> tuple[Ints2d, Ints1d]:
    """Find distinct words.

    docs (list[Doc]): The documents.
    attrs (list[str | int]): What makes words distinct.
    RETURNS (tuple[Ints2d, Ints1d]): The attributes of each distinct word, `(distinct, attrs)`,
        and for each word its place among them, `(words,)`, on the CPU.
    """
    ids = np.concatenate([doc.to_array(attrs).reshape(-1, len(attrs)) for doc in docs])
    ids = ids.astype("uint64")
    mixed = ids[:, 0]
    for column in ids.T[1:]:
        mixed = mixed * MIXER + column
    _, firsts, places = np.unique(mixed, return_index=True, return_inverse=True)
    return cast(Ints2d, ids[firsts]), cast(Ints1d, places)


def init_table(model: FlatEmbedding, X: Any = None, Y: Any = None) -> None:
    """Make a fresh table.

    model (FlatEmbedding): The layer.
    X (Any): Not needed.
    Y (Any): Not needed.
    """
    rows = sum(model.attrs["rows"]) + 1
    model.set_param("E", uniform_init(model.ops, (rows, model.get_dim("nO"))))


def embed_characters(
    model: FlatEmbedding, docs: list[Doc], is_train: bool
) -> tuple[Floats2d, Callable]:
    """Read words by their characters.

    model (FlatEmbedding): The layer.
    docs (list[Doc]): The documents, with at least one word.
    is_train (bool): Whether gradients will follow.
    RETURNS (tuple[Floats2d, Callable]): The vectors of all words, `(words, nO)`, and a
        callback that takes their gradient.
    """
    import torch

    shim = cast("NetworkShim", model.shims[0])
    ids, places = _find_distinct(docs, [ORTH])
    strings = docs[0].vocab.strings
    words = [_spell(strings[key], model.attrs["max_bytes"]) for key in ids[:, 0]]
    data = torch.frombuffer(bytearray(b"".join(words)), dtype=torch.uint8)
    lengths = torch.tensor([len(word) for word in words])
    if is_train:
        shim.set_dropout_rate(model.attrs["dropout_rate"])
    inputs = ArgsKwargs((data.to(shim.device, torch.int64), lengths), {})
    vectors, backprop_network = shim(inputs, is_train)
    chosen = torch.as_tensor(places, device=shim.device)

    def backprop(d_words: Floats2d) -> list[Doc]:
        gradient = xp2torch(d_words, device=shim.device)
        d_vectors = torch.zeros_like(vectors).index_add(0, chosen, gradient)
        backprop_network(ArgsKwargs((vectors,), {"grad_tensors": d_vectors}))
        return []

    words = vectors.detach().index_select(0, chosen)
    return cast(Floats2d, torch2xp(words, ops=model.ops)), backprop


def _spell(word: str, max_bytes: int) -> bytes:
    """Write a word in UTF-8, and of a long one its two ends."""
    data = word.encode("utf8")
    if len(data) <= max_bytes:
        return data
    return data[: max_bytes - max_bytes // 2] + data[-(max_bytes // 2) :]


def init_network(model: FlatEmbedding, X: Any = None, Y: Any = None) -> None:
    """Build the network with fresh weights.

    model (FlatEmbedding): The layer.
    X (Any): Not needed.
    Y (Any): Not needed.
    """
    cast("NetworkShim", model.shims[0]).build()
