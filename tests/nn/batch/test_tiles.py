"""Rectangles: where each word of a batch goes for a kernel that reads them."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from layout_samples import (
    batches_with_words,
    check_layout,
    check_ordered_layout,
    longest_first,
    repeatable,
    words_of,
)

from spacy_rnn.nn.batch.tiles import CALL_COST, MAX_CELLS, bin_pack, pad_tiles

CPU = torch.device("cpu")
# For a cheap cell a call of the kernel is worth any padding, for a costly one none.
CELL_COSTS = (1, 3_000, 100_000, 10**9)
cell_costs = st.sampled_from(CELL_COSTS)


def cells_of(layout):
    return sum(tile.steps * tile.width for tile in layout.tiles)


def random_lengths(low, high, size, seed=0):
    return torch.randint(low, high, (size,), generator=torch.Generator().manual_seed(seed))


# Columns of one sequence.


@repeatable
@given(batches_with_words, cell_costs)
def test_padded_words_come_in_rectangles(lengths, cell_cost):
    """Each column holds one sequence in the order of time, then padding."""
    layout = pad_tiles(torch.tensor(lengths), CPU, cell_cost)
    check_ordered_layout(layout, lengths)
    assert cells_of(layout) == len(layout.words)
    padding = sum(lengths)
    words = words_of(lengths)
    waiting = longest_first(lengths)
    positions = []
    first_row = 0
    for tile in layout.tiles:
        assert 1 <= tile.sequences <= tile.width
        assert tile.sequences == tile.width or tile is layout.tiles[-1]
        area = tile.steps * tile.width
        rectangle = layout.words[first_row : first_row + area].view(tile.steps, tile.width)
        own, waiting = waiting[: tile.sequences], waiting[tile.sequences :]
        for column, sequence in enumerate(own):
            own_words = words[sequence]
            filled = own_words + [padding] * (tile.steps - len(own_words))
            assert rectangle[:, column].tolist() == filled
            positions.append((own_words[0], own_words[-1]))
        assert (rectangle[:, tile.sequences :] == padding).all()
        first_row += area
    assert not waiting
    assert list(zip(layout.firsts, layout.lasts, strict=True)) == positions


@repeatable
@given(batches_with_words, cell_costs)
def test_padding_is_worth_its_calls(lengths, cell_cost):
    """Together, rectangles never cost more than a call for each sequence would."""
    layout = pad_tiles(torch.tensor(lengths), CPU, cell_cost)
    call_cost = CALL_COST / cell_cost
    # A length is rounded up by a quarter at most.
    alone = call_cost * len(layout.order) + 1.25 * sum(lengths)
    assert call_cost * len(layout.tiles) + cells_of(layout) <= alone + 1e-6
    for tile in layout.tiles:
        assert tile.width == 1 or tile.steps * tile.width <= MAX_CELLS


def test_costly_cells_are_hardly_padded():
    lengths = torch.randint(0, 300, (100,))
    layout = pad_tiles(lengths, CPU, 10**9)
    assert cells_of(layout) <= 1.25 * int(lengths.sum())


def test_cheap_cells_share_one_call():
    layout = pad_tiles(torch.tensor([1, 9, 2, 0, 30, 4, 17, 30]), CPU, 1)
    (tile,) = layout.tiles
    assert (tile.sequences, tile.width) == (7, 8)


def test_sequences_of_one_length_are_not_padded():
    layout = pad_tiles(torch.full((32,), 7), CPU, 3_000)
    assert cells_of(layout) == 32 * 7


@pytest.mark.parametrize("cell_cost", CELL_COSTS)
def test_shapes_of_padded_batches_are_few(cell_cost):
    """A kernel is compiled and cached for each new shape, so that memory grows with them."""
    shapes = {
        (tile.steps, tile.width)
        for _ in range(200)
        for tile in pad_tiles(torch.randint(1, 300, (32,)), CPU, cell_cost).tiles
    }
    # Up to 8 each length has its own rectangles, from there on four for each power of two.
    lengths = {*range(1, 9), 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128}
    lengths |= {160, 192, 224, 256, 320}
    assert {steps for steps, _ in shapes} <= lengths
    assert len(shapes) <= 3 * len(lengths)


def test_long_sequences_share_no_call():
    """However cheap a cell is: its rectangle would leave the processor's cache."""
    layout = pad_tiles(torch.tensor([2, 5000, 1, 2000, 1500]), CPU, 1)
    assert [tile.sequences for tile in layout.tiles] == [1, 1, 1, 2]


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_lengths_of_any_width_are_the_same(dtype):
    lengths = torch.tensor([2, 0, 3], dtype=dtype)
    check_ordered_layout(pad_tiles(lengths, CPU, 1), [2, 0, 3])
    check_layout(bin_pack(lengths, CPU), [2, 0, 3])


# Columns of more than one.


@repeatable
@given(st.lists(st.integers(0, 300), max_size=60).filter(any))
def test_sequences_in_a_column_are_kept_apart(lengths):
    """Between two of them is padding, and each is in the order of time."""
    layout = bin_pack(torch.tensor(lengths), CPU)
    check_layout(layout, lengths)
    padding = sum(lengths)
    found = []
    first_row = 0
    for tile in layout.tiles:
        area = tile.steps * tile.width
        columns = layout.words[first_row : first_row + area].view(tile.steps, tile.width).T
        before = len(found)
        for column in columns.tolist():
            runs = "".join(" " if word == padding else f"{word}," for word in column).split()
            found += [[int(word) for word in run.split(",") if word] for run in runs]
        assert len(found) - before == tile.sequences
        first_row += area
    assert first_row == len(layout.words)
    assert sorted(found) == [words for words in words_of(lengths) if words]


@pytest.mark.parametrize(
    ("low", "high", "size"),
    [(1, 60, 30), (1, 60, 300), (5, 15, 100), (20, 24, 500), (100, 900, 40)],
)
def test_rectangles_are_all_but_full(low, high, size):
    lengths = random_lengths(low, high, size)
    assert cells_of(bin_pack(lengths, CPU)) <= 1.12 * int((lengths + 1).sum())


def test_small_batches_are_one_rectangle():
    for seed in range(20):
        lengths = random_lengths(1, 50, 25, seed)
        assert len(bin_pack(lengths, CPU).tiles) == 1


def test_shapes_of_shared_columns_are_few():
    """They follow the number of words, which is about the same for each batch of a training."""
    shapes = set()
    for seed in range(200):
        lengths = random_lengths(1, 60, 64, seed)
        lengths = lengths[lengths.cumsum(0) <= 500]
        shapes |= {(tile.steps, tile.width) for tile in bin_pack(lengths, CPU).tiles}
    assert len(shapes) <= 12


def test_rectangles_stay_in_the_caches():
    for tile in bin_pack(random_lengths(1, 129, 1000), CPU).tiles:
        assert tile.steps * tile.width <= MAX_CELLS


def test_one_long_sequence_lengthens_no_other():
    lengths = torch.cat([torch.tensor([50_000]), random_lengths(1, 60, 300)])
    layout = bin_pack(lengths, CPU)
    assert layout.tiles[0].width == 1
    assert all(tile.steps <= 64 for tile in layout.tiles[1:])


def test_long_sequences_stand_side_by_side():
    """A narrow rectangle takes more time for each of its cells."""
    layout = bin_pack(torch.full((16,), 600), CPU)
    assert [tile.width for tile in layout.tiles] == [8, 8]
