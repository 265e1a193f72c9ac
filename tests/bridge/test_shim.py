"""The bridge between a PyTorch network and Thinc keeps its promises; Thinc's own does not.

Where a check runs over both bridges, Thinc's own has to fail it, else it would prove nothing.
"""

import copy
import json
import logging
import multiprocessing
import os
import pickle
import platform
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from io import BytesIO

import numpy as np
import pytest
import spacy
import srsly
import torch
from needs import needs_bfloat16, needs_fork
from new_process import run_python
from safetensors.torch import load, save
from spacy.training import Example
from spacy.training.loop import train_while_improving
from thinc.api import SGD, Adam, ArgsKwargs, PyTorchShim, set_dropout_rate
from thinc.compat import has_cupy_gpu
from torch import nn
from torch.func import functional_call

from spacy_rnn import torch_private
from spacy_rnn.about import package_version
from spacy_rnn.bridge import shim as shim_module
from spacy_rnn.bridge import weights as weights_module
from spacy_rnn.bridge.devices import has_bfloat16
from spacy_rnn.bridge.shim import NetworkShim
from spacy_rnn.errors import ModelLoadError
from spacy_rnn.nn.kernels.linear import Linear

OURS = "spacy-rnn.BiLSTMEncoder.v1"
STOCK = "spacy.TorchBiLSTMEncoder.v1"
LENGTHS = [4, 0, 1, 7]


def ours(build, **dims):
    return NetworkShim(build, dims)


def stock(build, **dims):
    return PyTorchShim(build(**dims))


fails = pytest.mark.xfail(strict=True, raises=AssertionError, reason="Thinc's own fails here")
both_bridges = pytest.mark.parametrize("bridge", [ours, pytest.param(stock, marks=fails)])
both_encoders = pytest.mark.parametrize("architecture", [OURS, pytest.param(STOCK, marks=fails)])


# Networks small enough to know by heart. They are functions and classes of this module, so
# that they pickle.


def layers(inputs):
    """Four parameters of different sizes."""
    return nn.Sequential(nn.Linear(inputs, 3), nn.Tanh(), nn.Linear(3, 2))


class Tied(nn.Module):
    """One matrix under two names, which is not contiguous in memory, and a buffer."""

    def __init__(self, inputs):
        super().__init__()
        self.first = nn.Linear(inputs, inputs)
        self.first.weight = nn.Parameter(torch.randn(inputs, inputs).T)
        self.second = nn.Linear(inputs, inputs)
        self.second.weight = self.first.weight
        self.register_buffer("scale", torch.rand(inputs))

    def forward(self, words):
        return self.second(torch.tanh(self.first(words))) * self.scale


def prepared_layers(inputs):
    """The same as layers that compute with prepared weights."""
    return nn.Sequential(Linear(inputs, 3), nn.Tanh(), Linear(3, 2))


class Roots(nn.Module):
    """Its gradients are infinite where a square root is taken of zero."""

    def __init__(self, inputs):
        super().__init__()
        self.offset = nn.Parameter(torch.ones(inputs))

    def forward(self, words):
        return words.sqrt() + self.offset.sqrt()


def learn(shim, words, d_outputs):
    """Run forward and backward, and give the gradient of the words."""
    words = words.clone().requires_grad_()
    outputs, backprop = shim(ArgsKwargs((words,), {}), True)
    return backprop(ArgsKwargs((outputs,), {"grad_tensors": d_outputs})).args[0]


def predict(shim, words):
    return shim(ArgsKwargs((words,), {}), False)[0]


def predictor_of(shim, precision=None):
    with shim.predictor(precision) as network:
        return network


def weights_of(shim):
    return {name: tensor.clone() for name, tensor in shim._model.state_dict().items()}


def distance(left, right):
    """Return the largest distance of two sets of weights."""
    return max(
        float((left[name] - right[name]).abs().max()) for name in left.keys() | right.keys()
    )


def make_encoder(documents, architecture=OURS, dropout=0.0, **settings):
    model = spacy.registry.get("architectures", architecture)(
        width=8, depth=2, dropout=dropout, **settings
    )
    return model.initialize(X=documents(LENGTHS, 8))


def make_pipeline(architecture=OURS):
    """Make a tagger around an encoder, and two examples to train it on."""
    nlp = spacy.blank("en")
    embed = {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 8,
        "attrs": ["NORM"],
        "rows": [50],
        "include_static_vectors": False,
    }
    encode = {"@architectures": architecture, "width": 8, "depth": 1, "dropout": 0.0}
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    nlp.add_pipe("tagger", config={"model": {"tok2vec": tok2vec}})
    examples = [
        Example.from_dict(nlp.make_doc("one word and another"), {"tags": ["N", "N", "C", "D"]}),
        Example.from_dict(nlp.make_doc("words"), {"tags": ["N"]}),
    ]
    nlp.initialize(lambda: examples)
    return nlp, examples


def shims_in(model):
    return [shim for node in model.walk() for shim in node.shims]


def shim_in(nlp):
    (shim,) = shims_in(nlp.get_pipe("tagger").model)
    return shim


def train(model, tokens, steps=1, optimizer=None):
    optimizer = optimizer or Adam(0.01)
    for _ in range(steps):
        encoded, backprop = model.begin_update(tokens)
        backprop(encoded)
        model.finish_update(optimizer)
    return optimizer


def same(left, right):
    return all(map(np.array_equal, left, right))


# Dropout


@both_encoders
def test_dropout_rate_reaches_the_network(architecture, documents):
    model = make_encoder(documents, architecture)
    tokens = documents(LENGTHS, 8)
    set_dropout_rate(model, 0.5)
    assert not same(model.begin_update(tokens)[0], model.predict(tokens))


def test_dropout_rate_is_the_share_that_is_dropped(documents):
    model = spacy.registry.get("architectures", OURS)(width=400, depth=1, dropout=0.4)
    tokens = documents([1] * 50)
    model.initialize(X=tokens)

    def dropped():
        return float(np.mean(np.concatenate(model.begin_update(tokens)[0]) == 0.0))

    assert dropped() == pytest.approx(0.4, abs=0.03)
    for rate in (0.8, 0.1, 0.0):
        set_dropout_rate(model, rate)
        assert dropped() == pytest.approx(rate, abs=0.03)


