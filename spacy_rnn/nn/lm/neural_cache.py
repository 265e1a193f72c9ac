"""A cache of what a text said before, beside a recurrent language model."""

import torch
from torch import Tensor
from torch.nn import functional

from ...checks import check_at_least, check_count, check_rate
from ..batch.segments import pad, unpad
from ..rnn.cells import State

MAX_PAIRS = 4_000_000
"""Pairs of places whose similarity is held at once: 16 MB."""

FEW = 100
"""Places at which the share of a cache has grown to a half of its weight."""

NOTHING = -1


class NeuralCache:
    """What came before comes again where the network is in a similar state (Grave et al. 2017).

    It holds the outputs of the network at the last places of a text, and the piece that
    came next at each. A piece is as probable by it as the places where it came next are similar to
    the present one, by a softmax over dot products; the average of that and of the probability by
    the network is what counts. Nothing of it is trained. Unlike there its share grows with what it
    holds: of a short text it knows too little.

    size (int): Places that are held.
    weight (float): The share in the average of a cache that holds much, in [0, 1).
    sharpness (float): What dot products are multiplied by.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    def __init__(self, size: int, weight: float, sharpness: float):
        check_count("cache_size", size, 1)
        check_rate("cache_weight", weight)
        check_at_least("cache_sharpness", sharpness, 0)
        self.size = size
        self.weight = weight
        self.sharpness = sharpness

    def start(self, batch: int, like: Tensor, places: int = 0) -> State:
        """Give a cache that holds nothing.

        batch (int): Texts.
        like (Tensor): What is of the type and on the device of outputs, `(…, width)`.
        places (int): For how many places there is room.
        RETURNS (State): Outputs, `(places, batch, width)`, and the pieces after them,
            `(places, batch, 1)`: the oldest first, `NOTHING` where there is none.
        """
        outputs = like.new_zeros(places, batch, like.shape[-1])
        return outputs, torch.full((places, batch, 1), NOTHING, device=like.device)

    def grow(self, state: State, places: int) -> State:
        """Make room in a cache that is not of its full size.

        state (State): What is held.
        places (int): How many places there are to be: `size` if it is less.
        RETURNS (State): The same behind places with nothing.
        """
        more = min(places, self.size) - len(state[0])
        if more <= 0:
            return state
        return tuple(
            torch.cat([part.new_full((more, *part.shape[1:]), value), part])
            for part, value in zip(state, (0, NOTHING), strict=True)
        )

    def read(
        self, log_probs: Tensor, hidden: Tensor, targets: Tensor, lengths: Tensor, state: State
    ) -> tuple[Tensor, State]:
        """Read segments of text, each piece foreseen by what came before it.

        log_probs (Tensor): The log-probability of each target by the network, `(pieces,)`.
        hidden (Tensor): What the network says before each target, `(pieces, width)`.
        targets (Tensor): What comes next, `(pieces,)`.
        lengths (Tensor): The pieces of each segment, `(batch,)`, on the CPU.
        state (State): What is held of the texts before them.
        RETURNS (tuple[Tensor, State]): The log-probability by both, `(pieces,)`; and what is held
            then.
        """
        grid = pad(hidden, lengths)
        state = self.grow(state, len(state[0]) + grid.shape[1])
        places = len(state[0])
        # Padding is behind what is read, and ahead of nothing.
        right = pad(targets[:, None], lengths)
        outputs = torch.cat([state[0].transpose(0, 1), grid], 1)
        nexts = torch.cat([state[1].transpose(0, 1), right], 1)
        batch, steps = grid.shape[:2]
        size = max(1, MAX_PAIRS // max(1, batch * outputs.shape[1]))
        found = [grid.new_zeros(batch, 0)]
        for first in range(0, steps, size):
            block = slice(first, min(first + size, steps))
            seen = slice(first, block.stop + places - 1)
            weights = self._weigh(grid[:, block], outputs[:, seen], nexts[:, seen, 0])
            again = nexts[:, None, seen, 0] == right[:, block]
            found.append((weights * again).sum(dim=2))
        cached = unpad(torch.cat(found, 1)[..., None], lengths)[:, 0]
        held = unpad(self._hold(nexts, steps)[..., None], lengths)[:, 0]
        mixed = self._mix(log_probs, cached, held)
        rows = (lengths[:, None] + torch.arange(places)).to(hidden.device)
        kept = (
            part.gather(1, rows[..., None].expand(-1, -1, part.shape[2])).transpose(0, 1)
            for part in (outputs, nexts)
        )
        return mixed, tuple(kept)

    def next_log_probs(self, log_probs: Tensor, hidden: Tensor, state: State) -> Tensor:
        """Say how probable each piece is to come next.

        log_probs (Tensor): Their log-probabilities by the network, `(batch, pieces)`.
        hidden (Tensor): What the network says, `(batch, width)`.
        state (State): What is held, `(batch, places, width)` and `(batch, places, 1)`.
        RETURNS (Tensor): The log-probabilities by both, `(batch, pieces)`.
        """
        outputs, nexts = state
        weights = self._weigh(hidden[:, None], outputs, nexts[..., 0])[:, 0]
        cached = torch.zeros_like(log_probs)
        cached.scatter_add_(1, nexts[..., 0].clamp(min=0), weights.to(cached.dtype))
        held = (nexts[..., 0] != NOTHING).sum(dim=1, keepdim=True)
        return self._mix(log_probs, cached, held)

    def add(self, hidden: Tensor, pieces: Tensor, state: State) -> State:
        """Hold one more place, and let go of the oldest if there is no room.

        hidden (Tensor): What the network said, `(batch, width)`.
        pieces (Tensor): What came next, `(batch,)`.
        state (State): What is held, `(batch, places, width)` and `(batch, places, 1)`.
        RETURNS (State): What is held then.
        """
        news = (hidden[:, None], pieces[:, None, None])
        first = max(0, state[0].shape[1] + 1 - self.size)
        return tuple(
            torch.cat([part[:, first:], new], 1) for part, new in zip(state, news, strict=True)
        )

    def _weigh(self, queries: Tensor, outputs: Tensor, nexts: Tensor) -> Tensor:
        """Weigh places by their similarity, for queries of which each sees as many of them, from
        its own number on."""
        steps = queries.shape[1]
        behind = torch.arange(outputs.shape[1], device=queries.device)
        behind = behind - torch.arange(steps, device=queries.device)[:, None]
        seen = (behind >= 0) & (behind <= outputs.shape[1] - steps) & (nexts != NOTHING)[:, None]
        scores = queries @ outputs.transpose(1, 2) * self.sharpness
        lowest = torch.finfo(scores.dtype).min
        return scores.masked_fill(~seen, lowest).softmax(dim=2) * seen

    def _hold(self, nexts: Tensor, steps: int) -> Tensor:
        """Count the places that each step behind a cache sees, `(batch, steps)`."""
        held = (nexts[..., 0] != NOTHING).cumsum(dim=1)
        before = functional.pad(held, (1, 0))
        places = nexts.shape[1] - steps
        return before[:, places : places + steps] - before[:, :steps]

    def _mix(self, log_probs: Tensor, cached: Tensor, held: Tensor) -> Tensor:
        bin_pack = self.weight * held / (held + FEW)
        return torch.logaddexp(log_probs + torch.log1p(-bin_pack), cached.log() + bin_pack.log())
