"""What a search knows of a network: a function from pieces to scores, and its state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor


class SearchState(NamedTuple):
    """Where a network stands, for each of several hypotheses of each sentence.

    sentences (tuple[Tensor, ...]): What all hypotheses of a sentence share, `(batch, …)`.
    hypotheses (tuple[Tensor, ...]): What each has for itself, `(batch, hypotheses, …)`.
    """

    sentences: tuple[Tensor, ...]
    hypotheses: tuple[Tensor, ...]

    def select(self, rows: Tensor, parents: Tensor) -> "SearchState":
        """Go on with some of the hypotheses.

        rows (Tensor): The sentences that stay, `(kept,)`, in their order.
        parents (Tensor): For each of them the hypotheses to go on with, `(kept, width)`.
        RETURNS (SearchState): The state of these.
        """
        sentences = _take(self.sentences, rows)
        if all(part.shape[1] == parents.shape[1] == 1 for part in self.hypotheses):
            return SearchState(sentences, _take(self.hypotheses, rows))
        hypotheses = tuple(part[rows[:, None], parents] for part in self.hypotheses)
        return SearchState(sentences, hypotheses)


def _take(parts: tuple[Tensor, ...], rows: Tensor) -> tuple[Tensor, ...]:
    """Take some rows of each part; where there are as many as before, all stay."""
    kept = rows.shape[0]
    return tuple(part if kept == part.shape[0] else part.index_select(0, rows) for part in parts)


Step = Callable[[Tensor, SearchState], tuple[Tensor, Tensor, SearchState]]
"""Takes the last piece of each hypothesis, `(batch, hypotheses)`, and the state. Gives a score
for each next piece, `(batch, hypotheses, pieces)`, not normalised; how much each place of the
source mattered, `(batch, hypotheses, places)`; and the state after it."""


@dataclass(frozen=True)
class Hypothesis:
    """A finished sequence of a search.

    pieces (list[int]): Its pieces, without the end symbol.
    score (float): The score that it is ranked by, higher is better.
    piece_scores (list[float]): The log-probability of each piece and of the end symbol.
    source_positions (list[list[int]]): For each piece the source positions with the highest
        attention weights, the highest first.
    attention_weights (list[list[float]]): The attention weights of these.
    """

    pieces: list[int]
    score: float
    piece_scores: list[float]
    source_positions: list[list[int]]
    attention_weights: list[list[float]]
