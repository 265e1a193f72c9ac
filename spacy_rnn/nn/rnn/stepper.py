"""A recurrent network that reads one word at a time."""

from functools import partial
from typing import cast

from torch import Tensor, nn

from ..dropout import zoneout
from ..kernels.shapes import LinearFunction
from .cells.base import LayerStates, SingleProductCell
from .network import RecurrentNetwork, check_states


class Stepper:
    """Read sequences word by word, forwards.

    Whatever does not depend on the word is computed once for all steps: weights are prepared, and
    in training weights are dropped. Other dropout is drawn again for each word.

    network (RecurrentNetwork): The network.
    embedding (nn.Embedding | None): The vocabulary that words are entries of, in prediction. None
        where words are vectors.
    recurrent_given (bool): Whether each call is given the recurrent product of the last layer,
        because the caller computes it together with another product of the same hidden state. For
        a `SingleProductCell` only.
    RAISES (ValueError): If the network reads in two directions.
    """

    def __init__(
        self,
        network: RecurrentNetwork,
        embedding: nn.Embedding | None = None,
        recurrent_given: bool = False,
    ):
        if network.directions == 2:
            raise ValueError(
                "A network that reads in two directions needs whole sequences: set "
                "bidirectional to false to read word by word"
            )
        self._network = network
        self._embedding = embedding
        self._state_parts = len(network.cell.state_parts)
        self._residual = [network.residual] * network.depth
        self._residual[0] = network.residual and network.inputs == network.width
        layers = [
            weights
            for layer in range(network.depth)
            for weights in network.weights_of_layer(layer)
        ]
        prepared, cell = network.prepared, network.cell

        def make_linear(
            weight: Tensor, bias: Tensor | None, quantize: bool = True
        ) -> LinearFunction:
            return prepared.linear([weight], [] if bias is None else [bias], quantize)

        make_first = (
            partial(make_linear, quantize=False)
            if embedding is None
            else partial(prepared.embedding_product, embedding)
        )
        self._read = [
            cell.prepare_inputs(layer, make_linear if index else make_first)
            for index, layer in enumerate(layers)
        ]
        stepping = layers[:-1] if recurrent_given else layers
        self._steps = [cell.prepare_step(layer, make_linear) for layer in stepping]
        if recurrent_given:
            self._given_step = cast(SingleProductCell, cell).prepare_given_step(
                layers[-1], make_linear
            )

    def __call__(
        self, words: Tensor, states: LayerStates, recurrent: Tensor | None = None
    ) -> tuple[Tensor, LayerStates]:
        """Read a word of each sequence.

        words (Tensor): The words: vectors, `(batch, inputs)`, or entries of the vocabulary,
            `(batch,)`.
        states (LayerStates): The states before the words.
        recurrent (Tensor | None): The recurrent product of the last layer, if it is given:
            `(batch, gates * hidden)`.
        RETURNS (tuple[Tensor, LayerStates]): The output at the words, `(batch, width)`, and the
            states after them.
        RAISES (ValueError): If the shapes of the arguments do not fit.
        """
        network = self._network
        shapes = [(len(words), width) for width in network.state_widths]
        check_states(states, shapes * network.depth)
        if self._embedding is None:
            network.check_words(words)
            data = words = network.dropout_input(network.word_dropout(words))
        else:
            data = self._embedding(words) if self._residual[0] else None
        gates = self._read[0](words)
        new_states: list[Tensor] = []
        for layer in range(network.depth):
            if layer:
                inner = network.norms[layer - 1](network.dropout_layers(data))
                gates = self._read[layer](inner)
            before = states[len(new_states) : len(new_states) + self._state_parts]
            if layer < len(self._steps):
                results = self._steps[layer](gates, before)
            else:
                results = self._given_step(gates, cast(Tensor, recurrent), before)
            after = results[-self._state_parts :]
            if any(network.zoneouts):
                after = zoneout(before, after, network.zoneouts, network.training)
            new_states += after
            output = after[0] if network.cell.carries_output else results[0]
            data = output + cast(Tensor, data) if self._residual[layer] else output
        return network.dropout_output(data), tuple(new_states)
