"""The long short-term memory with coupled gates."""

from torch import Tensor, nn

from .base import SingleProductCell, State, make_forget_bias


class CIFG(SingleProductCell):
    """Long short-term memory with coupled input and forget gates (Greff et al. 2017, section III).

    A unit forgets as much as it writes, with three quarters of the weights of an LSTM:

        i = sigmoid(W_i x + U_i h + b_i)
        c' = (1 - i) * c + i * tanh(W_c x + U_c h + b_c)
        o = sigmoid(W_o x + U_o h + b_o)
        h' = o * tanh(c')
    """

    name = "cifg"
    gates = ("input", "cell", "output")
    state_parts = ("hidden", "cell")
    has_chrono_init = True

    def step(self, inputs: Tensor, recurrent: Tensor, state: State, *further: Tensor) -> State:
        input_gate, candidate, output_gate = (inputs + recurrent).chunk(3, dim=-1)
        before = state[1]
        cell = before + input_gate.sigmoid() * (candidate.tanh() - before)
        return output_gate.sigmoid() * cell.tanh(), cell

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Set the bias of the input gate so that the forget gate, 1 - i, has the bias asked for.

        That is `forget_bias`, or drawn by chrono initialisation (Tallec & Ollivier 2018).
        """
        nn.init.zeros_(bias_ih)
        input_gate, _, _ = bias_ih.chunk(3)
        input_gate.copy_(-make_forget_bias(input_gate, forget_bias, chrono_init))
