"""Which labels may follow which."""

from typing import NamedTuple

import numpy as np


class TransitionConstraints(NamedTuple):
    """Which label may follow which, and which may begin or end a sequence.

    transitions (np.ndarray): Whether the label of a column may follow that of a row, booleans
        of shape `(labels, labels)`.
    start (np.ndarray): Whether a sequence may start with a label, `(labels,)`.
    end (np.ndarray): Whether it may end with it, `(labels,)`.
    """

    transitions: np.ndarray
    start: np.ndarray
    end: np.ndarray


def unconstrained(labels: int) -> TransitionConstraints:
    """Constraints that allow any label anywhere.

    labels (int): Number of labels.
    RETURNS (TransitionConstraints): The constraints.
    """
    return TransitionConstraints(
        np.ones((labels, labels), dtype=bool),
        np.ones(labels, dtype=bool),
        np.ones(labels, dtype=bool),
    )
