"""The hypotheses of a beam search: the record of its steps, and the finished sequences in it."""

import math
import operator
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .attention_record import AttentionRecord, split
from .constraints import BatchConstraints, DecodingConstraints
from .settings import Detail
from .state import Hypothesis


class Candidates(NamedTuple):
    """The hypotheses of a batch, each with one more piece: the best first.

    totals (Tensor): Their scores, `(batch, candidates)`; minus infinity for those that are none.
    parents (Tensor): The hypotheses that they extend, `(batch, candidates)`.
    pieces (Tensor): The pieces, `(batch, candidates)`.
    ends (Sequence[Sequence[int]]): The row and the index of each that finishes its sequence.
    highest (list[float]): For each row the highest score of those that have not ended and may end
        at any time: minus infinity if there are none.
    """

    totals: Tensor
    parents: Tensor
    pieces: Tensor
    ends: Sequence[Sequence[int]]
    highest: list[float]


class _StepRecord(NamedTuple):
    """The record of one step.

    sentences (np.ndarray): The source of each row, `(batch,)`.
    pieces (Tensor): The pieces of the candidates, `(batch, candidates)`.
    parents (Tensor): For each candidate the hypothesis that it extends, `(batch, candidates)`.
    log_probs (Tensor): The log-probabilities of the pieces, `(batch, candidates)`.
    parent_candidates (Tensor): For each hypothesis the candidate of the step before that it was,
        `(batch, hypotheses)`.
    """

    sentences: np.ndarray
    pieces: Tensor
    parents: Tensor
    log_probs: Tensor
    parent_candidates: Tensor


class _Ending(NamedTuple):
    """A finished sequence: where it ends in the record.

    sentence (int): Its source.
    score (float): The score that it is ranked by.
    time (int): The step of its end symbol, which is the number of its pieces.
    candidate (int): The candidate that is its end symbol.
    """

    sentence: int
    score: float
    time: int
    candidate: int


