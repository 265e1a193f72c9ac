"""Any cell, step by step."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from ...dropout import zoneout
from ..cells.base import State, StepFunction, Weights
from .base import PackedScan, ScanRequest


class SteppedScan(PackedScan):
    """Any cell, step by step, with zoneout."""

    @staticmethod
    def fits(request: ScanRequest) -> bool:
        return True

    def _run_sorted(
        self, data: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        cell, sizes = self._request.cell, self._layout.batch_sizes.tolist()
        outputs, finals = [], []
        for direction, own in enumerate(weights):
            words, rows = self._layout.in_direction(direction)
            inputs = cell.prepare_inputs(own, _make_linear)(data.index_select(0, words))
            start = tuple(part[direction] for part in state)
            step = cell.prepare_step(own, _make_linear)
            output, final = self._take_steps(step, inputs.split(sizes), start)
            outputs.append(output.index_select(0, rows))
            finals.append(final)
        return torch.cat(outputs, 1), tuple(map(torch.stack, zip(*finals, strict=True)))

    def _take_steps(
        self, step: StepFunction, inputs: Sequence[Tensor], state: State
    ) -> tuple[Tensor, State]:
        request = self._request
        outputs, ended = [], []
        for own_inputs in inputs:
            # Longest first: sequences that have ended come last.
            running = len(own_inputs)
            ended.append(tuple(part[running:] for part in state))
            before = tuple(part[:running] for part in state)
            results = step(own_inputs, before)
            after = results[-len(before) :]
            state = zoneout(before, after, request.zoneouts, request.training)
            outputs.append(state[0] if request.cell.carries_output else results[0])
        final = tuple(map(torch.cat, zip(state, *reversed(ended), strict=True)))
        return torch.cat(outputs), final


def _make_linear(weight: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
    return partial(functional.linear, weight=weight, bias=bias)
