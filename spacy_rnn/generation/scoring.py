"""How finished sequences of different lengths compare."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..checks import check_at_least


def length_penalty(kind: str, alpha: float, length: int) -> float:
    """Give the number that the log-probability of a sequence is divided by.

    kind (str): "none"; "average", the length itself to the power of alpha; or "wu",
        `((5 + length) / 6) ** alpha` (Wu et al. 2016, equation 14).
    alpha (float): The exponent: 0 prefers short sequences as the probability does.
    length (int): Pieces of the sequence, its end included.
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
    """Say how much of the source a sequence left out (Wu et al. 2016, equation 14).

    beta (float): The weight of the penalty.
    coverage (Sequence[float]): For each place of the source the sum of the attention that
        it was given; places without any count as a millionth.
    RETURNS (float): What is added to the score, at most 0.
    """
    return beta * sum(math.log(min(max(each, 1e-6), 1.0)) for each in coverage)


MAX_ALPHA = 10


@dataclass(frozen=True)
class Ranking:
    """How finished sequences are ranked.

    length_penalty (str): "none", "average" or "wu": see `ranking.length_penalty`.
    alpha (float): Its exponent.
    coverage_penalty (float): The weight of the coverage penalty; 0 turns it off.
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

    def score(self, total: float, length: int, coverage: list[float]) -> float:
        """Rank a sequence.

        total (float): Its log-probability.
        length (int): Its pieces and its end.
        coverage (list[float]): What attention each place of its source got.
        RETURNS (float): Its score, higher is better.
        """
        penalty = coverage_penalty(self.coverage_penalty, coverage) if coverage else 0.0
        return total / length_penalty(self.length_penalty, self.alpha, length) + penalty
