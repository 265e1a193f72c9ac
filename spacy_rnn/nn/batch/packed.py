"""The packed layout of a batch: step by step, without padding.

A batch of sequences is `(data, lengths)`: the words of all sequences, concatenated, `data` of
shape `(sum(lengths), width)`, and the length of each. A layout says in which order a kernel reads
them. Padding exists only in the tiles of `tiles.py` and the grids of `segments.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """The words of a batch in the rows that a kernel reads.

    rows (Tensor): The row of each word, shape `(words,)`.
    words (Tensor): The word in each row, shape `(rows,)`; the number of words marks
        padding.
    """

    rows: Tensor
    words: Tensor


@dataclass(frozen=True)
class Packed(Layout):
    """The layout of torch's `PackedSequence`: all first words, all second words, and so on.

    order (Tensor): The sequences that have words, longest first, shape `(batch,)`.
    batch_sizes (Tensor): The number of sequences that have a word at each step, shape `(steps,)`,
        on the CPU.
    mirror (Tensor): For each word the word at its position in the reversed sequence, shape
        `(words,)`.
    """

    order: Tensor
    batch_sizes: Tensor
    mirror: Tensor

    def in_direction(self, direction: int) -> tuple[Tensor, Tensor]:
        """Return the layout of a scan in one direction.

        A backward scan is a forward scan over reversed sequences.

        direction (int): 0 for forwards, 1 for backwards.
        RETURNS (tuple[Tensor, Tensor]): The word in each row and the row of each word.
        """
        if direction == 0:
            return self.words, self.rows
        return self.mirror[self.words], self.rows[self.mirror]


def pack(lengths: Tensor, device: torch.device) -> Packed:
    """Lay out a batch without padding: all first words, all second words, and so on.

    lengths (Tensor): The words of each sequence, shape `(batch,)`, on the CPU.
    device (torch.device): The device of the layout.
    RETURNS (Packed): The layout.
    """
    sizes = lengths.numpy()
    order = longest_first(sizes)
    steps = int(sizes.max(initial=0))
    ended = np.cumsum(np.bincount(sizes[order], minlength=steps + 1))[:steps]
    batch_sizes = len(order) - ended
    first_row = np.cumsum(batch_sizes) - batch_sizes
    segment, time = _number_words(sizes)
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
    """Sort the sequences that have words by length, stably.

    sizes (np.ndarray): The words of each sequence, `(batch,)`.
    RETURNS (np.ndarray): The indices of the sequences, longest first.
    """
    order = np.argsort(-sizes, kind="stable")
    return order[: np.count_nonzero(sizes)]


def _number_words(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each word the index of its sequence, and its index in the sequence."""
    segment = np.repeat(np.arange(len(sizes)), sizes)
    return segment, np.arange(len(segment)) - (np.cumsum(sizes) - sizes)[segment]


def inverse_permutation(rows: np.ndarray, total: int) -> np.ndarray:
    """Invert a mapping of words to rows.

    rows (np.ndarray): The row of each word, `(words,)`, all different.
    total (int): The number of rows.
    RETURNS (np.ndarray): The word in each row, `(total,)`; the number of words in empty rows.
    """
    words = np.full(total, len(rows))
    words[rows] = np.arange(len(rows))
    return words


def step_slices(batch_sizes: Iterable[int]) -> list[slice]:
    """Return the rows of each step of a packed layout.

    batch_sizes (Iterable[int]): The number of sequences that have a word at each step.
    RETURNS (list[slice]): The rows of each step.
    """
    ends = [0, *accumulate(batch_sizes)]
    return [slice(start, end) for start, end in pairwise(ends)]


def to_tensor(array: np.ndarray, device: torch.device) -> Tensor:
    """Copy an array to a device; on a CPU the tensor shares its memory.

    array (np.ndarray): The array.
    device (torch.device): The device.
    RETURNS (Tensor): The tensor.
    """
    return torch.from_numpy(array).to(device)
