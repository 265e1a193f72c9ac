"""Products with 8-bit integers, against the same arithmetic in wider integers."""

import pytest
import torch
from torch import nn

from spacy_rnn import torch_private
from spacy_rnn.nn.kernels import quantized as int8
from spacy_rnn.nn.kernels.prepared import PreparedWeights
from spacy_rnn.nn.kernels.quantized import DynamicInt8, has_int8, round_rows
from spacy_rnn.torch_private import has_vnni

pytestmark = pytest.mark.skipif(
    not has_int8(torch.device("cpu")), reason="no products of 8-bit integers in this torch"
)
ROWS = 64


@pytest.fixture(autouse=True)
def round_small_matrices(monkeypatch):
    monkeypatch.setattr(int8, "MIN_WEIGHTS", ROWS)


@pytest.fixture(autouse=True, params=[63, 127])
def levels(request, monkeypatch):
    """Data have 7 bits, or 8 where the processor has the instructions."""
    if request.param == 127 and not has_vnni():
        pytest.skip("no VNNI on this CPU")
    monkeypatch.setattr(int8, "LEVELS", request.param)
    monkeypatch.setattr(int8, "ZERO", request.param + 1)


def linear(data, weight, bias=None, precision="int8"):
    biases = [] if bias is None else [bias]
    return PreparedWeights(precision).linear([weight], biases)(data)


def sample(columns=33, rows=ROWS, batch=(5,)):
    weight = nn.Parameter(torch.randn(rows, columns), requires_grad=False)
    return torch.randn(*batch, columns), weight, torch.randn(rows)


def multiply_integers(data, weight, bias):
    """Round as `DynamicInt8` says, and compute in 64-bit integers."""
    peaks = data.abs().amax(-1, keepdim=True)
    scales = weight.abs().amax(1) / 127
    levels = (data * (int8.LEVELS / peaks)).round().long()
    integers = (weight / scales[:, None]).round().long()
    products = levels.numpy() @ integers.T.numpy()
    return torch.from_numpy(products) * scales * peaks / int8.LEVELS + bias


SHAPES = [(columns, batch) for columns in (1, 33, 512) for batch in ((1,), (7,), (2, 3), (1, 1))]


@pytest.mark.parametrize(("columns", "batch"), SHAPES, ids=str)
def test_products_are_exact_but_for_the_rounding(columns, batch):
    data, weight, bias = sample(columns, batch=batch)
    result = linear(data, weight, bias)
    plain = linear(data, weight, bias, "float32")
    sums = weight.abs().sum(1), data.abs().sum(-1, keepdim=True)
    exact = multiply_integers(data, weight, bias)
    torch.testing.assert_close(result, exact, rtol=1e-5, atol=1e-4)
    steps = data.abs().amax(-1, keepdim=True) / int8.LEVELS, weight.abs().amax(1) / 127
    bound = 1.02 * (steps[0] * sums[0] + steps[1] * sums[1]) / 2
    assert ((result - plain).abs() <= bound).all()


def test_no_rows_are_legal():
    data, weight, bias = sample(batch=(0,))
    assert linear(data, weight, bias).shape == (0, ROWS)


@pytest.mark.parametrize("rows", [1, 2])
def test_extremes_do_not_overflow(rows):
    """All products at their largest: what 16 bits could not hold of 8 bits by 8."""
    weight = nn.Parameter(torch.full((ROWS, 512), -1.0), requires_grad=False)
    result = linear(torch.full((rows, 512), 1e6), weight)
    torch.testing.assert_close(result, torch.full((rows, ROWS), -512e6), rtol=1e-6, atol=0)


@pytest.mark.parametrize("columns", [33, 512])
def test_rows_do_not_depend_on_each_other(columns):
    data, weight, bias = sample(columns, batch=(4,))
    data[2] *= 1e4
    together = linear(data, weight, bias)
    alone = torch.cat([linear(row[None], weight, bias) for row in data])
    assert torch.equal(together, alone)


