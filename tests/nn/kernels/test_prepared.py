"""What is kept, where and for how long."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from spacy_rnn.nn.kernels.prepared import keep_in, keeps, kept

WEIGHTS = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))]
KEY = ("number", *map(id, WEIGHTS))


def test_nothing_is_kept_without_a_place():
    made = iter(range(2))
    assert not keeps()
    assert [kept("number", WEIGHTS, lambda: next(made)) for _ in range(2)] == [0, 1]


def test_what_is_kept_is_made_once():
    made = iter(range(2))
    with keep_in({}) as store:
        assert keeps()
        assert [kept("number", WEIGHTS, lambda: next(made)) for _ in range(2)] == [0, 0]
    assert list(store) == [KEY]
    with keep_in({}):
        assert kept("number", WEIGHTS, lambda: next(made)) == 1
    with keep_in(store):
        assert kept("number", WEIGHTS, lambda: next(made)) == 0


def test_what_is_kept_is_of_some_weights():
    with keep_in({}):
        assert kept("number", WEIGHTS, lambda: 0) == 0
        assert kept("number", WEIGHTS[::-1], lambda: 1) == 1
        assert kept("other", WEIGHTS, lambda: 2) == 2


def test_nothing_is_kept_of_passing_tensors():
    made = iter(range(2))
    with keep_in({}) as store:
        passing = [WEIGHTS[0], WEIGHTS[1] * 1]
        assert [kept("number", passing, lambda: next(made)) for _ in range(2)] == [0, 1]
    assert not store


def write_in_place(weight):
    with torch.no_grad():
        weight.add_(1)


def replace(weight):
    weight.data = weight.data + 1


@pytest.mark.parametrize("write", [write_in_place, replace])
def test_what_is_kept_is_made_anew_of_new_weights(write):
    made, weight = iter(range(3)), nn.Parameter(torch.ones(2))
    with keep_in({}) as store:
        for number in range(2):
            assert [kept("number", [weight], lambda: next(made)) for _ in "ab"] == [number] * 2
            write(weight)
    assert len(store) == 1


def test_nothing_is_kept_of_weights_whose_writes_are_not_counted():
    made = iter(range(2))
    with torch.inference_mode(), keep_in({}) as store:
        weight = nn.Parameter(torch.ones(2))
        assert [kept("number", [weight], lambda: next(made)) for _ in "ab"] == [0, 1]
    assert not store


def test_places_are_left_in_order_whatever_happens():
    with keep_in({}) as outer:
        with pytest.raises(RuntimeError), keep_in({}):
            raise RuntimeError
        kept("number", WEIGHTS, lambda: 3)
    assert list(outer) == [KEY]
    assert not keeps()


def test_other_threads_keep_nothing_here():
    with keep_in({}), ThreadPoolExecutor() as threads:
        assert not threads.submit(keeps).result()
