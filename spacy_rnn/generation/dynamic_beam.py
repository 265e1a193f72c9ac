"""The candidates of beam search under lexical constraints: dynamic beam allocation.

After Post & Vilar (2018). The candidates of a step form banks by the number of pieces that their
terms still need, and the banks share the beam. Otherwise hypotheses that have written a term,
which the network may find improbable, would lose against those that have not.

Where the source positions of a term are known, its pieces count half as written by the network,
and half as copied, as in pointer networks (See et al. 2017, equation 9): the probability of a copy
is the attention weight of these positions at the first piece, times the probability that a word
ends there. This counts as soon as a term begins, and is taken back if it does not become one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .constraints import NEVER
from .hypotheses import BeamHistory, Candidates, refuse_nan
from .lexical import LexicalConstraints, State
from .topk import topk_blockwise

NO_BANK = 2**30
OWN = 1
"""The best pieces of a hypothesis that are candidates even where others have better ones."""
FREE_SHARE = 0.4
"""The share of the beam for the best hypotheses, whatever their bank."""
MIN_WEIGHT = 1e-3
"""The attention weight that a term has at least."""
COPIED = 0.5
"""The share of a term that counts as copied, and not as written by the network."""


class _Hypothesis(NamedTuple):
    """What the constraints of a hypothesis depend on.

    state (State): The state of the constraints.
    placement (np.ndarray | None): For each phrase how probable it was that it begins where that
        began which is open.
    log_prob (float): The log-probability of the pieces since then.
    credit (float): What its score includes for the term that has begun or may have occurred.
    """

    state: State
    placement: np.ndarray | None = None
    log_prob: float = 0.0
    credit: float = 0.0


class DynamicBeam:
    """The hypotheses of a batch of sources, each under its lexical constraints.

    lexical (Sequence[LexicalConstraints]): Those of each source, of one vocabulary.
    width (int): The number of hypotheses that are extended at each step.
    end (int): The end symbol.
    """

    def __init__(self, lexical: Sequence[LexicalConstraints], width: int, end: int):
        self._lexical = [*lexical]
        self._hypotheses = [[_Hypothesis(each.initial)] for each in lexical]
        self._width = width
        self._end = end
        piece_texts = lexical[0].piece_texts
        self._ends_word = torch.tensor(piece_texts.ends_word)
        self._may_begin = np.zeros((len(lexical), len(piece_texts.texts)), bool)
        for row, each in enumerate(lexical):
            self._may_begin[row, list(each.beginning)] = True
        self._masks = _mask(lexical)
        # The candidates of the last step, the best first.
        self._read: list[dict[int, _Hypothesis]] = []
        self._order = self._pieces = self._parents = self._banks = np.zeros((0, 0), int)

    def extend(
        self,
        log_probs: Tensor,
        constrained: Tensor,
        totals: Tensor,
        weights: Tensor,
        history: BeamHistory,
    ) -> Candidates:
        """Extend all hypotheses by a piece.

        The candidates are the best of all, the best of each hypothesis, its end, and each piece
        that begins a term or goes on with one. Those that break the constraints are left out,
        unless a row has no others: where a prefix breaks them, or terms leave each other no room.

        log_probs (Tensor): The log-probabilities of the next pieces,
            `(batch, hypotheses, pieces)`.
        constrained (Tensor): The same under all other constraints.
        totals (Tensor): The score of each hypothesis so far, `(batch, hypotheses)`.
        weights (Tensor): The attention weights, `(batch, hypotheses, positions)`.
        history (BeamHistory): The steps so far.
        RETURNS (Candidates): The candidates.
        """
        is_forced, left = history.find_forced()
        pieces, parents, scores = self._collect(log_probs, constrained, totals, is_forced)
        refuse_nan(scores.max(axis=1).tolist())
        states = [[each.state for each in row] for row in self._hypotheses]

        def of_parents(attribute: str) -> np.ndarray:
            values = [[getattr(state, attribute) for state in row] for row in states]
            return np.take_along_axis(np.array(values), parents, 1)

        is_end = pieces == self._end
        matters = np.take_along_axis(self._may_begin, pieces, 1) | of_parents("is_open")
        missing = of_parents("missing")
        is_valid = np.where(is_end, of_parents("may_end"), True)
        placements = self._place(weights, log_probs)
        totals_by_row = totals.tolist()
        self._read = [{} for _ in states]
        for row, column in np.argwhere(matters & ~is_end & (scores != NEVER)).tolist():
            parent = parents[row, column]
            read, breaks, charge = _advance(
                self._lexical[row],
                self._hypotheses[row][parent],
                int(pieces[row, column]),
                float(scores[row, column]) - totals_by_row[row][parent],
                None if placements is None else placements[row, parent],
            )
            self._read[row][column] = read
            missing[row, column] = read.state.missing
            is_valid[row, column] = not breaks
            scores[row, column] += charge
        is_valid &= is_end | (missing <= np.array(left)[:, None])
        # A row without any goes on, if it can, with what breaks its constraints.
        is_stuck = ~(is_valid & (scores != NEVER)).any(axis=1, keepdims=True)
        goes_on = ~is_end & (scores != NEVER)
        scores[~(is_valid | (is_stuck & (goes_on | ~goes_on.any(axis=1, keepdims=True))))] = NEVER
        return self._sort(pieces, parents, scores, missing, totals.device)

    def choose(self, rows: Tensor, unfinished: Tensor) -> Tensor:
        """Choose the candidates that become hypotheses: the best of all, and of each bank as many.

        What a bank has too few candidates for goes to others; what is left over goes to those
        that need the fewest pieces.

        rows (Tensor): The rows to continue with, `(remaining,)`.
        unfinished (Tensor): The scores of the candidates, minus infinity for ends,
            `(batch, candidates)`.
        RETURNS (Tensor): The candidates, `(remaining, hypotheses)`.
        """
        going_on = rows.tolist()
        is_none = (unfinished == NEVER).numpy(force=True)[going_on]
        banks = np.where(is_none, NO_BANK, self._banks[going_on])
        turns = _rank_within(banks)
        # The best of all come first: where there are more banks than hypotheses, they had no room.
        is_first = (~is_none).cumsum(axis=1) <= int(FREE_SHARE * self._width)
        turns = np.where(is_first, -1, turns)
        most = min(self._width, int((~is_none).sum(axis=1).max(initial=0)))
        chosen = np.lexsort((banks, turns, is_none), axis=1)[:, :most]
        self._hypotheses = [
            [self._follow(row, column) for column in columns]
            for row, columns in zip(going_on, chosen.tolist(), strict=True)
        ]
        self._lexical = [self._lexical[row] for row in going_on]
        self._may_begin = self._may_begin[going_on]
        if self._masks is not None:
            self._masks = self._masks[going_on]
        return torch.from_numpy(chosen).to(unfinished.device)

    def _follow(self, row: int, column: int) -> _Hypothesis:
        """Return the hypothesis that a candidate becomes."""
        read = self._read[row].get(self._order[row, column])
        if read is not None:
            return read
        parent = self._hypotheses[row][self._parents[row, column]].state
        return _Hypothesis(self._lexical[row].skip(parent, int(self._pieces[row, column])))

    def _collect(
        self, log_probs: Tensor, constrained: Tensor, totals: Tensor, is_forced: list[bool]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Collect candidates: their pieces, parents and scores, each `(batch, candidates)`."""
        batch, width = totals.shape
        best, pieces = self._find_best(constrained, totals, is_forced)
        ends = (totals + constrained[:, :, self._end]).numpy(force=True)
        best[pieces == self._end] = NEVER
        needed = self._find_needed(np.where(best == NEVER, -1, pieces), totals, is_forced)
        most = max(map(len, needed))
        added = np.zeros((batch, most, 2), int)
        scores = np.full((batch, most), NEVER, np.float32)
        where = [(row, column) for row, each in enumerate(needed) for column in range(len(each))]
        if where:
            rows, columns = np.array(where).T
            added[rows, columns] = [pair for each in needed for pair in each]
            indices = torch.from_numpy(np.stack([rows, *added[rows, columns].T]))
            of_row, parents, chosen = indices.to(totals.device)
            found = totals[of_row, parents] + log_probs[of_row, parents, chosen]
            scores[rows, columns] = found.numpy(force=True)
        every = np.broadcast_to(np.arange(width), (batch, width))
        return (
            np.concatenate(
                [pieces.reshape(batch, -1), np.full_like(every, self._end), added[:, :, 1]], 1
            ),
            np.concatenate([every.repeat(pieces.shape[2], 1), every, added[:, :, 0]], 1),
            np.concatenate([best.reshape(batch, -1), ends, scores], 1),
        )

    def _find_best(
        self, constrained: Tensor, totals: Tensor, is_forced: list[bool]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the best pieces of each hypothesis, where no word ends that must not."""
        closing = [
            (row, column)
            for row, hypotheses in enumerate(self._hypotheses)
            for column, hypothesis in enumerate(hypotheses)
            if hypothesis.state.closes and not is_forced[row]
        ]
        where = tuple(torch.tensor(closing, dtype=torch.int64, device=totals.device).view(-1, 2).T)
        kept = constrained[where]
        constrained[where] = kept.masked_fill(self._ends_word.to(totals.device), NEVER)
        highest, _, indices = topk_blockwise(
            constrained.flatten(0, 1)[:, None], totals.flatten()[:, None], self._width + 1
        )
        constrained[where] = kept
        shape = *totals.shape, -1
        best, pieces = (each.view(shape).numpy(force=True) for each in (highest, indices))
        # Few of the others will be chosen, and each costs time.
        flat = best.reshape(len(best), -1)
        place = max(0, flat.shape[1] - 2 * self._width)
        least = np.partition(flat, place, axis=1)[:, place]
        best[:, :, OWN:][best[:, :, OWN:] < least[:, None, None]] = NEVER
        return best, pieces

    def _find_needed(
        self, pieces: np.ndarray, totals: Tensor, is_forced: list[bool]
    ) -> list[list[tuple[int, int]]]:
        """Find what terms need, for each row the hypotheses and the pieces.

        Such a piece has its own score, whatever other constraints are, unless one is forced.
        """
        is_none = (totals == NEVER).tolist()
        found = pieces.tolist()
        return [
            [
                (column, piece)
                for column, hypothesis in enumerate(hypotheses)
                if not is_none[row][column]
                for piece in self._lexical[row].find_continuations(hypothesis.state)
                if piece not in found[row][column]
            ]
            if not is_forced[row]
            else []
            for row, hypotheses in enumerate(self._hypotheses)
        ]

    def _place(self, weights: Tensor, log_probs: Tensor) -> np.ndarray | None:
        """Compute how probable it is that phrases begin now.

        weights (Tensor): The attention weights, `(batch, hypotheses, positions)`.
        log_probs (Tensor): The log-probabilities of the next pieces,
            `(batch, hypotheses, pieces)`.
        RETURNS (np.ndarray | None): The logarithm of the attention weight of each phrase times
            the probability that a word ends here, `(batch, hypotheses, phrases)`; zero for phrases
            that stand for no source positions. None if all do.
        """
        if self._masks is None:
            return None
        masks = self._masks.to(weights)
        placed = weights[:, :, : masks.shape[2]] @ masks.transpose(1, 2)
        ends = log_probs.exp() @ self._ends_word.to(log_probs)
        placed = placed.clamp(min=MIN_WEIGHT).log() + ends.clamp(min=MIN_WEIGHT).log()[:, :, None]
        return (placed * masks.any(dim=2)[:, None]).numpy(force=True)

    def _sort(
        self,
        pieces: np.ndarray,
        parents: np.ndarray,
        scores: np.ndarray,
        missing: np.ndarray,
        device: torch.device,
    ) -> Candidates:
        """Sort candidates by their scores, and find the ends among them."""
        most = int((scores != NEVER).sum(axis=1).max())
        self._order = np.argsort(-scores, axis=1, kind="stable")[:, : max(most, 1)]
        scores, self._pieces, self._parents, self._banks = (
            np.take_along_axis(each, self._order, 1) for each in (scores, pieces, parents, missing)
        )
        is_end = (self._pieces == self._end) & (scores != NEVER)
        may_end = (self._banks == 0) & (scores != NEVER)
        # As in any beam, only an end among the best of its bank finishes a sequence.
        is_among_best = ~may_end | (may_end.cumsum(axis=1) <= self._width)
        return Candidates(
            torch.from_numpy(scores).to(device),
            torch.from_numpy(self._parents).to(device),
            torch.from_numpy(self._pieces).to(device),
            np.argwhere(is_end & is_among_best).tolist(),
            np.where(may_end & ~is_end, scores, NEVER).max(axis=1).tolist(),
        )


def _advance(
    lexical: LexicalConstraints,
    parent: _Hypothesis,
    piece: int,
    log_prob: float,
    placement: np.ndarray | None,
) -> tuple[_Hypothesis, bool, float]:
    """Add a piece to a hypothesis.

    lexical (LexicalConstraints): The constraints.
    parent (_Hypothesis): The hypothesis.
    piece (int): The piece.
    log_prob (float): Its log-probability.
    placement (np.ndarray | None): For each phrase how probable it is that it begins now.
    RETURNS (tuple[_Hypothesis, bool, float]): The new hypothesis, whether the piece breaks the
        constraints, and what it adds to the score beside its own log-probability.
    """
    reached, breaks, begins, gained = lexical.advance(parent.state, piece)
    if not begins:
        placement, log_prob = parent.placement, parent.log_prob + log_prob
    # What has occurred for good keeps its credit.
    is_decided = reached.counts != parent.state.counts
    owed = 0.0 if is_decided and not gained else parent.credit
    if placement is None:
        credit = 0.0
    elif reached.begun is not None:
        credit = float(placement[reached.begun]) - COPIED * log_prob
    elif gained:
        return _Hypothesis(reached), breaks, float(placement[gained[0]]) - COPIED * log_prob - owed
    else:
        credit = 0.0
    return _Hypothesis(reached, placement, log_prob, credit), breaks, credit - owed


def _mask(lexical: Sequence[LexicalConstraints]) -> Tensor | None:
    """Mask the source positions of phrases.

    lexical (Sequence[LexicalConstraints]): The constraints of each source.
    RETURNS (Tensor | None): Ones at the positions of each phrase, `(batch, phrases, positions)`.
        None if there are none.
    """
    where = [
        (row, index, position)
        for row, each in enumerate(lexical)
        for index, positions in enumerate(each.positions)
        for position in positions
    ]
    if not where:
        return None
    indices = torch.tensor(where)
    masks = torch.zeros(len(lexical), *(indices[:, 1:].amax(dim=0) + 1).tolist())
    masks[tuple(indices.T)] = 1.0
    return masks


def _rank_within(groups: np.ndarray) -> np.ndarray:
    """Number the items of each group of a row, in order.

    groups (np.ndarray): The groups, `(rows, items)`.
    RETURNS (np.ndarray): For each item how many of its group stand before it, `(rows, items)`.
    """
    order = np.argsort(groups, axis=1, kind="stable")
    ordered = np.take_along_axis(groups, order, 1)
    places = np.broadcast_to(np.arange(groups.shape[1]), groups.shape)
    is_first = np.ones(groups.shape, bool)
    is_first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    ranks = places - np.maximum.accumulate(np.where(is_first, places, 0), axis=1)
    return ranks[np.arange(len(groups))[:, None], np.argsort(order, axis=1)]
