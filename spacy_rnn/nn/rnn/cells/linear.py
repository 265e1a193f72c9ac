"""Cells whose recurrence is elementwise and linear."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from .base import Cell, MakeLinear, State, StepFunction, Weights, draw_chrono_bias


class LinearCell(Cell):
    """A cell that mixes its state with a candidate, unit by unit.

        c' = f * c + (1 - f) * x

    The forget gate f and the candidate x follow from the input alone. So all products of a
    sequence are one, and the recurrence has none. The state is c, and the output follows from it.
    There are no recurrent weights.
    """

    state_parts = ("cell",)
    has_chrono_init = True

    @abstractmethod
    def read(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Compute what a step mixes, for any number of words at once.

        inputs (Tensor): The input's part of the gates, `(…, gates * hidden)`.
        RETURNS (tuple[Tensor, Tensor]): The forget gate, in [0, 1], and the candidate, each
            `(…, hidden)`.
        """

    def prepare_step(self, weights: Weights, make_linear: MakeLinear) -> StepFunction:
        def step(inputs: Tensor, state: State) -> State:
            (cell,) = state
            forget, candidate = self.read(inputs.to(cell.dtype))
            return (torch.lerp(candidate, cell, forget),)

        return step

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        """Return the shape of no weights."""
        return (0,)

    def init_recurrent_weight(self, weight_hh: Tensor) -> None:
        """Do nothing."""

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Set the bias of the forget gate, or draw it by chrono initialisation.

        Chrono initialisation is that of Tallec & Ollivier (2018).
        """
        nn.init.zeros_(bias_ih)
        forget_gate = bias_ih.chunk(len(self.gates))[self.gates.index("forget")]
        if chrono_init is None:
            forget_gate.fill_(forget_bias)
        else:
            forget_gate.copy_(draw_chrono_bias(forget_gate, chrono_init))


class SSRU(LinearCell):
    """Simpler simple recurrent unit (Kim et al. 2019, section 3.2).

        f = sigmoid(W_f x + b_f)
        c' = f * c + (1 - f) * (W x + b)
        h' = relu(c')

    The paper has no b.
    """

    name = "ssru"
    gates = ("forget", "new")

    def read(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        forget, candidate = inputs.chunk(2, dim=-1)
        return forget.sigmoid(), candidate

    def output(self, inputs: Tensor, state: State) -> Tensor:
        return state[0].relu()
