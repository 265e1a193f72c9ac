"""Independent tasks side by side, each with torch on a thread of its own.

A product of few rows gains little by a second thread, and waits for it. Two batches on one thread
each do not wait for each other.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock, Thread
from types import TracebackType
from typing import TypeVar

import torch

Task = TypeVar("Task")
Result = TypeVar("Result")


class TaskThreads:
    """A context that runs tasks side by side, each with torch on one thread.

    Threads start with the first tasks that are several, and end with the context. How many threads
    torch has elsewhere stays as it is.

    number (int): The number of tasks to run at once. 1 runs them one by one where they are called
        from, with the threads that torch has there.
    """

    def __init__(self, number: int):
        self.number = number
        self._executor: ThreadPoolExecutor | None = None

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> list[Result]:
        """Call a function with each task.

        function (Callable[[Task], Result]): The function.
        tasks (Iterable[Task]): Its arguments.
        RETURNS (list[Result]): What it returned for each. Where it failed, the first error is
            raised, and tasks that have not begun are left out.
        """
        tasks = list(tasks)
        if self.number == 1 or len(tasks) <= 1:
            return [function(task) for task in tasks]
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self.number, initializer=_use_one_thread_here)
        contexts = [copy_context() for _ in tasks]
        return list(
            self._executor.map(lambda context, task: context.run(function, task), contexts, tasks)
        )

    def __enter__(self) -> "TaskThreads":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None


def default_threads(device: torch.device) -> int:
    """Return how many tasks to run at once, if nobody says.

    device (torch.device): The device that they compute on.
    RETURNS (int): On a CPU as many as torch has threads here, otherwise 1.
    """
    return torch.get_num_threads() if device.type == "cpu" else 1


def _use_one_thread_here() -> None:
    """Limit torch to one thread in this new thread.

    `torch.set_num_threads` sets the number of the thread that calls it and the one that threads
    begin with later, each when it first asks torch for it. So this thread asks first, or it would
    begin after it was limited. Then a thread that does nothing else sets the second number back.
    Only a thread of others that first asks torch between the two takes one thread as well.
    """
    with _setting:
        of_new_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        restorer = Thread(target=torch.set_num_threads, args=[of_new_threads])
        restorer.start()
        restorer.join()


def _renew_lock() -> None:
    """Forget who held the lock in the parent of this process."""
    global _setting
    _setting = Lock()


_setting = Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
