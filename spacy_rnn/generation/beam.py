"""Beam search."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..checks import check_count
from .constraints import NEVER, DecodingConstraints
from .dynamic_beam import DynamicBeam
from .hypotheses import BeamHistory, Candidates, refuse_nan
from .lexical import LexicalConstraints
from .scoring import Ranking
from .settings import Detail
from .state import Hypothesis, SearchState, Step
from .topk import topk_blockwise


def beam_search(
    step: Step,
    state: SearchState,
    lengths: Tensor,
    constraints: DecodingConstraints,
    ranking: Ranking,
    beam_width: int,
    prefixes: Tensor | None = None,
    n_best: int | None = None,
    detail: Detail = Detail.ALIGNMENTS,
    lexical: Sequence[LexicalConstraints] = (),
) -> list[list[Hypothesis]]:
    """Search with a beam of fixed width.

    The search for a source stops when as many of its sequences are finished as the beam is wide,
    and no unfinished one has a higher score so far than any of the best of them; other sources of
    the batch have no influence on it. A sequence is finished only if its end symbol is among the
    `beam_width` best candidates of a step, or of its bank under lexical constraints.

    step (Step): The network's step function.
    state (SearchState): Its initial state, with one hypothesis for each source.
    lengths (Tensor): The positions of each source, `(batch,)`.
    constraints (DecodingConstraints): The constraints on the output.
    ranking (Ranking): How finished sequences are ranked.
    beam_width (int): The number of hypotheses that are extended at each step.
    prefixes (Tensor | None): Pieces that each sequence has to begin with, `(batch, longest)`,
        padded with -1.
    n_best (int | None): The maximum number of hypotheses to return. Default: `beam_width`.
    detail (Detail): How much of each hypothesis is asked for. All have scores.
    lexical (Sequence[LexicalConstraints]): The lexical constraints of each source, or none.
    RETURNS (list[list[Hypothesis]]): The hypotheses of each source, the best first.
    RAISES (ValueError): If the beam width is below 1, or the network's scores are not numbers.
    """
    check_count("beam_width", beam_width, 1)
    device = lengths.device
    beam: _FreeBeam | DynamicBeam = _FreeBeam(beam_width, constraints.end)
    needed = None
    if lexical:
        beam = DynamicBeam(lexical, beam_width, constraints.end)
        needed = torch.tensor([each.initial.missing for each in lexical], device=device)
    history = BeamHistory(constraints, lengths, prefixes, detail, needed)
    pieces = torch.full((len(lengths), 1), constraints.start, device=device)
    totals = torch.zeros(len(lengths), 1, device=device)
    coverage: Tensor | None = None
    while len(history.sentences):
        scores, weights, state = step(pieces, state)
        log_probs, constrained = history.score(scores)
        best, parents, candidates, ends, highest = beam.extend(
            log_probs, constrained, totals, weights, history
        )
        rows = torch.arange(len(best), device=device)[:, None]
        history.add(candidates, parents, log_probs[rows, parents, candidates], weights)
        # Freed here: memory that grows and shrinks with each step costs page faults.
        del scores, log_probs, constrained
        if ranking.coverage_penalty:
            coverage = weights if coverage is None else coverage + weights

        source_lengths = lengths[history.sentences.to(device)].tolist()
        for row, candidate in ends:
            covered = (
                coverage[row, parents[row, candidate], : source_lengths[row]].tolist()
                if coverage is not None
                else []
            )
            total = float(best[row, candidate])
            history.finish(row, candidate, ranking.score(total, history.time, covered))

        unfinished = best.masked_fill(candidates == constraints.end, NEVER)
        going_on = unfinished.amax(dim=1).tolist()
        refuse_nan(going_on)  # The search would never stop.
        done = [
            goes_on == NEVER
            or (
                len(history.finished[sentence]) >= beam_width
                and sorted(ending.score for ending in history.finished[sentence])[-beam_width]
                >= ranking.score(total, history.time)
            )
            for sentence, total, goes_on in zip(
                history.sentences.tolist(), highest, going_on, strict=True
            )
        ]
        rows = (~torch.tensor(done, device=device)).nonzero()[:, 0]
        chosen = beam.choose(rows, unfinished)
        pieces = candidates[rows[:, None], chosen]
        totals = unfinished[rows[:, None], chosen]
        chosen_parents = parents[rows[:, None], chosen]
        history.keep(rows, chosen)
        state = state.select(rows, chosen_parents)
        if coverage is not None:
            coverage = coverage[rows[:, None], chosen_parents]
    return history.results(n_best or beam_width)


class _FreeBeam:
    """Hypotheses that are extended by any piece: the best go on.

    width (int): The number of hypotheses that are extended at each step.
    end (int): The end symbol.
    """

    def __init__(self, width: int, end: int):
        self._width = width
        self._end = end

    def extend(
        self,
        log_probs: Tensor,
        constrained: Tensor,
        totals: Tensor,
        weights: Tensor,
        history: BeamHistory,
    ) -> Candidates:
        """Extend all hypotheses by a piece."""
        # Twice the beam width, so that enough are left whichever of them are ends.
        best, parents, pieces = topk_blockwise(constrained, totals, 2 * self._width)
        is_end = (pieces == self._end) & (best > NEVER)
        ends = is_end[:, : self._width].nonzero().tolist()
        highest = best.masked_fill(is_end, NEVER).amax(dim=1).tolist()
        return Candidates(best, parents, pieces, ends, highest)

    def choose(self, rows: Tensor, unfinished: Tensor) -> Tensor:
        """Choose the candidates that become hypotheses, `(remaining, hypotheses)`."""
        return unfinished[rows].topk(min(self._width, unfinished.shape[1]), dim=1).indices
