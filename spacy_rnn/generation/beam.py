"""Beam search."""

import torch
from torch import Tensor

from ..checks import check_count
from .constraints import NEVER, DecodingConstraints
from .hypotheses import BeamHistory, refuse_nan
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
) -> list[list[Hypothesis]]:
    """Search with a beam of fixed width.

    The search for a source stops when as many of its sequences are finished as the beam is wide,
    and no unfinished one has a higher score so far than any of the best of them; other sources of
    the batch have no influence on it. A sequence is finished only if its end symbol is among the
    `beam_width` best candidates of a step.

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
    RETURNS (list[list[Hypothesis]]): The hypotheses of each source, the best first.
    RAISES (ValueError): If the beam width is below 1, or the network's scores are not numbers.
    """
    check_count("beam_width", beam_width, 1)
    history = BeamHistory(constraints, lengths, prefixes, detail)
    device = lengths.device
    pieces = torch.full((len(lengths), 1), constraints.start, device=device)
    totals = torch.zeros(len(lengths), 1, device=device)
    coverage: Tensor | None = None
    while len(history.sentences):
        scores, weights, state = step(pieces, state)
        log_probs, constrained = history.score(scores)
        # Twice the beam width, so that enough are left whichever of them are ends.
        best, parents, candidates = topk_blockwise(constrained, totals, 2 * beam_width)
        rows = torch.arange(len(best), device=device)[:, None]
        history.add(candidates, parents, log_probs[rows, parents, candidates], weights)
        # Freed here: memory that grows and shrinks with each step costs page faults.
        del scores, log_probs, constrained
        if ranking.coverage_penalty:
            coverage = weights if coverage is None else coverage + weights

        ended = (candidates == constraints.end) & (best > NEVER)
        source_lengths = lengths[history.sentences.to(device)].tolist()
        for row, candidate in ended[:, :beam_width].nonzero().tolist():
            covered = (
                coverage[row, parents[row, candidate], : source_lengths[row]].tolist()
                if coverage is not None
                else []
            )
            total = float(best[row, candidate])
            history.finish(row, candidate, ranking.score(total, history.time, covered))

        unfinished = best.masked_fill(ended, NEVER)
        highest = unfinished.amax(dim=1).tolist()
        refuse_nan(highest)  # The search would never stop.
        done = [
            total == NEVER
            or (
                len(history.finished[sentence]) >= beam_width
                and sorted(ending.score for ending in history.finished[sentence])[-beam_width]
                >= ranking.score(total, history.time)
            )
            for sentence, total in zip(history.sentences.tolist(), highest, strict=True)
        ]
        rows = (~torch.tensor(done, device=device)).nonzero()[:, 0]
        chosen = unfinished[rows].topk(min(beam_width, unfinished.shape[1]), dim=1).indices
        pieces = candidates[rows[:, None], chosen]
        totals = unfinished[rows[:, None], chosen]
        chosen_parents = parents[rows[:, None], chosen]
        history.keep(rows, chosen)
        state = state.select(rows, chosen_parents)
        if coverage is not None:
            coverage = coverage[rows[:, None], chosen_parents]
    return history.results(n_best or beam_width)
