"""Batches of items of similar length."""

from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rnn.batching import MIN_SHARE, batch_by_length, share_by_length

LENGTHS = st.lists(st.integers(0, 40), max_size=80)


@settings(deadline=None, derandomize=True)
@given(LENGTHS, st.integers(1, 200), st.integers(1, 9), st.booleans())
def test_each_item_is_in_one_batch_within_the_bound(lengths, max_tokens, min_items, descending):
    batches = list(
        batch_by_length(lengths, max_tokens, min_items=min_items, longest_first=descending)
    )
    indices = [index for batch in batches for index in batch]
    # Items of one length stay in order.
    assert indices == sorted(
        range(len(lengths)), key=lambda index: -lengths[index] if descending else lengths[index]
    )
    for batch in batches:
        size = max(lengths[index] for index in batch) * len(batch)
        assert len(batch) <= min_items or size <= max_tokens


def test_batches_are_full():
    assert list(batch_by_length([3] * 8, 12)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert list(batch_by_length([3] * 4, 12, max_items=3)) == [[0, 1, 2], [3]]
    assert list(batch_by_length([9] * 4, 1, min_items=3)) == [[0, 1, 2], [3]]


def test_padding_counts():
    assert list(batch_by_length([6, 1, 1, 1], 12)) == [[1, 2, 3], [0]]
    assert list(batch_by_length([6, 1, 1, 1], 12, longest_first=True)) == [[0, 1], [2, 3]]


def test_short_items_are_left_out():
    assert list(batch_by_length([0, 2, 0, 1], 9, min_length=1)) == [[3, 1]]
    assert list(batch_by_length([], 9)) == []


@settings(deadline=None, derandomize=True)
@given(LENGTHS, st.integers(1, 200), st.integers(1, 5))
def test_each_item_is_shared_out_once_within_the_bound(lengths, max_tokens, workers):
    batches = share_by_length(lengths, max_tokens, workers)
    indices = [index for batch in batches for index in batch]
    assert sorted(indices) == list(range(len(lengths)))
    assert sorted(lengths, reverse=True) == [lengths[index] for index in indices]
    for batch in batches:
        assert max(lengths[index] for index in batch) * len(batch) <= max_tokens or len(batch) == 1


def test_workers_get_shares_of_one_size():
    lengths = [3] * (4 * MIN_SHARE)
    assert list(map(len, share_by_length(lengths, 10_000, 1))) == [4 * MIN_SHARE]
    assert list(map(len, share_by_length(lengths, 10_000, 2))) == [2 * MIN_SHARE] * 2
    assert list(map(len, share_by_length(lengths, 3 * 3 * MIN_SHARE, 2))) == [2 * MIN_SHARE] * 2
    assert list(map(len, share_by_length(lengths, 10_000, 9))) == [MIN_SHARE] * 4
    assert share_by_length(lengths[: MIN_SHARE + 1], 10_000, 2) == [[*range(MIN_SHARE + 1)]]
    assert share_by_length([], 9, 2) == []
    assert len(share_by_length([0] * 4 * MIN_SHARE, 9, 2)) == 1
