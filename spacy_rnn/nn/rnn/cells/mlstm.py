"""The long short-term memory with a matrix memory."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..settings import RecurrentSettings
from .base import Cell, MakeLinear, State, StepFunction, Weights

LEAST_STABILIZER = -60.0
"""Below it a memory is so faint that the output is zero. The exponential stays finite."""


class MLSTM(Cell):
    """Long short-term memory with a matrix memory (Beck et al. 2024, section 2.3).

    Each head has a memory C of keys and values, and a normaliser n, the sum of its keys. The gates
    i and f are one number for each head, the input gate is exponential (equations 19 to 27):

        C' = f C + i v k^T
        n' = f n + i k
        h' = sigmoid(o) * (C' q) / max(|n'^T q|, 1)

    with f = sigmoid(...). All of them follow from the input alone: there are no recurrent weights.
    Keys are scaled by the root of their width, their bias included. A third part of the state, the
    stabiliser m, is the logarithm of a factor that has been taken out of C and n, so that no
    exponential overflows (appendix A.2): it changes no result.

    heads (int): The heads, which share the units.
    """

    name = "mlstm"
    gates = ("query", "key", "value", "output", "input", "forget")
    # First what is as wide as the output: a summary of a sequence is the first part of its state.
    state_parts = ("normalizer", "memory", "stabilizer")

    def __init__(self, heads: int = 1):
        self.heads = heads

    def configured(self, settings: RecurrentSettings) -> "MLSTM":
        """Return the cell with the heads of the settings."""
        return MLSTM(settings.heads)

    def state_widths(self, hidden: int) -> tuple[int, ...]:
        """Return the widths of the normaliser, the memory and the stabiliser of all heads."""
        if hidden % self.heads:
            raise ValueError(
                f"heads is {self.heads}, but {hidden} units of a direction cannot be shared "
                f"evenly by so many: choose a divisor of {hidden}, such as 1"
            )
        return hidden, hidden * hidden // self.heads, self.heads

    def input_rows(self, hidden: int) -> int:
        """Return the rows of query, key, value and output gate, and two of each head."""
        return 4 * hidden + 2 * self.heads

    def split_gates(self, rows: Tensor, dim: int = 0) -> Sequence[Tensor]:
        """Split what has the rows of the input matrix into the gates."""
        units = (rows.shape[dim] - 2 * self.heads) // 4
        return rows.split([units] * 4 + [self.heads] * 2, dim)

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        """Return the shape of no weights."""
        return (0,)

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Set the bias of the forget gates."""
        nn.init.zeros_(bias_ih)
        self.split_gates(bias_ih)[-1].fill_(forget_bias)

    def prepare_step(self, weights: Weights, make_linear: MakeLinear) -> StepFunction:
        return self.step

    def step(self, inputs: Tensor, state: State) -> State:
        """Take one step.

        inputs (Tensor): The input's part of the gates, `(batch, rows)`.
        state (State): The state before the step, each part `(batch, any)`.
        RETURNS (State): The output, `(batch, hidden)`, and the state after the step.
        """
        normalizer, memory, stabilizer = state
        gates = self.split_gates(inputs.to(memory.dtype), dim=1)
        query, key, value = map(self._by_head, gates[:3])
        output_gate, input_gate, forget_gate = gates[3:]
        key = key * key.shape[2] ** -0.5
        kept = functional.logsigmoid(forget_gate) + stabilizer
        after = torch.maximum(kept, input_gate)
        forget = (kept - after).exp()[:, :, None]
        written = (input_gate - after).exp()[:, :, None] * key
        normalizer = forget * self._by_head(normalizer) + written
        memory = memory.unflatten(1, (*value.shape[1:], key.shape[2]))
        memory = torch.addcmul(forget[..., None] * memory, value[..., None], written[:, :, None])
        found = (memory @ query[..., None]).squeeze(3)
        weight = (normalizer * query).sum(2).abs()
        least = (-after.clamp(min=LEAST_STABILIZER)).exp()
        read = found / torch.maximum(weight, least)[:, :, None]
        output = output_gate.sigmoid() * read.flatten(1)
        return output, normalizer.flatten(1), memory.flatten(1), after

    def _by_head(self, units: Tensor) -> Tensor:
        return units.unflatten(1, (self.heads, -1))
