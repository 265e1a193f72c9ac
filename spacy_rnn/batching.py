"""Batches of items of similar length, bounded by their tokens with padding."""

from collections.abc import Iterator, Sequence


def batch_by_length(
    lengths: Sequence[int],
    max_tokens: int,
    *,
    min_items: int = 1,
    max_items: int = 0,
    min_length: int = 0,
    longest_first: bool = False,
) -> Iterator[list[int]]:
    """Sort items by length and split them into batches.

    The size of a batch is the length of its longest item times the number of its items, which
    is what a padded batch takes in memory, and no less than what a packed one does.

    lengths (Sequence[int]): The length of each item, in tokens.
    max_tokens (int): The size of a batch. An item that is longer is a batch of its own.
    min_items (int): Items of a batch whatever their size.
    max_items (int): The most items of a batch, 0 for any number.
    min_length (int): The length from which on items are in a batch; shorter ones are in none.
    longest_first (bool): Whether to sort by descending length. Either way items of one length
        stay in order.
    YIELDS (list[int]): The indices of the items of a batch.
    """
    indices = [index for index, length in enumerate(lengths) if length >= min_length]
    indices.sort(key=lengths.__getitem__, reverse=longest_first)
    batch: list[int] = []
    longest = 0
    for index in indices:
        longest = max(longest, lengths[index])
        too_large = len(batch) >= min_items and longest * (len(batch) + 1) > max_tokens
        if batch and (too_large or len(batch) == max_items):
            yield batch
            batch, longest = [], lengths[index]
        batch.append(index)
    if batch:
        yield batch
