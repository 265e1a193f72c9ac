"""The independently recurrent cell."""

import torch
from torch import Tensor, nn

from .base import Cell, MakeLinear, State, StepFunction, Weights


class IndRNN(Cell):
    """Independently recurrent cell (Li et al. 2018).

    Each unit has one recurrent weight, for its own state.
    """

    name = "indrnn"
    gates = ("new",)

    def prepare_step(self, weights: Weights, make_linear: MakeLinear) -> StepFunction:
        def step(inputs: Tensor, state: State) -> State:
            hidden = state[0]
            recurrent = torch.addcmul(weights.bias_hh, weights.weight_hh, hidden)
            return ((inputs + recurrent).relu().to(hidden.dtype),)

        return step

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        """Return the shape of a vector."""
        return (hidden,)

    def init_recurrent_weight(self, weight_hh: Tensor) -> None:
        """Initialise the weights uniformly in [0, 1].

        So units remember for any number of words, and no gradient explodes.
        """
        nn.init.uniform_(weight_hh)
