"""A language model in a search or a stream, one piece at a time."""

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from ...generation.state import SearchState
from ..rnn.cells.base import states_by_layer
from ..rnn.stepper import Stepper
from .model import LanguageModel


class LanguageModelStepper:
    """The step function of a language model: predicts the next piece of each hypothesis.

    model (LanguageModel): The language model.
    """

    def __init__(self, model: LanguageModel):
        self._model = model
        self._states = model.network.depth * len(model.network.cell.state_parts)

    @cached_property
    def _read(self) -> Stepper:
        # Made late: neither `begin` nor `next_log_probs` needs weights prepared for steps.
        return Stepper(self._model.network, self._model.embedding)

    def begin(self, prompts: Sequence[Tensor], max_tokens: int, full: bool = False) -> SearchState:
        """Return the states after the beginnings of texts.

        prompts (Sequence[Tensor]): The pieces of each beginning, at least one, `(pieces,)`.
        max_tokens (int): The maximum number of pieces to read at once.
        full (bool): Whether the cache has all its room from the start, so that the size of the
            state never changes.
        RETURNS (SearchState): The state for the first step, with one hypothesis for each.
        """
        model, batch = self._model, len(prompts)
        device = model.embedding.weight.device
        state = model.start(batch, model.cache.size if full and model.cache is not None else 0)
        fresh = torch.zeros(batch, dtype=torch.bool, device=device)
        size = max(1, max_tokens // max(1, batch))
        for time in range(0, max(map(len, prompts), default=1) - 1, size):
            pieces = [prompt[:-1][time : time + size].to(device) for prompt in prompts]
            nexts = [prompt[1:][time : time + size].to(device) for prompt in prompts]
            lengths = torch.tensor([len(segment) for segment in pieces])
            hidden, state = model.read(torch.cat(pieces), lengths, state, fresh)
            none = hidden.new_zeros(len(hidden))
            _, state = model.remember(none, hidden, torch.cat(nexts), lengths, state)
        ends = [prompt[-1:].to(device) for prompt in prompts]
        ones = torch.ones(batch, dtype=torch.int64)
        last, state = model.read(torch.cat(ends) if ends else fresh.long(), ones, state, fresh)
        inner = len(model.network.cell.state_parts)
        cache_state = (part.transpose(0, 1) for part in state[inner:])
        parts = last, *states_by_layer(state[:inner]), *cache_state
        return SearchState((), tuple(part[:, None] for part in parts))

    def __call__(self, pieces: Tensor, state: SearchState) -> tuple[Tensor, Tensor, SearchState]:
        """Predict the next piece of each hypothesis.

        pieces (Tensor): The last piece of each, `(batch, hypotheses)`. At the first step these
            are start symbols, which stand for what was read already.
        state (SearchState): The state before these pieces are read.
        RETURNS (tuple[Tensor, Tensor, SearchState]): A log-probability for each piece of the
            vocabulary, `(batch, hypotheses, pieces)`; no attention, `(batch, hypotheses, 0)`;
            and the state after them.
        """
        state = self.advance(pieces, state) if state.sentences else state
        begun = (torch.ones_like(pieces[:, 0]),)
        nowhere = state.hypotheses[0][:, :, :0]
        return self.next_log_probs(state), nowhere, SearchState(begun, state.hypotheses)

    def next_log_probs(self, state: SearchState) -> Tensor:
        """Compute next-piece log-probabilities of each hypothesis.

        state (SearchState): The state.
        RETURNS (Tensor): Log-probabilities, `(batch, hypotheses, pieces)`.
        """
        model, (last, *parts) = self._model, (part.flatten(0, 1) for part in state.hypotheses)
        scores = model.log_probs(last)
        if model.cache is not None:
            scores = model.cache.next_log_probs(scores, last, tuple(parts[-2:]))
        return scores.unflatten(0, state.hypotheses[0].shape[:2])

    def advance(self, pieces: Tensor, state: SearchState) -> SearchState:
        """Read one more piece of each hypothesis.

        pieces (Tensor): The pieces, `(batch, hypotheses)`.
        state (SearchState): The state before them.
        RETURNS (SearchState): The state after them.
        """
        flat = pieces.flatten()
        last, *parts = (part.flatten(0, 1) for part in state.hypotheses)
        hidden, after = self._read(flat, tuple(parts[: self._states]))
        cache_state = tuple(parts[self._states :])
        if self._model.cache is not None:
            cache_state = self._model.cache.add(last, flat, cache_state)
        new_parts = (hidden, *after, *cache_state)
        unflat = tuple(part.unflatten(0, pieces.shape) for part in new_parts)
        return SearchState(state.sentences, unflat)
