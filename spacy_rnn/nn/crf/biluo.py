"""Spans as tags: begin, in, last, unit, out."""

import numpy as np

from .constraints import TransitionConstraints

OUT, BEGIN, IN, LAST, UNIT = range(5)
"""Kinds of tags. OUT is tag 0; span type t has the tags `4 * t + kind`."""


def biluo_constraints(tags: int) -> TransitionConstraints:
    """Constraints that allow whole spans only: each sequence of tags is one set of spans.

    tags (int): Number of tags: one for OUT, and four for each type of span.
    RETURNS (TransitionConstraints): The constraints.
    RAISES (ValueError): If that is the number of tags of no number of types.
    """
    if tags % 4 != 1:
        raise ValueError(
            f"There are {tags} tags, but there have to be four for each type of entity and "
            f"one for tokens outside: set nO to null, or to 4 * types + 1"
        )
    kinds, types = read_tags(np.arange(tags))
    continues = (kinds == BEGIN) | (kinds == IN)
    continued = (kinds == IN) | (kinds == LAST)
    same_type = types[:, None] == types
    transitions = np.where(continues[:, None], continued & same_type, ~continued)
    return TransitionConstraints(transitions, ~continued, ~continues)


def read_tags(tags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split tags into kind and type.

    tags (np.ndarray): Tags.
    RETURNS (tuple[np.ndarray, np.ndarray]): The kind of each, and its type, -1 for OUT.
    """
    types = (tags - 1) // 4
    return np.where(tags == OUT, OUT, (tags - 1) % 4 + 1), types


def find_spans(tags: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the spans of concatenated sequences that satisfy the constraints.

    tags (np.ndarray): Their tags.
    RETURNS (tuple[np.ndarray, np.ndarray, np.ndarray]): The start of each span, its
        end (exclusive), and its type.
    """
    kinds, types = read_tags(tags)
    (starts,) = np.nonzero((kinds == BEGIN) | (kinds == UNIT))
    (lasts,) = np.nonzero((kinds == LAST) | (kinds == UNIT))
    return starts, lasts + 1, types[starts]
