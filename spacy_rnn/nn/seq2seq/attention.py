"""Attention: what a decoder looks at, of what an encoder remembers.

A memory is padded: `(batch, places, memory)`, with a mask that is true at the places that
hold something. Queries come as `(batch, steps, queries)`: all steps of a sentence in
training, all its hypotheses in a search. To add another kind is to say how keys are made of
a memory, once for each sentence, and how queries and keys make scores; and where it looks back at
what it saw before, what it remembers of that.
"""

import math

import torch
from torch import Tensor, nn

from ...checks import check_count
from ..kernels.linear import Linear

MAX_HIDDEN = 16_000_000
"""Units of a hidden layer over pairs of places that are held at once: 64 MB. Gradients need all
of them."""


AttentionState = tuple[Tensor, ...]
"""What an attention remembers of its own weights so far, each `(batch, hypotheses, …)`."""


class Attention(nn.Module):
    """What all kinds share: from scores to weights to what they weigh.

    A kind that looks back at its own weights attends at one step after the other; others remember
    nothing and attend at all steps at once.
    """

    def project(self, memory: Tensor) -> Tensor:
        """Make the keys of a memory, all that does not depend on queries.

        memory (Tensor): What to attend to, shape `(places, memory)`.
        RETURNS (Tensor): Keys, shape `(places, width)`.
        """
        return memory

    def initial_state(self, mask: Tensor) -> AttentionState:
        """Tell what there is to look back at before the first step.

        mask (Tensor): Where the memory holds something, booleans `(batch, places)`.
        RETURNS (AttentionState): The state, with one hypothesis for each sentence: empty.
        """
        return ()

    def update_state(self, weights: Tensor, attention_state: AttentionState) -> AttentionState:
        """Remember what was looked at.

        weights (Tensor): The weights of a step, shape `(batch, hypotheses, places)`.
        attention_state (AttentionState): What was remembered before it.
        RETURNS (AttentionState): What is remembered after it.
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
        """Attend.

        queries (Tensor): Queries, shape `(batch, steps, queries)`; where the kind looks back, of
            one step of each hypothesis.
        keys (Tensor): What `project` made of the memory.
        values (Tensor): What there is to see at each place, shape `(batch, places, values)`.
        mask (Tensor): Where the memory holds something, booleans `(batch, places)`.
        attention_state (AttentionState): What is remembered of the steps before.
        RETURNS (tuple[Tensor, Tensor]): The average of the values for each query,
            `(batch, steps, values)`, and its weights, `(batch, steps, places)`: zero at
            padding, with a sum of 1, or of 0 where a memory holds nothing.
        """
        on_cpu, in_float32 = values.device.type == "cpu", values.dtype == torch.float32
        if on_cpu and in_float32 and torch.is_autocast_enabled("cpu"):
            # Small products of hardly ever the same shape, each with a kernel of its own.
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
        scores, held = self.score(queries, keys, attention_state), mask.unsqueeze(1)
        weights = scores.where(held, torch.finfo(scores.dtype).min).softmax(dim=2) * held
        return torch.bmm(weights.to(values.dtype), values), weights


class AdditiveAttention(Attention):
    """`v · tanh(W query + U key)` (Bahdanau et al. 2015, equation 6 and appendix A.1.2).

    queries (int): Features of a query.
    memory (int): Features of a place of the memory.
    width (int): Units of the hidden layer.
    RAISES (ValueError): If it is below 1.
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
        return torch.cat([self._energy(some, keys) for some in queries.split(steps, 1)], 1)

    def _energy(self, queries: Tensor, keys: Tensor, more: Tensor | None = None) -> Tensor:
        hidden = queries[:, :, None, :] + keys[:, None, :, :]
        if more is not None:
            hidden = hidden + more
        return self.energy(hidden.tanh()).squeeze(3)


class CoverageAttention(AdditiveAttention):
    """`v · tanh(W query + U key + c coverage)`, where the coverage of a place is the sum of its
    weights so far (Tu et al. 2016, section 3.1.1; See et al. 2017, equations 10 and 11).

    queries (int): Features of a query.
    memory (int): Features of a place of the memory.
    width (int): Units of the hidden layer.
    RAISES (ValueError): If it is below 1.
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
    memory (int): Features of a place of the memory, as many.
    RAISES (ValueError): If they are not.
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
    memory (int): Features of a place of the memory.
    """

    def __init__(self, queries: int, memory: int):
        super().__init__()
        self.key = Linear(memory, queries, bias=False)

    def project(self, memory: Tensor) -> Tensor:
        return self.key(memory)


class ScaledDotAttention(Attention):
    """`W query · U key / sqrt(width)` (Vaswani et al. 2017, equation 1, one head).

    queries (int): Features of a query.
    memory (int): Features of a place of the memory.
    width (int): Features that the two are brought to.
    RAISES (ValueError): If they are below 1.
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