@pytest.mark.parametrize("accumulate_gradient", [1, 2])
@pytest.mark.parametrize("rates", [[0.25, 0.25, 0.25], [0.5, 0.25, 0.0]])
def test_training_dropout_and_its_schedule_reach_the_network(rates, accumulate_gradient):
    """`training.dropout` of a config is a number or a schedule."""
    nlp, examples = make_pipeline()
    seen = []
    network = shim_in(nlp)._model
    network.register_forward_hook(lambda *_: seen.append(network.dropout_output.rate))
    steps = train_while_improving(
        nlp,
        Adam(0.01),
        [(0, examples)] * 3,
        lambda: (0.0, {}),
        dropout=rates[0] if len(set(rates)) == 1 else iter(rates),
        eval_frequency=10,
        accumulate_gradient=accumulate_gradient,
        patience=0,
        max_steps=0,
        exclude=[],
        annotating_components=[],
        before_update=None,
    )
    assert len(list(steps)) == 3
    assert seen == [rate for rate in rates for _ in range(accumulate_gradient)]


# Averages


def trained_with_averages(bridge, build=layers):
    """Train until the averages are somewhere else than the weights."""
    shim = bridge(build, inputs=4)
    optimizer = Adam(0.1, use_averages=True)
    for _ in range(5):
        learn(shim, torch.randn(3, 4), torch.randn(3, 2))
        shim.finish_update(optimizer)
    return shim, optimizer.averages


@both_bridges
def test_averages_reach_every_parameter(bridge):
    shim, averages = trained_with_averages(bridge)
    words = torch.randn(3, 4)
    named = {name: torch.tensor(array) for (_, name), array in averages.items()}
    assert named.keys() == dict(shim._model.named_parameters()).keys()
    expected = functional_call(shim._model, named, (words,)).detach()
    assert not torch.allclose(predict(shim, words), expected)
    with shim.use_params(averages):
        assert torch.equal(predict(shim, words), expected)


@pytest.mark.parametrize("error", [None, KeyError, KeyboardInterrupt, GeneratorExit])
def test_weights_are_put_back_even_after_an_exception(error):
    shim, averages = trained_with_averages(ours)
    words = torch.randn(3, 4)
    before, predicted = weights_of(shim), predict(shim, words)
    stored = {key: array.copy() for key, array in averages.items()}
    raised = pytest.raises(error) if error else nullcontext()
    with raised, shim.use_params(averages):
        assert distance(before, weights_of(shim)) > 0
        if error:
            raise error
    assert distance(before, weights_of(shim)) == 0
    assert torch.equal(predict(shim, words), predicted)
    # A step that follows moves the weights and what they predict, and no average.
    learn(shim, words, torch.ones(3, 2))
    shim.finish_update(SGD(0.1))
    assert distance(before, weights_of(shim)) > 0
    assert not torch.equal(predict(shim, words), predicted)
    assert all(np.array_equal(averages[key], stored[key]) for key in stored)


def test_averages_of_others_are_passed_over():
    shim, averages = trained_with_averages(ours)
    before = weights_of(shim)
    with shim.use_params({(shim.id + 1, name): array for (_, name), array in averages.items()}):
        assert distance(before, weights_of(shim)) == 0


@both_encoders
def test_checkpoint_holds_the_averages(architecture, documents):
    """The training loop stores the pipeline while the averages are in use."""
    nlp, examples = make_pipeline(architecture)
    optimizer = Adam(0.1, use_averages=True)
    for _ in range(3):
        nlp.update(examples, sgd=optimizer)
    shim = shim_in(nlp)
    with nlp.use_params(optimizer.averages):
        stored = nlp.to_bytes()
    checkpoint, _ = make_pipeline(architecture)
    checkpoint.from_bytes(stored)
    for name, tensor in weights_of(shim_in(checkpoint)).items():
        np.testing.assert_array_equal(tensor, optimizer.averages[shim.id, name])


# Gradients


@pytest.mark.parametrize(
    ("bridge", "limit"),
    [
        (ours, 0.1),
        (ours, 1000.0),
        (ours, 0.0),
        pytest.param(stock, 0.1, marks=fails),
    ],
)
def test_one_norm_of_all_gradients_is_clipped(bridge, limit):
    """As torch's `clip_grad_norm_` does. A limit of zero is none."""
    shim = bridge(layers, inputs=4)
    twin = copy.deepcopy(shim._model)
    words, d_outputs = torch.randn(3, 4), torch.randn(3, 2)
    twin(words).backward(d_outputs)
    norm = nn.utils.clip_grad_norm_(twin.parameters(), limit or torch.inf)
    assert norm > 0.1
    learn(shim, words, d_outputs)
    before = weights_of(shim)
    shim.finish_update(SGD(1.0, grad_clip=limit))
    after = weights_of(shim)
    for name, parameter in twin.named_parameters():
        assert torch.allclose(before[name] - after[name], parameter.grad, atol=1e-5), name
    # For the log, as it was before.
    assert shim.grad_norm == pytest.approx(norm.item())


def test_step_without_gradients_does_nothing():
    shim = ours(layers, inputs=4)
    optimizer = Adam(0.1)
    shim.finish_update(optimizer)
    assert not optimizer.nr_update


def test_frozen_parameters_stay():
    shim = ours(layers, inputs=4)
    shim._model[0].requires_grad_(False)
    before = weights_of(shim)
    learn(shim, torch.randn(3, 4), torch.randn(3, 2))
    shim.finish_update(Adam(0.1))
    after = weights_of(shim)
    assert [name for name in before if torch.equal(before[name], after[name])] == [
        "0.weight",
        "0.bias",
    ]


def test_any_optimizer_will_do():
    """One that returns new arrays, and knows no limit."""
    shim = ours(layers, inputs=4)
    words = torch.randn(3, 4)
    learn(shim, words, torch.randn(3, 2))
    shim.finish_update(lambda key, weights, gradient: (np.zeros_like(weights), gradient))
    assert not predict(shim, words).any()
    assert not any(tensor.any() for tensor in weights_of(shim).values())


