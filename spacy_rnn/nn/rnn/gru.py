"""A GRU over a batch, with a backward pass of its own.

On a CPU torch records each step of a GRU as operations of its own: its backward pass allocates a
gradient of the whole input at each step, and accumulates one for each matrix. Here all steps are
one operation: what does not depend on the gradient is computed for all of them at once, and the
gradient of the recurrent matrix is one product.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from ..batch.packed import Packed
from ..kernels.autograd import refuse_second_derivatives
from ..kernels.prepared import UnpreparedWeights
from ..kernels.shapes import compiles_each_shape, pad_rows, round_up
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
    layout (Packed): The layout of these sequences, on the CPU.
    weights (Sequence[Weights]): The weights of each direction.
    state (Tensor): The initial hidden states in the order of the layout,
        `(directions, batch, hidden)`.
    prepared (UnpreparedWeights): Computes the product with the input matrices, and keeps the
        recurrent weights of the directions in one tensor.
    RETURNS (tuple[Tensor, Tensor]): The hidden states of all directions at each word,
        shape `(words, directions * hidden)`, and the final states in the order of the layout.
    """
    input_matrices, recurrent_matrices, input_biases, recurrent_biases, _ = zip(
        *weights, strict=True
    )
    # One product for both directions, whose results for each word are adjacent. Its rows are
    # padded here: so none have to be cut off afterwards, or added to its gradient.
    gates = prepared.linear(input_matrices, input_biases)(pad_rows(data))
    return _Scan.apply(
        gates,
        _stack(recurrent_matrices, gates.dtype, prepared),
        _stack(recurrent_biases, gates.dtype, prepared),
        state.to(gates.dtype),
        _Steps.from_layout(layout, len(weights), compiles_each_shape(data)),
    )


@dataclass(frozen=True)
class _Steps:
    """The rows in which a scan takes its steps, in all directions.

    The layout is packed, but for idle rows: sequences that have ended stay until the number of the
    others is one of few, since products with each other number might cost a kernel. An idle row
    reads its sequence's last word again, to no effect.

    sizes (list[int]): The rows of each step.
    words (Tensor): What each row reads in each direction, `(rows * directions,)`: the index of a
        word times the directions, plus the direction.
    rows (Tensor): The row that reads each word in each direction, `(words * directions,)`, times
        the directions, plus the direction.
    last (Tensor): The row of each sequence's last step, `(batch,)`.
    """

    sizes: list[int]
    words: Tensor
    rows: Tensor
    last: Tensor

    @classmethod
    def from_layout(cls, layout: Packed, directions: int, in_few_shapes: bool) -> "_Steps":
        """Add the idle rows to a layout.

        layout (Packed): The layout.
        directions (int): 1 or 2.
        in_few_shapes (bool): Whether products are to have few numbers of rows.
        RETURNS (_Steps): The steps.
        """
        # A backward scan is a forward scan over reversed sequences. Their lengths are the same, so
        # that both directions take each step together.
        running = layout.batch_sizes.numpy()
        sizes = np.array(list(map(round_up, running.tolist()))) if in_few_shapes else running
        columns = np.arange(running[0])
        lengths = len(running) - np.searchsorted(running[::-1], columns, side="right")
        packed_starts, starts = np.cumsum(running) - running, np.cumsum(sizes) - sizes
        step = np.repeat(np.arange(len(sizes)), sizes)
        column = (np.arange(len(step)) - starts[step]).clip(max=len(columns) - 1)
        read = torch.from_numpy(packed_starts[np.minimum(step, lengths[column] - 1)] + column)
        shift = torch.from_numpy(np.repeat(starts - packed_starts, running))
        words, rows = [], []
        for direction in range(directions):
            own_words, own_rows = layout.in_direction(direction)
            words.append(own_words[read] * directions + direction)
            rows.append((own_rows + shift[own_rows]) * directions + direction)
        return cls(
            sizes.tolist(),
            torch.stack(words, 1).flatten(),
            torch.stack(rows, 1).flatten(),
            torch.from_numpy(starts[lengths - 1] + columns),
        )


