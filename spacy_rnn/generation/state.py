"""The interface of networks and searches: a step function, its state, and hypotheses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from .settings import Detail

if TYPE_CHECKING:
    from .constraints import DecodingConstraints


class SearchState(NamedTuple):
    """The state of a network between two steps of a search.

    sentences (tuple[Tensor, ...]): The part that all hypotheses of a source share, such as the
        encoded source, `(batch, …)`.
    hypotheses (tuple[Tensor, ...]): The part of each hypothesis, such as its recurrent state,
        `(batch, hypotheses, …)`.
    """

    sentences: tuple[Tensor, ...]
    hypotheses: tuple[Tensor, ...]

    def select(self, rows: Tensor, parents: Tensor) -> "SearchState":
        """Select some of the hypotheses of some of the sources.

        rows (Tensor): The sources to continue with, `(remaining,)`, in order.
        parents (Tensor): For each of them the hypotheses to extend, `(remaining, width)`.
        RETURNS (SearchState): Their state.
        """
        sentences = _take(self.sentences, rows)
        if all(part.shape[1] == parents.shape[1] == 1 for part in self.hypotheses):
            return SearchState(sentences, _take(self.hypotheses, rows))
        hypotheses = tuple(part[rows[:, None], parents] for part in self.hypotheses)
        return SearchState(sentences, hypotheses)


def _take(parts: tuple[Tensor, ...], rows: Tensor) -> tuple[Tensor, ...]:
    """Select rows of each part, which are all of them where there are as many as before."""
    count = rows.shape[0]
    return tuple(part if count == part.shape[0] else part.index_select(0, rows) for part in parts)


Step = Callable[[Tensor, SearchState], tuple[Tensor, Tensor, SearchState]]
"""The step function of a network. It takes the last piece of each hypothesis,
`(batch, hypotheses)`, and the state, and returns a score for each next piece, not normalised,
`(batch, hypotheses, pieces)`, which a search may change in place; the attention weights of the
source positions, `(batch, hypotheses, positions)`; and the state after the step."""


@runtime_checkable
class GreedyStep(Protocol):
    """A step function that can also search by itself: greedily, for a single source."""

    def __call__(self, pieces: Tensor, state: SearchState) -> tuple[Tensor, Tensor, SearchState]:
        """Do one step, as any step function."""

    def search_greedily(
        self,
        state: SearchState,
        lengths: Tensor,
        constraints: "DecodingConstraints",
        detail: Detail,
    ) -> tuple[list[int], Tensor, Tensor]:
        """Take all steps of a greedy search.

        state (SearchState): The initial state of one source.
        lengths (Tensor): Its positions, `(1,)`.
        constraints (DecodingConstraints): The constraints, none of which needs the history.
        detail (Detail): How much of the hypothesis is asked for.
        RETURNS (tuple[list[int], Tensor, Tensor]): The pieces with the end symbol; their
            log-probabilities, or if these are not asked for their scores, `(steps,)`; and the
            attention weights, `(steps, positions)`, if alignments are asked for. If the network's
            scores are not numbers, the last number is NaN.
        """


@dataclass(frozen=True)
class Hypothesis:
    """A finished sequence of a search, in the detail that was asked for.

    pieces (list[int]): Its pieces, without the end symbol.
    score (float): The score that it is ranked by, higher is better. NaN if it was neither asked
        for nor needed.
    piece_scores (list[float]): The log-probability of each piece and of the end symbol. Empty
        unless asked for.
    source_positions (list[list[int]]): For each piece the source positions with the highest
        attention weights, the highest first. Empty unless asked for.
    attention_weights (list[list[float]]): The attention weights of these.
    """

    pieces: list[int]
    score: float
    piece_scores: list[float]
    source_positions: list[list[int]]
    attention_weights: list[list[float]]