@both_bridges
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.filterwarnings("ignore:invalid value")  # From what Thinc's own does with it.
def test_gradient_that_is_not_finite_skips_the_step(bridge, value, caplog):
    shim = bridge(layers, inputs=4)
    before = weights_of(shim)
    words, d_outputs = torch.randn(3, 4), torch.randn(3, 2)
    optimizer = Adam(0.1)
    bad = d_outputs.clone()
    bad[1, 0] = value
    d_words = learn(shim, words, bad)
    # Good gradients before or after it make the step no better.
    learn(shim, words, d_outputs)
    with caplog.at_level(logging.WARNING, "spacy"):
        shim.finish_update(optimizer)
    assert distance(before, weights_of(shim)) == 0
    assert not d_words.any(), "the layers below would take it"
    assert shim.skipped_steps == 1
    assert not optimizer.nr_update, "its moments would be wrong for ever"
    assert "Skipped a step: a gradient is infinite or not a number (1 so far)" in caplog.text
    # The next step is like any other.
    learn(shim, words, d_outputs)
    shim.finish_update(optimizer)
    assert 0 < distance(before, weights_of(shim)) < 1
    assert shim.skipped_steps == 1


def test_what_was_not_trained_leaves_nothing_behind():
    """Neither gradients to add to, nor bad ones to be afraid of."""
    shim = NetworkShim(layers, {"inputs": 4}, rate=lambda name, step: float(step > 1))
    twin = NetworkShim(layers, {"inputs": 4}, rate=lambda name, step: 1.0)
    twin._model.load_state_dict(shim._model.state_dict())
    words, d_outputs = torch.randn(3, 4), torch.randn(3, 2)
    for d_before in (d_outputs * float("nan"), d_outputs):
        learn(shim, words, d_before)
        shim.finish_update(SGD(0.1))
    for each in (shim, twin):
        learn(each, words, d_outputs)
        each.finish_update(SGD(0.1))
    assert shim.skipped_steps == 0
    assert shim.grad_norm == twin.grad_norm > 0
    assert distance(weights_of(twin), weights_of(shim)) == 0


@pytest.mark.parametrize("way", ["build", "load"])
def test_new_weights_have_taken_no_step(way):
    shim = ours(layers, inputs=4)
    stored = shim.to_bytes()
    learn(shim, torch.randn(3, 4), torch.full((3, 2), float("nan")))
    shim.finish_update(SGD(0.1))
    assert (shim.steps, shim.skipped_steps) == (1, 1)
    if way == "build":
        shim.build(inputs=4)
    else:
        shim.from_bytes(stored)
    assert (shim.steps, shim.skipped_steps, shim.grad_norm) == (0, 0, 0.0)


@pytest.mark.parametrize("where", ["words", "weights"])
def test_infinite_gradient_is_found_wherever_it_is(where):
    shim = ours(Roots, inputs=2)
    words = torch.ones(3, 2)
    if where == "words":
        words[1, 0] = 0.0
    else:
        shim._model.offset.data[0] = 0.0
    before = weights_of(shim)
    learn(shim, words, torch.ones(3, 2))
    shim.finish_update(SGD(0.1))
    assert distance(before, weights_of(shim)) == 0
    assert shim.skipped_steps == 1
    shim._model.offset.data.fill_(1.0)
    learn(shim, torch.ones(3, 2), torch.ones(3, 2))
    shim.finish_update(SGD(0.1))
    assert shim.skipped_steps == 1
    assert distance({"offset": torch.ones(2)}, weights_of(shim)) > 0


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_50_steps_equal_those_of_plain_torch(cell, documents):
    """The same losses and weights as a plain loop from the same weights on the same batches."""
    model = make_encoder(documents, "spacy-rnn.RecurrentEncoder.v1", cell=cell)
    shim = model.shims[0]
    twin = copy.deepcopy(shim._model)
    # Thinc adds eps to another term than torch does: it is too small to matter.
    adam = torch.optim.Adam(twin.parameters(), lr=0.01, eps=1e-16)
    optimizer = Adam(0.01, eps=1e-16, L2=0.0, grad_clip=0.2, use_averages=False)
    batches = [(documents(lengths, 8), documents(lengths, 8)) for lengths in ([3, 1], [5], [2, 0])]
    clipped = 0
    for step in range(50):
        tokens, targets = batches[step % 3]
        words, target = (torch.tensor(np.concatenate(each)) for each in (tokens, targets))
        twin_loss = (twin(words, torch.tensor([len(each) for each in tokens]))[0] - target) ** 2
        adam.zero_grad()
        twin_loss.mean().backward()
        norm = nn.utils.clip_grad_norm_(twin.parameters(), 0.2).item()
        adam.step()
        encoded, backprop = model.begin_update(tokens)
        differences = [each - target for each, target in zip(encoded, targets, strict=True)]
        backprop([2 * difference / target.numel() for difference in differences])
        model.finish_update(optimizer)
        loss = np.mean(np.concatenate(differences) ** 2)
        assert loss == pytest.approx(twin_loss.mean().item(), rel=1e-4)
        assert shim.grad_norm == pytest.approx(norm, rel=1e-3)
        clipped += norm > 0.2
    assert 0 < clipped < 50
    for name, parameter in twin.named_parameters():
        torch.testing.assert_close(
            weights_of(shim)[name], parameter.detach(), rtol=1e-4, atol=1e-4
        )


# Prediction


@both_encoders
def test_prediction_flips_no_mode(architecture, documents, monkeypatch):
    model = make_encoder(documents, architecture)
    tokens = documents(LENGTHS, 8)
    (shim,) = shims_in(model)
    kind = type(shim._model)
    forward = kind.forward
    seen = []

    def spy(network, *args, **kwargs):
        seen.append((network.training, torch.is_inference_mode_enabled(), shim._model.training))
        return forward(network, *args, **kwargs)

    monkeypatch.setattr(kind, "forward", spy)
    model.predict(tokens)
    model.begin_update(tokens)
    # Whether this network drops, whether torch remembers nothing, and what another thread
    # that trains would see.
    assert seen == [(False, True, True), (True, False, True)]


