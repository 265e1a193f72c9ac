"""Words for a recurrent network that reads one at a time, by what it made of each before."""

from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from .kept import keeps, kept
from .recurrence import Recurrence
from .recurrent import RecurrentNetwork

MAX_GATES = 16_000_000
"""Numbers that are kept of the gates of a whole vocabulary: 64 MB."""


def look_up(
    embedding: nn.Embedding, network: RecurrentNetwork, pieces: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Embed words in prediction, and give what the first layer of a network makes of them.

    embedding (nn.Embedding): The embeddings of a vocabulary.
    network (RecurrentNetwork): The network that reads them as they are.
    pieces (Tensor): The words, `(words,)`.
    RETURNS (tuple[Tensor, Tensor | None]): The embeddings, `(words, inputs)`, and for `step` the
        input's part of the gates, where things are kept and it is not too large to be.
    """
    reader = cast(Recurrence, network.recurrences[0])
    words, matrix, bias = embedding.weight, reader.weight_ih, reader.bias_ih
    gates = None
    if keeps() and words.shape[0] * matrix.shape[0] <= MAX_GATES:
        table = kept(
            ("gates", id(embedding), id(network)), lambda: functional.linear(words, matrix, bias)
        )
        gates = functional.embedding(pieces, table)
    return embedding(pieces), gates
