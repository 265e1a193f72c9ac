"""Products in few shapes: the same numbers, from hardly ever a new kernel."""

from copy import deepcopy
from dataclasses import replace
from functools import partial
from threading import Thread

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from spacy_rnn.nn import loss as vocabulary
from spacy_rnn.nn.kernels.prepared import UNPREPARED, PreparedWeights, prepare
from spacy_rnn.nn.kernels.shapes import pad_rows
from spacy_rnn.nn.rnn.network import RecurrentNetwork
from spacy_rnn.nn.rnn.settings import RecurrentSettings
from spacy_rnn.nn.seq2seq.attention import (
    AdditiveAttention,
    DotAttention,
    GeneralAttention,
    ScaledDotAttention,
)
from spacy_rnn.nn.seq2seq.decoder import Decoder
from spacy_rnn.nn.seq2seq.model import Seq2Seq, SubwordEncoder
from spacy_rnn.text.subwords import END, START
from spacy_rnn.torch_private import onednn_has

PRODUCTS = ("mm", "addmm", "bmm", "baddbmm_")


def linear(data, weight, bias=None, prepared=UNPREPARED):
    return prepared.linear([weight], [] if bias is None else [bias])(data)


@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (8,), (100,), (9, 2)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_products_and_gradients_are_those_of_linear(dtype, shape):
    data = torch.randn(*shape, 5, dtype=dtype, requires_grad=True)
    weight, bias = torch.randn(6, 5, dtype=dtype, requires_grad=True), torch.randn(6, dtype=dtype)
    result, expected = linear(data, weight, bias), functional.linear(data, weight, bias)
    torch.testing.assert_close(result, expected)
    given = torch.randn_like(expected)
    for found, right in zip(
        torch.autograd.grad(result, (data, weight), given),
        torch.autograd.grad(expected, (data, weight), given),
        strict=True,
    ):
        torch.testing.assert_close(found, right)


def test_numbers_of_rows_are_few_and_hardly_larger():
    padded = [len(pad_rows(torch.empty(rows, 1, dtype=torch.bfloat16))) for rows in range(5000)]
    assert len(set(padded)) <= 128
    assert all(rows <= more <= max(1.0625 * rows, rows + 7) for rows, more in enumerate(padded))


def test_other_numbers_than_bfloat16_stay_as_they_are():
    data = torch.randn(7, 3)
    assert pad_rows(data) is data
    with torch.autocast("cpu", torch.bfloat16):
        assert len(pad_rows(data)) == 8
        assert pad_rows(data[:, None], dim=1).shape == (7, 1, 3)