def test_eight_threads_predict_the_same_beside_one_that_trains(documents):
    model = make_encoder(documents, dropout=0.5)
    tokens = documents([20, 3], 8)
    alone = model.predict(tokens)
    work = [model.predict, model.predict, lambda tokens: model.begin_update(tokens)[0]] * 40
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda run: same(run(tokens), alone), work))
    assert results == [True, True, False] * 40


def test_predictions_follow_each_step(documents):
    model = make_encoder(documents)
    tokens = documents(LENGTHS, 8)
    for _ in range(3):
        before = model.predict(tokens)
        train(model, tokens)
        assert not same(before, model.predict(tokens))
        # Without dropout, both ways through the network give the same.
        for one, other in zip(model.predict(tokens), model.begin_update(tokens)[0], strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


# Copies


@both_bridges
def test_copies_are_trained_apart(bridge):
    """Each under an id of its own, or an optimizer would mix up their moments."""
    shim = bridge(layers, inputs=4)
    copied = shim.copy()
    later = bridge(layers, inputs=4)
    assert len({shim.id, copied.id, copied.copy().id, later.id}) == 4
    if bridge is ours:
        others = (copy.deepcopy(shim), pickle.loads(pickle.dumps(shim)))
        assert len({shim.id, *(other.id for other in others)}) == 3
    before = weights_of(shim)
    assert distance(before, weights_of(copied)) == 0
    words = torch.randn(3, 4)
    optimizer = Adam(0.1)
    learn(copied, words, torch.randn(3, 2))
    copied.finish_update(optimizer)
    assert {number for number, _ in optimizer.mom1} == {copied.id}
    assert distance(before, weights_of(shim)) == 0
    assert distance(before, weights_of(copied)) > 0
    assert torch.equal(predict(copied, words), copied._model(words))


def test_copied_encoder_is_trained_apart(documents):
    model = make_encoder(documents)
    tokens = documents(LENGTHS, 8)
    copied = model.copy()
    before = model.predict(tokens)
    assert same(copied.predict(tokens), before)
    train(copied, tokens)
    assert same(model.predict(tokens), before)
    assert not same(copied.predict(tokens), before)


@pytest.mark.parametrize("precision", [None, "float32", "bfloat16", "int8"])
def test_the_network_is_prepared_once_for_each_precision(precision):
    shim = ours(layers, inputs=4)
    words = torch.randn(3, 4)
    others = [predictor_of(shim, other) for other in ("float32", "bfloat16", "int8")]
    with shim.predictor(precision) as network:
        assert torch.is_inference_mode_enabled()
        assert network in others
        assert not network.training
        assert torch.equal(network(words), predict(shim, words))
    assert len(set(others)) == 3
    assert predictor_of(shim, precision) is network
    assert predictor_of(shim) is predictor_of(shim, "float32")


def build_again(shim):
    shim.build(inputs=4)


def load_again(shim):
    shim.from_bytes(shim.to_bytes())


def take_a_step(shim):
    learn(shim, torch.randn(3, 4), torch.randn(3, 2))
    shim.finish_update(SGD(0.1))


def fill_caches(shim):
    """Prepare something of the weights in two precisions; give what holds it."""
    for precision in ("float32", "int8"):
        weights = predictor_of(shim, precision)[0].prepared
        weights.get("something", list(shim.network.parameters()), object)
        yield weights


@pytest.mark.parametrize(
    "change",
    [build_again, load_again, take_a_step, lambda shim: shim.to_device("cpu", 0)],
)
def test_what_was_prepared_goes_with_its_weights(change):
    shim = ours(prepared_layers, inputs=4)
    before = list(fill_caches(shim))
    assert all(weights._cache for weights in before)
    change(shim)
    for precision in ("float32", "int8"):
        assert not predictor_of(shim, precision)[0].prepared._cache


def test_what_was_prepared_goes_with_averages_and_comes_not_back():
    shim, averages = trained_with_averages(ours, prepared_layers)
    before = list(fill_caches(shim))
    with shim.use_params(averages):
        assert not any(weights._cache for weights in before)
        between = list(fill_caches(shim))
    assert not any(weights._cache for weights in between)


def test_integers_without_their_kernels_warn_and_do_without(monkeypatch):
    shim = ours(layers, inputs=4)
    assert shim.step_precision() == "float32"
    monkeypatch.setattr(shim_module, "has_int8", lambda device: False)
    with pytest.warns(UserWarning, match=r"no products of 8-bit integers on this device \(cpu\)"):
        assert shim.step_precision(int8=True) == "float32"


@pytest.mark.parametrize("supported", [False, True])
def test_mixed_precision_is_that_of_steps_and_autocast_that_of_whole_sequences(
    supported, monkeypatch
):
    """Steps leave autocast, also that of a caller: their products have a precision already."""
    monkeypatch.setattr(shim_module, "has_bfloat16", lambda device: supported)
    monkeypatch.setattr(shim_module, "has_int8", lambda device: True)
    shim = NetworkShim(prepared_layers, {"inputs": 4}, mixed_precision=True)
    words = torch.randn(3, 4)
    expected = "bfloat16" if supported else "float32"
    assert [shim.step_precision(), shim.step_precision(int8=True)] == [expected, "int8"]
    with nullcontext() if supported else pytest.warns(UserWarning, match="mixed_precision"):
        assert predict(shim, words).dtype == getattr(torch, expected)
    with torch.autocast("cpu", torch.bfloat16):
        for precision, unquantized in [
            ("float32", "float32"),
            ("bfloat16", "bfloat16"),
            ("int8", expected),
        ]:
            with shim.predictor(precision) as network:
                assert not torch.is_autocast_enabled("cpu")
                assert network(words).dtype == torch.float32
            weights = network[0].prepared
            assert (weights.precision, weights.unquantized) == (precision, unquantized)


# Storage


def test_weights_are_safetensors_with_tied_tensors_once():
    shim = ours(Tied, inputs=3)
    stored = load(shim.to_bytes())
    assert stored.keys() == {"first.weight", "first.bias", "second.bias", "scale"}
    assert all(torch.equal(stored[name], weights_of(shim)[name]) for name in stored)
    assert shim.to_bytes() == shim.to_bytes()


@pytest.mark.parametrize("way", ["bytes", "pickle", "copy"])
def test_tied_tensors_stay_tied(way):
    shim = ours(Tied, inputs=3)
    words = torch.randn(2, 3)
    if way == "bytes":
        other = ours(Tied, inputs=3).from_bytes(shim.to_bytes())
    else:
        other = shim.copy() if way == "copy" else pickle.loads(pickle.dumps(shim))
    assert other._model.first.weight is other._model.second.weight
    assert other._model.first.weight is not shim._model.first.weight
    assert torch.equal(predict(other, words), predict(shim, words))
    learn(other, words, torch.ones(2, 3))
    other.finish_update(SGD(0.1))
    assert torch.equal(predict(other, words), other._model(words))
    assert not torch.equal(predict(other, words), predict(shim, words))


def test_network_is_rebuilt_from_its_stored_dimensions():
    shim = ours(layers, inputs=5)
    other = ours(layers, inputs=3)
    words = torch.randn(2, 5)
    other.from_bytes(shim.to_bytes())
    assert other.dims == {"inputs": 5}
    assert torch.equal(predict(other, words), predict(shim, words))
    assert torch.equal(predict(other, words), other._model(words))


def wider(inputs):
    """The same names as `layers`, but for one, and other shapes."""
    return nn.Sequential(nn.Linear(inputs, 7), nn.Tanh(), nn.Linear(7, 2, bias=False))


def test_mismatch_says_which_tensor_has_which_shape():
    shim = ours(wider, inputs=4)
    before = weights_of(shim)
    with pytest.raises(ValueError, match="do not fit the network") as caught:
        shim.from_bytes(ours(layers, inputs=4).to_bytes())
    for problem in (
        "0.weight: stored (3, 4), expected (7, 4)",
        "0.bias: stored (3,), expected (7,)",
        "2.weight: stored (2, 3), expected (2, 7)",
        "2.bias: stored (2,), expected nothing",
    ):
        assert problem in str(caught.value)
    assert distance(before, weights_of(shim)) == 0


def stored_with(shim, **facts):
    """Give stored weights with other facts in their header, and a checksum of these."""
    tensors = load(shim.to_bytes())
    header = json.loads(json.loads(split_header(shim.to_bytes())[0])["__metadata__"]["spacy_rnn"])
    header |= facts
    if "checksum" not in facts:
        header.pop("checksum")
        header["checksum"] = weights_module._checksum(header, tensors)
    return save(tensors, metadata={"spacy_rnn": json.dumps(header)})


def split_header(data):
    end = 8 + int.from_bytes(data[:8], "little")
    return data[8:end], data[end:]


@pytest.mark.parametrize("size", [10**15, 2**62, 2**70, 0, -1, 50])
def test_dimensions_beyond_the_weights_are_refused_before_anything_is_built(size, monkeypatch):
    shim = ours(layers, inputs=4)
    absurd = stored_with(shim, dims={"inputs": size})
    before = weights_of(shim)
    monkeypatch.setattr(shim, "build_network", None)
    with pytest.raises(ModelLoadError, match=f"dimensions .*{size}.* do not fit the 23 stored"):
        shim.from_bytes(absurd)
    assert shim.dims == {"inputs": 4}
    assert distance(before, weights_of(shim)) == 0


def test_dimensions_that_are_not_those_of_the_weights_are_a_mismatch():
    shim = ours(layers, inputs=4)
    with pytest.raises(ModelLoadError, match=r"0.weight: stored \(3, 4\), expected \(3, 7\)"):
        shim.from_bytes(stored_with(shim, dims={"inputs": 7}))
    assert shim.dims == {"inputs": 4}


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (None, "not a safetensors file of this package"),
        ("{", "not a safetensors file of this package"),
        ("[4]", "not a safetensors file of this package"),
        ("null", "not a safetensors file of this package"),
        ({"dims": {"inputs": 4.0}}, "the dimensions {'inputs': 4.0}"),
        ({"dims": {"inputs": True}}, "the dimensions {'inputs': True}"),
        ({"dims": {}}, "the dimensions {}"),
        ({"dims": {"outputs": 4}}, "the dimensions {'outputs': 4}"),
        ({"checksum": 1}, "by their checksum"),
    ],
)
def test_what_is_not_of_this_network_is_refused(facts, message):
    shim = ours(layers, inputs=4)
    before = weights_of(shim)
    if isinstance(facts, dict):
        data = stored_with(shim, **facts)
    else:
        metadata = None if facts is None else {"spacy_rnn": facts}
        data = save(load(shim.to_bytes()), metadata=metadata)
    with pytest.raises(ModelLoadError, match=message):
        shim.from_bytes(data)
    assert distance(before, weights_of(shim)) == 0


