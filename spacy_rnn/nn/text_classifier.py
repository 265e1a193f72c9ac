"""Classes of whole sequences."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..checks import check_count
from .dropout import LockedDropout
from .pooling import MakePooling

# Optimizers such as Adam move all weights at one pace, which is too slow for weights that few
# sequences use.
NGRAM_PACE = 5.0


class Classifier(nn.Module):
    """Score the classes of each sequence by its pooled vector, and by its n-grams if wanted.

    inputs (int): Features of a word.
    labels (int): Classes.
    pooling (MakePooling): Makes the pooling.
    dropout (float | None): Dropout on what was pooled. None for a rate that is set with
        `set_dropout`.
    ngram_rows (int): Rows of the table of n-grams. 0 for none.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    def __init__(
        self,
        inputs: int,
        labels: int,
        pooling: MakePooling,
        *,
        dropout: float | None = None,
        ngram_rows: int = 0,
    ):
        super().__init__()
        check_count("inputs", inputs, 1)
        self.pooling = pooling(inputs)
        self.dropout = LockedDropout(dropout)
        self.output = nn.Linear(self.pooling.width, labels)
        self.ngrams = nn.Parameter(torch.zeros(ngram_rows, labels)) if ngram_rows else None

    def forward(
        self,
        data: Tensor,
        lengths: Tensor,
        sentences: Tensor,
        counts: Tensor,
        ngrams: Tensor,
        segment_ids: Tensor,
        hidden: Sequence[int] = (),
    ) -> tuple[Tensor, Tensor | None]:
        """Score the classes of each sequence.

        data (Tensor): Words of all sequences, shape `(words, inputs)`.
        lengths (Tensor): Words of each sequence, shape `(batch,)`, as all lengths on the CPU.
        sentences (Tensor): Words of each sentence of all sequences, shape `(sentences,)`.
        counts (Tensor): Sentences of each sequence, shape `(batch,)`.
        ngrams (Tensor): The row of each n-gram of all sequences, shape `(ngrams,)`.
        segment_ids (Tensor): The sequence that each n-gram is in, shape `(ngrams,)`.
        hidden (Sequence[int]): Classes whose score is minus infinity. The other scores are those
            of a classifier without these classes, to the last bit.
        RETURNS (tuple[Tensor, Tensor | None]): A score of each class by each of the one or
            two experts, `(experts, batch, labels)`, and for attention the weight of each
            word, `(words,)`.
        """
        pooled, weights = self.pooling(data, lengths, sentences, counts)
        if hidden:
            shown = [label for label in range(self.output.out_features) if label not in hidden]
            # A product of other rows may be computed in another order.
            weight, bias = self.output.weight[shown], self.output.bias[shown]
            scores = pooled.new_full((len(pooled), self.output.out_features), -torch.inf)
            scores[:, shown] = functional.linear(self.dropout(pooled), weight, bias)
        else:
            scores = self.output(self.dropout(pooled))
        if self.ngrams is None:
            return scores[None], weights
        rows = self.ngrams.index_select(0, ngrams) * NGRAM_PACE
        of_ngrams = torch.zeros_like(scores).index_add(0, segment_ids, rows)
        if hidden:
            of_ngrams[:, list(hidden)] = -torch.inf
        return torch.stack([scores, of_ngrams]), weights
