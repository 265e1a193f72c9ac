"""Batches of examples of similar length."""

from collections.abc import Callable, Iterable, Iterator
from itertools import count, islice, repeat
from random import Random
from typing import Any, TypeVar

from spacy.tokens import Doc
from spacy.training import Example

from ..batching import batch_by_length
from ..checks import check_at_least, check_count

ItemT = TypeVar("ItemT")
Batcher = Callable[[Iterable[ItemT]], Iterator[list[ItemT]]]

CHARACTERS_PER_WORD = 5
"""Estimates the words of a translation, which is not tokenized."""


def create_bucket_batcher_v1(
    size: int | Iterable[int],
    buffer: int = 1000,
    *,
    max_items: int = 0,
    seed: int = 0,
    attr: str = "translation",
    get_length: Callable[[Any], int] | None = None,
) -> Batcher:
    """Group items of similar length into batches of bounded size, in random order.

    size (int | Iterable[int]): The maximum size of a batch: the length of its longest item times
        the number of its items. A list has a size for each buffer of an epoch, a schedule for each
        buffer of all epochs; after its end the last one applies. A longer item is a batch of its
        own.
    buffer (int): The number of items that are read and sorted by length at a time.
    max_items (int): The maximum number of items in a batch, 0 for no limit.
    seed (int): The seed of the order of batches in a buffer, which differs in each epoch.
    attr (str): The custom attribute of an example's reference that may hold its translation.
    get_length (Callable[[Any], int] | None): Returns the length of an item. By default the number
        of tokens of a document, and for an example that of the source or the estimated words of
        the translation, whichever is more.
    RETURNS (Batcher): A function from a stream of items to its batches.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    if isinstance(size, int):
        check_count("size", size, 1)
    check_count("buffer", buffer, 1)
    check_count("max_items", max_items, 0)
    epochs = count()
    schedule = _repeat_last(size) if isinstance(size, Iterator) else None

    def length_of(item: Any) -> int:
        return get_length(item) if get_length else measure(item, attr)

    def make_batches(items: Iterable[ItemT]) -> Iterator[list[ItemT]]:
        random = Random(f"{seed} {next(epochs)}")
        sizes = schedule or _repeat_last(size)
        stream = iter(items)
        while items_read := list(islice(stream, buffer)):
            max_tokens = next(sizes)
            check_at_least("size", max_tokens, 1)
            lengths = [length_of(item) for item in items_read]
            batches = list(batch_by_length(lengths, max_tokens, max_items=max_items))
            random.shuffle(batches)
            for batch in batches:
                yield [items_read[index] for index in batch]

    return make_batches


def measure(item: Example | Doc, attr: str) -> int:
    """Return the length of an item, for an example that of the longer of its two sides.

    item (Example | Doc): An example, or a document or other sequence.
    attr (str): The custom attribute that may hold the translation. Of several the first counts.
    RETURNS (int): The number of tokens.
    """
    if not isinstance(item, Example):
        return len(item)
    translation = getattr(item.reference._, attr, None) or ""
    if not isinstance(translation, str):
        translation = translation[0]
    words = -(-len(translation) // CHARACTERS_PER_WORD)
    return max(len(item.reference), words)


def _repeat_last(size: int | Iterable[int]) -> Iterator[int]:
    """Yield sizes, then the last one without end."""
    last = 0
    for last in [size] if isinstance(size, int) else size:
        yield last
    yield from repeat(last)
