"""One recurrent layer over a batch, four ways.

`scan_packed` calls torch's own kernels on a packed layout, for any cell and device, or where
that is faster the GRU of `gru.py`.
`scan_padded` and `scan_bin_packed` call oneDNN's LSTM, which torch runs on padded rectangles alone
and which is about twice as fast on a CPU: one with a sequence in each column and states at both
ends, the other with many and none. `scan_steps` goes word by word, for what no kernel has.
All give the same numbers: padding reaches no result.
"""

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from ..batch.packed import Packed
from ..batch.tiles import BinPacked, Padded, Tiled
from ..dropout import zoneout
from ..kernels.linear import compiles_each_shape
from ..kernels.onednn import computed_type
from ..kernels.prepared import kept
from .cells import STEPS, State, Weights
from .gru import scan_gru

KERNELS: dict[str, Callable] = {
    "lstm": torch.lstm,
    "gru": torch.gru,
    "rnn_tanh": torch.rnn_tanh,
    "rnn_relu": torch.rnn_relu,
}

MAX_STEPS = 256
"""Steps that torch's kernel for packed sequences takes at once where gradients follow."""

# Large enough that its sigmoid is exactly 0 or 1 whatever the other terms of a gate are.
SATURATED = 1e4


def scan_packed(
    cell: str, data: Tensor, layout: Packed, weights: list[Weights], state: State
) -> tuple[Tensor, State]:
    """Scan over packed sequences.

    cell (str): One of "lstm", "gru", "rnn_tanh", "rnn_relu".
    data (Tensor): Words of all sequences, shape `(words, inputs)`.
    layout (Packed): The layout of these sequences.
    weights (list[Weights]): The weights of each direction.
    state (State): The states to start from, in the order of the layout.
    RETURNS (tuple[Tensor, State]): The hidden states of all directions at each word,
        shape `(words, directions * hidden)`, and the states at the end of each
        sequence, in the order of the layout.
    """
    on_cpu, trains = data.device.type == "cpu", torch.is_grad_enabled()
    if cell == "gru" and on_cpu and (trains or compiles_each_shape(data)):
        output, last = scan_gru(data, layout, weights, state[0])
        return output, (last,)
    if trains and on_cpu and len(layout.batch_sizes) > MAX_STEPS:
        return _scan_runs(cell, data, layout, weights, state)
    output, final = _call_kernel(
        cell, data.index_select(0, layout.words), layout.batch_sizes, weights, state
    )
    return output.index_select(0, layout.rows), final


def _scan_runs(
    cell: str, data: Tensor, layout: Packed, weights: list[Weights], state: State
) -> tuple[Tensor, State]:
    """Scan long sequences run by run of steps, each direction by itself.

    The backward pass of torch's kernel makes a gradient of its whole input at each step:
    its time would grow with the square of the longest sequence.
    """
    runs = layout.batch_sizes.split(MAX_STEPS)
    areas = [int(batch_sizes.sum()) for batch_sizes in runs]
    outputs, finals = [], []
    for direction, own in enumerate(weights):
        words, rows_of_words = layout.read_from(direction)
        now = tuple(part[direction : direction + 1] for part in state)
        parts = []
        rows = data.index_select(0, words).split(areas)
        for run, batch_sizes in zip(rows, runs, strict=True):
            running = int(batch_sizes[0])
            before = tuple(part[:, :running] for part in now)
            output, after = _call_kernel(cell, run, batch_sizes, [own], before)
            now = tuple(
                torch.cat([new, old[:, running:]], 1) for new, old in zip(after, now, strict=True)
            )
            parts.append(output)
        outputs.append(torch.cat(parts).index_select(0, rows_of_words))
        finals.append(now)
    return torch.cat(outputs, 1), tuple(torch.cat(parts) for parts in zip(*finals, strict=True))


def _call_kernel(
    cell: str, rows: Tensor, batch_sizes: Tensor, weights: list[Weights], state: State
) -> tuple[Tensor, State]:
    output, *final = KERNELS[cell](
        rows,
        batch_sizes,
        state if cell == "lstm" else state[0],
        [weight for direction in weights for weight in direction],
        True,  # has_biases
        1,  # num_layers
        0.0,  # dropout
        torch.is_grad_enabled(),  # train: whether a backward pass may follow
        len(weights) == 2,  # bidirectional
    )
    return output, tuple(final)