class _Scan(Function):
    """The steps of a GRU in all directions, as one operation for autograd."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, matrices: Tensor, biases: Tensor, start: Tensor, steps: _Steps
    ) -> tuple[Tensor, Tensor]:
        """Take all steps.

        ctx (Any): What the backward pass needs.
        inputs (Tensor): The input's part of the gates at each word,
            `(words, directions * 3 * hidden)`, in torch's order: reset, update, new. Rows without
            a word may follow.
        matrices (Tensor): The recurrent matrices, `(directions, 3 * hidden, hidden)`.
        biases (Tensor): Their biases, `(directions, 3 * hidden)`.
        start (Tensor): The initial hidden states, `(directions, batch, hidden)`.
        steps (_Steps): The rows of each step.
        RETURNS (tuple[Tensor, Tensor]): The hidden states at each word,
            `(words, directions * hidden)`, and the final ones, `(directions, batch, hidden)`.
        """
        directions, batch, width = start.shape
        # The directions are side by side in each row. So strides do not depend on the number of
        # rows: each other stride would cost a product another kernel.
        gates = inputs.view(-1, 3 * width).index_select(0, steps.words)
        gates = gates.view(-1, directions, 3 * width)
        resets_updates, recurrent_news = gates.split((2 * width, width), 2)
        # All steps write into these. A product adds to what does not depend on the state: of reset
        # and update the input and the bias, of the state's part of the new state the bias alone.
        news = recurrent_news.clone()
        resets_updates += biases[:, : 2 * width]
        recurrent_news[:] = biases[:, 2 * width :]
        outputs = torch.empty_like(news)
        start = functional.pad(start.transpose(0, 1), (0, 0, 0, 0, 0, steps.sizes[0] - batch))
        state, transposed = start, matrices.transpose(1, 2)
        resets, updates = resets_updates.chunk(2, 2)
        parts = gates, resets_updates, resets, updates, recurrent_news, news, outputs
        by_step = (part.split(steps.sizes) for part in parts)
        for gate, both, reset, update, recurrent_new, new, output in zip(*by_step, strict=True):
            state = state[: len(output)]
            gate.transpose(0, 1).baddbmm_(state.transpose(0, 1), transposed)
            both.sigmoid_()
            new.addcmul_(reset, recurrent_new).tanh_()
            state = torch.lerp(new, state, update, out=output)
        ctx.steps, ctx.batch, ctx.words = steps, batch, len(inputs)
        ctx.save_for_backward(matrices, start, outputs, gates, news)
        at_words = outputs.flatten(0, 1).index_select(0, steps.rows)
        final = outputs.index_select(0, steps.last).transpose(0, 1)
        return at_words.view(-1, directions * width), final

    @staticmethod
    def backward(
        ctx: Any, d_at_words: Tensor, d_final: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        """Take all steps backwards.

        ctx (Any): What the forward pass saved.
        d_at_words (Tensor): The gradient of the hidden states.
        d_final (Tensor): The gradient of the final ones.
        RETURNS (tuple[Tensor, Tensor, Tensor, Tensor, None]): The gradients of the arguments of
            `forward`.
        """
        refuse_second_derivatives()
        matrices, start, outputs, gates, news = ctx.saved_tensors
        steps = ctx.steps
        rows, directions, width = outputs.shape
        resets, updates, recurrent_news = gates.chunk(3, 2)
        befores = _states_before(start, outputs, steps.sizes)
        # The derivatives of a step's output with respect to each part of its gates.
        complements = 1 - updates
        by_new = torch.addcmul(complements, complements * news, news, value=-1)
        d_gates = torch.empty_like(gates)
        by_reset, by_update, by_recurrent_new = d_gates.chunk(3, 2)
        torch.mul(by_new, resets, out=by_recurrent_new)
        torch.mul(by_recurrent_new, recurrent_news, out=by_reset)
        by_reset.addcmul_(by_reset, resets, value=-1)
        torch.mul(befores - news, updates, out=by_update)
        by_update.addcmul_(by_update, updates, value=-1)
        d_outputs = outputs.new_zeros(rows * directions, width)
        d_outputs.index_copy_(0, steps.rows, d_at_words.reshape(-1, width))
        d_outputs = d_outputs.view_as(outputs).index_add_(0, steps.last, d_final.transpose(0, 1))
        d_start = torch.zeros_like(start)
        # The derivatives become gradients in place.
        d_steps = d_outputs.split(steps.sizes)
        by_step = zip(
            [d_start, *d_steps],
            d_steps,
            updates.split(steps.sizes),
            d_gates.view(rows, directions, 3, width).split(steps.sizes),
            strict=False,
        )
        for d_before, d_step, update, d_gate in reversed([*by_step]):
            d_gate *= d_step[:, :, None]
            d_running = d_before[: len(d_step)].addcmul_(d_step, update)
            d_running.transpose(0, 1).baddbmm_(d_gate.flatten(2).transpose(0, 1), matrices)
        d_biases = d_gates.sum(0)
        # One by one: oneDNN takes longer for a batch of one of these.
        by_direction = zip(pad_rows(d_gates).unbind(1), pad_rows(befores).unbind(1), strict=True)
        d_matrices = torch.stack([d_gate.T @ before for d_gate, before in by_direction])
        torch.mul(d_outputs, by_new, out=by_recurrent_new)  # The input's part of the new state.
        d_inputs = d_gates.new_empty(ctx.words * directions, 3 * width)
        words = len(steps.rows)
        d_inputs[words:] = 0
        torch.index_select(d_gates.flatten(0, 1), 0, steps.rows, out=d_inputs[:words])
        d_inputs = d_inputs.view(ctx.words, -1)
        return d_inputs, d_matrices, d_biases, d_start[: ctx.batch].transpose(0, 1), None


def _stack(parts: Sequence[Tensor], dtype: torch.dtype, prepared: UnpreparedWeights) -> Tensor:
    """Stack weights of the directions, where they are prepared once for all batches."""

    def stack() -> Tensor:
        return torch.stack(tuple(parts)).to(dtype)

    return prepared.get(("stacked", dtype), parts, stack)


def _states_before(start: Tensor, outputs: Tensor, sizes: list[int]) -> Tensor:
    """Return the state before each step: the output of the same row one step earlier."""
    by_step = zip([start, *outputs.split(sizes)], sizes, strict=False)
    return torch.cat([before[:size] for before, size in by_step])
