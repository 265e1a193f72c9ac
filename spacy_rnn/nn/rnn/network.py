"""Recurrent networks over sequences of different lengths.

The output at a word depends on its own sequence alone: never on padding, on the other sequences of
the batch, or on their order.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...checks import check_choice, check_count, check_finite, check_rate
from ..batch.segments import check_lengths
from ..dropout import LockedDropout, WordDropout
from ..kernels.prepared import PreparedModule
from .cells import CELLS
from .cells.base import State, Weights
from .cells.lstmp import LSTMP
from .cells.mlstm import MLSTM
from .layer import DirectionalLayer
from .scans import choose_scan
from .scans.base import ScanRequest
from .settings import RecurrentSettings

MAX_DEPTH = 100
"""Layers of a network at most. Deeper ones do not train, and take minutes to be refused."""


class RecurrentNetwork(PreparedModule):
    """A stack of recurrent layers in one or two directions.

    inputs (int): Features of each input word.
    settings (RecurrentSettings): The settings.
    RAISES (ValueError): If a setting is out of its bounds or does not fit another one.
    """

    def __init__(self, inputs: int, settings: RecurrentSettings):
        super().__init__()
        _check_settings(settings)
        check_count("inputs", inputs, 1)
        width, depth = settings.width, settings.depth
        self.directions = _count_directions(settings)
        halved = self.directions == 2 and settings.merge == "concat"
        self.cell = CELLS[settings.cell].configured(settings)
        self.inputs = inputs
        self.width = width
        self.depth = depth
        self.hidden = width // 2 if halved else width
        self.state_widths = self.cell.state_widths(self.hidden)
        self.merge = settings.merge
        self.residual = settings.residual
        zoneouts = {"hidden": settings.zoneout_hidden, "cell": settings.zoneout_cell}
        self.zoneouts = tuple(zoneouts.get(part, 0.0) for part in self.cell.state_parts)
        self.layers = nn.ModuleList(
            DirectionalLayer(
                self.cell,
                width if layer else inputs,
                self.hidden,
                weight_drop=settings.weight_drop,
                forget_bias=settings.forget_bias,
                chrono_init=settings.chrono_init,
            )
            for layer in range(depth)
            for _ in range(self.directions)
        )
        self.norms = nn.ModuleList(
            nn.LayerNorm(width) if settings.layer_norm else nn.Identity() for _ in range(depth - 1)
        )
        if settings.initial_state == "learned":
            self.initial_state = nn.Parameter(
                torch.zeros(depth * self.directions, 1, sum(self.state_widths))
            )
        else:
            self.register_parameter("initial_state", None)
        self.word_dropout = WordDropout(settings.word_dropout)
        self.dropout_input = LockedDropout(settings.dropout_input)
        self.dropout_layers = LockedDropout(settings.dropout_layers)
        self.dropout_output = LockedDropout(settings.dropout_output)

    @property
    def first(self) -> DirectionalLayer:
        """DirectionalLayer: The forward direction of the first layer."""
        return cast(DirectionalLayer, self.layers[0])

    def forward(
        self, data: Tensor, lengths: Tensor, state: State | None = None, *, final: bool = True
    ) -> tuple[Tensor, State]:
        """Read a batch of sequences.

        data (Tensor): Words of all sequences, concatenated, `(words, inputs)`.
        lengths (Tensor): Words of each sequence, shape `(batch,)`, on the CPU; sequences may be
            empty.
        state (State | None): The initial states, as returned for the previous chunk of the same
            sequences. Default: zero or learned, by the setting `initial_state`.
        final (bool): Whether the final states are needed. Without them an LSTM takes less time on
            a CPU.
        RETURNS (tuple[Tensor, State]): The output at each word, `(words, width)`, and the final
            states, of the backward direction those at the first word: the parts of the cell's
            state, each `(depth * directions, batch, hidden)`, with the layers and within them the
            directions in torch's order; or no states.
        RAISES (ValueError): If the shapes of the arguments do not fit.
        """
        check_lengths(data, lengths)
        self.check_words(data)
        zero_state = state is None and self.initial_state is None
        if state is None:
            state = self.start(len(lengths))
        else:
            number = self.depth * self.directions
            check_states(state, [(number, len(lengths), width) for width in self.state_widths])
        if not len(data):
            return functional.pad(data, (0, self.width - self.inputs)), state if final else ()
        scan = choose_scan(self._request_scan(data, len(lengths), zero_state, final), lengths)
        data = self.dropout_input(self.word_dropout(data), lengths)
        finals: list[State] = []
        for layer in range(self.depth):
            below = data
            if layer:
                data = self.norms[layer - 1](self.dropout_layers(data, lengths))
            rows = slice(layer * self.directions, (layer + 1) * self.directions)
            before = tuple(part[rows] for part in state)
            output, after = scan.run(data, self.weights_of_layer(layer), before)
            if self.merge == "sum" and self.directions == 2:
                output = output[:, : self.width] + output[:, self.width :]
            residual = self.residual and below.shape[1] == self.width
            data = output + below if residual else output
            finals.append(after)
        data = self.dropout_output(data, lengths)
        return data, tuple(map(torch.cat, zip(*finals, strict=True))) if final else ()

    def start(self, batch: int) -> State:
        """Return the initial states: zero or learned, by the setting `initial_state`.

        batch (int): Sequences.
        RETURNS (State): The parts of the cell's state, each
            `(depth * directions, batch, hidden)`.
        """
        if self.initial_state is None:
            like, rows = self.first.weight_ih, self.depth * self.directions
            return tuple(like.new_zeros(rows, batch, width) for width in self.state_widths)
        return self.initial_state.expand(-1, batch, -1).split(self.state_widths, dim=2)

    def weights_of_layer(self, layer: int) -> list[Weights]:
        """Return the weights of a layer for one pass, after weight drop in training.

        layer (int): The layer, 0 for the first one.
        RETURNS (list[Weights]): The weights of each direction.
        """
        first = layer * self.directions
        directions = [*self.layers][first : first + self.directions]
        return [cast(DirectionalLayer, direction).weights() for direction in directions]

    def check_words(self, data: Tensor) -> None:
        """Refuse words with another number of features than the network reads.

        data (Tensor): The words, `(words, inputs)`.
        RAISES (ValueError): If they have another number of features.
        """
        if data.shape[1] != self.inputs:
            raise ValueError(
                f"The words have {data.shape[1]} features but the network reads "
                f"{self.inputs}: set its inputs to {data.shape[1]}, or change what is below"
            )

    def _request_scan(
        self, data: Tensor, sequences: int, zero_state: bool, final: bool
    ) -> ScanRequest:
        return ScanRequest(
            cell=self.cell,
            width=self.width,
            hidden=self.hidden,
            directions=self.directions,
            data=data,
            zoneouts=self.zoneouts,
            training=self.training,
            zero_state=zero_state,
            final=final,
            sequences=sequences,
            prepared=self.prepared,
        )


def check_states(states: tuple[Tensor, ...], needed: Sequence[tuple[int, ...]]) -> None:
    """Refuse states that do not fit a network and a batch.

    states (tuple[Tensor, ...]): The states.
    needed (Sequence[tuple[int, ...]]): The shape that each of them has to have.
    RAISES (ValueError): If there are more or fewer, or one has another shape.
    """
    shapes = [tuple(state.shape) for state in states]
    if shapes != [*needed]:
        raise ValueError(
            f"The states have shapes {shapes}, but this network and batch need {[*needed]}: pass "
            f"the states that the same network returned for the same number of sequences"
        )


def _count_directions(settings: RecurrentSettings) -> int:
    return 1 if settings.bidirectional is False else 2


def _check_settings(settings: RecurrentSettings) -> None:
    check_choice("cell", settings.cell, tuple(CELLS))
    check_choice("merge", settings.merge, ("concat", "sum"))
    check_choice("initial_state", settings.initial_state, ("zero", "learned"))
    check_count("width", settings.width, 1)
    check_count("depth", settings.depth, 1, MAX_DEPTH)
    if _count_directions(settings) == 2 and settings.merge == "concat" and settings.width % 2:
        raise ValueError(
            f"width is {settings.width}, which two directions cannot share evenly: choose an even "
            f'one such as {settings.width + 1}, or merge = "sum", or bidirectional = false'
        )
    for part in ("hidden", "cell"):
        rate = getattr(settings, f"zoneout_{part}")
        if rate and part not in CELLS[settings.cell].state_parts:
            raise ValueError(
                f'zoneout_{part} is {rate}, but cell "{settings.cell}" has no {part} state: set '
                f'it to 0, or choose cell = "lstm"'
            )
    if settings.weight_drop and not CELLS[settings.cell].has_recurrent_weight:
        raise ValueError(
            f'weight_drop is {settings.weight_drop}, but cell "{settings.cell}" has no recurrent '
            f"weights to drop: set it to 0, or choose another cell"
        )
    check_count("heads", settings.heads, 1)
    if settings.heads > 1 and settings.cell != MLSTM.name:
        raise ValueError(
            f'heads is {settings.heads}, but cell "{settings.cell}" has none: set it to 1, or '
            f'choose cell = "{MLSTM.name}"'
        )
    if settings.cell_width is not None:
        check_count("cell_width", settings.cell_width, 1)
        if settings.cell != LSTMP.name:
            raise ValueError(
                f'cell_width is {settings.cell_width}, but the state of cell "{settings.cell}" is '
                f'as wide as its output: set it to null, or choose cell = "{LSTMP.name}"'
            )
    if settings.chrono_init is not None:
        check_count("chrono_init", settings.chrono_init, 3)
        fitting = tuple(name for name, cell in CELLS.items() if cell.has_chrono_init)
        check_choice("cell, with chrono_init,", settings.cell, fitting)
    check_finite("forget_bias", settings.forget_bias)
    for name in ("dropout_input", "dropout_layers", "dropout_output"):
        check_rate(name, getattr(settings, name) or 0.0)
    for name in ("word_dropout", "weight_drop"):
        check_rate(name, getattr(settings, name))
    for name in ("zoneout_hidden", "zoneout_cell"):
        check_rate(name, getattr(settings, name), one=True)
