"""Reduction of the learning rate when the score plateaus."""

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
    board: str = "default",
) -> "ReduceOnPlateau":
    """Create a schedule that reduces the learning rate at each plateau of the score.

    spaCy passes no scores to schedules. `spacy-rnn.ConsoleLogger.v1`, which receives the score of
    each evaluation, records it on a score board, and the schedules of that board follow it: this
    schedule needs that logger.

    initial_rate (float): The learning rate to begin with.
    factor (float): What the learning rate is multiplied by at a plateau.
    patience (int): Evaluations without a new best score to wait for before a reduction.
    min_learn_rate (float): The lowest learning rate.
    board (str): The name of the score board, the same as that of the logger. Trainings that run
        side by side in one process need a board each.
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
    return ReduceOnPlateau(initial_rate, factor, patience, min_learn_rate, board)


class ReduceOnPlateau(Iterator[float]):
    """A learning rate, constant until too many scores in a row are no new best.

    The arguments are those of `create_reduce_on_plateau_v1`.
    """

    def __init__(
        self, rate: float, factor: float, patience: int, min_learn_rate: float, board: str
    ):
        self.board = board
        self.rate = rate
        self.factor = factor
        self.patience = patience
        self.min_learn_rate = min_learn_rate
        self.best = -math.inf
        self.waited = 0
        self.steps = 0
        self.has_logger = False
        _LIVE_SCHEDULES.add(self)

    def __next__(self) -> float:
        self.steps += 1
        if self.steps == WARN_AFTER_STEPS and not self.has_logger:
            warnings.warn(
                f"spacy-rnn.reduce_on_plateau.v1 reads scores from spacy-rnn.ConsoleLogger.v1, "
                f'but no such logger writes to its score board, "{self.board}": the learning rate '
                f"stays as it is. Choose that logger with the same board, or another schedule",
                stacklevel=2,
            )
        return self.rate

    def record(self, score: float) -> None:
        """Record the score of an evaluation.

        score (float): The score, higher is better.
        """
        if score > self.best:
            self.best, self.waited = score, 0
        elif self.waited < self.patience:
            self.waited += 1
        else:
            self.rate = max(self.min_learn_rate, self.rate * self.factor)
            self.waited = 0


def announce_logger(board: str) -> None:
    """Mark the schedules of a score board as having a logger that writes to it.

    board (str): The name of the board.
    """
    for schedule in _schedules_of(board):
        schedule.has_logger = True


def notify_plateaus(board: str, score: float | None) -> None:
    """Record a score with all schedules of a score board.

    board (str): The name of the board.
    score (float | None): The score of an evaluation, if it has one.
    """
    if score is not None:
        for schedule in _schedules_of(board):
            schedule.record(score)


def _schedules_of(board: str) -> "list[ReduceOnPlateau]":
    return [schedule for schedule in _LIVE_SCHEDULES if schedule.board == board]
