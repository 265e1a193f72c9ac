"""Switches that are on for a while, in one thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Value = TypeVar("Value")


@contextmanager
def switched(switch: ContextVar[Any], value: Value) -> Iterator[Value]:
    """Set a switch, and set it back whatever happens.

    switch (ContextVar[Any]): The switch.
    value (Value): What to set it to.
    YIELDS (Value): The same.
    """
    before = switch.set(value)
    try:
        yield value
    finally:
        switch.reset(before)
