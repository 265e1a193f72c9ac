"""Cells that normalise within the recurrence."""

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from .base import Cell, MakeLinear, SingleProductCell, State, StepFunction, Weights
from .gru import GRU
from .lstm import LSTM

Rows = Callable[[Tensor], Tensor]


class LayerNormCell(Cell):
    """Another cell with layer normalisation (Ba et al. 2016, section 3.1).

    The products with the input and with the hidden state are normalised apart, each with a gain of
    its own. Both biases are added to what is normalised.

    plain (SingleProductCell): The other cell.
    """

    plain: ClassVar[SingleProductCell]

    def prepare_inputs(self, weights: Weights, make_linear: MakeLinear) -> Rows:
        multiply = make_linear(weights.weight_ih, None)
        gain = weights.further[0]
        return lambda words: self.normalize(multiply(words), gain, weights.bias_ih)

    def prepare_step(self, weights: Weights, make_linear: MakeLinear) -> StepFunction:
        multiply = make_linear(weights.weight_hh, None)
        gain = weights.further[1]

        def step(inputs: Tensor, state: State) -> State:
            recurrent = self.normalize(multiply(state[0]), gain, weights.bias_hh)
            return self.plain.step(inputs, recurrent, state)

        return step

    def normalize(self, products: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
        """Normalise products, all gates together.

        products (Tensor): The products of a matrix, `(rows, gates * hidden)`.
        gain (Tensor): The gain, `(gates * hidden,)`.
        bias (Tensor): The bias, `(gates * hidden,)`.
        RETURNS (Tensor): The normalised products, `(rows, gates * hidden)`.
        """
        return functional.layer_norm(products, gain.shape, gain, bias)

    def further_weights(self, hidden: int) -> dict[str, Tensor]:
        """Make the gains of both products, each `(gates * hidden,)`.

        That of the recurrent product starts at 0.1 (Cooijmans et al. 2017, section 4). At 1 a step
        magnifies what float32 rounds off, so that results of long sequences differ from batch to
        batch in their fourth digit.
        """
        rows = len(self.gates) * hidden
        return {"gain_ih": torch.ones(rows), "gain_hh": torch.full((rows,), 0.1)}

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Initialise the bias as that of the other cell."""
        self.plain.init_bias(bias_ih, forget_bias, chrono_init)


class LayerNormLSTM(LayerNormCell):
    """Long short-term memory with layer normalisation (Ba et al. 2016, supplementary material).

    The output sees the normalised cell state:

        i, f, g, o = LN(W x) + LN(U h) + b
        c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h' = sigmoid(o) * tanh(LN(c'))
    """

    name = "layer_norm_lstm"
    plain = LSTM()
    gates = plain.gates
    state_parts = plain.state_parts
    has_chrono_init = True

    def prepare_step(self, weights: Weights, make_linear: MakeLinear) -> StepFunction:
        multiply = make_linear(weights.weight_hh, None)
        _, gain, gain_cell, bias_cell = weights.further

        def step(inputs: Tensor, state: State) -> State:
            gates = inputs + self.normalize(multiply(state[0]), gain, weights.bias_hh)
            input_gate, forget_gate, candidate, output_gate = gates.chunk(4, dim=1)
            cell = forget_gate.sigmoid() * state[1] + input_gate.sigmoid() * candidate.tanh()
            normalized = functional.layer_norm(cell, gain_cell.shape, gain_cell, bias_cell)
            return output_gate.sigmoid() * normalized.tanh(), cell

        return step

    def further_weights(self, hidden: int) -> dict[str, Tensor]:
        """Make the gains of both products, and gain and bias of the cell state, `(hidden,)`."""
        of_cell = {"gain_cell": torch.ones(hidden), "bias_cell": torch.zeros(hidden)}
        return {**super().further_weights(hidden), **of_cell}


class LayerNormGRU(LayerNormCell):
    """Gated recurrent unit with layer normalisation (Ba et al. 2016, supplementary material).

    Reset and update gate are normalised together, the candidate by itself:

        r, z = LN(W_rz x) + LN(U_rz h) + b
        n = tanh(LN(W_n x) + b_n + sigmoid(r) * (LN(U_n h) + b'_n))
        h' = (1 - sigmoid(z)) * n + sigmoid(z) * h
    """

    name = "layer_norm_gru"
    plain = GRU()
    gates = plain.gates
    has_chrono_init = True

    def normalize(self, products: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
        """Normalise the gates together, and the candidate by itself."""
        hidden = len(gain) // 3
        parts = (part.split([2 * hidden, hidden], dim=-1) for part in (products, gain, bias))
        return torch.cat(
            [
                functional.layer_norm(product, gain.shape, gain, bias)
                for product, gain, bias in zip(*parts, strict=True)
            ],
            dim=-1,
        )
