"""Kinds of attention to choose from in a config."""

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..nn.seq2seq.decoder import MakeAttention


def build_additive_attention_v1(width: int = 256) -> "MakeAttention":
    """Describe the attention of Bahdanau et al. (2015).

    width (int): Units of its hidden layer.
    RETURNS (MakeAttention): Makes the attention.
    """
    from ..nn.seq2seq.attention import AdditiveAttention

    return partial(AdditiveAttention, width=width)


def build_coverage_attention_v1(width: int = 256) -> "MakeAttention":
    """Describe additive attention with coverage (Tu et al. 2016; See et al. 2017).

    It knows what it attended to before, so that in training it attends one step after the other.

    width (int): Units of its hidden layer.
    RETURNS (MakeAttention): Makes the attention.
    """
    from ..nn.seq2seq.attention import CoverageAttention

    return partial(CoverageAttention, width=width)


def build_dot_attention_v1() -> "MakeAttention":
    """Describe dot attention (Luong et al. 2015): decoder and encoder of one width.

    RETURNS (MakeAttention): Makes the attention.
    """
    from ..nn.seq2seq.attention import DotAttention

    return DotAttention


def build_general_attention_v1() -> "MakeAttention":
    """Describe general attention (Luong et al. 2015).

    RETURNS (MakeAttention): Makes the attention.
    """
    from ..nn.seq2seq.attention import GeneralAttention

    return GeneralAttention


def build_scaled_dot_attention_v1(width: int = 256) -> "MakeAttention":
    """Describe scaled dot attention (Vaswani et al. 2017) with one head.

    width (int): Features that queries and keys are brought to.
    RETURNS (MakeAttention): Makes the attention.
    """
    from ..nn.seq2seq.attention import ScaledDotAttention

    return partial(ScaledDotAttention, width=width)