class Shapes(TorchDispatchMode):
    """Note the shapes of all products."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in PRODUCTS:
            self.seen.add((name, *((tuple(each.shape), each.stride()) for each in args[-2:])))
        return func(*args, **kwargs or {})


def make_network(attention=GeneralAttention):
    settings = RecurrentSettings(4, cell="gru")
    one_way = replace(settings, bidirectional=False)
    sizes = {"embed_width": 3, "readout_width": 3}
    decoder = partial(Decoder, network=one_way, attention=attention, **sizes)
    encoder = partial(SubwordEncoder, embed_width=3, network=settings)
    return Seq2Seq(9, decoder, encoder, 9)


def train(network, lengths):
    """Take a step in bfloat16 on sentences of so many pieces; give the shapes of its products."""
    sizes = torch.tensor(lengths)
    sources = torch.randint(3, 9, (int(sizes.sum()),))
    targets = [[START, *torch.randint(3, 9, (length,)).tolist(), END] for length in lengths]
    pieces = torch.tensor([piece for target in targets for piece in target])
    with Shapes() as shapes:
        with torch.autocast("cpu", torch.bfloat16):
            loss, _ = network(sources, sizes, pieces, sizes + 2)
        loss.backward()
    return shapes.seen


def test_batches_of_nearly_as_many_words_have_products_of_the_same_shapes():
    network = make_network()
    first = train(network, [6] * 8)
    assert {name for name, *_ in first} == set(PRODUCTS)
    assert train(network, [6] * 7 + [5]) == first
    assert train(network, [6] * 6 + [4, 2]) == first
    assert train(network, [20] * 8) != first


@pytest.mark.parametrize("words", [1, 5, 8, 13])
def test_rows_that_were_added_leave_no_trace_in_the_loss(words, monkeypatch):
    hidden = torch.randn(words, 6, dtype=torch.bfloat16)
    leaves = [hidden, torch.randn(11, 6), torch.randn(11)]
    targets = torch.randint(11, (words,))

    def compute():
        inputs = [leaf.clone().requires_grad_() for leaf in leaves]
        with torch.autocast("cpu", torch.bfloat16):
            loss, surprisal = vocabulary.cross_entropy(*inputs, targets, 0.1)
        return loss, surprisal, *torch.autograd.grad(loss, inputs)

    padded = compute()
    monkeypatch.setattr(vocabulary, "pad_rows", lambda data: data)
    for found, right in zip(padded, compute(), strict=True):
        torch.testing.assert_close(found, right)


@pytest.mark.parametrize("shape", [(0,), (1,), (7,), (9, 2)], ids=str)
@pytest.mark.parametrize("bias", [None, nn.Parameter(torch.randn(6))], ids=["plain", "bias"])
def test_products_alone_are_in_bfloat16(shape, bias):
    data, weight = torch.randn(*shape, 5), nn.Parameter(torch.randn(6, 5))
    prepared = PreparedWeights("bfloat16")
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        expected = functional.linear(data, weight, bias)
        with torch.autocast("cpu", enabled=False):
            result, other = linear(data, weight, bias, prepared), data @ data.transpose(-1, -2)
        assert linear(data, weight, bias, prepared).dtype == torch.bfloat16
    assert result.dtype == other.dtype == torch.float32
    torch.testing.assert_close(result, expected.float(), rtol=0.01, atol=0.01)
    _, matrix = prepared._cache["bfloat16", id(weight)]
    assert matrix.is_mkldnn == onednn_has(torch.bfloat16)
    assert prepared._cache.keys() == {
        ("bfloat16", id(part)) for part in (weight, bias) if part is not None
    }


def test_products_are_in_bfloat16_without_onednn_too(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    data, weight = torch.randn(3, 5), nn.Parameter(torch.randn(6, 5))
    prepared = PreparedWeights("bfloat16")
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        with torch.autocast("cpu", enabled=False):
            result = linear(data, weight, prepared=prepared)
        expected = functional.linear(data, weight).float()
    torch.testing.assert_close(result, expected, rtol=0.01, atol=0.01)
    ((_, matrix),) = prepared._cache.values()
    assert not matrix.is_mkldnn


def test_autocast_leaves_float64_as_it_is():
    data, weight = torch.randn(3, 5).double(), nn.Parameter(torch.randn(6, 5).double())
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for prepared in (UNPREPARED, PreparedWeights(), PreparedWeights("bfloat16")):
            result = linear(data, weight, prepared=prepared)
            assert torch.equal(result, functional.linear(data, weight))


def test_products_are_in_bfloat16_for_those_alone_who_asked():
    """Not beside, in the same thread or in another one, even while they are computed."""
    data, weight = torch.randn(3, 5), nn.Parameter(torch.randn(6, 5))
    prepared, results = PreparedWeights("bfloat16"), []

    def multiply_beside():
        results.extend((linear(data, weight), linear(data, weight, prepared=PreparedWeights())))

    def multiply():
        multiply_beside()
        thread = Thread(target=multiply_beside)
        thread.start()
        thread.join()
        return linear(data, weight, prepared=prepared)

    with torch.inference_mode():
        rounded = prepared.get("products", [weight], multiply)
        multiply_beside()
        expected = functional.linear(data, weight)
    assert not torch.equal(rounded, expected)
    assert len(results) == 6
    for result in results:
        assert torch.equal(result, expected)


def test_tables_do_not_depend_on_who_asks_first():
    embedding, matrix = nn.Embedding(9, 5), nn.Parameter(torch.randn(6, 5))
    tables = []
    with torch.inference_mode():
        for enabled in (True, False):
            prepared = PreparedWeights("bfloat16")
            with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
                tables.append(prepared.embedding_product(embedding, matrix)(torch.arange(9)))
    expected = functional.linear(embedding.weight, matrix)
    assert all(torch.equal(table, expected) for table in tables)


CACHED_OF_A_LAYER = {
    # In each direction its own; of the GRU both together: matrices, and biases. In float32 torch's
    # GRU predicts.
    ("lstm", torch.float32): [("lstm", torch.float32)] * 2,
    ("lstm", torch.bfloat16): [("lstm", torch.bfloat16)] * 2,
    ("gru", torch.float32): [],
    ("gru", torch.bfloat16): ["bfloat16"] * 2 + [("stacked", torch.bfloat16)] * 2,
}


@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize(("cell", "dtype"), CACHED_OF_A_LAYER, ids=str)
def test_networks_predict_with_what_is_prepared(cell, dtype, final):
    if cell == "lstm" and not onednn_has(dtype):
        pytest.skip("oneDNN has no such LSTM here")
    network = RecurrentNetwork(5, RecurrentSettings(8, 2, cell=cell)).eval()
    data, lengths = torch.randn(9, 5), torch.tensor([4, 0, 3, 2])
    with torch.autocast("cpu", torch.bfloat16, dtype != torch.float32):
        trained, _ = network(data, lengths, final=final)
        with torch.inference_mode():
            expected, _ = network(data, lengths, final=final)
            prepared = prepare(network, PreparedWeights())
            results = [prepared(data, lengths, final=final)[0] for _ in range(2)]
    assert all(torch.equal(result, expected) for result in results)
    tolerance = 1e-5 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(expected, trained, rtol=tolerance, atol=tolerance)
    # The matrix of an LSTM says what padding does: hold states for the end, or forget them.
    kinds = [(*kind, final) if cell == "lstm" else kind for kind in CACHED_OF_A_LAYER[cell, dtype]]
    assert [key[0] for key in prepared.prepared._cache] == kinds * 2


def test_without_autocast_products_stay_as_they_are():
    data, weight = torch.randn(3, 5), nn.Parameter(torch.randn(6, 5))
    for prepared in (UNPREPARED, PreparedWeights()):
        result = linear(data, weight, prepared=prepared)
        assert torch.equal(result, functional.linear(data, weight))


ATTENTIONS = {
    "additive": partial(AdditiveAttention, width=3),
    "dot": DotAttention,
    "general": GeneralAttention,
    "scaled dot": partial(ScaledDotAttention, width=3),
    "none": None,
}


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_a_step_in_bfloat16_is_near_that_in_float32(attention):
    """Under autocast, and with all weights in bfloat16."""
    torch.manual_seed(0)
    network = make_network(ATTENTIONS[attention])
    sizes = torch.tensor([3, 5, 2])
    pieces = torch.tensor([START, 4, 5, END, START, 6, 3, END, START, 7, 8, END])
    inputs = torch.randint(3, 9, (10,)), sizes, pieces, torch.tensor([4, 4, 4])
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = network(*inputs)
    expected, _ = network(*inputs)
    torch.testing.assert_close(loss, expected, rtol=0.02, atol=0)
    rounded = deepcopy(network).bfloat16()
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss_of_rounded, _ = rounded(*inputs)
        torch.testing.assert_close(loss_of_rounded.float(), expected, rtol=0.02, atol=0)
    for found, right in zip(
        torch.autograd.grad(loss, list(network.parameters())),
        torch.autograd.grad(expected, list(network.parameters())),
        strict=True,
    ):
        assert nn.functional.mse_loss(found, right) <= 0.002 * right.square().mean() + 1e-6


@pytest.mark.parametrize("kind", [name for name in ATTENTIONS if name != "none"])
def test_attention_stays_in_float32_under_autocast(kind):
    attention, memory = ATTENTIONS[kind](4, 4), torch.randn(2, 3, 4)
    queries, mask = torch.randn(2, 5, 4), torch.ones(2, 3, dtype=torch.bool)
    keys = attention.project(memory)
    with torch.autocast("cpu", torch.bfloat16):
        results = attention(queries, keys, memory, mask)
    torch.testing.assert_close(results, attention(queries, keys, memory, mask))
