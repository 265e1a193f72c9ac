"""Recurrent networks over sequences of different lengths.

What comes out at a word depends on its own sequence alone: never on padding, on the
other sequences of the batch, or on their order.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...checks import check_choice, check_count, check_finite, check_rate
from ..batch.packed import Packed, pack
from ..batch.segments import check_lengths
from ..batch.tiles import BinPacked, Padded, bin_pack, pad_tiles
from ..dropout import LockedDropout, WordDropout
from ..kernels.onednn import computed_type, onednn_has
from .cells import GATES, State, by_layer, by_part
from .layer import DirectionalLayer
from .scan import scan_bin_packed, scan_packed, scan_padded, scan_steps
from .stepper import Stepper


class RecurrentNetwork(nn.Module):
    """A stack of recurrent layers in one or two directions.

    inputs (int): Features of each word that comes in.
    width (int): Features of each word that goes out, both directions together.
    depth (int): Layers.
    cell (str): One of "lstm", "gru", "rnn_tanh", "rnn_relu".
    bidirectional (bool): Whether each layer also reads from the end.
    merge (str): How two directions become one output: "concat", each of half the width,
        or "sum", each of the whole width.
    residual (bool): Whether a layer's input is added to its output; where the two are of
        different widths (the first layer, perhaps) it is not.
    layer_norm (bool): Whether to normalise between layers (Ba et al. 2016).
    initial_state (str): Where states start: "zero" or "learned".
    dropout_input (float | None): Locked dropout on what comes in. None, here and for the
        next two: the rate given with `set_dropout`.
    dropout_layers (float | None): Locked dropout between layers.
    dropout_output (float | None): Locked dropout on what goes out.
    word_dropout (float): Share of words whose input is dropped in training.
    weight_drop (float): Share of recurrent weights dropped in training.
    zoneout_hidden (float): Share of hidden units that keep their value for a step.
    zoneout_cell (float): The same for the cell state of an LSTM.
    forget_bias (float): Bias of an LSTM's forget gate at the start. Without effect on other
        cells, and where `chrono_init` is set.
    chrono_init (int | None): The longest dependency in words that the gates start out
        to remember: chrono initialisation.
    RAISES (ValueError): If a setting is out of its bounds or does not fit another one.
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        depth: int = 1,
        *,
        cell: str = "lstm",
        bidirectional: bool = True,
        merge: str = "concat",
        residual: bool = False,
        layer_norm: bool = False,
        initial_state: str = "zero",
        dropout_input: float | None = 0.0,
        dropout_layers: float | None = None,
        dropout_output: float | None = None,
        word_dropout: float = 0.0,
        weight_drop: float = 0.0,
        zoneout_hidden: float = 0.0,
        zoneout_cell: float = 0.0,
        forget_bias: float = 1.0,
        chrono_init: int | None = None,
    ):
        super().__init__()
        check_choice("cell", cell, tuple(GATES))
        check_choice("merge", merge, ("concat", "sum"))
        check_choice("initial_state", initial_state, ("zero", "learned"))
        check_count("width", width, 1)
        check_count("inputs", inputs, 1)
        check_count("depth", depth, 1)
        halved = bidirectional and merge == "concat"
        if halved and width % 2:
            raise ValueError(
                f"width is {width}, which two directions cannot share evenly: choose an even "
                f'one such as {width + 1}, or merge = "sum", or bidirectional = false'
            )
        if zoneout_cell and cell != "lstm":
            raise ValueError(
                f'zoneout_cell is {zoneout_cell}, but cell "{cell}" has no cell state: '
                f'set it to 0, or choose cell = "lstm"'
            )
        if chrono_init is not None:
            check_count("chrono_init", chrono_init, 3)
            check_choice("cell, with chrono_init,", cell, ("lstm", "gru"))
        check_finite("forget_bias", forget_bias)
        check_rate("dropout_input", dropout_input or 0.0)
        check_rate("dropout_layers", dropout_layers or 0.0)
        check_rate("dropout_output", dropout_output or 0.0)
        check_rate("word_dropout", word_dropout)
        check_rate("weight_drop", weight_drop)
        check_rate("zoneout_hidden", zoneout_hidden, one=True)
        check_rate("zoneout_cell", zoneout_cell, one=True)
        self.cell = cell
        self.inputs = inputs
        self.width = width
        self.depth = depth
        self.directions = 2 if bidirectional else 1
        self.hidden = width // 2 if halved else width
        self.cell_cost = GATES[cell] * self.hidden * (width + self.hidden)
        self.merge = merge
        self.residual = residual
        self.zoneouts = (zoneout_hidden, zoneout_cell)[: 1 + (cell == "lstm")]
        self.layers = nn.ModuleList(
            DirectionalLayer(
                cell,
                width if layer else inputs,
                self.hidden,
                weight_drop=weight_drop,
                forget_bias=forget_bias,
                chrono_init=chrono_init,
            )
            for layer in range(depth)
            for _ in range(self.directions)
        )
        self.norms = nn.ModuleList(
            nn.LayerNorm(width) if layer_norm else nn.Identity() for _ in range(depth - 1)
        )
        if initial_state == "learned":
            self.initial_state = nn.Parameter(
                torch.zeros(len(self.zoneouts), depth * self.directions, 1, self.hidden)
            )
        else:
            self.register_parameter("initial_state", None)
        self.word_dropout = WordDropout(word_dropout)
        self.dropout_input = LockedDropout(dropout_input)
        self.dropout_layers = LockedDropout(dropout_layers)
        self.dropout_output = LockedDropout(dropout_output)

    @property
    def first(self) -> DirectionalLayer:
        """DirectionalLayer: The first layer, from the start."""
        return cast(DirectionalLayer, self.layers[0])

    @property
    def last(self) -> DirectionalLayer:
        """DirectionalLayer: The last layer, from the start if it is of one direction."""
        return cast(DirectionalLayer, self.layers[-1])

    def forward(
        self, data: Tensor, lengths: Tensor, state: State | None = None, *, final: bool = True
    ) -> tuple[Tensor, State]:
        """Read a batch of sequences.

        data (Tensor): Words of all sequences one after the other, `(words, inputs)`.
        lengths (Tensor): Words of each sequence, shape `(batch,)`, on the CPU; zero is
            a length like any other.
        state (State | None): The states to start from, as returned for the previous
            chunk of the same sequences. Default: zero, or learned, as set.
        final (bool): Whether the states at the end are wanted. Without them an LSTM takes less
            time on a CPU.
        RETURNS (tuple[Tensor, State]): The output at each word, `(words, width)`, and
            the states where each direction ends, at the last word or, from the end, at the
            first: the hidden state and, for an LSTM, the cell state, each
            `(depth * directions, batch, hidden)`, with the layers and within them the
            directions in torch's order; or no states.
        RAISES (ValueError): If the shapes of the arguments do not fit.
        """
        check_lengths(data, lengths)
        self._check_inputs(data)
        zero = state is None and self.initial_state is None
        if state is None:
            state = self.start(len(lengths))
        else:
            self._check_state(state, len(lengths))
        if not len(data):
            return functional.pad(data, (0, self.width - self.inputs)), state if final else ()
        layout = self._lay_out(data, lengths, zero, final)
        data = self.dropout_input(self.word_dropout(data), lengths)
        finals: list[State] = []
        for layer in range(self.depth):
            below = data
            if layer:
                data = self.norms[layer - 1](self.dropout_layers(data, lengths))
            output, after = self._scan(layer, data, layout, state)
            if self.merge == "sum" and self.directions == 2:
                output = output[:, : self.width] + output[:, self.width :]
            residual = self.residual and below.shape[1] == self.width
            data = output + below if residual else output
            finals.append(after)
        data = self.dropout_output(data, lengths)
        return data, tuple(map(torch.cat, zip(*finals, strict=True))) if final else ()

    def step(self, data: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one more word of each sequence, from the start; `Stepper` reads more than one.

        data (Tensor): A word of each sequence, shape `(batch, inputs)`.
        state (State): The states before it, each `(depth, batch, hidden)`.
        RETURNS (tuple[Tensor, State]): The output at the word, `(batch, width)`, and the
            states after it.
        RAISES (ValueError): If the network reads in two directions, or the shapes of the
            arguments do not fit.
        """
        step = Stepper(self)
        self._check_inputs(data)
        self._check_state(state, len(data))
        output, after = step(data, by_layer(state))
        return output.to(data.dtype), by_part(after, len(state))

    def start(self, batch: int) -> State:
        """Give the states before the first word.

        batch (int): Sequences.
        RETURNS (State): The hidden state and, for an LSTM, the cell state, each
            `(depth * directions, batch, hidden)`: zero, or learned, as set.
        """
        if self.initial_state is None:
            like = self.first.weight_hh
            shape = (self.depth * self.directions, batch, self.hidden)
            return (like.new_zeros(shape),) * len(self.zoneouts)
        return tuple(part.expand(-1, batch, -1) for part in self.initial_state.unbind())

    def _check_inputs(self, data: Tensor) -> None:
        if data.shape[1] != self.inputs:
            raise ValueError(
                f"The words have {data.shape[1]} features but the network reads "
                f"{self.inputs}: set its inputs to {data.shape[1]}, or change what is below"
            )

    def _check_state(self, state: State, batch: int) -> None:
        expected = (self.depth * self.directions, batch, self.hidden)
        shapes = [tuple(part.shape) for part in state]
        if shapes != [expected] * len(self.zoneouts):
            raise ValueError(
                f"The states have shapes {shapes}, but this network and batch need "
                f"{len(self.zoneouts)} of shape {expected}: pass the states that the "
                f"same network returned for the same number of sequences"
            )

    def _lay_out(
        self, data: Tensor, lengths: Tensor, zero: bool, final: bool
    ) -> Packed | Padded | BinPacked:
        """Choose the layout whose kernel is the fastest of those that fit."""
        if self.cell == "lstm" and not any(self.zoneouts) and _onednn_reads(data):
            if zero and not final:
                return bin_pack(lengths, data.device)
            if zero or self.directions == 1:
                return pad_tiles(lengths, data.device, self.cell_cost)
        return pack(lengths, data.device)

    def _scan(
        self, layer: int, data: Tensor, layout: Packed | Padded | BinPacked, state: State
    ) -> tuple[Tensor, State]:
        """Scan one layer; sequences without words keep their state, and those that share columns
        have none."""
        own = slice(layer * self.directions, (layer + 1) * self.directions)
        weights = [cast(DirectionalLayer, each).weights() for each in [*self.layers][own]]
        if isinstance(layout, BinPacked):
            return scan_bin_packed(data, layout, weights).to(data.dtype), ()
        state = tuple(part[own] for part in state)
        start = tuple(part.index_select(1, layout.order) for part in state)
        if isinstance(layout, Padded):
            output, final = scan_padded(data, layout, weights, start)
        elif any(self.zoneouts):
            output, final = scan_steps(
                self.cell, data, layout, weights, start, self.zoneouts, self.training
            )
        else:
            output, final = scan_packed(self.cell, data, layout, weights, start)
        return output.to(data.dtype), tuple(
            before.index_copy(1, layout.order, after.to(before.dtype))
            for before, after in zip(state, final, strict=True)
        )


def _onednn_reads(data: Tensor) -> bool:
    """Tell whether oneDNN has an LSTM for such data, on this processor."""
    if data.device.type != "cpu" or data.dtype != torch.float32:
        return False
    return onednn_has(computed_type(data.dtype))
