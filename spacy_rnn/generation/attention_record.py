"""The attention of a search: the source positions that each hypothesis of each step attends to."""

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

MAX_POSITIONS, MIN_WEIGHT = 8, 0.01
"""The source positions that are recorded for each piece, at most, and the least attention weight
of each: all of them would take memory that grows with the product of the two lengths."""

MAX_PENDING = 2**20
"""Attention weights from which on the highest are selected: 4 MB."""


class AttentionRecord:
    """The highest attention weights of all hypotheses of all steps, one after the other.

    The weights of a step are kept as they are until there are many, so that the highest are
    selected for many steps at once.
    """

    def __init__(self) -> None:
        self._pending: list[Tensor] = []
        self._pending_size = 0
        self._positions: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []

    def add(self, weights: Tensor) -> None:
        """Record a step.

        weights (Tensor): The attention weights of each hypothesis,
            `(batch, hypotheses, positions)`.
        """
        self._pending.append(weights.flatten(0, 1))
        self._pending_size += weights.numel()
        if self._pending_size >= MAX_PENDING:
            self._select()

    def read(self, hypotheses: np.ndarray) -> tuple[list[list[int]], list[list[float]]]:
        """Return the source positions that hypotheses attend to.

        hypotheses (np.ndarray): Their indices among the hypotheses of all steps, `(any,)`.
        RETURNS (tuple[list[list[int]], list[list[float]]]): For each the positions with the
            highest weights, the highest first; and these weights.
        """
        self._select()
        positions = np.concatenate(self._positions)[hypotheses]
        weights = np.concatenate(self._weights)[hypotheses]
        is_high = weights >= MIN_WEIGHT
        counts = is_high.sum(axis=1)
        return (
            split(positions[is_high].tolist(), counts),
            split(weights[is_high].tolist(), counts),
        )

    def _select(self) -> None:
        if not self._pending:
            return
        weights = torch.cat(self._pending)
        highest = weights.topk(min(MAX_POSITIONS, weights.shape[1]), dim=1)
        self._positions.append(highest.indices.cpu().numpy())
        self._weights.append(highest.values.float().cpu().numpy())
        self._pending, self._pending_size = [], 0


def split(values: list, sizes: np.ndarray) -> list[list]:
    """Split a list into lists of given sizes.

    values (list): The values.
    sizes (np.ndarray): The number of values in each list, `(lists,)`.
    RETURNS (list[list]): The lists.
    """
    ends = sizes.cumsum().tolist()
    return [values[first:last] for first, last in pairwise([0, *ends])]
