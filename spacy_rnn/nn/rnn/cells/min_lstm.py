"""The minimal LSTM."""

from torch import Tensor
from torch.nn import functional

from .elementwise import LinearCell


class MinLSTM(LinearCell):
    """An LSTM without the hidden state in its gates (Feng et al. 2024, section 3.2).

        f = sigmoid(W_f x + b_f)
        i = sigmoid(W_i x + b_i)
        h' = f / (f + i) * h + i / (f + i) * (W x + b)

    This is the plain form, see `MinGRU`. The quotient is computed from logarithms of the gates,
    which are still different numbers where the gates are both zero in float32.
    """

    name = "min_lstm"
    gates = ("input", "forget", "new")
    state_parts = ("hidden",)

    def read(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        input_gate, forget_gate, candidate = inputs.chunk(3, dim=-1)
        ratio = functional.logsigmoid(forget_gate) - functional.logsigmoid(input_gate)
        return ratio.sigmoid(), candidate

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Initialise as an LSTM: by chrono initialisation, the input gate has the opposite bias.

        The quotient of the gates is then the forget gate itself.
        """
        super().init_bias(bias_ih, forget_bias, chrono_init)
        if chrono_init is not None:
            input_gate, forget_gate, _ = bias_ih.chunk(3)
            input_gate.copy_(-forget_gate)
