"""One direction of one layer of a recurrent network."""

import torch
from torch import nn

from ..dropout import WeightDrop
from .cells import GATES, Weights


class DirectionalLayer(nn.Module):
    """The weights of one direction of one layer, named and shaped as torch's own.

    cell (str): One of "lstm", "gru", "rnn_tanh", "rnn_relu".
    inputs (int): Features of each word.
    hidden (int): Units of the hidden state.
    weight_drop (float): Share of recurrent weights dropped in training.
    forget_bias (float): Bias of an LSTM's forget gate at the start (Gers et al. 2000;
        Jozefowicz et al. 2015). Without effect on other cells, and where `chrono_init` is set.
    chrono_init (int | None): Draw the biases of the gates so that memories last up to
        this many words: chrono initialisation (Tallec & Ollivier 2018).
    """

    def __init__(
        self,
        cell: str,
        inputs: int,
        hidden: int,
        *,
        weight_drop: float,
        forget_bias: float,
        chrono_init: int | None,
    ):
        super().__init__()
        self.weight_drop = WeightDrop(weight_drop)
        gates = GATES[cell] * hidden
        self.weight_ih = nn.Parameter(torch.empty(gates, inputs))
        self.weight_hh = nn.Parameter(torch.empty(gates, hidden))
        self.bias_ih = nn.Parameter(torch.zeros(gates))
        self.bias_hh = nn.Parameter(torch.zeros(gates))
        for gate in self.weight_ih.data.split(hidden):
            nn.init.xavier_uniform_(gate)
        for gate in self.weight_hh.data.split(hidden):
            nn.init.orthogonal_(gate)
        biases = self.bias_ih.data.split(hidden)
        if cell == "lstm":
            biases[1].fill_(forget_bias)
        if chrono_init is not None:
            memory = torch.empty(hidden).uniform_(1, chrono_init - 1).log()
            biases[1].copy_(memory)
            if cell == "lstm":
                biases[0].copy_(-memory)

    def weights(self) -> Weights:
        """Give the weights of this pass, with weight drop where it is on.

        RETURNS (Weights): Input matrix, recurrent matrix, and a bias for each.
        """
        return self.weight_ih, self.weight_drop(self.weight_hh), self.bias_ih, self.bias_hh
