"""Which labels may follow which."""

from typing import NamedTuple

import numpy as np


class Rules(NamedTuple):
    """Which labels may stand where.

    transitions (np.ndarray): Whether the label of a column may follow that of a row, booleans
        of shape `(labels, labels)`.
    start (np.ndarray): Whether a sequence may start with a label, `(labels,)`.
    end (np.ndarray): Whether it may end with it, `(labels,)`.
    """

    transitions: np.ndarray
    start: np.ndarray
    end: np.ndarray


def anything_goes(labels: int) -> Rules:
    """Allow any label anywhere.

    labels (int): How many labels there are.
    RETURNS (Rules): The rules.
    """
    return Rules(
        np.ones((labels, labels), dtype=bool),
        np.ones(labels, dtype=bool),
        np.ones(labels, dtype=bool),
    )
