"""Poolings, as settings of text classifiers."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..nn.pooling import MakePooling


def build_last_pooling_v1() -> "MakePooling":
    """Pool to the last and the first token, the ends of the two directions.

    RETURNS (MakePooling): Makes the pooling.
    """
    return _reduce("last")


def build_mean_pooling_v1() -> "MakePooling":
    """Pool to the mean of each feature.

    RETURNS (MakePooling): Makes the pooling.
    """
    return _reduce("mean")


def build_max_pooling_v1() -> "MakePooling":
    """Pool to the maximum of each feature.

    RETURNS (MakePooling): Makes the pooling.
    """
    return _reduce("max")


def build_concat_pooling_v1(parts: Sequence[str] = ("last", "max", "mean")) -> "MakePooling":
    """Concat pooling: last, maximum and mean, concatenated (Howard & Ruder 2018).

    parts (Sequence[str]): Some of "last", "max" and "mean".
    RETURNS (MakePooling): Makes the pooling.
    """
    return _reduce(*parts)


def build_attention_pooling_v1(width: int = 64, heads: int = 1) -> "MakePooling":
    """Pool by attention (Yang et al. 2016; with several heads Lin et al. 2017).

    width (int): Units of the hidden layer that scores tokens.
    heads (int): Weighted averages to concatenate, each with weights of its own.
    RETURNS (MakePooling): Makes the pooling.
    """
    from ..nn.pooling import AttentionPooling

    return partial(AttentionPooling, width=width, heads=heads)


def build_hierarchical_pooling_v1(
    width: int = 64, heads: int = 1, dropout: float | None = None
) -> "MakePooling":
    """Pool by attention to tokens, then to sentences (Yang et al. 2016).

    A document without sentence boundaries is one sentence.

    width (int): Units of the hidden layers that score tokens and sentences.
    heads (int): Weighted averages to concatenate.
    dropout (float | None): Rate of the locked dropout on sentence vectors. None for
        `training.dropout`.
    RETURNS (MakePooling): Makes the pooling.
    """
    from ..nn.pooling import HierarchicalAttention

    return partial(HierarchicalAttention, width=width, heads=heads, dropout=dropout)


def _reduce(*parts: str) -> "MakePooling":
    from ..nn.pooling import Reduction

    return partial(Reduction, parts=parts)
