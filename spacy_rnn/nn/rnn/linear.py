"""A cell with an elementwise, linear recurrence over a batch, with a backward pass of its own.

All words are read at once. Of the recurrence one operation a step is left, over all sequences and
both directions, and one a step of its backward pass; all else, of both passes, is computed for all
steps at once.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ..batch.packed import Packed
from ..kernels.autograd import refuse_second_derivatives
from ..kernels.prepared import UnpreparedWeights
from .cells.base import Weights
from .cells.linear import LinearCell


class StepOrder:
    """Where the words of a packed layout are, of all directions side by side.

    layout (Packed): The layout.
    directions (int): 1, or 2 for a scan that also reads backwards.

    batch_sizes (list[int]): The number of sequences that have a word at each step.
    lasts (Tensor): The row of the last word of each sequence, in the order of the layout.
    """

    def __init__(self, layout: Packed, directions: int):
        # A backward scan is a forward scan over reversed sequences. Their lengths are the same, so
        # that both directions take each step together.
        number = torch.arange(directions, device=layout.rows.device)
        words, rows = zip(*map(layout.in_direction, range(directions)), strict=True)
        self._words = (torch.stack(words, 1) * directions + number).flatten()
        self._rows = (torch.stack(rows, 1) * directions + number).flatten()
        sizes = layout.batch_sizes
        self.batch_sizes: list[int] = sizes.tolist()
        firsts = sizes.cumsum(0) - sizes
        ended = sizes - torch.cat([sizes[1:], sizes.new_zeros(1)])
        lasts = firsts.repeat_interleave(ended).flip(0) + torch.arange(int(sizes[0]))
        befores = sizes[:-1].repeat_interleave(sizes[1:])
        self.lasts = lasts.to(layout.rows.device)
        self._befores = (torch.arange(len(befores)) + sizes[0] - befores).to(layout.rows.device)

    def to_rows(self, data: Tensor) -> Tensor:
        """Bring words in the order of the steps.

        data (Tensor): What belongs to words, `(words, directions, …)`.
        RETURNS (Tensor): The same in the rows of the steps.
        """
        return data.flatten(0, 1).index_select(0, self._words).view_as(data)

    def to_words(self, data: Tensor) -> Tensor:
        """Bring rows of steps in the order of the words.

        data (Tensor): What belongs to rows, `(rows, directions, …)`.
        RETURNS (Tensor): The same in the order of the words.
        """
        return data.flatten(0, 1).index_select(0, self._rows).view_as(data)

    def states_before(self, start: Tensor, states: Tensor) -> Tensor:
        """Return the state before each step: that of the same sequence one step earlier.

        start (Tensor): The initial states, `(batch, directions, hidden)`.
        states (Tensor): The states after each step, `(rows, directions, hidden)`.
        RETURNS (Tensor): The states before each step, of the same shape.
        """
        return torch.cat([start, states.index_select(0, self._befores)])


def scan_linear(
    data: Tensor,
    order: StepOrder,
    cell: LinearCell,
    weights: Sequence[Weights],
    state: Tensor,
    prepared: UnpreparedWeights,
) -> tuple[Tensor, Tensor]:
    """Scan a batch.

    data (Tensor): Words of all sequences, shape `(words, inputs)`.
    order (StepOrder): The order of the steps.
    cell (LinearCell): The cell.
    weights (Sequence[Weights]): The weights of each direction.
    state (Tensor): The initial cell states in the order of the layout,
        `(directions, batch, hidden)`.
    prepared (UnpreparedWeights): Computes the product with the input matrices.
    RETURNS (tuple[Tensor, Tensor]): The outputs of all directions at each word,
        shape `(words, directions * hidden)`, and the final cell states in the order of the layout.
    """
    matrices, _, biases, *_ = zip(*weights, strict=True)
    inputs = (
        prepared.linear(matrices, biases)(data).view(len(data), len(weights), -1).to(state.dtype)
    )
    forget, candidate = cell.read(inputs)
    cells, final = _Scan.apply(forget, candidate, state.transpose(0, 1), order)
    return cell.output(inputs, (cells,)).flatten(1), final.transpose(0, 1)


class _Scan(Function):
    """The steps of a linear recurrence in all directions, as one operation for autograd."""

    @staticmethod
    def forward(
        ctx: Any, forget: Tensor, candidate: Tensor, start: Tensor, order: StepOrder
    ) -> tuple[Tensor, Tensor]:
        """Take all steps.

        ctx (Any): What the backward pass needs.
        forget (Tensor): The forget gate at each word, `(words, directions, hidden)`.
        candidate (Tensor): The candidate at each word, of the same shape.
        start (Tensor): The initial cell states in the order of the layout,
            `(batch, directions, hidden)`.
        order (StepOrder): The order of the steps.
        RETURNS (tuple[Tensor, Tensor]): The cell state at each word, and the final ones, in the
            shapes of what was given.
        """
        forget, candidate = order.to_rows(forget), order.to_rows(candidate)
        cells = torch.empty_like(forget)
        cell = start
        steps = (part.split(order.batch_sizes) for part in (forget, candidate, cells))
        for forget_step, candidate_step, cell_step in zip(*steps, strict=True):
            cell = torch.lerp(candidate_step, cell[: len(cell_step)], forget_step, out=cell_step)
        ctx.order = order
        ctx.save_for_backward(forget, candidate, cells, start)
        return order.to_words(cells), cells.index_select(0, order.lasts)

    @staticmethod
    def backward(
        ctx: Any, d_cells: Tensor, d_final: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None]:
        """Take all steps backwards.

        ctx (Any): What the forward pass saved.
        d_cells (Tensor): The gradient of the cell states.
        d_final (Tensor): The gradient of the final ones.
        RETURNS (tuple[Tensor, Tensor, Tensor, None]): The gradients of the arguments of `forward`.
        """
        refuse_second_derivatives()
        order = ctx.order
        forget, candidate, cells, start = ctx.saved_tensors
        d_cells = order.to_rows(d_cells).index_add_(0, order.lasts, d_final)
        forgets, d_steps = (part.split(order.batch_sizes) for part in (forget, d_cells))
        for time in range(len(forgets) - 1, 0, -1):
            running = len(forgets[time])
            d_steps[time - 1][:running].addcmul_(forgets[time], d_steps[time])
        d_start = forgets[0] * d_steps[0]
        d_forget = order.states_before(start, cells).sub_(candidate).mul_(d_cells)
        d_candidate = torch.addcmul(d_cells, forget, d_cells, value=-1)
        return order.to_words(d_forget), order.to_words(d_candidate), d_start, None
