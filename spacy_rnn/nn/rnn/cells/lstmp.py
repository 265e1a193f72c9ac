"""The long short-term memory with a projection."""

import torch
from torch import Tensor, nn

from ..settings import RecurrentSettings
from .base import GivenStep, MakeLinear, State, Weights
from .lstm import LSTM


class LSTMP(LSTM):
    """Long short-term memory whose hidden state is a projection (Sak et al. 2014, section 2).

        i, f, g, o = W x + U h + b
        c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h' = P (sigmoid(o) * tanh(c'))

    The cell state may be wide, while the recurrent matrix and all layers above read the narrow
    hidden state. The cell is that of torch, with `proj_size`; the paper's has peepholes.

    cell_width (int | None): Units of the cell state in each direction. None for twice those of the
        hidden state.
    """

    name = "lstmp"

    def __init__(self, cell_width: int | None = None):
        self.cell_width = cell_width

    def configured(self, settings: RecurrentSettings) -> "LSTMP":
        """Return the cell with `cell_width` of the settings."""
        return LSTMP(settings.cell_width)

    def has_kernel(self, hidden: int) -> bool:
        """Whether the cell state is wider: torch's kernel takes others for no projection."""
        hidden_width, cell_width = self.state_widths(hidden)
        return cell_width > hidden_width

    def state_widths(self, hidden: int) -> tuple[int, ...]:
        """Return the widths of the hidden state and of the cell state."""
        return hidden, self.cell_width or 2 * hidden

    def input_rows(self, hidden: int) -> int:
        """Return the rows of four gates as wide as the cell state."""
        _, cell_width = self.state_widths(hidden)
        return len(self.gates) * cell_width

    def further_weights(self, hidden: int) -> dict[str, Tensor]:
        """Make the projection P, `(hidden, cell_width)`, named as in torch."""
        projection = torch.empty(self.state_widths(hidden))
        return {"weight_hr": nn.init.orthogonal_(projection)}

    def prepare_given_step(self, weights: Weights, make_linear: MakeLinear) -> GivenStep:
        project = make_linear(weights.further[0], None)

        def step(inputs: Tensor, recurrent: Tensor, state: State) -> State:
            hidden, cell = self.step(inputs, recurrent, state)
            return project(hidden).to(state[0].dtype), cell

        return step
