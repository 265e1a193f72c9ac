"""The neural cache of a recurrent language model: recent pieces of a text become more likely."""

import torch
from torch import Tensor
from torch.nn import functional

from ...checks import check_at_least, check_count, check_rate
from ..batch.segments import pad, unpad
from ..rnn.cells.base import State

MAX_PAIRS = 4_000_000
"""Pairs of positions and entries whose similarity is computed at once: 16 MB."""

FEW = 100
"""Entries at which the interpolation weight of a cache has grown to a half of its maximum."""

NOTHING = -1
"""The next piece of an empty entry."""


class NeuralCache:
    """The neural cache model (Grave et al. 2017), used in prediction alone and not trained.

    An entry is an output of the network at a recent position of the text, and the piece that came
    next. The probability of a piece by the cache is the weight of the entries with this piece,
    by a softmax over the dot products of their outputs and the present one. It is interpolated
    with the probability by the network. Unlike there the interpolation weight grows with the
    number of entries: the statistics of a short text are poor.

    size (int): The maximum number of entries.
    weight (float): The interpolation weight of a cache of many entries, in [0, 1): lambda there.
    sharpness (float): The factor of the dot products: theta there.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    def __init__(self, size: int, weight: float, sharpness: float):
        check_count("cache_size", size, 1)
        check_rate("cache_weight", weight)
        check_at_least("cache_sharpness", sharpness, 0)
        self.size = size
        self.weight = weight
        self.sharpness = sharpness

    def start(self, batch: int, like: Tensor, capacity: int = 0) -> State:
        """Return empty caches.

        batch (int): Texts.
        like (Tensor): A tensor of the type, the device and the width of outputs, `(…, width)`.
        capacity (int): Entries that there is room for.
        RETURNS (State): The outputs of entries, `(entries, batch, width)`, and the pieces after
            them, `(entries, batch, 1)`: the oldest first, `NOTHING` in an empty entry.
        """
        outputs = like.new_zeros(capacity, batch, like.shape[-1])
        return outputs, torch.full((capacity, batch, 1), NOTHING, device=like.device)

    def grow(self, state: State, capacity: int) -> State:
        """Make room for more entries.

        state (State): The caches.
        capacity (int): Entries that there is to be room for; `size` if that is less.
        RETURNS (State): The caches with empty entries before the others.
        """
        missing = min(capacity, self.size) - len(state[0])
        if missing <= 0:
            return state
        return tuple(
            torch.cat([part.new_full((missing, *part.shape[1:]), value), part])
            for part, value in zip(state, (0, NOTHING), strict=True)
        )

    def read(
        self, log_probs: Tensor, hidden: Tensor, targets: Tensor, lengths: Tensor, state: State
    ) -> tuple[Tensor, State]:
        """Compute the log-probabilities of pieces, each with a cache of the pieces before it.

        log_probs (Tensor): The log-probability of each target by the network, `(pieces,)`.
        hidden (Tensor): The output of the network before each target, `(pieces, width)`.
        targets (Tensor): The pieces to predict, `(pieces,)`.
        lengths (Tensor): The pieces of each segment, `(batch,)`, on the CPU.
        state (State): The caches before the segments.
        RETURNS (tuple[Tensor, State]): The interpolated log-probabilities, `(pieces,)`; and the
            caches after the segments.
        """
        queries = pad(hidden, lengths)
        state = self.grow(state, len(state[0]) + queries.shape[1])
        capacity = len(state[0])
        # Padding comes after the pieces of a segment, so that no query sees it.
        padded_targets = pad(targets[:, None], lengths)
        outputs = torch.cat([state[0].transpose(0, 1), queries], 1)
        nexts = torch.cat([state[1].transpose(0, 1), padded_targets], 1)
        batch, steps = queries.shape[:2]
        size = max(1, MAX_PAIRS // max(1, batch * outputs.shape[1]))
        blocks = [queries.new_zeros(batch, 0)]
        for first in range(0, steps, size):
            block = slice(first, min(first + size, steps))
            visible = slice(first, block.stop + capacity - 1)
            weights = self._weigh(queries[:, block], outputs[:, visible], nexts[:, visible, 0])
            is_target = nexts[:, None, visible, 0] == padded_targets[:, block]
            blocks.append((weights * is_target).sum(dim=2))
        cached = unpad(torch.cat(blocks, 1)[..., None], lengths)[:, 0]
        entries = unpad(self._count(nexts, steps)[..., None], lengths)[:, 0]
        mixed = self._mix(log_probs, cached, entries)
        rows = (lengths[:, None] + torch.arange(capacity)).to(hidden.device)
        after = (
            part.gather(1, rows[..., None].expand(-1, -1, part.shape[2])).transpose(0, 1)
            for part in (outputs, nexts)
        )
        return mixed, tuple(after)

    def next_log_probs(self, log_probs: Tensor, hidden: Tensor, state: State) -> Tensor:
        """Interpolate next-piece log-probabilities.

        log_probs (Tensor): The log-probabilities by the network, `(batch, pieces)`.
        hidden (Tensor): The output of the network, `(batch, width)`.
        state (State): The caches, `(batch, entries, width)` and `(batch, entries, 1)`.
        RETURNS (Tensor): The interpolated log-probabilities, `(batch, pieces)`.
        """
        outputs, nexts = state
        weights = self._weigh(hidden[:, None], outputs, nexts[..., 0])[:, 0]
        cached = torch.zeros_like(log_probs)
        cached.scatter_add_(1, nexts[..., 0].clamp(min=0), weights.to(cached.dtype))
        entries = (nexts[..., 0] != NOTHING).sum(dim=1, keepdim=True)
        return self._mix(log_probs, cached, entries)

    def add(self, hidden: Tensor, pieces: Tensor, state: State) -> State:
        """Add an entry to each cache, in place of the oldest if there is no room.

        hidden (Tensor): The output of the network, `(batch, width)`.
        pieces (Tensor): The piece that came next, `(batch,)`.
        state (State): The caches, `(batch, entries, width)` and `(batch, entries, 1)`.
        RETURNS (State): The caches with the new entries.
        """
        entry = (hidden[:, None], pieces[:, None, None])
        first = max(0, state[0].shape[1] + 1 - self.size)
        return tuple(
            torch.cat([part[:, first:], new], 1) for part, new in zip(state, entry, strict=True)
        )

    def _weigh(self, queries: Tensor, outputs: Tensor, nexts: Tensor) -> Tensor:
        """Compute the weights of entries for successive queries.

        All see equally many entries, each from the one of its own index on.
        """
        steps = queries.shape[1]
        offset = torch.arange(outputs.shape[1], device=queries.device)
        offset = offset - torch.arange(steps, device=queries.device)[:, None]
        in_reach = (offset >= 0) & (offset <= outputs.shape[1] - steps)
        visible = in_reach & (nexts != NOTHING)[:, None]
        scores = queries @ outputs.transpose(1, 2) * self.sharpness
        lowest = torch.finfo(scores.dtype).min
        return scores.masked_fill(~visible, lowest).softmax(dim=2) * visible

    def _count(self, nexts: Tensor, steps: int) -> Tensor:
        """Count the entries that each of the last steps sees, `(batch, steps)`."""
        entries = (nexts[..., 0] != NOTHING).cumsum(dim=1)
        before = functional.pad(entries, (1, 0))
        capacity = nexts.shape[1] - steps
        return before[:, capacity : capacity + steps] - before[:, :steps]

    def _mix(self, log_probs: Tensor, cached: Tensor, entries: Tensor) -> Tensor:
        """Interpolate log-probabilities by the network with probabilities by the cache."""
        weight = self.weight * entries / (entries + FEW)
        return torch.logaddexp(log_probs + torch.log1p(-weight), cached.log() + weight.log())
