"""Any cell that has a kernel in torch."""

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor

from ..cells.base import State, Weights
from .base import PackedScan, ScanRequest

MAX_STEPS = 256
"""Steps that torch's kernel for packed sequences takes at once where gradients follow."""


class KernelScan(PackedScan):
    """Any cell that has a kernel in torch, on any device.

    The backward pass of torch's kernel on a CPU allocates a gradient of its whole input at each
    step: its time would grow with the square of the longest sequence. So in training long
    sequences are run in chunks, each from the states in which the previous one ended.
    """

    @staticmethod
    def fits(request: ScanRequest) -> bool:
        return request.cell.has_kernel(request.hidden) and not request.has_zoneout

    def _run_sorted(
        self, data: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        layout = self._layout
        is_long = len(layout.batch_sizes) > MAX_STEPS
        if is_long and self._request.on_cpu and torch.is_grad_enabled():
            return self._run_chunks(data, weights, state)
        rows = data.index_select(0, layout.words)
        output, final = self._call_kernel(rows, layout.batch_sizes, weights, state)
        return output.index_select(0, layout.rows), final

    def _run_chunks(
        self, data: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        """Run chunk by chunk of at most MAX_STEPS steps, each direction by itself."""
        chunk_sizes = self._layout.batch_sizes.split(MAX_STEPS)
        areas = [int(batch_sizes.sum()) for batch_sizes in chunk_sizes]
        outputs, finals = [], []
        for direction, direction_weights in enumerate(weights):
            words, rows = self._layout.in_direction(direction)
            current = tuple(part[direction : direction + 1] for part in state)
            chunks = data.index_select(0, words).split(areas)
            chunk_outputs = []
            for chunk, batch_sizes in zip(chunks, chunk_sizes, strict=True):
                running = int(batch_sizes[0])
                before = tuple(part[:, :running] for part in current)
                output, after = self._call_kernel(chunk, batch_sizes, [direction_weights], before)
                current = tuple(
                    torch.cat([new, old[:, running:]], 1)
                    for new, old in zip(after, current, strict=True)
                )
                chunk_outputs.append(output)
            outputs.append(torch.cat(chunk_outputs).index_select(0, rows))
            finals.append(current)
        final = tuple(torch.cat(parts) for parts in zip(*finals, strict=True))
        return torch.cat(outputs, 1), final

    def _call_kernel(
        self, rows: Tensor, batch_sizes: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        kernel = cast(Callable[..., tuple[Tensor, ...]], self._request.cell.kernel)
        output, *final = kernel(
            rows,
            batch_sizes,
            state if len(state) > 1 else state[0],
            [weight for direction in weights for weight in (*direction[:4], *direction.further)],
            True,  # has_biases
            1,  # num_layers
            0.0,  # dropout
            torch.is_grad_enabled(),  # train: whether a backward pass may follow
            len(weights) == 2,  # bidirectional
        )
        return output, tuple(final)
