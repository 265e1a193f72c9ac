"""Layouts for a kernel that reads rectangles: steps long, a column for each sequence, or for
as many sequences as find room in it.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .packed import Layout, inverse_permutation, longest_first, to_tensor

WIDTHS = (1, 2, 4, 8, 16, 32)
MAX_CELLS = 1024
"""Past about so many cells a rectangle leaves the processor's caches."""
LONG = 128
"""Longer sequences stand side by side in larger rectangles, which are faster than narrow ones."""


@dataclass(frozen=True)
class Tile:
    """A rectangle.

    steps (int): Its length in time.
    width (int): Its columns.
    size (int): Its sequences.
    """

    steps: int
    width: int
    size: int


@dataclass(frozen=True)
class Tiled(Layout):
    """What both layouts of this file are.

    blocks (tuple[Tile, ...]): The rectangles, each a run of rows.
    """

    blocks: tuple[Tile, ...]


class BinPacked(Tiled):
    """Columns hold sequences one after the other, with padding between any two of them."""


@dataclass(frozen=True)
class Padded(Tiled):
    """Columns hold a sequence each, padded at its end; the last ones of the last block may be
    empty. Each block is a run of `order`.

    order (Tensor): The sequences that have words, longest first, shape `(batch,)`.
    firsts (Tensor): The first word of each sequence of `order`, shape `(batch,)`.
    lasts (Tensor): The last word of each sequence of `order`, shape `(batch,)`.
    """

    order: Tensor
    firsts: Tensor
    lasts: Tensor


def bin_pack(lengths: Tensor, device: torch.device) -> BinPacked:
    """Lay out a batch in few rectangles that are nearly full, unless most of its sequences are too
    long to share a column.

    lengths (Tensor): The words of each sequence, shape `(batch,)`, on the CPU; at least
        one of them is not zero.
    device (torch.device): Where the layout is needed.
    RETURNS (BinPacked): The layout.
    """
    sizes = lengths.tolist()
    names = sorted((name for name, size in enumerate(sizes) if size), key=sizes.__getitem__)
    waiting = [sizes[name] for name in names], names
    left = sum(sizes) + len(names)  # Words, with the padding behind each sequence.
    blocks: list[Tile] = []
    first_rows, strides = [0] * len(sizes), [0] * len(sizes)
    row = 0
    while left:
        shapes = _shapes(waiting[0], left, rest=bool(blocks))
        steps, width, placed, waiting = _fill_best(*waiting, shapes)
        blocks.append(Tile(steps, width, len(placed)))
        for name, cell in placed:
            first_rows[name] = row + cell
            strides[name] = width
            left -= sizes[name] + 1
        row += steps * width
    rows = _find_rows(lengths.numpy(), np.array(first_rows), np.array(strides), row, device)
    return BinPacked(*rows, tuple(blocks))


def pad_tiles(lengths: Tensor, device: torch.device, cell_cost: int) -> Padded:
    """Lay out a batch in few rectangles that waste little on padding.

    lengths (Tensor): The words of each sequence, shape `(batch,)`, on the CPU; at least
        one of them is not zero.
    device (torch.device): Where the layout is needed.
    cell_cost (int): Multiplications that the kernel does for each cell.
    RETURNS (Padded): The layout.
    """
    sizes = lengths.numpy()
    order = longest_first(sizes)
    blocks = _cut(sizes[order], cell_cost)
    steps, widths, counts = np.array([[b.steps, b.width, b.size] for b in blocks]).T
    areas = steps * widths
    column = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    first_rows, strides = np.zeros((2, len(sizes)), int)
    first_rows[order] = np.repeat(np.cumsum(areas) - areas, counts) + column
    strides[order] = np.repeat(widths, counts)
    ends = np.cumsum(sizes)[order]
    return Padded(
        *_find_rows(sizes, first_rows, strides, int(areas.sum()), device),
        blocks=tuple(blocks),
        order=to_tensor(order, device),
        firsts=to_tensor(ends - sizes[order], device),
        lasts=to_tensor(ends - 1, device),
    )


