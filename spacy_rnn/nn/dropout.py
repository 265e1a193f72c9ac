"""Dropout of features, words and weights, and zoneout."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..checks import check_rate


class Dropout(nn.Module):
    """Base of all dropouts of this package: a rate, fixed or scheduled from outside.

    rate (float | None): The share of what is dropped, at least 0 and below 1. None
        stands for a rate that is set from outside with `set_dropout`, 0 until then.
    RAISES (ValueError): If the rate is outside [0, 1).
    """

    def __init__(self, rate: float | None = None):
        super().__init__()
        self.scheduled = rate is None
        self.rate = check_rate("dropout", rate or 0.0)

    def extra_repr(self) -> str:
        return f"rate={self.rate}, scheduled={self.scheduled}"


class LockedDropout(Dropout):
    """Drop the same features at all words of a sequence (Gal & Ghahramani 2016)."""

    def forward(self, data: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Drop features in training; return the data as they are otherwise.

        data (Tensor): Words of all sequences, shape `(words, width)`.
        lengths (Tensor | None): Words of each sequence, shape `(batch,)`. Default: one of each.
        RETURNS (Tensor): The data with whole features at zero and the others scaled
            up to keep the expectation, shape `(words, width)`.
        """
        if not self.training or self.rate == 0.0:
            return data
        if lengths is None:
            return functional.dropout(data, self.rate)
        mask = functional.dropout(data.new_ones(len(lengths), data.shape[1]), self.rate)
        return data * mask.repeat_interleave(lengths.to(data.device), dim=0, output_size=len(data))


class WordDropout(Dropout):
    """Drop whole words: all features of a word at once (Iyyer et al. 2015).

    The words that stay are not scaled up: a word is seen or it is not.
    """

    def forward(self, data: Tensor) -> Tensor:
        """Drop words in training; return the data as they are otherwise.

        data (Tensor): Words of all sequences, shape `(words, width)`.
        RETURNS (Tensor): The data with whole rows at zero, shape `(words, width)`.
        """
        if not self.training or self.rate == 0.0:
            return data
        return data * data.new_empty(len(data), 1).bernoulli_(1 - self.rate)


class WeightDrop(Dropout):
    """Drop weights of a matrix, once for each batch (Merity et al. 2018, of a recurrent one)."""

    def forward(self, weight: Tensor) -> Tensor:
        """Drop weights in training; return the matrix as it is otherwise.

        weight (Tensor): The matrix.
        RETURNS (Tensor): A matrix of the same shape, the remaining weights scaled up.
        """
        if not self.training or self.rate == 0.0:
            return weight
        return functional.dropout(weight, self.rate)


def zoneout(
    before: tuple[Tensor, ...], after: tuple[Tensor, ...], rates: tuple[float, ...], training: bool
) -> tuple[Tensor, ...]:
    """Keep some units at their previous value for one step (Krueger et al. 2017).

    before (tuple[Tensor, ...]): The parts of the state before the step, `(batch, hidden)`.
    after (tuple[Tensor, ...]): The same after the step.
    rates (tuple[float, ...]): For each part the share of units that keep their value, in [0, 1].
    training (bool): Whether to choose units at random or to take the expectation.
    RETURNS (tuple[Tensor, ...]): The state to go on with, of the same shapes.
    """

    def mix(old: Tensor, new: Tensor, rate: float) -> Tensor:
        if not rate:
            return new
        if training:
            return torch.where(torch.rand_like(new) < rate, old, new)
        return rate * old + (1 - rate) * new

    return tuple(map(mix, before, after, rates))


def scheduled_dropouts(network: nn.Module) -> list[Dropout]:
    """Find the dropouts in a network that have no rate of their own.

    network (nn.Module): The network.
    RETURNS (list[Dropout]): The dropouts.
    """
    return [
        module for module in network.modules() if isinstance(module, Dropout) and module.scheduled
    ]


def set_dropout(dropouts: Iterable[Dropout], rate: float) -> None:
    """Set the rate of dropouts.

    dropouts (Iterable[Dropout]): What `scheduled_dropouts` gave.
    rate (float): The share of what is dropped, at least 0 and below 1.
    RAISES (ValueError): If the rate is outside [0, 1).
    """
    check_rate("dropout", rate)
    for dropout in dropouts:
        dropout.rate = rate
