"""Products with 8-bit integers, against the same arithmetic in wider integers."""

import pytest
import torch
from torch import nn

from spacy_rnn.nn.kernels import quantized as int8
from spacy_rnn.nn.kernels.linear import linear
from spacy_rnn.nn.kernels.prepared import keep_in
from spacy_rnn.nn.kernels.quantized import (
    LEVELS,
    PARTS,
    DynamicInt8,
    WeightOnlyInt8,
    has_int8,
    int8_products,
)
from spacy_rnn.torch_private import is_fast_in_bfloat16

pytestmark = pytest.mark.skipif(
    not has_int8(torch.device("cpu")), reason="no products of 8-bit integers in this torch"
)
ROWS = 64


@pytest.fixture(autouse=True)
def round_small_matrices(monkeypatch):
    monkeypatch.setattr(int8, "FEWEST_WEIGHTS", ROWS)


@pytest.fixture(params=[WeightOnlyInt8, DynamicInt8])
def kind(request, monkeypatch):
    """What matrices are rounded to."""
    if request.param is WeightOnlyInt8 and not is_fast_in_bfloat16():
        pytest.skip("no bfloat16 on this CPU")
    monkeypatch.setattr(int8, "is_fast_in_bfloat16", lambda: request.param is WeightOnlyInt8)
    return request.param


def sample(columns=33, rows=ROWS, batch=(5,)):
    weight = nn.Parameter(torch.randn(rows, columns), requires_grad=False)
    return torch.randn(*batch, columns), weight, torch.randn(rows)


def multiply_integers(data, weight, bias):
    """Round as `DynamicInt8` says, and compute in 64-bit integers."""
    peaks = data.abs().amax(-1, keepdim=True)
    scales = weight.abs().amax(1) / 127
    levels = (data * (LEVELS / peaks)).round().long()
    integers = (weight / scales[:, None]).round().long()
    products = levels.numpy() @ integers.T.numpy()
    return torch.from_numpy(products) * scales * peaks / LEVELS + bias


def multiply_weights(data, weight, bias):
    """Round as `WeightOnlyInt8` says, and compute in 64-bit integers."""
    scales = 2.0 ** (weight.abs().amax(1) / 127).log2().ceil()
    steps = (data * PARTS).round().bfloat16().long()
    integers = (weight / scales[:, None]).round().long()
    products = torch.from_numpy(steps.numpy() @ integers.T.numpy())
    return (products * scales / PARTS).bfloat16() + bias


SHAPES = [(columns, batch) for columns in (1, 33, 512) for batch in ((1,), (7,), (2, 3), (1, 1))]


@pytest.mark.parametrize(("columns", "batch"), SHAPES, ids=str)
def test_products_are_exact_but_for_the_rounding(kind, columns, batch):
    data, weight, bias = sample(columns, batch=batch)
    with int8_products():
        result = linear(data, weight, bias)
    plain = linear(data, weight, bias)
    sums = weight.abs().sum(1), data.abs().sum(-1, keepdim=True)
    if kind is DynamicInt8:
        exact = multiply_integers(data, weight, bias)
        torch.testing.assert_close(result, exact, rtol=1e-5, atol=1e-4)
        steps = data.abs().amax(-1, keepdim=True) / LEVELS, weight.abs().amax(1) / 127
        bound = 1.02 * (steps[0] * sums[0] + steps[1] * sums[1]) / 2
    else:
        assert torch.equal(result, multiply_weights(data, weight, bias))
        # Steps of data above 1 are those of bfloat16, as are those of the products.
        step = data.abs().amax(-1, keepdim=True).clamp(min=1) / PARTS
        bound = (step * sums[0] + weight.abs().amax(1) / 64 * sums[1]) / 2 + plain.abs() / PARTS
    assert ((result - plain).abs() <= bound).all()


def test_no_rows_are_legal(kind):
    data, weight, bias = sample(batch=(0,))
    with int8_products():
        assert linear(data, weight, bias).shape == (0, ROWS)


@pytest.mark.parametrize("rows", [1, 2])
def test_extremes_do_not_overflow(kind, rows):
    """All products at their largest: what 16 bits could not hold of 8 bits by 8."""
    weight = nn.Parameter(torch.full((ROWS, 512), -1.0), requires_grad=False)
    with int8_products():
        result = linear(torch.full((rows, 512), 1e6), weight)
    tolerance = 1e-6 if kind is DynamicInt8 else 1 / PARTS
    torch.testing.assert_close(result, torch.full((rows, ROWS), -512e6), rtol=tolerance, atol=0)


@pytest.mark.parametrize("columns", [33, 512])
def test_rows_do_not_depend_on_each_other(kind, columns):
    data, weight, bias = sample(columns, batch=(4,))
    data[2] *= 1e4 if kind is DynamicInt8 else 10  # Where sums stay exact.
    with int8_products():
        together = linear(data, weight, bias)
        alone = torch.cat([linear(row[None], weight, bias) for row in data])
    assert torch.equal(together, alone)


def test_nothing_gives_nothing(kind):
    weight = nn.Parameter(torch.zeros(ROWS, 8), requires_grad=False)
    with int8_products():
        assert not linear(torch.zeros(2, 8), weight).any()


def test_what_is_no_number_shows(kind):
    data, weight, bias = sample()
    data[1, 0] = torch.nan
    with int8_products():
        result = linear(data, weight, bias)
    assert result[1].isnan().all()
    assert not result[[0, 2]].isnan().any()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("rows", [1, 2])
def test_weights_that_are_no_numbers_show(kind, rows, bad):
    data, weight, _ = sample(512, batch=(rows,))
    weight[3, 5] = bad
    with int8_products():
        result = linear(data, weight)
    assert result[:, 3].isnan().all()
    assert result[:, 4:].isfinite().all()


def test_only_large_parameters_are_rounded_and_only_once(monkeypatch):
    data, weight, bias = sample()
    monkeypatch.setattr(int8, "FEWEST_WEIGHTS", weight.numel())
    small = nn.Parameter(weight[: ROWS - 1].clone())
    matrices = {}
    with torch.inference_mode(), keep_in(matrices), int8_products():
        linear(data, weight, bias)
        linear(data, weight)
        assert torch.equal(linear(data, small), data @ small.T)
        assert torch.equal(linear(data, weight * 1), data @ weight.T)
    assert list(matrices) == [("int8", id(weight))]
