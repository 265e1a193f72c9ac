"""The best of very many ways to go on, without sorting them all."""

import torch
from torch import Tensor

BLOCK = 64
"""Pieces whose maximum is looked at first."""


def argmax_last(scores: Tensor) -> Tensor:
    """Find the highest score of each row, as `argmax` does: on a CPU by NumPy, which compares
    many numbers at once where torch compares two.

    scores (Tensor): A score for each piece, `(…, pieces)`.
    RETURNS (Tensor): The first piece with the highest, `(…)`.
    """
    if scores.device.type == "cpu":
        return torch.from_numpy(scores.numpy().argmax(axis=-1))
    return scores.argmax(dim=-1)


def topk_blockwise(scores: Tensor, totals: Tensor, number: int) -> tuple[Tensor, Tensor, Tensor]:
    """Find the sequences with the highest scores.

    They are in those blocks of the vocabulary whose maxima are the highest: two searches among
    few numbers instead of one among all.

    scores (Tensor): A score for each next piece, `(batch, hypotheses, pieces)`.
    totals (Tensor): The score of each hypothesis before, `(batch, hypotheses)`.
    number (int): How many to find.
    RETURNS (tuple[Tensor, Tensor, Tensor]): Their scores, the highest first; the hypotheses that
        they go on from; and their pieces: each `(batch, number)`, or fewer where there are
        fewer.
    """
    batch, hypotheses, pieces = scores.shape
    blocks = pieces // BLOCK
    places = torch.arange(hypotheses * pieces, device=scores.device).view(hypotheses, pieces)
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
        places_inside = places[:, :cut].unflatten(1, (blocks, BLOCK))[parents, block]
        places_rest = places[:, cut:].flatten().expand(batch, -1)
        places = torch.cat([places_inside.flatten(1), places_rest], dim=1)
    else:
        candidates = (scores + totals[:, :, None]).flatten(1)
        places = places.flatten().expand(batch, -1)
    found = candidates.topk(min(number, candidates.shape[1]), dim=1)
    chosen = places.gather(1, found.indices)
    return found.values, chosen // pieces, chosen % pieces
