"""Spans as tags: begin, in, last, unit, out."""

import numpy as np

from .constraints import TransitionConstraints

OUT, BEGIN, IN, LAST, UNIT = range(5)
"""Kinds of tags. What is out has tag 0; type t has the tags `4 * t + kind`."""


def biluo_constraints(tags: int) -> TransitionConstraints:
    """Allow whole spans only, so that each sequence of tags is one set of spans.

    tags (int): How many tags there are: one for what is out, and four for each type of span.
    RETURNS (TransitionConstraints): The rules.
    RAISES (ValueError): If there is no such number of types.
    """
    if tags % 4 != 1:
        raise ValueError(
            f"There are {tags} tags, but there have to be four for each type of entity and "
            f"one for what is in none: set nO to null, or to 4 * types + 1"
        )
    kinds, types = read_tags(np.arange(tags))
    goes_on = (kinds == BEGIN) | (kinds == IN)
    went_on = (kinds == IN) | (kinds == LAST)
    same = types[:, None] == types
    transitions = np.where(goes_on[:, None], went_on & same, ~went_on)
    return TransitionConstraints(transitions, ~went_on, ~goes_on)


def read_tags(tags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take tags apart.

    tags (np.ndarray): Tags.
    RETURNS (tuple[np.ndarray, np.ndarray]): The kind of each, and its type, -1 for what is out.
    """
    types = (tags - 1) // 4
    return np.where(tags == OUT, OUT, (tags - 1) % 4 + 1), types


def find_spans(tags: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the spans of sequences that follow the rules, one after the other.

    tags (np.ndarray): Their tags.
    RETURNS (tuple[np.ndarray, np.ndarray, np.ndarray]): Of each span its first place, the
        place after its last one, and its type.
    """
    kinds, types = read_tags(tags)
    (starts,) = np.nonzero((kinds == BEGIN) | (kinds == UNIT))
    (lasts,) = np.nonzero((kinds == LAST) | (kinds == UNIT))
    return starts, lasts + 1, types[starts]
