"""One direction of one layer of a recurrent network."""

import torch
from torch import Tensor, nn

from ..dropout import WeightDrop
from .cells.base import Cell, Weights


class DirectionalLayer(nn.Module):
    """The weights of one direction of one layer, named and shaped as torch's own.

    Those that only some cells have are named by the cell.

    cell (Cell): The cell.
    inputs (int): Features of each word.
    hidden (int): Units of the hidden state.
    weight_drop (float): Share of recurrent weights dropped in training.
    forget_bias (float): Initial bias of the forget gate, of cells that have one (Gers et al.
        2000; Jozefowicz et al. 2015). Without effect where `chrono_init` is set.
    chrono_init (int | None): Draw the initial biases of the gates for dependencies of up to this
        many words: chrono initialisation (Tallec & Ollivier 2018).
    """

    weight_hh: Tensor
    bias_hh: Tensor

    def __init__(
        self,
        cell: Cell,
        inputs: int,
        hidden: int,
        *,
        weight_drop: float,
        forget_bias: float,
        chrono_init: int | None,
    ):
        super().__init__()
        self.weight_drop = WeightDrop(weight_drop)
        rows = cell.input_rows(hidden)
        self.weight_ih = nn.Parameter(torch.empty(rows, inputs))
        self._add_weight("weight_hh", torch.empty(cell.recurrent_shape(hidden)))
        self.bias_ih = nn.Parameter(torch.empty(rows))
        self._add_weight("bias_hh", torch.zeros(rows * cell.has_recurrent_weight))
        cell.init_input_weight(self.weight_ih.data)
        if cell.has_recurrent_weight:
            cell.init_recurrent_weight(self.weight_hh.data)
        cell.init_bias(self.bias_ih.data, forget_bias, chrono_init)
        further = cell.further_weights(hidden)
        self._further = tuple(further)
        for name, weight in further.items():
            self._add_weight(name, weight)

    def _add_weight(self, name: str, weight: Tensor) -> None:
        """Add a parameter, or what stands for one that the cell does not have."""
        if weight.numel():
            self.register_parameter(name, nn.Parameter(weight))
        else:
            self.register_buffer(name, weight, persistent=False)

    def weights(self) -> Weights:
        """Return the weights for one pass, after weight drop in training.

        RETURNS (Weights): The weights.
        """
        return Weights(
            self.weight_ih,
            self.weight_drop(self.weight_hh),
            self.bias_ih,
            self.bias_hh,
            tuple(getattr(self, name) for name in self._further),
        )
