"""A recurrent network, read one word at a time."""

from collections.abc import Callable
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
    told (bool): Whether each call says what the recurrent matrix of the last layer makes of its
        hidden state, because something else multiplies that too.
    RAISES (ValueError): If the network reads in two directions.
    """

    def __init__(
        self,
        network: "RecurrentNetwork",
        embedding: nn.Embedding | None = None,
        told: bool = False,
    ):
        if network.directions == 2:
            raise ValueError(
                "A network that reads in two directions needs whole sequences: set "
                "bidirectional to false to read word by word"
            )
        self._network = network
        self._parts = len(network.zoneouts)
        self._step = STEPS[network.cell]
        weights = [cast("Recurrence", each).weights() for each in network.recurrences]
        self._enter = _prepare_entrance(network, embedding)
        self._read = [multiplier([matrix], [bias]) for matrix, _, bias, _ in weights[1:]]
        own = weights[:-1] if told else weights
        self._recur = [multiplier([matrix], [bias]) for _, matrix, _, bias in own]

    def __call__(
        self, words: Tensor, states: State, recurrent: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Read a word of each sequence.

        words (Tensor): The words: vectors, `(batch, inputs)`, or entries of the vocabulary,
            `(batch,)`.
        states (State): The states before it, layer by layer: of each the hidden state and, for an
            LSTM, the cell state, `(batch, hidden)`.
        recurrent (Tensor | None): What the recurrent matrix of the last layer makes of its hidden
            state, if that is told: `(batch, gates * hidden)`.
        RETURNS (tuple[Tensor, State]): The output at the word, `(batch, width)`, and the states
            after it.
        """
        network = self._network
        data, gates = self._enter(words)
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
            adds = network.residual and (layer or _adds_words(network))
            data = now[0] + data if adds else now[0]
        return network.dropout_output(data), tuple(after)


def _adds_words(network: "RecurrentNetwork") -> bool:
    return network.residual and network.inputs == network.width


def _prepare_entrance(
    network: "RecurrentNetwork", embedding: nn.Embedding | None
) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """Prepare what gives words as vectors, where these are added to anything, and the gates of the
    first layer."""
    matrix, _, bias, _ = network.first.weights()
    if embedding is not None and not network.training:
        look_up = lookup(embedding, matrix, bias)
        if _adds_words(network):
            return lambda words: (embedding(words), look_up(words))
        return lambda words: (words, look_up(words))
    embed, read = embedding or nn.Identity(), multiplier([matrix], [bias])

    def enter(words: Tensor) -> tuple[Tensor, Tensor]:
        data = network.dropout_input(network.word_dropout(embed(words)))
        return data, read(data)

    return enter
