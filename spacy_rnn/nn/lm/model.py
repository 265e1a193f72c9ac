"""Recurrent language models."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...checks import check_at_least, check_count
from ..batch.segments import segment_ids
from ..dropout import LockedDropout, WeightDrop
from ..init import make_embedding
from ..kernels.linear import Linear
from ..kernels.prepared import PreparedModule
from ..loss import cross_entropy
from ..rnn.cells.base import State
from ..rnn.network import RecurrentNetwork
from ..rnn.settings import RecurrentSettings
from .neural_cache import NeuralCache

TAIL_FACTOR = 4
"""The factor by which the features decrease from each cluster of the adaptive softmax to the next
one, of rarer entries."""


class LanguageModel(PreparedModule):
    """A recurrent language model (Mikolov et al. 2010).

    It predicts each piece of a text from those before it.

    The regularisation is that of AWD-LSTM (Merity et al. 2018): locked dropout, dropout of
    recurrent weights (`weight_drop`) and of embeddings, and activation regularisation (AR, TAR).

    pieces (int): Entries of the vocabulary.
    embed_width (int): Features of each embedding.
    network (RecurrentSettings): The recurrent network, of one direction. Dropout on its output is
        applied to the input of the softmax; the temporal penalty and the cache see the output
        without it.
    tied_softmax (bool): Whether the softmax has the embeddings as its weights (Press & Wolf 2017).
        Where the network has another width, its output is projected to theirs.
    cutoffs (Sequence[int]): Ranks in the vocabulary, the most frequent entries first, where the
        adaptive softmax begins another cluster of rarer entries (Grave et al. 2017). None for the
        full softmax.
    dropout_embedding (float): Share of the vocabulary whose embeddings are dropped in a step
        (Gal & Ghahramani 2016).
    activation_reg (float): The weight of the mean square of the output (AR).
    temporal_activation_reg (float): The weight of the mean square of the difference of successive
        outputs (TAR), added up over pieces as the loss is.
    cache (NeuralCache | None): The neural cache, used in prediction.
    RAISES (ValueError): If a setting is out of its bounds or does not fit another one.
    """

    def __init__(
        self,
        pieces: int,
        *,
        embed_width: int,
        network: RecurrentSettings,
        tied_softmax: bool = True,
        cutoffs: Sequence[int] = (),
        dropout_embedding: float = 0.0,
        activation_reg: float = 0.0,
        temporal_activation_reg: float = 0.0,
        cache: NeuralCache | None = None,
    ):
        super().__init__()
        width = network.width
        if network.bidirectional:
            raise ValueError(
                "A language model that reads in two directions would see the piece that it is to "
                "predict: set bidirectional of its network to false or null; for features from "
                'both sides train two components, one with direction = "backward"'
            )
        _check_settings(
            embed_width, width, tied_softmax, cutoffs, activation_reg, temporal_activation_reg
        )
        self.activation_reg = activation_reg
        self.temporal_activation_reg = temporal_activation_reg
        self.cache = cache
        self.embedding = make_embedding(pieces, embed_width)
        self.dropout_embedding = WeightDrop(dropout_embedding)
        self.network = RecurrentNetwork(
            embed_width, replace(network, bidirectional=False, dropout_output=0.0)
        )
        self.dropout_output = LockedDropout(network.dropout_output)
        self.projection = (
            Linear(width, embed_width) if tied_softmax and width != embed_width else None
        )
        # A vocabulary that ends before the first cutoff has no rare entries.
        cutoffs = [cutoff for cutoff in cutoffs if cutoff < pieces]
        self.tied_softmax = tied_softmax
        self.adaptive = (
            nn.AdaptiveLogSoftmaxWithLoss(width, pieces, cutoffs, TAIL_FACTOR, head_bias=True)
            if cutoffs
            else None
        )
        if not cutoffs:
            if not tied_softmax:
                self.output = nn.Parameter(torch.empty(pieces, width))
                nn.init.normal_(self.output, std=width**-0.5)
            self.output_bias = nn.Parameter(torch.zeros(pieces))

    @property
    def output_weight(self) -> Tensor:
        """Tensor: The weights of the full softmax, a row for each piece, `(pieces, width)`."""
        return self.embedding.weight if self.tied_softmax else self.output

    def start(self, batch: int, cache_capacity: int = 0) -> State:
        """Return the states before the first piece.

        batch (int): Texts.
        cache_capacity (int): Entries that there is room for in the cache, if there is one.
        RETURNS (State): The states of the network and, in prediction, of the cache if there is
            one: each `(any, batch, any)`.
        """
        states = self.network.start(batch)
        if self.cache is None or self.training:
            return states
        return *states, *self.cache.start(batch, states[0], cache_capacity)

    def gather(self, states: Sequence[State | None]) -> State:
        """Batch the states of segments.

        states (Sequence[State | None]): The state of each, every part without a batch dimension.
            None at the beginning of a text.
        RETURNS (State): The states of all.
        """
        if not states:
            return self.start(0)
        capacity = max((len(state[-1]) for state in states if state is not None), default=0)
        new = tuple(part[:, 0] for part in self.start(1, capacity))
        grown = [new if state is None else self._grow(state, capacity) for state in states]
        return tuple(torch.stack(part, 1) for part in zip(*grown, strict=True))

    def _grow(self, state: State, capacity: int) -> State:
        """Make room in the cache, if the state has one."""
        parts = len(self.network.cell.state_parts)
        if self.cache is None or len(state) == parts:
            return state
        return *state[:parts], *self.cache.grow(state[parts:], capacity)

    def forward(
        self, pieces: Tensor, targets: Tensor, lengths: Tensor, state: State, fresh: Tensor
    ) -> tuple[Tensor, Tensor, State]:
        """Predict the pieces of segments of text.

        pieces (Tensor): The piece before each target, of all segments, `(pieces,)`.
        targets (Tensor): The pieces to predict, `(pieces,)`.
        lengths (Tensor): The pieces of each segment, `(batch,)`, on the CPU.
        state (State): The states before the segments.
        fresh (Tensor): Booleans, true for segments that start from the initial state instead,
            `(batch,)`.
        RETURNS (tuple[Tensor, Tensor, State]): The loss, the sum of the negative log-likelihoods
            and the penalties; the negative log-likelihood of each target, without gradients,
            `(pieces,)`; and the states after the segments, without gradients.
        """
        hidden, state = self.read(pieces, lengths, state, fresh)
        dropped = self.dropout_output(hidden, lengths)
        loss, surprisals = self._nll(self._read_out(dropped), targets)
        if self.cache is not None and not self.training:
            log_probs, state = self.remember(-surprisals, hidden, targets, lengths, state)
            surprisals = -log_probs
            loss = surprisals.sum()
        if self.training and len(pieces):
            if self.activation_reg:
                loss = loss + self.activation_reg * len(pieces) * dropped.pow(2).mean()
            if self.temporal_activation_reg:
                loss = loss + self.temporal_activation_reg * _change(hidden, lengths)
        return loss, surprisals, tuple(part.detach() for part in state)

    def read(
        self, pieces: Tensor, lengths: Tensor, state: State, fresh: Tensor
    ) -> tuple[Tensor, State]:
        """Read segments of text.

        pieces (Tensor): The pieces of all segments, `(pieces,)`.
        lengths (Tensor): The pieces of each segment, `(batch,)`, on the CPU.
        state (State): The states before the segments.
        fresh (Tensor): Booleans, true for segments that start from the initial state instead,
            `(batch,)`.
        RETURNS (tuple[Tensor, State]): The output of the network at each piece, `(pieces, width)`,
            and the states after the segments.
        """
        is_fresh = fresh[None, :, None]
        start = self.start(len(lengths), len(state[-1]))
        state = tuple(
            torch.where(is_fresh, new, old.to(new.dtype))
            for new, old in zip(start, state, strict=True)
        )
        weight = self.embedding.weight
        if self.training and self.dropout_embedding.rate:
            # One draw for the whole step: an entry is dropped wherever it occurs.
            weight = weight * self.dropout_embedding(weight.new_ones(len(weight), 1))
        parts = len(self.network.cell.state_parts)
        hidden, after = self.network(functional.embedding(pieces, weight), lengths, state[:parts])
        return hidden, (*after, *state[parts:])

    def remember(
        self, log_probs: Tensor, hidden: Tensor, targets: Tensor, lengths: Tensor, state: State
    ) -> tuple[Tensor, State]:
        """Interpolate log-probabilities with those of the cache, if any, and cache the targets.

        log_probs (Tensor): The log-probability of each target by the network, `(pieces,)`.
        hidden (Tensor): The output of the network before each target, `(pieces, width)`.
        targets (Tensor): The targets, `(pieces,)`.
        lengths (Tensor): The targets of each segment, `(batch,)`, on the CPU.
        state (State): The states of the network after the targets, and of the cache before them.
        RETURNS (tuple[Tensor, State]): The interpolated log-probabilities, `(pieces,)`, and the
            states after the targets.
        """
        if self.cache is None:
            return log_probs, state
        log_probs, cache_state = self.cache.read(log_probs, hidden, targets, lengths, state[-2:])
        return log_probs, (*state[:-2], *cache_state)

    def encode(self, pieces: Tensor, lengths: Tensor, rows: Tensor) -> Tensor:
        """Encode whole texts as contextual vectors of their words.

        pieces (Tensor): The pieces of all texts, `(pieces,)`.
        lengths (Tensor): The pieces of each text, `(batch,)`, on the CPU.
        rows (Tensor): The piece after which each word is complete, `(words,)`.
        RETURNS (Tensor): The hidden state of the last layer there, `(words, width)`.
        """
        hidden = self.read_texts(pieces, lengths)
        return self.dropout_output(hidden, lengths).index_select(0, rows)

    def distill(self, pieces: Tensor, lengths: Tensor, expected: Tensor) -> Tensor:
        """Compute the divergence from other predictions of the next pieces (Hinton et al. 2015).

        pieces (Tensor): The piece before each that is predicted, of whole texts, `(pieces,)`.
        lengths (Tensor): The pieces of each text, `(batch,)`, on the CPU.
        expected (Tensor): The log-probabilities of the other one, `(pieces, vocabulary)`.
        RETURNS (Tensor): The sum of the Kullback-Leibler divergences.
        """
        log_probs = self.log_probs(self.dropout_output(self.read_texts(pieces, lengths), lengths))
        return functional.kl_div(log_probs, expected, reduction="sum", log_target=True)

    def read_texts(self, pieces: Tensor, lengths: Tensor) -> Tensor:
        """Read whole texts.

        pieces (Tensor): The pieces of all texts, `(pieces,)`.
        lengths (Tensor): The pieces of each text, `(batch,)`, on the CPU.
        RETURNS (Tensor): The output of the network at each piece, `(pieces, width)`.
        """
        batch = len(lengths)
        fresh = torch.ones(batch, dtype=torch.bool, device=pieces.device)
        return self.read(pieces, lengths, self.start(batch), fresh)[0]

    def _read_out(self, hidden: Tensor) -> Tensor:
        return hidden if self.projection is None else self.projection(hidden)

    def _nll(self, readout: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if self.adaptive is None:
            return cross_entropy(readout, self.output_weight, self.output_bias, targets)
        if not len(targets):
            return readout.sum(), readout.new_zeros(0)
        surprisals = -self.adaptive(readout, targets).output
        return surprisals.sum(), surprisals.detach()

    def log_probs(self, hidden: Tensor) -> Tensor:
        """Compute next-piece log-probabilities.

        hidden (Tensor): The output of the network at the last piece, `(batch, width)`.
        RETURNS (Tensor): The log-probabilities of all pieces, `(batch, pieces)`.
        """
        readout = self._read_out(hidden)
        if self.adaptive is not None:
            return self.adaptive.log_prob(readout)
        scores = self.prepared.linear([self.output_weight], [self.output_bias])(readout)
        return scores.float().log_softmax(dim=1)


def _change(hidden: Tensor, lengths: Tensor) -> Tensor:
    """Return the sum over segments of the mean square of the difference of successive outputs.

    A mean over all of them would weigh each differently from one batch to another.
    """
    segment = segment_ids(lengths, hidden.device)
    steps = (hidden[1:] - hidden[:-1])[segment[1:] == segment[:-1]]
    return steps.pow(2).sum() / hidden.shape[1]


def _check_settings(
    embed_width: int,
    width: int,
    tied_softmax: bool,
    cutoffs: Sequence[int],
    activation_reg: float,
    temporal_activation_reg: float,
) -> None:
    check_count("embed_width", embed_width, 1)
    check_at_least("activation_reg", activation_reg, 0)
    check_at_least("temporal_activation_reg", temporal_activation_reg, 0)
    if cutoffs and tied_softmax:
        raise ValueError(
            f"The adaptive softmax has weights of its own for each cluster of the vocabulary, so "
            f"that they cannot be tied to the embeddings: with cutoffs = {list(cutoffs)}, set "
            f"tied_softmax to false"
        )
    if list(cutoffs) != sorted(set(cutoffs)) or min(cutoffs, default=1) < 1:
        raise ValueError(
            f"cutoffs are {list(cutoffs)}, but have to be numbers of entries above 0 that grow, "
            f"such as [2000, 10000]"
        )
    if cutoffs and width < TAIL_FACTOR ** len(cutoffs):
        raise ValueError(
            f"Each cluster of rare entries has a quarter of the features of the one before it: "
            f"{len(cutoffs)} cutoffs need a width of at least {TAIL_FACTOR ** len(cutoffs)}, but "
            f"width is {width}"
        )
