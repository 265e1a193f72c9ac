"""How finished sequences of different lengths compare."""

import math
from collections.abc import Sequence


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
