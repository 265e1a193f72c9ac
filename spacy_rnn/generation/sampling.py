"""Sampling: each next piece drawn from what the network thinks probable."""

import torch
from torch import Tensor

from ..checks import check_count
from .constraints import DecodingConstraints
from .greedy import decode_loop
from .hypotheses import refuse_nan
from .state import Hypothesis, SearchState, Step
from .topk import argmax_last


def sample(
    step: Step,
    state: SearchState,
    lengths: Tensor,
    constraints: DecodingConstraints,
    *,
    samples: int = 1,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int | None = None,
    prefixes: Tensor | None = None,
) -> list[list[Hypothesis]]:
    """Write sequences piece by piece, each drawn at random.

    The numbers that decide are the same for each sentence of a batch, so that what is drawn for
    one depends neither on its neighbours nor on its place among them. The samples of one sentence
    have numbers of their own.

    step (Step): The network.
    state (SearchState): Where it stands, with one hypothesis for each sentence.
    lengths (Tensor): Places of each source, `(batch,)`.
    constraints (DecodingConstraints): What may be written.
    samples (int): The sequences to draw for each sentence.
    temperature (float): What log-probabilities are divided by: below 1 what is probable becomes
        more so. At 0 nothing is drawn: the most probable piece is taken.
    top_k (int): Draw from so many of the most probable pieces; 0 for all.
    top_p (float): Draw from the fewest most probable pieces that have this probability together
        (Holtzman et al. 2020): the nucleus.
    seed (int | None): What the draws follow from. None for others at each call.
    prefixes (Tensor | None): The pieces that each sequence has to begin with, `(batch, any)`;
        -1 where it is free.
    RETURNS (list[list[Hypothesis]]): For each sentence as many hypotheses as samples, the best
        first, scored by their log-probability.
    RAISES (ValueError): If a setting is out of its bounds, or the network's scores are not
        numbers.
    """
    check_sampling(samples, temperature, top_k, top_p)
    batch, device = len(lengths), lengths.device
    rows = torch.arange(batch, device=device).repeat_interleave(samples)
    state = state.select(rows, torch.zeros_like(rows)[:, None])
    # A generator of the CPU draws the same on each device.
    generator = torch.Generator()
    generator.manual_seed(int(torch.randint(2**62, ())) if seed is None else seed)

    def draw(ruled: Tensor, sentences: Tensor) -> Tensor:
        draws = torch.rand(samples, generator=generator, dtype=torch.float64)
        own = draws[sentences % samples].to(device)
        return _draw(ruled[:, 0], own, temperature, top_k, top_p)[:, None]

    own_prefixes = None if prefixes is None else prefixes.to(device)[rows]
    written = decode_loop(step, state, lengths[rows], constraints, own_prefixes, draw)
    found = [hypothesis for (hypothesis,) in written]
    return [
        sorted(found[start : start + samples], key=lambda each: -each.score)
        for start in range(0, len(found), samples)
    ]


def truncate(log_probs: Tensor, temperature: float, top_k: int, top_p: float) -> Tensor:
    """Sharpen distributions and cut off what is improbable.

    log_probs (Tensor): Log-probabilities, in any order and of any sum, `(batch, pieces)`.
    temperature (float): What they are divided by, above 0.
    top_k (int): The most probable pieces that stay; 0 for all.
    top_p (float): The probability that the fewest pieces have that stay together.
    RETURNS (Tensor): Probabilities with a sum of 1, `(batch, pieces)`.
    """
    # Below the highest, so that no temperature is too low to divide by.
    exact = log_probs.double()
    probs = ((exact - exact.amax(dim=1, keepdim=True)) / temperature).softmax(dim=1)
    if top_k or top_p < 1:
        ranked, order = probs.sort(dim=1, descending=True, stable=True)
        if top_k:
            ranked[:, top_k:] = 0
            ranked /= ranked.sum(dim=1, keepdim=True)
        # The piece that completes the nucleus belongs to it.
        ranked[ranked.cumsum(dim=1) - ranked >= top_p] = 0
        probs = torch.zeros_like(probs).scatter(1, order, ranked)
        probs /= probs.sum(dim=1, keepdim=True)
    return probs


def _draw(ruled: Tensor, draws: Tensor, temperature: float, top_k: int, top_p: float) -> Tensor:
    """Draw a piece of each row: the one where the sum of probabilities passes its number."""
    if temperature == 0 or top_k == 1:
        return argmax_last(ruled)
    ends = truncate(ruled, temperature, top_k, top_p).cumsum(dim=1)
    refuse_nan(ends[:, -1].tolist())  # It would never come to an end.
    place = torch.searchsorted(ends, (draws * ends[:, -1])[:, None], right=True)[:, 0]
    # A draw may fall on the rounding at the end, behind the last piece that is possible.
    last = (ends < ends[:, -1:]).sum(dim=1)
    return torch.minimum(place, last)


def check_sampling(samples: int, temperature: float, top_k: int, top_p: float) -> None:
    """Refuse settings that make no sense.

    samples (int): The sequences to draw for each sentence.
    temperature (float): What log-probabilities are divided by.
    top_k (int): The most probable pieces to draw from.
    top_p (float): The probability of those to draw from.
    RAISES (ValueError): If one is out of its bounds.
    """
    check_count("samples", samples, 1)
    if not 0 <= temperature < float("inf"):
        raise ValueError(
            f"temperature is {temperature}, but has to be a number from 0 on: 0 takes the most "
            f"probable piece, 1 draws as the model says, more draws more evenly"
        )
    check_count("top_k", top_k, 0)
    if not 0 < top_p <= 1:
        raise ValueError(
            f"top_p is {top_p}, but has to be above 0 and at most 1, which is for all pieces"
        )
