"""The long short-term memory with peepholes."""

import torch
from torch import Tensor

from .base import State
from .lstm import LSTM


class PeepholeLSTM(LSTM):
    """Long short-term memory whose gates also see the cell state (Gers & Schmidhuber 2000).

    The input gate and the forget gate see the cell state before the step, the output gate the one
    after it, each unit its own:

        i = sigmoid(W_i x + U_i h + p_i * c + b_i)
        f = sigmoid(W_f x + U_f h + p_f * c + b_f)
        c' = f * c + i * tanh(W_c x + U_c h + b_c)
        o = sigmoid(W_o x + U_o h + p_o * c' + b_o)
        h' = o * tanh(c')

    The peepholes p start at zero, where the cell is an LSTM.
    """

    name = "peephole"
    kernel = None

    def step(self, inputs: Tensor, recurrent: Tensor, state: State, *further: Tensor) -> State:
        input_gate, forget_gate, candidate, output_gate = (inputs + recurrent).chunk(4, dim=-1)
        input_peephole, forget_peephole, output_peephole = further[0].chunk(3, dim=-1)
        before = state[1]
        kept = (forget_gate + forget_peephole * before).sigmoid() * before
        cell = kept + (input_gate + input_peephole * before).sigmoid() * candidate.tanh()
        hidden = (output_gate + output_peephole * cell).sigmoid() * cell.tanh()
        return hidden, cell

    def further_weights(self, hidden: int) -> dict[str, Tensor]:
        """Make the peepholes of the input, forget and output gate, `(3 * hidden,)`."""
        return {"peepholes": torch.zeros(3 * hidden)}
