"""The minimal gated unit."""

import torch
from torch import Tensor, nn

from .base import Cell, MakeLinear, State, StepFunction, Weights, draw_chrono_bias


class MGU(Cell):
    """Minimal gated unit (Zhou et al. 2016), whose only gate is the forget gate.

    The gate is applied to the hidden state before the product, and also weighs the new state: the
    more is forgotten, the more is written.
    """

    name = "mgu"
    gates = ("forget", "new")
    has_chrono_init = True

    def prepare_step(self, weights: Weights, make_linear: MakeLinear) -> StepFunction:
        multiply_gate, multiply_new = map(
            make_linear, weights.weight_hh.chunk(2), weights.bias_hh.chunk(2)
        )

        def step(inputs: Tensor, state: State) -> State:
            hidden = state[0]
            input_gate, input_new = inputs.chunk(2, dim=1)
            forget = (input_gate + multiply_gate(hidden)).sigmoid()
            new = (input_new + multiply_new(forget * hidden)).tanh()
            return (torch.lerp(hidden, new.to(hidden.dtype), forget.to(hidden.dtype)),)

        return step

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Initialise the forget gate by chrono initialisation (Tallec & Ollivier 2018).

        A positive bias would make it forget, so `forget_bias`, by which an LSTM remembers, has no
        effect.
        """
        nn.init.zeros_(bias_ih)
        if chrono_init is not None:
            forget_gate, _ = bias_ih.chunk(2)
            forget_gate.copy_(-draw_chrono_bias(forget_gate, chrono_init))
