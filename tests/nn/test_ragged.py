"""Layouts: where each word of a batch goes."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rnn.nn.ragged import (
    CALL_COST,
    MAX_CELLS,
    check_lengths,
    from_grid,
    grid_mask,
    owners,
    pack,
    pad,
    to_grid,
)

CPU = torch.device("cpu")
# For a cheap cell a call of the kernel is worth any padding, for a costly one none.
CELL_COSTS = (1, 3_000, 100_000, 10**9)

repeatable = settings(deadline=None, derandomize=True)
batches = st.lists(st.integers(0, 70), max_size=60)
batches_with_words = batches.filter(any)
cell_costs = st.sampled_from(CELL_COSTS)


def longest_first(lengths):
    """Say the same as a layout's order in another way."""
    return sorted(
        (index for index, length in enumerate(lengths) if length),
        key=lambda index: (-lengths[index], index),
    )


def words_of(lengths):
    """List the words of each sequence."""
    return [list(range(sum(lengths[:i]), sum(lengths[: i + 1]))) for i in range(len(lengths))]


def check_layout(layout, lengths):
    """Check what all layouts share."""
    total = sum(lengths)
    assert layout.order.tolist() == longest_first(lengths)
    assert len(layout.rows) == total
    assert layout.words[layout.rows].tolist() == list(range(total))
    assert int((layout.words < total).sum()) == total
    assert int((layout.words == total).sum()) == len(layout.words) - total


def padded_cells(layout):
    return sum(block.steps * block.width for block in layout.blocks)


@repeatable
@given(batches)
def test_packed_words_come_step_by_step(lengths):
    layout = pack(torch.tensor(lengths, dtype=torch.int64), CPU)
    check_layout(layout, lengths)
    words = words_of(lengths)
    steps = [
        [words[index][time] for index in longest_first(lengths) if lengths[index] > time]
        for time in range(max(lengths, default=0))
    ]
    assert layout.words.tolist() == [word for step in steps for word in step]
    assert layout.batch_sizes.tolist() == [len(step) for step in steps]


@repeatable
@given(batches_with_words, cell_costs)
def test_padded_words_come_in_rectangles(lengths, cell_cost):
    """Each column holds one sequence in the order of time, then padding."""
    layout = pad(torch.tensor(lengths), CPU, cell_cost)
    check_layout(layout, lengths)
    assert padded_cells(layout) == len(layout.words)
    padding = sum(lengths)
    words = words_of(lengths)
    waiting = longest_first(lengths)
    places = []
    first_row = 0
    for block in layout.blocks:
        assert 1 <= block.size <= block.width
        assert block.size == block.width or block is layout.blocks[-1]
        area = block.steps * block.width
        rectangle = layout.words[first_row : first_row + area].view(block.steps, block.width)
        own, waiting = waiting[: block.size], waiting[block.size :]
        for column, sequence in enumerate(own):
            own_words = words[sequence]
            filled = own_words + [padding] * (block.steps - len(own_words))
            assert rectangle[:, column].tolist() == filled
            places.append((own_words[0], own_words[-1]))
        assert (rectangle[:, block.size :] == padding).all()
        first_row += area
    assert not waiting
    assert list(zip(layout.firsts, layout.lasts, strict=True)) == places


@repeatable
@given(batches_with_words, cell_costs)
def test_padding_is_worth_its_calls(lengths, cell_cost):
    """Together, rectangles never cost more than a call for each sequence would."""
    layout = pad(torch.tensor(lengths), CPU, cell_cost)
    call_cost = CALL_COST / cell_cost
    # A length is rounded up by a quarter at most.
    alone = call_cost * len(layout.order) + 1.25 * sum(lengths)
    assert call_cost * len(layout.blocks) + padded_cells(layout) <= alone + 1e-6
    for block in layout.blocks:
        assert block.width == 1 or block.steps * block.width <= MAX_CELLS


def test_costly_cells_are_hardly_padded():
    lengths = torch.randint(0, 300, (100,))
    layout = pad(lengths, CPU, 10**9)
    assert padded_cells(layout) <= 1.25 * int(lengths.sum())


