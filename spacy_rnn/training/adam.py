"""Adam by torch's fused kernel, in few passes over memory."""

from thinc.api import Optimizer
from thinc.backends import get_array_ops
from thinc.types import FloatsXd, Generator

FloatOrSeries = float | list[float] | Generator
"""A number, or a schedule with one for each step."""

MAX_DECAY = 0.9999
"""The largest decay of running averages."""


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
) -> "FusedAdam":
    """Create Adam with Thinc's settings and torch's fused kernel, which is several times as fast.

    learn_rate (FloatOrSeries): The learning rate, or a schedule of it.
    L2 (FloatOrSeries): The weight decay, a factor of the learning rate.
    beta1 (FloatOrSeries): The decay of the running mean of gradients.
    beta2 (FloatOrSeries): The decay of the running mean of squared gradients.
    eps (FloatOrSeries): The number added to the root of the latter.
    grad_clip (FloatOrSeries): The largest norm of a gradient, 0 for no limit.
    L2_is_weight_decay (bool): Whether weight decay is decoupled from the gradient, as in AdamW,
        or L2 is part of the gradient.
    use_averages (bool): Whether to maintain running averages of the weights, which spaCy
        evaluates and saves.
    RETURNS (FusedAdam): The optimizer.
    """
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


class FusedAdam(Optimizer):
    """Thinc's optimizer, with torch's fused kernel for the step.

    Thinc's own goes over weights, gradients, moments and averages some ten times, on one
    thread; this one about three times, on all of torch's threads. The step is algorithm 1 of
    Kingma & Ba (2015), with decoupled weight decay (Loshchilov & Hutter 2019): from Thinc's it
    differs in where ε stands, beside the corrected second moment and not the plain one, in
    that weights decay before the step, in that averages begin with the weights after the first
    step and not with zeros, and in that it is Adam with betas of 0 too.
    """

    __slots__ = ()

    def __call__(
        self,
        key: tuple[int, str],
        weights: FloatsXd,
        gradient: FloatsXd,
        *,
        lr_scale: float = 1.0,
    ) -> tuple[FloatsXd, FloatsXd]:
        """Take a step.

        key (tuple[int, str]): What the weights are: the id of their layer, and their name.
        weights (FloatsXd): The weights; changed in place, if they lie in memory row by row.
        gradient (FloatsXd): Their gradient; the same holds for it.
        lr_scale (float): What the learning rate is multiplied by.
        RETURNS (tuple[FloatsXd, FloatsXd]): The new weights, and zeros in place of the gradient.
        """
        import torch  # Slow to load, and needed for training alone.

        from ..torch_private import adamw_step

        if not gradient.size:
            return weights, gradient
        ops = get_array_ops(weights)
        # The kernel takes memory as it lies: row by row, if need be in a copy.
        weights = ops.xp.ascontiguousarray(weights)
        gradient = ops.xp.ascontiguousarray(gradient, weights.dtype)
        if self.L2 and not self.L2_is_weight_decay:
            gradient += self.L2 * weights
        if self.grad_clip:
            gradient = ops.clip_gradient(gradient, self.grad_clip)
        if key not in self.mom1:
            self.mom1[key], self.mom2[key] = ops.xp.zeros((2, *weights.shape), weights.dtype)
        self.nr_update[key] += 1
        tensor, d_tensor, mean, square = map(
            torch.as_tensor, (weights, gradient, self.mom1[key], self.mom2[key])
        )
        # What `torch.optim.AdamW` comes to, which takes longer to get there than a step takes.
        adamw_step(
            tensor,
            d_tensor,
            mean,
            square,
            step=self.nr_update[key],
            learn_rate=self.learn_rate * lr_scale,
            beta1=self.b1,
            beta2=self.b2,
            weight_decay=self.L2 if self.L2_is_weight_decay else 0.0,
            eps=self.eps,
        )
        d_tensor.zero_()
        if self.averages is not None:
            if key not in self.averages:  # Not at zero: a few steps would give a part of them.
                self.averages[key] = weights.copy()
            steps = self.nr_update[key]
            decay = min((1 + steps) / (10 + steps), MAX_DECAY)
            torch.as_tensor(self.averages[key]).lerp_(tensor, 1 - decay)
        return weights, gradient
