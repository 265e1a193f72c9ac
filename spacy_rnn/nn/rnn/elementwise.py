"""Elementwise recurrences over a batch, with backward passes of their own.

Without a product with the state, a step is one to three operations over all sequences and both
directions, and one in its backward pass. All else, in both passes, is computed for all steps at
once.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from ..batch.packed import Packed
from ..kernels.autograd import refuse_second_derivatives


class StepOrder:
    """The rows of a packed layout, with those of both directions side by side.

    A backward scan is a forward scan over reversed sequences. Their lengths are the same, so that
    both directions take each step together.

    layout (Packed): The layout.
    directions (int): 1, or 2 for a scan that also reads backwards.

    batch_sizes (list[int]): The number of sequences that have a word at each step.
    lasts (Tensor): The row of the last word of each sequence, in the order of the layout.
    """

    def __init__(self, layout: Packed, directions: int):
        device, sizes = layout.rows.device, layout.batch_sizes
        number = torch.arange(directions, device=device)
        words, rows = zip(*map(layout.in_direction, range(directions)), strict=True)
        self._words = (torch.stack(words, 1) * directions + number).flatten()
        self._rows = (torch.stack(rows, 1) * directions + number).flatten()
        firsts = sizes.cumsum(0) - sizes
        ended = sizes - torch.cat([sizes[1:], sizes.new_zeros(1)])
        lasts = firsts.repeat_interleave(ended).flip(0) + torch.arange(int(sizes[0]))
        distances = sizes[:-1].repeat_interleave(sizes[1:])
        self._befores = (torch.arange(len(distances)) + sizes[0] - distances).to(device)
        self.batch_sizes: list[int] = sizes.tolist()
        self.lasts = lasts.to(device)

    def to_rows(self, data: Tensor) -> Tensor:
        """Bring words in the order of the steps.

        data (Tensor): What belongs to words, `(words, directions, features)`.
        RETURNS (Tensor): The same in rows of steps.
        """
        return _Permutation.apply(data, self._words, self._rows)

    def to_words(self, data: Tensor) -> Tensor:
        """Bring rows of steps in the order of the words.

        data (Tensor): What belongs to rows, `(rows, directions, features)`.
        RETURNS (Tensor): The same in the order of the words.
        """
        return _Permutation.apply(data, self._rows, self._words)

    def shift(self, start: Tensor, states: Tensor) -> Tensor:
        """Return the state before each step: that of the same sequence one step earlier.

        start (Tensor): The initial states, `(batch, directions, features)`.
        states (Tensor): The states after each step, `(rows, directions, features)`.
        RETURNS (Tensor): The states before each step, of the same shape.
        """
        return torch.cat([start, states.index_select(0, self._befores)])


def interpolate(
    forget: Tensor, candidate: Tensor, start: Tensor, order: StepOrder
) -> tuple[Tensor, Tensor]:
    """Mix a state with a candidate at each step: c' = f * c + (1 - f) * x.

    forget (Tensor): The share f of the state that stays, `(rows, directions, hidden)`.
    candidate (Tensor): The candidates x, of the same shape.
    start (Tensor): The initial states, `(batch, directions, hidden)`.
    order (StepOrder): The order of the steps.
    RETURNS (tuple[Tensor, Tensor]): The state after each step, `(rows, directions, hidden)`, and
        the final states, `(batch, directions, hidden)`.
    """
    return _Interpolation.apply(forget, candidate, start, order)


def interpolate_by_state(
    gate: Tensor, weight: Tensor, candidate: Tensor, start: Tensor, order: StepOrder
) -> tuple[Tensor, Tensor]:
    """Mix a state with a candidate, by shares that depend on the state.

        c' = f * c + (1 - f) * x with f = sigmoid(u + v * c)

    gate (Tensor): The input's part u of the gate, `(rows, directions, hidden)`.
    weight (Tensor): The weights v of the state, `(directions, hidden)`.
    candidate (Tensor): The candidates x, `(rows, directions, hidden)`.
    start (Tensor): The initial states, `(batch, directions, hidden)`.
    order (StepOrder): The order of the steps.
    RETURNS (tuple[Tensor, Tensor]): The state after each step, `(rows, directions, hidden)`, and
        the final states, `(batch, directions, hidden)`.
    """
    return _InterpolationByState.apply(gate, weight, candidate, start, order)


class _Permutation(Function):
    """Rows in another order, whose gradient is in the order before."""

    @staticmethod
    def forward(ctx: Any, data: Tensor, rows: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(rows, inverse)
        return data.flatten(0, 1).index_select(0, rows).view_as(data)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        rows, inverse = ctx.saved_tensors
        return _Permutation.apply(gradient, inverse, rows), None, None


class _Interpolation(Function):
    """All steps of `interpolate`, as one operation for autograd."""

    @staticmethod
    def forward(
        ctx: Any, forget: Tensor, candidate: Tensor, start: Tensor, order: StepOrder
    ) -> tuple[Tensor, Tensor]:
        states = torch.empty_like(candidate)
        state = start
        for now, new, out in _by_step(order, forget, candidate, states):
            state = torch.lerp(new, state[: len(out)], now, out=out)
        ctx.order = order
        ctx.save_for_backward(forget, candidate, start, states)
        return states, states.index_select(0, order.lasts)

    @staticmethod
    def backward(
        ctx: Any, d_states: Tensor, d_final: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None]:
        refuse_second_derivatives()
        forget, candidate, start, states = ctx.saved_tensors
        d_states, d_start = _carry_back(ctx.order, forget, d_states, d_final)
        d_forget = (ctx.order.shift(start, states) - candidate).mul_(d_states)
        return d_forget, torch.addcmul(d_states, forget, d_states, value=-1), d_start, None


class _InterpolationByState(Function):
    """All steps of `interpolate_by_state`, as one operation for autograd."""

    @staticmethod
    def forward(
        ctx: Any, gate: Tensor, weight: Tensor, candidate: Tensor, start: Tensor, order: StepOrder
    ) -> tuple[Tensor, Tensor]:
        forget, states = torch.empty_like(candidate), torch.empty_like(candidate)
        state = start
        for given, now, new, out in _by_step(order, gate, forget, candidate, states):
            before = state[: len(out)]
            torch.addcmul(given, weight, before, out=now).sigmoid_()
            state = torch.lerp(new, before, now, out=out)
        ctx.order = order
        ctx.save_for_backward(weight, candidate, start, forget, states)
        return states, states.index_select(0, order.lasts)

    @staticmethod
    def backward(
        ctx: Any, d_states: Tensor, d_final: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        refuse_second_derivatives()
        weight, candidate, start, forget, states = ctx.saved_tensors
        before = ctx.order.shift(start, states)
        # The derivative of a state with respect to its gate, before the sigmoid.
        by_gate = (before - candidate) * forget * (1 - forget)
        by_state = torch.addcmul(forget, by_gate, weight)
        d_states, d_start = _carry_back(ctx.order, by_state, d_states, d_final)
        d_gate = by_gate.mul_(d_states)
        d_candidate = torch.addcmul(d_states, forget, d_states, value=-1)
        return d_gate, (d_gate * before).sum(0), d_candidate, d_start, None


def _by_step(order: StepOrder, *parts: Tensor) -> Sequence[tuple[Tensor, ...]]:
    """Split rows into steps."""
    return list(zip(*(part.split(order.batch_sizes) for part in parts), strict=True))


def _carry_back(
    order: StepOrder, by_state: Tensor, d_states: Tensor, d_final: Tensor
) -> tuple[Tensor, Tensor]:
    """Carry the gradient of each state back to the one before it.

    order (StepOrder): The order of the steps.
    by_state (Tensor): The derivative of each state with respect to the one before it.
    d_states (Tensor): The gradient of each state from outside of the recurrence.
    d_final (Tensor): The same for the final ones.
    RETURNS (tuple[Tensor, Tensor]): The whole gradients of the states and of the initial ones.
    """
    d_states = d_states.index_add(0, order.lasts, d_final)
    steps = _by_step(order, by_state, d_states)
    for (carry, d_state), (_, d_before) in zip(steps[:0:-1], steps[-2::-1], strict=True):
        d_before[: len(carry)].addcmul_(carry, d_state)
    carry, d_state = steps[0]
    return d_states, carry * d_state