class BeamHistory:
    """The steps of a search over a batch of sources, which become fewer as they are finished.

    constraints (DecodingConstraints): The constraints on the output.
    lengths (Tensor): The positions of each source, `(batch,)`.
    prefixes (Tensor | None): Pieces that each sequence has to begin with, `(batch, longest)`,
        padded with -1.
    detail (Detail): How much of each hypothesis is asked for.
    needed (Tensor | None): How many pieces each sequence needs after its prefix, `(batch,)`.

    sentences (Tensor): The source of each row that is not finished, `(remaining,)`, on the CPU.
    finished (list[list[_Ending]]): The finished sequences of each source.
    """

    def __init__(
        self,
        constraints: DecodingConstraints,
        lengths: Tensor,
        prefixes: Tensor | None,
        detail: Detail,
        needed: Tensor | None = None,
    ):
        batch, device = len(lengths), lengths.device
        self.constraints = constraints
        self.sentences = torch.arange(batch)
        self.finished: list[list[_Ending]] = [[] for _ in range(batch)]
        self._detail = detail
        self._steps: list[_StepRecord] = []
        self._attention = AttentionRecord()
        self._batch_constraints = BatchConstraints(constraints, lengths, prefixes, needed)
        self._parent_candidates = torch.zeros(batch, 1, dtype=torch.int64, device=device)
        # The pieces so far of hypotheses and of candidates, `(batch, …, time)`, if needed.
        self._hypothesis_pieces = self._parent_candidates[:, :, None][:, :, :0]
        self._candidate_pieces = self._hypothesis_pieces

    @property
    def time(self) -> int:
        """int: The number of steps so far."""
        return len(self._steps)

    def score(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Compute next-piece log-probabilities.

        scores (Tensor): The network's scores of the next pieces, `(batch, hypotheses, pieces)`,
            which may be changed in place.
        RETURNS (tuple[Tensor, Tensor]): The log-probabilities, and the constrained ones.
        """
        scores = scores.float()
        in_place = scores if scores.device.type == "cpu" else None  # New memory is slow there.
        log_probs = torch.log_softmax(scores, dim=2, out=in_place)
        constrained = self._batch_constraints.apply(log_probs, self.time, self._hypothesis_pieces)
        return log_probs, constrained

    def find_forced(self) -> tuple[list[bool], list[int]]:
        """Find the rows whose next piece is forced, and how much may follow it.

        RETURNS (tuple[list[bool], list[int]]): Whether the next piece of each row is forced, and
            how many pieces the row may have after it.
        """
        forced = self._batch_constraints.find_forced(self.time)
        left = self._batch_constraints.max_pieces - (self.time + 1)
        return (forced >= 0).tolist(), left.tolist()

    def add(self, pieces: Tensor, parents: Tensor, log_probs: Tensor, weights: Tensor) -> None:
        """Record a step.

        pieces (Tensor): The pieces of the candidates, `(batch, candidates)`.
        parents (Tensor): The hypotheses that they extend, `(batch, candidates)`.
        log_probs (Tensor): The log-probabilities of the pieces, `(batch, candidates)`.
        weights (Tensor): The attention weights of each hypothesis,
            `(batch, hypotheses, positions)`.
        """
        self._steps.append(
            _StepRecord(
                self.sentences.numpy(), pieces, parents, log_probs, self._parent_candidates
            )
        )
        if self._detail >= Detail.ALIGNMENTS:
            self._attention.add(weights)
        if self.constraints.needs_history:
            index = parents[:, :, None].expand(-1, -1, self._hypothesis_pieces.shape[2])
            parent_pieces = self._hypothesis_pieces.gather(1, index)
            self._candidate_pieces = torch.cat([parent_pieces, pieces[:, :, None]], 2)

    def finish(self, row: int, candidate: int, score: float) -> None:
        """Record that a candidate of the last step is the end of its sequence.

        row (int): Its row in the batch.
        candidate (int): Its index among the candidates.
        score (float): The score that the sequence is ranked by.
        RAISES (ValueError): If the score is not a number.
        """
        refuse_nan([score])
        sentence = int(self.sentences[row])
        self.finished[sentence].append(_Ending(sentence, score, self.time - 1, candidate))

    def keep(self, rows: Tensor, chosen: Tensor) -> None:
        """Continue with some of the sources and some of their candidates.

        rows (Tensor): The rows to continue with, `(remaining,)`.
        chosen (Tensor): Their candidates that become hypotheses, `(remaining, hypotheses)`.
        """
        self._parent_candidates = chosen
        if self.constraints.needs_history:
            self._hypothesis_pieces = self._candidate_pieces[rows[:, None], chosen]
        if rows.shape[0] < self.sentences.shape[0]:
            self.sentences = self.sentences[rows.cpu()]
            self._batch_constraints.keep(rows)

    def results(self, n_best: int) -> list[list[Hypothesis]]:
        """Return the finished sequences.

        n_best (int): The maximum number for each source.
        RETURNS (list[list[Hypothesis]]): The best sequences of each source, the best first.
        """
        results: list[list[Hypothesis]] = [[] for _ in self.finished]
        best = [
            ending
            for endings in self.finished
            for ending in sorted(endings, key=lambda ending: -ending.score)[:n_best]
        ]
        # The longest first, so that the sequences that have a step are the first few.
        by_length = sorted(range(len(best)), key=lambda index: -best[index].time)
        hypotheses = self._read([best[index] for index in by_length])
        by_index = dict(zip(by_length, hypotheses, strict=True))
        for index, ending in enumerate(best):
            results[ending.sentence].append(by_index[index])
        return results

    def _read(self, endings: list[_Ending]) -> list[Hypothesis]:
        """Read finished sequences from the record, the longest first."""
        if not endings:
            return []
        candidates, hypotheses = self._backtrace(endings)
        lengths = np.array([ending.time for ending in endings])  # Without the end symbol.
        is_piece = np.arange(self.time) < lengths[:, None]
        is_piece_or_end = np.arange(self.time) <= lengths[:, None]
        nothing: list[list] = [[] for _ in endings]
        piece_scores, positions, weights = nothing, nothing, nothing
        pieces = split(self._join("pieces")[candidates[is_piece]].tolist(), lengths)
        if self._detail >= Detail.SCORES:
            log_probs = self._join("log_probs")[candidates[is_piece_or_end]]
            piece_scores = split(log_probs.tolist(), lengths + 1)
        if self._detail >= Detail.ALIGNMENTS:
            positions, weights = (
                split(lists, lengths) for lists in self._attention.read(hypotheses[is_piece])
            )
        scores = [ending.score for ending in endings]
        return list(map(Hypothesis, pieces, scores, piece_scores, positions, weights))

    def _backtrace(self, endings: list[_Ending]) -> tuple[np.ndarray, np.ndarray]:
        """Follow the parents of all sequences at once, from the last step to the first.

        endings (list[_Ending]): The sequences, the longest first.
        RETURNS (tuple[np.ndarray, np.ndarray]): For each sequence and step the index of its
            candidate among the candidates of all steps, and the index of the hypothesis that it
            extends among the hypotheses of all steps: each `(sequences, steps)`.
        """
        sentence = np.array([ending.sentence for ending in endings], "int64")
        candidate = np.array([ending.candidate for ending in endings], "int64")
        times = [ending.time for ending in endings]
        parents, parent_candidates = self._join("parents"), self._join("parent_candidates")
        candidates, hypotheses = np.zeros((2, len(endings), self.time), "int64")
        first_candidate, first_hypothesis = len(parents), len(parent_candidates)
        for time in reversed(range(self.time)):
            step = self._steps[time]
            first_candidate -= step.parents.numel()
            first_hypothesis -= step.parent_candidates.numel()
            # The sequences that have this step.
            reached = slice(bisect_right(times, -time, key=operator.neg))
            row = np.searchsorted(step.sentences, sentence[reached])
            index = first_candidate + row * step.parents.shape[1] + candidate[reached]
            parent = first_hypothesis + row * step.parent_candidates.shape[1] + parents[index]
            candidates[reached, time], hypotheses[reached, time] = index, parent
            candidate[reached] = parent_candidates[parent]
        return candidates, hypotheses

    def _join(self, name: str) -> np.ndarray:
        """Concatenate a field of all steps, with a row for each candidate or hypothesis."""
        parts = [getattr(step, name).flatten(0, 1) for step in self._steps]
        return torch.cat(parts).cpu().numpy()


def refuse_nan(scores: Iterable[float]) -> None:
    """Refuse scores that are not numbers.

    scores (Iterable[float]): The scores of sequences.
    RAISES (ValueError): If one is not a number.
    """
    if any(map(math.isnan, scores)):
        raise ValueError(
            "The scores of the network are not numbers: its weights became infinite or NaN in "
            "training. Train again with a lower learning rate or a smaller grad_clip"
        )