@pytest.mark.parametrize("is_quantized", [False, True])
def test_every_flipped_byte_is_found_or_changes_nothing(is_quantized, monkeypatch):
    monkeypatch.setattr(weights_module, "MIN_ROUNDED", 9)
    shim = ours(Tied, inputs=3)
    if is_quantized:
        shim.quantize()
    stored = bytearray(shim.to_bytes())
    words = torch.randn(2, 3)
    expected = predict(shim, words)
    data_start = len(stored) - len(split_header(bytes(stored))[1])
    for place in range(len(stored)):
        stored[place] ^= 1 << place % 8
        try:
            ours(Tied, inputs=3).from_bytes(bytes(stored))
        except ModelLoadError:
            pass
        else:
            assert place < data_start
            assert torch.equal(predict(ours(Tied, inputs=3).from_bytes(stored), words), expected)
        stored[place] ^= 1 << place % 8


class Residual(nn.Module):
    """A setting that shapes do not show, and one that weights do not depend on."""

    def __init__(self, inputs, residual, dropout=0.0):
        super().__init__()
        self.linear = nn.Linear(inputs, inputs)


# 8-bit integers


@pytest.fixture
def quantized(monkeypatch):
    """A network whose matrix is rounded, and its weights before."""
    monkeypatch.setattr(weights_module, "MIN_ROUNDED", 9)
    shim = ours(Tied, inputs=3)
    before = weights_of(shim)
    words = torch.randn(2, 3)
    predict(shim, words)  # So that something is prepared of the weights before.
    shim.quantize()
    return shim, before


