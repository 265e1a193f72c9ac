"""The highest of many scores: argmax and top-k over a vocabulary."""

import torch
from torch import Tensor

BLOCK = 64
"""Pieces of a block of the vocabulary, of which the maximum is compared first."""


def argmax_last(scores: Tensor) -> Tensor:
    """Return the index of the highest score of each row, as `argmax` does.

    On a CPU NumPy finds it, which compares many numbers at once where torch compares two.

    scores (Tensor): The scores of all pieces, `(…, pieces)`.
    RETURNS (Tensor): The first piece with the highest score, `(…)`.
    """
    if scores.device.type == "cpu":
        return torch.from_numpy(scores.numpy().argmax(axis=-1))
    return scores.argmax(dim=-1)


def topk_blockwise(scores: Tensor, totals: Tensor, number: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the highest of the total scores of all extended hypotheses.

    They lie in those blocks of the vocabulary whose maxima are the highest: two searches among
    few numbers replace one among all.

    scores (Tensor): The scores of all next pieces, `(batch, hypotheses, pieces)`.
    totals (Tensor): The score of each hypothesis so far, `(batch, hypotheses)`.
    number (int): The number of scores to return.
    RETURNS (tuple[Tensor, Tensor, Tensor]): The total scores, the highest first; the hypotheses
        that are extended; and the pieces that extend them: each `(batch, number)`, or all where
        there are fewer.
    """
    batch, hypotheses, pieces = scores.shape
    blocks = pieces // BLOCK
    indices = torch.arange(hypotheses * pieces, device=scores.device).view(hypotheses, pieces)
    if hypotheses * blocks > number:
        cut = blocks * BLOCK
        in_blocks = scores[:, :, :cut].unflatten(2, (blocks, BLOCK))
        maxima = (in_blocks.amax(dim=3) + totals[:, :, None]).flatten(1)
        best = maxima.topk(number, dim=1).indices
        parents, block = best // blocks, best % blocks
        rows = torch.arange(batch, device=scores.device)[:, None]
        inside = in_blocks[rows, parents, block] + totals.gather(1, parents)[:, :, None]
        rest = scores[:, :, cut:] + totals[:, :, None]
        candidates = torch.cat([inside.flatten(1), rest.flatten(1)], dim=1)
        indices_inside = indices[:, :cut].unflatten(1, (blocks, BLOCK))[parents, block]
        indices_rest = indices[:, cut:].flatten().expand(batch, -1)
        indices = torch.cat([indices_inside.flatten(1), indices_rest], dim=1)
    else:
        candidates = (scores + totals[:, :, None]).flatten(1)
        indices = indices.flatten().expand(batch, -1)
    highest = candidates.topk(min(number, candidates.shape[1]), dim=1)
    chosen = indices.gather(1, highest.indices)
    return highest.values, chosen // pieces, chosen % pieces
