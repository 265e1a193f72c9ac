"""Progress bars with the time left, for whatever takes more than two seconds.

They are shown on standard error where it is a terminal, one at a time, and erased at the end.
TQDM_DISABLE=1 in the environment hides them.
"""

import os
import stat
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from threading import Event, Thread
from typing import IO, TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

ItemT = TypeVar("ItemT")

DELAY = 2.0
"""Seconds before a bar appears."""
REFRESH = 1.0
"""Seconds after which a bar shows the time anew, also where nothing has advanced."""

_followed: list[tuple[Callable[[], int], int]] = []
"""Of the files that are being read: how to get the position, and the size, in bytes."""


@contextmanager
def show(doing: str, total: int | None = None, unit: str | None = None) -> "Iterator[tqdm | None]":
    """Show a bar, unless there is no terminal, or a bar already.

    doing (str): What is going on, such as "Counting words".
    total (int | None): The number of things, None where it is not known.
    unit (str | None): What is counted; None where nothing is, to show the time alone.
    YIELDS (tqdm | None): The bar, whose `update` takes a number of things; None where there is
        none.
    """
    if not sys.stderr.isatty() or parent_process() is not None:
        yield None
        return
    from tqdm import tqdm

    # Two at a time move each other: one may be spaCy's, or one that is around ours.
    if len(getattr(tqdm, "_instances", ())):
        yield None
        return
    with tqdm(
        desc=doing,
        total=total,
        unit=f" {unit}",
        bar_format=None if unit else "{desc} [{elapsed}]",
        delay=DELAY,
        leave=False,
        miniters=0,
        smoothing=0,  # What comes in batches has no speed of the moment.
        dynamic_ncols=True,
        file=sys.stderr,
    ) as bar:
        stop = Event()
        ticking = Thread(target=_tick, args=(bar, stop), daemon=True)
        ticking.start()
        try:
            yield None if bar.disable else bar
        finally:
            stop.set()
            ticking.join()


def _tick(bar: "tqdm", stop: Event) -> None:
    """Show a bar after the delay, and the time while nothing advances."""
    wait = DELAY
    while not stop.wait(wait):
        bar.last_print_t = time.time()  # So that it is erased at the end.
        bar.refresh()
        wait = REFRESH


def track(
    items: Iterable[ItemT], doing: str, total: int | None = None, unit: str = "texts"
) -> Generator[ItemT, None, None]:
    """Show how many items have been taken from an iterable.

    items (Iterable[ItemT]): The items. Where their number is not known, but they come from a file
        that is followed, the bar goes by the bytes of the file.
    doing (str): What is going on.
    total (int | None): The number of items, None where it is not known.
    unit (str): What an item is.
    YIELDS (ItemT): The items.
    """
    others = len(_followed)
    with show(doing, total, unit) as bar:
        if bar is None:
            yield from items
            return
        for item in items:
            yield item
            if total is None and len(_followed) > others:
                position, size = _followed[others]
                if bar.total != size:
                    bar.total, bar.unit, bar.unit_scale, bar.unit_divisor = size, "B", True, 1024
                bar.update(position() - bar.n)
            elif bar.total == total:
                bar.update()


@contextmanager
def follow(file: IO[bytes]) -> Iterator[None]:
    """Have the bar around this go by the bytes of a file while it is read.

    file (IO[bytes]): The open file. What is no file, such as a pipe, is not followed.
    """
    stored = getattr(file, "fileobj", file)  # Of what is compressed, the compressed bytes.
    try:
        status = os.fstat(stored.fileno())
    except (AttributeError, OSError):
        status = None
    if status is None or not stat.S_ISREG(status.st_mode):
        yield
        return
    entry = stored.tell, status.st_size
    _followed.append(entry)
    try:
        yield
    finally:
        _followed.remove(entry)
