"""The simple recurrent unit."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..elementwise import StepOrder, interpolate_by_state
from .base import MakeLinear, State, StepFunction, Weights
from .elementwise import ElementwiseCell


class SRU(ElementwiseCell):
    """Simple recurrent unit (Lei et al. 2018, equations 1 to 4).

        f = sigmoid(W_f x + v_f * c + b_f)
        c' = f * c + (1 - f) * (W x + b)
        r = sigmoid(W_r x + v_r * c + b_r)
        h' = r * c' + (1 - r) * (W_h x + b_h)

    The paper has no b, and in the last equation the input itself (a highway): W_h projects it, as
    the input may have another width. The weights v start at zero.
    """

    name = "sru"
    gates = ("forget", "reset", "new", "highway")
    state_parts = ("cell",)

    def further_weights(self, hidden: int) -> dict[str, Tensor]:
        """Make the weights v of the state in both gates, `(2 * hidden,)`."""
        return {"state_weight": torch.zeros(2 * hidden)}

    def prepare_step(self, weights: Weights, make_linear: MakeLinear) -> StepFunction:
        forget_weight, reset_weight = weights.further[0].chunk(2)

        def step(inputs: Tensor, state: State) -> State:
            (before,) = state
            forget, reset, candidate, highway = inputs.to(before.dtype).chunk(4, dim=-1)
            forget = torch.addcmul(forget, forget_weight, before).sigmoid()
            reset = torch.addcmul(reset, reset_weight, before).sigmoid()
            cell = torch.lerp(candidate, before, forget)
            return torch.lerp(highway, cell, reset), cell

        return step

    def scan(
        self, inputs: Tensor, weights: Sequence[Weights], state: State, order: StepOrder
    ) -> tuple[Tensor, State]:
        forget, reset, candidate, highway = order.to_rows(inputs).chunk(4, dim=-1)
        state_weight = torch.stack([own.further[0] for own in weights]).to(inputs.dtype)
        forget_weight, reset_weight = state_weight.chunk(2, dim=1)
        (start,) = state
        cells, final = interpolate_by_state(forget, forget_weight, candidate, start, order)
        reset = torch.addcmul(reset, reset_weight, order.shift(start, cells)).sigmoid()
        hidden = torch.lerp(highway, cells, reset)
        return order.to_words(hidden), (final,)
