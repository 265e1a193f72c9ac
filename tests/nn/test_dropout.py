"""Dropouts of three kinds, and zoneout: what they touch, how much of it, and when."""

import math
import re

import pytest
import torch
from nn_samples import fit_settings, random_batch, random_network, random_state
from plain_networks import read_batch
from torch import nn

from spacy_rnn.nn.dropout import (
    LockedDropout,
    WeightDrop,
    WordDropout,
    check_rate,
    scheduled_dropouts,
    set_dropout,
    zoneout,
)
from spacy_rnn.nn.rnn.cells import CELLS
from spacy_rnn.nn.rnn.network import RecurrentNetwork
from spacy_rnn.nn.rnn.settings import RecurrentSettings

DROPOUTS = (LockedDropout, WordDropout, WeightDrop)
BATCH = [3, 0, 5, 2]


def apply(dropout, data, lengths=None):
    """Call any dropout, by default on one sequence."""
    if isinstance(dropout, LockedDropout):
        return dropout(data, torch.tensor([len(data)]) if lengths is None else lengths)
    return dropout(data)


def assert_share(chosen, rate):
    """Check a share of random choices, with five standard errors to spare."""
    error = math.sqrt(rate * (1 - rate) / chosen.numel())
    assert chosen.double().mean().item() == pytest.approx(rate, abs=5 * error)


# Each dropout alone.


@pytest.mark.parametrize(("rate", "training"), [(0.5, False), (0.0, True), (None, True)])
@pytest.mark.parametrize("kind", DROPOUTS)
def test_dropouts_do_nothing_in_prediction_or_at_rate_zero(kind, rate, training):
    data = torch.randn(6, 4)
    assert torch.equal(apply(kind(rate).train(training), data), data)


@pytest.mark.parametrize("kind", DROPOUTS)
def test_noise_is_new_each_time(kind):
    dropout, data = kind(0.5), torch.ones(20, 20)
    assert not torch.equal(apply(dropout, data), apply(dropout, data))


@pytest.mark.parametrize("kind", DROPOUTS)
def test_gradients_pass_where_the_data_pass(kind):
    data = torch.ones(20, 20, requires_grad=True)
    output = apply(kind(0.5), data)
    (gradient,) = torch.autograd.grad(output.sum(), data)
    assert torch.equal(gradient, output)


def test_locked_masks_are_constant_over_time_and_differ_over_sequences():
    lengths = torch.tensor([5, 0, 3, 8])
    masks = LockedDropout(0.5)(torch.ones(16, 40), lengths).split(lengths.tolist())
    for mask in masks:
        assert (mask == mask[:1]).all()
    assert len({tuple(mask[0].tolist()) for mask in masks if len(mask)}) == 3


def test_locked_dropout_drops_its_share_and_keeps_the_expectation():
    mask = LockedDropout(0.3)(torch.ones(200, 50), torch.ones(200, dtype=torch.int64))
    assert_share(mask == 0, 0.3)
    torch.testing.assert_close(mask[mask != 0].unique(), torch.tensor([1 / 0.7]))


def test_word_dropout_drops_whole_words_and_scales_none():
    data = torch.randn(2000, 3)
    output = WordDropout(0.3)(data)
    unchanged = (output == data).all(dim=1)
    assert not output[~unchanged].any()
    assert_share(~unchanged, 0.3)


def test_weight_drop_drops_its_share_and_keeps_the_expectation():
    weight = torch.randn(100, 80)
    output = WeightDrop(0.3)(weight)
    dropped = output == 0
    assert_share(dropped, 0.3)
    torch.testing.assert_close(output[~dropped], weight[~dropped] / 0.7)


# Dropouts in a network. The same noise drawn by hand has to give the same numbers.


def under_noise(network, data, lengths):
    """Run a network in training mode, with the same noise at each call."""
    torch.manual_seed(1)
    return network.train()(data, lengths)


def noise(dropout, data, lengths=None):
    """Draw the noise that a network draws first."""
    torch.manual_seed(1)
    noisy = apply(dropout, data, lengths)
    assert not torch.equal(noisy, data)
    return noisy


def quiet_twin(network):
    """Make a network of the same weights without noise."""
    twin = random_network(
        network.inputs,
        network.width,
        network.depth,
        cell=network.cell.name,
        bidirectional=network.directions == 2,
    )
    twin.load_state_dict(network.state_dict())
    return twin


@pytest.mark.parametrize(
    ("setting", "kind"), [("dropout_input", LockedDropout), ("word_dropout", WordDropout)]
)
def test_noise_on_inputs(setting, kind):
    network = random_network(**{setting: 0.5})
    data, lengths = random_batch(BATCH)
    expected = quiet_twin(network)(noise(kind(0.5), data, lengths), lengths)
    torch.testing.assert_close(under_noise(network, data, lengths), expected)


