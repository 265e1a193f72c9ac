"""Recurrent networks against torch's own, plain loops and finite differences."""

import math
import re
from functools import partial
from itertools import product

import pytest
import torch
from needs import needs_bfloat16, needs_onednn
from nn_samples import fit_settings, loss_of, random_batch, random_network, random_state
from plain_networks import read_batch
from torch import nn
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from spacy_rnn.nn.kernels.prepared import PreparedWeights, prepare
from spacy_rnn.nn.rnn.cells import CELLS
from spacy_rnn.nn.rnn.cells.base import states_by_layer
from spacy_rnn.nn.rnn.network import RecurrentNetwork
from spacy_rnn.nn.rnn.scans.lstm import BinPackedLSTMScan, PaddedLSTMScan
from spacy_rnn.nn.rnn.settings import RecurrentSettings
from spacy_rnn.nn.rnn.stepper import Stepper

TORCH_NETWORKS = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "rnn_tanh": partial(nn.RNN, nonlinearity="tanh"),
    "rnn_relu": partial(nn.RNN, nonlinearity="relu"),
}

WITH_MATRIX = [name for name, cell in CELLS.items() if len(cell.recurrent_shape(1)) == 2]

SETTINGS = {
    "two directions": {},
    "one direction": {"bidirectional": False},
    "three layers": {"depth": 3},
    "three layers, one direction": {"depth": 3, "bidirectional": False},
    "sum": {"depth": 2, "merge": "sum"},
    "residual": {"depth": 2, "residual": True},
    "residual from the first layer": {"inputs": 4, "depth": 2, "residual": True},
    "layer norm": {"depth": 3, "layer_norm": True},
    "learned state": {"depth": 2, "initial_state": "learned"},
    "zoneout": {"depth": 2, "zoneout_hidden": 0.3},
    "all at once": {
        "inputs": 4,
        "depth": 2,
        "merge": "sum",
        "residual": True,
        "layer_norm": True,
        "initial_state": "learned",
        "zoneout_hidden": 0.3,
    },
}
# One cell for each scan takes all settings; what is around a cell does not depend on it.
WITH_ALL_SETTINGS = ("lstm", "gru", "sru", "rnn_tanh", "mgu")
FEW_SETTINGS = ("two directions", "three layers, one direction", "all at once")
CASES = [
    pytest.param(fit_settings(cell, SETTINGS[name]), id=f"{cell}, {name}")
    for cell in CELLS
    for name in (SETTINGS if cell in WITH_ALL_SETTINGS else FEW_SETTINGS)
]
CASES.append(pytest.param({"cell": "mlstm", "heads": 2}, id="mlstm, two heads"))
CASES += [
    pytest.param(
        {"cell": "lstmp", "cell_width": width, "bidirectional": False}, id=f"lstmp, {which}"
    )
    for width, which in ((3, "narrow cell state"), (4, "cell state as wide as the output"))
]
CASES += [
    pytest.param({"cell": "lstm", **rates}, id=f"lstm, {', '.join(rates)}")
    for rates in (
        {"zoneout_cell": 0.4},
        {"zoneout_hidden": 0.2, "zoneout_cell": 0.4},
    )
]
NOISE = {
    "dropout": {"dropout_input": 0.3, "dropout_layers": 0.3, "dropout_output": 0.3},
    "word dropout": {"word_dropout": 0.3},
    "weight drop": {"weight_drop": 0.3},
    "zoneout": {"zoneout_hidden": 0.3},
    "weight drop and zoneout": {"weight_drop": 0.3, "zoneout_hidden": 0.3},
}
NOISY_CASES = [
    pytest.param(fit_settings(cell, {"depth": 2, **NOISE[name]}), id=f"{cell}, {name}")
    for cell in CELLS
    for name in (NOISE if cell in WITH_ALL_SETTINGS else ["weight drop and zoneout"])
]
TOLERANCES = {
    torch.float32: {"rtol": 1e-5, "atol": 1e-5},
    torch.float64: {"rtol": 1e-9, "atol": 1e-9},
}
# Unsorted, with equals, with one word and with none.
LENGTHS = [3, 0, 5, 1, 5, 0, 2]


def start_of(network, batch):
    """Give the state that a network starts from on its own."""
    rows = network.depth * network.directions
    if network.initial_state is None:
        weight = network.layers[0].weight_hh
        return tuple(weight.new_zeros(rows, batch, width) for width in network.state_widths)
    return network.initial_state.expand(-1, batch, -1).split(network.state_widths, dim=2)


