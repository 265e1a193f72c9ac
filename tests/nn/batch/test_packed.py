"""Layouts: where each word of a batch goes."""

import re

import pytest
import torch
from hypothesis import given
from layout_samples import batches, check_ordered_layout, longest_first, repeatable, words_of

from spacy_rnn.nn.batch.packed import pack
from spacy_rnn.nn.batch.segments import check_lengths, pad, padding_mask, segment_ids, unpad

CPU = torch.device("cpu")


@repeatable
@given(batches)
def test_packed_words_come_step_by_step(lengths):
    layout = pack(torch.tensor(lengths, dtype=torch.int64), CPU)
    check_ordered_layout(layout, lengths)
    words = words_of(lengths)
    steps = [
        [words[index][time] for index in longest_first(lengths) if lengths[index] > time]
        for time in range(max(lengths, default=0))
    ]
    assert layout.words.tolist() == [word for step in steps for word in step]
    assert layout.batch_sizes.tolist() == [len(step) for step in steps]


@repeatable
@given(batches)
def test_owners(lengths):
    expected = [index for index, length in enumerate(lengths) for _ in range(length)]
    lengths = torch.tensor(lengths, dtype=torch.int64)
    assert segment_ids(lengths).tolist() == segment_ids(lengths, CPU).tolist() == expected


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_lengths_of_any_width_are_the_same(dtype):
    lengths = torch.tensor([2, 0, 3], dtype=dtype)
    check_lengths(torch.zeros(5, 1), lengths)
    check_ordered_layout(pack(lengths, CPU), [2, 0, 3])
    assert segment_ids(lengths).tolist() == [0, 0, 2, 2, 2]


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
    grid, mask = pad(data, lengths), padding_mask(lengths, CPU)
    assert mask.sum(1).tolist() == lengths.tolist()
    rows = [row[held].tolist() for row, held in zip(grid[:, :, 0], mask, strict=True)]
    assert rows == [
        list(each) for each in (part.tolist() for part in numbers.split(lengths.tolist()))
    ]
    assert not grid[~mask].any()
    assert torch.equal(unpad(grid, lengths), data)


@repeatable
@given(batches)
def test_mirrored_words_change_ends(lengths):
    layout = pack(torch.tensor(lengths, dtype=torch.int64), CPU)
    expected = [word for own in words_of(lengths) for word in reversed(own)]
    assert layout.mirror.tolist() == expected
