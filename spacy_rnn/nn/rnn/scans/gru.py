"""A GRU on a CPU: in training, and over a single sequence."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from ...kernels.arrays import has_numba, to_array
from ...kernels.prepared import PreparedWeights
from ...kernels.shapes import compiles_each_shape, computed_type
from ..cells.base import State, Weights
from ..cells.gru import GRU
from ..gru import scan_gru
from .base import PackedScan, Scan, ScanRequest


class CompiledGRUScan(Scan):
    """A GRU over a single sequence in prediction on a CPU, compiled by numba if it is there."""

    def __init__(self, request: ScanRequest, lengths: Tensor):
        self._prepared = cast(PreparedWeights, request.prepared)

    @staticmethod
    def fits(request: ScanRequest) -> bool:
        data = request.data
        return (
            request.sequences == 1
            and type(request.cell) is GRU
            and not request.has_zoneout
            and request.on_cpu
            and data.dtype == torch.float32
            and computed_type(data.dtype) in (torch.float32, torch.bfloat16)
            and isinstance(request.prepared, PreparedWeights)
            and not torch.is_grad_enabled()
            and has_numba()
        )

    def run(self, data: Tensor, weights: Sequence[Weights], state: State) -> tuple[Tensor, State]:
        from ...kernels.compiled import scan_gru

        matrices, _, biases, *_ = zip(*weights, strict=True)
        gates = self._prepared.linear(matrices, biases)(data)
        final = state[0].to(gates.dtype, copy=True).float()
        outputs = data.new_empty(len(weights), len(data), final.shape[2])
        by_direction = gates.float().chunk(len(weights), 1)
        for direction, (own, inputs) in enumerate(zip(weights, by_direction, strict=True)):
            scan_gru(
                to_array(inputs),
                self._prepared.matrix(own.weight_hh, own.bias_hh, quantize=False),
                final[direction, 0].numpy(),
                outputs[direction].numpy(),
                direction == 1,
            )
        return outputs.transpose(0, 1).flatten(1), (final,)


class GRUScan(PackedScan):
    """A GRU on a CPU, with a backward pass of its own."""

    @staticmethod
    def fits(request: ScanRequest) -> bool:
        return (
            type(request.cell) is GRU
            and not request.has_zoneout
            and request.on_cpu
            and (torch.is_grad_enabled() or compiles_each_shape(request.data))
        )

    def _run_sorted(
        self, data: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        output, final = scan_gru(data, self._layout, weights, state[0], self._request.prepared)
        return output, (final,)
