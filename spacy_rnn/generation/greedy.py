"""Greedy search: the most probable next piece, and never a look back."""

from collections.abc import Callable

import torch
from torch import Tensor

from .constraints import DecodingConstraints
from .hypotheses import BeamHistory
from .state import Hypothesis, SearchState, Step
from .topk import argmax_last

Choose = Callable[[Tensor, Tensor], Tensor]
"""Takes the log-probabilities that the rules leave, `(batch, 1, pieces)`, and the numbers of the
sentences that are still written, `(batch,)`, on the CPU. Gives the next piece of each,
`(batch, 1)`."""


def greedy_search(
    step: Step,
    state: SearchState,
    lengths: Tensor,
    constraints: DecodingConstraints,
    prefixes: Tensor | None = None,
) -> list[list[Hypothesis]]:
    """Write each sequence piece by piece, the most probable one each time.

    step (Step): The network.
    state (SearchState): Where it stands, with one hypothesis for each sentence.
    lengths (Tensor): Places of each source, `(batch,)`.
    constraints (DecodingConstraints): What may be written.
    prefixes (Tensor | None): The pieces that each sequence has to begin with, `(batch, any)`;
        -1 where it is free.
    RETURNS (list[list[Hypothesis]]): One hypothesis for each sentence, scored by its
        log-probability.
    RAISES (ValueError): If the network's scores are not numbers.
    """
    return decode_loop(
        step, state, lengths, constraints, prefixes, lambda ruled, _: argmax_last(ruled)
    )


def decode_loop(
    step: Step,
    state: SearchState,
    lengths: Tensor,
    constraints: DecodingConstraints,
    prefixes: Tensor | None,
    choose: Choose,
) -> list[list[Hypothesis]]:
    """Write each sequence piece by piece, one hypothesis for each sentence.

    step (Step): The network.
    state (SearchState): Where it stands, with one hypothesis for each sentence.
    lengths (Tensor): Places of each source, `(batch,)`.
    constraints (DecodingConstraints): What may be written.
    prefixes (Tensor | None): The pieces that each sequence has to begin with, `(batch, any)`;
        -1 where it is free.
    choose (Choose): Chooses the next pieces.
    RETURNS (list[list[Hypothesis]]): One hypothesis for each sentence, scored by its
        log-probability.
    RAISES (ValueError): If the network's scores are not numbers.
    """
    history = BeamHistory(constraints, lengths, prefixes)
    pieces = torch.full((len(lengths), 1), constraints.start, device=lengths.device)
    totals = torch.zeros(len(lengths), device=lengths.device)
    first, everyone = torch.zeros_like(pieces), torch.arange(len(pieces), device=pieces.device)
    while history.sentences.shape[0]:
        scores, weights, state = step(pieces, state)
        log_probs, ruled = history.score(scores)
        pieces = choose(ruled, history.sentences)
        own = log_probs[:, 0].gather(1, pieces)
        totals = totals + own[:, 0]
        history.add(pieces, first, own, weights)
        rows, written = everyone[: len(pieces)], pieces[:, 0].tolist()
        if constraints.end in written:
            for row, piece in enumerate(written):
                if piece == constraints.end:
                    history.finish(row, 0, float(totals[row]))
            rows = (pieces[:, 0] != constraints.end).nonzero()[:, 0]
            pieces, totals, first = pieces[rows], totals[rows], first[rows]
            state = state.select(rows, first)
        history.keep(rows, first)
    return history.results(1)
