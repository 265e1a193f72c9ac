"""What follows from the weights alone, kept for as long as they stay as they are."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from torch import Tensor, nn

Made = TypeVar("Made")

_STORE: ContextVar[dict[Hashable, Any] | None] = ContextVar("store", default=None)


@contextmanager
def keep_in(store: dict[Hashable, Any]) -> Iterator[dict[Hashable, Any]]:
    """Have `kept` keep what it makes, for a while and in this thread.

    store (dict[Hashable, Any]): Where: to be shared by all who predict on the same weights,
        and to be thrown away with them.
    YIELDS (dict[Hashable, Any]): The same.
    """
    before = _STORE.set(store)
    try:
        yield store
    finally:
        _STORE.reset(before)


def keeps() -> bool:
    """Tell whether what is made here and now will be kept.

    RETURNS (bool): Whether it will.
    """
    return _STORE.get() is not None


def kept(kind: Hashable, weights: Sequence[Tensor], make: Callable[[], Made]) -> Made:
    """Give what was made before, or make it.

    kind (Hashable): What it is.
    weights (Sequence[Tensor]): What it is made of. Nothing is kept of tensors that are not
        parameters: they may be gone when their identity comes up again.
    make (Callable[[], Made]): Makes it, of these alone.
    RETURNS (Made): It.
    """
    store = _STORE.get()
    if store is None or not all(isinstance(each, nn.Parameter) for each in weights):
        return make()
    key = kind, *map(id, weights)
    if key not in store:
        store[key] = make()
    return store[key]
