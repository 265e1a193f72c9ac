"""The loss over a vocabulary, with bounded memory."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from .kernels.autograd import refuse_second_derivatives
from .kernels.shapes import pad_rows

MAX_LOGITS = 1_000_000
"""Logits of a block, of which their probabilities and gradients are held beside them."""


def cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, smoothing: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Sum up the cross-entropy of a softmax over a vocabulary, block by block.

    Each block's gradients are made with its loss, so that its logits can be forgotten.

    hidden (Tensor): What the softmax is computed from, shape `(words, width)`.
    weight (Tensor): A row for each entry of the vocabulary, shape `(vocabulary, width)`.
    bias (Tensor): A number for each entry, shape `(vocabulary,)`.
    targets (Tensor): The right entries, integers of shape `(words,)`.
    smoothing (float): The share of the right entry that is spread over the vocabulary:
        label smoothing (Szegedy et al. 2016, section 7).
    RETURNS (tuple[Tensor, Tensor]): The smoothed loss, a number to take gradients of, and
        the plain negative log-likelihood of each target, without gradients, `(words,)`.
    """
    # Inside of the function gradients are always off.
    return _CrossEntropy.apply(hidden, weight, bias, targets, smoothing, torch.is_grad_enabled())


class _CrossEntropy(Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        smoothing: float,
        enabled: bool,
    ) -> tuple[Tensor, Tensor]:
        needs = enabled and any(ctx.needs_input_grad[:3])
        gradients = (
            [torch.zeros_like(tensor) for tensor in (hidden, weight, bias)] if needs else []
        )
        # Sums over a vocabulary lose too much in half precision.
        surprisal_type = torch.promote_types(hidden.dtype, torch.float32)
        loss = hidden.new_zeros((), dtype=surprisal_type)
        surprisals = []
        size = max(1, MAX_LOGITS // len(weight))
        blocks = zip(hidden.split(size), targets.split(size), strict=True)
        for index, (rows, right) in enumerate(blocks):
            padded = pad_rows(rows)
            logits = functional.linear(padded, weight, bias)[: len(rows)].to(surprisal_type)
            target_logits = logits.gather(1, right[:, None])
            peak = logits.amax(dim=1, keepdim=True)
            probabilities = logits.softmax(dim=1)
            # The highest probability is never 0, as that of the right entry may be.
            normaliser = peak - probabilities.amax(dim=1, keepdim=True).log()
            surprisals.append((normaliser - target_logits).squeeze(1))
            loss += (normaliser - (1 - smoothing) * target_logits).sum()
            if smoothing:
                loss -= smoothing * logits.mean(dim=1).sum()
            if needs:
                probabilities.scatter_add_(
                    1, right[:, None], torch.full_like(target_logits, smoothing - 1)
                )
                d_logits = padded.new_empty(len(padded), len(weight))
                d_logits[len(rows) :] = 0
                torch.sub(probabilities, smoothing / len(weight), out=d_logits[: len(rows)])
                gradients[0][index * size :][: len(rows)] = (d_logits @ weight)[: len(rows)]
                gradients[1] += d_logits.T @ padded
                gradients[2] += d_logits.sum(dim=0)
        ctx.save_for_backward(*gradients)
        surprisal = torch.cat(surprisals)
        ctx.mark_non_differentiable(surprisal)
        return loss, surprisal

    @staticmethod
    def backward(ctx: Any, d_loss: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivatives()
        return *(gradient * d_loss for gradient in ctx.saved_tensors), None, None, None
