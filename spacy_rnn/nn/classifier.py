"""Classes of whole sequences."""

import torch
from torch import Tensor, nn

from .pooling import MakePooling
from .recurrent import check_at_least
from .regularize import LockedDropout


class Classifier(nn.Module):
    """Pool each sequence and score its classes.

    inputs (int): Features of a word.
    labels (int): Classes.
    pooling (MakePooling): Makes the pooling.
    dropout (float | None): Dropout on what was pooled. None for a rate that is set with
        `set_dropout`.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    def __init__(
        self, inputs: int, labels: int, pooling: MakePooling, dropout: float | None = None
    ):
        super().__init__()
        check_at_least("inputs", inputs, 1)
        self.pooling = pooling(inputs)
        self.dropout = LockedDropout(dropout)
        self.output = nn.Linear(self.pooling.width, labels)

    def forward(
        self, data: Tensor, lengths: Tensor, sentences: Tensor, counts: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Score the classes of each sequence.

        data (Tensor): Words of all sequences, shape `(words, inputs)`.
        lengths (Tensor): Words of each sequence, shape `(batch,)`, as all lengths on the CPU.
        sentences (Tensor): Words of each sentence of all sequences, shape `(sentences,)`.
        counts (Tensor): Sentences of each sequence, shape `(batch,)`.
        RETURNS (tuple[Tensor, Tensor | None]): A score of each class, `(batch, labels)`, and
            for attention how much each word counts, `(words,)`.
        """
        pooled, weights = self.pooling(data, lengths, sentences, counts)
        pooled = self.dropout(pooled, torch.ones_like(lengths))
        return self.output(pooled), weights
