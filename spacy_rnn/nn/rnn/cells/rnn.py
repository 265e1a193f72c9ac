"""Plain recurrent cells."""

import torch
from torch import Tensor

from .base import SingleProductCell, State


class TanhRNN(SingleProductCell):
    """A plain recurrent cell (Elman 1990)."""

    name = "rnn_tanh"
    gates = ("new",)
    kernel = staticmethod(torch.rnn_tanh)

    def step(self, inputs: Tensor, recurrent: Tensor, state: State, *further: Tensor) -> State:
        return ((inputs + recurrent).tanh().to(state[0].dtype),)


class ReLURNN(SingleProductCell):
    """A plain recurrent cell with rectified linear units (Le et al. 2015)."""

    name = "rnn_relu"
    gates = ("new",)
    kernel = staticmethod(torch.rnn_relu)

    def step(self, inputs: Tensor, recurrent: Tensor, state: State, *further: Tensor) -> State:
        return ((inputs + recurrent).relu().to(state[0].dtype),)
