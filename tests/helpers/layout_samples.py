"""What the tests of layouts share: batches, and what holds for each of them."""

from hypothesis import settings
from hypothesis import strategies as st

repeatable = settings(deadline=None, derandomize=True)
batches = st.lists(st.integers(0, 70), max_size=60)
batches_with_words = batches.filter(any)


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
    assert len(layout.rows) == total
    assert layout.words[layout.rows].tolist() == list(range(total))
    assert int((layout.words < total).sum()) == total
    assert int((layout.words == total).sum()) == len(layout.words) - total


def check_ordered_layout(layout, lengths):
    """Check also the order of a layout that has one."""
    check_layout(layout, lengths)
    assert layout.order.tolist() == longest_first(lengths)
