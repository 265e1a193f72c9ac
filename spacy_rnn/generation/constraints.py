"""Constraints on the output of a search: lengths, banned pieces, repetitions, prefixes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .settings import ConstraintSettings

NEVER = -math.inf


@dataclass(frozen=True)
class DecodingConstraints(ConstraintSettings):
    """The constraints of a search over one vocabulary: those of `ConstraintSettings` and more.

    start (int): The start symbol, the input of the first step. It is never generated.
    end (int): The end symbol.
    banned_pieces (Sequence[int]): Pieces that are never generated.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    start: int
    end: int
    banned_pieces: Sequence[int] = ()

    @property
    def needs_history(self) -> bool:
        """bool: Whether the constraints depend on the pieces generated so far."""
        return self.no_repeat_ngram_size > 0 or self.repetition_penalty != 1

    def max_pieces(self, lengths: Tensor) -> Tensor:
        """Return the maximum length of each sequence.

        lengths (Tensor): The positions of each source, `(batch,)`.
        RETURNS (Tensor): The maximum number of pieces, the end symbol not included, `(batch,)`:
            at least 1 and `min_length`.
        """
        limits = (lengths * self.max_ratio).long() + self.max_extra
        return limits.clamp(min=max(1, self.min_length))


class BatchConstraints:
    """The constraints on a batch of sequences, whose number decreases as sources are finished.

    constraints (DecodingConstraints): The constraints.
    lengths (Tensor): The positions of each source, `(batch,)`.
    prefixes (Tensor | None): Pieces that each sequence has to begin with, `(batch, longest)`,
        padded with -1.
    needed (Tensor | None): How many pieces each sequence needs after its prefix, `(batch,)`.

    max_pieces (Tensor): The maximum length of each sequence, the end symbol not included, which is
        raised where a prefix or what is needed is longer, `(batch,)`.
    """

    def __init__(
        self,
        constraints: DecodingConstraints,
        lengths: Tensor,
        prefixes: Tensor | None,
        needed: Tensor | None = None,
    ):
        self.constraints = constraints
        no_prefixes = lengths.new_zeros(len(lengths), 0)
        self._prefixes = no_prefixes if prefixes is None else prefixes.to(lengths.device)
        # A prefix is never truncated.
        shortest = (self._prefixes >= 0).sum(dim=1)
        if needed is not None:
            shortest += needed
        self.max_pieces = torch.maximum(constraints.max_pieces(lengths), shortest)
        self._shortest_limit = min(self.max_pieces.tolist(), default=0)
        self._banned = torch.tensor(
            [constraints.start, *constraints.banned_pieces], device=lengths.device
        )

    def apply(self, scores: Tensor, time: int, history: Tensor | None) -> Tensor:
        """Apply the constraints to the scores of next pieces.

        scores (Tensor): The log-probabilities, normalised or not, `(batch, hypotheses, pieces)`.
            Those of banned pieces may become minus infinity in place; all others are unchanged.
        time (int): The number of pieces generated so far.
        history (Tensor | None): The pieces generated so far, `(batch, hypotheses, time)`, if
            `needs_history`.
        RETURNS (Tensor): The constrained scores.
        """
        in_prefix = time < self._prefixes.shape[1]
        if in_prefix or self.constraints.needs_history:
            scores = scores.clone()
        if not in_prefix and time < self._shortest_limit:
            return self._ban(scores, time, history)
        # A forced piece keeps its own score, whatever the other constraints are.
        forced = self.find_forced(time)
        rows = (forced >= 0).nonzero()[:, 0]
        forced = forced[rows]
        forced_scores = scores[rows, :, forced]
        self._ban(scores, time, history)
        scores[rows] = NEVER
        scores[rows, :, forced] = forced_scores
        return scores

    def keep(self, rows: Tensor) -> None:
        """Continue with some of the sources.

        rows (Tensor): The rows to continue with, `(remaining,)`.
        """
        self.max_pieces = self.max_pieces[rows]
        self._prefixes = self._prefixes[rows]

    def find_forced(self, time: int) -> Tensor:
        """Find the pieces that are forced by a prefix or by the maximum length.

        time (int): The number of pieces generated so far.
        RETURNS (Tensor): The next piece of each sequence, -1 if it is not forced, `(batch,)`.
        """
        in_prefix = time < self._prefixes.shape[1]
        prefix_pieces = self._prefixes[:, time] if in_prefix else -1
        return torch.where(self.max_pieces <= time, self.constraints.end, prefix_pieces)

    def _ban(self, scores: Tensor, time: int, history: Tensor | None) -> Tensor:
        """Ban pieces, and penalise repeated ones, in place."""
        constraints = self.constraints
        ends = scores[:, :, constraints.end].clone() if constraints.no_repeat_ngram_size else None
        if history is not None and constraints.repetition_penalty != 1:
            log_sums = scores.logsumexp(dim=2, keepdim=True)
            log_probs = scores.gather(2, history) - log_sums
            scores.scatter_(2, history, log_probs * constraints.repetition_penalty + log_sums)
        scores.index_fill_(2, self._banned, NEVER)
        if history is not None and constraints.no_repeat_ngram_size:
            self._ban_repeated_ngrams(scores, history)
        if time < constraints.min_length:
            scores[:, :, constraints.end] = NEVER
        if ends is not None:  # Where every other piece is banned, the sequence ends.
            stuck = (scores == NEVER).all(dim=2)
            scores[:, :, constraints.end] = torch.where(stuck, ends, scores[:, :, constraints.end])
        return scores

    def _ban_repeated_ngrams(self, scores: Tensor, history: Tensor) -> None:
        """Ban each piece that would complete an n-gram that has occurred already."""
        size = self.constraints.no_repeat_ngram_size
        if history.shape[2] < size:
            return
        ngrams = history.unfold(2, size, 1)
        last = history[:, :, history.shape[2] - size + 1 :]
        repeated = (ngrams[..., :-1] == last[:, :, None]).all(dim=3)
        batch, hypothesis, position = repeated.nonzero(as_tuple=True)
        scores[batch, hypothesis, ngrams[batch, hypothesis, position, size - 1]] = NEVER
