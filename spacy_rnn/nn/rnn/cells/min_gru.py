"""The minimal GRU."""

from torch import Tensor, nn

from .base import make_forget_bias
from .elementwise import LinearCell


class MinGRU(LinearCell):
    """A GRU without the hidden state in its gates (Feng et al. 2024, section 3.1).

        z = sigmoid(W_z x + b_z)
        h' = (1 - z) * h + z * (W x + b)

    This is the plain form. The paper's second one, in logarithms, is for parallel scans, whose
    long products underflow; a serial scan multiplies step by step.
    """

    name = "min_gru"
    gates = ("update", "new")
    state_parts = ("hidden",)

    def read(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        update, candidate = inputs.chunk(2, dim=-1)
        return (-update).sigmoid(), candidate

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Set the bias of the update gate so that 1 - z, which remembers, has the bias asked for.

        That is `forget_bias`, or drawn by chrono initialisation (Tallec & Ollivier 2018).
        """
        nn.init.zeros_(bias_ih)
        update_gate, _ = bias_ih.chunk(2)
        update_gate.copy_(-make_forget_bias(update_gate, forget_bias, chrono_init))
