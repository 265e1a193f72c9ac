"""The best paths through a linear-chain conditional random field."""

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from ..batch.packed import pack, step_slices


def best_paths(
    scores: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """Find the best path of each sequence (Viterbi 1967).

    No back pointers are stored: the predecessor is computed again in the backtrace, for the one
    label on the path instead of for all.

    scores (Tensor): Scores of labels at words, `(words, labels)`.
    lengths (Tensor): The words of each sequence, `(batch,)`, on the CPU.
    transitions (Tensor): Scores of the label of a column after that of a row.
    start (Tensor): Scores of labels at the start, `(labels,)`.
    end (Tensor): Scores of labels at the end, `(labels,)`.
    RETURNS (Tensor): The label of each word, `(words,)`.
    """
    layout = pack(lengths, scores.device)
    steps = step_slices(layout.batch_sizes.tolist())
    # The words of a step lie side by side, because there are more of them than labels.
    states = scores[layout.words].T.contiguous()
    if steps:
        states[:, steps[0]] += start[:, None]
    for before, now in pairwise(steps):
        state = states[:, before][:, : now.stop - now.start]
        total = (state[:, None] + transitions[:, :, None]).amax(dim=0)
        states[:, now] += total - total.amax(dim=0)
    # After the last label of a sequence comes one more, which is the end.
    onward = torch.cat([transitions, end[:, None]], 1)
    path = torch.empty(states.shape[1], dtype=torch.int64, device=scores.device)
    following = path[:0]
    for now in reversed(steps):
        ended = now.stop - now.start - len(following)
        following = functional.pad(following, (0, ended), value=len(end))
        total = states[:, now] + onward.index_select(1, following)
        following = path[now] = total.max(dim=0).indices
    return path[layout.rows]


def k_best_paths(
    scores: Tensor, lengths: Tensor, k: int, transitions: Tensor, start: Tensor, end: Tensor
) -> tuple[Tensor, Tensor]:
    """Find the k best paths of each sequence, the best first.

    scores (Tensor): Scores of labels at words, `(words, labels)`.
    lengths (Tensor): The words of each sequence, `(batch,)`, on the CPU.
    k (int): Number of paths.
    transitions (Tensor): Scores of the label of a column after that of a row.
    start (Tensor): Scores of labels at the start, `(labels,)`.
    end (Tensor): Scores of labels at the end, `(labels,)`.
    RETURNS (tuple[Tensor, Tensor]): The label of each word in each path, `(k, words)`, and
        whether that path exists, booleans of shape `(k, batch)`.
    """
    layout = pack(lengths, scores.device)
    steps = step_slices(layout.batch_sizes.tolist())
    words, labels = scores.shape
    packed = scores[layout.words].T.contiguous()
    # The k best ways to each label at each word, and where each of them comes from, as
    # `label * k + rank`.
    states = packed[:, None].repeat(1, k, 1)
    origins = torch.empty(k, labels, words, dtype=torch.int32, device=scores.device)
    if steps:
        states[:, 1:, steps[0]] = -torch.inf
        states[:, 0, steps[0]] += start[:, None]
    lowest = torch.finfo(scores.dtype).min
    for before, now in pairwise(steps):
        state = states[:, :, before][..., : now.stop - now.start]
        ways = state[:, :, None] + transitions[:, None, :, None]
        total, origin = ways.flatten(0, 1).topk(k, dim=0)
        origins[..., now] = origin.int()
        states[:, :, now] += (total - total.amax(dim=(0, 1)).clamp_(min=lowest)).transpose(0, 1)
    paths = torch.empty(k, words, dtype=torch.int64, device=scores.device)
    possible = torch.zeros(k, len(lengths), dtype=torch.bool, device=scores.device)
    possible[0, (lengths == 0).to(scores.device)] = True
    following = paths[:, :0]
    for now in reversed(steps):
        going_on = following.shape[1]
        ended = slice(now.start + going_on, now.stop)
        total, arrival = (states[..., ended] + end[:, None, None]).flatten(0, 1).topk(k, dim=0)
        possible[:, layout.order[going_on : now.stop - now.start]] = total > -torch.inf
        after = origins[..., now.stop : now.stop + going_on]
        column = torch.arange(going_on, device=scores.device)
        passed = after[following % k, following // k, column]
        following = torch.cat([passed.long(), arrival], dim=1)
        paths[:, now] = following // k
    return paths[:, layout.rows], possible
