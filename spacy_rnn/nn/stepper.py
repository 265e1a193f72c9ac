"""A recurrent network, read one word at a time."""

from typing import TYPE_CHECKING, cast

from torch import Tensor, nn

from .cells import STEPS, State
from .lookup import lookup
from .products import multiplier
from .regularize import zoneout

if TYPE_CHECKING:
    from .recurrence import Recurrence
    from .recurrent import RecurrentNetwork


class Stepper:
    """Read one more word of each sequence, from the start, and then another one.

    What does not depend on the word is done once for all of them: matrices are prepared, and in
    training weights are dropped. Other dropout is drawn anew for each word.

    network (RecurrentNetwork): The network.
    embedding (nn.Embedding | None): The vocabulary that words are entries of. None where they
        come as vectors.
    RAISES (ValueError): If the network reads in two directions.
    """

    def __init__(self, network: "RecurrentNetwork", embedding: nn.Embedding | None = None):
        if network.directions == 2:
            raise ValueError(
                "A network that reads in two directions needs whole sequences: set "
                "bidirectional to false to read word by word"
            )
        recurrences = [cast("Recurrence", each) for each in network.recurrences]
        self._network = network
        self._parts = len(network.zoneouts)
        self._step = STEPS[network.cell]
        self._embedding = embedding
        self._look_up = None
        if embedding is not None and not network.training:  # No noise before the gates.
            first = recurrences[0]
            self._look_up = lookup(embedding, first.weight_ih, first.bias_ih)
        weights = [each.weights() for each in recurrences]
        self._read = [multiplier([matrix], [bias]) for matrix, _, bias, _ in weights]
        self._recur = [multiplier([matrix], [bias]) for _, matrix, _, bias in weights]
        self._adds = [network.residual] * network.depth
        self._adds[0] = network.residual and network.inputs == network.width

    def __call__(
        self, words: Tensor, states: State, recurrent: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Read a word of each sequence.

        words (Tensor): The words: vectors, `(batch, inputs)`, or entries of the vocabulary,
            `(batch,)`.
        states (State): The states before it, layer by layer: of each the hidden state and, for an
            LSTM, the cell state, `(batch, hidden)`.
        recurrent (Tensor | None): What the recurrent matrix of the last layer makes of its hidden
            state, `(batch, gates * hidden)`, where that is known already.
        RETURNS (tuple[Tensor, State]): The output at the word, `(batch, width)`, and the states
            after it.
        """
        network = self._network
        data, gates = self._enter(words)
        after: list[Tensor] = []
        for layer, recur in enumerate(self._recur):
            if layer:
                inner = network.norms[layer - 1](network.dropout_layers(data))
                gates = self._read[layer](inner)
            before = states[len(after) : len(after) + self._parts]
            known = recurrent if layer == len(self._recur) - 1 else None
            now = self._step(gates, recur(before[0]) if known is None else known, before)
            if any(network.zoneouts):
                now = zoneout(before, now, network.zoneouts, network.training)
            after += now
            data = now[0] + data if self._adds[layer] else now[0]
        return network.dropout_output(data), tuple(after)

    def _enter(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Give the words as vectors, where these are added to anything, and the gates of the
        first layer."""
        if self._look_up is not None and not self._adds[0]:
            return words, self._look_up(words)
        data = words if self._embedding is None else self._embedding(words)
        if self._look_up is not None:
            return data, self._look_up(words)
        data = self._network.dropout_input(self._network.word_dropout(data))
        return data, self._read[0](data)
