"""Prepared weights: what is cached, of which weights and for how long, and in which precision."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch.nn import functional

from spacy_rnn.nn.kernels.linear import Linear
from spacy_rnn.nn.kernels.prepared import (
    UNPREPARED,
    PreparedModule,
    PreparedWeights,
    UnpreparedWeights,
    prepare,
)

WEIGHTS = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))]
KEY = ("number", *map(id, WEIGHTS))


def test_nothing_is_cached_of_unprepared_weights():
    made = iter(range(2))
    assert [UNPREPARED.get("number", WEIGHTS, lambda: next(made)) for _ in range(2)] == [0, 1]


def test_what_is_prepared_is_made_once():
    made = iter(range(2))
    prepared = PreparedWeights()
    assert [prepared.get("number", WEIGHTS, lambda: next(made)) for _ in range(2)] == [0, 0]
    assert list(prepared._cache) == [KEY]
    assert PreparedWeights().get("number", WEIGHTS, lambda: next(made)) == 1
    assert prepared.get("number", WEIGHTS, lambda: next(made)) == 0


def test_what_is_cached_is_of_some_weights():
    prepared = PreparedWeights()
    assert prepared.get("number", WEIGHTS, lambda: 0) == 0
    assert prepared.get("number", WEIGHTS[::-1], lambda: 1) == 1
    assert prepared.get("other", WEIGHTS, lambda: 2) == 2


def test_nothing_is_cached_of_passing_tensors():
    made = iter(range(2))
    prepared = PreparedWeights()
    passing = [WEIGHTS[0], WEIGHTS[1] * 1]
    assert [prepared.get("number", passing, lambda: next(made)) for _ in range(2)] == [0, 1]
    assert not prepared._cache


def write_in_place(weight):
    with torch.no_grad():
        weight.add_(1)


def replace(weight):
    weight.data = weight.data + 1


@pytest.mark.parametrize("write", [write_in_place, replace])
def test_what_is_cached_is_made_anew_of_new_weights(write):
    made, weight = iter(range(3)), nn.Parameter(torch.ones(2))
    prepared = PreparedWeights()
    for number in range(2):
        assert [prepared.get("number", [weight], lambda: next(made)) for _ in "ab"] == [number] * 2
        write(weight)
    assert len(prepared._cache) == 1


def test_nothing_is_cached_of_weights_whose_writes_are_not_counted():
    made = iter(range(2))
    prepared = PreparedWeights()
    with torch.inference_mode():
        weight = nn.Parameter(torch.ones(2))
        assert [prepared.get("number", [weight], lambda: next(made)) for _ in "ab"] == [0, 1]
    assert not prepared._cache


def test_nothing_is_cached_of_weights_that_change_meanwhile():
    """By another thread, without a count."""
    prepared, weight = PreparedWeights(), nn.Parameter(torch.ones(2))

    def change():
        doubled = weight * 2
        weight.data.numpy()[:] = 5
        prepared.clear()
        return doubled

    assert prepared.get("doubled", [weight], change).tolist() == [2, 2]
    assert prepared.get("doubled", [weight], lambda: weight * 2).tolist() == [10, 10]


def test_no_gradients_are_recorded_of_what_is_cached():
    weight = nn.Parameter(torch.ones(2))
    assert (UNPREPARED.get("twice", [weight], lambda: weight * 2)).requires_grad
    assert not (PreparedWeights().get("twice", [weight], lambda: weight * 2)).requires_grad


@pytest.mark.parametrize(
    "way", [copy.copy, copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))]
)
def test_a_copy_has_a_cache_of_its_own(way):
    prepared = PreparedWeights("int8", "bfloat16")
    prepared.get("number", WEIGHTS, lambda: 0)
    other = way(prepared)
    assert (other.precision, other.unquantized) == ("int8", "bfloat16")
    assert prepared._cache
    assert not other._cache


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_any_number_of_threads_may_use_it(precision):
    """And each other thread, and each unprepared layer, has the precision that it was given."""
    layer, data = Linear(9, 7), torch.randn(5, 9)
    prepared = prepare(layer, PreparedWeights(precision))
    expected = prepared(data)

    def run(index):
        network = (layer, prepared)[index % 2]
        return torch.equal(network(data), (layer(data), expected)[index % 2])

    with torch.no_grad(), ThreadPoolExecutor(8) as threads:
        assert all(threads.map(run, range(400)))


class Network(PreparedModule):
    """Modules of this package beside others, with tied weights, a buffer and dropout."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 6)
        self.second = Linear(6, 6)
        self.third = Linear(6, 6, bias=False)
        self.third.weight = self.second.weight
        self.dropout = nn.Dropout(0.5)
        self.register_buffer("scale", torch.rand(6))

    def forward(self, data):
        return self.third(self.dropout(self.second(self.first(data)))) * self.scale


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_a_prepared_network_is_another_one_on_the_same_weights(precision):
    network = Network().train()
    prepared = prepare(network, PreparedWeights(precision))
    assert network.training
    assert not any(module.training for module in prepared.modules())
    ours = [module for module in prepared.modules() if isinstance(module, PreparedModule)]
    assert [type(module) for module in ours] == [Network, Linear, Linear]
    assert {id(module.prepared) for module in ours} == {id(prepared.prepared)}
    assert prepared.prepared.precision == precision
    assert network.prepared is network.second.prepared is UNPREPARED
    assert prepared.second is not network.second
    for name, parameter in network.named_parameters():
        assert parameter is prepared.get_parameter(name)
    assert prepared.scale is network.scale
    assert prepared.third.weight is prepared.second.weight is network.second.weight


def test_what_was_prepared_is_cleared_of_all_modules():
    network, weights = Network(), PreparedWeights()
    prepared, data = prepare(network, weights), torch.randn(5, 4)
    with torch.inference_mode():
        prepared(data)
        prepared.second.prepared.get("number", WEIGHTS, lambda: 0)
    assert weights._cache
    weights.clear()
    assert prepared.third.prepared is weights
    assert not weights._cache


def test_a_prepared_network_predicts_the_same_and_follows_its_weights():
    network, data = Network().eval(), torch.randn(5, 4)
    prepared = prepare(network, PreparedWeights())
    for _ in range(2):
        with torch.inference_mode():
            assert torch.equal(prepared(data), network(data))
        write_in_place(network.second.weight)


def test_a_network_is_prepared_again_in_another_precision():
    layer = Linear(4, 6)
    again = prepare(prepare(layer, PreparedWeights("bfloat16")), PreparedWeights("float32"))
    assert again.prepared.precision == "float32"
    assert again.weight is layer.weight


@pytest.mark.parametrize("kind", [UnpreparedWeights, PreparedWeights])
@pytest.mark.parametrize("biases", [0, 2])
def test_several_matrices_are_one(kind, biases):
    matrices = [nn.Parameter(torch.randn(rows, 4)) for rows in (3, 5)]
    biases = [nn.Parameter(torch.randn(rows)) for rows in (3, 5)][:biases]
    data = torch.randn(2, 6, 4)
    parts = [
        functional.linear(data, matrix, biases[number] if biases else None)
        for number, matrix in enumerate(matrices)
    ]
    result = kind().linear(matrices, biases)(data)
    torch.testing.assert_close(result, torch.cat(parts, 2))


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_products_are_in_the_type_of_autocast_where_it_is_on(precision):
    layer, data = prepare(Linear(4, 6), PreparedWeights(precision, "bfloat16")), torch.randn(3, 4)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        with torch.autocast("cpu", enabled=False):
            assert layer(data).dtype == torch.float32
        assert layer(data).dtype == torch.bfloat16
