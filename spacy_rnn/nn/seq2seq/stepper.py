"""A decoder in a search, one piece at a time."""

import torch
from torch import Tensor

from ...generation.state import SearchState
from ..rnn.cells.base import SingleProductCell, states_by_layer
from ..rnn.stepper import Stepper
from .decoder import Decoder, Memory


class DecoderStepper:
    """The step function of a decoder: predicts the next piece of each hypothesis.

    What does not depend on the pieces is done once for all of them.

    The readout and, in a `SingleProductCell`, the next step both multiply the hidden state of the
    last layer, which is the output of a decoder's network unless that is residual: one product
    computes both. So with one layer a step has two large products, this one and that with the
    vocabulary.

    decoder (Decoder): The decoder.
    """

    def __init__(self, decoder: Decoder):
        network, readout, piece = decoder.network, decoder.readout, decoder.deep_output_layer
        self._decoder = decoder
        # The parts of the state of each hypothesis, without the state of the attention.
        self._hypothesis_parts = (
            1 + network.depth * len(network.cell.state_parts) + decoder.input_feeding
        )
        is_single_product = isinstance(network.cell, SingleProductCell)
        self._shares_product = is_single_product and not network.residual
        embedding = None if decoder.input_feeding else decoder.embedding
        self._read = Stepper(network, embedding, recurrent_given=self._shares_product)
        shared = network.weights_of_layer(network.depth - 1) if self._shares_product else []
        prepared = decoder.prepared
        self._project = prepared.linear(
            [*(last.weight_hh for last in shared), readout.weight],
            [*(last.bias_hh for last in shared), readout.bias],
        )
        # The recurrent part is empty where the cell does not share its product.
        self._sizes = sum(len(last.bias_hh) for last in shared), len(readout.bias)
        self._add_word = (
            prepared.embedding_product(decoder.embedding, piece.weight)
            if piece
            else lambda words: None
        )
        self._predict_next = prepared.linear([decoder.output_weight], [decoder.output_bias])

    def begin(self, memory: Memory, summary: Tensor) -> SearchState:
        """Return the state before the first piece, with one hypothesis for each sentence.

        memory (Memory): The source sentences.
        summary (Tensor): Each of them as one vector, `(batch, summary)`.
        RETURNS (SearchState): The state for the first step.
        """
        decoder = self._decoder
        start = decoder.start(summary)
        recurrent = start[0].new_empty(len(summary), 0)
        if self._shares_product:
            recurrent, _ = self._project(start[0][-1]).split_with_sizes(self._sizes, 1)
        parts = [recurrent, *states_by_layer(start)]
        if decoder.input_feeding:
            parts.append(summary.new_zeros(len(summary), self._sizes[1]))
        attention_state = decoder.initial_attention_state(memory)
        return SearchState(memory, (*(part[:, None] for part in parts), *attention_state))

    def __call__(self, pieces: Tensor, state: SearchState) -> tuple[Tensor, Tensor, SearchState]:
        """Predict the next piece of each hypothesis.

        pieces (Tensor): The last piece of each, `(batch, hypotheses)`.
        state (SearchState): The state of the decoder.
        RETURNS (tuple[Tensor, Tensor, SearchState]): A score for each piece of the
            vocabulary, not normalised, `(batch, hypotheses, pieces)`; the weights of the
            attention, `(batch, hypotheses, positions)`; and the state after the step.
        """
        decoder, flat = self._decoder, pieces.flatten()
        parts = state.hypotheses[: self._hypothesis_parts]
        attention_state = state.hypotheses[self._hypothesis_parts :]
        recurrent, *states = (part.flatten(0, 1) for part in parts)
        words = flat
        if decoder.input_feeding:
            words = torch.cat([decoder.embedding(flat), states.pop()], 1)
        given = recurrent if self._shares_product else None
        hidden, after = self._read(words, tuple(states), given)

        def unflatten(data: Tensor) -> Tensor:
            return data.view(*pieces.shape, data.shape[1])

        context, weights, attention_state = decoder.attend(
            unflatten(hidden), Memory(*state.sentences), attention_state
        )
        recurrent, projected_hidden = self._project(hidden).split_with_sizes(self._sizes, 1)
        readout = decoder.read_out(projected_hidden, context.flatten(0, 1), self._add_word(flat))
        parts = (recurrent, *after, readout) if decoder.input_feeding else (recurrent, *after)
        hypotheses = *map(unflatten, parts), *attention_state
        scores = unflatten(self._predict_next(readout))
        return scores, weights, SearchState(state.sentences, hypotheses)
