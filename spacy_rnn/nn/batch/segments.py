"""Segments: the sequence that each word belongs to, and batches padded and unpadded."""

import torch
from torch import Tensor


def first_and_last(lengths: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the first and the last word of each sequence that has any.

    lengths (Tensor): The words of each sequence, `(batch,)`, on the CPU.
    device (torch.device): The device of the result.
    RETURNS (tuple[Tensor, Tensor]): The indices of these words.
    """
    lengths = lengths[lengths > 0]
    ends = lengths.cumsum(0)
    return (ends - lengths).to(device), (ends - 1).to(device)


def check_lengths(data: Tensor, lengths: Tensor) -> None:
    """Refuse lengths that do not describe the data.

    data (Tensor): The words of all sequences, shape `(words, width)`.
    lengths (Tensor): The words of each sequence, integers of shape `(batch,)`, on the CPU.
    RAISES (ValueError): If a length is negative, the lengths do not sum to the number of words,
        or a shape or type is another.
    """
    if data.dim() != 2:
        raise ValueError(f"Expected data of shape (words, width), got {tuple(data.shape)}")
    if lengths.dim() != 1 or lengths.dtype not in (torch.int32, torch.int64):
        raise ValueError(
            f"Expected lengths of shape (batch,) as torch.int64, got {lengths.dtype} of "
            f"shape {tuple(lengths.shape)}"
        )
    sizes = lengths.tolist()
    if min(sizes, default=0) < 0:
        raise ValueError(f"A sequence cannot have {min(sizes)} words: use 0 or more")
    if sum(sizes) != len(data):
        raise ValueError(
            f"The lengths sum to {sum(sizes)} but the data has {len(data)} rows: "
            f"pass each sequence's own length, without padding"
        )


def segment_ids(lengths: Tensor, device: torch.device | None = None) -> Tensor:
    """Return for each word the index of the sequence that it belongs to.

    lengths (Tensor): The words of each sequence, shape `(batch,)`.
    device (torch.device | None): The device of the result. Default: that of the lengths.
    RETURNS (Tensor): The indices, shape `(words,)`.
    """
    segment = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
    return segment if device is None else segment.to(device)


def pad(data: Tensor, lengths: Tensor) -> Tensor:
    """Lay out a batch as a grid: a row for each sequence, padded with zeros at its end.

    data (Tensor): The words of all sequences, shape `(words, width)`.
    lengths (Tensor): The words of each sequence, shape `(batch,)`, on the CPU.
    RETURNS (Tensor): The grid, shape `(batch, longest, width)`.
    """
    longest = int(lengths.max()) if len(lengths) else 0
    shape = len(lengths), longest, data.shape[1]
    if len(data) == len(lengths) * longest:
        return data.view(shape)
    grid = data.new_zeros(len(lengths) * longest, data.shape[1])
    return grid.index_copy(0, _word_cells(lengths, longest).to(data.device), data).view(shape)


def unpad(grid: Tensor, lengths: Tensor) -> Tensor:
    """Select the words of a batch from a grid.

    grid (Tensor): The grid, as `pad` returns it, `(batch, longest, width)`.
    lengths (Tensor): The words of each sequence, shape `(batch,)`, on the CPU.
    RETURNS (Tensor): The words of all sequences, shape `(words, width)`.
    """
    return grid.flatten(0, 1).index_select(0, _word_cells(lengths, grid.shape[1]).to(grid.device))


def padding_mask(lengths: Tensor, device: torch.device) -> Tensor:
    """Return which cells of a grid hold words, as opposed to padding.

    lengths (Tensor): The words of each sequence, shape `(batch,)`, on the CPU.
    device (torch.device): The device of the mask.
    RETURNS (Tensor): Booleans of shape `(batch, longest)`.
    """
    longest = int(lengths.max()) if len(lengths) else 0
    return _mask(lengths, longest).to(device)


def _word_cells(lengths: Tensor, longest: int) -> Tensor:
    """Return the indices of the cells of a grid that hold words."""
    return _mask(lengths, longest).flatten().nonzero()[:, 0]


def _mask(lengths: Tensor, longest: int) -> Tensor:
    return torch.arange(longest) < lengths[:, None]
