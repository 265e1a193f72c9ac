"""A GRU over a batch, with a backward pass of its own.

On a CPU torch records each step of a GRU as operations of its own: its backward pass allocates a
gradient of the whole input at each step, and accumulates one for each matrix. Here all steps are
one operation: what does not depend on the gradient is computed for all of them at once, and the
gradient of the recurrent matrix is one product.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ..batch.packed import Packed, step_slices
from ..kernels.autograd import refuse_second_derivatives
from ..kernels.prepared import UnpreparedWeights
from ..kernels.shapes import pad_rows
from .cells.base import Weights


def scan_gru(
    data: Tensor,
    layout: Packed,
    weights: Sequence[Weights],
    state: Tensor,
    prepared: UnpreparedWeights,
) -> tuple[Tensor, Tensor]:
    """Scan a batch with a GRU (Cho et al. 2014), the reset gate applied after the product.

    data (Tensor): Words of all sequences, shape `(words, inputs)`.
    layout (Packed): The layout of these sequences.
    weights (Sequence[Weights]): The weights of each direction.
    state (Tensor): The initial hidden states in the order of the layout,
        `(directions, batch, hidden)`.
    prepared (UnpreparedWeights): Computes the product with the input matrices, and keeps the
        recurrent weights of the directions in one tensor.
    RETURNS (tuple[Tensor, Tensor]): The hidden states of all directions at each word,
        shape `(words, directions * hidden)`, and the final states in the order of the layout.
    """
    # A backward scan is a forward scan over reversed sequences. Their lengths are the same, so
    # that both directions take each step together.
    directions = torch.arange(len(weights), device=data.device)
    words, rows = zip(*map(layout.in_direction, range(len(weights))), strict=True)
    input_matrices, recurrent_matrices, input_biases, recurrent_biases, _ = zip(
        *weights, strict=True
    )
    # One product for both directions, whose results for each word are adjacent. Its rows are
    # padded here: so none have to be cut off afterwards, or added to its gradient.
    inputs = prepared.linear(input_matrices, input_biases)(pad_rows(data))
    rows_of_inputs = torch.stack(words) * len(weights) + directions[:, None]
    gates = inputs.view(-1, len(input_biases[0])).index_select(0, rows_of_inputs.flatten())
    scan = _Scan.apply if torch.is_grad_enabled() else _scan_without_gradients
    outputs, final = scan(
        gates.view(len(weights), len(data), -1),
        _stack(recurrent_matrices, gates.dtype, prepared),
        _stack(recurrent_biases, gates.dtype, prepared),
        state.to(gates.dtype),
        layout.batch_sizes.tolist(),
    )
    rows_of_words = torch.stack(rows, 1) + directions * len(data)
    output = outputs.flatten(0, 1).index_select(0, rows_of_words.flatten())
    return output.view(len(data), -1), final


class _Scan(Function):
    """The steps of a GRU in all directions, as one operation for autograd."""

    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,
        matrices: Tensor,
        biases: Tensor,
        start: Tensor,
        batch_sizes: list[int],
    ) -> tuple[Tensor, Tensor]:
        """Take all steps.

        ctx (Any): What the backward pass needs.
        gates (Tensor): The input's part of the gates in the rows of a packed layout,
            `(directions, rows, 3 * hidden)`, in torch's order: reset, update, new.
        matrices (Tensor): The recurrent matrices, `(directions, 3 * hidden, hidden)`.
        biases (Tensor): Their biases, `(directions, 3 * hidden)`.
        start (Tensor): The initial hidden states, `(directions, batch, hidden)`.
        batch_sizes (list[int]): The number of sequences that have a word at each step.
        RETURNS (tuple[Tensor, Tensor]): The hidden states, `(directions, rows, hidden)`, and the
            final ones, `(directions, batch, hidden)`.
        """
        width = start.shape[2]
        sizes = (2 * width, width)
        transposed, biases = matrices.transpose(1, 2), biases[:, None]
        shape = (*gates.shape[:2], width)
        # All steps write into these: reset and update gates side by side; the hidden state's part
        # of the new state, before the reset gate; the new state; and the hidden state.
        gated = gates.new_empty(*gates.shape[:2], 2 * width)
        recurrent_news, news, outputs = (gates.new_empty(shape) for _ in range(3))
        results = gated, recurrent_news, news, outputs
        by_step = (part.split(batch_sizes, 1) for part in (*gates.split(sizes, 2), *results))
        state, ended = start, []
        for input_gates, input_new, gate, recurrent_new, new, output in zip(*by_step, strict=True):
            running = output.shape[1]
            if running < state.shape[1]:
                ended.append(state[:, running:])
                state = state[:, :running]
            recurrent = torch.baddbmm(biases, pad_rows(state, 1), transposed)[:, :running]
            recurrent_gates, recurrent_part = recurrent.split_with_sizes(sizes, 2)
            torch.add(input_gates, recurrent_gates, out=gate)
            reset, update = gate.sigmoid_().chunk(2, 2)
            recurrent_new.copy_(recurrent_part)
            torch.addcmul(input_new, reset, recurrent_new, out=new).tanh_()
            state = torch.lerp(new, state, update, out=output)
        ctx.batch_sizes = batch_sizes
        ctx.save_for_backward(matrices, start, outputs, gated, news, recurrent_news)
        return outputs, torch.cat([state, *reversed(ended)], 1)

    @staticmethod
    def backward(
        ctx: Any, d_outputs: Tensor, d_final: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        """Take all steps backwards.

        ctx (Any): What the forward pass saved.
        d_outputs (Tensor): The gradient of the hidden states.
        d_final (Tensor): The gradient of the final ones.
        RETURNS (tuple[Tensor, Tensor, Tensor, Tensor, None]): The gradients of the arguments of
            `forward`.
        """
        refuse_second_derivatives()
        matrices, start, outputs, gated, news, recurrent_news = ctx.saved_tensors
        befores = _states_before(start, outputs, ctx.batch_sizes)
        resets, updates = gated.split(befores.shape[2], 2)
        # The derivatives of a step's output with respect to each part of its gates.
        by_new = (1 - updates) * (1 - news * news)
        by_gate = torch.stack(
            [
                by_new * recurrent_news * resets * (1 - resets),
                (befores - news) * updates * (1 - updates),
                by_new * resets,
            ],
            dim=2,
        )
        d_states = torch.empty_like(befores)
        d_recurrent = torch.empty_like(by_gate)
        d_state = d_final.clone()
        for rows in reversed(step_slices(ctx.batch_sizes)):
            d_running = d_state[:, : rows.stop - rows.start]
            d_step = torch.add(d_running, d_outputs[:, rows], out=d_states[:, rows])
            d_gate = torch.mul(d_step[:, :, None], by_gate[:, rows], out=d_recurrent[:, rows])
            d_before = torch.bmm(pad_rows(d_gate.flatten(2), 1), matrices)[:, : d_running.shape[1]]
            torch.addcmul(d_before, d_step, updates[:, rows], out=d_running)
        d_gates = d_recurrent.clone()
        d_gates[:, :, 2] = d_states * by_new
        d_recurrent = d_recurrent.flatten(2)
        d_matrices = pad_rows(d_recurrent, 1).transpose(1, 2) @ pad_rows(befores, 1)
        return d_gates.flatten(2), d_matrices, d_recurrent.sum(1), d_state, None


def _scan_without_gradients(
    gates: Tensor, matrices: Tensor, biases: Tensor, start: Tensor, batch_sizes: list[int]
) -> tuple[Tensor, Tensor]:
    """Take all steps as `_Scan.forward` does, with nothing kept for a backward pass."""
    width = start.shape[2]
    sizes = (2 * width, width)
    transposed, biases = matrices.transpose(1, 2), biases[:, None]
    outputs = gates.new_empty(*gates.shape[:2], width)
    state, ended = start, []
    for inputs, output in zip(
        gates.split_with_sizes(batch_sizes, 1),
        outputs.split_with_sizes(batch_sizes, 1),
        strict=True,
    ):
        running = output.shape[1]
        if running < state.shape[1]:
            ended.append(state[:, running:])
            state = state[:, :running]
        recurrent = torch.baddbmm(biases, pad_rows(state, 1), transposed)[:, :running]
        input_gates, input_new = inputs.split_with_sizes(sizes, 2)
        recurrent_gates, recurrent_new = recurrent.split_with_sizes(sizes, 2)
        reset, update = (input_gates + recurrent_gates).sigmoid_().chunk(2, 2)
        new = torch.addcmul(input_new, reset, recurrent_new).tanh_()
        state = torch.lerp(new, state, update, out=output)
    return outputs, torch.cat([state, *reversed(ended)], 1)


def _stack(parts: Sequence[Tensor], dtype: torch.dtype, prepared: UnpreparedWeights) -> Tensor:
    """Stack weights of the directions, where they are prepared once for all batches."""

    def stack() -> Tensor:
        return torch.stack(tuple(parts)).to(dtype)

    return prepared.get(("stacked", dtype), parts, stack)


def _states_before(start: Tensor, outputs: Tensor, batch_sizes: list[int]) -> Tensor:
    """Return the state before each step: the output of the same sequence one step earlier."""
    first, *others = batch_sizes
    sizes = torch.tensor(batch_sizes)
    distances = sizes[:-1].repeat_interleave(sizes[1:])
    rows = torch.arange(first, first + sum(others)) - distances
    return torch.cat([start[:, :first], outputs.index_select(1, rows.to(outputs.device))], 1)
