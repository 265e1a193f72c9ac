"""The path of a search: what was written at each step, and by whom it was begun."""

import math
import operator
from bisect import bisect_right
from collections.abc import Iterable
from itertools import count, pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .constraints import BatchConstraints, DecodingConstraints
from .state import Hypothesis

MAX_PLACES, MIN_WEIGHT = 8, 0.01
"""Places of the source that are remembered for each piece at most, and what they have to weigh:
all would take memory that grows with the product of the two lengths."""


class _Record(NamedTuple):
    """One step: the candidates of each sentence, `(batch, candidates)`, and the hypotheses that
    they came from, `(batch, hypotheses)`, with what these looked at.
    """

    sentences: np.ndarray
    pieces: Tensor
    parents: Tensor
    log_probs: Tensor
    slots: Tensor
    places: Tensor
    weights: Tensor


class BeamHistory:
    """The path of a search over a batch of sentences, which leave it one by one.

    constraints (DecodingConstraints): What may be written.
    lengths (Tensor): Places of each source, `(batch,)`.
    prefixes (Tensor | None): The pieces that each sequence has to begin with, `(batch, any)`;
        -1 where it is free.
    """

    def __init__(self, constraints: DecodingConstraints, lengths: Tensor, prefixes: Tensor | None):
        batch, device = len(lengths), lengths.device
        self.constraints = constraints
        self.sentences = torch.arange(batch)
        self.finished: list[list[tuple[float, int, int]]] = [[] for _ in range(batch)]
        self._records: list[_Record] = []
        self._state = BatchConstraints(constraints, lengths, prefixes)
        self._slots = torch.zeros(batch, 1, dtype=torch.int64, device=device)
        self._history = self._slots[:, :, None][:, :, :0]
        self._candidates = self._history

    @property
    def time(self) -> int:
        """int: The steps so far."""
        return len(self._records)

    def score(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Turn the network's scores into log-probabilities.

        scores (Tensor): A score for each next piece, `(batch, hypotheses, pieces)`.
        RETURNS (tuple[Tensor, Tensor]): The log-probabilities, and what the rules leave of
            them.
        """
        plain = scores.float().log_softmax(dim=2)
        return plain, self._state.apply(plain, self.time, self._history)

    def add(self, pieces: Tensor, parents: Tensor, log_probs: Tensor, weights: Tensor) -> None:
        """Write down a step.

        pieces (Tensor): The candidates' next pieces, `(batch, candidates)`.
        parents (Tensor): The hypotheses that they go on from, `(batch, candidates)`.
        log_probs (Tensor): Their log-probabilities, `(batch, candidates)`.
        weights (Tensor): What each hypothesis looked at, `(batch, hypotheses, places)`.
        """
        heaviest = weights.topk(min(MAX_PLACES, weights.shape[2]), dim=2)
        self._records.append(
            _Record(
                self.sentences.numpy(),
                pieces,
                parents,
                log_probs,
                self._slots,
                heaviest.indices,
                heaviest.values.float(),
            )
        )
        if self.constraints.needs_history:
            before = self._history.gather(
                1, parents[:, :, None].expand(-1, -1, self._history.shape[2])
            )
            self._candidates = torch.cat([before, pieces[:, :, None]], 2)

    def finish(self, row: int, candidate: int, score: float) -> None:
        """Note that a candidate of the last step ended its sequence.

        row (int): Its row in the batch.
        candidate (int): Its place among the candidates.
        score (float): What it is ranked by.
        RAISES (ValueError): If that is not a number.
        """
        refuse_nan([score])
        sentence = int(self.sentences[row])
        self.finished[sentence].append((score, self.time - 1, candidate))

    def keep(self, rows: Tensor, chosen: Tensor) -> None:
        """Go on with some sentences and some of their candidates.

        rows (Tensor): The rows that stay, `(kept,)`.
        chosen (Tensor): Their candidates to go on with, `(kept, hypotheses)`.
        """
        self._slots = chosen
        if self.constraints.needs_history:
            self._history = self._candidates[rows[:, None], chosen]
        if rows.shape[0] < self.sentences.shape[0]:
            self.sentences = self.sentences[rows.cpu()]
            self._state.keep(rows)

    def results(self, most: int) -> list[list[Hypothesis]]:
        """Read the finished sequences back.

        most (int): How many of each sentence to read.
        RETURNS (list[list[Hypothesis]]): The best of each sentence, the best first.
        """
        best = [sorted(ends, key=lambda end: -end[0])[:most] for ends in self.finished]
        ends = [(sentence, *end) for sentence, found in enumerate(best) for end in found]
        # The longest first, so that all that are as long as a step are the first few.
        order = sorted(range(len(ends)), key=lambda number: -ends[number][2])
        read = dict(zip(order, self._read([ends[number] for number in order]), strict=True))
        numbers = count()
        return [[read[next(numbers)] for _ in found] for found in best]

    def _read(self, ends: list[tuple[int, float, int, int]]) -> list[Hypothesis]:
        """Read sequences back, the longest first: sentence, score, step and candidate of each."""
        if not ends:
            return []
        written, origins = self._backtrace(ends)
        lengths = np.array([time for _, _, time, _ in ends])  # The end is no piece.
        within = np.arange(self.time) < lengths[:, None]
        with_end = np.arange(self.time) <= lengths[:, None]
        origins = origins[within]
        weights = self._join("weights")[origins]
        heavy = weights >= MIN_WEIGHT
        numbers = heavy.sum(axis=1)
        columns = (
            _cut(self._join("pieces")[written[within]].tolist(), lengths),
            [score for _, score, _, _ in ends],
            _cut(self._join("log_probs")[written[with_end]].tolist(), lengths + 1),
            _cut(_cut(self._join("places")[origins][heavy].tolist(), numbers), lengths),
            _cut(_cut(weights[heavy].tolist(), numbers), lengths),
        )
        return list(map(Hypothesis, *columns))

    def _backtrace(self, ends: list[tuple[int, float, int, int]]) -> tuple[np.ndarray, np.ndarray]:
        """Follow the links of all sequences at once, from the last step to the first.

        RETURNS (tuple[np.ndarray, np.ndarray]): For each sequence and step where what was written
            stands among all candidates of all steps, and where what it came from stands among all
            hypotheses: each `(sequences, steps)`.
        """
        if all(record.slots.shape[1] == record.parents.shape[1] == 1 for record in self._records):
            return self._backtrace_greedy(ends)
        sentences, _, times, candidates = zip(*ends, strict=True)
        sentence, candidate = np.array(sentences, "int64"), np.array(candidates, "int64")
        parents, slots = self._join("parents"), self._join("slots")
        written, origins = np.zeros((2, len(ends), self.time), "int64")
        first_candidate, first_slot = len(parents), len(slots)
        for time in reversed(range(self.time)):
            record = self._records[time]
            first_candidate -= record.parents.numel()
            first_slot -= record.slots.numel()
            going = slice(bisect_right(times, -time, key=operator.neg))
            row = np.searchsorted(record.sentences, sentence[going])
            place = first_candidate + row * record.parents.shape[1] + candidate[going]
            slot = first_slot + row * record.slots.shape[1] + parents[place]
            written[going, time], origins[going, time] = place, slot
            candidate[going] = slots[slot]
        return written, origins

    def _backtrace_greedy(
        self, ends: list[tuple[int, float, int, int]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same where a sentence has one hypothesis at each step."""
        sentences = np.concatenate([record.sentences for record in self._records])
        lasts = np.cumsum(np.bincount(sentences))
        lines = np.split(np.argsort(sentences, kind="stable"), lasts[:-1])
        followed = np.zeros((len(ends), self.time), "int64")
        for row, (sentence, *_) in zip(followed, ends, strict=True):
            row[: len(lines[sentence])] = lines[sentence]
        return followed, followed

    def _join(self, part: str) -> np.ndarray:
        """Put a part of all steps one after the other, with one row for each candidate or
        hypothesis."""
        parts = [getattr(record, part).flatten(0, 1) for record in self._records]
        return torch.cat(parts).cpu().numpy()


def refuse_nan(scores: Iterable[float]) -> None:
    """Refuse what a spoilt network says.

    scores (Iterable[float]): Scores of sequences.
    RAISES (ValueError): If one is not a number.
    """
    if any(map(math.isnan, scores)):
        raise ValueError(
            "The scores of the network are not numbers: its weights were spoilt in "
            "training. Train again with a lower learning rate or a smaller grad_clip"
        )


def _cut(values: list, sizes: np.ndarray) -> list[list]:
    """Cut a list into lists of these sizes."""
    ends = sizes.cumsum().tolist()
    return [values[first:last] for first, last in pairwise([0, *ends])]
