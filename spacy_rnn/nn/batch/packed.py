"""Sequences of different lengths in one tensor, and their layouts for a kernel.

A batch of sequences is `(data, lengths)`: the words of all sequences one after
the other, `data` of shape `(sum(lengths), width)`. Padding exists nowhere else
than in the grids of this file and the rectangles of `rectangles.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """Where each word of a batch sits in the rows that a kernel reads.

    rows (Tensor): The row of each word, shape `(words,)`.
    words (Tensor): The word in each row, shape `(rows,)`; the number of words marks
        padding.
    """

    rows: Tensor
    words: Tensor


@dataclass(frozen=True)
class Packed(Layout):
    """Step by step, without padding: the layout of torch's `PackedSequence`.

    order (Tensor): The sequences that have words, longest first, shape `(batch,)`.
    batch_sizes (Tensor): How many sequences are still running at each step,
        shape `(steps,)`, on the CPU.
    mirror (Tensor): For each word the one as far from the other end of its sequence,
        shape `(words,)`.
    """

    order: Tensor
    batch_sizes: Tensor
    mirror: Tensor

    def read_from(self, end: int) -> tuple[Tensor, Tensor]:
        """Give the layout of a scan from one end of the sequences.

        A scan from the last words is one from the first words over mirrored sequences.

        end (int): 0 for the first words, 1 for the last.
        RETURNS (tuple[Tensor, Tensor]): The word in each row and the row of each word.
        """
        if end == 0:
            return self.words, self.rows
        return self.mirror[self.words], self.rows[self.mirror]


def pack(lengths: Tensor, device: torch.device) -> Packed:
    """Lay out a batch without padding: all first words, all second words, and so on.

    lengths (Tensor): The words of each sequence, shape `(batch,)`, on the CPU.
    device (torch.device): Where the layout is needed.
    RETURNS (Packed): The layout.
    """
    sizes = lengths.numpy()
    order = longest_first(sizes)
    steps = int(sizes.max(initial=0))
    ended = np.cumsum(np.bincount(sizes[order], minlength=steps + 1))[:steps]
    batch_sizes = len(order) - ended
    first_row = np.cumsum(batch_sizes) - batch_sizes
    segment, time = _times(sizes)
    rows = first_row[time] + inverse_permutation(order, len(sizes))[segment]
    mirror = np.arange(len(segment)) + sizes[segment] - 1 - 2 * time
    return Packed(
        batch_sizes=torch.from_numpy(batch_sizes),
        mirror=to_tensor(mirror, device),
        order=to_tensor(order, device),
        rows=to_tensor(rows, device),
        words=to_tensor(inverse_permutation(rows, len(rows)), device),
    )


def longest_first(sizes: np.ndarray) -> np.ndarray:
    """Order the sequences that have words by length; equals keep their order.

    sizes (np.ndarray): The words of each sequence, `(batch,)`.
    RETURNS (np.ndarray): The numbers of the sequences.
    """
    order = np.argsort(-sizes, kind="stable")
    return order[: np.count_nonzero(sizes)]


def _times(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tell for each word its sequence and its time in it."""
    segment = np.repeat(np.arange(len(sizes)), sizes)
    return segment, np.arange(len(segment)) - (np.cumsum(sizes) - sizes)[segment]


def inverse_permutation(places: np.ndarray, total: int) -> np.ndarray:
    """Tell for each place which thing is there; the number of things where none is.

    places (np.ndarray): The place of each thing, `(things,)`.
    total (int): How many places there are.
    RETURNS (np.ndarray): The thing at each, `(total,)`.
    """
    inverse_permutation = np.full(total, len(places))
    inverse_permutation[places] = np.arange(len(places))
    return inverse_permutation


def step_slices(batch_sizes: Iterable[int]) -> list[slice]:
    """Find the rows of each step of a packed layout.

    batch_sizes (Iterable[int]): How many sequences are still running at each step.
    RETURNS (list[slice]): The rows of each.
    """
    ends = [0, *accumulate(batch_sizes)]
    return [slice(start, end) for start, end in pairwise(ends)]


def to_tensor(array: np.ndarray, device: torch.device) -> Tensor:
    """Put a table of numbers where it is needed.

    array (np.ndarray): The table.
    device (torch.device): Where.
    RETURNS (Tensor): The same.
    """
    return torch.from_numpy(array).to(device)
