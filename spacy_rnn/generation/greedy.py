"""Greedy search, and the loop of all searches with one hypothesis for each source."""

from collections.abc import Callable

import torch
from torch import Tensor

from .constraints import DecodingConstraints
from .hypotheses import BeamHistory
from .state import Hypothesis, SearchState, Step
from .topk import argmax_last

Choose = Callable[[Tensor, Tensor], Tensor]
"""Chooses the next piece of each source, `(batch, 1)`, from the constrained log-probabilities,
`(batch, 1, pieces)`, and the indices of the sources that are not finished, `(batch,)`, on the
CPU."""


def greedy_search(
    step: Step,
    state: SearchState,
    lengths: Tensor,
    constraints: DecodingConstraints,
    prefixes: Tensor | None = None,
) -> list[list[Hypothesis]]:
    """Generate the most probable piece at each step.

    step (Step): The network's step function.
    state (SearchState): Its initial state, with one hypothesis for each source.
    lengths (Tensor): The positions of each source, `(batch,)`.
    constraints (DecodingConstraints): The constraints on the output.
    prefixes (Tensor | None): Pieces that each sequence has to begin with, `(batch, longest)`,
        padded with -1.
    RETURNS (list[list[Hypothesis]]): One hypothesis for each source, with its log-probability as
        the score.
    RAISES (ValueError): If the network's scores are not numbers.
    """

    def choose(constrained: Tensor, _: Tensor) -> Tensor:
        return argmax_last(constrained)

    return decode_loop(step, state, lengths, constraints, prefixes, choose)


def decode_loop(
    step: Step,
    state: SearchState,
    lengths: Tensor,
    constraints: DecodingConstraints,
    prefixes: Tensor | None,
    choose: Choose,
) -> list[list[Hypothesis]]:
    """Generate one sequence for each source, piece by piece.

    step (Step): The network's step function.
    state (SearchState): Its initial state, with one hypothesis for each source.
    lengths (Tensor): The positions of each source, `(batch,)`.
    constraints (DecodingConstraints): The constraints on the output.
    prefixes (Tensor | None): Pieces that each sequence has to begin with, `(batch, longest)`,
        padded with -1.
    choose (Choose): Chooses the next pieces.
    RETURNS (list[list[Hypothesis]]): One hypothesis for each source, with its log-probability as
        the score.
    RAISES (ValueError): If the network's scores are not numbers.
    """
    history = BeamHistory(constraints, lengths, prefixes)
    pieces = torch.full((len(lengths), 1), constraints.start, device=lengths.device)
    totals = torch.zeros(len(lengths), device=lengths.device)
    first, all_rows = torch.zeros_like(pieces), torch.arange(len(pieces), device=pieces.device)
    while history.sentences.shape[0]:
        scores, weights, state = step(pieces, state)
        log_probs, constrained = history.score(scores)
        pieces = choose(constrained, history.sentences)
        piece_log_probs = log_probs[:, 0].gather(1, pieces)
        totals = totals + piece_log_probs[:, 0]
        history.add(pieces, first, piece_log_probs, weights)
        rows, generated = all_rows[: len(pieces)], pieces[:, 0].tolist()
        if constraints.end in generated:
            for row, piece in enumerate(generated):
                if piece == constraints.end:
                    history.finish(row, 0, float(totals[row]))
            rows = (pieces[:, 0] != constraints.end).nonzero()[:, 0]
            pieces, totals, first = pieces[rows], totals[rows], first[rows]
            state = state.select(rows, first)
        history.keep(rows, first)
    return history.results(1)