def test_nothing_gives_nothing():
    weight = nn.Parameter(torch.zeros(ROWS, 8), requires_grad=False)
    assert not linear(torch.zeros(2, 8), weight).any()


def test_what_is_no_number_shows():
    data, weight, bias = sample()
    data[1, 0] = torch.nan
    result = linear(data, weight, bias)
    assert result[1].isnan().all()
    assert not result[[0, 2]].isnan().any()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("rows", [1, 2])
def test_weights_that_are_no_numbers_show(rows, bad):
    data, weight, _ = sample(512, batch=(rows,))
    weight[3, 5] = bad
    result = linear(data, weight)
    assert result[:, 3].isnan().all()
    assert result[:, 4:].isfinite().all()


def test_only_large_parameters_are_rounded_and_only_once(monkeypatch):
    data, weight, bias = sample()
    monkeypatch.setattr(int8, "MIN_WEIGHTS", weight.numel())
    small = nn.Parameter(weight[: ROWS - 1].clone())
    prepared = PreparedWeights("int8")
    with torch.inference_mode():
        prepared.linear([weight], [bias])(data)
        prepared.linear([weight])(data)
        assert torch.equal(prepared.linear([small])(data), data @ small.T)
        assert torch.equal(prepared.linear([weight * 1])(data), data @ weight.T)
        assert torch.equal(prepared.linear([weight], quantize=False)(data), data @ weight.T)
    assert list(prepared._cache) == [("int8", id(weight))]


def test_small_matrices_are_in_the_other_precision():
    data, weight, _ = sample(rows=ROWS - 1, columns=1)
    prepared = PreparedWeights("int8", "bfloat16")
    with torch.inference_mode():
        result = prepared.linear([weight])(data)
    assert list(prepared._cache) == [("bfloat16", id(weight))]
    assert result.dtype == torch.float32


def test_without_a_kernel_for_integers_products_are_in_the_other_precision(monkeypatch):
    monkeypatch.setattr(torch_private, "INT8_LINEAR", None)
    data, weight, bias = sample()
    assert not has_int8(torch.device("cpu"))
    assert torch.equal(linear(data, weight, bias), linear(data, weight, bias, "float32"))


def make_rows():
    """Make rows of all sizes, some of which are integers times a power of 2."""
    sizes = 2.0 ** torch.linspace(-140, 120, 60)
    integers = torch.randint(-127, 128, (5, 33)).float()
    integers[:, 0] = torch.tensor([127.0, -127.0, 64.0, 1.0, 0.0])
    special = torch.zeros(3, 33)
    special[1], special[2, 5] = 1e-45, 1e38
    return torch.cat([torch.randn(60, 33) * sizes[:, None], integers * 2.0**-9, special])


def test_rows_are_rounded_to_the_nearest_integers_and_then_stay():
    rows = make_rows().double()
    integers, powers = round_rows(rows)
    steps = 2.0 ** (rows.abs().amax(1) / 127).log2().ceil().clamp(min=-126)
    is_zero = (rows == 0).all(1)
    assert torch.equal(powers[~is_zero], steps[~is_zero])
    assert integers.abs().max() == 127
    rounded = integers * powers[:, None]
    assert ((rounded - rows).abs() <= powers[:, None] / 2).all()
    for dtype in (torch.float32, torch.float64):
        integers, powers = round_rows(rounded.to(dtype))
        assert torch.equal(integers * powers[:, None], rounded.to(dtype))


def test_rounded_weights_are_not_rounded_again():
    """Each row of data has a single 1, so that products are weights."""
    matrix = torch.cat([torch.randn(60, 32), torch.randn(4, 32) * 50])
    integers, powers = round_rows(matrix)
    # One of several matrices that are multiplied as one may not be rounded.
    rounded = torch.cat([integers * powers[:, None], torch.randn(8, 32)])
    products = DynamicInt8.from_float(rounded).multiply(torch.eye(32), None).T
    torch.testing.assert_close(products[:64], rounded[:64], rtol=1e-6, atol=0)
    assert not torch.allclose(products[64:], rounded[64:], rtol=1e-3, atol=0)
