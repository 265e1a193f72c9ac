"""Character-level embeddings of words."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from spacy.attrs import ORTH
from spacy.tokens import Doc
from thinc.api import ArgsKwargs, Model, concatenate, torch2xp, xp2torch
from thinc.types import Floats2d

from ..bridge.access import network_shim
from ..checks import check_count
from ..types import Embedding, FlatEmbedding
from .embeddings import by_document, find_distinct, flatten_documents, project_vectors

if TYPE_CHECKING:
    from torch import nn


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
    """Build an embedding from each word's characters, read both ways (Lample et al. 2016).

    width (int): Features of each token from its characters.
    embed_width (int): Features of each byte of the UTF-8 of a word.
    cell (str): The cell, one of those of `spacy-rnn.RecurrentEncoder.v1`.
    dropout (float | None): Rate of the dropout on bytes and on words. None for
        `training.dropout`.
    max_bytes (int): The maximum number of bytes of a word. Of a longer word, half as many are read
        at its start and at its end.
    words (Embedding | None): Another embedding, whose features are appended.
    include_static_vectors (bool): Whether to append a projection of the pipeline's vectors, of
        the same width.
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
    """Build an embedding by a convolution over the characters of each word (Ma & Hovy 2016).

    width (int): Features of each token from its characters.
    embed_width (int): Features of each byte of the UTF-8 of a word.
    window (int): Width of the convolution in bytes, an odd number.
    dropout (float | None): Rate of the dropout on bytes and on words. None for
        `training.dropout`.
    max_bytes (int): The maximum number of bytes of a word. Of a longer word, half as many are read
        at its start and at its end.
    words (Embedding | None): Another embedding, whose features are appended.
    include_static_vectors (bool): Whether to append a projection of the pipeline's vectors, of
        the same width.
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
    from ..bridge.shim import NetworkShim

    check_count("max_bytes", max_bytes, 2)
    characters: FlatEmbedding = Model(
        "character_embed",
        partial(embed_characters, max_bytes=max_bytes),
        init=init_network,
        dims={"nO": width},
        attrs={"dropout_rate": 0.0},
        shims=[NetworkShim(network, {})],
    )
    parts = [characters]
    if words is not None:
        parts.append(flatten_documents(words))
    if include_static_vectors:
        parts.append(project_vectors(width))
    return by_document(concatenate(*parts))


def embed_characters(
    model: FlatEmbedding, docs: list[Doc], is_train: bool, *, max_bytes: int
) -> tuple[Floats2d, Callable]:
    """Encode words by their characters.

    model (FlatEmbedding): The layer.
    docs (list[Doc]): The documents, with at least one word.
    is_train (bool): Whether gradients will follow.
    max_bytes (int): The maximum number of bytes of a word.
    RETURNS (tuple[Floats2d, Callable]): The vectors of all words, `(words, nO)`, and a
        callback that takes their gradient.
    """
    import torch

    shim = network_shim(model)
    ids, word_indices = find_distinct(docs, [ORTH])
    strings = docs[0].vocab.strings
    words = [_to_bytes(strings[key], max_bytes) for key in ids[:, 0]]
    data = torch.frombuffer(bytearray(b"".join(words)), dtype=torch.uint8)
    lengths = torch.tensor([len(word) for word in words])
    if is_train:
        shim.set_dropout_rate(model.attrs["dropout_rate"])
    inputs = ArgsKwargs((data.to(shim.device, torch.int64), lengths), {})
    vectors, backprop_network = shim(inputs, is_train)
    indices = torch.as_tensor(word_indices, device=shim.device)

    def backprop(d_words: Floats2d) -> list[Doc]:
        gradient = xp2torch(d_words, device=shim.device)
        d_vectors = torch.zeros_like(vectors).index_add(0, indices, gradient)
        backprop_network(ArgsKwargs((vectors,), {"grad_tensors": d_vectors}))
        return []

    words = vectors.detach().index_select(0, indices)
    return cast(Floats2d, torch2xp(words, ops=model.ops)), backprop


def _to_bytes(word: str, max_bytes: int) -> bytes:
    """Encode a word as UTF-8, and of a long one its two ends."""
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
    network_shim(model).build()
