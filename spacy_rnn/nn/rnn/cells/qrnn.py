"""The quasi-recurrent network."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..elementwise import StepOrder, interpolate
from .base import MakeLinear, State, StepFunction, Weights
from .elementwise import ElementwiseCell, LinearCell


class QRNN(LinearCell):
    """Quasi-recurrent network (Bradbury et al. 2017), fo-pooling over windows of one word.

    z = tanh(W_z x + b_z)
    f = sigmoid(W_f x + b_f)
    o = sigmoid(W_o x + b_o)
    c' = f * c + (1 - f) * z
    h' = o * c'
    """

    name = "qrnn"
    gates = ("new", "forget", "output")

    def read(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        candidate, forget, _ = inputs.chunk(3, dim=-1)
        return forget.sigmoid(), candidate.tanh()

    def output(self, inputs: Tensor, state: Tensor) -> Tensor:
        _, _, output_gate = inputs.chunk(3, dim=-1)
        return output_gate.sigmoid() * state


class QRNN2(ElementwiseCell):
    """Quasi-recurrent network (Bradbury et al. 2017), fo-pooling over windows of two words.

    As `QRNN`, but each of the three products sees two words, x before and x' now:

        z = tanh(V_z x + a_z + W_z x' + b_z)

    V x + a is a part of the state: each word is read once, and a stream knows the word before. It
    starts at zero.
    """

    name = "qrnn_2"
    gates = (*QRNN.gates, "next new", "next forget", "next output")
    state_parts = ("cell", "previous")

    def state_widths(self, hidden: int) -> tuple[int, ...]:
        """Return the widths of the cell state and of the products with the word before."""
        return hidden, len(QRNN.gates) * hidden

    def prepare_step(self, weights: Weights, make_linear: MakeLinear) -> StepFunction:
        def step(inputs: Tensor, state: State) -> State:
            cell, previous = state
            now, following = inputs.to(cell.dtype).chunk(2, dim=-1)
            candidate, forget, output_gate = (now + previous).chunk(3, dim=-1)
            cell = torch.lerp(candidate.tanh(), cell, forget.sigmoid())
            return output_gate.sigmoid() * cell, cell, following

        return step

    def scan(
        self, inputs: Tensor, weights: Sequence[Weights], state: State, order: StepOrder
    ) -> tuple[Tensor, State]:
        start, previous = state
        now, following = order.to_rows(inputs).chunk(2, dim=-1)
        gates = now + order.shift(previous, following)
        candidate, forget, output_gate = gates.chunk(3, dim=-1)
        cells, final = interpolate(forget.sigmoid(), candidate.tanh(), start, order)
        output = order.to_words(output_gate.sigmoid() * cells)
        return output, (final, following.index_select(0, order.lasts))