def scan_padded(
    data: Tensor, layout: Padded, weights: list[Weights], state: State
) -> tuple[Tensor, State]:
    """Scan an LSTM with torch's kernel for padded sequences, rectangle by rectangle.

    The cell state passes through padding unchanged. The scan from the end thus comes to its
    first word with the cell state at zero, and the hidden state, a gated function of it, at
    zero too; the scan from the start leaves the cell state of its last word as the final one.

    data (Tensor): Words of all sequences, shape `(words, inputs)`.
    layout (Padded): The layout of these sequences.
    weights (list[Weights]): The weights of each direction.
    state (State): The states to start from, in the order of the layout; with two
        directions they have to be zero.
    RETURNS (tuple[Tensor, State]): The hidden states of all directions at each word,
        shape `(words, directions * hidden)`, and the states at the end of each
        sequence, in the order of the layout.
    """
    widths = [block.width for block in layout.blocks]
    empty = sum(widths) - len(layout.order)
    starts = [functional.pad(part, (0, 0, 0, empty)).split(widths, dim=1) for part in state]
    output, cell_states = _scan_tiles(data, layout, weights, starts, holds=True)
    cells = torch.cat([torch.cat(blocks, dim=1) for blocks in cell_states])
    hidden_states = [
        each.index_select(0, layout.firsts if direction == 1 else layout.lasts)
        for direction, each in enumerate(output.chunk(len(weights), dim=1))
    ]
    return output, (torch.stack(hidden_states), cells[:, : len(layout.order)])


def scan_bin_packed(data: Tensor, layout: BinPacked, weights: list[Weights]) -> Tensor:
    """Scan an LSTM with torch's kernel for padded sequences, with more than one sequence in a
    column, from states of zero.

    The cell state is zero after padding, and the hidden state with it, so that a scan from either
    end comes to the next sequence as if that were the first. What a sequence ends with is lost.
    Words have to be finite: zero times what is not, is not zero.

    data (Tensor): Words of all sequences, shape `(words, inputs)`.
    layout (BinPacked): The layout of these sequences.
    weights (list[Weights]): The weights of each direction.
    RETURNS (Tensor): The hidden states of all directions at each word, shape
        `(words, directions * hidden)`.
    """
    widths = [block.width for block in layout.blocks]
    zeros = data.new_zeros(len(weights), max(widths), weights[0][1].shape[1])
    starts = [[zeros[:, :width] for width in widths]] * 2
    return _scan_tiles(data, layout, weights, starts, holds=False)[0]


def _scan_tiles(
    data: Tensor,
    layout: Tiled,
    weights: list[Weights],
    starts: Sequence[Sequence[Tensor]],
    holds: bool,
) -> tuple[Tensor, list[list[Tensor]]]:
    """Call the kernel for each rectangle and direction.

    One more input marks padding, with fixed weights that shut the input gate, and open the
    forget gate to hold the cell state, or shut it as well.
    """
    hidden = starts[0][0].shape[2]
    marked = functional.pad(data, (0, 1, 0, 1))
    marked.detach()[-1, -1] = 1.0  # A constant, for which gradients need not be recorded.
    rows = marked.index_select(0, layout.words)
    areas = [block.steps * block.width for block in layout.blocks]
    parts = [rows] if len(areas) == 1 else rows.split(areas)  # Which copies the gradient.
    inputs = [
        part.view(block.steps, block.width, -1)
        for part, block in zip(parts, layout.blocks, strict=True)
    ]
    outputs, cell_states = [], []
    for direction, (input_matrix, recurrent_matrix, *biases) in enumerate(weights):
        backward = direction == 1
        matrices = _prepare_matrices(input_matrix, recurrent_matrix, backward, holds)
        results = [
            torch.mkldnn_rnn_layer(
                words,
                matrices[0],
                matrices[1],
                biases[0],
                biases[1],
                hidden_start[direction : direction + 1],
                cell_start[direction : direction + 1],
                backward,
                [],  # batch_sizes
                2,  # mode: LSTM
                hidden,
                1,  # num_layers
                True,  # has_biases
                False,  # bidirectional
                False,  # batch_first
                torch.is_grad_enabled(),  # train: whether a backward pass may follow
            )
            for words, hidden_start, cell_start in zip(inputs, *starts, strict=True)
        ]
        outputs.append([output.view(-1, hidden) for output, *_ in results])
        cell_states.append([cell for _, _, cell, _ in results])
    blocks = [torch.cat(directions, dim=1) for directions in zip(*outputs, strict=True)]
    everything = blocks[0] if len(blocks) == 1 else torch.cat(blocks)
    return everything.index_select(0, layout.rows), cell_states


