"""A cell without a product with the state."""

from collections.abc import Sequence
from typing import cast

from torch import Tensor

from ..cells.base import State, Weights
from ..cells.elementwise import ElementwiseCell
from ..elementwise import StepOrder
from .base import PackedScan, ScanRequest


class ElementwiseScan(PackedScan):
    """A cell without a product with the state, on any device."""

    def __init__(self, request: ScanRequest, lengths: Tensor):
        super().__init__(request, lengths)
        self._order = StepOrder(self._layout, request.directions)

    @staticmethod
    def fits(request: ScanRequest) -> bool:
        return isinstance(request.cell, ElementwiseCell) and not request.has_zoneout

    def _run_sorted(
        self, data: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        # One product for both directions, whose results for each word are adjacent.
        matrices, _, biases, *_ = zip(*weights, strict=True)
        inputs = self._request.prepared.linear(matrices, biases)(data).to(state[0].dtype)
        inputs = inputs.view(len(data), len(weights), -1)
        start = tuple(part.transpose(0, 1) for part in state)
        cell = cast(ElementwiseCell, self._request.cell)
        output, final = cell.scan(inputs, weights, start, self._order)
        return output.flatten(1), tuple(part.transpose(0, 1) for part in final)
