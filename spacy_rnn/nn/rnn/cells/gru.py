"""The gated recurrent unit."""

import torch
from torch import Tensor, nn

from .base import SingleProductCell, State, draw_chrono_bias


class GRU(SingleProductCell):
    """Gated recurrent unit (Cho et al. 2014).

    The reset gate is applied after the product, as in torch.
    """

    name = "gru"
    gates = ("reset", "update", "new")
    has_chrono_init = True
    kernel = staticmethod(torch.gru)

    def step(self, inputs: Tensor, recurrent: Tensor, state: State, *further: Tensor) -> State:
        hidden = state[0]
        sizes = (2 * hidden.shape[-1], hidden.shape[-1])
        input_gates, input_new = inputs.split_with_sizes(sizes, dim=-1)
        recurrent_gates, recurrent_new = recurrent.split_with_sizes(sizes, dim=-1)
        reset, update = (input_gates + recurrent_gates).sigmoid().chunk(2, dim=-1)
        new = torch.addcmul(input_new, reset, recurrent_new).tanh()
        # Not rounded to the gates' type at each step, where autocast computes these in bfloat16.
        return (torch.lerp(new.to(hidden.dtype), hidden, update.to(hidden.dtype)),)

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Initialise the update gate by chrono initialisation (Tallec & Ollivier 2018)."""
        nn.init.zeros_(bias_ih)
        if chrono_init is not None:
            _, update_gate, _ = bias_ih.chunk(3)
            update_gate.copy_(draw_chrono_bias(update_gate, chrono_init))
