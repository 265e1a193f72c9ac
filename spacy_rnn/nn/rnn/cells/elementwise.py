"""Cells whose recurrence is elementwise."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..elementwise import StepOrder, interpolate
from .base import Cell, MakeLinear, State, StepFunction, Weights, make_forget_bias


class ElementwiseCell(Cell):
    """A cell without a product with the state.

    So all products of a sequence are one. There is no recurrent weight in the sense of other
    cells.
    """

    has_chrono_init = True

    @abstractmethod
    def scan(
        self, inputs: Tensor, weights: Sequence[Weights], state: State, order: StepOrder
    ) -> tuple[Tensor, State]:
        """Take all steps of a batch.

        inputs (Tensor): The input's part of the gates at each word,
            `(words, directions, gates * hidden)`.
        weights (Sequence[Weights]): The weights of each direction.
        state (State): The initial states, each part `(batch, directions, width)`.
        order (StepOrder): The order of the steps.
        RETURNS (tuple[Tensor, State]): The output at each word, `(words, directions, hidden)`, and
            the final states.
        """

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        """Return the shape of no weights."""
        return (0,)

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Set the bias of the forget gate, or draw it by chrono initialisation.

        Chrono initialisation is that of Tallec & Ollivier (2018).
        """
        nn.init.zeros_(bias_ih)
        forget_gate = bias_ih.chunk(len(self.gates))[self.gates.index("forget")]
        forget_gate.copy_(make_forget_bias(forget_gate, forget_bias, chrono_init))


class LinearCell(ElementwiseCell):
    """A cell that mixes its state with a candidate, unit by unit.

        c' = f * c + (1 - f) * x

    The forget gate f and the candidate x follow from the input alone. The output follows from c
    and from the input.
    """

    state_parts = ("cell",)

    @abstractmethod
    def read(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Compute what a step mixes, for any number of words at once.

        inputs (Tensor): The input's part of the gates, `(…, gates * hidden)`.
        RETURNS (tuple[Tensor, Tensor]): The forget gate, in [0, 1], and the candidate, each
            `(…, hidden)`.
        """

    def output(self, inputs: Tensor, state: Tensor) -> Tensor:
        """Compute the output, for any number of words at once.

        inputs (Tensor): The input's part of the gates, `(…, gates * hidden)`.
        state (Tensor): The state after the step, `(…, hidden)`.
        RETURNS (Tensor): The output, `(…, hidden)`: the state unless the cell says otherwise.
        """
        return state

    def prepare_step(self, weights: Weights, make_linear: MakeLinear) -> StepFunction:
        def step(inputs: Tensor, state: State) -> State:
            inputs = inputs.to(state[0].dtype)
            forget, candidate = self.read(inputs)
            after = torch.lerp(candidate, state[0], forget)
            return (after,) if self.carries_output else (self.output(inputs, after), after)

        return step

    def scan(
        self, inputs: Tensor, weights: Sequence[Weights], state: State, order: StepOrder
    ) -> tuple[Tensor, State]:
        forget, candidate = map(order.to_rows, self.read(inputs))
        states, final = interpolate(forget, candidate, state[0], order)
        return self.output(inputs, order.to_words(states)), (final,)
