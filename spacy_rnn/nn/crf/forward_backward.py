"""The forward-backward algorithm over a linear chain (Baum 1972; Rabiner 1989, section III)."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ..batch.packed import Packed, pack, step_slices
from ..batch.segments import first_and_last, segment_ids
from ..kernels.autograd import refuse_second_derivatives

MAX_PAIRS = 4_000_000
"""Pairs of labels whose probabilities are held at once: 16 MB."""


def log_partition(
    scores: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """Sum up the scores of all paths.

    scores (Tensor): Scores of labels at words, `(words, labels)`.
    lengths (Tensor): The words of each sequence, `(batch,)`, on the CPU.
    transitions (Tensor): Scores of the label of a column after that of a row.
    start (Tensor): Scores of labels at the start, `(labels,)`.
    end (Tensor): Scores of labels at the end, `(labels,)`.
    RETURNS (Tensor): The logarithm of the sum for each sequence, `(batch,)`, in float64.
    """
    return _LogPartition.apply(scores, lengths, transitions, start, end)


def forward_backward(
    scores: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> tuple[Tensor, Tensor]:
    """Forward and backward messages of each label at each word.

    The arguments are those of `log_partition`.

    RETURNS (tuple[Tensor, Tensor]): Logarithms of the two sums, up to a number for each word,
        both `(words, labels)`.
    """
    messages, _ = _scan(scores, lengths, transitions, start, end, both=True)
    return messages[0], messages[1]


class _LogPartition(Function):
    """Log Z, whose gradients are the marginals (Sutton & McCallum 2012, section 4.1).

    The forward algorithm from both ends at once costs less than autograd through its steps.
    """

    @staticmethod
    def forward(
        ctx: Any, scores: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor
    ) -> Tensor:
        weights = (transitions, start, end)
        needs = any(ctx.needs_input_grad)
        messages, norms = _scan(scores, lengths, *weights, both=needs)
        _, last = first_and_last(lengths, scores.device)
        segment = segment_ids(lengths, scores.device)
        total = scores.new_zeros(len(lengths), dtype=torch.float64)
        total.index_add_(0, segment, norms[0].double())
        ended = (messages[0, last] + scores[last] + end).double().logsumexp(dim=1)
        total.index_add_(0, segment[last], ended)
        if needs:
            ctx.lengths = lengths
            ctx.save_for_backward(scores, transitions, messages, norms)
        return total

    @staticmethod
    def backward(ctx: Any, d_total: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivatives()
        scores, transitions, messages, norms = ctx.saved_tensors
        forward, backward = messages
        first, last = first_and_last(ctx.lengths, scores.device)
        segment = segment_ids(ctx.lengths, scores.device)
        weight = d_total.to(scores.dtype)[segment]
        joint = forward + scores + backward
        log_z = joint.logsumexp(dim=1, keepdim=True)  # Less the norms of the messages.
        d_scores = (joint - log_z).exp() * weight[:, None]
        d_transitions = torch.zeros_like(transitions)
        left = forward + scores - log_z - norms[1][:, None]
        right = scores + backward
        pairs = (segment[:-1] == segment[1:]).nonzero().squeeze(1)
        for words in pairs.split(max(1, MAX_PAIRS // transitions.numel())):
            together = left[words, :, None] + transitions + right[words + 1, None, :]
            d_transitions += torch.einsum("wij,w->ij", together.exp_(), weight[words])
        return d_scores, None, d_transitions, d_scores[first].sum(0), d_scores[last].sum(0)


def _scan(
    scores: Tensor,
    lengths: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    both: bool,
) -> tuple[Tensor, Tensor]:
    """Compute the forward messages, and with `both` the backward messages as well.

    The backward messages are the forward messages of the mirrored sequence, so that both are one
    loop.

    RETURNS (tuple[Tensor, Tensor]): The log messages, without the word's own score and less
        a norm for each word, `(1 or 2, words, labels)`; and these norms, `(1 or 2, words)`.
    """
    layout = pack(lengths, scores.device)
    order, back = map(torch.stack, zip(*map(layout.in_direction, range(1 + both)), strict=True))
    weights = torch.stack([transitions, transitions.T][: 1 + both])
    starts = torch.stack([start, end][: 1 + both])
    # The words of a step lie side by side, because there are more of them than labels.
    messages, norms = _scan_packed(
        scores[order].transpose(1, 2).contiguous(), layout, weights, starts
    )
    messages = messages.transpose(1, 2).gather(1, back[..., None].expand(-1, -1, scores.shape[1]))
    return messages, norms.gather(1, back)


def _scan_packed(
    scores: Tensor, layout: Packed, transitions: Tensor, start: Tensor
) -> tuple[Tensor, Tensor]:
    """Run the forward algorithm over `(scans, labels, rows)`."""
    messages = torch.empty_like(scores)
    norms = scores.new_zeros(len(scores), scores.shape[2])
    lowest = torch.finfo(scores.dtype).min  # Unreachable labels stay at minus infinity.
    steps = step_slices(layout.batch_sizes.tolist())
    if steps:
        messages[..., steps[0]] = start[..., None]
    for before, now in pairwise(steps):
        continuing = slice(before.start, before.start + now.stop - now.start)
        state = messages[..., continuing] + scores[..., continuing]
        paths = state[:, :, None] + transitions[..., None]
        largest = paths.amax(dim=1).clamp_(min=lowest)
        total = paths.sub_(largest[:, None]).exp_().sum(dim=1).log_().add_(largest)
        norm = total.amax(dim=1).clamp_(min=lowest)
        messages[..., now] = total - norm[:, None]
        norms[:, now] = norm
    return messages, norms
