"""The ways to scan a layer give the same numbers."""

from functools import partial
from unittest.mock import Mock

import pytest
import torch
from nn_samples import loss_of, random_batch

from spacy_rnn.nn.batch.tiles import bin_pack, pad_tiles
from spacy_rnn.nn.kernels import shapes
from spacy_rnn.nn.rnn import gru
from spacy_rnn.nn.rnn.cells import CELLS
from spacy_rnn.nn.rnn.cells.base import Weights
from spacy_rnn.nn.rnn.cells.elementwise import ElementwiseCell
from spacy_rnn.nn.rnn.scans import kernel
from spacy_rnn.nn.rnn.scans.base import ScanRequest
from spacy_rnn.nn.rnn.scans.elementwise import ElementwiseScan
from spacy_rnn.nn.rnn.scans.gru import GRUScan
from spacy_rnn.nn.rnn.scans.kernel import KernelScan
from spacy_rnn.nn.rnn.scans.lstm import BinPackedLSTMScan, PaddedLSTMScan
from spacy_rnn.nn.rnn.scans.stepped import SteppedScan

CPU = torch.device("cpu")
INPUTS, HIDDEN = 3, 2
# At this cost a call of the kernel is worth 50 words of padding: that of a layer so wide.
CELL_COST = 100_000
WIDTH = CELL_COST // (4 * HIDDEN) - HIDDEN

BATCHES = {
    "one word": [1],
    "one sequence": [5],
    "equal lengths": [3, 3, 3],
    "unsorted": [2, 0, 7, 1, 0, 4, 7],
    "many": [(17 * index) % 71 for index in range(50)],
}
TOLERANCES = {
    torch.float32: {"rtol": 1e-4, "atol": 1e-4},
    torch.float64: {"rtol": 1e-9, "atol": 1e-9},
}
WITH_KERNEL = [name for name, cell in CELLS.items() if cell.kernel is not None]
ELEMENTWISE = [name for name, cell in CELLS.items() if isinstance(cell, ElementwiseCell)]
PACKED_SCANS = (GRUScan, ElementwiseScan, KernelScan)
# Every scan that is compared with another one on packed sequences, most of them torch's kernel.
SCANS = [("lstm", "padded"), *((cell, "steps") for cell in WITH_KERNEL + ELEMENTWISE)]
# And every scan that knows states.
ALL_SCANS = [
    ("lstm", "padded"),
    *((cell, "steps") for cell in CELLS),
    *((cell, "packed") for cell in WITH_KERNEL + ELEMENTWISE),
]


@pytest.fixture(autouse=True)
def kernel_in_float64(monkeypatch):
    """Let another kernel of torch stand in for oneDNN's, which is for float32 alone."""
    onednn = torch.mkldnn_rnn_layer

    def kernel(data, *arguments):
        if data.dtype == torch.float32:
            return onednn(data, *arguments)
        *weights, hidden, cell, reverse, _, _, _, _, _, _, _, train = arguments
        data = data.flip(0) if reverse else data
        output, hidden, cell = torch.lstm(
            data, (hidden, cell), weights, True, 1, 0.0, train, False, False
        )
        return output.flip(0) if reverse else output, hidden, cell, None

    monkeypatch.setattr(torch, "mkldnn_rnn_layer", kernel)


def scan(kind, cell, data, lengths, weights, state):
    """Call one of the scans that know states."""
    request = make_request(cell, data, weights)
    if kind == "padded":
        return PaddedLSTMScan(request, lengths).run(data, weights, state)
    if kind == "packed":
        fastest = next(scan for scan in PACKED_SCANS if scan.fits(request))
        return fastest(request, lengths).run(data, weights, state)
    return SteppedScan(request, lengths).run(data, weights, state)


def make_request(cell, data, weights):
    return ScanRequest(
        cell=CELLS[cell],
        width=WIDTH,
        hidden=HIDDEN,
        directions=len(weights),
        data=data,
        zoneouts=(0.0,) * len(CELLS[cell].state_parts),
        training=False,
        zero_state=False,
        final=True,
        sequences=2,
    )


def random_weights(cell, directions, dtype, scale=0.5):
    gates = CELLS[cell].input_rows(HIDDEN)
    shapes = [(gates, INPUTS), CELLS[cell].recurrent_shape(HIDDEN), (gates,), (gates,)]
    shapes += [weight.shape for weight in CELLS[cell].further_weights(HIDDEN).values()]
    return [
        make_weights(
            (scale * torch.randn(shape, dtype=dtype)).requires_grad_() for shape in shapes
        )
        for _ in range(directions)
    ]


def make_weights(tensors):
    """Make the weights of one direction from all of them in a row."""
    tensors = list(tensors)
    return Weights(*tensors[:4], tuple(tensors[4:]))


def flatten(weights):
    """Give the weights of all directions in a row."""
    return [each for own in weights for each in (*own[:4], *own.further)]


def random_start(cell, directions, lengths, dtype, zero=False):
    """Make a state for each sequence."""
    make = torch.zeros if zero else torch.randn
    return tuple(
        make(directions, len(lengths), width, dtype=dtype, requires_grad=not zero)
        for width in CELLS[cell].state_widths(HIDDEN)
    )