def test_large_matrices_are_stored_as_integers(quantized):
    shim, before = quantized
    stored = load(shim.to_bytes())
    integers, exponents = stored.pop("first.weight"), stored.pop("first.weight.exponents")
    assert (integers.dtype, exponents.dtype) == (torch.int8, torch.int8)
    steps = 2.0 ** exponents[:, None]
    assert ((before["first.weight"] - integers * steps).abs() <= steps / 2).all()
    assert all(torch.equal(stored[name], before[name]) for name in stored)
    assert shim.int8 == ("first.weight",)


def test_loaded_weights_are_the_rounded_ones_and_are_stored_as_before(quantized):
    shim, _ = quantized
    other = ours(Tied, inputs=3).from_bytes(shim.to_bytes())
    assert distance(weights_of(shim), weights_of(other)) == 0
    assert other.to_bytes() == shim.to_bytes()
    words = torch.randn(2, 3)
    assert torch.equal(predict(shim, words), predict(other, words))
    other.quantize()
    assert other.to_bytes() == shim.to_bytes()
    copied = pickle.loads(pickle.dumps(other)).copy()
    assert copied.to_bytes() == shim.to_bytes()


def test_weights_that_training_changes_are_stored_in_full(quantized):
    shim, _ = quantized
    stored = shim.to_bytes()
    with torch.no_grad():
        shim.network.get_parameter("first.bias").add_(1)
    assert load(shim.to_bytes())["first.weight"].dtype == torch.int8
    with torch.no_grad():
        shim.network.get_parameter("first.weight")[0, 0] += 1e-5
    assert load(shim.to_bytes())["first.weight"].dtype == torch.float32
    other = ours(Tied, inputs=3).from_bytes(shim.to_bytes())
    assert distance(weights_of(shim), weights_of(other)) == 0
    assert other.int8 == ()
    shim.from_bytes(stored)
    shim.build(inputs=3)
    assert load(shim.to_bytes())["first.weight"].dtype == torch.float32


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_without_integers_are_refused(monkeypatch, value):
    monkeypatch.setattr(weights_module, "MIN_ROUNDED", 9)
    shim = ours(Tied, inputs=3)
    with torch.no_grad():
        shim.network.get_parameter("first.weight")[0, 0] = value
    before = weights_of(shim)
    with pytest.raises(ValueError, match=r"first\.weight has weights that are infinite or not"):
        shim.quantize()
    torch.testing.assert_close(weights_of(shim), before, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    "facts", [{"int8": ["missing"]}, {"int8": ["scale"]}, {"int8": 1}, {"int8": []}, {"int8": "a"}]
)
def test_integers_that_are_not_there_are_refused(quantized, facts):
    shim, _ = quantized
    with pytest.raises(ModelLoadError, match=r"not a safetensors file of this|do not fit"):
        shim.from_bytes(stored_with(shim, **facts))


def test_exponents_that_do_not_fit_are_refused(quantized):
    shim, _ = quantized
    for wrong in (torch.zeros(4, dtype=torch.int8), torch.zeros(3)):
        tensors = load(shim.to_bytes()) | {"first.weight.exponents": wrong}
        metadata = json.loads(split_header(shim.to_bytes())[0])["__metadata__"]
        with pytest.raises(ModelLoadError, match="have exponents"):
            shim.from_bytes(save(tensors, metadata=metadata))


def test_settings_that_shapes_do_not_show_are_compared():
    stored = ours(partial(Residual, residual=True), inputs=4).to_bytes()
    ours(partial(Residual, residual=True, dropout=0.5), inputs=4).from_bytes(stored)
    with pytest.raises(ModelLoadError, match="residual: stored True, set to False"):
        ours(partial(Residual, residual=False), inputs=4).from_bytes(stored)


def test_weights_say_by_which_version_they_were_saved(monkeypatch):
    shim = ours(layers, inputs=4)
    assert shim.saved_by is None
    assert shim.from_bytes(shim.to_bytes()).saved_by == package_version()
    newer = stored_with(shim, version="9.0")
    assert shim.from_bytes(newer).saved_by == "9.0"
    with pytest.raises(ModelLoadError, match=r"saved by spacy-rnn 9.0, .* install that version"):
        ours(wider, inputs=4).from_bytes(newer)


def test_large_network_is_built_when_it_is_needed(monkeypatch):
    monkeypatch.setattr(weights_module, "SMALL", 10)
    shim = ours(layers, inputs=4)
    assert "_model" not in vars(shim)
    stored = shim.copy().to_bytes()
    shim.to_device("cpu", 0)
    assert "_model" not in vars(shim)
    words = torch.randn(2, 4)
    expected = predict(ours(layers, inputs=4).from_bytes(stored), words)
    assert torch.equal(
        predict(pickle.loads(pickle.dumps(shim)).from_bytes(stored), words), expected
    )
    learn(shim, words, torch.ones(2, 2))
    shim.finish_update(SGD(0.1))
    assert not torch.equal(predict(shim, words), expected)


@pytest.mark.parametrize("data", [b"", b"weights", bytes(100), "weights", None, {}, 4])
def test_what_holds_no_weights_is_refused(data):
    with pytest.raises(ValueError, match="not a safetensors file of this package"):
        ours(layers, inputs=4).from_bytes(data)


