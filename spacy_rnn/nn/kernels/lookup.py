"""What a matrix makes of words that are read one at a time."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from .linear import prepare_linear
from .prepared import keeps, kept

MAX_NUMBERS = 16_000_000
"""Numbers that are kept of what a matrix makes of a whole vocabulary: 64 MB."""


def lookup(
    embedding: nn.Embedding, matrix: Tensor, bias: Tensor | None = None
) -> Callable[[Tensor], Tensor]:
    """Prepare to multiply the embeddings of words by a matrix, in prediction: where things are
    kept, those of the whole vocabulary once, unless that is too much. Never in integers: what is
    in embeddings is small.

    embedding (nn.Embedding): The embeddings of the vocabulary.
    matrix (Tensor): The matrix, `(outputs, features)`.
    bias (Tensor | None): What is added, `(outputs,)`.
    RETURNS (Callable[[Tensor], Tensor]): Takes words, `(words,)`, and gives their products,
        `(words, outputs)`.
    """
    vocabulary = embedding.weight
    if not keeps() or vocabulary.shape[0] * matrix.shape[0] > MAX_NUMBERS:
        multiply = prepare_linear([matrix], [] if bias is None else [bias], quantize=False)
        return lambda words: multiply(embedding(words))

    def make_table() -> Tensor:
        with torch.autocast(vocabulary.device.type, enabled=False):  # Whoever is the first to ask.
            return functional.linear(vocabulary, matrix, bias)

    weights = [vocabulary, matrix] if bias is None else [vocabulary, matrix, bias]
    table = kept("looked up", weights, make_table)
    return lambda words: table.index_select(0, words)