def test_batches_take_tiles_of_all_kinds():
    """The comparisons below see several tiles, with padding and with empty columns."""
    tiles = {
        name: pad_tiles(torch.tensor(lengths), CPU, CELL_COST).tiles
        for name, lengths in BATCHES.items()
    }
    assert len({tile.width for tile in tiles["many"]}) > 2
    assert sum(tile.steps * tile.width for tile in tiles["many"]) > sum(BATCHES["many"])
    assert any(tile.sequences < tile.width for tile in tiles["equal lengths"])
    shared = bin_pack(torch.tensor(BATCHES["many"]), CPU).tiles
    assert len(shared) > 1
    assert all(tile.sequences > tile.width for tile in shared)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("lengths", BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(("cell", "kind"), SCANS)
def test_scans_agree(cell, kind, directions, lengths, dtype):
    """Outputs, final states and all gradients, those of the first states included."""
    data, lengths = random_batch(lengths, INPUTS, dtype)
    data.requires_grad_()
    weights = random_weights(cell, directions, dtype)
    # Padded sequences in two directions start from zero alone.
    zero = kind == "padded" and directions == 2
    state = random_start(cell, directions, lengths, dtype, zero)
    leaves = [data, *flatten(weights)]
    leaves += [] if zero else state

    def results(kind):
        output, final = scan(kind, cell, data, lengths, weights, state)
        loss = loss_of(output, *final)
        return output, final, torch.autograd.grad(loss, leaves, materialize_grads=True)

    torch.testing.assert_close(results(kind), results("packed"), **TOLERANCES[dtype])


@pytest.mark.parametrize("lengths", BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize("directions", [1, 2])
def test_idle_rows_have_no_effect(directions, lengths, monkeypatch):
    """A GRU in few shapes, as in bfloat16, but in numbers that can be compared."""
    data, lengths = random_batch(lengths, INPUTS, torch.float64)
    data.requires_grad_()
    weights = random_weights("gru", directions, data.dtype)
    state = random_start("gru", directions, lengths, data.dtype)

    def results():
        output, final = scan("packed", "gru", data, lengths, weights, state)
        leaves = [data, *flatten(weights), *state]
        return output, final, torch.autograd.grad(loss_of(output, *final), leaves)

    expected = results()
    monkeypatch.setattr(gru, "compiles_each_shape", lambda data: True)
    monkeypatch.setattr(gru, "pad_rows", lambda data, dim=0: shapes._add_rows(data, dim))
    torch.testing.assert_close(results(), expected, **TOLERANCES[data.dtype])


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("lengths", BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize("directions", [1, 2])
def test_sequences_that_share_a_column_do_not_meet(directions, lengths, dtype):
    """Outputs and all gradients are those of a scan without padding."""
    data, lengths = random_batch(lengths, INPUTS, dtype)
    data.requires_grad_()
    weights = random_weights("lstm", directions, dtype)
    leaves = [data, *flatten(weights)]

    def results(output):
        return output, torch.autograd.grad(loss_of(output), leaves)

    shared, packed = scan_from_zero(data, lengths, weights)
    torch.testing.assert_close(results(shared), results(packed), **TOLERANCES[dtype])


def scan_from_zero(data, lengths, weights):
    """Give the outputs of sequences that share columns, and those of a scan without padding."""
    state = random_start("lstm", len(weights), lengths, data.dtype, zero=True)
    packed, _ = scan("packed", "lstm", data, lengths, weights, state)
    request = make_request("lstm", data, weights)
    shared, no_states = BinPackedLSTMScan(request, lengths).run(data, weights, state)
    assert no_states == ()
    return shared, packed


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_sequences_that_share_a_column_do_not_meet_in_prediction(context):
    data, lengths = random_batch(BATCHES["many"], INPUTS, torch.float32)
    with context():
        shared, packed = scan_from_zero(data, lengths, random_weights("lstm", 2, data.dtype))
    torch.testing.assert_close(shared, packed, **TOLERANCES[data.dtype])


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(("cell", "kind"), ALL_SCANS)
def test_scans_without_gradients_agree(cell, kind, directions, context):
    data, lengths = random_batch(BATCHES["many"], INPUTS, torch.float32)
    weights = random_weights(cell, directions, data.dtype)
    state = random_start(cell, directions, lengths, data.dtype, zero=directions == 2)
    expected = scan(kind, cell, data, lengths, weights, state)
    with context():
        results = scan(kind, cell, data, lengths, weights, state)
    torch.testing.assert_close(results, expected, **TOLERANCES[data.dtype])


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_large_weights_do_not_break_padding(dtype):
    """Gates at padding stay shut whatever the recurrent weights and the biases say."""
    data, lengths = random_batch([9, 1, 4, 2, 7], INPUTS, dtype)
    weights = random_weights("lstm", 2, dtype, scale=100.0)
    state = random_start("lstm", 2, lengths, dtype, zero=True)
    padded, packed = (
        scan(kind, "lstm", data, lengths, weights, state) for kind in ("padded", "packed")
    )
    torch.testing.assert_close(padded, packed, **TOLERANCES[dtype])
    torch.testing.assert_close(*scan_from_zero(data, lengths, weights), **TOLERANCES[dtype])


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(("cell", "kind"), ALL_SCANS)
def test_gradients_equal_finite_differences(cell, kind, directions):
    data, lengths = random_batch([2, 1, 0, 3], INPUTS)
    weights = random_weights(cell, directions, data.dtype)
    zero = kind == "padded" and directions == 2
    state = random_start(cell, directions, lengths, data.dtype, zero)

    def loss(data, *others):
        number = len(flatten(weights)) // directions
        rows = [others[index * number :][:number] for index in range(directions)]
        start = state if zero else others[directions * number :]
        output, final = scan(kind, cell, data, lengths, [*map(make_weights, rows)], start)
        return loss_of(output, *final)

    leaves = [data.requires_grad_(), *flatten(weights)]
    assert torch.autograd.gradcheck(loss, (*leaves, *(() if zero else state)))


@pytest.mark.parametrize("kind", ["padded", "packed", "steps"])
def test_ends_of_sequences_are_their_final_states(kind):
    """The hidden state ends at the last word from the start, at the first from the end."""
    data, lengths = random_batch([2, 5, 3], INPUTS)
    weights = random_weights("lstm", 2, data.dtype)
    state = random_start("lstm", 2, lengths, data.dtype, zero=True)
    output, (hidden_state, _) = scan(kind, "lstm", data, lengths, weights, state)
    forwards, backwards = output.split(HIDDEN, dim=1)
    # The words 0 and 1, then 2 to 6, then 7 to 9.
    torch.testing.assert_close(hidden_state[0], forwards[[1, 6, 9]])
    torch.testing.assert_close(hidden_state[1], backwards[[0, 2, 7]])


@pytest.mark.parametrize("cell", CELLS)
def test_a_gradient_stays_in_its_sequence(cell):
    data, lengths = random_batch([2, 3, 1], INPUTS)
    data.requires_grad_()
    weights = random_weights(cell, 2, data.dtype)
    state = random_start(cell, 2, lengths, data.dtype, zero=True)
    kinds = [kind for of, kind in ALL_SCANS if of == cell]
    for run in (partial(scan, kind, cell) for kind in kinds):
        output, _ = run(data, lengths, weights, state)
        (gradient,) = torch.autograd.grad(output[2:5].sum(), data)
        assert gradient[2:5].any()
        assert not gradient[[0, 1, 5]].any()


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("cell", [cell for cell in WITH_KERNEL if cell != "gru"])
def test_chunks_of_steps_equal_one_pass(cell, directions, dtype, monkeypatch):
    """Long sequences are run in chunks where gradients follow; a GRU has its own way."""
    data, lengths = random_batch([4, 11, 0, 1, 8, 3, 11], INPUTS, dtype)
    data.requires_grad_()
    weights = random_weights(cell, directions, dtype)
    state = random_start(cell, directions, lengths, dtype)
    leaves = [data, *flatten(weights), *state]

    def results():
        output, final = scan("packed", cell, data, lengths, weights, state)
        return output, final, torch.autograd.grad(loss_of(output, *final), leaves)

    expected = results()
    run_chunks = Mock(wraps=KernelScan._run_chunks)
    monkeypatch.setattr(KernelScan, "_run_chunks", lambda *given: run_chunks(*given))
    for steps in (1, 3, 4, 10):
        monkeypatch.setattr(kernel, "MAX_STEPS", steps)
        torch.testing.assert_close(results(), expected, **TOLERANCES[dtype])
    assert run_chunks.call_count == 4


def test_a_gru_keeps_a_state_that_it_does_not_update_as_it_is():
    """Though its gates are of fewer digits, as under autocast."""
    state, inputs = torch.randn(2, 3), torch.zeros(2, 9, dtype=torch.bfloat16)
    inputs[:, 3:6] = 100
    (after,) = CELLS["gru"].step(inputs, torch.zeros_like(inputs), (state,))
    assert torch.equal(after, state)


@pytest.mark.parametrize("cell", ELEMENTWISE)
def test_long_scans_in_float32_lose_no_digits(cell):
    """Outputs, final states and all gradients over 5,000 words are those of float64."""
    data, lengths = random_batch([5000], INPUTS)
    weights = random_weights(cell, 1, data.dtype)
    state = random_start(cell, 1, lengths, data.dtype)
    leaves = [data, *flatten(weights), *state]

    def results(dtype):
        values = [leaf.detach().to(dtype).requires_grad_() for leaf in leaves]
        own = values[1 : len(values) - len(state)]
        start = values[len(values) - len(state) :]
        output, final = scan("packed", cell, values[0], lengths, [make_weights(own)], start)
        loss = loss_of(output.double(), *(part.double() for part in final))
        grads = torch.autograd.grad(loss, values, materialize_grads=True)
        return [part.double() for part in (output, *final, *grads)]

    for single, double in zip(results(torch.float32), results(torch.float64), strict=True):
        scale = double.abs().max().item() if double.numel() else 0.0
        torch.testing.assert_close(single, double, rtol=0, atol=1e-5 * scale)
