"""Pooling: the vectors of a sequence as one vector.

A batch is `(data, lengths)`, and no sequence sees another one. A sequence of no words is
pooled to zeros.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..checks import check_at_least, check_choice, check_count
from .batch.segments import segment_ids
from .dropout import LockedDropout
from .rnn.network import RecurrentNetwork
from .rnn.settings import RecurrentSettings


class Pooling(nn.Module):
    """What all kinds share.

    width (int): Features of what comes out.
    reads_sentences (bool): Whether it matters where sentences end.
    """

    width: int
    reads_sentences = False

    def forward(
        self, data: Tensor, lengths: Tensor, sentences: Tensor, counts: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Pool each sequence.

        data (Tensor): Words of all sequences, shape `(words, inputs)`.
        lengths (Tensor): Words of each sequence, shape `(batch,)`, as all lengths on the CPU.
        sentences (Tensor): Words of each sentence of all sequences, shape `(sentences,)`.
        counts (Tensor): Sentences of each sequence, shape `(batch,)`.
        RETURNS (tuple[Tensor, Tensor | None]): A vector of each sequence, `(batch, width)`,
            and for attention the weight of each word, `(words,)`, which sum to 1 over each
            sequence.
        """
        raise NotImplementedError


MakePooling = Callable[[int], Pooling]
"""Makes a pooling for a number of features."""


class Reduction(Pooling):
    """The ends, the maximum, the mean, or several of these concatenated.

    inputs (int): Features of a word.
    parts (Sequence[str]): Of "last": the last and the first word, where the two directions
        of an encoder end; "max": the maximum of each feature; "mean": its mean. The
        three together are the concat pooling of Howard & Ruder (2018).
    RAISES (ValueError): If there is no part, or none of such a name.
    """

    def __init__(self, inputs: int, parts: Sequence[str]):
        super().__init__()
        check_at_least("parts, their number,", len(parts), 1)
        for part in parts:
            check_choice("parts", part, tuple(REDUCTIONS))
        self.parts = tuple(parts)
        self.width = sum(inputs * (1 + (part == "last")) for part in parts)

    def forward(
        self, data: Tensor, lengths: Tensor, sentences: Tensor, counts: Tensor
    ) -> tuple[Tensor, None]:
        return torch.cat([REDUCTIONS[part](data, lengths) for part in self.parts], dim=1), None


