"""The loss over a vocabulary, with bounded memory."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from .kernels.autograd import refuse_second_derivatives
from .kernels.shapes import pad_rows

MAX_LOGITS = 2_000_000
"""Logits of a block, held beside their probabilities."""


def cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    smoothing: float = 0.0,
    r_drop: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Sum up the cross-entropy of a softmax over a vocabulary, block by block.

    Each block's gradients are made with its loss, so that its logits can be forgotten.

    With R-Drop (Wu et al. 2021) the words are predicted in two passes. The loss is half that of
    equation 4 there, so that it compares to the loss of one pass: the mean of both cross-entropies
    plus `r_drop / 2` times the mean of both divergences, `KL(p1 || p2)` and `KL(p2 || p1)`.

    hidden (Tensor): What the softmax is computed from, shape `(words, width)`; with R-Drop
        that of one pass after that of the other, `(2 * words, width)`.
    weight (Tensor): A row for each entry of the vocabulary, shape `(vocabulary, width)`.
    bias (Tensor): A number for each entry, shape `(vocabulary,)`.
    targets (Tensor): The right entries, integers of shape `(words,)`.
    smoothing (float): The share of the right entry that is spread over the vocabulary:
        label smoothing (Szegedy et al. 2016, section 7).
    r_drop (float): The weight of R-Drop, alpha in the paper. 0 for a single pass.
    RETURNS (tuple[Tensor, Tensor]): The smoothed loss, a number to take gradients of, and
        the plain negative log-likelihood of each target, without gradients, `(words,)`: of two
        passes the mean.
    """
    # Inside of the function gradients are always off.
    loss, surprisals = _CrossEntropy.apply(
        hidden, weight, bias, targets, smoothing, r_drop, torch.is_grad_enabled()
    )
    return loss / len(surprisals), surprisals.mean(dim=0)


class _CrossEntropy(Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        smoothing: float,
        r_drop: float,
        enabled: bool,
    ) -> tuple[Tensor, Tensor]:
        needs = enabled and any(ctx.needs_input_grad[:3])
        # Sums over a vocabulary lose too much in half precision.
        surprisal_type = torch.promote_types(hidden.dtype, torch.float32)
        # The mean of the logits over the vocabulary is linear in hidden states and weights. So
        # smoothing takes no pass over the logits, and its gradients are where the sums begin.
        share = smoothing / len(weight)
        weight_sum = weight.sum(dim=0)
        d_hidden_row = -share * weight_sum
        d_weight_row = -share * hidden.sum(dim=0, dtype=surprisal_type)
        loss = (d_weight_row * weight_sum).sum() - share * len(hidden) * bias.sum()
        gradients = []
        if needs:
            gradients = [
                torch.empty_like(hidden),
                d_weight_row.to(weight.dtype).expand_as(weight).contiguous(),
                torch.full_like(bias, -share * len(hidden)),
            ]
        surprisals = []
        passes = (2 if r_drop else 1), len(targets)
        size = _split_evenly(len(targets), max(1, MAX_LOGITS // (passes[0] * len(weight))))
        blocks = zip(hidden.unflatten(0, passes).split(size, 1), targets.split(size), strict=True)
        # For memory of its own in each block the system would have to map pages each time.
        rows_at_once = min(passes[0] * size, len(hidden))
        memory = weight.new_empty(rows_at_once, len(weight), dtype=surprisal_type)
        for index, (block, right) in enumerate(blocks):
            rows, right = block.flatten(0, 1), right.repeat(len(block))
            padded = pad_rows(rows)
            logits = functional.linear(padded, weight, bias)
            scores = memory[: len(rows)].copy_(logits[: len(rows)])
            target_scores = scores.gather(1, right[:, None])
            peak = scores.amax(dim=1, keepdim=True)
            probabilities = torch.softmax(scores, dim=1, out=scores)
            # The highest probability is never 0, as that of the right entry may be.
            normaliser = peak - probabilities.amax(dim=1, keepdim=True).log()
            surprisals.append((normaliser - target_scores).view(block.shape[:2]))
            loss += (normaliser - (1 - smoothing) * target_scores).sum()
            if r_drop:
                log_probabilities = logits[: len(rows)] - normaliser
                divergence, d_divergence = _diverge(probabilities, log_probabilities)
                loss += r_drop / 2 * divergence
                probabilities.add_(d_divergence, alpha=r_drop / 2)
            if needs:
                probabilities.scatter_add_(
                    1, right[:, None], torch.full_like(target_scores, smoothing - 1)
                )
                d_logits = logits  # In their memory.
                d_logits[len(rows) :] = 0
                d_logits[: len(rows)] = probabilities
                d_hidden = gradients[0].unflatten(0, passes)[:, index * size :][
                    :, : block.shape[1]
                ]
                d_rows = torch.addmm(d_hidden_row, d_logits, weight)[: len(rows)]
                d_hidden[:] = d_rows.view_as(block)
                gradients[1] += d_logits.T @ padded
                gradients[2] += probabilities.sum(dim=0)
        ctx.save_for_backward(*gradients)
        surprisal = torch.cat(surprisals, 1)
        ctx.mark_non_differentiable(surprisal)
        return loss, surprisal

    @staticmethod
    def backward(ctx: Any, d_loss: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivatives()
        return *(gradient * d_loss for gradient in ctx.saved_tensors), None, None, None, None


def _split_evenly(words: int, most: int) -> int:
    """Give the words of each block, so that the last one is about as large as the others.

    Rests of any size would be products of many shapes, for each of which memory is kept.

    words (int): All words.
    most (int): The most words of a block.
    RETURNS (int): The words of a block.
    """
    blocks = max(1, -(-words // most))
    return max(1, -(-words // blocks))


def _diverge(probabilities: Tensor, log_probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """Return how far two passes are apart, `KL(p1 || p2) + KL(p2 || p1)`, and its gradient.

    probabilities (Tensor): Those of the words in one pass, and in the other,
        `(2 * words, vocabulary)`.
    log_probabilities (Tensor): Their logarithms.
    RETURNS (tuple[Tensor, Tensor]): The sum over all words, and its gradient by the logits,
        `(2 * words, vocabulary)`.
    """
    first, second = log_probabilities.chunk(2)
    ratio = torch.cat([first - second, second - first])
    divergences = (probabilities * ratio).sum(dim=1, keepdim=True)
    first, second = probabilities.chunk(2)
    difference = first - second
    gradient = ratio.sub_(divergences).mul_(probabilities)
    gradient += torch.cat([difference, -difference])
    return divergences.sum(), gradient
