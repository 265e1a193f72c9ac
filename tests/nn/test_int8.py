"""Products of 8-bit integers, against the same arithmetic in Python's own integers."""

import pytest
import torch
from torch import nn

from spacy_rnn.nn import int8
from spacy_rnn.nn.int8 import LEVELS, has_int8, int8_products
from spacy_rnn.nn.kept import keep_in
from spacy_rnn.nn.products import linear

pytestmark = pytest.mark.skipif(
    not has_int8(torch.device("cpu")), reason="no products of 8-bit integers in this torch"
)
ROWS = 64


@pytest.fixture(autouse=True)
def round_small_matrices(monkeypatch):
    monkeypatch.setattr(int8, "FEWEST_WEIGHTS", ROWS)


def sample(columns=33, rows=ROWS, batch=(5,)):
    weight = nn.Parameter(torch.randn(rows, columns), requires_grad=False)
    return torch.randn(*batch, columns), weight, torch.randn(rows)


def exact(data, weight, bias):
    """Round as the module says, and compute in 64-bit integers."""
    peaks = data.abs().amax(-1, keepdim=True)
    scales = weight.abs().amax(1) / 127
    levels = (data * (LEVELS / peaks)).round().long()
    integers = (weight / scales[:, None]).round().long()
    products = levels.numpy() @ integers.T.numpy()
    return torch.from_numpy(products) * scales * peaks / LEVELS + bias


@pytest.mark.parametrize("batch", [(1,), (7,), (2, 3)], ids=str)
@pytest.mark.parametrize("columns", [1, 33, 512])
def test_products_are_exact_but_for_the_rounding(columns, batch):
    data, weight, bias = sample(columns, batch=batch)
    with int8_products():
        result = linear(data, weight, bias)
    torch.testing.assert_close(result, exact(data, weight, bias), rtol=1e-5, atol=1e-4)
    plain = linear(data, weight, bias)
    half_steps = data.abs().amax(-1, keepdim=True) / LEVELS / 2, weight.abs().amax(1) / 127 / 2
    bound = half_steps[0] * weight.abs().sum(1) + half_steps[1] * data.abs().sum(-1, keepdim=True)
    assert ((result - plain).abs() <= 1.02 * bound).all()


def test_no_rows_are_legal():
    data, weight, bias = sample(batch=(0,))
    with int8_products():
        assert linear(data, weight, bias).shape == (0, ROWS)


def test_extremes_do_not_overflow():
    """All products at their largest: what 16 bits could not hold of 8 bits by 8."""
    weight = nn.Parameter(torch.full((ROWS, 512), -1.0), requires_grad=False)
    with int8_products():
        result = linear(torch.full((2, 512), 1e6), weight)
    torch.testing.assert_close(result, torch.full((2, ROWS), -512e6))


def test_rows_do_not_depend_on_each_other():
    data, weight, bias = sample(batch=(4,))
    data[2] *= 1e4
    with int8_products():
        together = linear(data, weight, bias)
        alone = torch.cat([linear(row[None], weight, bias) for row in data])
    assert torch.equal(together, alone)


def test_nothing_gives_nothing():
    weight = nn.Parameter(torch.zeros(ROWS, 8), requires_grad=False)
    with int8_products():
        assert not linear(torch.zeros(2, 8), weight).any()


def test_what_is_no_number_shows():
    data, weight, bias = sample()
    data[1, 0] = torch.nan
    with int8_products():
        result = linear(data, weight, bias)
    assert result[1].isnan().all()
    assert not result[[0, 2]].isnan().any()


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
