"""The settings that all searches share, and the detail of their results."""

from dataclasses import dataclass
from enum import IntEnum

from ..checks import check_at_least, check_count


class Detail(IntEnum):
    """How much of each hypothesis is asked for. Less takes less time; the pieces are the same."""

    TEXT = 0
    """Its pieces alone."""

    SCORES = 1
    """Its score and the log-probability of each piece as well."""

    ALIGNMENTS = 2
    """The source positions that each piece attends to as well."""


@dataclass(frozen=True, kw_only=True)
class ConstraintSettings:
    """Constraints on the output of a search, as settings.

    min_length (int): The minimum number of pieces; 0 allows an empty sequence.
    max_ratio (float): The maximum number of pieces is `max_ratio` times the source positions, and
        `max_extra` more.
    max_extra (int): See `max_ratio`.
    no_repeat_ngram_size (int): The length of the n-grams of pieces that must not occur twice; 0
        for none.
    repetition_penalty (float): A factor for the log-probabilities of pieces that have occurred
        already (Keskar et al. 2019, section 4.1), at least 1, which has no effect.
    RAISES (ValueError): If a setting is out of its bounds.
    """

    min_length: int = 1
    max_ratio: float = 2.0
    max_extra: int = 10
    no_repeat_ngram_size: int = 0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        for name in ("min_length", "max_extra", "no_repeat_ngram_size"):
            check_count(name, getattr(self, name), 0)
        check_at_least("max_ratio", self.max_ratio, 0)
        if self.max_ratio == 0 and self.max_extra == 0:
            raise ValueError(
                "max_ratio and max_extra are both 0, which allows empty sequences alone: "
                "set max_extra to the maximum number of pieces"
            )
        check_at_least("repetition_penalty", self.repetition_penalty, 1)
