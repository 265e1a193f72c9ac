"""Several networks that generate together."""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import chain

import torch
from torch import Tensor

from .state import SearchState, Step


class EnsembleStep:
    """The step function of several networks: the mean of their probabilities at each step.

    They have the same pieces. Of sources each may have positions of its own: the attention is
    that of the first network. One network alone has the scores that it has without this.

    steps (Sequence[Step]): The step functions of the networks.
    states (Sequence[SearchState]): Their initial states, for the same sources.

    state (SearchState): The initial state of all.
    """

    def __init__(self, steps: Sequence[Step], states: Sequence[SearchState]):
        self._steps = steps
        self._sizes = [tuple(map(len, state)) for state in states]
        self.state = _join(states)

    def __call__(self, pieces: Tensor, state: SearchState) -> tuple[Tensor, Tensor, SearchState]:
        """Predict the next piece of each hypothesis.

        pieces (Tensor): The last piece of each, `(batch, hypotheses)`.
        state (SearchState): The state of all networks.
        RETURNS (tuple[Tensor, Tensor, SearchState]): The logarithm of the mean probability of
            each piece, `(batch, hypotheses, pieces)`; the attention weights of the first network,
            `(batch, hypotheses, positions)`; and the state after the step.
        """
        states = self._split(state)
        results = [step(pieces, each) for step, each in zip(self._steps, states, strict=True)]
        scores, weights, states_after = zip(*results, strict=True)
        return average_log_probs(scores), weights[0], _join(states_after)

    def _split(self, state: SearchState) -> Iterator[SearchState]:
        """Split a state into those of the networks."""
        sentences, hypotheses = iter(state.sentences), iter(state.hypotheses)
        for sizes in self._sizes:
            parts = zip(sizes, (sentences, hypotheses), strict=True)
            yield SearchState(*(tuple(next(part) for _ in range(size)) for size, part in parts))


def average_log_probs(scores: Sequence[Tensor]) -> Tensor:
    """Average probabilities, given as scores that need not be normalised.

    scores (Sequence[Tensor]): The scores of each network, `(…, pieces)`.
    RETURNS (Tensor): The logarithm of the mean probability of each piece, of the same shape; the
        scores themselves if there is one network.
    """
    if len(scores) == 1:
        return scores[0]
    log_probs = (each.float().log_softmax(dim=-1) for each in scores)
    return reduce(torch.logaddexp, log_probs) - math.log(len(scores))


def _join(states: Iterable[SearchState]) -> SearchState:
    sentences, hypotheses = zip(*states, strict=True)
    return SearchState(tuple(chain(*sentences)), tuple(chain(*hypotheses)))
