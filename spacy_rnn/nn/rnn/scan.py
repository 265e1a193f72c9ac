"""Scans: the ways to run one recurrent layer over a batch, a class each.

`SCANS` lists them, fastest first; `choose_scan` takes the first one that fits. Torch's kernel for
packed sequences runs on any device. On a CPU oneDNN's LSTM is about twice as fast, but torch runs
it on padded tiles only; and in training a GRU with a backward pass of its own is faster. What no
kernel computes runs step by step. All scans agree in outputs, final states and gradients: padding
has no effect on any of them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import ClassVar, cast

import torch
from torch import Tensor
from torch.nn import functional

from ...torch_private import lay_out_lstm, onednn_has_lstm, onednn_lstm
from ..batch.packed import pack
from ..batch.tiles import Padded, Tiled, bin_pack, pad_tiles
from ..dropout import zoneout
from ..kernels.arrays import has_numba, to_array
from ..kernels.prepared import UNPREPARED, PreparedWeights, UnpreparedWeights
from ..kernels.shapes import compiles_each_shape, computed_type
from .cells.base import Cell, State, StepFunction, Weights
from .cells.elementwise import ElementwiseCell
from .cells.gru import GRU
from .cells.lstm import LSTM
from .elementwise import StepOrder
from .gru import scan_gru

MAX_STEPS = 256
"""Steps that torch's kernel for packed sequences takes at once where gradients follow."""

# Large enough that its sigmoid is exactly 0 or 1 whatever the other terms of a gate are.
SATURATED = 1e4


@dataclass(frozen=True)
class ScanRequest:
    """What is asked of a scan: everything that the choice among `SCANS` depends on.

    cell (Cell): The cell.
    width (int): Features of each word between layers.
    hidden (int): Units of the hidden state of one direction.
    directions (int): 1, or 2 if the layers also read backwards.
    data (Tensor): The words, for their device and type.
    zoneouts (tuple[float, ...]): The rate of zoneout for each part of the state.
    training (bool): Whether zoneout is random, rather than its expectation.
    zero_state (bool): Whether all initial states are zero.
    final (bool): Whether the final states are needed.
    sequences (int): The number of sequences.
    prepared (UnpreparedWeights): Computes what follows from the weights alone.
    """

    cell: Cell
    width: int
    hidden: int
    directions: int
    data: Tensor
    zoneouts: tuple[float, ...]
    training: bool
    zero_state: bool
    final: bool
    sequences: int
    prepared: UnpreparedWeights = UNPREPARED

    @property
    def on_cpu(self) -> bool:
        """bool: Whether the words are on a CPU."""
        return self.data.device.type == "cpu"

    @property
    def has_zoneout(self) -> bool:
        """bool: Whether there is any zoneout."""
        return any(self.zoneouts)


class Scan(ABC):
    """One way to run a layer over a batch, laid out once for all layers.

    request (ScanRequest): What is asked for.
    lengths (Tensor): Words of each sequence, shape `(batch,)`, on the CPU; at least one of them
        is not zero.
    """

    @abstractmethod
    def __init__(self, request: ScanRequest, lengths: Tensor): ...

    @staticmethod
    @abstractmethod
    def fits(request: ScanRequest) -> bool:
        """Whether this scan can do what is asked for, and is not slower than those after it.

        request (ScanRequest): What is asked for.
        RETURNS (bool): Whether it fits.
        """

    @abstractmethod
    def run(self, data: Tensor, weights: Sequence[Weights], state: State) -> tuple[Tensor, State]:
        """Run one layer.

        data (Tensor): Words of all sequences, shape `(words, inputs)`.
        weights (Sequence[Weights]): The weights of each direction.
        state (State): The initial states, each part `(directions, batch, hidden)`.
        RETURNS (tuple[Tensor, State]): The hidden states of all directions at each word,
            shape `(words, directions * hidden)`, in the type of the words; and the final state of
            each sequence, in the shape and type of the initial ones. Sequences without words keep
            their initial state. No states from a scan that does not compute them.
        """


