"""The long short-term memory."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from .base import Kernel, SingleProductCell, State, make_forget_bias


class LSTM(SingleProductCell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; Gers et al. 2000)."""

    name = "lstm"
    gates = ("input", "forget", "cell", "output")
    state_parts = ("hidden", "cell")
    has_chrono_init = True
    kernel: ClassVar[Kernel | None] = staticmethod(torch.lstm)

    def step(self, inputs: Tensor, recurrent: Tensor, state: State, *further: Tensor) -> State:
        input_gate, forget_gate, candidate, output_gate = (inputs + recurrent).chunk(4, dim=-1)
        cell = forget_gate.sigmoid() * state[1] + input_gate.sigmoid() * candidate.tanh()
        return output_gate.sigmoid() * cell.tanh(), cell

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Set the bias of the forget gate (Jozefowicz et al. 2015), or initialise by chrono.

        Chrono initialisation sets the biases of input and forget gates (Tallec & Ollivier 2018).
        """
        nn.init.zeros_(bias_ih)
        input_gate, forget_gate, _, _ = bias_ih.chunk(4)
        forget_gate.copy_(make_forget_bias(forget_gate, forget_bias, chrono_init))
        if chrono_init is not None:
            input_gate.copy_(-forget_gate)
