"""What follows from the weights alone, kept for as long as they stay as they are."""

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from .switches import switched

Made = TypeVar("Made")
Store = dict[Hashable, Any]

_STORE: ContextVar[Store | None] = ContextVar("store", default=None)


def keep_in(store: Store) -> AbstractContextManager[Store]:
    """Have `kept` keep what it makes, for a while and in this thread.

    store (Store): Where: to be shared by all who predict on the same weights, and to be thrown
        away with them.
    RETURNS (AbstractContextManager[Store]): To be entered; gives the same.
    """
    return switched(_STORE, store)


def keeps() -> bool:
    """Tell whether what is made here and now will be kept.

    RETURNS (bool): Whether it will.
    """
    return _STORE.get() is not None


def kept(kind: Hashable, weights: Sequence[Tensor], make: Callable[[], Made]) -> Made:
    """Give what was made before, or make it: anew where weights were written to by torch.

    kind (Hashable): What it is.
    weights (Sequence[Tensor]): What it is made of. Nothing is kept of tensors that are not
        parameters: they may be gone when their identity comes up again.
    make (Callable[[], Made]): Makes it, of these alone.
    RETURNS (Made): It.
    """
    store = _STORE.get()
    if store is None or not all(map(_counts_writes, weights)):
        return make()
    key = kind, *map(id, weights)
    state = [(each.data_ptr(), each._version) for each in weights]
    if key not in store or store[key][0] != state:
        store[key] = state, make()
    return store[key][1]


def join(parts: Sequence[Tensor]) -> Tensor:
    """Put weights that are multiplied by the same data one after the other.

    parts (Sequence[Tensor]): At least one, each `(outputs, …)`.
    RETURNS (Tensor): All outputs: the part itself where there is but one.
    """
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _counts_writes(weight: Tensor) -> bool:
    return isinstance(weight, nn.Parameter) and not weight.is_inference()