class _TiledLSTMScan(Scan):
    """An LSTM by oneDNN's kernel for padded sequences, tile by tile.

    An additional input feature marks padding, with fixed weights that close the input gate. The
    forget gate is opened to carry the cell state through padding, or closed to reset it.

    carries_cell (bool): Which of the two.
    """

    carries_cell: ClassVar[bool]
    _layout: Tiled
    _prepared: UnpreparedWeights

    @staticmethod
    def fits(request: ScanRequest) -> bool:
        data = request.data
        return (
            type(request.cell) is LSTM
            and not request.has_zoneout
            and request.on_cpu
            and data.dtype == torch.float32
            and onednn_has_lstm(computed_type(data.dtype))
        )

    def _run_tiles(
        self, data: Tensor, weights: Sequence[Weights], starts: Sequence[Sequence[Tensor]]
    ) -> tuple[Tensor, list[list[Tensor]]]:
        """Call the kernel for each tile and direction.

        starts (Sequence[Sequence[Tensor]]): The initial hidden states of each tile, and the
            initial cell states, each `(directions, columns, hidden)`.
        RETURNS (tuple[Tensor, list[list[Tensor]]]): The hidden states at each word, in the type
            that the kernel computes in, and for each direction the final cell states of each tile.
        """
        tiles = self._layout.tiles
        hidden = starts[0][0].shape[2]
        marked = functional.pad(data, (0, 1, 0, 1))
        marked.detach()[-1, -1] = 1.0  # A constant, for which gradients need not be recorded.
        rows = marked.index_select(0, self._layout.words)
        areas = [tile.steps * tile.width for tile in tiles]
        parts = [rows] if len(areas) == 1 else rows.split(areas)  # Which copies the gradient.
        inputs = [
            part.view(tile.steps, tile.width, -1) for part, tile in zip(parts, tiles, strict=True)
        ]
        outputs, cell_states = [], []
        for direction, (weight_ih, weight_hh, bias_ih, bias_hh, _) in enumerate(weights):
            backward = direction == 1
            matrices = self._prepare_matrices(weight_ih, weight_hh, backward)
            results = [
                onednn_lstm(
                    words,
                    matrices,
                    (bias_ih, bias_hh),
                    (
                        hidden_start[direction : direction + 1],
                        cell_start[direction : direction + 1],
                    ),
                    backward,
                )
                for words, hidden_start, cell_start in zip(inputs, *starts, strict=True)
            ]
            outputs.append([output.view(-1, hidden) for output, _ in results])
            cell_states.append([cell for _, cell in results])
        by_tile = [torch.cat(directions, dim=1) for directions in zip(*outputs, strict=True)]
        output = by_tile[0] if len(by_tile) == 1 else torch.cat(by_tile)
        return output.index_select(0, self._layout.rows), cell_states

    def _prepare_matrices(
        self, weight_ih: Tensor, weight_hh: Tensor, backward: bool
    ) -> Sequence[Tensor]:
        """Return an LSTM's input matrix with the column for padding, and its recurrent matrix.

        In prediction both are laid out as oneDNN reads them, which it would else do for each tile.
        """
        carries_cell, dtype = self.carries_cell, computed_type(weight_ih.dtype)

        def add_column() -> Tensor:
            column = _padding_column(weight_hh.shape[1], carries_cell)
            return torch.cat([weight_ih, column.to(weight_ih)], 1)

        def lay_out() -> Sequence[Tensor]:
            return lay_out_lstm(add_column().to(dtype), weight_hh.to(dtype), backward)

        if torch.is_grad_enabled():
            return [add_column(), weight_hh]
        return self._prepared.get(("lstm", dtype, carries_cell), (weight_ih, weight_hh), lay_out)