def test_noise_on_outputs_leaves_the_final_states():
    network = random_network(dropout_output=0.5)
    data, lengths = random_batch(BATCH)
    output, final = quiet_twin(network)(data, lengths)
    expected = noise(LockedDropout(0.5), output, lengths), final
    torch.testing.assert_close(under_noise(network, data, lengths), expected)


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("residual", [False, True])
def test_noise_between_layers(residual, layer_norm):
    """Normalised and read by the second layer; a residual connection goes past it."""
    network = random_network(3, 4, 2, dropout_layers=0.5, residual=residual, layer_norm=layer_norm)
    lower, upper = random_network(3, 4), random_network(4, 4)
    for own, other in zip(network.layers, [*lower.layers, *upper.layers], strict=True):
        own.load_state_dict(other.state_dict())
    data, lengths = random_batch(BATCH)
    between, first = lower(data, lengths)
    noisy = noise(LockedDropout(0.5), between, lengths)
    if layer_norm:
        norm = nn.LayerNorm(4, dtype=noisy.dtype)
        norm.load_state_dict(network.norms[0].state_dict())
        noisy = norm(noisy)
    output, second = upper(noisy, lengths)
    expected = output + between if residual else output
    final = tuple(torch.cat(parts) for parts in zip(first, second, strict=True))
    torch.testing.assert_close(under_noise(network, data, lengths), (expected, final))


def test_noise_between_layers_needs_two():
    network = random_network(depth=1, dropout_layers=0.5)
    batch = random_batch(BATCH)
    torch.testing.assert_close(under_noise(network, *batch), quiet_twin(network)(*batch))


@pytest.mark.parametrize(
    "cell", [name for name, cell in CELLS.items() if cell.has_recurrent_weight]
)
def test_weight_drop_touches_the_recurrent_matrix_alone(cell):
    (own,) = random_network(3, 20, cell=cell, bidirectional=False, weight_drop=0.5).layers
    before = own.weight_hh.detach().clone()
    input_matrix, recurrent_matrix, *biases = own.train().weights()
    assert input_matrix is own.weight_ih
    assert biases[0] is own.bias_ih
    assert biases[1] is own.bias_hh
    assert torch.equal(own.weight_hh, before)
    assert ((recurrent_matrix == 0) | (recurrent_matrix == 2 * before)).all()
    assert_share(recurrent_matrix == 0, 0.5)
    assert own.eval().weights()[1] is own.weight_hh


def test_weights_are_dropped_once_for_each_batch():
    """All words and sequences see the same matrix."""
    network = random_network(3, 4, 2, weight_drop=0.5)
    twin = quiet_twin(network)
    torch.manual_seed(1)
    for own, other in zip(network.layers, twin.layers, strict=True):
        other.weight_hh.data = WeightDrop(0.5)(own.weight_hh.data)
    batch = random_batch(BATCH)
    torch.testing.assert_close(under_noise(network, *batch), twin(*batch))


@pytest.mark.parametrize("cell", CELLS)
def test_prediction_is_without_noise(cell):
    rates = ("dropout_input", "dropout_layers", "dropout_output", "word_dropout", "weight_drop")
    network = random_network(depth=2, **fit_settings(cell, dict.fromkeys(rates, 0.5)))
    batch = random_batch(BATCH)
    expected = quiet_twin(network)(*batch)
    torch.testing.assert_close(network(*batch), expected)
    assert not torch.allclose(network.train()(*batch)[0], expected[0])


# Zoneout. Its expectation is compared with plain loops along with all other settings.


@pytest.mark.parametrize("training", [False, True])
def test_zoneout_at_its_bounds(training):
    """At 0 no value stays, at 1 all do."""
    previous, new = torch.randn(2, 100, 80)
    assert torch.equal(zoneout((previous,), (new,), (0.0,), training)[0], new)
    assert torch.equal(zoneout((previous,), (new,), (1.0,), training)[0], previous)


