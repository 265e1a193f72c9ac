"""From one array over all documents to an array for each."""

from collections.abc import Iterable
from typing import TypeVar

from thinc.types import Floats2d, Ints1d

Rows = TypeVar("Rows", Floats2d, Ints1d)


def unflatten(array: Rows, lengths: Iterable[int]) -> list[Rows]:
    """Split an array into those of documents, in a fraction of the time of `Ops.unflatten`.

    array (Rows): The rows of all documents, concatenated.
    lengths (Iterable[int]): The number of rows of each document.
    RETURNS (list[Rows]): A view of the rows of each document.
    """
    parts, start = [], 0
    for length in lengths:
        parts.append(array[start : start + length])
        start += length
    return parts
