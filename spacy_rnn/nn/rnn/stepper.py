"""A recurrent network, read one word at a time."""

from typing import TYPE_CHECKING, cast

from torch import Tensor, nn

from ..dropout import zoneout
from ..kernels.linear import prepare_linear
from ..kernels.lookup import lookup
from .cells import STEPS, LayerStates

if TYPE_CHECKING:
    from .layer import DirectionalLayer
    from .network import RecurrentNetwork


class Stepper:
    """Read one more word of each sequence, from the start, and then another one.

    What does not depend on the word is done once for all of them: matrices are prepared, and in
    training weights are dropped. Other dropout is drawn anew for each word.

    network (RecurrentNetwork): The network.
    embedding (nn.Embedding | None): The vocabulary that words are entries of, in prediction. None
        where they come as vectors.
    given (bool): Whether each call is given what the recurrent matrix of the last layer makes of
        its hidden state, because something else multiplies that too.
    RAISES (ValueError): If the network reads in two directions.
    """

    def __init__(
        self,
        network: "RecurrentNetwork",
        embedding: nn.Embedding | None = None,
        given: bool = False,
    ):
        if network.directions == 2:
            raise ValueError(
                "A network that reads in two directions needs whole sequences: set "
                "bidirectional to false to read word by word"
            )
        self._network = network
        self._parts = len(network.zoneouts)
        self._step = STEPS[network.cell]
        weights = [cast("DirectionalLayer", each).weights() for each in network.layers]
        first, _, first_bias, _ = weights[0]
        self._adds = [network.residual] * network.depth
        self._adds[0] = network.residual and network.inputs == network.width
        self._embedding = embedding
        if embedding is None:
            self._read_first = prepare_linear([first], [first_bias], quantize=False)
        else:
            self._read_first = lookup(embedding, first, first_bias)
        self._read = [prepare_linear([matrix], [bias]) for matrix, _, bias, _ in weights[1:]]
        own = weights[:-1] if given else weights
        self._recur = [prepare_linear([matrix], [bias]) for _, matrix, _, bias in own]

    def __call__(
        self, words: Tensor, states: LayerStates, recurrent: Tensor | None = None
    ) -> tuple[Tensor, LayerStates]:
        """Read a word of each sequence.

        words (Tensor): The words: vectors, `(batch, inputs)`, or entries of the vocabulary,
            `(batch,)`.
        states (LayerStates): The states before it.
        recurrent (Tensor | None): What the recurrent matrix of the last layer makes of its hidden
            state, if that is given: `(batch, gates * hidden)`.
        RETURNS (tuple[Tensor, LayerStates]): The output at the word, `(batch, width)`, and the
            states after it.
        """
        network = self._network
        if self._embedding is None:
            data = words = network.dropout_input(network.word_dropout(words))
        else:
            data = self._embedding(words) if self._adds[0] else None
        gates = self._read_first(words)
        after: list[Tensor] = []
        for layer in range(network.depth):
            if layer:
                inner = network.norms[layer - 1](network.dropout_layers(data))
                gates = self._read[layer - 1](inner)
            before = states[len(after) : len(after) + self._parts]
            own = self._recur[layer](before[0]) if layer < len(self._recur) else recurrent
            now = self._step(gates, cast(Tensor, own), before)
            if any(network.zoneouts):
                now = zoneout(before, now, network.zoneouts, network.training)
            after += now
            data = now[0] + cast(Tensor, data) if self._adds[layer] else now[0]
        return network.dropout_output(data), tuple(after)
