"""A language model in a search or a stream, one piece at a time."""

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from ...generation.state import SearchState
from ..rnn.cells import states_by_layer
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
        # Whoever begins or reads probabilities needs no weights prepared for steps.
        return Stepper(self._model.network, self._model.embedding)

    def begin(self, prompts: Sequence[Tensor], max_tokens: int, full: bool = False) -> SearchState:
        """Stand behind the beginnings of texts.

        prompts (Sequence[Tensor]): The pieces of each beginning, at least one, `(pieces,)`.
        max_tokens (int): How many pieces to read at once.
        full (bool): Whether to make all the room that there will ever be in the cache, so that
            the state keeps its size.
        RETURNS (SearchState): The state for the first step, with one hypothesis for each.
        """
        model, batch = self._model, len(prompts)
        device = model.embedding.weight.device
        state = model.start(batch, model.cache.size if full and model.cache is not None else 0)
        fresh = torch.zeros(batch, dtype=torch.bool, device=device)
        size = max(1, max_tokens // max(1, batch))
        for time in range(0, max(map(len, prompts), default=1) - 1, size):
            parts = [prompt[:-1][time : time + size].to(device) for prompt in prompts]
            nexts = [prompt[1:][time : time + size].to(device) for prompt in prompts]
            lengths = torch.tensor([len(part) for part in parts])
            hidden, state = model.read(torch.cat(parts), lengths, state, fresh)
            none = hidden.new_zeros(len(hidden))
            _, state = model.remember(none, hidden, torch.cat(nexts), lengths, state)
        ends = [prompt[-1:].to(device) for prompt in prompts]
        ones = torch.ones(batch, dtype=torch.int64)
        last, state = model.read(torch.cat(ends) if ends else fresh.long(), ones, state, fresh)
        inner = len(model.network.cell.state_parts)
        held = (part.transpose(0, 1) for part in state[inner:])
        level = last, *states_by_layer(state[:inner]), *held
        return SearchState((), tuple(part[:, None] for part in level))

    def __call__(self, pieces: Tensor, state: SearchState) -> tuple[Tensor, Tensor, SearchState]:
        """Foresee the next piece of each hypothesis.

        pieces (Tensor): The last piece of each, `(batch, hypotheses)`. At the first step these
            are start symbols, which stand for what was read already.
        state (SearchState): Where the model stands.
        RETURNS (tuple[Tensor, Tensor, SearchState]): A log-probability for each piece of the
            vocabulary, `(batch, hypotheses, pieces)`; no attention, `(batch, hypotheses, 0)`;
            and where the model stands then.
        """
        state = self.advance(pieces, state) if state.sentences else state
        begun = (torch.ones_like(pieces[:, 0]),)
        nowhere = state.hypotheses[0][:, :, :0]
        return self.next_log_probs(state), nowhere, SearchState(begun, state.hypotheses)

    def next_log_probs(self, state: SearchState) -> Tensor:
        """Say how probable each piece is to come next after each hypothesis.

        state (SearchState): Where the model stands.
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
        state (SearchState): Where the model stands.
        RETURNS (SearchState): Where it stands then.
        """
        flat = pieces.flatten()
        last, *parts = (part.flatten(0, 1) for part in state.hypotheses)
        new, after = self._read(flat, tuple(parts[: self._states]))
        held = tuple(parts[self._states :])
        if self._model.cache is not None:
            held = self._model.cache.add(last, flat, held)
        unflat = tuple(part.unflatten(0, pieces.shape) for part in (new, *after, *held))
        return SearchState(state.sentences, unflat)
