"""Undocumented operators of torch: each is there, and without it all comes out the same."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from needs import needs_bfloat16, needs_onednn
from torch import nn

import spacy_rnn
from spacy_rnn import torch_private
from spacy_rnn.nn.rnn.network import RecurrentNetwork
from spacy_rnn.nn.rnn.settings import RecurrentSettings
from spacy_rnn.torch_private import (
    adamw_step,
    find_operator,
    has_bfloat16_instructions,
    has_int8_linear,
    has_vnni,
    lay_out,
    multiply_laid_out,
    onednn_has,
)

OPERATORS = [name for name in vars(torch_private) if name.isupper()]
PACKAGE = Path(spacy_rnn.__file__).parent


@needs_onednn
def test_this_torch_has_all_operators():
    """With another torch the package works, but slowly: then the forms here are to be renewed."""
    assert len(OPERATORS) == 8
    assert [name for name in OPERATORS if getattr(torch_private, name) is None] == []


def test_no_other_module_touches_what_torch_does_not_document():
    private = re.compile(r"torch\.(\w+\.)*_\w|torch\.ops\b|mkldnn_")
    found = [
        f"{path.relative_to(PACKAGE)}:{number}: {line.strip()}"
        for path in PACKAGE.rglob("*.py")
        if path.name != "torch_private.py"
        for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1)
        if private.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("name", ["aten::no_such_thing", "no_such_thing::mm"])
def test_an_operator_that_is_not_there_is_not_found(name):
    assert find_operator(name, 2) is None


@pytest.mark.parametrize(("arguments", "found"), [(1, False), (2, True), (3, False)])
def test_an_operator_of_another_form_is_not_found(arguments, found):
    assert (find_operator("aten::mm", arguments) is not None) == found


def test_arguments_with_a_default_need_not_be_given():
    """Those of `aten::linear` are input, weight and, with a default, bias."""
    numbers = [number for number in range(6) if find_operator("aten::linear", number)]
    assert numbers == [2, 3]


@pytest.fixture
def without(monkeypatch):
    """Take operators away."""

    def take(*names):
        for name in names:
            assert name in OPERATORS
            monkeypatch.setattr(torch_private, name, None)

    return take


@needs_onednn
@pytest.mark.parametrize("name", ["REORDER_LINEAR", "LINEAR"])
@pytest.mark.parametrize(
    "dtype", [torch.float32, pytest.param(torch.bfloat16, marks=needs_bfloat16)], ids=str
)
def test_products_without_a_layout_are_the_same(dtype, name, without):
    data, matrix, bias = (torch.randn(*shape).to(dtype) for shape in ((7, 16), (24, 16), (24,)))
    laid_out = lay_out(matrix)
    assert laid_out.is_mkldnn
    expected = multiply_laid_out(data, laid_out, bias)
    without(name)
    plain = lay_out(matrix)
    assert plain is matrix
    torch.testing.assert_close(multiply_laid_out(data, plain, bias), expected)


def test_what_onednn_cannot_multiply_is_not_laid_out():
    matrix = torch.randn(3, 4, dtype=torch.float64)
    data = torch.randn(2, 4, dtype=torch.float64)
    assert lay_out(matrix) is matrix
    assert torch.equal(multiply_laid_out(data, matrix), nn.functional.linear(data, matrix))
    elsewhere = torch.empty(3, 4, device="meta")
    assert lay_out(elsewhere) is elsewhere


@needs_onednn
@pytest.mark.parametrize("name", ["LSTM", "REORDER_LSTM"])
@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_an_lstm_without_onednns_kernel_is_the_same(bidirectional, final, name, without):
    network = RecurrentNetwork(5, RecurrentSettings(8, 2, bidirectional=bidirectional)).eval()
    data, lengths = torch.randn(9, 5), torch.tensor([4, 0, 3, 2])

    def predict():
        with torch.inference_mode():
            return network(data, lengths, final=final)

    expected = predict()
    without(name)
    torch.testing.assert_close(predict(), expected)


@needs_onednn
@pytest.mark.parametrize("name", ["INT8_PREPACK", "INT8_LINEAR"])
def test_without_a_kernel_there_are_no_products_of_integers(name, without):
    assert has_int8_linear()
    without(name)
    assert not has_int8_linear()


def test_without_onednn_there_are_no_products_of_integers(monkeypatch):
    """Whatever names torch has for them."""
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not has_int8_linear()


def take_steps(decay):
    weights, mean, square = torch.linspace(-1, 1, 12).view(3, 4), *torch.zeros(2, 3, 4)
    gradients = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 3, 4)))
    for step, gradient in enumerate(gradients.float(), 1):
        adamw_step(
            weights,
            gradient,
            mean,
            square,
            step=step,
            learn_rate=0.1,
            beta1=0.9,
            beta2=0.98,
            weight_decay=decay,
            eps=1e-3,
        )
    return weights, mean, square


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_steps_of_adam_without_the_fused_kernel_are_the_same(decay, without):
    expected = take_steps(decay)
    without("FUSED_ADAMW")
    torch.testing.assert_close(take_steps(decay), expected)


@needs_onednn
def test_without_a_word_of_onednn_the_processor_speaks_for_bfloat16(monkeypatch):
    monkeypatch.setattr(torch_private, "IS_BFLOAT16_SUPPORTED", None)
    for answer in (False, True):
        monkeypatch.setattr(torch_private, "has_bfloat16_instructions", partial(bool, answer))
        assert onednn_has(torch.bfloat16) is answer


@pytest.mark.parametrize(
    ("avx512", "amx", "expected"),
    [(False, False, False), (True, False, True), (False, True, True), (None, None, False)],
)
def test_an_older_torch_is_asked_by_other_functions(avx512, amx, expected, monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    for name, answer in (("_is_avx512_bf16_supported", avx512), ("_is_amx_tile_supported", amx)):
        if answer is None:
            monkeypatch.delattr(torch.cpu, name, raising=False)
        else:
            monkeypatch.setattr(torch.cpu, name, partial(bool, answer), raising=False)
    assert has_bfloat16_instructions() is expected


@pytest.mark.parametrize("answer", [False, True])
def test_an_older_torch_is_asked_for_products_of_integers(answer, monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.delattr(torch.cpu, "_is_avx512_vnni_supported", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", partial(bool, answer), raising=False)
    assert has_vnni() is answer
