"""Beam search: the best few sequences so far, side by side."""

import torch
from torch import Tensor

from ..checks import check_count
from .constraints import NEVER, DecodingConstraints
from .hypotheses import BeamHistory, refuse_nan
from .scoring import Ranking
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
) -> list[list[Hypothesis]]:
    """Write each sequence piece by piece, going on from the best few each time.

    A sentence is done when as many of its sequences have ended as the beam is wide, and none
    that goes on is better so far than any of the best of them; what other sentences do has no
    part in it. A sequence ends only if it is among the best few then.

    step (Step): The network.
    state (SearchState): Where it stands, with one hypothesis for each sentence.
    lengths (Tensor): Places of each source, `(batch,)`.
    constraints (DecodingConstraints): What may be written.
    ranking (Ranking): How finished sequences are ranked.
    beam_width (int): The sequences to go on from.
    prefixes (Tensor | None): The pieces that each sequence has to begin with, `(batch, any)`;
        -1 where it is free.
    n_best (int | None): How many hypotheses to give. Default: as many as the beam is wide.
    RETURNS (list[list[Hypothesis]]): So many hypotheses for each sentence, or fewer, the best
        first.
    RAISES (ValueError): If the beam is not wide, or the network's scores are not numbers.
    """
    check_count("beam_width", beam_width, 1)
    history = BeamHistory(constraints, lengths, prefixes)
    device = lengths.device
    pieces = torch.full((len(lengths), 1), constraints.start, device=device)
    totals = torch.zeros(len(lengths), 1, device=device)
    coverage: Tensor | None = None
    while len(history.sentences):
        scores, weights, state = step(pieces, state)
        log_probs, ruled = history.score(scores)
        # Twice as many, so that enough are left to go on from whichever of them end.
        best, parents, candidates = topk_blockwise(ruled, totals, 2 * beam_width)
        own = log_probs[torch.arange(len(best), device=device)[:, None], parents, candidates]
        history.add(candidates, parents, own, weights)
        if ranking.coverage_penalty:
            coverage = weights if coverage is None else coverage + weights

        ended = (candidates == constraints.end) & (best > NEVER)
        places = lengths[history.sentences.to(device)].tolist()
        for row, candidate in ended[:, :beam_width].nonzero().tolist():
            covered = (
                coverage[row, parents[row, candidate], : places[row]].tolist()
                if coverage is not None
                else []
            )
            total = float(best[row, candidate])
            history.finish(row, candidate, ranking.score(total, history.time, covered))

        alive = best.masked_fill(ended, NEVER)
        most = alive.amax(dim=1).tolist()
        refuse_nan(most)  # It would never come to an end.
        done = [
            total == NEVER
            or (
                len(history.finished[sentence]) >= beam_width
                and sorted(history.finished[sentence])[-beam_width][0]
                >= ranking.score(total, history.time, [])
            )
            for sentence, total in zip(history.sentences.tolist(), most, strict=True)
        ]
        rows = (~torch.tensor(done, device=device)).nonzero()[:, 0]
        chosen = alive[rows].topk(min(beam_width, alive.shape[1]), dim=1).indices
        pieces = candidates[rows[:, None], chosen]
        totals = alive[rows[:, None], chosen]
        from_parents = parents[rows[:, None], chosen]
        history.keep(rows, chosen)
        state = state.select(rows, from_parents)
        if coverage is not None:
            coverage = coverage[rows[:, None], from_parents]
    return history.results(n_best or beam_width)
