"""Scores of finished sequences of different lengths, to rank them by."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..checks import check_at_least

if TYPE_CHECKING:
    from .state import Hypothesis


def length_penalty(kind: str, alpha: float, length: int) -> float:
    """Return the length penalty, the divisor of the log-probability of a sequence.

    kind (str): "none"; "average", the length to the power of alpha; or "wu",
        `((5 + length) / 6) ** alpha` (Wu et al. 2016, equation 14).
    alpha (float): The exponent: 0 ranks by the log-probability alone, which prefers short
        sequences.
    length (int): The pieces of the sequence, its end symbol included.
    RETURNS (float): The divisor.
    RAISES (ValueError): If the kind is unknown.
    """
    if kind == "none":
        return 1.0
    if kind == "average":
        return float(length**alpha)
    if kind == "wu":
        return float(((5 + length) / 6) ** alpha)
    raise ValueError(f'length_penalty is "{kind}", but has to be one of "none", "average", "wu"')


def coverage_penalty(beta: float, coverage: Sequence[float]) -> float:
    """Return the coverage penalty of a sequence (Wu et al. 2016, equation 14).

    beta (float): The weight of the penalty.
    coverage (Sequence[float]): For each source position the sum of its attention weights over
        all steps; sums below a millionth count as a millionth.
    RETURNS (float): The penalty, at most 0, to be added to the score.
    """
    return beta * sum(math.log(min(max(covered, 1e-6), 1.0)) for covered in coverage)


MAX_ALPHA = 10


@dataclass(frozen=True)
class Ranking:
    """The score that finished sequences are ranked by.

    length_penalty (str): "none", "average" or "wu": see the function `length_penalty`.
    alpha (float): Its exponent.
    coverage_penalty (float): The weight of the coverage penalty; 0 for none.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    length_penalty: str = "average"
    alpha: float = 1.0
    coverage_penalty: float = 0.0

    def __post_init__(self) -> None:
        length_penalty(self.length_penalty, self.alpha, 1)
        if not abs(self.alpha) <= MAX_ALPHA:
            raise ValueError(
                f"alpha is {self.alpha}, but has to lie between -{MAX_ALPHA} and {MAX_ALPHA}: 1 "
                f"ranks by the mean of a piece, 0 by the sum"
            )
        check_at_least("coverage_penalty", self.coverage_penalty, 0)

    def score(self, total: float, length: int, coverage: Sequence[float] = ()) -> float:
        """Return the score of a sequence.

        total (float): Its log-probability.
        length (int): Its pieces, the end symbol included.
        coverage (Sequence[float]): For each source position the sum of its attention weights. Not
            needed without a coverage penalty.
        RETURNS (float): The score, higher is better.
        """
        penalty = coverage_penalty(self.coverage_penalty, coverage) if coverage else 0.0
        return total / length_penalty(self.length_penalty, self.alpha, length) + penalty

    def rescore(self, hypothesis: "Hypothesis") -> "Hypothesis":
        """Return a hypothesis whose score is its log-probability with the score of this ranking.

        hypothesis (Hypothesis): The hypothesis.
        RETURNS (Hypothesis): The same pieces with another score, without a coverage penalty.
        """
        length = len(hypothesis.pieces) + 1
        return replace(hypothesis, score=self.score(hypothesis.score, length))
