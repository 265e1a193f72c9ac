"""Tasks side by side, each with torch on one thread."""

import threading
from contextvars import ContextVar

import pytest
import torch

from spacy_rnn.bridge.threads import TaskThreads, default_threads


def fail_at_3(task):
    if task == 3:
        raise ValueError("three")
    return -task


@pytest.mark.parametrize("number", [1, 2, 5])
def test_results_come_in_order_and_errors_are_raised(number):
    with TaskThreads(number) as threads:
        assert threads.map(fail_at_3, [5, 4, 2, 1, 0]) == [-5, -4, -2, -1, 0]
        with pytest.raises(ValueError, match="three"):
            threads.map(fail_at_3, [1, 3, 2])
        assert threads.map(fail_at_3, []) == []
        assert threads.map(fail_at_3, [2, 1]) == [-2, -1]


def test_tasks_see_the_context_of_their_caller():
    variable = ContextVar("variable")
    variable.set(3)
    with TaskThreads(2) as threads:
        assert threads.map(lambda _: variable.get(), range(4)) == [3] * 4


def test_tasks_run_at_once_on_a_thread_of_torch_each():
    torch.set_num_threads(2)
    both_are_here = threading.Barrier(2, timeout=60)

    def multiply(_):
        both_are_here.wait()
        torch.ones(64, 64) @ torch.ones(64, 64)
        return torch.get_num_threads()

    try:
        with TaskThreads(2) as threads:
            assert threads.map(multiply, range(2)) == [1, 1]
            new = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
            seen = [torch.get_num_threads()]
            new.start()
            new.join()
            assert seen == [2, 2]
            assert threads.map(multiply, range(2)) == [1, 1]
        assert default_threads(torch.device("cpu")) == 2
        assert default_threads(torch.device("cuda")) == 1
    finally:
        torch.set_num_threads(1)
