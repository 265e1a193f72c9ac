"""Batches of similar length."""

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

CHARACTERS_A_WORD = 5
"""A word of a translation, which is not cut into tokens, counts as so many characters."""


def create_bucket_batcher_v1(
    size: int | Iterable[int],
    buffer: int = 1000,
    *,
    max_items: int = 0,
    seed: int = 0,
    attr: str = "translation",
    get_length: Callable[[Any], int] | None = None,
) -> Batcher:
    """Batch what is of similar length, with a bound on what padding makes of a batch.

    size (int | Iterable[int]): Tokens in a batch, padding included: its longest item times
        its number of items. A list gives one for each buffer of a pass and a schedule for each
        buffer of all passes, and the last one from then on. What is longer alone has a batch of
        its own.
    buffer (int): Items read and sorted by length at a time.
    max_items (int): Items in a batch, 0 for any number.
    seed (int): What the order of a buffer's batches follows from, another one at each pass.
    attr (str): The custom attribute of an example's reference that may hold its translation.
    get_length (Callable[[Any], int] | None): The length of an item. By default the tokens of
        a document, and for an example those of the source or the words of the translation,
        whichever are more.
    RETURNS (Batcher): A function from a stream of items to its batches.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    if isinstance(size, int):
        check_count("size", size, 1)
    check_count("buffer", buffer, 1)
    check_count("max_items", max_items, 0)
    passes = count()
    schedule = _hold_last(size) if isinstance(size, Iterator) else None

    def length_of(item: Any) -> int:
        return get_length(item) if get_length else measure(item, attr)

    def make_batches(items: Iterable[ItemT]) -> Iterator[list[ItemT]]:
        random = Random(f"{seed} {next(passes)}")
        sizes = schedule or _hold_last(size)
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
    """Measure what a network reads of an item: the longer of its two sides.

    item (Example | Doc): An example, or a document or other sequence.
    attr (str): The custom attribute that may hold the translation, the first of several.
    RETURNS (int): Tokens.
    """
    if not isinstance(item, Example):
        return len(item)
    translation = getattr(item.reference._, attr, None) or ""
    if not isinstance(translation, str):
        translation = translation[0]
    words = -(-len(translation) // CHARACTERS_A_WORD)
    return max(len(item.reference), words)


def _hold_last(size: int | Iterable[int]) -> Iterator[int]:
    """Go through sizes, and stay at the last."""
    number = 0
    for number in [size] if isinstance(size, int) else size:
        yield number
    yield from repeat(number)