class AttentionPooling(Pooling):
    """Average words by weights that are learned (Yang et al. 2016, equations 5 to 7).

    Several heads are those of Lin et al. (2017, equation 6).

    inputs (int): Features of a word.
    width (int): Units of the hidden layer that scores words.
    heads (int): Attention heads, concatenated.
    RAISES (ValueError): If a size is below 1.
    """

    def __init__(self, inputs: int, width: int, heads: int = 1):
        super().__init__()
        check_count("width", width, 1)
        check_count("heads", heads, 1)
        self.hidden = nn.Linear(inputs, width)
        self.energy = nn.Linear(width, heads, bias=False)
        self.width = heads * inputs

    def forward(
        self, data: Tensor, lengths: Tensor, sentences: Tensor, counts: Tensor
    ) -> tuple[Tensor, Tensor]:
        pooled, weights = self.attend(data, lengths)
        return pooled, weights.mean(dim=1)

    def attend(self, data: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Average the words of each sequence.

        data (Tensor): Words of all sequences, shape `(words, inputs)`.
        lengths (Tensor): Words of each sequence, shape `(batch,)`, on the CPU.
        RETURNS (tuple[Tensor, Tensor]): The averages of each sequence, head after head,
            `(batch, heads * inputs)`, and the weights, `(words, heads)`.
        """
        segment = segment_ids(lengths, data.device)
        scores = self.energy(self.hidden(data).tanh()).to(data.dtype)
        weights = (scores - reduce_max(scores.detach(), lengths).index_select(0, segment)).exp()
        totals = _sum(weights, segment, len(lengths))
        weights = weights / totals.index_select(0, segment)
        heads = weights[:, :, None] * data[:, None, :]
        return _sum(heads.flatten(1), segment, len(lengths)), weights


class HierarchicalAttention(Pooling):
    """Attend to the words of each sentence, then to sentences (Yang et al. 2016).

    In between, a recurrent network reads the sentences one after the other.

    inputs (int): Features of a word, and of a sentence that was read: an even number.
    width (int): Units of the hidden layers that score words and sentences.
    heads (int): Attention heads, concatenated.
    dropout (float | None): Locked dropout on sentences. None for a rate that is set with
        `set_dropout`.
    RAISES (ValueError): If a size is out of its bounds.
    """

    reads_sentences = True

    def __init__(self, inputs: int, width: int, heads: int = 1, dropout: float | None = None):
        super().__init__()
        self.words = AttentionPooling(inputs, width, heads)
        self.dropout = LockedDropout(dropout)
        settings = RecurrentSettings(inputs, cell="gru", dropout_input=0.0, dropout_output=0.0)
        self.encoder = RecurrentNetwork(self.words.width, settings)
        self.sentences = AttentionPooling(inputs, width, heads)
        self.width = self.sentences.width

    def forward(
        self, data: Tensor, lengths: Tensor, sentences: Tensor, counts: Tensor
    ) -> tuple[Tensor, Tensor]:
        vectors, words = self.words.attend(data, sentences)
        read, _ = self.encoder(self.dropout(vectors, counts), counts)
        pooled, weights = self.sentences.attend(read, counts)
        of_word = weights.mean(dim=1).index_select(0, segment_ids(sentences, data.device))
        return pooled, words.mean(dim=1) * of_word


def reduce_last(data: Tensor, lengths: Tensor) -> Tensor:
    """The last and the first word of each sequence.

    data (Tensor): Words of all sequences, shape `(words, inputs)`.
    lengths (Tensor): Words of each sequence, shape `(batch,)`, on the CPU.
    RETURNS (Tensor): The two side by side, shape `(batch, 2 * inputs)`.
    """
    ends = lengths.cumsum(0)
    nowhere = torch.full_like(ends, len(data))
    data = torch.cat([data, data.new_zeros(1, data.shape[1])])
    words = torch.stack([ends - 1, ends - lengths], dim=1)
    words = torch.where(lengths[:, None] > 0, words, nowhere[:, None])
    return data.index_select(0, words.flatten().to(data.device)).view(-1, 2 * data.shape[1])


def reduce_max(data: Tensor, lengths: Tensor) -> Tensor:
    """The maximum of each feature in each sequence.

    data (Tensor): Words of all sequences, shape `(words, inputs)`.
    lengths (Tensor): Words of each sequence, shape `(batch,)`, on the CPU.
    RETURNS (Tensor): The maxima, shape `(batch, inputs)`.
    """
    segment = segment_ids(lengths, data.device)[:, None].expand_as(data)
    highest = data.new_zeros(len(lengths), data.shape[1])
    return highest.scatter_reduce(0, segment, data, "amax", include_self=False)


def reduce_mean(data: Tensor, lengths: Tensor) -> Tensor:
    """The mean of each feature in each sequence.

    data (Tensor): Words of all sequences, shape `(words, inputs)`.
    lengths (Tensor): Words of each sequence, shape `(batch,)`, on the CPU.
    RETURNS (Tensor): The means, shape `(batch, inputs)`.
    """
    sums = _sum(data, segment_ids(lengths, data.device), len(lengths))
    return sums / lengths.clamp(min=1)[:, None].to(data.device)


REDUCTIONS = {"last": reduce_last, "max": reduce_max, "mean": reduce_mean}


def _sum(data: Tensor, segment: Tensor, sequences: int) -> Tensor:
    """Sum the rows of each sequence."""
    return data.new_zeros(sequences, data.shape[1]).index_add(0, segment, data)
