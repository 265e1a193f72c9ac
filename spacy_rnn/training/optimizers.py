"""Optimizers: how weights follow gradients."""

from thinc.api import Optimizer
from thinc.types import Generator

FloatOrSeries = float | list[float] | Generator
"""A number, or one for each step: a schedule."""


def create_adam_v1(
    learn_rate: FloatOrSeries = 0.001,
    *,
    L2: FloatOrSeries = 0.0,
    beta1: FloatOrSeries = 0.9,
    beta2: FloatOrSeries = 0.999,
    eps: FloatOrSeries = 1e-08,
    grad_clip: FloatOrSeries = 1.0,
    L2_is_weight_decay: bool = True,
    use_averages: bool = True,
) -> Optimizer:
    """Create Adam with Thinc's settings and torch's fused kernel, which is several times as fast.

    learn_rate (FloatOrSeries): The learning rate, or one for each step.
    L2 (FloatOrSeries): What weights decay by, times the learning rate.
    beta1 (FloatOrSeries): What of the mean gradient is kept at each step.
    beta2 (FloatOrSeries): What of the mean squared gradient is kept.
    eps (FloatOrSeries): Added to the root of the latter.
    grad_clip (FloatOrSeries): The largest norm of a gradient; 0 for any.
    L2_is_weight_decay (bool): Whether weights decay by themselves, as in AdamW, or L2 is a part
        of the gradient.
    use_averages (bool): Whether to keep running averages of the weights, which spaCy evaluates
        and saves.
    RETURNS (Optimizer): The optimizer.
    """
    from .adam import FusedAdam

    return FusedAdam(
        learn_rate,
        L2=L2,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        grad_clip=grad_clip,
        L2_is_weight_decay=L2_is_weight_decay,
        use_averages=use_averages,
    )
