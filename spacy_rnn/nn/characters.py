"""Words to vectors by the characters that they are written with.

A word is the bytes of its UTF-8: 256 embeddings are enough for every script, and no word
holds one that is not known. A batch of words is `(data, lengths)`: the bytes of all words
one after the other, and how many each word has.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..checks import check_count
from .batch.segments import segment_ids
from .dropout import LockedDropout, WeightDrop
from .pooling import reduce_last
from .rnn.network import RecurrentNetwork
from .rnn.settings import RecurrentSettings

BYTES = 256


class CharacterRNN(nn.Module):
    """The final states of a word that is read in both directions (Lample et al. 2016).

    width (int): Features of a word, half of them from each direction.
    embed_width (int): Features of a byte.
    cell (str): A cell by name, see `spacy_rnn.nn.rnn.cells`.
    dropout (float | None): Locked dropout on bytes and on words. None for a rate that is
        set with `set_dropout`.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    def __init__(
        self, width: int, embed_width: int, *, cell: str = "lstm", dropout: float | None = None
    ):
        super().__init__()
        self.embedding = _embed_bytes(embed_width)
        settings = RecurrentSettings(width, cell=cell, dropout_input=dropout, dropout_output=0.0)
        self.network = RecurrentNetwork(embed_width, settings)
        self.dropout = LockedDropout(dropout)

    def forward(self, data: Tensor, lengths: Tensor) -> Tensor:
        """Read words.

        data (Tensor): Bytes of all words, integers of shape `(bytes,)`.
        lengths (Tensor): Bytes of each word, shape `(words,)`, on the CPU.
        RETURNS (Tensor): The states after the last byte, read forwards, and after the first,
            read backwards, shape `(words, width)`.
        """
        output, _ = self.network(self.embedding(data), lengths, final=False)
        last, first = reduce_last(output, lengths).chunk(2, dim=1)
        hidden = self.network.hidden
        return self.dropout(torch.cat([last[:, :hidden], first[:, hidden:]], dim=1))


class CharacterCNN(nn.Module):
    """A convolution over the bytes of a word with max pooling (Ma & Hovy 2016).

    Embeddings that go straight into a convolution make a table for each position of the window,
    so that rows are added up where others multiply matrices.

    width (int): Features of a word, one from each filter.
    embed_width (int): Features of a byte.
    window (int): Bytes that a filter covers, an odd number.
    dropout (float | None): Dropout on the embeddings of bytes and locked dropout on words.
        None for a rate that is set with `set_dropout`.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    def __init__(
        self, width: int, embed_width: int, *, window: int = 3, dropout: float | None = None
    ):
        super().__init__()
        check_count("width", width, 1)
        if window < 1 or window % 2 == 0:
            raise ValueError(f"window is {window}, but has to be an odd number: 3, for example")
        self.embedding = _embed_bytes(embed_width)
        self.filters = nn.Parameter(torch.empty(window, embed_width, width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.dropout_bytes = WeightDrop(dropout)
        self.dropout = LockedDropout(dropout)
        nn.init.xavier_uniform_(self.filters.view(-1, width))

    def forward(self, data: Tensor, lengths: Tensor) -> Tensor:
        """Read words.

        data (Tensor): Bytes of all words, integers of shape `(bytes,)`.
        lengths (Tensor): Bytes of each word, shape `(words,)`, on the CPU.
        RETURNS (Tensor): The maximum of each filter over each word, between -1 and 1,
            shape `(words, width)`; zero where a word has no bytes.
        """
        segment = segment_ids(lengths, data.device)
        embedding = functional.pad(self.dropout_bytes(self.embedding.weight), (0, 0, 0, 1))
        tables = (embedding @ self.filters).flatten(0, 1)
        filtered = functional.embedding_bag(self._windows(data, segment), tables, mode="sum")
        index = segment[:, None].expand_as(filtered)
        highest = filtered.new_full((len(lengths), filtered.shape[1]), -torch.inf)
        highest = highest.scatter_reduce(0, index, filtered, "amax") + self.bias
        words = highest.tanh().masked_fill(lengths.to(data.device)[:, None] == 0, 0.0)
        return self.dropout(words)

    def _windows(self, data: Tensor, segment: Tensor) -> Tensor:
        """Rows of the positions of each window; the last row of a table is outside a word."""
        window = len(self.filters)
        offsets = torch.arange(window, device=data.device)
        positions = torch.arange(len(data), device=data.device)[:, None] + offsets
        around = (window // 2, window // 2)
        inside = functional.pad(segment, around, value=-1)[positions] == segment[:, None]
        rows = torch.where(inside, functional.pad(data, around)[positions], BYTES)
        return rows + offsets * (BYTES + 1)


def _embed_bytes(width: int) -> nn.Embedding:
    """Make embeddings of bytes with a norm of about 1 (Ma & Hovy 2016)."""
    check_count("embed_width", width, 1)
    embedding = nn.Embedding(BYTES, width)
    nn.init.uniform_(embedding.weight, -((3 / width) ** 0.5), (3 / width) ** 0.5)
    return embedding