def test_zoneout_keeps_its_share_and_predicts_the_expectation():
    previous, new = torch.zeros(100, 80), torch.ones(100, 80)
    assert_share(zoneout((previous,), (new,), (0.3,), True)[0] == previous, 0.3)
    torch.testing.assert_close(
        zoneout((previous,), (new,), (0.3,), False)[0], torch.full((100, 80), 0.7)
    )


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_full_zoneout_freezes_the_state(cell, training):
    frozen_parts = [part for part in CELLS[cell].state_parts if part in ("hidden", "cell")]
    rates = {f"zoneout_{part}": 1.0 for part in frozen_parts}
    network = random_network(cell=cell, **rates).train(training)
    data, lengths = random_batch(BATCH)
    state = random_state(network, len(lengths))
    output, final = network(data, lengths, state)
    parts = len(frozen_parts)  # Those after them are what was read, not a memory.
    torch.testing.assert_close(final[:parts], state[:parts], rtol=0, atol=0)
    if network.cell.carries_output:
        frozen = torch.cat(tuple(state[0]), dim=1)
        assert torch.equal(output, frozen.repeat_interleave(lengths, dim=0))


@pytest.mark.parametrize(
    ("cell", "rates"),
    [
        *((name, {"zoneout_hidden": 0.3}) for name, cell in CELLS.items() if cell.carries_output),
        *((name, {"zoneout_cell": 0.3}) for name in ("lstm", "ssru", "sru", "qrnn", "qrnn_2")),
        ("lstm", {"zoneout_hidden": 0.3, "zoneout_cell": 0.6}),
    ],
)
def test_zoneout_keeps_units_or_steps_on(cell, rates):
    """After one word each unit is where it was or where it would be without zoneout.

    A cell state that stays does not change the hidden state of its own step.
    """
    network = random_network(cell=cell, bidirectional=False, **rates).train()
    data, lengths = random_batch([1] * 300)
    state = random_state(network, 300)
    _, final = network(data, lengths, state)
    _, free_final = read_batch(quiet_twin(network), data, lengths, state)
    shares = [rates.get(f"zoneout_{part}", 0.0) for part in network.cell.state_parts]
    for before, after, new, rate in zip(state, final, free_final, shares, strict=True):
        unchanged = after == before
        torch.testing.assert_close(after, torch.where(unchanged, before, new))
        assert_share(unchanged, rate)


def test_zoneout_chooses_anew_at_each_word():
    network = random_network(cell="rnn_tanh", zoneout_hidden=0.5, bidirectional=False).train()
    data, lengths = random_batch([40])
    output, _ = network(data, lengths, random_state(network, 1))
    unchanged = output[1:] == output[:-1]
    assert len(unchanged.unique(dim=0)) > 8


# Rates.


def test_set_dropout_reaches_only_dropouts_without_a_rate():
    network = RecurrentNetwork(
        3,
        RecurrentSettings(
            4, 2, dropout_input=0.1, word_dropout=0.2, weight_drop=0.3, zoneout_hidden=0.4
        ),
    )
    assert (network.dropout_layers.rate, network.dropout_output.rate) == (0.0, 0.0)
    set_dropout(scheduled_dropouts(network), 0.5)
    assert (network.dropout_layers.rate, network.dropout_output.rate) == (0.5, 0.5)
    assert (network.dropout_input.rate, network.word_dropout.rate) == (0.1, 0.2)
    assert {own.weight_drop.rate for own in network.layers} == {0.3}
    assert network.zoneouts == (0.4, 0.0)


def test_a_rate_that_was_set_works_like_a_fixed_one():
    names = ("dropout_input", "dropout_layers", "dropout_output")
    following = random_network(depth=2, **dict.fromkeys(names))
    fixed = random_network(depth=2, **dict.fromkeys(names, 0.5))
    fixed.load_state_dict(following.state_dict())
    batch = random_batch(BATCH)
    set_dropout(scheduled_dropouts(following), 0.5)
    torch.testing.assert_close(under_noise(following, *batch), under_noise(fixed, *batch))
    set_dropout(scheduled_dropouts(following), 0.0)
    torch.testing.assert_close(under_noise(following, *batch), fixed.eval()(*batch))


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, math.inf, math.nan])
def test_wrong_rates_are_refused(rate):
    message = re.escape(f"dropout is {rate}, but has to lie between 0 and 1, below 1")
    for kind in DROPOUTS:
        with pytest.raises(ValueError, match=message):
            kind(rate)
    dropout = LockedDropout()
    with pytest.raises(ValueError, match=message):
        set_dropout([dropout], rate)
    assert dropout.rate == 0.0


@pytest.mark.parametrize("rate", [0, 0.0, 0.5, 0.99])
def test_fitting_rates_are_returned(rate):
    assert check_rate("zoneout", rate) == rate


def test_a_rate_of_one_is_allowed_where_it_makes_sense():
    assert check_rate("zoneout", 1.0, one=True) == 1.0
    for rate in (-0.1, 1.1, math.nan):
        with pytest.raises(
            ValueError, match=f"zoneout is {rate}, but has to lie between 0 and 1:"
        ):
            check_rate("zoneout", rate, one=True)
