"""Batches of items of similar length, bounded by their tokens with padding."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

MIN_SHARE = 16
"""Items that a worker has to get at least: fewer cost it as much time as these."""


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


def share_by_length(lengths: Sequence[int], max_tokens: int, workers: int) -> list[list[int]]:
    """Sort items by length and split them into batches, as many for each worker.

    Batches are only as many as they have to be, since the fewer the faster, and of the same
    number of tokens, so that workers finish together.

    lengths (Sequence[int]): The length of each item, in tokens.
    max_tokens (int): The size of a batch, as for `batch_by_length`.
    workers (int): How many batches are worked on at once.
    RETURNS (list[list[int]]): The indices of the items of each batch, the longest first.
    """
    batches = list(batch_by_length(lengths, max_tokens, longest_first=True))
    workers = min(workers, len(lengths) // MIN_SHARE)
    if workers <= 1:
        return batches
    number = -(-len(batches) // workers) * workers
    indices = [index for batch in batches for index in batch]
    total = sum(lengths) or 1
    shares: list[list[int]] = [[] for _ in range(number)]
    for index, end in zip(indices, accumulate(lengths[index] for index in indices), strict=True):
        shares[(2 * end - lengths[index]) * number // (2 * total)].append(index)
    return [
        [share[place] for place in batch]
        for share in shares
        for batch in batch_by_length(
            [lengths[index] for index in share], max_tokens, longest_first=True
        )
    ]