class BinPackedLSTMScan(_TiledLSTMScan):
    """An LSTM over columns that hold more than one sequence, from states of zero.

    Padding resets the cell state, and with it the hidden state, which is a gated function of it:
    a scan from either end reads the next sequence as if it were the first. The final states of
    sequences are lost. Words have to be finite: zero times infinity is not zero.
    """

    carries_cell = False

    def __init__(self, request: ScanRequest, lengths: Tensor):
        self._prepared = request.prepared
        self._layout = bin_pack(lengths, request.data.device)

    @staticmethod
    def fits(request: ScanRequest) -> bool:
        return request.zero_state and not request.final and _TiledLSTMScan.fits(request)

    def run(self, data: Tensor, weights: Sequence[Weights], state: State) -> tuple[Tensor, State]:
        widths = [tile.width for tile in self._layout.tiles]
        zeros = data.new_zeros(len(weights), max(widths), weights[0].weight_hh.shape[1])
        starts = [[zeros[:, :width] for width in widths]] * 2
        output, _ = self._run_tiles(data, weights, starts)
        return output.to(data.dtype), ()


class PaddedLSTMScan(_TiledLSTMScan):
    """An LSTM over columns that hold one sequence each.

    Padding carries the cell state. The backward scan thus comes to the last word of a sequence
    with the cell state at zero, and the hidden state, a gated function of it, at zero too; the
    forward scan ends with the cell state of the last word. So with two directions the initial
    states have to be zero.
    """

    carries_cell = True
    _layout: Padded

    def __init__(self, request: ScanRequest, lengths: Tensor):
        gates = len(request.cell.gates) * request.hidden
        cell_cost = gates * (request.width + request.hidden)
        self._prepared = request.prepared
        self._layout = pad_tiles(lengths, request.data.device, cell_cost)

    @staticmethod
    def fits(request: ScanRequest) -> bool:
        return (request.zero_state or request.directions == 1) and _TiledLSTMScan.fits(request)

    def run(self, data: Tensor, weights: Sequence[Weights], state: State) -> tuple[Tensor, State]:
        layout = self._layout
        widths = [tile.width for tile in layout.tiles]
        empty_columns = sum(widths) - len(layout.order)
        starts = [
            functional.pad(part, (0, 0, 0, empty_columns)).split(widths, dim=1)
            for part in _sort_state(state, layout.order)
        ]
        output, cell_states = self._run_tiles(data, weights, starts)
        hidden_states = [
            outputs.index_select(0, layout.firsts if direction == 1 else layout.lasts)
            for direction, outputs in enumerate(output.chunk(len(weights), dim=1))
        ]
        cells = torch.cat([torch.cat(tiles, dim=1) for tiles in cell_states])
        final = torch.stack(hidden_states), cells[:, : len(layout.order)]
        return output.to(data.dtype), _unsort_state(state, final, layout.order)


