"""The simpler simple recurrent unit."""

from torch import Tensor

from .elementwise import LinearCell


class SSRU(LinearCell):
    """Simpler simple recurrent unit (Kim et al. 2019, section 3.2).

    f = sigmoid(W_f x + b_f)
    c' = f * c + (1 - f) * (W x + b)
    h' = relu(c')
    """

    name = "ssru"
    gates = ("forget", "new")

    def read(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        forget, candidate = inputs.chunk(2, dim=-1)
        return forget.sigmoid(), candidate

    def output(self, inputs: Tensor, state: Tensor) -> Tensor:
        return state.relu()
