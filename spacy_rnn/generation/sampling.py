"""Sampling: each next piece is drawn from the network's distribution."""

import torch
from torch import Tensor

from ..checks import check_count
from .constraints import DecodingConstraints
from .greedy import decode_loop
from .hypotheses import refuse_nan
from .settings import Detail
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
    detail: Detail = Detail.ALIGNMENTS,
) -> list[list[Hypothesis]]:
    """Sample sequences piece by piece.

    The random numbers are the same for each source of a batch, so that the samples of a source
    depend neither on the other sources nor on its index among them. Each of the samples of one
    source has random numbers of its own.

    step (Step): The network's step function.
    state (SearchState): Its initial state, with one hypothesis for each source.
    lengths (Tensor): The positions of each source, `(batch,)`.
    constraints (DecodingConstraints): The constraints on the output.
    samples (int): Sequences to sample for each source.
    temperature (float): The divisor of the log-probabilities: below 1 it makes the distribution
        sharper. 0 takes the most probable piece.
    top_k (int): Sample from the k most probable pieces; 0 for all.
    top_p (float): Sample from the nucleus: the smallest set of the most probable pieces whose
        probabilities sum to at least p (Holtzman et al. 2020).
    seed (int | None): The seed of the draws. None draws anew at each call.
    prefixes (Tensor | None): Pieces that each sequence has to begin with, `(batch, longest)`,
        padded with -1.
    detail (Detail): How much of each hypothesis is asked for. Several samples have scores.
    RETURNS (list[list[Hypothesis]]): As many hypotheses for each source as samples, the best
        first, with their log-probability as the score.
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

    def draw(constrained: Tensor, sentences: list[int]) -> Tensor:
        draws = torch.rand(samples, generator=generator, dtype=torch.float64)
        draws = draws[[sentence % samples for sentence in sentences]].to(device)
        return _draw(constrained[:, 0], draws, temperature, top_k, top_p)[:, None]

    prefixes = None if prefixes is None else prefixes.to(device)[rows]
    if samples > 1:
        detail = max(detail, Detail.SCORES)
    sampled = decode_loop(step, state, lengths[rows], constraints, prefixes, draw, detail)
    hypotheses = [hypothesis for (hypothesis,) in sampled]
    return [
        sorted(hypotheses[start : start + samples], key=lambda hypothesis: -hypothesis.score)
        for start in range(0, len(hypotheses), samples)
    ]


def truncate(log_probs: Tensor, temperature: float, top_k: int, top_p: float) -> Tensor:
    """Apply temperature, top-k and top-p to distributions.

    log_probs (Tensor): Log-probabilities, not necessarily normalised, `(batch, pieces)`.
    temperature (float): Their divisor, above 0.
    top_k (int): The number of the most probable pieces to sample from; 0 for all.
    top_p (float): The least probability of the nucleus.
    RETURNS (Tensor): Probabilities with a sum of 1, `(batch, pieces)`.
    """
    # The highest is subtracted first, so that no temperature is too low to divide by.
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


def _draw(
    constrained: Tensor, draws: Tensor, temperature: float, top_k: int, top_p: float
) -> Tensor:
    """Draw a piece of each row: the one where the cumulative probability exceeds its draw."""
    if temperature == 0 or top_k == 1:
        return argmax_last(constrained)
    cumulative = truncate(constrained, temperature, top_k, top_p).cumsum(dim=1)
    sums = cumulative[:, -1:]
    refuse_nan(sums[:, 0].tolist())  # The search would never stop.
    pieces = torch.searchsorted(cumulative, draws[:, None] * sums, right=True)[:, 0]
    # Rounding may put a draw behind the last piece that is possible.
    last = (cumulative < sums).sum(dim=1)
    return torch.minimum(pieces, last)


def check_sampling(samples: int, temperature: float, top_k: int, top_p: float) -> None:
    """Refuse settings that are out of their bounds.

    samples (int): Sequences to sample for each source.
    temperature (float): The divisor of the log-probabilities.
    top_k (int): The number of the most probable pieces to sample from.
    top_p (float): The least probability of the nucleus.
    RAISES (ValueError): If one is out of its bounds.
    """
    check_count("samples", samples, 1)
    if not 0 <= temperature < float("inf"):
        raise ValueError(
            f"temperature is {temperature}, but has to be a number from 0 on: 0 takes the most "
            f"probable piece, 1 samples from the network's distribution, more samples more evenly"
        )
    check_count("top_k", top_k, 0)
    if not 0 < top_p <= 1:
        raise ValueError(
            f"top_p is {top_p}, but has to be above 0 and at most 1, which is for all pieces"
        )
