"""A learning rate that falls where the score does not rise."""

import math
import warnings
from collections.abc import Iterator
from weakref import WeakSet

from ..checks import check_count

_LIVE_SCHEDULES: "WeakSet[ReduceOnPlateau]" = WeakSet()
WARN_AFTER_STEPS = 10
"""Steps of a training after which there has to be a logger, if there is one."""


def create_reduce_on_plateau_v1(
    initial_rate: float,
    factor: float = 0.25,
    patience: int = 0,
    min_learn_rate: float = 0.0,
) -> "ReduceOnPlateau":
    """Make a schedule that starts at a rate and lowers it at each plateau of the score.

    spaCy tells schedules nothing of scores: `spacy-rnn.ConsoleLogger.v1`, which learns of each
    evaluation, hands them on, so that this schedule needs that logger.

    initial_rate (float): The rate to begin with.
    factor (float): What the rate is multiplied by at a plateau.
    patience (int): Evaluations without a new best score to wait for before.
    min_learn_rate (float): The lowest rate.
    RETURNS (ReduceOnPlateau): The schedule.
    RAISES (ValueError): If a setting is out of its bounds.
    """
    if not initial_rate > 0:
        raise ValueError(f"initial_rate is {initial_rate}, but has to be above 0")
    if not 0 < factor < 1:
        raise ValueError(f"factor is {factor}, but has to lie between 0 and 1")
    check_count("patience", patience, 0)
    if not 0 <= min_learn_rate <= initial_rate:
        raise ValueError(
            f"min_learn_rate is {min_learn_rate}, but has to be at least 0 and at most "
            f"initial_rate, which is {initial_rate}"
        )
    return ReduceOnPlateau(initial_rate, factor, patience, min_learn_rate)


class ReduceOnPlateau(Iterator[float]):
    """A rate, the same until it is told of too many scores that are no new best.

    The arguments are those of `create_reduce_on_plateau_v1`.
    """

    def __init__(self, rate: float, factor: float, patience: int, min_learn_rate: float):
        self.rate = rate
        self.factor = factor
        self.patience = patience
        self.min_learn_rate = min_learn_rate
        self.best = -math.inf
        self.waited = 0
        self.steps = 0
        self.promised = False
        _LIVE_SCHEDULES.add(self)

    def __next__(self) -> float:
        self.steps += 1
        if self.steps == WARN_AFTER_STEPS and not self.promised:
            warnings.warn(
                "spacy-rnn.reduce_on_plateau.v1 learns of scores from spacy-rnn.ConsoleLogger.v1, "
                "which is not there: the learning rate stays as it is. Choose that logger, or "
                "another schedule",
                stacklevel=2,
            )
        return self.rate

    def tell(self, score: float) -> None:
        """Note the score of an evaluation.

        score (float): The score, higher is better.
        """
        if score > self.best:
            self.best, self.waited = score, 0
        elif self.waited < self.patience:
            self.waited += 1
        else:
            self.rate = max(self.min_learn_rate, self.rate * self.factor)
            self.waited = 0


def announce_logger() -> None:
    """Promise each schedule that there is to tell it of scores."""
    for plateau in _LIVE_SCHEDULES:
        plateau.promised = True


def notify_plateaus(score: float | None) -> None:
    """Tell each schedule that there is of a score.

    score (float | None): The score of an evaluation, if it has one.
    """
    if score is not None:
        for plateau in _LIVE_SCHEDULES:
            plateau.tell(score)
