"""Attentions, as settings of an encoder-decoder."""

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..nn.seq2seq.decoder import MakeAttention


def build_additive_attention_v1(width: int = 256) -> "MakeAttention":
    """Additive attention (Bahdanau et al. 2015).

    width (int): Units of its hidden layer.
    RETURNS (MakeAttention): Makes the attention.
    """
    from ..nn.seq2seq.attention import AdditiveAttention

    return partial(AdditiveAttention, width=width)


def build_coverage_attention_v1(width: int = 256) -> "MakeAttention":
    """Additive attention with coverage (Tu et al. 2016; See et al. 2017).

    Its scores depend on the sum of its weights so far, so that in training it attends step by
    step.

    width (int): Units of its hidden layer.
    RETURNS (MakeAttention): Makes the attention.
    """
    from ..nn.seq2seq.attention import CoverageAttention

    return partial(CoverageAttention, width=width)


def build_dot_attention_v1() -> "MakeAttention":
    """Dot attention (Luong et al. 2015), for a decoder and an encoder of one width.

    RETURNS (MakeAttention): Makes the attention.
    """
    from ..nn.seq2seq.attention import DotAttention

    return DotAttention


def build_general_attention_v1() -> "MakeAttention":
    """General attention (Luong et al. 2015).

    RETURNS (MakeAttention): Makes the attention.
    """
    from ..nn.seq2seq.attention import GeneralAttention

    return GeneralAttention


def build_scaled_dot_attention_v1(width: int = 256) -> "MakeAttention":
    """Scaled dot attention (Vaswani et al. 2017) with one head.

    width (int): Features of the projected queries and keys.
    RETURNS (MakeAttention): Makes the attention.
    """
    from ..nn.seq2seq.attention import ScaledDotAttention

    return partial(ScaledDotAttention, width=width)