def _find_rows(
    sizes: np.ndarray,
    first_rows: np.ndarray,
    strides: np.ndarray,
    area: int,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Find each word's row: from that of its sequence's first word a stride for each step."""
    starts = sizes.cumsum() - sizes
    rows = (first_rows - starts * strides).repeat(sizes)
    rows += np.arange(len(rows)) * strides.repeat(sizes)
    return to_tensor(rows, device), to_tensor(inverse_permutation(rows, area), device)


def _shapes(lengths: list[int], left: int, rest: bool) -> list[tuple[int, int]]:
    """Give the shapes that the next rectangle may have, the best one first.

    Columns of any length can mostly be filled: so shapes come from few, because oneDNN compiles,
    and keeps, a kernel for each new one. The rest of a larger batch is of any size; it counts
    for little, and is rounded up the more.
    """
    longest = lengths[-1]
    if longest > LONG:
        steps = _round_up(longest, bits=4)
        return [(steps, max(width for width in WIDTHS[:4] if width * longest <= left))]
    if left >= MAX_CELLS:
        steps = max(MAX_CELLS // WIDTHS[-1], 1 << (longest - 1).bit_length())
        if steps - longest <= lengths[0]:  # Nothing finds room behind the longest.
            steps = _round_up(longest, bits=4)
        return [(steps, max(width for width in WIDTHS if width * steps <= MAX_CELLS))]
    heights = {
        width: longest if width >= len(lengths) else max(longest, -(-left // width))
        for width in WIDTHS
    }
    bits = 3 if rest else 5
    shapes = [(_round_up(steps, bits), width) for width, steps in heights.items()]
    # What does not quite fit had rather be a little longer than half as wide.
    shapes += [(_round_up(steps + 1, bits), width) for steps, width in shapes]
    # A step takes about as long as a column more would.
    return sorted(shapes, key=lambda shape: shape[0] * (shape[1] + 1))


Waiting = tuple[list[int], list[int]]
Placed = list[tuple[int, int]]


def _fill_best(
    lengths: list[int], names: list[int], shapes: list[tuple[int, int]]
) -> tuple[int, int, Placed, Waiting]:
    """Fill the first shape that takes all that waits, or else the first one.

    lengths (list[int]): Words of the sequences that wait, shortest first.
    names (list[int]): Their numbers.
    shapes (list[tuple[int, int]]): Steps and columns of each shape, at least one.
    RETURNS (tuple[int, int, Placed, Waiting]): Steps and columns, the number and the first cell
        of each sequence that found a place, and those that wait on.
    """
    tries: list[tuple[int, int, Placed, Waiting]] = []
    for steps, width in shapes:
        waiting = lengths.copy(), names.copy()
        tries.append((steps, width, _fill(*waiting, steps, width), waiting))
        if not waiting[0]:
            return tries[-1]
    return tries[0]


def _fill(lengths: list[int], names: list[int], steps: int, width: int) -> Placed:
    """Fill a rectangle column by column, each time with the longest that finds room, and take
    these out of those that wait."""
    placed = []
    for column in range(width):
        step = 0
        while lengths and step + lengths[0] <= steps:
            longest = bisect_right(lengths, steps - step) - 1
            placed.append((names.pop(longest), step * width + column))
            step += lengths.pop(longest) + 1
    return placed


# A call of the kernel costs, on top of its multiplications, the time of some millions of them.
CALL_COST = 5_000_000


def _cut(sizes: np.ndarray, cell_cost: int) -> list[Tile]:
    """Cut sequences, longest first, into rectangles at the least time for each word."""
    words = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    call_cost = CALL_COST / cell_cost
    blocks = []
    done = 0
    while done < len(sizes):
        steps = _round_up(int(sizes[done]), bits=3)
        least = math.inf
        for width in WIDTHS:
            if width > 1 and steps * width > MAX_CELLS:
                break
            end = min(done + width, len(sizes))
            cost = (call_cost + steps * width) / (words[end] - words[done])
            if cost < least:
                least, block = cost, Tile(steps, width, end - done)
        blocks.append(block)
        done += block.size
    return blocks


def _round_up(length: int, bits: int) -> int:
    """Round a length up to so many significant bits."""
    unit = 1 << max(0, (length - 1).bit_length() - bits)
    return -(-length // unit) * unit
