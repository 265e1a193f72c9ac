"""An LSTM by oneDNN, over padded tiles."""

from collections.abc import Sequence
from functools import cache
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from ....torch_private import lay_out_lstm, onednn_has_lstm, onednn_lstm
from ...batch.tiles import Padded, Tiled, bin_pack, pad_tiles
from ...kernels.prepared import UnpreparedWeights
from ...kernels.shapes import computed_type
from ..cells.base import State, Weights
from ..cells.lstm import LSTM
from .base import Scan, ScanRequest, sort_state, unsort_state

# Large enough that its sigmoid is exactly 0 or 1 whatever the other terms of a gate are.
SATURATED = 1e4


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
            for part in sort_state(state, layout.order)
        ]
        output, cell_states = self._run_tiles(data, weights, starts)
        hidden_states = [
            outputs.index_select(0, layout.firsts if direction == 1 else layout.lasts)
            for direction, outputs in enumerate(output.chunk(len(weights), dim=1))
        ]
        cells = torch.cat([torch.cat(tiles, dim=1) for tiles in cell_states])
        final = torch.stack(hidden_states), cells[:, : len(layout.order)]
        return output.to(data.dtype), unsort_state(state, final, layout.order)


@cache
def _padding_column(hidden: int, carries_cell: bool) -> Tensor:
    """Return the weights from the input feature that marks padding to the four gates."""
    gates = [-SATURATED, SATURATED if carries_cell else -SATURATED, 0.0, 0.0]
    return torch.tensor(gates).repeat_interleave(hidden)[:, None]