class _PackedScan(Scan):
    """A scan over the packed layout."""

    def __init__(self, request: ScanRequest, lengths: Tensor):
        self._request = request
        self._layout = pack(lengths, request.data.device)

    def run(self, data: Tensor, weights: Sequence[Weights], state: State) -> tuple[Tensor, State]:
        start = _sort_state(state, self._layout.order)
        output, final = self._run_sorted(data, weights, start)
        return output.to(data.dtype), _unsort_state(state, final, self._layout.order)

    @abstractmethod
    def _run_sorted(
        self, data: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        """Run one layer from states in the order of the layout to final states in that order."""


class CompiledGRUScan(Scan):
    """A GRU over a single sequence in prediction on a CPU, compiled by numba if it is there."""

    def __init__(self, request: ScanRequest, lengths: Tensor):
        self._prepared = cast(PreparedWeights, request.prepared)

    @staticmethod
    def fits(request: ScanRequest) -> bool:
        data = request.data
        return (
            request.sequences == 1
            and type(request.cell) is GRU
            and not request.has_zoneout
            and request.on_cpu
            and data.dtype == torch.float32
            and computed_type(data.dtype) in (torch.float32, torch.bfloat16)
            and isinstance(request.prepared, PreparedWeights)
            and not torch.is_grad_enabled()
            and has_numba()
        )

    def run(self, data: Tensor, weights: Sequence[Weights], state: State) -> tuple[Tensor, State]:
        from ..kernels.compiled import scan_gru

        matrices, _, biases, *_ = zip(*weights, strict=True)
        gates = self._prepared.linear(matrices, biases)(data)
        final = state[0].to(gates.dtype, copy=True).float()
        outputs = data.new_empty(len(weights), len(data), final.shape[2])
        by_direction = gates.float().chunk(len(weights), 1)
        for direction, (own, inputs) in enumerate(zip(weights, by_direction, strict=True)):
            scan_gru(
                to_array(inputs),
                self._prepared.matrix(own.weight_hh, own.bias_hh, quantize=False),
                final[direction, 0].numpy(),
                outputs[direction].numpy(),
                direction == 1,
            )
        return outputs.transpose(0, 1).flatten(1), (final,)


class GRUScan(_PackedScan):
    """A GRU on a CPU, with a backward pass of its own."""

    @staticmethod
    def fits(request: ScanRequest) -> bool:
        return (
            type(request.cell) is GRU
            and not request.has_zoneout
            and request.on_cpu
            and (torch.is_grad_enabled() or compiles_each_shape(request.data))
        )

    def _run_sorted(
        self, data: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        output, final = scan_gru(data, self._layout, weights, state[0], self._request.prepared)
        return output, (final,)


class ElementwiseScan(_PackedScan):
    """A cell without a product with the state, on any device."""

    def __init__(self, request: ScanRequest, lengths: Tensor):
        super().__init__(request, lengths)
        self._order = StepOrder(self._layout, request.directions)

    @staticmethod
    def fits(request: ScanRequest) -> bool:
        return isinstance(request.cell, ElementwiseCell) and not request.has_zoneout

    def _run_sorted(
        self, data: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        # One product for both directions, whose results for each word are adjacent.
        matrices, _, biases, *_ = zip(*weights, strict=True)
        inputs = self._request.prepared.linear(matrices, biases)(data).to(state[0].dtype)
        inputs = inputs.view(len(data), len(weights), -1)
        start = tuple(part.transpose(0, 1) for part in state)
        cell = cast(ElementwiseCell, self._request.cell)
        output, final = cell.scan(inputs, weights, start, self._order)
        return output.flatten(1), tuple(part.transpose(0, 1) for part in final)


class KernelScan(_PackedScan):
    """Any cell that has a kernel in torch, on any device.

    The backward pass of torch's kernel on a CPU allocates a gradient of its whole input at each
    step: its time would grow with the square of the longest sequence. So in training long
    sequences are run in chunks, each from the states in which the previous one ended.
    """

    @staticmethod
    def fits(request: ScanRequest) -> bool:
        return request.cell.has_kernel(request.hidden) and not request.has_zoneout

    def _run_sorted(
        self, data: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        layout = self._layout
        is_long = len(layout.batch_sizes) > MAX_STEPS
        if is_long and self._request.on_cpu and torch.is_grad_enabled():
            return self._run_chunks(data, weights, state)
        rows = data.index_select(0, layout.words)
        output, final = self._call_kernel(rows, layout.batch_sizes, weights, state)
        return output.index_select(0, layout.rows), final

    def _run_chunks(
        self, data: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        """Run chunk by chunk of at most MAX_STEPS steps, each direction by itself."""
        chunk_sizes = self._layout.batch_sizes.split(MAX_STEPS)
        areas = [int(batch_sizes.sum()) for batch_sizes in chunk_sizes]
        outputs, finals = [], []
        for direction, direction_weights in enumerate(weights):
            words, rows = self._layout.in_direction(direction)
            current = tuple(part[direction : direction + 1] for part in state)
            chunks = data.index_select(0, words).split(areas)
            chunk_outputs = []
            for chunk, batch_sizes in zip(chunks, chunk_sizes, strict=True):
                running = int(batch_sizes[0])
                before = tuple(part[:, :running] for part in current)
                output, after = self._call_kernel(chunk, batch_sizes, [direction_weights], before)
                current = tuple(
                    torch.cat([new, old[:, running:]], 1)
                    for new, old in zip(after, current, strict=True)
                )
                chunk_outputs.append(output)
            outputs.append(torch.cat(chunk_outputs).index_select(0, rows))
            finals.append(current)
        final = tuple(torch.cat(parts) for parts in zip(*finals, strict=True))
        return torch.cat(outputs, 1), final

    def _call_kernel(
        self, rows: Tensor, batch_sizes: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        kernel = cast(Callable[..., tuple[Tensor, ...]], self._request.cell.kernel)
        output, *final = kernel(
            rows,
            batch_sizes,
            state if len(state) > 1 else state[0],
            [weight for direction in weights for weight in (*direction[:4], *direction.further)],
            True,  # has_biases
            1,  # num_layers
            0.0,  # dropout
            torch.is_grad_enabled(),  # train: whether a backward pass may follow
            len(weights) == 2,  # bidirectional
        )
        return output, tuple(final)


class SteppedScan(_PackedScan):
    """Any cell, step by step, with zoneout."""

    @staticmethod
    def fits(request: ScanRequest) -> bool:
        return True

    def _run_sorted(
        self, data: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        cell, sizes = self._request.cell, self._layout.batch_sizes.tolist()
        outputs, finals = [], []
        for direction, own in enumerate(weights):
            words, rows = self._layout.in_direction(direction)
            inputs = cell.prepare_inputs(own, _make_linear)(data.index_select(0, words))
            start = tuple(part[direction] for part in state)
            step = cell.prepare_step(own, _make_linear)
            output, final = self._take_steps(step, inputs.split(sizes), start)
            outputs.append(output.index_select(0, rows))
            finals.append(final)
        return torch.cat(outputs, 1), tuple(map(torch.stack, zip(*finals, strict=True)))

    def _take_steps(
        self, step: StepFunction, inputs: Sequence[Tensor], state: State
    ) -> tuple[Tensor, State]:
        request = self._request
        outputs, ended = [], []
        for own_inputs in inputs:
            # Longest first: sequences that have ended come last.
            running = len(own_inputs)
            ended.append(tuple(part[running:] for part in state))
            before = tuple(part[:running] for part in state)
            results = step(own_inputs, before)
            after = results[-len(before) :]
            state = zoneout(before, after, request.zoneouts, request.training)
            outputs.append(state[0] if request.cell.carries_output else results[0])
        final = tuple(map(torch.cat, zip(state, *reversed(ended), strict=True)))
        return torch.cat(outputs), final


SCANS: tuple[type[Scan], ...] = (
    BinPackedLSTMScan,
    PaddedLSTMScan,
    CompiledGRUScan,
    GRUScan,
    ElementwiseScan,
    KernelScan,
    SteppedScan,
)
"""All scans, fastest first."""


def choose_scan(request: ScanRequest, lengths: Tensor) -> Scan:
    """Lay a batch out for the fastest scan that fits.

    request (ScanRequest): What is asked for.
    lengths (Tensor): Words of each sequence, shape `(batch,)`, on the CPU; at least one of them
        is not zero.
    RETURNS (Scan): The scan, for all layers of this batch.
    """
    fastest = next(scan for scan in SCANS if scan.fits(request))
    return fastest(request, lengths)


def _sort_state(state: State, order: Tensor) -> State:
    """Select the states of the sequences that have words, in the order of a layout."""
    return tuple(part.index_select(1, order) for part in state)


def _unsort_state(before: State, after: State, order: Tensor) -> State:
    """Put states in the order of a layout back in the order of the batch.

    Sequences without words keep the state before.
    """
    return tuple(
        old.index_copy(1, order, new.to(old.dtype)) for old, new in zip(before, after, strict=True)
    )


def _make_linear(weight: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
    return partial(functional.linear, weight=weight, bias=bias)


@cache
def _padding_column(hidden: int, carries_cell: bool) -> Tensor:
    """Return the weights from the input feature that marks padding to the four gates."""
    gates = [-SATURATED, SATURATED if carries_cell else -SATURATED, 0.0, 0.0]
    return torch.tensor(gates).repeat_interleave(hidden)[:, None]