def test_cheap_cells_share_one_call():
    layout = pad(torch.tensor([1, 9, 2, 0, 30, 4, 17, 30]), CPU, 1)
    (block,) = layout.blocks
    assert (block.size, block.width) == (7, 8)


def test_sequences_of_one_length_are_not_padded():
    layout = pad(torch.full((32,), 7), CPU, 3_000)
    assert padded_cells(layout) == 32 * 7


@pytest.mark.parametrize("cell_cost", CELL_COSTS)
def test_shapes_are_few(cell_cost):
    """A kernel is compiled and kept for each new shape, so that memory grows with them."""
    shapes = {
        (block.steps, block.width)
        for _ in range(200)
        for block in pad(torch.randint(1, 300, (32,)), CPU, cell_cost).blocks
    }
    # Up to 8 each length has its own rectangles, from there on four for each power of two.
    lengths = {*range(1, 9), 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128}
    lengths |= {160, 192, 224, 256, 320}
    assert {steps for steps, _ in shapes} <= lengths
    assert len(shapes) <= 3 * len(lengths)


def test_long_sequences_share_no_call():
    """However cheap a cell is: its rectangle would leave the processor's cache."""
    layout = pad(torch.tensor([2, 5000, 1, 2000, 1500]), CPU, 1)
    assert [block.size for block in layout.blocks] == [1, 1, 1, 2]


@repeatable
@given(batches)
def test_owners(lengths):
    expected = [index for index, length in enumerate(lengths) for _ in range(length)]
    lengths = torch.tensor(lengths, dtype=torch.int64)
    assert owners(lengths).tolist() == owners(lengths, CPU).tolist() == expected


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_lengths_of_any_width_are_the_same(dtype):
    lengths = torch.tensor([2, 0, 3], dtype=dtype)
    check_lengths(torch.zeros(5, 1), lengths)
    check_layout(pack(lengths, CPU), [2, 0, 3])
    check_layout(pad(lengths, CPU, 1), [2, 0, 3])
    assert owners(lengths).tolist() == [0, 0, 2, 2, 2]


@pytest.mark.parametrize("lengths", [[], [0], [0, 0], [4], [0, 3, 1, 0]])
def test_fitting_lengths_are_accepted(lengths):
    check_lengths(torch.zeros(sum(lengths), 2), torch.tensor(lengths, dtype=torch.int64))


@pytest.mark.parametrize(
    ("shape", "lengths", "message"),
    [
        ((4,), [4], "shape (words, width), got (4,)"),
        ((2, 2, 1), [2, 2], "shape (words, width), got (2, 2, 1)"),
        ((4, 1), [[2, 2]], "got torch.int64 of shape (1, 2)"),
        ((4, 1), [4.0], "shape (batch,) as torch.int64, got torch.float32"),
        ((4, 1), [5, -1], "cannot have -1 words: use 0 or more"),
        ((4, 1), [2, 1], "sum to 3 but the data has 4 rows"),
        ((4, 1), [3, 2], "sum to 5 but the data has 4 rows"),
    ],
)
def test_wrong_lengths_are_refused(shape, lengths, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_lengths(torch.zeros(shape), torch.tensor(lengths))


@repeatable
@given(batches)
def test_a_grid_has_a_row_for_each_sequence(lengths):
    numbers = torch.arange(1, sum(lengths) + 1)
    data, lengths = numbers[:, None].float(), torch.tensor(lengths, dtype=torch.int64)
    grid, mask = to_grid(data, lengths), grid_mask(lengths, CPU)
    assert mask.sum(1).tolist() == lengths.tolist()
    rows = [row[held].tolist() for row, held in zip(grid[:, :, 0], mask, strict=True)]
    assert rows == [
        list(each) for each in (part.tolist() for part in numbers.split(lengths.tolist()))
    ]
    assert not grid[~mask].any()
    assert torch.equal(from_grid(grid, lengths), data)


@repeatable
@given(batches)
def test_mirrored_words_change_ends(lengths):
    layout = pack(torch.tensor(lengths, dtype=torch.int64), CPU)
    expected = [word for own in words_of(lengths) for word in reversed(own)]
    assert layout.mirror.tolist() == expected
