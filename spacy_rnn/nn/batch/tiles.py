"""Layouts for a kernel that reads tiles.

Tiles are rectangles, some steps long, with a column for each sequence, or for as many sequences as
fit one after the other.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .packed import Layout, inverse_permutation, longest_first, to_tensor

WIDTHS = (1, 2, 4, 8, 16, 32)
MAX_CELLS = 1024
"""Beyond about so many cells (steps * columns) a tile no longer fits the processor's caches."""
LONG = 128
"""Longer sequences are laid side by side in larger tiles, which are faster than narrow ones."""
CALL_COST = 5_000_000
"""Multiplications that take about as long as the overhead of one call of the kernel."""


@dataclass(frozen=True)
class Tile:
    """A rectangle of rows.

    steps (int): Its length in time.
    width (int): Its columns.
    sequences (int): How many sequences it holds.
    """

    steps: int
    width: int
    sequences: int


@dataclass(frozen=True)
class Tiled(Layout):
    """What both tiled layouts have in common.

    tiles (tuple[Tile, ...]): The tiles, each a run of rows: all columns of its first step, then
        of its second step, and so on.
    """

    tiles: tuple[Tile, ...]


class BinPacked(Tiled):
    """Columns hold sequences one after the other, with a step of padding between any two."""


@dataclass(frozen=True)
class Padded(Tiled):
    """Tiles whose columns hold one sequence each, padded at its end.

    The last columns of the last tile may be empty. Each tile holds a run of `order`.

    order (Tensor): The sequences that have words, longest first, shape `(batch,)`.
    firsts (Tensor): The first word of each sequence of `order`, shape `(batch,)`.
    lasts (Tensor): The last word of each sequence of `order`, shape `(batch,)`.
    """

    order: Tensor
    firsts: Tensor
    lasts: Tensor


class _Sequences(NamedTuple):
    """Sequences that are not in a tile yet, shortest first.

    lengths (list[int]): The words of each sequence.
    ids (list[int]): The index of each sequence in the batch.
    """

    lengths: list[int]
    ids: list[int]


_CellOfSequence = dict[int, int]
"""The cell of a tile that holds the first word of a sequence, by the sequence's index."""


def bin_pack(lengths: Tensor, device: torch.device) -> BinPacked:
    """Lay out a batch in few tiles that are nearly full, if its sequences can share columns.

    lengths (Tensor): The words of each sequence, shape `(batch,)`, on the CPU; at least
        one of them is not zero.
    device (torch.device): The device of the layout.
    RETURNS (BinPacked): The layout.
    """
    sizes = lengths.tolist()
    ids = sorted((index for index, size in enumerate(sizes) if size), key=sizes.__getitem__)
    remaining = _Sequences([sizes[index] for index in ids], ids)
    cells_needed = sum(sizes) + len(ids)  # A step of padding follows each sequence.
    tiles: list[Tile] = []
    first_rows, strides = [0] * len(sizes), [0] * len(sizes)
    row = 0
    while cells_needed:
        shapes = _tile_shapes(remaining.lengths, cells_needed, is_first=not tiles)
        steps, width, cell_of_sequence, remaining = _fill_best(remaining, shapes)
        tiles.append(Tile(steps, width, len(cell_of_sequence)))
        for index, cell in cell_of_sequence.items():
            first_rows[index] = row + cell
            strides[index] = width
            cells_needed -= sizes[index] + 1
        row += steps * width
    rows = _index_rows(lengths.numpy(), np.array(first_rows), np.array(strides), row, device)
    return BinPacked(*rows, tuple(tiles))


def pad_tiles(lengths: Tensor, device: torch.device, cell_cost: int) -> Padded:
    """Lay out a batch in few tiles with little padding.

    lengths (Tensor): The words of each sequence, shape `(batch,)`, on the CPU; at least
        one of them is not zero.
    device (torch.device): The device of the layout.
    cell_cost (int): Multiplications of the kernel for each cell of a tile.
    RETURNS (Padded): The layout.
    """
    sizes = lengths.numpy()
    order = longest_first(sizes)
    tiles = _split_into_tiles(sizes[order], cell_cost)
    steps, widths, counts = np.array([[t.steps, t.width, t.sequences] for t in tiles]).T
    areas = steps * widths
    column = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    first_rows, strides = np.zeros((2, len(sizes)), int)
    first_rows[order] = np.repeat(np.cumsum(areas) - areas, counts) + column
    strides[order] = np.repeat(widths, counts)
    ends = np.cumsum(sizes)[order]
    return Padded(
        *_index_rows(sizes, first_rows, strides, int(areas.sum()), device),
        tiles=tuple(tiles),
        order=to_tensor(order, device),
        firsts=to_tensor(ends - sizes[order], device),
        lasts=to_tensor(ends - 1, device),
    )


