"""Attention of a decoder over the outputs of an encoder.

A memory, the encoder's outputs, is padded: `(batch, positions, memory)`, with a mask that is true
at source positions and false at padding. Queries are `(batch, steps, queries)`: all steps of a
target in training, all its hypotheses in a search. A subclass of `Attention` defines `project`,
from the memory to keys, once for each source; `score`, from queries and keys to scores; and, if it
depends on the attention weights of earlier steps, `initial_state` and `update_state`.
"""

import math

import torch
from torch import Tensor, nn

from ...checks import check_count
from ..kernels.linear import Linear

MAX_HIDDEN = 16_000_000
"""Units of a hidden layer over all pairs of steps and positions that are computed at once in
prediction: 64 MB. Gradients need all of them."""


AttentionState = tuple[Tensor, ...]
"""What an attention accumulates of its weights so far, each `(batch, hypotheses, …)`."""


class Attention(nn.Module):
    """The base of all attentions, with dot products as scores.

    The weights are a softmax of the scores, and the context vectors the average of the values by
    these weights.

    An attention with a state attends step by step; one without attends at all steps at once.
    """

    def project(self, memory: Tensor) -> Tensor:
        """Project the memory to keys, which includes all that does not depend on queries.

        memory (Tensor): The memory without padding, `(positions, memory)`.
        RETURNS (Tensor): The keys, `(positions, width)`.
        """
        return memory

    def initial_state(self, mask: Tensor) -> AttentionState:
        """Return the state before the first step.

        mask (Tensor): Booleans, false at padding, `(batch, positions)`.
        RETURNS (AttentionState): The state, with one hypothesis for each source: empty unless the
            attention has one.
        """
        return ()

    def update_state(self, weights: Tensor, attention_state: AttentionState) -> AttentionState:
        """Return the state after a step.

        weights (Tensor): The attention weights of the step, `(batch, hypotheses, positions)`.
        attention_state (AttentionState): The state before the step.
        RETURNS (AttentionState): The state after it.
        """
        return attention_state

    def score(self, queries: Tensor, keys: Tensor, attention_state: AttentionState) -> Tensor:
        """Compute the attention scores of each query and source position.

        queries (Tensor): The queries, `(batch, steps, queries)`.
        keys (Tensor): The keys, `(batch, positions, width)`.
        attention_state (AttentionState): The state before the step: empty unless the attention has
            one.
        RETURNS (Tensor): The scores, `(batch, steps, positions)`.
        """
        return torch.bmm(queries, keys.transpose(1, 2))

    def forward(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        mask: Tensor,
        attention_state: AttentionState = (),
    ) -> tuple[Tensor, Tensor]:
        """Compute context vectors and attention weights.

        queries (Tensor): The queries, `(batch, steps, queries)`; with a state, those of one step
            of all hypotheses.
        keys (Tensor): The keys by `project`, padded, `(batch, positions, width)`.
        values (Tensor): The values, `(batch, positions, values)`.
        mask (Tensor): Booleans, false at padding, `(batch, positions)`.
        attention_state (AttentionState): The state before the step.
        RETURNS (tuple[Tensor, Tensor]): The context vectors, `(batch, steps, values)`, and the
            attention weights, `(batch, steps, positions)`: zero at padding, with a sum of 1, or of
            0 for a source without positions.
        """
        on_cpu, in_float32 = values.device.type == "cpu", values.dtype == torch.float32
        if on_cpu and in_float32 and torch.is_autocast_enabled("cpu"):
            # In bfloat16, oneDNN would compile a kernel for each of their many shapes.
            with torch.autocast("cpu", enabled=False):
                return self._attend(queries.float(), keys.float(), values, mask, attention_state)
        return self._attend(queries, keys, values, mask, attention_state)

    def _attend(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        mask: Tensor,
        attention_state: AttentionState,
    ) -> tuple[Tensor, Tensor]:
        scores, mask = self.score(queries, keys, attention_state), mask.unsqueeze(1)
        weights = scores.where(mask, torch.finfo(scores.dtype).min).softmax(dim=2) * mask
        return torch.bmm(weights.to(values.dtype), values), weights


