"""A decoder in a search, one piece at a time."""

import torch
from torch import Tensor

from .cells import by_layer
from .decoder import Decoder, Memory
from .lookup import lookup
from .products import multiplier
from .search.state import SearchState
from .stepper import Stepper


def begin(decoder: Decoder, memory: Memory, summary: Tensor) -> SearchState:
    """Stand before the first piece, with one hypothesis for each sentence.

    decoder (Decoder): The decoder.
    memory (Memory): The source sentences.
    summary (Tensor): Each of them as one vector, `(batch, summary)`.
    RETURNS (SearchState): The state for the first step.
    """
    states = [part[:, None] for part in by_layer(decoder.start(summary))]
    if decoder.input_feeding:
        states.append(summary.new_zeros(len(summary), 1, decoder.readout.out_features))
    return SearchState(memory, (*states, *decoder.start_looking(memory)))


class DecoderStepper:
    """Predict the next piece of each hypothesis, and then another one: a step function for a
    search. What does not depend on the pieces is done once for all of them.

    decoder (Decoder): The decoder.
    """

    def __init__(self, decoder: Decoder):
        self._decoder = decoder
        self._embed = decoder.embedding
        feeds = decoder.input_feeding
        self._read = Stepper(decoder.network, None if feeds else decoder.embedding)
        self._states = decoder.network.depth * len(decoder.network.zoneouts)
        self._tell = multiplier(decoder.readout.weight, decoder.readout.bias)
        last = decoder.last_piece
        self._add_word = lookup(decoder.embedding, last.weight) if last else lambda words: None
        self._foresee = multiplier(decoder.output_weight, decoder.output_bias)

    def __call__(self, pieces: Tensor, state: SearchState) -> tuple[Tensor, Tensor, SearchState]:
        """Predict the next piece of each hypothesis.

        pieces (Tensor): The last piece of each, `(batch, hypotheses)`.
        state (SearchState): Where the decoder stands.
        RETURNS (tuple[Tensor, Tensor, SearchState]): A score for each piece of the
            vocabulary, not normalised, `(batch, hypotheses, pieces)`; the weights of the
            attention, `(batch, hypotheses, places)`; and where the decoder stands then.
        """
        decoder, flat = self._decoder, pieces.flatten()
        states, looks = state.hypotheses[: self._states], state.hypotheses[self._states :]
        words = flat
        if decoder.input_feeding:
            words = torch.cat([self._embed(flat), looks[0].flatten(0, 1)], 1)
            looks = looks[1:]
        hidden, states = self._read(words, tuple(part.flatten(0, 1) for part in states))

        def unflatten(data: Tensor) -> Tensor:
            return data.view(*pieces.shape, data.shape[1])

        memory = Memory(*state.sentences)
        seen, weights, looks = decoder.attend(unflatten(hidden), memory, looks)
        readout = decoder.read_out(self._tell(hidden), seen.flatten(0, 1), self._add_word(flat))
        kept = (*states, readout) if decoder.input_feeding else states
        after = SearchState(state.sentences, (*map(unflatten, kept), *looks))
        return unflatten(self._foresee(readout)), weights, after