def _index_rows(
    sizes: np.ndarray,
    first_rows: np.ndarray,
    strides: np.ndarray,
    area: int,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Compute the row of each word, and the word in each row.

    sizes (np.ndarray): The words of each sequence.
    first_rows (np.ndarray): The row of the first word of each sequence.
    strides (np.ndarray): The rows from a word to the next one of its sequence.
    area (int): The number of rows.
    device (torch.device): The device of the results.
    RETURNS (tuple[Tensor, Tensor]): As in a layout.
    """
    starts = sizes.cumsum() - sizes
    rows = (first_rows - starts * strides).repeat(sizes)
    rows += np.arange(len(rows)) * strides.repeat(sizes)
    return to_tensor(rows, device), to_tensor(inverse_permutation(rows, area), device)


def _tile_shapes(lengths: list[int], cells_needed: int, is_first: bool) -> list[tuple[int, int]]:
    """List the shapes that the next tile may have, the best one first.

    Columns of any length can mostly be filled. So shapes are taken from few, because oneDNN
    compiles and caches a kernel for each new one. The last tile of a larger batch can have any
    size; it matters little, and is rounded up the more.

    lengths (list[int]): The words of the remaining sequences, shortest first.
    cells_needed (int): The cells that they need, padding included.
    is_first (bool): Whether this is the first tile of the batch.
    RETURNS (list[tuple[int, int]]): Steps and columns of each shape, at least one.
    """
    longest = lengths[-1]
    if longest > LONG:
        steps = _round_up(longest, bits=4)
        return [(steps, max(width for width in WIDTHS[:4] if width * longest <= cells_needed))]
    if cells_needed >= MAX_CELLS:
        steps = max(MAX_CELLS // WIDTHS[-1], 1 << (longest - 1).bit_length())
        if steps - longest <= lengths[0]:  # No sequence fits behind the longest one.
            steps = _round_up(longest, bits=4)
        return [(steps, max(width for width in WIDTHS if width * steps <= MAX_CELLS))]
    heights = {
        width: longest if width >= len(lengths) else max(longest, -(-cells_needed // width))
        for width in WIDTHS
    }
    bits = 5 if is_first else 3
    shapes = [(_round_up(steps, bits), width) for width, steps in heights.items()]
    # Where the sequences just do not fit, a slightly longer tile is better than one half as wide.
    shapes += [(_round_up(steps + 1, bits), width) for steps, width in shapes]
    # A step takes about as long as one more column.
    return sorted(shapes, key=lambda shape: shape[0] * (shape[1] + 1))


def _fill_best(
    sequences: _Sequences, shapes: list[tuple[int, int]]
) -> tuple[int, int, _CellOfSequence, _Sequences]:
    """Fill a tile of the first shape that holds all sequences, or else of the first shape.

    sequences (_Sequences): The sequences.
    shapes (list[tuple[int, int]]): Steps and columns of each shape, at least one.
    RETURNS (tuple[int, int, _CellOfSequence, _Sequences]): Steps and columns of the tile, the
        sequences in it, and the remaining ones.
    """
    tries: list[tuple[int, int, _CellOfSequence, _Sequences]] = []
    for steps, width in shapes:
        remaining = _Sequences(sequences.lengths.copy(), sequences.ids.copy())
        tries.append((steps, width, _fill(remaining, steps, width), remaining))
        if not remaining.lengths:
            return tries[-1]
    return tries[0]


def _fill(remaining: _Sequences, steps: int, width: int) -> _CellOfSequence:
    """Fill a tile column by column with sequences, which are removed from the remaining ones.

    Each time the longest sequence that fits is taken.
    """
    lengths, ids = remaining
    cell_of_sequence = {}
    for column in range(width):
        step = 0
        while lengths and step + lengths[0] <= steps:
            longest = bisect_right(lengths, steps - step) - 1
            cell_of_sequence[ids.pop(longest)] = step * width + column
            step += lengths.pop(longest) + 1
    return cell_of_sequence


def _split_into_tiles(sizes: np.ndarray, cell_cost: int) -> list[Tile]:
    """Split sequences, longest first, into tiles at the lowest cost per word."""
    words_before = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    call_cost = CALL_COST / cell_cost
    tiles = []
    start = 0
    while start < len(sizes):
        steps = _round_up(int(sizes[start]), bits=3)
        lowest = math.inf
        for width in WIDTHS:
            if width > 1 and steps * width > MAX_CELLS:
                break
            end = min(start + width, len(sizes))
            cost = (call_cost + steps * width) / (words_before[end] - words_before[start])
            if cost < lowest:
                lowest, best = cost, Tile(steps, width, end - start)
        tiles.append(best)
        start += best.sequences
    return tiles


def _round_up(length: int, bits: int) -> int:
    """Round a length up to so many significant bits."""
    unit = 1 << max(0, (length - 1).bit_length() - bits)
    return -(-length // unit) * unit
