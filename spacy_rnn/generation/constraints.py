"""What a search may write, whatever the network says."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..checks import check_at_least, check_count

NEVER = -math.inf


@dataclass(frozen=True)
class DecodingConstraints:
    """Bounds on what a search may write.

    start (int): The piece that stands before each sequence.
    end (int): The piece that ends it.
    min_length (int): The fewest pieces before the end; 0 allows an empty sequence.
    max_ratio (float): The most pieces, for each place of the source.
    max_extra (int): So many more pieces.
    banned_pieces (Sequence[int]): Pieces that never occur.
    no_repeat_ngram_size (int): Length of the n-grams that may not occur twice; 0 for none.
    repetition_penalty (float): By what the log-probability of pieces that occurred already
        is multiplied (Keskar et al. 2019, section 4.1); 1 for nothing.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    start: int
    end: int
    min_length: int = 1
    max_ratio: float = 2.0
    max_extra: int = 10
    banned_pieces: Sequence[int] = ()
    no_repeat_ngram_size: int = 0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        for name in ("min_length", "max_extra", "no_repeat_ngram_size"):
            check_count(name, getattr(self, name), 0)
        check_at_least("max_ratio", self.max_ratio, 0)
        if self.max_ratio == 0 and self.max_extra == 0:
            raise ValueError(
                "max_ratio and max_extra are both 0, which allows empty translations alone: "
                "set max_extra to the most pieces that a translation may have"
            )
        check_at_least("repetition_penalty", self.repetition_penalty, 1)

    @property
    def needs_history(self) -> bool:
        """bool: Whether what may come depends on the pieces before."""
        return self.no_repeat_ngram_size > 0 or self.repetition_penalty != 1

    def max_pieces(self, lengths: Tensor) -> Tensor:
        """Tell how long each sequence may become.

        lengths (Tensor): Places of each source, `(batch,)`.
        RETURNS (Tensor): Pieces, without the end: `(batch,)`, at least 1 and `min_length`.
        """
        most = (lengths * self.max_ratio).long() + self.max_extra
        return most.clamp(min=max(1, self.min_length))


class BatchConstraints:
    """What rules allow the sentences of a batch, which leave it one by one.

    constraints (DecodingConstraints): The rules.
    lengths (Tensor): Places of each source, `(batch,)`.
    prefixes (Tensor | None): The pieces that each sequence has to begin with, `(batch, any)`;
        -1 where it is free.
    """

    def __init__(self, constraints: DecodingConstraints, lengths: Tensor, prefixes: Tensor | None):
        self.constraints = constraints
        free = lengths.new_zeros(len(lengths), 0)
        self._prefixes = free if prefixes is None else prefixes.to(lengths.device)
        # What a sequence has to begin with is never cut off.
        prefix_lengths = (self._prefixes >= 0).sum(dim=1)
        self._most = torch.maximum(constraints.max_pieces(lengths), prefix_lengths)
        self._first_end = min(self._most.tolist(), default=0)
        self._never = torch.tensor(
            [constraints.start, *constraints.banned_pieces], device=lengths.device
        )

    def apply(self, log_probs: Tensor, time: int, history: Tensor | None) -> Tensor:
        """Change the log-probabilities of the next pieces as the rules say.

        log_probs (Tensor): Log-probabilities, `(batch, hypotheses, pieces)`. What is ruled out
            may become impossible in place; all else stays as it is.
        time (int): The pieces so far.
        history (Tensor | None): The pieces so far, `(batch, hypotheses, time)`, where
            `needs_history` asks for them.
        RETURNS (Tensor): The changed log-probabilities.
        """
        in_prefix = time < self._prefixes.shape[1]
        scores = log_probs.clone() if in_prefix or self.constraints.needs_history else log_probs
        if not in_prefix and time < self._first_end:
            return self._rule_out(scores, time, history)
        # What has to come keeps its own score, whatever the other rules say of it.
        rows, forced = self._find_forced(time)
        own = scores[rows, :, forced]
        self._rule_out(scores, time, history)
        scores[rows] = NEVER
        scores[rows, :, forced] = own
        return scores

    def keep(self, rows: Tensor) -> None:
        """Go on with some sentences.

        rows (Tensor): The rows that stay, `(kept,)`.
        """
        self._most = self._most[rows]
        self._prefixes = self._prefixes[rows]

    def _find_forced(self, time: int) -> tuple[Tensor, Tensor]:
        """Find the sequences that can go on in one way alone, and their next pieces."""
        in_prefix = time < self._prefixes.shape[1]
        wanted = self._prefixes[:, time] if in_prefix else -1
        forced = torch.where(self._most <= time, self.constraints.end, wanted)
        rows = (forced >= 0).nonzero()[:, 0]
        return rows, forced[rows]

    def _rule_out(self, scores: Tensor, time: int, history: Tensor | None) -> Tensor:
        constraints = self.constraints
        ends = scores[:, :, constraints.end].clone() if constraints.no_repeat_ngram_size else None
        if history is not None and constraints.repetition_penalty != 1:
            seen = scores.gather(2, history)
            scores.scatter_(2, history, seen * constraints.repetition_penalty)
        scores.index_fill_(2, self._never, NEVER)
        if history is not None and constraints.no_repeat_ngram_size:
            self._ban_repeated(scores, history)
        if time < constraints.min_length:
            scores[:, :, constraints.end] = NEVER
        if ends is not None:  # Where every other piece is banned, the sequence ends.
            stuck = (scores == NEVER).all(dim=2)
            scores[:, :, constraints.end] = torch.where(stuck, ends, scores[:, :, constraints.end])
        return scores

    def _ban_repeated(self, scores: Tensor, history: Tensor) -> None:
        """Ban each piece that would end an n-gram for the second time."""
        size = self.constraints.no_repeat_ngram_size
        if history.shape[2] < size:
            return
        ngrams = history.unfold(2, size, 1)
        last = history[:, :, history.shape[2] - size + 1 :]
        repeated = (ngrams[..., :-1] == last[:, :, None]).all(dim=3)
        batch, hypothesis, place = repeated.nonzero(as_tuple=True)
        scores[batch, hypothesis, ngrams[batch, hypothesis, place, size - 1]] = NEVER