class AdditiveAttention(Attention):
    """`v · tanh(W query + U key)` (Bahdanau et al. 2015, equation 6 and appendix A.1.2).

    queries (int): Features of a query.
    memory (int): Features of the memory.
    width (int): Units of the hidden layer.
    RAISES (ValueError): If the width is below 1.
    """

    def __init__(self, queries: int, memory: int, width: int):
        super().__init__()
        check_count("width", width, 1)
        self.query = Linear(queries, width, bias=False)
        self.key = Linear(memory, width)
        self.energy = nn.Linear(width, 1, bias=False)

    def project(self, memory: Tensor) -> Tensor:
        return self.key(memory)

    def score(self, queries: Tensor, keys: Tensor, attention_state: AttentionState) -> Tensor:
        queries = self.query(queries)
        steps = max(1, MAX_HIDDEN // max(1, keys.numel()))
        if torch.is_grad_enabled() or queries.shape[1] <= steps:
            return self._energy(queries, keys)
        return torch.cat([self._energy(part, keys) for part in queries.split(steps, 1)], 1)

    def _energy(self, queries: Tensor, keys: Tensor, coverage: Tensor | None = None) -> Tensor:
        hidden = queries[:, :, None, :] + keys[:, None, :, :]
        if coverage is not None:
            hidden = hidden + coverage
        return self.energy(hidden.tanh()).squeeze(3)


class CoverageAttention(AdditiveAttention):
    """`v · tanh(W query + U key + c coverage)` (Tu et al. 2016, section 3.1.1).

    The coverage of a position is the sum of its attention weights so far (also See et al. 2017,
    equations 10 and 11).

    queries (int): Features of a query.
    memory (int): Features of the memory.
    width (int): Units of the hidden layer.
    RAISES (ValueError): If the width is below 1.
    """

    def __init__(self, queries: int, memory: int, width: int):
        super().__init__(queries, memory, width)
        self.coverage = nn.Parameter(torch.zeros(width))

    def initial_state(self, mask: Tensor) -> AttentionState:
        return (self.coverage.new_zeros(len(mask), 1, mask.shape[1]),)

    def update_state(self, weights: Tensor, attention_state: AttentionState) -> AttentionState:
        (coverage,) = attention_state
        return (coverage + weights,)

    def score(self, queries: Tensor, keys: Tensor, attention_state: AttentionState) -> Tensor:
        (coverage,) = attention_state
        return self._energy(self.query(queries), keys, coverage[..., None] * self.coverage)


class DotAttention(Attention):
    """`query · key`, for queries and a memory of one width (Luong et al. 2015).

    queries (int): Features of a query.
    memory (int): Features of the memory.
    RAISES (ValueError): If the two differ.
    """

    def __init__(self, queries: int, memory: int):
        super().__init__()
        if queries != memory:
            raise ValueError(
                f"Dot attention needs a decoder as wide as its encoder, but they are {queries} "
                f"and {memory} wide: change a width, or choose general attention"
            )


class GeneralAttention(Attention):
    """`query · W key` (Luong et al. 2015).

    queries (int): Features of a query.
    memory (int): Features of the memory.
    """

    def __init__(self, queries: int, memory: int):
        super().__init__()
        self.key = Linear(memory, queries, bias=False)

    def project(self, memory: Tensor) -> Tensor:
        return self.key(memory)


class ScaledDotAttention(Attention):
    """`W query · U key / sqrt(width)` (Vaswani et al. 2017, equation 1, one head).

    queries (int): Features of a query.
    memory (int): Features of the memory.
    width (int): Features of the projected queries and keys.
    RAISES (ValueError): If the width is below 1.
    """

    def __init__(self, queries: int, memory: int, width: int):
        super().__init__()
        check_count("width", width, 1)
        self.query = Linear(queries, width, bias=False)
        self.key = Linear(memory, width, bias=False)
        self.scale = 1 / math.sqrt(width)

    def project(self, memory: Tensor) -> Tensor:
        return self.key(memory)

    def score(self, queries: Tensor, keys: Tensor, attention_state: AttentionState) -> Tensor:
        return super().score(self.query(queries) * self.scale, keys, attention_state)