def _prepare_matrices(
    input_matrix: Tensor, recurrent_matrix: Tensor, backward: bool, holds: bool
) -> list[Tensor]:
    """Give an LSTM's input matrix with the column for padding, and its recurrent matrix. In
    prediction both are laid out as oneDNN reads them, once where things are kept: it would do
    so for each rectangle."""
    hidden = recurrent_matrix.shape[1]
    dtype = computed_type(input_matrix.dtype)

    def add_column() -> Tensor:
        return torch.cat([input_matrix, _padding_column(hidden, holds).to(input_matrix)], 1)

    def lay_out() -> list[Tensor]:
        return torch.ops.mkldnn._reorder_mkldnn_rnn_layer_weight(
            add_column().to(dtype),
            recurrent_matrix.to(dtype).contiguous(),
            hidden,
            backward,
            True,  # has_biases
            False,  # batch_first
        )

    if torch.is_grad_enabled():
        return [add_column(), recurrent_matrix]
    return kept(("lstm", dtype, holds), (input_matrix, recurrent_matrix), lay_out)


@cache
def _padding_column(hidden: int, holds: bool) -> Tensor:
    """Give the weights from the input that marks padding to the four gates."""
    gates = [-SATURATED, SATURATED if holds else -SATURATED, 0.0, 0.0]
    return torch.tensor(gates).repeat_interleave(hidden)[:, None]


def scan_steps(
    cell: str,
    data: Tensor,
    layout: Packed,
    weights: list[Weights],
    state: State,
    zoneouts: tuple[float, ...],
    training: bool,
) -> tuple[Tensor, State]:
    """Scan word by word, with zoneout.

    cell (str): One of "lstm", "gru", "rnn_tanh", "rnn_relu".
    data (Tensor): Words of all sequences, shape `(words, inputs)`.
    layout (Packed): The layout of these sequences.
    weights (list[Weights]): The weights of each direction.
    state (State): The states to start from, in the order of the layout.
    zoneouts (tuple[float, ...]): The rate of zoneout for each part of the state.
    training (bool): Whether zoneout is random or takes its expectation.
    RETURNS (tuple[Tensor, State]): The hidden states of all directions at each word,
        shape `(words, directions * hidden)`, and the states at the end of each
        sequence, in the order of the layout.
    """
    rows = data.index_select(0, layout.words)
    running = layout.batch_sizes.tolist()
    outputs, finals = [], []
    for direction, (input_matrix, recurrent_matrix, *biases) in enumerate(weights):
        inputs = functional.linear(rows, input_matrix, biases[0]).split(running)
        times = range(len(running)) if direction == 0 else reversed(range(len(running)))
        hidden_states: dict[int, Tensor] = {}
        now = tuple(part[direction] for part in state)
        for time in times:
            # The longest come first: those that have ended, or not begun, come last.
            before = tuple(part[: running[time]] for part in now)
            recurrent = functional.linear(before[0], recurrent_matrix, biases[1])
            after = STEPS[cell](inputs[time], recurrent, before)
            after = zoneout(before, after, zoneouts, training)
            hidden_states[time] = after[0]
            now = tuple(
                torch.cat([new, old[len(new) :]]) for new, old in zip(after, now, strict=True)
            )
        outputs.append(torch.cat([hidden_states[time] for time in range(len(running))]))
        finals.append(now)
    words = torch.cat(outputs, 1).index_select(0, layout.rows)
    return words, tuple(torch.stack(parts) for parts in zip(*finals, strict=True))