class Trap:
    """Makes a directory where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def saved_by_torch(trap):
    file = BytesIO()
    torch.save({"weight": trap}, file)
    return file.getvalue()


def saved_by_thinc(trap):
    return srsly.msgpack_dumps({"config": {}, "state": saved_by_torch(trap)})


def set_trap(path, architecture, save_trap):
    """Store a pipeline in which the weights of the network are a trap."""
    nlp, _ = make_pipeline(architecture)
    nlp.to_disk(path / "pipeline")
    file = path / "pipeline" / "tagger" / "model"
    message = srsly.msgpack_loads(file.read_bytes())
    trap = save_trap(Trap(path / "sprung"))
    assert sum(map(len, message["shims"])) == 1
    message["shims"] = [[trap for _ in shims] for shims in message["shims"]]
    file.write_bytes(srsly.msgpack_dumps(message))
    return path / "pipeline"


@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("save_trap", [saved_by_thinc, saved_by_torch, pickle.dumps])
def test_pickle_in_a_pipeline_is_refused_and_never_run(save_trap, forced, tmp_path, monkeypatch):
    if forced:
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    pipeline = set_trap(tmp_path, OURS, save_trap)
    with pytest.raises(ValueError, match=r"not a safetensors file .* weights can run code"):
        spacy.load(pipeline)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.filterwarnings("ignore:Environment variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
def test_the_same_pickle_runs_in_the_stock_encoder(tmp_path, monkeypatch):
    """What the test before has to be worth."""
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    pipeline = set_trap(tmp_path, STOCK, saved_by_thinc)
    with pytest.raises(RuntimeError, match="loading state_dict"):
        spacy.load(pipeline)
    assert (tmp_path / "sprung").exists()


def test_pickled_encoder_goes_on_training(documents):
    model = make_encoder(documents, dropout=0.5)
    tokens = documents(LENGTHS, 8)
    train(model, tokens)
    other = pickle.loads(pickle.dumps(model))
    before = model.predict(tokens)
    assert same(other.predict(tokens), before)
    train(other, tokens)
    assert not same(other.predict(tokens), before)
    assert same(model.predict(tokens), before)


# Processes


def test_spawned_process_predicts_the_same(documents):
    model = make_encoder(documents, dropout=0.5)
    tokens = documents(LENGTHS, 8)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        predicted = processes.submit(model.predict, tokens).result(timeout=120)
    assert same(predicted, model.predict(tokens))


def run_in_fork(model, tokens, is_train):
    return model(tokens, is_train)[0], torch.get_num_threads()


@pytest.fixture
def _two_threads():
    """Let torch start a second thread, for a fork to lose."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    torch.ones(1000, 1000).sum()
    yield
    torch.set_num_threads(threads)


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize("is_train", [False, True], ids=["prediction", "training"])
def test_forked_process_does_not_wait_for_threads_of_its_parent(is_train, documents):
    """A fork takes no threads along, and for so long a text a mere sum would want them."""
    model = make_encoder(documents)
    tokens = documents([5000], 8)
    with multiprocessing.get_context("fork").Pool(1) as processes:
        work = processes.apply_async(run_in_fork, (model, tokens, is_train))
        encoded, threads = work.get(timeout=20)
    np.testing.assert_allclose(encoded[0], model.predict(tokens)[0], atol=1e-5)
    assert threads == 1


FORKS = """
import os, torch
from spacy_rnn.bridge.shim import NetworkShim
from spacy_rnn.errors import ModelLoadError

DIMS = {"in_features": 2, "out_features": 2}

def fork(makes_network=False):
    if not (child := os.fork()):
        makes_network and NetworkShim(torch.nn.Linear, DIMS)
        os._exit(torch.get_num_threads())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

torch.set_num_threads(2)
seen = [fork(), fork(makes_network=True)]
shim = NetworkShim(torch.nn.Linear, DIMS)
seen.append(fork())
del shim
seen.append(fork())
print(*seen)
"""


@needs_fork
def test_forked_processes_have_one_thread_from_the_first_network_on():
    """Those of programs that only import the package have as many as before."""
    assert run_python("-W", "ignore", "-c", FORKS).split() == ["2", "1", "1", "1"]


# Devices


needs_gpu = pytest.mark.skipif(
    not (torch.cuda.is_available() and has_cupy_gpu),
    reason="needs a GPU that torch and cupy can use",
)
devices = ["cpu", pytest.param("cuda:0", marks=needs_gpu)]


def devices_of(shim):
    networks = (shim.network, predictor_of(shim))
    return {str(tensor.device) for network in networks for tensor in network.state_dict().values()}


@pytest.mark.parametrize("there", devices)
@pytest.mark.parametrize("here", devices)
def test_network_trained_there_loads_here(here, there):
    trained = NetworkShim(layers, {"inputs": 4}, device=torch.device(there))
    loaded = NetworkShim(layers, {"inputs": 4}, device=torch.device(here))
    words, d_outputs = torch.randn(3, 4), torch.randn(3, 2)
    optimizer = Adam(0.1)
    learn(trained, words.to(there), d_outputs.to(there))
    trained.finish_update(optimizer)
    expected = predict(trained, words.to(there)).cpu()
    loaded.from_bytes(trained.to_bytes())
    assert devices_of(loaded) == {str(loaded.device)} == {here}
    torch.testing.assert_close(predict(loaded, words.to(here)).cpu(), expected)
    # It goes on training here, and knows the averages of there.
    learn(loaded, words.to(here), d_outputs.to(here))
    loaded.finish_update(Adam(0.1))
    assert devices_of(loaded) == {here}
    assert not torch.equal(predict(loaded, words.to(here)).cpu(), expected)
    averages = {(loaded.id, name): array for (_, name), array in optimizer.averages.items()}
    with loaded.use_params(averages):
        assert devices_of(loaded) == {here}


@pytest.mark.parametrize("there", devices)
@pytest.mark.parametrize("here", devices)
def test_network_moves(here, there):
    shim = NetworkShim(layers, {"inputs": 4}, device=torch.device(there))
    words = torch.randn(3, 4)
    expected = predict(shim, words.to(there)).cpu()
    shim.to_device("cpu" if here == "cpu" else "gpu", 0)
    assert devices_of(shim) == {str(shim.device)} == {here}
    torch.testing.assert_close(predict(shim, words.to(here)).cpu(), expected)
    learn(shim, words.to(here), torch.ones(3, 2, device=here))
    shim.finish_update(SGD(0.1))
    assert not torch.equal(predict(shim, words.to(here)).cpu(), expected)


