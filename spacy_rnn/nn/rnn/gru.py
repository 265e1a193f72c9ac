"""A GRU over a batch, with a backward pass of its own.

On a CPU torch records each step of a GRU for itself: its backward pass makes a gradient of the
whole input at each step, and adds one up for each matrix. Here the steps are one operation:
what does not depend on the gradient is computed for all of them at once, and the gradient of
the recurrent matrix is one product.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ..batch.packed import Packed, step_slices
from ..kernels.autograd import refuse_second_derivatives
from ..kernels.linear import pad_rows, prepare_linear
from ..kernels.prepared import kept
from .cells import Weights


def scan_gru(
    data: Tensor, layout: Packed, weights: Sequence[Weights], start: Tensor
) -> tuple[Tensor, Tensor]:
    """Scan with a GRU (Cho et al. 2014), the reset gate after the matrix product.

    data (Tensor): Words of all sequences, shape `(words, inputs)`.
    layout (Packed): The layout of these sequences.
    weights (Sequence[Weights]): The weights of each direction.
    start (Tensor): The hidden states to start from, in the order of the layout,
        `(directions, batch, hidden)`.
    RETURNS (tuple[Tensor, Tensor]): The hidden states of all directions at each word,
        shape `(words, directions * hidden)`, and the states at the end of each sequence,
        in the order of the layout.
    """
    # The scan from the end is one from the start over mirrored sequences: of equal lengths,
    # so that both directions take each step together.
    number = torch.arange(len(weights), device=data.device)
    words, rows = zip(*map(layout.read_from, range(len(weights))), strict=True)
    input_matrices, recurrent_matrices, input_biases, recurrent_biases = zip(*weights, strict=True)
    # One product for both directions, whose halves of each word are one after the other. Padded
    # here, it has no rows to cut off, and its gradient none to add.
    inputs = prepare_linear(input_matrices, input_biases)(pad_rows(data))
    halves = torch.stack(words) * len(weights) + number[:, None]
    gates = inputs.view(-1, len(input_biases[0])).index_select(0, halves.flatten())
    outputs, final = _Scan.apply(
        gates.view(len(weights), len(data), -1),
        _stack(recurrent_matrices, gates.dtype),
        _stack(recurrent_biases, gates.dtype),
        start.to(gates.dtype),
        layout.batch_sizes.tolist(),
    )
    halves = torch.stack(rows, 1) + number * len(data)
    return outputs.flatten(0, 1).index_select(0, halves.flatten()).view(len(data), -1), final


class _Scan(Function):
    """The steps of a GRU: gates of the inputs `(directions, rows, 3 * hidden)` with reset,
    update and candidate side by side, and states `(directions, batch, hidden)`."""

    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,
        matrices: Tensor,
        biases: Tensor,
        start: Tensor,
        batch_sizes: list[int],
    ) -> tuple[Tensor, Tensor]:
        width = start.shape[2]
        sizes = (2 * width, width)
        transposed, biases = matrices.transpose(1, 2), biases[:, None]
        shape = (*gates.shape[:2], width)
        recurrent_candidates, candidates, outputs = (gates.new_empty(shape) for _ in range(3))
        switches = gates.new_empty(*gates.shape[:2], 2 * width)
        written = switches, recurrent_candidates, candidates, outputs
        by_step = (part.split(batch_sizes, 1) for part in (*gates.split(sizes, 2), *written))
        state, ended = start, []
        for to_switch, to_candidate, switch, own, candidate, output in zip(*by_step, strict=True):
            running = output.shape[1]
            if running < state.shape[1]:
                ended.append(state[:, running:])
                state = state[:, :running]
            recurrent = torch.baddbmm(biases, pad_rows(state, 1), transposed)[:, :running]
            recurrent_switch, recurrent_candidate = recurrent.split_with_sizes(sizes, 2)
            torch.add(to_switch, recurrent_switch, out=switch)
            reset, update = switch.sigmoid_().chunk(2, 2)
            own.copy_(recurrent_candidate)
            torch.addcmul(to_candidate, reset, own, out=candidate).tanh_()
            state = torch.lerp(candidate, state, update, out=output)
        ctx.batch_sizes = batch_sizes
        ctx.save_for_backward(matrices, start, outputs, switches, candidates, recurrent_candidates)
        return outputs, torch.cat([state, *reversed(ended)], 1)

    @staticmethod
    def backward(ctx: Any, d_outputs: Tensor, d_final: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivatives()
        matrices, start, outputs, switches, candidates, recurrent_candidates = ctx.saved_tensors
        befores = _befores(start, outputs, ctx.batch_sizes)
        resets, updates = switches.split(befores.shape[2], 2)
        # What the gradient of a step's output is multiplied by, for each part of its gates.
        by_candidate = (1 - updates) * (1 - candidates * candidates)
        by_part = torch.stack(
            [
                by_candidate * recurrent_candidates * resets * (1 - resets),
                (befores - candidates) * updates * (1 - updates),
                by_candidate * resets,
            ],
            dim=2,
        )
        d_states = torch.empty_like(befores)
        d_recurrent = torch.empty_like(by_part)
        d_state = d_final.clone()
        for rows in reversed(step_slices(ctx.batch_sizes)):
            running = d_state[:, : rows.stop - rows.start]
            d_step = torch.add(running, d_outputs[:, rows], out=d_states[:, rows])
            d_parts = torch.mul(d_step[:, :, None], by_part[:, rows], out=d_recurrent[:, rows])
            d_before = torch.bmm(pad_rows(d_parts.flatten(2), 1), matrices)[:, : running.shape[1]]
            torch.addcmul(d_before, d_step, updates[:, rows], out=running)
        d_gates = d_recurrent.clone()
        d_gates[:, :, 2] = d_states * by_candidate
        d_recurrent = d_recurrent.flatten(2)
        d_matrices = pad_rows(d_recurrent, 1).transpose(1, 2) @ pad_rows(befores, 1)
        return d_gates.flatten(2), d_matrices, d_recurrent.sum(1), d_state, None


def _stack(parts: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """Lay weights of the directions one on the other, once where things are kept."""

    def stack() -> Tensor:
        return torch.stack(tuple(parts)).to(dtype)

    return kept(("stacked", dtype), parts, stack)


def _befores(start: Tensor, outputs: Tensor, batch_sizes: list[int]) -> Tensor:
    """Give the state before each step: the output of the same sequence at the step before."""
    first, *others = batch_sizes
    sizes = torch.tensor(batch_sizes)
    back = sizes[:-1].repeat_interleave(sizes[1:])
    rows = torch.arange(first, first + sum(others)) - back
    return torch.cat([start[:, :first], outputs.index_select(1, rows.to(outputs.device))], 1)