# What comes out.


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("given", [False, True], ids=["own state", "given state"])
@pytest.mark.parametrize("settings", CASES)
def test_network_equals_plain_loops(settings, given, dtype):
    """Outputs and final states, word by word and gate by gate."""
    network = random_network(**settings, dtype=dtype)
    data, lengths = random_batch(LENGTHS, network.inputs, dtype)
    state = random_state(network, len(lengths)) if given else None
    expected = read_batch(network, data, lengths, state or start_of(network, len(lengths)))
    torch.testing.assert_close(network(data, lengths, state), expected, **TOLERANCES[dtype])


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("given", [False, True], ids=["own state", "given state"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("cell", TORCH_NETWORKS)
def test_network_equals_torch(cell, depth, bidirectional, given, dtype):
    """Outputs, final states and all gradients equal those of packed sequences in torch."""
    network = random_network(
        3, 4, depth, cell=cell, bidirectional=bidirectional, dtype=dtype
    ).train()
    twin = TORCH_NETWORKS[cell](3, network.hidden, depth, bidirectional=bidirectional, dtype=dtype)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    weights = [getattr(own, name) for own in network.layers for name in names]
    twin_weights = [weight for own in twin.all_weights for weight in own]
    for weight, twin_weight in zip(weights, twin_weights, strict=True):
        twin_weight.data.copy_(weight)
    data, lengths = random_batch([4, 9, 1, 6, 6, 2], 3, dtype)
    data.requires_grad_()
    state = [part.requires_grad_() for part in random_state(network, len(lengths))]

    output, final = network(data, lengths, tuple(state) if given else None)
    packed = pack_sequence(data.split(lengths.tolist()), enforce_sorted=False)
    twin_state = tuple(state) if cell == "lstm" else state[0]
    twin_output, twin_final = twin(packed, twin_state if given else None)
    twin_output = torch.cat(unpack_sequence(twin_output))
    twin_final = twin_final if cell == "lstm" else (twin_final,)
    torch.testing.assert_close((output, final), (twin_output, twin_final), **TOLERANCES[dtype])

    others = [data, *(state if given else [])]
    torch.testing.assert_close(
        torch.autograd.grad(loss_of(output, *final), [*weights, *others]),
        torch.autograd.grad(loss_of(twin_output, *twin_final), [*twin_weights, *others]),
        **TOLERANCES[dtype],
    )


@pytest.mark.parametrize("zoneout", [0.0, 1e-30], ids=["kernel", "steps"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_projection_is_that_of_torch(bidirectional, zoneout):
    """In outputs, final states and all gradients, by torch's kernel and step by step."""
    network = random_network(
        cell="lstmp", cell_width=5, bidirectional=bidirectional, zoneout_hidden=zoneout
    )
    hidden = network.hidden
    twin = nn.LSTM(3, 5, proj_size=hidden, bidirectional=bidirectional, dtype=torch.float64)
    weights, twin_weights = [*network.layers.parameters()], [*twin.parameters()]
    for weight, twin_weight in zip(weights, twin_weights, strict=True):
        twin_weight.data.copy_(weight)
    data, lengths = random_batch([4, 9, 1, 6, 6, 2])
    packed = pack_sequence(data.split(lengths.tolist()), enforce_sorted=False)
    output, final = network(data, lengths)
    twin_output, twin_final = twin(packed)
    twin_output = torch.cat(unpack_sequence(twin_output))
    torch.testing.assert_close((output, final), (twin_output, twin_final))
    torch.testing.assert_close(
        torch.autograd.grad(loss_of(output, *final), weights),
        torch.autograd.grad(loss_of(twin_output, *twin_final), twin_weights),
    )


def test_without_peepholes_the_cell_is_torchs_lstm():
    network = random_network(cell="peephole", bidirectional=False)
    (own,) = network.layers
    nn.init.zeros_(own.peepholes)
    twin = nn.LSTMCell(3, 4, dtype=torch.float64)
    twin.load_state_dict({name: getattr(own, name) for name in twin.state_dict()})
    data, lengths = random_batch([6])
    state, outputs = None, []
    for word in data.split(1):
        state = twin(word, state)
        outputs.append(state[0])
    output, final = network(data, lengths)
    torch.testing.assert_close(output, torch.cat(outputs))
    torch.testing.assert_close(final, tuple(part[None] for part in state))


@pytest.mark.parametrize("bias", [1000.0, -1000.0])
def test_exponential_gates_of_any_size_are_finite(bias):
    """Where the normaliser divides, a factor of all that is written changes nothing."""
    network = random_network(cell="mlstm")
    data, lengths = random_batch([300, 2])
    outputs = []
    for factor in (1, 2):
        for own in network.layers:
            network.cell.split_gates(own.bias_ih.data)[4].fill_(factor * bias)
        output, _ = network(data, lengths)
        outputs.append(output)
        gradients = torch.autograd.grad(loss_of(output), [*network.parameters()])
        assert all(gradient.isfinite().all() for gradient in gradients)
    torch.testing.assert_close(*outputs)
    assert (outputs[0].abs().max() > 0.1) == (bias > 0)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("merge", ["concat", "sum"])
def test_width_is_what_comes_out(merge, bidirectional):
    network = random_network(3, 6, 2, merge=merge, bidirectional=bidirectional)
    output, final = network(*random_batch([2, 0]))
    assert output.shape == (2, 6)
    hidden = 3 if bidirectional and merge == "concat" else 6
    assert [part.shape for part in final] == [(2 + 2 * bidirectional, 2, hidden)] * 2


@pytest.mark.parametrize(
    "settings",
    [{"width": 5, "merge": "sum"}, {"width": 5, "bidirectional": False}],
    ids=["sum", "one direction"],
)
def test_odd_widths_are_legal_where_nothing_is_halved(settings):
    network = random_network(**settings)
    assert network(*random_batch([2]))[0].shape == (2, 5)


@needs_bfloat16
@pytest.mark.parametrize("settings", CASES)
def test_mixed_precision_stays_close(settings):
    """What goes in and out keeps its type."""
    network = random_network(**settings, dtype=torch.float32)
    batch = random_batch(LENGTHS, network.inputs, torch.float32)
    expected = network(*batch)
    with torch.autocast("cpu", torch.bfloat16):
        results = network(*batch)
    torch.testing.assert_close(results, expected, rtol=0.1, atol=0.1)
    assert not torch.equal(results[0], expected[0])


# Gradients.


def check_gradients(network):
    """Compare the gradients of all parameters, the words and the states.

    Each tensor is checked along one random direction: what is wrong anywhere in it shows.
    """
    data, lengths = random_batch([2, 0, 3, 1], network.inputs)
    parameters = dict(network.named_parameters())
    # A learned state replaces a given one.
    state = random_state(network, len(lengths)) if network.initial_state is None else ()

    def loss(data, *others):
        torch.manual_seed(1)  # The same noise each time.
        values, state = others[: len(parameters)], others[len(parameters) :]
        output, final = torch.func.functional_call(
            network,
            dict(zip(parameters, values, strict=True)),
            (data, lengths, state or None),
        )
        return loss_of(output, *final)

    leaves = [data, *(parameter.detach() for parameter in parameters.values()), *state]
    assert torch.autograd.gradcheck(
        loss, [leaf.requires_grad_() for leaf in leaves], fast_mode=True
    )


@pytest.mark.parametrize("settings", CASES)
def test_gradients_equal_finite_differences(settings):
    check_gradients(random_network(**settings))


@pytest.mark.parametrize("settings", NOISY_CASES)
def test_gradients_under_noise_equal_finite_differences(settings):
    check_gradients(random_network(**settings).train())


# Batches.


@pytest.mark.parametrize("context", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("settings", CASES)
def test_results_do_not_depend_on_the_batch(settings, context):
    """Alone, together, in another order, next to a long one, among many short ones."""
    network = random_network(**settings, dtype=torch.float32)
    data, lengths = random_batch([*LENGTHS, 150, 2], network.inputs, torch.float32)
    sequences = data.split(lengths.tolist())
    *own, long, short = range(len(sequences))
    with context():
        alone = [network(words, torch.tensor([len(words)])) for words in sequences]
        for batch in (
            own,
            own[::-1],
            [*own, long],
            [short] * 40 + own,
            [long] + [short] * 40 + own + [short],
        ):
            output, final = network(torch.cat([sequences[i] for i in batch]), lengths[batch])
            torch.testing.assert_close(
                (output, final),
                (
                    torch.cat([alone[i][0] for i in batch]),
                    tuple(
                        torch.cat(parts, 1)
                        for parts in zip(*(alone[i][1] for i in batch), strict=True)
                    ),
                ),
                rtol=0,
                atol=1e-5,
            )


@pytest.mark.parametrize("cell", CELLS)
def test_wide_networks_do_not_depend_on_the_batch(cell):
    """Wide enough for kernels that add up in another order for another batch."""
    network = RecurrentNetwork(40, RecurrentSettings(96, 2, cell=cell)).eval()
    data, lengths = random_batch([13, 1, 64, 30, 30, 2, 8, 100], 40, torch.float32)
    together, _ = network(data, lengths)
    alone = [
        network(words, torch.tensor([len(words)]))[0] for words in data.split(lengths.tolist())
    ]
    # To divide by a sum of products that nearly cancel magnifies what float32 rounds off.
    atol = 1e-3 if cell == "mlstm" else 1e-5
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=atol)


@pytest.mark.parametrize("cell", CELLS)
def test_values_without_bounds_depend_on_the_batch_by_their_rounding_alone(cell):
    """Residual connections let values grow: what float32 rounds off grows with them."""
    network = RecurrentNetwork(
        96, RecurrentSettings(96, 4, cell=cell, merge="sum", residual=True)
    ).eval()
    data, lengths = random_batch([20, 500], 96, torch.float32)
    together, _ = network(data, lengths)
    alone, _ = network(data[:20], lengths[:1])
    largest = max(1.0, alone.abs().max().item())
    atol = (1e-3 if cell == "mlstm" else 1e-5) * largest
    torch.testing.assert_close(together[:20], alone, rtol=0, atol=atol)


@pytest.mark.parametrize("value", [1e30, math.inf, math.nan])
@pytest.mark.parametrize("settings", CASES)
def test_bad_neighbours_do_no_harm(settings, value):
    network = random_network(**settings, dtype=torch.float32)
    data, lengths = random_batch([4, 3, 6], network.inputs, torch.float32)

    def others():
        output, final = network(data, lengths)
        return torch.cat([output[:4], output[7:]]), [part[:, [0, 2]] for part in final]

    expected = others()
    data[4:7] = value
    torch.testing.assert_close(others(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("lengths", [[], [0], [0, 0, 0]], ids=str)
@pytest.mark.parametrize("settings", CASES)
def test_batches_without_words_are_legal(settings, lengths):
    """Nothing comes out, and the state that came in."""
    network = random_network(**settings)
    data, lengths = random_batch(lengths, network.inputs)
    state = random_state(network, len(lengths))
    output, final = network(data, lengths, state)
    assert output.shape == (0, 4)
    torch.testing.assert_close(final, state, rtol=0, atol=0)
    _, final = network(data, lengths)
    torch.testing.assert_close(final, start_of(network, len(lengths)), rtol=0, atol=0)


@pytest.mark.parametrize("lengths", [[], [0, 0]], ids=str)
def test_batches_without_words_have_gradients(lengths):
    network = random_network()
    data, lengths = random_batch(lengths)
    network(data.requires_grad_(), lengths)[0].sum().backward()
    assert data.grad.shape == (0, 3)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("settings", CASES)
def test_sequences_without_words_keep_their_state(settings, dtype):
    network = random_network(**settings, dtype=dtype)
    data, lengths = random_batch([0, 3, 0], network.inputs, dtype)
    state = random_state(network, 3)
    _, final = network(data, lengths, state)
    for before, after in zip(state, final, strict=True):
        assert torch.equal(before[:, [0, 2]], after[:, [0, 2]])
        assert not torch.equal(before[:, 1], after[:, 1])


# States from chunk to chunk.


def read_in_chunks(network, data, sizes, detach=False):
    """Read a batch bit by bit.

    sizes: The words of each sequence in each chunk, shape `(batch, chunks)`.
    detach: Whether to cut the gradient between chunks.
    """
    pieces = [
        sequence.split(own.tolist())
        for sequence, own in zip(data.split(sizes.sum(1).tolist()), sizes, strict=True)
    ]
    state, outputs = None, []
    for chunk, lengths in zip(zip(*pieces, strict=True), sizes.T, strict=True):
        output, state = network(torch.cat(chunk), lengths, state)
        outputs.append(output.split(lengths.tolist()))
        if detach:
            state = tuple(part.detach() for part in state)
    by_sequence = (torch.cat(own) for own in zip(*outputs, strict=True))
    return torch.cat(list(by_sequence)), state


def even_chunks(lengths, words):
    """Give the sizes of chunks of so many words, the last ones perhaps fewer."""
    starts = torch.arange(0, int(lengths.max()), words)
    return (lengths[:, None] - starts).clamp(0, words)


RAGGED_CHUNKS = torch.tensor(
    [[2, 0, 3, 1], [0, 1, 0, 0], [1, 1, 4, 2], [0, 0, 0, 0], [0, 0, 0, 5]]
)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(
    "sizes",
    [even_chunks(torch.tensor([7, 0, 4, 1]), words) for words in (1, 3, 7)] + [RAGGED_CHUNKS],
    ids=["word by word", "three words", "one chunk", "ragged"],
)
@pytest.mark.parametrize("settings", CASES)
def test_chunks_equal_one_pass(settings, sizes, dtype):
    network = random_network(**(settings | {"bidirectional": False}), dtype=dtype)
    data, lengths = random_batch(sizes.sum(1).tolist(), network.inputs, dtype)
    torch.testing.assert_close(
        read_in_chunks(network, data, sizes), network(data, lengths), **TOLERANCES[dtype]
    )


def stream(cell, dtype):
    """Make a deep network of one direction and a batch for it."""
    network = random_network(
        3, 4, 2, cell=cell, bidirectional=False, initial_state="learned", dtype=dtype
    )
    data, lengths = random_batch([7, 2, 0, 6], 3, dtype)
    return network, data.requires_grad_(), lengths


def gradients(network, data, output):
    return torch.autograd.grad(loss_of(output), [data, *network.parameters()])


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("words", [1, 2, 3, 6, 7, 10])
@pytest.mark.parametrize("cell", CELLS)
def test_truncation_equals_detaching_by_hand(cell, words, dtype):
    """The gradient of a state ends where its chunk began, and nothing else does."""
    network, data, lengths = stream(cell, dtype)
    output, _ = read_in_chunks(network, data, even_chunks(lengths, words), detach=True)
    start = start_of(network, len(lengths))
    plain, _ = read_batch(network, data, lengths, start, detach_every=words)
    torch.testing.assert_close(
        gradients(network, data, output), gradients(network, data, plain), **TOLERANCES[dtype]
    )


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(("words", "detach"), [(7, True), (10, True), (1, False), (3, False)])
@pytest.mark.parametrize("cell", CELLS)
def test_chunks_that_cut_nothing_equal_full_backpropagation(cell, words, detach, dtype):
    """One chunk for all words, or states that carry their gradient."""
    network, data, lengths = stream(cell, dtype)
    output, _ = read_in_chunks(network, data, even_chunks(lengths, words), detach)
    whole, _ = network(data, lengths)
    torch.testing.assert_close(
        gradients(network, data, output), gradients(network, data, whole), **TOLERANCES[dtype]
    )


@pytest.mark.parametrize("cell", CELLS)
def test_truncation_changes_gradients(cell):
    network, data, lengths = stream(cell, torch.float64)
    output, _ = read_in_chunks(network, data, even_chunks(lengths, 2), detach=True)
    whole, _ = network(data, lengths)
    cut, full = (gradients(network, data, each)[0] for each in (output, whole))
    assert not torch.allclose(cut, full, atol=1e-3)


# What a network starts out with.


@pytest.mark.parametrize("cell", CELLS)
def test_learned_states_start_at_zero_and_learn(cell):
    network = (
        RecurrentNetwork(3, RecurrentSettings(4, 2, cell=cell, initial_state="learned"))
        .double()
        .eval()
    )
    plain = RecurrentNetwork(3, RecurrentSettings(4, 2, cell=cell)).double().eval()
    plain.load_state_dict(network.state_dict(), strict=False)
    assert not network.initial_state.any()
    assert plain.initial_state is None
    batch = random_batch([3, 1, 2])
    torch.testing.assert_close(network(*batch), plain(*batch))
    loss_of(network(*batch)[0]).backward()
    gradients = network.initial_state.grad.split(network.state_widths, dim=2)
    for part, gradient in zip(network.cell.state_parts, gradients, strict=True):
        # A small normaliser changes nothing, and a stabiliser never does.
        assert gradient.any(dim=2).all() or part in ("normalizer", "stabilizer")


@pytest.mark.parametrize("given", [False, True])
def test_a_given_state_takes_the_place_of_the_learned_one(given):
    network = random_network(3, 4, initial_state="learned")
    state = random_state(network, 2) if given else None
    loss_of(network(*random_batch([3, 1]), state)[0]).backward()
    assert (network.initial_state.grad is None) == given


def layers(cell, inputs=6, width=8, **settings):
    return RecurrentNetwork(inputs, RecurrentSettings(width, 2, cell=cell, **settings)).layers


@pytest.mark.parametrize("cell", WITH_MATRIX)
def test_recurrent_matrices_start_orthogonal_for_each_gate(cell):
    for own in layers(cell):
        for gate in own.weight_hh.chunk(len(CELLS[cell].gates)):
            torch.testing.assert_close(gate.T @ gate, torch.eye(4))


def test_recurrent_vectors_start_uniformly():
    """Between 0 and 1, where units remember and no gradient explodes."""
    for own in layers("indrnn", width=2000):
        vector = own.weight_hh.detach()
        assert vector.shape == (1000,)
        assert 0 <= vector.min() < 0.01
        assert 0.99 < vector.max() <= 1
        assert vector.mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("cell", CELLS)
def test_input_matrices_start_as_xavier_says_for_each_gate(cell):
    """Uniform up to the square root of 6 / (inputs + outputs of one gate)."""
    for own in layers(cell, inputs=60, width=120):
        for gate in CELLS[cell].split_gates(own.weight_ih.detach()):
            bound = math.sqrt(6 / sum(gate.shape))
            assert gate.abs().max() <= bound
            if len(gate) == 1:  # Too few numbers to say more: the gates of a head.
                continue
            assert gate.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
            assert abs(gate.mean()) < 0.05 * bound


@pytest.mark.parametrize("cell", CELLS)
def test_every_gate_and_direction_starts_with_weights_of_its_own(cell):
    for name in ("weight_ih", "weight_hh")[: 1 + CELLS[cell].has_recurrent_weight]:
        blocks = [gate for own in layers(cell, 8) for gate in getattr(own, name).split(4)]
        assert len({block.flatten()[0].item() for block in blocks}) == len(blocks)


# The gate of a cell that `forget_bias` sets, and its sign: a coupled input gate forgets.
LIKE_LSTM = ("lstm", "peephole", "layer_norm_lstm", "lstmp", "min_lstm")
FORGET_GATES = {
    **dict.fromkeys(("cifg", "min_gru"), (0, -1)),
    "mlstm": (5, 1),
    **dict.fromkeys(("ssru", "sru"), (0, 1)),
    **dict.fromkeys((*LIKE_LSTM, "qrnn", "qrnn_2"), (1, 1)),
}


@pytest.mark.parametrize(
    ("cell", "expected"), [*product(CELLS, [1.0, -1.0]), ("lstm", 2.5), ("lstm", 0.0)]
)
def test_only_the_forget_gate_starts_with_a_bias(cell, expected):
    for own in layers(cell, forget_bias=expected):
        start = torch.zeros(len(own.bias_ih))
        if cell in FORGET_GATES:
            gate, sign = FORGET_GATES[cell]
            CELLS[cell].split_gates(start)[gate].fill_(sign * expected)
        assert torch.equal(own.bias_ih, start)
        assert not own.bias_hh.any()


WITH_CHRONO = [name for name, cell in CELLS.items() if cell.has_chrono_init]


def biased_gates(cell, own):
    """Give the gates that start with a bias."""
    gates = own.bias_ih.detach().chunk(len(CELLS[cell].gates))
    return [index for index, gate in enumerate(gates) if gate.any()], gates


@pytest.mark.parametrize("chrono_init", [3, 50])
@pytest.mark.parametrize("cell", WITH_CHRONO)
def test_chrono_biases_give_memories_of_all_lengths(cell, chrono_init):
    """The bias of what remembers is the logarithm of uniform numbers from 1 to T - 1."""
    hidden = 500
    settings = {"chrono_init": chrono_init, "forget_bias": 5.0}  # Which has no part in it.
    for own in layers(cell, width=2 * hidden, **settings):
        biased, gates = biased_gates(cell, own)
        # Positive where the gate remembers, as in an LSTM and a GRU; negative where it forgets.
        memory = (gates[1] if cell in ("lstm", "gru") else gates[biased[-1]].abs()).exp()
        assert (memory >= 1 - 1e-5).all()
        assert (memory <= chrono_init - 1 + 1e-5 * chrono_init).all()
        assert memory.mean() == pytest.approx(chrono_init / 2, rel=0.1)
        if cell in LIKE_LSTM:
            assert biased == [0, 1]
            assert torch.equal(gates[0], -gates[1])
        elif cell == "gru":
            assert biased == [1]
        else:
            assert len(biased) == 1
        assert not own.bias_hh.any()


@pytest.mark.parametrize("cell", WITH_CHRONO)
def test_chrono_units_remember_for_as_long_as_their_bias_says(cell):
    """With no input, a unit forgets one part in exp(bias) + 1 of its state at each word."""
    network = RecurrentNetwork(
        3, RecurrentSettings(4, cell=cell, bidirectional=False, chrono_init=20)
    )
    (own,) = network.double().layers
    nn.init.zeros_(own.weight_ih)
    nn.init.zeros_(own.weight_hh)
    state = random_state(network, 1)
    memory_part = max(
        index for index, part in enumerate(network.cell.state_parts) if part in ("hidden", "cell")
    )
    for part in state[memory_part + 1 :]:
        part.zero_()
    _, final = network(torch.zeros(3, 3).double(), torch.tensor([3]), state)
    biased, gates = biased_gates(cell, own)
    memory = gates[biased[-1]].abs().exp()
    before, after = state[memory_part], final[memory_part]
    torch.testing.assert_close(after, before * (memory / (memory + 1)) ** 3)


# Which kernel is used.


@needs_onednn
@pytest.mark.parametrize(
    ("settings", "dtype", "given", "fits"),
    [
        ({}, torch.float32, False, True),
        ({"bidirectional": False}, torch.float32, True, True),
        ({"bidirectional": False, "initial_state": "learned"}, torch.float32, False, True),
        ({}, torch.float32, True, False),
        ({"initial_state": "learned"}, torch.float32, False, False),
        ({}, torch.float64, False, False),
        ({"zoneout_cell": 0.1}, torch.float32, False, False),
        ({"cell": "gru"}, torch.float32, False, False),
    ],
)
@pytest.mark.parametrize("final", [False, True])
def test_the_fast_kernel_is_used_where_it_fits(monkeypatch, settings, dtype, given, fits, final):
    """Else the comparisons in float32 would say nothing about it."""
    calls = []

    def watch(kind):
        run = kind.run
        monkeypatch.setattr(kind, "run", lambda *given: calls.append(kind) or run(*given))

    watch(PaddedLSTMScan)
    watch(BinPackedLSTMScan)
    network = random_network(**settings, dtype=dtype)
    data, lengths = random_batch(LENGTHS, 3, dtype)
    state = random_state(network, len(lengths)) if given else None
    network(data, lengths, state, final=final)
    from_zero = not given and settings.get("initial_state") != "learned"
    shared = from_zero and not final
    assert calls == [BinPackedLSTMScan if shared else PaddedLSTMScan] * fits


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("settings", [{}, {"merge": "sum", "residual": True}], ids=str)
def test_outputs_are_the_same_without_final_states(settings, cell, bidirectional, dtype):
    settings = {**settings, "cell": cell, "bidirectional": bidirectional, "depth": 2}
    network = random_network(4, **settings, layer_norm=True, dtype=dtype)
    data, lengths = random_batch(LENGTHS, 4, dtype)
    data.requires_grad_()
    results = []
    for final in (True, False):
        output, states = network(data, lengths, final=final)
        assert bool(states) == final
        results.append((output, torch.autograd.grad(loss_of(output), [data])))
    torch.testing.assert_close(*results, **TOLERANCES[dtype])


def test_batches_without_words_have_no_final_states_either():
    network = random_network()
    output, states = network(torch.zeros(0, 3).double(), torch.tensor([0, 0]), final=False)
    assert (output.shape, states) == ((0, 4), ())


@needs_onednn
def test_results_are_the_same_without_the_fast_kernel(monkeypatch):
    network = random_network(depth=2, dtype=torch.float32)
    batch = random_batch(LENGTHS, 3, torch.float32)
    expected = network(*batch)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    torch.testing.assert_close(network(*batch), expected, **TOLERANCES[torch.float32])


@needs_onednn
@pytest.mark.filterwarnings("ignore:TF32")
def test_the_fast_kernel_can_be_turned_off(monkeypatch):
    network = random_network(dtype=torch.float32)
    monkeypatch.delattr(PaddedLSTMScan, "run")
    with torch.backends.mkldnn.flags(enabled=False):
        network(*random_batch(LENGTHS, 3, torch.float32))


# What is refused.


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "elman"}, 'cell is "elman", but has to be one of "lstm", "gru", "rnn_tanh"'),
        ({"merge": "mean"}, 'merge is "mean", but has to be one of "concat", "sum"'),
        (
            {"initial_state": "one"},
            'initial_state is "one", but has to be one of "zero", "learned"',
        ),
        ({"inputs": 0}, "inputs is 0, but has to be at least 1"),
        ({"width": 0}, "width is 0, but has to be at least 1"),
        ({"depth": 0}, "depth is 0, but has to be at least 1"),
        (
            {"width": 5},
            "width is 5, which two directions cannot share evenly: choose an even one such as 6",
        ),
        ({"cell": "gru", "zoneout_cell": 0.1}, 'zoneout_cell is 0.1, but cell "gru" has no cell'),
        ({"cell": "ssru", "zoneout_hidden": 0.1}, 'zoneout_hidden is 0.1, but cell "ssru" has no'),
        ({"cell": "ssru", "weight_drop": 0.1}, 'weight_drop is 0.1, but cell "ssru" has no'),
        ({"cell_width": 8}, 'cell_width is 8, but the state of cell "lstm" is as wide as its'),
        ({"cell": "lstmp", "cell_width": 0}, "cell_width is 0, but has to be at least 1"),
        (
            {"heads": 2},
            'heads is 2, but cell "lstm" has none: set it to 1, or choose cell = "mlstm"',
        ),
        ({"cell": "mlstm", "heads": 0}, "heads is 0, but has to be at least 1"),
        ({"cell": "mlstm", "heads": 3}, "heads is 3, but 2 units of a direction cannot be shared"),
        ({"cell": "mlstm", "zoneout_cell": 0.1}, 'zoneout_cell is 0.1, but cell "mlstm" has no'),
        ({"chrono_init": 2}, "chrono_init is 2, but has to be at least 3"),
        ({"chrono_init": 5.5}, "chrono_init is 5.5, but has to be a whole number"),
        ({"width": 8.5}, "width is 8.5, but has to be a whole number"),
        ({"depth": 1.5}, "depth is 1.5, but has to be a whole number"),
        ({"forget_bias": math.nan}, "forget_bias is nan, but has to be a finite number"),
        (
            {"cell": "rnn_tanh", "chrono_init": 9},
            'cell, with chrono_init, is "rnn_tanh", but has to be one of "lstm", "gru"',
        ),
        ({"zoneout_hidden": 1.1}, "zoneout_hidden is 1.1, but has to lie between 0 and 1:"),
        ({"zoneout_cell": -0.1}, "zoneout_cell is -0.1, but has to lie between 0 and 1:"),
        ({"dropout_input": 1.0}, "dropout_input is 1.0, but has to lie between 0 and 1, below 1"),
        (
            {"dropout_layers": -0.2},
            "dropout_layers is -0.2, but has to lie between 0 and 1, below 1",
        ),
        ({"dropout_output": 7}, "dropout_output is 7, but has to lie between 0 and 1, below 1"),
        ({"word_dropout": 1.0}, "word_dropout is 1.0, but has to lie between 0 and 1, below 1"),
        ({"weight_drop": -1}, "weight_drop is -1, but has to lie between 0 and 1, below 1"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    settings = {"inputs": 3, "width": 4, **settings}
    inputs = settings.pop("inputs")
    with pytest.raises(ValueError, match=re.escape(message)):
        RecurrentNetwork(inputs, RecurrentSettings(**settings))


@pytest.mark.parametrize(
    ("shape", "lengths", "message"),
    [
        ((4, 2), [4], "have 2 features but the network reads 3: set its inputs to 2"),
        ((0, 2), [], "have 2 features but the network reads 3"),
        ((4, 3), [3], "sum to 3 but the data has 4 rows"),
        ((4, 3), [5, -1], "cannot have -1 words"),
    ],
)
def test_wrong_words_are_refused(shape, lengths, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        random_network()(torch.zeros(shape).double(), torch.tensor(lengths, dtype=torch.int64))


@pytest.mark.parametrize(
    ("cell", "shapes"),
    [
        ("lstm", [(4, 2, 2)]),
        ("lstm", [(4, 2, 2), (4, 1, 2)]),
        ("lstm", [(4, 3, 2)] * 2),
        ("lstm", [(2, 2, 2)] * 2),
        ("lstm", [(4, 2, 4)] * 2),
        ("gru", [(4, 2, 2)] * 2),
        ("gru", [(4, 2)]),
    ],
)
@pytest.mark.parametrize("lengths", [[1, 2], [0, 0]], ids=["words", "no words"])
def test_wrong_states_are_refused(cell, shapes, lengths):
    network = random_network(depth=2, cell=cell)
    state = tuple(torch.zeros(shape).double() for shape in shapes)
    needed = f"need {[(4, 2, 2)] * (2 if cell == 'lstm' else 1)}: "
    with pytest.raises(ValueError, match=re.escape(f"{shapes}, but")) as error:
        network(*random_batch(lengths), state)
    assert needed in str(error.value)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("settings", CASES)
def test_steps_equal_one_pass(settings, dtype):
    """Word by word, with states carried by hand."""
    network = random_network(dtype=dtype, **{**settings, "bidirectional": False})
    data, lengths = random_batch([5, 5, 5], network.inputs, dtype)
    output, final = network(data, lengths)
    step, states = Stepper(network), states_by_layer(network.start(3))
    words = data.view(3, 5, -1)
    outputs = []
    for time in range(5):
        output_of_step, states = step(words[:, time], states)
        outputs.append(output_of_step)
    torch.testing.assert_close(torch.stack(outputs, 1).flatten(0, 1), output, **TOLERANCES[dtype])
    torch.testing.assert_close(states, states_by_layer(final), **TOLERANCES[dtype])


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize(
    "setting", ["dropout_input", "word_dropout", "dropout_layers", "dropout_output"]
)
def test_noise_of_a_step_is_that_of_one_pass(setting, residual):
    settings = {"bidirectional": False, "residual": residual, "dropout_layers": 0.0, setting: 0.5}
    network = random_network(4, 4, 2, **settings).train()
    data, lengths = random_batch([1] * 9, 4)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        output, final = network(data, lengths)
        torch.manual_seed(0)
        found = Stepper(network)(data, states_by_layer(network.start(9)))
    torch.testing.assert_close(found, (output, states_by_layer(final)))
    assert not torch.equal(found[0], network.eval()(data, lengths)[0])


@pytest.mark.parametrize("residual", [False, True])
def test_steps_read_entries_of_a_vocabulary(residual):
    """By a table of the vocabulary, where weights are prepared."""
    network = random_network(4, 4, 2, dtype=torch.float32, bidirectional=False, residual=residual)
    embedding, words = nn.Embedding(9, 4), torch.tensor([7, 2, 2])
    states = states_by_layer(network.start(3))
    prepared = prepare(network, PreparedWeights())
    for reader in (network, prepared):
        found = Stepper(reader, embedding)(words, states)
        expected = Stepper(reader)(embedding(words), states)
        torch.testing.assert_close(found, expected)
    assert next(iter(prepared.prepared._cache))[0] == "table"


def test_weights_are_dropped_once_for_all_steps():
    network = random_network(4, 4, bidirectional=False, weight_drop=0.5).train()
    words, states = torch.randn(2, 4).double(), tuple(torch.randn(2, 2, 4).double())
    first, other = Stepper(network), Stepper(network)
    torch.testing.assert_close(first(words, states), first(words, states), rtol=0, atol=0)
    assert not torch.equal(first(words, states)[0], other(words, states)[0])


@pytest.mark.parametrize(
    "cell", [pytest.param(cell, marks=[needs_bfloat16] * (cell == "lstm")) for cell in CELLS]
)
def test_steps_are_of_the_types_of_one_pass(cell):
    """Under autocast too."""
    network = random_network(4, 4, 2, cell=cell, bidirectional=False, residual=True).float()
    data, lengths = random_batch([1, 1], 4, torch.float32)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        output, final = network(data, lengths)
        step = Stepper(network)(data, states_by_layer(network.start(2)))
    torch.testing.assert_close(step, (output, states_by_layer(final)), rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    ("words", "shapes", "message"),
    [
        ((3, 3), [(1, 4)] * 2, "The states have shapes [(1, 4), (1, 4)]"),
        ((3, 3), [(3, 4)] * 3, "need [(3, 4), (3, 4)]: "),
        ((3, 3), [(3, 4)] * 4, "need [(3, 4), (3, 4)]: "),
        ((3, 2), [(3, 4)] * 2, "The words have 2 features but the network reads 3"),
    ],
)
def test_wrong_steps_are_refused(words, shapes, message):
    network = random_network(depth=2, cell="gru", bidirectional=False)
    states = tuple(torch.zeros(shape).double() for shape in shapes)
    with pytest.raises(ValueError, match=re.escape(message)):
        Stepper(network)(torch.zeros(words).double(), states)


@pytest.mark.parametrize("cell", ["gru", "ssru", "sru"])
def test_second_derivatives_are_refused(cell):
    """Where a backward pass of our own would give wrong ones."""
    network = random_network(cell=cell)
    data, lengths = random_batch([3, 2])
    data.requires_grad_()
    output, _ = network(data, lengths)
    torch.autograd.grad(output.sum(), data, retain_graph=True)
    with pytest.raises(RuntimeError, match="Second derivatives are wanted"):
        torch.autograd.grad(output.sum(), data, create_graph=True)


def test_steps_need_one_direction():
    network = random_network()
    with pytest.raises(ValueError, match="set bidirectional to false"):
        Stepper(network)