def test_move_takes_both_networks_along():
    """To a device that needs no hardware, since it computes nothing."""
    shim = ours(layers, inputs=4)
    shim.to_device("meta", 0)
    assert devices_of(shim) == {str(shim.device)} == {"meta"}
    predictor = predictor_of(shim)
    assert predictor is not shim.network
    for one, other in zip(shim.network.parameters(), predictor.parameters(), strict=True):
        assert one is other


def test_device_is_asked_for_once(monkeypatch):
    """What Thinc works on later, in another thread perhaps, moves no network."""
    shim, stored = ours(layers, inputs=4), ours(layers, inputs=5).to_bytes()
    elsewhere = torch.device("meta")
    monkeypatch.setattr(shim_module, "get_torch_default_device", lambda: elsewhere)
    monkeypatch.setattr("thinc.shims.pytorch.get_torch_default_device", lambda: elsewhere)
    shim.from_bytes(stored)
    asked = NetworkShim(layers, {"inputs": 4}, device=torch.device("cpu"))
    for each in (shim, shim.copy(), asked):
        assert devices_of(each) == {str(each.device)} == {"cpu"}
    assert devices_of(ours(layers, inputs=4)) == {"meta"}


# Mixed precision


@pytest.mark.parametrize("cell", [pytest.param("lstm", marks=needs_bfloat16), "gru", "rnn_tanh"])
def test_mixed_precision_comes_close(cell, documents, monkeypatch):
    """Without hardware for it torch computes the same but for an LSTM, only slowly."""
    monkeypatch.setattr(shim_module, "has_bfloat16", lambda device: True)
    settings = {"architecture": "spacy-rnn.RecurrentEncoder.v1", "cell": cell}
    mixed = make_encoder(documents, mixed_precision=True, **settings)
    plain = make_encoder(documents, **settings)
    plain.from_bytes(mixed.to_bytes())
    tokens, d_outputs = documents(LENGTHS, 8), documents(LENGTHS, 8)

    def results(model):
        encoded, backprop = model.begin_update(tokens)
        return [*model.predict(tokens), *encoded, *backprop(d_outputs)]

    for one, other in zip(results(mixed), results(plain), strict=True):
        assert one.dtype == np.float32
        assert one.size == 0 or not np.array_equal(one, other)
        np.testing.assert_allclose(one, other, rtol=0.1, atol=0.05)
    before = weights_of(mixed.shims[0])
    assert {tensor.dtype for tensor in before.values()} == {torch.float32}
    mixed.finish_update(Adam(0.01))
    assert 0 < distance(before, weights_of(mixed.shims[0])) < 0.1


def test_mixed_precision_without_hardware_warns_and_does_without(documents, monkeypatch):
    monkeypatch.setattr(shim_module, "has_bfloat16", lambda device: False)
    architecture = "spacy-rnn.RecurrentEncoder.v1"
    mixed = make_encoder(documents, architecture, mixed_precision=True)
    plain = make_encoder(documents, architecture)
    plain.from_bytes(mixed.to_bytes())
    tokens = documents(LENGTHS, 8)
    with pytest.warns(UserWarning, match=r"no bfloat16 on this device \(cpu\): .* in float32"):
        assert same(mixed.predict(tokens), plain.predict(tokens))
    with pytest.warns(UserWarning, match="mixed_precision is on"):
        assert same(mixed.begin_update(tokens)[0], plain.begin_update(tokens)[0])


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
        ({"avx512_f": False, "avx512_bf16": True}, True),
        ({"avx512_bf16": False, "amx_bf16": True}, True),
        ({}, False),
    ],
)
def test_processor_is_asked_for_bfloat16(capabilities, expected, monkeypatch):
    monkeypatch.setattr(torch_private, "onednn_has", lambda dtype: True)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert has_bfloat16(torch.device("cpu")) is expected


def test_onednn_is_asked_for_bfloat16_too(monkeypatch):
    monkeypatch.setattr(torch_private, "has_bfloat16_instructions", lambda: True)
    for answer in (False, True):
        monkeypatch.setattr(torch_private, "onednn_has", {torch.bfloat16: answer}.get)
        assert has_bfloat16(torch.device("cpu")) is answer


def test_old_torch_that_cannot_tell_has_no_bfloat16(monkeypatch):
    for name in ("get_capabilities", "_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert has_bfloat16(torch.device("cpu")) is False


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="needs a processor of x86"
)
def test_mixed_precision_with_onednn_held_to_older_instructions(run_python):
    """Batches of one length only are those that torch's LSTM would hand to oneDNN."""
    program = (
        "import numpy as np, warnings; from spacy_rnn.architectures.encoders import *\n"
        "warnings.simplefilter('error')\n"
        "mixed = build_recurrent_encoder_v1(8, cell='lstm', mixed_precision=True).initialize()\n"
        "words = np.ones((5, 8), dtype='float32')\n"
        "try: mixed.predict([words])\n"
        "except UserWarning as warning: print(warning)\n"
        "warnings.simplefilter('ignore')\n"
        "for batch in ([words], [words, words], [words, words[:3]]):\n"
        "    outputs, backprop = mixed.begin_update(batch)\n"
        "    backprop(outputs), mixed.predict(batch)"
    )
    output = run_python("-c", program, ONEDNN_MAX_CPU_ISA="AVX2")
    assert "no bfloat16 on this device" in output


def test_processor_does_not_speak_for_other_devices():
    assert has_bfloat16(torch.device("mps")) is False


@pytest.mark.parametrize("supported", [False, True])
def test_gpu_is_asked_for_bfloat16(supported, monkeypatch):
    """Emulated it would be slower than float32."""
    emulated = not supported

    def is_supported(including_emulation=True):
        return supported or (including_emulation and emulated)

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
    assert has_bfloat16(torch.device("cuda:0")) is supported
