"""Greedy search, and the loop of all searches with one hypothesis for each source."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .attention_record import MAX_PENDING, AttentionRecord, split
from .constraints import BatchConstraints, DecodingConstraints
from .hypotheses import refuse_nan
from .settings import Detail
from .state import GreedyStep, Hypothesis, SearchState, Step
from .topk import argmax_last

Choose = Callable[[Tensor, list[int]], Tensor]
"""Chooses the next piece of each source, `(batch, 1)`, from the constrained scores,
`(batch, 1, pieces)`, and the indices of the sources that are not finished."""


def greedy_search(
    step: Step,
    state: SearchState,
    lengths: Tensor,
    constraints: DecodingConstraints,
    prefixes: Tensor | None = None,
    detail: Detail = Detail.ALIGNMENTS,
) -> list[list[Hypothesis]]:
    """Generate the most probable piece at each step.

    step (Step): The network's step function.
    state (SearchState): Its initial state, with one hypothesis for each source.
    lengths (Tensor): The positions of each source, `(batch,)`.
    constraints (DecodingConstraints): The constraints on the output.
    prefixes (Tensor | None): Pieces that each sequence has to begin with, `(batch, longest)`,
        padded with -1.
    detail (Detail): How much of each hypothesis is asked for.
    RETURNS (list[list[Hypothesis]]): One hypothesis for each source, with its log-probability as
        the score.
    RAISES (ValueError): If the network's scores are not numbers.
    """
    is_plain = len(lengths) == 1 and prefixes is None and not constraints.needs_history
    if is_plain and isinstance(step, GreedyStep) and _is_short(lengths, constraints, detail):
        record = _Record(1, constraints.end, detail)
        record.add_all(*step.search_greedily(state, lengths, constraints, detail))
        return record.results()

    def choose(constrained: Tensor, _: list[int]) -> Tensor:
        return argmax_last(constrained)

    return decode_loop(step, state, lengths, constraints, prefixes, choose, detail)


def _is_short(lengths: Tensor, constraints: DecodingConstraints, detail: Detail) -> bool:
    """Whether the attention weights of all steps may be held in memory, if they are needed."""
    weights = int((constraints.max_pieces(lengths) * lengths).max())
    return detail < Detail.ALIGNMENTS or weights <= MAX_PENDING


def decode_loop(
    step: Step,
    state: SearchState,
    lengths: Tensor,
    constraints: DecodingConstraints,
    prefixes: Tensor | None,
    choose: Choose,
    detail: Detail,
) -> list[list[Hypothesis]]:
    """Generate one sequence for each source, piece by piece.

    step (Step): The network's step function.
    state (SearchState): Its initial state, with one hypothesis for each source.
    lengths (Tensor): The positions of each source, `(batch,)`.
    constraints (DecodingConstraints): The constraints on the output.
    prefixes (Tensor | None): Pieces that each sequence has to begin with, `(batch, longest)`,
        padded with -1.
    choose (Choose): Chooses the next pieces.
    detail (Detail): How much of each hypothesis is asked for.
    RETURNS (list[list[Hypothesis]]): One hypothesis for each source, with its log-probability as
        the score.
    RAISES (ValueError): If the network's scores are not numbers.
    """
    record = _Record(len(lengths), constraints.end, detail)
    batch_constraints = BatchConstraints(constraints, lengths, prefixes)
    pieces = torch.full((len(lengths), 1), constraints.start, device=lengths.device)
    while record.sentences:
        scores, weights, state = step(pieces, state)
        scores = scores.float()
        # Pieces are chosen by the same numbers whether log-probabilities are asked for or not.
        log_probs = scores.log_softmax(dim=2) if detail >= Detail.SCORES else scores
        written = record.written().to(scores.device) if constraints.needs_history else None
        constrained = batch_constraints.apply(scores, record.time, written)
        pieces = choose(constrained, record.sentences)
        going_on = record.add(pieces, log_probs.gather(2, pieces[:, :, None]), weights)
        del scores, log_probs, constrained  # As in beam search.
        if len(going_on) < len(pieces):
            rows = torch.tensor(going_on, dtype=torch.int64, device=pieces.device)
            pieces = pieces.index_select(0, rows)
            batch_constraints.keep(rows)
            state = state.select(rows, torch.zeros_like(pieces))
    return record.results()


class _Record:
    """The sequences of a search with one hypothesis for each source.

    batch (int): The number of sources.
    end (int): The end symbol.
    detail (Detail): How much of each hypothesis is asked for.

    sentences (list[int]): The sources that are not finished.
    time (int): The number of steps so far.
    """

    def __init__(self, batch: int, end: int, detail: Detail):
        self.sentences = list(range(batch))
        self.time = 0
        self._end = end
        self._detail = detail
        self._written: list[list[int]] = [[] for _ in self.sentences]
        # Of all steps, one after the other.
        self._sentences_by_step: list[list[int]] = []
        self._log_probs: list[Tensor] = []
        self._attention = AttentionRecord()

    def written(self) -> Tensor:
        """Return the pieces so far of the sources that are not finished.

        RETURNS (Tensor): The pieces, `(batch, 1, time)`, on the CPU.
        """
        written = [self._written[sentence] for sentence in self.sentences]
        return torch.tensor(written, dtype=torch.int64)[:, None]

    def add(self, pieces: Tensor, log_probs: Tensor, weights: Tensor) -> list[int]:
        """Record a step.

        pieces (Tensor): The pieces, `(batch, 1)`.
        log_probs (Tensor): Their log-probabilities, or if these are not asked for their scores,
            `(batch, 1, 1)`.
        weights (Tensor): The attention weights, `(batch, 1, positions)`.
        RETURNS (list[int]): The rows of the sources that are not finished.
        """
        generated = pieces[:, 0].tolist()
        rows = [row for row, piece in enumerate(generated) if piece != self._end]
        self._sentences_by_step.append(self.sentences)
        self._log_probs.append(log_probs.flatten())
        if self._detail >= Detail.ALIGNMENTS:
            self._attention.add(weights)
        for row in rows:
            self._written[self.sentences[row]].append(generated[row])
        if len(rows) < len(generated):
            self.sentences = [self.sentences[row] for row in rows]
        self.time += 1
        return rows

    def add_all(self, pieces: list[int], log_probs: Tensor, weights: Tensor) -> None:
        """Record all steps of a single source.

        pieces (list[int]): The pieces, with the end symbol.
        log_probs (Tensor): As for `add`, `(steps,)`.
        weights (Tensor): The attention weights, `(steps, positions)`.
        """
        self._written[0] = pieces[:-1]
        self._sentences_by_step = [[0]] * len(pieces)
        self._log_probs.append(log_probs)
        if self._detail >= Detail.ALIGNMENTS:
            self._attention.add(weights[:, None])

    def results(self) -> list[list[Hypothesis]]:
        """Return the sequences, when all sources are finished.

        RETURNS (list[list[Hypothesis]]): One hypothesis for each source.
        RAISES (ValueError): If the log-probabilities are not numbers.
        """
        if not self._written:
            return []
        log_probs = torch.cat(self._log_probs).cpu().numpy()
        refuse_nan([log_probs.max()])  # Which is NaN if any of them is.
        nothing: list[list] = [[] for _ in self._written]
        piece_scores, positions, weights = nothing, nothing, nothing
        scores = [math.nan] * len(nothing)
        sentences = np.concatenate(self._sentences_by_step)
        order, lengths = np.argsort(sentences, kind="stable"), np.bincount(sentences)
        if self._detail >= Detail.SCORES:
            piece_scores = split(log_probs[order].tolist(), lengths)
            scores = list(map(sum, piece_scores))
        if self._detail >= Detail.ALIGNMENTS:
            is_piece = np.ones(len(order), bool)
            is_piece[lengths.cumsum() - 1] = False  # The end symbols.
            positions, weights = (
                split(lists, lengths - 1) for lists in self._attention.read(order[is_piece])
            )
        columns = self._written, scores, piece_scores, positions, weights
        return [[hypothesis] for hypothesis in map(Hypothesis, *columns)]
